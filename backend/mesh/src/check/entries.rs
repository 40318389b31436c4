//! Checks of ServiceEntries.

use super::{Check, Found, Look, Severity, World};
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
        of: &[&kinds::SERVICE_ENTRY],
        reads: &[&kinds::SERVICE_ENTRY],
        look: Look::All(|world, found| pairs(world, found, |one, other| one == other)),
    },
    Check {
        name: "EntriesDisagree",
        codes: &["IST0177", "KIA1212"],
        severity: Severity::Warning,
        what: "Two ServiceEntries have one host and port with different protocols",
        why: "Which of them counts depends on their age.",
        next: "Give both the same protocol.",
        of: &[&kinds::SERVICE_ENTRY],
        reads: &[&kinds::SERVICE_ENTRY],
        look: Look::All(|world, found| pairs(world, found, |one, other| one != other)),
    },
    Check {
        name: "EntryShadowsService",
        codes: &[],
        severity: Severity::Warning,
        what: "A ServiceEntry has the host of a Kubernetes Service",
        why: "Its endpoints are added to the Service's own, and its ports count beside them.",
        next: "Give it another host, or take it away.",
        of: &[&kinds::SERVICE_ENTRY],
        reads: &[&kinds::SERVICE],
        look: Look::Each(shadows_service),
    },
    Check {
        name: "EntryForNoWorkload",
        codes: &["KIA0004"],
        severity: Severity::Warning,
        what: "The workloadSelector of a ServiceEntry chooses nothing",
        why: "Calls to its hosts get 503.",
        next: "Correct the labels, or add the pods or WorkloadEntries that they mean.",
        of: &[&kinds::SERVICE_ENTRY],
        reads: &[&kinds::POD, &kinds::WORKLOAD_ENTRY],
        look: Look::Each(for_no_workload),
    },
    Check {
        name: "EntriesShareAddress",
        codes: &["IST0134"],
        severity: Severity::Warning,
        what: "Two ServiceEntries without addresses have one port that speaks no HTTP",
        why: "Proxies cannot tell which is called: the older one takes all connections at that port, to any address.",
        next: "Give them addresses, or let Istio allocate some.",
        of: &[&kinds::SERVICE_ENTRY],
        reads: &[&kinds::SERVICE_ENTRY],
        look: Look::All(entries_share_address),
    },
];

fn shadows_service(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(entry) = world.mesh.service_entry(at) else { return };
    for (index, host) in entry.hosts.iter().enumerate() {
        let mut services = world.services(host).into_iter();
        if let Some(service) = services.find(|service| !service.external && service.host == *host) {
            let what = format!("{host} is Service {}/{}", service.namespace, service.name);
            found.add(at, format!("spec.hosts[{index}]"), what);
        }
    }
}

fn for_no_workload(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(entry) = world.mesh.service_entry(at) else { return };
    let Some(selector) = &entry.workload_selector else { return };
    let selects = Selects::gathering(&selector.labels);
    let mut machines = world.mesh.objects().within(&kinds::WORKLOAD_ENTRY, &at.namespace);
    let told =
        machines.any(|(_, object)| selects.takes(&istio::object::strings(object.spec().get("labels"))));
    let pods = || world.within(&at.namespace).any(|one| selects.takes(&one.labels));
    if !told && !pods() && world.knows_pods(&at.namespace) {
        found.add(at, "spec.workloadSelector", "Its labels choose nothing of its namespace");
    }
}

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

fn entries_share_address(world: &World<'_>, found: &mut Found) {
    let mut first: std::collections::BTreeMap<u32, (&Ref, &ServiceEntry)> = Default::default();
    let mut all: Vec<(&Ref, &ServiceEntry)> = world.mesh.service_entries().collect();
    let created = |at: &Ref| world.mesh.objects().get(at).map(|object| object.created()).unwrap_or_default();
    all.sort_by_key(|(at, _)| (created(at), *at));
    for (at, entry) in all {
        // Istio writes addresses that it has allocated into the status.
        let given =
            world.mesh.objects().get(at).is_some_and(|object| {
                object.status()["addresses"].as_array().is_some_and(|all| !all.is_empty())
            });
        if given || !entry.addresses.is_empty() {
            continue;
        }
        for (index, port) in entry.ports.iter().enumerate() {
            // HTTP is told apart by the host it asks for, TLS by its server name.
            let speaks = spoken(port);
            if speaks.may_be_http() || matches!(speaks, Protocol::Tls | Protocol::Https) || port.number == 0 {
                continue;
            }
            match first.get(&port.number) {
                Some((other, before)) if before.hosts != entry.hosts => {
                    let seen = exported(&before.export_to, &[], &other.namespace, &at.namespace);
                    if seen {
                        let what = format!("{other} has port {} without an address too", port.number);
                        found.add(at, format!("spec.ports[{index}]"), what);
                    }
                }
                Some(_) => {}
                None => drop(first.insert(port.number, (at, entry))),
            }
        }
    }
}
