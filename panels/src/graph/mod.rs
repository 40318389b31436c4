//! The service graph: who talks to whom, and how well.

use crate::{About, Cx, Panel};

/// What it is called and what it is good for.
pub const ABOUT: About =
    About { name: "Graph", icon: crate::kit::icon::GRAPH, summary: "Who talks to whom, how much, and how well" };

/// The panel.
#[derive(Default)]
pub struct Graph {}

impl Panel for Graph {
    fn ui(&mut self, ui: &mut egui::Ui, _cx: &Cx<'_>) {
        crate::kit::remote::waiting(ui, "The graph is being drawn");
    }
}
