//! What is said at each object: whether it was accepted, whether what it refers to is there, whether it is in
//! force.

use super::listeners::{Bound, Checked};
use super::names::CONTROLLER;
use super::refusal::Refusal;
use crate::registry::Config;
use crate::registry::gateway_api::ObjectStatus;
use istio::Object;
use istio::api_routes::Made;
use istio::views::gateway_api::{GROUP, Gateway, GatewayClass, HttpRoute};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn of(object: &Object, status: Value) -> ObjectStatus {
    ObjectStatus {
        api_version: object.0["apiVersion"].as_str().unwrap_or_default().to_owned(),
        kind: object.kind().to_owned(),
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
        status,
    }
}

/// A condition that holds with its usual reason, or does not and why.
fn condition(
    object: &Object,
    about: &str,
    (reason, message): (&str, &str),
    refused: Option<&Refusal>,
) -> Value {
    json!({
        "type": about,
        "status": if refused.is_none() { "True" } else { "False" },
        "reason": refused.map_or(reason, |refused| refused.reason),
        "message": refused.map_or(message, |refused| refused.message.as_str()),
        "observedGeneration": object.generation(),
    })
}

pub(super) fn of_class(class: &Config<GatewayClass>) -> ObjectStatus {
    let accepted = condition(&class.object, "Accepted", ("Accepted", "Handled by Istio controller"), None);
    of(&class.object, json!({"conditions": [accepted]}))
}

pub(super) fn of_route(
    route: &Config<HttpRoute>,
    parents: &[(usize, Option<Refusal>)],
    made: &Made<Refusal>,
) -> ObjectStatus {
    let object = &route.object;
    let written = object.spec()["parentRefs"].as_array();
    let entries = parents.iter().map(|(index, refused)| {
        let accepted = condition(object, "Accepted", ("Accepted", "Route was valid"), refused.as_ref());
        let resolved = condition(
            object,
            "ResolvedRefs",
            ("ResolvedRefs", "All references resolved"),
            made.unresolved.as_ref(),
        );
        json!({
            "parentRef": written.and_then(|list| list.get(*index)),
            "controllerName": CONTROLLER,
            "conditions": [accepted, resolved],
        })
    });
    of(object, json!({"parents": entries.collect::<Vec<_>>()}))
}

pub(super) fn of_gateway(
    gateway: &Config<Gateway>,
    bound: &Bound<'_>,
    counts: Option<&BTreeMap<String, u32>>,
) -> ObjectStatus {
    let object = &gateway.object;
    let bad = bound.listeners.iter().find(|checked| !checked.serves());
    let not_valid = bad.map(|checked| {
        Refusal::new("ListenersNotValid", format!("Listener {} is not valid", checked.listener.name))
    });
    let silent = bound.listeners.iter().find_map(|checked| checked.unprogrammed.clone());
    let failed = bound.refused.clone().or(silent);
    let port = gateway.spec.listeners.first().map_or(0, |listener| listener.port);
    let programmed = format!("Resource programmed, assigned to service(s) {}:{port}", bound.host);
    let conditions = [
        condition(object, "Accepted", ("Accepted", "Resource accepted"), not_valid.as_ref()),
        condition(object, "Programmed", ("Programmed", &programmed), failed.as_ref()),
    ];
    let listeners = bound.listeners.iter().map(|checked| of_listener(object, checked, bound, counts));
    let status = json!({
        "addresses": [{"type": "Hostname", "value": bound.host}],
        "conditions": conditions,
        "listeners": listeners.collect::<Vec<_>>(),
    });
    of(object, status)
}

fn of_listener(
    object: &Object,
    checked: &Checked<'_>,
    bound: &Bound<'_>,
    counts: Option<&BTreeMap<String, u32>>,
) -> Value {
    let usual = "No errors found";
    let listener = checked.listener;
    let mut conflicted = condition(object, "Conflicted", ("NoConflicts", usual), checked.conflict.as_ref());
    // The one condition that is good when it is false.
    conflicted["status"] = json!(if checked.conflict.is_some() { "True" } else { "False" });
    let silent =
        [&bound.refused, &checked.unprogrammed, &checked.refused, &checked.conflict, &checked.unresolved];
    let silent = silent.into_iter().find_map(Option::as_ref);
    let silent = silent.map(|refused| Refusal::new("Invalid", refused.message.clone()));
    let allowed = listener.allowed_routes.as_ref().map_or(&[][..], |rule| rule.kinds.as_slice());
    let ours = |kind: &&&str| allowed.is_empty() || allowed.iter().any(|allowed| allowed.kind == ***kind);
    let kinds = ["HTTPRoute", "GRPCRoute"];
    let kinds = kinds.iter().filter(ours).map(|kind| json!({"group": GROUP, "kind": kind}));
    json!({
        "name": listener.name,
        "attachedRoutes": counts.and_then(|counts| counts.get(&listener.name)).copied().unwrap_or_default(),
        "supportedKinds": kinds.collect::<Vec<_>>(),
        "conditions": [
            condition(object, "Accepted", ("Accepted", usual), checked.refused.as_ref()),
            conflicted,
            condition(object, "Programmed", ("Programmed", usual), silent.as_ref()),
            condition(object, "ResolvedRefs", ("ResolvedRefs", usual), checked.unresolved.as_ref()),
        ],
    })
}
