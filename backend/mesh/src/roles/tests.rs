use super::*;
use crate::demo::by_ref;
use serde_json::{Value, json};

fn object(kind: &str, at: &str, created: &str, spec: Value) -> Value {
    let (namespace, name) = at.split_once('/').unwrap();
    let version = if kind == "Service" || kind == "Pod" || kind == "Namespace" {
        "v1"
    } else {
        "networking.istio.io/v1"
    };
    json!({ "apiVersion": version, "kind": kind, "spec": spec,
        "metadata": { "name": name, "namespace": namespace, "creationTimestamp": created, "labels": {} } })
}

fn service(name: &str) -> Value {
    let spec = json!({ "selector": { "app": name }, "ports": [{ "name": "http", "port": 80 }] });
    object("Service", &format!("shop/{name}"), "", spec)
}

/// A pod of a gateway.
fn door() -> Value {
    let mut pod =
        object("Pod", "istio-system/door-1", "", json!({ "containers": [{ "name": "istio-proxy" }] }));
    pod["metadata"]["labels"] = json!({ "istio": "ingressgateway", "app": "door" });
    pod["status"] = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] });
    pod
}

fn gateway(name: &str, selector: Value, hosts: Value) -> Value {
    let servers = json!([{ "port": { "number": 80, "name": "http", "protocol": "HTTP" }, "hosts": hosts }]);
    object("Gateway", &format!("shop/{name}"), "", json!({ "selector": selector, "servers": servers }))
}

fn rules(at: &str, created: &str, spec: Value) -> Value {
    object("VirtualService", at, created, spec)
}

fn to(host: &str) -> Value {
    json!([{ "destination": { "host": host } }])
}

/// "cart-a: what it does" of all roles of a service.
#[track_caller]
fn told(objects: Vec<Value>, of_service: &str) -> Vec<String> {
    let mesh = Mesh::read(by_ref(objects), None);
    let roles = of(&mesh, mesh.service("shop", of_service).unwrap());
    let deed = |role: &Role, deed: &Deed| {
        format!("{}{}: {}", if deed.acts() { "" } else { "! " }, role.at.name, deed.words())
    };
    roles.iter().flat_map(|role| role.deeds.iter().map(|one| deed(role, one))).collect()
}

#[test]
fn the_oldest_is_in_force_inside_the_mesh() {
    let both = |name: &str, created: &str, hosts: Value| {
        rules(name, created, json!({ "hosts": hosts, "http": [{ "route": to("cart") }] }))
    };
    let all = vec![
        service("cart"),
        both("shop/cart-b", "2026-02-01T00:00:00Z", json!(["cart"])),
        both("shop/cart-a", "2026-01-01T00:00:00Z", json!(["cart"])),
        both("shop/cart-c", "2026-02-01T00:00:00Z", json!(["cart"])),
        both("shop/wide", "2025-01-01T00:00:00Z", json!(["*.shop.svc.cluster.local"])),
        rules(
            "shop/bytes",
            "2026-03-01T00:00:00Z",
            json!({ "hosts": ["cart"], "tcp": [{ "route": to("cart") }] }),
        ),
        rules("shop/empty", "2026-03-01T00:00:00Z", json!({ "hosts": ["cart"] })),
    ];
    assert_eq!(
        told(all, "cart"),
        [
            "cart-a: In force for calls inside the mesh",
            "! cart-b: No effect on calls inside the mesh: VirtualService shop/cart-a is older",
            "! cart-c: No effect on calls inside the mesh: VirtualService shop/cart-a is older",
            "bytes: In force for calls inside the mesh",
            "! empty: No effect: it has no rules",
            "! wide: No effect on calls inside the mesh: VirtualService shop/cart-a names the host \
             more closely",
        ]
    );
}

