//! The field in which YAML is written: numbered lines, what is wrong marked at its line, and what may stand
//! at the cursor, by keyboard alone.
//!
//! Ctrl+Space shows what may stand here, so does typing a name; arrows choose, Enter or Tab takes it, Escape
//! closes it. Enter keeps the indentation. Tab leaves the field.

use super::complete::Offer;
use super::flaws::Flaw;
use super::highlight::{LINE, highlighted};
use crate::kit::text::visible;
use crate::kit::theme::{Weight, family, size};
use crate::kit::{Tokens, text};
use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditOutput;
use egui::{
    Align2, Area, EventFilter, FontId, Frame, Galley, Id, Key, Label, Margin, Modifiers, Order, Pos2, Rect,
    RichText, ScrollArea, Sense, TextBuffer, TextEdit, Ui, WidgetInfo, WidgetType, pos2, vec2,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Room for the numbers of lines.
const GUTTER: f32 = 34.0;
/// Width of what may stand here.
const OFFERS: f32 = 300.0;
const ROW: f32 = 24.0;

/// What the field keeps of its own.
#[derive(Default)]
pub(super) struct Code {
    /// Which of the offers is chosen, while they are shown.
    open: Option<usize>,
    /// Whether the chosen one comes into sight.
    moved: bool,
}

/// What may be done with the offers.
enum Act {
    Nothing,
    Take(usize),
    Newline,
}

impl Code {
    /// Draws the field. `offers` says what may stand so many letters into the text, and from where on that
    /// takes the place of what was typed. Returns whether the text has changed.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        id: Id,
        name: &str,
        value: &mut String,
        flaws: &[Flaw],
        offers: impl Fn(&str, usize, bool) -> (usize, Vec<Offer>),
    ) -> bool {
        let tokens = Tokens::of(ui);
        let before = cursor(ui, id);
        let focused = ui.memory(|memory| memory.has_focus(id));
        let (from, shown) = match (self.open, before) {
            (Some(_), Some(at)) if focused => offers(value, at, true),
            _ => (0, Vec::new()),
        };
        if shown.is_empty() {
            self.open = None;
        }
        let act = if focused && before.is_some() { self.keys(ui, shown.len()) } else { Act::Nothing };
        let mut changed = false;
        match (act, before) {
            (Act::Take(index), Some(at)) => {
                if let Some(offer) = shown.get(index) {
                    replace(ui, id, value, from..at, &offer.text);
                    changed = true;
                }
                self.open = None;
            }
            (Act::Newline, Some(at)) => {
                let line = value.chars().take(at).collect::<String>();
                let line = line.rsplit('\n').next().unwrap_or_default();
                // Below a row's first key stand its other keys.
                let mut rest = line.trim_start_matches(' ');
                while let Some(row) = rest.strip_prefix("- ") {
                    rest = row.trim_start_matches(' ');
                }
                let indent = line.len() - rest.len();
                let deeper = if line.trim_end().ends_with(':') { 2 } else { 0 };
                replace(ui, id, value, at..at, &format!("\n{}", " ".repeat(indent + deeper)));
                changed = true;
            }
            _ => {}
        }
        let output = self.field(ui, id, name, value, flaws);
        let response = &output.response.response;
        let at = output.cursor_range.map(|range| range.primary.index.0);
        if response.changed() {
            changed = true;
            // What is typed asks for what may stand here; what is put in or taken out does not.
            let typed = ui.input(|input| {
                input
                    .events
                    .iter()
                    .any(|event| matches!(event, egui::Event::Text(text) if text.chars().count() == 1))
            });
            let any = at.is_some_and(|at| typed && !offers(value, at, false).1.is_empty());
            self.open = any.then_some(0);
        } else if at != before && self.open.is_some() && !changed {
            self.open = None;
        }
        if !ui.memory(|memory| memory.has_focus(id)) {
            self.open = None;
        }
        if let (Some(_), Some(at)) = (self.open, at) {
            let (from, shown) = offers(value, at, true);
            let place =
                output.galley_pos + output.galley.pos_from_cursor(CCursor::new(at)).left_bottom().to_vec2();
            if let Some(index) = self.offers(ui, tokens, id, place, &shown) {
                replace(ui, id, value, from..at, &shown[index].text);
                (self.open, changed) = (None, true);
                ui.memory_mut(|memory| memory.request_focus(id));
            }
        }
        changed
    }

    fn keys(&mut self, ui: &Ui, offers: usize) -> Act {
        let pressed = |modifiers, key| ui.input_mut(|input| input.consume_key(modifiers, key));
        if pressed(Modifiers::COMMAND, Key::Space) {
            (self.open, self.moved) = (Some(0), true);
            return Act::Nothing;
        }
        let Some(chosen) = self.open else {
            return if pressed(Modifiers::NONE, Key::Enter) { Act::Newline } else { Act::Nothing };
        };
        if pressed(Modifiers::NONE, Key::Escape) {
            self.open = None;
        }
        let last = offers.saturating_sub(1);
        for (key, to) in [(Key::ArrowDown, (chosen + 1).min(last)), (Key::ArrowUp, chosen.saturating_sub(1))]
        {
            if pressed(Modifiers::NONE, key) {
                (self.open, self.moved) = (Some(to), true);
            }
        }
        if pressed(Modifiers::NONE, Key::Enter) || pressed(Modifiers::NONE, Key::Tab) {
            return Act::Take(chosen);
        }
        Act::Nothing
    }

    fn field(&self, ui: &mut Ui, id: Id, name: &str, value: &mut String, flaws: &[Flaw]) -> TextEditOutput {
        let tokens = Tokens::of(ui);
        let focused = ui.memory(|memory| memory.has_focus(id));
        let stroke = if focused { egui::Stroke::new(1.0, tokens.accent) } else { tokens.hairline() };
        let frame = Frame::new().fill(tokens.canvas).stroke(stroke).corner_radius(6);
        let margin = Margin { left: GUTTER as i8, right: 6, top: 8, bottom: 8 };
        frame
            .inner_margin(margin)
            .show(ui, |ui| {
                let mut layout = |ui: &Ui, text: &dyn TextBuffer, wrap: f32| {
                    let job = highlighted(text.as_str(), tokens, wrap);
                    ui.fonts_mut(|fonts| fonts.layout_job(job))
                };
                // While there is something to choose, its keys are not the window's.
                let open = self.open.is_some();
                let filter =
                    EventFilter { tab: open, escape: open, horizontal_arrows: true, vertical_arrows: true };
                let marks = ui.painter().add(egui::Shape::Noop);
                let output = TextEdit::multiline(value)
                    .id(id)
                    .frame(Frame::NONE)
                    .margin(Margin::ZERO)
                    .font(FontId::monospace(size::SECONDARY))
                    .desired_width(ui.available_width())
                    .desired_rows(4)
                    .event_filter(filter)
                    .layouter(&mut layout)
                    .show(ui);
                let (shown, enabled) = (value.clone(), ui.is_enabled());
                output.response.response.widget_info(|| {
                    let mut info = WidgetInfo::text_edit(enabled, shown.clone(), shown.clone(), "");
                    info.label = Some(name.to_owned());
                    info
                });
                margin_of(ui, &output.galley, output.galley_pos, flaws, marks);
                output
            })
            .inner
    }

    /// Draws what may stand here; returns the one that was clicked.
    fn offers(&mut self, ui: &Ui, tokens: &Tokens, id: Id, at: Pos2, offers: &[Offer]) -> Option<usize> {
        let screen = ui.ctx().content_rect();
        let height = (offers.len() as f32 * ROW).min(ROW * 8.0) + 34.0;
        let above = at.y + height > screen.bottom();
        let (pivot, y) =
            if above { (Align2::LEFT_BOTTOM, at.y - LINE) } else { (Align2::LEFT_TOP, at.y + 2.0) };
        let x = at.x.min(screen.right() - OFFERS - 12.0).max(4.0);
        let mut clicked = None;
        let chosen = self.open.unwrap_or_default().min(offers.len().saturating_sub(1));
        let moved = std::mem::take(&mut self.moved);
        let area = Area::new(id.with("offers")).order(Order::Foreground).pivot(pivot).fixed_pos(pos2(x, y));
        area.show(ui.ctx(), |ui| {
            Frame::new().fill(tokens.surface).stroke(tokens.hairline()).corner_radius(6).show(ui, |ui| {
                ui.set_width(OFFERS);
                ui.spacing_mut().item_spacing.y = 0.0;
                let scroll = ScrollArea::vertical().id_salt(id.with("list")).max_height(ROW * 8.0);
                scroll.show(ui, |ui| {
                    for (index, offer) in offers.iter().enumerate() {
                        let here = index == chosen;
                        let (rect, response) = ui.allocate_exact_size(vec2(OFFERS, ROW), Sense::click());
                        response.widget_info(|| {
                            let about = if offer.about.is_empty() { "" } else { ": " };
                            let name = format!("Complete {}{about}{}", offer.name, offer.about);
                            WidgetInfo::selected(WidgetType::Button, true, here, name)
                        });
                        if here {
                            ui.painter().rect_filled(rect, 4.0, tokens.selection());
                            if moved {
                                response.scroll_to_me(None);
                            }
                        } else if response.hovered() {
                            ui.painter().rect_filled(rect, 4.0, tokens.raised);
                        }
                        let font = FontId::monospace(size::SECONDARY);
                        let (left, y) = (rect.left() + 10.0, rect.center().y);
                        let end =
                            text::cut(ui, &offer.name, font, tokens.text, [left, rect.right() - 10.0, y]);
                        let small = FontId::proportional(size::NOTE);
                        if end + 60.0 < rect.right() {
                            text::cut(
                                ui,
                                &offer.about,
                                small,
                                tokens.muted,
                                [end + 10.0, rect.right() - 8.0, y],
                            );
                        }
                        if response.clicked() {
                            clicked = Some(index);
                        }
                    }
                });
                if let Some(about) =
                    offers.get(chosen).map(|offer| &offer.about).filter(|about| !about.is_empty())
                {
                    Frame::new().inner_margin(Margin::symmetric(10, 6)).show(ui, |ui| {
                        let font = FontId::new(size::NOTE, family(ui.ctx(), Weight::Regular));
                        ui.add(Label::new(RichText::new(about).font(font).color(tokens.muted)).wrap());
                    });
                }
            });
        });
        clicked
    }
}

