//! Two moments on one graph: what differs is coloured and says how, all else stands back; numbers of both are
//! told. Pure.

use super::view::{Card, Line, View};
use crate::kit::{Status, fmt};
use mesh::graph::Graph;
use mesh::graph::compare::{Compared, Delta, Differs, Figures, Whose};
use mesh::traffic::Protocol;
use std::sync::Arc;

/// Pills of what differs come before all others.
const FIRST: f32 = 1e5;

/// How a difference looks.
pub(super) fn status(differs: Option<Differs>) -> Status {
    match differs {
        None => Status::Idle,
        Some(Differs::FailsLess | Differs::Faster | Differs::New | Differs::More) => Status::Healthy,
        Some(Differs::Fewer | Differs::Slower | Differs::Gone) => Status::Degraded,
        Some(Differs::FailsMore) => Status::Failing,
    }
}

/// What differs, in words with the numbers of both.
pub(super) fn words(delta: &Delta) -> String {
    let Delta { before, after, .. } = delta;
    let told: Vec<String> = delta.differs.iter().map(|differs| said(*differs, before, after)).collect();
    told.join(" · ")
}

fn said(differs: Differs, before: &Figures, after: &Figures) -> String {
    let times = |figures: &Figures| figures.p95_ms.map_or_else(|| "–".to_owned(), fmt::latency);
    let (errors, rates) = (
        format!("{} → {}", fmt::percent(before.error_percent), fmt::percent(after.error_percent)),
        format!("{} → {}", fmt::rate(before.rps), fmt::rps(after.rps)),
    );
    match differs {
        Differs::New => format!("new, {}", fmt::rps(after.rps)),
        Differs::Gone => format!("gone, was {}", fmt::rps(before.rps)),
        Differs::FailsMore | Differs::FailsLess => format!("errors {errors}"),
        Differs::Slower | Differs::Faster => format!("p95 {} → {}", times(before), times(after)),
        Differs::More | Differs::Fewer => rates,
    }
}

/// What was measured at one of the moments, in one line.
pub(super) fn figures(figures: &Figures) -> String {
    if figures.rps <= 0.0 && figures.bytes > 0.0 {
        return fmt::bytes_per_s(figures.bytes);
    }
    if figures.rps <= 0.0 {
        return "no calls".to_owned();
    }
    let mut parts = vec![fmt::rps(figures.rps), format!("errors {}", fmt::percent(figures.error_percent))];
    parts.extend(figures.p95_ms.map(|p95| format!("p95 {}", fmt::latency(p95))));
    parts.join(", ")
}

/// What a tooltip says of a difference.
fn facts(delta: &Delta) -> Vec<(String, String)> {
    let differs = match (delta.differs.is_empty(), delta.not_known) {
        (true, false) => "nothing that is certain".to_owned(),
        (true, true) => NOT_KNOWN.to_owned(),
        (false, _) => delta.differs.iter().map(|differs| differs.word()).collect::<Vec<_>>().join(", "),
    };
    let mut facts = vec![("Differs".to_owned(), differs)];
    if delta.not_known && !delta.differs.is_empty() {
        facts.push(("All else".to_owned(), NOT_KNOWN.to_owned()));
    }
    facts.push(("Before".to_owned(), figures(&delta.before)));
    facts.push(("After".to_owned(), figures(&delta.after)));
    facts
}

/// What is said where there were too few calls.
const NOT_KNOWN: &str = "not known: too few calls";

/// The view with what differs.
#[must_use]
pub(super) fn beside(view: View, graph: &Graph, compared: &Compared) -> View {
    let card = |(card, node): (&Arc<Card>, &Arc<mesh::graph::Node>)| match compared.node(&node.id) {
        Some(delta) => Arc::new(of_card(card, delta)),
        None => Arc::clone(card),
    };
    let line = |line: &Arc<Line>| {
        let (from, to) = (&graph.nodes[line.from].id, &graph.nodes[line.to].id);
        let own = |edge: &&Arc<mesh::graph::Edge>| {
            edge.source == *from && edge.target == *to && edge.protocol == line.protocol
        };
        let at = graph.edges.partition_point(|edge| (&edge.source, &edge.target) < (from, to));
        let delta = graph.edges[at..].iter().find(own).and_then(|edge| compared.edge(edge));
        delta.map_or_else(|| Arc::clone(line), |delta| Arc::new(of_line(line, delta)))
    };
    View {
        cards: view.cards.iter().zip(&graph.nodes).map(card).collect(),
        lines: Arc::new(view.lines.iter().map(line).collect()),
        ..view
    }
}

