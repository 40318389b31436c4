//! What happened in the cluster, read while somebody looks: restarts from the pods that are watched, rollouts from
//! ReplicaSets (their metadata only), and Events. What may not be read, or is too much, is said as not known.

use crate::error;
use crate::http::{self, Ask};
use crate::session::Session;
use kube::api::ListParams;
use mesh::incidents::{Incident, Incidents, event, restarts, rollout};
use mesh::{Problem, kinds};
use serde::Deserialize;
use serde_json::Value;

/// Only what every object has: the templates of pods in ReplicaSets are nobody's business here.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
/// A list comes in parts of so many, and ends after so many parts.
const PART: u32 = 500;
const PARTS: u32 = 10;

/// A list that tells of what happened.
struct Source {
    /// What it tells of, for people.
    what: &'static str,
    group: &'static str,
    plural: &'static str,
    accept: &'static str,
    read: fn(&Value) -> Option<Incident>,
}

const SOURCES: [Source; 2] = [
    Source { what: "Events", group: "", plural: "events", accept: http::JSON, read: event },
    Source { what: "Rollouts", group: "apps", plural: "replicasets", accept: METADATA, read: rollout },
];

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part {
    metadata: PartMeta,
    items: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PartMeta {
    r#continue: String,
}

/// All that is known to have happened.
pub(crate) async fn read(session: &Session) -> Incidents {
    let scene = session.hub.scene.borrow().clone();
    let mut all = restarts(&scene.mesh);
    let mut unknown: Vec<Problem> = scene.mesh.unseen_anywhere(&kinds::POD).cloned().into_iter().collect();
    let listed = futures::future::join_all(SOURCES.iter().map(|source| list(session, source))).await;
    for (told, problems) in listed {
        all.extend(told);
        unknown.extend(problems);
    }
    Incidents::of(all, unknown)
}

/// What a list tells: of all namespaces, or where that is not wanted or refused, of those that are looked at.
async fn list(session: &Session, source: &Source) -> (Vec<Incident>, Vec<Problem>) {
    let chosen = &session.target.namespaces;
    let own = [session.api.namespace.clone()];
    let mut namespaces: &[String] = if chosen.is_empty() { &[] } else { chosen };
    let mut problems = Vec::new();
    if namespaces.is_empty() {
        match pages(session, source, "").await {
            Ok((told, problem)) => return (told, problem.into_iter().collect()),
            Err(error) => {
                let refused = error::code(&error) == Some(403);
                problems.push(error::problem(format!("{} cannot be read", source.what), &error));
                if !refused {
                    return (Vec::new(), problems);
                }
                namespaces = &own;
            }
        }
    }
    let mut all = Vec::new();
    for namespace in namespaces {
        match pages(session, source, namespace).await {
            Ok((told, problem)) => {
                all.extend(told);
                problems.extend(problem);
            }
            // Of the whole cluster it was said already.
            Err(_) if chosen.is_empty() => {}
            Err(error) => {
                problems
                    .push(error::problem(format!("{} of {namespace} cannot be read", source.what), &error));
            }
        }
    }
    (all, problems)
}

async fn pages(
    session: &Session,
    source: &Source,
    namespace: &str,
) -> Result<(Vec<Incident>, Option<Problem>), kube::Error> {
    let root =
        if source.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}/v1", source.group) };
    let place = if namespace.is_empty() { String::new() } else { format!("/namespaces/{namespace}") };
    let list = kube::core::Request::new(format!("{root}{place}/{}", source.plural));
    let mut all = Vec::new();
    let mut wanted = ListParams::default().limit(PART);
    for _ in 0..PARTS {
        let path = list.list(&wanted).map_err(kube::Error::BuildRequest)?.uri().to_string();
        let part: Part =
            http::read(&session.api.client, Ask { accept: source.accept, ..Ask::get(&path) }).await?;
        all.extend(part.items.iter().filter_map(source.read));
        if part.metadata.r#continue.is_empty() {
            return Ok((all, None));
        }
        wanted = wanted.continue_token(&part.metadata.r#continue);
    }
    let problem = Problem::new(
        format!("Not all {} were read", source.what.to_lowercase()),
        format!("There are more than {}", PART * PARTS),
        "Connect with --namespace to see those of some namespaces",
    );
    Ok((all, Some(problem)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::{Asked, Mock, Reply, Then, http_json};
    use crate::write::tests::session_with;
    use mesh::incidents::Sort;
    use serde_json::json;

    fn event(name: &str) -> Value {
        json!({ "type": "Warning", "reason": "BackOff", "message": name, "lastTimestamp": "2026-11-30T10:00:00Z",
            "involvedObject": { "kind": "Pod", "apiVersion": "v1", "namespace": "default", "name": name } })
    }

    fn refused() -> (u16, Value) {
        (
            403,
            json!({ "kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403,
            "message": "events is forbidden: User \"me\" cannot list it" }),
        )
    }

    async fn told(answer: fn(&str) -> (u16, Value)) -> Incidents {
        let mock = Mock::start(move |Asked { line, .. }| {
            let (status, body) = answer(&line);
            Reply(http_json(status, &body), Then::Close)
        });
        read(&session_with(mock.await.client())).await
    }

    #[tokio::test]
    async fn parts_of_a_list_are_put_together_and_what_may_not_be_read_is_said() {
        let all = told(|line| match line {
            _ if line.contains("replicasets") => refused(),
            _ if line.contains("continue=next") => (200, json!({ "items": [event("b")] })),
            _ => (200, json!({ "metadata": { "continue": "next" }, "items": [event("a"), 7] })),
        });
        let all = all.await;
        let names: Vec<&str> = all.all.iter().map(|one| one.object.as_str()).collect();
        assert_eq!(names, ["Pod default/a", "Pod default/b"]);
        assert!(all.all.iter().all(|one| one.sort == Sort::Warning));
        let unknown: Vec<&str> = all.unknown.iter().map(|problem| problem.what.as_str()).collect();
        assert_eq!(unknown, ["Rollouts cannot be read"]);
    }

    /// Where the whole cluster may not be looked at, the context's namespace may.
    #[tokio::test]
    async fn one_namespace_is_better_than_none_and_what_has_no_end_ends() {
        let all = told(|line| match line {
            _ if line.contains("replicasets") => (200, json!({ "items": [] })),
            _ if line.contains("/namespaces/default/") => (200, json!({ "items": [event("own")] })),
            _ => refused(),
        });
        let all = all.await;
        assert_eq!((all.all.len(), all.unknown.len()), (1, 1), "{all:?}");
        let all = told(|_| (200, json!({ "metadata": { "continue": "on" }, "items": [] }))).await;
        let unknown: Vec<&str> = all.unknown.iter().map(|problem| problem.what.as_str()).collect();
        assert_eq!(unknown, ["Not all events were read", "Not all rollouts were read"]);
    }
}
