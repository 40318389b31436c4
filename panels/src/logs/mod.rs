//! Logs of pods and their proxies: several at once, merged by time, followed, searched, held still. Lines of
//! access logs are read: how each call ended, why, and its trace.

mod lines;
mod sources;

use self::lines::{Chosen, Shown};
use self::sources::{Source, at_first, sources};
use crate::cx::Cx;
use crate::intent::{Intent, LogsOf};
use crate::kit::aside::Aside;
use crate::kit::theme::space;
use crate::kit::{Button, Tokens, button, field, fmt, icon, remote, text};
use crate::panel::{About, Panel};
use crate::selection::Selected;
use egui::{Frame, Id, Margin, ScrollArea, Ui, UiBuilder, vec2};
use jiff::Timestamp;
use mesh::Remote;
use mesh::log::{Log, LogOf, Place, Sought, merged};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Logs",
    icon: icon::SCROLL,
    summary: "Logs of pods and proxies, merged by time, with calls read in words and the way to their traces",
};

/// How far a log has come: lines in all, the newest of then. Lines only come: where these are the same, they are.
type State = (u64, Option<Timestamp>);

/// Lines of logs that have come so far, of which these are sought.
type Lines = Aside<(Vec<(LogOf, State)>, Sought), Merged>;

/// Fewer lines than these are merged in the frame that shows them.
const FEW: usize = 10_000;

/// Lines by time, of logs as they were when they were merged.
struct Merged {
    shown: Vec<Shown>,
    sought: Sought,
    places: Vec<Place>,
}

/// What is looked at.
#[derive(Default)]
pub struct Logs {
    sought: Sought,
    /// What was chosen of what is selected; `None`: the first few.
    read: Option<(Selected, BTreeSet<LogOf>)>,
    /// The logs as they were when they were held.
    held: Option<Vec<(LogOf, Arc<Log>)>>,
    chosen: Option<Chosen>,
    /// What was written at a moment, instead of what is written now.
    moment: Option<Moment>,
    merged: Lines,
}

/// A moment in the logs of something, of which only the lines of one request may be meant.
struct Moment {
    asked: LogsOf,
    only_request: bool,
}

impl Panel for Logs {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let all = sources(&cx.scene.mesh, cx.selected);
        if all.is_empty() {
            let how = "Select a service, a workload, an app or an edge: the logs of its pods and proxies stand here.";
            let what =
                if cx.selected.is_some() { "No pods behind what is selected" } else { "Nothing is selected" };
            remote::empty(ui, ABOUT.icon, what, how, None);
            return;
        }
        if self.moment.as_ref().is_some_and(|moment| Some(&moment.asked.of) != cx.selected) {
            self.look_at(None);
        }
        let wanted = self.wanted(cx, &all);
        let mut troubles = Vec::new();
        let shown = self.shown(cx, &all, &wanted, &mut troubles);
        let rect = ui.available_rect_before_wrap();
        let height = self.chosen.as_ref().map_or(0.0, |_| (rect.height() * 0.45).clamp(120.0, 320.0));
        let (list, below) = rect.split_top_bottom_at_y((rect.bottom() - height).max(rect.top()));
        let mut above = ui.new_child(UiBuilder::new().max_rect(list));
        Frame::new().inner_margin(Margin::same(space::L as i8)).show(&mut above, |ui| {
            self.head(ui, cx, &all, &wanted, &shown);
            for (of, trouble) in &troubles {
                text::note(ui, format!("{} {}: {trouble}", of.pod, of.container));
            }
            let Some(merged) = merged_of(ui, &mut self.merged, shown, &self.sought) else {
                return remote::waiting(ui, "Putting lines in order");
            };
            counts(ui, merged, self.sought != merged.sought);
            if let Some(clicked) = lines::lines(ui, &merged.shown, &merged.places, self.chosen.as_ref()) {
                self.chosen = (self.chosen.as_ref() != Some(&clicked)).then_some(clicked);
            }
        });
        if let Some(chosen) = &self.chosen {
            ui.painter().hline(below.x_range(), below.top(), Tokens::of(ui).hairline());
            let mut below = ui.new_child(UiBuilder::new().max_rect(below.shrink2(vec2(space::L, space::S))));
            ScrollArea::vertical()
                .id_salt("the line")
                .auto_shrink([false, false])
                .show(&mut below, |ui| lines::card(ui, cx, chosen));
        }
    }

    fn follow(&mut self, intent: &Intent, _cx: &Cx<'_>) {
        if let Intent::LogsOf(wanted) = intent {
            self.look_at(Some(wanted));
        }
    }
}

