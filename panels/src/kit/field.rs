//! Text fields with an icon, and the choice of one out of any number: as many as fit are in sight, the others
//! are found by scrolling or typing.

use super::icon;
use super::theme::{Tokens, size, space};
use super::{button, text};
use egui::{
    FontId, Frame, Id, Key, Margin, Response, RichText, ScrollArea, Sense, Stroke, TextEdit, Ui, WidgetInfo,
    WidgetType,
};

/// From so many rows on there is a field to type in.
const MANY: usize = 12;
/// Height of a row with what is between two.
const ROW: f32 = 28.0;
/// Rows in sight at most.
const IN_SIGHT: f32 = 11.0;
/// Width of a menu's rows at most.
const WIDEST: f32 = 420.0;

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// What it says.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
    /// Whether it holds something of the user's.
    pub marked: bool,
}

/// A one-line field: an icon, the text, and a cross that empties it. `name` is what screen readers say.
pub fn text(
    ui: &mut Ui,
    id: Id,
    symbol: &str,
    hint: &str,
    name: &str,
    value: &mut String,
    width: f32,
) -> Response {
    let tokens = Tokens::of(ui);
    button::wrap(ui, width);
    let focused = ui.memory(|memory| memory.has_focus(id));
    let stroke = if focused { Stroke::new(1.0, tokens.accent) } else { tokens.hairline() };
    let frame = Frame::new()
        .fill(tokens.raised)
        .stroke(stroke)
        .corner_radius(space::RADIUS)
        .inner_margin(Margin::symmetric(8, 0));
    frame
        .show(ui, |ui| {
            ui.set_width(width - 18.0);
            ui.set_height(space::CONTROL - 2.0);
            ui.horizontal_centered(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                if !symbol.is_empty() {
                    ui.add(
                        egui::Label::new(RichText::new(symbol).size(14.0).color(tokens.muted))
                            .selectable(false),
                    );
                }
                let clear = if value.is_empty() { 0.0 } else { 22.0 };
                let edit = TextEdit::singleline(value)
                    .id(id)
                    .frame(Frame::NONE)
                    .margin(Margin::ZERO)
                    .hint_text(RichText::new(hint).color(tokens.faint))
                    .desired_width(ui.available_width() - clear);
                let mut response = ui.add(edit);
                let shown = value.clone();
                let enabled = ui.is_enabled();
                response.widget_info(|| {
                    let mut info = WidgetInfo::text_edit(enabled, shown.clone(), shown.clone(), hint);
                    info.label = Some(name.to_owned());
                    info
                });
                if clear > 0.0 {
                    // Not by Tab: between two fields it would take what is typed for the second.
                    let cross =
                        egui::Button::new(RichText::new(icon::X).size(size::NOTE).color(tokens.muted))
                            .frame(false)
                            .small()
                            .sense(Sense::CLICK);
                    let cross = ui.add(cross);
                    cross.widget_info(|| {
                        WidgetInfo::labeled(WidgetType::Button, true, format!("Clear {name}"))
                    });
                    if cross.clicked() {
                        value.clear();
                        response.mark_changed();
                    }
                }
                response
            })
            .inner
        })
        .inner
}

/// A field of several lines, for code.
pub fn area(ui: &mut Ui, id: Id, name: &str, value: &mut String) -> Response {
    let lines = value.lines().count().clamp(3, 24);
    let width = ui.available_width();
    let edit = TextEdit::multiline(value)
        .id(id)
        .code_editor()
        .lock_focus(false)
        .desired_rows(lines)
        .desired_width(width);
    let scroll = ScrollArea::horizontal().id_salt(id.with("scroll"));
    let response = scroll.show(ui, |ui| ui.add(edit)).inner;
    let (shown, enabled) = (value.clone(), ui.is_enabled());
    response.widget_info(|| {
        let mut info = WidgetInfo::text_edit(enabled, shown.clone(), shown.clone(), "");
        info.label = Some(name.to_owned());
        info
    });
    response
}

