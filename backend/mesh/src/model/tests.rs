use super::*;
use crate::any_json::any_json;
use crate::demo::{self, by_ref};
use istio::kinds;
use istio::mtls::Mode;
use proptest::prelude::*;
use serde_json::{Value, json};

fn with(extra: impl IntoIterator<Item = Value>) -> Mesh {
    let mut objects = demo::bookinfo_objects();
    objects.extend(by_ref(extra));
    Mesh::read(objects, None)
}

fn istio(kind: &str, namespace: &str, name: &str, created: &str, spec: Value) -> Value {
    let group = if kind == "PeerAuthentication" { "security" } else { "networking" };
    json!({ "apiVersion": format!("{group}.istio.io/v1"), "kind": kind, "spec": spec,
        "metadata": { "namespace": namespace, "name": name, "creationTimestamp": created } })
}

fn named(refs: &[Ref]) -> Vec<String> {
    refs.iter().map(|at| format!("{}/{}", at.namespace, at.name)).collect()
}

#[test]
fn bookinfo() {
    let mesh = demo::bookinfo();
    assert_eq!(mesh.problems().count(), 0);
    assert_eq!(mesh.root_namespace(), "istio-system");
    let reviews = mesh.service("bookinfo", "reviews").unwrap();
    assert_eq!(reviews.subsets.iter().map(|subset| &*subset.name).collect::<Vec<_>>(), ["v1", "v2", "v3"]);
    assert_eq!(reviews.subsets[1].workloads[0].to_string(), "bookinfo/reviews-v2");
    assert_eq!(named(&reviews.virtual_services), ["bookinfo/reviews"]);
    assert_eq!(named(&reviews.destination_rules), ["bookinfo/reviews"]);
    assert_eq!(
        reviews.ports[0],
        Port { name: "http".into(), number: 9080, target: 9080, protocol: istio::Protocol::Http }
    );
    let page = mesh.service("bookinfo", "productpage").unwrap();
    assert!(page.virtual_services.is_empty(), "a gateway's route is none of the mesh's");
    assert!(!page.subsets[0].declared);
    let workload = mesh.workload("bookinfo", "reviews-v3").unwrap();
    assert_eq!(
        (&*workload.owner, &*workload.app, &*workload.version, workload.wanted),
        ("Deployment", "reviews", "v3", Some(1))
    );
    assert!(workload.pods[0].sidecar && workload.pods[0].ready);
    assert_eq!(workload.mtls, (Mode::Permissive, None));
    assert!(mesh.workload("istio-system", "istio-ingressgateway").unwrap().gateway);
    assert!(!mesh.workload("istio-system", "istiod").unwrap().gateway);
    assert_eq!(mesh.proxies().len(), 7);
}

#[test]
fn versions_sort_as_people_count() {
    let mut names = ["v10", "v2", "v1", "v1.10", "v1.9", "canary", "v01"];
    names.sort_by(|a, b| services::natural(a, b));
    assert_eq!(names, ["canary", "v01", "v1", "v1.9", "v1.10", "v2", "v10"]);
}

#[test]
fn the_closest_host_comes_first_then_the_oldest() {
    let spec = |host: &str| json!({ "hosts": [host], "http": [] });
    let mesh = with([
        istio(
            "VirtualService",
            "bookinfo",
            "wild",
            "2020-01-01T00:00:00Z",
            spec("*.bookinfo.svc.cluster.local"),
        ),
        istio(
            "VirtualService",
            "other",
            "older",
            "2021-01-01T00:00:00Z",
            spec("reviews.bookinfo.svc.cluster.local"),
        ),
        istio("VirtualService", "other", "short", "2020-01-01T00:00:00Z", spec("reviews")),
    ]);
    let found = &mesh.service("bookinfo", "reviews").unwrap().virtual_services;
    assert_eq!(named(found), ["other/older", "bookinfo/reviews", "bookinfo/wild"]);
}

