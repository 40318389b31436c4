//! Rate limits keep the laws, in the forms of Istio's own samples and where nothing is yet: of a sidecar, and of a
//! gateway with its hosts and routes.

use crate::editors::{bytes, check_kept, check_shown, each_by, stored, unknown_everywhere};
use harness::dumps::{after, dumps};
use istio::kinds;
use mesh::{Edit, Mesh, Objects, Ref, demo};
use panels::Selected;
use panels::editors::EDITORS;
use serde_json::{Value, json};

const LOCAL: &str = "envoy.filters.http.local_ratelimit";
const LOCAL_TYPE: &str =
    "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";

fn filter(context: &str, value: &Value) -> Value {
    json!({ "applyTo": "HTTP_FILTER",
        "match": { "context": context, "listener": { "filterChain": { "filter": {
            "name": "envoy.filters.network.http_connection_manager",
            "subFilter": { "name": "envoy.filters.http.router" } } } } },
        "patch": { "operation": "INSERT_BEFORE", "value": value } })
}

fn of_host(apply_to: &str, context: &str, host: &str, value: &Value) -> Value {
    json!({ "applyTo": apply_to,
        "match": { "context": context, "routeConfiguration": { "vhost": { "name": host, "route": { "action": "ANY" } } } },
        "patch": { "operation": "MERGE", "value": value } })
}

/// A limit as Istio's samples write it.
fn bucket(calls: u32) -> Value {
    let share = |key: &str| json!({ "runtime_key": key, "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
    json!({ "@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": LOCAL_TYPE, "value": {
        "stat_prefix": "http_local_rate_limiter",
        "token_bucket": { "max_tokens": calls, "tokens_per_fill": calls, "fill_interval": "60s" },
        "filter_enabled": share("local_rate_limit_enabled"), "filter_enforced": share("local_rate_limit_enforced"),
        "response_headers_to_add": [{ "append": false, "header": { "key": "x-local-rate-limit", "value": "true" } }] } })
}

/// Bookinfo with these EnvoyFilters, by their names and the labels that they choose.
fn bookinfo(filters: &[(&str, Value, Value)]) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "bookinfo");
    let mut routes = (*objects[&at].0).clone();
    routes["spec"]["http"][0]["name"] = "front".into();
    objects.insert(at, routes.into());
    for (name, labels, patches) in filters {
        let mut spec = json!({ "workloadSelector": { "labels": labels }, "configPatches": patches });
        unknown_everywhere(&mut spec);
        let meta = json!({ "name": name, "namespace": "istio-system", "uid": name, "resourceVersion": "1" });
        let object = json!({ "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": meta, "spec": spec });
        objects.insert(Ref::new(&kinds::ENVOY_FILTER, "istio-system", name), object.into());
    }
    objects
}

fn cases() -> [(&'static str, Objects); 5] {
    let (reviews, gateway) = (json!({ "app": "reviews" }), json!({ "istio": "ingressgateway" }));
    let local = |typed: &Value| json!({ "name": LOCAL, "typed_config": typed });
    let plain = json!({ "@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": LOCAL_TYPE,
        "value": { "stat_prefix": "http_local_rate_limiter" } });
    let own = json!({ "typed_per_filter_config": { LOCAL: bucket(4) } });
    let counted = json!({ "name": "envoy.filters.http.ratelimit", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
        "domain": "productpage-ratelimit", "failure_mode_deny": true, "timeout": "10s",
        "rate_limit_service": { "transport_api_version": "V3", "grpc_service": { "envoy_grpc": {
            "cluster_name": "outbound|9080||ratings.bookinfo.svc.cluster.local",
            "authority": "ratings.bookinfo.svc.cluster.local" } } } } });
    let told = json!({ "rate_limits": [{ "actions": [
        { "request_headers": { "header_name": ":path", "descriptor_key": "PATH" } }] }] });
    [
        ("nothing yet", bookinfo(&[])),
        (
            "all calls",
            bookinfo(&[
                (
                    "filter-local-ratelimit-svc",
                    reviews.clone(),
                    json!([filter("SIDECAR_INBOUND", &local(&bucket(10)))]),
                ),
                (
                    "edge",
                    gateway.clone(),
                    json!([
                        filter("GATEWAY", &local(&bucket(10))),
                        of_host("VIRTUAL_HOST", "GATEWAY", "*:80", &own)
                    ]),
                ),
            ]),
        ),
        (
            "one port",
            bookinfo(&[(
                "filter-local-ratelimit-svc",
                reviews,
                json!([
                    filter("SIDECAR_INBOUND", &local(&plain)),
                    of_host("HTTP_ROUTE", "SIDECAR_INBOUND", "inbound|http|9080", &own)
                ]),
            )]),
        ),
        (
            "a service is told nothing",
            bookinfo(&[("filter-ratelimit", gateway.clone(), json!([filter("GATEWAY", &counted)]))]),
        ),
        (
            "a service counts",
            bookinfo(&[
                ("filter-ratelimit", gateway.clone(), json!([filter("GATEWAY", &counted)])),
                ("filter-ratelimit-svc", gateway, json!([of_host("VIRTUAL_HOST", "GATEWAY", "", &told)])),
            ]),
        ),
    ]
}

#[test]
fn rate_limits_keep_the_laws() {
    let row = EDITORS.iter().find(|row| row.about.name == "Rate limit").expect("the editor");
    let things = [
        Selected::Workload("bookinfo".into(), "reviews-v1".into()),
        Selected::Workload("istio-system".into(), "istio-ingressgateway".into()),
    ];
    for (case, objects) in cases() {
        let before = dumps(&objects);
        let mesh = Mesh::read(objects.clone(), None);
        let tried = each_by(row, case, &mesh, &things, &mut |_, _, change| {
            check_shown(&objects, &before, &change);
            let done = after(&objects, &change);
            assert_ne!(bytes(&objects), bytes(&done), "{case}: {}", change.title);
            for step in &change.steps {
                let stale = match (&step.edit, done.get(&step.at)) {
                    (Edit::Patch(patch), Some(object)) => {
                        json_patch::patch(&mut (*object.0).clone(), patch).is_err()
                    }
                    (Edit::Create(_), there) => there.is_some(),
                    (_, there) => there.is_none(),
                };
                assert!(stale, "{case}: {} fits twice", change.title);
                if let (Some(before), Some(after)) = (&step.before, &step.after) {
                    check_kept(before.spec(), after.spec(), &format!("{case}: {}", change.title));
                }
            }
            let undo = change.inverse(&stored(&objects, &done, &change)).expect("an inverse");
            assert_eq!(bytes(&objects), bytes(&after(&done, &undo)), "{case}: {}", change.title);
        });
        println!("{case}: {tried} changes");
        assert!(tried >= 12, "{case}: only {tried} changes");
    }
}
