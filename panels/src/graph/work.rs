//! Makes pictures of the graph away from the window's thread; small ones at once, since they take less than a
//! frame.

use super::beside::beside;
use super::canvas::Picture;
use super::find::Find;
use super::moved::{self, Offsets};
use super::place::place_after;
use super::placement::{Options, Placement};
use super::view::{Labels, View};
use crate::kit::aside::{FEW_PATHS, alone};
use crate::kit::give_way;
use egui::Context;
use jiff::Timestamp;
use mesh::check::Judged;
use mesh::graph::compare::Compared;
use mesh::graph::{Builder, Graph, GraphOptions, NodeId, count};
use mesh::traffic::Traffic;
use mesh::{Mesh, Problem};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// What a picture is made from.
#[derive(Clone)]
pub(super) struct Order {
    /// The model.
    pub(super) mesh: Arc<Mesh>,
    /// What was measured.
    pub(super) traffic: Option<Arc<Traffic>>,
    /// What was measured at an earlier moment that it is compared with.
    pub(super) before: Option<Arc<Traffic>>,
    /// What is wrong, where that is known.
    pub(super) judged: Arc<Judged>,
    /// What to include.
    pub(super) options: GraphOptions,
    /// Boxes.
    pub(super) boxes: Options,
    /// Cards that were put somewhere by hand.
    pub(super) moved: Arc<Offsets>,
    /// What pills say.
    pub(super) labels: Labels,
    /// What is searched for.
    pub(super) find: String,
    /// What is left out.
    pub(super) hide: String,
    /// The node that is looked at alone, with what is within so many calls of it.
    pub(super) around: Option<(NodeId, usize)>,
    /// How often everything was asked to be put in order anew: then nothing stands where it stood.
    pub(super) anew: usize,
    /// The clock.
    pub(super) at: Timestamp,
}

impl PartialEq for Order {
    /// Whether the same picture comes of both; the clock alone makes no new one.
    fn eq(&self, other: &Self) -> bool {
        let same_traffic = |one: &Option<Arc<Traffic>>, two: &Option<Arc<Traffic>>| match (one, two) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same_traffic(&self.traffic, &other.traffic)
            && same_traffic(&self.before, &other.before)
            && Arc::ptr_eq(&self.judged, &other.judged)
            && self.mesh.revision() == other.mesh.revision()
            && self.options == other.options
            && self.boxes == other.boxes
            && self.moved == other.moved
            && self.labels == other.labels
            && self.find == other.find
            && self.hide == other.hide
            && self.around == other.around
            && self.anew == other.anew
    }
}

impl Order {
    /// Of a mesh and its traffic at this time; everything else as nobody has asked for anything.
    pub(super) fn of(mesh: &Arc<Mesh>, traffic: Option<Arc<Traffic>>, at: Timestamp) -> Self {
        Self {
            mesh: Arc::clone(mesh),
            traffic,
            before: None,
            judged: Arc::default(),
            options: GraphOptions::default(),
            boxes: Options::default(),
            moved: Arc::default(),
            labels: Labels::default(),
            find: String::new(),
            hide: String::new(),
            around: None,
            anew: 0,
            at,
        }
    }

    fn paths(&self) -> usize {
        self.traffic.as_ref().map_or(0, |traffic| traffic.flows.len())
    }

    fn is_large(&self) -> bool {
        2 * self.paths() + self.mesh.workload_count() + self.mesh.service_count() > MOST_NODES
    }
}

/// A finished picture with what it was made of.
pub(super) struct Finished {
    /// The graph.
    pub(super) graph: Arc<Graph>,
    /// Where everything stands.
    pub(super) placement: Arc<Placement>,
    /// What is drawn.
    pub(super) drawn: Drawn,
    /// How many nodes are left out.
    pub(super) hidden: usize,
    /// How many nodes there are, where they are more than are drawn: then the graph has none.
    pub(super) too_many: Option<usize>,
    /// How it differs from the moment that it is compared with.
    pub(super) compared: Option<Arc<Compared>>,
}

/// What of a picture is new.
pub(super) enum Drawn {
    /// All of it.
    Picture(Box<Picture>),
    /// These cards; everything else is as in the picture before.
    Cards(View, Vec<usize>),
}

