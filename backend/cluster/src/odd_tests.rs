// Odd JSON from outside: whatever a server answers, reading it never breaks off.

use crate::hub::Hub;
use crate::{access, envoy, error, find, istiod, refusal, syncz, trim};
use mesh::evidence::{Connections, Owner, Probe, Want, Xds};
use mesh::{Object, Observation, Problem, Ref, kinds};
use serde_json::{Value, json};
use std::sync::Arc;

/// What may stand where something else should.
fn odd() -> Vec<Value> {
    let mut deep = json!([]);
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let plain = [json!(0), json!(-1), json!(1e300), json!(""), json!("ä|||x.y"), json!(true), Value::Null];
    let nested = [json!([]), json!({}), json!([null]), json!({ "name": null, "metadata": [] }), deep];
    plain.into_iter().chain(nested).collect()
}

/// A document with each of its places replaced by each odd value, and each of them taken away.
fn mutated(document: &Value) -> Vec<Value> {
    let mut places = vec![String::new()];
    let mut all = Vec::new();
    while let Some(place) = places.pop() {
        let children: Vec<String> = match document.pointer(&place) {
            Some(Value::Object(fields)) => {
                fields.keys().map(|key| key.replace('~', "~0").replace('/', "~1")).collect()
            }
            Some(Value::Array(list)) => (0..list.len()).map(|index| index.to_string()).collect(),
            _ => Vec::new(),
        };
        places.extend(children.iter().map(|child| format!("{place}/{child}")));
        for value in odd() {
            let mut other = document.clone();
            if let Some(at) = other.pointer_mut(&place) {
                *at = value;
            }
            all.push(other);
        }
    }
    all
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[test]
fn what_istiod_says() {
    let older = json!({ "proxy": "a.b", "cluster_id": "x", "route_sent": "1", "route_acked": "1" });
    let resource =
        json!({ "sent": "n1", "acked": "n1", "sentTime": "2026-03-04T05:06:07.5Z", "lastError": "x" });
    let current = json!({ "proxy": "a.b", "istio_version": "1.30.0",
        "resources": { "type.googleapis.com/envoy.config.cluster.v3.Cluster": resource } });
    for document in mutated(&json!([older, current])) {
        if let Ok((proxies, _)) = syncz::parse(&bytes(&document), "istiod-1") {
            syncz::merge(vec![proxies.clone(), proxies.clone()]);
            proxies.iter().for_each(|proxy| drop(proxy.proxy()));
        }
    }
    for document in mutated(&json!({ "version": "1.30.1", "clientVersion": { "version": "1.2" } })) {
        istiod::version_of(&document.to_string());
    }
    for log in ["", "ADS:RDS: ACK ERROR", "ADS:RDS: ACK ERROR a.b-4", "ADS:RDS: ACK ERROR a.b-4 ", "ä"] {
        syncz::refusal_in_log(log, "a.b", "RDS");
    }
    for metrics in ["pilot_total_xds_rejects{", "pilot_total_xds_rejects{type=\"rds\"} x", "ä ä"] {
        syncz::rejects_in_metrics(metrics, "RDS");
    }
}

#[test]
fn what_an_envoy_says() {
    let probe = |owner: Owner, path: &str, want: Want| Probe {
        proxies: ["a.b".to_owned()].into(),
        owner,
        path: path.into(),
        want,
    };
    let of = Ref::new(&kinds::VIRTUAL_SERVICE, "shop", "cart");
    let cluster = Owner::Clusters { host: "cart.shop".into(), subset: String::new(), port: Some(80) };
    let routes = Owner::Routes { of, rule: None, made: Vec::new().into() };
    let inbound = Owner::Inbound { port: Some(9080), except: vec![1] };
    let config = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/cart";
    let route = json!({ "match": { "prefix": "/" }, "route": { "timeout": "3s" },
        "metadata": { "filter_metadata": { "istio": { "config": config } } } });
    let samples = [
        (
            Xds::Cds,
            probe(cluster, "/connect_timeout", Want::Is(json!("3s"))),
            json!({ "cluster": { "name": "outbound|80||cart.shop", "connect_timeout": "3s" } }),
        ),
        (
            Xds::Rds,
            probe(routes, "/route/timeout", Want::Present),
            json!({ "route_config": { "virtual_hosts": [{ "name": "cart.shop:80", "routes": [route] }] } }),
        ),
        (
            Xds::Lds,
            probe(inbound, "", Want::Takes(Connections::Mutual)),
            json!({ "active_state": { "listener": { "traffic_direction": "INBOUND", "filter_chains": [
                { "name": "0.0.0.0_9080", "filter_chain_match": { "destination_port": 9080 },
                  "transport_socket": { "typed_config": { "require_client_certificate": true } } }] } } }),
        ),
    ];
    for (xds, probe, entry) in samples {
        for document in mutated(&json!({ "configs": [entry] })) {
            if let Ok(dump) = envoy::concerned(&bytes(&document), &[&probe], xds) {
                mesh::confirm::holds(&probe, &dump.dump);
            }
        }
    }
}

#[test]
fn what_the_api_server_says() {
    let status = json!({ "kind": "Status", "code": 422, "reason": "Invalid", "message": "admission webhook \"x",
        "details": { "name": "a", "kind": "b", "causes": [{ "field": "spec", "message": "m", "reason": "r" }] } });
    for document in mutated(&status) {
        let status = crate::http::refusal(500, &bytes(&document));
        error::of_status("It failed", &status);
        error::unasked_webhook(&status);
    }
    for message in
        ["failed calling webhook \"", "failed calling webhook \"a", "admission webhook \"a\" ä", "\"\""]
    {
        error::of_status("It failed", &kube::core::Status::failure(message, ""));
    }
    let groups = json!({ "kind": "APIGroupDiscoveryList", "items": [{ "metadata": { "name": "g" },
        "versions": [{ "version": "v1", "resources": [{ "resource": "pods" }] }] }] });
    let legacy =
        json!({ "kind": "APIGroupList", "groups": [{ "name": "g", "versions": [{ "version": "v1" }] }] });
    for document in mutated(&groups).into_iter().chain(mutated(&legacy)) {
        let mut served = access::Served::default();
        served.add_aggregated(&document);
        access::offered(&document);
        served.add_resources("g", "v1", &document);
    }
    let object = json!({ "metadata": { "name": "a", "namespace": "b", "managedFields": [{ "manager": "m", "time": "t" }] },
        "spec": { "http": [{ "route": [{ "weight": 1 }] }] } });
    let patch = json!([{ "op": "test", "path": "/spec/http/0/route/0/weight", "value": 2 }]);
    let patch: json_patch::Patch = serde_json::from_value(patch).unwrap();
    for document in mutated(&object) {
        refusal::last_writer(&document);
        refusal::broken_test(&patch, &document);
        let kind = &kinds::VIRTUAL_SERVICE;
        let kept = Object::from(trim::trimmed(document.clone(), "networking.istio.io/v1", kind));
        std::hint::black_box((kept.name(), kept.namespace(), kept.generation()));
        serde_json::from_value::<trim::Raw>(document).ok();
    }
}

#[test]
fn what_runs_beside_the_mesh() {
    let service = json!({ "metadata": { "name": "istiod", "namespace": "istio-system", "labels": { "app": "istiod" } },
        "spec": { "selector": { "app": "istiod" }, "ports": [{ "port": 9090, "name": "http", "targetPort": "x" }] } });
    let pod = json!({ "metadata": { "name": "istiod-1", "namespace": "istio-system", "labels": { "app": "istiod" },
            "annotations": { "prometheus.io/port": "15014" } },
        "spec": { "containers": [{ "ports": [{ "name": "x", "containerPort": 70000 }] }] },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
    let wanted = find::Wanted {
        title: "istiod",
        names: &["istiod"],
        apps: &["istiod"],
        endings: &[],
        ports: &[(9090, "http")],
        next: "Look",
        option: "--istiod",
    };
    let hub = Hub::new(Arc::new(|| {}), 60);
    let put = |kind, object: Value| {
        hub.take(Observation::Applied(Ref::new(kind, "istio-system", "istiod"), object.into()));
    };
    put(&kinds::SERVICE, service.clone());
    let look = || -> [Option<Problem>; 2] { [find::istiods(&hub).err(), find::service(&hub, &wanted).err()] };
    for document in mutated(&pod) {
        put(&kinds::POD, document);
        look();
    }
    put(&kinds::POD, pod);
    for document in mutated(&service) {
        put(&kinds::SERVICE, document);
        look();
    }
}
