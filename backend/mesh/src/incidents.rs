//! What happened in the cluster without anybody writing an object of the mesh: containers that were started again,
//! rollouts of Deployments, and Events, each with when. Warnings are told apart: they come first where there is
//! not room for all.

use crate::Mesh;
use istio::{KINDS, Kind, Problem, Ref, kinds};
use jiff::Timestamp;
use serde_json::Value;

/// So many are kept, warnings, restarts and rollouts before other Events.
const KEPT: usize = 1_000;
/// Which revision of its Deployment a ReplicaSet is of now, and of which it was before.
const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISIONS: &str = "deployment.kubernetes.io/revision-history";

/// What sort of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// A container was started again.
    Restart,
    /// A Deployment began to replace its pods.
    Rollout,
    /// A Warning of the cluster.
    Warning,
    /// Another Event.
    Event,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// When; of an Event that came several times, when it came last.
    pub when: Timestamp,
    /// What sort it is.
    pub sort: Sort,
    /// To what: "Pod bookinfo/ratings-v1-abc".
    pub object: String,
    /// The same, where it is an object of a kind that is known here.
    pub at: Option<Ref>,
    /// What happened, in one line.
    pub what: String,
    /// Who says so: "kubelet".
    pub by: String,
}

/// All that is known to have happened, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incidents {
    /// One by one.
    pub all: Vec<Incident>,
    /// What could not be read: of that nothing is known.
    pub unknown: Vec<Problem>,
}

impl Incidents {
    /// Of all that was read.
    pub fn of(mut all: Vec<Incident>, unknown: Vec<Problem>) -> Self {
        all.sort_by_key(|one| (one.sort == Sort::Event, std::cmp::Reverse(one.when)));
        all.truncate(KEPT);
        all.sort_by_key(|one| std::cmp::Reverse(one.when));
        Self { all, unknown }
    }
}

fn text<'a>(of: &'a Value, at: &str) -> &'a str {
    of.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn time(of: &Value, at: &str) -> Option<Timestamp> {
    of.pointer(at)?.as_str()?.parse().ok()
}

fn list<'a>(of: &'a Value, at: &str) -> impl Iterator<Item = &'a Value> {
    of.pointer(at).and_then(Value::as_array).into_iter().flatten()
}

/// The last restart of each container of the mesh's pods; of those before, Kubernetes notes only how many there were.
pub fn restarts(mesh: &Mesh) -> Vec<Incident> {
    let pods = mesh.objects().of_kind(&kinds::POD);
    let mut all = Vec::new();
    for (at, pod) in pods {
        for part in ["/status/initContainerStatuses", "/status/containerStatuses"] {
            all.extend(list(&pod.0, part).filter_map(|container| restart(at, container)));
        }
    }
    all
}

fn restart(at: &Ref, container: &Value) -> Option<Incident> {
    let count = container.get("restartCount")?.as_u64().filter(|count| *count > 0)?;
    let when = time(container, "/state/running/startedAt")
        .or_else(|| time(container, "/lastState/terminated/finishedAt"))?;
    let name = text(container, "/name");
    // What waits to be started again has not been yet.
    let runs = container.pointer("/state/running").is_some();
    let mut what = if runs { format!("{name} was started again") } else { format!("{name} ended") };
    let code = container.pointer("/lastState/terminated/exitCode").and_then(Value::as_i64);
    let reason = text(container, "/lastState/terminated/reason");
    if let Some(code) = code {
        what += &format!("{} exit code {code}", if runs { " after" } else { " with" });
    }
    if !matches!(reason, "" | "Error" | "Completed") {
        what += &format!(", {reason}");
    }
    if count > 1 {
        what += &format!("; {count} restarts in all");
    }
    let (object, by) = (at.to_string(), "kubelet".to_owned());
    Some(Incident { when, sort: Sort::Restart, object, at: Some(at.clone()), what, by })
}

