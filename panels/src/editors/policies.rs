//! What editors of policies have in common: which policy is edited, and where a new one would hold.

use super::edits::{Scope as AnyScope, Scoped};
use crate::subject::Subject;
use mesh::Kind;
use mesh::edit::mtls::Scope;
use mesh::edit::policy::PolicyAt;

impl AnyScope for PolicyAt {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
}

/// Policies that are still to be made, behind those that there are: for each workload of a subject, its
/// namespace and the mesh. The first of all is what people mean.
pub(super) fn and_new_ones<E: Clone>(
    mut there: Vec<Scoped<PolicyAt, E>>,
    subject: &Subject<'_>,
    kind: &Kind,
    none: &E,
) -> Vec<Scoped<PolicyAt, E>> {
    let Some(first) = subject.workloads.first() else { return Vec::new() };
    let fresh = |scope: Scope, words: String| Scoped {
        words,
        object: kind.kind.to_owned(),
        now: none.clone(),
        present: false,
        usual: false,
        locked: None,
        at: PolicyAt::New(scope),
    };
    there.extend(subject.workloads.iter().map(|one| {
        let (namespace, name) = (one.namespace.to_string(), one.name.to_string());
        let words = format!("a new one for workload {name}…");
        fresh(Scope::Workload(namespace, name), words)
    }));
    let namespace = first.namespace.to_string();
    there.push(fresh(Scope::Namespace(namespace.clone()), format!("a new one for namespace {namespace}…")));
    there.push(fresh(Scope::Mesh, "a new one for the whole mesh…".to_owned()));
    if let Some(first) = there.first_mut() {
        first.usual = true;
    }
    there
}

/// Whether a policy that has come to be is the one that was to be made there.
pub(super) fn is_made(at: &PolicyAt, now: &PolicyAt) -> bool {
    let (PolicyAt::New(scope), PolicyAt::Of(made)) = (at, now) else { return false };
    made.name.starts_with(match scope {
        Scope::Mesh => "mesh-",
        Scope::Namespace(name) | Scope::Workload(_, name) => name,
    })
}
