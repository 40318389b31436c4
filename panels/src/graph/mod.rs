//! The service graph: who talks to whom, and how well.

pub mod access;
pub mod batch;
pub mod bench;
mod beside;
pub mod camera;
pub mod canvas;
pub mod chosen;
mod curve;
mod detour;
mod drill;
mod ended;
pub mod find;
mod finding;
#[cfg(test)]
mod folded_tests;
mod frames;
pub mod index;
#[cfg(test)]
mod keys_tests;
pub mod labels;
mod layers;
mod layouts;
mod legend;
mod line;
mod menu;
mod minimap;
mod moved;
pub mod paint;
#[cfg(test)]
mod panel_tests;
mod path;
pub mod picture;
pub mod pill;
pub mod place;
#[cfg(test)]
mod place_tests;
mod placement;
mod ranks;
pub mod route;
pub mod sample;
mod shares;
#[cfg(test)]
mod shares_tests;
mod steer;
mod sticky;
pub mod svg;
#[cfg(test)]
mod tests;
pub(crate) mod time;
mod toolbar;
pub mod view;
mod work;

pub use place::place;
pub use placement::Placement;
pub use svg::svg;
pub use toolbar::Choices;
pub use work::MOST_NODES;

use crate::cx::Cx;
use crate::intent::Intent;
use crate::intent::{Export, ExportFormat};
use crate::kit::{Tokens, fmt, icon, remote};
use crate::looked::Looked;
use crate::panel::{About, Panel};
use crate::past::Then;
use crate::problems;
use canvas::{Canvas, Picture, Setting};
use egui::{Frame, Margin, Rect, Stroke, StrokeKind, Ui, UiBuilder, vec2};
use finding::Step;
use menu::{Offered, menu};
use mesh::Remote;
use mesh::graph::compare::Compared;
use mesh::graph::{GraphOptions, Health, NodeId};
use mesh::scene::Scene;
use std::collections::BTreeMap;
use std::sync::Arc;
use svg::Drawing;
use work::{Drawn, Finished, Order, Work};

/// What it is called and what it is good for.
pub const ABOUT: About =
    About { name: "Graph", icon: icon::GRAPH, summary: "Who talks to whom, how much, and how well" };

/// The panel.
#[derive(Default)]
pub struct Graph {
    choices: Choices,
    /// It is to be saved as soon as it is shown.
    export: Option<ExportFormat>,
    canvas: Canvas,
    work: Work,
    /// How often everything was asked to be put in order anew.
    anew: usize,
    /// Shares on the edges of what is selected.
    handles: shares::Handles,
    /// Editors that the open menu offers.
    offered: Offered,
    shown: Option<Shown>,
    /// How many things in it are idle.
    idle: usize,
    history: BTreeMap<NodeId, Vec<f32>>,
    drill: drill::Drill,
    scrubber: time::Scrubber,
    differences: time::Differences,
}

struct Shown {
    graph: Arc<mesh::graph::Graph>,
    placement: Arc<Placement>,
    picture: Picture,
    hidden: usize,
    too_many: Option<usize>,
    /// How it differs from the moment that it is compared with.
    compared: Option<Arc<Compared>>,
}

/// So many rates of each node are remembered.
const HISTORY: usize = 40;

