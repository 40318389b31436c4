//! Whether our own watches show what was stored.

use crate::session::Session;
use mesh::scene::KindState;
use mesh::{Change, Edit, Object, Problem};
use std::time::Duration;

/// How long our own watch may take to show what was stored.
const WITHIN: Duration = Duration::from_secs(10);

/// Waits until our own watches show every stored object.
pub(super) async fn seen(session: &Session, change: &Change, applied: &[Object]) -> Result<(), Problem> {
    let hub = &session.hub;
    let watched =
        |step: &&mesh::Step| matches!(hub.kind(step.at.kind), Some(KindState::Live(_) | KindState::Stale(_)));
    let shown = || {
        change.steps.iter().filter(watched).all(|step| {
            let now = hub.object(&step.at);
            match (&step.edit, now) {
                // A pod is given time to end.
                (Edit::Delete { uid, .. }, Some(now)) => {
                    let leaving = now.0["metadata"].get("deletionTimestamp").is_some();
                    now.0["metadata"]["uid"] != uid.as_str() || leaving
                }
                (Edit::Delete { .. }, None) => true,
                (_, None) => false,
                (_, Some(now)) => {
                    let stored = applied.iter().rev().find(|object| object.at().as_ref() == Some(&step.at));
                    stored.is_none_or(|stored| reached(stored, &now))
                }
            }
        })
    };
    let mut revision = hub.revision.subscribe();
    let waited = tokio::time::timeout(WITHIN, revision.wait_for(|_| shown())).await;
    match waited {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Problem::new(
            "The change is stored but not seen yet",
            format!("Our own watch did not show it within {} s", WITHIN.as_secs()),
            "Look at the state of the connection, then at the object",
        )),
    }
}

/// Whether `now` is what was stored, or newer.
fn reached(stored: &Object, now: &Object) -> bool {
    let number = |object: &Object| object.resource_version().parse::<u64>().ok();
    match (number(stored), number(now)) {
        (Some(stored), Some(now)) => now >= stored,
        _ => now.resource_version() == stored.resource_version() || now.generation() > stored.generation(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(version: &str, generation: i64) -> Object {
        Object::from(json!({ "metadata": { "resourceVersion": version, "generation": generation } }))
    }

    #[test]
    fn what_is_stored_is_seen_when_the_watch_has_come_so_far() {
        assert!(reached(&object("120", 4), &object("120", 4)));
        assert!(reached(&object("99", 4), &object("1000", 5)), "versions are numbers, not text");
        assert!(!reached(&object("120", 4), &object("119", 3)));
        // Versions that are no numbers can only be the same.
        assert!(reached(&object("a7", 4), &object("a7", 4)));
        assert!(reached(&object("a7", 4), &object("b1", 5)));
        assert!(!reached(&object("a7", 4), &object("b1", 4)));
    }
}
