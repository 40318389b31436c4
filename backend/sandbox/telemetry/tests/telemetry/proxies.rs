//! Two real Envoys, one on each side of a call, report to the telemetry; the queries show the call.

use std::{net::SocketAddr, sync::Arc};

use serde_json::{Value, json};
use telemetry::Telemetry;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use wire::otlp::collector::trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient};

use crate::{
    envoy::Envoy,
    http::{ask, get, send, until},
    mesh::{Mesh, start},
};

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn cluster(name: &str, endpoint: Option<SocketAddr>, http2: bool) -> Value {
    let endpoints: Vec<Value> =
        endpoint.into_iter().map(|at| json!({"endpoint": {"address": socket(at)}})).collect();
    let mut cluster = json!({
        "name": name, "type": "STATIC", "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    });
    if http2 {
        cluster["typed_extension_protocol_options"] = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }});
    }
    cluster
}

fn log(kind: &str, log_name: &str) -> Value {
    let (name, message) = if kind == "http" {
        ("http_grpc", "HttpGrpcAccessLogConfig")
    } else {
        ("tcp_grpc", "TcpGrpcAccessLogConfig")
    };
    let mut config = json!({
        "@type": format!("type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.{message}"),
        "common_config": {
            "log_name": log_name, "transport_api_version": "V3", "buffer_flush_interval": "0.05s",
            "grpc_service": {"envoy_grpc": {"cluster_name": "telemetry-als"}},
            "custom_tags": [{"tag": "upstream_sans", "value": "%UPSTREAM_LOCAL_URI_SAN%|%UPSTREAM_PEER_URI_SAN%"}],
            "filter_state_objects_to_log": ["envoy.filters.http.grpc_stats"],
        },
    });
    if kind == "http" {
        config["additional_request_headers_to_log"] = json!(["content-type"]);
        config["additional_response_trailers_to_log"] = json!(["grpc-status"]);
    }
    json!([{"name": format!("envoy.access_loggers.{name}"), "typed_config": config}])
}

/// An HTTP listener whose requests go to the clusters of the routes.
fn listener(direction: &str, app: &str, routes: &[(&str, &str)]) -> Value {
    let outbound = direction == "OUTBOUND";
    let log_name = if outbound { "outbound" } else { "inbound" };
    let routes: Vec<Value> = routes
        .iter()
        .map(|(prefix, cluster)| json!({"match": {"prefix": prefix}, "route": {"cluster": cluster}}))
        .collect();
    let peer = "x-envoy-peer-metadata-id";
    let mut host = json!({"name": "all", "domains": ["*"], "routes": routes});
    let mut filters = vec![json!({"name": "envoy.filters.http.fault", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
        "abort": {"http_status": 555, "percentage": {"numerator": 100}},
        "headers": [{"name": "end-user", "string_match": {"exact": "jason"}}],
    }})];
    if outbound {
        let header = json!({"header": {"key": peer, "value": format!("{app}-v1-abc.bookinfo")}});
        host["request_headers_to_add"] = json!([header]);
    } else {
        filters = vec![json!({"name": "envoy.filters.http.header_to_metadata", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
            "request_rules": [{"header": peer, "remove": true, "on_header_present": {"metadata_namespace": "binnacle.peer", "key": "id"}}],
        }})];
    }
    filters.push(json!({"name": "envoy.filters.http.grpc_stats", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", "emit_filter_state": true,
    }}));
    filters.push(json!({"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    }}));
    json!({
        "name": log_name, "traffic_direction": direction,
        "address": socket(SocketAddr::from(([127, 0, 0, 1], 0))),
        "filter_chains": [{"filters": [{"name": "http", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": log_name,
            "route_config": {"virtual_hosts": [host]},
            "http_filters": filters,
            "access_log": log("http", log_name),
            "tracing": {"random_sampling": {"value": 100.0}, "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "grpc_service": {"envoy_grpc": {"cluster_name": "telemetry-otlp"}},
                "service_name": format!("{app}.bookinfo"),
            }}},
        }}]}],
    })
}

