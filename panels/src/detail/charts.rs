//! What calls did over time, in a few charts; the panel *Metrics* has all of them.

use super::rows::fold;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::{Button, fmt, icon, text};
use crate::metrics;
use crate::selection::PanelId;
use egui::Ui;
use mesh::charts::{CHARTS, Calls};

/// The section: folded away, nothing is asked.
pub fn section(ui: &mut Ui, cx: &Cx<'_>, calls: &Calls<'_>) {
    let about = if calls.stands_alone() { "" } else { "by version" };
    fold(ui, "Metrics", about, false, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.horizontal_wrapped(|ui| {
            text::note(ui, format!("The last {}", fmt::duration(metrics::range_secs(cx) as f64)));
            if ui.add(Button::bare("All charts").with_icon(icon::CHART_LINE)).clicked() {
                cx.intents.send(Intent::Open(PanelId::Metrics));
            }
        });
        for chart in CHARTS.iter().filter(|chart| chart.first) {
            ui.scope(|ui| metrics::chart(ui, cx, chart, calls, metrics::When::default()));
        }
    });
}
