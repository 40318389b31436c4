//! Rate limits: what the editor's own plan makes real proxies refuse, and that all is as before once it is taken
//! back: of a port, of a route of the gateway, and counted by a service.

use crate::access::{Steering, until};
use crate::mesh::Sandbox;
use anyhow::{Result, ensure};
use mesh::edit::rate_limit::{self, By, Calls, LimitOf};
use mesh::plan::Plan;
use panels::editors::Edits;
use panels::editors::rate_limit::Limit;
use serde_json::{Value, json};

/// What the editor plans for calls of a workload that have no such limit yet.
fn says(
    workload: (&'static str, &'static str),
    is: impl Fn(&LimitOf) -> bool,
    said: Value,
) -> impl Fn(&mut Plan<'_>) {
    move |plan| {
        let Some(workload) = plan.mesh().workload(workload.0, workload.1) else { return };
        let all = rate_limit::limits(plan.mesh(), workload);
        let Some(at) = all.iter().find(|at| at.patch.is_none() && is(at)) else { return };
        let wanted: Limit = serde_json::from_value(said.clone()).expect("a draft");
        wanted.plan(&Limit::default(), at, plan);
    }
}

fn three() -> Value {
    json!({ "token_bucket/tokens_per_fill": 3, "token_bucket/fill_interval": "600s", "token_bucket/max_tokens": 3,
        "filter_enforced/default_value/numerator": 100 })
}

/// After the undo, one call after the other is answered.
fn all_answered(sandbox: &Sandbox) -> Result<()> {
    until("no call is refused any more", || {
        for _ in 0..20 {
            if sandbox.get("/productpage")?.0 != 200 {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

#[test]
fn a_port_takes_three_calls_and_its_undo_takes_all() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let mut steering = Steering::of(&sandbox)?;
    let port = |at: &LimitOf| at.by == By::Proxy && at.calls == Calls::Port(9080);
    let plan = says(("bookinfo", "productpage-v1"), port, three());
    steering.with(plan, || until("429", || Ok(sandbox.get("/productpage")?.0 == 429)))?;
    all_answered(&sandbox)
}

#[test]
fn a_host_of_the_gateway_takes_three_calls_and_its_undo_takes_all() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let mut steering = Steering::of(&sandbox)?;
    let host = |at: &LimitOf| at.by == By::Proxy && matches!(at.calls, Calls::Host(..));
    let plan = says(("istio-system", "istio-ingressgateway"), host, three());
    steering.with(plan, || until("429", || Ok(sandbox.get("/productpage")?.0 == 429)))?;
    all_answered(&sandbox)
}

/// A rate limit service as Istio's samples have it: it counts calls by their path, three of one in a year.
fn serve(sandbox: &Sandbox) -> Result<()> {
    let limits = "domain: shop\ndescriptors:\n\
        - {key: PATH, value: /productpage, rate_limit: {unit: year, requests_per_unit: 3}}\n";
    let meta = |name: &str| json!({ "name": name, "namespace": "istio-system" });
    let labels = json!({ "app": "ratelimit" });
    let container = json!({ "name": "ratelimit", "image": "envoyproxy/ratelimit:9d8d70a8",
        "ports": [{ "containerPort": 8080 }, { "containerPort": 8081 }],
        "volumeMounts": [{ "name": "config", "mountPath": "/data/ratelimit/config" }] });
    let volumes = json!([{ "name": "config", "configMap": { "name": "ratelimit-config" } }]);
    let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": [container], "volumes": volumes } });
    let all = [
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("ratelimit-config"),
            "data": { "config.yaml": limits } }),
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta("ratelimit"), "spec": { "selector": labels,
            "ports": [{ "name": "http-port", "port": 8080 }, { "name": "grpc-port", "port": 8081 }] } }),
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("ratelimit"),
            "spec": { "selector": { "matchLabels": labels }, "template": template } }),
    ];
    for object in &all {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), object.to_string())?;
        sandbox.kubectl(&["apply", "-f", &file.path().to_string_lossy()])?;
    }
    sandbox.kubectl(&["rollout", "status", "-n", "istio-system", "deployment/ratelimit", "--timeout=60s"])?;
    Ok(())
}

#[test]
fn a_service_counts_for_all_and_its_undo_asks_nobody() -> Result<()> {
    let sandbox = Sandbox::start()?;
    serve(&sandbox)?;
    let mut steering = Steering::of(&sandbox)?;
    let counted = |at: &LimitOf| at.by == By::Service;
    let path =
        json!([{ "actions": [{ "request_headers": { "header_name": ":path", "descriptor_key": "PATH" } }] }]);
    let cluster = "outbound|8081||ratelimit.istio-system.svc.cluster.local";
    let said = json!({ "domain": "shop", "failure_mode_deny": true, "timeout": "10s", "rate_limits": path,
        "rate_limit_service/grpc_service/envoy_grpc/cluster_name": cluster });
    let check = || {
        until("429", || Ok(sandbox.get("/productpage")?.0 == 429))?;
        ensure!(sandbox.header("/productpage", "x-envoy-ratelimited")? == "true");
        let (other, _) = sandbox.get("/api/v1/products")?;
        ensure!(other == 200, "the service has no limit for this path: {other}");
        Ok(())
    };
    steering.with(says(("istio-system", "istio-ingressgateway"), counted, said), check)?;
    all_answered(&sandbox)
}
