//! A number in a form: dragged, typed, stepped by arrow keys or by the wheel.

use super::super::gesture::Gesture;
use crate::kit::{self, fmt, number};
use egui::{Event, Ui, vec2};
use istio::Duration;
use std::ops::RangeInclusive;

/// How a number is shown and read.
pub struct Number<'a> {
    /// What screen readers call it.
    pub name: &'a str,
    /// What it may be.
    pub range: RangeInclusive<f64>,
    /// How much a point of dragging and a press of an arrow key move it.
    pub step: f64,
    /// Width of the field.
    pub width: f32,
    /// Stands before it.
    pub prefix: &'a str,
    /// Stands behind it.
    pub suffix: &'a str,
    /// The number as people write it.
    pub show: &'a dyn Fn(f64) -> String,
    /// The number that people wrote.
    pub read: &'a dyn Fn(&str) -> Option<f64>,
    /// How to write one that can be read: "write 2s, 250ms or 1m30s".
    pub way: &'a str,
}

impl<'a> Number<'a> {
    /// A plain number.
    pub fn plain(name: &'a str, range: RangeInclusive<f64>) -> Self {
        Self {
            name,
            range,
            step: 1.0,
            width: 84.0,
            prefix: "",
            suffix: "",
            show: &|value| format!("{}", (value * 1e4).round() / 1e4),
            read: &number::plain,
            way: "write a number",
        }
    }

    /// A number without a fraction.
    pub fn whole(name: &'a str, range: RangeInclusive<f64>) -> Self {
        Self { read: &number::whole, way: "write a whole number", ..Self::plain(name, range) }
    }

    /// Draws it.
    pub fn ui(self, ui: &mut Ui, value: &mut f64) -> Gesture {
        let field = kit::Number {
            name: self.name,
            range: self.range.clone(),
            speed: self.step,
            size: vec2(self.width, 28.0),
            prefix: self.prefix,
            suffix: self.suffix,
            show: self.show,
            read: self.read,
            way: self.way,
        };
        let response = field.ui(ui, value);
        let mut gesture = Gesture::of(&response);
        if ui.memory(|memory| memory.has_focus(response.id)) {
            gesture.and(wheel(ui, &response, &self.range, self.step, value));
        }
        gesture
    }
}

/// The wheel moves only what has the focus: else nobody could scroll past a form.
fn wheel(
    ui: &Ui,
    field: &egui::Response,
    range: &RangeInclusive<f64>,
    step: f64,
    value: &mut f64,
) -> Gesture {
    if !field.hovered() {
        return Gesture::Rest;
    }
    let notches: f32 = ui.input_mut(|input| {
        let turned = |event: &Event| match event {
            Event::MouseWheel { delta, .. } => delta.y.signum() * f32::from(u8::from(delta.y != 0.0)),
            _ => 0.0,
        };
        let notches = input.events.iter().map(turned).sum();
        input.smooth_scroll_delta.y = 0.0;
        notches
    });
    let moved = (*value + step * f64::from(notches)).clamp(*range.start(), *range.end());
    if notches == 0.0 || moved == *value {
        return Gesture::Rest;
    }
    *value = moved;
    Gesture::Settled
}

/// "2 s", "250 ms", "1 min 30 s".
pub(super) fn shown(millis: f64) -> String {
    let gap = fmt::THIN;
    let (whole, rest) = ((millis / 1000.0).trunc(), millis % 1000.0);
    match (whole, rest) {
        (0.0, rest) => format!("{rest}{gap}ms"),
        (whole, 0.0) if whole % 3600.0 == 0.0 => format!("{}{gap}h", whole / 3600.0),
        (whole, 0.0) if whole % 60.0 == 0.0 => format!("{}{gap}min", whole / 60.0),
        (whole, 0.0) if whole > 60.0 => {
            format!("{}{gap}min{gap}{}{gap}s", (whole / 60.0).trunc(), whole % 60.0)
        }
        _ => format!("{}{gap}s", millis / 1000.0),
    }
}

/// The milliseconds that people wrote: "2s", "250 ms", "1 min 30 s"; a bare number has the unit that is
/// shown.
pub(super) fn millis_of(text: &str, shown: f64) -> Option<f64> {
    let tidy: String = text.chars().filter(|sign| !sign.is_whitespace()).collect::<String>().to_lowercase();
    let tidy = tidy.replace("min", "m").replace("sec", "s");
    if let Ok(number) = tidy.replace(',', ".").parse::<f64>() {
        let unit = match shown {
            shown if shown < 1000.0 => 1.0,
            shown if shown >= 3_600_000.0 && shown % 3_600_000.0 == 0.0 => 3_600_000.0,
            shown if shown >= 60_000.0 && shown % 60_000.0 == 0.0 => 60_000.0,
            _ => 1000.0,
        };
        return Some((number * unit).round());
    }
    Some(Duration::read(&tidy)?.millis() as f64)
}

/// A step that fits the size: 10 ms among hundreds, 0.1 s among seconds.
pub(super) fn step(millis: f64) -> f64 {
    10_f64.powf(millis.max(10.0).log10().floor() - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shown_and_read() {
        #[track_caller]
        fn check(millis: f64, text: &str) {
            assert_eq!(shown(millis).replace(fmt::THIN, " "), text);
            assert_eq!(millis_of(text, millis), Some(millis), "{text}");
        }
        check(250.0, "250 ms");
        check(2000.0, "2 s");
        check(2500.0, "2.5 s");
        check(60_000.0, "1 min");
        check(90_000.0, "1 min 30 s");
        check(7_200_000.0, "2 h");
        check(3_661_500.0, "3661.5 s");
    }

    #[test]
    fn a_bare_number_has_the_unit_that_is_shown() {
        assert_eq!(millis_of("30", 25.0), Some(30.0));
        assert_eq!(millis_of("30", 2500.0), Some(30_000.0));
        assert_eq!(millis_of("3", 120_000.0), Some(180_000.0));
        assert_eq!(millis_of("1m30s", 1.0), Some(90_000.0));
        assert_eq!(millis_of("soon", 1.0), None);
    }

    #[test]
    fn steps_fit_the_size() {
        assert_eq!([25.0, 250.0, 2000.0, 10_000.0].map(step), [1.0, 10.0, 100.0, 1000.0]);
    }
}
