//! What a search found, or a file has: how many traces, their plot, their list or their groups; those only that
//! are slower than usual, of one group, or in a box of the plot.

use super::paths::PathGraph;
use super::scatter::{Picked, Window};
use super::{grouped, list, red, scatter};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::space;
use crate::kit::{Button, Memo, Status, badge, field, fmt, icon, keys, table, text};
use egui::{Key, Ui};
use jiff::Timestamp;
use mesh::trace::{By, Found, Group, Middles, Odd, Opened, Stats, Summary, TraceQuery, groups};
use std::sync::Arc;

/// How they can be put together.
const GROUPS: [(Option<By>, &str); 4] = [
    (None, "Not grouped"),
    (Some(By::Root), "By what they begin with"),
    (Some(By::Path), "By path"),
    (Some(By::Error), "By error"),
];

/// What stands beside what was found.
#[derive(Default)]
pub(super) struct Beside<'a> {
    /// The search reached its limit: whether more can be asked for at once.
    pub(super) more: Option<bool>,
    /// The search, where it was one.
    pub(super) asked: Option<&'a TraceQuery>,
    /// What begins alike, of the last hour; else these tell themselves what is usual.
    pub(super) hour: Option<&'a Arc<Found>>,
}

/// What more is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    /// More at once.
    Larger,
    /// What is older than this, in microseconds.
    Older(u64),
}

/// As what they are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    /// A plot and a list.
    #[default]
    List,
    /// A graph of who called whom.
    Paths,
    /// Figures of the service beside its metrics.
    Metrics,
}

const VIEWS: [(View, &str, &str, &str); 2] = [
    (View::Paths, "Path graph", icon::GRAPH, "Who called whom in these traces, how often and how well"),
    (
        View::Metrics,
        "Beside metrics",
        icon::CHART_LINE,
        "Rate, errors and durations by spans and by istio_* metrics",
    ),
];

/// How they are looked at.
#[derive(Default)]
pub(super) struct Results {
    view: View,
    paths: PathGraph,
    red: red::Beside,
    list: table::State,
    groups: table::State,
    only: Only,
    /// Of each answer once: its traces, the newest first, those of them that are meant, and what they say
    /// together.
    shown: Memo<(usize, Option<Timestamp>, usize, Only), Shown>,
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
    /// Those in which a span of a service says this.
    tags: Vec<Tagged>,
}

/// A service, and what a span of it says.
#[derive(Clone, Debug, PartialEq)]
struct Tagged {
    service: String,
    name: String,
    value: String,
}

impl Tagged {
    fn is_in(&self, opened: &Opened) -> bool {
        opened.trace.spans.iter().any(|span| {
            let mut all = span.tags().all(&self.name).chain(span.process().all(&self.name));
            span.service() == self.service && all.any(|value| value == self.value)
        })
    }
}

#[derive(Default)]
struct Shown {
    /// What is in the plot.
    plot: Vec<Summary>,
    /// What is in the list: those of the plot that lie in the window.
    list: Vec<Summary>,
    stats: Stats,
    groups: Vec<Group>,
    /// Those of the list, with their spans.
    traces: Vec<Arc<Opened>>,
    middles: Middles,
    /// How many take longer than usual.
    slower: usize,
    revision: u64,
}

impl Results {
    /// Whether their spans are wanted, and not only a line of each.
    pub(super) fn wants_spans(&self) -> bool {
        self.view != View::List || self.only.by == Some(By::Path) || !self.only.tags.is_empty()
    }

    /// Leaves those in which a span of a service says this.
    pub(super) fn only_with(&mut self, service: &str, (name, value): &(String, String)) {
        let tagged = Tagged { service: service.to_owned(), name: name.clone(), value: value.clone() };
        if !self.only.tags.contains(&tagged) {
            self.only.tags.push(tagged);
        }
    }

    /// Forgets what was looked at, and what was left out.
    pub(super) fn let_go(&mut self) {
        (self.last, self.only, self.view) = (None, Only::default(), View::List);
    }

