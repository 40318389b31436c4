//! What exists here and what we may do: which kinds the cluster serves and in which version, and for each the
//! rights to list and watch it, cluster-wide or namespace by namespace. A refusal names the exact right that
//! is missing.

use crate::connect::Api;
use crate::http::{self, Ask, JSON};
use ::http::Method;
use bytes::Bytes;
use futures::future::join_all;
use kube::Client;
use mesh::{KINDS, Kind, Object, Objects, Problem, Ref, kinds};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of the cluster: group and plural to the served versions.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Served(BTreeMap<(String, String), BTreeSet<String>>);

/// How a kind can be read.
#[derive(Debug, PartialEq)]
pub(crate) enum Reach {
    /// The cluster does not serve it.
    Missing,
    /// We may not read it anywhere.
    Denied(Problem),
    /// By this version, in these namespaces ("" is all of them); and why no more.
    Watch(&'static str, Vec<String>, Option<Problem>),
}

const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// Asks the cluster what it serves: in two requests where it knows aggregated discovery, else group by group.
pub(crate) async fn discover(client: &Client) -> Result<Served, kube::Error> {
    let mut served = Served::default();
    for path in ["/api", "/apis"] {
        let aggregated = Ask { accept: AGGREGATED, ..Ask::get(path) };
        let answer = match http::send(client, aggregated).await {
            Err(error) if crate::error::code(&error) == Some(406) => {
                http::send(client, Ask::get(path)).await?
            }
            other => other?,
        };
        let document: Value = serde_json::from_slice(&answer.body).map_err(kube::Error::SerdeError)?;
        if document["kind"] == "APIGroupDiscoveryList" {
            served.add_aggregated(&document);
            continue;
        }
        for (group, version) in offered(&document) {
            if !KINDS.iter().any(|kind| kind.group == group && kind.versions.contains(&version.as_str())) {
                continue;
            }
            let root =
                if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
            match http::json::<Value>(client, &root).await {
                Ok(list) => served.add_resources(&group, &version, &list),
                // One broken group (an extension server that is down) must not hide the others.
                Err(error) => tracing::warn!(group, version, %error, "discovery of a group failed"),
            }
        }
    }
    // Every cluster has pods: what tells of none is no answer, whatever its status is.
    match served.version(&kinds::POD) {
        Some(_) => Ok(served),
        None => Err(kube::Error::Service(Box::new(Problem::new(
            "The cluster does not say which kinds it has",
            "It was asked for its kinds (/api, /apis) and told of none that every cluster has",
            "Look what stands between you and the API server, then retry",
        )))),
    }
}

/// Groups and versions of a legacy `/api` or `/apis` answer.
pub(crate) fn offered(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if document["kind"] == "APIVersions" {
        let versions = document["versions"].as_array().into_iter().flatten();
        return versions.map(|version| (String::new(), text(version))).collect();
    }
    let groups = document["groups"].as_array().into_iter().flatten();
    groups
        .flat_map(|group| {
            let versions = group["versions"].as_array().into_iter().flatten();
            versions.map(move |version| (text(&group["name"]), text(&version["version"])))
        })
        .collect()
}

impl Served {
    fn add(&mut self, group: &str, plural: &str, version: &str) {
        self.0.entry((group.to_owned(), plural.to_owned())).or_default().insert(version.to_owned());
    }

    pub(crate) fn add_aggregated(&mut self, document: &Value) {
        for group in document["items"].as_array().into_iter().flatten() {
            let name = group["metadata"]["name"].as_str().unwrap_or_default();
            for version in group["versions"].as_array().into_iter().flatten() {
                for resource in version["resources"].as_array().into_iter().flatten() {
                    if let (Some(plural), Some(version)) =
                        (resource["resource"].as_str(), version["version"].as_str())
                    {
                        self.add(name, plural, version);
                    }
                }
            }
        }
    }

    pub(crate) fn add_resources(&mut self, group: &str, version: &str, list: &Value) {
        for resource in list["resources"].as_array().into_iter().flatten() {
            if let Some(plural) = resource["name"].as_str().filter(|name| !name.contains('/')) {
                self.add(group, plural, version);
            }
        }
    }

    /// The best version of a kind that both sides know.
    pub(crate) fn version(&self, kind: &Kind) -> Option<&'static str> {
        let versions = self.0.get(&(kind.group.to_owned(), kind.plural.to_owned()))?;
        kind.versions.iter().find(|version| versions.contains(**version)).copied()
    }
}

/// Finds out how a kind can be read. `namespaces`: only these; empty means all, or where that is refused the
/// context's.
pub(crate) async fn reach(
    api: &Api,
    served: &Served,
    kind: &'static Kind,
    namespaces: &[String],
    root: &str,
) -> Reach {
    let Some(version) = served.version(kind) else { return Reach::Missing };
    let cluster_wide = missing_verbs(api, kind, None).await;
    if cluster_wide.is_empty() {
        let chosen = if namespaces.is_empty() || !kind.namespaced {
            vec![String::new()]
        } else {
            with_root(namespaces, root)
        };
        let why = (chosen != [""]).then(|| only_chosen(kind, &chosen));
        return Reach::Watch(version, chosen, why);
    }
    if !kind.namespaced {
        return Reach::Denied(denied(kind, &cluster_wide, &[]));
    }
    let wanted = if namespaces.is_empty() { std::slice::from_ref(&api.namespace) } else { namespaces };
    let candidates = with_root(wanted, root);
    let verdicts =
        join_all(candidates.iter().map(|namespace| missing_verbs(api, kind, Some(namespace)))).await;
    let allowed: Vec<String> = candidates
        .iter()
        .zip(&verdicts)
        .filter(|(_, missing)| missing.is_empty())
        .map(|(name, _)| name.clone())
        .collect();
    if allowed.is_empty() {
        Reach::Denied(denied(kind, &cluster_wide, &candidates))
    } else {
        let why = denied(kind, &cluster_wide, &[]);
        Reach::Watch(version, allowed, Some(why))
    }
}

