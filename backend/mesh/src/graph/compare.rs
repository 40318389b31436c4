//! Two graphs of one mesh, of two moments: what is new, gone, slower, faster, fails more or less, and of what
//! nobody can tell, since there were too few calls.

use super::{Edge, Graph, Node, NodeId};
use crate::health::{FEW, TIMED};
use crate::traffic::{MeasuredShare, Protocol};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Failures differ by so many points at least: of very many calls any difference is certain, and none matters.
const POINTS: f64 = 0.5;
/// What takes so many times as long is slower …
const SLOWER: f64 = 2.0;
/// … if it is so many milliseconds.
const MILLIS: f64 = 10.0;
/// So many times the calls are more.
const MORE: f64 = 1.5;
/// Counts vary by themselves: by so many of their deviations they differ.
const DEVIATIONS: f64 = 4.0;

/// How something differs from what it was; the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Differs {
    /// Fewer of its calls fail.
    FailsLess,
    /// Its answers come sooner.
    Faster,
    /// It is called more.
    More,
    /// It is called less.
    Fewer,
    /// It was not called before.
    New,
    /// Its answers take longer.
    Slower,
    /// It is not called any more.
    Gone,
    /// More of its calls fail.
    FailsMore,
}

impl Differs {
    /// All of them, the worst first.
    pub const ALL: [Self; 8] = [
        Self::FailsMore,
        Self::Gone,
        Self::Slower,
        Self::New,
        Self::Fewer,
        Self::More,
        Self::Faster,
        Self::FailsLess,
    ];

    /// In a word or two.
    pub fn word(self) -> &'static str {
        match self {
            Self::FailsLess => "fails less",
            Self::Faster => "faster",
            Self::More => "more calls",
            Self::Fewer => "fewer calls",
            Self::New => "new",
            Self::Slower => "slower",
            Self::Gone => "gone",
            Self::FailsMore => "fails more",
        }
    }
}

/// What was measured of a thing at one of the moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Requests per second.
    pub rps: f64,
    /// Requests of the window.
    pub requests: f64,
    /// Percentage that failed.
    pub error_percent: f64,
    /// Milliseconds.
    pub p95_ms: Option<f64>,
    /// TCP bytes per second.
    pub bytes: f64,
}

/// How a thing differs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Delta {
    /// What is certain, the worst first.
    pub differs: Vec<Differs>,
    /// Whether there were too few calls to tell all of it.
    pub not_known: bool,
    /// What was measured before.
    pub before: Figures,
    /// What was measured after.
    pub after: Figures,
}

impl Delta {
    /// The worst of it.
    pub fn worst(&self) -> Option<Differs> {
        self.differs.first().copied()
    }
}

/// Whose difference it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Whose {
    /// An edge's: who calls, who is called, how.
    Edge(NodeId, NodeId, Protocol),
    /// A node's.
    Node(NodeId),
}

/// Two moments beside each other.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// The later graph, and what was there only before; of what is gone, as it was.
    pub graph: Graph,
    deltas: BTreeMap<Whose, Delta>,
}

impl Compared {
    /// Compares the graphs of two moments, both with the same options.
    pub fn of(before: &Graph, after: &Graph) -> Self {
        let mut deltas = BTreeMap::new();
        let windows = [before, after].map(|graph| graph.duration_s.max(1) as f64);
        let nodes = both(&before.nodes, &after.nodes, |node| node.id.clone());
        for (id, (was, is)) in &nodes {
            let figures = [of_node(was.as_deref(), windows[0]), of_node(is.as_deref(), windows[1])];
            deltas.insert(Whose::Node(id.clone()), delta(figures, windows));
        }
        let key = |edge: &Edge| (edge.source.clone(), edge.target.clone(), edge.protocol.name());
        let edges = both(&before.edges, &after.edges, key);
        for (was, is) in edges.values() {
            let Some(edge) = is.as_ref().or(was.as_ref()) else { continue };
            let figures = [of_edge(was.as_deref(), windows[0]), of_edge(is.as_deref(), windows[1])];
            let whose = Whose::Edge(edge.source.clone(), edge.target.clone(), edge.protocol);
            deltas.insert(whose, delta(figures, windows));
        }
        let graph = Graph {
            at: after.at.clone(),
            duration_s: after.duration_s,
            nodes: nodes.into_values().filter_map(|(was, is)| is.or(was)).collect(),
            edges: edges.into_values().filter_map(|(was, is)| is.or(was)).collect(),
        };
        Self { graph, deltas }
    }

    /// How a node differs.
    pub fn node(&self, id: &NodeId) -> Option<&Delta> {
        self.deltas.get(&Whose::Node(id.clone()))
    }

    /// How an edge differs.
    pub fn edge(&self, edge: &Edge) -> Option<&Delta> {
        self.deltas.get(&Whose::Edge(edge.source.clone(), edge.target.clone(), edge.protocol))
    }

