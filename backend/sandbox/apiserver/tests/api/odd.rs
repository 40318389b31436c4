//! Odd JSON of every sort is refused with a Status, as by Kubernetes: nothing makes the server fail or hang
//! up.

use serde_json::{Value, json};

use crate::harness::{Answer, Cluster, ROUTES, cluster, pod, read, routes};

/// What no field expects all of.
fn odd_values() -> Vec<Value> {
    vec![
        json!([]),
        json!({}),
        json!("x"),
        json!(""),
        json!(-7),
        json!(1.5e300),
        json!(true),
        json!(null),
        json!([null]),
        json!([[]]),
        json!([{"a": {"b": []}}]),
        json!({"": {"/": "~"}}),
    ]
}

/// One object of each sort, with its collection.
fn samples() -> Vec<(&'static str, Value)> {
    let metadata = json!({"name": "one", "labels": {"a": "b"}, "annotations": {"a": "b"},
        "finalizers": ["a/b"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "u"}]});
    let template = json!({"metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": "i",
        "env": [{"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 80}}}],
            "volumes": [{"name": "v", "configMap": {"name": "m"}}]}});
    let mut crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "shortNames": ["th"],
                "categories": ["all"]},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"],
                    "properties": {"spec": {"type": "object",
                    "x-kubernetes-validations": [{"rule": "has(self.a)"}],
                        "properties": {"a": {"type": "array", "items": {"type": "string"}}}}}}},
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas"}},
                "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".spec.a"}]}]}});
    crd["metadata"]["labels"] = json!({"a": "b"});
    let core =
        |kind: &str, rest: Value| with(json!({"apiVersion": "v1", "kind": kind, "metadata": metadata}), rest);
    let apps = |kind: &str, rest: Value| {
        with(json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata}), rest)
    };
    let selector =
        json!({"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "app", "operator": "Exists"}]});
    vec![
        (
            "/api/v1/namespaces/default/services",
            core(
                "Service",
                json!({"spec": {"type": "NodePort", "selector": {"app": "a"}, "clusterIP": "10.96.7.7",
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "nodePort": 31000,
                    "protocol": "TCP"}]}}),
            ),
        ),
        ("/api/v1/namespaces/default/pods", pod("one")),
        (
            "/api/v1/namespaces/default/configmaps",
            core("ConfigMap", json!({"data": {"a": "b"}, "binaryData": {"c": "AA=="}})),
        ),
        (
            "/api/v1/namespaces/default/secrets",
            core("Secret", json!({"data": {"a": "AA=="}, "stringData": {"b": "c"}, "type": "Opaque"})),
        ),
        (
            "/api/v1/namespaces/default/endpoints",
            core(
                "Endpoints",
                json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]}),
            ),
        ),
        ("/api/v1/namespaces", core("Namespace", json!({"spec": {"finalizers": ["kubernetes"]}}))),
        (
            "/apis/apps/v1/namespaces/default/deployments",
            apps(
                "Deployment",
                json!({"spec": {"replicas": 1, "selector": selector, "template": template,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%",
                    "maxUnavailable": 1}}}}),
            ),
        ),
        (
            "/apis/apps/v1/namespaces/default/statefulsets",
            apps(
                "StatefulSet",
                json!({"spec": {"serviceName": "s", "selector": selector, "template": template,
                    "ordinals": {"start": 1},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}}}),
            ),
        ),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd),
        (ROUTES, routes("one", 50, 50)),
        (
            "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes",
            json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
                "metadata": {"name": "one"},
                "spec": {"parentRefs": [{"name": "g"}], "rules": [{"matches": [{"path": {"type": "PathPrefix",
                    "value": "/"}}],
                    "backendRefs": [{"name": "s", "port": 80, "weight": 1}]}]}}),
        ),
    ]
}

fn with(mut object: Value, rest: Value) -> Value {
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

/// The place of every value in a document.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            places(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), into);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), into));
        }
        _ => {}
    }
}

