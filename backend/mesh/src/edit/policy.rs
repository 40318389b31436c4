//! Policies that hold for workloads by selector, namespace or target: which of them do, and where a new one
//! would.

use super::mtls::{Scope, selector};
use crate::plan::{Part, Plan};
use crate::{Kind, Mesh, Object, Ref, Workload};
use istio::attach::{Attach, Attached, GATEWAY_NAME};
use istio::views;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A policy, or the place of one that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PolicyAt {
    /// One that is there.
    Of(Ref),
    /// One for all workloads of this scope.
    New(Scope),
}

/// A policy with what was read of it.
#[derive(Clone, Debug)]
pub struct Read<T> {
    /// Its name.
    pub at: Ref,
    /// Since when it is there.
    pub created: String,
    /// Its object.
    pub object: Object,
    /// What it says; nothing where that cannot be read.
    pub spec: T,
}

impl<T> istio::Config for Read<T> {
    type Spec = T;
    fn namespace(&self) -> &str {
        &self.at.namespace
    }
    fn name(&self) -> &str {
        &self.at.name
    }
    fn created(&self) -> &str {
        &self.created
    }
    fn spec(&self) -> &T {
        &self.spec
    }
}

impl<T: DeserializeOwned + Default> Read<T> {
    /// One that can be read.
    pub fn of(at: &Ref, object: &Object) -> Option<Self> {
        let (created, spec) = (object.created().to_owned(), views::read(object).ok()?);
        Some(Self { at: at.clone(), created, object: object.clone(), spec })
    }
}

impl<T: Attach> Read<T> {
    /// Where it holds.
    pub fn attached(&self) -> Attached<'_> {
        self.spec.attached(&self.at.namespace)
    }
    /// Whether it holds for a workload.
    pub fn holds(&self, mesh: &Mesh, workload: &Workload) -> bool {
        self.attached().holds(mesh.root_namespace(), &workload.namespace, &workload.labels)
    }
    /// The workloads that it holds for.
    pub fn workloads<'a>(&self, mesh: &'a Mesh) -> Vec<&'a Workload> {
        mesh.workloads().filter(|workload| self.holds(mesh, workload)).collect()
    }
}

/// All policies of a kind that can be read, the oldest first.
pub fn all<T: DeserializeOwned + Default>(mesh: &Mesh, kind: &'static Kind) -> Vec<Read<T>> {
    let mut all: Vec<Read<T>> =
        mesh.objects().of_kind(kind).filter_map(|(at, object)| Read::of(at, object)).collect();
    all.sort_by(istio::precedence::by_age);
    all
}

/// Policies of a kind that concern these workloads: those that hold for one of them, and those that name
/// this service.
pub fn concerning<T>(
    mesh: &Mesh,
    kind: &'static Kind,
    workloads: &[&Workload],
    service: Option<(&str, &str)>,
) -> Vec<Read<T>>
where
    T: DeserializeOwned + Default + Attach,
{
    let names = |policy: &Read<T>| {
        let mut targets = policy.attached().targets();
        service.is_some_and(|(namespace, name)| {
            *policy.at.namespace == *namespace
                && targets.any(|target| target.kind == "Service" && target.name == name)
        })
    };
    let mut found = all(mesh, kind);
    found.retain(|policy: &Read<T>| {
        workloads.iter().any(|workload| policy.holds(mesh, workload)) || names(policy)
    });
    found
}

/// For whom a policy holds, in words: "workloads with app = reviews in bookinfo".
pub fn for_whom(attached: &Attached<'_>, root: &str) -> String {
    let targets: Vec<String> =
        attached.targets().map(|target| format!("{} {}", target.kind, target.name)).collect();
    if !targets.is_empty() {
        return targets.join(", ");
    }
    match attached.selects().labels() {
        Some(labels) => {
            let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            let place = if attached.namespace == root { "everywhere" } else { attached.namespace };
            format!("{} in {place}", labels.join(", "))
        }
        None if attached.namespace == root => "the whole mesh".to_owned(),
        None => format!("namespace {}", attached.namespace),
    }
}

/// Makes a policy for all workloads of a scope; `word` tells it from other policies for the same
/// ("reviews-v1-access").
pub fn fresh(
    plan: &mut Plan<'_>,
    kind: &'static Kind,
    scope: &Scope,
    word: &str,
    spec: Value,
) -> Option<Ref> {
    let mesh = plan.mesh();
    let (namespace, name, chooses) = match scope {
        Scope::Mesh => (mesh.root_namespace(), format!("mesh-{word}"), None),
        Scope::Namespace(namespace) => (namespace.as_str(), format!("{namespace}-{word}"), None),
        Scope::Workload(namespace, name) => {
            let workload = mesh.workload(namespace, name)?;
            let labels = match workload.labels.get(GATEWAY_NAME) {
                Some(gateway) => json!({ GATEWAY_NAME: gateway }),
                None => json!(selector(mesh, workload)),
            };
            (namespace.as_str(), format!("{name}-{word}"), Some(json!({ "matchLabels": labels })))
        }
    };
    let mut whole = json!({});
    if let Some(labels) = chooses {
        whole["selector"] = labels;
    }
    for (key, value) in spec.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    plan.create(kind, namespace, [&name, &format!("{name}-2")], whole)
}

/// Names of the proxies of workloads.
pub fn proxies(workloads: &[&Workload]) -> Vec<String> {
    workloads.iter().flat_map(|workload| workload.proxies()).collect()
}

/// Makes a policy's list of rules into these.
pub(super) fn rows(object: &mut Part<'_>, path: &str, wanted: &[Value]) {
    let was = object.get(path).cloned().unwrap_or_default();
    object.follow(path, &was, &Value::Array(wanted.to_vec()));
}
