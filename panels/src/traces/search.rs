//! The search bar: what traces are looked for.

use super::entered::{duration_us, tags, trace_id, trace_ql};
use super::list::began;
use crate::cx::Cx;
use crate::intent::{Intent, TracesOf};
use crate::kit::field::Choice;
use crate::kit::theme::space;
use crate::kit::{Button, button, field, icon, text};
use egui::{Id, Ui};
use jiff::Timestamp;
use mesh::trace::{Call, REVISION, TraceQuery};
use std::collections::{BTreeMap, BTreeSet};

/// Time ranges: seconds, words.
const RANGES: [(u64, &str); 6] = [
    (300, "Last 5 min"),
    (900, "Last 15 min"),
    (3600, "Last hour"),
    (21_600, "Last 6 hours"),
    (86_400, "Last day"),
    (604_800, "Last week"),
];
/// How many traces at most.
const LIMITS: [(usize, &str); 5] =
    [(20, "Newest 20"), (50, "Newest 50"), (100, "Newest 100"), (500, "Newest 500"), (1500, "Newest 1 500")];
/// So many traces of the last hour tell what is usual.
const OF_HOUR: usize = 200;
const HOUR_US: u64 = 3_600_000_000;

/// Narrower panels than this show what one seldom sets only when asked.
const ROOMY: f32 = 640.0;

/// What stands in the fields.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Search {
    pub(super) service: String,
    pub(super) tags: String,
    pub(super) min: String,
    pub(super) max: String,
    pub(super) range_secs: u64,
    pub(super) errors_only: bool,
    pub(super) limit: usize,
    /// Only traces with such a call: an edge of the graph.
    pub(super) call: Option<Call>,
    /// Older traces than the newest: from when to when, in microseconds since the epoch.
    pub(super) between: Option<(u64, u64)>,
    /// Whether durations, tags and number are shown where there is little room.
    more: bool,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            service: String::new(),
            tags: String::new(),
            min: String::new(),
            max: String::new(),
            range_secs: 900,
            errors_only: false,
            limit: 50,
            call: None,
            between: None,
            more: false,
        }
    }
}

impl Search {
    /// Shows in the fields which traces were asked for elsewhere, over the measuring window.
    pub(super) fn show(&mut self, wanted: &TracesOf, window_secs: u64) {
        let TracesOf { end, call, failed } = wanted;
        let range = window_secs.max(300);
        *self = Self {
            service: end.service.clone(),
            tags: end.version.iter().map(|version| format!("{REVISION}={version}")).collect(),
            range_secs: RANGES
                .iter()
                .map(|(secs, _)| *secs)
                .find(|secs| *secs >= range)
                .unwrap_or(RANGES[5].0),
            errors_only: *failed,
            call: call.clone(),
            limit: 100,
            ..Self::default()
        };
    }

    /// Shows in the fields that traces with a tag were asked for.
    pub(super) fn show_tagged(&mut self, service: &str, name: &str, value: &str) {
        let quoted = if value.contains(char::is_whitespace) || value.is_empty() { "\"" } else { "" };
        let tag = format!("{name}={quoted}{value}{quoted}");
        let same =
            self.service == service && trace_ql(&self.tags).is_none() && trace_id(&self.tags).is_none();
        let before = if same { self.tags.trim() } else { "" };
        let tags = match before {
            "" => tag,
            before if before.contains(&tag) => before.to_owned(),
            before => format!("{before} {tag}"),
        };
        let service = service.to_owned();
        *self = Self { service, tags, call: None, between: None, more: true, ..self.clone() };
    }

