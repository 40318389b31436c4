//! The ledger: every change of this run, how far it has come, what it did, and its undo.

use crate::{About, Cx, Panel};

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Changes",
    icon: egui_phosphor::regular::CLOCK_COUNTER_CLOCKWISE,
    summary: "Every change of this run, how far it has come, and its undo",
};

/// The ledger panel.
#[derive(Default)]
pub struct Changes {}

impl Panel for Changes {
    fn ui(&mut self, _ui: &mut egui::Ui, _cx: &Cx<'_>) {}
}
