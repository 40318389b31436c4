//! Each row is one object that Kubernetes refuses, and the words in which it does.

use serde_json::{Value, json};

use super::problems;
use crate::kinds::Kinds;

fn said(kind: &str, object: &Value, old: Option<&Value>) -> Vec<String> {
    let (_, kind) = Kinds::built_in().named(kind).unwrap();
    problems(&kind, object, old)
        .into_iter()
        .map(|problem| format!("{}: {}", problem.field, problem.message))
        .collect()
}

/// Sets what stands at a JSON pointer; null takes it away.
fn with(mut object: Value, path: &str, value: Value) -> Value {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("{path}"));
    match (parent, value) {
        (Value::Object(members), Value::Null) => drop(members.shift_remove(name)),
        (Value::Array(items), value) if name == "-" => items.push(value),
        (Value::Array(items), value) => items[name.parse::<usize>().unwrap()] = value,
        (parent, value) => parent[name] = value,
    }
    object
}

#[track_caller]
fn refused(kind: &str, object: Value, rows: &[(&str, Value, &str)]) {
    assert!(said(kind, &object, None).is_empty(), "{:?}", said(kind, &object, None));
    for (path, value, expect) in rows {
        let words = said(kind, &with(object.clone(), path, value.clone()), None);
        assert!(words.iter().any(|words| words.starts_with(expect)), "{kind} {path} = {value}: {words:?}");
        assert_eq!(words.len(), 1, "{kind} {path} = {value}: {words:?}");
    }
}

