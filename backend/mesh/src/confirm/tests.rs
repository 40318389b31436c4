use super::*;
use crate::evidence::{MadeRoute, RouteMatch, Upstream};
use istio::Ref;
use istio::views::HttpMatch;
use serde_json::json;
use std::sync::Arc;

const CONFIG: &str = "/apis/networking.istio.io/v1alpha3/namespaces/bookinfo/virtual-service/reviews";
const HOST: &str = "reviews.bookinfo.svc.cluster.local";

fn cluster(subset: &str) -> String {
    format!("outbound|9080|{subset}|{HOST}")
}

fn weighted(shares: &[(&str, u32)]) -> Value {
    let rows: Vec<Value> =
        shares.iter().map(|(subset, weight)| json!({ "name": cluster(subset), "weight": weight })).collect();
    json!({ "weighted_clusters": { "clusters": rows } })
}

/// A route of the VirtualService, for calls with this header or for all.
fn made(header: &str, action: Value) -> Value {
    let mut wanted = json!({ "prefix": "/", "case_sensitive": true });
    if !header.is_empty() {
        wanted["headers"] = json!([{ "name": header, "string_match": { "exact": "x" } }]);
    }
    json!({ "match": wanted, "route": action, "metadata": { "filter_metadata": { "istio": { "config": CONFIG } } } })
}

fn host(port: u16, routes: &[Value]) -> Value {
    json!({ "name": format!("{HOST}:{port}"), "routes": routes })
}

fn routes(hosts: &[Value]) -> Value {
    json!({ "configs": [
        { "@type": "type.googleapis.com/envoy.admin.v3.ScopedRoutesConfigDump" },
        { "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [
            { "route_config": { "name": "9080", "virtual_hosts": hosts } },
            { "route_config": { "name": "80", "virtual_hosts": [{ "name": "other", "routes": [{ "route": { "cluster": "x" } }] }] } },
        ] },
    ] })
}

/// A route with its rule.
type Made = (usize, MadeRoute);

/// What a rule makes: for calls with this header or for all, at this port or at any.
fn one(rule: usize, header: &str, port: Option<u32>) -> Made {
    let wanted =
        if header.is_empty() { json!({}) } else { json!({ "headers": { header: { "exact": "x" } } }) };
    let wanted: HttpMatch = serde_json::from_value(wanted).unwrap();
    (rule, MadeRoute::One { meant: true, port, takes: RouteMatch::of(&wanted) })
}

