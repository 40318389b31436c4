use super::*;
use crate::{Objects, demo};
use serde_json::json;

/// Bookinfo with an EnvoyFilter.
fn with(namespace: &str, selector: &Value, patches: &Value) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let spec = json!({ "workloadSelector": { "labels": selector }, "configPatches": patches });
    let object = json!({ "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
        "metadata": { "name": "sample", "namespace": namespace }, "spec": spec });
    objects.insert(Ref::new(&kinds::ENVOY_FILTER, namespace, "sample"), object.into());
    objects
}

/// The limits that are there, as they are told: who counts, which calls, and what is limited.
fn read(objects: Objects, workload: (&str, &str)) -> Vec<String> {
    let mesh = Mesh::read(objects, None);
    let workload = mesh.workload(workload.0, workload.1).unwrap();
    let all = limits(&mesh, workload).into_iter().filter(|one| one.patch.is_some());
    let say = |one: LimitOf| {
        let config = one.config(&mesh).unwrap();
        let said = config.get("token_bucket").or(config.get("domain")).or(config.get("rate_limits"));
        let way = if one.out { "from" } else { "to" };
        format!("{:?} {way} {}: {}", one.by, one.calls, said.unwrap_or(&Value::Null))
    };
    all.map(say).collect()
}

fn filter(context: &str, port: Option<u32>, value: &Value) -> Value {
    let mut listener = json!({ "filterChain": { "filter": { "name": MANAGER } } });
    if let Some(port) = port {
        listener["portNumber"] = port.into();
    }
    json!({ "applyTo": "HTTP_FILTER", "match": { "context": context, "listener": listener },
        "patch": { "operation": "INSERT_BEFORE", "value": value } })
}

fn apart(value: &Value) -> Value {
    json!({ "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "type_url": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", "value": value })
}

/// A limit for all calls, for one port and for calls that go out.
#[test]
fn filters_are_read() {
    let local = |value: &Value| json!({ "name": LOCAL, "typed_config": value });
    let bucket = |calls: u32| json!({ "token_bucket": { "max_tokens": calls } });
    let all = json!([
        filter("SIDECAR_INBOUND", None, &local(&apart(&bucket(1)))),
        filter("SIDECAR_INBOUND", Some(9080), &local(&bucket(2))),
        filter("SIDECAR_OUTBOUND", None, &local(&bucket(3))),
        filter("GATEWAY", None, &local(&bucket(4))),
        filter("ANY", None, &json!({ "name": "other", "typed_config": bucket(5) })),
    ]);
    let objects = with("bookinfo", &json!({ "app": "details" }), &all);
    assert_eq!(
        read(objects, ("bookinfo", "details-v1")),
        [
            r#"Proxy to : {"max_tokens":1}"#,
            r#"Proxy to port 9080: {"max_tokens":2}"#,
            r#"Proxy from : {"max_tokens":3}"#
        ]
    );
}

/// As Istio's samples write a limit for one port: a filter that counts nothing by itself, and what counts.
#[test]
fn limits_of_routes_are_read() {
    let plain = json!({ "name": LOCAL, "typed_config": apart(&json!({ "stat_prefix": "x" })) });
    let own = json!({ "typed_per_filter_config": { LOCAL: apart(&json!({ "token_bucket": { "max_tokens": 4 } })) } });
    let vhost = json!({ "name": "inbound|http|9080", "route": { "action": "ANY" } });
    let all = json!([
        filter("SIDECAR_INBOUND", None, &plain),
        { "applyTo": "HTTP_ROUTE", "match": { "context": "SIDECAR_INBOUND", "routeConfiguration": { "vhost": vhost } },
            "patch": { "operation": "MERGE", "value": own } },
    ]);
    let objects = with("istio-system", &json!({ "app": "details" }), &all);
    assert_eq!(
        read(objects, ("bookinfo", "details-v1")),
        ["Proxy to : null", r#"Proxy to port 9080: {"max_tokens":4}"#]
    );
}

/// As Istio's samples write a limit that a service counts.
#[test]
fn a_service_that_counts_is_read() {
    let counted = json!({ "name": GLOBAL, "typed_config": { "domain": "productpage-ratelimit" } });
    let told = json!({ "rate_limits": [{ "actions": [{ "remote_address": {} }] }] });
    let of = |apply_to: &str, vhost: &Value, value: &Value| {
        json!({ "applyTo": apply_to, "match": { "context": "GATEWAY", "routeConfiguration": { "vhost": vhost } },
            "patch": { "operation": "MERGE", "value": value } })
    };
    let all = json!([
        filter("GATEWAY", None, &counted),
        of("VIRTUAL_HOST", &json!({ "name": "", "route": { "action": "ANY" } }), &told),
        of("HTTP_ROUTE", &json!({ "name": "*:80", "route": { "name": "front" } }), &json!({ "route": told })),
    ]);
    let objects = with("istio-system", &json!({ "istio": "ingressgateway" }), &all);
    let told = r#"[{"actions":[{"remote_address":{}}]}]"#;
    assert_eq!(
        read(objects, ("istio-system", "istio-ingressgateway")),
        [
            r#"Service to : "productpage-ratelimit""#.to_owned(),
            format!("Told to : {told}"),
            format!("Told to route front of *:80: {told}")
        ]
    );
}

/// What can be made where nothing is: for a sidecar each port, for a gateway each host and each route with a name.
#[test]
fn what_can_be_limited() {
    let mut objects = demo::bookinfo_objects();
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "bookinfo");
    let mut routes = (*objects[&at].0).clone();
    routes["spec"]["http"][0]["name"] = "front".into();
    objects.insert(at, routes.into());
    let mesh = Mesh::read(objects, None);
    let offered = |namespace: &str, name: &str| -> Vec<String> {
        let all = limits(&mesh, mesh.workload(namespace, name).unwrap());
        all.iter().map(|one| format!("{:?} {}", one.by, one.calls)).collect()
    };
    assert_eq!(offered("bookinfo", "details-v1"), ["Proxy ", "Proxy port 9080", "Service "]);
    assert_eq!(
        offered("istio-system", "istio-ingressgateway"),
        ["Proxy ", "Proxy *:80", "Proxy route front of *:80", "Service "]
    );
}
