//! The row above the graph: what a node stands for, what edges say, finding, zoom.

use super::canvas::Canvas;
use super::view::Labels;
use crate::intent::ExportFormat;
use crate::kit::{Button, button, field, fmt, icon, text};
use crate::{Cx, Intent};
use egui::{Align, Id, Key, Layout, Ui, WidgetInfo, WidgetType};
use mesh::graph::GraphType;
use serde::{Deserialize, Serialize};

/// How one looks at the graph; what is kept of it between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choices {
    /// What a node stands for.
    pub graph_type: GraphType,
    /// What edges say.
    pub labels: Labels,
    /// Things without traffic too.
    pub idle: bool,
    /// Boxes around namespaces.
    pub namespaces: bool,
    /// Flowing dots.
    pub flow: bool,
    /// The small map.
    pub minimap: bool,
    /// What is searched for.
    #[serde(skip)]
    pub find: String,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            graph_type: GraphType::default(),
            labels: Labels::default(),
            idle: true,
            namespaces: true,
            flow: true,
            minimap: true,
            find: String::new(),
        }
    }
}

const TYPES: [(GraphType, &str); 4] = [
    (GraphType::VersionedApp, "Versioned app"),
    (GraphType::App, "App"),
    (GraphType::Workload, "Workload"),
    (GraphType::Service, "Service"),
];

/// Draws the toolbar. Returns whether everything is to be put in order anew.
pub(super) fn ui(ui: &mut Ui, choices: &mut Choices, canvas: &mut Canvas, found: Option<usize>, cx: &Cx<'_>) -> bool {
    let mut rearrange = false;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let labels: Vec<&str> = TYPES.iter().map(|(_, label)| *label).collect();
        let chosen = TYPES.iter().position(|(graph_type, _)| *graph_type == choices.graph_type).unwrap_or(0);
        if let Some(index) = field::choose(ui, "Graph type", &labels, chosen) {
            choices.graph_type = TYPES[index].0;
            canvas.fit();
        }
        label_menu(ui, &mut choices.labels);
        rearrange = show_menu(ui, choices, cx);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.add(Button::quiet("Fit").named("Fit graph to window")).on_hover_text("Show all of the graph (F)").clicked() {
                canvas.fit();
            }
            zoom(ui, canvas);
            if let Some(found) = found {
                text::note(ui, format!("{} found", fmt::count(found)));
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let width = ui.available_width().clamp(90.0, 280.0);
                let id = Id::new("graph find");
                let hint = "Find: reviews, %httperr > 5";
                let typing = ui.input(|input| input.key_pressed(Key::F) && input.modifiers.command);
                field::search(ui, id, hint, "Find in graph", &mut choices.find, width);
                if typing {
                    ui.memory_mut(|memory| memory.request_focus(id));
                }
            });
        });
    });
    rearrange
}

fn label_menu(ui: &mut Ui, labels: &mut Labels) {
    let names: Vec<&str> = [(labels.rate, "Rate"), (labels.p95, "p95"), (labels.errors, "errors")]
        .into_iter()
        .filter(|(on, _)| *on)
        .map(|(_, name)| name)
        .collect();
    let label = if names.is_empty() { "No labels".to_owned() } else { names.join(" · ") };
    button::menu(ui, &label, "Edge labels", |ui| {
        let rows = [
            (&mut labels.rate, "Rate"),
            (&mut labels.p95, "95th percentile of latency"),
            (&mut labels.errors, "Errors"),
            (&mut labels.mtls, "Mutual TLS"),
        ];
        for (on, name) in rows {
            if button::choice(ui, *on, name) {
                *on = !*on;
            }
        }
    });
}

fn show_menu(ui: &mut Ui, choices: &mut Choices, cx: &Cx<'_>) -> bool {
    let mut rearrange = false;
    button::menu(ui, "Show", "Show in graph", |ui| {
        let rows = [
            (&mut choices.idle, "Idle services"),
            (&mut choices.namespaces, "Namespace boxes"),
            (&mut choices.flow, "Flowing dots"),
            (&mut choices.minimap, "Small map"),
        ];
        for (on, name) in rows {
            if button::choice(ui, *on, name) {
                *on = !*on;
            }
        }
        ui.separator();
        rearrange = button::item(ui, "Put in order anew");
        for (name, format) in [("Save as SVG…", ExportFormat::Svg), ("Save as PNG…", ExportFormat::Png)] {
            if button::item(ui, name) {
                cx.intents.send(Intent::ExportGraph(format, None));
            }
        }
    });
    rearrange
}

/// From right to left: nearer, the zoom, farther.
fn zoom(ui: &mut Ui, canvas: &mut Canvas) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        if ui.add(Button::icon(icon::PLUS, "Zoom in").framed()).clicked() {
            canvas.zoom_by(1.25);
        }
        // The width does not change with the number.
        let percent = format!("{:.0}{}%", canvas.zoom() * 100.0, fmt::THIN);
        let label = egui::Button::new(percent).min_size(egui::vec2(58.0, 28.0));
        let response = ui.add(label).on_hover_text("Zoom to 100 % (0)");
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, "Zoom to 100 %"));
        if response.clicked() {
            canvas.zoom_by(1.0 / canvas.zoom());
        }
        if ui.add(Button::icon(icon::MINUS, "Zoom out").framed()).clicked() {
            canvas.zoom_by(0.8);
        }
    });
}