#[track_caller]
fn refused_or_taken(answer: &Answer, what: &str) {
    let Answer { status, body, .. } = answer;
    assert!((200..500).contains(status), "{what}: {status} {body}");
    if *status >= 400 {
        assert_eq!(body["kind"], "Status", "{what}: {status} {body}");
        let words = body["message"].as_str().unwrap();
        assert!(!words.contains(" at line ") && !words.contains("invalid type"), "serde's words: {words}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_values_anywhere_in_an_object_are_refused_or_taken() {
    let cluster = cluster().await;
    let odd = odd_values();
    let mut turn = 0;
    for (path, sample) in samples() {
        let name = sample["metadata"]["name"].as_str().unwrap().to_owned();
        let one = format!("{path}/{name}");
        let mut all = Vec::new();
        places(&sample, "", &mut all);
        for (index, place) in all.iter().enumerate().skip(1) {
            // Every other value; the next place takes the others.
            for value in odd.iter().skip(index % 2).step_by(2) {
                // Something may have been made of the last one.
                restore(&cluster, path, &one, &sample).await;
                let mut object = sample.clone();
                *object.pointer_mut(place).unwrap() = value.clone();
                turn += 1;
                let what = format!("{turn} {path} {place} = {value}");
                let answer = match turn % 5 {
                    0 => {
                        cluster.send("DELETE", &one, "", None).await;
                        cluster.post(path, object).await
                    }
                    1 => cluster.send("PUT", &one, "application/json", Some(object)).await,
                    2 => cluster.send("PATCH", &one, "application/merge-patch+json", Some(object)).await,
                    3 => {
                        cluster
                            .send(
                                "PATCH",
                                &format!("{one}?fieldManager=odd&force=true"),
                                "application/apply-patch+yaml",
                                Some(object),
                            )
                            .await
                    }
                    _ => {
                        cluster
                            .send("PATCH", &one, "application/strategic-merge-patch+json", Some(object))
                            .await
                    }
                };
                refused_or_taken(&answer, &what);
            }
        }
        for list in ["", "?limit=1"] {
            refused_or_taken(&cluster.get(&format!("{path}{list}")).await, path);
        }
    }
    println!("{turn} odd objects");
}

/// Makes sure that the sample is there to be changed.
async fn restore(cluster: &Cluster, path: &str, one: &str, sample: &Value) {
    if cluster.get(one).await.status == 404 {
        cluster.post(path, sample.clone()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_no_objects_are_refused() {
    let cluster = cluster().await;
    cluster.post("/api/v1/namespaces/default/pods", pod("one")).await;
    cluster.post(ROUTES, routes("one", 50, 50)).await;
    for (path, sample) in samples() {
        restore(&cluster, path, &format!("{path}/one"), &sample).await;
    }
    let bodies: [&[u8]; 14] = [
        b"[]",
        b"\"x\"",
        b"7",
        b"true",
        b"null",
        b"",
        b"{",
        b"{\"a\":}",
        b"[{}]",
        b"\xff\xfe",
        b"k8s\0",
        b"k8s\0\x0a\xff",
        b"a: [",
        b"\x00",
    ];
    let pods = "/api/v1/namespaces/default/pods";
    let deployment = "/apis/apps/v1/namespaces/default/deployments/one";
    let mut targets = vec![
        ("PUT", format!("{pods}/one/status")),
        ("PATCH", format!("{pods}/one/status")),
        ("POST", format!("{pods}/one/eviction")),
        ("PUT", format!("{deployment}/scale")),
        ("PATCH", format!("{deployment}/scale")),
        ("PUT", format!("{deployment}/status")),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token".to_owned()),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned()),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews".to_owned()),
        ("PUT", "/api/v1/namespaces/one/finalize".to_owned()),
        ("DELETE", format!("{pods}/one?dryRun=All")),
        ("DELETE", format!("{pods}?dryRun=All")),
    ];
    for (path, _) in samples() {
        targets.extend([
            ("POST", path.to_owned()),
            ("PUT", format!("{path}/one")),
            ("PATCH", format!("{path}/one?fieldManager=a")),
        ]);
    }
    let types = [
        "application/json",
        "application/yaml",
        "application/vnd.kubernetes.protobuf",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
        "",
        "text/odd",
    ];
    for (method, path) in &targets {
        for content_type in types.iter().filter(|of| (*method == "PATCH") == of.contains("patch")) {
            for body in bodies {
                let request =
                    cluster.request(method, path).header("content-type", *content_type).body(body.to_vec());
                let answer = read(request).await;
                let what = format!("{method} {path} {content_type} {}", String::from_utf8_lossy(body));
                refused_or_taken(&answer, &what);
                let bare = serde_json::from_slice::<Value>(body)
                    .is_ok_and(|body| !body.is_object() && !body.is_null() && body != json!([]));
                if bare && *content_type == "application/json" {
                    assert!((400..500).contains(&answer.status), "{what} was taken: {}", answer.body);
                }
            }
        }
    }
}

#[tokio::test]
async fn what_does_not_decode_is_told_in_kubernetes_words() {
    let cluster = cluster().await;
    let services = "/api/v1/namespaces/default/services";
    let answer = cluster
        .post(services, json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": []}))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.body["message"],
        "Service in version \"v1\" cannot be handled as a Service: json: cannot unmarshal array into Go \
            struct field Service.spec of type v1.ServiceSpec"
    );
    let answer = cluster.send("PUT", &format!("{ROUTES}/a"), "application/json", Some(json!("x"))).await;
    assert_eq!(
        answer.body["message"],
        "the object provided is unrecognized (must be of type VirtualService): couldn't get version/kind; \
            json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string \
            \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (227822)"
    );
}

#[tokio::test]
async fn odd_queries_and_paths_are_answered() {
    let cluster = cluster().await;
    cluster.post("/api/v1/namespaces/default/pods", pod("one")).await;
    let pods = "/api/v1/namespaces/default/pods";
    let odd = [
        "-1",
        "x",
        "99999999999999999999",
        "%",
        "%ff",
        "((",
        "a in (",
        "a=b,,",
        "!",
        "=",
        "%00",
        "a%3D%3D%3D",
    ];
    for name in [
        "limit",
        "continue",
        "labelSelector",
        "fieldSelector",
        "resourceVersion",
        "resourceVersionMatch",
        "timeoutSeconds",
        "dryRun",
        "fieldManager",
        "fieldValidation",
        "propagationPolicy",
        "gracePeriodSeconds",
        "includeObject",
        "pretty",
    ] {
        for value in odd {
            for (method, path) in
                [("GET", pods.to_owned()), ("GET", format!("{pods}/one")), ("DELETE", format!("{pods}/none"))]
            {
                let what = format!("{method} {path}?{name}={value}");
                let answer = cluster.send(method, &format!("{path}?{name}={value}"), "", None).await;
                assert!(
                    answer.status < 500 || answer.body["reason"] == "Timeout",
                    "{what}: {} {}",
                    answer.status,
                    answer.body
                );
            }
        }
    }
    for path in [
        "/api/v1/namespaces//pods",
        "/apis/",
        "/api/v1/%ff/x",
        "/apis/a/b/c/d/e/f/g/h",
        "/api/v1/namespaces/default/pods/one/log?tailLines=x&container=%00",
        "/api/v1/namespaces/default/pods/one:99999999/proxy/",
        "/openapi/v3/..%2f",
        "/api/v1/namespaces/default/pods/one/portforward?ports=x",
    ] {
        refused_or_taken_text(&cluster.get(path).await, path);
    }
}

#[track_caller]
fn refused_or_taken_text(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.body);
}
