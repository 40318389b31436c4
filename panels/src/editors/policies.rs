//! What editors of policies have in common: which policy is edited, and where a new one would hold.

use super::edits::{Scope as AnyScope, Scoped};
use super::form::{Form, Told};
use crate::subject::Subject;
use mesh::edit::mtls::Scope;
use mesh::edit::policy::{PolicyAt, targets};
use mesh::{Kind, Mesh, SchemaOf};

impl AnyScope for PolicyAt {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
}

/// Policies that are still to be made, behind those that there are: for each workload of a subject, its
/// namespace and the mesh, and for what policies can name. The first of all is what people mean.
pub(super) fn and_new_ones<E: Clone>(
    mesh: &Mesh,
    mut there: Vec<Scoped<PolicyAt, E>>,
    subject: &Subject<'_>,
    kind: &Kind,
    none: &E,
) -> Vec<Scoped<PolicyAt, E>> {
    let Some(first) = subject.workloads.first() else { return Vec::new() };
    let fresh = |at: PolicyAt, words: String| Scoped {
        words,
        object: kind.kind.to_owned(),
        now: none.clone(),
        present: false,
        usual: false,
        locked: None,
        at,
    };
    there.extend(subject.workloads.iter().map(|one| {
        let (namespace, name) = (one.namespace.to_string(), one.name.to_string());
        let words = format!("a new one for workload {name}…");
        fresh(PolicyAt::New(Scope::Workload(namespace, name)), words)
    }));
    let namespace = first.namespace.to_string();
    let wide = PolicyAt::New(Scope::Namespace(namespace.clone()));
    there.push(fresh(wide, format!("a new one for namespace {namespace}…")));
    there.push(fresh(PolicyAt::New(Scope::Mesh), "a new one for the whole mesh…".to_owned()));
    there.extend(targets(mesh, &subject.workloads, subject.service).into_iter().map(|named| {
        let words = format!("a new one for {} {}…", named.kind, named.name);
        fresh(PolicyAt::For(named), words)
    }));
    if let Some(first) = there.first_mut() {
        first.usual = true;
    }
    there
}

/// Whether a policy that has come to be is the one that was to be made there.
pub(super) fn is_made(at: &PolicyAt, now: &PolicyAt) -> bool {
    let PolicyAt::Of(made) = now else { return false };
    made.name.starts_with(match at {
        PolicyAt::Of(_) => return false,
        PolicyAt::New(Scope::Mesh) => "mesh-",
        PolicyAt::New(Scope::Namespace(name) | Scope::Workload(_, name)) => name,
        PolicyAt::For(named) => named.name.as_str(),
    })
}

/// Says where policies cannot name what they are for; whether it did.
pub(super) fn cannot_name(at: &PolicyAt, form: &mut Form<'_>) -> bool {
    let known = form.schema().filter(|_| matches!(at, PolicyAt::For(_)));
    let Some(missing) = known.filter(|known| known.tells("targetRefs") == Told::Missing) else {
        return false;
    };
    let what = missing.missing("targetRefs");
    form.warning(&what, "A policy can be for what it names only where there is this field", "");
    true
}

/// Whether objects of a kind have a field of their spec in this cluster; as far as its schema is not known,
/// they do.
pub(super) fn has_field(form: &Form<'_>, kind: &'static Kind, field: &str) -> bool {
    let api_version = format!("{}/{}", kind.group, kind.versions.first().unwrap_or(&"v1"));
    let schema = form.cx().reads.schema(&SchemaOf { kind, api_version });
    schema.value().is_none_or(|schema| schema.at(["spec", field]).is_some())
}
