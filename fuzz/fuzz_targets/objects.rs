//! Kubernetes' objects, in lists and in events of a watch: read, put into a mesh of others, and looked at as
//! the window looks at them.

use crate::{Reader, Seeds, Target};
use istio::{KINDS, Kind, Object};
use mesh::graph::{Builder, GraphOptions};
use mesh::{Mesh, demo, edit};
use serde_json::{Value, json};
use std::cell::RefCell;

/// Objects of each kind that a list has.
const SOME: usize = 2;

pub(super) const LISTS: Target = Target { name: "lists", reader: lists, seeds: || Seeds::Json(all_lists()) };
pub(super) const EVENTS: Target =
    Target { name: "watch", reader: events, seeds: || Seeds::Json(all_events()) };

/// The kind that a text is of, as a client knows it: by where it asked.
fn kind_of(text: &str) -> &'static Kind {
    let named = |kind: &&&'static Kind| {
        text.contains(&format!("\"kind\":\"{}", kind.kind)) && text.contains(kind.group)
    };
    KINDS.iter().find(named).copied().unwrap_or(&mesh::kinds::POD)
}

fn lists() -> Reader {
    let look = looker();
    Box::new(move |input| {
        let kind = kind_of(&String::from_utf8_lossy(input));
        let objects = cluster::fuzz::list(input, kind);
        let some = !objects.is_empty();
        look(objects);
        some
    })
}

fn events() -> Reader {
    let look = looker();
    Box::new(move |input| {
        let kind = kind_of(&String::from_utf8_lossy(input));
        let object = cluster::fuzz::event(input, kind);
        let some = object.is_some();
        look(object.into_iter().collect());
        some
    })
}

/// Puts objects into Bookinfo and makes of it all that the window shows.
fn looker() -> impl Fn(Vec<Object>) + Send {
    let (mesh, traffic) = (demo::bookinfo(), std::sync::Arc::new(demo::bookinfo_traffic()));
    let builder = RefCell::new(Builder::default());
    let options = GraphOptions { idle: true, ..GraphOptions::default() };
    move |objects| {
        let mut all = mesh.objects().clone();
        for object in objects {
            if let Some(at) = object.at() {
                all.insert(at, object);
            }
        }
        let mesh = Mesh::read(all, Some(&mesh));
        std::hint::black_box(builder.borrow_mut().build(&mesh, Some(&traffic), &options, demo::NOW));
        let rules = mesh.services().map(|service| edit::rules(&mesh, service).len());
        std::hint::black_box((rules.sum::<usize>(), mesh.problems().count(), mesh.proxies().len()));
    }
}

/// The first objects of each kind, as the server writes them.
fn samples() -> Vec<(&'static Kind, Vec<Value>)> {
    let objects = demo::bookinfo_objects();
    let of = |kind: &&'static Kind| {
        let some = objects.of_kind(kind).take(SOME).map(|(_, object)| (*object.0).clone());
        (*kind, some.collect::<Vec<_>>())
    };
    KINDS.iter().map(of).filter(|(_, objects)| !objects.is_empty()).collect()
}

fn all_lists() -> Vec<Value> {
    let list = |(kind, items): (&Kind, Vec<Value>)| {
        json!({ "kind": format!("{}List", kind.kind), "apiVersion": items[0]["apiVersion"],
            "metadata": { "resourceVersion": "12", "continue": "", "remainingItemCount": 3 }, "items": items })
    };
    samples().into_iter().map(list).collect()
}

fn all_events() -> Vec<Value> {
    let event = |object: Value| json!({ "type": "MODIFIED", "object": object });
    let objects = samples().into_iter().flat_map(|(_, objects)| objects);
    let bookmark = json!({ "type": "BOOKMARK", "object": { "kind": "Pod", "apiVersion": "v1", "metadata": {
        "resourceVersion": "15", "annotations": { "k8s.io/initial-events-end": "true" } } } });
    let gone = json!({ "type": "ERROR", "object": { "kind": "Status", "status": "Failure", "reason": "Expired",
        "code": 410, "message": "too old resource version" } });
    objects.map(event).chain([bookmark, gone]).collect()
}
