//! From objects to the model: reads what changed, names what cannot be read, and shares what is as it was.

use super::config::{Config, Reach};
use super::objects::Changed;
use super::part::Part;
use super::services::Maker;
use super::workloads::{Touched, gather, is_gateway, touched};
use super::{Mesh, Objects, Policies, Revision, Workload, mtls};
use istio::hosts::{self, is_wildcard};
use istio::{Object, Selects, kinds};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Namespaces and names.
type Names = BTreeSet<(Arc<str>, Arc<str>)>;

impl Mesh {
    /// The model of these objects. What they share with those of `previous` is not read again, and what says
    /// the same as before keeps its revision. Never fails as a whole: see [`Mesh::problems`].
    pub fn read(objects: Objects, previous: Option<&Mesh>) -> Mesh {
        let nothing = Mesh::default();
        let before = previous.unwrap_or(&nothing);
        let changes = objects.changed_since(&before.objects);
        let begins = before.objects.is_empty();
        let root_namespace = if begins || changes.iter().any(is_istiod) {
            root_namespace(&objects)
        } else {
            before.root_namespace.clone()
        };
        if !begins && before.root_namespace != root_namespace {
            let anew = Mesh { unseen: Arc::clone(&before.unseen), ..Mesh::of(before.cluster.clone()) };
            return Mesh::read(objects, Some(&anew));
        }
        let mut config = before.config.clone();
        let reach = config.take(&changes);
        let reading = Reading { objects: &objects, before, config: &config, root: &root_namespace };
        let mut parts = before.parts.clone();
        let mut services = reading.workloads(&mut parts, touched(&changes), &reach);
        services.extend(reading.touched(&changes, &reach, &parts));
        reading.services(&mut parts, &services);
        let others = |change: &Changed<'_>| change.was.is_none() || change.now.is_none();
        let namespaces = match changes.iter().any(others) {
            true => namespaces(&objects),
            false => Arc::clone(&before.namespaces),
        };
        let (cluster, revision) = (before.cluster.clone(), before.revision);
        let unseen = Arc::clone(&before.unseen);
        let mut mesh = Mesh { cluster, revision, objects, namespaces, parts, config, root_namespace, unseen };
        if !mesh.says_the_same(before) {
            mesh.revision = Revision::fresh();
        }
        mesh
    }

    fn says_the_same(&self, before: &Self) -> bool {
        self.config.revision == before.config.revision
            && self.namespaces == before.namespaces
            && revisions(self).eq(revisions(before))
    }
}

fn revisions(mesh: &Mesh) -> impl Iterator<Item = (&Arc<str>, Revision)> {
    mesh.parts.iter().map(|(namespace, part)| (namespace, part.revision()))
}

type Parts = BTreeMap<Arc<str>, Arc<Part>>;

/// What is read, and what was read before.
pub(super) struct Reading<'a> {
    pub(super) objects: &'a Objects,
    pub(super) before: &'a Mesh,
    pub(super) config: &'a Config,
    pub(super) root: &'a str,
}

