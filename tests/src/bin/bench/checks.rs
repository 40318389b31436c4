//! Budgets of judging: a mesh with many rules whole, and again after one of its objects changed.

use crate::{Row, median};
use mesh::check::{Judge, World, judge};
use mesh::mesh_config::MeshConfig;
use mesh::{Mesh, Objects, Ref, demo, kinds};
use serde_json::{Value, json};
use std::time::Instant;

const TIMES: usize = 15;
const SERVICES: usize = 500;

/// An object, or how it is after a change.
type Change = fn(&Objects, bool) -> Option<Value>;

/// Each is made and taken back in turn.
const CHANGES: [(&str, Change); 4] = [
    ("a VirtualService's timeout", |objects, there| {
        edited(objects, &Ref::new(&kinds::VIRTUAL_SERVICE, "team-003", "svc-00170"), |object| {
            object["spec"]["http"][0]["timeout"] = if there { "2s" } else { "3s" }.into();
        })
    }),
    ("a VirtualService's host", |objects, there| {
        edited(objects, &Ref::new(&kinds::VIRTUAL_SERVICE, "team-003", "svc-00170"), |object| {
            object["spec"]["hosts"][0] = if there { "svc-00171" } else { "svc-00170" }.into();
        })
    }),
    ("a DestinationRule's subset", |objects, there| {
        edited(objects, &Ref::new(&kinds::DESTINATION_RULE, "team-003", "svc-00170"), |object| {
            object["spec"]["subsets"][0]["name"] = if there { "v9" } else { "v1" }.into();
        })
    }),
    ("a Service's port", |objects, there| {
        edited(objects, &Ref::new(&kinds::SERVICE, "team-003", "svc-00170"), |object| {
            object["spec"]["ports"][0]["port"] = if there { 8081 } else { 8080 }.into();
        })
    }),
];

/// All of it, and after each change.
pub(crate) fn rows() -> Vec<Row> {
    let mesh = Mesh::read(steered(), None);
    let config = MeshConfig::default();
    let world = || World::new(&mesh, Ok(&config));
    let of = |kind| mesh.objects().of_kind(kind).count();
    let what = format!(
        "{} VirtualServices, {} DestinationRules, {} services judged",
        of(&kinds::VIRTUAL_SERVICE),
        of(&kinds::DESTINATION_RULE),
        mesh.service_count()
    );
    let mut took = Vec::new();
    let mut found = 0;
    for _ in 0..5 {
        let begun = Instant::now();
        found = judge(&world()).findings.len();
        took.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let mut rows = vec![Row::new(what, "300 ms", format!("{:.1} ms ({found} findings)", median(took)))];
    for (what, change) in CHANGES {
        let mut memory = Judge::default();
        memory.judge(&world());
        let (mut now, mut took) = (mesh.clone(), Vec::new());
        for time in 0..TIMES {
            let mut objects = now.objects().clone();
            if let Some(object) = change(&objects, time % 2 == 0).map(istio::Object::from)
                && let Some(at) = object.at()
            {
                objects.insert(at, object);
            }
            now = Mesh::read(objects, Some(&now));
            let begun = Instant::now();
            memory.judge(&World::new(&now, Ok(&config)));
            took.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        rows.push(Row::new(
            format!("  again after {what} changed"),
            "10 ms",
            format!("{:.2} ms", median(took)),
        ));
    }
    rows
}

fn edited(objects: &Objects, at: &Ref, edit: impl FnOnce(&mut Value)) -> Option<Value> {
    let mut value = (*objects.get(at)?.0).clone();
    edit(&mut value);
    Some(value)
}

/// For each service a rule of its own and one for a gateway, and settings of its own and of a caller's.
fn steered() -> Objects {
    let mut objects = demo::synthetic(SERVICES, SERVICES * 4).objects().clone();
    objects.extend(demo::bookinfo_objects().into_iter().filter(|(at, _)| {
        *at.namespace == *"istio-system" || *at.name == *"istio-system" || *at.kind == kinds::GATEWAY
    }));
    let mut put = |kind: &'static istio::Kind, namespace: &str, name: &str, spec: Value| {
        let meta =
            json!({ "namespace": namespace, "name": name, "creationTimestamp": "2026-01-01T00:00:00Z" });
        let version = format!("{}/v1", kind.group);
        let object = json!({ "apiVersion": version, "kind": kind.kind, "metadata": meta, "spec": spec });
        objects.insert(Ref::new(kind, namespace, name), object.into());
    };
    let services: Vec<(String, String)> = demo::synthetic(SERVICES, 0)
        .services()
        .map(|service| (service.namespace.to_string(), service.name.to_string()))
        .collect();
    for (index, (namespace, name)) in services.iter().enumerate() {
        let to = json!({ "destination": { "host": name, "subset": "v1" } });
        let inside = json!({ "hosts": [name], "http": [
            { "match": [{ "uri": { "prefix": "/a" } }, { "headers": { "x": { "exact": "b" } } }], "route": [to] },
            { "timeout": "2s", "retries": { "attempts": 2, "perTryTimeout": "1s" }, "route": [to] }] });
        put(&kinds::VIRTUAL_SERVICE, namespace, name, inside);
        let entering = json!({ "hosts": [format!("{name}.example")], "gateways": ["bookinfo/bookinfo-gateway"],
            "http": [{ "route": [to] }] });
        put(&kinds::VIRTUAL_SERVICE, namespace, &format!("{name}-entering"), entering);
        let subsets = json!([{ "name": "v1", "labels": { "version": "v1" } }]);
        let policy = json!({ "outlierDetection": { "consecutive5xxErrors": 5 } });
        put(
            &kinds::DESTINATION_RULE,
            namespace,
            name,
            json!({ "host": name, "subsets": subsets, "trafficPolicy": policy }),
        );
        // A caller's own settings for a service of another namespace.
        let (caller, _) = &services[(index + 60) % services.len()];
        let host = format!("{name}.{namespace}.svc.cluster.local");
        let spec = json!({ "host": host, "exportTo": ["."], "subsets": subsets, "trafficPolicy": policy });
        put(&kinds::DESTINATION_RULE, caller, &format!("{name}-of-{namespace}"), spec);
    }
    objects
}
