//! What is selected: how it is and why, its traffic, versions, pods and configuration, and the editors
//! offered for it.

pub mod charts;
mod config;
mod headline;
mod pods;
mod rows;
mod summary;
mod touching;
mod view;

pub use crate::figures::Figures;
pub use pods::PodRow;
pub use touching::{ConfigRow, Saying};
pub use view::{PeerRow, VersionRow, View};

use self::headline::{headline, status_of};
use crate::call;
use crate::cx::Cx;
use crate::editors::{Drafts, KeptForm};
use crate::held::Held;
use crate::history::{deed, turn};
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Memo, Tokens, fmt, icon, remote, text, tiles};
use crate::looked::Looked;
use crate::objects::{KeptDraft, Sheets};
use crate::past::{OF_NOW, Then};
use crate::selection::Selected;
use crate::subject;
use crate::ways_out;
use egui::{Frame, Label, Margin, ScrollArea, Ui};
use jiff::Timestamp;
use mesh::charts::Calls;
use mesh::graph::NodeId;
use mesh::lens::Subject;
use mesh::traffic::Traffic;
use mesh::why::SeenCall;
use mesh::{Remote, Revision};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// All drafts, as they are kept for the next run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Kept")]
pub struct KeptDrafts {
    objects: Vec<KeptDraft>,
    forms: Vec<KeptForm>,
}

impl KeptDrafts {
    /// Both; what stands in both is there once.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        more.objects.into_iter().for_each(|one| add(&mut self.objects, one));
        more.forms.into_iter().for_each(|one| add(&mut self.forms, one));
        self
    }
}

fn add<T: PartialEq>(all: &mut Vec<T>, one: T) {
    if !all.contains(&one) {
        all.push(one);
    }
}

/// How they stand on disk, and how they stood there when only objects had any.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Both { objects: Vec<KeptDraft>, forms: Vec<KeptForm> },
    Objects(Vec<KeptDraft>),
}

impl From<Kept> for KeptDrafts {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Both { objects, forms } => Self { objects, forms },
            Kept::Objects(objects) => Self { objects, forms: Vec::new() },
        }
    }
}

/// What a view is derived from: the objects, when and over which window calls were measured, and whose it is.
type Key = (Revision, Option<(Timestamp, u64)>, Selected);

/// The detail's own state: the drafts above all.
#[derive(Default)]
pub struct Detail {
    drafts: Drafts,
    sheets: Sheets,
    view: Memo<Key, Option<Arc<View>>>,
    /// At the moment that it is compared with.
    other: Memo<Key, Option<Arc<View>>>,
}

