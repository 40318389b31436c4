use super::*;
use crate::demo::NOW;
use serde_json::json;

fn dump(configs: &Value) -> Dump {
    Dump::read(&json!({ "configs": configs }).to_string()).unwrap()
}

fn said(dump: &Dump) -> String {
    let line = |entry: &Entry| {
        let of = entry.of.as_ref().map_or_else(String::new, |of| format!(" <- {of}"));
        let trouble = entry.trouble.as_ref().map_or_else(String::new, |trouble| format!(" !! {trouble}"));
        format!("{}: {}{of}{trouble}", entry.part.name(), entry.cells.join(" | "))
    };
    dump.entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

const TYPE: &str = "type.googleapis.com/envoy.admin.v3.";

fn made_by(kind: &str, name: &str) -> Value {
    let config = format!("/apis/networking.istio.io/v1/namespaces/shop/{kind}/{name}");
    json!({ "filter_metadata": { "istio": { "config": config } } })
}

#[test]
fn clusters_routes_and_listeners_are_rows_that_lead_to_their_objects() {
    let route = json!({ "match": { "prefix": "/pay", "headers": [{ "name": "end-user", "string_match": { "exact": "jason" } }] },
        "route": { "weighted_clusters": { "clusters": [
            { "name": "outbound|80|v1|cart.shop.svc.cluster.local", "weight": 90 },
            { "name": "outbound|80|v2|cart.shop.svc.cluster.local", "weight": 10 } ] } },
        "metadata": made_by("virtual-service", "cart") });
    let listener = json!({ "name": "10.96.0.7_443", "address": { "socket_address": { "address": "10.96.0.7", "port_value": 443 } },
        "filter_chains": [{ "filters": [{ "typed_config": { "@type": "x.TcpProxy", "cluster": "outbound|443||api.shop.svc.cluster.local" } }] },
            { "filters": [{ "typed_config": { "@type": "x.HttpConnectionManager", "rds": { "route_config_name": "443" } } }] }] });
    let all = dump(&json!([
        { "@type": format!("{TYPE}ClustersConfigDump"), "static_clusters": [{ "cluster": { "name": "xds-grpc", "type": "STATIC" } }],
          "dynamic_active_clusters": [{ "cluster": { "name": "outbound|80|v1|cart.shop.svc.cluster.local", "type": "EDS",
            "metadata": made_by("destination-rule", "cart") } }] },
        { "@type": format!("{TYPE}ListenersConfigDump"), "dynamic_listeners": [{ "name": "10.96.0.7_443", "active_state": { "listener": listener } }] },
        { "@type": format!("{TYPE}RoutesConfigDump"), "dynamic_route_configs": [{ "route_config": { "name": "80", "virtual_hosts": [
            { "domains": ["cart", "cart.shop", "10.96.0.3"], "routes": [route, { "match": { "path": "/no" }, "direct_response": { "status": 404 } }] } ] } }] },
    ]));
    insta::assert_snapshot!(said(&all), @r"
    Clusters: xds-grpc |  |  | STATIC
    Clusters: cart.shop | 80 | v1 | outbound, EDS <- DestinationRule shop/cart
    Listeners: 10.96.0.7_443 | 10.96.0.7:443 | HTTP, TCP | api.shop:443, routes 443
    Routes: cart, and 2 more | /pay*, end-user=jason | cart.shop:80 v1 90, cart.shop:80 v2 10 | 80 <- VirtualService shop/cart
    Routes: cart, and 2 more | /no | answers 404 | 80
    ");
}

#[test]
fn what_was_refused_or_is_awaited_is_said_and_secrets_are_not() {
    let all = dump(&json!([
        { "@type": format!("{TYPE}ListenersConfigDump"), "dynamic_listeners": [{ "name": "0.0.0.0_443",
            "active_state": { "version_info": "7", "listener": { "name": "0.0.0.0_443" } },
            "warming_state": { "version_info": "8" },
            "error_state": { "failed_configuration": { "name": "0.0.0.0_443" }, "last_update_attempt": "2026-11-01T10:06:00Z",
                "details": "filter chain match rules overlap" }, "client_status": "NACKED" }] },
        { "@type": format!("{TYPE}SecretsConfigDump"),
          "dynamic_active_secrets": [{ "name": "default", "secret": { "name": "default", "tls_certificate": { "private_key": { "inline_bytes": "c2VjcmV0" } } } }],
          "dynamic_warming_secrets": [{ "name": "kubernetes://shop-cert", "last_updated": "2026-11-01T09:55:00Z", "secret": { "name": "kubernetes://shop-cert" } }] },
        { "@type": format!("{TYPE}ClustersConfigDump"), "dynamic_active_clusters": [
            { "client_status": "NACKED", "error_state": { "details": "bad ring size" }, "cluster": { "name": "outbound|80|v1|cart.shop.svc.cluster.local", "type": "EDS" } },
            { "cluster": { "name": "mine", "type": "STATIC", "transport_socket": { "typed_config": { "common_tls_context": {
                "tls_certificates": [{ "private_key": { "inline_string": "c2VjcmV0" } }] } } } } }] },
    ]));
    insta::assert_snapshot!(said(&all), @r"
    Listeners: 0.0.0.0_443 |  |  |  !! refused: filter chain match rules overlap (at 2026-11-01T10:06:00Z)
    Secrets: default | there | certificate and key | 
    Secrets: kubernetes://shop-cert | awaited | nothing yet | 2026-11-01T09:55:00Z !! waits for its certificate since 2026-11-01T09:55:00Z
    Clusters: cart.shop | 80 | v1 | outbound, EDS !! refused: bad ring size
    Clusters: mine |  |  | STATIC
    ");
    assert!(!all.entries.iter().any(|entry| entry.raw.contains("c2VjcmV0")), "a key left this reader");
    assert!(all.entries.iter().any(|entry| entry.raw.contains("[left out]")));
}

#[test]
fn what_is_new_or_odd_costs_itself() {
    let all = dump(&json!([
        { "@type": format!("{TYPE}BootstrapConfigDump"), "bootstrap": { "node": { "metadata": { "ISTIO_VERSION": "1.99.0" } } } },
        { "@type": format!("{TYPE}ClustersConfigDump"), "dynamic_active_clusters": [
            { "cluster": { "name": "outbound|80||pay.shop.svc.cluster.local", "type": "TYPE_OF_TOMORROW", "lb_policy": 5 } }, 7 ] },
        { "@type": format!("{TYPE}DumpOfTomorrow"), "things": [1, 2] },
        { "@type": format!("{TYPE}RoutesConfigDump"), "dynamic_route_configs": "none" },
        5,
    ]));
    insta::assert_snapshot!(said(&all), @r"
    Other: BootstrapConfigDump | how it was started |  | 
    Clusters: pay.shop | 80 |  | outbound, TYPE_OF_TOMORROW
    Clusters:  |  |  | 
    Other: DumpOfTomorrow | a section of a type that is not known here |  | 
    ");
    assert_eq!((all.version.as_str(), all.unread), ("1.99.0", 2));
    let ztunnel = json!({ "config": { "dnsResolverOpts": { "use_hosts_file": "Auto" } }, "workloads": [1, 2], "services": {} });
    insta::assert_snapshot!(said(&Dump::read(&ztunnel.to_string()).unwrap()), @r"
    Other: config | of ztunnel |  | 
    Other: services | of ztunnel |  | 
    Other: workloads | of ztunnel | 2 | 
    ");
    assert_eq!(Dump::read("[]"), None);
    assert_eq!(pretty("{\"a\":[1]}"), ["{", "  \"a\": [", "    1", "  ]", "}"]);
}

#[test]
fn endpoints_say_how_they_are() {
    let host = |ip: &str, health: Value| {
        json!({ "address": { "socket_address": { "address": ip, "port_value": 9080 } },
        "health_status": health, "stats": [{ "name": "rq_total", "value": "12" }, { "name": "rq_error", "value": 3 }] })
    };
    let clusters = json!({ "cluster_statuses": [
        { "name": "outbound|9080|v1|reviews.shop.svc.cluster.local", "host_statuses": [
            host("10.1.0.1", json!({ "eds_health_status": "HEALTHY", "failed_outlier_check": true })),
            host("10.1.0.2", json!({ "eds_health_status": "HEALTHY" })) ] },
        { "name": "agent", "host_statuses": [{ "address": { "pipe": { "path": "./sds" } }, "health_status": { "eds_health_status": "DRAINING" } }] },
        { "name": "odd", "host_statuses": 7 },
    ] });
    let mut all = Dump::default();
    all.take(Part::Endpoints, &clusters.to_string(), NOW);
    insta::assert_snapshot!(said(&all), @r"
    Endpoints: 10.1.0.1:9080 | reviews.shop | 9080 v1 | ejected: too many failures in a row, 12 calls, 3 failed !! ejected: too many failures in a row
    Endpoints: 10.1.0.2:9080 | reviews.shop | 9080 v1 | healthy, 12 calls, 3 failed
    Endpoints: ./sds | agent |  | drains !! drains
    ");
    all.take(Part::Endpoints, "<html>", NOW);
    assert_eq!(all.unknown[&Part::Endpoints], "what it answered is no JSON");
}

#[test]
fn certificates_say_until_when_they_hold() {
    let one = |serial: &str, names: Value, until: &str| {
        json!({ "path": "<inline>", "serial_number": serial, "subject_alt_names": names,
            "valid_from": "2026-01-01T00:00:00Z", "expiration_time": until })
    };
    let own = json!([{ "uri": "spiffe://cluster.local/ns/shop/sa/front" }]);
    let used = json!({ "cert_chain": [one("a1", own.clone(), "2036-01-02T00:00:00Z")],
        "ca_cert": [one("c1", json!([]), "2036-01-01T00:00:00Z")] });
    let old = json!({ "cert_chain": [one("a0", own, "2026-01-02T00:00:00Z")], "ca_cert": 7 });
    let mut all = Dump::default();
    let body = json!({ "certificates": [used, used, old] }).to_string();
    all.take(Part::Certificates, &body, "2030-01-01T00:00:00Z".parse().unwrap());
    insta::assert_snapshot!(said(&all), @r"
    Certificates: spiffe://cluster.local/ns/shop/sa/front | its own | 2036-01-02 00:00 | a1
    Certificates: not said | an authority | 2036-01-01 00:00 | c1
    Certificates: spiffe://cluster.local/ns/shop/sa/front | its own | 2026-01-02 00:00 | a0 !! no longer valid since 2026-01-02T00:00:00Z
    ");
}

#[test]
fn statistics_say_of_what_they_are() {
    let mut all = Dump::default();
    let body = "cluster.outbound|9080||reviews.shop.svc.cluster.local;.upstream_rq_503: 4\ncluster.outbound|80||a.shop.svc.cluster.local.http2.rx_reset: 1\nserver.live: 1\n\
        listener.0.0.0.0_15006.downstream_cx_length_ms: P0(nan,0) P50(nan,1.5)\nodd\n";
    all.take(Part::Stats, body, NOW);
    insta::assert_snapshot!(said(&all), @r"
    Stats: upstream_rq_503 | 4 | reviews.shop 9080 | cluster
    Stats: http2.rx_reset | 1 | a.shop 80 | cluster
    Stats: server.live | 1 |  | server
    Stats: listener.0.0.0.0_15006.downstream_cx_length_ms | P0(nan,0) P50(nan,1.5) |  | listener
    ");
}
