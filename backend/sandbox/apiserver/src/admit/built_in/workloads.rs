//! What makes pods: Deployments, ReplicaSets, StatefulSets, DaemonSets.

use serde_json::{Value, json};

use super::{
    found::{Found, text},
    labels, pods,
};
use crate::selector::selects;

pub(super) fn deployment(object: &Value, found: &mut Found) {
    let spec = &object["spec"];
    found.not_negative(spec, "spec", "replicas");
    selector_and_template(spec, "deployment", "ReplicaSet", found);
    strategy(&spec["strategy"], found);
    for name in ["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"] {
        found.not_negative(spec, "spec", name);
    }
    let least = spec["minReadySeconds"].as_i64().unwrap_or(0);
    if let Some(deadline) = spec["progressDeadlineSeconds"].as_i64().filter(|deadline| *deadline <= least) {
        found.invalid(
            "spec.progressDeadlineSeconds",
            &json!(deadline),
            "must be greater than minReadySeconds",
        );
    }
}

pub(super) fn replica_set(object: &Value, found: &mut Found) {
    let spec = &object["spec"];
    found.not_negative(spec, "spec", "replicas");
    found.not_negative(spec, "spec", "minReadySeconds");
    // The real server's words are those of Deployments here too.
    selector_and_template(spec, "deployment", "ReplicaSet", found);
}

pub(super) fn stateful_set(object: &Value, found: &mut Found) {
    let spec = &object["spec"];
    let policy = &spec["podManagementPolicy"];
    if policy.as_str().is_some_and(|policy| !matches!(policy, "OrderedReady" | "Parallel")) {
        found.invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'");
    }
    update_strategy(&spec["updateStrategy"], found);
    for name in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
        found.not_negative(spec, "spec", name);
    }
    found.not_negative(&spec["ordinals"], "spec.ordinals", "start");
    selector_and_template(spec, "statefulset", "StatefulSet", found);
}

pub(super) fn stateful_set_change(object: &Value, old: &Value, found: &mut Found) {
    const MAY: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let fixed = |object: &Value| {
        let mut spec = object["spec"].clone();
        if let Some(members) = spec.as_object_mut() {
            members.retain(|name, _| !MAY.contains(&name.as_str()));
        }
        spec
    };
    if fixed(object) != fixed(old) {
        found.forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
                'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and \
                'minReadySeconds' are forbidden",
        );
    }
}

pub(super) fn daemon_set(object: &Value, found: &mut Found) {
    let spec = &object["spec"];
    selector_and_template(spec, "daemonset", "DaemonSet", found);
    update_strategy(&spec["updateStrategy"], found);
    for name in ["minReadySeconds", "revisionHistoryLimit"] {
        found.not_negative(spec, "spec", name);
    }
}

fn update_strategy(strategy: &Value, found: &mut Found) {
    let kind = &strategy["type"];
    if kind.as_str().is_some_and(|kind| !matches!(kind, "RollingUpdate" | "OnDelete")) {
        found.invalid("spec.updateStrategy", strategy, "must be 'RollingUpdate' or 'OnDelete'");
    }
    found.not_negative(&strategy["rollingUpdate"], "spec.updateStrategy.rollingUpdate", "partition");
}

/// A selector that selects something, and a template whose pods it selects: others would be made without end.
fn selector_and_template(spec: &Value, kind: &str, maker: &str, found: &mut Found) {
    let (selector, template) = (&spec["selector"], &spec["template"]);
    let empty = |name: &str| match &selector[name] {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => true,
    };
    let says_nothing = empty("matchLabels") && empty("matchExpressions");
    if selector.is_null() {
        found.required("spec.selector", "");
    } else if says_nothing {
        found.invalid("spec.selector", selector, format!("empty selector is invalid for {kind}"));
    } else {
        labels::selector(selector, "spec.selector", found);
    }
    if template.is_null() {
        return found.required("spec.template", "");
    }
    let own = &template["metadata"]["labels"];
    if !says_nothing && !selects(selector, own) {
        let own = if own.is_null() { &json!({}) } else { own };
        found.invalid("spec.template.metadata.labels", own, "`selector` does not match template `labels`");
    }
    labels::metadata(&template["metadata"], "spec.template.metadata", found);
    pods::spec(&template["spec"], "spec.template.spec", found);
    found.one_of("spec.template.spec.restartPolicy", &template["spec"]["restartPolicy"], &["Always"]);
    if !template["spec"]["activeDeadlineSeconds"].is_null() {
        found.forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            &format!("activeDeadlineSeconds in {maker} is not Supported"),
        );
    }
}

fn strategy(strategy: &Value, found: &mut Found) {
    const AT: &str = "spec.strategy.rollingUpdate";
    let rolling = &strategy["rollingUpdate"];
    found.one_of("spec.strategy.type", &strategy["type"], &["Recreate", "RollingUpdate"]);
    if text(strategy, "type") == "Recreate" && !rolling.is_null() {
        return found.forbidden(AT, "may not be specified when strategy `type` is 'Recreate'");
    }
    let mut none = true;
    for name in ["maxUnavailable", "maxSurge"] {
        let value = &rolling[name];
        none &= amount(value) == Some(0);
        let at = format!("{AT}.{name}");
        match value {
            Value::Number(number) if number.as_i64().is_some_and(|number| number < 0) => {
                found.invalid(at, value, "must be greater than or equal to 0");
            }
            Value::String(_) if amount(value).is_none() => {
                let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. \
                    '1%',  or '93%', regex used for validation is '[0-9]+%')";
                found.invalid(at, value, why);
            }
            Value::String(_) if name == "maxUnavailable" && amount(value) > Some(100) => {
                found.invalid(at, value, "must not be greater than 100%");
            }
            _ => {}
        }
    }
    if none {
        found.invalid(
            format!("{AT}.maxUnavailable"),
            &rolling["maxUnavailable"],
            "may not be 0 when `maxSurge` is 0",
        );
    }
}

/// A number, or the number before a `%`.
fn amount(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.strip_suffix('%')?.parse().ok(),
        other => other.as_u64(),
    }
}
