//! What a panel is: its name, and how it is drawn, kept and recalled.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::selection::PanelId;

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

/// A part of the window that shows one view of the mesh. It keeps only how it is looked at (sorting, zoom,
/// search).
pub trait Panel {
    /// Draws it into all of `ui`.
    fn ui(&mut self, ui: &mut egui::Ui, cx: &Cx<'_>);
    /// How it is looked at, as it is kept for the next run; `None` when that is not worth keeping. Nothing
    /// that a cluster told may be in it.
    fn kept(&self) -> Option<serde_json::Value> {
        None
    }
    /// How it was looked at in the last run.
    fn recall(&mut self, _kept: serde_json::Value) {}
    /// Takes over what was asked for elsewhere and concerns how it is looked at ("show the traces of this
    /// edge").
    fn follow(&mut self, _intent: &Intent, _cx: &Cx<'_>) {}
}

/// One row of [`PANELS`](crate::table::PANELS).
pub struct PanelRow {
    /// Names it in intents and in the saved layout.
    pub id: PanelId,
    /// Name, icon, summary.
    pub about: About,
    /// Makes one.
    pub make: fn() -> Box<dyn Panel>,
}
