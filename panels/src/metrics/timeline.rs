//! What was written in the time of the charts, the newest first; each leads to its object.

use super::chart::{When, range_secs};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::{Button, fmt, icon, text};
use crate::selection::{PanelId, Selected};
use egui::Ui;
use jiff::{SignedDuration, Timestamp};
use mesh::lens::Subject;
use mesh::since::{Near, between};

/// So many are named; the panel *Changes* has all.
const MOST: usize = 3;

/// What concerns the thing that is looked at; all that was written, where nothing is.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, subject: Option<&Subject<'_>>, when: When) {
    let span = |secs: u64| SignedDuration::from_secs(i64::try_from(secs).unwrap_or(i64::MAX / 4));
    let second =
        |secs: u64| Timestamp::from_second(i64::try_from(secs).unwrap_or_default()).unwrap_or(cx.now);
    let [from, to] = match when.zoom {
        Some(zoom) => [second(zoom.from), second(zoom.until)],
        None => {
            let to = cx.now - span(when.ago_secs);
            [to - span(range_secs(cx)), to]
        }
    };
    let config = subject.map(|subject| subject.config(&cx.scene.mesh));
    let all = between(&cx.scene.writes, cx.changes, [from, to], config.as_deref());
    for near in all.iter().take(MOST) {
        let words = said(near, cx.now);
        let shown = crate::kit::button::fitting_in(ui, &words, ui.available_width() - 40.0);
        if ui.add(Button::bare(shown).with_icon(icon::PENCIL_SIMPLE).named(words)).clicked() {
            cx.intents.send(Intent::Select(Some(Selected::Object(near.at.clone()))));
        }
    }
    if all.len() > MOST {
        let more = format!("and {} more changes in this time", fmt::count(all.len() - MOST));
        if ui.add(Button::bare(more)).clicked() {
            cx.intents.send(Intent::Open(PanelId::Changes));
        }
    } else if all.is_empty() && when.ago_secs > 0 {
        text::note(ui, "No change of this time is known: what others wrote is heard while connected only");
    }
}

fn said(near: &Near, now: Timestamp) -> String {
    let by = if near.by.is_empty() { String::new() } else { format!(" by {}", near.by) };
    format!("{}{by}, {}", near.what, fmt::ago(now, near.when))
}
