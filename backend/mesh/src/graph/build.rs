//! From a mesh and one window of traffic to nodes and edges.

use super::edges::edge;
use super::names::{Names, Table};
use super::nodes::{Sides, node};
use super::{Graph, GraphOptions, NodeId};
use crate::lens::Reading;
use crate::traffic::{Flow, Path, Protocol, Traffic};
use crate::{Mesh, Service};
use istio::Ref;
use jiff::Timestamp;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

impl Graph {
    /// The graph of a mesh and what was measured on it. Without traffic there are nodes and no edges: what
    /// may talk is not told from what does. `at` is when the traffic was measured.
    pub fn build(mesh: &Mesh, traffic: Option<&Arc<Traffic>>, options: &GraphOptions, at: Timestamp) -> Self {
        Builder::default().build(mesh, traffic, options, at)
    }
}

/// How many nodes a graph would have: what is too large for anybody need not be built.
pub fn count(mesh: &Mesh, traffic: Option<&Traffic>, options: &GraphOptions) -> usize {
    let names = Names::of(mesh, None);
    let mut all: HashSet<NodeId> = HashSet::new();
    for (path, _) in carried(traffic, options) {
        all.extend(ends(&names, path, options));
    }
    if traffic.is_none() || options.idle {
        all.extend(names.quiet(options).into_iter().map(|id| options.drawn_as(id)));
    }
    all.len()
}

/// The flows that are shown. A path that was used in some other window has its series still: idle, like what was
/// never called.
fn carried<'a>(
    traffic: Option<&'a Traffic>,
    options: &'a GraphOptions,
) -> impl Iterator<Item = (&'a Path, &'a Flow)> {
    let wanted = |(path, flow): &(&Path, &Flow)| shown(options, path) && (options.idle || flow.carries());
    traffic.into_iter().flat_map(|traffic| &traffic.flows).filter(wanted)
}

/// The nodes at the ends of a path: who calls, and who is called.
fn ends(names: &Names, path: &Path, options: &GraphOptions) -> [NodeId; 2] {
    let called = (&path.service, &*path.source.namespace);
    [
        names.peer(&path.source, options.graph_type, None),
        names.peer(&path.destination, options.graph_type, Some(called)),
    ]
    .map(|id| options.drawn_as(id))
}

/// Builds one graph after another. Nodes and edges that are as they were are shared, and one pod costs one
/// node.
#[derive(Default)]
pub struct Builder {
    last: Option<Last>,
}

/// The last graph and what it was built of.
struct Last {
    traffic: Option<Arc<Traffic>>,
    options: GraphOptions,
    names: Names,
    /// Calls of each node, in the graph's order.
    sides: Vec<Sides>,
    graph: Graph,
}

impl Builder {
    /// The graph of a mesh and what was measured on it: see [`Graph::build`].
    pub fn build(
        &mut self,
        mesh: &Mesh,
        traffic: Option<&Arc<Traffic>>,
        options: &GraphOptions,
        at: Timestamp,
    ) -> Graph {
        let last = self.last.take();
        let names = Names::of(mesh, last.as_ref().map(|last| &last.names));
        let (mut graph, sides) = match last {
            Some(last) if last.is_of(traffic, options) => match last.touched(&names) {
                Some(touched) => last.patched(&names, touched),
                None => whole(&names, traffic, options, Some(&last.graph)),
            },
            last => whole(&names, traffic, options, last.as_ref().map(|last| &last.graph)),
        };
        graph.at = at.to_string();
        let traffic = traffic.cloned();
        self.last = Some(Last { traffic, options: options.clone(), names, sides, graph: graph.clone() });
        graph
    }
}

impl Last {
    fn is_of(&self, traffic: Option<&Arc<Traffic>>, options: &GraphOptions) -> bool {
        let same_traffic = match (&self.traffic, traffic) {
            (Some(was), Some(now)) => Arc::ptr_eq(was, now),
            (was, now) => was.is_none() && now.is_none(),
        };
        same_traffic && self.options == *options
    }

    /// The nodes that may have changed; `None` when some may have come or gone, or stand for something else.
    fn touched(&self, names: &Names) -> Option<BTreeSet<NodeId>> {
        let (was, now) = (&self.names.mesh, &names.mesh);
        let tables = names.changed(&self.names)?;
        let named = |(now, was): &(&Table, &Table)| now.names_the_same(was);
        if was.root_namespace() != now.root_namespace() || !tables.iter().all(named) {
            return None;
        }
        let mut touched = BTreeSet::new();
        for (now, was) in tables {
            let workloads = now.part.workloads().zip(was.part.workloads());
            for (workload, _) in workloads.filter(|(now, was)| !Arc::ptr_eq(now, was)) {
                touched.extend(names.about(workload));
            }
            let services = now.part.services().zip(was.part.services());
            for (service, _) in services.filter(|(now, was)| !Arc::ptr_eq(now, was)) {
                touched.extend(about(names, service));
            }
        }
        let config = changed_config(was, now);
        if !config.is_empty() {
            let names_one = |service: &&Service| {
                let all = service.virtual_services.iter().chain(&service.destination_rules);
                all.into_iter().any(|at| config.contains(at))
            };
            let services = now.services().filter(names_one);
            touched.extend(services.flat_map(|service| about(names, service)));
        }
        Some(touched.into_iter().map(|id| self.options.drawn_as(id)).collect())
    }

