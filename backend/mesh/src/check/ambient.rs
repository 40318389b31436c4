//! Checks of ambient mode: what ztunnel and waypoints do not look at.

use super::world::listed;
use super::{Check, Found, Look, Severity, World};
use crate::{Ref, Service, Workload, fqdn, kinds};
use istio::routing::in_mesh;
use istio::views::{AuthorizationPolicy, Telemetry};
use istio::{Object, Selects};

/// The label by which a namespace or a pod joins ambient mode.
pub(super) const DATAPLANE: &str = "istio.io/dataplane-mode";
/// The label by which a service, a namespace or a pod says which waypoint takes its calls.
const WAYPOINT: &str = "istio.io/use-waypoint";
/// The namespace of that waypoint, where it is another one.
const WAYPOINT_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
/// What the node's agent writes on pods whose calls it has redirected.
const REDIRECTION: &str = "ambient.istio.io/redirection";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "RulesWithoutWaypoint",
        codes: &["KIA1109", "KIA1113", "KIA0210", "KIA0211"],
        severity: Severity::Warning,
        what: "HTTP rules or a DestinationRule are for a service in ambient mode that no waypoint serves",
        why: "ztunnel passes connections on: it looks at no request, and knows no subset.",
        next: "Deploy a waypoint and label the namespace or the service istio.io/use-waypoint.",
        of: &[&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE],
        reads: &[&kinds::NAMESPACE, &kinds::SERVICE, &kinds::POD],
        look: Look::Each(rules_without_waypoint),
    },
    Check {
        name: "RulesOfAnotherNamespace",
        codes: &["KIA1114", "KIA0212"],
        severity: Severity::Warning,
        what: "Rules for a service behind a waypoint stand in another namespace",
        why: "A waypoint follows what stands beside the service only.",
        next: "Put the rules into the namespace of the service.",
        of: &[&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE],
        reads: &[&kinds::NAMESPACE, &kinds::SERVICE, &kinds::POD],
        look: Look::Each(rules_elsewhere),
    },
    Check {
        name: "PolicyWithoutWaypoint",
        codes: &["KIA0109", "KIA1110", "KIA1111", "KIA1112", "KIA1317"],
        severity: Severity::Warning,
        what: "A policy asks for requests of pods in ambient mode that no waypoint serves",
        why: "ztunnel reads no request: an ALLOW rule that asks for one lets nobody in, a plugin or a token is not \
              looked at.",
        next: "Deploy a waypoint, and name it or its service in targetRefs.",
        of: POLICIES,
        reads: &[&kinds::NAMESPACE, &kinds::SERVICE, &kinds::POD],
        look: Look::Each(policy_without_waypoint),
    },
    Check {
        name: "PolicyNotAttached",
        codes: &["KIA0110", "KIA1115", "KIA1116", "KIA1117"],
        severity: Severity::Warning,
        what: "A policy that asks for requests has a selector, or nothing, where a waypoint serves the pods",
        why: "Waypoints follow policies that name them, or their service, in targetRefs; ztunnel reads no request.",
        next: "Name the waypoint or the service in targetRefs.",
        of: POLICIES,
        reads: &[&kinds::NAMESPACE, &kinds::SERVICE, &kinds::POD],
        look: Look::Each(policy_not_attached),
    },
    Check {
        name: "SidecarInAmbient",
        codes: &["IST0167"],
        severity: Severity::Warning,
        what: "A Sidecar is for pods in ambient mode",
        why: "They have no sidecar that it could tell something.",
        next: "Take it away, or limit who may call with an AuthorizationPolicy.",
        of: &[&kinds::SIDECAR],
        reads: &[&kinds::NAMESPACE, &kinds::POD],
        look: Look::Each(sidecar_in_ambient),
    },
    Check {
        name: "WaypointNotFound",
        codes: &["KIA1313"],
        severity: Severity::Error,
        what: "A label names a waypoint that is not there, or a Gateway that is none",
        why: "Calls go on without it: its rules and policies hold for nobody.",
        next: "Deploy the waypoint (istioctl waypoint apply), or correct the name.",
        of: &[&kinds::NAMESPACE, &kinds::SERVICE, &kinds::POD],
        reads: &[&kinds::API_GATEWAY],
        look: Look::Each(waypoint_not_found),
    },
    Check {
        name: "WaypointOutsideAmbient",
        codes: &["KIA1312"],
        severity: Severity::Warning,
        what: "A namespace or pod says which waypoint takes its calls, and is not in ambient mode",
        why: "Only ztunnel sends calls to waypoints.",
        next: "Label it istio.io/dataplane-mode=ambient, or take the waypoint's label away.",
        of: &[&kinds::NAMESPACE, &kinds::POD],
        reads: &[&kinds::NAMESPACE, &kinds::POD],
        look: Look::Each(waypoint_outside),
    },
    Check {
        name: "ProxyInAmbient",
        codes: &["KIA1314", "KIA1316"],
        severity: Severity::Warning,
        what: "A pod has a sidecar, and its namespace is in ambient mode",
        why: "The sidecar counts, and ztunnel and waypoint are passed by; where both have its calls redirected, \
              they fail.",
        next: "Take the sidecar away, or label the pod istio.io/dataplane-mode=none.",
        of: &[&kinds::POD],
        reads: &[&kinds::NAMESPACE],
        look: Look::Each(proxy_in_ambient),
    },
];

