//! Checks of whom an object is for: selectors that choose nothing, two that are for one pod, namespaces that
//! are not there.

use super::world::{Choosing, listed};
use super::{Check, Found, Look, Severity, World};
use crate::{KINDS, Kind, Ref, Workload, kinds};
use istio::attach::GATEWAY_NAME;
use istio::{Object, Selects};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "SelectsNothing",
        codes: &["IST0101", "IST0127", "KIA0004"],
        severity: Severity::Warning,
        what: "The selector of a policy, Sidecar, Telemetry or EnvoyFilter chooses no pod",
        why: "It does nothing.",
        next: "Correct the labels; a selector chooses among pods of its own namespace only, but in the root namespace.",
        of: KINDS,
        reads: &[&kinds::POD],
        look: Look::All(selects_nothing),
    },
    Check {
        name: "SelectsGatewayPods",
        codes: &["IST0166"],
        severity: Severity::Warning,
        what: "The selector of a policy chooses pods of a Gateway of the Gateway API",
        why: "For those Istio asks for targetRefs: the selector does not count.",
        next: "Name the Gateway in targetRefs instead of selecting its pods.",
        of: KINDS,
        reads: &[&kinds::POD],
        look: Look::All(selects_gateway_pods),
    },
    Check {
        name: "SeveralForNamespace",
        codes: &["IST0111", "IST0160", "KIA0002"],
        severity: Severity::Error,
        what: "Two objects of a kind of which one counts are for a whole namespace",
        why: "The older one counts; the other does nothing.",
        next: "Keep one of them.",
        of: &[&kinds::SIDECAR, &kinds::TELEMETRY, &kinds::PEER_AUTHENTICATION],
        reads: &[&kinds::SIDECAR, &kinds::TELEMETRY, &kinds::PEER_AUTHENTICATION],
        look: Look::All(several_for_namespace),
    },
    Check {
        name: "SeveralForWorkload",
        codes: &["IST0110", "IST0159", "KIA0003"],
        severity: Severity::Error,
        what: "Two objects of a kind of which one counts select the same pods",
        why: "The older one counts; the other does nothing for them.",
        next: "Make their selectors apart, or keep one.",
        of: &[&kinds::SIDECAR, &kinds::TELEMETRY, &kinds::PEER_AUTHENTICATION],
        reads: &[&kinds::SIDECAR, &kinds::TELEMETRY, &kinds::PEER_AUTHENTICATION, &kinds::POD],
        look: Look::All(several_for_workload),
    },
    Check {
        name: "ExportToNowhere",
        codes: &["KIA0005"],
        severity: Severity::Error,
        what: "exportTo names a namespace that is not there",
        why: "Nobody sees it from there.",
        next: "Correct the name; \".\" is the object's own namespace, \"*\" all of them.",
        of: &[&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE, &kinds::SERVICE_ENTRY],
        reads: &[&kinds::NAMESPACE],
        look: Look::Each(export_to_nowhere),
    },
];

/// Kinds of which only one counts for a pod.
const ONE_COUNTS: [&Kind; 3] = [&kinds::PEER_AUTHENTICATION, &kinds::SIDECAR, &kinds::TELEMETRY];

/// Objects that choose pods, apart from Services, with what they choose; those that name targets choose none.
fn choosing<'w, 'a>(world: &'w World<'a>) -> &'w [Choosing<'a>] {
    world.choosing.get_or_init(|| {
        let kinds = KINDS.iter().filter(|kind| kind.group.ends_with("istio.io") && kind.chooses.is_some());
        let all = kinds.flat_map(|kind| world.mesh.objects().of_kind(kind));
        let names = |object: &Object| {
            let set = |key: &str| {
                object.spec().get(key).is_some_and(|value| !value.is_null() && *value != Value::Array(vec![]))
            };
            set("targetRef") || set("targetRefs")
        };
        let own = all.filter(|(_, object)| !names(object));
        own.filter_map(|(at, object)| Some((at, object, at.kind.selects(object)?))).collect()
    })
}

