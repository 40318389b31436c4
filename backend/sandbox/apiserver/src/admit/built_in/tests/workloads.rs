//! What makes pods: Deployments, StatefulSets and their like.

use serde_json::{Value, json};

use super::{refused, said, with, workload};

#[test]
fn what_makes_pods_selects_them() {
    for kind in ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"] {
        let spoken = if kind == "ReplicaSet" { "deployment".to_owned() } else { kind.to_lowercase() };
        refused(
            kind,
            workload(kind),
            &[
                (
                    "/spec/template/metadata/labels",
                    json!({"a": "c"}),
                    "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match \
                        template `labels`",
                ),
                (
                    "/spec/template/metadata/labels",
                    Value::Null,
                    "spec.template.metadata.labels: Invalid value: {}: `selector` does not match template \
                        `labels`",
                ),
                (
                    "/spec/selector",
                    json!({}),
                    &format!("spec.selector: Invalid value: {{}}: empty selector is invalid for {spoken}"),
                ),
                ("/spec/selector", Value::Null, "spec.selector: Required value"),
                (
                    "/spec/selector/matchExpressions",
                    json!([{"key": "a", "operator": "Exists", "values": ["b"]}]),
                    "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when \
                        `operator` is 'Exists'",
                ),
                (
                    "/spec/template/metadata/labels/e f",
                    json!("g"),
                    "spec.template.metadata.labels: Invalid value: \"e f\": name part must consist",
                ),
                (
                    "/spec/template/spec/restartPolicy",
                    json!("Never"),
                    "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \
                        \"Always\"",
                ),
                (
                    "/spec/template/spec/containers",
                    json!([]),
                    "spec.template.spec.containers: Required value",
                ),
            ],
        );
    }
    for kind in ["Deployment", "ReplicaSet", "StatefulSet"] {
        refused(
            kind,
            workload(kind),
            &[(
                "/spec/replicas",
                json!(-1),
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            )],
        );
    }
}

#[test]
fn deployments() {
    refused(
        "Deployment",
        workload("Deployment"),
        &[
            (
                "/spec/strategy/type",
                json!("Sudden"),
                "spec.strategy.type: Unsupported value: \"Sudden\": supported values: \"Recreate\", \
                    \"RollingUpdate\"",
            ),
            (
                "/spec/strategy/type",
                json!("Recreate"),
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is \
                    'Recreate'",
            ),
            (
                "/spec/strategy/rollingUpdate",
                json!({"maxSurge": 0, "maxUnavailable": 0}),
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` \
                    is 0",
            ),
            (
                "/spec/strategy/rollingUpdate/maxSurge",
                json!("x"),
                "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent string",
            ),
            (
                "/spec/strategy/rollingUpdate/maxUnavailable",
                json!("101%"),
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater \
                    than 100%",
            ),
            ("/spec/minReadySeconds", json!(-1), "spec.minReadySeconds: Invalid value: -1"),
            (
                "/spec/progressDeadlineSeconds",
                json!(0),
                "spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds",
            ),
        ],
    );
}

#[test]
fn stateful_sets() {
    refused(
        "StatefulSet",
        workload("StatefulSet"),
        &[
            (
                "/spec/podManagementPolicy",
                json!("Any"),
                "spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'",
            ),
            (
                "/spec/updateStrategy",
                json!({"type": "Now"}),
                "spec.updateStrategy: Invalid value: {\"type\":\"Now\"}: must be 'RollingUpdate' or \
                    'OnDelete'",
            ),
        ],
    );
    let (old, new) =
        (workload("StatefulSet"), with(workload("StatefulSet"), "/spec/serviceName", json!("other")));
    assert!(
        said("StatefulSet", &new, Some(&old))[0].starts_with("spec: Forbidden: updates to statefulset spec")
    );
    assert!(said("StatefulSet", &with(old.clone(), "/spec/replicas", json!(3)), Some(&old)).is_empty());
}
