//! Meshes of any size: what benches measure.

use super::traffic::{flow, peer};
use super::{NOW, by_ref, connected, objects};
use crate::scene::Scene;
use crate::trace::{Span, Trace};
use crate::traffic::Traffic;
use crate::{Mesh, Objects};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Services per namespace.
const PER_NAMESPACE: usize = 50;

/// A mesh of so many services, each with one to three versions, and so many pods in all; the same for the
/// same numbers.
pub fn synthetic(services: usize, pods: usize) -> Mesh {
    Mesh::read(synthetic_objects(services, pods), None)
}

/// A live connection to [`synthetic`], with about three calls to other services for each.
pub fn synthetic_scene(services: usize, pods: usize) -> Scene {
    let mut flows = BTreeMap::new();
    for service in 0..services {
        let (namespace, app) = names(service);
        for call in 1..=3 {
            let target = service * 3 + call; // a tree with three branches at each node
            if target >= services {
                break;
            }
            let (target_namespace, target_app) = names(target);
            for version in 1..=versions(target) {
                let to = peer(&target_namespace, &target_app, &format!("v{version}"));
                let rps = 100.0 / (1.0 + target as f64).sqrt() / f64::from(version);
                flows.extend([flow(peer(&namespace, &app, "v1"), to, rps, 5.0 + (target % 40) as f64)]);
            }
        }
    }
    connected(synthetic(services, pods), Traffic { window_secs: 60, flows, ..Traffic::default() })
}

fn synthetic_objects(services: usize, pods: usize) -> Objects {
    let total: usize = (0..services).map(|service| versions(service) as usize).sum();
    let mut all: Vec<Value> = Vec::new();
    let mut workload_number = 0;
    for service in 0..services {
        let (namespace, app) = names(service);
        if service % PER_NAMESPACE == 0 {
            let labels = json!({ "istio-injection": "enabled" });
            all.push(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": objects::meta("", &namespace, labels) }));
        }
        all.push(objects::service(&namespace, &app, &app, &[("http", 8080)]));
        for version in 1..=versions(service) {
            let name = format!("{app}-v{version}");
            let labels = json!({ "app": app, "version": format!("v{version}") });
            let account = format!("{namespace}-{app}");
            all.push(objects::deployment(&namespace, &name, &labels, &account));
            // Pods are dealt out evenly: workload i gets those from i * pods / total on.
            let (from, to) = (workload_number * pods / total, (workload_number + 1) * pods / total);
            for pod in from..to {
                all.push(objects::pod_named(
                    &namespace,
                    &name,
                    &format!("{pod:05}"),
                    &labels,
                    &account,
                    &[&app, "istio-proxy"],
                ));
            }
            workload_number += 1;
        }
    }
    by_ref(all)
}

fn versions(service: usize) -> u32 {
    1 + u32::from(service % 4 == 1) + u32::from(service % 8 == 1)
}

fn names(service: usize) -> (String, String) {
    (format!("team-{:03}", service / PER_NAMESPACE), format!("svc-{service:05}"))
}

/// A trace of so many spans, up to 40 deep.
pub fn synthetic_trace(spans: usize) -> Trace {
    let base = u64::try_from(NOW.as_microsecond()).unwrap_or_default();
    let mut all: Vec<Span> = Vec::with_capacity(spans);
    for number in 0..spans {
        let parent = (number > 0).then(|| if number % 40 == 0 { 0 } else { number - 1 });
        let (start, length) = match parent.and_then(|parent| all.get(parent)) {
            None => (base, spans as u64 * 50 + 10_000),
            Some(root) if number % 40 == 0 => (root.start_us + number as u64 * 50, 2_000),
            Some(parent) => (parent.start_us + 10, parent.duration_us.min(2_000).saturating_sub(20).max(1)),
        };
        let service = number % 40 % 12;
        let failed = number % 997 == 0 && number > 0;
        all.push(Span {
            id: format!("{number:016x}"),
            parent: parent.map(|parent| format!("{parent:016x}")),
            service: format!("svc-{service:02}.team-000"),
            operation: format!("svc-{service:02}.team-000.svc.cluster.local:8080/*"),
            kind: if number % 2 == 0 { "server" } else { "client" }.into(),
            start_us: start,
            duration_us: length,
            tags: [("http.status_code", if failed { "503" } else { "200" })].into(),
            error: failed,
            ..Span::default()
        });
    }
    Trace { id: format!("{spans:032x}"), spans: all }
}