#[test]
fn export_to_parts_the_callers() {
    let pay = |name: &str, created: &str, export: Value| {
        let spec = json!({ "hosts": ["pay"], "exportTo": export, "http": [{ "route": to("pay") }] });
        rules(&format!("shop/{name}"), created, spec)
    };
    let all = vec![
        service("pay"),
        pay("pay-a", "2026-01-01T00:00:00Z", json!(["team-a"])),
        pay("pay-b", "2026-02-01T00:00:00Z", json!(["team-b", "team-a"])),
        pay("pay-c", "2026-03-01T00:00:00Z", json!(["*"])),
        pay("pay-d", "2026-03-01T00:00:00Z", json!(["~"])),
    ];
    assert_eq!(
        told(all.clone(), "pay"),
        [
            "pay-a: In force for calls from team-a",
            "pay-b: In force for calls from team-b",
            "! pay-b: No effect on calls from team-a: VirtualService shop/pay-a is older",
            "pay-c: In force for calls from shop",
            "! pay-c: No effect on calls from team-a: VirtualService shop/pay-a is exported to them by name",
            "! pay-c: No effect on calls from team-b: VirtualService shop/pay-b is exported to them by name",
            "! pay-d: No effect: its exportTo shows it to no namespace",
        ]
    );
    // Its own comes before what is given to it by name, and both before what is for all, however old.
    let spec = |export: Value| {
        json!({ "hosts": ["pay.shop.svc.cluster.local"], "exportTo": export,
        "http": [{ "route": to("pay.shop.svc.cluster.local") }] })
    };
    let near = [
        service("pay"),
        rules("shop/all", "2026-01-01T00:00:00Z", spec(json!(["*"]))),
        rules("shop/given", "2026-02-01T00:00:00Z", spec(json!(["team-a"]))),
        rules("team-a/own", "2026-03-01T00:00:00Z", spec(json!(["."]))),
    ];
    assert_eq!(
        told(near.to_vec(), "pay"),
        [
            "all: In force for calls from shop",
            "! all: No effect on calls from team-a: VirtualService team-a/own is exported to them by name",
            "! given: No effect on calls from team-a: VirtualService team-a/own is exported to them by name",
            "own: In force for calls from team-a",
        ]
    );
    // Each that is in force for somebody can be edited.
    let mesh = Mesh::read(by_ref(all), None);
    let found = crate::edit::rules(&mesh, mesh.service("shop", "pay").unwrap());
    let words: Vec<&str> = found.iter().map(|rule| rule.words.as_str()).collect();
    assert_eq!(
        words,
        ["all calls: calls from team-a", "all calls: calls from team-b", "all calls: calls from shop"]
    );
}

#[test]
fn at_a_gateway_several_are_one_list() {
    let entering = |name: &str, created: &str, start: &str, host: &str| {
        let rule = json!({ "match": [{ "uri": { "prefix": start } }], "route": to(host) });
        let spec = json!({ "hosts": ["shop.example"], "gateways": ["door"], "http": [rule] });
        rules(&format!("shop/{name}"), created, spec)
    };
    let all = vec![
        service("web"),
        service("api"),
        service("api-v2"),
        door(),
        gateway("door", json!({ "istio": "ingressgateway" }), json!(["shop.example"])),
        entering("root", "2026-01-01T00:00:00Z", "/", "web"),
        entering("api", "2026-02-01T00:00:00Z", "/api", "api"),
        entering("api-v2", "2026-03-01T00:00:00Z", "/api/v2", "api-v2"),
    ];
    assert_eq!(told(all.clone(), "web"), ["root: In force at gateway shop/door for shop.example"]);
    assert_eq!(told(all.clone(), "api"), ["api: In force at gateway shop/door for shop.example"]);
    assert_eq!(
        told(all, "api-v2"),
        ["! api-v2: Its rule for calls with path = /api/v2… is never reached at gateway shop/door: \
             VirtualService shop/api takes calls with path = /api… before it"]
    );
}

