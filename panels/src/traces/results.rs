//! What a search found, or a file has: how many traces, their plot, their list or their groups; those only that
//! are slower than usual, of one group, or in a box of the plot.

use super::scatter::{Picked, Window};
use super::{grouped, list, scatter};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::space;
use crate::kit::{Button, Memo, Status, badge, field, fmt, icon, table, text};
use egui::Ui;
use jiff::Timestamp;
use mesh::trace::{By, Found, Group, Odd, Opened, Stats, Summary, groups, slower};
use std::sync::Arc;

/// How they can be put together.
const GROUPS: [(Option<By>, &str); 4] = [
    (None, "Not grouped"),
    (Some(By::Root), "By what they begin with"),
    (Some(By::Path), "By path"),
    (Some(By::Error), "By error"),
];

/// How they are looked at.
#[derive(Default)]
pub(super) struct Results {
    list: table::State,
    groups: table::State,
    only: Only,
    /// Of each answer once: its traces, the newest first, those of them that are meant, and what they say
    /// together.
    shown: Memo<(usize, Option<Timestamp>, Only), Shown>,
    revision: u64,
    /// The trace that was looked at last: marked in the list.
    pub(super) last: Option<String>,
}

/// Which of them are meant.
#[derive(Clone, Debug, Default, PartialEq)]
struct Only {
    slower: bool,
    by: Option<By>,
    /// A group by its name.
    group: Option<String>,
    window: Option<Window>,
}

#[derive(Default)]
struct Shown {
    /// What is in the plot.
    plot: Vec<Summary>,
    /// What is in the list: those of the plot that lie in the window.
    list: Vec<Summary>,
    stats: Stats,
    groups: Vec<Group>,
    /// How many take longer than usual.
    slower: usize,
    revision: u64,
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
        let key = (Arc::as_ptr(found) as usize, at, self.only.clone());
        let revision = &mut self.revision;
        let shown = self.shown.get(key, |(.., only)| {
            *revision += 1;
            Shown::of(found, only, *revision)
        });
        let chosen =
            |of: &[Summary]| self.last.as_ref().and_then(|id| of.iter().position(|one| one.id == *id));
        let more = more(found.traces.len());
        let wanted = sums(ui, &shown.plot, shown.stats, more);
        let only = only_ui(ui, &self.only, shown);
        let picked = scatter::ui(ui, &shown.plot, shown.stats, cx.now, chosen(&shown.plot), self.only.window);
        ui.add_space(space::S);
        let mut open = None;
        let mut group = None;
        if self.only.by.is_some() && self.only.group.is_none() {
            let (clicked, csv) = grouped::ui(ui, &mut self.groups, &shown.groups, shown.revision);
            copy(cx, csv, "groups as CSV");
            group = clicked.and_then(|at| Some(shown.groups.get(at)?.name.clone()));
        } else {
            let chosen = chosen(&shown.list);
            let (clicked, csv) = list::ui(ui, &mut self.list, &shown.list, shown.revision, cx.now, chosen);
            copy(cx, csv, "traces as CSV");
            open = clicked.and_then(|at| Some(shown.list.get(at)?.id.clone()));
        }
        let window = match picked {
            Some(Picked::Trace(at)) => {
                open = open.or_else(|| Some(shown.plot.get(at)?.id.clone()));
                None
            }
            Some(Picked::Window(window)) => Some(window),
            None => None,
        };
        self.only = only;
        if group.is_some() {
            self.only.group = group;
        }
        if window.is_some() {
            self.only.window = window;
        }
        if let Some(id) = open {
            cx.intents.send(Intent::OpenTrace(id));
        }
        wanted
    }
}

impl Shown {
    fn of(found: &Found, only: &Only, revision: u64) -> Self {
        let mut newest: Vec<Arc<Opened>> = found.traces.clone();
        newest.sort_by_key(|one| std::cmp::Reverse(one.summary.start_us));
        let late = slower(&newest);
        let count = late.iter().filter(|late| **late).count();
        if only.slower {
            let mut late = late.into_iter();
            newest.retain(|_| late.next().unwrap_or_default());
        }
        let groups = only.by.map_or_else(Vec::new, |by| groups(&newest, by));
        if let Some(group) = &only.group {
            let of = groups.iter().find(|one| one.name == *group).map_or(&[][..], |group| &group.traces);
            newest = of.iter().filter_map(|at| newest.get(*at).cloned()).collect();
        }
        let plot: Vec<Summary> = newest.iter().map(|opened| opened.summary.clone()).collect();
        let within = |one: &&Summary| only.window.is_none_or(|window| window.holds(one));
        let list: Vec<Summary> = plot.iter().filter(within).cloned().collect();
        let stats = Stats::of(list.iter().map(|one| one.duration_us));
        Self { plot, list, stats, groups, slower: count, revision }
    }
}

fn copy(cx: &Cx<'_>, csv: Option<String>, what: &str) {
    if let Some(csv) = csv {
        cx.intents.send(Intent::Copy(csv, what.to_owned()));
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

/// Draws which of them are meant, and returns it as it was changed.
fn only_ui(ui: &mut Ui, only: &Only, shown: &Shown) -> Only {
    let mut new = only.clone();
    ui.horizontal_wrapped(|ui| {
        let slower = Button::quiet(format!("Slower than usual: {}", fmt::count(shown.slower)));
        let about = "More than twice as long as the middle of those that begin alike";
        if (shown.slower > 0 || only.slower)
            && ui.add(slower.named("Slower than usual").selected(only.slower)).on_hover_text(about).clicked()
        {
            new.slower = !only.slower;
        }
        let now = GROUPS.iter().position(|(by, _)| *by == only.by).unwrap_or_default();
        if let Some(chosen) = field::choose(ui, "Group traces", &GROUPS.map(|(_, words)| words), now) {
            (new.by, new.group) = (GROUPS[chosen].0, None);
        }
        if let Some(group) = &only.group
            && chip(ui, &text::shortened(group, |name| name.chars().count() <= 48), group)
        {
            new.group = None;
        }
        if only.window.is_some() {
            let words = format!("{} in the box", fmt::count(shown.list.len()));
            if chip(ui, &words, "the box in the plot") {
                new.window = None;
            }
        }
    });
    new
}

/// What is left out because of it, with the way to have it back.
fn chip(ui: &mut Ui, shown: &str, name: &str) -> bool {
    let only = Button::quiet(format!("{shown}  {}", icon::X)).selected(true).named(format!("Only {name}"));
    ui.add(only).on_hover_text("Press to show the others too").clicked()
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
