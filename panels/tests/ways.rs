//! Ways into the mesh and out of it, as the user meets them in the detail.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::Queryable as _;
use mesh::certificate::{Credential, SecretOf};
use mesh::graph::NodeId;
use mesh::{Answer, Objects, Problem, Read, Ref, demo, kinds};
use panels::{Intent, Selected};
use serde_json::{Value, json};
use std::sync::Arc;
use support::World;
use support::detail::{Bench, detail, frames};

fn gateway() -> Selected {
    Selected::Service("istio-system".into(), "istio-ingressgateway".into())
}

/// Bookinfo whose Gateway has these servers.
fn opened(servers: &Value) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let at = Ref::new(&kinds::GATEWAY, "bookinfo", "bookinfo-gateway");
    let mut object = (*objects[&at].0).clone();
    object["spec"]["servers"] = servers.clone();
    objects.insert(at, object.into());
    objects
}

fn world(objects: Objects, selected: Selected) -> World {
    let mut world = World::bookinfo().select(selected);
    world.now_has(objects);
    world
}

fn click(bench: &mut Bench<'_>, name: &str) {
    bench.get_by_label(name).click();
    frames(bench);
}

#[test]
fn a_gateway_says_until_when_its_certificate_holds() {
    #[track_caller]
    fn check(answer: Result<Credential, Problem>, words: &str) {
        let port = json!({ "number": 443, "name": "https", "protocol": "HTTPS" });
        let tls = json!({ "mode": "SIMPLE", "credentialName": "shop" });
        let mut world = world(opened(&json!([{ "port": port, "hosts": ["*"], "tls": tls }])), gateway());
        let secret = SecretOf { namespace: "istio-system".into(), name: "shop".into() };
        let answer = answer.map(|credential| Answer::Certificate(Arc::new(credential)));
        world.scene.answers.take(demo::NOW, Read::Certificate(secret), answer);
        assert!(detail(world).query_all_by_label_contains(words).next().is_some(), "{words}");
    }
    let until = |time: &str| Ok(Credential::Until(time.parse().unwrap()));
    check(until("2026-03-05T00:00:00Z"), "Certificate of shop: until 2026-03-05, 62 days from now");
    check(until("2026-01-04T00:00:00Z"), "The certificate of shop ends on 2026-01-04");
    check(until("2025-12-01T00:00:00Z"), "The certificate of shop ended on 2025-12-01");
    check(Ok(Credential::Absent), "There is no Secret istio-system/shop");
    let denied = Problem::new("", "You may not read Secrets in istio-system", "");
    check(Err(denied), "is not known: you may not read Secrets in istio-system");
}

#[test]
fn a_gateway_says_what_is_odd_about_it() {
    let port = json!({ "number": 80, "name": "http", "protocol": "HTTP" });
    let again = json!({ "number": 80, "name": "http-2", "protocol": "HTTP" });
    let twice =
        json!([{ "port": port, "hosts": ["shop.example"] }, { "port": again, "hosts": ["shop.example"] }]);
    let mut objects = opened(&twice);
    let at = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "bookinfo");
    let mut rules = (*objects[&at].0).clone();
    rules["spec"]["hosts"] = json!(["books.example"]);
    rules["spec"]["gateways"] = json!(["bookinfo-gateway", "lost/gate"]);
    objects.insert(at, rules.into());
    let mut bench = detail(world(objects, gateway()));
    bench.get_by_label_contains("Servers 1 and 2 are both for shop.example at port 80");
    bench.get_by_label_contains("No route takes calls for shop.example");
    bench.get_by_label_contains("names Gateway lost/gate, which is not there");
    click(&mut bench, "go to VirtualService bookinfo/bookinfo");
    let wishes = bench.state_mut().0.wishes();
    let gone = |intent: &Intent| matches!(intent, Intent::Select(Some(Selected::Object(at))) if *at.name == *"bookinfo");
    assert!(wishes.iter().any(gone), "{wishes:?}");
}

/// Bookinfo with a Gateway of the Gateway API and a route for it.
fn listening(route: &Value) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let mut put = |kind: &'static mesh::Kind, spec: &Value| {
        let meta =
            json!({ "namespace": "bookinfo", "name": "edge", "uid": kind.kind, "resourceVersion": "1" });
        let version = format!("{}/v1", kind.group);
        let object = json!({ "apiVersion": version, "kind": kind.kind, "metadata": meta, "spec": spec });
        objects.insert(Ref::new(kind, "bookinfo", "edge"), object.into());
    };
    let host = "istio-ingressgateway.istio-system.svc.cluster.local";
    let secret = json!([{ "name": "shop" }]);
    put(
        &kinds::API_GATEWAY,
        &json!({ "gatewayClassName": "istio", "addresses": [{ "type": "Hostname", "value": host }],
            "listeners": [{ "name": "web", "port": 80, "protocol": "HTTP", "hostname": "*.example" },
                { "name": "more", "port": 443, "protocol": "HTTPS", "tls": { "certificateRefs": secret } }] }),
    );
    put(&kinds::HTTP_ROUTE, route);
    objects
}

