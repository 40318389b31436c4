//! A pod's status, as a node reports it.

use super::inject::{PROXY, now};
use mesh::Object;
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// The one node of the sandbox.
pub(crate) const NODE: &str = "sandbox";
/// The address that the node shows.
pub(crate) const NODE_IP: &str = "10.244.0.1";

/// How one container is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    /// Its name.
    pub(crate) name: String,
    /// What it runs.
    pub(crate) image: String,
    /// It takes requests.
    pub(crate) ready: bool,
    /// How often it was started again.
    pub(crate) restarts: u32,
    /// When it was started last.
    pub(crate) started: String,
    /// Why it does not run: reason and message.
    pub(crate) waiting: Option<(&'static str, String)>,
}

/// The status of a pod with these containers; conditions keep their times while they say the same.
pub(crate) fn status(pod: &Object, ip: Ipv4Addr, containers: &[Container]) -> Value {
    let start = pod.status()["startTime"].as_str().map_or_else(now, ToOwned::to_owned);
    let ready = containers.iter().all(|container| container.ready);
    let runs = containers.iter().all(|container| container.waiting.is_none());
    let unready: Vec<&str> =
        containers.iter().filter(|container| !container.ready).map(|container| container.name.as_str()).collect();
    let why = (!ready).then(|| ("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" "))));
    let container_statuses: Vec<Value> = containers
        .iter()
        .map(|container| {
            let state = match &container.waiting {
                Some((reason, message)) => json!({"waiting": {"reason": reason, "message": message}}),
                None => json!({"running": {"startedAt": container.started}}),
            };
            json!({
                "name": container.name,
                "image": container.image,
                "imageID": container.image,
                "containerID": format!("sandbox://{}-{}", pod.name(), container.name),
                "ready": container.ready,
                "started": container.waiting.is_none(),
                "restartCount": container.restarts,
                "lastState": {},
                "state": state,
            })
        })
        .collect();
    json!({
        "phase": if runs { "Running" } else { "Pending" },
        "conditions": [
            condition(pod, "PodReadyToStartContainers", true, None),
            condition(pod, "Initialized", true, None),
            condition(pod, "Ready", ready, why.clone()),
            condition(pod, "ContainersReady", ready, why),
            condition(pod, "PodScheduled", true, None),
        ],
        "hostIP": NODE_IP,
        "hostIPs": [{"ip": NODE_IP}],
        "podIP": ip.to_string(),
        "podIPs": [{"ip": ip.to_string()}],
        "startTime": start,
        "containerStatuses": container_statuses,
        "qosClass": "BestEffort",
    })
}

fn condition(pod: &Object, kind: &str, holds: bool, why: Option<(&str, String)>) -> Value {
    let value = if holds { "True" } else { "False" };
    let known = pod.status()["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|known| known["type"] == kind && known["status"] == value);
    let since = known.map_or_else(|| json!(now()), |known| known["lastTransitionTime"].clone());
    let mut condition = json!({"type": kind, "status": value, "lastProbeTime": null, "lastTransitionTime": since});
    if let Some((reason, message)) = why {
        condition["reason"] = json!(reason);
        condition["message"] = json!(message);
    }
    condition
}

/// The node itself.
pub(crate) fn node() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": std::env::consts::OS}},
        "spec": {"podCIDR": "10.244.0.0/16", "podCIDRs": ["10.244.0.0/16"]},
        "status": {
            "addresses": [{"type": "InternalIP", "address": NODE_IP}, {"type": "Hostname", "address": NODE}],
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "the sandbox runs",
                "lastHeartbeatTime": now(), "lastTransitionTime": now()}],
            "nodeInfo": {"kubeletVersion": format!("v{version}-sandbox"), "osImage": "Binnacle sandbox", "architecture": std::env::consts::ARCH,
                "operatingSystem": std::env::consts::OS, "containerRuntimeVersion": format!("sandbox://{version}"), "kernelVersion": "",
                "bootID": "", "machineID": "", "systemUUID": "", "kubeProxyVersion": ""},
        },
    })
}

/// The state in which a pod's proxy is, told in its containers.
pub(crate) fn with_proxy(containers: &[Container], ready: bool, restarts: u32) -> Vec<Container> {
    let mut containers = containers.to_vec();
    for container in containers.iter_mut().filter(|container| container.name == PROXY) {
        container.ready = ready;
        if container.restarts != restarts {
            container.started = now();
        }
        container.restarts = restarts;
    }
    containers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::snapshot::ready;

    fn container(name: &str, ready: bool) -> Container {
        Container { name: name.into(), image: "i".into(), ready, restarts: 0, started: now(), waiting: None }
    }

    #[test]
    fn a_pod_is_ready_when_its_proxy_is() {
        let pod = Object::from(json!({"metadata": {"name": "a"}}));
        let containers = [container("app", true), container(PROXY, false)];
        let with = |containers: &[Container]| {
            let status = status(&pod, Ipv4Addr::new(10, 244, 0, 7), containers);
            Object::from(json!({"metadata": {"name": "a"}, "status": status}))
        };
        assert!(!ready(&with(&containers)));
        assert_eq!(with(&containers).status()["conditions"][2]["message"], "containers with unready status: [istio-proxy]");
        let up = with_proxy(&containers, true, 1);
        assert!(ready(&with(&up)));
        assert_eq!(with(&up).status()["containerStatuses"][1]["restartCount"], 1);
    }

    #[test]
    fn a_container_without_image_keeps_the_pod_pending() {
        let pod = Object::from(json!({"metadata": {"name": "a"}}));
        let mut stuck = container("app", false);
        stuck.waiting = Some(("ErrImagePull", "no such image".into()));
        let status = status(&pod, Ipv4Addr::new(10, 244, 0, 7), &[stuck]);
        assert_eq!(
            (&status["phase"], &status["containerStatuses"][0]["state"]["waiting"]["reason"]),
            (&json!("Pending"), &json!("ErrImagePull"))
        );
    }
}