fn workload(kind: &str) -> Value {
    json!({"kind": kind, "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "updateStrategy": {},
        "template": {"metadata": {"labels": {"a": "b", "c": "d"}, "annotations": {}}, "spec": {
            "volumes": [{"name": "data"}],
            "containers": [{"name": "app", "image": "demo:1", "ports": [{"containerPort": 80, "name": "http"}],
                "env": [{"name": "A", "value": "b"}], "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "readinessProbe": {"httpGet": {"path": "/", "port": 80}}}]}},
    }})
}

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
                    "spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`",
                ),
                (
                    "/spec/template/metadata/labels",
                    Value::Null,
                    "spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`",
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
                    "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists'",
                ),
                (
                    "/spec/template/metadata/labels/e f",
                    json!("g"),
                    "spec.template.metadata.labels: Invalid value: \"e f\": name part must consist",
                ),
                (
                    "/spec/template/spec/restartPolicy",
                    json!("Never"),
                    "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
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
                "spec.strategy.type: Unsupported value: \"Sudden\": supported values: \"Recreate\", \"RollingUpdate\"",
            ),
            (
                "/spec/strategy/type",
                json!("Recreate"),
                "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
            ),
            (
                "/spec/strategy/rollingUpdate",
                json!({"maxSurge": 0, "maxUnavailable": 0}),
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
            ),
            (
                "/spec/strategy/rollingUpdate/maxSurge",
                json!("x"),
                "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent string",
            ),
            (
                "/spec/strategy/rollingUpdate/maxUnavailable",
                json!("101%"),
                "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%",
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
                "spec.updateStrategy: Invalid value: {\"type\":\"Now\"}: must be 'RollingUpdate' or 'OnDelete'",
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
                ".ports[0].protocol: Unsupported value: \"HTTP\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
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
                "spec.restartPolicy: Unsupported value: \"Once\": supported values: \"Always\", \"Never\", \"OnFailure\"",
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

#[test]
fn services() {
    let service = json!({"kind": "Service", "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "selector": {},
        "ports": [{"port": 80, "protocol": "TCP", "name": "http", "targetPort": 8080}]}});
    refused(
        "Service",
        service.clone(),
        &[
            (
                "/spec/type",
                json!("Foo"),
                "spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"",
            ),
            ("/spec/ports", json!([]), "spec.ports: Required value"),
            (
                "/spec/ports/0/port",
                json!(99999),
                "spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive",
            ),
            (
                "/spec/ports/0/name",
                json!("UPPER"),
                "spec.ports[0].name: Invalid value: \"UPPER\": a lowercase RFC 1123 label must consist of",
            ),
            (
                "/spec/ports/0/targetPort",
                json!("-x"),
                "spec.ports[0].targetPort: Invalid value: \"-x\": must not begin or end with a hyphen",
            ),
            (
                "/spec/ports/0/nodePort",
                json!(30080),
                "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
            ),
            ("/spec/ports/-", json!({"port": 81, "protocol": "TCP"}), "spec.ports[1].name: Required value"),
            (
                "/spec/ports/-",
                json!({"port": 81, "protocol": "TCP", "name": "http"}),
                "spec.ports[1].name: Duplicate value: \"http\"",
            ),
            (
                "/spec/ports/-",
                json!({"port": 80, "protocol": "TCP", "name": "other"}),
                "spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,\"TargetPort\":0,\"NodePort\":0}",
            ),
            (
                "/spec/selector/a b",
                json!("c"),
                "spec.selector: Invalid value: \"a b\": name part must consist of",
            ),
            (
                "/spec/selector/a",
                json!("c d"),
                "spec.selector: Invalid value: \"c d\": a valid label must be an empty string or consist of",
            ),
            (
                "/spec/sessionAffinity",
                json!("Sticky"),
                "spec.sessionAffinity: Unsupported value: \"Sticky\": supported values: \"ClientIP\", \"None\"",
            ),
            (
                "/spec/clusterIP",
                json!("x"),
                "spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address",
            ),
        ],
    );
    let of_node = with(service.clone(), "/spec/type", json!("NodePort"));
    refused(
        "Service",
        of_node,
        &[
            (
                "/spec/ports/0/nodePort",
                json!(80),
                "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range",
            ),
            (
                "/spec/clusterIP",
                json!("None"),
                "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
            ),
        ],
    );
    let headless = with(with(service, "/spec/clusterIP", json!("None")), "/spec/ports", Value::Null);
    assert!(said("Service", &headless, None).is_empty());
    let outside = json!({"kind": "Service", "spec": {"type": "ExternalName", "externalName": "example.com"}});
    refused(
        "Service",
        outside,
        &[
            ("/spec/externalName", Value::Null, "spec.externalName: Required value"),
            (
                "/spec/externalName",
                json!("a_b"),
                "spec.externalName: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain",
            ),
        ],
    );
}

#[test]
fn config_maps_and_secrets() {
    refused(
        "ConfigMap",
        json!({"data": {"a.b": "c"}, "binaryData": {"d": "AAAA"}}),
        &[
            (
                "/data/b c",
                json!(""),
                "data[b c]: Invalid value: \"b c\": a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            ),
            ("/data/..x", json!(""), "data[..x]: Invalid value: \"..x\": must not start with '..'"),
            ("/data/d", json!(""), "data[d]: Invalid value: \"d\": duplicate of key present in binaryData"),
            ("/binaryData/d", json!("AAA"), "binaryData[d]: illegal base64 data at input byte 0"),
        ],
    );
    refused(
        "Secret",
        json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "YQ==", "tls.key": ""}}),
        &[
            ("/data/tls.crt", Value::Null, "data[tls.crt]: Required value"),
            ("/data/tls.key", Value::Null, "data[tls.key]: Required value"),
            ("/data/tls.key", json!("YWJj!WJj"), "data[tls.key]: illegal base64 data at input byte 4"),
            ("/data/tls.key", json!("YWJjYQ"), "data[tls.key]: illegal base64 data at input byte 4"),
            ("/data/tls.key", json!("YQ==YQ=="), "data[tls.key]: illegal base64 data at input byte 2"),
        ],
    );
}

#[test]
fn endpoints() {
    let slice = json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]});
    refused(
        "EndpointSlice",
        slice,
        &[
            (
                "/addressType",
                json!("IPX"),
                "addressType: Unsupported value: \"IPX\": supported values: \"FQDN\", \"IPv4\", \"IPv6\"",
            ),
            (
                "/endpoints/0/addresses",
                json!([]),
                "endpoints[0].addresses: Required value: must contain at least 1 address",
            ),
            (
                "/endpoints/0/addresses/0",
                json!("x"),
                "endpoints[0].addresses[0]: Invalid value: \"x\": must be a valid IP address",
            ),
            (
                "/endpoints/0/addresses/0",
                json!("127.0.0.1"),
                "endpoints[0].addresses[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range",
            ),
            ("/ports/-", json!({"name": "http"}), "ports[1].name: Duplicate value: \"http\""),
            ("/ports/0/name", json!("UP"), "ports[0].name: Invalid value: \"UP\""),
        ],
    );
    let older = json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]});
    refused(
        "Endpoints",
        older,
        &[
            (
                "/subsets/0/addresses",
                json!([]),
                "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
            ),
            (
                "/subsets/0/addresses/0/ip",
                json!("x"),
                "subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address",
            ),
            (
                "/subsets/0/ports/0/port",
                json!(0),
                "subsets[0].ports[0].port: Invalid value: 0: must be between",
            ),
        ],
    );
}
