mod kept;

use super::*;
use crate::contexts::Contexts;
use crate::cx::Intents;
use crate::intent::{ThemeChoice, TracesOf};
use crate::reads::{Reads, Wanted};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::trace::{Call, End, Kept, Opened, TraceQuery};
use mesh::{Answer, Ledger, Scene, demo};
use std::sync::Arc;

/// All that a panel sees, owned; what was asked for, and what every search is answered.
struct World {
    scene: Scene,
    ledger: Ledger,
    intents: Intents,
    wanted: Wanted,
    traces: Remote<Found>,
    /// What a search is answered that is asked for spans, if that is something else.
    whole: Option<Arc<Found>>,
    trace: Remote<Opened>,
    contexts: Contexts,
    file: Option<crate::file::TraceFile>,
    panel: Traces,
    sent: Vec<Intent>,
}

impl World {
    fn new(traces: Remote<Found>) -> Self {
        Self {
            scene: demo::scene(),
            ledger: Ledger::default(),
            intents: Intents::default(),
            wanted: Wanted::default(),
            traces,
            whole: None,
            trace: Remote::Waiting,
            contexts: Contexts::default(),
            file: None,
            panel: Traces::default(),
            sent: Vec::new(),
        }
    }

    fn found() -> Self {
        Self::new(Remote::Live(Arc::new(demo::found()), demo::NOW))
    }

    fn asks(mut self, intent: Intent) -> Self {
        self.hear(&intent);
        self
    }

    fn hear(&mut self, intent: &Intent) {
        let Self { scene, ledger, intents, wanted, contexts, panel, file, .. } = self;
        panel.follow(intent, &Cx { file: file.as_ref(), ..cx(scene, ledger, intents, wanted, contexts) });
    }

    fn ui(&mut self, ui: &mut Ui) {
        let Self { scene, ledger, intents, wanted, contexts, panel, file, .. } = self;
        panel.ui(ui, &Cx { file: file.as_ref(), ..cx(scene, ledger, intents, wanted, contexts) });
        for (_, intent) in self.intents.take() {
            self.hear(&intent);
            self.sent.push(intent);
        }
        if self.answer() {
            ui.ctx().request_repaint(); // the window is woken
        }
    }

    /// Answers what was asked for, as the connection does. Returns whether that is news.
    fn answer(&mut self) -> bool {
        let mut news = false;
        for read in self.wanted.take().into_keys() {
            let (answer, problem) = match &read {
                Read::Services => (Some(services()), None),
                Read::Traces(TraceQuery { brief: false, .. }) if self.whole.is_some() => {
                    (self.whole.clone().map(Answer::Traces), None)
                }
                Read::Traces(_) => (self.traces.value().cloned().map(Answer::Traces), self.traces.problem()),
                Read::Trace(_) => (self.trace.value().cloned().map(Answer::Trace), self.trace.problem()),
                _ => (None, None),
            };
            let before = self.scene.answers.get(&read).clone();
            for answer in answer.map(Ok).into_iter().chain(problem.cloned().map(Err)) {
                self.scene.answers.take(demo::NOW, read.clone(), answer);
            }
            news |= before != *self.scene.answers.get(&read);
        }
        news
    }

    fn harness<'a>(self) -> Harness<'a, Self> {
        self.sized(1200.0, 800.0)
    }

    fn sized<'a>(self, width: f32, height: f32) -> Harness<'a, Self> {
        let mut harness = Harness::builder()
            .with_size(egui::vec2(width, height))
            .build_ui_state(|ui, world: &mut Self| world.ui(ui), self);
        harness.run();
        harness
    }

    fn sent(&mut self) -> Vec<Intent> {
        std::mem::take(&mut self.sent)
    }

    /// The search that is asked for.
    fn search(&self) -> TraceQuery {
        self.panel.asked.clone().expect("a search")
    }
}

