//! Traces: the way of single requests through the mesh. Found by service, time, duration and errors; shown as
//! a plot and a list; one trace opened as a waterfall.

mod bars;
pub mod bench;
mod beside;
mod entered;
mod grouped;
mod list;
mod looks;
mod minimap;
mod of_file;
mod paths;
mod red;
mod results;
mod scatter;
mod search;
mod span;
mod tags;
mod waterfall;

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::space;
use crate::kit::{fmt, icon, remote, text};
use crate::panel::{About, Panel};
use egui::{Frame, Margin, Ui};
use mesh::trace::{Found, TraceQuery};
use mesh::{Problem, Read, Remote};
use results::{Beside, More};
use std::sync::Arc;

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
    results: results::Results,
    waterfall: waterfall::Waterfall,
}

impl Panel for Traces {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        if self.asked.is_none() && cx.file.is_none() && cx.scene.traces.value().is_some() && cx.scene.ready()
        {
            self.asked = self.search.first(cx);
        }
        Frame::new().inner_margin(Margin::symmetric(space::L as i8, space::M as i8)).show(
            ui,
            |ui| match self.open.clone() {
                Some(id) => self.trace_ui(ui, cx, &id),
                None => match cx.file {
                    Some(file) => of_file::ui(ui, cx, file, &mut self.results),
                    None => self.results_ui(ui, cx),
                },
            },
        );
    }

    fn follow(&mut self, intent: &Intent, cx: &Cx<'_>) {
        if let Intent::TracesOf(wanted) = intent {
            self.search.show(wanted, cx.window_secs);
            self.ask(cx);
            self.open = None;
        } else if let (Intent::TracesWith(service, tag), Some(_)) = (intent, cx.file) {
            self.results.only_with(service, tag);
            self.open = None;
        } else if let Intent::TracesWith(service, (name, value)) = intent {
            self.search.show_tagged(service, name, value);
            self.ask(cx);
            self.open = None;
        } else if let Intent::OpenTrace(id) = intent {
            self.look_at(id.clone());
        } else if matches!(intent, Intent::OpenFile(Some(_)) | Intent::CloseFile) {
            self.open = None;
            self.results.let_go();
            self.waterfall.let_go();
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
        self.results.last = Some(id.clone());
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

    /// What was found with its spans where these are wanted: as soon as they are there. Else, or where they cannot
    /// be had, as it was told, with why.
    fn with_spans(&self, cx: &Cx<'_>, found: &Arc<Found>) -> (Arc<Found>, Option<String>) {
        let asked = self.shown.as_ref().filter(|_| found.traces.iter().any(|one| !one.is_whole()));
        let Some(asked) = asked else { return (Arc::clone(found), None) };
        match cx.reads.traces(&TraceQuery { brief: false, ..asked.clone() }) {
            Remote::Live(whole, _) | Remote::Stale(whole, ..) => (whole, None),
            Remote::Waiting => (Arc::clone(found), Some("Their spans are read…".to_owned())),
            Remote::Denied(problem) => {
                (Arc::clone(found), Some(format!("Their spans are not known: {}", problem.why)))
            }
        }
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
        if let Some(odd) = results::odd(answer) {
            text::note(ui, odd);
        }
        if answer.traces.is_empty() {
            let how = "Take a longer time range, another service, or let errors and durations out. Sampling may keep few of many requests.";
            if remote::empty(ui, icon::PATH, "No traces match", how, Some("Search again")) {
                self.ask(cx);
            }
            return;
        }
        let (answer, note) = match self.results.wants_spans() {
            true => self.with_spans(cx, answer),
            false => (Arc::clone(answer), None),
        };
        if let Some(note) = note {
            text::note(ui, note);
        }
        let asked = self.shown.clone().unwrap_or_default();
        let hour = search::hour(&asked).map(|hour| cx.reads.traces(&hour));
        let wider = self.search.more();
        let more = (answer.traces.len() >= asked.limit.max(1)).then_some(wider.is_some());
        let beside = Beside { more, asked: Some(&asked), hour: hour.as_ref().and_then(Remote::value) };
        let next = match self.results.ui(ui, cx, &answer, found.at(), &beside) {
            Some(More::Larger) => wider,
            Some(More::Older(oldest)) => self.search.older(&asked, oldest),
            None => None,
        };
        if let Some(search) = next {
            self.search = search;
            self.asked = self.search.query(cx.now).ok();
        }
    }

    fn trace_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, id: &str) {
        let of = |found: &Found| found.traces.iter().find(|opened| opened.trace.id == id).cloned();
        if let Some(opened) = cx.file.and_then(|file| of(file.traces.value()?)) {
            let found = cx.file.and_then(|file| file.traces.value());
            if self.waterfall.ui(ui, cx, &opened, found) {
                self.open = None;
            }
            return;
        }
        let whole = cx.reads.trace(id);
        // What the search brought is shown at once.
        let mut found = self.found(cx).value().cloned();
        if self.waterfall.beside_others() {
            found = found.map(|found| self.with_spans(cx, &found).0);
        }
        let of_search = found.as_ref().and_then(|found| of(found)).filter(|opened| opened.is_whole());
        let back = match &whole.value().cloned().or(of_search) {
            Some(opened) => self.waterfall.ui(ui, cx, opened, found.as_ref()),
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

#[cfg(test)]
mod tests;
