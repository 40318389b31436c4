//! Visibility: which services the proxies of workloads are told of. Sidecars say it, for one workload, a
//! namespace or the mesh; the closest one that is there holds. And who sees an object, by its `exportTo`.

pub mod shown;

use super::mtls::{Scope, selector};
use crate::evidence::{Want, host, leads};
use crate::model::Configured;
use crate::plan::Plan;
use crate::traffic::Traffic;
use crate::{Mesh, Ref, Service, Workload};
use istio::precedence::by_age;
use istio::views::{self, Sidecar};
use istio::visibility::{Egress, exported, sidecar};
use istio::{Selects, kinds};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// More services than this are told of by their number only.
const MOST: usize = 40;

/// The Sidecar that is for exactly this scope.
pub fn own(mesh: &Mesh, scope: &Scope) -> Option<Ref> {
    let all = all(mesh, None);
    let found = all.iter().find(|(at, _, view)| {
        let chosen = view.workload_selector.as_ref().map(|it| &it.labels).filter(|labels| !labels.is_empty());
        match scope {
            Scope::Mesh => *at.namespace == *mesh.root_namespace() && chosen.is_none(),
            Scope::Namespace(namespace) => *at.namespace == **namespace && chosen.is_none(),
            Scope::Workload(namespace, name) => {
                let labels = mesh.workload(namespace, name).map(|workload| &workload.labels);
                let takes = chosen
                    .zip(labels)
                    .is_some_and(|(chosen, labels)| Selects::narrowing(Some(chosen)).takes(labels));
                *at.namespace == **namespace && takes
            }
        }
    });
    found.map(|(at, ..)| at.clone())
}

/// Makes the Sidecar of a scope.
pub fn create(plan: &mut Plan<'_>, scope: &Scope, mut spec: Value) -> Option<Ref> {
    let mesh = plan.mesh();
    let (namespace, name) = match scope {
        Scope::Mesh => (mesh.root_namespace(), "default".to_owned()),
        Scope::Namespace(namespace) => (namespace.as_str(), "default".to_owned()),
        Scope::Workload(namespace, name) => {
            spec["workloadSelector"] = json!({ "labels": selector(mesh, mesh.workload(namespace, name)?) });
            (namespace.as_str(), name.clone())
        }
    };
    plan.create(&kinds::SIDECAR, namespace, [&name, &format!("{name}-sidecar")], spec)
}

/// What a scope called in the last window, as Sidecars name hosts: "bookinfo/reviews.bookinfo.svc…".
pub fn called(mesh: &Mesh, traffic: &Traffic, scope: &Scope) -> Vec<String> {
    let of = |workload: &Workload| within(mesh, scope, workload);
    let from = |path: &&crate::traffic::Path| {
        mesh.workload(&path.source.namespace, &path.source.workload).is_some_and(of)
    };
    let hosts: BTreeSet<String> = traffic
        .flows
        .keys()
        .filter(from)
        .filter_map(|path| mesh.services().find(|service| *service.host == *path.service.host))
        .map(|service| format!("{}/{}", service.namespace, service.host))
        .collect();
    // The control plane is always needed.
    hosts.into_iter().chain([format!("{}/*", mesh.root_namespace())]).collect()
}

fn within(mesh: &Mesh, scope: &Scope, workload: &Workload) -> bool {
    match scope {
        Scope::Mesh => !workload.gateway,
        Scope::Namespace(namespace) => *workload.namespace == **namespace && !workload.gateway,
        Scope::Workload(namespace, name) => mesh.workload(namespace, name) == Some(workload),
    }
}

type Told = (Ref, String, Sidecar);

/// All Sidecars, the oldest first; one of them as it will be.
fn all(mesh: &Mesh, changed: Option<(&Ref, Option<&Sidecar>)>) -> Vec<Told> {
    let objects = mesh.objects().of_kind(&kinds::SIDECAR);
    let there = objects.filter(|(at, _)| changed.is_none_or(|(other, _)| other != *at));
    let mut all: Vec<Told> = there
        .filter_map(|(at, object)| Some((at.clone(), object.created().to_owned(), views::read(object).ok()?)))
        .collect();
    if let Some((at, Some(view))) = changed {
        let created = mesh.objects().get(at).map_or("~", |object| object.created());
        all.push((at.clone(), created.to_owned(), view.clone()));
    }
    all.sort_by(|one, other| by_age(&configured(one), &configured(other)));
    all
}

fn configured((at, created, spec): &Told) -> Configured<'_, Sidecar> {
    Configured { at, created, spec }
}

/// Says which services come into sight of which proxies, and which leave it, once this Sidecar is as planned.
pub fn claims(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    let after: Option<Sidecar> = plan.object_after(at).and_then(|object| views::read(&object).ok());
    let (was, now) = (all(mesh, None), all(mesh, Some((at, after.as_ref()))));
    let root = mesh.root_namespace();
    let near = |workload: &&Workload| {
        !workload.gateway && (*at.namespace == *root || workload.namespace == at.namespace)
    };
    let (mut lost, mut touched) = (BTreeSet::new(), BTreeSet::new());
    for workload in mesh.workloads().filter(near) {
        let sees = |all: &[Told], service: &Service| {
            let holding = sidecar(all.iter().map(configured), root, &workload.namespace, &workload.labels);
            let egress = Egress::new(holding.map(|one| one.spec), &workload.namespace);
            egress.sees_service(&service.host, &service.namespace)
                || leads(mesh, egress, &workload.namespace, &service.host)
        };
        let shown = |service: &&Service| {
            exported(&shown::said(mesh, &service.at), &[], &service.namespace, &workload.namespace)
        };
        for service in mesh.services().filter(shown) {
            let (before, then) = (sees(&was, service), sees(&now, service));
            if before == then {
                continue;
            }
            touched.insert(workload.name.to_string());
            if before {
                lost.insert(service.name.to_string());
            }
            let place = host(workload.proxies(), &service.host);
            let want = |seen: bool| if seen { Want::Present } else { Want::Absent };
            plan.claims(vec![place.clone().wants(want(then))], vec![place.wants(want(before))]);
        }
    }
    if !lost.is_empty() {
        let few: Vec<String> = lost.iter().take(MOST).cloned().collect();
        let more = lost.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let whose: Vec<String> = touched.into_iter().take(MOST).collect();
        let (whose, few) = (whose.join(", "), few.join(", "));
        plan.warn(format!("Out of sight of {whose}: {few}{more}; calls that go there fail"));
    }
}
