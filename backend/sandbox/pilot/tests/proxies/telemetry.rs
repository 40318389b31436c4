//! Telemetry resources: spans, log lines and metrics stop, change and go elsewhere as they say.

use crate::bench::{Bench, get};
use crate::observed::{Observed, about, tag};

const WEB: &str = "10.96.0.10:9080";

async fn observed() -> (Observed, Bench) {
    let observed = Observed::start().await;
    let bench = crate::two_versions_with(observed.bench().await).await;
    observed.know(&bench);
    (observed, bench)
}

/// A Telemetry; `spec` in one line.
fn telemetry(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {{name: {name}, namespace: \
            {namespace}}}\nspec: {spec}\n"
    )
}

/// The mesh's settings.
fn mesh(text: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: \
            |\n    {text}\n"
    )
}

async fn call(bench: &Bench, path: &str, headers: &[&str]) -> u16 {
    bench.call("client", WEB, &get(path, "web:9080", headers)).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_are_sampled_tagged_and_stopped() {
    let (observed, mut bench) = observed().await;
    bench.apply(&telemetry("istio-system", "mesh", "{tracing: [{randomSamplingPercentage: 50}]}"));
    bench.settle().await;
    for _ in 0..200 {
        assert_eq!(call(&bench, "/half", &[]).await, 200);
    }
    // Spans are reported in the order of their requests. That none of these has one happens once in a million
    // runs.
    for _ in 0..20 {
        assert_eq!(call(&bench, "/half-is-over", &[]).await, 200);
    }
    observed.span("client", "/half-is-over").await;
    let sampled = observed
        .spans("client")
        .await
        .iter()
        .filter(|span| about(span, "/half") && !about(span, "over"))
        .count();
    println!("randomSamplingPercentage 50: {sampled} of 200 requests have a span");
    // 50 % of 200, give or take 4.5 standard deviations.
    assert!((68..=132).contains(&sampled), "{sampled}");

    bench.apply(&telemetry(
        "demo",
        "own",
        "{tracing: [{randomSamplingPercentage: 100, customTags: {team: {literal: {value: shop}}, user: \
            {header: {name: end-user, \
         defaultValue: nobody}}, zone: {environment: {name: BINNACLE_HAS_NO_SUCH, defaultValue: \
         nowhere}}}}]}",
    ));
    bench.settle().await;
    assert_eq!(call(&bench, "/tagged", &["end-user: jason"]).await, 200);
    let span = observed.span("client", "/tagged").await;
    let tags = ["team", "user", "zone", "istio.canonical_service"].map(|key| tag(&span, key));
    println!("customTags: {tags:?}");
    assert_eq!(tags, [Some("shop"), Some("jason"), Some("nowhere"), Some("client")]);

    bench.apply(&telemetry(
        "demo",
        "quiet",
        "{selector: {matchLabels: {app: client}}, tracing: [{match: {mode: CLIENT}, disableSpanReporting: \
            true}, {enableIstioTags: false}]}",
    ));
    bench.settle().await;
    assert_eq!(call(&bench, "/quiet", &[]).await, 200);
    let span = observed.span("web", "/quiet").await;
    assert_eq!(tag(&span, "istio.canonical_service"), Some("web"), "only the client's are turned off");
    bench.delete("Telemetry", "demo", "quiet");
    bench.settle().await;
    assert_eq!(call(&bench, "/loud", &[]).await, 200);
    observed.span("client", "/loud").await;
    let quiet = observed.spans("client").await.iter().filter(|span| about(span, "/quiet")).count();
    println!("disableSpanReporting for the client: its spans of /quiet: {quiet}, of /loud: 1");
    assert_eq!(quiet, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_filtered_and_stopped() {
    let (_observed, mut bench) = observed().await;
    bench.apply(&telemetry(
        "istio-system",
        "mesh",
        "{accessLogging: [{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}}]}",
    ));
    bench.settle().await;
    assert_eq!(call(&bench, "/fine", &[]).await, 200);
    assert_eq!(call(&bench, "/sick", &["answer-with: 503"]).await, 503);
    println!("{}", bench.log_line("client", "/sick").await);
    assert!(!bench.logs("client").contains("/fine"), "{}", bench.logs("client"));

    // The namespace's word goes before the mesh's: callers log nothing, callees everything.
    bench.apply(&telemetry(
        "demo",
        "own",
        "{accessLogging: [{match: {mode: CLIENT}, disabled: true}, {match: {mode: SERVER}, disabled: \
            false}]}",
    ));
    bench.settle().await;
    let lines = async {
        loop {
            // Connections between the proxies that were open before end within moments, and with them the old
            // settings.
            assert_eq!(call(&bench, "/server-only", &[]).await, 200);
            let all = bench.logs("web-v1") + &bench.logs("web-v2");
            if let Some(line) = all.lines().find(|line| line.contains("/server-only")) {
                return line.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
    };
    println!("{}", tokio::time::timeout(crate::bench::PATIENCE * 2, lines).await.expect("the callee's line"));
    bench.delete("Telemetry", "demo", "own");
    bench.delete("Telemetry", "istio-system", "mesh");
    bench.settle().await;
    assert_eq!(call(&bench, "/everything", &[]).await, 200);
    bench.log_line("client", "/everything").await;
    assert!(!bench.logs("client").contains("/server-only"), "{}", bench.logs("client"));

    // JSON by a provider of the mesh, for one workload; what no Envoy can evaluate is said and filters
    // nothing.
    bench.apply(&mesh(
        "extensionProviders: [{name: short, envoyFileAccessLog: {logFormat: {labels: {what: \
        '%REQ(:PATH)%', code: '%RESPONSE_CODE%'}}}}]",
    ));
    bench.apply(&telemetry(
        "demo",
        "own",
        "{selector: {matchLabels: {app: client}}, accessLogging: [{providers: [{name: short}, {name: \
            absent}], filter: {expression: 'string(response.code) == \"200\"'}}]}",
    ));
    bench.settle().await;
    assert_eq!(call(&bench, "/as-json", &["answer-with: 404"]).await, 404);
    let line = bench.log_line("client", "/as-json").await;
    println!("{line}");
    let read: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(read, serde_json::json!({"what": "/as-json", "code": 404}));
    let said = bench.debug("/debug/untranslatedz").await.to_string();
    println!("{said}");
    assert!(said.contains("provider absent is not among the mesh's extensionProviders"), "{said}");
    assert!(said.contains("a stock Envoy has no function string"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_their_tags_go_and_come() {
    let (observed, mut bench) = observed().await;
    bench.apply(&telemetry(
        "istio-system",
        "mesh",
        "{metrics: [{overrides: [\
          {match: {metric: REQUEST_SIZE}, disabled: true}, \
          {match: {metric: REQUEST_DURATION, mode: CLIENT}, disabled: true}, \
          {match: {metric: REQUEST_COUNT, mode: CLIENT}, tagOverrides: {\
            source_app: {operation: REMOVE}, \
            request_method: {value: request.method}, \
            kind: {operation: UPSERT, value: 'response.code >= 500 ? \"bad\" : \"good\"'}, \
            team: {value: \"request.headers['team']\"}, \
            who: {value: 'node.id'}, \
            destination_version: {value: '\"all\"'}, \
            peer: {value: 'upstream_peer.workload'}}}]}]}",
    ));
    bench.settle().await;
    assert_eq!(call(&bench, "/", &["team: blue"]).await, 200);
    assert_eq!(call(&bench, "/", &["answer-with: 500"]).await, 500);
    let found = observed
        .until(
            "sum by (reporter, source_app, request_method, kind, team, destination_version, peer) \
                (istio_requests_total)",
            |rows| rows.len() >= 3 && rows.iter().filter(|row| row.contains("reporter=source")).count() == 2,
        )
        .await;
    let of_source: Vec<&String> = found.iter().filter(|row| row.contains("reporter=source")).collect();
    assert_eq!(
        of_source,
        [
            "destination_version=all,kind=bad,reporter=source,request_method=GET,team=unknown 1",
            "destination_version=all,kind=good,reporter=source,request_method=GET,team=blue 1"
        ]
    );
    let who = observed
        .until("count by (who) (istio_requests_total{reporter=\"source\"})", |rows| !rows.is_empty())
        .await;
    assert!(who[0].contains("~client.demo~"), "{who:?}");
    // The callee has the duration, nobody has the size, and the other metrics have the tags that they had.
    observed
        .until("sum by (reporter) (istio_request_duration_milliseconds_count)", |rows| {
            rows == ["reporter=destination 2"]
        })
        .await;
    observed.until("count(istio_request_bytes_count)", <[String]>::is_empty).await;
    observed
        .until("sum by (reporter, source_app, kind) (istio_response_bytes_count)", |rows| {
            rows == ["reporter=destination,source_app=client 2", "reporter=source,source_app=client 2"]
        })
        .await;
    let said = bench.debug("/debug/untranslatedz").await.to_string();
    assert!(
        said.contains(
            "tagOverrides.peer has no effect in the sandbox: upstream_peer is known to Istio's own proxy only"
        ),
        "{said}"
    );

    // The workload's word comes last: its proxy counts nothing as a callee.
    bench.apply(&telemetry(
        "demo",
        "own",
        "{selector: {matchLabels: {app: web}}, metrics: [{overrides: [{match: {metric: ALL_METRICS, mode: \
            SERVER}, disabled: true}]}]}",
    ));
    bench.settle().await;
    let of = async |reporter: &str| {
        let sum = observed.ask(&format!("sum(istio_requests_total{{reporter=\"{reporter}\"}})")).await;
        sum[0].parse::<u32>().expect("a number")
    };
    // Connections between the proxies that were open before end within moments, and with them the old
    // settings; what the callee counted on them may come later than what the caller did, so one quiet round
    // is not enough.
    let (mut done, mut quiet) = (2, 0);
    let uncounted = async {
        loop {
            let before = of("destination").await;
            for _ in 0..5 {
                assert_eq!(call(&bench, "/", &[]).await, 200);
            }
            done += 5;
            observed
                .until("sum(istio_requests_total{reporter=\"source\"})", |rows| rows == [done.to_string()])
                .await;
            quiet = if of("destination").await == before { quiet + 1 } else { 0 };
            if quiet == 3 {
                return before;
            }
        }
    };
    let counted =
        tokio::time::timeout(crate::bench::PATIENCE, uncounted).await.expect("the callee stops to count");
    for _ in 0..20 {
        assert_eq!(call(&bench, "/", &[]).await, 200);
    }
    observed
        .until("sum(istio_requests_total{reporter=\"source\"})", |rows| rows == [(done + 20).to_string()])
        .await;
    assert_eq!(of("destination").await, counted);
    println!("ALL_METRICS disabled for SERVER: 20 requests, the callee counts none of them");
}

/// A pod without a proxy whose port 4317 is the given one of this machine, and its Service.
fn collector(real: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: collector, namespace: demo}}\nspec: {{clusterIP: \
            10.96.0.77, selector: {{app: collector}}, ports: [{{name: grpc, port: 4317, targetPort: \
            4317}}]}}\n---\n\
         apiVersion: v1\nkind: Pod\nmetadata: {{name: collector, namespace: demo, labels: {{app: \
         collector}}, annotations: {{sandbox.binnacle.dev/ports: '{{\"4317\": {real}}}'}}}}\n\
         spec: {{containers: []}}\nstatus: {{podIP: 10.244.9.9, phase: Running}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_and_records_go_to_a_service_of_the_mesh() {
    let (observed, mut bench) = observed().await;
    let elsewhere = Observed::start().await;
    bench.apply(&collector(elsewhere.telemetry.otlp_addr().tcp().expect("a port").port()));
    bench.apply(&mesh(
        "extensionProviders: [{name: otel, opentelemetry: {service: \
        collector.demo.svc.cluster.local, port: 4317}}, {name: lost, opentelemetry: {service: \
        nobody.demo.svc.cluster.local, port: 4317}}]\n    defaultProviders: {tracing: [otel]}",
    ));
    bench.settle().await;
    assert_eq!(call(&bench, "/there", &[]).await, 200);
    let span = elsewhere.span("client", "/there").await;
    println!("opentelemetry: the span {} is with collector.demo:4317", span["operationName"]);
    assert!(!observed.spans("client").await.iter().any(|span| about(span, "/there")));

    bench.apply(&collector(elsewhere.telemetry.als_addr().tcp().expect("a port").port()));
    bench.apply(&mesh(
        "extensionProviders: [{name: als, envoyHttpAls: {service: \
        collector.demo.svc.cluster.local, port: 4317, logName: outbound-copy}}]",
    ));
    bench.apply(&telemetry(
        "demo",
        "own",
        "{accessLogging: [{match: {mode: CLIENT}, providers: [{name: als}]}]}",
    ));
    bench.settle().await;
    assert_eq!(call(&bench, "/recorded", &[]).await, 200);
    elsewhere
        .until("sum by (source_workload, response_code) (istio_requests_total)", |rows| {
            rows == ["response_code=200,source_workload=client 1"]
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_counted_while_it_lasts() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let observed = Observed::start().await;
    let mut bench = observed.bench().await;
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: demo}\nspec: {clusterIP: \
        10.96.0.10, selector: {app: web}, ports: [{name: tcp, port: 9080, targetPort: 9080}]}\n",
    );
    bench.pod("client", "app=client,version=v1", 8080, false).await;
    bench.pod("web-v1", "app=web,version=v1", 9080, false).await;
    bench.apply(&telemetry("istio-system", "mesh", "{metrics: [{reportingInterval: 0.5s}]}"));
    bench.settle().await;
    observed.know(&bench);
    let ports = &bench.pods["client"];
    let mut stream = tokio::net::TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, ports.ports["15001"]))
        .await
        .expect("a proxy");
    let opening =
        format!("PROXY TCP4 {} 10.96.0.10 40000 9080\r\nGET /bytes HTTP/1.1\r\nhost: web\r\n\r\n", ports.ip);
    stream.write_all(opening.as_bytes()).await.expect("written");
    assert!(stream.read(&mut [0; 1000]).await.expect("an answer") > 0);
    let by = "by (reporter, source_workload, destination_workload, destination_service_name, \
        request_protocol, response_flags, connection_security_policy)";
    let rows = |counts: [u32; 2]| {
        ["destination", "source"].map(|reporter| {
            let security = if reporter == "source" { "unknown" } else { "mutual_tls" };
            let count = counts[usize::from(reporter == "source")];
            format!("connection_security_policy={security},destination_service_name=web,destination_workload=web-v1,reporter={reporter},request_protocol=tcp,response_flags=-,source_workload=client {count}")
        })
    };
    observed
        .until(&format!("sum {by} (istio_tcp_connections_opened_total)"), |found| found == rows([1, 1]))
        .await;
    observed.until("sum by (reporter) (istio_tcp_received_bytes_total > 0)", |found| found.len() == 2).await;
    observed
        .until("sum by (reporter) (istio_tcp_connections_closed_total)", |found| {
            found.iter().all(|row| row.ends_with(" 0"))
        })
        .await;
    assert!(!bench.logs("client").contains("outbound|9080||web"), "the text log tells at the end");
    drop(stream);
    observed
        .until(&format!("sum {by} (istio_tcp_connections_closed_total)"), |found| found == rows([1, 1]))
        .await;
    println!("{}", bench.log_line("client", "outbound|9080||web").await);
}