impl Logs {
    /// Logs of these containers of what is selected, instead of its first few.
    pub fn of(selected: Selected, containers: impl IntoIterator<Item = LogOf>) -> Self {
        Self { read: Some((selected, containers.into_iter().collect())), ..Self::default() }
    }

    /// Whose logs are read.
    fn wanted(&self, cx: &Cx<'_>, all: &[Source]) -> Vec<LogOf> {
        match (&self.read, &self.moment) {
            (Some((of, read)), _) if Some(of) == cx.selected => {
                all.iter().map(|source| source.of.clone()).filter(|of| read.contains(of)).collect()
            }
            (_, Some(Moment { asked: LogsOf { pod: Some(pod), .. }, .. })) => {
                all.iter().map(|source| source.of.clone()).filter(|of| of.pod == *pod).collect()
            }
            _ => at_first(all),
        }
    }

    /// Looks at a moment, or at what is written now.
    fn look_at(&mut self, asked: Option<&LogsOf>) {
        self.moment = asked.map(|asked| Moment { asked: asked.clone(), only_request: false });
        self.sought = Sought { between: asked.map(|asked| asked.between), ..Sought::default() };
        (self.read, self.held, self.chosen) = (None, None, None);
    }

    /// The log of a container at the moment that is looked at.
    fn read_of(&self, of: &LogOf) -> LogOf {
        LogOf { around: self.moment.as_ref().map(|moment| moment.asked.between), ..of.clone() }
    }

    /// The logs, as they are now, or were when they were held; and why some are not there.
    fn shown(
        &mut self,
        cx: &Cx<'_>,
        all: &[Source],
        wanted: &[LogOf],
        troubles: &mut Vec<(LogOf, String)>,
    ) -> Vec<Shown> {
        let now = |of: &LogOf, troubles: &mut Vec<(LogOf, String)>| match cx.reads.log(&self.read_of(of)) {
            Remote::Waiting => Arc::default(),
            Remote::Live(log, _) => log,
            Remote::Stale(log, at, trouble) => {
                troubles.push((of.clone(), format!("as of {}: {}", fmt::ago(cx.now, at), trouble.why)));
                log
            }
            Remote::Denied(trouble) => {
                troubles.push((of.clone(), format!("{}. {}", trouble.why, trouble.next)));
                Arc::default()
            }
        };
        let current: Vec<(LogOf, Arc<Log>)> =
            wanted.iter().map(|of| (of.clone(), now(of, troubles))).collect();
        let logs = match &self.held {
            Some(held) if held.iter().map(|(of, _)| of).eq(wanted) => held.clone(),
            _ => current,
        };
        let service = |of: &LogOf| {
            all.iter()
                .find(|source| source.of == *of)
                .map_or_else(String::new, |source| source.service.clone())
        };
        logs.into_iter().map(|(of, log)| Shown { service: service(&of), of, log }).collect()
    }

