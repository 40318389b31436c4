//! The charts of the detail and of their own panel in every face, with what Prometheus would answer.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::series::{Measured, Range, Series};
use mesh::{Answer, Problem, Read, demo};
use panels::metrics::Metrics;
use panels::{Intent, Panel as _, Selected};
use std::sync::Arc;
use support::detail::{Bench, detail, frames};
use support::{World, harness, service};

/// The detail of reviews with its charts unfolded, and what they ask.
fn open<'a>() -> (Bench<'a>, Vec<Range>) {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    assert!(asked(&mut bench).is_empty(), "what is folded away asks nothing");
    bench.get_by_label("Metrics").click();
    frames(&mut bench);
    let asked = asked(&mut bench);
    (bench, asked)
}

fn asked(bench: &mut Bench<'_>) -> Vec<Range> {
    let wanted = bench.state_mut().0.wanted.take();
    let range = |read| if let Read::Series(range) = read { Some(range) } else { None };
    wanted.into_keys().filter_map(range).collect()
}

fn answer(bench: &mut Bench<'_>, range: &Range, answer: Result<Vec<Series>, Problem>) {
    let until = demo::NOW.as_second() as f64;
    let answer =
        answer.map(|series| Answer::Series(Arc::new(Measured { series, until, remarks: Vec::new() })));
    bench.state_mut().0.scene.answers.take(demo::NOW, Read::Series(range.clone()), answer);
}

/// Values of a version in the last ten minutes, with a minute in between that nobody measured.
fn version(name: &str, value: f64) -> Series {
    let now = demo::NOW.as_second() as f64;
    let at = (0..120_u32).map(|step| f64::from(step) * 5.0).filter(|secs| !(200.0..260.0).contains(secs));
    Series {
        labels: [("destination_version".to_owned(), name.to_owned())].into(),
        points: at.map(|secs| (now - 595.0 + secs, value)).collect(),
    }
}

fn trouble() -> Problem {
    Problem::new("Traffic cannot be measured", "connection refused", "Look at Prometheus")
}

#[test]
fn a_chart_says_what_it_draws() {
    let (mut bench, ranges) = open();
    assert_eq!(ranges.len(), 3);
    assert!(bench.query_all_by_label("Waiting for Prometheus").count() == 3);
    for range in &ranges {
        answer(&mut bench, range, Ok(vec![version("v1", 5.0), version("v3", 2.5), version("unknown", 0.0)]));
    }
    frames(&mut bench);
    bench.get_by_label_contains("Requests over time: no version");
    let said = "Requests over time: no version 0.0 rps, v1 5.0 rps, v3 2.5 rps".replace(' ', "");
    let spoken = |label: &str| label.replace(['\u{a0}', '\u{202f}', '\u{2009}', ' '], "");
    let image = bench.get_by_label_contains("Requests over time").accesskit_node();
    assert_eq!(spoken(&image.label().unwrap_or_default()), said);
    bench.get_by_label_contains("Errors over time");
    bench.get_by_label_contains("Duration, p95 over time");
}

#[test]
fn the_query_is_shown_and_copied() {
    let (mut bench, ranges) = open();
    let requests = ranges.iter().find(|range| range.promql.starts_with("sum by")).expect("requests").clone();
    assert!(bench.query_by_label(&requests.promql).is_none());
    bench.get_by_label("Show query of Requests").click();
    frames(&mut bench);
    bench.get_by_label(&requests.promql);
    bench.get_by_label("Copy query of Requests").click();
    frames(&mut bench);
    let wishes = bench.state_mut().0.wishes();
    assert!(wishes.iter().any(|wish| matches!(wish, Intent::Copy(text, _) if *text == requests.promql)));
}

#[test]
fn no_calls_no_lines() {
    let (mut bench, ranges) = open();
    ranges.iter().for_each(|range| answer(&mut bench, range, Ok(Vec::new())));
    frames(&mut bench);
    assert_eq!(bench.query_all_by_label("No calls in this time").count(), 3);
    assert!(bench.query_by_label_contains("over time").is_none());
}