    /// All that differs, the worst first, and of the same sort what has the most calls; edges before the nodes at
    /// their ends.
    pub fn list(&self) -> Vec<(&Whose, &Delta)> {
        let mut all: Vec<_> = self.deltas.iter().filter(|(_, delta)| !delta.differs.is_empty()).collect();
        let calls = |delta: &Delta| (delta.before.requests.max(delta.after.requests)) as u64;
        all.sort_by_key(|(whose, delta)| {
            (Reverse(delta.worst()), matches!(whose, Whose::Node(_)), Reverse(calls(delta)))
        });
        all
    }

    /// Of how many edges not all is known, since they had too few calls.
    pub fn not_known(&self) -> usize {
        let edge = |whose: &Whose| matches!(whose, Whose::Edge(..));
        self.deltas.iter().filter(|(whose, delta)| edge(whose) && delta.not_known).count()
    }
}

/// Things of two lists by their names.
fn both<T, K: Ord>(before: &[Arc<T>], after: &[Arc<T>], key: impl Fn(&T) -> K) -> BTreeMap<K, Pair<T>> {
    let mut all: BTreeMap<K, Pair<T>> = BTreeMap::new();
    for thing in before {
        all.entry(key(thing)).or_insert((None, None)).0 = Some(Arc::clone(thing));
    }
    for thing in after {
        all.entry(key(thing)).or_insert((None, None)).1 = Some(Arc::clone(thing));
    }
    all
}

/// A thing as it was, and as it is.
type Pair<T> = (Option<Arc<T>>, Option<Arc<T>>);

/// A node by the calls that it gets; one that gets none, by those that it makes.
fn of_node(node: Option<&Node>, window: f64) -> Figures {
    let Some(node) = node else { return Figures::default() };
    let rps = if node.rps_in > 0.0 { node.rps_in } else { node.rps_out };
    Figures { rps, requests: rps * window, error_percent: node.error_percent_in, ..Figures::default() }
}

fn of_edge(edge: Option<&Edge>, window: f64) -> Figures {
    let Some(edge) = edge else { return Figures::default() };
    let Edge { rps, error_percent, p95_ms, bytes, .. } = *edge;
    Figures { rps, requests: rps * window, error_percent, p95_ms, bytes }
}

fn delta([before, after]: [Figures; 2], windows: [f64; 2]) -> Delta {
    let mut delta = Delta { before, after, ..Delta::default() };
    let mut say = |differs: Option<Option<Differs>>| match differs {
        Some(Some(differs)) => delta.differs.push(differs),
        Some(None) => {}
        None => delta.not_known = true,
    };
    let silent = |figures: &Figures| figures.rps <= 0.0 && figures.bytes <= 0.0;
    match (silent(&before), silent(&after)) {
        (true, true) => {}
        // So many calls would have been there before, or after, if nothing had changed.
        (true, false) => say((after.rps * windows[0] >= FEW).then_some(Some(Differs::New))),
        (false, true) => say((before.rps * windows[1] >= FEW).then_some(Some(Differs::Gone))),
        (false, false) if before.rps > 0.0 || after.rps > 0.0 => {
            say(failures(&before, &after));
            say(times(&before, &after));
            say(Some(counts(&before, &after, windows)));
        }
        (false, false) => {}
    }
    delta.differs.sort_by_key(|differs| Reverse(*differs));
    delta
}

/// Whether more or fewer fail, by intervals that do not meet; `None`: there are too few calls to tell.
fn failures(before: &Figures, after: &Figures) -> Option<Option<Differs>> {
    if before.requests < FEW || after.requests < FEW {
        return None;
    }
    let share = |figures: &Figures| {
        MeasuredShare::of(figures.requests * figures.error_percent / 100.0, figures.requests)
    };
    let (was, is) = (share(before), share(after));
    let matters = (was.percent - is.percent).abs() >= POINTS;
    Some(match () {
        () if matters && is.low > was.high => Some(Differs::FailsMore),
        () if matters && is.high < was.low => Some(Differs::FailsLess),
        () => None,
    })
}

/// Whether answers take longer; `None`: there are too few calls to tell.
fn times(before: &Figures, after: &Figures) -> Option<Option<Differs>> {
    let (Some(was), Some(is)) = (before.p95_ms, after.p95_ms) else {
        // Where none is measured (TCP), none is missing.
        return if before.p95_ms.is_none() && after.p95_ms.is_none() { Some(None) } else { None };
    };
    if before.requests < TIMED || after.requests < TIMED {
        return None;
    }
    Some(match () {
        () if is >= was * SLOWER && is - was >= MILLIS => Some(Differs::Slower),
        () if was >= is * SLOWER && was - is >= MILLIS => Some(Differs::Faster),
        () => None,
    })
}

