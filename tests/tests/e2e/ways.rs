//! Ways into the mesh and out of it: what their editors write is tried with real requests, and so is its undo.

use crate::evidence::push;
use crate::mesh::Sandbox;
use anyhow::{Context as _, Result, ensure};
use cluster::{Cluster, Target};
use istio::{ClusterId, WorkloadId, kinds};
use mesh::edit::external::ExternalAt;
use mesh::edit::way_in::WayAt;
use mesh::plan::Plan;
use mesh::{Change, Mesh, Ref};
use panels::editors::Edits;
use panels::editors::external::External;
use panels::editors::visibility::{SeenAt, Visible};
use panels::editors::way_in::WayIn;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(40);

/// The change that a draft of an editor comes to, where it says `was` now.
fn change<E: Edits>(mesh: &Mesh, at: &E::Scope, [was, draft]: [&Value; 2]) -> Result<Change> {
    let of = |value: &Value| serde_json::from_value::<E>(value.clone());
    let (was, draft) = (of(was)?, of(draft)?);
    let mut plan = Plan::new(mesh);
    draft.plan(&was, at, &mut plan);
    let made = plan.change().map_err(|stop| anyhow::anyhow!("{stop:?}"))?;
    made.context("nothing changes")
}

/// Waits until calls are answered like this.
async fn answered(
    sandbox: &Sandbox,
    (host, path): (&str, &str),
    fits: impl Fn(u16, &str) -> bool,
) -> Result<()> {
    let begun = Instant::now();
    let mut pace = tokio::time::interval(Duration::from_millis(100));
    loop {
        pace.tick().await;
        let (status, body) = tokio::task::block_in_place(|| sandbox.get_at(host, path))?;
        if fits(status, &body) {
            return Ok(());
        }
        ensure!(begun.elapsed() < SOON, "{host}{path} still answers {status}: {body}");
    }
}

/// Pushes what an editor makes of a draft, and takes it back: calls show both.
fn tried<E: Edits>(
    sandbox: &Sandbox,
    (at, drafts): (&E::Scope, [&Value; 2]),
    (host, path): (&str, &str),
    fits: impl Fn(u16, &str) -> bool,
) -> Result<()> {
    let refused = |status: u16, body: &str| status > 399 && !fits(status, body);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        answered(sandbox, (host, path), refused).await?;
        let kubeconfig = Some(sandbox.ready.kubeconfig.clone());
        let mut cluster = Cluster::connect(Target { kubeconfig, ..Target::default() }, Arc::new(|| {}));
        let known = |scene: &Arc<mesh::Scene>| {
            let routes = scene.mesh.virtual_services().map(|(at, _)| at);
            let mut all = routes.chain(scene.mesh.backend_routes().map(|(at, _)| at));
            scene.ready() && all.any(|at| matches!(&*at.name, "shop" | "pay" | "edge"))
        };
        let scene = tokio::time::timeout(SOON, cluster.scene.wait_for(known)).await??.clone();
        let change = change::<E>(&scene.mesh, at, drafts)?;
        ensure!(!change.evidence.probes.is_empty(), "{}: nothing would show it", change.title);
        let stored = push(&mut cluster, &change).await?;
        answered(sandbox, (host, path), &fits).await?;
        let undo = change.inverse(&stored).map_err(|problem| anyhow::anyhow!("{problem}"))?;
        push(&mut cluster, &undo).await?;
        answered(sandbox, (host, path), refused).await
    })
}

fn apply(sandbox: &Sandbox, object: &Value) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), object.to_string())?;
    sandbox.kubectl(&["apply", "-f", &file.path().to_string_lossy()])?;
    Ok(())
}

fn routes(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": name, "namespace": "bookinfo" }, "spec": spec })
}

/// A host that no Gateway opens is answered with 404; then it is opened, and closed again.
#[test]
fn a_host_is_opened_and_closed() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let shop = json!({ "hosts": ["shop.example"], "gateways": ["istio-system/istio-ingressgateway"], "http": [{
        "match": [{ "uri": { "exact": "/shop" } }], "rewrite": { "uri": "/productpage" },
        "route": [{ "destination": { "host": "productpage", "port": { "number": 9080 } } }] }] });
    apply(&sandbox, &routes("shop", &shop))?;
    let workload = WorkloadId::new(&ClusterId::default(), "istio-system", "istio-ingressgateway");
    let port = json!({ "number": 80, "name": "http", "protocol": "HTTP" });
    let draft = json!({ "Istio": { "selector": { "istio": "ingressgateway" },
        "servers": [{ "port": port, "hosts": ["shop.example"] }] } });
    let page = |status: u16, body: &str| status == 200 && body.contains("Simple Bookstore App");
    let at = WayAt::New(&kinds::GATEWAY, workload);
    tried::<WayIn>(&sandbox, (&at, [&json!("Closed"), &draft]), ("shop.example", "/shop"), page)
}

