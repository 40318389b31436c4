//! The window as a whole: top bar, rail, the open panel, the detail of what is selected, the change bar, the palette.

pub mod find;
pub mod palette;
pub mod rail;
pub mod top_bar;

use crate::change_bar::{self, ChangeBar};
use crate::connect::Connect;
use crate::detail::{self, Detail};
use crate::kit::Tokens;
use crate::selection::PanelId;
use crate::{Cx, PANELS, Panel};
use egui::{CentralPanel, Frame, Panel as Edge, Ui};
use palette::Palette;

/// Everything that the window keeps of its own: which panel is open, how each is looked at, drafts.
pub struct Shell {
    panels: Vec<(PanelId, Box<dyn Panel>)>,
    /// The open panel; saved with the window's settings.
    pub open: PanelId,
    /// Whether the rail shows names; saved with the window's settings.
    pub wide: bool,
    connect: Connect,
    detail: Detail,
    bar: ChangeBar,
    palette: Palette,
}

impl Default for Shell {
    fn default() -> Self {
        Self {
            panels: PANELS.iter().map(|row| (row.id, (row.make)())).collect(),
            open: PanelId::Graph,
            wide: true,
            connect: Connect::default(),
            detail: Detail::default(),
            bar: ChangeBar::default(),
            palette: Palette::default(),
        }
    }
}

impl Shell {
    /// Opens the command palette.
    pub fn open_palette(&mut self) {
        self.palette.open();
    }

    /// Draws the whole window: the connect screen, or the mesh.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if self.connect.covers(cx) {
            let bg = Tokens::of(ui).bg;
            CentralPanel::no_frame().frame(Frame::new().fill(bg)).show(ui, |ui| self.connect.ui(ui, cx));
        } else {
            self.mesh(ui, cx);
            self.palette.ui(ui, cx);
        }
        cx.intents.each(|intent| {
            self.bar.follow(intent);
        });
        // Following a wish may send the next one (a rebuilt draft is checked again), so the wishes are looked at first.
        let mut sent = Vec::new();
        cx.intents.each(|intent| sent.push(intent.clone()));
        for intent in &sent {
            self.detail.follow(intent, cx);
        }
    }

    fn mesh(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let tokens = Tokens::of(ui);
        let surface = Frame::new().fill(tokens.surface);
        let rail_width = if self.wide { rail::WIDE } else { rail::NARROW };
        Edge::top("top bar").exact_size(top_bar::HEIGHT).resizable(false).frame(surface).show(ui, |ui| top_bar::ui(ui, cx, rail_width));
        Edge::bottom("change bar").exact_size(change_bar::HEIGHT).resizable(false).frame(surface).show(ui, |ui| self.bar.ui(ui, cx));
        let (open, wide) = (self.open, &mut self.wide);
        Edge::left(if *wide { "rail" } else { "narrow rail" }).exact_size(rail_width).resizable(false).frame(surface).show(ui, |ui| rail::ui(ui, cx, open, wide));
        let widest = (ui.available_width() - 360.0).max(300.0);
        Edge::right("detail").default_size(detail::WIDTH).size_range(320.0..=widest.min(640.0)).frame(surface).show(ui, |ui| self.detail.ui(ui, cx));
        CentralPanel::no_frame().frame(Frame::new().fill(tokens.canvas)).show(ui, |ui| {
            if let Some((_, panel)) = self.panels.iter_mut().find(|(id, _)| *id == self.open) {
                panel.ui(ui, cx);
            }
        });
    }
}
