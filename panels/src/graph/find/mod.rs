//! Finding in the graph, and hiding: names, what nodes and edges are, and what was measured of them, as `name ^= re`,
//! `healthy` or `%httperr > 5`, joined by AND, OR, NOT and parentheses. [`TERMS`] has them all.

mod parse;
mod terms;

pub use terms::{TERMS, Term};

use mesh::graph::{Edge, Graph, Node};
use parse::Expr;
use std::sync::Arc;
use terms::Is;

/// What is searched for.
#[derive(Clone, Default)]
pub struct Find(Option<Expr>);

/// Which nodes and edges match, in the graph's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    /// Per node.
    pub nodes: Vec<bool>,
    /// Per edge.
    pub edges: Vec<bool>,
}

impl Find {
    /// Reads what was typed. What cannot be read as a term is a word; nothing fails.
    pub fn read(text: &str) -> Self {
        Self(parse::read(text))
    }

    /// Whether anything is searched for.
    pub fn active(&self) -> bool {
        self.0.is_some()
    }

    /// Which nodes and edges match. The ends of an edge that matches by what was measured on it stay in sight.
    pub fn hits(&self, graph: &Graph) -> Hits {
        let Some(expr) = &self.0 else {
            return Hits { nodes: vec![true; graph.nodes.len()], edges: vec![true; graph.edges.len()] };
        };
        let ends = graph.ends();
        let Hits { mut nodes, edges } = matching(expr, graph, &ends);
        if of_edges(expr) {
            for (from, to) in ends.iter().zip(&edges).filter(|(_, hit)| **hit).filter_map(|(ends, _)| *ends) {
                (nodes[from], nodes[to]) = (true, true);
            }
        }
        Hits { nodes, edges }
    }

    /// A graph without what matches, and without edges whose ends have gone.
    pub fn without(&self, graph: Graph) -> Graph {
        let Some(expr) = &self.0 else { return graph };
        let ends = graph.ends();
        let hits = matching(expr, &graph, &ends);
        let stays = |at: usize| !hits.nodes[at];
        let edges = graph.edges.iter().zip(&ends).zip(&hits.edges);
        // An edge is hidden by what it is, or with an end: not by the name of an end that stays.
        let by_itself = of_edges(expr);
        let edges = edges.filter(|((_, ends), hit)| {
            !(**hit && by_itself) && ends.is_some_and(|(from, to)| stays(from) && stays(to))
        });
        let edges: Vec<Arc<Edge>> = edges.map(|((edge, _), _)| Arc::clone(edge)).collect();
        let nodes = graph.nodes.iter().enumerate().filter(|(at, _)| stays(*at));
        let nodes = nodes.map(|(_, node)| Arc::clone(node)).collect();
        Graph { nodes, edges, ..graph }
    }
}

fn matching(expr: &Expr, graph: &Graph, ends: &[Option<(usize, usize)>]) -> Hits {
    let node = |at: usize| &*graph.nodes[at];
    let edges = graph.edges.iter().zip(ends);
    let edges = edges.map(|(edge, ends)| on_edge(expr, edge, ends.map(|(from, to)| [node(from), node(to)])));
    Hits { nodes: graph.nodes.iter().map(|node| on_node(expr, node)).collect(), edges: edges.collect() }
}

/// Whether something is asked of edges.
fn of_edges(expr: &Expr) -> bool {
    match expr {
        Expr::Word(_) => false,
        Expr::Holds(term) | Expr::Text(term, ..) | Expr::Number(term, ..) => {
            matches!(term.is, Is::Measure(..) | Is::Texts(_) | Is::Both(..))
        }
        Expr::And(a, b) | Expr::Or(a, b) => of_edges(a) || of_edges(b),
        Expr::Not(inner) => of_edges(inner),
    }
}

fn has_word(node: &Node, word: &str) -> bool {
    let holds = |text: &str| text.to_lowercase().contains(word);
    holds(&node.name)
        || holds(&node.namespace)
        || [&node.app, &node.version, &node.service, &node.workload]
            .into_iter()
            .flatten()
            .any(|text| holds(text))
        || node.badges.iter().any(|badge| holds(badge.name()))
}

fn on_node(expr: &Expr, node: &Node) -> bool {
    match expr {
        Expr::Word(word) => has_word(node, word),
        Expr::Holds(term) => match term.is {
            Is::Flag(holds) | Is::Both(holds, _) => holds(node),
            _ => false,
        },
        Expr::Text(term, like, wanted) => match term.is {
            Is::Text(of) => like.holds(of(node).unwrap_or_default(), wanted),
            _ => false,
        },
        Expr::Number(term, op, wanted) => match term.is {
            Is::Figure(of) | Is::Measure(_, Some(of)) => {
                of(node).is_some_and(|value| op.holds(value, *wanted))
            }
            _ => false,
        },
        Expr::And(a, b) => on_node(a, node) && on_node(b, node),
        Expr::Or(a, b) => on_node(a, node) || on_node(b, node),
        Expr::Not(inner) => !on_node(inner, node),
    }
}