impl Panel for Graph {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let tokens = Tokens::of(ui);
        ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.canvas);
        self.take_in(ui, cx);
        Frame::new().inner_margin(Margin { left: 16, right: 16, top: 12, bottom: 4 }).show(ui, |ui| {
            let hits =
                self.shown.as_ref().map(|shown| picture::hits(&shown.picture.view)).unwrap_or_default();
            let at = hits.iter().position(|hit| Some(hit) == cx.selected);
            let view = self.shown.as_ref().map(|shown| &shown.picture.view);
            let seen = toolbar::Seen {
                hits: view.filter(|view| view.searching).map(|_| toolbar::Hits { at, count: hits.len() }),
                idle: self.idle,
                hidden: self.shown.as_ref().map_or(0, |shown| shown.hidden),
            };
            let asked = toolbar::ui(ui, &mut self.choices, &mut self.canvas, &seen, cx);
            if asked.rearrange {
                self.anew += 1;
                self.choices.moved.forget(&self.choices.laid_out(cx));
                self.canvas.fit();
            }
            let step = match asked.step {
                Some(Step::Previous) => hits.len().saturating_sub(1),
                _ => 1,
            };
            if let (Some(_), Some(hit)) = (asked.step, hits.get(at.map_or(0, |at| (at + step) % hits.len())))
            {
                cx.intents.send(Intent::Select(Some(hit.clone())));
            }
            refused(ui, cx);
            let (shown, around) = (self.shown.as_ref(), self.drill.around());
            let here = shown.zip(around).is_none_or(|(shown, (node, _))| shown.graph.has(&node));
            let card = shown.and_then(|shown| {
                let cards = &shown.picture.view.cards;
                let chosen = cards.iter().find(|card| cx.selected.is_some_and(|selected| card.is(selected)));
                chosen.map(|card| card.id.clone())
            });
            if self.drill.keys(ui, card.as_ref()) | self.drill.ui(ui, cx, here) {
                self.canvas.fit();
            }
        });
        let rest = ui.available_rect_before_wrap();
        // As long as the past is shown, the way back is there too.
        let time =
            if self.choices.time || cx.reads.looked() != Looked::default() { time::HEIGHT } else { 0.0 };
        let (top, bottom) = rest.split_top_bottom_at_y((rest.bottom() - time).max(rest.top()));
        let compared = self.shown.as_ref().and_then(|shown| shown.compared.clone());
        let (graph, list) = if compared.is_some() { time::places(top) } else { (top, Rect::NOTHING) };
        ui.scope_builder(UiBuilder::new().max_rect(graph), |ui| {
            ui.shrink_clip_rect(graph);
            self.body(ui, cx);
        });
        if let Some(compared) = compared {
            self.differences.ui(ui, list, cx, &compared);
        }
        if time > 0.0 {
            let inside = UiBuilder::new().max_rect(bottom.shrink2(vec2(16.0, 6.0)));
            ui.scope_builder(inside, |ui| self.scrubber.ui(ui, cx, &mut self.choices.span_secs));
        }
        self.hand_over(ui, cx);
    }

    fn kept(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.choices).ok()
    }

    fn recall(&mut self, kept: serde_json::Value) {
        self.choices = serde_json::from_value(kept).unwrap_or_default();
    }

    fn follow(&mut self, intent: &Intent, _cx: &Cx<'_>) {
        if let Intent::ExportGraph(format) = intent {
            self.export = Some(*format);
        }
    }
}

impl Graph {
    /// The graph, or why there is none.
    fn body(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let waiting = !cx.scene.ready();
        let (then, told) = (cx.then(), cx.traffic());
        if cx.reads.looked() != Looked::default() {
            // Above the graph and not over it: it hides no card.
            Frame::new().inner_margin(Margin::symmetric(16, 4)).show(ui, |ui| time::mark(ui, cx));
        }
        match &mut self.shown {
            Some(shown) if !shown.picture.view.cards.is_empty() => {
                let live = then.is_none() && matches!(told, Remote::Live(..)) && !cx.paused;
                let none = BTreeMap::new();
                let setting = Setting {
                    name: "Service graph",
                    selected: cx.selected,
                    flowing: self.choices.flow && live,
                    minimap: self.choices.minimap,
                    movable: true,
                    // The last rates are those of now.
                    history: if then.is_none() { &self.history } else { &none },
                };
                let (opacity, rect) = (ui.opacity(), ui.available_rect_before_wrap());
                if matches!(told, Remote::Stale(..)) || then.as_ref().is_some_and(Then::reading) {
                    ui.set_opacity(opacity * 0.6);
                }
                let (offered, folded, mut into) = (&mut self.offered, &mut self.choices.folded, None);
                let done = self.canvas.ui(ui, &mut shown.picture, &setting, &mut |ui, view, thing| {
                    menu(ui, cx, view, thing, (offered, &mut into, folded));
                });
                if let Some(node) = into {
                    self.drill.enter(node);
                    self.canvas.fit();
                }
                let lines = (done.lit.as_slice(), done.line);
                self.handles.ui(
                    ui,
                    cx,
                    &shown.picture.view,
                    lines,
                    (self.canvas.camera(), rect, self.canvas.pills(rect)),
                );
                if let Some((node, by)) = &done.put {
                    let laid_out = self.choices.laid_out(cx);
                    self.choices.moved.put(&laid_out, node, *by);
                }
                ui.set_opacity(opacity);
                if cx.reads.looked() != Looked::default() {
                    let edge = Stroke::new(2.0, Tokens::of(ui).accent);
                    ui.painter().rect_stroke(rect, 0.0, edge, StrokeKind::Inside);
                }
                banners(ui, rect, cx, &self.work);
                if self.choices.legend {
                    legend::ui(ui, rect, shown.compared.is_some());
                }
                if let Some(select) = done.select.filter(|select| select.as_ref() != cx.selected) {
                    cx.intents.send(Intent::Select(select));
                }
            }
            _ if waiting || self.work.busy() => {
                Frame::new().inner_margin(Margin::symmetric(20, 16)).show(ui, |ui| {
                    remote::waiting(
                        ui,
                        if waiting { "Reading services, workloads and pods" } else { "Placing the graph" },
                    );
                });
            }
            Some(Shown { too_many: Some(nodes), .. }) => too_many(ui, *nodes),
            _ => empty(ui, cx, &self.choices),
        }
    }