#[test]
fn what_is_old_says_so_and_stays() {
    let (mut bench, ranges) = open();
    for range in &ranges {
        answer(&mut bench, range, Ok(vec![version("v1", 5.0)]));
        answer(&mut bench, range, Err(trouble()));
    }
    frames(&mut bench);
    assert_eq!(
        bench.query_all_by_label_contains("Traffic cannot be measured: connection refused").count(),
        3
    );
    bench.get_by_label_contains("Requests over time: v1");
}

#[test]
fn what_is_refused_says_why_and_can_be_tried_again() {
    let (mut bench, ranges) = open();
    ranges.iter().for_each(|range| answer(&mut bench, range, Err(trouble())));
    frames(&mut bench);
    assert!(bench.query_by_label_contains("over time").is_none());
    assert!(bench.query_all_by_label_contains("connection refused").count() >= 3);
    asked(&mut bench);
    let retry = bench.query_all_by_label("Retry").next().expect("a way on");
    retry.click();
    frames(&mut bench);
    let wanted = bench.state_mut().0.wanted.take();
    assert!(wanted.values().any(|times| *times == 1), "{wanted:?}");
}

/// The panel of these, and what it asks.
fn panel(world: World) -> (egui_kittest::Harness<'static, (World, Metrics)>, Vec<Range>) {
    let mut bench = harness(world, Metrics::default(), [900.0, 900.0], |ui, panel: &mut Metrics, world| {
        panel.ui(ui, &world.cx());
    });
    let wanted = bench.state_mut().0.wanted.take();
    let range = |read| if let Read::Series(range) = read { Some(range) } else { None };
    (bench, wanted.into_keys().filter_map(range).collect())
}

#[test]
fn the_panel_has_all_charts_of_what_is_selected() {
    let (mut bench, ranges) = panel(World::bookinfo().select(service("reviews")));
    assert_eq!(ranges.len(), 6, "those of the board that is shown");
    let of_reviews = |range: &Range| range.promql.contains("destination_service=\"reviews.bookinfo");
    assert!(ranges.iter().all(of_reviews), "{ranges:?}");
    bench.get_by_label("Metrics of reviews");
    bench.get_by_label("TCP").click();
    bench.run_steps(3);
    bench.get_by_label("Bytes to the server");
    assert!(bench.query_by_label("Duration, p95").is_none());
    bench.get_by_label("Lines by").click();
    bench.run_steps(3);
    bench.get_by_label("code").click();
    bench.run_steps(3);
    bench.state_mut().0.wanted.take();
    bench.run_steps(1);
    let wanted = bench.state_mut().0.wanted.take();
    let by_code =
        |read: &Read| matches!(read, Read::Series(range) if range.promql.contains("by (response_code"));
    assert!(wanted.len() == 4 && wanted.keys().all(by_code), "{wanted:?}");
}

/// Who is looked at as a caller, when that is chosen.
#[test]
fn the_panel_shows_calls_that_are_made() {
    let from = |range: &Range| range.promql.contains("source_workload=~");
    let (mut bench, ranges) = panel(World::bookinfo().select(service("reviews")));
    assert!(!ranges.iter().any(from));
    bench.get_by_label("Which calls").click();
    bench.run_steps(3);
    bench.get_by_label("calls that it makes").click();
    bench.run_steps(3);
    bench.state_mut().0.wanted.take();
    bench.run_steps(1);
    let wanted = bench.state_mut().0.wanted.take();
    assert!(wanted.keys().all(|read| matches!(read, Read::Series(range) if from(range))), "{wanted:?}");
}