    /// The search that the fields tell, or what is wrong with them.
    pub(super) fn query(&self, now: Timestamp) -> Result<TraceQuery, String> {
        let ql = trace_ql(&self.tags);
        if self.service.trim().is_empty() && ql.is_none() {
            return Err("Choose a service".into());
        }
        let now_us = u64::try_from(now.as_microsecond()).unwrap_or_default();
        let newest = (now_us.saturating_sub(self.range_secs * 1_000_000), now_us);
        let (start_us, end_us) = self.between.unwrap_or(newest);
        let (min, max) = (duration_us(&self.min)?, duration_us(&self.max)?);
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            return Err("The shortest duration is longer than the longest".into());
        }
        Ok(TraceQuery {
            service: self.service.trim().to_owned(),
            operation: None,
            tags: if ql.is_some() || trace_id(&self.tags).is_some() {
                BTreeMap::new()
            } else {
                tags(&self.tags)?
            },
            ql: ql.map(str::to_owned),
            start_us,
            end_us,
            min_duration_us: min,
            max_duration_us: max,
            errors_only: self.errors_only,
            call: self.call.clone(),
            limit: self.limit,
            brief: true,
        })
    }

    /// Draws the fields. Returns whether a search was asked for and can be made.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> bool {
        let mut go = false;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(space::S, space::S);
            go |= self.service_ui(ui, cx);
            let range = RANGES.iter().position(|(secs, _)| *secs == self.range_secs).unwrap_or(1);
            if let Some(chosen) = field::choose(ui, "Time range", &RANGES.map(|(_, words)| words), range) {
                self.range_secs = RANGES[chosen].0;
                go = true;
            }
            let roomy = ui.max_rect().width() >= ROOMY;
            if roomy || self.more {
                go |= self.details_ui(ui);
            }
            let errors = Button::quiet("Errors only").with_icon(icon::WARNING).selected(self.errors_only);
            let about = "Traces in which any span failed, whichever service it is of";
            if ui.add(errors).on_hover_text(about).clicked() {
                self.errors_only = !self.errors_only;
                go = true;
            }
            if !roomy {
                let set =
                    [&self.min, &self.max, &self.tags].into_iter().filter(|text| !text.is_empty()).count();
                let words = if set == 0 { "Filters".to_owned() } else { format!("Filters: {set}") };
                let filters = Button::quiet(words).with_icon(icon::FUNNEL).named("More filters");
                if ui.add(filters.selected(self.more)).clicked() {
                    self.more = !self.more;
                }
            }
            if let Some(call) = &self.call {
                let only = Button::quiet(format!("{call}  {}", icon::X))
                    .selected(true)
                    .named(format!("Only calls {call}"));
                if ui
                    .add(only)
                    .on_hover_text("Only traces with such a call. Press to show the others too")
                    .clicked()
                {
                    self.call = None;
                    go = true;
                }
            }
            if let Some(end) = self.between.and_then(|(_, end)| began(end)) {
                let words = format!("Before {}  {}", end.strftime("%H:%M:%S UTC"), icon::X);
                let only = Button::quiet(words).selected(true).named("Only older traces");
                go |= ui.add(only).on_hover_text("Press to look for the newest again").clicked();
            }
            let file = Button::icon(icon::FOLDER_OPEN, "Open a file of traces…");
            if ui.add(file).on_hover_text("Traces of Jaeger, OpenTelemetry or Zipkin in a file").clicked() {
                cx.intents.send(Intent::OpenFile(None));
            }
            go |= ui
                .add(Button::primary("Search").named("Search traces").with_icon(icon::MAGNIFYING_GLASS))
                .clicked();
        });
        if go {
            self.between = None;
        }
        if go && let Some(id) = trace_id(&self.tags).map(str::to_owned) {
            self.tags.clear();
            cx.intents.send(Intent::OpenTrace(id));
            return false;
        }
        match self.query(cx.now) {
            Ok(_) => go,
            Err(wrong) => {
                text::note(ui, wrong);
                false
            }
        }
    }

    /// Durations, tags, and how many: what one seldom sets.
    fn details_ui(&mut self, ui: &mut Ui) -> bool {
        let mut go = false;
        let mut entered = |ui: &mut Ui, name: &str, hint: &str, value: &mut String, width: f32| {
            let response = field::text(ui, Id::new(("traces", name)), "", hint, name, value, width);
            go |= response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        };
        entered(ui, "Shortest duration", "min 10 ms", &mut self.min, 92.0);
        entered(ui, "Longest duration", "max 2 s", &mut self.max, 92.0);
        entered(ui, "Tags", "key=value, id, TraceQL", &mut self.tags, 190.0);
        let limit = LIMITS.iter().position(|(limit, _)| *limit == self.limit).unwrap_or(1);
        if let Some(chosen) = field::choose(ui, "Number of traces", &LIMITS.map(|(_, words)| words), limit) {
            self.limit = LIMITS[chosen].0;
            go = true;
        }
        go
    }

    fn service_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> bool {
        let known = services(cx);
        let label = if self.service.is_empty() { "Service" } else { &self.service }.to_owned();
        let mut chosen = None;
        button::menu(ui, &label, "Service", |ui| {
            let row = |service: &String| Choice {
                label: service.clone(),
                chosen: *service == self.service,
                ..Choice::default()
            };
            let rows: Vec<Choice> = known.iter().map(row).collect();
            if let Some(picked) = field::choices(ui, "service", &rows) {
                chosen = known.get(picked).cloned();
                ui.close();
            }
        });
        let picked = chosen.is_some();
        if let Some(service) = chosen {
            self.service = service;
            self.call = None;
        }
        picked
    }

    /// Asks for more traces than were found; `None` when that is not possible.
    pub(super) fn more(&self) -> Option<Self> {
        let limit = LIMITS.iter().map(|(limit, _)| *limit).find(|limit| *limit > self.limit)?;
        Some(Self { limit, ..self.clone() })
    }

    /// The same search for what is older than the oldest that it found.
    pub(super) fn older(&self, asked: &TraceQuery, oldest_us: u64) -> Option<Self> {
        (oldest_us > asked.start_us)
            .then(|| Self { between: Some((asked.start_us, oldest_us)), ..self.clone() })
    }

    /// What is looked for before anybody asks: calls of the gateway where they come in, else of the first
    /// workload.
    pub(super) fn first(&mut self, cx: &Cx<'_>) -> Option<TraceQuery> {
        let mesh = &cx.scene.mesh;
        let meshed = |workload: &&mesh::Workload| workload.pods.iter().any(|pod| pod.sidecar);
        let gateway = mesh.workloads().filter(meshed).find(|workload| workload.gateway);
        let first = gateway.or_else(|| mesh.workloads().find(meshed))?;
        self.service = format!("{}.{}", first.app, first.namespace);
        self.query(cx.now).ok()
    }
}