/// A probe of one rule, or of all.
fn probe(made: &[Made], rule: Option<usize>, path: &str, want: Want) -> Probe {
    let of = Ref::new(&istio::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let told = |(of, route): &Made| match route.clone() {
        MadeRoute::One { port, takes, .. } => {
            MadeRoute::One { meant: rule.is_none_or(|rule| rule == *of), port, takes }
        }
        MadeRoute::Delegated => MadeRoute::Delegated,
    };
    let owner = Owner::Routes { of, rule: None, made: made.iter().map(told).collect() };
    Probe { proxies: [].into(), owner, path: path.into(), want }
}

fn shares(weights: &[(&str, u32)]) -> Want {
    let one = |(subset, weight): &(&str, u32)| {
        (Upstream { host: HOST.into(), subset: (*subset).into(), port: None }, *weight)
    };
    Want::Weights(weights.iter().map(one).collect())
}

#[track_caller]
fn check(probe: &Probe, dump: &Value, expect: bool) {
    assert_eq!(holds(probe, dump), Held::from(expect));
}

#[test]
fn weights() {
    let both = [one(0, "jason", None), one(1, "", None)];
    let dump = routes(&[host(
        9080,
        &[made("jason", json!({ "cluster": cluster("v2") })), made("", weighted(&[("v1", 20), ("v3", 80)]))],
    )]);
    let wants = |rule, weights: &[(&str, u32)]| probe(&both, Some(rule), "/route", shares(weights));
    check(&wants(1, &[("v1", 20), ("v2", 0), ("v3", 80)]), &dump, true); // Envoy has no row for 0
    check(&wants(1, &[("v1", 80), ("v3", 20)]), &dump, false);
    check(&wants(0, &[("v1", 20), ("v3", 80)]), &dump, false);
    check(&wants(0, &[("v2", 100)]), &dump, true);
    check(&wants(1, &[("v1", 20), ("v3", 80)]), &routes(&[]), false);
    check(&wants(1, &[("v1", 20)]), &json!({}), false);
}

#[test]
fn ports_of_destinations_count_where_the_rule_names_one() {
    let dump = routes(&[host(9080, &[made("", json!({ "cluster": cluster("v2") }))])]);
    let to = |port| {
        let to = Upstream { host: HOST.into(), subset: "v2".into(), port };
        probe(&[one(0, "", None)], Some(0), "/route", Want::Weights(vec![(to, 100)]))
    };
    check(&to(None), &dump, true);
    check(&to(Some(9080)), &dump, true);
    check(&to(Some(80)), &dump, false);
}

/// Rules that came, went, moved or take other calls show in the routes as a whole; nothing is read of a rule
/// until then.
#[test]
fn the_routes_must_be_those_of_the_rules() {
    let go = |header: &str| made(header, json!({ "cluster": cluster("v2"), "timeout": "3s" }));
    let found = routes(&[host(9080, &[go("jason"), go("eve"), go("")])]);
    let (jason, eve, all) = (one(0, "jason", None), one(1, "eve", None), one(2, "", None));
    let wants = |made: &[Made], rule: Option<usize>| match rule {
        None => probe(made, None, "", Want::Present),
        Some(_) => probe(made, rule, "/route/timeout", Want::Is("3s".into())),
    };
    for rule in [None, Some(0), Some(1), Some(2)] {
        check(&wants(&[jason.clone(), eve.clone(), all.clone()], rule), &found, true);
        check(&wants(&[eve.clone(), jason.clone(), all.clone()], rule), &found, false);
        check(&wants(&[jason.clone(), all.clone()], rule), &found, false);
        check(&wants(&[jason.clone(), one(1, "zoe", None), all.clone()], rule), &found, false);
    }
    // Nothing comes after a rule that takes everything.
    check(&wants(&[jason.clone(), eve.clone(), all.clone(), one(3, "late", None)], Some(2)), &found, true);
    check(&wants(&[jason, eve, all, one(3, "late", None)], Some(3)), &found, false);
}

#[test]
fn a_rule_may_be_for_one_port_only() {
    let go = |header: &str, subset: &str| made(header, json!({ "cluster": cluster(subset) }));
    let dump = routes(&[host(9080, &[go("jason", "v2"), go("", "v1")]), host(80, &[go("", "v1")])]);
    let rules = [one(0, "jason", Some(9080)), one(1, "", None)];
    check(&probe(&rules, Some(0), "/route", shares(&[("v2", 100)])), &dump, true);
    check(&probe(&rules, Some(1), "/route", shares(&[("v1", 100)])), &dump, true);
    let rules = [one(0, "jason", None), one(1, "", None)];
    check(&probe(&rules, Some(1), "/route", shares(&[("v1", 100)])), &dump, false);
}

/// What another VirtualService adds is not known; the rules around it are.
#[test]
fn rules_around_a_delegate_are_known() {
    let go = |header: &str, subset: &str| made(header, json!({ "cluster": cluster(subset) }));
    let rules = [one(0, "jason", None), (1, MadeRoute::Delegated), one(2, "", None)];
    let wants = |rule, subset: &str| probe(&rules, Some(rule), "/route", shares(&[(subset, 100)]));
    for between in [vec![], vec![go("a", "v9")], vec![go("a", "v9"), go("b", "v9")]] {
        let all = [vec![go("jason", "v2")], between, vec![go("", "v1")]].concat();
        let dump = routes(&[host(9080, &all)]);
        check(&wants(0, "v2"), &dump, true);
        check(&wants(2, "v1"), &dump, true);
        check(&wants(2, "v9"), &dump, false);
        check(&wants(1, "v9"), &dump, false);
    }
    check(&wants(0, "v2"), &routes(&[host(9080, &[go("jason", "v2")])]), false);
}

/// On a gateway, routes of several VirtualServices stand in one host.
#[test]
fn other_virtual_services_may_stand_between() {
    let mut theirs = made("", json!({ "cluster": "other" }));
    theirs["metadata"]["filter_metadata"]["istio"]["config"] =
        CONFIG.replace("virtual-service/reviews", "virtual-service/more-reviews").into();
    let ours = made("jason", json!({ "cluster": cluster("v2") }));
    let dump = routes(&[host(80, &[theirs.clone(), ours, theirs])]);
    check(&probe(&[one(0, "jason", None)], Some(0), "/route", shares(&[("v2", 100)])), &dump, true);
}

#[test]
fn what_is_deleted_leaves_no_route() {
    let dump = routes(&[host(9080, &[made("", json!({ "cluster": cluster("") }))])]);
    let gone = probe(&[], None, "", Want::Absent);
    check(&gone, &dump, false);
    check(&gone, &routes(&[]), true);
}

#[test]
fn every_port_must_have_it() {
    let at = |port, weight: u32| host(port, &[made("", weighted(&[("v1", weight), ("v3", 100 - weight)]))]);
    let expected = probe(&[one(0, "", None)], Some(0), "/route", shares(&[("v1", 40), ("v3", 60)]));
    check(&expected, &routes(&[at(9080, 40), at(80, 40)]), true);
    check(&expected, &routes(&[at(9080, 40), at(80, 50)]), false);
}

#[test]
fn values_are_compared_by_meaning() {
    let route = json!({ "route": { "cluster": cluster(""), "timeout": "7s",
            "retry_policy": { "num_retries": 2, "retry_on": "5xx,reset", "host_selection_retry_max_attempts": "5" } },
        "typed_per_filter_config": { "envoy.filters.http.fault": {
            "delay": { "percentage": { "numerator": 505_000, "denominator": "MILLION" }, "fixedDelay": "0.500s" },
            "abort": { "percentage": { "numerator": 100 }, "http_status": 503 } } } });
    let mut whole = made("", Value::Null);
    whole.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
    let dump = routes(&[host(9080, &[whole])]);
    #[track_caller]
    fn at(dump: &Value, path: &str, want: Want, expect: bool) {
        check(&probe(&[one(0, "", None)], Some(0), path, want.clone()), dump, expect);
        check(&probe(&[one(0, "", None)], Some(0), path, Want::Not(Box::new(want))), dump, !expect);
    }
    let is = |value: Value| Want::Is(value);
    at(&dump, "/route/timeout", is(json!("7.000s")), true);
    at(&dump, "/route/timeout", is(json!("7.1s")), false);
    at(&dump, "/route/max_grpc_timeout", is(json!("0s")), false);
    at(&dump, "/route/retry_policy/num_retries", is(json!(2)), true);
    at(&dump, "/route/retry_policy/num_retries", is(json!(3)), false);
    at(&dump, "/route/retry_policy/host_selection_retry_max_attempts", is(json!(5)), true);
    at(&dump, "/route/retry_policy", is(json!({ "num_retries": 2, "x": false })), true);
    at(&dump, "/route/retry_policy/retry_on", Want::Words(vec!["reset".into(), "5xx".into()]), true);
    at(&dump, "/route/retry_policy/retry_on", Want::Words(vec!["5xx".into()]), false);
    at(&dump, "/route/retry_policy/per_try_timeout", Want::Absent, true);
    at(&dump, "/route/retry_policy/per_try_timeout", Want::Present, false);
    let fault = |path: &str| format!("/typed_per_filter_config/envoy.filters.http.fault/{path}");
    at(&dump, &fault("delay/percentage"), Want::Percent(50.5), true);
    at(&dump, &fault("delay/percentage"), Want::Percent(50.0), false);
    at(&dump, &fault("delay/fixed_delay"), is(json!("0.5s")), true);
    at(&dump, &fault("abort/percentage"), Want::Percent(100.0), true);
    // As EnvoyFilters may say it, too.
    at(&dump, &fault("abort/httpStatus"), is(json!(503)), true);
    at(&dump, &fault("abort/http_status"), is(json!("503")), false);
    at(&dump, &fault("abort/http_status"), is(json!(503)), true);
}

/// The chains of one container port as a real sidecar has them, and the ones that take everything else.
fn inbound_with(chains: &[Value]) -> Value {
    let blackhole =
        json!({ "name": "virtualInbound-blackhole", "filter_chain_match": { "destination_port": 15006 } });
    let chains: Vec<Value> = chains.iter().cloned().chain([blackhole]).collect();
    json!({ "configs": [{ "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [
        { "active_state": { "listener": { "name": "virtualInbound", "traffic_direction": "INBOUND", "filter_chains": chains } } },
        { "active_state": { "listener": { "name": "0.0.0.0_9080", "traffic_direction": "OUTBOUND", "filter_chains": [{}] } } },
    ] }] })
}

