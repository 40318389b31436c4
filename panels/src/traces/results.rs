//! What a search found, or a file has: how many traces, their plot, their list.

use super::{list, scatter};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::space;
use crate::kit::{Button, Memo, Status, badge, fmt, table, text};
use egui::Ui;
use jiff::Timestamp;
use mesh::trace::{Found, Odd, Stats, Summary};
use std::sync::Arc;

/// How they are looked at.
#[derive(Default)]
pub(super) struct Results {
    list: table::State,
    /// Of each answer once: one row for each trace, the newest first, and what they say together.
    summaries: Memo<(usize, Option<Timestamp>), (Vec<Summary>, Stats)>,
    /// The trace that was looked at last: marked in the list.
    pub(super) last: Option<String>,
}

impl Results {
    /// Draws them. `more` tells of so many of them whether there are more than these, and then whether they can
    /// be asked for. Returns whether they are.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        found: &Arc<Found>,
        at: Option<Timestamp>,
        more: impl FnOnce(usize) -> Option<bool>,
    ) -> bool {
        let key = (Arc::as_ptr(found) as usize, at);
        let (summaries, stats) = self.summaries.get(key, |_| newest_first(found));
        let stats = *stats;
        let chosen = self.last.as_ref().and_then(|id| summaries.iter().position(|one| one.id == *id));
        let wanted = sums(ui, summaries, stats, more(summaries.len()));
        let in_plot = scatter::ui(ui, summaries, stats, cx.now, chosen);
        ui.add_space(space::S);
        let revision = key.0 as u64 ^ at.map_or(0, |at| at.as_millisecond().unsigned_abs());
        let (in_list, csv) = list::ui(ui, &mut self.list, summaries, revision, cx.now, chosen);
        if let Some(csv) = csv {
            cx.intents.send(Intent::Copy(csv, "traces as CSV".into()));
        }
        if let Some(id) = in_plot.or(in_list).and_then(|index| Some(summaries.get(index)?.id.clone())) {
            cx.intents.send(Intent::OpenTrace(id));
        }
        wanted
    }
}

/// What is odd about an answer: what is said of it as a whole, and in how many traces something is.
pub(super) fn odd(found: &Found) -> Option<String> {
    let traces = found.traces.iter().filter(|opened| opened.odd.iter().any(Odd::loses)).count();
    let traces = (traces > 0).then(|| {
        format!(
            "parts of {} could not be read: open them to see which",
            fmt::counted(traces, "trace", "traces")
        )
    });
    let said: Vec<String> = found.odd.iter().map(ToString::to_string).chain(traces).collect();
    (!said.is_empty()).then(|| said.join(" · "))
}

fn newest_first(found: &Found) -> (Vec<Summary>, Stats) {
    let mut summaries: Vec<Summary> = found.traces.iter().map(|opened| opened.summary.clone()).collect();
    summaries.sort_by_key(|one| std::cmp::Reverse(one.start_us));
    let stats = Stats::of(summaries.iter().map(|one| one.duration_us));
    (summaries, stats)
}

/// How many there are, how long they take, how many failed. `more`: there are more than these, and whether
/// they can be asked for. Returns whether they are.
fn sums(ui: &mut Ui, summaries: &[Summary], stats: Stats, more: Option<bool>) -> bool {
    let failed = summaries.iter().filter(|one| one.errors > 0).count();
    let told = |us: u64| fmt::ms(us as f64 / 1000.0);
    let mut wanted = false;
    ui.horizontal_wrapped(|ui| {
        let count = fmt::counted(stats.count, "trace", "traces");
        text::strong(ui, if more.is_some() { format!("The newest {count}") } else { count });
        if let Some(possible) = more {
            let starts = || summaries.iter().map(|one| one.start_us);
            let span = starts().max().unwrap_or_default() - starts().min().unwrap_or_default();
            let said = text::muted(ui, format!("of {}; there are more", fmt::duration(span as f64 / 1e6)));
            said.on_hover_text("The search reached its limit. Plot, list and figures are of these only");
            wanted = possible && ui.add(Button::quiet("Load more")).clicked();
        }
        text::muted(
            ui,
            format!("p50 {} · p95 {} · longest {}", told(stats.p50), told(stats.p95), told(stats.max)),
        );
        if failed > 0 {
            badge::status(ui, Status::Failing, &format!("{} with errors", fmt::count(failed)));
        }
    });
    wanted
}