/// Policies that hold for pods by selector, or by what they name.
const POLICIES: &[&crate::Kind] =
    &[&kinds::AUTHORIZATION_POLICY, &kinds::REQUEST_AUTHENTICATION, &kinds::WASM_PLUGIN, &kinds::TELEMETRY];

fn namespace<'a>(world: &World<'a>, name: &str) -> Option<&'a Object> {
    world.mesh.objects().get(&Ref::new(&kinds::NAMESPACE, "", name))
}

/// Whether pods of a namespace are in ambient mode unless they say otherwise.
fn is_ambient(world: &World<'_>, name: &str) -> bool {
    namespace(world, name).and_then(|object| object.label(DATAPLANE)) == Some("ambient")
}

/// Whether a workload is in ambient mode: without a sidecar, by its own label or its namespace's.
pub(super) fn captured(world: &World<'_>, workload: &Workload) -> bool {
    let own = workload.labels.get(DATAPLANE).map(String::as_str);
    let wanted = own.map_or_else(|| is_ambient(world, &workload.namespace), |mode| mode == "ambient");
    wanted && !workload.gateway && !workload.pods.iter().any(|pod| pod.sidecar)
}

/// The waypoint that takes calls of an object, where its label or its namespace's says one.
fn waypoint<'a>(world: &World<'a>, at: &Ref) -> Option<&'a str> {
    let said = |object: Option<&'a Object>| object.and_then(|object| object.label(WAYPOINT));
    let own = said(world.mesh.objects().get(at));
    own.or_else(|| said(namespace(world, &at.namespace))).filter(|name| *name != "none")
}

/// Services of the hosts of rules that are in ambient mode: none of their pods has a sidecar.
fn ambient_services<'a>(world: &World<'a>, hosts: &[String], namespace: &str) -> Vec<&'a Service> {
    let all = hosts.iter().flat_map(|host| world.services(&fqdn(host, namespace)));
    let ambient = |service: &&Service| {
        let mut pods = world.mesh.workloads_of(service).peekable();
        !service.external && pods.peek().is_some() && pods.all(|one| captured(world, one))
    };
    all.filter(ambient).collect()
}

/// Hosts of an object that says something of requests or subsets of them inside the mesh.
fn ruled(world: &World<'_>, at: &Ref) -> (Vec<String>, &'static str) {
    if let Some(view) = world.mesh.virtual_service(at) {
        let acts = in_mesh(&view.gateways) && !view.http.is_empty();
        return (if acts { view.hosts.clone() } else { Vec::new() }, "spec.hosts");
    }
    let rule = world.mesh.destination_rule(at);
    let rule = rule.filter(|rule| rule.traffic_policy.is_some() || !rule.subsets.is_empty());
    (rule.map(|rule| rule.host.clone()).into_iter().collect(), "spec.host")
}

fn rules_without_waypoint(world: &World<'_>, at: &Ref, found: &mut Found) {
    if !world.has_ambient() {
        return;
    }
    let (hosts, path) = ruled(world, at);
    for service in ambient_services(world, &hosts, &at.namespace) {
        if waypoint(world, &service.at).is_none() {
            // Callers with sidecars follow it all the same.
            let sidecars =
                world.mesh.workloads().any(|one| one.pods.iter().any(|pod| pod.sidecar) && !one.gateway);
            let (severity, who) = match sidecars {
                true => (Severity::Info, "only callers with sidecars follow it"),
                false => (Severity::Warning, "nobody follows it"),
            };
            let what = format!("{} is in ambient mode and has no waypoint: {who}", service.name);
            found.add_as(severity, at, path, what);
        }
    }
}

fn rules_elsewhere(world: &World<'_>, at: &Ref, found: &mut Found) {
    if !world.has_ambient() {
        return;
    }
    let (hosts, path) = ruled(world, at);
    for service in ambient_services(world, &hosts, &at.namespace) {
        if *service.namespace != *at.namespace && waypoint(world, &service.at).is_some() {
            let what = format!(
                "The waypoint of {} follows rules of namespace {} only",
                service.name, service.namespace
            );
            found.add(at, path, what);
        }
    }
}

/// Whether a policy asks for something that only requests have.
fn asks_for_requests(world: &World<'_>, at: &Ref) -> bool {
    if *at.kind == kinds::AUTHORIZATION_POLICY {
        let view = world.view::<AuthorizationPolicy>(at);
        return view.is_some_and(|view| {
            view.action.as_deref() == Some("CUSTOM")
                || view.rules.iter().any(|rule| super::policies::request_field(rule).is_some())
        });
    }
    // ztunnel logs and counts connections by itself.
    let logs = || {
        let view = world.view::<Telemetry>(at).unwrap_or_default();
        !view.tracing.is_empty() || !view.metrics.is_empty()
    };
    *at.kind != kinds::TELEMETRY || logs()
}