fn choose(bench: &mut Bench<'_>, words: &str) {
    click(bench, "way in");
    click(bench, words);
}

#[test]
fn a_gateway_of_the_gateway_api_says_what_is_attached_to_it() {
    let route =
        |parent: Value, hosts: Value| json!({ "parentRefs": [parent], "hostnames": hosts, "rules": [] });
    let mut objects =
        listening(&route(json!({ "name": "edge", "sectionName": "web" }), json!(["shop.example"])));
    let bookinfo = Ref::new(&kinds::GATEWAY, "bookinfo", "bookinfo-gateway");
    objects.remove(&bookinfo);
    let mut world = world(objects, gateway());
    let secret = SecretOf { namespace: "bookinfo".into(), name: "shop".into() };
    let until = Credential::Until("2026-01-04T00:00:00Z".parse().unwrap());
    world.scene.answers.take(demo::NOW, Read::Certificate(secret), Ok(Answer::Certificate(Arc::new(until))));
    let mut bench = detail(world);
    bench.get_by_label_contains("The certificate of shop ends on 2026-01-04");
    bench.get_by_label_contains("Listener more is not reached: the gateway's Service has no port 443");
    bench.get_by_label_contains("No route takes calls for *");
    click(&mut bench, "routes bound to it of istio-ingressgateway");
    bench.get_by_label("shop.example");
    click(&mut bench, "go to HTTPRoute bookinfo/edge");
    let wishes = bench.state_mut().0.wishes();
    let gone = |intent: &Intent| matches!(intent, Intent::Select(Some(Selected::Object(at))) if at.kind == &kinds::HTTP_ROUTE);
    assert!(wishes.iter().any(gone), "{wishes:?}");
    let refused = listening(&route(json!({ "name": "edge", "sectionName": "web" }), json!(["shop.test"])));
    let lost = listening(&route(json!({ "name": "gone" }), json!([])));
    for (mut objects, words) in [
        (refused, "No effect at listener web: it is for *.example only"),
        (lost, "names Gateway bookinfo/gone, which is not there"),
    ] {
        objects.remove(&bookinfo);
        let mut bench = detail(self::world(objects, gateway()));
        if let Some(routes) = bench.query_by_label("routes bound to it of istio-ingressgateway") {
            routes.click();
            frames(&mut bench);
        }
        bench.get_by_label_contains(words);
    }
}

/// A Gateway of the Gateway API is made for the pods that are there, by the name of their Service.
#[test]
fn a_way_in_of_the_gateway_api_is_made() {
    let mut bench = detail(World::bookinfo().select(gateway()));
    choose(&mut bench, "a new one for istio-ingressgateway (Gateway API)…");
    click(&mut bench, "open a way in of istio-ingressgateway");
    let checks = bench.state_mut().0.checks();
    let Some(change) = checks.last() else { panic!("{checks:?}") };
    assert_eq!(change.title, "Gateway istio-system/istio-ingressgateway opens 80 (HTTP) for *");
    let made = change.steps[0].after.as_ref().unwrap();
    assert_eq!(change.steps[0].at.kind, &kinds::API_GATEWAY);
    let spec = json!({ "gatewayClassName": "istio",
        "addresses": [{ "type": "Hostname", "value": "istio-ingressgateway.istio-system.svc.cluster.local" }],
        "listeners": [{ "name": "http", "port": 80, "protocol": "HTTP" }] });
    assert_eq!(*made.spec(), spec);
}

/// A gateway that nobody has opened yet is opened from its detail.
#[test]
fn a_way_in_is_made() {
    let mut objects = demo::bookinfo_objects();
    objects.remove(&Ref::new(&kinds::GATEWAY, "bookinfo", "bookinfo-gateway"));
    let mut bench = detail(world(objects, gateway()));
    click(&mut bench, "Way in");
    click(&mut bench, "open a way in of istio-ingressgateway");
    let checks = bench.state_mut().0.checks();
    let [change] = &checks[..] else { panic!("{checks:?}") };
    assert_eq!(change.title, "Gateway istio-system/istio-ingressgateway opens 80 (HTTP) for *");
    assert_eq!(
        change.steps[0].after.as_ref().unwrap().spec()["selector"],
        json!({ "istio": "ingressgateway" })
    );
}

