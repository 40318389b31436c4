//! What happened on the axis, at a glance: all requests, and what of them failed.

use super::axis::Axis;
use crate::cx::Cx;
use crate::kit::Tokens;
use crate::kit::spark::spark;
use crate::kit::theme::size;
use egui::{Align2, FontId, Rect, Ui, pos2};
use mesh::series::{Measured, Query, REQUESTS, failing, rate};
use std::sync::Arc;

/// Of fewer percent, failures would fill the axis and be none.
const LEAST: f64 = 20.0;

/// Draws them over the axis; what is not known is not drawn.
pub(super) fn paint(ui: &Ui, cx: &Cx<'_>, axis: &Axis, place: Rect, span_secs: u64) {
    let tokens = Tokens::of(ui);
    ui.painter().rect_filled(place, 2.0, tokens.surface);
    let told = |query: Query| {
        let range = query.within(cx.namespaces).by("").over(span_secs);
        (cx.reads.series(&range), range.step_secs)
    };
    let inside = place.shrink2(egui::vec2(6.0, 3.0));
    let draw = |measured: &Measured, step: u64, top: f64, color| {
        let pieces: Vec<&[(f64, f64)]> =
            measured.series.iter().flat_map(|series| series.pieces(step)).collect();
        spark(ui, inside, &pieces, [axis.from as f64, axis.to as f64], top, color);
    };
    let (calls, step) = told(rate(REQUESTS));
    let (failed, _) = told(failing(REQUESTS));
    if let Some(calls) = calls.value() {
        draw(calls, step, 0.0, tokens.muted);
    } else if let Some(problem) = calls.problem() {
        let font = FontId::proportional(size::NOTE);
        let words = format!("No rates: {}", problem.why);
        let at = pos2(place.left() + 6.0, place.center().y);
        ui.painter().with_clip_rect(place).text(at, Align2::LEFT_CENTER, words, font, tokens.muted);
    }
    // What never failed draws no line: one at nothing would be red, too.
    let fails = |measured: &&Arc<Measured>| {
        measured.series.iter().flat_map(|series| &series.points).any(|(_, percent)| *percent > 0.0)
    };
    if let Some(failed) = failed.value().filter(fails) {
        draw(failed, step, LEAST, tokens.failing);
    }
}