    /// The graph that is shown and where everything stands, for saving it as a picture.
    pub fn shown(&self) -> Option<(&mesh::graph::Graph, &Placement)> {
        self.shown.as_ref().map(|shown| (shown.graph.as_ref(), shown.placement.as_ref()))
    }
    /// How one looks at the graph.
    pub fn choices(&mut self) -> &mut Choices {
        &mut self.choices
    }

    /// Hands the graph over as it is shown, to be saved.
    fn hand_over(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let (Some(shown), Some(format)) = (&self.shown, self.export) else { return };
        self.export = None;
        let export = match format {
            ExportFormat::Png => Export::Window,
            ExportFormat::Svg => {
                let drawing = Drawing {
                    graph: Arc::clone(&shown.graph),
                    placement: Arc::clone(&shown.placement),
                    labels: self.choices.labels,
                    find: self.choices.find.clone(),
                    dark: ui.visuals().dark_mode,
                };
                Export::Drawing(Arc::new(move || drawing.svg()))
            }
            ExportFormat::Dot => {
                let graph = Arc::clone(&shown.graph);
                Export::Graph("dot", Arc::new(move || graph.to_dot()))
            }
            ExportFormat::Json => {
                let graph = Arc::clone(&shown.graph);
                Export::Graph(
                    "json",
                    Arc::new(move || serde_json::to_string_pretty(&*graph).unwrap_or_default()),
                )
            }
        };
        cx.intents.send(Intent::Save(export, None));
    }

    /// Orders a new picture when something changed, and takes in what was finished.
    fn take_in(&mut self, ui: &Ui, cx: &Cx<'_>) {
        let scene: &Scene = cx.scene;
        let told = cx.traffic();
        if cx.then().is_some() && matches!(told, Remote::Waiting) {
            // What is shown stays until there is something to be shown instead.
            if let Some(finished) = self.work.finished(ui.ctx()) {
                self.show(finished);
            }
            return;
        }
        let (measured, before) = time::of(cx, &told);
        let (traffic, at) = measured.map_or((None, None), |(traffic, at)| (Some(traffic), Some(at)));
        let order = Order {
            mesh: Arc::clone(&scene.mesh),
            traffic,
            before,
            judged: problems::found(ui, cx),
            options: GraphOptions {
                graph_type: self.choices.graph_type,
                namespaces: cx.namespaces.to_vec(),
                idle: self.choices.idle,
                folded: self.choices.folded.clone(),
            },
            boxes: placement::Options { namespaces: self.choices.namespaces, layout: self.choices.layout },
            moved: self.choices.moved.of(&self.choices.laid_out(cx)),
            labels: self.choices.labels,
            find: self.choices.find.clone(),
            hide: self.choices.hide.clone(),
            around: self.drill.around(),
            anew: self.anew,
            at: at.unwrap_or(cx.now),
        };
        let at_once = self.work.order(ui.ctx(), order);
        if let Some(finished) = at_once.or_else(|| self.work.finished(ui.ctx())) {
            self.show(finished);
        }
    }