/// An edge has both its ends; of what telemetry does not name, nothing is asked.
#[test]
fn the_panel_of_an_edge() {
    let cluster = mesh::ClusterId::default();
    let node = |app: &str, version| mesh::graph::NodeId::app(&cluster, "bookinfo", app, Some(version));
    let edge = Selected::Edge(node("productpage", "v1"), node("reviews", "v3"));
    let (bench, ranges) = panel(World::bookinfo().select(edge));
    bench.get_by_label("Metrics of productpage v1 → reviews v3");
    let both = |range: &Range| range.promql.contains("productpage-v1") && range.promql.contains("reviews-v3");
    assert!(ranges.len() == 6 && ranges.iter().all(both), "{ranges:?}");
    let edge = Selected::Edge(mesh::graph::NodeId::Unknown, node("reviews", "v3"));
    let (bench, ranges) = panel(World::bookinfo().select(edge));
    assert!(ranges.is_empty());
    bench.get_by_label("No calls can be told from others here");
}

/// What Prometheus says besides, and what is left out, is said.
#[test]
fn warnings_and_what_was_left_out_are_said() {
    let (mut bench, ranges) = panel(World::bookinfo().select(service("reviews")));
    let series = (0..20).map(|number| version(&format!("v{number}"), f64::from(number))).collect();
    let until = demo::NOW.as_second() as f64;
    let measured = Measured { series, until, remarks: vec!["Prometheus says: a store is down".to_owned()] };
    for range in &ranges {
        let answer = Ok(Answer::Series(Arc::new(measured.clone())));
        bench.state_mut().0.scene.answers.take(demo::NOW, Read::Series(range.clone()), answer);
    }
    bench.run_steps(3);
    assert_eq!(bench.query_all_by_label("Prometheus says: a store is down").count(), 6);
    assert_eq!(bench.query_all_by_label("the largest 12 of 20").count(), 6);
    bench.get_by_label("Copy Requests as CSV").click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    let csv = |wish: &Intent| matches!(wish, Intent::Copy(csv, what) if what == "Requests as CSV" && csv.lines().count() == 20 * 108 + 1);
    assert!(wishes.iter().any(csv));
}

fn chosen(
    bench: &mut egui_kittest::Harness<'static, (World, Metrics)>,
    menu: &str,
    choice: &str,
) -> Vec<Range> {
    bench.get_by_label(menu).click();
    bench.run_steps(3);
    bench.get_by_label(choice).click();
    bench.run_steps(3);
    bench.state_mut().0.wanted.take();
    bench.run_steps(1);
    let wanted = bench.state_mut().0.wanted.take();
    wanted
        .into_keys()
        .filter_map(|read| if let Read::Series(range) = read { Some(range) } else { None })
        .collect()
}

#[test]
fn two_moments_lie_over_each_other() {
    let (mut bench, _) = panel(World::bookinfo().select(service("reviews")));
    let ranges = chosen(&mut bench, "Compared with", "with 1 h before");
    let before: Vec<Range> = ranges.iter().filter(|range| range.ago_secs == 3600).cloned().collect();
    assert_eq!((ranges.len(), before.len()), (12, 6));
    bench.get_all_by_label_contains("What was before is not known").next().unwrap();
    for range in &ranges {
        let until = demo::NOW.as_second() as f64 - range.ago_secs as f64;
        let mut series = version("v1", if range.ago_secs == 0 { 5.0 } else { 2.5 });
        series.points.iter_mut().for_each(|(at, _)| *at -= range.ago_secs as f64);
        let measured = Measured { series: vec![series], until, remarks: Vec::new() };
        let answer = Ok(Answer::Series(Arc::new(measured)));
        bench.state_mut().0.scene.answers.take(demo::NOW, Read::Series(range.clone()), answer);
    }
    bench.run_steps(3);
    bench.get_by_label_contains("Requests over time: v1 5.0\u{a0}rps (was 2.5\u{a0}rps)");
    let ranges = chosen(&mut bench, "Until when", "until 3 h ago");
    let ends: std::collections::BTreeSet<u64> = ranges.iter().map(|range| range.ago_secs).collect();
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), [10_800, 14_400]);
    bench.get_by_label_contains("No change of this time is known");
}