fn takes(connections: Connections, port: Option<u32>, except: &[u32]) -> Probe {
    let owner = Owner::Inbound { port, except: except.to_vec() };
    Probe { proxies: [].into(), owner, path: String::new(), want: Want::Takes(connections) }
}

#[test]
fn inbound_connections() {
    let mutual = json!({ "filter_chain_match": { "transport_protocol": "tls" },
        "transport_socket": { "typed_config": { "require_client_certificate": true } } });
    let plain = json!({ "filter_chain_match": { "transport_protocol": "raw_buffer" } });
    let passed = json!({ "filter_chain_match": { "transport_protocol": "tls" } });
    let taken = |dump: &Value| {
        [Connections::Mutual, Connections::Both, Connections::Plain]
            .map(|connections| holds(&takes(connections, None, &[]), dump) == Held::Yes)
    };
    assert_eq!(taken(&inbound_with(std::slice::from_ref(&mutual))), [true, false, false]);
    assert_eq!(taken(&inbound_with(&[mutual, plain.clone(), passed.clone()])), [false, true, false]);
    assert_eq!(taken(&inbound_with(&[plain, passed])), [false, false, true]);
    assert_eq!(taken(&json!({})), [false; 3]);
}

#[test]
fn ports_may_have_a_mode_of_their_own() {
    let mutual = json!({ "filter_chain_match": { "destination_port": 9080, "transport_protocol": "tls" },
        "transport_socket": { "typed_config": { "require_client_certificate": true } } });
    let dump = inbound_with(&[mutual, json!({ "name": "0.0.0.0_8000" })]);
    check(&takes(Connections::Mutual, None, &[]), &dump, false);
    check(&takes(Connections::Mutual, None, &[8000]), &dump, true);
    check(&takes(Connections::Plain, Some(8000), &[]), &dump, true);
    check(&takes(Connections::Mutual, Some(9080), &[]), &dump, true);
    check(&takes(Connections::Mutual, Some(1), &[]), &dump, false);
}