/// The same by the Gateway API: a route waits for its Gateway, has it, and waits again.
#[test]
fn a_listener_of_the_gateway_api_is_opened_and_closed() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let route = json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "name": "edge", "namespace": "bookinfo" }, "spec": {
            "parentRefs": [{ "name": "istio-ingressgateway", "namespace": "istio-system" }],
            "hostnames": ["edge.example"], "rules": [{
                "matches": [{ "path": { "type": "Exact", "value": "/edge" } }],
                "filters": [{ "type": "URLRewrite", "urlRewrite": {
                    "path": { "type": "ReplaceFullPath", "replaceFullPath": "/productpage" } } }],
                "backendRefs": [{ "name": "productpage", "port": 9080 }] }] } });
    apply(&sandbox, &route)?;
    let workload = WorkloadId::new(&ClusterId::default(), "istio-system", "istio-ingressgateway");
    let host = "istio-ingressgateway.istio-system.svc.cluster.local";
    let listener = json!({ "name": "edge", "port": 80, "protocol": "HTTP", "hostname": "*.example",
        "allowedRoutes": { "namespaces": { "from": "All" } } });
    let draft = json!({ "Api": { "gatewayClassName": "istio", "listeners": [listener],
        "addresses": [{ "type": "Hostname", "value": host }] } });
    let page = |status: u16, body: &str| status == 200 && body.contains("Simple Bookstore App");
    let at = WayAt::New(&kinds::API_GATEWAY, workload);
    tried::<WayIn>(&sandbox, (&at, [&json!("Closed"), &draft]), ("edge.example", "/edge"), page)
}

/// Starts a server outside of the mesh; its port.
fn outside() -> Result<u16> {
    let outside = TcpListener::bind("127.0.0.1:0")?;
    let port = outside.local_addr()?.port();
    std::thread::spawn(move || {
        for mut stream in outside.incoming().flatten() {
            let mut asked = [0; 4096];
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\noutside";
            let _read = stream.read(&mut asked);
            let _written = stream.write_all(answer.as_bytes());
        }
    });
    Ok(port)
}

/// A server outside of the mesh that nobody knows cannot be called; then it is known, and no longer.
#[test]
fn a_service_outside_is_called_once_it_is_known() -> Result<()> {
    let port = outside()?;
    let sandbox = Sandbox::start()?;
    let pay = json!({ "hosts": ["*"], "gateways": ["bookinfo-gateway"], "http": [{
        "match": [{ "uri": { "exact": "/pay" } }],
        "route": [{ "destination": { "host": "pay.example", "port": { "number": 80 } } }] }] });
    apply(&sandbox, &routes("pay", &pay))?;
    let entry = json!({ "hosts": ["pay.example"], "location": "MESH_EXTERNAL", "resolution": "STATIC",
        "ports": [{ "number": 80, "name": "http", "protocol": "HTTP" }],
        "endpoints": [{ "address": "127.0.0.1", "ports": { "http": port } }] });
    let draft = json!({ "Known": { "entry": entry, "tls": {} } });
    let at = ExternalAt::New("bookinfo".to_owned(), None);
    let answers = |status: u16, body: &str| status == 200 && body == "outside";
    tried::<External>(&sandbox, (&at, [&json!("Unknown"), &draft]), ("any.example", "/pay"), answers)
}

/// A machine answers for a service whose entry chooses it; without it nobody does.
#[test]
fn a_machine_answers_and_does_not() -> Result<()> {
    let port = outside()?;
    let sandbox = Sandbox::start()?;
    let entry = json!({ "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
        "metadata": { "name": "vm", "namespace": "bookinfo" }, "spec": {
            "hosts": ["vm.example"], "location": "MESH_EXTERNAL", "resolution": "STATIC",
            "ports": [{ "number": 80, "name": "http", "protocol": "HTTP" }],
            "workloadSelector": { "labels": { "app": "vm" } } } });
    apply(&sandbox, &entry)?;
    let pay = json!({ "hosts": ["*"], "gateways": ["bookinfo-gateway"], "http": [{
        "match": [{ "uri": { "exact": "/vm" } }],
        "route": [{ "destination": { "host": "vm.example", "port": { "number": 80 } } }] }] });
    apply(&sandbox, &routes("pay", &pay))?;
    let draft = json!({ "Machine": { "address": "127.0.0.1", "labels": { "app": "vm" }, "ports": { "http": port } } });
    let at = ExternalAt::NewMachine(Ref::new(&kinds::SERVICE_ENTRY, "bookinfo", "vm"));
    let answers = |status: u16, body: &str| status == 200 && body == "outside";
    tried::<External>(&sandbox, (&at, [&json!("Unknown"), &draft]), ("any.example", "/vm"), answers)
}

/// Rules that only their own namespace sees count at no gateway of another; shown to all, they do.
#[test]
fn rules_are_shown_to_a_gateway_and_hidden_again() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let shop = json!({ "hosts": ["*"], "gateways": ["bookinfo-gateway"], "exportTo": ["."], "http": [{
        "match": [{ "uri": { "exact": "/shop" } }], "rewrite": { "uri": "/productpage" },
        "route": [{ "destination": { "host": "productpage", "port": { "number": 9080 } } }] }] });
    apply(&sandbox, &routes("shop", &shop))?;
    let at = SeenAt::Shown(Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "shop"));
    let shown = |to: &str| json!({ "Shown": { "exportTo": [to] } });
    let page = |status: u16, body: &str| status == 200 && body.contains("Simple Bookstore App");
    tried::<Visible>(&sandbox, (&at, [&shown("."), &shown("*")]), ("any.example", "/shop"), page)
}