/// Makes pictures, each on the last one.
#[derive(Default)]
pub(super) struct Maker {
    builder: Builder,
    /// Of the moment before.
    earlier: Builder,
    last: Option<Last>,
}

/// What the last picture was made of.
struct Last {
    graph: Arc<Graph>,
    /// Where everything stands, and where the layout put it.
    placement: Arc<Placement>,
    laid: Arc<Placement>,
    view: View,
    order: Order,
}

impl Maker {
    /// Makes a picture; what stood in the last one of the same things stands there still.
    pub(super) fn make(&mut self, order: &Order) -> Finished {
        let _alone = order.is_large().then(alone);
        if order.is_large() {
            let nodes = count(&order.mesh, order.traffic.as_deref(), &order.options);
            if nodes > MOST_NODES {
                // Of what is so large nothing is made, or kept.
                *self = Self::default();
                return Finished {
                    graph: Arc::default(),
                    placement: Arc::default(),
                    drawn: Drawn::Picture(Box::new(Picture::new(View::default()))),
                    hidden: 0,
                    too_many: Some(nodes),
                    compared: None,
                };
            }
        }
        let mut graph = self.builder.build(&order.mesh, order.traffic.as_ref(), &order.options, order.at);
        let compared = order.before.as_ref().map(|before| {
            let before = self.earlier.build(&order.mesh, Some(before), &order.options, order.at);
            Arc::new(Compared::of(&before, &graph))
        });
        match &compared {
            Some(compared) => graph = compared.graph.clone(),
            None => self.earlier = Builder::default(),
        }
        order.judged.mark(&order.mesh, &mut graph);
        let last = self.last.take().filter(|last| last.is_of(order));
        let all = graph.nodes.len();
        let graph = Find::read(&order.hide).without(graph);
        let hidden = all - graph.nodes.len();
        let graph = match &order.around {
            Some((node, hops)) => graph.around(node, *hops),
            None => graph,
        };
        let (finished, laid) = match last.as_ref().and_then(|last| Some((last, last.patched(&graph, order)?)))
        {
            Some((last, (view, changed))) => (
                Finished {
                    graph: Arc::new(graph),
                    placement: Arc::clone(&last.placement),
                    drawn: Drawn::Cards(view, changed),
                    hidden,
                    too_many: None,
                    compared: None,
                },
                Arc::clone(&last.laid),
            ),
            None => {
                let (finished, laid) = finish(graph, order, last.as_ref().map(|last| &last.laid), compared);
                (Finished { hidden, ..finished }, laid)
            }
        };
        let view = match &finished.drawn {
            Drawn::Picture(picture) => picture.view.clone(),
            Drawn::Cards(view, _) => view.clone(),
        };
        self.last = Some(Last {
            graph: Arc::clone(&finished.graph),
            placement: Arc::clone(&finished.placement),
            laid,
            view,
            order: order.clone(),
        });
        finished
    }
}

impl Last {
    /// Whether its nodes are the same sort of things around the same one, and nobody asked to put them in order
    /// anew.
    fn is_of(&self, order: &Order) -> bool {
        let around = |order: &Order| order.around.as_ref().map(|(node, _)| node.clone());
        self.order.options == order.options
            && self.order.anew == order.anew
            && around(&self.order) == around(order)
    }

    /// The last view with the cards of nodes that changed, when nothing else did.
    fn patched(&self, graph: &Graph, order: &Order) -> Option<(View, Vec<usize>)> {
        let was = &self.order;
        let same_way = (was.boxes, &was.moved, was.labels, &was.find, &was.hide)
            == (order.boxes, &order.moved, order.labels, &order.find, &order.hide);
        let edges = same(&graph.edges, &self.graph.edges, Arc::ptr_eq);
        let nodes = same(&graph.nodes, &self.graph.nodes, |a, b| {
            Arc::ptr_eq(a, b) || (a.id == b.id && a.name == b.name)
        });
        if !same_way || !edges || !nodes || was.before.is_some() || order.before.is_some() {
            return None;
        }
        let pairs = graph.nodes.iter().zip(&self.graph.nodes).enumerate();
        let changed = pairs.filter(|(_, (now, was))| !Arc::ptr_eq(now, was)).map(|(at, _)| at);
        let changed: Vec<usize> = changed.collect();
        Some((self.view.with(graph, &self.placement, &changed)?, changed))
    }
}

