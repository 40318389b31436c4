//! Pods.

use serde_json::{Value, json};

use super::{refused, said, with, workload};

#[test]
fn pods() {
    let pod = json!({"kind": "Pod", "spec": workload("Deployment")["spec"]["template"]["spec"]});
    let container = "spec.containers[0]";
    let row =
        |path: &str, expect: &str| (format!("/spec/containers/0{path}"), format!("{container}{expect}"));
    for ((path, expect), value) in [
        (
            row("/name", ".name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 label must consist of"),
            json!("Bad_Name"),
        ),
        (row("/name", ".name: Required value"), Value::Null),
        (row("/image", ".image: Required value"), Value::Null),
        (
            row("/image", ".image: Invalid value: \" a\": must not have leading or trailing whitespace"),
            json!(" a"),
        ),
        (row("/imagePullPolicy", ".imagePullPolicy: Unsupported value: \"Perhaps\""), json!("Perhaps")),
        (
            row(
                "/ports/0/containerPort",
                ".ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
            ),
            json!(70000),
        ),
        (
            row(
                "/ports/0/protocol",
                ".ports[0].protocol: Unsupported value: \"HTTP\": supported values: \"SCTP\", \"TCP\", \
                    \"UDP\"",
            ),
            json!("HTTP"),
        ),
        (
            row(
                "/ports/0/name",
                ".ports[0].name: Invalid value: \"a-name-far-too-long\": must be no more than 15 characters",
            ),
            json!("a-name-far-too-long"),
        ),
        (
            row("/ports/-", ".ports[1].name: Duplicate value: \"http\""),
            json!({"containerPort": 81, "name": "http"}),
        ),
        (row("/env/0/name", ".env[0].name: Invalid value: \"A=B\""), json!("A=B")),
        (
            row(
                "/env/0/valueFrom",
                ".env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
            ),
            json!({"fieldRef": {}}),
        ),
        (row("/volumeMounts/0/name", ".volumeMounts[0].name: Not found: \"lost\""), json!("lost")),
        (
            row("/volumeMounts/-", ".volumeMounts[1].mountPath: Invalid value: \"/data\": must be unique"),
            json!({"name": "data", "mountPath": "/data"}),
        ),
        (row("/readinessProbe", ".readinessProbe: Required value: must specify a handler type"), json!({})),
        (
            row(
                "/readinessProbe/httpGet/port",
                ".readinessProbe.httpGet.port: Invalid value: 0: must be between",
            ),
            json!(0),
        ),
        (
            row("/livenessProbe", ".livenessProbe.successThreshold: Invalid value: 2: must be 1"),
            json!({"tcpSocket": {"port": 80}, "successThreshold": 2}),
        ),
    ] {
        refused("Pod", pod.clone(), &[(&path, value, &expect)]);
    }
    refused(
        "Pod",
        pod.clone(),
        &[
            (
                "/spec/containers/-",
                json!({"name": "app", "image": "b"}),
                "spec.containers[1].name: Duplicate value: \"app\"",
            ),
            ("/spec/volumes/-", json!({"name": "data"}), "spec.volumes[1].name: Duplicate value: \"data\""),
            (
                "/spec/restartPolicy",
                json!("Once"),
                "spec.restartPolicy: Unsupported value: \"Once\": supported values: \"Always\", \"Never\", \
                    \"OnFailure\"",
            ),
            ("/spec/serviceAccountName", json!("A B"), "spec.serviceAccountName: Invalid value: \"A B\""),
        ],
    );
    let other_image = with(pod.clone(), "/spec/containers/0/image", json!("demo:2"));
    assert!(said("Pod", &other_image, Some(&pod)).is_empty());
    let other_name = with(pod.clone(), "/spec/containers/0/name", json!("other"));
    assert!(
        said("Pod", &other_name, Some(&pod))[0]
            .starts_with("spec: Forbidden: pod updates may not change fields other than")
    );
}
