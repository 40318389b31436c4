//! Looking back in graph and detail: each face of a moment of the past, what is read meanwhile, and what differs
//! between two moments.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::traffic::Traffic;
use mesh::{Answer, Period, Problem, Read, Scene, demo};
use panels::detail::Detail;
use panels::graph::Graph;
use panels::looked::Looked;
use panels::{Intent, Panel as _};
use std::sync::Arc;
use support::{World, harness};

/// Graph and detail beside each other.
#[derive(Default)]
struct Both {
    graph: Graph,
    detail: Detail,
}

type Bench<'a> = Harness<'a, (World, Both)>;

fn bench<'a>(world: World) -> Bench<'a> {
    let mut bench = harness(world, Both::default(), [1300.0, 760.0], |ui, both: &mut Both, world| {
        let (left, right) = ui.max_rect().split_left_right_at_x(ui.max_rect().right() - 380.0);
        let cx = world.cx();
        ui.scope_builder(egui::UiBuilder::new().max_rect(left), |ui| both.graph.ui(ui, &cx));
        ui.scope_builder(egui::UiBuilder::new().max_rect(right), |ui| both.detail.ui(ui, &cx));
    });
    bench.state_mut().1.graph.choices().flow = false;
    bench
}

/// All that a screen reader would say.
fn spoken(bench: &Bench<'_>) -> String {
    let said = |node: egui_kittest::Node<'_>| {
        let node = node.accesskit_node();
        node.label().or_else(|| node.value()).unwrap_or_default()
    };
    let all = bench.get_all_by(|_| true).map(said).filter(|text| !text.is_empty());
    all.collect::<Vec<_>>().join(" | ").replace('\u{a0}', " ")
}

/// What is told of a widget besides its name.
fn described(bench: &Bench<'_>, name: &str) -> String {
    let node = bench.get_by_label(name).accesskit_node();
    node.description().unwrap_or_default().replace('\u{a0}', " ")
}

#[track_caller]
fn says(bench: &Bench<'_>, there: &[&str], not_there: &[&str]) {
    let said = spoken(bench);
    there.iter().for_each(|words| assert!(said.contains(words), "{words:?} is not in {said}"));
    not_there.iter().for_each(|words| assert!(!said.contains(words), "{words:?} is in {said}"));
}

/// So long before now.
fn ago(secs: i64) -> i64 {
    demo::NOW.as_second() - secs
}

fn period(secs: i64) -> Period {
    Period { until: ago(secs), secs: 60 }
}

/// Prometheus has answered for a moment.
fn answered(scene: &mut Scene, secs: i64, answer: Result<Traffic, Problem>) {
    let answer = answer.map(|traffic| Answer::Traffic(Arc::new(Traffic { past: true, ..traffic })));
    scene.answers.take(demo::NOW, Read::Traffic(period(secs)), answer);
}

/// As bookinfo's, but that all calls to reviews v3 fail.
fn failing() -> Traffic {
    let mut traffic = demo::bookinfo_traffic();
    for (path, flow) in &mut traffic.flows {
        if &*path.destination.workload == "reviews-v3" {
            let all = flow.rps();
            flow.responses = [(("503".into(), "UF".into()), all)].into_iter().collect();
        }
    }
    traffic
}

fn outage() -> Problem {
    Problem::new("Traffic cannot be measured", "connection refused", "Look at Prometheus")
}

fn look(bench: &mut Bench<'_>, until: Option<i64>, against: Option<i64>) {
    let world = &bench.state().0;
    world.wanted.look(Looked { until, against });
    bench.run_steps(3);
}

#[test]
fn a_moment_of_the_past_is_shown_and_said() {
    let mut world = World::bookinfo();
    answered(&mut world.scene, 600, Ok(failing()));
    let mut bench = bench(world);
    says(&bench, &["edge productpage to reviews v3"], &["As of", "Moment"]);
    look(&mut bench, Some(ago(600)), None);
    // The axis is there, since one has to find back.
    says(
        &bench,
        &["As of", "10 min ago", "last 1 min", "objects, badges and editors are of now"],
        &["Reading"],
    );
    bench.get_by_label("Moment");
    assert!(described(&bench, "edge productpage to reviews v3").starts_with("Health Failing"));
    bench.get_by_label("Back to now").click();
    bench.run_steps(3);
    says(&bench, &[], &["As of"]);
    assert!(described(&bench, "edge productpage to reviews v3").starts_with("Health Healthy"));
}