/// Where calls to unknown hosts end, only a service outside can be made of them, with the host that was called.
#[test]
fn an_unknown_host_becomes_a_service() {
    let mut world = World::bookinfo();
    let mut traffic = demo::bookinfo_traffic();
    let (path, flow) = traffic.flows.iter().next().map(|(path, flow)| (path.clone(), flow.clone())).unwrap();
    let mut path = path;
    (path.service.host, path.service.name) = ("api.example:443".into(), "PassthroughCluster".into());
    (path.service.namespace, path.destination.workload) = ("unknown".into(), "unknown".into());
    traffic.flows.insert(path, flow);
    world.scene.traffic = mesh::Remote::Live(Arc::new(traffic), demo::NOW);
    let passed_on = Selected::Node(NodeId::External("PassthroughCluster".into()));
    let mut bench = detail(world.select(passed_on));
    assert!(bench.query_by_label("Fault").is_none() && bench.query_by_label("Access").is_none());
    click(&mut bench, "External service");
    click(&mut bench, "add external service of PassthroughCluster");
    let checks = bench.state_mut().0.checks();
    let [change] = &checks[..] else { panic!("{checks:?}") };
    assert_eq!(change.title, "api.example is known in bookinfo");
    let made = change.steps[0].after.as_ref().unwrap();
    assert_eq!((made.name(), &made.spec()["hosts"]), ("api-example", &json!(["api.example"])));
    assert_eq!(made.spec()["resolution"], "DNS");
}

/// TLS that would be spoken twice is warned of; what a sidecar cannot have is said.
#[test]
fn tls_to_what_is_encrypted_already_is_warned_of() {
    let mut objects = demo::bookinfo_objects();
    let object = |kind: &str, spec: Value| {
        let meta = json!({ "namespace": "bookinfo", "name": "api", "uid": kind, "resourceVersion": "1" });
        json!({ "apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec })
    };
    let entry = json!({ "hosts": ["api.example"], "resolution": "DNS",
        "ports": [{ "number": 443, "name": "https", "protocol": "HTTPS" }] });
    let tls = json!({ "mode": "SIMPLE", "credentialName": "client" });
    let rule = json!({ "host": "api.example", "trafficPolicy": { "tls": tls } });
    for (kind, name, spec) in
        [(&kinds::SERVICE_ENTRY, "ServiceEntry", entry), (&kinds::DESTINATION_RULE, "DestinationRule", rule)]
    {
        objects.insert(Ref::new(kind, "bookinfo", "api"), object(name, spec).into());
    }
    // In the graph it is a host outside of the mesh.
    let bench = detail(world(objects, Selected::Node(NodeId::External("api.example".into()))));
    bench.get_by_label_contains("Port 443 is encrypted by its callers");
    bench.get_by_label_contains("credentialName counts at gateways only");
}

/// Machines that answer for a service whose entry chooses them by their labels.
#[test]
fn a_machine_answers_for_a_service() {
    let mut objects = demo::bookinfo_objects();
    let mut put = |kind: &'static mesh::Kind, name: &str, spec: Value| {
        let meta = json!({ "namespace": "bookinfo", "name": name, "uid": name, "resourceVersion": "1" });
        let version = format!("{}/v1", kind.group);
        let object = json!({ "apiVersion": version, "kind": kind.kind, "metadata": meta, "spec": spec });
        objects.insert(Ref::new(kind, "bookinfo", name), object.into());
    };
    let port = json!({ "number": 80, "name": "http", "protocol": "HTTP" });
    let labels = json!({ "app": "shop" });
    put(
        &kinds::SERVICE_ENTRY,
        "shop",
        json!({ "hosts": ["shop.example"], "location": "MESH_INTERNAL", "resolution": "STATIC",
            "ports": [port], "workloadSelector": { "labels": labels } }),
    );
    let machine = json!({ "address": "shop.test", "labels": labels, "ports": { "grpc": 81 } });
    put(&kinds::WORKLOAD_ENTRY, "vm", machine);
    let mut bench = detail(world(objects, Selected::Node(NodeId::External("shop.example".into()))));
    click(&mut bench, "external service");
    click(&mut bench, "machine vm");
    bench.get_by_label_contains("has no port grpc");
    bench.get_by_label_contains("“shop.test” is none");
    bench.get_by_label_contains("Without a service account nobody knows who it is");
    click(&mut bench, "external service");
    click(&mut bench, "a new machine for shop…");
    click(&mut bench, "add machine of shop.example");
    let checks = bench.state_mut().0.checks();
    let Some(change) = checks.last() else { panic!("{checks:?}") };
    assert_eq!(change.title, "192.0.2.1 answers for shop");
    let made = change.steps[0].after.as_ref().unwrap();
    assert_eq!((made.name(), &made.spec()["labels"]), ("shop-192-0-2-1", &labels));
}