fn of_card(card: &Card, delta: &Delta) -> Card {
    let worst = delta.worst();
    let mut facts = facts(delta);
    let own = ["Health", "Why", "In", "Errors", "Out"];
    facts.extend(card.facts.iter().filter(|(name, _)| !own.contains(&name.as_str())).cloned());
    let subtitle = match worst {
        Some(differs) => differs.word().to_owned(),
        None if delta.not_known => "not known".to_owned(),
        None => card.subtitle.clone(),
    };
    Card { status: status(worst), subtitle, facts, ..card.clone() }
}

fn of_line(line: &Line, delta: &Delta) -> Line {
    let worst = delta.worst();
    let labels = match worst {
        Some(differs) => {
            let (all, first) = (words(delta), said(differs, &delta.before, &delta.after));
            let short = differs.word().to_owned();
            let mut labels = vec![all.clone(), all.replace(" · ", "\n"), first, short];
            labels.dedup();
            labels
        }
        None if delta.not_known && line.protocol != Protocol::Tcp => vec!["not known".to_owned()],
        None => line.labels.clone(),
    };
    let mut facts = facts(delta);
    facts.extend(
        line.facts.iter().filter(|(name, _)| matches!(name.as_str(), "Protocol" | "Mutual TLS")).cloned(),
    );
    let weight = worst.map_or(0.0, |differs| FIRST * (1.0 + differs as u8 as f32)) + line.weight.min(FIRST);
    Line { status: status(worst), labels, facts, weight, locked: false, ..line.clone() }
}

/// One row of the list of what differs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// Whose difference it is.
    pub(super) whose: Whose,
    /// "productpage → reviews v3".
    pub(super) name: String,
    /// "errors 0 % → 48 %".
    pub(super) words: String,
    /// How it looks.
    pub(super) status: Status,
}

/// All that differs, the worst first. Nodes of which an edge says the same stand behind it.
pub(super) fn rows(compared: &Compared) -> Vec<Row> {
    let row = |(whose, delta): (&Whose, &Delta)| Row {
        whose: whose.clone(),
        name: match whose {
            Whose::Edge(from, to, _) => format!("{} → {}", from.title(), to.title()),
            Whose::Node(node) => node.title(),
        },
        words: words(delta),
        status: status(delta.worst()),
    };
    compared.list().into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::find::Find;
    use crate::graph::place;
    use crate::graph::view::Labels;
    use mesh::demo;
    use mesh::graph::GraphOptions;
    use mesh::traffic::Traffic;

    #[test]
    fn what_differs_is_said_where_it_is() {
        let (mesh, before) = (demo::bookinfo(), Arc::new(demo::bookinfo_traffic()));
        let mut after = Traffic::clone(&before);
        for (path, flow) in &mut after.flows {
            if &*path.destination.workload == "reviews-v3" {
                let all = flow.rps();
                flow.responses = [(("503".into(), "UF".into()), all)].into_iter().collect();
            }
        }
        let of =
            |traffic: &Arc<Traffic>| Graph::build(&mesh, Some(traffic), &GraphOptions::default(), demo::NOW);
        let compared = Compared::of(&of(&before), &of(&Arc::new(after)));
        let graph = &compared.graph;
        let view = View::of(graph, &place(graph), Labels::default(), &Find::read(""));
        let view = beside(view, graph, &compared);
        let plain = |text: &str| text.replace('\u{a0}', " ");
        let line = view.lines.iter().find(|line| line.name == "edge productpage to reviews v3").unwrap();
        assert_eq!((line.status, plain(&line.labels[0])), (Status::Failing, "errors 0 % → 100 %".to_owned()));
        let told: Vec<String> =
            line.facts.iter().map(|(name, value)| plain(&format!("{name}: {value}"))).collect();
        assert!(told[0] == "Differs: fails more" && told[1].contains("errors 0 %"), "{told:?}");
        let same = view.lines.iter().find(|line| line.name == "edge productpage to details").unwrap();
        assert_eq!(same.status, Status::Idle);
        assert_eq!(same.facts[0].1, "nothing that is certain");
        let rows = rows(&compared);
        assert_eq!(rows[0].name, "productpage v1 → reviews v3", "{rows:?}");
        assert!(rows.iter().all(|row| row.status == Status::Failing), "{rows:?}");
        let card = view.cards.iter().find(|card| card.name == "reviews v3").unwrap();
        assert_eq!((card.status, card.subtitle.as_str()), (Status::Failing, "fails more"));
    }
}
