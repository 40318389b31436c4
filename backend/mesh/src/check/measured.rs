//! Checks of what is measured and told by others: calls of the last hour, what proxies refuse, certificates.

use super::gateways::credentials;
use super::world::listed;
use super::{Asks, Check, Found, Look, Severity, World};
use crate::access::Policies;
use crate::certificate::Credential;
use crate::traffic::{Path, Peer, Usual};
use crate::{Ref, Workload, fqdn, kinds};
use istio::Selects;
use istio::mtls::Mode;
use istio::routing::in_mesh;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "ProxyRefuses",
        codes: &[],
        severity: Severity::Error,
        what: "A proxy refuses what istiod sends it",
        why: "It goes on with what it took last: nothing newer holds there.",
        next: "Mend what the proxy's words name, often an EnvoyFilter.",
        of: &[&kinds::POD],
        reads: &[],
        look: Look::Asking(&[Asks::Proxies], proxy_refuses),
    },
    Check {
        name: "PlainTextSeen",
        codes: &[],
        severity: Severity::Warning,
        what: "Workloads take mutual TLS only, and were called in plain text in the last hour",
        why: "Who still calls so is refused.",
        next: "See that the callers have a proxy and speak mutual TLS by now, or take PERMISSIVE until then.",
        of: &[&kinds::PEER_AUTHENTICATION],
        reads: &[&kinds::PEER_AUTHENTICATION],
        look: Look::Asking(&[Asks::Hour], plain_text_seen),
    },
    Check {
        name: "DeniesCalls",
        codes: &[],
        severity: Severity::Warning,
        what: "Policies deny calls that were seen in the last hour",
        why: "Somebody relied on them.",
        next: "Let the caller in, or make sure that it is to stay out.",
        of: &[&kinds::AUTHORIZATION_POLICY],
        reads: &[&kinds::AUTHORIZATION_POLICY, &kinds::POD, &kinds::SERVICE],
        look: Look::Asking(&[Asks::Hour], denies_calls),
    },
    Check {
        name: "RuleNotTaken",
        codes: &[],
        severity: Severity::Info,
        what: "The host of a rule is called, and nothing of the last hour went where the rule sends calls",
        why: "No call fits it: it may be meant for others, or a rule before it takes them.",
        next: "See by Explain which rule takes a call that you mean.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[&kinds::DESTINATION_RULE, &kinds::SERVICE, &kinds::POD],
        look: Look::Asking(&[Asks::Hour, Asks::Writes], rule_not_taken),
    },
    Check {
        name: "RetriesMultiply",
        codes: &[],
        severity: Severity::Warning,
        what: "Services that call each other all repeat failed calls",
        why: "Each try of one is tried again by the next: a service that is down is called many times as often.",
        next: "Repeat calls at one place of the chain only.",
        of: &[&kinds::VIRTUAL_SERVICE],
        reads: &[],
        look: Look::Asking(&[Asks::Traffic], retries_multiply),
    },
    Check {
        name: "CertificateMissing",
        codes: &["IST0101", "IST0161"],
        severity: Severity::Error,
        what: "A Gateway names a Secret that is not there, or has no certificate with a key",
        why: "Its port is not opened: connections are refused.",
        next: "Make the Secret (kubernetes.io/tls) in the namespace of the gateway's pods, or correct the name.",
        of: &[&kinds::GATEWAY],
        reads: &[&kinds::POD],
        look: Look::Asking(&[Asks::Certificates], certificate_missing),
    },
    Check {
        name: "CertificateEnds",
        codes: &[],
        severity: Severity::Warning,
        what: "The certificate of a Gateway ends within two weeks",
        why: "After that clients refuse to connect.",
        next: "Renew it.",
        of: &[&kinds::GATEWAY],
        reads: &[&kinds::POD],
        look: Look::Asking(&[Asks::Certificates], certificate_ends),
    },
    Check {
        name: "FilterNotTaken",
        codes: &[],
        severity: Severity::Warning,
        what: "The cluster says that an EnvoyFilter has no effect",
        why: "No proxy took it, or not all of it.",
        next: "Do what the cluster's words ask for.",
        of: &[&kinds::ENVOY_FILTER],
        reads: &[],
        look: Look::Asking(&[Asks::Told], filter_not_taken),
    },
];

fn proxy_refuses(world: &World<'_>, found: &mut Found) {
    for proxy in world.proxies() {
        let refused = proxy.types.iter().filter_map(|(xds, state)| match state {
            crate::scene::SyncState::Nacked(words) => Some(format!("{xds}: {words}")),
            _ => None,
        });
        let (name, namespace) = proxy.name.rsplit_once('.').unwrap_or((&proxy.name, ""));
        for words in refused {
            found.add(&Ref::new(&kinds::POD, namespace, name), "", format!("Its proxy refuses {words}"));
        }
    }
}

fn workload<'a>(world: &World<'a>, peer: &Peer) -> Option<&'a Workload> {
    world.mesh.workload(&peer.namespace, &peer.workload)
}

/// Whether anything went this way in the hour.
fn carries(usual: &Usual) -> bool {
    usual.rps > 0.0 || usual.plaintext > 0.0
}

