//! Checks of Sidecars: which of them holds, and what they hide.

use super::routes::destinations;
use super::world::listed;
use super::{Asks, Check, Found, Look, Severity, World};
use crate::model::Configured;
use crate::traffic::Path;
use crate::{Object, Ref, Workload, fqdn, kinds};
use istio::hosts::overlap;
use istio::precedence::by_age;
use istio::routing::in_mesh;
use istio::views::Sidecar;
use istio::visibility::{Egress, sidecar};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "SidecarHostNotFound",
        codes: &["KIA1004"],
        severity: Severity::Warning,
        what: "The egress of a Sidecar names a host that the mesh does not have",
        why: "It lets nothing be seen; the service that was meant stays hidden.",
        next: "Write namespace/host with the full host, as in bookinfo/reviews.bookinfo.svc.cluster.local.",
        of: &[&kinds::SIDECAR],
        reads: &[&kinds::SERVICE, &kinds::SERVICE_ENTRY],
        look: Look::Each(host_not_found),
    },
    Check {
        name: "SidecarOfRootSelects",
        codes: &["KIA1006"],
        severity: Severity::Warning,
        what: "A Sidecar of the root namespace has a workloadSelector",
        why: "The mesh's default is for everybody: one that selects holds for pods of the root namespace only.",
        next: "Take the selector away, or put the Sidecar into the workload's namespace.",
        of: &[&kinds::SIDECAR],
        reads: &[],
        look: Look::Each(|world, at, found| {
            let Some(view) = world.view::<Sidecar>(at) else { return };
            if *at.namespace == *world.mesh.root_namespace() && view.workload_selector.is_some() {
                found.add(at, "spec.workloadSelector", "It is not the default of the mesh");
            }
        }),
    },
    Check {
        name: "OutboundPolicyWithoutMode",
        codes: &["KIA1007"],
        severity: Severity::Info,
        what: "A Sidecar has an outboundTrafficPolicy without a mode",
        why: "What is meant is not said: Istio takes REGISTRY_ONLY.",
        next: "Say ALLOW_ANY or REGISTRY_ONLY.",
        of: &[&kinds::SIDECAR],
        reads: &[],
        look: Look::Each(|world, at, found| {
            let Some(view) = world.view::<Sidecar>(at) else { return };
            let policy = view.outbound_traffic_policy.as_ref();
            if policy.is_some_and(|policy| policy.mode.as_deref().unwrap_or_default().is_empty()) {
                found.add(at, "spec.outboundTrafficPolicy", "No mode is said: REGISTRY_ONLY is in force");
            }
        }),
    },
    Check {
        name: "DestinationHidden",
        codes: &[],
        severity: Severity::Error,
        what: "A Sidecar shows a route's host to a workload, but not the route's destination",
        why: "Its proxy knows the route and no endpoint: such calls get 503.",
        next: "Add the destination's host to the Sidecar's egress.",
        of: &[&kinds::SIDECAR],
        reads: &[
            &kinds::SIDECAR,
            &kinds::VIRTUAL_SERVICE,
            &kinds::SERVICE,
            &kinds::SERVICE_ENTRY,
            &kinds::POD,
        ],
        look: Look::All(destination_hidden),
    },
    Check {
        name: "HidesCalledServices",
        codes: &[],
        severity: Severity::Warning,
        what: "A Sidecar hides services that its workloads called in the last hour",
        why: "Their proxies do not know them any more: such calls are refused, or pass with none of the mesh's rules \
              and without mutual TLS.",
        next: "Add their hosts to the Sidecar's egress, or make sure that nobody is to call them.",
        of: &[&kinds::SIDECAR],
        reads: &[&kinds::SIDECAR, &kinds::SERVICE, &kinds::SERVICE_ENTRY, &kinds::POD],
        look: Look::Asking(&[Asks::Hour], hides_called),
    },
];

fn host_not_found(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(view) = world.view::<Sidecar>(at) else { return };
    for (index, egress) in view.egress.iter().enumerate() {
        for (place, entry) in egress.hosts.iter().enumerate() {
            let (of, host) = entry.split_once('/').unwrap_or(("*", entry));
            if of == "~" || host == "*" {
                continue;
            }
            let of = if of == "." { &*at.namespace } else { of };
            let named = |namespace: &str| of == "*" || of == namespace;
            let mut services = world.mesh.services();
            if !services.any(|service| named(&service.namespace) && overlap(host, &service.host)) {
                let path = format!("spec.egress[{index}].hosts[{place}]");
                found.add(at, path, format!("{entry} is no host of the mesh"));
            }
        }
    }
}

