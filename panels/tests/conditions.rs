//! What each panel says, word for word, in each condition: all is there, nothing is, it may not be read, it is old.
//! `INSTA_UPDATE=always` writes the snapshots anew.
#![allow(clippy::unwrap_used)]

mod support;

use egui::Ui;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::NodeT as _;
use jiff::SignedDuration;
use mesh::dump::Dump;
use mesh::incidents::{Incident, Incidents, Sort};
use mesh::log::{Line, Log, LogOf};
use mesh::series::{Measured, Series};
use mesh::split::Split;
use mesh::trace::Found;
use mesh::writes::{Deed, Write};
use mesh::{Answer, Change, Problem, Read, Ref, demo, edit, kinds};
use panels::detail::Detail;
use panels::graph::Graph;
use panels::selection::PanelId;
use panels::{Cx, PANELS, Panel};
use std::sync::Arc;
use support::{World, faces, harness, service};

type Draw = Box<dyn FnMut(&mut Ui, &Cx<'_>)>;

/// What is drawn, and whether a service is selected.
struct Shown {
    name: &'static str,
    selects: bool,
    make: Box<dyn Fn() -> Draw>,
}

/// Every panel of the table, and what stands beside them.
fn all() -> Vec<Shown> {
    let panels = PANELS.iter().map(|row| Shown {
        name: row.about.name,
        selects: matches!(row.id, PanelId::Logs | PanelId::Metrics),
        make: Box::new(|| {
            let mut panel = (row.make)();
            Box::new(move |ui, cx| panel.ui(ui, cx))
        }),
    });
    let detail = Shown {
        name: "Detail",
        selects: true,
        make: Box::new(|| {
            let mut detail = Detail::default();
            Box::new(move |ui, cx| detail.ui(ui, cx))
        }),
    };
    let time = Shown {
        name: "Time",
        selects: false,
        make: Box::new(|| {
            let mut graph = Graph::default();
            graph.choices().time = true;
            Box::new(move |ui, cx| graph.ui(ui, cx))
        }),
    };
    panels.chain([detail, time]).collect()
}

const CONDITIONS: [&str; 4] = ["bookinfo", "empty", "denied", "stale"];

#[test]
fn every_panel_in_every_condition() {
    for Shown { name, selects, make } in all() {
        let said: Vec<String> = faces()
            .into_iter()
            .filter(|(face, _)| CONDITIONS.contains(face))
            .map(|(face, scene)| {
                let mut world = World::new(scene);
                world.selected = selects.then(|| service("reviews"));
                if face == "stale" {
                    world.scene.proxies = world.scene.proxies.clone().failed(trouble());
                }
                if face != "empty" {
                    written(&mut world);
                }
                let mut bench = harness(world, make(), [900.0, 700.0], |ui, draw: &mut Draw, world| {
                    draw(ui, &world.cx());
                });
                while answer(&mut bench.state_mut().0, face) {
                    bench.run_steps(3);
                }
                format!("== {face}\n{}", text(&bench))
            })
            .collect();
        insta::assert_snapshot!(name.to_lowercase(), said.join("\n"));
    }
}

/// All that a screen reader would say, a line for each thing.
fn text(bench: &Harness<'_, (World, Draw)>) -> String {
    let line = |node: egui_kittest::Node<'_>| {
        let node = node.accesskit_node();
        if node.role() == Role::TextRun {
            return None;
        }
        let parts = [node.label(), node.value(), node.description()];
        let parts: Vec<String> = parts.into_iter().flatten().map(|part| plain(&part)).collect();
        let said = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" · ");
        let off = if node.is_disabled() { " (off)" } else { "" };
        (!said.is_empty()).then(|| format!("{said}{off}"))
    };
    let mut lines: Vec<String> = bench.root().children_recursive().filter_map(line).collect();
    lines.dedup();
    lines.join("\n")
}

