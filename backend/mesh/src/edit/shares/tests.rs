use super::*;
use crate::change::Change;
use crate::demo::{self, by_ref};
use crate::edit::tests::{after, bytes, check_undo};
use crate::evidence::{Mark, Wanted};

fn object(kind: &str, api: &str, name: &str, spec: Value) -> Value {
    json!({ "apiVersion": api, "kind": kind, "spec": spec,
        "metadata": { "namespace": "bookinfo", "name": name, "uid": name, "resourceVersion": "1" } })
}

fn service(name: &str, labels: Value, port: Value) -> Value {
    object("Service", "v1", name, json!({ "selector": labels, "ports": [port] }))
}

const ROUTES: &str = "gateway.networking.k8s.io/v1";
const ISTIO: &str = "networking.istio.io/v1";

/// Bookinfo with more objects: Services of single versions, and one of bytes.
fn with(more: impl IntoIterator<Item = Value>) -> Mesh {
    let http = || json!({ "name": "http", "port": 9080 });
    let of = |version: &str| {
        let labels = json!({ "app": "reviews", "version": version });
        service(&format!("reviews-{version}"), labels, http())
    };
    let wire = service(
        "wire",
        json!({ "app": "reviews" }),
        json!({ "name": "tcp", "port": 7000, "targetPort": 9080 }),
    );
    let mut objects = demo::bookinfo_objects();
    objects.extend(by_ref([of("v1"), of("v2"), of("v3"), wire].into_iter().chain(more)));
    Mesh::read(objects, None)
}

fn route(rules: Value) -> Value {
    let parents = json!([{ "group": "", "kind": "Service", "name": "reviews", "port": 9080 }]);
    object("HTTPRoute", ROUTES, "reviews", json!({ "parentRefs": parents, "rules": rules }))
}

fn all(mesh: &Mesh, name: &str) -> Vec<Shared> {
    rules(mesh, mesh.service("bookinfo", name).unwrap())
}

fn made(mesh: &Mesh, rule: &SharedRule, shares: &[(&str, u32)]) -> Option<Change> {
    let mut made = Plan::new(mesh);
    plan(&mut made, rule, &Split::new(shares.iter().copied()).unwrap());
    made.change().unwrap()
}

#[test]
fn a_route_of_the_gateway_api_comes_before_virtual_services() {
    let backends = json!([{ "name": "reviews-v1", "port": 9080, "weight": 9, "x": 1 }, { "name": "reviews-v2", "port": 9080 }]);
    let mesh = with([route(
        json!([{ "matches": [{ "headers": [{ "name": "a", "value": "b" }] }], "backendRefs": backends },
        { "backendRefs": backends }]),
    )]);
    let found = all(&mesh, "reviews");
    let said: Vec<(&str, bool)> = found.iter().map(|rule| (&*rule.words, rule.usual)).collect();
    assert_eq!(said, [("calls with a = b", false), ("all calls", true)]);
    assert_eq!(
        found[1].shares,
        [("reviews-v1".into(), 9), ("reviews-v2".into(), 1), ("reviews-v3".into(), 0)]
    );
    let http = crate::edit::rules(&mesh, mesh.service("bookinfo", "reviews").unwrap());
    assert_eq!(http.len(), 1, "no VirtualService takes any: {http:?}");
    assert!(http[0].locked.as_ref().unwrap().why.starts_with("HTTPRoute bookinfo/reviews takes these calls"));
    let deeds = crate::roles::of(&mesh, mesh.service("bookinfo", "reviews").unwrap()).remove(0).deeds;
    let said: Vec<String> = deeds.iter().map(crate::roles::Deed::words).collect();
    assert_eq!(
        said,
        [
            "No effect on calls inside the mesh: HTTPRoute bookinfo/reviews takes them before any VirtualService"
        ]
    );
    let wanted = [("reviews-v1", 70), ("reviews-v2", 20), ("reviews-v3", 10)];
    let change = made(&mesh, &found[1].at, &wanted).unwrap();
    assert_eq!(
        change.title,
        "reviews: reviews-v1 90 → 70 %, reviews-v2 10 → 20 %, reviews-v3 0 → 10 % of all calls"
    );
    let done = after(&mesh, &change);
    let rows = done.objects()[&change.steps[0].at].spec()["rules"][1]["backendRefs"].clone();
    assert_eq!(
        rows,
        json!([{ "name": "reviews-v1", "port": 9080, "weight": 70, "x": 1 },
            { "name": "reviews-v2", "port": 9080, "weight": 20 }, { "name": "reviews-v3", "port": 9080, "weight": 10 }])
    );
    check_undo(&mesh, &change);
    let Some(Measure::Counted(counting)) = &change.evidence.measure else { panic!() };
    assert!(matches!(&counting.calls, CountedCalls::RoutedTo(hosts) if hosts.len() == 2));
    assert_eq!(counting.parts[0].wanted, Wanted::Share(0.7));
    assert!(matches!(&counting.parts[0].mark, Mark::Workloads(all) if all[0].1 == "reviews-v1"));
}

