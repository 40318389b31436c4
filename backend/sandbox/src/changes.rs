//! Which namespaces have changed: what follows the objects reads those again, and leaves the others alone.

use apiserver::{Store, Watch, WatchEvent};
use futures::FutureExt;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Follows the objects of some kinds.
pub(crate) struct Changes {
    news: Watch,
    kinds: &'static [&'static str],
    changed: BTreeSet<String>,
    /// Every namespace that was named so far.
    known: BTreeSet<String>,
}

impl Changes {
    /// From now on. The first answer names every namespace.
    pub(crate) fn follow(store: &Store, kinds: &'static [&'static str]) -> Self {
        Self { news: store.watch(), kinds, changed: BTreeSet::new(), known: BTreeSet::new() }
    }

    /// The namespaces in which something changed since the last time, as soon as there are any; changes that
    /// follow within `settle` are part of the same answer. A Namespace is in itself, what is in none is in
    /// "". May be dropped and called again without losing anything.
    pub(crate) async fn next(&mut self, settle: Duration) -> BTreeSet<String> {
        while self.changed.is_empty() {
            let event = self.news.next().await;
            self.note(&event);
        }
        let until = Instant::now() + settle;
        while let Ok(event) = timeout_at(until, self.news.next()).await {
            self.note(&event);
        }
        self.taken()
    }

    /// What has changed so far; the first time, every namespace.
    pub(crate) fn so_far(&mut self) -> BTreeSet<String> {
        self.keep_up();
        self.taken()
    }

    /// Reads what has happened meanwhile, so that its history need not be kept.
    pub(crate) fn keep_up(&mut self) {
        while let Some(event) = self.news.next().now_or_never() {
            self.note(&event);
        }
    }

    fn taken(&mut self) -> BTreeSet<String> {
        self.known.extend(self.changed.iter().cloned());
        std::mem::take(&mut self.changed)
    }

    fn note(&mut self, event: &WatchEvent) {
        match event {
            WatchEvent::Reset { objects, .. } => {
                // Of those that are empty by now nothing is left to tell.
                self.changed.extend(self.known.iter().cloned());
                objects.iter().for_each(|object| self.mark(object));
            }
            WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) => {
                self.mark(object);
            }
        }
    }

    fn mark(&mut self, object: &Arc<Value>) {
        let text = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let kind = text("/kind");
        if self.kinds.contains(&kind) {
            let namespace = text(if kind == "Namespace" { "/metadata/name" } else { "/metadata/namespace" });
            if !self.changed.contains(namespace) {
                self.changed.insert(namespace.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn changes_are_told_by_namespace() {
        let store = Store::new();
        let object = |kind: &str, namespace: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}});
        store.create(object("Pod", "one", "a")).unwrap();
        let mut changes = Changes::follow(&store, &["Pod", "Namespace"]);
        let all = changes.next(Duration::ZERO).await;
        assert!(all.contains("one") && all.contains("kube-system"), "{all:?}");
        store.create(object("ConfigMap", "three", "b")).unwrap();
        store.create(object("Pod", "two", "b")).unwrap();
        store.delete("Pod", "one", "a").unwrap();
        changes.keep_up();
        assert_eq!(changes.next(Duration::ZERO).await, BTreeSet::from(["one".into(), "two".into()]));
    }

    #[tokio::test]
    async fn who_was_too_slow_reads_every_namespace_that_it_knew() {
        let store = Store::with_history(1);
        let pod = |name: &str| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": name}});
        store.create(pod("one")).unwrap();
        let mut changes = Changes::follow(&store, &["Pod"]);
        changes.next(Duration::ZERO).await;
        store
            .ended("one", "one", store.get("Pod", "one", "one").unwrap()["metadata"]["uid"].as_str().unwrap())
            .unwrap();
        store.create(pod("two")).unwrap();
        assert_eq!(changes.next(Duration::ZERO).await, BTreeSet::from(["one".into(), "two".into()]));
    }
}
