//! Extensions: what the editor's own plan makes real proxies do, in which order their filters stand then, and
//! what the cluster says of what has no effect.

use crate::access::{Steering, until};
use crate::mesh::Sandbox;
use anyhow::{Context as _, Result};
use mesh::edit::Scope;
use mesh::edit::extensions::ExtensionAt;
use mesh::plan::Plan;
use mesh::{Answer, Kind, Read, Ref, kinds};
use panels::editors::Edits;
use panels::editors::extensions::Extension;
use serde_json::{Value, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(40);

/// What the editor plans for productpage where nothing is there yet.
fn says(kind: &'static Kind, said: Value) -> impl Fn(&mut Plan<'_>) {
    let at = ExtensionAt::New(kind, Scope::Workload("bookinfo".into(), "productpage-v1".into()));
    move |plan| {
        let wanted: Extension = serde_json::from_value(said.clone()).expect("a draft");
        wanted.plan(&Extension::default(), &at, plan);
    }
}

fn adds_header(context: &str) -> Value {
    let code = "function envoy_on_response(handle) handle:headers():add('x-extended', 'yes') end";
    json!({ "applyTo": "HTTP_FILTER",
        "match": { "context": context, "listener": { "filterChain": { "filter": {
            "name": "envoy.filters.network.http_connection_manager" } } } },
        "patch": { "operation": "INSERT_BEFORE", "value": { "name": "adds.header", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": { "inline_string": code } } } } })
}

#[test]
fn a_patch_adds_a_header_and_its_undo_takes_it_away() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let mut steering = Steering::of(&sandbox)?;
    let header = || sandbox.header("/productpage", "x-extended");
    until("no such header", || Ok(header()?.is_empty()))?;
    let filter = json!({ "configPatches": [adds_header("SIDECAR_INBOUND")] });
    steering.with(says(&kinds::ENVOY_FILTER, filter), || until("the header", || Ok(header()? == "yes")))?;
    until("no such header again", || Ok(header()?.is_empty()))
}

/// Answers to what is read while somebody looks, until one is as it should be.
fn read(steering: &mut Steering, what: Read, fits: impl Fn(&Answer) -> bool) -> Result<()> {
    let Steering { runtime, cluster } = steering;
    cluster.want([(what.clone(), 0)].into());
    runtime.block_on(async {
        let there = |scene: &std::sync::Arc<mesh::Scene>| {
            scene.answers.get(&what).value().is_some_and(|answer| fits(answer))
        };
        tokio::time::timeout(PATIENCE, cluster.scene.wait_for(there))
            .await
            .context(format!("{what:?}"))??;
        anyhow::Ok(())
    })
}

/// What istiod's part of the sandbox could not do with objects is said by the cluster, and read.
#[test]
fn what_has_no_effect_is_said_by_the_cluster() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let meta = |name: &str| json!({ "name": name, "namespace": "bookinfo" });
    let nowhere = json!({ "applyTo": "HTTP_FILTER",
        "match": { "context": "SIDECAR_INBOUND", "listener": { "portNumber": 4711, "filterChain": { "filter": {
            "name": "envoy.filters.network.http_connection_manager" } } } },
        "patch": adds_header("ANY")["patch"] });
    let all = [
        json!({ "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin", "metadata": meta("plugin"),
            "spec": { "url": "oci://registry.example/a:1" } }),
        json!({ "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": meta("nowhere"),
            "spec": { "configPatches": [nowhere] } }),
        json!({ "apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter", "metadata": meta("header"),
            "spec": { "configPatches": [adds_header("SIDECAR_INBOUND")] } }),
    ];
    for object in &all {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), object.to_string())?;
        sandbox.kubectl(&["apply", "-f", &file.path().to_string_lossy()])?;
    }
    let mut steering = Steering::of(&sandbox)?;
    let told = |kind, name: &str| Read::Told(Ref::new(kind, "bookinfo", name));
    let says = |words: &'static str| {
        move |answer: &Answer| match answer {
            Answer::Told(all) => all.iter().any(|word| word.warning && word.message.contains(words)),
            _ => false,
        }
    };
    let plugin = "its extension is not run by the sandbox's proxies";
    read(&mut steering, told(&kinds::WASM_PLUGIN, "plugin"), says(plugin))?;
    read(
        &mut steering,
        told(&kinds::ENVOY_FILTER, "nowhere"),
        says("nothing in the configuration of any proxy fits"),
    )?;
    let pods = sandbox.kubectl(&["get", "pods", "-n", "bookinfo", "-l", "app=productpage", "-o", "json"])?;
    let pods: Value = serde_json::from_str(&pods)?;
    let proxy = format!("{}.bookinfo", pods["items"][0]["metadata"]["name"].as_str().context("no pod")?);
    let stands = |answer: &Answer| {
        let Answer::Filters(filters) = answer else { return false };
        filters.incoming.iter().any(|order| order.iter().position(|name| name == "adds.header") == Some(0))
            && filters.incoming.iter().all(|order| order.last().is_some_and(|name| name.ends_with("router")))
    };
    read(&mut steering, Read::Filters(proxy), stands)?;
    // Connections that were open before go on as they began.
    until("the patch that fits is in force", || Ok(sandbox.header("/productpage", "x-extended")? == "yes"))
}