/// The search that tells what is usual: all of its service, over the hour until then; `None` where no service is
/// asked for.
pub(super) fn hour(asked: &TraceQuery) -> Option<TraceQuery> {
    (asked.ql.is_none() && !asked.service.is_empty()).then(|| TraceQuery {
        service: asked.service.clone(),
        start_us: asked.end_us.saturating_sub(HOUR_US),
        end_us: asked.end_us,
        limit: OF_HOUR,
        brief: true,
        ..TraceQuery::default()
    })
}

/// Services that can be asked for: what the tracing backend knows, else what the mesh has.
fn services(cx: &Cx<'_>) -> Vec<String> {
    if let Some(known) = cx.reads.services().value().filter(|known| !known.is_empty()) {
        return known.to_vec();
    }
    let meshed = cx.scene.mesh.workloads().filter(|workload| workload.pods.iter().any(|pod| pod.sidecar));
    meshed
        .map(|workload| format!("{}.{}", workload.app, workload.namespace))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::trace::End;

    #[test]
    fn an_id_and_trace_ql_stand_in_the_field_of_the_tags() {
        let with = |tags: &str| Search { tags: tags.into(), ..Search::default() };
        assert_eq!(trace_id(" 0AF7651916cd43dd8448eb211c80319c\n"), Some("0AF7651916cd43dd8448eb211c80319c"));
        assert_eq!((trace_id("a=1"), trace_id("abc"), trace_id("reviews")), (None, None, None));
        let query = with(" { status = error }").query(mesh::demo::NOW).unwrap();
        assert_eq!(
            (query.ql.as_deref(), query.service.as_str(), query.tags.len()),
            (Some("{ status = error }"), "", 0)
        );
        assert!(with("a=1").query(mesh::demo::NOW).is_err(), "of which service?");
    }

    #[test]
    fn what_was_asked_for_elsewhere_stands_in_the_fields() {
        let end = End { service: "reviews.bookinfo".into(), version: Some("v3".into()) };
        let mut search = Search { min: "10".into(), ..Search::default() };
        search.show(&TracesOf { end, call: None, failed: true }, 60);
        let query = search.query(mesh::demo::NOW).unwrap();
        assert_eq!((&*query.service, query.errors_only, query.limit), ("reviews.bookinfo", true, 100));
        assert_eq!(query.tags, [(REVISION.to_owned(), "v3".to_owned())].into());
        assert_eq!((query.end_us - query.start_us, query.min_duration_us), (300_000_000, None));
    }

    #[test]
    fn tags_of_spans_are_added_to_the_fields() {
        let mut search = Search { service: "a.shop".into(), tags: "x=1".into(), ..Search::default() };
        search.show_tagged("a.shop", "y", "two words");
        search.show_tagged("a.shop", "y", "two words");
        assert_eq!(search.tags, "x=1 y=\"two words\"");
        assert_eq!(search.query(mesh::demo::NOW).unwrap().tags.len(), 2);
        search.show_tagged("b.shop", "z", "3");
        assert_eq!((&*search.service, &*search.tags), ("b.shop", "z=3"));
    }

    #[test]
    fn fields_make_a_search() {
        let now = mesh::demo::NOW;
        let search = Search {
            service: "reviews.bookinfo".into(),
            min: "10".into(),
            tags: "x=y".into(),
            errors_only: true,
            ..Search::default()
        };
        let query = search.query(now).unwrap();
        assert_eq!(
            (query.end_us - query.start_us, query.min_duration_us, query.limit),
            (900_000_000, Some(10_000), 50)
        );
        assert!(Search::default().query(now).is_err());
        assert!(Search { min: "2 s".into(), max: "1 s".into(), ..search }.query(now).is_err());
    }
}
