//! Traces: the way of single requests through the mesh.

use crate::{About, Cx, Panel};

/// Name, icon, summary.
pub const ABOUT: About =
    About { name: "Traces", icon: egui_phosphor::regular::PATH, summary: "Find single requests and see where their time went" };

/// The traces panel.
#[derive(Default)]
pub struct Traces {}

impl Panel for Traces {
    fn ui(&mut self, _ui: &mut egui::Ui, _cx: &Cx<'_>) {}
}
