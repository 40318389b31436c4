//! What Kubernetes refuses in its own kinds, beyond their types: one row for each kind that has rules of its
//! own.

mod data;
mod endpoints;
mod found;
mod labels;
mod pods;
mod probes;
mod services;
mod workloads;

use serde_json::Value;

use crate::{kinds::Kind, schema::FieldProblem};

pub(crate) use data::NO_BYTES;
use found::Found;

/// Holds one object against the rules of its kind.
type Check = fn(&Value, &mut Found);
/// Holds a changed object against what it was before.
type CheckChange = fn(&Value, &Value, &mut Found);

const ROWS: &[(&str, Check, Option<CheckChange>)] = &[
    ("pods", pods::pod, Some(pods::change)),
    ("deployments.apps", workloads::deployment, None),
    ("replicasets.apps", workloads::replica_set, None),
    ("statefulsets.apps", workloads::stateful_set, Some(workloads::stateful_set_change)),
    ("daemonsets.apps", workloads::daemon_set, None),
    ("services", services::service, None),
    ("configmaps", data::config_map, None),
    ("secrets", data::secret, None),
    ("endpoints", endpoints::endpoints, None),
    ("endpointslices.discovery.k8s.io", endpoints::slice, None),
];

/// Everything wrong with an object of one of Kubernetes' own kinds.
pub(crate) fn problems(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<FieldProblem> {
    let mut found = Found::default();
    let row = (!kind.custom).then(|| ROWS.iter().find(|(name, ..)| *name == kind.qualified())).flatten();
    if let Some((_, check, change)) = row {
        check(object, &mut found);
        if let (Some(change), Some(old)) = (change, old) {
            change(object, old, &mut found);
        }
    }
    found.into_problems()
}

#[cfg(test)]
mod tests;
