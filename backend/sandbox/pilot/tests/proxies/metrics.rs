//! Istio's metrics of calls that go wrong: which flag, which destination, which source each of them shows.

use crate::bench::{Bench, get};
use crate::envoy_filter::{bucket, filter, insert};
use crate::observed::Observed;
use crate::rules;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const WEB: &str = "10.96.0.10:9080";

async fn observed() -> (Observed, Bench) {
    let observed = Observed::start().await;
    let bench = crate::two_versions_with(observed.bench().await).await;
    observed.know(&bench);
    (observed, bench)
}

async fn call(bench: &Bench, headers: &[&str]) -> u16 {
    bench.call("client", WEB, &get("/", "web:9080", headers)).await.status
}

/// Opens a connection through the client's sidecar to this address, and sends a text.
async fn open(bench: &Bench, to: &str, text: &str) -> TcpStream {
    let client = &bench.pods["client"];
    let (address, port) = to.split_once(':').expect("address:port");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, client.ports["15001"])).await.expect("a proxy");
    let opening = format!("PROXY TCP4 {} {address} 40000 {port}\r\n{text}", client.ip);
    stream.write_all(opening.as_bytes()).await.expect("written");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_shows_its_flag() {
    let (observed, mut bench) = observed().await;
    let limits = "spec: {host: web, subsets: [{name: gone, labels: {version: v9}}, {name: narrow, labels: \
        {version: v1}, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}, http: \
        {http1MaxPendingRequests: 1, maxRequestsPerConnection: 1}}}}]}";
    bench.apply(&format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: web, namespace: \
            demo}}\n{limits}\n"
    ));
    let to = |subset: &str| format!("route: [{{destination: {{host: web, subset: {subset}}}}}]");
    let route = "route: [{destination: {host: web}}]";
    let case =
        |name: &str, rule: &str| format!("{{match: [{{headers: {{case: {{exact: {name}}}}}}}], {rule}}}");
    bench.apply(&rules(&format!(
        "[{}, {}, {}, {}, {}, {}, {}]",
        case("overflow", &to("narrow")),
        case("late", &format!("timeout: 0.3s, retries: {{attempts: 0}}, {route}")),
        case("again", &format!("retries: {{attempts: 2, retryOn: '503'}}, {route}")),
        case("gone", &to("gone")),
        case("abort", &format!("fault: {{abort: {{percentage: {{value: 100}}, httpStatus: 418}}}}, {route}")),
        case(
            "delay",
            &format!("fault: {{delay: {{percentage: {{value: 100}}, fixedDelay: 0.1s}}}}, {route}")
        ),
        case("fine", route),
    )));
    bench.settle().await;
    let slow = ["case: overflow", "sleep-ms: 1500"];
    let at_once = futures::future::join_all((0..4).map(|_| call(&bench, &slow))).await;
    assert!(at_once.contains(&503) && at_once.contains(&200), "{at_once:?}");
    for (case, header, status) in [
        ("late", "sleep-ms: 2000", 504),
        ("again", "answer-with: 503", 503),
        ("gone", "x: y", 503),
        ("abort", "x: y", 418),
        ("delay", "x: y", 200),
        ("nowhere", "x: y", 404),
    ] {
        assert_eq!(call(&bench, &[&format!("case: {case}"), header]).await, status, "{case}");
    }
    // The user goes away before the answer.
    let request = get("/", "web:9080", &["case: fine", "sleep-ms: 1500"]);
    let stream = open(&bench, WEB, &request).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(stream);
    let by = "by (response_code, response_flags, destination_service_name, request_protocol)";
    let row = |code: u16, flags: &str| {
        format!(
            "destination_service_name=web,request_protocol=http,response_code={code},response_flags={flags} "
        )
    };
    let wanted = [
        row(503, "UO"),
        row(504, "UT"),
        row(503, "URX"),
        row(503, "UH"),
        row(418, "FI"),
        row(200, "DI"),
        row(404, "NR"),
        row(0, "DC"),
    ];
    observed
        .until(&format!("sum {by} (istio_requests_total{{reporter=\"source\"}})"), |rows| {
            wanted.iter().all(|wanted| rows.iter().any(|row| row.starts_with(wanted.as_str())))
        })
        .await;

    // A limit at the callee is the callee's word.
    bench.delete("VirtualService", "demo", "web");
    let limit = insert("SIDECAR_INBOUND", "INSERT_BEFORE", "", &bucket(1, "600s"));
    bench.apply(&filter("limit", "workloadSelector: {labels: {app: web}},", &format!("[{limit}]")));
    bench.settle().await;
    let limited = async { while call(&bench, &[]).await != 429 {} };
    tokio::time::timeout(crate::bench::PATIENCE, limited).await.expect("the limit holds");
    observed
        .until(
            "sum by (reporter, response_code, response_flags) (istio_requests_total{response_code=\"429\"})",
            |rows| {
                rows.iter()
                    .any(|row| row.starts_with("reporter=destination,response_code=429,response_flags=RL "))
                    && rows
                        .iter()
                        .any(|row| row.starts_with("reporter=source,response_code=429,response_flags=- "))
            },
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_and_a_grpc_call() {
    let (observed, mut bench) = observed().await;
    let collector = Observed::start().await;
    let nobody = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .expect("a port")
        .local_addr()
        .expect("it")
        .port();
    for (name, ip, port, protocol) in [
        ("refused", 77, nobody, "http"),
        ("grpc", 78, collector.telemetry.otlp_addr().tcp().expect("a port").port(), "grpc"),
    ] {
        bench.apply(&format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: demo}}\nspec: {{clusterIP: \
                10.96.0.{ip}, selector: {{app: {name}}}, ports: [{{name: {protocol}, port: 80{ip}, \
                targetPort: 80{ip}}}]}}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: demo, labels: {{app: {name}}}, \
             annotations: {{sandbox.binnacle.dev/ports: '{{\"80{ip}\": {port}}}'}}}}\n\
             spec: {{containers: []}}\nstatus: {{podIP: 10.244.9.{ip}, phase: Running}}\n"
        ));
    }
    bench.settle().await;
    let refused = bench.call("client", "10.96.0.77:8077", &get("/", "refused:8077", &[])).await;
    assert_eq!(refused.status, 503);
    observed
        .until(
            "sum by (response_code, response_flags) \
            (istio_requests_total{destination_service_name=\"refused\"})",
            |rows| rows == ["response_code=503,response_flags=URX,UF 1"],
        )
        .await;

    // An empty message to a service that is there, and one to a method that is not.
    for method in ["opentelemetry.proto.collector.trace.v1.TraceService/Export", "nobody.Service/Nothing"] {
        let request = format!(
            "POST /{method} HTTP/1.1\r\nhost: grpc:8078\r\ncontent-type: application/grpc\r\nte: \
                trailers\r\ncontent-length: 5\r\nconnection: close\r\n\r\n\0\0\0\0\0"
        );
        assert_eq!(bench.call("client", "10.96.0.78:8078", &request).await.status, 200);
    }
    let by = "by (request_protocol, grpc_response_status, response_code, destination_service_name)";
    let row = |status: u8| {
        format!(
            "destination_service_name=grpc,grpc_response_status={status},request_protocol=grpc,response_code=200 1"
        )
    };
    let query = format!("sum {by} (istio_requests_total{{destination_service_name=\"grpc\"}})");
    observed.until(&query, |rows| rows == [row(0), row(12)]).await;
    for direction in ["request", "response"] {
        let query = format!("sum by (grpc_response_status) (istio_{direction}_messages_total) > 0");
        observed.until(&query, |rows| rows.contains(&"grpc_response_status=0 1".to_owned())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_unknown_destinations() {
    let (observed, mut bench) = observed().await;
    // Without a sidecar: plain text, and nobody knows from whom.
    assert_eq!(bench.plain("web-v1", 9080, &get("/", "web:9080", &[])).await.expect("an answer").status, 200);
    let by = "by (reporter, source_workload, source_principal, source_app, destination_workload, \
        destination_service_name, connection_security_policy)";
    observed
        .until(&format!("sum {by} (istio_requests_total)"), |rows| {
            rows == ["connection_security_policy=none,destination_service_name=web,destination_workload=web-v1,reporter=destination,source_app=unknown,source_principal=unknown,source_workload=unknown 1"]
        })
        .await;

    // What no service is known for passes; under REGISTRY_ONLY it falls into the black hole.
    let server = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let outside = format!("127.0.0.1:{}", server.local_addr().expect("it").port());
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = server.accept().await {
            // Read first: a connection that is closed with something unread is reset, and the answer lost.
            stream.read_exact(&mut [0; 2]).await.ok();
            stream.write_all(b"hello").await.ok();
        }
    });
    let mut answer = String::new();
    open(&bench, &outside, "hi").await.read_to_string(&mut answer).await.ok();
    assert_eq!(answer, "hello");
    bench.apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  \
        mesh: 'outboundTrafficPolicy: {mode: REGISTRY_ONLY}'\n",
    );
    bench.settle().await;
    let mut nothing = Vec::new();
    open(&bench, &outside, "hi").await.read_to_end(&mut nothing).await.ok();
    assert!(nothing.is_empty(), "{nothing:?}");
    let blocked = bench.call("client", WEB, &get("/", "elsewhere.example", &[])).await;
    assert_eq!(blocked.status, 502);
    serving.abort();
    observed
        .until(
            "sum by (destination_service_name, destination_workload) \
                (istio_tcp_connections_closed_total{reporter=\"source\"})",
            |rows| {
                rows == [
                    "destination_service_name=BlackHoleCluster,destination_workload=unknown 1",
                    "destination_service_name=PassthroughCluster,destination_workload=unknown 1",
                ]
            },
        )
        .await;
    observed
        .until(
            "sum by (destination_service_name, destination_service, response_code) \
                (istio_requests_total{response_code=\"502\"})",
            |rows| {
                rows == ["destination_service=elsewhere.example,destination_service_name=BlackHoleCluster,response_code=502 1"]
            },
        )
        .await;
}
