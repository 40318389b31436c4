//! The row above the graph: what a node stands for, what edges say, finding, zoom.

use super::canvas::Canvas;
use super::finding::{self, Searches, Step};
use super::layouts::Layout;
use super::moved::Moved;
use super::view::Labels;
use crate::cx::Cx;
use crate::intent::ExportFormat;
use crate::intent::Intent;
use crate::kit::{Button, End, button, field, fmt, icon, text};
use egui::{Id, Response, Ui, WidgetInfo, WidgetType};
use mesh::graph::{Folded, GraphType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How one looks at the graph; what is kept of it between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// What a node stands for.
    pub graph_type: GraphType,
    /// What edges say.
    pub labels: Labels,
    /// Things without traffic too.
    pub idle: bool,
    /// Boxes around namespaces.
    pub namespaces: bool,
    /// How everything is laid out.
    pub layout: Layout,
    /// Boxes that are one card each, in this run.
    #[serde(skip)]
    pub folded: BTreeSet<Folded>,
    /// Cards that were put somewhere by hand.
    pub moved: Moved,
    /// Flowing dots.
    pub flow: bool,
    /// The small map.
    pub minimap: bool,
    /// What colours, shapes and badges mean.
    pub legend: bool,
    /// The axis of the last hours.
    pub time: bool,
    /// How far that axis reaches back, in seconds.
    pub span_secs: u64,
    /// What was searched for before, and what is kept of it.
    pub searches: Searches,
    /// What is searched for.
    #[serde(skip)]
    pub find: String,
    /// What is left out.
    #[serde(skip)]
    pub hide: String,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            graph_type: GraphType::default(),
            labels: Labels::default(),
            idle: true,
            namespaces: true,
            layout: Layout::default(),
            folded: BTreeSet::new(),
            moved: Moved::default(),
            flow: true,
            minimap: true,
            legend: false,
            time: false,
            span_secs: 3_600,
            searches: Searches::default(),
            find: String::new(),
            hide: String::new(),
        }
    }
}

impl Choices {
    /// What places of cards are kept by: the cluster, and how it is laid out.
    pub(super) fn laid_out(&self, cx: &Cx<'_>) -> String {
        let cluster = cx.scene.cluster.as_ref();
        let cluster = cluster.map(|one| one.uid.as_ref().unwrap_or(&one.server).as_str()).unwrap_or_default();
        format!("{cluster} {:?} {:?} {}", self.layout, self.graph_type, self.namespaces)
    }
}

const TYPES: [(GraphType, &str); 4] = [
    (GraphType::VersionedApp, "Versioned app"),
    (GraphType::App, "App"),
    (GraphType::Workload, "Workload"),
    (GraphType::Service, "Service"),
];

/// From this width on menus say in words what they are about.
const WORDS: f32 = 800.0;
/// Below this width finding has a row of its own.
const ONE_ROW: f32 = 610.0;
/// Below this width one zooms by wheel and keys only.
const ZOOM: f32 = 420.0;
/// Below this width one looks back by the menu only.
const BACK: f32 = 716.0;
/// Below this width one fits by the key only.
const FIT: f32 = 320.0;

/// What was asked for in the toolbar.
#[derive(Default)]
pub(super) struct Asked {
    /// Everything is to be put in order anew.
    pub(super) rearrange: bool,
    /// Go to another hit.
    pub(super) step: Option<Step>,
}

/// What was found: which of it is selected, and how much there is.
pub(super) struct Hits {
    pub(super) at: Option<usize>,
    pub(super) count: usize,
}

/// What the graph shows now.
#[derive(Default)]
pub(super) struct Seen {
    /// What was found, when something is searched for.
    pub(super) hits: Option<Hits>,
    /// How many things in it are idle.
    pub(super) idle: usize,
    /// How many nodes are left out.
    pub(super) hidden: usize,
}

/// Draws the toolbar.
pub(super) fn ui(ui: &mut Ui, choices: &mut Choices, canvas: &mut Canvas, seen: &Seen, cx: &Cx<'_>) -> Asked {
    let mut asked = Asked::default();
    let width = ui.available_width();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let labels: Vec<&str> = TYPES.iter().map(|(_, label)| *label).collect();
        let chosen = TYPES.iter().position(|(graph_type, _)| *graph_type == choices.graph_type).unwrap_or(0);
        if let Some(index) = field::choose(ui, "Graph type", &labels, chosen) {
            choices.graph_type = TYPES[index].0;
            canvas.fit();
        }
        label_menu(ui, &mut choices.labels, width >= WORDS);
        asked.rearrange = show_menu(ui, choices, width >= WORDS, seen, cx);
        let back = Button::icon(icon::CLOCK_COUNTER_CLOCKWISE, "Look back in time").framed();
        if width >= BACK && ui.add(back.selected(choices.time)).clicked() {
            choices.time = !choices.time;
        }
        let end = End::of(ui, "looking");
        if width >= ONE_ROW {
            asked.step = finding::ui(ui, &mut choices.find, &mut choices.searches, &end);
        }
        end.show(ui, |ui| {
            if width >= ONE_ROW {
                found(ui, seen);
            }
            if width >= ZOOM {
                zoom(ui, canvas);
            }
            let name = "Fit graph to window";
            let fit = if width >= WORDS {
                Button::quiet("Fit").named(name)
            } else {
                Button::icon(icon::CORNERS_OUT, name).framed()
            };
            if width >= FIT && ui.add(fit).on_hover_text("Show all of the graph (F)").clicked() {
                canvas.fit();
            }
        });
    });
    if width < ONE_ROW {
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            let end = End::of(ui, "found");
            asked.step = finding::ui(ui, &mut choices.find, &mut choices.searches, &end);
            end.show(ui, |ui| found(ui, seen));
        });
    }
    asked
}

