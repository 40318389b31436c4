//! The charts of the detail in every face, with what Prometheus would answer.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::series::{Range, Series};
use mesh::{Answer, Problem, Read, demo};
use panels::Intent;
use std::sync::Arc;
use support::detail::{Bench, detail, frames};
use support::{World, service};

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
    let answer = answer.map(|series| Answer::Series(Arc::new(series)));
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
