//! Whether our own watches show what was stored.

use crate::hub::Hub;
use crate::session::Session;
use mesh::ledger::stands;
use mesh::scene::KindState;
use mesh::{Change, Edit, Object, Problem, Step};
use std::time::Duration;

/// How long our own watch may take to show what was stored.
const WITHIN: Duration = Duration::from_secs(10);

/// Why it was not seen.
pub(super) enum Unseen {
    /// It may be seen: the watch has not shown it yet.
    Late(Problem),
    /// Some object of it cannot be seen.
    Hidden(Problem),
}

impl Unseen {
    pub(super) fn into_problem(self) -> Problem {
        match self {
            Self::Late(problem) | Self::Hidden(problem) => problem,
        }
    }
}

/// Whether the object of a step is watched, or why it is not; `None`: its kind has not answered yet.
pub(crate) fn watched(hub: &Hub, step: &Step) -> Option<Result<(), Problem>> {
    match hub.kind(step.at.kind)? {
        KindState::Waiting => None,
        KindState::Denied(problem) => Some(Err(problem)),
        KindState::Missing => Some(Err(Problem::new(
            format!("{} cannot be watched", step.at.kind.plural),
            "The cluster does not serve them now",
            "Look whether their CustomResourceDefinition is there",
        ))),
        KindState::Live(_) | KindState::Stale(_) => {
            Some(hub.hidden(step.at.kind, &step.at.namespace).map_or(Ok(()), Err))
        }
    }
}

/// Waits until our own watches show every stored object. Where nobody knows any more what was stored
/// (`applied` is empty), they show that it stands.
pub(super) async fn seen(session: &Session, change: &Change, applied: &[Object]) -> Result<(), Unseen> {
    let hub = &session.hub;
    let mut revision = hub.revision.subscribe();
    let mut hidden = None;
    let shown = |_: &u64| {
        let mut all = true;
        for step in &change.steps {
            match watched(hub, step) {
                Some(Ok(())) => all &= is_shown(step, applied, hub.object(&step.at).as_ref()),
                Some(Err(problem)) => {
                    hidden = Some(problem);
                    return true;
                }
                None => all = false,
            }
        }
        all
    };
    let waited = tokio::time::timeout(WITHIN, revision.wait_for(shown)).await;
    match (hidden, waited) {
        (Some(Problem { why, next, .. }), _) => {
            Err(Unseen::Hidden(Problem::new("It is stored, and whether it stands cannot be seen", why, next)))
        }
        (None, Ok(Ok(_))) => Ok(()),
        _ => Err(Unseen::Late(Problem::new(
            "The change is stored but not seen yet",
            format!("Our own watch did not show it within {} s", WITHIN.as_secs()),
            "Look at the state of the connection, then at the object",
        ))),
    }
}

/// Whether an object as our watch has it shows what was stored of a step.
fn is_shown(step: &Step, applied: &[Object], now: Option<&Object>) -> bool {
    let stored = applied.iter().rev().find(|object| object.at().as_ref() == Some(&step.at));
    match (&step.edit, stored, now) {
        (Edit::Delete { .. }, _, now) => step.is_gone(now),
        (_, _, None) => false,
        (_, Some(stored), Some(now)) => reached(stored, now),
        (_, None, Some(now)) => stands(step, Some(now)),
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
    use crate::write::lost_tests::{object as written, weight};
    use crate::write::tests::session_with;
    use mesh::{Kind, Observation, kinds};
    use serde_json::json;
    use std::sync::Arc;

    const KIND: &Kind = &kinds::VIRTUAL_SERVICE;

    fn session() -> Arc<Session> {
        let (service, _server) =
            tower_test::mock::pair::<http::Request<kube::client::Body>, http::Response<kube::client::Body>>();
        session_with(kube::Client::new(service, "default"))
    }

    fn listed(session: &Session, weight: u32) {
        let object = Object::from(written(KIND, json!({ "weight": weight })));
        let at = object.at().expect("a name");
        session.hub.take(Observation::Listed(KIND, String::new(), [(at, object)].into()));
    }

    /// After a connection was lost nobody knows which version was stored: that it is there says nothing.
    #[tokio::test(start_paused = true)]
    async fn what_is_not_watched_yet_is_waited_for() {
        let session = session();
        let change = weight();
        session.hub.take(Observation::Awaited(KIND, String::new()));
        let mut waiting = std::pin::pin!(seen(&session, &change, &[]));
        assert!(futures::poll!(&mut waiting).is_pending(), "no list is in yet");
        listed(&session, 10);
        assert!(futures::poll!(&mut waiting).is_pending(), "it is there, and says what it said before");
        listed(&session, 25);
        assert!(waiting.await.is_ok());
        // The watch begins anew, and nothing has changed.
        session.hub.take(Observation::Awaited(KIND, String::new()));
        let mut waiting = std::pin::pin!(seen(&session, &change, &[]));
        assert!(futures::poll!(&mut waiting).is_pending());
        listed(&session, 25);
        assert!(tokio::time::timeout(WITHIN / 2, waiting).await.expect("in time").is_ok());
        listed(&session, 10);
        assert!(matches!(seen(&session, &change, &[]).await, Err(Unseen::Late(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_not_be_watched_is_not_seen() {
        let session = session();
        let change = weight();
        let why = Problem::new("what", "This login may not list them", "next");
        let only = Observation::Only(KIND, ["pay".to_owned()].into(), why.clone());
        let elsewhere = [
            Observation::Awaited(KIND, "pay".into()),
            Observation::Listed(KIND, "pay".into(), [].into()),
            only,
        ];
        let denied = [Observation::Kind(KIND, KindState::Denied(why))];
        for told in [Vec::from(denied), Vec::from(elsewhere)] {
            told.into_iter().for_each(|told| session.hub.take(told));
            let Err(Unseen::Hidden(problem)) = seen(&session, &change, &[]).await else { panic!("not seen") };
            assert_eq!(problem.why, "This login may not list them");
        }
        session.hub.take(Observation::Kind(KIND, KindState::Missing));
        assert!(matches!(seen(&session, &change, &[]).await, Err(Unseen::Hidden(_))));
    }

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
