//! Graphs to measure and to try drawing with.

use mesh::ClusterId;
use mesh::graph::{Badge, Edge, Graph, Health, Node, NodeId, NodeKind};
use mesh::traffic::Protocol;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of one app version.
pub fn id(namespace: &str, app: &str, version: &str) -> NodeId {
    NodeId::app(&ClusterId::default(), namespace, app, Some(version))
}

/// One app version.
fn node(namespace: &str, app: &str, version: &str, health: Health) -> Node {
    Node {
        id: id(namespace, app, version),
        kind: NodeKind::App,
        namespace: namespace.to_owned(),
        name: app.to_owned(),
        app: Some(app.to_owned()),
        version: Some(version.to_owned()),
        service: Some(app.to_owned()),
        workload: Some(format!("{app}-{version}")),
        health,
        health_reason: String::new(),
        badges: Vec::new(),
        rps_in: 0.0,
        error_percent_in: 0.0,
        rps_out: 0.0,
    }
}

fn edge(source: &NodeId, target: &NodeId, rps: f64, error_percent: f64, p95_ms: f64) -> Edge {
    let failed = rps * error_percent / 100.0;
    let answers =
        [("200", "-", rps - failed), ("503", "FI", failed)].into_iter().filter(|(.., rate)| *rate > 0.0);
    let responses = answers.map(|(code, flags, rate)| ((code.into(), flags.into()), rate)).collect();
    Edge {
        source: source.clone(),
        target: target.clone(),
        protocol: Protocol::Http,
        rps,
        error_percent,
        p50_ms: Some(p95_ms / 3.0),
        p95_ms: Some(p95_ms),
        p99_ms: Some(p95_ms * 1.5),
        sent_bytes_per_s: Some(rps * 100.0),
        received_bytes_per_s: Some(rps * 300.0),
        mtls_percent: Some(100.0),
        responses,
        bytes: rps * 400.0,
        health: if error_percent > 20.0 {
            Health::Failing
        } else if error_percent > 0.1 {
            Health::Degraded
        } else if rps > 0.0 {
            Health::Healthy
        } else {
            Health::Idle
        },
        health_reason: String::new(),
    }
}

/// Puts nodes and edges in the order of a graph and sums the rates.
fn graph(mut nodes: Vec<Node>, mut edges: Vec<Edge>) -> Graph {
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    edges.sort_by(|a, b| {
        (&a.source, &a.target, a.protocol.name()).cmp(&(&b.source, &b.target, b.protocol.name()))
    });
    let index: BTreeMap<NodeId, usize> =
        nodes.iter().enumerate().map(|(index, node)| (node.id.clone(), index)).collect();
    for edge in &edges {
        nodes[index[&edge.source]].rps_out += edge.rps;
        let target = &mut nodes[index[&edge.target]];
        target.error_percent_in += edge.rps * edge.error_percent;
        target.rps_in += edge.rps;
    }
    for node in nodes.iter_mut().filter(|node| node.rps_in > 0.0) {
        node.error_percent_in /= node.rps_in;
    }
    let (nodes, edges) =
        (nodes.into_iter().map(Arc::new).collect(), edges.into_iter().map(Arc::new).collect());
    Graph { at: "2026-11-22T10:42:00Z".to_owned(), duration_s: 60, nodes, edges }
}

/// Bookinfo with three versions of reviews and a fault on the way to ratings.
pub fn bookinfo() -> Graph {
    let app = |name: &str, version: &str, health| node("bookinfo", name, version, health);
    let mut ingress = node("istio-system", "istio-ingressgateway", "latest", Health::Healthy);
    ingress.badges = vec![Badge::Gateway];
    let mut ratings = app("ratings", "v1", Health::Failing);
    ratings.badges = vec![Badge::Fault];
    let nodes = vec![
        ingress,
        app("productpage", "v1", Health::Healthy),
        app("details", "v1", Health::Healthy),
        app("reviews", "v1", Health::Healthy),
        app("reviews", "v2", Health::Idle),
        app("reviews", "v3", Health::Degraded),
        ratings,
    ];
    let ingress = id("istio-system", "istio-ingressgateway", "latest");
    let id = |name: &str, version: &str| id("bookinfo", name, version);
    let page = id("productpage", "v1");
    let edges = vec![
        edge(&ingress, &page, 9.9, 0.0, 41.0),
        edge(&page, &id("details", "v1"), 9.9, 0.0, 4.0),
        edge(&page, &id("reviews", "v1"), 7.4, 0.0, 18.0),
        edge(&page, &id("reviews", "v2"), 0.0, 0.0, 0.0),
        edge(&page, &id("reviews", "v3"), 2.5, 0.0, 31.0),
        edge(&id("reviews", "v2"), &id("ratings", "v1"), 7.5, 0.0, 3.0),
        edge(&id("reviews", "v3"), &id("ratings", "v1"), 2.5, 38.0, 7.0),
    ];
    graph(nodes, edges)
}

/// A graph of this size: apps in namespaces of about forty, calling mostly their neighbours. The same for the
/// same numbers.
pub fn large(nodes: usize, edges: usize) -> Graph {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let healths = [
        Health::Healthy,
        Health::Healthy,
        Health::Healthy,
        Health::Healthy,
        Health::Degraded,
        Health::Failing,
        Health::Idle,
    ];
    let list: Vec<Node> = (0..nodes)
        .map(|index| {
            let (namespace, app, version) = (format!("team-{:03}", index / 40), index / 2, 1 + index % 2);
            // Every fourth app has two versions; the others are apps of their own.
            let (app, version) = if (index / 2).is_multiple_of(4) {
                (format!("app-{app:05}"), version)
            } else {
                (format!("svc-{index:05}"), 1)
            };
            node(&namespace, &app, &format!("v{version}"), healths[random(healths.len())])
        })
        .collect();
    let mut calls = Vec::with_capacity(edges);
    while calls.len() < edges && nodes > 1 {
        let from = random(nodes);
        let near = random(10) < 8;
        let to = if near { (from / 40 * 40 + random(40)).min(nodes - 1) } else { random(nodes) };
        let rate = 10f64.powi(random(4) as i32) * (1.0 + random(90) as f64 / 10.0);
        let errors = if random(20) == 0 { random(60) as f64 } else { 0.0 };
        calls.push(edge(
            &list[from.min(to)].id,
            &list[from.max(to)].id,
            rate,
            errors,
            1.0 + random(200) as f64,
        ));
    }
    calls.sort_by(|a, b| (&a.source, &a.target).cmp(&(&b.source, &b.target)));
    graph(list, calls)
}
