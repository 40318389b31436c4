use super::*;
use crate::Intents;
use crate::cx::Contexts;
use crate::intent::ThemeChoice;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::trace::{Call, End, TraceQuery};
use mesh::{Ledger, Scene, demo};
use std::sync::Arc;

/// All that a panel sees, owned.
struct World {
    scene: Scene,
    ledger: Ledger,
    intents: Intents,
    traces: Remote<Vec<Trace>>,
    trace: Remote<Trace>,
    query: Option<TraceQuery>,
    services: Vec<String>,
    contexts: Contexts,
    panel: Traces,
}

impl World {
    fn new(traces: Remote<Vec<Trace>>) -> Self {
        Self {
            scene: demo::scene(),
            ledger: Ledger::default(),
            intents: Intents::default(),
            traces,
            trace: Remote::Waiting,
            query: None,
            services: vec!["reviews.bookinfo".into(), "ratings.bookinfo".into()],
            contexts: Contexts::default(),
            panel: Traces::default(),
        }
    }

    fn found() -> Self {
        Self::new(Remote::Live(Arc::new(demo::traces()), demo::NOW))
    }

    fn ui(&mut self, ui: &mut Ui) {
        let cx = Cx {
            scene: &self.scene,
            selected: None,
            changes: &self.ledger,
            intents: &self.intents,
            namespaces: &[],
            window_secs: 60,
            paused: false,
            read_only: false,
            trace_query: self.query.as_ref(),
            traces: &self.traces,
            trace_services: &self.services,
            trace: &self.trace,
            theme: ThemeChoice::Dark,
            now: demo::NOW,
            contexts: &self.contexts,
        };
        self.panel.ui(ui, &cx);
    }

    fn harness<'a>(self) -> Harness<'a, Self> {
        let mut harness = Harness::builder()
            .with_size(egui::vec2(1200.0, 800.0))
            .build_ui_state(|ui, world: &mut Self| world.ui(ui), self);
        harness.run();
        harness
    }

    fn sent(&self) -> Vec<Intent> {
        self.intents.take().into_iter().map(|(_, intent)| intent).collect()
    }
}

#[test]
fn looks_by_itself_once_and_lists_what_was_found() {
    let harness = World::found().harness();
    let sent = harness.state().sent();
    let [Intent::SearchTraces(query)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(query.service, "istio-ingressgateway.istio-system");
    harness.get_by_label("trace 3f390000… istio-ingressgateway 45 ms, 8 spans, 1 error");
    harness.get_by_label_contains("Durations of 20 traces: half below");
}

#[test]
fn a_click_opens_a_trace_and_its_spans_tell_what_failed() {
    let mut harness = World::found().harness();
    harness.state().sent();
    harness.get_by_label("trace 3f390000… istio-ingressgateway 45 ms, 8 spans, 1 error").click();
    harness.run();
    let trace = demo::traces().swap_remove(15);
    let id = trace.id.clone();
    assert_eq!(harness.state().sent(), [Intent::OpenTrace(id.clone())]);
    harness.state_mut().trace = Remote::Live(Arc::new(trace), demo::NOW);
    harness.run();
    harness.get_by_label("span reviews ratings:9080/* 12 ms, 503, abort injected").click();
    harness.run();
    harness.get_by_label("response_flags");
    harness.get_by_label("A fault rule of a VirtualService did this, not the service itself");
    harness.get_by_label("Copy trace id").click();
    harness.run();
    assert!(matches!(&harness.state().sent()[..], [Intent::Copy(text, _)] if *text == id));
    harness.get_by_label("Back to results").click();
    harness.run();
    harness.get_by_label_contains("Durations of 20 traces");
}

#[test]
fn a_trace_that_cannot_be_read_says_so_and_keeps_the_way_back() {
    let mut harness = World::found().harness();
    let label = "trace 3f390000… istio-ingressgateway 45 ms, 8 spans, 1 error";
    harness.get_by_label(label).click();
    harness.run();
    harness.state_mut().traces = Remote::Waiting;
    harness.run();
    harness.get_by_label("Reading trace 3f390000…");
    harness.state_mut().trace =
        Remote::Denied(Problem::new("The trace cannot be read", "it is gone", "Search again"));
    harness.run();
    harness.get_by_label_contains("it is gone");
    harness.state_mut().traces = Remote::Live(Arc::new(demo::traces()), demo::NOW);
    harness.get_by_label("Back to results").click();
    harness.run();
    harness.get_by_label(label);
}

#[test]
fn keys_move_fold_and_go_back() {
    let mut harness = World::found().harness();
    harness.state_mut().trace = Remote::Live(Arc::new(demo::trace()), demo::NOW);
    harness.run();
    let spans = |harness: &Harness<'_, World>| {
        harness
            .get_all_by_label_contains("span ")
            .filter(|node| node.accesskit_node().label().is_some_and(|label| label.starts_with("span ")))
            .count()
    };
    assert_eq!(spans(&harness), 8);
    for key in [egui::Key::ArrowDown, egui::Key::ArrowDown, egui::Key::ArrowLeft] {
        harness.key_press(key);
        harness.run();
    }
    assert_eq!(spans(&harness), 2);
    harness.get_by_label("span productpage productpage:9080/* 41 ms, 6 folded away");
    harness.key_press(egui::Key::ArrowRight);
    harness.run();
    assert_eq!(spans(&harness), 8);
    harness.key_press(egui::Key::Escape);
    harness.run();
    harness.key_press(egui::Key::Escape);
    harness.run();
    harness.get_by_label_contains("Durations of 20 traces");
}

