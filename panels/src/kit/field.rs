//! Text fields with an icon, and the choice of one out of a few.

use super::icon;
use super::menu::{self, Choice};
use super::theme::{Tokens, size, space};
use super::{button, text};
use egui::{Frame, Id, Margin, Response, RichText, Sense, Stroke, TextEdit, Ui, WidgetInfo, WidgetType};

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
        let picked = menu::choices(ui, name, &rows);
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

/// A label above a field.
pub fn label(ui: &mut Ui, name: &str) -> Response {
    text::muted(ui, name)
}
