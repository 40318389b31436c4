//! How far a change of workloads has come: of pods, not of proxies.

use mesh::ledger::Entry;
use mesh::{Object, Stage, Step};

/// Whether it is told of pods how far a change has come.
pub(crate) fn are_told(entry: &Entry) -> bool {
    let last = matches!(entry.stage, Stage::Rolling { .. }) || entry.change.evidence.probes.is_empty();
    entry.change.is_of_workloads() && last
}

/// Pods that are as they are to be, of those that there are to be, and in which words.
pub(crate) fn ready(entry: &Entry) -> Option<(usize, usize, &'static str)> {
    let template =
        |object: Option<&Object>| object.and_then(|object| object.0.pointer("/spec/template").cloned());
    let replaces = |step: &Step| template(step.before.as_ref()) != template(step.after.as_ref());
    let new = entry.change.steps.iter().any(replaces);
    let over = matches!(entry.stage, Stage::Failed(_) | Stage::Replaced(..));
    let (ready, of) = entry.rolled.filter(|_| !over)?;
    Some((ready, of, if new { "new pods ready" } else { "pods ready" }))
}
