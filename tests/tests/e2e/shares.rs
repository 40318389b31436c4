//! Traffic split of what is no HTTP rule of a VirtualService: real requests go where the shares say, and after
//! an undo where they went before.

use crate::evidence::push;
use crate::mesh::Sandbox;
use crate::session::{SOON, Session, push_until_live, slide};
use anyhow::{Context as _, Result, ensure};
use cluster::{Cluster, Target};
use mesh::plan::{List, Plan};
use mesh::split::Split;
use mesh::{Change, Mesh, Scene};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";

fn object(api: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": api, "kind": kind, "metadata": { "name": name, "namespace": "bookinfo" }, "spec": spec })
}

/// A service of each version of reviews.
fn versions() -> Vec<Value> {
    let of = |version: &&str| {
        let labels = json!({ "app": "reviews", "version": version });
        let spec = json!({ "selector": labels, "ports": [{ "name": "http", "port": 9080 }] });
        object("v1", "Service", &format!("reviews-{version}"), spec)
    };
    ["v1", "v2", "v3"].iter().map(of).collect()
}

/// All calls to v1.
fn rules() -> Value {
    json!([{ "backendRefs": [{ "name": "reviews-v1", "port": 9080, "weight": 100 },
        { "name": "reviews-v3", "port": 9080, "weight": 0 }] }])
}

/// Holds as soon as only this version answers.
fn only(version: &str, ask: impl Fn() -> Result<BTreeMap<String, usize>>) -> Result<()> {
    let begun = std::time::Instant::now();
    loop {
        let seen = ask()?;
        if seen.len() == 1 && seen.contains_key(version) {
            return Ok(());
        }
        ensure!(begun.elapsed() < SOON, "only {version} should answer: {seen:?}");
    }
}

/// The window moves the weights of an HTTPRoute, which takes the calls before the VirtualService.
#[test]
fn weights_of_a_gateway_api_route_are_moved() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let parents = json!([{ "group": "", "kind": "Service", "name": "reviews" }]);
    let route = json!({ "parentRefs": parents, "rules": rules() });
    sandbox.apply(&[versions(), vec![object(GATEWAY_API, "HTTPRoute", "reviews", route)]].concat())?;
    only("v1", || sandbox.reviews_versions(6))?;
    let before = sandbox.spec("httproute", "reviews")?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.click("reviews v1")?;
    window.wait_for("reviews reviews-v3 share", SOON)?;
    slide(window, "reviews reviews-v3 share", 100)?;
    push_until_live(window)?;
    only("v3", || sandbox.reviews_versions(6))?;
    window.click("Undo")?;
    window.wait_until("the weights as before", SOON, |_| {
        sandbox.spec("httproute", "reviews").is_ok_and(|now| now == before).then_some(())
    })?;
    only("v1", || sandbox.reviews_versions(6))
}

/// The change that gives a rule of a service all to one part.
fn change(mesh: &Mesh, service: &str, list: List, kind: &str, to: &str) -> Option<Change> {
    let service = mesh.service("bookinfo", service)?;
    let all = mesh::edit::shares::rules(mesh, service);
    let rule = all
        .into_iter()
        .find(|rule| rule.at.list == list && rule.at.at.as_ref().is_some_and(|at| at.kind.kind == kind))?;
    let shares = rule.shares.iter().map(|(name, _)| (name.clone(), u32::from(name == to) * 100));
    let mut plan = Plan::new(mesh);
    mesh::edit::shares::plan(&mut plan, &rule.at, &Split::new(shares)?);
    plan.change().ok()?
}

/// Connections of productpage's proxy to the service `wire`, by the version that answers.
fn connections(sandbox: &Sandbox, count: usize) -> Result<BTreeMap<String, usize>> {
    let of = |kind: &str, name: &[&str], path: &str| {
        sandbox.kubectl(&[&["get", kind, "-n", "bookinfo", "-o", path], name].concat())
    };
    let pod = of("pods", &["-l", "app=productpage"], "jsonpath={.items[0].status.podIP}")?;
    let wire = of("service", &["wire"], "jsonpath={.spec.clusterIP}")?;
    let port = sandbox.real_port("productpage", "15001")?;
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let ask = "GET /reviews/0 HTTP/1.1\r\nhost: wire\r\nconnection: close\r\n\r\n";
        write!(stream, "PROXY TCP4 {pod} {wire} 40000 7000\r\n{ask}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let version = answer.split("\"reviews-v").nth(1).and_then(|rest| rest.chars().next());
        let version = version.with_context(|| format!("no version in {answer}"))?;
        *seen.entry(format!("v{version}")).or_default() += 1;
    }
    Ok(seen)
}