#[test]
fn clusters_of_a_host() {
    let cluster = |port: u16, subset: &str, limit: u64| {
        json!({ "cluster": { "name": format!("outbound|{port}|{subset}|{HOST}"),
            "circuit_breakers": { "thresholds": [{ "max_connections": limit }] } } })
    };
    let dump = json!({ "configs": [{ "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
        "dynamic_active_clusters": [
            { "cluster": { "name": "BlackHoleCluster" } },
            cluster(9080, "", 4_294_967_295), cluster(80, "", 4_294_967_295), cluster(9080, "v1", 7), cluster(80, "v1", 8),
        ] }] });
    let of = |host: &str, subset: &str, port, path: &str, want: Want| {
        let owner = Owner::Clusters { host: host.into(), subset: subset.into(), port };
        holds(&Probe { proxies: [].into(), owner, path: path.into(), want }, &dump)
    };
    let limit = "/circuit_breakers/thresholds/0/max_connections";
    let seven = || Want::Is(json!(7));
    assert_eq!(of(HOST, "v1", Some(9080), limit, seven()), Held::Yes);
    assert_eq!(of(HOST, "v1", None, limit, seven()), Held::No, "every port");
    assert_eq!(of(HOST, "", None, limit, Want::Not(Box::new(seven()))), Held::Yes);
    assert_eq!(of(HOST, "", None, limit, seven()), Held::No, "a subset has its own cluster");
    assert_eq!(of(HOST, "v2", None, "", Want::Absent), Held::Yes);
    assert_eq!(of(HOST, "v2", None, "", Want::Present), Held::No);
    assert_eq!(of(HOST, "v1", None, "", Want::Absent), Held::No);
    assert_eq!(of("other.bookinfo.svc.cluster.local", "", None, "", Want::Present), Held::Elsewhere);
}