/// A search field.
pub fn search(ui: &mut Ui, id: Id, hint: &str, name: &str, value: &mut String, width: f32) -> Response {
    text(ui, id, icon::MAGNIFYING_GLASS, hint, name, value, width)
}

/// One out of a few, as a menu button that shows the chosen one. Returns the newly chosen index.
pub fn choose(ui: &mut Ui, name: &str, options: &[&str], chosen: usize) -> Option<usize> {
    let options: Vec<(&str, bool)> = options.iter().map(|option| (*option, false)).collect();
    choose_marked(ui, name, &options, chosen)
}

/// [`choose`], with a dot at those options that hold something of the user's.
pub fn choose_marked(ui: &mut Ui, name: &str, options: &[(&str, bool)], chosen: usize) -> Option<usize> {
    let label = options.get(chosen).map_or("–", |(option, _)| *option);
    let shown = button::fitting(ui, label);
    let menu = button::menu(ui, &shown, name, |ui| {
        let row = |(index, (option, marked)): (usize, &(&str, bool))| Choice {
            label: (*option).to_owned(),
            chosen: index == chosen,
            marked: *marked,
        };
        let rows: Vec<Choice> = options.iter().enumerate().map(row).collect();
        let picked = choices(ui, name, &rows);
        if picked.is_some() {
            ui.close();
        }
        picked
    });
    if shown != label {
        menu.response.on_hover_text(label);
    }
    menu.inner.flatten()
}

/// What was typed, and in which frame it was shown last: a menu that opens anew is empty.
type Typed = (String, u64);

/// Draws the choices. Returns the index of the one that was clicked, or that Enter took.
pub fn choices(ui: &mut Ui, name: &str, rows: &[Choice]) -> Option<usize> {
    let id = Id::new(("menu", name));
    let font = FontId::proportional(size::TEXT);
    let widest = rows.iter().map(|row| &row.label).max_by_key(|label| label.len());
    let wide = widest.map_or(0.0, |label| text::width(ui, label, &font) + 64.0).clamp(160.0, WIDEST);
    ui.set_min_width(wide);
    let mut enter = false;
    let mut found: Vec<usize> = (0..rows.len()).collect();
    if rows.len() > MANY {
        let frame = ui.ctx().cumulative_frame_nr();
        let (mut typed, last) = ui.data(|data| data.get_temp::<Typed>(id)).unwrap_or_default();
        let anew = last + 2 < frame;
        if anew {
            typed.clear();
        }
        let hint = format!("Find in {}", rows.len());
        let response = search(ui, id.with("field"), &hint, &format!("Find {name}"), &mut typed, wide);
        if anew {
            response.request_focus();
        }
        enter = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
        let fits = |row: &usize| {
            let label = rows[*row].label.to_lowercase();
            words.iter().all(|word| label.contains(word))
        };
        found.retain(fits);
        ui.data_mut(|data| data.insert_temp::<Typed>(id, (typed, frame)));
    }
    let mut picked = found.first().copied().filter(|_| enter);
    if found.is_empty() {
        text::muted(ui, "Nothing fits");
    }
    let most = (ROW * IN_SIGHT).min(button::height(ui) * 0.6);
    let scroll = ScrollArea::vertical().id_salt(id).max_height(most).auto_shrink([true, true]);
    ui.spacing_mut().item_spacing.y = 2.0;
    scroll.show_rows(ui, ROW - 2.0, found.len(), |ui, range| {
        ui.set_min_width(wide);
        for &at in &found[range] {
            let row = &rows[at];
            let shown = text::middle(ui, &row.label, &font, WIDEST - 64.0);
            if button::choice_marked(ui, row.chosen, &shown, &row.label, row.marked) {
                picked = Some(at);
            }
        }
    });
    picked
}

/// A label above a field.
pub fn label(ui: &mut Ui, name: &str) -> Response {
    text::muted(ui, name)
}