/// The workloads in ambient mode that a policy is for by its selector; none where it names targets.
fn selected<'a>(world: &World<'a>, at: &Ref) -> Vec<&'a Workload> {
    let Some(object) = world.mesh.objects().get(at) else { return Vec::new() };
    let spec = object.spec();
    let targets =
        spec["targetRefs"].as_array().is_some_and(|all| !all.is_empty()) || spec["targetRef"].is_object();
    // What is for the whole mesh is for its sidecars.
    let narrow = *at.namespace != *world.mesh.root_namespace();
    match at.kind.selects(object).filter(|_| !targets && narrow && asks_for_requests(world, at)) {
        Some(selects) => {
            let all = world.within(&at.namespace).filter(|one| selects.takes(&one.labels));
            all.filter(|one| captured(world, one)).collect()
        }
        None => Vec::new(),
    }
}

/// Whether a waypoint takes the calls of some service in front of a workload.
fn served(world: &World<'_>, workload: &Workload) -> bool {
    let own = namespace(world, &workload.namespace).and_then(|object| object.label(WAYPOINT));
    let mut fronts = world.mesh.part(&workload.namespace).into_iter().flat_map(|part| part.services());
    workload.labels.get(WAYPOINT).map(String::as_str).or(own).is_some_and(|name| name != "none")
        || fronts.any(|service| {
            Selects::gathering(&service.selector).takes(&workload.labels)
                && waypoint(world, &service.at).is_some()
        })
}

fn of_selected(world: &World<'_>, at: &Ref, found: &mut Found, waypoints: bool, words: &str) {
    let all = selected(world, at).into_iter().filter(|one| served(world, one) == waypoints);
    let names: Vec<&str> = all.map(|one| &*one.name).collect();
    if !names.is_empty() {
        found.add(at, "spec", format!("{} {words}", listed(names)));
    }
}

fn policy_without_waypoint(world: &World<'_>, at: &Ref, found: &mut Found) {
    of_selected(
        world,
        at,
        found,
        false,
        "runs in ambient mode without a waypoint: nobody reads its requests",
    );
}

fn policy_not_attached(world: &World<'_>, at: &Ref, found: &mut Found) {
    of_selected(world, at, found, true, "has a waypoint, which follows policies with targetRefs only");
}

fn sidecar_in_ambient(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    let selects = at.kind.selects(object);
    let mut all = world
        .within(&at.namespace)
        .filter(|one| selects.as_ref().is_none_or(|selects| selects.takes(&one.labels)))
        .peekable();
    if all.peek().is_some() && all.all(|one| captured(world, one)) {
        found.add(at, "", "All pods that it is for are in ambient mode");
    }
}

fn waypoint_not_found(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    let Some(name) = object.label(WAYPOINT).filter(|name| *name != "none" && !name.is_empty()) else {
        return;
    };
    let own = if *at.kind == kinds::NAMESPACE { &at.name } else { &at.namespace };
    let namespace = object.label(WAYPOINT_NAMESPACE).unwrap_or(own);
    let gateway = Ref::new(&kinds::API_GATEWAY, namespace, name);
    let path = format!("metadata.labels[\"{WAYPOINT}\"]");
    match world.mesh.api_gateway(&gateway) {
        None => found.add(at, path, format!("There is no waypoint {namespace}/{name}")),
        Some(view) if view.gateway_class_name != "istio-waypoint" => {
            let what =
                format!("Gateway {namespace}/{name} is of class {}, no waypoint", view.gateway_class_name);
            found.add(at, path, what);
        }
        Some(_) => {}
    }
}

fn waypoint_outside(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    if object.label(WAYPOINT).is_none_or(|name| name == "none") {
        return;
    }
    let outside = match *at.kind == kinds::NAMESPACE {
        true => {
            let mut pods = world.within(&at.name).peekable();
            !is_ambient(world, &at.name) && pods.peek().is_some() && !pods.any(|one| captured(world, one))
        }
        false => {
            let own = object.label(DATAPLANE);
            own.map_or_else(|| !is_ambient(world, &at.namespace), |mode| mode != "ambient")
        }
    };
    if outside {
        found.add(
            at,
            format!("metadata.labels[\"{WAYPOINT}\"]"),
            format!("{} is not in ambient mode", at.name),
        );
    }
}

fn proxy_in_ambient(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    let lists = ["containers", "initContainers"].map(|list| object.spec()[list].as_array());
    let mut all = lists.into_iter().flatten().flatten();
    let gateway = object.spec()["containers"].as_array().is_some_and(|all| all.len() == 1);
    if gateway || !all.any(|one| one["name"] == "istio-proxy") || object.label(DATAPLANE).is_some() {
        return;
    }
    if object.annotation(REDIRECTION) == Some("enabled") {
        let what = format!("Pod {} has a sidecar, and ztunnel takes its calls too", at.name);
        found.add_as(Severity::Error, at, "", what);
    } else if is_ambient(world, &at.namespace) {
        found.add(at, "", format!("Pod {} has a sidecar in a namespace in ambient mode", at.name));
    }
}