fn cx<'a>(
    scene: &'a Scene,
    ledger: &'a Ledger,
    intents: &'a Intents,
    wanted: &'a Wanted,
    contexts: &'a Contexts,
) -> Cx<'a> {
    Cx {
        file: None,
        scene,
        selected: None,
        changes: ledger,
        intents,
        namespaces: &[],
        window_secs: 60,
        paused: false,
        read_only: false,
        workloads: false,
        reads: Reads::new(scene, wanted),
        theme: ThemeChoice::Dark,
        now: demo::NOW,
        contexts,
    }
}

fn services() -> Answer {
    Answer::Services(Arc::new(vec!["ratings.bookinfo".into(), "reviews.bookinfo".into()]))
}

fn problem() -> Problem {
    Problem::new("Traces cannot be read", "connection refused", "Check that the tracing Service runs")
}

fn traces_of(call: Option<Call>, failed: bool) -> Intent {
    Intent::TracesOf(TracesOf { end: End::service("ratings.bookinfo"), call, failed })
}

#[test]
fn looks_by_itself_once_and_lists_what_was_found() {
    let harness = World::found().harness();
    assert_eq!(harness.state().search().service, "istio-ingressgateway.istio-system");
    harness.get_by_label("trace 3f390000… istio-ingressgateway 45 ms, 8 spans, 1 error");
    harness.get_by_label_contains("Durations of 20 traces: half below");
}

#[test]
fn a_click_opens_a_trace_and_its_spans_tell_what_failed() {
    let mut harness = World::found().harness();
    harness.get_by_label("trace 3f390000… istio-ingressgateway 45 ms, 8 spans, 1 error").click();
    harness.run();
    let trace = demo::traces().swap_remove(15);
    let id = trace.id.clone();
    assert_eq!(harness.state_mut().sent(), [Intent::OpenTrace(id.clone())]);
    harness.state_mut().trace = Remote::Live(Arc::new(trace.into()), demo::NOW);
    harness.run();
    harness.get_by_label("span reviews ratings:9080/* 12 ms, 503, abort injected").click();
    harness.run();
    harness.get_by_label("response_flags");
    harness.get_by_label("A fault rule of a VirtualService did this, not the service itself");
    harness.get_by_label("Copy trace id").click();
    harness.run();
    assert!(matches!(&harness.state_mut().sent()[..], [Intent::Copy(text, _)] if *text == id));
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
    harness.state_mut().traces = Remote::Live(Arc::default(), demo::NOW);
    harness.run();
    harness.get_by_label("Reading trace 3f390000…");
    harness.state_mut().trace =
        Remote::Denied(Problem::new("The trace cannot be read", "it is gone", "Search again"));
    harness.run();
    harness.get_by_label_contains("it is gone");
    harness.state_mut().traces = Remote::Live(Arc::new(demo::found()), demo::NOW);
    harness.run();
    harness.get_by_label("Back to results").click();
    harness.run();
    harness.get_by_label(label);
}

#[test]
fn keys_move_fold_and_go_back() {
    let mut world = World::found().asks(Intent::OpenTrace(demo::trace().id));
    world.trace = Remote::Live(Arc::new(demo::trace().into()), demo::NOW);
    let mut harness = world.harness();
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

/// What several presses do does not depend on how many of them come with one frame.
#[test]
fn keys_that_come_with_one_frame_all_count() {
    let mut world = World::found().asks(Intent::OpenTrace(demo::trace().id));
    world.trace = Remote::Live(Arc::new(demo::trace().into()), demo::NOW);
    let mut harness = world.harness();
    let press = |harness: &mut Harness<'_, World>, keys: &[egui::Key]| {
        harness.input_mut().events.extend(keys.iter().map(|key| egui::Event::Key {
            key: *key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: egui::Modifiers::NONE,
        }));
        harness.run();
    };
    press(&mut harness, &[egui::Key::ArrowDown, egui::Key::ArrowDown, egui::Key::ArrowLeft]);
    harness.get_by_label("span productpage productpage:9080/* 41 ms, 6 folded away");
    press(&mut harness, &[egui::Key::Escape, egui::Key::Escape]);
    harness.get_by_label_contains("Durations of 20 traces");
}

