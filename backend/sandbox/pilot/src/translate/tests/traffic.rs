//! Names, clusters, endpoints, routes.

use super::{find, registry, rules, told, web_routes};
use serde_json::{Value, json};

const V1: &str = "route: [{destination: {host: web, subset: v1}}]";

fn names(resources: &[Value]) -> Vec<&str> {
    resources.iter().filter_map(|resource| resource["name"].as_str()).collect()
}

#[test]
fn a_sidecar_has_istiods_names() {
    let made = told("client", "");
    assert_eq!(
        names(&made.listeners),
        ["virtualOutbound", "0.0.0.0_80", "10.96.0.11_3306", "virtualInbound-8080"]
    );
    assert_eq!(
        names(&made.clusters),
        [
            "outbound|3306||store.demo.svc.cluster.local",
            "outbound|80||web.demo.svc.cluster.local",
            "BlackHoleCluster",
            "PassthroughCluster",
            "inbound|8080||"
        ]
    );
    assert_eq!(names(&made.routes), ["80"]);
}

#[test]
fn endpoints_are_this_machines_ports() {
    let made = told("client", "");
    let web = find(&made.endpoints, "outbound|80||web.demo.svc.cluster.local");
    let ports: Vec<&Value> = web["endpoints"][0]["lb_endpoints"]
        .as_array()
        .expect("endpoints")
        .iter()
        .map(|endpoint| &endpoint["endpoint"]["address"]["socket_address"]["port_value"])
        .collect();
    assert_eq!(ports, [13, 23]);
}

#[test]
fn without_rules_the_route_is_istios_default() {
    let routes = web_routes("");
    assert_eq!(routes[0]["name"], "default");
    assert_eq!(routes[0]["route"]["retry_policy"]["num_retries"], 2);
    assert_eq!(routes[0]["decorator"]["operation"], "web.demo.svc.cluster.local:80/*");
}

#[test]
fn shares_of_nothing_are_left_out() {
    let routes = web_routes(&rules(
        "[{route: [{destination: {host: web, subset: v1}, weight: 80}, {destination: {host: web, subset: \
            v2}, weight: 20}, {destination: {host: web, subset: v3}, weight: 0}]}]",
    ));
    assert_eq!(
        routes[0]["route"]["weighted_clusters"]["clusters"],
        json!([
            {"name": "outbound|80|v1|web.demo.svc.cluster.local", "weight": 80},
            {"name": "outbound|80|v2|web.demo.svc.cluster.local", "weight": 20},
        ])
    );
    assert_eq!(
        routes[0]["metadata"]["filter_metadata"]["istio"]["config"],
        "/apis/networking.istio.io/v1/namespaces/demo/virtual-service/web"
    );
}

#[track_caller]
fn check_match(wanted: &str, expect: Value) {
    let routes = web_routes(&rules(&format!("[{{match: [{wanted}], {V1}}}]")));
    assert_eq!(routes.first().map_or(&Value::Null, |route| &route["match"]), &expect);
}

/// Rules that are all for others leave the service its own route.
#[track_caller]
fn check_default(wanted: &str) {
    let routes = web_routes(&rules(&format!("[{{match: [{wanted}], {V1}}}]")));
    assert_eq!(routes[0]["name"], "default", "{wanted}");
}

#[test]
fn matches() {
    check_match("{uri: {prefix: /x}}", json!({"prefix": "/x"}));
    check_match("{uri: {exact: /x}, ignoreUriCase: true}", json!({"path": "/x", "case_sensitive": false}));
    check_match("{uri: {regex: '/x.*'}}", json!({"safe_regex": {"regex": "/x.*"}}));
    check_match(
        "{headers: {end-user: {exact: jason}}, method: {exact: GET}}",
        json!({"prefix": "/", "headers": [
            {"name": "end-user", "string_match": {"exact": "jason"}},
            {"name": ":method", "string_match": {"exact": "GET"}}]}),
    );
    check_match(
        "{headers: {x: {}}}",
        json!({"prefix": "/", "headers": [{"name": "x", "present_match": true}]}),
    );
    check_match(
        "{withoutHeaders: {x: {exact: a}}}",
        json!({"prefix": "/", "headers": [{"name": "x", "string_match": {"exact": "a"}, "invert_match": true,
            "treat_missing_header_as_empty": true}]}),
    );
    check_match(
        "{queryParams: {page: {prefix: '1'}}}",
        json!({"prefix": "/", "query_parameters": [{"name": "page", "string_match": {"prefix": "1"}}]}),
    );
    check_match("{sourceLabels: {app: client}}", json!({"prefix": "/"}));
    check_default("{sourceLabels: {app: other}}");
    check_default("{port: 81}");
    check_default("{gateways: [other]}");
}

#[test]
fn nothing_follows_a_rule_that_takes_all() {
    let routes = web_routes(&rules(&format!(
        "[{{match: [{{uri: {{prefix: /a}}}}], {V1}}}, {{name: rest, {V1}}}, {{{V1}}}]"
    )));
    assert_eq!(routes.len(), 2);
    assert_eq!(routes[1]["name"], "rest");
}

#[test]
fn faults() {
    let routes = web_routes(&rules(&format!(
        "[{{fault: {{delay: {{percentage: {{value: 12.5}}, fixedDelay: 7s}}, abort: {{httpStatus: 503}}}}, \
            {V1}}}]"
    )));
    let fault = &routes[0]["typed_per_filter_config"]["envoy.filters.http.fault"];
    assert_eq!(
        fault["delay"],
        json!({"fixed_delay": "7s", "percentage": {"numerator": 125_000, "denominator": "MILLION"}})
    );
    // Not said how often: never.
    assert_eq!(
        fault["abort"],
        json!({"http_status": 503, "percentage": {"numerator": 0, "denominator": "HUNDRED"}})
    );
}

