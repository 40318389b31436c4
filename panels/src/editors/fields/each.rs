//! Fields in lists: rows of a list, each with the fields of a table of its own, that are added, copied, moved
//! (by drag or by a button) and taken away; conditions on texts; names with what they stand for.

use super::super::form::{Form, Line, condition};
use super::super::gesture::Gesture;
use super::holds::Holds;
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, text};
use egui::{CursorIcon, FontId, Label, Rect, RichText, Sense, Stroke, WidgetInfo, WidgetType, vec2};
use egui_phosphor::regular as icon;
use serde_json::{Map, Value, json};

/// A button at the end of a row.
const BUTTON: f32 = 36.0;
/// The buttons at the end of a row that can be moved.
const BUTTONS: f32 = 3.0 * BUTTON;
/// A name in a row of names and texts.
const NAME: f32 = 104.0;

/// What the user wants of a row.
enum Act {
    Copy,
    Remove,
    Up,
}

/// What a row says in short, and its fields.
pub(super) type Drawn<'d> = (&'d dyn Fn(&Value) -> String, &'d dyn Fn(&mut Form<'_>, &mut Value));

/// Rows of a list: `noun` is what one is called ("match").
pub(super) fn each(form: &mut Form<'_>, noun: &str, list: &mut Vec<Value>, (says, draw): Drawn<'_>) {
    let (mut act, mut heads, mut dragged) = (None, Vec::new(), None);
    for (index, row) in list.iter_mut().enumerate() {
        let title = format!("{noun} {}", index + 1);
        let of = format!("{title} of {}", form.subject());
        let says = says(row);
        let open = form.is_open(&of, says.is_empty());
        form.line("", 0.0, |line| {
            let held = handle(line, &of);
            heads.push(held.rect);
            if held.dragged() || held.drag_stopped() {
                let y = held.interact_pointer_pos().map(|at| at.y);
                dragged = y.map(|y| (index, y, held.drag_stopped()));
            }
            if head(line, &title, &of, open, &says) {
                line.ui().data_mut(|data| data.insert_temp(egui::Id::new(("open", &of)), !open));
            }
            if line.button(Button::icon(icon::ARROW_UP, format!("move up {of}")), index > 0) {
                act = Some((index, Act::Up));
            }
            if line.button(Button::icon(icon::COPY, format!("copy {of}")), true) {
                act = Some((index, Act::Copy));
            }
            if line.button(Button::icon(icon::X, format!("remove {of}")), true) {
                act = Some((index, Act::Remove));
            }
        });
        if open {
            form.inside(&of, |form| draw(form, row));
        }
    }
    match act {
        Some((index, Act::Remove)) => {
            drop(list.remove(index));
            reopen(form, noun, list.len() + 1, |open| {
                open.remove(index);
            });
        }
        Some((index, Act::Copy)) => {
            list.insert(index, list[index].clone());
            reopen(form, noun, list.len() - 1, |open| open.insert(index, false));
        }
        Some((index, Act::Up)) => {
            list.swap(index, index - 1);
            reopen(form, noun, list.len(), |open| open.swap(index, index - 1));
        }
        None => {}
    }
    if let Some((from, y, dropped)) = dragged {
        carry(form, noun, list, &heads, (from, y, dropped));
    }
    let name = format!("add {noun} of {}", form.subject());
    form.line("", 0.0, |line| {
        if line.button(Button::quiet(format!("Add {noun}")).with_icon(icon::PLUS).named(name), true) {
            let new = format!("{noun} {} of {}", list.len() + 1, line.subject());
            line.ui().data_mut(|data| data.insert_temp(egui::Id::new(("open", new)), true));
            list.push(json!({}));
        }
    });
}

/// What a row is taken by.
fn handle(line: &mut Line<'_>, of: &str) -> egui::Response {
    let ui = line.ui();
    let color = Tokens::of(ui).muted;
    let (rect, held) = ui.allocate_exact_size(vec2(14.0, 28.0), Sense::DRAG);
    let font = egui::FontId::proportional(14.0);
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, icon::DOTS_SIX_VERTICAL, font, color);
    held.widget_info(|| WidgetInfo::labeled(WidgetType::Other, true, format!("drag {of}")));
    held.on_hover_cursor(CursorIcon::Grab)
}