impl Detail {
    /// Draws the detail into all of `ui`.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        self.drafts.follow(cx);
        self.sheets.follow(cx);
        let view = cx.selected.and_then(|selected| self.view(cx, selected));
        if let Some(then) = cx.then().filter(|_| !matches!(cx.selected, Some(Selected::Object(_)))) {
            Frame::new().inner_margin(Margin { left: 16, right: 16, top: 8, bottom: 0 }).show(ui, |ui| {
                past(ui, cx, &then);
            });
        }
        if let Some(view) = &view {
            // The name, the health and the way out stay while the rest is scrolled.
            let margin = Margin { left: 16, right: 16, top: 8, bottom: 0 };
            Frame::new().inner_margin(margin).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 6.0;
                ui.scope(|ui| head(ui, cx, view));
            });
        }
        // Each selection is read from its top.
        let of = egui::Id::new(("detail of", cx.selected.map(|selected| format!("{selected:?}"))));
        ScrollArea::vertical().id_salt(of).auto_shrink([false, false]).show(ui, |ui| {
            let top = if view.is_some() { 0 } else { 8 };
            Frame::new().inner_margin(Margin { left: 16, right: 16, top, bottom: 24 }).show(ui, |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = 6.0;
                match (cx.selected, view) {
                    (None, _) => summary::ui(ui, cx),
                    (Some(Selected::Object(at)), _) => {
                        self.sheets.ui(ui, cx, at, |ui| config::known(ui, cx, at));
                    }
                    (Some(selected), Some(view)) => self.thing(ui, cx, selected, &view),
                    (Some(selected), None) => gone(ui, cx, selected),
                }
            });
        });
    }

    /// Whether an editor holds what was not pushed, in whatever scope.
    pub fn holds_drafts(&self) -> bool {
        self.drafts.hold()
    }

    fn view(&mut self, cx: &Cx<'_>, selected: &Selected) -> Option<Arc<View>> {
        if matches!(selected, Selected::Object(_)) {
            return None;
        }
        view(&mut self.view, cx, selected, &cx.traffic())
    }

    /// All drafts, as they are kept for the next run.
    pub fn kept(&self) -> KeptDrafts {
        KeptDrafts { objects: self.sheets.kept(), forms: self.drafts.kept() }
    }

    /// Takes up the drafts of the last run.
    pub fn recall(&mut self, kept: KeptDrafts) {
        self.sheets.recall(kept.objects);
        self.drafts.recall(kept.forms);
    }

    /// Drafts that cannot be pushed; those of what is selected come first, those of other clusters last.
    pub fn held(&self, cx: &Cx<'_>) -> Vec<Held> {
        let mut held = self.drafts.held(cx);
        held.extend(self.sheets.held(cx));
        let elsewhere = |held: &Held| held.why.is_elsewhere();
        held.sort_by_key(|held| (elsewhere(held), held.at.as_ref().map(|(at, _)| at) != cx.selected));
        held
    }

    /// Lets drafts follow wishes from elsewhere: what was dismissed goes back, what shall be rebuilt is
    /// rebuilt.
    pub fn follow(&mut self, intent: &Intent, cx: &Cx<'_>) {
        if let Intent::UndoEdit | Intent::RedoEdit = intent {
            let back = *intent == Intent::UndoEdit;
            let all = self.drafts.deeds().chain(std::iter::once(self.sheets.deeds()));
            let Some(deed) = turn(back, all) else { return };
            self.drafts.step(back, deed, cx);
            while turn(back, std::iter::once(self.sheets.deeds())) == Some(deed) {
                self.sheets.step(back, cx);
            }
            return;
        }
        let deed = deed();
        self.drafts.follow_intent(intent, deed, cx);
        self.sheets.follow_intent(intent, deed, cx);
    }

    /// The figures of the moment that is compared with.
    fn compared(&mut self, ui: &mut Ui, cx: &Cx<'_>, selected: &Selected) {
        let Some(other) = cx.reads.against(cx.window_secs, cx.now) else { return };
        ui.add_space(8.0);
        text::medium(ui, format!("Compared with: {}", other.shown(cx.now)));
        let measured = other.traffic.value().is_some();
        if let Some(view) = view(&mut self.other, cx, selected, &other.traffic).filter(|_| measured) {
            figure_tiles(ui, &view.figures, view.makes);
            text::note(ui, &view.reason);
        }
    }

    fn thing(&mut self, ui: &mut Ui, cx: &Cx<'_>, selected: &Selected, view: &View) {
        ui.push_id(format!("{selected:?}"), |ui| {
            measured(ui, cx, selected, view);
            self.compared(ui, cx, selected);
            ui.add_space(10.0);
            self.drafts.ui(ui, cx, selected);
            let names = if matches!(selected, Selected::Edge(..)) {
                ["From", "To"]
            } else {
                ["Traffic in", "Traffic out"]
            };
            rows::peers(ui, cx, names[0], "caller", &view.callers);
            rows::peers(ui, cx, names[1], "called", &view.called);
            metrics(ui, cx, selected, view.makes);
            let answered = rows::answers(ui, &view.answers).and_then(|index| view.answers.get(index));
            if let Some((answer, call)) = answered.zip(call::of(cx.scene, selected)) {
                let flags = if answer.flags == "-" { String::new() } else { answer.flags.clone() };
                let status = answer.code.parse().unwrap_or_default();
                cx.intents.send(Intent::Explain(Box::new(SeenCall { status, flags, ..call })));
            }
            rows::versions(ui, view);
            rows::pods(ui, cx, &view.pods);
            config::list(ui, cx, &view.config);
        });
    }
}

/// What is measured of a selection, kept while nothing is new.
fn view(
    kept: &mut Memo<Key, Option<Arc<View>>>,
    cx: &Cx<'_>,
    selected: &Selected,
    told: &Remote<Traffic>,
) -> Option<Arc<View>> {
    let traffic = told.value().map(|traffic| &**traffic);
    let measured = told.at().zip(traffic.map(|traffic| traffic.window_secs));
    let key = (cx.scene.mesh.revision_of(selected.namespaces()), measured, selected.clone());
    kept.get(key, |_| View::of(&cx.scene.mesh, traffic, selected).map(Arc::new)).clone()
}

/// What the calls of a selection did over time.
fn metrics(ui: &mut Ui, cx: &Cx<'_>, selected: &Selected, makes: bool) {
    let mesh = &cx.scene.mesh;
    let Some(to) = subject::node(mesh, selected).map(|id| Subject::of(mesh, &id)) else { return };
    let from = match selected {
        Selected::Edge(source, _) => Some(Subject::of(mesh, source)),
        _ => None,
    };
    // Of what telemetry does not name, no query can tell the calls from all others.
    let told = |subject: &Subject<'_>| !subject.is_only_a_name();
    let outside = matches!(to.id, NodeId::External(_));
    if !(told(&to) || outside) || !from.as_ref().is_none_or(told) {
        return;
    }
    let calls = if makes {
        Calls { from: Some(&to), ..Calls::default() }
    } else {
        Calls { from: from.as_ref(), to: Some(&to), ..Calls::default() }
    };
    charts::section(ui, cx, &calls);
}

