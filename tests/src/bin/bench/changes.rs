//! Budgets of one change in a large mesh: what it costs the model, the graph and the window's thread.

use crate::Row;
use mesh::graph::{Builder, GraphOptions};
use mesh::{Mesh, Objects, Ref, demo, kinds};
use panels::graph::bench::Changing;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const TIMES: usize = 15;

type Change = (&'static str, fn(&Objects, bool) -> (Ref, Option<Value>));

/// Each is made and taken back in turn.
const CHANGES: [Change; 3] =
    [("a pod's annotation", annotation), ("a pod's readiness", readiness), ("a VirtualService", route)];

/// Three changes in meshes of three sizes.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (services, pods, budgets) in [
        (500, 2_000, ["-", "-", "-"]),
        (1_000, 5_000, ["-", "-", "-"]),
        (5_000, 20_000, ["5 ms", "10 ms", "1 ms"]),
    ] {
        let scene = demo::synthetic_scene(services, pods);
        for (what, change) in CHANGES {
            let [model, graph, window] = measured(&scene, change).map(ms);
            let name = format!("{what} changes among {services} services / {pods} pods: model");
            rows.push(Row::new(name, budgets[0], format!("{model:.2} ms")));
            rows.push(Row::new("  graph", budgets[1], format!("{graph:.2} ms")));
            rows.push(Row::new(
                "  window's thread, beyond a frame in which nothing changes",
                budgets[2],
                format!("{window:.2} ms"),
            ));
        }
    }
    rows
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Model, graph, window's thread: the middle of several.
fn measured(scene: &mesh::Scene, change: fn(&Objects, bool) -> (Ref, Option<Value>)) -> [Duration; 3] {
    let (traffic, options) = (scene.traffic.value(), GraphOptions { idle: true, ..GraphOptions::default() });
    let mut mesh = Arc::clone(&scene.mesh);
    let mut builder = Builder::default();
    builder.build(&mesh, traffic, &options, demo::NOW);
    let Some(mut window) = Changing::new(scene) else { return [Duration::MAX; 3] };
    let still = middle((0..TIMES).map(|_| window.still()).collect());
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    for time in 0..TIMES {
        let mut objects = mesh.objects().clone();
        let (at, now) = change(&objects, time % 2 == 0);
        match now {
            Some(now) => drop(objects.insert(at, now.into())),
            None => drop(objects.remove(&at)),
        }
        let start = Instant::now();
        let next = Mesh::read(objects, Some(&mesh));
        all[0].push(start.elapsed());
        let start = Instant::now();
        std::hint::black_box(builder.build(&next, traffic, &options, demo::NOW));
        all[1].push(start.elapsed());
        mesh = Arc::new(next);
        all[2].push(window.becomes(&mesh).shown.saturating_sub(still));
    }
    all.map(middle)
}

fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A pod in the middle of all.
fn pod(objects: &Objects) -> (Ref, Value) {
    let all = objects.of_kind(&kinds::POD).count();
    let found = objects.of_kind(&kinds::POD).nth(all / 2);
    found.map(|(at, pod)| (at.clone(), (*pod.0).clone())).unwrap_or_else(|| (at("none"), Value::Null))
}

fn annotation(objects: &Objects, there: bool) -> (Ref, Option<Value>) {
    let (at, mut pod) = pod(objects);
    pod["metadata"]["annotations"] = json!({ "seen": there });
    (at, Some(pod))
}

fn readiness(objects: &Objects, there: bool) -> (Ref, Option<Value>) {
    let (at, mut pod) = pod(objects);
    pod["status"]["conditions"][0]["status"] = if there { "False" } else { "True" }.into();
    (at, Some(pod))
}

fn at(name: &str) -> Ref {
    Ref::new(&kinds::VIRTUAL_SERVICE, "team-000", name)
}

fn route(_: &Objects, there: bool) -> (Ref, Option<Value>) {
    let route = json!({ "host": "svc-00001" });
    let spec =
        json!({ "hosts": ["svc-00001"], "http": [{ "timeout": "1s", "route": [{ "destination": route }] }] });
    let meta = json!({ "namespace": "team-000", "name": "new" });
    let object = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta,
        "spec": spec });
    (at("new"), there.then_some(object))
}
