//! Mutual TLS: which mode holds, and what both sides make of it.

use super::{find, registry, told};
use crate::translate::security::mtls::{Mode, mode};
use serde_json::json;

fn policy(name: &str, namespace: &str, spec: &str, created: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {{name: {name}, namespace: \
            {namespace}, creationTimestamp: '{created}'}}\nspec: {spec}\n---\n"
    )
}

#[track_caller]
fn check(policies: &[String], expect: Mode) {
    let registry = registry(&policies.concat());
    let web = registry.workload("demo", "web-v1").expect("the pod");
    assert_eq!(mode(&registry, web, 9080), expect);
}

#[test]
fn the_narrowest_policy_holds() {
    let mesh = policy("mesh", "istio-system", "{mtls: {mode: STRICT}}", "2026-01-01");
    let namespace = policy("ns", "demo", "{mtls: {mode: DISABLE}}", "2026-01-02");
    let workload = policy(
        "web",
        "demo",
        "{selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}}",
        "2026-01-03",
    );
    let port = policy(
        "web",
        "demo",
        "{selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}, portLevelMtls: {'9080': {mode: \
            STRICT}}}",
        "2026-01-03",
    );
    check(&[], Mode::Permissive);
    check(std::slice::from_ref(&mesh), Mode::Strict);
    check(&[mesh.clone(), namespace.clone()], Mode::Disable);
    check(&[mesh.clone(), namespace.clone(), workload], Mode::Permissive);
    check(&[mesh, namespace, port], Mode::Strict);
}

#[test]
fn unset_inherits_and_the_oldest_wins() {
    let mesh = policy("mesh", "istio-system", "{mtls: {mode: STRICT}}", "2026-01-01");
    let unset = policy("ns", "demo", "{mtls: {mode: UNSET}}", "2026-01-02");
    check(&[mesh, unset], Mode::Strict);
    let younger = policy("a", "demo", "{mtls: {mode: STRICT}}", "2026-01-03");
    let older = policy("b", "demo", "{mtls: {mode: DISABLE}}", "2026-01-02");
    check(&[younger, older], Mode::Disable);
    let elsewhere = policy(
        "root",
        "istio-system",
        "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}}",
        "2026-01-01",
    );
    check(&[elsewhere], Mode::Permissive);
}

#[test]
fn clients_expect_the_services_identity() {
    let made = told("client", "");
    let web = find(&made.clusters, "outbound|80||web.demo.svc.cluster.local");
    let context = &web["transport_socket_matches"][0]["transport_socket"]["typed_config"];
    assert_eq!(context["sni"], "outbound_.80_._.web.demo.svc.cluster.local");
    assert_eq!(
        context["common_tls_context"]["combined_validation_context"]["default_validation_context"]["match_typed_subject_alt_names"],
        json!([{"san_type": "URI", "matcher": {"exact": "spiffe://cluster.local/ns/demo/sa/web"}}])
    );
}

#[test]
fn servers_have_a_chain_for_each_way_that_they_take() {
    let chains = |spec: &str| {
        let made = told("web-v1", &policy("ns", "demo", &format!("{{mtls: {{mode: {spec}}}}}"), ""));
        find(&made.listeners, "virtualInbound-9080")["filter_chains"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((chains("STRICT"), chains("PERMISSIVE"), chains("DISABLE")), (1, 2, 1));
}

#[test]
fn a_port_without_tls_is_called_without() {
    let made = told("client", &policy("ns", "demo", "{mtls: {mode: DISABLE}}", ""));
    let web = find(&made.endpoints, "outbound|80||web.demo.svc.cluster.local");
    let metadata = &web["endpoints"][0]["lb_endpoints"][0]["metadata"]["filter_metadata"];
    assert!(metadata.get("envoy.transport_socket_match").is_none(), "{metadata}");
}

fn authorization(spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: \
            demo}}\nspec: {spec}\n"
    )
}

/// The RBAC filters before `web`, as "ACTION permissions | principals".
fn guards(spec: &str) -> Vec<String> {
    let made = told("web-v1", &authorization(spec));
    let listener = find(&made.listeners, "virtualInbound-9080");
    let filters = &listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"];
    let rules =
        filters.as_array().into_iter().flatten().filter(|filter| filter["name"] == "envoy.filters.http.rbac");
    rules
        .flat_map(|filter| {
            let rules = &filter["typed_config"]["rules"];
            let policies = rules["policies"].as_object().into_iter().flatten();
            policies.map(|(name, policy)| {
                format!("{} {name} {} | {}", rules["action"], policy["permissions"], policy["principals"])
            })
        })
        .collect()
}

#[test]
fn authorization_policies_become_rbac() {
    assert_eq!(
        guards("{}"),
        [r#""ALLOW" ns[demo]-policy[p]-rule[0] [{"not_rule":{"any":true}}] | [{"not_id":{"any":true}}]"#]
    );
    assert_eq!(
        guards("{rules: [{}]}"),
        [r#""ALLOW" ns[demo]-policy[p]-rule[0] [{"any":true}] | [{"any":true}]"#]
    );
    assert_eq!(guards("{selector: {matchLabels: {app: other}}, rules: [{}]}"), [""; 0]);
    assert_eq!(
        guards(
            "{action: DENY, rules: [{to: [{operation: {methods: [GET], paths: ['/a/*']}}], from: [{source: \
                {namespaces: [x]}}]}]}"
        ),
        [concat!(
            r#""DENY" ns[demo]-policy[p]-rule[0] [{"and_rules":{"rules":["#,
            r#"{"or_rules":{"rules":[{"header":{"name":":method","string_match":{"exact":"GET"}}}]}},"#,
            r#"{"or_rules":{"rules":[{"url_path":{"path":{"prefix":"/a/"}}}]}}]}}] | "#,
            r#"[{"or_ids":{"ids":[{"authenticated":{"principal_name":{"safe_regex":{"regex":".*/ns/x/.*"}}}}]}}]"#
        )]
    );
}

#[test]
fn what_cannot_be_decided_is_stricter() {
    let blocks = "rules: [{when: [{key: request.weather, values: [rain]}]}]";
    assert!(guards(&format!("{{{blocks}}}"))[0].ends_with(r#"[{"not_id":{"any":true}}]"#));
    assert!(guards(&format!("{{action: DENY, {blocks}}}"))[0].ends_with(r#"[{"any":true}]"#));
}