    fn head(&mut self, ui: &mut Ui, cx: &Cx<'_>, all: &[Source], wanted: &[LogOf], shown: &[Shown]) {
        ui.horizontal_wrapped(|ui| {
            text::title(ui, ABOUT.name);
            let label = format!("{} of {} containers", wanted.len(), all.len());
            button::menu(ui, &label, "Containers", |ui| {
                for source in all {
                    let (of, is) = (&source.of, wanted.contains(&source.of));
                    if button::choice(ui, is, &format!("{} {}", of.pod, of.container)) {
                        let mut read: BTreeSet<LogOf> = wanted.iter().cloned().collect();
                        if !read.remove(of) {
                            read.insert(of.clone());
                        }
                        self.read = cx.selected.map(|selected| (selected.clone(), read));
                    }
                }
            });
            let width = (ui.available_width() - 8.0).clamp(120.0, 260.0);
            let hint = "Words, -without";
            field::search(ui, Id::new("log search"), hint, "Search the lines", &mut self.sought.words, width);
            if ui.add(Button::quiet("Failed calls").selected(self.sought.failed)).clicked() {
                self.sought.failed = !self.sought.failed;
            }
            if self.moment_ui(ui) {
                return;
            }
            let held = self.held.is_some();
            let (label, sign) = if held { ("Follow", icon::PLAY) } else { ("Hold", icon::PAUSE) };
            if ui.add(Button::quiet(label).with_icon(sign)).clicked() {
                let logs = || shown.iter().map(|one| (one.of.clone(), Arc::clone(&one.log))).collect();
                self.held = (!held).then(logs);
            }
        });
    }
}

/// The newest lines that have been merged, of these logs; many are merged beside the window's thread.
fn merged_of<'a>(ui: &Ui, known: &'a mut Lines, shown: Vec<Shown>, sought: &Sought) -> Option<&'a Merged> {
    let total = |log: &Log| (log.len() as u64 + log.dropped, log.newest());
    let key = (shown.iter().map(|one| (one.of.clone(), total(&one.log))).collect(), sought.clone());
    let few = shown.iter().map(|one| one.log.len()).sum::<usize>() <= FEW;
    let (of, sought): (Vec<LogOf>, _) = (shown.iter().map(|one| one.of.clone()).collect(), sought.clone());
    let merge = move || {
        let logs: Vec<Arc<Log>> = shown.iter().map(|one| Arc::clone(&one.log)).collect();
        Merged { places: merged(&logs, &sought), shown, sought }
    };
    let merged = known.get(ui.ctx(), key, few, merge)?;
    merged.shown.iter().map(|one| &one.of).eq(&of).then_some(merged)
}

impl Logs {
    /// Draws which moment is looked at, and the ways out of it; whether there is one.
    fn moment_ui(&mut self, ui: &mut Ui) -> bool {
        let Some(moment) = &mut self.moment else { return false };
        let request = Button::quiet("Only this request").selected(moment.only_request);
        let about = "Lines that hold the id of its trace, or its own";
        if !moment.asked.ids.is_empty() && ui.add(request).on_hover_text(about).clicked() {
            moment.only_request = !moment.only_request;
            let any = Some(moment.asked.ids.clone()).filter(|_| moment.only_request);
            self.sought.any = any.unwrap_or_default();
        }
        let (from, to) = moment.asked.between;
        let time = |at: Timestamp| at.strftime("%H:%M:%S%.3f").to_string();
        let words = format!("{} – {}  {}", time(from), time(to), icon::X);
        let only = Button::quiet(words).selected(true).named("Only this moment");
        if ui.add(only).on_hover_text("UTC. Press to follow what is written now").clicked() {
            self.look_at(None);
        }
        true
    }
}

/// How many lines there are, and what of them is not shown.
fn counts(ui: &mut Ui, Merged { shown, places, .. }: &Merged, searching: bool) {
    let found = places.len();
    let all: usize = shown.iter().map(|one| one.log.len()).sum();
    let dropped: u64 = shown.iter().map(|one| one.log.dropped).sum();
    let mut said = match found == all {
        true => fmt::counted(all, "line", "lines"),
        false => format!("{} of {}", fmt::count(found), fmt::counted(all, "line", "lines")),
    };
    if dropped > 0 {
        said += &format!(
            ", {} older ones are no longer kept",
            fmt::count(usize::try_from(dropped).unwrap_or(usize::MAX))
        );
    }
    let ended = shown.iter().filter(|one| one.log.ended.is_some()).count();
    if ended > 0 {
        said += &format!(", {ended} ended");
    }
    if searching {
        said += ", still searching";
    }
    text::note(ui, said);
}
