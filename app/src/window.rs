//! What is seen: the parts of the window and what each keeps of its own.

use crate::dock::Dock;
use crate::settings::Settings;
use egui::{CentralPanel, Frame, Panel};
use egui_notify::Toasts;
use mesh::Problem;
use panels::change_bar::{self, ChangeBar};
use panels::connect::Connect;
use panels::detail::Detail;
use panels::shell::palette::Palette;
use panels::shell::rail;
use panels::shell::top_bar::{self, TopBar};
use panels::{Cx, Intent, kit};

/// The parts of the window.
pub(crate) struct Window {
    pub(crate) dock: Dock,
    pub(crate) palette: Palette,
    toasts: Toasts,
    connect: Connect,
    detail: Detail,
    change_bar: ChangeBar,
    top_bar: TopBar,
    rail_wide: bool,
}

impl Window {
    /// As it was looked at in the last run.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            dock: Dock::new(&settings.panels, &settings.looks),
            palette: Palette::default(),
            toasts: Toasts::default().with_anchor(egui_notify::Anchor::BottomRight),
            connect: Connect::default(),
            detail: Detail::default(),
            change_bar: ChangeBar::default(),
            top_bar: TopBar::default(),
            rail_wide: true,
        }
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
        let plain = Frame::new().fill(ui.visuals().panel_fill);
        if self.connect.covers(cx) {
            CentralPanel::default().frame(plain).show(ui, |ui| self.connect.ui(ui, cx));
        } else {
            let rail_width = if self.rail_wide { rail::WIDE } else { rail::NARROW };
            Panel::top("top bar")
                .exact_size(top_bar::HEIGHT)
                .frame(plain)
                .show(ui, |ui| self.top_bar.ui(ui, cx, rail_width));
            Panel::bottom("change bar")
                .exact_size(change_bar::HEIGHT)
                .frame(plain)
                .show(ui, |ui| self.change_bar.ui(ui, cx));
            let open = self.dock.focus();
            Panel::left("rail")
                .exact_size(rail_width)
                .resizable(false)
                .frame(plain)
                .show(ui, |ui| rail::ui(ui, cx, open, &mut self.rail_wide));
            Panel::right("detail")
                .default_size(384.0)
                .size_range(320.0..=560.0)
                .frame(plain)
                .show(ui, |ui| self.detail.ui(ui, cx));
            let canvas = Frame::new().fill(kit::Tokens::of(ui).canvas);
            CentralPanel::default().frame(canvas).show(ui, |ui| self.dock.ui(ui, cx));
        }
        self.palette.ui(ui, cx);
        self.toasts.show(ui.ctx());
    }

    /// What the parts keep of their own follows the intents of this frame: drafts, what was dismissed, what is looked for.
    pub(crate) fn follow(&mut self, intent: &Intent, cx: &Cx<'_>) {
        self.detail.follow(intent, cx);
        self.change_bar.follow(intent);
        self.dock.follow(intent, cx);
    }
}