impl Reading<'_> {
    /// Reads the touched workloads anew; returns the services that select them, or did.
    fn workloads(&self, parts: &mut Parts, touched: Touched<'_>, reach: &Reach) -> Names {
        let mut services = Names::new();
        if touched.is_empty() && !reach.gateways && reach.policies.is_empty() {
            return services;
        }
        let policies = Policies::new(self.root, self.config.policies(self.objects));
        let selectors = self.config.gateways.values().map(|gateway| Selects::gathering(&gateway.selector));
        let selectors: Vec<Selects<'_>> = selectors.collect();
        let settle = |workload: &mut Workload| {
            workload.gateway =
                is_gateway(workload) || selectors.iter().any(|selector| selector.takes(&workload.labels));
            workload.mtls = mtls::in_force(&policies, workload);
        };
        for ((namespace, name), moved) in &touched {
            let was = self.before.part(namespace).and_then(|part| part.workload(name));
            let mut now = gather(self.objects, (namespace, name), was.map(|was| &**was), moved);
            now.iter_mut().for_each(settle);
            let selecting = self.before.part(namespace).into_iter().flat_map(Part::services);
            let selecting = selecting.filter(|service| {
                let mut labels = now.iter().chain(was.map(|was| &**was)).map(|workload| &workload.labels);
                labels.any(|labels| Selects::gathering(&service.selector).takes(labels))
            });
            services.extend(selecting.map(|service| (namespace.clone(), service.name.clone())));
            if now.as_ref() != was.map(|was| &**was) {
                Arc::make_mut(parts.entry(namespace.clone()).or_default()).put_workload(name, now);
            }
        }
        let everywhere = reach.gateways || reach.policies.iter().any(|namespace| **namespace == *self.root);
        let unsettled =
            parts.iter_mut().filter(|(namespace, _)| everywhere || reach.policies.contains(namespace));
        for (_, part) in unsettled {
            let mut moved = Vec::new();
            for workload in part.workloads() {
                let mut now = Workload::clone(workload);
                settle(&mut now);
                if now != **workload {
                    moved.push(now);
                }
            }
            for now in moved {
                Arc::make_mut(part).put_workload(&now.name.clone(), Some(now));
            }
        }
        services
    }

    /// Services that changes touch, by themselves or by Istio's objects that name them.
    fn touched(&self, changes: &[Changed<'_>], reach: &Reach, parts: &Parts) -> Names {
        let own = changes.iter().filter(|change| change.at.kind == &kinds::SERVICE);
        let mut names: Names =
            own.map(|change| (change.at.namespace.clone(), change.at.name.clone())).collect();
        names.extend(reach.entries.iter().map(|(namespace, host)| (namespace.clone(), host.as_str().into())));
        if self.before.parts.is_empty() {
            return names; // all services are among the changes
        }
        // A Service and ServiceEntries of its host are one.
        let of_entries = reach.entries.iter().filter_map(|(_, host)| hosts::service(host));
        names.extend(of_entries.map(|(name, namespace)| (namespace.into(), name.into())));
        let of_services: BTreeSet<String> = changes
            .iter()
            .filter(|change| {
                change.at.kind == &kinds::SERVICE && (change.was.is_none() || change.now.is_none())
            })
            .map(|change| hosts::of_service(&change.at.name, &change.at.namespace))
            .collect();
        if !of_services.is_empty() {
            for (at, entry) in self.config.service_entries.iter() {
                let same = entry.hosts.iter().filter(|host| of_services.contains(*host));
                names.extend(same.map(|host| (at.namespace.clone(), host.as_str().into())));
            }
        }
        let (wild, exact): (Vec<&str>, Vec<&str>) =
            reach.hosts.iter().map(String::as_str).partition(|host| is_wildcard(host));
        let exact: BTreeSet<&str> = exact.into_iter().collect();
        for host in &exact {
            if let Some((name, namespace)) = hosts::service(host)
                && let Some(service) = parts.get(namespace).and_then(|part| part.service(name))
            {
                names.insert((service.namespace.clone(), service.name.clone()));
            }
        }
        if !exact.is_empty() {
            for (at, entry) in self.config.service_entries.iter() {
                let named = entry.hosts.iter().filter(|host| exact.contains(host.as_str()));
                names.extend(named.map(|host| (at.namespace.clone(), host.as_str().into())));
            }
        }
        if !wild.is_empty() {
            let fits = |host: &str| wild.iter().any(|pattern| hosts::covers(pattern, host));
            let services = parts.values().flat_map(|part| part.services());
            let fitting = services.filter(|service| fits(&service.host));
            names.extend(fitting.map(|service| (service.namespace.clone(), service.name.clone())));
        }
        names
    }

    /// Reads these services anew.
    fn services(&self, parts: &mut Parts, names: &Names) {
        let mut by_namespace: BTreeMap<&Arc<str>, Vec<&Arc<str>>> = BTreeMap::new();
        for (namespace, name) in names {
            by_namespace.entry(namespace).or_default().push(name);
        }
        for (namespace, names) in by_namespace {
            let part = parts.entry(namespace.clone()).or_default();
            let maker = Maker::new(self, (namespace, part), names.len());
            let read: Vec<_> = names.into_iter().map(|name| (name, maker.service(name))).collect();
            for (name, now) in read {
                if now.as_ref() != part.service(name).map(|was| &**was) {
                    Arc::make_mut(part).put_service(name, now);
                }
            }
        }
    }
}

fn is_istiod(change: &Changed<'_>) -> bool {
    let marked = |object: &Object| object.label("app") == Some("istiod");
    change.at.kind == &kinds::SERVICE
        && (&*change.at.name == "istiod" || change.was.into_iter().chain(change.now).any(marked))
}

/// Namespaces that have an object of their own, and those that other objects live in (where namespaces may
/// not be read).
fn namespaces(objects: &Objects) -> Arc<[Arc<str>]> {
    let named = objects.of_kind(&kinds::NAMESPACE).map(|(at, _)| &at.name);
    let all: BTreeSet<&Arc<str>> = named.chain(objects.namespaces()).collect();
    all.into_iter().cloned().collect()
}

/// Where istiod runs, by its Services; "istio-system" when it cannot be seen.
pub fn root_namespace(objects: &Objects) -> Arc<str> {
    let usual = "istio-system";
    let mut found = objects
        .of_kind(&kinds::SERVICE)
        .filter(|(at, object)| object.label("app") == Some("istiod") || &*at.name == "istiod")
        .map(|(at, _)| &*at.namespace)
        .collect::<Vec<_>>();
    found.sort_unstable_by_key(|namespace| *namespace != usual);
    found.first().map_or(usual, |namespace| namespace).into()
}