#[test]
fn rules_of_the_own_namespace_beat_the_root_and_others() {
    let rule = |host: &str, subset: &str| json!({ "host": host, "subsets": [{ "name": subset, "labels": { "version": subset } }] });
    let host = "reviews.bookinfo.svc.cluster.local";
    let mesh = with([
        istio(
            "DestinationRule",
            "istio-system",
            "root",
            "2020-01-01T00:00:00Z",
            rule("*.svc.cluster.local", "v9"),
        ),
        istio(
            "DestinationRule",
            "bookinfo",
            "wild",
            "2020-01-01T00:00:00Z",
            rule("*.bookinfo.svc.cluster.local", "v8"),
        ),
        istio("DestinationRule", "client", "own", "2020-01-01T00:00:00Z", rule(host, "v7")),
        istio("DestinationRule", "bookinfo", "second", "2026-01-01T00:00:00Z", rule(host, "v6")),
    ]);
    let reviews = mesh.service("bookinfo", "reviews").unwrap();
    assert_eq!(
        named(&reviews.destination_rules),
        ["bookinfo/reviews", "bookinfo/second", "istio-system/root", "client/own"]
    );
    let names = reviews.subsets.iter().map(|subset| &*subset.name).collect::<Vec<_>>();
    assert_eq!(names, ["v1", "v2", "v3", "v6", "v9"]);
}

#[test]
fn mutual_tls_precedence() {
    let policy = |mode: &str| json!({ "mtls": { "mode": mode } });
    let some = |mode: &str, labels: Value| json!({ "selector": { "matchLabels": labels }, "mtls": { "mode": mode } });
    let mesh = with([
        istio("PeerAuthentication", "istio-system", "default", "2020-01-01T00:00:00Z", policy("STRICT")),
        istio("PeerAuthentication", "istio-system", "late", "2021-01-01T00:00:00Z", policy("DISABLE")),
        istio(
            "PeerAuthentication",
            "istio-system",
            "elsewhere",
            "2020-01-01T00:00:00Z",
            some("DISABLE", json!({ "app": "details" })),
        ),
        istio("PeerAuthentication", "bookinfo", "default", "2020-01-01T00:00:00Z", policy("UNSET")),
        istio(
            "PeerAuthentication",
            "bookinfo",
            "reviews",
            "2020-01-01T00:00:00Z",
            some("PERMISSIVE", json!({ "app": "reviews" })),
        ),
    ]);
    let mode = |name: &str| {
        let (mode, by) = &mesh.workload("bookinfo", name).unwrap().mtls;
        format!("{mode} by {}", by.as_ref().map_or("nothing".into(), ToString::to_string))
    };
    assert_eq!(mode("details-v1"), "STRICT by PeerAuthentication istio-system/default");
    assert_eq!(mode("reviews-v1"), "PERMISSIVE by PeerAuthentication bookinfo/reviews");
    assert_eq!(
        mesh.workload("istio-system", "istiod").unwrap().mtls,
        (Mode::Disable, None),
        "it has no proxy"
    );
}

#[test]
fn sidecars_of_both_kinds_and_pods_without_owner() {
    let pod = |name: &str, spec: Value| json!({ "kind": "Pod", "metadata": { "namespace": "a", "name": name }, "spec": spec });
    let mesh = Mesh::read(
        by_ref([
            pod("plain", json!({ "containers": [{ "name": "app" }] })),
            pod(
                "native",
                json!({ "initContainers": [{ "name": "istio-proxy", "restartPolicy": "Always" }] }),
            ),
            pod("init", json!({ "initContainers": [{ "name": "istio-proxy" }] })),
        ]),
        None,
    );
    let has = |name: &str| mesh.workload("a", name).unwrap().pods[0].sidecar;
    assert_eq!([has("plain"), has("native"), has("init")], [false, true, false]);
    assert_eq!(mesh.workload("a", "plain").unwrap().owner, "Pod");
    assert_eq!(mesh.namespaces(), ["a".into()]);
}

