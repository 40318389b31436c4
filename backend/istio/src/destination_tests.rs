use super::*;
use crate::precedence::tests::Made;
use serde_json::json;

type Rule = Made<DestinationRule>;

const HOST: &str = "web.shop.svc.cluster.local";

fn made(at: &'static str, created: &'static str, spec: Value) -> Rule {
    Made::new(at, created, spec)
}

/// Names of the rules that hold for a client's calls of web in namespace shop.
fn holding(rules: &[Rule], namespace: &str) -> Vec<&'static str> {
    let labels = Labels::from([("app".to_owned(), "client".to_owned())]);
    let client = Client { namespace, labels: &labels };
    let called = Called { host: HOST, namespace: "shop" };
    let mesh = Defaults { root: "istio-system", export_to: &[] };
    let found = rule(rules.iter(), client, called, mesh);
    found.map_or_else(Vec::new, |merged| merged.from.iter().map(|one| one.name).collect())
}

#[test]
fn the_clients_namespace_is_asked_before_the_services_and_the_root() {
    let full = |more: Value| {
        let mut spec = json!({ "host": HOST });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let client = made("front/client", "3", full(json!({})));
    let service = made("shop/service", "2", json!({ "host": "web" }));
    let root = made("istio-system/root", "1", json!({ "host": "*.local" }));
    let all = [client.clone(), service.clone(), root.clone()];
    assert_eq!(holding(&all, "front"), ["client"]);
    assert_eq!(holding(&all, "shop"), ["service"]);
    assert_eq!(holding(&all, "other"), ["service"]);
    assert_eq!(holding(&[client, root.clone()], "other"), ["root"]);
    // A gateway in the root namespace does not take what is there for all before the service's own.
    assert_eq!(holding(&all, "istio-system"), ["service"]);
    let gateways = made("istio-system/gateways", "1", full(json!({ "exportTo": ["."] })));
    assert_eq!(holding(&[service.clone(), root, gateways], "istio-system"), ["gateways"]);
    let hidden = made("shop/hidden", "1", json!({ "host": "web", "exportTo": ["."] }));
    assert_eq!(holding(std::slice::from_ref(&hidden), "other"), [""; 0]);
    assert_eq!(holding(&[hidden], "shop"), ["hidden"]);
    let abroad = made("front/abroad", "1", full(json!({ "exportTo": ["other"] })));
    assert_eq!(holding(&[abroad, service], "front"), ["service"]);
}

#[test]
fn only_the_closest_host_of_a_namespace_counts() {
    let near = made("shop/near", "2", json!({ "host": "web", "subsets": [{ "name": "v1" }] }));
    let far = made("shop/far", "1", json!({ "host": "*.local", "subsets": [{ "name": "v2" }] }));
    assert_eq!(holding(&[far.clone(), near], "other"), ["near"]);
    // It is chosen before it is asked who may see it.
    let hidden = made("shop/hidden", "2", json!({ "host": "web", "exportTo": ["third"] }));
    assert_eq!(holding(&[far.clone(), hidden], "other"), [""; 0]);
    assert_eq!(holding(&[far], "other"), ["far"]);
}

#[test]
fn rules_for_one_host_are_merged() {
    let old = made(
        "shop/old",
        "1",
        json!({ "host": "web", "subsets": [{ "name": "v1", "labels": { "version": "v1" } }] }),
    );
    let new = made(
        "shop/new",
        "2",
        json!({ "host": HOST, "trafficPolicy": { "tls": { "mode": "DISABLE" } },
                "subsets": [{ "name": "v1", "labels": { "version": "other" } }, { "name": "v2" }] }),
    );
    let both = merged(vec![&old, &new]);
    assert_eq!(both.len(), 1);
    let rule = &both[0].rule;
    assert_eq!(rule.subsets.iter().map(|subset| subset.name.as_str()).collect::<Vec<_>>(), ["v1", "v2"]);
    assert_eq!(rule.subsets[0].labels["version"], "v1");
    assert_eq!(rule.traffic_policy.as_ref().unwrap().tls.as_ref().unwrap().mode, "DISABLE");
    assert_eq!(holding(&[new, old], "other"), ["old", "new"]);
}

#[test]
fn rules_for_other_clients_stay_apart() {
    let rule = |name: &'static str, created, labels: Option<&str>, subset: &str| {
        let selector = labels.map(|app| json!({ "matchLabels": { "app": app } }));
        let mut spec = json!({ "host": HOST, "subsets": [{ "name": subset }] });
        spec["workloadSelector"] = selector.unwrap_or_else(|| json!({ "matchLabels": {} }));
        made(name, created, spec)
    };
    let wide = rule("front/wide", "1", None, "a");
    let ours = rule("front/ours", "2", Some("client"), "b");
    let others = rule("front/others", "3", Some("other"), "c");
    let all = [wide, ours, others];
    // As in istiod, the older rule for all takes the later ones' subsets in, and they stand for themselves as
    // well.
    let made = merged(all.iter().collect());
    let subsets = |merged: &Merged<&Rule>| {
        merged.rule.subsets.iter().map(|subset| subset.name.clone()).collect::<Vec<_>>().concat()
    };
    assert_eq!(made.iter().map(subsets).collect::<Vec<_>>(), ["abc", "b", "c"]);
    assert_eq!(holding(&all, "front"), ["ours"]);
    assert_eq!(holding(&all[2..], "front"), [""; 0]);
    // A selector looks at clients of its own namespace only.
    let far = [rule_in_shop(&all[1])];
    assert_eq!(holding(&far, "front"), [""; 0]);
}

fn rule_in_shop(rule: &Rule) -> Rule {
    Rule { namespace: "shop", ..rule.clone() }
}

#[test]
fn settings_of_a_port_replace_all_others() {
    let pool = |size: u32| json!({ "tcp": { "maxConnections": size } });
    let whole: TrafficPolicy = serde_json::from_value(json!({
        "connectionPool": pool(1), "loadBalancer": { "simple": "RANDOM" }, "tls": { "mode": "SIMPLE" },
        "retryBudget": { "percent": 20 },
        "portLevelSettings": [{ "port": { "number": 80 }, "connectionPool": pool(2) }],
    }))
    .unwrap();
    let subset: Subset = serde_json::from_value(json!({ "name": "v1", "trafficPolicy": {
        "connectionPool": pool(3),
        "portLevelSettings": [{ "port": { "number": 81 }, "tls": { "mode": "DISABLE" } }] } }))
    .unwrap();
    let check = |subset: Option<&Subset>, port, size: Option<u64>, random: bool, tls: Option<&str>| {
        let settings = Settings::of(Some(&whole), subset, port);
        let found = settings.connection_pool.and_then(|pool| pool.pointer("/tcp/maxConnections")?.as_u64());
        assert_eq!(found, size, "{port}");
        assert_eq!(settings.load_balancer.is_some(), random, "{port}");
        assert_eq!(settings.tls_mode(), tls, "{port}");
        assert!(settings.retry_budget.is_some());
    };
    check(None, 9080, Some(1), true, Some("SIMPLE"));
    check(None, 80, Some(2), false, None);
    check(Some(&subset), 9080, Some(3), true, Some("SIMPLE"));
    check(Some(&subset), 80, Some(3), false, None);
    check(Some(&subset), 81, None, false, Some("DISABLE"));
    assert_eq!(Settings::of(None, None, 80), Settings::default());
}
