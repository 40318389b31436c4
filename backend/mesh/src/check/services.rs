//! Checks of Services: what their ports speak, and where they lead.

use super::world::listed;
use super::{Check, Found, Look, Severity, World};
use crate::{Ref, Service, Workload, kinds};
use istio::object::strings;
use istio::{Object, Protocol, Selects};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "ProtocolUnsaid",
        codes: &["IST0118", "KIA0601"],
        severity: Severity::Info,
        what: "A port of a Service does not say what it speaks",
        why: "Proxies wait for the first bytes to find out: routes and metrics depend on what they take it for, and \
              servers that speak first are held up.",
        next: "Name the port http-…, grpc-…, tcp-… or set appProtocol.",
        of: &[&kinds::SERVICE],
        reads: &[],
        look: Look::Each(protocol_unsaid),
    },
    Check {
        name: "AppProtocolUnknown",
        codes: &["KIA0602"],
        severity: Severity::Warning,
        what: "A port's appProtocol is none that Istio knows",
        why: "It counts before the port's name: the name is not looked at.",
        next: "Use http, http2, https, grpc, tcp, tls, mongo, mysql, redis or kubernetes.io/h2c, ws, wss.",
        of: &[&kinds::SERVICE],
        reads: &[],
        look: Look::Each(app_protocol),
    },
    Check {
        name: "ServiceWithoutPods",
        codes: &[],
        severity: Severity::Warning,
        what: "The selector of a Service chooses no pod",
        why: "Calls to it get 503.",
        next: "Correct the labels, or deploy what it is for; take the Service away if nobody needs it.",
        of: &[&kinds::SERVICE],
        reads: &[&kinds::POD, &kinds::WORKLOAD_ENTRY],
        look: Look::Each(without_pods),
    },
    Check {
        name: "PortLeadsNowhere",
        codes: &["KIA0701"],
        severity: Severity::Warning,
        what: "A port of a Service leads to a named port that none of its pods has",
        why: "Calls to it reach nobody.",
        next: "Name the container's port so, or write its number.",
        of: &[&kinds::SERVICE],
        reads: &[&kinds::POD],
        look: Look::Each(port_leads_nowhere),
    },
    Check {
        name: "ExternalNamePort",
        codes: &["IST0150"],
        severity: Severity::Warning,
        what: "A port of an ExternalName Service is unnamed or named tcp",
        why: "Istio then takes every call to any address at that port for it.",
        next: "Name the port http-… or tls-…, or make a ServiceEntry.",
        of: &[&kinds::SERVICE],
        reads: &[],
        look: Look::Each(external_name_port),
    },
    Check {
        name: "ProtocolsDisagree",
        codes: &["IST0116"],
        severity: Severity::Warning,
        what: "Two Services say different things of one port of the same pods",
        why: "The pods' proxies serve it as one of both: the other's calls fail or go uncounted.",
        next: "Say the same protocol in both.",
        of: &[&kinds::SERVICE],
        reads: &[&kinds::POD],
        look: Look::All(|world, found| {
            sharing(world, found, |one, other| {
                (one.1.protocol != other.1.protocol).then(|| {
                    format!(
                        "Port {} of the same pods is {} here and {} in Service {}",
                        one.1.target, one.1.protocol, other.1.protocol, other.0.name
                    )
                })
            });
        }),
    },
];

/// A Service of the mesh's own: of the control plane and of Kubernetes itself nobody expects names.
fn service<'a>(world: &World<'a>, at: &Ref) -> Option<&'a Object> {
    let own = *at.namespace == *world.mesh.root_namespace()
        || at.namespace.starts_with("kube-")
        || (*at.namespace == *"default" && *at.name == *"kubernetes");
    world.mesh.objects().get(at).filter(|_| !own)
}

fn ports(object: &Object) -> impl Iterator<Item = (usize, &Value)> {
    object.spec()["ports"].as_array().map_or(&[][..], Vec::as_slice).iter().enumerate()
}

fn text<'v>(port: &'v Value, key: &str) -> &'v str {
    port[key].as_str().unwrap_or_default()
}

fn is_external_name(object: &Object) -> bool {
    object.spec()["type"] == "ExternalName"
}

fn protocol_unsaid(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = service(world, at).filter(|object| !is_external_name(object)) else { return };
    for (index, port) in ports(object) {
        let number = port["port"].as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or_default();
        let (name, app) = (text(port, "name"), port["appProtocol"].as_str());
        let auto = |app| Protocol::of_service(text(port, "protocol"), app, name, number) == Protocol::Auto;
        if app.is_none() && auto(None) {
            let shown = if name.is_empty() { "has no name".to_owned() } else { format!("is named {name}") };
            let what = format!("Port {number} {shown}, which says no protocol");
            found.add(at, format!("spec.ports[{index}].name"), what);
        }
    }
}

