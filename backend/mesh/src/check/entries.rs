//! Checks of ServiceEntries.

use super::{Check, Found, Severity, World};
use crate::{Ref, kinds};
use istio::views::{ServiceEntry, ServicePort};
use istio::visibility::exported;
use istio::{Protocol, Selects};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "EntryTwice",
        codes: &["KIA1211"],
        severity: Severity::Warning,
        what: "Two ServiceEntries have one host and port",
        why: "Proxies are told of both as one: endpoints and settings get mixed.",
        next: "Keep one of them, or part them by exportTo.",
        reads: &[&kinds::SERVICE_ENTRY],
        look: |world, found| pairs(world, found, |one, other| one == other),
    },
    Check {
        name: "EntriesDisagree",
        codes: &["IST0177", "KIA1212"],
        severity: Severity::Warning,
        what: "Two ServiceEntries have one host and port with different protocols",
        why: "Which of them counts depends on their age.",
        next: "Give both the same protocol.",
        reads: &[&kinds::SERVICE_ENTRY],
        look: |world, found| pairs(world, found, |one, other| one != other),
    },
    Check {
        name: "EntryShadowsService",
        codes: &[],
        severity: Severity::Warning,
        what: "A ServiceEntry has the host of a Kubernetes Service",
        why: "Its endpoints are added to the Service's own, and its ports count beside them.",
        next: "Give it another host, or take it away.",
        reads: &[&kinds::SERVICE],
        look: |world, found| {
            for (at, entry) in world.mesh.service_entries() {
                for (index, host) in entry.hosts.iter().enumerate() {
                    let own = world
                        .services(host)
                        .into_iter()
                        .find(|service| !service.external && service.host == *host);
                    if let Some(service) = own {
                        let what = format!("{host} is Service {}/{}", service.namespace, service.name);
                        found.add(at, format!("spec.hosts[{index}]"), what);
                    }
                }
            }
        },
    },
    Check {
        name: "EntryForNoWorkload",
        codes: &["KIA0004"],
        severity: Severity::Warning,
        what: "The workloadSelector of a ServiceEntry chooses nothing",
        why: "Calls to its hosts get 503.",
        next: "Correct the labels, or add the pods or WorkloadEntries that they mean.",
        reads: &[&kinds::POD],
        look: |world, found| {
            for (at, entry) in world.mesh.service_entries() {
                let Some(selector) = &entry.workload_selector else { continue };
                let selects = Selects::gathering(&selector.labels);
                // WorkloadEntries may stand in for pods where they are not read.
                let told = world.mesh.objects().iter().any(|(of, _)| of.kind.kind == "WorkloadEntry");
                if !told && !world.within(&at.namespace).any(|one| selects.takes(&one.labels)) {
                    found.add(at, "spec.workloadSelector", "Its labels choose no workload of its namespace");
                }
            }
        },
    },
];

fn spoken(port: &ServicePort) -> Protocol {
    Protocol::named(port.protocol.as_deref().unwrap_or_default())
}

/// ServiceEntries with one host and port that somebody sees both of, where their protocols are as `which` says.
fn pairs(world: &World<'_>, found: &mut Found, which: impl Fn(Protocol, Protocol) -> bool) {
    let mut by_host: std::collections::BTreeMap<&str, Vec<(&Ref, &ServiceEntry)>> = Default::default();
    for (at, entry) in world.mesh.service_entries() {
        entry.hosts.iter().for_each(|host| by_host.entry(host).or_default().push((at, entry)));
    }
    for (host, entries) in by_host {
        for (index, (at, entry)) in entries.iter().enumerate() {
            for (other, before) in &entries[..index] {
                // Entries that select or list different endpoints for one host are made so on purpose.
                let meet = exported(&before.export_to, &[], &other.namespace, &at.namespace)
                    || exported(&entry.export_to, &[], &at.namespace, &other.namespace);
                if !meet || at == other {
                    continue;
                }
                for (place, port) in entry.ports.iter().enumerate() {
                    let same = before.ports.iter().find(|same| same.number == port.number);
                    if let Some(same) = same.filter(|same| which(spoken(same), spoken(port))) {
                        let both = [spoken(same), spoken(port)].map(|it| it.name().to_uppercase());
                        let what = match which(Protocol::Http, Protocol::Http) {
                            true => format!("{other} has {host}:{} too", port.number),
                            false => format!(
                                "{other} says that {host}:{} speaks {}, and this one {}",
                                port.number, both[0], both[1]
                            ),
                        };
                        found.add(at, format!("spec.ports[{place}]"), what);
                    }
                }
            }
        }
    }
}