/// Calls of the Gateway API's way in, by the version that answers.
fn entering(sandbox: &Sandbox, count: usize) -> Result<BTreeMap<String, usize>> {
    let mut seen = BTreeMap::new();
    for _ in 0..count {
        let (status, body) = sandbox.get_at("shop.example", "/reviews/0")?;
        let version = body.split("\"reviews-v").nth(1).and_then(|rest| rest.chars().next());
        let version = version.map_or_else(|| status.to_string(), |version| format!("v{version}"));
        *seen.entry(version).or_default() += 1;
    }
    Ok(seen)
}

#[test]
fn connections_and_routes_follow_their_shares() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let parents = json!([{ "group": "", "kind": "Service", "name": "reviews" }]);
    let row = |version: &str, weight: u32| json!({ "destination": { "host": "wire", "subset": version }, "weight": weight });
    let subset = |version: &str| json!({ "name": version, "labels": { "version": version } });
    let listener = json!({ "name": "http", "port": 80, "protocol": "HTTP", "hostname": "shop.example" });
    let more = vec![
        object(GATEWAY_API, "GRPCRoute", "reviews", json!({ "parentRefs": parents, "rules": rules() })),
        object(
            GATEWAY_API,
            "Gateway",
            "door",
            json!({ "gatewayClassName": "istio", "listeners": [listener] }),
        ),
        object(
            GATEWAY_API,
            "HTTPRoute",
            "door",
            json!({ "parentRefs": [{ "name": "door" }], "rules": rules() }),
        ),
        object(
            "v1",
            "Service",
            "wire",
            json!({ "selector": { "app": "reviews" },
            "ports": [{ "name": "tcp", "port": 7000, "targetPort": 9080 }] }),
        ),
        object(
            "networking.istio.io/v1",
            "DestinationRule",
            "wire",
            json!({ "host": "wire", "subsets": [subset("v1"), subset("v3")] }),
        ),
        object(
            "networking.istio.io/v1",
            "VirtualService",
            "wire",
            json!({ "hosts": ["wire"], "tcp": [{ "route": [row("v1", 100), row("v3", 0)] }] }),
        ),
    ];
    sandbox.apply(&[versions(), more].concat())?;
    type Ask = fn(&Sandbox, usize) -> Result<BTreeMap<String, usize>>;
    let all: [(&str, List, &str, &str, Ask); 3] = [
        ("wire", List::Tcp, "VirtualService", "v3", connections),
        ("reviews", List::Rules, "GRPCRoute", "reviews-v3", Sandbox::reviews_versions),
        ("reviews", List::Rules, "HTTPRoute", "reviews-v3", entering),
    ];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let kubeconfig = Some(sandbox.ready.kubeconfig.clone());
        let mut cluster = Cluster::connect(Target { kubeconfig, ..Target::default() }, Arc::new(|| {}));
        for (service, list, kind, to, ask) in all {
            let made = |scene: &Scene| change(&scene.mesh, service, list, kind, to);
            let ready = |scene: &Arc<Scene>| scene.ready() && made(scene).is_some();
            let scene = tokio::time::timeout(Duration::from_secs(60), cluster.scene.wait_for(ready)).await;
            let scene = scene.with_context(|| format!("{kind} of {service}"))??.clone();
            let change = made(&scene).context("a change")?;
            let ask = |count: usize| tokio::task::block_in_place(|| ask(&sandbox, count));
            only("v1", || ask(6)).context(kind)?;
            let stored = push(&mut cluster, &change).await?;
            only("v3", || ask(6)).with_context(|| change.title.clone())?;
            let undo = change.inverse(&stored).map_err(|problem| anyhow::anyhow!("{problem}"))?;
            push(&mut cluster, &undo).await?;
            only("v1", || ask(6)).with_context(|| undo.title.clone())?;
            println!("{}: {:?}", change.title, change.evidence.proxies());
        }
        Ok(())
    })
}