fn app_protocol(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = service(world, at) else { return };
    for (index, port) in ports(object) {
        let Some(said) = port["appProtocol"].as_str() else { continue };
        if Protocol::of_service(text(port, "protocol"), Some(said), "", 0) == Protocol::Auto {
            let what = format!("{said} is no protocol that Istio knows");
            found.add(at, format!("spec.ports[{index}].appProtocol"), what);
        }
    }
}

fn without_pods(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = service(world, at).filter(|object| !is_external_name(object)) else { return };
    let Some(service) = world.mesh.service(&at.namespace, &at.name) else { return };
    let selects = Selects::gathering(&service.selector);
    let mut machines = world.mesh.objects().within(&kinds::WORKLOAD_ENTRY, &at.namespace);
    let machine = |entry: &Object| selects.takes(&strings(entry.spec().get("labels")));
    if service.selector.is_empty()
        || !world.knows_pods(&at.namespace)
        || world.within(&at.namespace).any(|one| selects.takes(&one.labels))
        || machines.any(|(_, entry)| machine(entry))
    {
        return;
    }
    let labels: Vec<String> =
        service.selector.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let labels = listed(labels.iter().map(String::as_str));
    found.add_here(world, at, "spec.selector", format!("No pod of {} has {labels}", object.namespace()));
}

fn port_leads_nowhere(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = service(world, at) else { return };
    let Some(service) = world.mesh.service(&at.namespace, &at.name) else { return };
    let all: Vec<&Value> =
        world.mesh.workloads_of(service).flat_map(|workload| pods_of(world, workload)).collect();
    for (index, port) in ports(object) {
        let Some(target) = port["targetPort"].as_str().filter(|name| name.parse::<u32>().is_err()) else {
            continue;
        };
        if !all.is_empty() && !all.iter().any(|pod| opens(pod, target)) {
            let what = format!("None of its pods has a port named {target}");
            found.add(at, format!("spec.ports[{index}].targetPort"), what);
        }
    }
}

/// What the pods of a workload are to be; where it has none, what they are made of.
fn pods_of<'a>(world: &World<'a>, workload: &'a Workload) -> Vec<&'a Value> {
    let get = |kind, name: &str| world.mesh.objects().get(&Ref::new(kind, &workload.namespace, name));
    let pods: Vec<&Value> =
        workload.pods.iter().filter_map(|pod| Some(get(&kinds::POD, &pod.name)?.spec())).collect();
    if !workload.pods.is_empty() {
        return pods;
    }
    let made =
        [&kinds::DEPLOYMENT, &kinds::STATEFUL_SET].into_iter().find_map(|kind| get(kind, &workload.name));
    made.and_then(|object| object.0.pointer("/spec/template/spec")).into_iter().collect()
}

/// Whether a container of a pod names a port so.
fn opens(pod: &Value, name: &str) -> bool {
    let lists = ["containers", "initContainers"].map(|list| pod[list].as_array());
    let mut all = lists.into_iter().flatten().flatten();
    all.any(|one| one["ports"].as_array().into_iter().flatten().any(|own| own["name"] == name))
}

fn external_name_port(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = service(world, at).filter(|object| is_external_name(object)) else { return };
    for (index, port) in ports(object) {
        let name = text(port, "name");
        if name.is_empty() || name == "tcp" || name.starts_with("tcp-") {
            let what = format!("Port {} is taken as bytes to any address", port["port"]);
            found.add(at, format!("spec.ports[{index}].name"), what);
        }
    }
}

pub(super) type Side<'a> = (&'a Service, &'a crate::Port);

/// Pairs of Services that lead to one port of the same workload, as `words` has something to say of them.
pub(super) fn sharing(
    world: &World<'_>,
    found: &mut Found,
    words: impl Fn(Side<'_>, Side<'_>) -> Option<String>,
) {
    let mut by: BTreeMap<(&str, &str, u32), Side<'_>> = BTreeMap::new();
    let mut told: Vec<&Ref> = Vec::new();
    for service in world.mesh.services().filter(|service| !service.external) {
        for workload in world.mesh.workloads_of(service) {
            for port in service.ports.iter().filter(|port| port.target != 0) {
                let key = (&*workload.namespace, &*workload.name, port.target);
                match by.get(&key).copied() {
                    Some(other) if other.0.at != service.at && !told.contains(&&service.at) => {
                        if let Some(what) = words((service, port), other) {
                            told.push(&service.at);
                            found.add(&service.at, "spec.ports", what);
                        }
                    }
                    Some(_) => {}
                    None => drop(by.insert(key, (service, port))),
                }
            }
        }
    }
}