/// Which moment calls and health are of, and the way back to now.
fn past(ui: &mut Ui, cx: &Cx<'_>, then: &Then) {
    ui.horizontal_wrapped(|ui| {
        let color = Tokens::of(ui).accent;
        ui.label(egui::RichText::new(icon::CLOCK_COUNTER_CLOCKWISE).color(color));
        text::strong(ui, then.shown(cx.now)).on_hover_text(OF_NOW);
        if ui.add(Button::quiet("Live").named("Detail back to now")).clicked() {
            cx.intents.send(Intent::Look(Looked::default()));
        }
    });
    text::note(ui, OF_NOW);
}

fn head(ui: &mut Ui, cx: &Cx<'_>, view: &View) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing.y = 1.0;
    ways_out::row(ui, cx, &view.kind);
    ui.add(Label::new(text::rich(ui, &view.title, size::TITLE, Weight::Semibold).color(tokens.text)).wrap());
    ui.add_space(2.0);
    headline(ui, cx, status_of(view.health), &view.reason);
    ui.add_space(8.0);
}

/// The figures, or why there are none.
fn measured(ui: &mut Ui, cx: &Cx<'_>, selected: &Selected, view: &View) {
    let figures = &view.figures;
    match &cx.traffic() {
        Remote::Waiting => remote::waiting(ui, "Waiting for the first measurements"),
        Remote::Denied(trouble) => {
            if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                cx.intents.send(Intent::Retry);
            }
        }
        Remote::Stale(..) => {
            ui.scope(|ui| {
                ui.multiply_opacity(0.6);
                figure_tiles(ui, figures, view.makes);
            });
        }
        Remote::Live(..) => figure_tiles(ui, figures, view.makes),
    }
    if let Some(traces) = &view.traces {
        ui.add_space(8.0);
        ui.horizontal_wrapped(|ui| {
            if ui
                .add(Button::quiet("Traces").with_icon(icon::PATH).named(format!("Traces of {}", view.title)))
                .clicked()
            {
                cx.intents.send(Intent::TracesOf(traces.clone()));
            }
            let explain = Button::quiet("Explain").with_icon(icon::QUESTION);
            if let Some(call) = call::of(cx.scene, selected)
                && ui.add(explain.named(format!("Explain {}", view.title))).clicked()
            {
                cx.intents.send(Intent::Explain(Box::new(call)));
            }
            if let (true, Some(failed)) =
                (figures.error_percent.is_some_and(|errors| errors > 0.0), &view.failed_traces)
                && ui
                    .add(Button::quiet("Failed traces").with_icon(icon::WARNING).named("Failed traces"))
                    .clicked()
            {
                cx.intents.send(Intent::TracesOf(failed.clone()));
            }
        });
    }
}

fn figure_tiles(ui: &mut Ui, figures: &Figures, makes: bool) {
    let none = || "–".to_owned();
    let (wrong, word) = figures.wrong();
    let wrong = wrong.map_or_else(none, fmt::percent);
    let p95 = figures.p95_ms.map_or_else(none, fmt::latency);
    let mtls = figures.mtls_percent.map_or_else(none, fmt::percent);
    if figures.rps == 0.0 && figures.bytes > 0.0 {
        tiles(ui, &[(&fmt::bytes_per_s(figures.bytes), "TCP bytes"), (&mtls, "mutual TLS")]);
    } else {
        let rate = if makes { "calls out / s" } else { "requests / s" };
        tiles(ui, &[(&fmt::rate(figures.rps), rate), (&wrong, word), (&p95, "p95"), (&mtls, "mutual TLS")]);
    }
}

fn gone(ui: &mut Ui, cx: &Cx<'_>, selected: &Selected) {
    let name = match selected {
        Selected::Service(namespace, name)
        | Selected::Workload(namespace, name)
        | Selected::App(namespace, name, _) => {
            format!("{namespace}/{name}")
        }
        Selected::Edge(source, target) => format!("{} → {}", source.title(), target.title()),
        Selected::Node(node) => node.title(),
        Selected::Object(at) => at.to_string(),
    };
    if remote::empty(
        ui,
        icon::GHOST,
        &format!("{name} is gone"),
        "It was here when it was selected. It may come back by itself.",
        Some("Select nothing"),
    ) {
        cx.intents.send(Intent::Select(None));
    }
}