/// Numbers of lines, and what is wrong in each. Marks go beneath the text.
fn margin_of(ui: &Ui, galley: &Galley, at: Pos2, flaws: &[Flaw], marks: egui::layers::ShapeIdx) {
    let tokens = Tokens::of(ui);
    let mut worst: BTreeMap<usize, bool> = BTreeMap::new();
    for flaw in flaws {
        *worst.entry(flaw.line).or_default() |= flaw.error;
    }
    let (mut line, mut begins, mut shapes) = (0, true, Vec::new());
    let clip = ui.clip_rect();
    for row in &galley.rows {
        let rect = row.rect().translate(at.to_vec2());
        let color = worst.get(&line).map(|error| if *error { tokens.failing } else { tokens.degraded });
        if rect.bottom() >= clip.top() && rect.top() <= clip.bottom() {
            if let Some(color) = color {
                let band =
                    Rect::from_x_y_ranges(at.x - GUTTER + 1.0..=ui.max_rect().right() + 4.0, rect.y_range());
                shapes.push(egui::Shape::rect_filled(band, 0.0, tokens.tint(color).gamma_multiply(0.6)));
            }
            if begins {
                let number = (line + 1).to_string();
                let place = pos2(at.x - 8.0, rect.center().y);
                let font = FontId::monospace(size::NOTE);
                ui.painter().text(place, Align2::RIGHT_CENTER, number, font, color.unwrap_or(tokens.faint));
            }
        }
        begins = row.ends_with_newline;
        line += usize::from(begins);
    }
    ui.painter().set(marks, egui::Shape::Vec(shapes));
}