/// Whether it is called more or less than chance makes it.
fn counts(before: &Figures, after: &Figures, windows: [f64; 2]) -> Option<Differs> {
    let deviation = (before.requests / windows[0].powi(2) + after.requests / windows[1].powi(2)).sqrt();
    let certain = (after.rps - before.rps).abs() > DEVIATIONS * deviation;
    match () {
        () if certain && after.rps > before.rps * MORE => Some(Differs::More),
        () if certain && before.rps > after.rps * MORE => Some(Differs::Fewer),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use crate::graph::GraphOptions;
    use crate::traffic::{Flow, Path, Traffic};

    /// How an edge with these figures differs: rate, percentage that fails, p95.
    #[track_caller]
    fn check(before: (f64, f64, f64), after: (f64, f64, f64), expect: &[&str], not_known: bool) {
        let of = |(rps, error_percent, p95): (f64, f64, f64)| Figures {
            rps,
            requests: rps * 60.0,
            error_percent,
            p95_ms: (p95 > 0.0).then_some(p95),
            bytes: 0.0,
        };
        let delta = delta([of(before), of(after)], [60.0, 60.0]);
        let words: Vec<&str> = delta.differs.iter().map(|differs| differs.word()).collect();
        assert_eq!((words.as_slice(), delta.not_known), (expect, not_known), "{before:?} {after:?}");
    }

    #[test]
    fn what_is_certain_is_said_and_what_is_not_is_not() {
        check((10.0, 0.0, 20.0), (10.0, 0.0, 22.0), &[], false);
        check((10.0, 0.0, 20.0), (10.0, 50.0, 20.0), &["fails more"], false);
        check((10.0, 50.0, 20.0), (10.0, 0.0, 20.0), &["fails less"], false);
        check((10.0, 2.0, 20.0), (10.0, 3.0, 20.0), &[], false);
        check((10.0, 0.0, 20.0), (10.0, 50.0, 400.0), &["fails more", "slower"], false);
        check((10.0, 0.0, 400.0), (10.0, 0.0, 20.0), &["faster"], false);
        check((10.0, 0.0, 1.0), (10.0, 0.0, 4.0), &[], false);
        check((10.0, 0.0, 20.0), (20.0, 0.0, 20.0), &["more calls"], false);
        check((10.0, 0.0, 20.0), (2.0, 0.0, 20.0), &["fewer calls"], false);
        check((0.0, 0.0, 0.0), (10.0, 0.0, 20.0), &["new"], false);
        check((10.0, 0.0, 20.0), (0.0, 0.0, 0.0), &["gone"], false);
    }

    #[test]
    fn of_few_calls_nobody_knows() {
        check((0.05, 0.0, 20.0), (0.05, 100.0, 900.0), &[], true);
        check((0.0, 0.0, 0.0), (0.05, 0.0, 20.0), &[], true);
        check((0.05, 0.0, 20.0), (0.0, 0.0, 0.0), &[], true);
        // Enough to tell that they fail, too few to tell how long they take.
        check((0.25, 0.0, 20.0), (0.25, 100.0, 900.0), &["fails more"], true);
        // Without an answer there is no time.
        check((10.0, 0.0, 20.0), (10.0, 100.0, 0.0), &["fails more"], true);
        check((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), &[], false);
    }

    #[test]
    fn two_moments_of_a_mesh() {
        let (mesh, before) = (demo::bookinfo(), Arc::new(demo::bookinfo_traffic()));
        let mut after = Traffic::clone(&before);
        after.flows.retain(|path, _| {
            !(&*path.source.workload == "productpage-v1" && &*path.destination.app == "details")
        });
        for (path, flow) in &mut after.flows {
            if &*path.destination.workload == "reviews-v3" {
                let all = flow.rps();
                flow.responses = [(("503".into(), "UF".into()), all)].into_iter().collect();
            }
        }
        let odd =
            before.flows.iter().find(|(path, _)| &*path.destination.app == "ratings").unwrap().0.clone();
        let rare = Path {
            service: crate::traffic::Called {
                host: "rare".into(),
                name: "rare".into(),
                namespace: "bookinfo".into(),
            },
            destination: crate::traffic::Peer {
                workload: "rare".into(),
                app: "rare".into(),
                namespace: "bookinfo".into(),
                ..odd.destination.clone()
            },
            ..odd
        };
        let few = Flow {
            responses: [(("200".into(), "-".into()), 0.02)].into_iter().collect(),
            window_secs: 60,
            ..Flow::default()
        };
        after.flows.insert(rare, few);
        let of =
            |traffic: &Arc<Traffic>| Graph::build(&mesh, Some(traffic), &GraphOptions::default(), demo::NOW);
        let compared = Compared::of(&of(&before), &of(&Arc::new(after)));
        let said: Vec<String> = compared
            .list()
            .iter()
            .map(|(whose, delta)| match whose {
                Whose::Edge(from, to, _) => {
                    format!("{} → {}: {}", from.title(), to.title(), delta.differs[0].word())
                }
                Whose::Node(node) => format!("{}: {}", node.title(), delta.differs[0].word()),
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"), @r"
        productpage v1 → reviews v3: fails more
        reviews v3: fails more
        productpage v1 → details v1: gone
        details v1: gone
        ");
        assert!(compared.not_known() >= 1, "the rare one");
        let details = compared.graph.edges.iter().find(|edge| edge.target.name() == "details").unwrap();
        assert!(details.rps > 0.0 && compared.edge(details).is_some_and(|delta| delta.after.rps == 0.0));
        assert!(compared.graph.ends().iter().all(Option::is_some));
    }
}
