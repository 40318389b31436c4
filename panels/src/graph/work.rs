//! Makes pictures of the graph away from the window's thread; small ones at once, since they take less than a frame.

use super::canvas::Picture;
use super::find::Find;
use super::place::{Options, Placement, place_after};
use super::view::{Labels, View};
use egui::Context;
use jiff::Timestamp;
use mesh::graph::{Graph, GraphOptions};
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
            && Arc::ptr_eq(&self.mesh, &other.mesh)
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
    pub(super) picture: Picture,
}

/// Larger meshes than this are worked on by a thread.
const SMALL: usize = 150;

/// At most one picture in the making; a newer order waits for its end and then wins.
#[derive(Default)]
pub(super) struct Work {
    ordered: Option<Order>,
    waiting: Option<(Order, Option<Arc<Placement>>)>,
    running: Option<Receiver<Finished>>,
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
            return Some(make(&order, before.as_deref()));
        }
        self.waiting = Some((order, before));
        self.start(ctx);
        None
    }

    /// The picture that was finished since, if any. Never waits.
    pub(super) fn finished(&mut self, ctx: &Context) -> Option<Finished> {
        let finished = match self.running.as_ref()?.try_recv() {
            Ok(finished) => Some(finished),
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
        let thread = std::thread::Builder::new().name("graph".to_owned()).spawn(move || {
            let finished = make(&order, before.as_deref());
            // Send first, wake second. Nobody listens any more when the panel was closed.
            if sender.send(finished).is_ok() {
                ctx.request_repaint();
            }
        });
        match thread {
            Ok(_) => (self.running, self.failed) = (Some(receiver), false),
            Err(_) => self.failed = true,
        }
    }
}

fn make(order: &Order, before: Option<&Placement>) -> Finished {
    let graph = Graph::build(&order.mesh, order.traffic.as_ref(), &order.options, order.at);
    finish(graph, order.boxes, order.labels, &order.find, before)
}

/// Places a graph and gets it ready to be drawn.
pub(super) fn finish(
    graph: Graph,
    boxes: Options,
    labels: Labels,
    find: &str,
    before: Option<&Placement>,
) -> Finished {
    let placement = match before.filter(|before| before.fits(&graph, boxes)) {
        Some(before) => before.clone(),
        None => place_after(&graph, boxes, before),
    };
    let view = View::of(&graph, &placement, labels, &Find::read(find));
    Finished { graph: Arc::new(graph), placement: Arc::new(placement), picture: Picture::new(view) }
}