fn cursor(ui: &Ui, id: Id) -> Option<usize> {
    let range = TextEdit::load_state(ui.ctx(), id)?.cursor.char_range()?;
    range.single().map(|at| at.index.0)
}

/// Puts the cursor behind so many letters.
pub(super) fn put_cursor(ui: &Ui, id: Id, at: usize) {
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(at))));
    state.store(ui.ctx(), id);
}

/// Puts a text in the place of letters, and the cursor behind it.
fn replace(ui: &Ui, id: Id, value: &mut String, range: std::ops::Range<usize>, text: &str) {
    let byte = |letters: usize| value.char_indices().nth(letters).map_or(value.len(), |(byte, _)| byte);
    let bytes = byte(range.start)..byte(range.end);
    value.replace_range(bytes, text);
    put_cursor(ui, id, range.start + text.chars().count());
}

/// A text that is not written here, as it is shown.
pub(super) fn still(ui: &mut Ui, name: &str, yaml: &str) {
    let tokens = Tokens::of(ui);
    let frame = Frame::new().fill(tokens.canvas).stroke(tokens.hairline()).corner_radius(6);
    frame.inner_margin(Margin::same(10)).show(ui, |ui| {
        let galley: Arc<Galley> = {
            let job = highlighted(&visible(yaml), tokens, ui.available_width());
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let label = ui.add(Label::new(galley).selectable(true));
        label.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, name));
    });
}
