//! The ways of requests as cards and edges of the graph, in words of calls instead of rates. Pure.

use crate::graph::find::Find;
use crate::graph::place;
use crate::graph::view::{Card, Labels, Line, View};
use crate::kit::fmt;
use mesh::ClusterId;
use mesh::graph::{Edge, Graph, Node, NodeId};
use mesh::trace::{Hop, Paths, Stop};
use mesh::traffic::Protocol;
use std::sync::Arc;

/// What is drawn of them.
pub(super) fn view(paths: &Paths, cluster: &ClusterId) -> View {
    let mut nodes: Vec<(Node, &Stop)> =
        paths.stops.iter().map(|(name, stop)| (node(name, stop, paths, cluster), stop)).collect();
    nodes.sort_by(|one, other| one.0.id.cmp(&other.0.id));
    let id = |name: &str| id(name, paths.stops.get(name), cluster);
    let mut edges: Vec<(Edge, &Hop)> =
        paths.hops.iter().map(|((from, to), hop)| (edge(id(from), id(to), hop), hop)).collect();
    edges.sort_by(|(one, _), (other, _)| (&one.source, &one.target).cmp(&(&other.source, &other.target)));
    let graph = Graph {
        at: String::new(),
        duration_s: 0,
        nodes: nodes.iter().map(|(node, _)| Arc::new(node.clone())).collect(),
        edges: edges.iter().map(|(edge, _)| Arc::new(edge.clone())).collect(),
    };
    let view = View::of(&graph, &place(&graph), Labels::default(), &Find::default());
    let cards = view.cards.iter().zip(&nodes).map(|(card, (node, stop))| Arc::new(told(card, node, stop)));
    let lines = view.lines.iter().zip(&edges).map(|(line, (_, hop))| Arc::new(said(line, hop)));
    View { cards: cards.collect(), lines: Arc::new(lines.collect()), ..view }
}

/// The service that a card stands for, as spans name it.
pub(super) fn service(id: &NodeId) -> String {
    match (id.name(), id.namespace()) {
        (name, "") => name.to_owned(),
        (name, namespace) => format!("{name}.{namespace}"),
    }
}

fn id(name: &str, stop: Option<&Stop>, cluster: &ClusterId) -> NodeId {
    if stop.is_some_and(|stop| stop.outside) {
        return NodeId::External(name.into());
    }
    let (app, namespace) = name.split_once('.').unwrap_or((name, ""));
    NodeId::app(cluster, namespace, app, None)
}

fn node(name: &str, stop: &Stop, paths: &Paths, cluster: &ClusterId) -> Node {
    let id = id(name, Some(stop), cluster);
    let calls = |is_end: &dyn Fn(&str, &str) -> bool| -> f64 {
        let of = paths.hops.iter().filter(|((from, to), _)| is_end(from, to));
        of.map(|(_, hop)| hop.stats.count as f64).sum()
    };
    let app = matches!(id, NodeId::App(_)).then(|| id.name().to_owned());
    Node {
        kind: id.kind(),
        namespace: id.namespace().to_owned(),
        name: id.name().to_owned(),
        service: app.clone(),
        app,
        version: None,
        workload: None,
        health: stop.health(),
        health_reason: String::new(),
        badges: Vec::new(),
        rps_in: calls(&|_, to| to == name),
        error_percent_in: 0.0,
        rps_out: calls(&|from, _| from == name),
        id,
    }
}

fn edge(source: NodeId, target: NodeId, hop: &Hop) -> Edge {
    Edge {
        source,
        target,
        protocol: Protocol::Http,
        rps: hop.stats.count as f64,
        error_percent: share(hop.errors, hop.stats.count),
        p50_ms: None,
        p95_ms: None,
        p99_ms: None,
        sent_bytes_per_s: None,
        received_bytes_per_s: None,
        mtls_percent: None,
        responses: Default::default(),
        bytes: 0.0,
        health: hop.health(),
        health_reason: String::new(),
    }
}

fn share(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64 * 100.0
}

fn time(us: u64) -> String {
    fmt::ms(us as f64 / 1000.0)
}

fn failed(errors: usize, of: usize) -> String {
    format!("{} ({})", fmt::count(errors), fmt::percent(share(errors, of)))
}

fn told(card: &Card, node: &Node, stop: &Stop) -> Card {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    if stop.spans > 0 {
        fact("Spans", fmt::count(stop.spans));
        fact("Failed", failed(stop.errors, stop.spans));
        fact("Own time", time(stop.self_us));
    } else {
        fact("Spans", "none of its own: only those that call it tell of it".to_owned());
    }
    if !node.namespace.is_empty() {
        fact("Namespace", node.namespace.clone());
    }
    fact("Called", fmt::counted(node.rps_in as usize, "time", "times"));
    fact("Calls", fmt::counted(node.rps_out as usize, "time", "times"));
    let subtitle = match (stop.spans, stop.outside) {
        (0, true) => "outside".to_owned(),
        (0, false) => "no spans".to_owned(),
        _ => format!("own {}", time(stop.self_us)),
    };
    Card { subtitle, facts, ..card.clone() }
}

fn said(line: &Line, hop: &Hop) -> Line {
    let calls = fmt::counted(hop.stats.count, "call", "calls");
    let wrong = (hop.errors > 0).then(|| format!("{} failed", fmt::count(hop.errors)));
    let took = time(hop.stats.p95);
    let parts: Vec<String> = [Some(calls.clone()), wrong.clone(), Some(took)].into_iter().flatten().collect();
    let labels = vec![
        parts.join(" · "),
        format!("{calls}\n{}", parts[1..].join(" · ")),
        wrong.unwrap_or_else(|| calls.clone()),
    ];
    let facts = [
        ("Calls", fmt::count(hop.stats.count)),
        ("In", fmt::counted(hop.traces, "trace", "traces")),
        ("Failed", failed(hop.errors, hop.stats.count)),
        ("p50", time(hop.stats.p50)),
        ("p95", time(hop.stats.p95)),
        ("Longest", time(hop.stats.max)),
    ];
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Line { labels, facts, locked: false, ..line.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::trace::Opened;

    #[test]
    fn cards_and_edges_say_what_the_traces_do() {
        let traces: Vec<Arc<Opened>> = mesh::demo::found().traces;
        let view = view(&Paths::of(&traces, None), &ClusterId::default());
        let plain = |text: &str| text.replace([fmt::THIN, '\u{a0}', '\n'], " ");
        let lines: Vec<String> =
            view.lines.iter().map(|line| plain(&format!("{}: {}", line.name, line.labels[0]))).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        edge productpage to details: 20 calls · 5.0 ms
        edge productpage to reviews: 20 calls · 46 ms
        edge reviews to ratings: 20 calls · 4 failed · 27 ms
        edge istio-ingressgateway to productpage: 20 calls · 60 ms
        ");
        let told = |card: &str, name: &str| {
            let card = view.cards.iter().find(|one| one.name == card)?;
            card.facts.iter().find(|(fact, _)| fact == name).map(|(_, value)| plain(value))
        };
        // The caller's spans tell of calls that failed; what was called answered well.
        assert_eq!(told("reviews", "Failed").as_deref(), Some("4 (10 %)"));
        assert_eq!(told("ratings", "Failed").as_deref(), Some("0 (0 %)"));
        assert_eq!(told("ratings", "Called").as_deref(), Some("20 times"));
        assert_eq!(service(&view.cards[0].id), "details.bookinfo");
    }
}
