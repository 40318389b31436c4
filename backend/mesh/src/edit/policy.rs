//! Policies that hold for workloads by selector, namespace or target: which of them do, and where a new one
//! would.

use super::mtls::{Scope, selector};
use crate::plan::{Part, Plan};
use crate::{Kind, Mesh, Object, Ref, Workload};
use istio::attach::{Attach, Attached, GATEWAY_NAME};
use istio::{kinds, views};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// A policy, or the place of one that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PolicyAt {
    /// One that is there.
    Of(Ref),
    /// One for all workloads of this scope.
    New(Scope),
    /// One for something that it names.
    For(Named),
}

impl PolicyAt {
    /// For whom a new one is; nothing of one that is there.
    pub fn whom(&self) -> String {
        match self {
            Self::Of(_) => String::new(),
            Self::New(scope) => scope.to_string(),
            Self::For(named) => format!("{} {}", named.kind, named.name),
        }
    }

    /// The namespace of a new one, where it has one of its own.
    pub fn near(&self) -> Option<&str> {
        match self {
            Self::New(Scope::Namespace(of) | Scope::Workload(of, _)) => Some(of),
            Self::For(named) => Some(&named.namespace),
            Self::New(Scope::Mesh) | Self::Of(_) => None,
        }
    }
}

/// What a policy is for by its `targetRefs`, in its own namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Named {
    /// The namespace of both.
    pub namespace: String,
    /// API group, "" for core.
    pub group: &'static str,
    /// "Gateway".
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// The label by which a service or a namespace says which waypoint takes its calls.
const WAYPOINT: &str = "istio.io/use-waypoint";

/// What a new policy can name: the Gateways of the Gateway API whose pods these workloads are; a service whose
/// calls a waypoint takes, and all waypoints.
pub fn targets(mesh: &Mesh, workloads: &[&Workload], service: Option<&crate::Service>) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    for workload in workloads {
        let Some(gateway) = workload.labels.get(GATEWAY_NAME) else { continue };
        let (namespace, name) = (workload.namespace.to_string(), gateway.clone());
        let named = Named { namespace, group: kinds::API_GATEWAY.group, kind: "Gateway", name };
        if !all.contains(&named) {
            all.push(named);
        }
    }
    let waypoint = |at: &Ref| {
        let label = mesh.objects().get(at)?.labels().remove(WAYPOINT)?;
        Some(label != "none")
    };
    if let Some(service) = service {
        let namespace = Ref::new(&kinds::NAMESPACE, "", &service.namespace);
        if waypoint(&service.at).or_else(|| waypoint(&namespace)).unwrap_or(false) {
            let (group, kind) = (service.at.kind.group, service.at.kind.kind);
            let of = |namespace: &str, group, kind, name: &str| Named {
                namespace: namespace.to_owned(),
                group,
                kind,
                name: name.to_owned(),
            };
            all.push(of(&service.namespace, group, kind, &service.at.name));
            let class = (kinds::API_GATEWAY.group, "GatewayClass", "istio-waypoint");
            all.push(of(mesh.root_namespace(), class.0, class.1, class.2));
        }
    }
    all
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

/// Makes a policy where a new one is to be; `word` tells it from other policies for the same.
pub fn made(plan: &mut Plan<'_>, kind: &'static Kind, at: &PolicyAt, word: &str, spec: Value) -> Option<Ref> {
    match at {
        PolicyAt::Of(_) => None,
        PolicyAt::New(scope) => fresh(plan, kind, scope, word, spec),
        PolicyAt::For(Named { namespace, group, kind: of, name }) => {
            let mut whole = json!({ "targetRefs": [{ "group": group, "kind": of, "name": name }] });
            for (key, value) in spec.as_object().into_iter().flatten() {
                whole[key] = value.clone();
            }
            let name = format!("{name}-{word}");
            plan.create(kind, namespace, [&name, &format!("{name}-2")], whole)
        }
    }
}

/// Makes a policy for all workloads of a scope; `word` tells it from other policies for the same
/// ("reviews-v1-access").
fn fresh(plan: &mut Plan<'_>, kind: &'static Kind, scope: &Scope, word: &str, spec: Value) -> Option<Ref> {
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
