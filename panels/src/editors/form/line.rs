//! A row of fields, in a line of a form.

use super::super::gesture::Gesture;
use super::number::{self, Number};
use crate::kit::theme::size;
use crate::kit::{Button, button, field, fmt, text};
use egui::{FontId, Key, Ui};
use istio::Duration;
use std::ops::RangeInclusive;

/// Longer than anybody waits, in milliseconds.
const DAYS: f64 = 10.0 * 86_400_000.0;

/// A row of fields.
pub struct Line<'l> {
    pub(super) ui: &'l mut Ui,
    pub(super) subject: &'l str,
    pub(super) gesture: &'l mut Gesture,
}

impl Line<'_> {
    /// A number.
    pub fn number(&mut self, number: Number<'_>, value: &mut f64) {
        self.gesture.and(number.ui(self.ui, value));
    }

    /// A duration of at least 1 ms, as Istio wants it.
    pub fn duration(&mut self, name: &str, value: &mut Duration) {
        let before = value.millis() as f64;
        let mut millis = before;
        let number = Number {
            step: number::step(millis),
            show: &number::shown,
            read: &|text| number::millis_of(text, before),
            way: "write 2s, 250ms or 1m30s",
            ..Number::plain(name, 1.0..=DAYS)
        };
        self.number(number, &mut millis);
        if millis != before {
            *value = Duration::from_millis(millis.round() as i64);
        }
    }

    /// How many.
    pub fn count(&mut self, name: &str, value: &mut u32, range: RangeInclusive<u32>) {
        let mut number = f64::from(*value);
        self.number(Number::whole(name, f64::from(*range.start())..=f64::from(*range.end())), &mut number);
        *value = number.round() as u32;
    }

    /// A whole number of any sign.
    pub fn signed(&mut self, name: &str, value: &mut i64) {
        let mut number = *value as f64;
        self.number(Number::whole(name, f64::from(i32::MIN)..=f64::from(i32::MAX)), &mut number);
        *value = number.round() as i64;
    }

    /// A share of calls.
    pub fn percent(&mut self, name: &str, value: &mut f64) {
        let suffix = format!("{}%", fmt::THIN);
        let number = Number { step: 0.5, width: 72.0, suffix: &suffix, ..Number::plain(name, 0.0..=100.0) };
        self.number(number, value);
    }

    /// Whole percents.
    pub fn whole_percent(&mut self, name: &str, value: &mut u32) {
        let suffix = format!("{}%", fmt::THIN);
        let mut number = f64::from(*value);
        self.number(Number { suffix: &suffix, ..Number::plain(name, 0.0..=100.0) }, &mut number);
        *value = number.round() as u32;
    }

    /// One of a few.
    pub fn choose(&mut self, name: &str, options: &[&str], chosen: usize) -> Option<usize> {
        let picked = field::choose(self.ui, name, options, chosen);
        self.gesture.and(Gesture::settled(picked.is_some()));
        picked
    }

    /// What is left of the line.
    pub fn room(&self) -> f32 {
        self.ui.available_width()
    }

    /// A text; the rest of the line, or `width`.
    pub fn text(&mut self, name: &str, hint: &str, value: &mut String, width: Option<f32>) {
        let width = width.unwrap_or(self.ui.available_width());
        let id = self.ui.id().with(name);
        let was = id.with("was");
        let response = field::text(self.ui, id, "", hint, name, value, width);
        if response.gained_focus() {
            self.ui.data_mut(|data| data.insert_temp(was, value.clone()));
        }
        let escaped = response.lost_focus() && self.ui.input(|input| input.key_pressed(Key::Escape));
        if escaped && let Some(was) = self.ui.data_mut(|data| data.remove_temp::<String>(was)) {
            *value = was;
        }
        // The cross of a field empties it at once.
        let emptied = response.changed() && value.is_empty();
        self.gesture.and(Gesture::settled(response.lost_focus() || emptied));
    }

    /// Words separated by commas: typed, or picked from those that are known.
    pub fn words(&mut self, name: &str, value: &mut String, known: &str) {
        let room = self.ui.available_width();
        self.words_in(name, value, known, room);
    }

    /// The same, in so much room.
    pub fn words_in(&mut self, name: &str, value: &mut String, known: &str, room: f32) {
        // What is being typed is not tidied under the user's hands.
        let id = self.ui.id().with(name);
        let typed = id.with("typed");
        let before = self.ui.data(|data| data.get_temp::<String>(typed));
        let mut text =
            before.filter(|_| self.ui.memory(|memory| memory.has_focus(id))).unwrap_or(value.clone());
        let picker = if known.is_empty() { 0.0 } else { 40.0 };
        let width = room - picker;
        self.text(name, "none", &mut text, Some(width));
        let all = |text: &str| -> Vec<String> {
            text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        };
        if !known.is_empty() {
            let mut words = all(&text);
            button::menu(self.ui, "", &format!("pick for {name}"), |ui| {
                for word in known.split(',') {
                    let at = words.iter().position(|chosen| chosen == word);
                    if button::choice(ui, at.is_some(), word) {
                        match at {
                            Some(at) => drop(words.remove(at)),
                            None => words.push(word.to_owned()),
                        }
                        text = words.join(",");
                        self.gesture.and(Gesture::Settled);
                    }
                }
            });
        }
        *value = all(&text).join(",");
        self.ui.data_mut(|data| data.insert_temp(typed, text));
    }

    /// Words between fields; without them where there is no room.
    pub fn word(&mut self, word: &str) {
        let width = text::width(self.ui, word, &FontId::proportional(size::SECONDARY));
        if width <= self.ui.available_width() {
            text::muted(self.ui, word);
        }
    }

    /// A button that changes the draft; whether it was pressed.
    pub fn button(&mut self, button: Button, enabled: bool) -> bool {
        let pressed = self.ui.add_enabled(enabled, button).clicked();
        self.gesture.and(Gesture::settled(pressed));
        pressed
    }

    /// What is edited, in the user's words.
    pub fn subject(&self) -> &str {
        self.subject
    }

    /// Where an editor draws what only it has.
    pub fn ui(&mut self) -> &mut Ui {
        self.ui
    }
}