/// Sidecars, the oldest first.
struct Sidecars<'a>(Vec<Configured<'a, Sidecar>>);

impl<'a> Sidecars<'a> {
    fn of(world: &'a World<'_>, read: &'a [(&'a Ref, &'a Object, Sidecar)]) -> Self {
        let of = |(at, _, view): &'a (&'a Ref, &'a Object, Sidecar)| {
            Configured::of(world.mesh.objects(), at, view)
        };
        let mut all: Vec<Configured<'a, Sidecar>> = read.iter().filter_map(of).collect();
        all.sort_by(by_age);
        Self(all)
    }

    /// The one that holds for a workload.
    fn holding(&self, world: &World<'_>, workload: &Workload) -> Option<Configured<'a, Sidecar>> {
        let root = world.mesh.root_namespace();
        sidecar(self.0.iter().cloned(), root, &workload.namespace, &workload.labels)
    }
}

/// Whether a Sidecar says something to a workload.
fn listens(world: &World<'_>, workload: &Workload) -> bool {
    !workload.gateway && world.has_sidecar(workload)
}

fn hides_called(world: &World<'_>, found: &mut Found) {
    let read = world.read::<Sidecar>(&kinds::SIDECAR);
    if read.is_empty() {
        return;
    }
    let sidecars = Sidecars::of(world, &read);
    let mut by: BTreeMap<(&Ref, &str), (BTreeSet<&str>, bool)> = BTreeMap::new();
    let called: BTreeSet<(&str, &str, &str)> = world
        .hour()
        .into_iter()
        .flatten()
        .filter(|(_, usual)| usual.rps > 0.0 || usual.plaintext > 0.0)
        .map(|(Path { source, service, .. }, _)| (&*source.namespace, &*source.workload, &*service.host))
        .collect();
    for (namespace, name, host) in called {
        let Some(caller) = world.mesh.workload(namespace, name).filter(|one| listens(world, one)) else {
            continue;
        };
        let services = world.services(host);
        let Some(own) = sidecars.holding(world, caller).filter(|_| !services.is_empty()) else { continue };
        let egress = Egress::new(Some(own.spec), namespace);
        if !services.iter().any(|service| egress.sees_service(&service.host, &service.namespace)) {
            let policy = own.spec.outbound_traffic_policy.as_ref();
            let passes = match policy {
                Some(policy) => policy.mode.as_deref() == Some("ALLOW_ANY"),
                None => !world.config.as_ref().is_ok_and(|config| config.calls.registry_only),
            };
            by.entry((own.at, host)).or_insert((BTreeSet::new(), passes)).0.insert(&caller.name);
        }
    }
    for ((at, host), (callers, passes)) in by {
        let then = if passes { "pass without rules and mutual TLS" } else { "get 502" };
        let what = format!("Hides {host}, which {} called in the last hour: calls {then}", listed(callers));
        found.add(at, "spec.egress", what);
    }
}

fn destination_hidden(world: &World<'_>, found: &mut Found) {
    let read = world.read::<Sidecar>(&kinds::SIDECAR);
    if read.is_empty() {
        return;
    }
    let sidecars = Sidecars::of(world, &read);
    for workload in world.mesh.workloads().filter(|one| listens(world, one)) {
        let Some(own) = sidecars.holding(world, workload) else { continue };
        let egress = Egress::new(Some(own.spec), &workload.namespace);
        for (at, view) in world.mesh.virtual_services().filter(|(_, view)| in_mesh(&view.gateways)) {
            let shown = view.hosts.iter().any(|host| {
                let services = world.services(&fqdn(host, &at.namespace));
                services.iter().any(|service| egress.sees_service(&service.host, &service.namespace))
            });
            let sees = istio::visibility::exported(&view.export_to, &[], &at.namespace, &workload.namespace)
                && egress.sees_routes(view, &at.namespace);
            if !shown || !sees {
                continue;
            }
            for to in destinations(view) {
                let services = world.services(&fqdn(&to.destination.host, &at.namespace));
                let hidden = !services.is_empty()
                    && services.iter().all(|service| !egress.sees_service(&service.host, &service.namespace));
                if hidden {
                    let what = format!(
                        "Hides {} from {}, to which {at} sends its calls",
                        to.destination.host, workload.name
                    );
                    found.add(own.at, "spec.egress", what);
                }
            }
        }
    }
}