/// Mesh-wide policy, istiod and often Prometheus live in Istio's own namespace: it belongs to every choice.
fn with_root(namespaces: &[String], root: &str) -> Vec<String> {
    let mut all = namespaces.to_vec();
    if !all.iter().any(|namespace| namespace == root) {
        all.push(root.to_owned());
    }
    all
}

/// Where istiod runs, as the model tells it from the Services; the usual namespace where those cannot be
/// asked for.
pub(crate) async fn root_namespace(client: &Client) -> String {
    let mut found = Objects::new();
    for selector in ["labelSelector=app%3Distiod", "fieldSelector=metadata.name%3Distiod"] {
        match http::json::<Value>(client, &format!("/api/v1/services?{selector}")).await {
            Ok(list) => {
                for item in list["items"].as_array().into_iter().flatten() {
                    let object = Object::from(item.clone());
                    let at = Ref::new(&kinds::SERVICE, object.namespace(), object.name());
                    found.insert(at, object);
                }
            }
            Err(error) => tracing::debug!(%error, "istiod's Service cannot be looked for"),
        }
    }
    mesh::root_namespace(&found).to_string()
}

async fn missing_verbs(api: &Api, kind: &Kind, namespace: Option<&str>) -> Vec<&'static str> {
    let verbs = ["list", "watch"];
    let asked = verbs.map(|verb| allowed(&api.client, verb, kind.group, kind.plural, "", namespace));
    let allowed = join_all(asked).await;
    verbs.into_iter().zip(allowed).filter(|(_, allowed)| !allowed).map(|(verb, _)| verb).collect()
}

/// What is not asked for is not seen.
fn only_chosen(kind: &Kind, chosen: &[String]) -> Problem {
    Problem::new(
        format!("{} of other namespaces are not read", kind.kind),
        format!("Only namespaces {} were chosen", chosen.join(", ")),
        "Connect without --namespace to see all",
    )
}

fn denied(kind: &Kind, verbs: &[&str], namespaces: &[String]) -> Problem {
    let resource = if kind.group.is_empty() {
        kind.plural.to_owned()
    } else {
        format!("{}.{}", kind.plural, kind.group)
    };
    let verbs = verbs.join(" and ");
    let place = if namespaces.is_empty() {
        "in the cluster".to_owned()
    } else {
        format!("neither in the cluster nor in namespace {}", namespaces.join(" or "))
    };
    Problem::new(
        format!("{} cannot be read", kind.kind),
        format!("This login may not {verbs} {resource}, {place}"),
        format!("Ask for the right to {verbs} {resource}; until then you do not see {}", kind.why),
    )
}

#[derive(Deserialize)]
struct Review {
    #[serde(default)]
    status: Verdict,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Verdict {
    allowed: bool,
}

/// Asks whether we may do this (SelfSubjectAccessReview). Where that cannot be asked, the deed itself will
/// tell: yes.
pub(crate) async fn allowed(
    client: &Client,
    verb: &str,
    group: &str,
    plural: &str,
    subresource: &str,
    namespace: Option<&str>,
) -> bool {
    review(
        client,
        json!({
            "verb": verb, "group": group, "resource": plural, "subresource": subresource,
            "namespace": namespace.unwrap_or_default(),
        }),
    )
    .await
}

async fn review(client: &Client, attributes: Value) -> bool {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": attributes },
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let body = Bytes::from(review.to_string());
    let ask = Ask { method: Method::POST, content_type: Some(JSON), body, ..Ask::get(path) };
    match http::send(client, ask).await {
        Ok(answer) => {
            serde_json::from_slice::<Review>(&answer.body).is_ok_and(|review| review.status.allowed)
        }
        Err(error) => {
            tracing::debug!(%error, "rights cannot be asked for");
            true
        }
    }
}

/// The right that is missing to do something to an object, if one is.
pub(crate) async fn may(client: &Client, verb: &str, at: &Ref) -> Option<Problem> {
    let kind = at.kind;
    let attributes = json!({ "verb": verb, "group": kind.group, "resource": kind.plural,
        "namespace": &*at.namespace, "name": &*at.name });
    if review(client, attributes).await {
        return None;
    }
    let place =
        if at.namespace.is_empty() { String::new() } else { format!(" in namespace {}", at.namespace) };
    Some(Problem::new(
        format!("{at} cannot be changed"),
        format!("This login may not {verb} {}{place}", kind.plural),
        format!("Ask for the right to {verb} {}{place}", kind.plural),
    ))
}

/// Why pods of this namespace cannot be reached by port-forward, if they cannot.
pub(crate) async fn may_forward(client: &Client, namespace: &str) -> Result<(), Problem> {
    // Port-forward by WebSocket is a GET; newer API servers want the verb create for it too.
    for verb in ["create", "get"] {
        if allowed(client, verb, "", "pods", "portforward", Some(namespace)).await {
            return Ok(());
        }
    }
    Err(Problem::new(
        format!("Pods of {namespace} cannot be asked"),
        format!("This login may not create pods/portforward in namespace {namespace}"),
        "Ask for the right to create pods/portforward there, or give a URL that can be reached directly",
    ))
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
