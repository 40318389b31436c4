//! The sheet of keys: what the keyboard does, by "?".

use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Tokens, icon, keys, text};
use egui::{Grid, Id, Key, Ui};

/// Keys and what they do. "Ctrl" is Cmd on a Mac.
const KEYS: &[(&str, &[(&str, &str)])] = &[
    (
        "Everywhere",
        &[
            ("Ctrl K", "Find or do anything"),
            ("Tab, Shift Tab", "To the next part, to the one before"),
            ("Esc", "Close what is open; else select nothing"),
            ("?", "These keys"),
        ],
    ),
    ("Changes", &[("Ctrl Enter", "Push what was checked"), ("Ctrl Z", "Take the newest draft back")]),
    (
        "Graph",
        &[
            ("Arrows", "To the card that stands there"),
            ("Enter", "Select it"),
            ("F, 0", "Show all of it; show it at 100 %"),
            ("+, −", "Nearer, farther"),
            ("Ctrl F", "Find in the graph; Enter steps through"),
            ("D, Backspace", "Only what is around what is selected; back"),
        ],
    ),
    (
        "An opened trace",
        &[
            ("Up, Down", "From span to span"),
            ("Left, Right", "Fold, unfold"),
            ("Esc", "Close the span; back to the results"),
        ],
    ),
];

/// The sheet: closed, or open.
#[derive(Default)]
pub(super) struct Sheet {
    open: bool,
}

impl Sheet {
    /// The button that opens it.
    pub(super) fn button(&mut self, ui: &mut Ui) {
        if ui.add(Button::icon(icon::QUESTION, "Keys").framed()).clicked() {
            self.open = true;
        }
    }

    /// Draws it when it is open, and listens for "?".
    pub(super) fn ui(&mut self, ui: &Ui) {
        let asked = !ui.ctx().text_edit_focused()
            && !keys::modal(ui.ctx())
            && ui.input(|input| {
                let mark = |event: &egui::Event| matches!(event, egui::Event::Text(text) if text == "?");
                input.events.iter().any(mark) || input.key_pressed(Key::Questionmark)
            });
        if asked {
            self.open = true;
        }
        if !self.open {
            return;
        }
        let modal = egui::Modal::new(Id::new("keys")).show(ui.ctx(), |ui| {
            ui.set_width(420.0);
            text::title(ui, "Keys");
            egui::ScrollArea::vertical().show(ui, |ui| {
                for (name, keys) in KEYS {
                    ui.add_space(6.0);
                    text::strong(ui, *name);
                    rows(ui, name, keys);
                }
            });
            ui.add_space(8.0);
            ui.add(Button::quiet("Close")).clicked()
        });
        if modal.inner || modal.should_close() {
            self.open = false;
        }
    }
}

fn rows(ui: &mut Ui, name: &str, keys: &[(&str, &str)]) {
    let tokens = Tokens::of(ui);
    let mac = ui.ctx().os() == egui::os::OperatingSystem::Mac;
    Grid::new(("keys", name)).num_columns(2).spacing([16.0, 4.0]).min_row_height(0.0).show(ui, |ui| {
        for (key, does) in keys {
            let key = if mac { key.replace("Ctrl", "⌘") } else { (*key).to_owned() };
            let key = text::rich(ui, key, size::SECONDARY, Weight::Medium).color(tokens.text);
            ui.add_sized([120.0, 18.0], egui::Label::new(key).halign(egui::Align::LEFT));
            text::muted(ui, *does);
            ui.end_row();
        }
    });
}