fn tcp_listener(cluster: &str) -> Value {
    json!({
        "name": "tcp", "traffic_direction": "OUTBOUND",
        "address": socket(SocketAddr::from(([127, 0, 0, 1], 0))),
        "filter_chains": [{"filters": [{"name": "tcp", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": "tcp", "cluster": cluster, "access_log": log("tcp", "outbound"),
            "access_log_options": {"access_log_flush_interval": "0.05s"},
        }}]}],
    })
}

fn bootstrap(app: &str, telemetry: &Telemetry, listeners: Vec<Value>, mut clusters: Vec<Value>) -> Value {
    clusters.push(cluster("telemetry-als", Some(telemetry.als_addr().tcp().unwrap()), true));
    clusters.push(cluster("telemetry-otlp", Some(telemetry.otlp_addr().tcp().unwrap()), true));
    json!({
        "node": {"id": format!("sidecar~10.244.0.7~{app}-v1-abc.bookinfo~bookinfo.svc.cluster.local"), "cluster": format!("{app}.bookinfo")},
        "layered_runtime": {"layers": [{"name": "test", "static_layer": {"tracing.opentelemetry.flush_interval_ms": 50}}]},
        "static_resources": {"listeners": listeners, "clusters": clusters},
    })
}

/// An application that answers whatever it is asked, byte for byte the same.
async fn application() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let _serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _answering = tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn real_proxies_report_requests_connections_and_spans() {
    let mesh = Arc::new(Mesh::default());
    let telemetry = start(&mesh).await;
    let (prometheus, jaeger) =
        (telemetry.prometheus_addr().tcp().unwrap(), telemetry.jaeger_addr().tcp().unwrap());
    let app = application().await;

    let inbound = listener("INBOUND", "reviews", &[("/", "inbound|9080||")]);
    let reviews = Envoy::start(bootstrap(
        "reviews",
        &telemetry,
        vec![inbound],
        vec![cluster("inbound|9080||", Some(app), false)],
    ))
    .await;
    let reviews_at = reviews.listener("inbound").await;
    mesh.lives_at("reviews", reviews_at);
    mesh.lives_at("reviews", app);

    let host = "outbound|9080||reviews.bookinfo.svc.cluster.local";
    let empty = "outbound|9080|v9|reviews.bookinfo.svc.cluster.local";
    let grpc = "outbound|4317||collector.bookinfo.svc.cluster.local";
    let tcp = "outbound|9090||reviews.bookinfo.svc.cluster.local";
    let outbound =
        listener("OUTBOUND", "productpage", &[("/empty", empty), ("/opentelemetry", grpc), ("/", host)]);
    let clusters = vec![
        cluster(host, Some(reviews_at), false),
        cluster(empty, None, false),
        cluster(grpc, Some(telemetry.otlp_addr().tcp().unwrap()), true),
        cluster(tcp, Some(app), false),
    ];
    let productpage =
        Envoy::start(bootstrap("productpage", &telemetry, vec![outbound, tcp_listener(tcp)], clusters)).await;
    let out = productpage.listener("outbound").await;

    for (path, headers, expected) in
        [("/a", "", 200), ("/b", "", 200), ("/empty", "", 503), ("/", "end-user: jason\r\n", 555)]
    {
        assert_eq!(send(out, "GET", path, headers, "").await.0, expected, "{path}");
    }
    let query = "sum by (reporter,source_workload,destination_workload,response_code,response_flags,connection_security_policy) (istio_requests_total)";
    let expected = [
        "connection_security_policy=none,destination_workload=reviews-v1,reporter=destination,response_code=200,response_flags=-,source_workload=productpage-v1 2",
        "connection_security_policy=unknown,destination_workload=reviews-v1,reporter=source,response_code=200,response_flags=-,source_workload=productpage-v1 2",
        "connection_security_policy=unknown,destination_workload=unknown,reporter=source,response_code=503,response_flags=UH,source_workload=productpage-v1 1",
        "connection_security_policy=unknown,destination_workload=unknown,reporter=source,response_code=555,response_flags=FI,source_workload=productpage-v1 1",
    ];
    until("all requests", || ask(prometheus, query), |list| *list == expected).await;
    assert_eq!(
        ask(prometheus, "sum(istio_request_bytes_sum{reporter=\"source\",response_code=\"200\"}) > bool 100")
            .await,
        [" 1"]
    );
    assert_eq!(ask(prometheus, "count by (job) (up == 1)").await, ["job=kubernetes-pods 2"]);

    // Nobody used TLS, whatever the directory thinks of the workloads' identities.
    assert_eq!(
        ask(prometheus, "count by (source_principal, destination_principal) (istio_requests_total)").await,
        ["destination_principal=unknown,source_principal=unknown 4"]
    );

    // A gRPC call, here to the collector itself.
    let mut client = TraceServiceClient::connect(format!("http://{out}")).await.unwrap();
    let _accepted = client.export(ExportTraceServiceRequest::default()).await.unwrap();
    let grpc = "sum by (__name__, request_protocol, grpc_response_status, destination_service_name) ({__name__=~\"istio_re.*_messages_total\"})";
    let labels = "destination_service_name=collector,grpc_response_status=0,request_protocol=grpc 1";
    let expected =
        ["request", "response"].map(|name| format!("__name__=istio_{name}_messages_total,{labels}"));
    until("the gRPC call", || ask(prometheus, grpc), |list| *list == expected).await;

    // A connection is seen while it lasts, and once more when it ends.
    let mut stream = TcpStream::connect(productpage.listener("tcp").await).await.unwrap();
    stream.write_all(b"hello").await.unwrap();
    let answered = stream.read(&mut [0; 100]).await.unwrap();
    let opened =
        "sum by (destination_workload, destination_service_name) (istio_tcp_connections_opened_total)";
    until(
        "the connection",
        || ask(prometheus, opened),
        |list| *list == ["destination_service_name=reviews,destination_workload=reviews-v1 1"],
    )
    .await;
    drop(stream);
    until("its end", || ask(prometheus, "sum(istio_tcp_connections_closed_total)"), |list| *list == [" 1"])
        .await;
    assert_eq!(ask(prometheus, "sum(istio_tcp_received_bytes_total)").await, [" 5"]);
    assert_eq!(ask(prometheus, "sum(istio_tcp_sent_bytes_total)").await, [format!(" {answered}")]);

    // Both proxies' spans are one trace; the failed calls have an error.
    let path = "/api/traces?service=productpage.bookinfo&limit=20";
    let complete = |answer: &(u16, Value)| {
        answer.1["data"].as_array().is_some_and(|list| {
            list.iter().filter(|trace| trace["spans"].as_array().map(Vec::len) == Some(2)).count() == 2
        })
    };
    let (_, answer) = until("the traces", || get(jaeger, path), complete).await;
    let trace = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|trace| trace["spans"].as_array().map(Vec::len) == Some(2))
        .unwrap();
    let kinds: Vec<&Value> =
        trace["spans"].as_array().unwrap().iter().map(|span| tag(span, "span.kind")).collect();
    assert_eq!(kinds, ["client", "server"]);
    assert_eq!(trace["spans"][1]["references"][0]["spanID"], trace["spans"][0]["spanID"]);
    let failed = get(jaeger, &format!("{path}&tags=%7B%22error%22%3A%22true%22%7D")).await.1;
    let mut codes: Vec<&str> = failed["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|trace| tag(&trace["spans"][0], "http.status_code").as_str())
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["503", "555"]);
    let calls = get(jaeger, "/api/dependencies?lookback=60000").await.1;
    assert_eq!(
        calls["data"],
        json!([{"parent": "productpage.bookinfo", "child": "reviews.bookinfo", "callCount": 2}])
    );
    telemetry.stop().await;
}

fn tag<'a>(span: &'a Value, key: &str) -> &'a Value {
    span["tags"]
        .as_array()
        .and_then(|tags| tags.iter().find(|tag| tag["key"] == key))
        .map_or(&Value::Null, |tag| &tag["value"])
}
