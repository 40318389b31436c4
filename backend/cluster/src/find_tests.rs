use super::*;
use mesh::Observation;
use serde_json::json;
use std::sync::Arc;

fn pod(namespace: &str, name: &str, app: &str, ready: bool) -> Value {
    json!({ "kind": "Pod", "metadata": { "namespace": namespace, "name": name, "labels": { "app": app } },
        "spec": { "containers": [{ "ports": [{ "name": "web", "containerPort": 19090 }] }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": if ready { "True" } else { "False" } }] } })
}

fn service(namespace: &str, name: &str, labels: &Value, target: &Value) -> Value {
    json!({ "kind": "Service", "metadata": { "namespace": namespace, "name": name, "labels": labels },
        "spec": { "selector": { "app": "metrics" }, "ports": [
            { "name": "grpc", "port": 7000, "targetPort": 7001 }, { "name": "http", "port": 9090, "targetPort": target }] } })
}

fn hub(objects: &[Value]) -> Arc<Hub> {
    let hub = Hub::new(Arc::new(|| {}), 60);
    for object in objects {
        let object = Object::from(object.clone());
        hub.take(Observation::Applied(object.at().expect("a watched kind"), object));
    }
    hub
}

const WANTED: Wanted = Wanted {
    title: "Metrics",
    names: &["metrics"],
    apps: &["metrics"],
    endings: &["-query"],
    ports: &[(9090, "http")],
    next: "Install it",
    option: "--metrics",
};

#[track_caller]
fn check(objects: &[Value], expect: Result<(&str, &str, u16), &str>) {
    let found = super::service(&hub(objects), &WANTED);
    let told = found
        .as_ref()
        .map(|(name, at)| (name.as_str(), at.pod.as_str(), at.port))
        .map_err(|problem| problem.why.as_str());
    assert_eq!(told, expect);
}

#[test]
fn the_named_service_of_istio_comes_first() {
    let objects = [
        service("apps", "metrics", &json!({}), &json!(1)),
        pod("apps", "m-1", "metrics", true),
        service("istio-system", "metrics", &json!({}), &json!("web")),
        pod("istio-system", "m-2", "metrics", false),
        pod("istio-system", "m-3", "metrics", true),
    ];
    check(&objects, Ok(("metrics in istio-system", "m-3", 19090)));
}

#[test]
fn a_label_will_do() {
    let labels = json!({ "app.kubernetes.io/name": "metrics" });
    let objects =
        [service("watch", "kube-metrics", &labels, &json!(8080)), pod("watch", "m-1", "metrics", true)];
    check(&objects, Ok(("kube-metrics in watch", "m-1", 8080)));
}

/// An operator labels all that it makes.
#[test]
fn of_those_with_the_label_the_one_that_is_asked() {
    let labels = json!({ "app": "metrics" });
    let of = |namespace, name| service(namespace, name, &labels, &json!(8080));
    let objects = [
        of("istio-system", "a-collector"),
        of("watch", "a-agent"),
        of("watch", "a-query"),
        pod("watch", "m-1", "metrics", true),
        pod("istio-system", "m-2", "metrics", true),
    ];
    check(&objects, Ok(("a-query in watch", "m-1", 8080)));
}

#[test]
fn why_there_is_none() {
    check(&[], Err("No Service is named metrics or labelled so"));
    let alone = [
        service("istio-system", "metrics", &json!({}), &json!(1)),
        pod("istio-system", "m", "metrics", false),
    ];
    check(&alone, Err("Service istio-system/metrics has no ready pod"));
    let resting = super::service(&hub(&alone), &WANTED).unwrap_err();
    assert_eq!(resting.what, "Metrics does not run");
    assert!(!resting.next.contains("Install"), "{resting}");
    let objects = [
        service("istio-system", "metrics", &json!({}), &json!("nope")),
        pod("istio-system", "m", "metrics", true),
    ];
    check(&objects, Err("Service istio-system/metrics names a port that its pod does not have"));
}

#[test]
fn every_replica_of_istiod() {
    let mut second = pod("istio-system", "istiod-2", "istiod", true);
    second["metadata"]["annotations"] = json!({ "prometheus.io/port": "15099" });
    let mut leaving = pod("istio-system", "istiod-3", "istiod", true);
    leaving["metadata"]["deletionTimestamp"] = json!("2026-05-05T05:05:05Z");
    let hub = hub(&[pod("istio-system", "istiod-1", "istiod", true), second, leaving]);
    let found: Vec<(String, u16)> =
        istiods(&hub).expect("istiod").into_iter().map(|at| (at.pod, at.port)).collect();
    assert_eq!(found, [("istiod-1".into(), 15014), ("istiod-2".into(), 15099)]);
}

/// Whoever may make pods in some namespace must not answer for istiod.
#[test]
fn a_pod_elsewhere_is_not_istiod() {
    let evil = pod("shop", "istiod-0", "istiod", true);
    assert!(istiods(&hub(std::slice::from_ref(&evil))).is_err());
    let real = pod("istio-system", "istiod-1", "istiod", true);
    let found = istiods(&hub(&[evil.clone(), real])).unwrap();
    assert_eq!(found.iter().map(|at| &*at.pod).collect::<Vec<_>>(), ["istiod-1"]);
    // Where istiod's Service is, there is istiod.
    let moved = service("mesh", "istiod", &json!({ "app": "istiod" }), &json!(15014));
    let found = istiods(&hub(&[evil, moved, pod("mesh", "istiod-2", "istiod", true)])).unwrap();
    assert_eq!(found.iter().map(|at| &*at.pod).collect::<Vec<_>>(), ["istiod-2"]);
}

#[test]
fn no_istiod() {
    assert_eq!(istiods(&hub(&[])).unwrap_err().why, "No pod in istio-system has the label app=istiod");
    let waiting = hub(&[pod("istio-system", "istiod-1", "istiod", false)]);
    assert_eq!(istiods(&waiting).unwrap_err().why, "None of its 1 pods is ready");
}

/// With rights in one namespace only, the others may well have it.
#[test]
fn what_is_seen_in_part_is_not_called_missing() {
    let hub = hub(&[]);
    let why =
        Problem::new("Service cannot be read", "This login may not list services, in the cluster", "Ask");
    hub.take(Observation::Only(&kinds::SERVICE, ["shop".to_owned()].into(), why));
    let problem = super::service(&hub, &WANTED).unwrap_err();
    assert_eq!(problem.what, "Metrics cannot be looked for");
    assert!(problem.why.contains("may not list services") && !problem.next.contains("Install"), "{problem}");
}

/// What may not be read is not called missing.
#[test]
fn a_right_that_is_missing_is_named() {
    let denied = Problem::new(
        "Pod cannot be read",
        "This login may not list pods",
        "Ask for the right to list pods; until then …",
    );
    let pods = &kinds::POD;
    let unread = hub(&[service("istio-system", "metrics", &json!({}), &json!(1))]);
    unread.take(Observation::Kind(pods, KindState::Denied(denied.clone())));
    for (problem, option) in [
        (super::service(&unread, &WANTED).unwrap_err(), "--metrics"),
        (istiods(&unread).unwrap_err(), "--istiod"),
    ] {
        assert!(problem.what.ends_with("cannot be looked for"), "{problem}");
        assert_eq!(problem.why, denied.why);
        assert_eq!(problem.next, format!("{}. Or give its URL with {option}", denied.next));
    }
}
