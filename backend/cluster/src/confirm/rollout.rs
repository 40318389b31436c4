//! Follows pods: what their controllers say of them, until all are as they are to be. No proxy has a part in
//! that.

use super::{DOUBT_WITHIN, watched};
use crate::push::News;
use crate::session::Session;
use mesh::rollout::{Rollout, rollout};
use mesh::{Change, Fact, Problem};
use std::time::Instant;

/// Tells how far the pods have come. Returns what is told at the end; `None` where something else is to be
/// looked at.
pub(super) async fn follow(session: &Session, change: &Change, news: &News) -> Option<Fact> {
    let hub = &session.hub;
    let mut revision = hub.revision.subscribe();
    if rollout(&change.steps, &hub.objects()).is_none() {
        return Some(Fact::Unknowable(later(change)));
    }
    let of_pods = || change.steps.iter().filter(|step| step.is_of_workload());
    // A kind whose list is not in yet is not one that may not be watched.
    let told = |_: &u64| of_pods().all(|step| watched(hub, step).is_some());
    revision.wait_for(told).await.ok()?;
    if let Some(problem) = of_pods().find_map(|step| watched(hub, step)?.err()) {
        return Some(Fact::Unknowable(unwatched(problem)));
    }
    let (mut told, mut doubted) = (None, None);
    let mut moved = Instant::now();
    loop {
        revision.borrow_and_update();
        let now = rollout(&change.steps, &hub.objects())?;
        if told != Some((now.ready, now.of)) {
            let (ready, of, waiting) = (now.ready, now.of, now.waiting.clone());
            news.send(Fact::Rolled { ready, of, waiting }).await;
            (told, doubted, moved) = (Some((ready, of)), None, Instant::now());
        }
        if now.done {
            return Some(Fact::Live);
        }
        let late = moved.elapsed() >= DOUBT_WITHIN;
        let doubt = (late || now.stuck.is_some()).then(|| unready(&now));
        if let Some(problem) = doubt.clone().filter(|doubt| doubted.as_ref() != Some(doubt)) {
            news.send(Fact::Unknowable(problem)).await;
            doubted = doubt;
        }
        let rest = DOUBT_WITHIN.saturating_sub(moved.elapsed());
        tokio::select! {
            changed = revision.changed() => if changed.is_err() { return None },
            () = tokio::time::sleep(rest), if !late => {}
        }
    }
}

fn unready(now: &Rollout) -> Problem {
    let why = now.stuck.clone().unwrap_or_else(|| match now.waiting.as_slice() {
        [] => "The cluster does not say what it waits for".to_owned(),
        waiting => format!("Not ready: {}", waiting.join(", ")),
    });
    Problem::new(
        format!("{} of {} pods are as they are to be", now.ready, now.of),
        why,
        "It is looked at further. Look at the pods and their events, or undo it",
    )
}

/// What only decides about pods that are still to be made.
fn later(change: &Change) -> Problem {
    let names: Vec<String> = change.steps.iter().map(|step| step.at.to_string()).collect();
    Problem::new(
        "It is stored, and counts for pods that are made from now on",
        format!("{} decides when a pod is made: pods that run stay as they are", names.join(", ")),
        "Restart the workloads that are to follow it",
    )
}

fn unwatched(Problem { why, next, .. }: Problem) -> Problem {
    let next = format!("{next}, or look with kubectl rollout status");
    Problem::new("It is stored, and what becomes of the pods cannot be seen", why, next)
}
