//! Checks of what pods run: their proxies' images, users and ports, and machines that join as pods do.

use super::services::sharing;
use super::world::listed;
use super::{Check, Found, Look, Severity, World};
use crate::{Ref, kinds};
use istio::Object;
use istio::kinds::REVISION;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "TargetPortShared",
        codes: &["IST0137"],
        severity: Severity::Info,
        what: "Services with different ports lead to one port of the same pods",
        why: "The pods' proxies know the port by one of them: calls of the other are counted as its calls.",
        next: "Give both the same port, or make one Service of them.",
        of: &[&kinds::SERVICE],
        reads: &[&kinds::POD],
        look: Look::All(|world, found| {
            sharing(world, found, |one, other| {
                let differ = one.1.number != other.1.number && one.1.protocol == other.1.protocol;
                differ.then(|| {
                    format!(
                        "Port {} of the same pods is {} here and {} in Service {}",
                        one.1.target, one.1.number, other.1.number, other.0.name
                    )
                })
            });
        }),
    },
    Check {
        name: "RunsAsProxy",
        codes: &["IST0144"],
        severity: Severity::Error,
        what: "An application runs as user 1337",
        why: "That is the proxy's: what the application sends passes it by, and no rule holds for it.",
        next: "Run it as another user.",
        of: &[&kinds::POD, &kinds::DEPLOYMENT, &kinds::STATEFUL_SET],
        reads: &[],
        look: Look::Each(runs_as_proxy),
    },
    Check {
        name: "ProxyImagesDiffer",
        codes: &["IST0158"],
        severity: Severity::Info,
        what: "Pods of a namespace run proxies of different images",
        why: "Those that were made before an upgrade still run the old one.",
        next: "Restart their workloads.",
        of: &[&kinds::POD],
        reads: &[&kinds::POD],
        look: Look::All(images_differ),
    },
    Check {
        name: "GroupsAlike",
        codes: &["KIA1702"],
        severity: Severity::Warning,
        what: "Two WorkloadGroups of a namespace give machines the same labels",
        why: "Services and policies cannot tell their machines apart.",
        next: "Give each a label of its own.",
        of: &[&kinds::WORKLOAD_GROUP],
        reads: &[&kinds::WORKLOAD_GROUP],
        look: Look::All(groups_alike),
    },
];

/// The user of the proxy.
const PROXY: u64 = 1337;

/// The pods that an object is, or makes.
fn template<'a>(at: &Ref, object: &'a Object) -> Option<&'a Value> {
    let owned = object.0.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    match *at.kind == kinds::POD {
        true => owned.is_none_or(Vec::is_empty).then_some(&*object.0),
        false => object.0.pointer("/spec/template"),
    }
}

fn runs_as_proxy(world: &World<'_>, at: &Ref, found: &mut Found) {
    let Some(pod) = world.mesh.objects().get(at).and_then(|object| template(at, object)) else { return };
    let user = |of: &Value| of["securityContext"]["runAsUser"].as_u64();
    let whole = user(&pod["spec"]);
    for one in pod["spec"]["containers"].as_array().into_iter().flatten() {
        let name = one["name"].as_str().unwrap_or_default();
        if name != "istio-proxy" && user(one).or(whole) == Some(PROXY) {
            found.add(at, "", format!("Container {name} runs as user {PROXY}, as the proxy does"));
        }
    }
}

fn proxy_image(pod: &Object) -> Option<&str> {
    let lists = ["containers", "initContainers"].map(|list| pod.spec()[list].as_array());
    let all: Vec<&Value> = lists.into_iter().flatten().flatten().collect();
    // A gateway's only container is the proxy, of an image of its own.
    let own = all.len() > 1;
    all.into_iter().find(|one| own && one["name"] == "istio-proxy")?["image"]
        .as_str()
        .filter(|image| *image != "auto")
}

fn images_differ(world: &World<'_>, found: &mut Found) {
    let mut by: BTreeMap<(&str, &str), BTreeMap<&str, Vec<&Ref>>> = BTreeMap::new();
    for (at, pod) in world.mesh.objects().of_kind(&kinds::POD) {
        // Each revision has an image of its own.
        let revision = pod.label(REVISION).unwrap_or_default();
        if let Some(image) = proxy_image(pod) {
            by.entry((&at.namespace, revision)).or_default().entry(image).or_default().push(at);
        }
    }
    for images in by.into_values().filter(|images| images.len() > 1) {
        let Some((most, _)) = images.iter().max_by_key(|(_, pods)| pods.len()) else { continue };
        for (image, pods) in images.iter().filter(|(image, _)| *image != most) {
            for pod in pods {
                let what = format!("Pod {} runs proxy {image}; most of its namespace run {most}", pod.name);
                found.add(pod, "spec.containers", what);
            }
        }
    }
}

fn groups_alike(world: &World<'_>, found: &mut Found) {
    let mut first: BTreeMap<(&str, BTreeMap<String, String>), &Ref> = BTreeMap::new();
    for (at, object) in world.mesh.objects().of_kind(&kinds::WORKLOAD_GROUP) {
        let labels = istio::object::strings(object.spec()["metadata"].get("labels"));
        if labels.is_empty() {
            continue;
        }
        match first.get(&(&*at.namespace, labels.clone())) {
            Some(before) => {
                let names: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let what = format!("{before} has {} too", listed(names.iter().map(String::as_str)));
                found.add(at, "spec.metadata.labels", what);
            }
            None => drop(first.insert((&at.namespace, labels), at)),
        }
    }
}
