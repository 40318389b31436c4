use super::*;
use serde_json::json;

const CONFIG: &str = "/apis/networking.istio.io/v1/namespaces/bookinfo/virtual-service/reviews";
const HOST: &str = "reviews.bookinfo.svc.cluster.local";

fn cluster(subset: &str) -> String {
    format!("outbound|9080|{subset}|{HOST}")
}

fn weighted(shares: &[(&str, u32)]) -> Value {
    let rows: Vec<Value> =
        shares.iter().map(|(subset, weight)| json!({ "name": cluster(subset), "weight": weight })).collect();
    json!({ "weighted_clusters": { "clusters": rows } })
}

fn made(action: Value) -> Value {
    json!({ "route": action, "metadata": { "filter_metadata": { "istio": { "config": CONFIG.replace("/v1/", "/v1alpha3/") } } } })
}

fn routes(routes: &[Value]) -> Value {
    json!({ "configs": [
        { "@type": "type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump" },
        { "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [
            { "route_config": { "name": "9080", "virtual_hosts": [{ "name": format!("{HOST}:9080"), "routes": routes }] } },
            { "route_config": { "name": "80", "virtual_hosts": [{ "name": "other", "routes": [{ "route": { "cluster": "x" } }] }] } },
        ] },
    ] })
}

fn wants(weights: &[(&str, u32)], rule: usize) -> RouteExpectation {
    RouteExpectation {
        config: CONFIG.into(),
        host: HOST.into(),
        weights: weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect(),
        rule,
        routes_per_rule: vec![1, 1],
        ..RouteExpectation::default()
    }
}

#[track_caller]
fn check(expected: &RouteExpectation, dump: &Value, holds_it: bool) {
    assert_eq!(holds(&Evidence::Route(expected.clone()), dump), holds_it);
}

#[test]
fn weights() {
    let dump =
        routes(&[made(json!({ "cluster": cluster("v2") })), made(weighted(&[("v1", 20), ("v3", 80)]))]);
    check(&wants(&[("v1", 20), ("v2", 0), ("v3", 80)], 1), &dump, true); // Envoy has no row for 0
    check(&wants(&[("v1", 80), ("v3", 20)], 1), &dump, false);
    check(&wants(&[("v1", 20), ("v3", 80)], 0), &dump, false);
    check(&wants(&[("v2", 100)], 0), &dump, true);
    check(&RouteExpectation { routes_per_rule: vec![], ..wants(&[("v1", 20), ("v3", 80)], 1) }, &dump, true);
    check(&RouteExpectation { gone: true, ..wants(&[], 0) }, &dump, false);
    check(&RouteExpectation { gone: true, ..wants(&[], 0) }, &routes(&[]), true);
    check(&wants(&[("v1", 20), ("v3", 80)], 1), &routes(&[]), false);
    check(&wants(&[("v1", 20)], 1), &json!({}), false);
}

#[test]
fn every_port_must_have_it() {
    let one = |weight: u32| json!({ "name": "h", "routes": [made(weighted(&[("v1", weight), ("v3", 100 - weight)]))] });
    let dump = |a: u32, b: u32| {
        json!({ "configs": [{ "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
            "dynamicRouteConfigs": [{ "routeConfig": { "virtualHosts": [one(a), one(b)] } }] }] })
    };
    let expected = RouteExpectation { routes_per_rule: vec![1], ..wants(&[("v1", 40), ("v3", 60)], 0) };
    check(&expected, &dump(40, 40), true);
    check(&expected, &dump(40, 50), false);
}

#[test]
fn faults() {
    let with = |filter: Value| {
        let mut route = made(json!({ "cluster": cluster("") }));
        route["typed_per_filter_config"] = json!({ "envoy.filters.http.fault": filter });
        routes(&[route])
    };
    let dump = with(json!({ "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
        "delay": { "percentage": { "numerator": 500_000, "denominator": "MILLION" }, "fixed_delay": "7s" },
        "abort": { "percentage": { "numerator": 100 }, "http_status": 503 } }));
    let wanted = |delay, abort| RouteExpectation {
        fault: Some(FaultSpec { delay, abort }),
        routes_per_rule: vec![1],
        ..wants(&[(HOST, 100)], 0)
    };
    check(&wanted(Some((7000, 50.0)), Some((503, 100.0))), &dump, true);
    check(&wanted(Some((7000, 50.0)), None), &dump, false);
    check(
        &wanted(None, Some((503, 100.0))),
        &with(json!({ "abort": { "percentage": { "numerator": 100 }, "httpStatus": 503 } })),
        true,
    );
    check(&RouteExpectation { fault: None, ..wanted(None, None) }, &dump, false);
    check(
        &RouteExpectation { fault: None, ..wanted(None, None) },
        &routes(&[made(json!({ "cluster": cluster("") }))]),
        true,
    );
}

/// The chains of one container port as a real sidecar has them, and the ones that take everything else.
fn inbound(chains: &[Value]) -> Value {
    let blackhole =
        json!({ "name": "virtualInbound-blackhole", "filter_chain_match": { "destination_port": 15006 } });
    let chains: Vec<Value> = chains.iter().cloned().chain([blackhole]).collect();
    json!({ "configs": [{ "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [
        { "active_state": { "listener": { "name": "virtualInbound", "traffic_direction": "INBOUND", "filter_chains": chains } } },
        { "active_state": { "listener": { "name": "0.0.0.0_9080", "traffic_direction": "OUTBOUND", "filter_chains": [{}] } } },
    ] }] })
}

#[test]
fn inbound_tls() {
    let mutual = json!({ "filter_chain_match": { "transport_protocol": "tls" },
        "transport_socket": { "typed_config": { "require_client_certificate": true } } });
    let plain = json!({ "filter_chain_match": { "transport_protocol": "raw_buffer" } });
    let passed = json!({ "filter_chain_match": { "transport_protocol": "tls" } });
    let modes = |dump: &Value| {
        [InboundTls::Strict, InboundTls::Permissive, InboundTls::Disabled]
            .map(|mode| holds(&Evidence::InboundTls(mode), dump))
    };
    assert_eq!(modes(&inbound(std::slice::from_ref(&mutual))), [true, false, false]);
    assert_eq!(modes(&inbound(&[mutual, plain.clone(), passed.clone()])), [false, true, false]);
    assert_eq!(modes(&inbound(&[plain, passed])), [false, false, true]);
    assert_eq!(modes(&json!({})), [false; 3]);
}

#[test]
fn cluster_names() {
    let dump = json!({ "configs": [{ "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "dynamic_active_clusters": [{ "cluster": { "name": "a" } }] }] });
    assert!(holds(&Evidence::Clusters(vec![("a".into(), true), ("b".into(), false)]), &dump));
    assert!(!holds(&Evidence::Clusters(vec![("b".into(), true)]), &dump));
}

proptest::proptest! {
    #[test]
    fn odd_dumps_never_panic(body in crate::any_json::any_json()) {
        let dump = json!({ "configs": [
            { "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [{ "route_config": { "virtual_hosts": [{ "routes": [body, made(body.clone())] }, body] } }] },
            { "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [{ "active_state": { "listener": { "traffic_direction": "INBOUND", "filter_chains": [body] } } }, body] },
            body,
        ] });
        for evidence in [Evidence::Route(wants(&[("v1", 20)], 3)), Evidence::InboundTls(InboundTls::Strict), Evidence::Clusters(vec![("a".into(), true)])] {
            holds(&evidence, &dump);
        }
    }
}