#[test]
fn a_pod_is_as_its_containers_are() {
    #[track_caller]
    fn check(status: Value, phase: &str, restarts: u32) {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "status": status,
            "metadata": { "namespace": "shop", "name": "cart", "labels": { "app": "cart" } } });
        let mesh = with([pod]);
        let pod = &mesh.workload("shop", "cart").unwrap().pods[0];
        assert_eq!((&*pod.phase, pod.restarts), (phase, restarts));
    }
    let state = |state: Value| json!([{ "restartCount": 7, "state": state }, { "restartCount": 1, "state": { "running": {} } }]);
    let waits = state(json!({ "waiting": { "reason": "CrashLoopBackOff" } }));
    check(json!({ "phase": "Running", "containerStatuses": waits }), "CrashLoopBackOff", 8);
    let killed = state(json!({ "terminated": { "reason": "OOMKilled" } }));
    check(json!({ "phase": "Running", "containerStatuses": killed }), "OOMKilled", 8);
    let pulls = json!([{ "restartCount": 0, "state": { "waiting": { "reason": "ErrImagePull" } } }]);
    check(json!({ "phase": "Pending", "initContainerStatuses": pulls }), "ErrImagePull", 0);
    check(json!({ "phase": "Running" }), "Running", 0);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_stands() {
    let mesh = with([istio("VirtualService", "bookinfo", "odd", "", json!({ "hosts": "reviews" }))]);
    let (at, problem) = mesh.problems().next().unwrap();
    assert_eq!(at.to_string(), "VirtualService bookinfo/odd");
    assert!(problem.why.contains("expected a sequence"), "{problem}");
    assert_eq!(mesh.virtual_services().count(), 2);
}

#[test]
fn an_external_host_is_a_service() {
    let spec = json!({ "hosts": ["api.example.com"], "ports": [{ "number": 443, "name": "tls", "protocol": "TLS" }] });
    let mesh = with([istio("ServiceEntry", "bookinfo", "api", "", spec)]);
    let service = mesh.service("bookinfo", "api.example.com").unwrap();
    assert!(service.external);
    assert_eq!(service.ports[0].protocol, istio::Protocol::Tls);
}

#[test]
fn several_entries_of_one_host_are_one_service_with_all_their_ports() {
    let spec = |number: u32, name: &str| json!({ "hosts": ["api.example.com"], "ports": [{ "number": number, "name": name }] });
    let mesh = with([
        istio("ServiceEntry", "bookinfo", "a-young", "2024-01-01T00:00:00Z", spec(80, "http")),
        istio("ServiceEntry", "bookinfo", "b-old", "2023-01-01T00:00:00Z", spec(443, "tls")),
        istio("ServiceEntry", "bookinfo", "c-same", "2025-01-01T00:00:00Z", spec(443, "tcp")),
        istio("ServiceEntry", "other", "elsewhere", "2020-01-01T00:00:00Z", spec(9000, "http")),
    ]);
    let service = mesh.service("bookinfo", "api.example.com").unwrap();
    let ports: Vec<_> = service.ports.iter().map(|port| (port.number, port.name.as_str())).collect();
    assert_eq!((&*service.at.name, ports), ("b-old", vec![(443, "tls"), (80, "http")]));
    assert_eq!(mesh.service("other", "api.example.com").unwrap().ports.len(), 1);
}

#[test]
fn an_entry_of_a_services_host_is_that_service() {
    let host = "reviews.bookinfo.svc.cluster.local";
    let entry = istio("ServiceEntry", "other", "alias", "", json!({ "hosts": [host], "ports": [] }));
    let mesh = with([entry.clone()]);
    let entries = |mesh: &Mesh| named(&mesh.service("bookinfo", "reviews").unwrap().entries);
    assert_eq!(entries(&mesh), ["other/alias"]);
    assert!(mesh.service("other", host).is_none());
    // The same, one after the other.
    let plain = demo::bookinfo();
    let mut objects = plain.objects().clone();
    objects.extend(by_ref([entry]));
    let mesh = Mesh::read(objects.clone(), Some(&plain));
    assert_eq!(
        (entries(&mesh), mesh.service("other", host).is_none()),
        (vec!["other/alias".to_owned()], true)
    );
    objects.remove(&Ref::new(&kinds::SERVICE, "bookinfo", "reviews"));
    let mesh = Mesh::read(objects, Some(&mesh));
    assert!(mesh.service("other", host).is_some());
}

