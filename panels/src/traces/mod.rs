//! Traces: the way of single requests through the mesh. Found by service, time, duration and errors; shown as
//! a plot and a list; one trace opened as a waterfall.

mod bars;
mod beside;
mod list;
mod minimap;
mod scatter;
mod search;
mod span;
mod waterfall;

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::space;
use crate::kit::{Button, Memo, Status, badge, fmt, icon, remote, table, text};
use crate::panel::{About, Panel};
use egui::{Frame, Margin, Ui};
use mesh::trace::{Found, Odd, Stats, Summary, TraceQuery};
use mesh::{Problem, Read, Remote};

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Traces",
    icon: egui_phosphor::regular::PATH,
    summary: "Find single requests and see where their time went",
};

/// The traces panel.
#[derive(Default)]
pub struct Traces {
    search: search::Search,
    /// What is looked for.
    asked: Option<TraceQuery>,
    /// The search whose answer is shown: until the next one is answered, that of the one before it.
    shown: Option<TraceQuery>,
    /// The trace that is looked at.
    open: Option<String>,
    /// The trace that was looked at last: marked in the list.
    last: Option<String>,
    list: table::State,
    /// Of each answer once: one row for each trace, the newest first, and what they say together.
    summaries: Memo<(usize, Option<jiff::Timestamp>), (Vec<Summary>, Stats)>,
    waterfall: waterfall::Waterfall,
}

impl Panel for Traces {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if self.asked.is_none() && cx.scene.traces.value().is_some() && cx.scene.ready() {
            self.asked = self.search.first(cx);
        }
        Frame::new().inner_margin(Margin::symmetric(space::L as i8, space::M as i8)).show(
            ui,
            |ui| match self.open.clone() {
                Some(id) => self.trace_ui(ui, cx, &id),
                None => self.results_ui(ui, cx),
            },
        );
    }

    fn follow(&mut self, intent: &Intent, cx: &Cx<'_>) {
        if let Intent::TracesOf(wanted) = intent {
            self.search.show(wanted, cx.window_secs);
            self.ask(cx);
            self.open = None;
        } else if let Intent::OpenTrace(id) = intent {
            self.look_at(id.clone());
        } else if matches!(intent, Intent::Connect(_) | Intent::StartSandbox(_) | Intent::Disconnect) {
            // The traces of one mesh say nothing of another.
            *self = Self::default();
        }
    }
}

impl Traces {
    /// Looks for what the fields tell.
    fn ask(&mut self, cx: &Cx<'_>) {
        if let Ok(query) = self.search.query(cx.now) {
            self.asked = Some(query);
        }
    }

    fn look_at(&mut self, id: String) {
        self.last = Some(id.clone());
        self.open = Some(id);
    }

    /// What was found, or the last that was found before.
    fn found(&mut self, cx: &Cx<'_>) -> Remote<Found> {
        let Some(asked) = &self.asked else { return Remote::Waiting };
        let found = cx.reads.traces(asked);
        if self.shown.as_ref() == Some(asked) || matches!(found, Remote::Live(..) | Remote::Stale(..)) {
            self.shown = Some(asked.clone());
            return found;
        }
        found.or_earlier(self.shown.as_ref().map(|shown| cx.reads.traces(shown)).unwrap_or_default())
    }

    fn results_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if self.search.ui(ui, cx) {
            self.ask(cx);
        }
        let found = self.found(cx);
        ui.add_space(space::XS);
        if let Some(problem) = cx.scene.traces.problem().filter(|_| found.value().is_none()) {
            refused(ui, problem);
            return;
        }
        let answer = match &found {
            Remote::Waiting => {
                if self.asked.is_some() {
                    remote::waiting(ui, "Looking for traces…");
                } else {
                    let how = "Choose a service above, or an edge of the graph and “Traces”.";
                    remote::empty(ui, icon::PATH, "No search yet", how, None);
                }
                return;
            }
            Remote::Denied(problem) => {
                if refused(ui, problem) {
                    self.ask(cx);
                }
                return;
            }
            Remote::Live(answer, _) => answer,
            Remote::Stale(answer, at, problem) => {
                remote::stale(ui, &fmt::ago(cx.now, *at), &problem.what, &problem.why, &problem.next);
                answer
            }
        };
        if let Some(odd) = odd(answer) {
            text::note(ui, odd);
        }
        if answer.traces.is_empty() {
            let how = "Take a longer time range, another service, or let errors and durations out. Sampling may keep few of many requests.";
            if remote::empty(ui, icon::PATH, "No traces match", how, Some("Search again")) {
                self.ask(cx);
            }
            return;
        }
        let key = (std::sync::Arc::as_ptr(answer) as usize, found.at());
        let (summaries, stats) = self.summaries.get(key, |_| newest_first(answer));
        let stats = *stats;
        let chosen = self.last.as_ref().and_then(|id| summaries.iter().position(|one| one.id == *id));
        let asked = self.shown.as_ref().map_or(usize::MAX, |query| query.limit);
        let more = (summaries.len() >= asked).then(|| self.search.more());
        if sums(ui, summaries, stats, more.as_ref().map(Option::is_some))
            && let Some(search) = more.flatten()
        {
            self.search = search;
            self.asked = self.search.query(cx.now).ok();
        }
        let in_plot = scatter::ui(ui, summaries, stats, cx.now, chosen);
        ui.add_space(space::S);
        let revision = key.0 as u64 ^ found.at().map_or(0, |at| at.as_millisecond().unsigned_abs());
        let (in_list, csv) = list::ui(ui, &mut self.list, summaries, revision, cx.now, chosen);
        if let Some(csv) = csv {
            cx.intents.send(Intent::Copy(csv, "traces as CSV".into()));
        }
        if let Some(id) = in_plot.or(in_list).and_then(|index| Some(summaries.get(index)?.id.clone())) {
            cx.intents.send(Intent::OpenTrace(id));
        }
    }

    fn trace_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let whole = cx.reads.trace(id);
        // What the search brought is shown at once.
        let found = self.found(cx);
        let of_search = || found.value()?.traces.iter().find(|opened| opened.trace.id == id);
        let back = match whole.value().or_else(of_search) {
            Some(opened) => self.waterfall.ui(ui, cx, opened),
            None => {
                let back = waterfall::back_ui(ui);
                match whole.problem() {
                    Some(problem) => {
                        if remote::denied(ui, &problem.what, &problem.why, &problem.next, Some("Try again")) {
                            cx.reads.again(Read::Trace(id.to_owned()));
                        }
                    }
                    None => remote::waiting(ui, &format!("Reading trace {}", list::short_id(id))),
                }
                back
            }
        };
        if back {
            self.open = None;
        }
    }
}

fn refused(ui: &mut Ui, problem: &Problem) -> bool {
    remote::denied(ui, &problem.what, &problem.why, &problem.next, Some("Search again"))
}

/// What is odd about an answer: what is said of it as a whole, and in how many traces something is.
fn odd(found: &Found) -> Option<String> {
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

#[cfg(test)]
mod tests;