#[test]
fn ways_in_and_endpoints() {
    let of = |kind: &str, list: &str, rows: Value| json!({ "configs": [{ "@type": format!("type.googleapis.com/envoy.admin.v3.{kind}"), list: rows }] });
    let held = |owner: Owner, path: &str, want: Want, dump: &Value| {
        holds(&Probe { proxies: [].into(), owner, path: path.into(), want }, dump) == Held::Yes
    };
    let shop =
        json!({ "filter_chain_match": { "server_names": ["shop.example"] }, "transport_socket": { "x": 1 } });
    let listener =
        json!([{ "name": "0.0.0.0_8443", "active_state": { "listener": { "filter_chains": [{}, shop] } } }]);
    let dump = of("ListenersConfigDump", "dynamic_listeners", listener);
    let chain =
        |port, names: &[&str]| Owner::Chain { port, names: names.iter().map(ToString::to_string).collect() };
    assert!(held(chain(8443, &["shop.example"]), "/transport_socket/x", Want::Is(json!(1)), &dump));
    assert!(held(chain(8443, &[]), "/transport_socket", Want::Absent, &dump));
    assert!(
        held(chain(443, &[]), "", Want::Absent, &dump) && held(chain(8443, &["b"]), "", Want::Absent, &dump)
    );
    let virtual_host = json!({ "name": "shop.example:80", "require_tls": "ALL" });
    let routes = json!([{ "route_config": { "virtual_hosts": [virtual_host] } }]);
    let dump = of("RoutesConfigDump", "dynamic_route_configs", routes);
    let name = |name: &str| Owner::VirtualHost { name: name.into(), inside: None };
    assert!(held(name("shop.example:80"), "/require_tls", Want::Is("ALL".into()), &dump));
    assert!(!held(name("shop.example:443"), "", Want::Present, &dump));
    let one = json!({ "endpoint": { "address": { "socket_address": { "address": "10.0.0.1", "port_value": 80 } } } });
    let told = json!([{ "endpoint_config": { "cluster_name": format!("outbound|80||{HOST}"),
        "endpoints": [{ "locality": { "region": "eu", "zone": "a" }, "lb_endpoints": [one] }] } }]);
    let dump = of("EndpointsConfigDump", "dynamic_endpoint_configs", told);
    let endpoints = |port| Owner::Endpoints { host: HOST.into(), port };
    let all = |all: &[&str]| Want::Endpoints(all.iter().map(ToString::to_string).collect());
    assert!(held(endpoints(80), "", all(&["10.0.0.1:80, weight 1, of eu/a"]), &dump));
    assert!(!held(endpoints(80), "", all(&["10.0.0.1:80, weight 2, of eu/a"]), &dump));
    assert!(held(endpoints(81), "", all(&[]), &dump));
}

proptest::proptest! {
    #[test]
    fn odd_dumps_never_panic(body in crate::any_json::any_json()) {
        let dump = json!({ "configs": [
            { "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump", "dynamic_route_configs": [
                { "route_config": { "virtual_hosts": [{ "routes": [body, made("", body.clone())] }, body] } } ] },
            { "@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump", "dynamic_listeners": [
                { "active_state": { "listener": { "traffic_direction": "INBOUND", "filter_chains": [body] } } }, body ] },
            { "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump", "dynamic_active_clusters": [
                { "cluster": body }, { "cluster": { "name": cluster("v1"), "lb_policy": body } } ] },
            body,
        ] });
        let plain = [Want::Is(body), Want::Percent(3.0), Want::Words(vec![]), Want::Absent];
        for want in plain.into_iter().chain([shares(&[("v1", 20)])]) {
            holds(&probe(&[one(0, "", None)], Some(0), "/route/timeout", want.clone()), &dump);
            holds(&probe(&[(0, MadeRoute::Delegated)], None, "", want.clone()), &dump);
            let owner = Owner::Clusters { host: HOST.into(), subset: "v1".into(), port: None };
            holds(&Probe { proxies: [].into(), owner, path: "/lb_policy".into(), want }, &dump);
        }
        holds(&takes(Connections::Both, None, &[]), &dump);
    }
}

/// Routes of one name are told apart by the hosts that they are for: those of an HTTPRoute and a GRPCRoute that are
/// called the same, and rules to which two people gave one name.
#[test]
fn routes_of_one_name_stand_in_their_own_hosts() {
    let config = "/apis/networking.istio.io/v1/namespaces/bookinfo/virtual-service/x-0-istio-autogenerated-k8s-gateway";
    let route = |name: &str, cluster: &str| {
        json!({ "name": name, "route": { "cluster": cluster },
            "metadata": { "filter_metadata": { "istio": { "config": config } } } })
    };
    let all = |cluster: &str| [route("bookinfo.reviews.0", cluster), route("rest.0", cluster)];
    let talk = json!({ "name": "talk.bookinfo.svc.cluster.local:7070", "routes": all("other") });
    let dump = routes(&[host(9080, &all("mine")), talk]);
    let probe = |name: &str, hosts: &[&str]| Probe {
        proxies: Arc::new([]),
        owner: Owner::Backends {
            names: vec![name.to_owned()],
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        },
        path: "/route/cluster".to_owned(),
        want: Want::Is("mine".into()),
    };
    for name in ["bookinfo.reviews.0", "rest"] {
        assert_eq!(holds(&probe(name, &[HOST]), &dump), Held::Yes, "{name}");
        assert_eq!(holds(&probe(name, &[&format!("{HOST}:9080")]), &dump), Held::Yes, "{name}");
        assert_eq!(holds(&probe(name, &[&format!("{HOST}:80")]), &dump), Held::Elsewhere, "{name}");
        assert_eq!(holds(&probe(name, &[]), &dump), Held::No, "{name}: which is not known");
    }
}
