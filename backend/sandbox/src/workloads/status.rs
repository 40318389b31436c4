//! A pod's status, as a node reports it.

use super::inject::now;
use crate::envoy::State;
use istio::Object;
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
    /// How its last run ended.
    pub(crate) last: Option<Ended>,
    /// How it ended for good.
    pub(crate) ended: Option<Ended>,
}

/// The end of a container's run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// What its process returned.
    pub(crate) exit_code: i32,
    /// When that run began.
    pub(crate) started: String,
    /// When it ended.
    pub(crate) finished: String,
}

impl Container {
    /// One that was just started and is not ready yet.
    pub(crate) fn new(name: &str, image: &str) -> Self {
        let (name, image) = (name.to_owned(), image.to_owned());
        Self {
            name,
            image,
            ready: false,
            restarts: 0,
            started: now(),
            waiting: None,
            last: None,
            ended: None,
        }
    }

    /// Says how the proxy that it is is doing.
    pub(crate) fn follow(&mut self, proxy: State) {
        self.ready = proxy.ready;
        if self.restarts != proxy.restarts {
            let started = std::mem::replace(&mut self.started, now());
            self.last = Some(Ended { exit_code: proxy.exit_code, started, finished: now() });
        }
        self.restarts = proxy.restarts;
    }

    /// It has an image, so it was started at least once.
    fn began(&self) -> bool {
        !self.waiting.as_ref().is_some_and(|(reason, _)| reason.contains("Image"))
    }
}

/// The status of a pod with these containers; conditions keep their times while they say the same.
pub(crate) fn status(pod: &Object, ip: Ipv4Addr, containers: &[Container]) -> Value {
    let start = pod.status()["startTime"].as_str().map_or_else(now, ToOwned::to_owned);
    let ready = containers.iter().all(|container| container.ready);
    let phase = phase(containers);
    let unready: Vec<&str> = containers
        .iter()
        .filter(|container| !container.ready)
        .map(|container| container.name.as_str())
        .collect();
    let why = match phase {
        _ if ready => None,
        "Failed" => Some(("PodFailed", String::new())),
        "Succeeded" => Some(("PodCompleted", String::new())),
        _ => Some(("ContainersNotReady", format!("containers with unready status: [{}]", unready.join(" ")))),
    };
    let lives = !matches!(phase, "Failed" | "Succeeded");
    let container_statuses: Vec<Value> = containers
        .iter()
        .map(|container| {
            let terminated = |Ended { exit_code, started, finished }: &Ended| {
                let reason = if *exit_code == 0 { "Completed" } else { "Error" };
                json!({"terminated": {"exitCode": exit_code, "reason": reason,
                    "startedAt": started, "finishedAt": finished, "containerID": id(pod, container)}})
            };
            let state = match (&container.ended, &container.waiting) {
                (Some(ended), _) => terminated(ended),
                (None, Some((reason, message))) => json!({"waiting": {"reason": reason, "message": message}}),
                (None, None) => json!({"running": {"startedAt": container.started}}),
            };
            let last = container.last.as_ref().map_or_else(|| json!({}), terminated);
            json!({
                "name": container.name,
                "image": container.image,
                "imageID": container.image,
                "containerID": id(pod, container),
                "ready": container.ready,
                "started": container.waiting.is_none() && container.ended.is_none(),
                "restartCount": container.restarts,
                "lastState": last,
                "state": state,
            })
        })
        .collect();
    json!({
        "observedGeneration": pod.generation(),
        "phase": phase,
        "conditions": [
            condition(pod, "PodReadyToStartContainers", lives, None),
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

fn phase(containers: &[Container]) -> &'static str {
    if !containers.iter().all(Container::began) {
        "Pending"
    } else if containers.iter().any(|container| container.ended.is_none()) {
        "Running"
    } else if containers
        .iter()
        .filter_map(|container| container.ended.as_ref())
        .any(|ended| ended.exit_code != 0)
    {
        "Failed"
    } else {
        "Succeeded"
    }
}

fn id(pod: &Object, container: &Container) -> String {
    format!("sandbox://{}-{}", pod.name(), container.name)
}

fn condition(pod: &Object, kind: &str, holds: bool, why: Option<(&str, String)>) -> Value {
    let value = if holds { "True" } else { "False" };
    let known = pod.status()["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|known| known["type"] == kind && known["status"] == value);
    let since = known.map_or_else(|| json!(now()), |known| known["lastTransitionTime"].clone());
    let mut condition = json!({"type": kind, "observedGeneration": pod.generation(), "status": value, "lastProbeTime": null, "lastTransitionTime": since});
    if let Some((reason, message)) = why {
        condition["reason"] = json!(reason);
        if !message.is_empty() {
            condition["message"] = json!(message);
        }
    }
    condition
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::snapshot::ready;

    fn container(name: &str, ready: bool) -> Container {
        Container { ready, ..Container::new(name, "i") }
    }

    #[test]
    fn a_pod_is_ready_when_its_proxy_is() {
        let pod = Object::from(json!({"metadata": {"name": "a"}}));
        let mut containers = [container("app", true), container("istio-proxy", false)];
        let with = |containers: &[Container]| {
            let status = status(&pod, Ipv4Addr::new(10, 244, 0, 7), containers);
            Object::from(json!({"metadata": {"name": "a"}, "status": status}))
        };
        assert!(!ready(&with(&containers)));
        assert_eq!(
            with(&containers).status()["conditions"][2]["message"],
            "containers with unready status: [istio-proxy]"
        );
        containers[1].follow(State { ready: true, restarts: 1, exit_code: 137 });
        let up = with(&containers);
        assert!(ready(&up));
        let proxy = &up.status()["containerStatuses"][1];
        assert_eq!(
            (&proxy["restartCount"], &proxy["lastState"]["terminated"]["exitCode"]),
            (&json!(1), &json!(137))
        );
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
        let mut crashed = container("app", false);
        crashed.waiting = Some(("CrashLoopBackOff", "back-off".into()));
        assert_eq!(
            super::status(&pod, Ipv4Addr::new(10, 244, 0, 7), &[crashed])["phase"],
            "Running",
            "it began once"
        );
    }
}
