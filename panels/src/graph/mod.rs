//! The service graph: who talks to whom, and how well.

use crate::{About, Cx, Panel};

/// Name, icon, summary.
pub const ABOUT: About =
    About { name: "Graph", icon: egui_phosphor::regular::GRAPH, summary: "Who talks to whom, and how well" };

/// The graph panel.
#[derive(Default)]
pub struct Graph {}

impl Panel for Graph {
    fn ui(&mut self, _ui: &mut egui::Ui, _cx: &Cx<'_>) {}
}
