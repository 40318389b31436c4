//! WorkloadEntries: machines that answer for ServiceEntries which choose them by their labels.

use super::{named, proxies, shown};
use crate::evidence::{Claim, Reach, Want, endpoints, service};
use crate::plan::Plan;
use crate::{Mesh, Object, Ref};
use istio::views::{self, ServiceEntry, WorkloadEntry};
use istio::{Selects, kinds};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The labels by which an entry chooses those who answer, if it does.
fn chooses(entry: &ServiceEntry) -> Option<Selects<'_>> {
    let labels = entry.workload_selector.as_ref().map(|selector| &selector.labels)?;
    (!labels.is_empty()).then(|| Selects::gathering(labels))
}

/// Whether an entry chooses who answers by labels.
pub fn choosing(mesh: &Mesh, entry: &Ref) -> bool {
    mesh.service_entry(entry).is_some_and(|view| chooses(view).is_some())
}

/// All machines of a namespace; one of them as it will be.
fn all(mesh: &Mesh, namespace: &str, changed: Option<(&Ref, Option<&Object>)>) -> Vec<(Ref, WorkloadEntry)> {
    let there = mesh.objects().of_kind(&kinds::WORKLOAD_ENTRY);
    let there = there.filter(|(at, _)| *at.namespace == *namespace);
    let there = there.filter(|(at, _)| changed.is_none_or(|(other, _)| other != *at));
    let other = changed.and_then(|(at, object)| Some((at, object?)));
    let read = |(at, object): (&Ref, &Object)| Some((at.clone(), views::read(object).ok()?));
    there.chain(other).filter_map(read).collect()
}

/// The machines that answer for an entry.
pub fn machines(mesh: &Mesh, entry: &Ref) -> Vec<Ref> {
    let Some(chosen) = mesh.service_entry(entry).and_then(chooses) else { return Vec::new() };
    let all = all(mesh, &entry.namespace, None).into_iter();
    all.filter(|(_, machine)| chosen.takes(&machine.labels)).map(|(at, _)| at).collect()
}

/// The labels that a new machine has, for an entry to choose it.
pub fn labels(mesh: &Mesh, entry: &Ref) -> Value {
    let view = mesh.service_entry(entry);
    let selector = view.and_then(|view| view.workload_selector.as_ref());
    selector.map(|selector| json!(selector.labels)).unwrap_or_else(|| json!({}))
}

/// Makes a machine that answers for an entry.
pub fn create(plan: &mut Plan<'_>, entry: &Ref, spec: Value) -> Option<Ref> {
    let address = spec["address"].as_str().unwrap_or_default();
    let (of, at) = (&*entry.name, named(address));
    plan.create(
        &kinds::WORKLOAD_ENTRY,
        &entry.namespace,
        [&format!("{of}-{at}"), &format!("{of}-machine")],
        spec,
    )
}

/// What is odd about a machine that shall answer for an entry.
pub fn doubts(mesh: &Mesh, entry: &Ref, machine: &WorkloadEntry) -> Vec<String> {
    let mut told = Vec::new();
    let Some(view) = mesh.service_entry(entry) else { return told };
    if !chooses(view).is_some_and(|chosen| chosen.takes(&machine.labels)) {
        told.push(format!("{entry} does not choose it: its labels are others"));
    }
    for port in machine.ports.keys().filter(|name| view.ports.iter().all(|port| port.name != **name)) {
        told.push(format!("{entry} has no port {port}: what is said of it counts for nothing"));
    }
    let address = machine.address.as_deref().unwrap_or_default();
    if view.resolution.as_deref() == Some("STATIC") && address.parse::<std::net::IpAddr>().is_err() {
        told.push(format!("{entry} finds machines by address (STATIC): “{address}” is none"));
    }
    let mesh_internal = view.location.as_deref() == Some("MESH_INTERNAL");
    if mesh_internal && machine.service_account.as_deref().unwrap_or_default().is_empty() {
        told.push(
            "Without a service account nobody knows who it is: policies that ask for it refuse".to_owned(),
        );
    }
    told
}

/// Says which machines proxies are told of once one of them is as planned, and before.
pub fn claims(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    let (then, before) = (plan.object_after(at), mesh.objects().get(at).cloned());
    let now = all(mesh, &at.namespace, Some((at, then.as_ref())));
    let was = all(mesh, &at.namespace, Some((at, before.as_ref())));
    let reach = Reach::of(mesh);
    let near = mesh.service_entries().filter(|(of, _)| of.namespace == at.namespace);
    for (of, entry) in near {
        let Some(chosen) = chooses(entry) else { continue };
        let taken = |all: &[(Ref, WorkloadEntry)]| -> Vec<WorkloadEntry> {
            all.iter().filter(|(_, one)| chosen.takes(&one.labels)).map(|(_, one)| one.clone()).collect()
        };
        let (now, was) = (taken(&now), taken(&was));
        // Where pods answer too, the entry does not tell of all who do.
        let pods = mesh.workloads().any(|one| one.namespace == at.namespace && chosen.takes(&one.labels));
        if now == was || pods {
            continue;
        }
        for name in &entry.hosts {
            let seeing = reach.seeing(name, &of.namespace, &entry.export_to);
            let told: BTreeSet<String> = proxies(seeing.iter());
            for port in &entry.ports {
                let place = |resolution: Option<&str>| -> Claim {
                    let proxies = told.iter().cloned();
                    match resolution {
                        Some("STATIC") => endpoints(proxies, name, port.number),
                        _ => service(proxies, name, port.number).at("/load_assignment/endpoints"),
                    }
                };
                let place = place(entry.resolution.as_deref());
                let side = |all: &[WorkloadEntry]| place.clone().wants(Want::Endpoints(shown(all, port)));
                plan.claims(vec![side(&now)], vec![side(&was)]);
            }
        }
    }
}