/// When Deployments began to replace their pods, by their ReplicaSets: each is made for one template of pods. When
/// one of those that were there already was taken up again, nobody notes.
pub fn rollout(set: &Value) -> Option<Incident> {
    let owner = list(set, "/metadata/ownerReferences")
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))?;
    if owner.get("kind").and_then(Value::as_str) != Some(kinds::DEPLOYMENT.kind) {
        return None;
    }
    let when = time(set, "/metadata/creationTimestamp")?;
    let at = Ref::new(&kinds::DEPLOYMENT, text(set, "/metadata/namespace"), text(owner, "/name"));
    let note = |key: &str| set.pointer("/metadata/annotations")?.get(key)?.as_str();
    let first = note(REVISIONS).and_then(|all| all.split(',').next()).or_else(|| note(REVISION));
    let revision = first.map(|revision| format!("revision {revision} ")).unwrap_or_default();
    let what = format!("{revision}began to roll out ({})", text(set, "/metadata/name"));
    let by = "deployment-controller".to_owned();
    Some(Incident { when, sort: Sort::Rollout, object: at.to_string(), at: Some(at), what, by })
}

/// What an Event says.
pub fn event(event: &Value) -> Option<Incident> {
    let times = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/firstTimestamp"];
    let when =
        times.iter().find_map(|at| time(event, at)).or_else(|| time(event, "/metadata/creationTimestamp"))?;
    let of = |key: &str| text(event, &format!("/involvedObject/{key}"));
    let (kind, namespace, name) = (of("kind"), of("namespace"), of("name"));
    let known: Option<&'static Kind> = KINDS.iter().copied().find(|one| {
        one.kind == kind && of("apiVersion").rsplit_once('/').map_or("", |(group, _)| group) == one.group
    });
    let at = known.map(|kind| Ref::new(kind, namespace, name));
    let object = match (&at, namespace) {
        (Some(at), _) => at.to_string(),
        (None, "") => format!("{kind} {name}"),
        (None, namespace) => format!("{kind} {namespace}/{name}"),
    };
    let sort = if text(event, "/type") == "Warning" { Sort::Warning } else { Sort::Event };
    let count = event.pointer("/series/count").or_else(|| event.get("count")).and_then(Value::as_u64);
    let count = count.filter(|count| *count > 1).map(|count| format!(" ({count} times)")).unwrap_or_default();
    let message = text(event, "/message").split_whitespace().collect::<Vec<_>>().join(" ");
    let what = format!("{}: {message}{count}", text(event, "/reason"));
    let who = [text(event, "/source/component"), text(event, "/reportingComponent")];
    let by = who.into_iter().find(|who| !who.is_empty()).unwrap_or_default().to_owned();
    Some(Incident { when, sort, object, at, what, by })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use serde_json::json;

    fn said(all: impl IntoIterator<Item = Incident>) -> String {
        let line = |one: Incident| {
            let known = if one.at.is_some() { "" } else { " (of no kind that is read)" };
            format!("{} {:?} {}{known}: {}, by {}", one.when, one.sort, one.object, one.what, one.by)
        };
        all.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn restarts_of_containers() {
        let mut objects = demo::bookinfo_objects();
        let at = objects.of_kind(&kinds::POD).next().unwrap().0.clone();
        let mut pod = (*objects[&at].0).clone();
        pod["metadata"]["name"] = "ratings-v1-x".into();
        pod["status"]["containerStatuses"] = json!([
            { "name": "ratings", "restartCount": 0, "state": { "running": { "startedAt": "2026-11-30T10:00:00Z" } } },
            { "name": "istio-proxy", "restartCount": 3, "state": { "running": { "startedAt": "2026-11-30T10:05:00Z" } },
              "lastState": { "terminated": { "exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-30T10:04:58Z" } } },
            { "name": "crashing", "restartCount": 1, "state": { "waiting": { "reason": "CrashLoopBackOff" } },
              "lastState": { "terminated": { "exitCode": 1, "reason": "Error", "finishedAt": "2026-11-30T10:06:00Z" } } },
            { "name": "odd", "restartCount": 2 }, 7,
        ]);
        objects.remove(&at);
        objects.insert(Ref::new(&kinds::POD, "bookinfo", "ratings-v1-x"), pod.into());
        insta::assert_snapshot!(said(restarts(&Mesh::read(objects, None))), @r"
        2026-11-30T10:05:00Z Restart Pod bookinfo/ratings-v1-x: istio-proxy was started again after exit code 137, OOMKilled; 3 restarts in all, by kubelet
        2026-11-30T10:06:00Z Restart Pod bookinfo/ratings-v1-x: crashing ended with exit code 1, by kubelet
        ");
    }

    #[test]
    fn rollouts_of_deployments() {
        let set = |owner: &str, notes: Value| {
            json!({ "metadata": { "name": "reviews-v1-6d9", "namespace": "bookinfo", "annotations": notes,
                "creationTimestamp": "2026-11-30T10:00:00Z",
                "ownerReferences": [{ "kind": owner, "name": "reviews-v1", "controller": true }] } })
        };
        let all = [
            set("Deployment", json!({ REVISION: "4" })),
            set("Deployment", json!({ REVISION: "7", REVISIONS: "2,5" })),
            set("Deployment", Value::Null),
            set("Rollout", json!({ REVISION: "4" })),
            json!({ "metadata": { "name": "alone", "creationTimestamp": "2026-11-30T10:00:00Z" } }),
        ];
        insta::assert_snapshot!(said(all.iter().filter_map(rollout)), @r"
        2026-11-30T10:00:00Z Rollout Deployment bookinfo/reviews-v1: revision 4 began to roll out (reviews-v1-6d9), by deployment-controller
        2026-11-30T10:00:00Z Rollout Deployment bookinfo/reviews-v1: revision 2 began to roll out (reviews-v1-6d9), by deployment-controller
        2026-11-30T10:00:00Z Rollout Deployment bookinfo/reviews-v1: began to roll out (reviews-v1-6d9), by deployment-controller
        ");
    }

    #[test]
    fn events_say_when_they_came_last() {
        let all = [
            json!({ "involvedObject": { "kind": "Pod", "apiVersion": "v1", "namespace": "bookinfo", "name": "a" },
                "type": "Warning", "reason": "BackOff", "message": "Back-off restarting\n failed container", "count": 12,
                "firstTimestamp": "2026-11-30T09:00:00Z", "lastTimestamp": "2026-11-30T10:00:00Z",
                "source": { "component": "kubelet" } }),
            json!({ "involvedObject": { "kind": "Node", "apiVersion": "v1", "name": "worker" }, "type": "Normal",
                "reason": "NodeReady", "message": "is ready", "eventTime": "2026-11-30T10:01:00.5Z",
                "series": { "count": 2, "lastObservedTime": "2026-11-30T10:02:00Z" }, "reportingComponent": "node-controller" }),
            json!({ "involvedObject": { "kind": "Deployment", "apiVersion": "extensions/v1", "namespace": "b", "name": "d" },
                "lastTimestamp": null, "metadata": { "creationTimestamp": "2026-11-30T10:03:00Z" }, "reason": "x" }),
            json!({ "reason": "never" }),
        ];
        insta::assert_snapshot!(said(all.iter().filter_map(event)), @r"
        2026-11-30T10:00:00Z Warning Pod bookinfo/a: BackOff: Back-off restarting failed container (12 times), by kubelet
        2026-11-30T10:02:00Z Event Node worker (of no kind that is read): NodeReady: is ready (2 times), by node-controller
        2026-11-30T10:03:00Z Event Deployment b/d (of no kind that is read): x: , by 
        ");
    }

    #[test]
    fn where_there_is_no_room_for_all_warnings_stay() {
        let one = |secs: i64, sort: Sort| Incident {
            when: demo::NOW - jiff::SignedDuration::from_secs(secs),
            sort,
            object: String::new(),
            at: None,
            what: String::new(),
            by: String::new(),
        };
        let many = (0..2_000).map(|secs| one(secs, Sort::Event));
        let kept = Incidents::of(
            many.chain([one(5_000, Sort::Warning), one(4_000, Sort::Rollout)]).collect(),
            Vec::new(),
        );
        assert_eq!(kept.all.len(), KEPT);
        assert_eq!(kept.all.last().map(|one| one.sort), Some(Sort::Warning));
        assert!(kept.all.windows(2).all(|pair| pair[0].when >= pair[1].when));
    }
}
