//! The other writer: what people do with kubectl, over HTTP: edit, patch, label, create, delete.

use super::record::{Deed, Record};
use super::{Dice, OBJECTS, bare};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use mesh::demo;
use serde_json::{Value, json};
use std::path::Path;

pub(super) struct Other {
    client: kube::Client,
    /// How often it wrote; every write says which one it was, so that none is like another.
    pub(super) written: usize,
}

impl Other {
    pub(super) async fn of(folder: &Path) -> Self {
        let config = kube::config::Kubeconfig::read_from(folder.join("config")).expect("a kubeconfig");
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(config, &options).await.expect("a config");
        Self { client: kube::Client::try_from(config).expect("a client"), written: 0 }
    }

    /// Does something to one of the objects, or makes it where it is gone.
    pub(super) async fn writes(&mut self, dice: &mut Dice, record: &Record) {
        let (kind, name) = OBJECTS[dice.below(OBJECTS.len())];
        let gvk = GroupVersionKind::gvk(kind.group, "v1", kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), "bookinfo", &resource);
        let (how, what, number) = (dice.below(12), dice.below(4), dice.below(50) as u64 + 1);
        self.written += 1;
        let note = json!({ "other-writer/number": self.written.to_string() });
        let took = |deed| record.took("the other", kind.kind, name, deed);
        // As kubectl edit does, it begins anew when somebody was faster.
        loop {
            let Some(now) = api.get_opt(name).await.expect("it may be read") else {
                let mut object = begun(kind.kind, name);
                object["metadata"]["annotations"] = note.clone();
                let made = serde_json::from_value(object.clone()).expect("an object");
                match api.create(&PostParams::default(), &made).await {
                    Ok(_) => return took(Deed::Create(object)),
                    Err(error) if is(&error, 409) => continue,
                    Err(error) => panic!("{error}"),
                }
            };
            let now = serde_json::to_value(now).expect("an object");
            let (done, deed) = match how {
                0 => match api.delete(name, &DeleteParams::default()).await {
                    Ok(_) => return took(Deed::Delete),
                    Err(error) => (Err(error), Deed::Delete),
                },
                1..=3 => {
                    let labels = json!({ "theirs": number.to_string() });
                    let patch = json!({ "metadata": { "labels": labels, "annotations": note } });
                    let done = api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await;
                    (done, Deed::Merge(patch))
                }
                4 => {
                    let patch = json!([{ "op": "add", "path": "/metadata/annotations", "value": note }]);
                    let patch: json_patch::Patch = serde_json::from_value(patch).expect("a patch");
                    let sent = Patch::Json::<()>(patch.clone());
                    (api.patch(name, &PatchParams::default(), &sent).await, Deed::Patch(patch))
                }
                _ => {
                    let mut wanted = now.clone();
                    let notes = wanted["metadata"].as_object_mut().expect("metadata").entry("annotations");
                    notes
                        .or_insert_with(|| json!({}))
                        .as_object_mut()
                        .expect("notes")
                        .extend(note.as_object().expect("a note").clone());
                    match kind.kind {
                        "VirtualService" => edit_rules(&mut wanted["spec"]["http"], what, number),
                        _ => edit_policy(&mut wanted["spec"], what, number),
                    }
                    let sent = serde_json::from_value(wanted.clone()).expect("an object");
                    let version = now["metadata"]["resourceVersion"].as_str().expect("a version").to_owned();
                    (api.replace(name, &PostParams::default(), &sent).await, Deed::Put(version, wanted))
                }
            };
            match done {
                Ok(_) => return took(deed),
                Err(error) if is(&error, 409) || is(&error, 404) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn is(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// An object as the demo has it, or a plain one.
fn begun(kind: &str, name: &str) -> Value {
    let of_demo = demo::bookinfo_objects();
    let mut objects = of_demo.iter().filter(|(at, _)| at.kind.kind == kind && *at.name == *name);
    if let Some((_, object)) = objects.next() {
        return bare((*object.0).clone());
    }
    let spec = match kind {
        "VirtualService" => {
            json!({ "hosts": [name], "http": [{ "route": [{ "destination": { "host": name } }] }] })
        }
        _ => json!({ "host": name, "trafficPolicy": { "loadBalancer": { "simple": "RANDOM" } } }),
    };
    json!({ "apiVersion": "networking.istio.io/v1", "kind": kind,
        "metadata": { "name": name, "namespace": "bookinfo" }, "spec": spec })
}

fn edit_rules(rules: &mut Value, what: usize, number: u64) {
    let rules = rules.as_array_mut().expect("rules");
    let header = "x-theirs";
    let theirs = |rule: &Value| rule.pointer("/match/0/headers/x-theirs").is_some();
    match what {
        // A rule above all others, or none: what the window knows by its number stands elsewhere.
        0 => match rules.iter().position(theirs) {
            Some(at) => drop(rules.remove(at)),
            None => {
                let mut rule = rules.last().expect("a rule").clone();
                rule["match"] = json!([{ "headers": { header: { "exact": number.to_string() } } }]);
                rules.insert(0, rule);
            }
        },
        1 => {
            let rows = rules.last_mut().and_then(|rule| rule.get_mut("route")).and_then(Value::as_array_mut);
            let weights: Vec<Value> =
                rows.iter().flat_map(|rows| rows.iter().map(|row| row["weight"].clone())).collect();
            if let Some(rows) = rows.filter(|_| weights.iter().all(Value::is_number)) {
                rows.iter_mut()
                    .zip(weights.into_iter().cycle().skip(1))
                    .for_each(|(row, weight)| row["weight"] = weight);
            }
        }
        _ => rules.last_mut().expect("a rule")["timeout"] = format!("{number}s").into(),
    }
}

fn edit_policy(spec: &mut Value, what: usize, number: u64) {
    match (what, spec.get_mut("subsets").and_then(Value::as_array_mut)) {
        (0, Some(subsets)) => subsets.rotate_left(1),
        (1, _) => spec["trafficPolicy"]["outlierDetection"]["consecutive5xxErrors"] = number.into(),
        _ => spec["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"] = number.into(),
    }
}