/// The title of a row, with what it says while it is folded; whether it was clicked.
fn head(line: &mut Line<'_>, title: &str, of: &str, open: bool, says: &str) -> bool {
    let ui = line.ui();
    let caret = if open { icon::CARET_DOWN } else { icon::CARET_RIGHT };
    let left = ui.cursor().left();
    let room = ui.available_width() - BUTTONS;
    let clicked = ui.add(Button::bare(title).with_icon(caret).named(of).selected(open)).clicked();
    let rest = room - (ui.cursor().left() - left) - ui.spacing().item_spacing.x;
    if rest > 24.0 {
        let (rect, _) = ui.allocate_exact_size(vec2(rest, 28.0), Sense::hover());
        if !open {
            // Rows differ at their ends, too.
            let shown = text::middle(ui, says, &FontId::proportional(size::SECONDARY), rect.width());
            let shown = RichText::new(shown).size(size::SECONDARY).color(Tokens::of(ui).muted);
            let mut inner =
                ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(ui.layout().to_owned()));
            inner.add(Label::new(shown).extend());
        }
    }
    clicked
}

/// Rows that are unfolded stay so when they move.
fn reopen(form: &mut Form<'_>, noun: &str, count: usize, moves: impl FnOnce(&mut Vec<bool>)) {
    let subject = form.subject().to_owned();
    let id = |index: usize| egui::Id::new(("open", format!("{noun} {} of {subject}", index + 1)));
    let ui = form.ui();
    let mut open: Vec<bool> =
        ui.data(|data| (0..count).map(|index| data.get_temp(id(index)).unwrap_or(false)).collect());
    moves(&mut open);
    ui.data_mut(|data| {
        for (index, open) in open.into_iter().enumerate() {
            data.insert_temp(id(index), open);
        }
        data.remove::<bool>(id(count));
    });
}

/// Shows where a dragged row would go, and puts it there when it is let go.
fn carry(
    form: &mut Form<'_>,
    noun: &str,
    list: &mut Vec<Value>,
    heads: &[Rect],
    (from, y, dropped): (usize, f32, bool),
) {
    let others = heads.iter().enumerate().filter(|(index, _)| *index != from);
    let to = others.filter(|(_, rect)| rect.center().y < y).count();
    if dropped {
        let row = list.remove(from);
        list.insert(to.min(list.len()), row);
        reopen(form, noun, list.len(), |open| {
            let row = open.remove(from);
            open.insert(to.min(open.len()), row);
        });
        form.did(Gesture::Settled);
        return;
    }
    let edge = match heads.get(if to >= from { to + 1 } else { to }) {
        Some(next) => next.top() - 2.0,
        None => heads.last().map_or(y, |last| last.bottom() + 2.0),
    };
    let ui = form.ui();
    let accent = Tokens::of(ui).accent;
    ui.painter().hline(ui.max_rect().x_range(), edge, Stroke::new(2.0, accent));
}

/// Names with a text, a number or a condition each; `noun` is what one is called ("header").
pub(super) fn named(form: &mut Form<'_>, noun: &str, holds: Holds, all: &mut Map<String, Value>) {
    let conditions = matches!(holds, Holds::Matches(_));
    let mut rows: Vec<(String, Value)> =
        all.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let before = rows.clone();
    let mut gone = None;
    for index in 0..rows.len() {
        let of = format!("{noun} {} of {}", index + 1, form.subject());
        let others: Vec<String> = rows
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != index)
            .map(|(_, (name, _))| name.clone())
            .collect();
        let (name, value) = &mut rows[index];
        form.line("", 0.0, |line| {
            let mut typed = name.clone();
            line.text(&format!("name of {of}"), noun, &mut typed, Some(NAME));
            if !others.contains(&typed) {
                *name = typed;
            }
            let remove =
                |line: &mut Line<'_>| line.button(Button::icon(icon::X, format!("remove {of}")), true);
            if conditions {
                // What is compared takes the rest of the line, or of the next.
                gone = if remove(line) { Some(index) } else { gone };
                condition(line, &of, value);
            } else {
                let said = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let before = said(value);
                let mut text = before.clone();
                let width = line.room() - BUTTON;
                line.text(&format!("value of {of}"), "", &mut text, Some(width));
                if text != before {
                    let number = text.parse::<u32>().ok().filter(|_| matches!(holds, Holds::Numbers(_)));
                    *value = number.map_or_else(|| text.into(), Value::from);
                }
                gone = if remove(line) { Some(index) } else { gone };
            }
        });
    }
    gone.map(|index| rows.remove(index));
    let name = format!("add {noun} of {}", form.subject());
    form.line("", 0.0, |line| {
        let free = !rows.iter().any(|(name, _)| name.is_empty());
        if line.button(Button::quiet(format!("Add {noun}")).with_icon(icon::PLUS).named(name), free) {
            rows.push((String::new(), if conditions { json!({ "exact": "" }) } else { "".into() }));
        }
    });
    if rows != before {
        *all = rows.into_iter().collect();
    }
}