#[test]
fn fields_make_a_search() {
    let mut harness = World::found().harness();
    harness.get_by_label("Errors only").click();
    harness.run();
    assert!(harness.state().search().errors_only);
    harness.get_by_label("Shortest duration").focus();
    harness.run();
    harness.get_by_label("Shortest duration").type_text("soon");
    harness.run();
    harness.get_by_label("“soon” is no duration: write 10 ms or 1.5 s");
}

#[test]
fn a_search_from_elsewhere_shows_in_the_fields() {
    let mut harness = World::found().asks(traces_of(None, true)).harness();
    assert_eq!(harness.state_mut().sent(), []);
    let search = &harness.state().panel.search;
    assert_eq!(
        (&*search.service, search.errors_only, search.limit, search.range_secs),
        ("ratings.bookinfo", true, 100, 300)
    );
    assert_eq!(harness.state().search(), search.query(demo::NOW).unwrap());
}

#[test]
fn a_search_that_reached_its_limit_says_so_and_goes_on() {
    let mut world = World::found();
    world.panel.search.service = "ratings.bookinfo".into();
    world.panel.search.limit = 20;
    world.panel.asked = world.panel.search.query(demo::NOW).ok();
    let mut harness = world.harness();
    harness.get_by_label("The newest 20 traces");
    harness.get_by_label_contains("there are more");
    harness.get_by_label("Load more").click();
    harness.run();
    assert_eq!(harness.state().search().limit, 50);
    harness.get_by_label("20 traces");
    assert!(harness.query_by_label("Load more").is_none());
}

#[test]
fn old_results_stay_while_a_new_search_runs_and_a_failure_says_so() {
    let mut harness = World::found().harness();
    harness.get_by_label_contains("Durations of 20 traces");
    harness.state_mut().traces = Remote::Waiting;
    harness.state_mut().hear(&traces_of(None, false));
    harness.run();
    harness.get_by_label_contains("Durations of 20 traces");
    assert_eq!(harness.state().search().service, "ratings.bookinfo");
    harness.state_mut().traces = Remote::Denied(problem());
    harness.run();
    harness.get_by_label_contains("Durations of 20 traces");
    harness.get_by_label_contains("connection refused");
}

#[test]
fn only_the_calls_of_an_edge() {
    let call = Call { from: Some(End::service("reviews.bookinfo")), to: End::service("ratings.bookinfo") };
    let mut harness = World::found().asks(traces_of(Some(call.clone()), false)).harness();
    assert_eq!(harness.state().search().call, Some(call));
    harness.get_by_label("Only calls reviews → ratings").click();
    harness.run();
    assert_eq!(harness.state().search().call, None);
}

#[test]
fn another_connection_begins_anew() {
    let mut harness = World::found().asks(traces_of(None, false)).harness();
    harness.state_mut().hear(&Intent::Disconnect);
    assert_eq!(harness.state().panel.asked, None);
}

#[test]
fn every_face() {
    World::new(Remote::Waiting).harness().get_by_label("Looking for traces…");
    World::new(Remote::Live(Arc::default(), demo::NOW)).harness().get_by_label("No traces match");
    World::new(Remote::Denied(problem())).harness().get_by_label_contains("Traces cannot be read");
    let stale = World::new(Remote::Stale(Arc::new(demo::found()), demo::NOW, problem())).harness();
    stale.get_by_label_contains("connection refused");
    stale.get_by_label_contains("Durations of 20 traces");
    let mut lost = World::new(Remote::Waiting);
    lost.scene = demo::empty_scene();
    lost.scene.traces = Remote::Denied(problem());
    lost.harness().get_by_label_contains("Traces cannot be read");
}

#[test]
fn a_hundred_thousand_spans_draw_only_what_is_in_sight() {
    let trace: Arc<Opened> = Arc::new(demo::synthetic_trace(100_000).into());
    let mut world = World::found().asks(Intent::OpenTrace(trace.trace.id.clone()));
    world.trace = Remote::Live(trace, demo::NOW);
    let mut harness = world.harness();
    let drawn = harness.get_all_by_label_contains("span svc").count();
    assert!((10..60).contains(&drawn), "{drawn}");
    harness.get_by_label("Fold all spans").click();
    harness.run();
    harness.key_press(egui::Key::End);
    harness.run();
}

