//! Makes pictures of the graph away from the window's thread; small ones at once, since they take less than a
//! frame.

use super::canvas::Picture;
use super::find::Find;
use super::place::place_after;
use super::placement::{Options, Placement};
use super::view::{Labels, View};
use egui::Context;
use jiff::Timestamp;
use mesh::graph::{Builder, Graph, GraphOptions};
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
    /// What to include.
    pub(super) options: GraphOptions,
    /// Boxes.
    pub(super) boxes: Options,
    /// What pills say.
    pub(super) labels: Labels,
    /// What is searched for.
    pub(super) find: String,
    /// The clock.
    pub(super) at: Timestamp,
}

impl PartialEq for Order {
    /// Whether the same picture comes of both; the clock alone makes no new one.
    fn eq(&self, other: &Self) -> bool {
        let same_traffic = match (&self.traffic, &other.traffic) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        };
        same_traffic
            && self.mesh.revision() == other.mesh.revision()
            && self.options == other.options
            && self.boxes == other.boxes
            && self.labels == other.labels
            && self.find == other.find
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
    last: Option<Last>,
}

/// What the last picture was made of.
struct Last {
    graph: Arc<Graph>,
    placement: Arc<Placement>,
    view: View,
    labels: Labels,
    find: String,
}

impl Maker {
    pub(super) fn make(&mut self, order: &Order, before: Option<&Arc<Placement>>) -> Finished {
        let graph = self.builder.build(&order.mesh, order.traffic.as_ref(), &order.options, order.at);
        let finished = match self.last.as_ref().and_then(|last| last.patched(&graph, order, before)) {
            Some((view, changed)) => Finished {
                graph: Arc::new(graph),
                placement: before.map(Arc::clone).unwrap_or_default(),
                drawn: Drawn::Cards(view, changed),
            },
            None => finish(graph, order.boxes, order.labels, &order.find, before),
        };
        let view = match &finished.drawn {
            Drawn::Picture(picture) => picture.view.clone(),
            Drawn::Cards(view, _) => view.clone(),
        };
        self.last = Some(Last {
            graph: Arc::clone(&finished.graph),
            placement: Arc::clone(&finished.placement),
            view,
            labels: order.labels,
            find: order.find.clone(),
        });
        finished
    }
}

impl Last {
    /// The last view with the cards of nodes that changed, when nothing else did.
    fn patched(
        &self,
        graph: &Graph,
        order: &Order,
        before: Option<&Arc<Placement>>,
    ) -> Option<(View, Vec<usize>)> {
        let same_way = self.placement.options == order.boxes && self.labels == order.labels;
        let stands = before.is_some_and(|before| Arc::ptr_eq(before, &self.placement));
        let edges = same(&graph.edges, &self.graph.edges, Arc::ptr_eq);
        let nodes = same(&graph.nodes, &self.graph.nodes, |a, b| {
            Arc::ptr_eq(a, b) || (a.id == b.id && a.name == b.name)
        });
        if !same_way || self.find != order.find || !stands || !edges || !nodes {
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
const SMALL: usize = 150;

/// At most one picture in the making; a newer order waits for its end and then wins.
#[derive(Default)]
pub(super) struct Work {
    ordered: Option<Order>,
    waiting: Option<(Order, Option<Arc<Placement>>)>,
    running: Option<Receiver<(Maker, Finished)>>,
    /// At rest here, or on its thread.
    maker: Maker,
    failed: bool,
}

impl Work {
    /// Asks for a picture, unless it is the one asked for last. Returns it if it was made at once.
    pub(super) fn order(
        &mut self,
        ctx: &Context,
        order: Order,
        before: Option<Arc<Placement>>,
    ) -> Option<Finished> {
        if self.ordered.as_ref() == Some(&order) {
            return None;
        }
        self.ordered = Some(order.clone());
        if order.mesh.workload_count() <= SMALL && self.running.is_none() {
            return Some(self.maker.make(&order, before.as_ref()));
        }
        self.waiting = Some((order, before));
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

    /// Takes the last order for not given: it is made once more.
    pub(super) fn again(&mut self) {
        self.ordered = None;
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
        let Some((order, before)) = self.waiting.take() else { return };
        let (sender, receiver) = channel();
        let ctx = ctx.clone();
        let mut maker = std::mem::take(&mut self.maker);
        let thread = std::thread::Builder::new().name("graph".to_owned()).spawn(move || {
            let finished = maker.make(&order, before.as_ref());
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

/// Places a graph and gets it ready to be drawn.
pub(super) fn finish(
    graph: Graph,
    boxes: Options,
    labels: Labels,
    find: &str,
    before: Option<&Arc<Placement>>,
) -> Finished {
    let placement = match before.filter(|before| before.fits(&graph, boxes)) {
        Some(before) => Arc::clone(before),
        None => Arc::new(place_after(&graph, boxes, before.map(|before| &**before))),
    };
    let view = View::of(&graph, &placement, labels, &Find::read(find));
    let drawn = Drawn::Picture(Box::new(Picture::new(view)));
    Finished { graph: Arc::new(graph), placement, drawn }
}