/// The workloads among which an object's selector chooses. A Sidecar or PeerAuthentication that selects does
/// so in its own namespace, also in the root namespace.
fn reach<'a>(world: &World<'a>, at: &Ref) -> Vec<&'a Workload> {
    match ONE_COUNTS.contains(&at.kind) && *at.kind != kinds::TELEMETRY || *at.kind == kinds::DESTINATION_RULE
    {
        true => world.within(&at.namespace).collect(),
        false => world.in_reach(&at.namespace),
    }
}

/// Where an object's selector stands.
fn path(at: &Ref) -> &'static str {
    match at.kind.chooses.map(|chooses| chooses.labels) {
        Some(labels) if labels.starts_with("/spec/workloadSelector") => "spec.workloadSelector",
        _ => "spec.selector",
    }
}

fn words(selects: &Selects<'_>) -> String {
    let labels = selects.labels().into_iter().flatten();
    listed(
        labels.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().iter().map(String::as_str),
    )
}

fn selects_nothing(world: &World<'_>, found: &mut Found) {
    for (at, _, selects) in choosing(world) {
        let narrow = selects.is_narrow() && *at.kind != kinds::GATEWAY;
        let known = || world.knows_pods(&at.namespace);
        if narrow && !reach(world, at).iter().any(|one| selects.takes(&one.labels)) && known() {
            let place = match *at.namespace == *world.mesh.root_namespace() {
                true => "the mesh".to_owned(),
                false => format!("namespace {}", at.namespace),
            };
            found.add(at, path(at), format!("No pod of {place} has {}", words(selects)));
        }
    }
}

fn selects_gateway_pods(world: &World<'_>, found: &mut Found) {
    for (at, _, selects) in choosing(world) {
        let policy = path(at) == "spec.selector"
            && *at.kind != kinds::GATEWAY
            && *at.kind != kinds::PEER_AUTHENTICATION;
        if !policy || !selects.is_narrow() {
            continue;
        }
        let chosen = reach(world, at).into_iter().filter(|one| selects.takes(&one.labels));
        let names: Vec<&str> =
            chosen.filter_map(|one| one.labels.get(GATEWAY_NAME)).map(String::as_str).collect();
        if !names.is_empty() {
            found.add(at, "spec.selector", format!("It chooses pods of Gateway {}", listed(names)));
        }
    }
}

/// Those of which only one counts, the oldest first.
fn by_age<'w, 'a>(world: &'w World<'a>) -> Vec<&'w Choosing<'a>> {
    let mut all: Vec<_> = choosing(world).iter().filter(|(at, ..)| ONE_COUNTS.contains(&at.kind)).collect();
    all.sort_by(|(one, a, _), (other, b, _)| (a.created(), one).cmp(&(b.created(), other)));
    all
}

fn several_for_namespace(world: &World<'_>, found: &mut Found) {
    let mut first: BTreeMap<(&Kind, &str), &Ref> = BTreeMap::new();
    for (at, _, selects) in by_age(world) {
        if selects.is_narrow() {
            continue;
        }
        match first.get(&(at.kind, &*at.namespace)) {
            Some(before) => {
                found.add(at, "", format!("{before} is for all of {} too, and is older", at.namespace));
            }
            None => drop(first.insert((at.kind, &at.namespace), at)),
        }
    }
}

fn several_for_workload(world: &World<'_>, found: &mut Found) {
    let all = by_age(world);
    for kind in ONE_COUNTS {
        let mut first: BTreeMap<(&str, &str), &Ref> = BTreeMap::new();
        for (at, _, selects) in all.iter().filter(|(at, _, selects)| at.kind == kind && selects.is_narrow()) {
            let mut told = false;
            for one in world.within(&at.namespace).filter(|one| selects.takes(&one.labels)) {
                match first.get(&(&*one.namespace, &*one.name)) {
                    Some(before) if !told => {
                        told = true;
                        found.add(at, path(at), format!("{before} selects {} too, and is older", one.name));
                    }
                    Some(_) => {}
                    None => drop(first.insert((&one.namespace, &one.name), at)),
                }
            }
        }
    }
}

fn export_to_nowhere(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    for (index, to) in object.spec()["exportTo"].as_array().into_iter().flatten().enumerate() {
        let name = to.as_str().unwrap_or("*");
        if !matches!(name, "." | "*" | "~") && !world.has_namespace(name) {
            found.add(at, format!("spec.exportTo[{index}]"), format!("There is no namespace {name}"));
        }
    }
}