#[track_caller]
fn check_retries(retries: &str, pointer: &str, expect: Value) {
    let routes = web_routes(&rules(&format!("[{{retries: {retries}, {V1}}}]")));
    let found = routes[0].pointer(&format!("/route/retry_policy{pointer}")).cloned().unwrap_or_default();
    assert_eq!(found, expect);
}

#[test]
fn retries() {
    check_retries("{attempts: 0}", "", Value::Null);
    check_retries("{attempts: 3, perTryTimeout: 500ms}", "/per_try_timeout", json!("0.5s"));
    check_retries("{attempts: 3, retryOn: '5xx,503'}", "/retry_on", json!("5xx,retriable-status-codes"));
    check_retries("{attempts: 3, retryOn: '5xx,503'}", "/retriable_status_codes", json!([503]));
}

const GATEWAY: &str = r"
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: demo}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: door, namespace: demo}
spec:
  hosts: ['*']
  gateways: [door]
  http: [{match: [{uri: {exact: /page}}], route: [{destination: {host: web, port: {number: 80}}}]}]
";

#[test]
fn a_gateway_serves_what_is_bound_to_it() {
    let made = told("gate", GATEWAY);
    assert_eq!(names(&made.listeners), ["0.0.0.0_8080"]);
    assert_eq!(made.listeners[0]["address"]["socket_address"]["port_value"], 33);
    let routes = find(&made.routes, "http.8080");
    assert_eq!(routes["virtual_hosts"][0]["name"], "*:8080");
    assert_eq!(routes["virtual_hosts"][0]["routes"][0]["match"], json!({"path": "/page"}));
    assert_eq!(
        told("client", GATEWAY).routes[0]["virtual_hosts"][0]["routes"][0]["name"],
        "default",
        "not for the mesh"
    );
}

#[test]
fn what_has_no_effect_is_named() {
    let read = registry(&rules("[{delegate: {name: other}, route: [{destination: {host: web}}]}]"));
    let said: Vec<String> =
        read.untranslated.iter().map(|what| format!("{}: {}", what.object, what.reason)).collect();
    assert_eq!(
        said,
        ["VirtualService demo/web: http[0]: there is no VirtualService demo/other without hosts to \
                delegate to"]
    );
}

#[test]
fn what_a_service_entry_cannot_have_is_named() {
    let entry = |more: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: pay, namespace: \
                demo}}\nspec: {{hosts: [pay.example], ports: [{{number: 80, name: http, protocol: \
                HTTP}}]{more}}}\n"
        )
    };
    let said = |more: &str| {
        let read = registry(&entry(more));
        read.untranslated.into_iter().map(|what| what.reason).collect::<Vec<_>>().join("; ")
    };
    for full in [
        "",
        ", resolution: NONE",
        ", resolution: DNS, endpoints: [{address: pay.internal}]",
        ", resolution: DNS_ROUND_ROBIN",
    ] {
        assert_eq!(said(full), "", "{full}");
    }
    assert_eq!(
        said(", resolution: STATIC, endpoints: [{address: pay.internal}]"),
        "endpoint pay.internal is a name, which only resolution DNS looks up"
    );
    assert!(said(", resolution: DYNAMIC_DNS").contains("taken as NONE"));
    // One name among the addresses would make proxies refuse the endpoints of every service.
    let made = told(
        "client",
        &entry(", resolution: STATIC, endpoints: [{address: 10.1.2.3}, {address: pay.internal}]"),
    );
    let pay = find(&made.endpoints, "outbound|80||pay.example").to_string();
    assert!(pay.contains("10.1.2.3") && !pay.contains("pay.internal"), "{pay}");
}

#[test]
fn rules_for_a_port_that_says_nothing_are_named() {
    let silent = |port: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: ratx, namespace: demo}}\nspec: \
                {{clusterIP: 10.96.0.30, ports: [{port}]}}\n\
             ---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: ratx, \
             namespace: demo}}\nspec: {{hosts: [ratx], http: [{{route: [{{destination: {{host: \
             ratx}}}}]}}]}}\n"
        )
    };
    let said = |port: &str| {
        let found = registry(&silent(port)).untranslated;
        found
            .into_iter()
            .filter(|one| one.object == "VirtualService demo/ratx")
            .map(|one| one.reason)
            .collect::<Vec<_>>()
    };
    let reasons = said("{name: main, port: 9080}");
    assert!(
        reasons.iter().any(|reason| reason.starts_with("port 9080 of ratx does not say its protocol")),
        "{reasons:?}"
    );
    assert_eq!(said("{name: http-main, port: 9080}"), [""; 0]);
    assert_eq!(said("{name: tcp-main, port: 9080}"), [""; 0]);
}

#[test]
fn a_share_of_nothing_is_all_of_a_single_destination_and_nothing_of_several() {
    let only = web_routes(&rules("[{route: [{destination: {host: web, subset: v1}, weight: 0}]}]"));
    assert_eq!(only[0]["route"]["cluster"], "outbound|80|v1|web.demo.svc.cluster.local");
    let none = web_routes(&rules(
        "[{route: [{destination: {host: web, subset: v1}, weight: 0}, {destination: {host: web, subset: v2}}]}]",
    ));
    assert_eq!(none[0]["route"]["cluster"], "BlackHoleCluster", "the webhook lets nobody in with these");
}