/// A trace with a million spans holds nobody up: the next failure is looked up, and what is searched for is
/// looked for a few milliseconds in each frame.
#[test]
fn failures_and_words_are_found_in_a_large_trace() {
    let mut large = demo::synthetic_trace(100_000);
    large.spans[99_998].process = Arc::new([("host", "Needle-7")].into());
    let opened: Arc<Opened> = Arc::new(large.into());
    let mut world = World::found().asks(Intent::OpenTrace(opened.trace.id.clone()));
    world.trace = Remote::Live(opened, demo::NOW);
    let mut harness = world.harness();
    for _ in 0..3 {
        harness.get_by_label("Next error").click();
        harness.run();
    }
    harness.get_by_label("Close span detail").click();
    harness.run();
    harness.get_by_label("Find span").focus();
    harness.run();
    harness.get_by_label("Find span").type_text("needle-7");
    harness.run_steps(400);
    harness.get_by_label("Copy host: Needle-7");
}

#[test]
fn what_is_odd_is_said() {
    let mut trace = demo::trace();
    trace.spans[7].parent = Some("gone".into());
    let odd = vec![mesh::trace::Odd::Unread(2)];
    let spans = trace.spans.into_iter().collect();
    let opened = Arc::new(Opened::of(Kept { id: trace.id, spans }, odd));
    let found = Found { traces: vec![opened.clone()], odd: vec![mesh::trace::Odd::UnreadTraces(1)] };
    let mut harness = World::new(Remote::Live(Arc::new(found), demo::NOW)).harness();
    harness.get_by_label(
        "1 trace could not be read · parts of 1 trace could not be read: open them to see which",
    );
    harness.state_mut().hear(&Intent::OpenTrace(opened.trace.id.clone()));
    harness.run();
    harness.get_by_label("2 spans could not be read · the parent of 1 span is missing");
}

/// The panel as it is in a window of 1024×640.
#[test]
fn a_small_panel_shows_rows_and_the_span_that_is_looked_at() {
    let mut harness = World::found().sized(456.0, 528.0);
    let above = harness.get_by_role_and_label(egui::accesskit::Role::Button, "Search traces").rect().bottom();
    assert!(above < 120.0, "filters take {above}");
    assert!(harness.query_by_label("Tags").is_none());
    harness.get_by_label("More filters").click();
    harness.run();
    harness.get_by_label("Tags");
    harness.get_by_label("More filters").click();
    harness.run();
    let heads: Vec<egui::Rect> =
        harness.query_all_by_label_contains("Sort by ").map(|node| node.rect()).collect();
    for (at, head) in heads.iter().enumerate() {
        assert!(
            head.right() <= 456.0 && heads[at + 1..].iter().all(|other| !other.shrink(0.5).intersects(*head))
        );
    }
    harness.query_all_by_label_contains("trace ").next().unwrap().click();
    harness.run();
    let last = harness.query_all_by_label_contains("span ").map(|node| node.rect().center().y);
    let last = last.fold(0.0, f32::max);
    let rows: Vec<_> = harness.query_all_by_label_contains("span ").collect();
    rows.iter().find(|row| row.rect().center().y == last).unwrap().click();
    harness.run();
    let detail = harness.get_by_label("Close span detail").rect();
    let chosen = harness
        .query_all_by_label_contains("span ")
        .find(|node| node.accesskit_node().toggled() == Some(egui::accesskit::Toggled::True))
        .expect("the chosen row is in sight")
        .rect();
    assert!(chosen.bottom() <= detail.top(), "{chosen:?} under {detail:?}");
    let axis = harness.get_by_label_contains("Spans; arrows move").rect();
    assert!(chosen.top() >= axis.top() && axis.height() > 60.0, "{chosen:?} in {axis:?}");
}

mod files;
mod looks;
