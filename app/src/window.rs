//! What is seen: the parts of the window and what each keeps of its own.

use crate::dock::Dock;
use crate::settings::Settings;
use egui::{CentralPanel, Frame};
use egui_notify::Toasts;
use mesh::Problem;
use panels::change_bar::ChangeBar;
use panels::connect::Connect;
use panels::detail::{Detail, KeptDrafts};
use panels::first_steps::FirstSteps;
use panels::selection::PanelId;
use panels::shell::dropping;
use panels::shell::layout::{self, Layout, Part};
use panels::shell::palette::Palette;
use panels::shell::rail;
use panels::shell::stops::Stops;
use panels::shell::top_bar::TopBar;
use panels::{Cx, Intent};

/// The parts of the window.
pub(crate) struct Window {
    pub(crate) dock: Dock,
    pub(crate) palette: Palette,
    toasts: Toasts,
    connect: Connect,
    detail: Detail,
    first_steps: FirstSteps,
    change_bar: ChangeBar,
    top_bar: TopBar,
    layout: Layout,
    stops: Stops,
}

/// The detail, with the drafts of the last run.
fn detail(drafts: KeptDrafts) -> Detail {
    let mut detail = Detail::default();
    detail.recall(drafts);
    detail
}

impl Window {
    /// As it was looked at in the last run.
    pub(crate) fn new(settings: &Settings, drafts: KeptDrafts) -> Self {
        Self {
            dock: Dock::new(&settings.panels, &settings.looks),
            palette: Palette::default(),
            toasts: Toasts::default().with_anchor(egui_notify::Anchor::BottomRight),
            connect: Connect::default(),
            detail: detail(drafts),
            first_steps: FirstSteps::new(settings.first_steps_done),
            change_bar: ChangeBar::default(),
            top_bar: TopBar::default(),
            layout: Layout::default(),
            stops: Stops::default(),
        }
    }

    /// Whether an editor holds what was not pushed.
    pub(crate) fn holds_drafts(&self) -> bool {
        self.detail.holds_drafts()
    }

    /// Drafts that are not pushed, for the next run.
    pub(crate) fn drafts(&self) -> KeptDrafts {
        self.detail.kept()
    }

    /// Tells of something that was done.
    pub(crate) fn say(&mut self, words: String) {
        self.toasts.success(words);
    }

    /// Tells of something that went wrong.
    pub(crate) fn complain(&mut self, problem: &Problem) {
        self.toasts.error(problem.to_string());
    }

    /// Draws everything.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, cx: &Cx<'_>) {
        self.stops.follow(ui.ctx());
        let plain = Frame::new().fill(ui.visuals().panel_fill);
        if self.connect.covers(cx) {
            // A file needs no mesh; while one is connected to, that is looked at.
            let file = cx.file.is_some() && cx.contexts.connecting.is_none() && cx.scene.steps.is_empty();
            CentralPanel::default().frame(plain).show(ui, |ui| match file {
                true => self.dock.only(PanelId::Traces, ui, cx),
                false => self.connect.ui(ui, cx),
            });
        } else {
            let held = self.detail.held(cx);
            let Self { layout, top_bar, change_bar, detail, first_steps, dock, .. } = self;
            change_bar.keys(ui.ctx(), cx);
            layout.ui(ui, &mut |ui, part, names| match part {
                Part::TopBar => {
                    top_bar.ui(ui, cx, layout::rail_width(*names));
                    change_bar.announce(ui);
                }
                Part::Rail => rail::ui(ui, cx, dock.focus(), names),
                Part::Centre => dock.ui(ui, cx),
                Part::Detail => {
                    first_steps.ui(ui, cx);
                    detail.ui(ui, cx);
                }
                Part::ChangeBar => change_bar.ui(ui, cx, &held),
            });
        }
        self.palette.ui(ui, cx);
        dropping::ui(ui);
        self.toasts.show(ui.ctx());
    }

    /// What the parts keep of their own follows the intents of this frame: drafts, what was dismissed, what
    /// is looked for.
    pub(crate) fn follow(&mut self, intent: &Intent, cx: &Cx<'_>) {
        self.detail.follow(intent, cx);
        self.change_bar.follow(intent);
        self.dock.follow(intent, cx);
    }
}