#[test]
fn gateways_that_lead_nowhere_say_why() {
    let entering = json!({ "hosts": ["shop.example"], "http": [{ "route": to("web") }], "exportTo": ["."],
        "gateways": ["gone", "other", "broken", "unmatched", "door"] });
    let all = vec![
        service("web"),
        door(),
        gateway("door", json!({ "istio": "ingressgateway" }), json!(["shop.example"])),
        gateway("other", json!({ "istio": "ingressgateway" }), json!(["other.example"])),
        gateway("broken", json!({ "istio": "a b, c" }), json!(["*"])),
        gateway("unmatched", json!({ "istio": "nobody" }), json!(["*"])),
        rules("shop/web", "", entering.clone()),
    ];
    let hidden = "its exportTo does not show it to istio-system, where the gateway runs";
    let seen = told(all.clone(), "web");
    assert_eq!(
        seen,
        [
            "! web: No effect at gateway shop/broken: the selector asks for istio = “a b, c”, which \
             is no valid \
             label value: it matches nothing"
                .to_owned(),
            format!("! web: No effect at gateway shop/door: {hidden}"),
            "! web: No effect at gateway shop/gone: there is no such Gateway".to_owned(),
            format!("! web: No effect at gateway shop/other: {hidden}"),
            "! web: No effect at gateway shop/unmatched: the selector istio = nobody matches no pod \
             of a gateway"
                .to_owned(),
        ]
    );
    let mut all = all;
    all.pop();
    let mut open = entering;
    open["exportTo"] = json!([]);
    open["gateways"] = json!(["other", "door"]);
    all.push(rules("shop/web", "", open));
    assert_eq!(
        told(all, "web"),
        [
            "web: In force at gateway shop/door for shop.example",
            "! web: No effect at gateway shop/other: no server of it is for shop.example",
        ]
    );
}

#[test]
fn delegates_and_those_who_hand_over() {
    let all = vec![
        service("pay"),
        service("web"),
        door(),
        gateway("door", json!({ "istio": "ingressgateway" }), json!(["*"])),
        rules(
            "shop/root",
            "2026-01-01T00:00:00Z",
            json!({ "hosts": ["shop.example"], "gateways": ["door"], "http": [
                { "match": [{ "uri": { "prefix": "/pay" } }], "delegate": { "name": "pay" } },
                { "match": [{ "uri": { "prefix": "/gone" } }], 
                  "delegate": { "name": "gone", "namespace": "x" } },
                { "route": to("web") },
                { "match": [{ "uri": { "prefix": "/late" } }], "route": to("web") },
            ] }),
        ),
        rules("shop/pay", "2026-01-02T00:00:00Z", json!({ "http": [{ "route": to("pay") }] })),
        rules("shop/nobodys", "2026-01-03T00:00:00Z", json!({ "http": [{ "route": to("pay") }] })),
    ];
    let missing = "! root: Hands calls with path = /gone… over to VirtualService x/gone, which is not there, \
                   has hosts of its own or is not exported here";
    assert_eq!(
        told(all.clone(), "pay"),
        [
            "root: In force at gateway shop/door for shop.example",
            missing,
            "pay: Delegate of VirtualService shop/root for calls with path = /pay…",
            "! nobodys: No effect: it has no hosts, and no VirtualService that sees it hands over to it",
        ]
    );
    assert_eq!(
        told(all, "web"),
        [
            "root: In force at gateway shop/door for shop.example",
            "! root: Its rule for calls with path = /late… is never reached at gateway shop/door: \
             VirtualService \
             shop/root takes all other calls before it",
            missing,
        ]
    );
}

#[test]
fn rules_without_a_destination_are_named() {
    let hollow = json!({ "hosts": ["db"], "tcp": [{ "match": [{ "port": 3306 }] }, {}],
        "tls": [{ "match": [{ "port": 443, "sniHosts": ["db.example"] }] }] });
    assert_eq!(
        told(vec![service("db"), rules("shop/hollow", "", hollow)], "db"),
        [
            "hollow: In force for calls inside the mesh",
            "! hollow: No destination in spec.tls[0], spec.tcp[0], spec.tcp[1]"
        ]
    );
}
