//! Why a trace is slow, a sentence each; without others of its kind, what it waited for most.

use super::derived::Parts;
use crate::kit::{Button, fmt, icon, text};
use egui::Ui;
use mesh::trace::{Opened, Reason};

/// How long this trace takes against what is usual.
pub(super) fn head(opened: &Opened, parts: &Parts) -> String {
    let took = fmt::ms(opened.summary.duration_us as f64 / 1000.0);
    let Some(usual) = &parts.usual else {
        return format!("{took}. Too few traces that begin alike were found to say what is usual");
    };
    let middle = fmt::ms(usual.duration_us as f64 / 1000.0);
    let others = fmt::counted(usual.traces, "other that begins alike", "others that begin alike");
    format!("{took}; usual is {middle} (the middle of {others})")
}

/// A reason in a sentence: "details details:9080/* was waited for 34 ms, 30 ms longer than usual. A fault rule
/// held it up".
pub(super) fn sentence(reason: &Reason, duration_us: u64, usual: bool) -> String {
    let time = |us: f64| fmt::ms(us / 1000.0);
    let waited = time(reason.waited_us);
    let longer = match reason.usual_us {
        Some(_) => format!(", {} longer than usual", time(reason.longer_us())),
        None if usual => ", and is usually not called".to_owned(),
        None => format!(
            ", {} of the whole",
            fmt::percent(reason.waited_us / (duration_us as f64).max(1.0) * 100.0)
        ),
    };
    let marks: String = reason.marks.iter().map(|mark| format!(". By the mesh: {mark}")).collect();
    format!("{} was waited for {waited}{longer}{marks}", reason.name)
}

/// Draws them. Returns the row of the one that was clicked.
pub(super) fn ui(ui: &mut Ui, opened: &Opened, parts: &Parts) -> Option<usize> {
    let mut row = None;
    text::strong(ui, "Why it takes so long");
    text::muted(ui, head(opened, parts));
    if parts.reasons.is_empty() {
        text::note(ui, "Nothing on its critical path takes longer than usual");
    }
    for reason in &parts.reasons {
        let words = sentence(reason, opened.summary.duration_us, parts.usual.is_some());
        ui.horizontal_wrapped(|ui| {
            let see = Button::icon(icon::ARROW_RIGHT, format!("Show {}", reason.name));
            if ui.add(see).on_hover_text("Show it in the waterfall").clicked() {
                row = Some(reason.row);
            }
            text::medium(ui, words);
        });
    }
    row
}