/// Metrics name workloads by Istio's rules: under other names idle twins would stand beside them.
#[test]
fn workloads_have_the_names_that_metrics_give_them() {
    let pod = |name: &str, labels: Value, kind: &str, owner: &str| {
        json!({ "kind": "Pod", "metadata": { "namespace": "a", "name": name, "labels": labels,
            "ownerReferences": [{ "kind": kind, "name": owner, "controller": true }] } })
    };
    let deployment = |labels: Value| {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "namespace": "a", "name": "web" },
            "spec": { "replicas": 3, "template": { "metadata": { "labels": labels } } } })
    };
    let label = "service.istio.io/workload-name";
    let names = |mesh: &Mesh| {
        let told = |workload: &Workload| {
            format!("{} {} {}/{:?}", workload.owner, workload.name, workload.pods.len(), workload.wanted)
        };
        mesh.workloads().map(told).collect::<Vec<_>>()
    };
    let labelled = json!({ "pod-template-hash": "6b7", label: "shop" });
    let mesh = Mesh::read(
        by_ref([
            pod("web-6b7-x", labelled, "ReplicaSet", "web-6b7"),
            deployment(json!({ label: "shop" })),
            pod("blue-7c8-x", json!({ "rollouts-pod-template-hash": "7c8" }), "ReplicaSet", "blue-7c8"),
            pod("tidy-28912345-x", json!({ "job-name": "tidy-28912345" }), "Job", "tidy-28912345"),
            pod("tidy-28912346-x", json!({ "job-name": "tidy-28912346" }), "Job", "tidy-28912346"),
        ]),
        None,
    );
    assert_eq!(names(&mesh), ["Rollout blue 1/None", "Deployment shop 1/Some(3)", "CronJob tidy 2/None"]);
    assert!(mesh.workload("a", "tidy").unwrap().labels.is_empty());
    // The pods go, then the label.
    let mut objects = mesh.objects().clone();
    objects.retain(|at, _| at.kind != &kinds::POD);
    let mesh = Mesh::read(objects.clone(), Some(&mesh));
    assert_eq!(names(&mesh), ["Deployment shop 0/Some(3)"]);
    objects.extend(by_ref([deployment(json!({}))]));
    let mesh = Mesh::read(objects, Some(&mesh));
    assert_eq!(names(&mesh), ["Deployment web 0/Some(3)"]);
}

#[test]
fn a_field_that_is_null_is_not_set() {
    let spec = json!({ "hosts": ["reviews"], "http": [{ "match": null, "route": [{ "destination": { "host": "reviews", "port": null } }] }], "tcp": null });
    let mesh = with([istio("VirtualService", "bookinfo", "odd", "", spec)]);
    assert_eq!((mesh.problems().count(), mesh.virtual_services().count()), (0, 3));
}

proptest! {
    #[test]
    fn odd_objects_never_panic(kinds in prop::collection::vec((0..crate::KINDS.len(), any_json()), 1..6)) {
        let objects = kinds.into_iter().enumerate().map(|(number, (kind, body))| {
            let mut object = if let Value::Object(map) = body { map } else { serde_json::Map::new() };
            object.insert("kind".into(), crate::KINDS[kind].kind.into());
            object.insert("apiVersion".into(), format!("{}/v1", crate::KINDS[kind].group).into());
            if let Some(meta) = object.entry("metadata").or_insert(json!({})).as_object_mut() {
                meta.insert("name".into(), format!("o{number}").into());
            }
            Value::Object(object)
        });
        let mesh = Mesh::read(by_ref(objects.collect::<Vec<_>>()), None);
let again = Mesh::read(mesh.objects().clone(), Some(&mesh));
        prop_assert_eq!(mesh.revision(), again.revision());
    }
}