/// What was written in the time of the charts stands above them, as far as it concerns what is looked at.
#[test]
fn changes_stand_above_the_charts() {
    let mut world = World::bookinfo().select(service("reviews"));
    let rule = mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let write = |at: &mesh::Ref, secs| mesh::writes::Write {
        at: at.clone(),
        by: Some("kubectl-edit".into()),
        when: demo::NOW - jiff::SignedDuration::from_secs(secs),
        heard: demo::NOW,
        deed: mesh::writes::Deed::Changed,
        what: Vec::new(),
        before: None,
        after: None,
    };
    let other = mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "nobodys");
    world.scene.writes = Arc::new(vec![write(&rule, 59), write(&rule, 5000), write(&other, 20)]);
    let (mut bench, _) = panel(world);
    assert!(bench.query_by_label_contains("nobodys").is_none());
    bench.get_by_label_contains("VirtualService bookinfo/reviews was written by kubectl-edit").click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    assert!(wishes.contains(&Intent::Select(Some(Selected::Object(rule)))), "{wishes:?}");
}

/// A drag over one chart zooms all of them, at a finer step; a double click goes back.
#[test]
fn a_drag_zooms_all_charts() {
    let (mut bench, ranges) = panel(World::bookinfo().select(service("reviews")));
    for range in &ranges {
        answer_of(&mut bench, range);
    }
    bench.run_steps(3);
    let image = bench.get_by_label_contains("Requests over time").rect();
    let at = |part: f32| egui::pos2(image.left() + image.width() * part, image.center().y);
    bench.drag_at(at(0.25));
    bench.run_steps(2);
    bench.hover_at(at(0.5));
    bench.run_steps(2);
    bench.drop_at(at(0.5));
    bench.run_steps(2);
    let zoomed = wanted(&mut bench);
    let now = demo::NOW.as_second() as u64;
    let expect = |range: &Range| {
        let until = range.until.unwrap_or_default();
        until.abs_diff(now - 300) <= 3 && range.range_secs.abs_diff(150) <= 3 && range.ago_secs == 0
    };
    assert!(zoomed.len() == 6 && zoomed.iter().all(expect), "{zoomed:?}");
    bench.get_by_label_contains("23:52:");
    for range in &zoomed {
        answer_of(&mut bench, range);
    }
    bench.run_steps(3);
    let image = bench.get_by_label_contains("Errors over time").rect().center();
    let button = |pressed| egui::Event::PointerButton {
        pos: image,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: egui::Modifiers::NONE,
    };
    bench.hover_at(image);
    bench.run_steps(2);
    // As fast as fingers are.
    bench.input_mut().events.extend([button(true), button(false), button(true), button(false)]);
    bench.run_steps(2);
    assert!(wanted(&mut bench).iter().all(|range| range.until.is_none() && range.range_secs == 600));
    assert!(bench.query_by_label("Show the whole time again").is_none());
}

fn wanted(bench: &mut egui_kittest::Harness<'static, (World, Metrics)>) -> Vec<Range> {
    bench.state_mut().0.wanted.take();
    bench.run_steps(1);
    let wanted = bench.state_mut().0.wanted.take().into_keys();
    wanted.filter_map(|read| if let Read::Series(range) = read { Some(range) } else { None }).collect()
}

fn answer_of(bench: &mut egui_kittest::Harness<'static, (World, Metrics)>, range: &Range) {
    let until = range.until.map_or(demo::NOW.as_second() as f64, |until| until as f64);
    let measured = Measured { series: vec![version("v1", 5.0)], until, remarks: Vec::new() };
    let answer = Ok(Answer::Series(Arc::new(measured)));
    bench.state_mut().0.scene.answers.take(demo::NOW, Read::Series(range.clone()), answer);
}
