//! Finds what runs beside the mesh: istiod's replicas, and the pod and port behind a Service (Prometheus,
//! traces).

use crate::hub::Hub;
use mesh::scene::KindState;
use mesh::{Kind, Object, Objects, Problem, kinds};
use serde_json::Value;

/// A port of a pod, to be reached by port-forward.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PodPort {
    pub(crate) namespace: String,
    pub(crate) pod: String,
    pub(crate) port: u16,
}

/// What makes a Service the wanted one, the best first: name and namespace, labels, ports.
pub(crate) struct Wanted {
    /// "Prometheus", in the problem.
    pub(crate) title: &'static str,
    /// Names; in istio-system they come before the same names elsewhere.
    pub(crate) names: &'static [&'static str],
    /// Values of the labels `app` and `app.kubernetes.io/name`.
    pub(crate) apps: &'static [&'static str],
    /// How the names end of those with such a label that are preferred to others with it.
    pub(crate) endings: &'static [&'static str],
    /// Numbers and names of its port, the best first.
    pub(crate) ports: &'static [(u16, &'static str)],
    /// What to do when there is none.
    pub(crate) next: &'static str,
    /// The option that takes its URL.
    pub(crate) option: &'static str,
}

/// A kind that cannot be read says more than that nothing was found among what was.
fn unread(hub: &Hub, title: &str, option: &str, kinds: &[&'static Kind]) -> Option<Problem> {
    let states = kinds.iter().filter_map(|kind| hub.kind(kind));
    let problem = states.filter_map(|state| match state {
        KindState::Denied(problem) | KindState::Stale(problem) => Some(problem),
        KindState::Waiting | KindState::Live(_) | KindState::Missing => None,
    });
    let hidden = || kinds.iter().find_map(|kind| hub.unseen(kind));
    let Problem { why, next, .. } = problem.into_iter().next().or_else(hidden)?;
    Some(Problem::new(
        format!("{title} cannot be looked for"),
        why,
        format!("{next}. Or give its URL with {option}"),
    ))
}

/// Finds the Service and a ready pod behind it. The text says what was found ("prometheus in istio-system").
pub(crate) fn service(hub: &Hub, wanted: &Wanted) -> Result<(String, PodPort), Problem> {
    let objects = hub.objects();
    let root = mesh::root_namespace(&objects);
    let services = objects.of_kind(&kinds::SERVICE);
    let mut ranked: Vec<(usize, &Object)> =
        services.filter_map(|(_, service)| Some((rank(service, wanted, &root)?, service))).collect();
    ranked.sort_by(|a, b| (a.0, a.1.namespace(), a.1.name()).cmp(&(b.0, b.1.namespace(), b.1.name())));
    let unread = || unread(hub, wanted.title, wanted.option, &[&kinds::SERVICE, &kinds::POD]);
    if ranked.is_empty() {
        let why = format!("No Service is named {} or labelled so", wanted.names.join(" or "));
        let missing = || Problem::new(format!("{} is not there", wanted.title), why, wanted.next);
        return Err(unread().unwrap_or_else(missing));
    }
    let mut last = String::new();
    for (_, service) in ranked {
        match behind(service, wanted, &objects) {
            Ok(port) => return Ok((format!("{} in {}", service.name(), service.namespace()), port)),
            Err(why) => last = why,
        }
    }
    // It is there, and not ready: nobody need install it.
    let next =
        format!("Look at its pods; it is asked again by itself, or give its URL with {}", wanted.option);
    Err(unread().unwrap_or_else(|| Problem::new(format!("{} does not run", wanted.title), last, next)))
}

fn rank(service: &Object, wanted: &Wanted, root: &str) -> Option<usize> {
    let named = wanted.names.iter().position(|name| *name == service.name());
    let labelled = ["app", "app.kubernetes.io/name"]
        .iter()
        .any(|label| service.label(label).is_some_and(|app| wanted.apps.contains(&app)));
    match (named, service.namespace() == root) {
        (Some(position), true) => Some(position),
        (Some(position), false) => Some(10 + position),
        (None, of_root) if labelled => {
            let ends = wanted.endings.iter().any(|end| service.name().ends_with(end));
            Some(20 + usize::from(!of_root) + if ends { 0 } else { 2 })
        }
        _ => None,
    }
}

/// A ready pod of the service, and the port of the pod.
fn behind(service: &Object, wanted: &Wanted, objects: &Objects) -> Result<PodPort, String> {
    let name = format!("Service {}/{}", service.namespace(), service.name());
    let ports: Vec<&Value> = service.spec()["ports"].as_array().into_iter().flatten().collect();
    let port = wanted
        .ports
        .iter()
        .find_map(|(number, label)| {
            ports.iter().find(|port| port["port"] == *number || port["name"] == **label).copied()
        })
        .or_else(|| ports.first().copied())
        .ok_or_else(|| format!("{name} has no port"))?;
    let selector = service.spec()["selector"].as_object().cloned().unwrap_or_default();
    if selector.is_empty() {
        return Err(format!("{name} selects no pods"));
    }
    let mut chosen: Vec<&Object> = objects
        .within(&kinds::POD, service.namespace())
        .map(|(_, pod)| pod)
        .filter(|pod| selector.iter().all(|(key, value)| pod.label(key) == value.as_str()))
        .filter(|pod| ready(pod))
        .collect();
    chosen.sort_by_key(|pod| pod.name().to_owned());
    let pod = chosen.first().ok_or_else(|| format!("{name} has no ready pod"))?;
    let number =
        target(port, pod).ok_or_else(|| format!("{name} names a port that its pod does not have"))?;
    Ok(PodPort { namespace: pod.namespace().into(), pod: pod.name().into(), port: number })
}

/// The pod's port of a service port: a number, or the name of a container port.
fn target(port: &Value, pod: &Object) -> Option<u16> {
    match &port["targetPort"] {
        Value::String(name) => {
            let containers = pod.spec()["containers"].as_array()?;
            let mut ports =
                containers.iter().flat_map(|container| container["ports"].as_array().into_iter().flatten());
            let named = ports.find(|port| port["name"] == name.as_str())?;
            u16::try_from(named["containerPort"].as_u64()?).ok()
        }
        Value::Number(number) => u16::try_from(number.as_u64()?).ok(),
        _ => u16::try_from(port["port"].as_u64()?).ok(),
    }
}

/// Running, ready and not on its way out.
pub(crate) fn ready(pod: &Object) -> bool {
    let conditions = pod.status()["conditions"].as_array();
    let condition = conditions.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    pod.0["metadata"].get("deletionTimestamp").is_none()
        && pod.status()["phase"] == "Running"
        && condition.is_none_or(|condition| condition["status"] == "True")
}

/// Every replica of istiod and its monitoring port.
pub(crate) fn istiods(hub: &Hub) -> Result<Vec<PodPort>, Problem> {
    let objects = hub.objects();
    // Whoever may make pods somewhere else must not answer for istiod.
    let root = mesh::root_namespace(&objects);
    let pods = objects.within(&kinds::POD, &root).map(|(_, pod)| pod);
    let all: Vec<&Object> = pods.filter(|pod| pod.label("app") == Some("istiod")).collect();
    let next = "Look at the Deployment istiod, or give its URL with --istiod";
    if all.is_empty() {
        if let Some(problem) = unread(hub, "istiod", "--istiod", &[&kinds::POD]) {
            return Err(problem);
        }
        let why = format!("No pod in {root} has the label app=istiod");
        return Err(Problem::new("istiod is not there", why, next));
    }
    let found: Vec<PodPort> = all.iter().filter(|pod| ready(pod)).map(|pod| monitoring(pod)).collect();
    if found.is_empty() {
        let why = format!("None of its {} pods is ready", all.len());
        return Err(Problem::new("istiod does not run", why, next));
    }
    Ok(found)
}

fn monitoring(pod: &Object) -> PodPort {
    let port = pod.annotation("prometheus.io/port").and_then(|port| port.parse().ok()).unwrap_or(15014);
    PodPort { namespace: pod.namespace().into(), pod: pod.name().into(), port }
}

#[cfg(test)]
#[path = "find_tests.rs"]
mod tests;