/// How much was found, and how much is left out.
fn found(ui: &mut Ui, seen: &Seen) {
    if let Some(hits) = &seen.hits {
        let found = fmt::count(hits.count);
        let at = |at| format!("{} of {found}", fmt::count(at + 1));
        text::note(ui, hits.at.map_or_else(|| format!("{found} found"), at));
    }
    if seen.hidden > 0 {
        text::note(ui, format!("{} hidden", fmt::count(seen.hidden)));
    }
}

fn label_menu(ui: &mut Ui, labels: &mut Labels, words: bool) {
    let names: Vec<&str> = [
        (labels.rate, "Rate"),
        (labels.throughput, "bytes"),
        (labels.share, "share"),
        (labels.p50, "p50"),
        (labels.p95, "p95"),
        (labels.p99, "p99"),
        (labels.errors, "errors"),
    ]
    .into_iter()
    .filter(|(on, _)| *on)
    .map(|(_, name)| name)
    .collect();
    let label = if names.is_empty() { "No labels".to_owned() } else { names.join(" · ") };
    let label = if words { label.as_str() } else { icon::TAG };
    let menu = button::menu(ui, label, "Edge labels", |ui| {
        let rows = [
            (&mut labels.rate, "Rate"),
            (&mut labels.throughput, "Bytes sent and received"),
            (&mut labels.share, "Share of the caller's requests"),
            (&mut labels.p50, "Median of latency"),
            (&mut labels.p95, "95th percentile of latency"),
            (&mut labels.p99, "99th percentile of latency"),
            (&mut labels.errors, "Errors"),
            (&mut labels.mtls, "Mutual TLS"),
        ];
        for (on, name) in rows {
            if button::choice(ui, *on, name) {
                *on = !*on;
            }
        }
    });
    hint(menu.response, "What edges say", words);
}

/// Says what a menu is about that is a glyph only.
fn hint(menu: Response, about: &str, words: bool) {
    if !words {
        menu.on_hover_text(about);
    }
}

fn show_menu(ui: &mut Ui, choices: &mut Choices, words: bool, seen: &Seen, cx: &Cx<'_>) -> bool {
    // A tick that changes nothing now says why.
    let idle =
        if choices.idle { format!("Idle services ({} now)", seen.idle) } else { "Idle services".to_owned() };
    let mut rearrange = false;
    let menu = button::menu(ui, if words { "Show" } else { icon::EYE }, "Show in graph", |ui| {
        let rows = [
            (&mut choices.idle, idle.as_str()),
            (&mut choices.namespaces, "Namespace boxes"),
            (&mut choices.flow, "Flowing dots"),
            (&mut choices.minimap, "Small map where not all fits"),
            (&mut choices.legend, "Legend"),
            (&mut choices.time, "Axis of the last hours, to look back"),
        ];
        for (on, name) in rows {
            if button::choice(ui, *on, name) {
                *on = !*on;
            }
        }
        ui.separator();
        let hint = "Hide: idle, ns = kube-system";
        field::search(ui, Id::new("graph hide"), hint, "Hide in graph", &mut choices.hide, 260.0)
            .on_hover_text("Leaves out what fits, in the words of Find");
        ui.separator();
        for (layout, name) in Layout::ALL {
            if button::choice(ui, choices.layout == layout, name) {
                choices.layout = layout;
            }
        }
        rearrange = button::item(ui, "Put in order anew");
        if !choices.folded.is_empty() {
            if button::item(ui, "Expand all") {
                choices.folded.clear();
            }
        } else if button::item(ui, "Collapse all namespaces") {
            // Those, too, of which nothing is known but their traffic.
            let traffic = cx.traffic();
            let flows = traffic.value().into_iter().flat_map(|traffic| traffic.flows.keys());
            let called = flows.flat_map(|path| [&path.source.namespace, &path.destination.namespace]);
            let known = cx.scene.mesh.parts().map(|(namespace, _)| namespace);
            choices.folded = known.chain(called).cloned().map(Folded::Namespace).collect();
        }
        let formats = [
            ("Save as SVG…", ExportFormat::Svg),
            ("Save as PNG…", ExportFormat::Png),
            ("Save as DOT…", ExportFormat::Dot),
            ("Save as JSON…", ExportFormat::Json),
        ];
        for (name, format) in formats {
            if button::item(ui, name) {
                cx.intents.send(Intent::ExportGraph(format));
            }
        }
    });
    hint(menu.response, "What the graph shows, and saving it", words);
    rearrange
}

/// Farther, the zoom, nearer.
fn zoom(ui: &mut Ui, canvas: &mut Canvas) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        if ui.add(Button::icon(icon::MINUS, "Zoom out").framed()).clicked() {
            canvas.zoom_by(0.8);
        }
        // The width does not change with the number.
        let percent = format!("{:.0}{}%", canvas.zoom() * 100.0, fmt::THIN);
        let label = egui::Button::new(percent).min_size(egui::vec2(58.0, 28.0));
        let response = ui.add(label).on_hover_text("Zoom to 100 % (0)");
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, "Zoom to 100 %"));
        if response.clicked() {
            canvas.zoom_by(1.0 / canvas.zoom());
        }
        if ui.add(Button::icon(icon::PLUS, "Zoom in").framed()).clicked() {
            canvas.zoom_by(1.25);
        }
    });
}
