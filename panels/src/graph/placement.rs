//! Where things stand: cards, boxes around them, ways of long edges.

use super::layouts::Layout;
use egui::{Pos2, Rect, Vec2, vec2};
use mesh::graph::{Graph, Node, NodeId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Height of a node's card.
pub(super) const CARD_HEIGHT: f32 = 46.0;
const STACK: f32 = 32.0;
pub(super) const APP: Padding = Padding { side: 14.0, top: 40.0, bottom: 16.0 };
pub(super) const NAMESPACE: Padding = Padding { side: 22.0, top: 44.0, bottom: 28.0 };
/// How far apart things stand above one another: a small graph spreads, so that it fills the room and its
/// pills stay apart.
pub(super) fn spread(nodes: usize) -> f32 {
    match nodes {
        0..=12 => 2.0,
        13..=24 => 1.4,
        _ => 1.0,
    }
}

/// Between two versions of an app.
pub(super) fn stack(nodes: usize) -> f32 {
    (STACK * spread(nodes)).round()
}

/// Room between a box and what is in it.
pub(super) struct Padding {
    pub(super) side: f32,
    pub(super) top: f32,
    pub(super) bottom: f32,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boxed {
    /// The versions of one app.
    App,
    /// A namespace.
    Namespace,
}

/// A box around nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// What it stands for.
    pub kind: Boxed,
    /// Its namespace.
    pub namespace: String,
    /// Name of the app or namespace.
    pub name: String,
    /// Where it is.
    pub rect: Rect,
    /// Nodes in it.
    pub members: Vec<usize>,
}

/// What shapes a placement besides the graph itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether namespaces get boxes of their own.
    pub namespaces: bool,
    /// How what is in a box, and the boxes, are laid out.
    pub layout: Layout,
}

impl Default for Options {
    fn default() -> Self {
        Self { namespaces: true, layout: Layout::default() }
    }
}

/// What stood somewhere, whether it is there now or not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Memory {
    pub(super) nodes: BTreeMap<NodeId, Rect>,
    /// Edges with the points that they passed.
    pub(super) links: BTreeMap<(NodeId, NodeId), Vec<Pos2>>,
}

/// Where everything stands. Nodes are in the order of the graph's.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Cards.
    pub nodes: Vec<Rect>,
    /// Boxes, outer ones first.
    pub frames: Vec<Frame>,
    /// Points that long edges pass, by the indices of their ends.
    pub bends: BTreeMap<(usize, usize), Vec<Pos2>>,
    /// Everything.
    pub bounds: Rect,
    /// The nodes, by name.
    pub(super) ids: Vec<NodeId>,
    /// Ends of the edges, sorted.
    pub(super) links: Vec<(usize, usize)>,
    /// Nodes and edges that came since everything was last put in order, and stand where there was room.
    pub(super) drift: usize,
    /// What stood and was joined at any time since then: what comes back stands where it stood.
    pub(super) memory: Arc<Memory>,
    pub(super) options: Options,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            frames: Vec::new(),
            bends: BTreeMap::new(),
            bounds: Rect::ZERO,
            ids: Vec::new(),
            links: Vec::new(),
            drift: 0,
            memory: Arc::default(),
            options: Options::default(),
        }
    }
}

impl Placement {
    /// Whether it is the placement of this graph (numbers and health do not matter).
    pub fn fits(&self, graph: &Graph, options: Options) -> bool {
        self.options == options
            && self.ids.len() == graph.nodes.len()
            && self.ids.iter().zip(&graph.nodes).all(|(id, node)| *id == node.id)
            && self.nodes.iter().zip(&graph.nodes).all(|(rect, node)| rect.width() >= card_size(node).x)
            && self.links == links(graph)
    }
}

impl Placement {
    /// Takes into the memory what stands now.
    pub(super) fn remember(&mut self) {
        let memory = Arc::make_mut(&mut self.memory);
        memory.nodes.extend(self.ids.iter().cloned().zip(self.nodes.iter().copied()));
        for link in &self.links {
            let bends = self.bends.get(link).cloned().unwrap_or_default();
            memory.links.insert((self.ids[link.0].clone(), self.ids[link.1].clone()), bends);
        }
    }
}

/// Ends of the edges as indices, sorted, each once; edges to nodes that do not exist are left out.
pub(super) fn links(graph: &Graph) -> Vec<(usize, usize)> {
    let mut links: Vec<(usize, usize)> = graph.ends().into_iter().flatten().collect();
    links.sort_unstable();
    links.dedup();
    links
}

/// Size of a node's card: room for its name and for numbers of any length, so that it never changes with the
/// numbers. Badges sit on its border, so that one that comes moves nothing.
pub(super) fn card_size(node: &Node) -> Vec2 {
    let letters = node.name.chars().count().min(26) as f32;
    let width = 36.0 + (letters * 7.3 + 10.0).max(88.0);
    vec2((width / 4.0).ceil() * 4.0, CARD_HEIGHT)
}

/// Draws the boxes around their members, apps first, and takes the bounds of all.
pub(super) fn enclose(placement: &mut Placement) {
    let around = |rects: &mut dyn Iterator<Item = Rect>, padding: &Padding| {
        let rect = rects.fold(Rect::NOTHING, Rect::union);
        Rect::from_min_max(
            rect.min - vec2(padding.side, padding.top),
            rect.max + vec2(padding.side, padding.bottom),
        )
    };
    let mut app_rects: Vec<(usize, Rect)> = Vec::new();
    for frame in placement.frames.iter_mut().filter(|frame| frame.kind == Boxed::App) {
        frame.rect = around(&mut frame.members.iter().map(|member| placement.nodes[*member]), &APP);
        app_rects.extend(frame.members.iter().map(|member| (*member, frame.rect)));
    }
    let mut outline = placement.nodes.clone();
    for (member, rect) in app_rects {
        outline[member] = rect;
    }
    for frame in placement.frames.iter_mut().filter(|frame| frame.kind == Boxed::Namespace) {
        frame.rect = around(&mut frame.members.iter().map(|member| outline[*member]), &NAMESPACE);
    }
    let all = outline.iter().copied().chain(placement.frames.iter().map(|frame| frame.rect));
    let bounds = all.fold(Rect::NOTHING, Rect::union);
    placement.bounds = if placement.nodes.is_empty() { Rect::ZERO } else { bounds };
}