    fn show(&mut self, finished: Finished) {
        self.idle = finished.graph.nodes.iter().filter(|node| node.health == Health::Idle).count();
        self.history.retain(|id, _| finished.graph.nodes.binary_search_by(|node| node.id.cmp(id)).is_ok());
        let past = self.work.is_past();
        let measured_anew =
            !past && self.shown.as_ref().is_none_or(|shown| shown.graph.at != finished.graph.at);
        if measured_anew && finished.graph.nodes.len() <= 2000 {
            for node in &finished.graph.nodes {
                let rates = self.history.entry(node.id.clone()).or_default();
                if rates.len() >= HISTORY {
                    rates.remove(0);
                }
                rates.push(node.rps_in.max(if node.rps_in == 0.0 { node.rps_out } else { 0.0 }) as f32);
            }
        }
        let Finished { graph, placement, drawn, hidden, too_many, compared } = finished;
        match (drawn, &mut self.shown) {
            (Drawn::Picture(picture), _) => {
                self.canvas.renew();
                let picture = *picture;
                let shown = Shown { graph, placement, picture, hidden, too_many, compared };
                discard(self.shown.replace(shown));
                self.differences.renew();
            }
            (Drawn::Cards(view, changed), Some(shown)) => {
                self.canvas.renew_cards(&changed);
                shown.picture.renew(view, &changed);
                (shown.graph, shown.hidden) = (graph, hidden);
            }
            // Cards are made on a picture, which was shown before them.
            (Drawn::Cards(..), None) => {}
        }
    }
}

/// Lets go of an old picture. One of thousands of cards takes milliseconds to be freed, which the window need
/// not wait for.
fn discard(old: Option<Shown>) {
    if old.as_ref().is_some_and(|old| old.picture.view.cards.len() > 1000) {
        // Where no thread can be had, it is freed here.
        drop(std::thread::Builder::new().name("discard".to_owned()).spawn(move || drop(old)));
    }
}

/// Why there are no rates. The structure of the mesh is shown all the same.
fn refused(ui: &mut Ui, cx: &Cx<'_>) {
    if let (Remote::Denied(problem), true) = (&cx.traffic(), cx.scene.ready()) {
        ui.add_space(4.0);
        let what = format!("No rates: {}", problem.what);
        remote::denied(ui, &what, &problem.why, &problem.next, None);
    }
}

/// Why what is shown is old. It comes and goes by itself, so it lies over the graph: what one is about to
/// click stays where it is.
fn banners(ui: &mut Ui, rect: Rect, cx: &Cx<'_>, work: &Work) {
    let over = UiBuilder::new().max_rect(rect.shrink2(vec2(16.0, 4.0)));
    ui.scope_builder(over, |ui| {
        let ground = Frame::new().fill(Tokens::of(ui).canvas).corner_radius(6);
        if let Remote::Stale(_, at, problem) = &cx.traffic() {
            let age = fmt::ago(cx.now, *at);
            ground.show(ui, |ui| remote::stale(ui, &age, &problem.what, &problem.why, &problem.next));
        }
        if let Some(problem) = work.problem() {
            ground.show(ui, |ui| remote::denied(ui, &problem.what, &problem.why, &problem.next, None));
        }
    });
}

fn too_many(ui: &mut Ui, nodes: usize) {
    let what = format!("{} nodes are more than can be drawn", fmt::count(nodes));
    let how = format!(
        "Choose namespaces above, collapse all (Show), or take another graph type: up to {} are drawn",
        fmt::count(MOST_NODES)
    );
    remote::empty(ui, icon::GRAPH, &what, &how, None);
}

fn empty(ui: &mut Ui, cx: &Cx<'_>, choices: &Choices) {
    let how = if !cx.namespaces.is_empty() {
        "Choose more namespaces above, or label one with istio-injection=enabled and restart its pods"
    } else if choices.idle {
        "Label a namespace with istio-injection=enabled and restart its pods"
    } else {
        "Send some requests, or show idle services too"
    };
    remote::empty(ui, icon::GRAPH, "No services in the mesh here", how, None);
}
