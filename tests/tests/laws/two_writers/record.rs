//! What the server has stored, version by version, and who says to have written it: each version of an object
//! is one write of one of the two, wholly and with nothing else, and each write that was taken is a version.

use super::OBJECTS;
use apiserver::{Store, WatchEvent};
use json_patch::Patch;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc;

/// What the server has taken of somebody.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Operations of a JSON patch, guards and all.
    Patch(Patch),
    /// A merge patch.
    Merge(Value),
    /// The whole object, in the place of this version.
    Put(String, Value),
    Create(Value),
    Delete,
}

/// A write of an object that the server has taken.
#[derive(Clone, Debug)]
struct Write {
    who: &'static str,
    kind: String,
    name: String,
    deed: Deed,
}

/// Versions and writes.
pub(super) struct Record {
    writes: Mutex<Vec<Write>>,
    versions: tokio::sync::Mutex<mpsc::Receiver<WatchEvent>>,
    first: Vec<Value>,
    follower: tokio::task::JoinHandle<()>,
}

/// What people write of an object.
pub(super) fn written(object: &Value) -> [Value; 3] {
    ["/spec", "/metadata/labels", "/metadata/annotations"]
        .map(|part| object.pointer(part).cloned().unwrap_or_default())
}

fn is_watched(object: &Value) -> bool {
    OBJECTS.iter().any(|(kind, name)| {
        object["kind"] == kind.kind
            && object["metadata"]["name"] == *name
            && object["metadata"]["namespace"] == "bookinfo"
    })
}

impl Record {
    pub(super) async fn begin(store: &Store) -> Self {
        let mut watch = store.watch();
        let WatchEvent::Reset { objects, .. } = watch.next().await else { panic!("no snapshot") };
        let first =
            objects.iter().filter(|object| is_watched(object)).map(|object| (**object).clone()).collect();
        let (sender, versions) = mpsc::channel(4096);
        let follower = tokio::spawn(async move {
            loop {
                let event = watch.next().await;
                let (WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object)) =
                    &event
                else {
                    panic!("versions were missed")
                };
                if is_watched(object) && sender.send(event).await.is_err() {
                    return;
                }
            }
        });
        Self { writes: Mutex::default(), versions: tokio::sync::Mutex::new(versions), first, follower }
    }

    /// The server has taken this.
    pub(super) fn took(&self, who: &'static str, kind: &str, name: &str, deed: Deed) {
        let write = Write { who, kind: kind.to_owned(), name: name.to_owned(), deed };
        self.writes.lock().expect("nobody broke off").push(write);
    }

    /// Holds each version against the writes; returns how many there are of each.
    pub(super) async fn end(&self, store: &Store) -> BTreeMap<&'static str, usize> {
        let mut left = std::mem::take(&mut *self.writes.lock().expect("nobody broke off"));
        let mut versions = self.versions.lock().await;
        let mut now = self.first.clone();
        let mut counted = BTreeMap::new();
        // What the server has last is what the versions end with.
        let is = |now: &[Value], object: &Value| {
            now.iter().any(|one| one["metadata"]["uid"] == object["metadata"]["uid"] && one == object)
        };
        loop {
            let last: Vec<_> =
                OBJECTS.iter().filter_map(|(kind, name)| store.get(kind.kind, "bookinfo", name)).collect();
            if last.len() == now.len() && last.iter().all(|object| is(&now, object)) {
                break;
            }
            let event =
                tokio::time::timeout(Duration::from_secs(10), versions.recv()).await.expect("all versions");
            let (before, after) = match event.expect("a follower") {
                WatchEvent::Added(object) => (None, Some((*object).clone())),
                WatchEvent::Modified(object) => (find(&mut now, &object), Some((*object).clone())),
                WatchEvent::Deleted(object) => (find(&mut now, &object), None),
                WatchEvent::Reset { .. } => panic!("versions were missed"),
            };
            let of = before.as_ref().or(after.as_ref()).expect("an object").clone();
            let whose = left.iter().position(|write| {
                of["kind"] == write.kind
                    && of["metadata"]["name"] == write.name
                    && write.makes(before.as_ref(), after.as_ref())
            });
            let Some(whose) = whose else {
                panic!(
                    "nobody has written this, or it has lost something:\n{before:#?}\n{after:#?}\n{left:#?}"
                )
            };
            *counted.entry(left.remove(whose).who).or_default() += 1;
            now.extend(after);
        }
        self.follower.abort();
        assert!(left.is_empty(), "lost: {left:#?}");
        counted
    }
}

/// Takes out what there was of this object.
fn find(now: &mut Vec<Value>, object: &Value) -> Option<Value> {
    let at = now.iter().position(|one| one["metadata"]["uid"] == object["metadata"]["uid"])?;
    Some(now.remove(at))
}

impl Write {
    /// Whether it makes just this of an object.
    fn makes(&self, before: Option<&Value>, after: Option<&Value>) -> bool {
        match (&self.deed, before, after) {
            (Deed::Create(object), None, Some(after)) => written(object) == written(after),
            (Deed::Delete, Some(_), None) => true,
            (Deed::Put(version, object), Some(before), Some(after)) => {
                before["metadata"]["resourceVersion"] == version.as_str() && written(object) == written(after)
            }
            (Deed::Merge(patch), Some(before), Some(after)) => {
                let mut made = before.clone();
                json_patch::merge(&mut made, patch);
                written(&made) == written(after)
            }
            (Deed::Patch(patch), Some(before), Some(after)) => {
                let mut made = before.clone();
                json_patch::patch(&mut made, patch).is_ok() && written(&made) == written(after)
            }
            _ => false,
        }
    }
}