/// What is asked of nodes holds for an edge where it does for one of its ends.
fn on_edge(expr: &Expr, edge: &Edge, ends: Option<[&Node; 2]>) -> bool {
    let an_end = |expr: &Expr| ends.into_iter().flatten().any(|node| on_node(expr, node));
    match expr {
        Expr::Word(word) => edge.protocol.name() == word || an_end(expr),
        Expr::Holds(term) => match term.is {
            Is::Both(_, holds) => holds(edge, ends),
            _ => an_end(expr),
        },
        Expr::Text(term, like, wanted) => match term.is {
            Is::Texts(of) => of(edge, ends).iter().any(|text| like.holds(text, wanted)),
            _ => an_end(expr),
        },
        Expr::Number(term, op, wanted) => match term.is {
            Is::Measure(of, _) => of(edge, ends).is_some_and(|value| op.holds(value, *wanted)),
            _ => an_end(expr),
        },
        Expr::And(a, b) => on_edge(a, edge, ends) && on_edge(b, edge, ends),
        Expr::Or(a, b) => on_edge(a, edge, ends) || on_edge(b, edge, ends),
        Expr::Not(inner) => !on_edge(inner, edge, ends),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let graph = crate::graph::sample::bookinfo();
        let hits = Find::read(text).hits(&graph);
        let names = graph.nodes.iter().zip(&hits.nodes).filter(|(_, hit)| **hit);
        let names: Vec<String> = names
            .map(|(node, _)| format!("{} {}", node.name, node.version.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(names.join(", "), expect);
    }

    #[test]
    fn words() {
        check("reviews", "reviews v1, reviews v2, reviews v3");
        check("reviews v2", "reviews v2");
        check("details or ratings", "details v1, ratings v1");
        check("bookinfo not reviews", "details v1, productpage v1, ratings v1");
        check("(reviews and v1) or ratings", "ratings v1, reviews v1");
    }

    #[test]
    fn numbers_of_nodes_and_edges() {
        check("%httperr > 30", "ratings v1, reviews v3");
        check("%httperr>30 and reviews", "ratings v1, reviews v3");
        check("rps > 9.95", "ratings v1");
    }

    /// Kiali's words, texts with operators, and nodes and edges asked for together.
    #[test]
    fn terms() {
        check("ns = istio-system", "istio-ingressgateway latest");
        check("name ^= rev and not version = v2", "reviews v1, reviews v3");
        check("wl $= -v1 and app contains ev", "reviews v1");
        check("is gateway or has fi", "ratings v1, istio-ingressgateway latest");
        check("name = \"ratings\"", "ratings v1");
        check("root", "reviews v2, istio-ingressgateway latest");
        check("! healthy", "ratings v1, reviews v3");
    }

    /// Of an edge whose bytes nobody counted nothing is said.
    #[test]
    fn throughput() {
        let mut graph = crate::graph::sample::bookinfo();
        let found = |graph: &Graph, text: &str| {
            let hits = Find::read(text).hits(graph);
            graph
                .edges
                .iter()
                .zip(&hits.edges)
                .filter(|(_, hit)| **hit)
                .map(|(edge, _)| edge.rps)
                .sum::<f64>()
        };
        let all = found(&graph, "throughput > 0");
        assert!(all > 0.0 && found(&graph, "sent > 1MB/s") == 0.0);
        let busy = found(&graph, "throughput >= 3.2kB");
        assert!((8.0..all).contains(&busy) && found(&graph, "received >= 2400b") == busy, "{busy} of {all}");
        for edge in &mut graph.edges {
            std::sync::Arc::make_mut(edge).received_bytes_per_s = None;
        }
        assert_eq!((found(&graph, "throughput > 0"), found(&graph, "sent > 0")), (0.0, all));
    }

    /// Every name of a term is one's own, and each can be asked for.
    #[test]
    fn names_are_unique() {
        let mut seen = std::collections::BTreeSet::new();
        for term in TERMS {
            assert!(!term.about.is_empty());
            for name in term.names {
                assert!(seen.insert(name), "{name}");
                assert!(Find::read(&format!("{name} = 1")).active() || Find::read(name).active(), "{name}");
            }
        }
    }

    #[test]
    fn what_is_hidden_goes_with_its_edges() {
        let graph = crate::graph::sample::bookinfo();
        let left = |text: &str| {
            let graph = Find::read(text).without(graph.clone());
            assert!(graph.ends().iter().all(Option::is_some), "no edge without its ends");
            (graph.nodes.len(), graph.edges.len())
        };
        assert_eq!(left(""), (graph.nodes.len(), graph.edges.len()));
        assert_eq!(left("name = reviews").0, graph.nodes.len() - 3);
        let (nodes, edges) = left("protocol = http");
        assert!(nodes == graph.nodes.len() && edges < graph.edges.len(), "{nodes} {edges}");
    }

    #[test]
    fn half_typed_terms_ask_for_nothing() {
        check("ratings and %httperr >", "ratings v1");
        check(
            "%htt",
            "details v1, productpage v1, ratings v1, reviews v1, reviews v2, reviews v3, istio-ingressgateway latest",
        );
        check(
            "((",
            "details v1, productpage v1, ratings v1, reviews v1, reviews v2, reviews v3, istio-ingressgateway latest",
        );
    }
}
