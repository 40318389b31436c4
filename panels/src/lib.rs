//! What the user sees: panels and editors. Plain egui; no network, no waiting.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod change_bar;
pub mod changes;
pub mod connect;
pub mod cx;
pub mod detail;
pub mod editors;
pub mod graph;
pub mod intent;
pub mod kit;
pub mod reads;
pub mod selection;
pub mod shell;
pub mod traces;
mod yaml;

pub use cx::{Cx, Destination, Intents};
pub use intent::Intent;
pub use reads::{Reads, Wanted};
pub use selection::{PanelId, Selected, Selection};

/// What a panel or an editor is called and what it is good for: menu, palette and help show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// "Graph".
    pub name: &'static str,
    /// A glyph of the icon font.
    pub icon: &'static str,
    /// One sentence: what the user gets from it.
    pub summary: &'static str,
}

/// A part of the window that shows one view of the mesh. It keeps only how it is looked at (sorting, zoom, search).
pub trait Panel {
    /// Draws it into all of `ui`.
    fn ui(&mut self, ui: &mut egui::Ui, cx: &Cx<'_>);
    /// How it is looked at, as it is kept for the next run; `None` when that is not worth keeping. Nothing that a cluster told
    /// may be in it.
    fn kept(&self) -> Option<serde_json::Value> {
        None
    }
    /// How it was looked at in the last run.
    fn recall(&mut self, _kept: serde_json::Value) {}
    /// Takes over what was asked for elsewhere and concerns how it is looked at ("show the traces of this edge").
    fn follow(&mut self, _intent: &Intent, _cx: &Cx<'_>) {}
}

/// One row of [`PANELS`].
pub struct PanelRow {
    /// Names it in intents and in the saved layout.
    pub id: PanelId,
    /// Name, icon, summary.
    pub about: About,
    /// Makes one.
    pub make: fn() -> Box<dyn Panel>,
}

/// Every panel stands here, once: rail, palette and tests walk this table.
pub const PANELS: &[PanelRow] = &[
    PanelRow { id: PanelId::Graph, about: graph::ABOUT, make: || Box::<graph::Graph>::default() },
    PanelRow { id: PanelId::Traces, about: traces::ABOUT, make: || Box::<traces::Traces>::default() },
    PanelRow { id: PanelId::Changes, about: changes::ABOUT, make: || Box::<changes::Changes>::default() },
];

/// The row of a panel.
pub fn panel(id: PanelId) -> Option<&'static PanelRow> {
    PANELS.iter().find(|row| row.id == id)
}