#[test]
fn fields_make_a_search() {
    let mut harness = World::found().harness();
    harness.state().sent();
    harness.get_by_label("Errors only").click();
    harness.run();
    assert!(matches!(&harness.state().sent()[..], [Intent::SearchTraces(query)] if query.errors_only));
    harness.get_by_label("Shortest duration").focus();
    harness.run();
    harness.get_by_label("Shortest duration").type_text("soon");
    harness.run();
    harness.get_by_label("“soon” is no duration: write 10 ms or 1.5 s");
}

#[test]
fn a_search_from_elsewhere_shows_in_the_fields() {
    let mut world = World::found();
    world.query = Some(TraceQuery {
        service: "ratings.bookinfo".into(),
        errors_only: true,
        limit: 20,
        end_us: 60_000_000,
        ..TraceQuery::default()
    });
    let harness = world.harness();
    assert_eq!(harness.state().sent(), [], "it was asked for already");
    let search = &harness.state().panel.search;
    assert_eq!(
        (&*search.service, search.errors_only, search.limit, search.range_secs),
        ("ratings.bookinfo", true, 20, 300)
    );
}

#[test]
fn a_search_that_reached_its_limit_says_so_and_goes_on() {
    let mut world = World::found();
    let query = TraceQuery {
        service: "ratings.bookinfo".into(),
        limit: 20,
        end_us: 60_000_000,
        ..TraceQuery::default()
    };
    world.query = Some(query.clone());
    let mut harness = world.harness();
    harness.get_by_label("The newest 20 traces");
    harness.get_by_label_contains("there are more");
    harness.get_by_label("Load more").click();
    harness.run();
    assert!(matches!(&harness.state().sent()[..], [Intent::SearchTraces(query)] if query.limit == 50));
    let mut all = World::found();
    all.query = Some(TraceQuery { limit: 50, ..query });
    let harness = all.harness();
    harness.get_by_label("20 traces");
    assert!(harness.query_by_label("Load more").is_none());
}

#[test]
fn only_the_calls_of_an_edge() {
    let mut world = World::found();
    let call = Call { from: Some(End::service("reviews.bookinfo")), to: End::service("ratings.bookinfo") };
    let query = TraceQuery {
        service: "ratings.bookinfo".into(),
        call: Some(call),
        limit: 50,
        ..TraceQuery::default()
    };
    world.query = Some(query);
    let mut harness = world.harness();
    harness.get_by_label("Only calls reviews → ratings").click();
    harness.run();
    assert!(matches!(&harness.state().sent()[..], [Intent::SearchTraces(query)] if query.call.is_none()));
}

#[test]
fn every_face() {
    let problem =
        || Problem::new("Traces cannot be read", "connection refused", "Check that the tracing Service runs");
    World::new(Remote::Waiting).harness().get_by_label("Looking for traces…");
    World::new(Remote::Live(Arc::new(Vec::new()), demo::NOW)).harness().get_by_label("No traces match");
    World::new(Remote::Denied(problem())).harness().get_by_label_contains("Traces cannot be read");
    let stale = World::new(Remote::Stale(Arc::new(demo::traces()), demo::NOW, problem())).harness();
    stale.get_by_label_contains("connection refused");
    stale.get_by_label_contains("Durations of 20 traces");
    let mut lost = World::new(Remote::Waiting);
    lost.scene = demo::empty_scene();
    lost.scene.traces = Remote::Denied(problem());
    lost.harness().get_by_label_contains("Traces cannot be read");
}

#[test]
fn a_hundred_thousand_spans_draw_only_what_is_in_sight() {
    let mut world = World::found();
    world.trace = Remote::Live(Arc::new(demo::synthetic_trace(100_000)), demo::NOW);
    let mut harness = world.harness();
    let drawn = harness.get_all_by_label_contains("span svc").count();
    assert!((10..60).contains(&drawn), "{drawn}");
    harness.get_by_label("Fold all spans").click();
    harness.run();
    harness.key_press(egui::Key::End);
    harness.run();
}
