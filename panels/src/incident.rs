//! Restarts, rollouts and Events as panels tell of them: where each leads, and what is not known.

use crate::selection::Selected;
use mesh::incidents::Incidents;
use mesh::{Mesh, Problem, Ref, Remote, kinds};

/// What is looked at of an object to which something happened: the workload of a pod or a Deployment, or an object
/// that has a sheet.
pub(crate) fn leads(mesh: &Mesh, at: &Ref) -> Option<Selected> {
    let mut here = mesh.workloads().filter(|workload| workload.namespace == at.namespace);
    let workload = if at.kind == &kinds::POD {
        here.find(|workload| workload.pods.iter().any(|pod| pod.name == at.name))
    } else {
        here.find(|workload| workload.owner == at.kind.kind && workload.name == at.name)
    };
    let workload = workload
        .map(|workload| Selected::Workload(workload.namespace.to_string(), workload.name.to_string()));
    let sheet = || (at.kind.editable && mesh.objects().contains(at)).then(|| Selected::Object(at.clone()));
    workload.or_else(sheet)
}

/// What is not known of what happened.
pub(crate) fn unknown(told: &Remote<Incidents>) -> Vec<Problem> {
    let parts = told.value().map(|told| told.unknown.clone()).unwrap_or_default();
    parts.into_iter().chain(told.problem().cloned()).collect()
}