#[test]
fn what_is_not_read_yet_leaves_what_is_shown() {
    let mut bench = bench(World::bookinfo());
    look(&mut bench, Some(ago(600)), None);
    says(&bench, &["Reading", "edge productpage to reviews v3"], &["As of"]);
    answered(&mut bench.state_mut().0.scene, 600, Ok(failing()));
    bench.run_steps(3);
    says(&bench, &["As of"], &["Reading"]);
    // Another one is wished for; the one that is shown says which it is.
    look(&mut bench, Some(ago(1_200)), None);
    says(&bench, &["As of", "; reading", "20 min ago"], &[]);
    assert!(described(&bench, "edge productpage to reviews v3").starts_with("Health Failing"));
    answered(&mut bench.state_mut().0.scene, 1_200, Err(outage()));
    bench.run_steps(3);
    says(&bench, &["; not known", "connection refused"], &["; reading"]);
}

#[test]
fn a_moment_that_cannot_be_read_is_not_known() {
    let mut world = World::bookinfo();
    answered(&mut world.scene, 600, Err(outage()));
    let mut bench = bench(world);
    look(&mut bench, Some(ago(600)), None);
    says(
        &bench,
        &["Not known", "No rates: Traffic cannot be measured", "connection refused"],
        &["edge productpage"],
    );
}

#[test]
fn a_moment_without_calls_is_idle() {
    let mut world = World::bookinfo();
    let coverage = mesh::traffic::Coverage::Nothing;
    let empty = Traffic {
        window_secs: 60,
        coverage,
        remarks: coverage.words().into_iter().collect(),
        ..Traffic::default()
    };
    answered(&mut world.scene, 600, Ok(empty));
    let mut bench = bench(world);
    look(&mut bench, Some(ago(600)), None);
    says(&bench, &["As of", "Prometheus has no requests of any proxy", "reviews v3"], &["edge productpage"]);
}

#[test]
fn two_moments_differ() {
    let mut world = World::bookinfo();
    answered(&mut world.scene, 600, Ok(failing()));
    answered(&mut world.scene, 1_200, Ok(demo::bookinfo_traffic()));
    let mut bench = bench(world);
    look(&mut bench, Some(ago(600)), Some(ago(1_200)));
    let row = "productpage v1 → reviews v3: errors 0 % → 100 %";
    says(&bench, &["What differs: ", row, "Before: ", "After: ", "Compared: as of"], &[]);
    let told = described(&bench, "edge productpage to reviews v3");
    assert!(
        told.starts_with("Differs fails more") && told.contains("Before ") && told.contains("After "),
        "{told}"
    );
    let same = described(&bench, "edge productpage to details");
    assert!(same.starts_with("Differs nothing that is certain"), "{same}");
    // The other way round it is the same: what was earlier is before.
    look(&mut bench, Some(ago(1_200)), Some(ago(600)));
    says(&bench, &[row], &[]);
    bench.get_by_label(&row.replace("0 %", "0\u{a0}%")).click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    let selects = |wish: &&Intent| matches!(wish, Intent::Select(Some(panels::Selected::Edge(..))));
    assert_eq!(wishes.iter().filter(selects).count(), 1, "{wishes:?}");
    bench.get_by_label("Stop comparing").click();
    bench.run_steps(3);
    says(&bench, &["As of"], &["What differs"]);
}

#[test]
fn what_is_compared_with_an_unknown_moment_is_said() {
    let mut world = World::bookinfo();
    answered(&mut world.scene, 600, Err(outage()));
    let mut bench = bench(world);
    look(&mut bench, None, Some(ago(600)));
    says(&bench, &["Now", "Compared: not known", "connection refused"], &["What differs"]);
}

#[test]
fn one_thing_is_looked_at_alone_and_left_again() {
    let mut bench = bench(World::bookinfo());
    says(&bench, &["details v1", "reviews v3"], &["Back to the whole graph"]);
    bench.get_by_label("ratings v1").click();
    bench.run_steps(3);
    let selected = panels::Selected::App("bookinfo".into(), "ratings".into(), Some("v1".into()));
    bench.state_mut().0.selected = Some(selected);
    bench.run_steps(2);
    bench.key_press(egui::Key::D);
    bench.run_steps(4);
    says(
        &bench,
        &["Back to the whole graph", "1 hop", "edge reviews v3 to ratings"],
        &["edge productpage to details"],
    );
    bench.get_by_label("One hop more").click();
    bench.run_steps(4);
    says(&bench, &["2 hops", "edge productpage to reviews v3"], &["edge productpage to details"]);
    bench.key_press(egui::Key::Backspace);
    bench.run_steps(4);
    says(&bench, &["edge productpage to details"], &["Back to the whole graph"]);
}

#[test]
fn the_legend_says_what_is_drawn() {
    let mut bench = bench(World::bookinfo());
    bench.state_mut().1.graph.choices().legend = true;
    bench.run_steps(3);
    says(&bench, &["Cards: how a thing does", "TCP, well", "Badges", "A circuit breaker guards it"], &[]);
}