fn plain_text_seen(world: &World<'_>, found: &mut Found) {
    let mut by: BTreeMap<(&Ref, &str), (BTreeSet<&str>, f64)> = BTreeMap::new();
    for (path, usual) in world.hour().into_iter().flatten().filter(|(_, usual)| usual.plaintext >= 1.0) {
        let Some(called) = workload(world, &path.destination) else { continue };
        // A caller with a proxy speaks mutual TLS by itself by now; and a port of it may take plain text still.
        let proxied = workload(world, &path.source).is_some_and(|one| one.pods.iter().any(|pod| pod.sidecar));
        if proxied || takes_plain_text(world, called) {
            continue;
        }
        if let (Mode::Strict, Some(policy)) = &called.mtls {
            let (callers, calls) = by.entry((policy, &called.name)).or_default();
            callers.insert(if path.source.workload.is_empty() { "unknown" } else { &path.source.workload });
            *calls += usual.plaintext;
        }
    }
    for ((policy, called), (callers, calls)) in by {
        let what = format!("{called} was called {calls:.0} times in plain text, by {}", listed(callers));
        found.add(policy, "spec.mtls.mode", what);
    }
}

/// Whether some port of a workload takes plain text.
fn takes_plain_text(world: &World<'_>, one: &Workload) -> bool {
    let own = world.mesh.part(&one.namespace).into_iter().flat_map(|part| part.services());
    let fronts = own.filter(|service| Selects::gathering(&service.selector).takes(&one.labels));
    let mut ports =
        fronts.flat_map(|service| service.ports.iter().map(|port| port.target).collect::<Vec<_>>());
    ports.any(|port| {
        let port = u16::try_from(port).unwrap_or_default();
        world.policies().mode_at(&one.namespace, &one.labels, port).0 != Mode::Strict
    })
}

fn denies_calls(world: &World<'_>, found: &mut Found) {
    let policies = Policies::of(world.mesh);
    let mut by: BTreeMap<(&Ref, &str), BTreeSet<&str>> = BTreeMap::new();
    let refused: Vec<(Ref, &str, &str)> = {
        let seen = world.hour().into_iter().flatten().filter(|(_, usual)| carries(usual));
        let pairs: BTreeSet<_> = seen
            .map(|(path, _)| {
                let Path { source, destination, .. } = path;
                (&source.namespace, &source.workload, &destination.namespace, &destination.workload)
            })
            .collect();
        pairs
            .into_iter()
            .filter_map(|(from, caller, to, called)| {
                let caller = world.mesh.workload(from, caller)?;
                let called = world.mesh.workload(to, called)?;
                Some((policies.refuses(caller, called)?.clone(), &*caller.name, &*called.name))
            })
            .collect()
    };
    for (policy, caller, called) in &refused {
        by.entry((policy, called)).or_default().insert(caller);
    }
    for ((policy, called), callers) in by {
        let what =
            format!("{called} was called by {} in the last hour, and lets it in no more", listed(callers));
        found.add(policy, "spec.rules", what);
    }
}

fn rule_not_taken(world: &World<'_>, found: &mut Found) {
    let Some(hour) = world.hour() else { return };
    let mut called: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for (path, _) in hour.iter().filter(|(_, usual)| carries(usual)) {
        let to = (&*path.destination.namespace, &*path.destination.workload);
        called.entry(&path.service.host).or_default().insert(to);
    }
    for (at, view) in world.mesh.virtual_services().filter(|(_, view)| in_mesh(&view.gateways)) {
        // A younger rule has not had its hour.
        if world.unchanged_hours(at).is_none_or(|hours| hours < 1) {
            continue;
        }
        for (index, rule) in view.http.iter().enumerate().filter(|(_, rule)| !rule.r#match.is_empty()) {
            let behind = |host: &str, subset: &str| -> Vec<(&str, &str)> {
                let services = world.services(host);
                let subsets = services.iter().flat_map(|service| &service.subsets);
                let own = subsets.filter(|one| one.declared && one.name == subset);
                own.flat_map(|one| &one.workloads).map(|one| (&*one.namespace, &*one.name)).collect()
            };
            let mut silent = !rule.route.is_empty();
            let mut names = BTreeSet::new();
            for row in rule.route.iter().filter(|row| rule.route.len() == 1 || row.weight.unwrap_or(0) > 0) {
                let host = fqdn(&row.destination.host, &at.namespace);
                let subset = row.destination.subset.as_deref().unwrap_or_default();
                let workloads = behind(&host, subset);
                let taken = called.get(host.as_str());
                silent &= !workloads.is_empty()
                    && taken.is_some_and(|taken| !workloads.iter().any(|one| taken.contains(one)));
                names.insert(format!("{} {subset}", row.destination.host));
            }
            if silent {
                let names = listed(names.iter().map(String::as_str));
                let what = format!("No call of the last hour was seen at {names}");
                found.add(at, format!("spec.http[{index}]"), what);
            }
        }
    }
}

/// From so many tries on, calls of a chain are too many.
const TRIES: u64 = 16;

