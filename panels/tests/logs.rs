//! Logs of several containers: merged, searched, held, and read in words.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use jiff::SignedDuration;
use mesh::log::{Line, Log, LogOf};
use mesh::{Answer, Problem, Read, demo};
use panels::logs::Logs;
use panels::{Intent, Panel as _};
use std::sync::Arc;
use support::{World, faces, harness, service};

type Bench<'a> = Harness<'a, (World, Logs)>;

fn panel<'a>(world: World) -> Bench<'a> {
    harness(world, Logs::default(), [900.0, 700.0], |ui, panel: &mut Logs, world| panel.ui(ui, &world.cx()))
}

fn asked(bench: &mut Bench<'_>) -> Vec<LogOf> {
    let wanted = bench.state_mut().0.wanted.take();
    wanted.into_keys().filter_map(|read| if let Read::Log(of) = read { Some(of) } else { None }).collect()
}

fn line(secs: i64, text: &str) -> Line {
    Line::read(&format!("{} {text}", demo::NOW + SignedDuration::from_secs(secs)))
}

const CALL: &str = r#"[2026-11-22T07:26:54.470Z] "GET /ratings/0 HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 19 3 - "-" "load" "b67aa804" "ratings:9080" "-" outbound|9080||ratings.bookinfo.svc.cluster.local - 10.96.228.9:9080 10.88.0.13:46324 - default"#;

fn told(bench: &mut Bench<'_>, of: &LogOf, lines: &[Line]) {
    let mut log = Log::default();
    lines.iter().for_each(|line| log.push(line.clone()));
    let scene = &mut bench.state_mut().0.scene;
    scene.answers.take(demo::NOW, Read::Log(of.clone()), Ok(Answer::Log(Arc::new(log))));
    bench.run_steps(3);
}

fn rows(bench: &Bench<'_>) -> Vec<String> {
    let label = |node: egui_kittest::Node<'_>| node.accesskit_node().label().unwrap_or_default();
    // A row begins with its time: "12:00:01.000 reviews…".
    let is_row = |text: &String| text.len() > 12 && text.as_bytes()[2] == b':' && text.as_bytes()[8] == b'.';
    bench.get_all_by(|_| true).map(label).filter(is_row).collect()
}

#[test]
fn several_logs_are_one_and_calls_are_read() {
    let mut bench = panel(World::bookinfo().select(service("ratings")));
    let all = asked(&mut bench);
    assert!(!all.is_empty() && all.iter().all(|of| of.namespace == "bookinfo"), "{all:?}");
    let proxy = all.iter().find(|of| of.is_proxy()).unwrap().clone();
    told(&mut bench, &proxy, &[line(-5, "Envoy proxy is ready"), line(-1, CALL)]);
    if let Some(app) = all.iter().find(|of| !of.is_proxy()) {
        told(&mut bench, app, &[line(-3, "Server listening")]);
        assert!(rows(&bench)[1].contains("Server listening"), "{:?}", rows(&bench));
    }
    let last = rows(&bench).pop().unwrap();
    assert!(last.contains("out  503  UH  GET ratings:9080/ratings/0"), "{last}");
    bench.get_by_label("Failed calls").click();
    bench.run_steps(3);
    assert_eq!(rows(&bench).join("; "), last);
    bench.get_by_label(&last).click();
    bench.run_steps(3);
    bench.get_by_label("UH: no healthy endpoint");
    bench.get_by_label("no_healthy_upstream: no healthy endpoint");
    // Its trace is looked for by the id of its request.
    let wanted = bench.state_mut().0.wanted.take();
    let query =
        wanted.into_keys().find_map(|read| if let Read::Traces(query) = read { Some(query) } else { None });
    let query = query.expect("a search for its trace");
    assert_eq!(query.tags.get("guid:x-request-id").map(String::as_str), Some("b67aa804"));
    assert_eq!(query.service, "ratings.bookinfo");
    let found = Arc::new(demo::found());
    let id = found.traces[0].trace.id.clone();
    bench.state_mut().0.scene.answers.take(demo::NOW, Read::Traces(query), Ok(Answer::Traces(found)));
    bench.run_steps(3);
    bench.get_by_label("Open its trace").click();
    bench.run_steps(3);
    assert!(bench.state_mut().0.wishes().contains(&Intent::OpenTrace(id)));
}

#[test]
fn what_is_held_stays() {
    let mut bench = panel(World::bookinfo().select(service("ratings")));
    let of = asked(&mut bench)[0].clone();
    told(&mut bench, &of, &[line(-5, "one")]);
    bench.get_by_label("Hold").click();
    bench.run_steps(3);
    told(&mut bench, &of, &[line(-5, "one"), line(-4, "two")]);
    assert_eq!(rows(&bench).len(), 1);
    bench.get_by_label("Follow").click();
    bench.run_steps(3);
    assert_eq!(rows(&bench).len(), 2);
    assert!(!asked(&mut bench).is_empty(), "it is followed all the while");
}

#[test]
fn every_face() {
    for (face, scene) in faces() {
        let mut bench = panel(World::new(scene.clone()));
        bench.get_by_label("Nothing is selected");
        assert!(asked(&mut bench).is_empty(), "{face}");
        let mut bench = panel(World::new(scene).select(service("ratings")));
        if face == "empty" {
            bench.get_by_label("No pods behind what is selected");
            continue;
        }
        let of = asked(&mut bench)[0].clone();
        bench.get_by_label_contains("0 lines");
        let trouble = || Problem::new("The log cannot be read", "no right to read pods/log", "Ask for it");
        let read = Read::Log(of.clone());
        bench.state_mut().0.scene.answers.take(demo::NOW, read.clone(), Err(trouble()));
        bench.run_steps(3);
        bench.get_by_label_contains("no right to read pods/log. Ask for it");
        told(&mut bench, &of, &[line(-5, "one")]);
        bench.state_mut().0.scene.answers.take(demo::NOW, read, Err(trouble()));
        bench.run_steps(3);
        bench.get_by_label_contains("as of 1\u{a0}s ago: no right to read pods/log");
        assert_eq!(rows(&bench).len(), 1, "what was read stays");
    }
}