/// A weight that is not said is 1 there, and 0 has to be said.
#[test]
fn a_backend_that_loses_everything_says_so() {
    let mesh = with([route(
        json!([{ "backendRefs": [{ "name": "reviews-v1", "port": 9080 }, { "name": "reviews-v2", "port": 9080 }] }]),
    )]);
    let at = all(&mesh, "reviews").remove(0).at;
    let change = made(&mesh, &at, &[("reviews-v1", 100), ("reviews-v2", 0), ("reviews-v3", 0)]).unwrap();
    let rows = change.steps[0].after.as_ref().unwrap().spec()["rules"][0]["backendRefs"].clone();
    assert_eq!(
        (&rows[0]["weight"], &rows[1]["weight"], rows.as_array().unwrap().len()),
        (&json!(100), &json!(0), 2)
    );
    check_undo(&mesh, &change);
    assert_eq!(made(&mesh, &at, &[("reviews-v1", 50), ("reviews-v2", 50), ("reviews-v3", 0)]), None);
}

#[test]
fn connections_are_shared_out() {
    let row = |subset: &str, weight: u32| json!({ "destination": { "host": "wire", "subset": subset }, "weight": weight });
    let mesh = with([
        object(
            "VirtualService",
            ISTIO,
            "wire",
            json!({ "hosts": ["wire"],
            "tcp": [{ "match": [{ "port": 7000 }], "route": [row("v1", 50), row("v2", 50)] }] }),
        ),
        object(
            "DestinationRule",
            ISTIO,
            "wire",
            json!({ "host": "wire", "subsets": [
            { "name": "v1", "labels": { "version": "v1" } }, { "name": "v2", "labels": { "version": "v2" } }] }),
        ),
    ]);
    let rule = all(&mesh, "wire").remove(0);
    assert_eq!((&*rule.words, rule.at.list), ("connections to port 7000", List::Tcp));
    let change = made(&mesh, &rule.at, &[("v1", 0), ("v2", 20), ("v3", 80)]).unwrap();
    let kinds: Vec<&str> = change.steps.iter().map(|step| step.at.kind.kind).collect();
    assert_eq!(kinds, ["DestinationRule", "VirtualService"], "v3 is declared first");
    assert!(!change.evidence.probes.is_empty());
    check_undo(&mesh, &change);
}

#[test]
fn connections_that_nobody_shares_out_get_a_rule() {
    let mesh = with([]);
    let rule = all(&mesh, "wire").remove(0);
    assert_eq!((&*rule.words, rule.at.at.as_ref(), rule.usual), ("all connections", None, true));
    let change = made(&mesh, &rule.at, &[("v1", 10), ("v2", 10), ("v3", 80)]).unwrap();
    assert_eq!(change.title, "wire gets a split of all connections: v1 10 %, v2 10 %, v3 80 %");
    let spec = change.steps[1].after.as_ref().unwrap().spec().clone();
    assert_eq!((&spec["hosts"], spec["tcp"][0]["route"].as_array().unwrap().len()), (&json!(["wire"]), 3));
    check_undo(&mesh, &change);
    let done = after(&mesh, &change);
    let now = all(&done, "wire").remove(0);
    assert!(rule.at.is(&now.at), "it is found again");
    assert_eq!(now.shares, [("v1".into(), 10), ("v2".into(), 10), ("v3".into(), 80)]);
    assert_ne!(bytes(&mesh), bytes(&done));
    let http = crate::edit::rules(&mesh, mesh.service("bookinfo", "wire").unwrap());
    assert!(http.is_empty(), "{http:?}");
}

#[test]
fn words_for_what_is_taken() {
    let tls = json!({ "match": [{ "sniHosts": ["a.example", "b.example"], "port": 443 }] });
    assert_eq!(words::stream(&tls, List::Tls), "TLS to a.example, b.example to port 443");
    assert_eq!(words::stream(&json!({}), List::Tcp), "all connections");
    let grpc = json!({ "matches": [{ "method": { "service": "shop.Cart", "method": "Add" } }, { "headers": [{ "name": "x", "value": "1" }] }] });
    assert_eq!(words::calls(&grpc), "calls with method = shop.Cart/Add, or x = 1");
    let path = json!({ "matches": [{ "path": { "type": "PathPrefix", "value": "/api" }, "method": "GET" }] });
    assert_eq!(words::calls(&path), "calls with path = /api… and method = GET");
    assert_eq!(words::calls(&json!({ "matches": [{ "path": { "value": "/" } }] })), "all calls");
}