fn same<T>(one: &[T], two: &[T], equal: impl Fn(&T, &T) -> bool) -> bool {
    one.len() == two.len() && one.iter().zip(two).all(|(a, b)| equal(a, b))
}

/// Larger meshes than this are worked on by a thread.
const SMALL: usize = 60;
/// More nodes than this are not placed: no eye could tell them apart, and no machine carries any number of them.
pub const MOST_NODES: usize = 12_000;

/// At most one picture in the making; a newer order waits for its end and then wins. Pictures come out in the
/// order in which they were made, each made on the one before.
#[derive(Default)]
pub(super) struct Work {
    ordered: Option<Order>,
    waiting: Option<Order>,
    running: Option<Receiver<(Maker, Finished)>>,
    /// At rest here, or on its thread.
    maker: Maker,
    failed: bool,
}

impl Work {
    /// Asks for a picture, unless it is the one asked for last. Returns it if it was made at once.
    pub(super) fn order(&mut self, ctx: &Context, order: Order) -> Option<Finished> {
        if self.ordered.as_ref() == Some(&order) {
            return None;
        }
        self.ordered = Some(order.clone());
        if order.mesh.workload_count() <= SMALL && order.paths() <= FEW_PATHS && self.running.is_none() {
            return Some(self.maker.make(&order));
        }
        self.waiting = Some(order);
        self.start(ctx);
        None
    }

    /// The picture that was finished since, if any. Never waits.
    pub(super) fn finished(&mut self, ctx: &Context) -> Option<Finished> {
        let finished = match self.running.as_ref()?.try_recv() {
            Ok((maker, finished)) => {
                self.maker = maker;
                Some(finished)
            }
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => {
                self.failed = true;
                None
            }
        };
        self.running = None;
        self.start(ctx);
        finished
    }

    /// Whether what is shown, or about to be, is of the past or compared with it.
    pub(super) fn is_past(&self) -> bool {
        self.ordered.as_ref().is_some_and(|order| {
            order.before.is_some() || order.traffic.as_ref().is_some_and(|traffic| traffic.past)
        })
    }

    /// Whether a picture is in the making.
    pub(super) fn busy(&self) -> bool {
        self.running.is_some()
    }

    /// Why there is no newer picture, if the making of one broke off.
    pub(super) fn problem(&self) -> Option<Problem> {
        self.failed.then(|| {
            Problem::new(
                "The graph was not drawn anew",
                "placing it broke off",
                "Choose another graph type, or fewer namespaces",
            )
        })
    }

    fn start(&mut self, ctx: &Context) {
        if self.running.is_some() {
            return;
        }
        let Some(order) = self.waiting.take() else { return };
        let (sender, receiver) = channel();
        let ctx = ctx.clone();
        let mut maker = std::mem::take(&mut self.maker);
        let thread = std::thread::Builder::new().name("graph".to_owned()).spawn(move || {
            give_way();
            let finished = maker.make(&order);
            // Send first, wake second. Nobody listens any more when the panel was closed.
            if sender.send((maker, finished)).is_ok() {
                ctx.request_repaint();
            }
        });
        match thread {
            Ok(_) => (self.running, self.failed) = (Some(receiver), false),
            Err(_) => self.failed = true,
        }
    }
}

/// Places a graph and gets it ready to be drawn; with where the layout alone puts everything.
fn finish(
    graph: Graph,
    order: &Order,
    before: Option<&Arc<Placement>>,
    compared: Option<Arc<Compared>>,
) -> (Finished, Arc<Placement>) {
    let laid = match before.filter(|before| before.fits(&graph, order.boxes)) {
        Some(before) => Arc::clone(before),
        None => Arc::new(place_after(&graph, order.boxes, before.map(|before| &**before))),
    };
    let placement = moved::put(&laid, &graph, &order.moved);
    let mut view = View::of(&graph, &placement, order.labels, &Find::read(&order.find));
    if let Some(compared) = &compared {
        view = beside(view, &graph, compared);
    }
    let drawn = Drawn::Picture(Box::new(Picture::new(view)));
    (Finished { graph: Arc::new(graph), placement, drawn, hidden: 0, too_many: None, compared }, laid)
}

#[cfg(test)]
#[path = "work_tests.rs"]
mod tests;
