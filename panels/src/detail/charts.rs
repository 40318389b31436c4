//! What calls did over time, in a few charts; the panel *Metrics* has all of them.

use super::rows::fold;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::{Button, fmt, icon, text};
use crate::metrics::{self, When};
use crate::selection::PanelId;
use egui::{Id, Ui};
use mesh::charts::{CHARTS, Calls};

/// The section: folded away, nothing is asked.
pub fn section(ui: &mut Ui, cx: &Cx<'_>, calls: &Calls<'_>) {
    let about = if calls.stands_alone() { "" } else { "by version" };
    fold(ui, "Metrics", about, false, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        let id = Id::new("time of the charts of the detail");
        let mut when = ui.data(|data| data.get_temp::<When>(id)).unwrap_or_default();
        ui.horizontal_wrapped(|ui| {
            metrics::zoomed(ui, &mut when.zoom);
            if when.zoom.is_none() {
                text::note(ui, format!("The last {}", fmt::duration(metrics::range_secs(cx) as f64)));
            }
            if ui.add(Button::bare("All charts").with_icon(icon::CHART_LINE)).clicked() {
                cx.intents.send(Intent::Open(PanelId::Metrics));
            }
        });
        for chart in CHARTS.iter().filter(|chart| chart.first) {
            ui.scope(|ui| metrics::chart(ui, cx, chart, calls, &mut when));
        }
        ui.data_mut(|data| data.insert_temp(id, when));
    });
}