fn retries_multiply(world: &World<'_>, found: &mut Found) {
    // Tries by host, where a rule says them.
    let mut tries: BTreeMap<String, (u64, &Ref, usize)> = BTreeMap::new();
    for (at, view) in world.mesh.virtual_services().filter(|(_, view)| in_mesh(&view.gateways)) {
        for (index, rule) in view.http.iter().enumerate() {
            let attempts = rule.retries.as_ref().map_or(0, |retries| retries.attempts);
            let Some(attempts) = u64::try_from(attempts).ok().filter(|attempts| *attempts > 0) else {
                continue;
            };
            for host in &view.hosts {
                let own = (attempts.saturating_add(1), at, index);
                let entry = tries.entry(fqdn(host, &at.namespace)).or_insert(own);
                *entry = (*entry).max(own);
            }
        }
    }
    if tries.len() < 2 {
        return;
    }
    // Which hosts the workloads behind a host call.
    let Some(traffic) = world.traffic() else { return };
    let mut hosts_of: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (path, _) in traffic.flows.iter().filter(|(_, flow)| flow.carries()) {
        let to = (&*path.destination.namespace, &*path.destination.workload);
        hosts_of.entry(to).or_default().insert(&path.service.host);
    }
    let mut calls: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, _) in traffic.flows.iter().filter(|(_, flow)| flow.carries()) {
        let from = (&*path.source.namespace, &*path.source.workload);
        for host in hosts_of.get(&from).into_iter().flatten() {
            calls.entry(host).or_default().insert(&path.service.host);
        }
    }
    let mut worst: BTreeMap<(&Ref, usize), (u64, Vec<&str>)> = BTreeMap::new();
    for start in tries.keys() {
        let mut chain = vec![start.as_str()];
        multiply(&calls, &tries, &mut chain, 1, &mut |chain, product| {
            let Some((_, at, index)) = chain.last().and_then(|last| tries.get(*last)) else { return };
            let before = worst.entry((at, *index)).or_default();
            if product > before.0 {
                *before = (product, chain.to_vec());
            }
        });
    }
    for ((at, index), (product, chain)) in worst.into_iter().filter(|(_, (product, _))| *product >= TRIES) {
        let names: Vec<&str> = chain.iter().map(|host| host.split('.').next().unwrap_or(host)).collect();
        let what =
            format!("One call may become {product} here: retries multiply along {}", names.join(" → "));
        found.add(at, format!("spec.http[{index}].retries"), what);
    }
}

/// Chains are followed so far.
const LONGEST: usize = 6;

/// Follows calls from the end of a chain on, over hosts whose calls are repeated.
fn multiply<'a>(
    calls: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    tries: &'a BTreeMap<String, (u64, &Ref, usize)>,
    chain: &mut Vec<&'a str>,
    product: u64,
    tell: &mut impl FnMut(&[&'a str], u64),
) {
    let Some(last) = chain.last().copied() else { return };
    let own = tries.get(last).map_or(1, |(tries, ..)| *tries);
    let product = product.saturating_mul(own);
    let repeated = chain.iter().filter(|host| tries.contains_key(**host)).count();
    if own > 1 && repeated > 1 {
        tell(chain, product);
    }
    for next in calls.get(last).into_iter().flatten() {
        if chain.len() < LONGEST && !chain.contains(next) {
            chain.push(next);
            multiply(calls, tries, chain, product, tell);
            chain.pop();
        }
    }
}

fn certificate_missing(world: &World<'_>, found: &mut Found) {
    for (at, path, secret) in credentials(world.mesh) {
        let named = format!("Secret {}/{}", secret.namespace, secret.name);
        match world.credential(&secret) {
            Some(Credential::Absent) => found.add(&at, path, format!("There is no {named}")),
            Some(Credential::Without) => {
                found.add(&at, path, format!("{named} has no certificate with a key"));
            }
            Some(Credential::Until(_)) | None => {}
        }
    }
}

/// A certificate that ends within so many hours is told of.
const SOON: i64 = 14 * 24;

fn certificate_ends(world: &World<'_>, found: &mut Found) {
    let Some(now) = world.now() else { return };
    for (at, path, secret) in credentials(world.mesh) {
        let Some(Credential::Until(end)) = world.credential(&secret) else { continue };
        let hours = end.duration_since(now).as_hours();
        if hours < 0 || *end <= now {
            let what = format!("The certificate in {} has ended", secret.name);
            found.add_as(Severity::Error, &at, path, what);
        } else if hours < SOON {
            let what = format!("The certificate in {} ends in {} days", secret.name, hours / 24);
            found.add(&at, path, what);
        }
    }
}

fn filter_not_taken(world: &World<'_>, found: &mut Found) {
    for (at, _) in world.mesh.objects().of_kind(&kinds::ENVOY_FILTER) {
        for word in world.told(at).iter().filter(|word| word.warning && word.reason == NO_EFFECT) {
            found.add(at, "", word.message.clone());
        }
    }
}

/// The reason of Events that say so.
const NO_EFFECT: &str = "NoEffect";
