//! What the controllers look at, and what they may do about it.

use istio::{Labels, Object};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The objects of one namespace at one moment, by kind, in the order of their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) namespace: Option<Object>,
    pub(crate) service_accounts: Vec<Object>,
    pub(crate) config_maps: Vec<Object>,
    pub(crate) services: Vec<Object>,
    pub(crate) deployments: Vec<Object>,
    pub(crate) replica_sets: Vec<Object>,
    pub(crate) stateful_sets: Vec<Object>,
    pub(crate) daemon_sets: Vec<Object>,
    pub(crate) pods: Vec<Object>,
    pub(crate) endpoint_slices: Vec<Object>,
    pub(crate) endpoints: Vec<Object>,
}

/// Objects by whom they belong to.
pub(crate) struct Belongings<'a> {
    /// By the uid of the controller that owns them.
    owned: HashMap<&'a str, Vec<&'a Object>>,
    /// Those that nobody controls.
    orphans: Vec<&'a Object>,
}

impl<'a> Belongings<'a> {
    pub(crate) fn of(objects: &'a [Object]) -> Self {
        let mut all = Self { owned: HashMap::new(), orphans: Vec::new() };
        for object in objects {
            match owner(object) {
                Some(owner) => all.owned.entry(owner).or_default().push(object),
                None => all.orphans.push(object),
            }
        }
        all
    }

    /// What a workload owns or may take in.
    pub(crate) fn of_interest_to(&self, workload: &Object) -> Vec<Object> {
        let owned = self.owned.get(uid(workload)).into_iter().flatten();
        owned.chain(&self.orphans).map(|object| (*object).clone()).collect()
    }
}

/// One step towards what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Makes an object.
    Create(Value),
    /// Writes an object that was read and changed; refused when somebody else was faster, and then seen
    /// again.
    Replace(Value),
    /// Removes an object.
    Delete(Object),
    /// Tells about it.
    Tell(News),
}

/// An Event about an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct News {
    pub(crate) about: Object,
    /// "Normal" or "Warning".
    pub(crate) kind: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// Which part of the cluster says so.
    pub(crate) source: &'static str,
}

/// An object's identity, which survives no deletion.
pub(crate) fn uid(object: &Object) -> &str {
    object.0.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default()
}

/// Whether somebody asked for its deletion.
pub(crate) fn ending(object: &Object) -> bool {
    object.0.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null())
}

/// The uid of the controller that owns it.
pub(crate) fn owner(object: &Object) -> Option<&str> {
    let owners = object.0.pointer("/metadata/ownerReferences")?.as_array()?;
    owners.iter().find(|owner| owner["controller"] == true)?["uid"].as_str()
}

/// The reference by which `owner` owns what it makes.
pub(crate) fn owned_by(owner: &Object, api_version: &str) -> Value {
    json!([{
        "apiVersion": api_version,
        "kind": owner.kind(),
        "name": owner.name(),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// Whether a workload's selector takes an object that nobody controls: it is adopted then.
pub(crate) fn takes(adopter: &Object, orphan: &Object) -> bool {
    orphan.namespace() == adopter.namespace()
        && owner(orphan).is_none()
        && !ending(orphan)
        && !ending(adopter)
        && picks(adopter, orphan) == Some(true)
}

/// Whether a workload's selector selects an object; nothing when it has no selector.
pub(crate) fn picks(workload: &Object, object: &Object) -> Option<bool> {
    let selector = &workload.spec()["selector"];
    let says = |name: &str| {
        !matches!(&selector[name], Value::Null) && selector[name] != json!({}) && selector[name] != json!([])
    };
    (says("matchLabels") || says("matchExpressions"))
        .then(|| apiserver::selects(selector, object.0.pointer("/metadata/labels").unwrap_or(&Value::Null)))
}

/// The object with `owner` as its controller, beside other owners that it has.
pub(crate) fn adopted(object: &Object, owner: &Object) -> Value {
    let mut adopted = (*object.0).clone();
    let mut owners = adopted["metadata"]["ownerReferences"].as_array().cloned().unwrap_or_default();
    owners.extend(owned_by(owner, "apps/v1").as_array().cloned().unwrap_or_default());
    adopted["metadata"]["ownerReferences"] = Value::Array(owners);
    adopted
}

/// Whether the pods that a workload makes would be its own. Where they would not, they would be made without
/// end.
pub(crate) fn keeps_its_pods(workload: &Object) -> bool {
    let template = Object::from(workload.spec()["template"].clone());
    picks(workload, &template) != Some(false)
}

/// Whether a pod is ready.
pub(crate) fn ready(pod: &Object) -> bool {
    let conditions = pod.status().get("conditions").and_then(Value::as_array).into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// The labels that a Service asks for.
pub(crate) fn selector(service: &Object) -> Labels {
    let wanted = service.spec()["selector"].as_object().into_iter().flatten();
    wanted.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// `object` with another status, if that is another one.
pub(crate) fn with_status(object: &Object, status: &Value) -> Option<Act> {
    (object.status() != status).then(|| {
        let mut changed = (*object.0).clone();
        changed["status"] = status.clone();
        Act::Replace(changed)
    })
}
