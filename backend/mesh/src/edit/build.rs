//! What all edits are made of: steps with guards, the words for a managed object, JSON in Istio's forms.

use crate::Mesh;
use crate::change::{Edit, Step};
use istio::{Kind, Object, Ref};
use serde_json::{Value, json};

/// JSON patch operations under way.
#[derive(Default)]
pub(super) struct Ops(Vec<Value>);

impl Ops {
    /// The user saw this value here.
    pub(super) fn saw(&mut self, path: &str, value: &Value) {
        self.0.push(json!({ "op": "test", "path": path, "value": value }));
    }
    pub(super) fn add(&mut self, path: &str, value: Value) {
        self.0.push(json!({ "op": "add", "path": path, "value": value }));
    }
    pub(super) fn replace(&mut self, path: &str, value: Value) {
        self.0.push(json!({ "op": "replace", "path": path, "value": value }));
    }
    pub(super) fn remove(&mut self, path: &str) {
        self.0.push(json!({ "op": "remove", "path": path }));
    }

    /// The step that does this to an object of the mesh; `None` when it does nothing or does not fit.
    pub(super) fn step(self, mesh: &Mesh, at: &Ref) -> Option<Step> {
        if self.0.iter().all(|op| op.get("op").and_then(Value::as_str) == Some("test")) {
            return None;
        }
        let patch: json_patch::Patch = serde_json::from_value(Value::Array(self.0)).ok()?;
        let before = mesh.objects().get(at)?.clone();
        let mut after = (*before.0).clone();
        json_patch::patch(&mut after, &patch).ok()?;
        Some(Step {
            at: at.clone(),
            api_version: written_as(mesh, at, &before),
            edit: Edit::Patch(patch),
            before: Some(before),
            after: Some(after.into()),
        })
    }
}

/// The step that creates an object with this spec.
pub(super) fn create(mesh: &Mesh, at: &Ref, spec: Value) -> Step {
    let api_version = api_version(mesh, at);
    let object = json!({
        "apiVersion": api_version,
        "kind": at.kind.kind,
        "metadata": { "name": &*at.name, "namespace": &*at.namespace },
        "spec": spec,
    });
    Step {
        at: at.clone(),
        api_version,
        edit: Edit::Create(object.clone()),
        before: None,
        after: Some(object.into()),
    }
}

/// The step that deletes an object as the user saw it.
pub(super) fn delete(mesh: &Mesh, at: &Ref) -> Option<Step> {
    let before = mesh.objects().get(at)?.clone();
    let uid = before.0.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = before.resource_version();
    let resource_version = (!version.is_empty()).then(|| version.to_owned());
    let api_version = written_as(mesh, at, &before);
    Some(Step {
        at: at.clone(),
        api_version,
        edit: Edit::Delete { uid, resource_version },
        before: Some(before),
        after: None,
    })
}

fn written_as(mesh: &Mesh, at: &Ref, object: &Object) -> String {
    let own = object.0.get("apiVersion").and_then(Value::as_str);
    own.map_or_else(|| api_version(mesh, at), str::to_owned)
}

/// The version by which the cluster gives objects of this kind; the best we know where it has none yet.
fn api_version(mesh: &Mesh, at: &Ref) -> String {
    let seen = mesh.objects().iter().find(|(other, _)| other.kind == at.kind);
    let seen = seen.and_then(|(_, object)| object.0.get("apiVersion").and_then(Value::as_str));
    let best = || format!("{}/{}", at.kind.group, at.kind.versions.first().unwrap_or(&"v1"));
    seen.map_or_else(best, str::to_owned)
}

/// A name that no object of this kind has in the namespace yet.
pub(super) fn free_name(mesh: &Mesh, kind: &'static Kind, namespace: &str, names: [&str; 2]) -> Option<Ref> {
    let wished = names.into_iter().map(str::to_owned);
    let more = (2..100).map(|number| format!("{}-{number}", names[1]));
    wished.chain(more).map(|name| Ref::new(kind, namespace, &name)).find(|at| !mesh.objects().contains(at))
}

/// What the user should know of who else writes these objects.
pub(super) fn managed(steps: &[Step]) -> Vec<String> {
    let seen = steps.iter().filter_map(|step| Some((&step.at, step.before.as_ref()?)));
    seen.filter_map(|(at, object)| {
        let label = |key: &str| object.label(key);
        let note = |key: &str| object.annotation(key);
        let starts = |prefix: &str| {
            let labels = object.labels();
            labels.keys().chain(object.annotations().keys()).any(|key| key.starts_with(prefix))
        };
        if starts("argocd.argoproj.io/") {
            Some(format!("Argo CD manages {at}: it may put the old state back until Git has the change too"))
        } else if starts("kustomize.toolkit.fluxcd.io/") || starts("helm.toolkit.fluxcd.io/") {
            Some(format!("Flux manages {at}: it puts the old state back until Git has the change too"))
        } else if label("app.kubernetes.io/managed-by") == Some("Helm") || starts("meta.helm.sh/") {
            let release =
                note("meta.helm.sh/release-name").map_or_else(String::new, |name| format!(" release {name}"));
            Some(format!("Helm{release} manages {at}: the next upgrade may put the old state back"))
        } else {
            None
        }
    })
    .collect()
}

/// A number as people write it: 100, not 100.0.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e9 { json!(value as i64) } else { json!(value) }
}

/// "80 %", "0.5 %".
pub(super) fn percent(value: f64) -> String {
    format!("{} %", (value * 10_000.0).round() / 10_000.0)
}
