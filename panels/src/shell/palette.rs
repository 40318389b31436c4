//! The command palette: type a few letters of anything and press Enter.

use super::find::{Found, everything, search};
use crate::cx::Cx;
use crate::kit::once::once;
use crate::kit::theme::{Weight, family, size};
use crate::kit::{Memo, Tokens, icon, keys, text};
use egui::{
    Align2, Color32, FontId, Frame, Id, Key, Margin, Modifiers, RichText, Sense, TextEdit, Ui, WidgetInfo,
    WidgetType, pos2, vec2,
};

const ROW: f32 = 36.0;
const AT_MOST: usize = 60;

/// The palette: closed, or open with what was typed.
#[derive(Default)]
pub struct Palette {
    open: bool,
    typed: String,
    at: usize,
    /// Everything there was when it was opened, and what of it fits what is typed.
    all: Vec<Found>,
    hits: Memo<String, Vec<usize>>,
}

impl Palette {
    /// Opens it, empty.
    pub fn open(&mut self) {
        *self = Self { open: true, ..Self::default() };
    }
    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.open
    }
    /// Draws it above everything else when it is open, and listens for Ctrl/Cmd+K always.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let asked = ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::K));
        let asked = asked && (self.open || !keys::modal(ui.ctx()));
        if asked {
            if self.open { self.open = false } else { self.open() }
        }
        if !self.open {
            return;
        }
        if self.all.is_empty() {
            self.all = everything(cx);
        }
        // An Enter that comes with the same frame was pressed before it was open.
        let enter = !asked && self.keys(ui);
        let tokens = Tokens::of(ui);
        let screen = ui.ctx().content_rect();
        let area = egui::Modal::default_area(Id::new("palette"))
            .anchor(Align2::CENTER_TOP, vec2(0.0, (screen.height() * 0.12).round()));
        let frame = Frame::new()
            .fill(tokens.surface)
            .stroke(tokens.hairline())
            .corner_radius(10)
            .inner_margin(Margin::ZERO);
        let modal = egui::Modal::new(Id::new("palette"))
            .area(area)
            .frame(frame)
            .backdrop_color(Color32::from_black_alpha(110));
        let response = modal.show(ui.ctx(), |ui| {
            ui.set_width(560.0_f32.min(screen.width() - 48.0));
            ui.spacing_mut().item_spacing.y = 0.0;
            self.field(ui);
            let line = ui.available_rect_before_wrap();
            ui.painter().hline(line.x_range(), line.top(), tokens.hairline());
            // What was typed counts at once: letters and Enter may come with one and the same frame.
            let hits = self.hits.get(self.typed.clone(), |typed| search(&self.all, typed, AT_MOST)).clone();
            self.at = self.at.min(hits.len().saturating_sub(1));
            let mut chosen = enter.then_some(self.at);
            if hits.is_empty() {
                nothing(ui);
                return None;
            }
            egui::ScrollArea::vertical().max_height(ROW * 10.5).auto_shrink([false, true]).show(ui, |ui| {
                ui.add_space(6.0);
                for (row, index) in hits.iter().enumerate() {
                    if row_ui(ui, &self.all[*index], row, &mut self.at) {
                        chosen = Some(row);
                    }
                }
                ui.add_space(6.0);
            });
            chosen.and_then(|row| hits.get(row).copied())
        });
        if let Some(found) = response.inner.and_then(|index| self.all.get(index)) {
            cx.intents.send(found.intent.clone());
            self.open = false;
        } else if response.should_close() {
            self.open = false;
        }
    }

    /// Arrows move; returns whether Enter chooses.
    fn keys(&mut self, ui: &Ui) -> bool {
        let times = |key| ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key));
        self.at = (self.at + times(Key::ArrowDown)).saturating_sub(times(Key::ArrowUp));
        times(Key::Enter) > 0
    }

    fn field(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        ui.horizontal(|ui| {
            ui.set_height(48.0);
            ui.add_space(16.0);
            ui.label(RichText::new(icon::MAGNIFYING_GLASS).size(17.0).color(tokens.muted));
            let id = Id::new("palette field");
            let edit = TextEdit::singleline(&mut self.typed)
                .id(id)
                .frame(Frame::NONE)
                .font(FontId::proportional(15.0))
                .hint_text(
                    RichText::new("Find a service, a workload, an object, or do something")
                        .color(tokens.faint),
                )
                .desired_width(ui.available_width() - 16.0);
            let response = ui.add(edit);
            let typed = self.typed.clone();
            response.widget_info(|| {
                let mut info = WidgetInfo::text_edit(true, typed.clone(), typed.clone(), "");
                info.label = Some("Find or do what".to_owned());
                info
            });
            if response.changed() {
                self.at = 0;
            }
            response.request_focus();
        });
    }
}

fn nothing(ui: &mut Ui) {
    ui.add_space(16.0);
    ui.vertical_centered(|ui| {
        let words = "Nothing fits. Try a service, a panel or an action";
        ui.label(RichText::new(words).color(Tokens::of(ui).muted))
    });
    ui.add_space(16.0);
}

/// One row; the pointer moves the choice. Returns whether it was clicked.
fn row_ui(ui: &mut Ui, found: &Found, row: usize, at: &mut usize) -> bool {
    let tokens = Tokens::of(ui);
    let (rect, mut response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let name =
        if found.place.is_empty() { found.name.clone() } else { format!("{} {}", found.name, found.place) };
    once(&mut response, (found.kind, &name));
    response.widget_info(|| {
        WidgetInfo::selected(WidgetType::Button, true, row == *at, format!("{} {name}", found.kind))
    });
    let moved = ui.input(|input| input.pointer.delta() != egui::Vec2::ZERO);
    if response.hovered() && moved {
        *at = row;
    }
    let painter = ui.painter();
    let body = rect.shrink2(vec2(8.0, 1.0));
    if row == *at {
        painter.rect_filled(body, 6.0, tokens.selection());
        if !response.hovered() {
            response.scroll_to_me(None);
        }
    }
    let y = rect.center().y;
    painter.text(
        pos2(body.left() + 18.0, y),
        Align2::CENTER_CENTER,
        found.icon,
        FontId::proportional(16.0),
        tokens.muted,
    );
    let font = FontId::new(size::TEXT, family(ui.ctx(), Weight::Medium));
    let kind = painter.text(
        pos2(body.right() - 12.0, y),
        Align2::RIGHT_CENTER,
        found.kind,
        FontId::proportional(size::NOTE),
        tokens.faint,
    );
    let small = FontId::proportional(size::SECONDARY);
    let (left, right) = (body.left() + 38.0, kind.left() - 12.0);
    let room = text::beside(ui, &found.place, &small, right - left - 10.0);
    let name = text::name(ui, &found.name, font, tokens.text, [left, left + room, y]);
    text::name(ui, &found.place, small, tokens.muted, [name + 10.0, right, y]);
    response.clicked()
}