/// Without glyphs, with plain spaces, in one line.
fn plain(text: &str) -> String {
    let seen = text.chars().filter(|letter| !('\u{e000}'..='\u{f8ff}').contains(letter));
    let spaced = seen.map(|letter| if letter.is_whitespace() { ' ' } else { letter });
    spaced.collect::<String>().split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A change of ours, and one of somebody else.
fn written(world: &mut World) {
    let mesh = demo::bookinfo();
    let rule = edit::rules(&mesh, mesh.service("bookinfo", "reviews").unwrap()).pop().unwrap();
    let shares = Split::new([("v1", 20), ("v2", 0), ("v3", 80)]).unwrap();
    let change: Change = edit::split(&mesh, &rule.at, &shares).unwrap();
    world.ledger = demo::ledger([change]);
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let when = demo::NOW - SignedDuration::from_mins(5);
    let write = Write {
        by: Some("kubectl-edit".to_owned()),
        when,
        heard: when,
        deed: Deed::Deleted,
        what: Vec::new(),
        before: demo::bookinfo_objects().get(&at).cloned(),
        after: None,
        at,
    };
    world.scene.writes = Arc::new(vec![write]);
}

fn trouble() -> Problem {
    Problem::new("It cannot be read", "connection refused", "It is asked again in 5 s")
}

/// Answers what was asked for, as it is answered in this condition. Returns whether anything was new.
fn answer(world: &mut World, face: &str) -> bool {
    let mut new = false;
    for read in world.wanted.take().into_keys() {
        if *world.scene.answers.get(&read) != mesh::Remote::Waiting {
            continue;
        }
        let told = told(&read, face == "empty");
        let answers = match (face, told) {
            (_, None) => continue,
            ("denied", _) => vec![Err(trouble())],
            ("stale", Some(told)) => vec![Ok(told), Err(trouble())],
            (_, Some(told)) => vec![Ok(told)],
        };
        for answer in answers {
            world.scene.answers.take(demo::NOW, read.clone(), answer);
        }
        new = true;
    }
    new
}

/// What is answered where it can be.
fn told(read: &Read, empty: bool) -> Option<Answer> {
    Some(match read {
        Read::Services if empty => Answer::Services(Arc::default()),
        Read::Services => Answer::Services(Arc::new(vec!["reviews.bookinfo".to_owned()])),
        Read::Traces(_) if empty => Answer::Traces(Arc::new(Found::default())),
        Read::Traces(_) => Answer::Traces(Arc::new(demo::found())),
        Read::Series(_) => {
            let until = demo::NOW.as_second() as f64;
            let points = (0..60).map(|step| (until - 295.0 + f64::from(step) * 5.0, f64::from(step % 7)));
            let one = Series { points: points.collect(), ..Series::default() };
            let series = if empty { Vec::new() } else { vec![one] };
            Answer::Series(Arc::new(Measured { series, until, remarks: Vec::new() }))
        }
        Read::Log(of) => Answer::Log(Arc::new(log(of, empty))),
        Read::Inside(_) => Answer::Inside(Arc::new(Dump::read(r#"{"configs":[]}"#).unwrap())),
        Read::Incidents if empty => Answer::Incidents(Arc::default()),
        Read::Incidents => Answer::Incidents(Arc::new(incidents())),
        Read::ControlPlane => Answer::ControlPlane(Arc::new("1.30.1".to_owned())),
        _ => return None,
    })
}

/// A restart, a rollout, and Events of which one warns; some may not be read.
fn incidents() -> Incidents {
    let one = |mins: i64, sort, at: Ref, what: &str| Incident {
        when: demo::NOW - SignedDuration::from_mins(mins),
        sort,
        object: at.to_string(),
        at: Some(at),
        what: what.to_owned(),
        by: "kubelet".to_owned(),
    };
    let at = |kind, name: &str| Ref::new(kind, "bookinfo", name);
    let pod = || at(&kinds::POD, "ratings-v1-6f8d7c9b4-aaaaa");
    let rollout = "revision 4 began to roll out (reviews-v1-6d9)";
    let all = vec![
        one(10, Sort::Restart, pod(), "istio-proxy was started again after exit code 137, OOMKilled"),
        one(20, Sort::Rollout, at(&kinds::DEPLOYMENT, "reviews-v1"), rollout),
        one(30, Sort::Warning, pod(), "Unhealthy: Readiness probe failed (3 times)"),
        one(31, Sort::Event, pod(), "Pulled: the image is there"),
    ];
    let why = "This login may not list replicasets.apps";
    Incidents::of(all, vec![Problem::new("Rollouts cannot be read", why, "Ask for that right")])
}

fn log(of: &LogOf, empty: bool) -> Log {
    let mut log = Log::default();
    if !empty {
        let at = demo::NOW - SignedDuration::from_secs(2);
        log.push(Line::read(&format!("{at} {} is ready", of.container)));
    }
    log
}