    /// Draws them. Returns whether more are asked for.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        found: &Arc<Found>,
        at: Option<Timestamp>,
        beside: &Beside<'_>,
    ) -> Option<More> {
        let wants_spans = self.wants_spans();
        let hour = beside.hour.map_or(0, |hour| Arc::as_ptr(hour) as usize);
        let key = (Arc::as_ptr(found) as usize, at, hour, self.only.clone());
        let revision = &mut self.revision;
        let shown = self.shown.get(key, |(.., only)| {
            *revision += 1;
            Shown::of(found, beside.hour.map(|hour| &**hour), only, *revision)
        });
        let chosen =
            |of: &[Summary]| self.last.as_ref().and_then(|id| of.iter().position(|one| one.id == *id));
        let wanted = sums(ui, &shown.plot, shown.stats, beside.more);
        let (only, view) = only_ui(ui, &self.only, self.view, shown, beside);
        if wants_spans && found.traces.iter().any(|one| !one.is_whole()) {
            // Why they do not come stands above.
            (self.only, self.view) = (only, view);
            return wanted;
        }
        if self.view != View::List {
            let back = match (self.view, beside.asked) {
                (View::Metrics, Some(asked)) => {
                    self.red.ui(ui, cx, asked, found, beside.more.is_some());
                    keys::pressed(ui).contains(&Key::Escape)
                }
                (View::Metrics, None) => true,
                _ => self.paths.ui(ui, cx, &shown.traces, shown.revision),
            };
            (self.only, self.view) = (only, if back { View::List } else { view });
            return wanted;
        }
        let picked = scatter::ui(ui, &shown.plot, shown.stats, cx.now, chosen(&shown.plot), self.only.window);
        ui.add_space(space::S);
        let mut open = None;
        let mut group = None;
        if self.only.by.is_some() && self.only.group.is_none() {
            let (clicked, csv) = grouped::ui(ui, &mut self.groups, &shown.groups, shown.revision);
            copy(cx, csv, "groups as CSV");
            group = clicked.and_then(|at| Some(shown.groups.get(at)?.name.clone()));
        } else {
            let (chosen, of) = (chosen(&shown.list), (&*shown.list, &shown.middles));
            let (clicked, csv) = list::ui(ui, &mut self.list, of, shown.revision, cx.now, chosen);
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
        (self.only, self.view) = (only, view);
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
    fn of(found: &Found, hour: Option<&Found>, only: &Only, revision: u64) -> Self {
        let mut newest: Vec<Arc<Opened>> = found.traces.clone();
        newest.sort_by_key(|one| std::cmp::Reverse(one.summary.start_us));
        newest.retain(|one| only.tags.iter().all(|tagged| tagged.is_in(one)));
        let middles = Middles::of(&hour.unwrap_or(found).traces);
        let slower = newest.iter().filter(|one| middles.exceeds(&one.summary)).count();
        if only.slower {
            newest.retain(|one| middles.exceeds(&one.summary));
        }
        let groups = only.by.map_or_else(Vec::new, |by| groups(&newest, by));
        if let Some(group) = &only.group {
            let of = groups.iter().find(|one| one.name == *group).map_or(&[][..], |group| &group.traces);
            newest = of.iter().filter_map(|at| newest.get(*at).cloned()).collect();
        }
        let plot: Vec<Summary> = newest.iter().map(|opened| opened.summary.clone()).collect();
        let within = |one: &Arc<Opened>| only.window.is_none_or(|window| window.holds(&one.summary));
        newest.retain(within);
        let list: Vec<Summary> = newest.iter().map(|opened| opened.summary.clone()).collect();
        let stats = Stats::of(list.iter().map(|one| one.duration_us));
        Self { plot, list, stats, groups, traces: newest, middles, slower, revision }
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

/// Draws which of them are meant and as what they are shown, and returns both as they were changed.
fn only_ui(ui: &mut Ui, only: &Only, view: View, shown: &Shown, beside: &Beside<'_>) -> (Only, View) {
    let (mut new, mut as_view) = (only.clone(), view);
    ui.horizontal_wrapped(|ui| {
        let slower = Button::quiet(format!("Slower than usual: {}", fmt::count(shown.slower)));
        let about = match beside.hour.is_some() {
            true => "More than twice as long as the middle of those of the last hour that begin alike",
            false => "More than twice as long as the middle of those here that begin alike",
        };
        if (shown.slower > 0 || only.slower)
            && ui.add(slower.named("Slower than usual").selected(only.slower)).on_hover_text(about).clicked()
        {
            new.slower = !only.slower;
        }
        let now = GROUPS.iter().position(|(by, _)| *by == only.by).unwrap_or_default();
        if let Some(chosen) = field::choose(ui, "Group traces", &GROUPS.map(|(_, words)| words), now) {
            (new.by, new.group) = (GROUPS[chosen].0, None);
        }
        for (other, name, sign, about) in VIEWS {
            let button = Button::quiet(name).with_icon(sign).selected(view == other);
            let there = other != View::Metrics || beside.asked.is_some();
            if there && ui.add(button).on_hover_text(about).clicked() {
                as_view = if view == other { View::List } else { other };
            }
        }
        if let Some(group) = &only.group
            && chip(ui, &text::shortened(group, |name| name.chars().count() <= 48), group)
        {
            new.group = None;
        }
        for (at, Tagged { name, value, .. }) in only.tags.iter().enumerate() {
            let tag = format!("{name}={value}");
            if chip(ui, &text::shortened(&tag, |tag| tag.chars().count() <= 48), &tag) {
                new.tags.remove(at);
                break;
            }
        }
        if only.window.is_some() {
            let words = format!("{} in the box", fmt::count(shown.list.len()));
            if chip(ui, &words, "the box in the plot") {
                new.window = None;
            }
        }
    });
    (new, as_view)
}

/// What is left out because of it, with the way to have it back.
fn chip(ui: &mut Ui, shown: &str, name: &str) -> bool {
    let only = Button::quiet(format!("{shown}  {}", icon::X)).selected(true).named(format!("Only {name}"));
    ui.add(only).on_hover_text("Press to show the others too").clicked()
}

/// How many there are, how long they take, how many failed. `more`: there are more than these, and whether
/// they can be had at once. Returns what is asked for.
fn sums(ui: &mut Ui, summaries: &[Summary], stats: Stats, more: Option<bool>) -> Option<More> {
    let failed = summaries.iter().filter(|one| one.errors > 0).count();
    let told = |us: u64| fmt::ms(us as f64 / 1000.0);
    let mut wanted = None;
    ui.horizontal_wrapped(|ui| {
        let count = fmt::counted(stats.count, "trace", "traces");
        text::strong(ui, if more.is_some() { format!("The newest {count}") } else { count });
        if let Some(possible) = more {
            let starts = || summaries.iter().map(|one| one.start_us);
            let oldest = starts().min().unwrap_or_default();
            let span = starts().max().unwrap_or_default() - oldest;
            let said = text::muted(ui, format!("of {}; there are more", fmt::duration(span as f64 / 1e6)));
            said.on_hover_text("The search reached its limit. Plot, list and figures are of these only");
            if possible && ui.add(Button::quiet("Load more")).clicked() {
                wanted = Some(More::Larger);
            }
            if ui.add(Button::quiet("Older")).on_hover_text("Those before the oldest of these").clicked() {
                wanted = Some(More::Older(oldest));
            }
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
