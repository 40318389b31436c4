//! The things on the canvas, and what can be done with them.

use super::index::Index;
use super::paint::Store;
use super::view::View;
use crate::selection::Selected;
use mesh::graph::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that the canvas draws: one per change of the data.
pub struct Picture {
    /// What is drawn.
    pub view: View,
    /// What is where.
    pub index: Arc<Index>,
    /// The graph that is drawn.
    pub store: Store,
}

impl Picture {
    /// Gets a view ready to be drawn.
    pub fn new(view: View) -> Self {
        Self { index: Arc::new(Index::new(&view)), store: Store::new(&view), view }
    }
    /// Takes in a view of which only these cards are others.
    pub(super) fn renew(&mut self, view: View, changed: &[usize]) {
        for &index in changed {
            self.store.renew(index, &view.cards[index]);
        }
        self.view = view;
    }
}

/// How the canvas is to draw this frame.
pub struct Setting<'a> {
    /// What screen readers call it.
    pub name: &'static str,
    /// What is selected.
    pub selected: Option<&'a Selected>,
    /// Whether dots flow along the edges.
    pub flowing: bool,
    /// Whether there is a small map when the graph does not fit.
    pub minimap: bool,
    /// Whether cards can be dragged to another place; where not, the graph is dragged by them, too.
    pub movable: bool,
    /// Rates of the last minutes by node id.
    pub history: &'a BTreeMap<NodeId, Vec<f32>>,
}

/// Something under the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A card.
    Card(usize),
    /// An edge.
    Line(usize),
    /// A box's head.
    Group(usize),
}

/// An edge, whichever picture it is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Joined(NodeId, NodeId, &'static str);

impl Joined {
    /// The edge that a line of this view is.
    pub(super) fn of(view: &View, line: usize) -> Self {
        let line = &view.lines[line];
        Self(view.cards[line.from].id.clone(), view.cards[line.to].id.clone(), line.protocol.name())
    }
}

/// What the user did on the canvas.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// Select this, or nothing.
    pub select: Option<Option<Selected>>,
    /// The thing whose menu is open.
    pub menu: Option<Thing>,
    /// Lines in view that lead to or from what is selected.
    pub lit: Vec<usize>,
    /// The line under the pointer.
    pub line: Option<usize>,
    /// A card was dragged by so much, in points at 100 %.
    pub put: Option<(NodeId, egui::Vec2)>,
}

/// A card that is being dragged.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) card: NodeId,
    /// How far it was moved, in points at 100 %.
    pub(super) by: egui::Vec2,
    /// Escape put it back: the button is still pressed, and does nothing more.
    pub(super) given_up: bool,
}

/// Whether a thing is still there, after the picture changed.
pub(super) fn exists(view: &View, thing: Thing) -> bool {
    match thing {
        Thing::Card(card) => card < view.cards.len(),
        Thing::Line(line) => line < view.lines.len(),
        Thing::Group(group) => group < view.groups.len(),
    }
}

/// What selecting a thing means.
pub fn selects(view: &View, thing: Thing) -> Option<Selected> {
    match thing {
        Thing::Card(card) => Some(view.cards[card].selects.clone()),
        Thing::Line(line) => {
            let line = &view.lines[line];
            Some(Selected::Edge(view.cards[line.from].id.clone(), view.cards[line.to].id.clone()))
        }
        Thing::Group(group) => view.groups[group].selects.clone(),
    }
}

/// What was found, in the order in which one steps through it: cards as one reads them, then edges.
pub(super) fn hits(view: &View) -> Vec<Selected> {
    if !view.searching {
        return Vec::new();
    }
    let mut cards: Vec<usize> = (0..view.cards.len()).filter(|card| view.cards[*card].found).collect();
    cards.sort_by(|a, b| {
        let [a, b] = [*a, *b].map(|card| view.cards[card].rect.min);
        a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y))
    });
    let lines = (0..view.lines.len()).filter(|line| view.lines[*line].found).map(Thing::Line);
    cards.into_iter().map(Thing::Card).chain(lines).filter_map(|thing| selects(view, thing)).collect()
}