    /// The last graph with these nodes made anew.
    fn patched(self, names: &Names, touched: BTreeSet<NodeId>) -> (Graph, Vec<Sides>) {
        let Self { options, sides, mut graph, .. } = self;
        for id in touched {
            let Ok(at) = graph.nodes.binary_search_by(|node| node.id.cmp(&id)) else { continue };
            let now = node(names, &id, &options, &sides[at]);
            if now != *graph.nodes[at] {
                graph.nodes[at] = Arc::new(now);
            }
        }
        (graph, sides)
    }
}

/// All nodes that tell something of a service.
fn about(names: &Names, service: &Service) -> Vec<NodeId> {
    let own = NodeId::Service(names.mesh.service_id(service));
    let behind = names.mesh.workloads_of(service).flat_map(|workload| names.about(workload));
    behind.chain([own]).collect()
}

/// VirtualServices and DestinationRules that are in both and say something else.
fn changed_config(was: &Mesh, now: &Mesh) -> BTreeSet<Ref> {
    if was.config_revision() == now.config_revision() {
        return BTreeSet::new();
    }
    let routes = now
        .virtual_services()
        .filter(|(at, view)| was.virtual_service(at).is_some_and(|was| !std::ptr::eq(was, *view)));
    let rules = now
        .destination_rules()
        .filter(|(at, view)| was.destination_rule(at).is_some_and(|was| !std::ptr::eq(was, *view)));
    routes.map(|(at, _)| at).chain(rules.map(|(at, _)| at)).cloned().collect()
}

fn shown(options: &GraphOptions, path: &Path) -> bool {
    let wanted = |namespace: &str| options.namespaces.iter().any(|name| name == namespace);
    let ends = [&path.source.namespace, &path.destination.namespace, &path.service.namespace];
    options.namespaces.is_empty() || ends.into_iter().any(|namespace| wanted(namespace))
}

/// Gives every name a number, in the order in which they come.
#[derive(Default)]
struct Numbers {
    ids: Vec<NodeId>,
    known: HashMap<NodeId, usize>,
}

impl Numbers {
    fn of(&mut self, id: NodeId) -> usize {
        *self.known.entry(id).or_insert_with_key(|id| {
            self.ids.push(id.clone());
            self.ids.len() - 1
        })
    }
}

/// The graph from nothing; what is as it was is shared with `before`.
fn whole(
    names: &Names,
    traffic: Option<&Arc<Traffic>>,
    options: &GraphOptions,
    before: Option<&Graph>,
) -> (Graph, Vec<Sides>) {
    let mut numbers = Numbers::default();
    let mut edges: Vec<((usize, usize, Protocol), Reading)> = Vec::new();
    let mut known: HashMap<(usize, usize, Protocol), usize> = HashMap::new();
    for (path, flow) in carried(traffic.map(|traffic| &**traffic), options) {
        let [source, target] = ends(names, path, options).map(|id| numbers.of(id));
        let key = (source, target, path.protocol);
        let at = *known.entry(key).or_insert_with(|| {
            edges.push((key, Reading::default()));
            edges.len() - 1
        });
        edges[at].1.add(path.protocol, flow);
    }
    if traffic.is_none() || options.idle {
        for id in names.quiet(options) {
            numbers.of(options.drawn_as(id));
        }
    }
    let ids = numbers.ids;
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_unstable_by(|a, b| ids[*a].cmp(&ids[*b]));
    let mut place = vec![0; ids.len()];
    order.iter().enumerate().for_each(|(at, number)| place[*number] = at);
    let past = traffic.is_some_and(|traffic| traffic.past);
    let mut sides: Vec<Sides> = ids.iter().map(|_| Sides { past, ..Sides::default() }).collect();
    for ((source, target, _), reading) in &mut edges {
        (*source, *target) = (place[*source], place[*target]);
        sides[*source].sent.extend(&reading.ends);
        sides[*target].got.extend(&reading.ends);
    }
    edges.sort_unstable_by_key(|((source, target, protocol), _)| (*source, *target, protocol.name()));
    let ids: Vec<&NodeId> = order.iter().map(|number| &ids[*number]).collect();
    let nodes = ids.iter().zip(&sides).map(|(id, sides)| node(names, id, options, sides));
    let nodes = shared(nodes, before.map(|graph| &*graph.nodes), |a, b| a.id.cmp(&b.id));
    let edges = edges.into_iter().map(|((source, target, protocol), reading)| {
        edge(ids[source].clone(), ids[target].clone(), protocol, reading)
    });
    let edges = shared(edges, before.map(|graph| &*graph.edges), |a, b| {
        (&a.source, &a.target, a.protocol.name()).cmp(&(&b.source, &b.target, b.protocol.name()))
    });
    let duration_s = traffic.map_or(0, |traffic| traffic.window_secs);
    (Graph { at: String::new(), duration_s, nodes, edges }, sides)
}

/// What was made, in order; what is as it was in `before`, which is in the same order, is taken from there.
fn shared<T: PartialEq>(
    made: impl Iterator<Item = T>,
    before: Option<&[Arc<T>]>,
    order: fn(&T, &T) -> Ordering,
) -> Vec<Arc<T>> {
    let mut before = before.unwrap_or_default().iter().peekable();
    let share = |now: T| {
        while before.next_if(|was| order(was, &now).is_lt()).is_some() {}
        match before.peek() {
            Some(was) if ***was == now => Arc::clone(was),
            _ => Arc::new(now),
        }
    };
    made.map(share).collect()
}
