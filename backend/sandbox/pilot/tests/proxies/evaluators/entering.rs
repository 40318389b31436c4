//! Gateways of both sorts, and what is bound to them.

use super::dice::Dice;
use super::inside::{http, object, route_rules};
use super::matches;
use super::world::{DOOR, Stage, differs, labels};
use super::{REQUESTS, conclude, seed, sets, shown};
use istio::route::{Caller, route};
use serde_json::{Value, json};

const HOSTS: [&str; 8] = [
    "shop.example",
    "SHOP.example",
    "a.example",
    "b.a.example",
    "web",
    "web.demo.svc.cluster.local",
    "elsewhere.test",
    "shop.example:80",
];

#[tokio::test(flavor = "multi_thread")]
async fn which_rule_takes_a_call_at_a_gateway() {
    let (mut stage, seed) = (Stage::start().await, seed());
    let (mut different, mut asked) = (Vec::new(), 0);
    let own = labels(DOOR);
    for number in 0..sets() {
        let mut dice = Dice::new(seed.wrapping_mul(1_000_003) + 500_000 + number);
        let set = objects(&mut dice);
        let world = stage.show(&set).await;
        for _ in 0..REQUESTS {
            let request = matches::request(&mut dice, &HOSTS, &[8080, 8080, 8081]);
            let said =
                route(&world, Caller { namespace: "istio-system", labels: &own, gateway: true }, &request);
            let seen = stage.ask("door.istio-system", &request).await;
            asked += 1;
            if let Some(why) = differs(&said, &request, &seen) {
                different.push(format!("set {number}: {why}\n{request:?}\n{said:#?}\n{}", shown(&set)));
            }
        }
    }
    conclude("entering", seed, asked, &different);
}

const NETWORKING: &str = "networking.istio.io/v1";
const API: &str = "gateway.networking.k8s.io/v1";

fn objects(dice: &mut Dice) -> Vec<Value> {
    let mut set = Vec::new();
    for (namespace, name) in [("demo", "door"), ("other", "hatch")].into_iter().take(1 + dice.below(2)) {
        let server = |dice: &mut Dice| {
            let hosts: &[&str] = dice.one(&[
                &["*"][..],
                &["shop.example"],
                &["*.example"],
                &["demo/*"],
                &["./shop.example", "*/a.example"],
                &["other/*.example"],
            ]);
            let mut server = json!({"port": {"number": dice.one(&[80, 80, 8080, 8081]), "name": "http",
                "protocol": "HTTP"}, "hosts": hosts});
            if dice.once_in(8) {
                server["tls"] = json!({"httpsRedirect": true});
            }
            server
        };
        let servers: Vec<Value> = (0..1 + dice.below(2)).map(|_| server(dice)).collect();
        let spec = json!({"selector": {"istio": "ingressgateway"}, "servers": servers});
        set.push(object(dice, (NETWORKING, "Gateway"), (namespace, name), spec));
    }
    for name in ["one", "two", "three"].into_iter().take(1 + dice.below(3)) {
        let namespace = dice.one(&["demo", "demo", "other"]);
        let hosts: &[&str] = dice.one(&[
            &["shop.example"][..],
            &["*.example"],
            &["*"],
            &["a.example", "shop.example"],
            &["web"],
            &["*.a.example"],
        ]);
        let gateways: &[&str] = dice.one(&[
            &["demo/door"][..],
            &["demo/door", "mesh"],
            &["other/hatch", "demo/door"],
            &["other/hatch"],
            &["door"],
            &["mesh"],
        ]);
        let rules = http(dice, &["mesh", "demo/door", "other/hatch"], true);
        let mut spec = json!({"hosts": hosts, "gateways": gateways, "http": rules});
        if dice.once_in(5) {
            spec["exportTo"] = json!([dice.one(&["*", ".", "istio-system"])]);
        }
        set.push(object(dice, (NETWORKING, "VirtualService"), (namespace, name), spec));
    }
    let left = json!({"http": http(dice, &["demo/door"], false)});
    set.push(object(dice, (NETWORKING, "VirtualService"), ("demo", "delegate"), left));
    let subsets =
        json!([{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}]);
    let spec = json!({"host": "web.demo.svc.cluster.local", "subsets": subsets});
    set.push(object(dice, (NETWORKING, "DestinationRule"), ("demo", "web"), spec));
    if dice.once_in(2) {
        gateway_api(dice, &mut set);
    }
    set
}

fn gateway_api(dice: &mut Dice, set: &mut Vec<Value>) {
    let listener = |dice: &mut Dice, name: &str| {
        let mut listener = json!({"name": name, "port": dice.one(&[80, 8081]), "protocol": "HTTP"});
        if dice.once_in(2) {
            listener["hostname"] = json!(dice.one(&["*.example", "shop.example"]));
        }
        let from = dice.one(&["Same", "All", "All"]);
        listener["allowedRoutes"] = json!({"namespaces": {"from": from}});
        listener
    };
    let listeners: Vec<Value> =
        ["first", "second"].into_iter().take(1 + dice.below(2)).map(|name| listener(dice, name)).collect();
    let spec = json!({"gatewayClassName": "istio", "listeners": listeners});
    set.push(object(dice, (API, "Gateway"), ("demo", "gate"), spec));
    for name in ["routes", "more"].into_iter().take(1 + dice.below(2)) {
        let mut parent = json!({"name": "gate", "namespace": "demo"});
        if dice.once_in(3) {
            parent["sectionName"] = json!(dice.one(&["first", "second"]));
        }
        let mut spec = json!({"parentRefs": [parent], "rules": route_rules(dice)});
        if !dice.once_in(3) {
            spec["hostnames"] =
                json!(dice.one(&[&["shop.example"][..], &["*.example"], &["a.example", "web"]]));
        }
        let namespace = dice.one(&["demo", "demo", "other"]);
        set.push(object(dice, (API, "HTTPRoute"), (namespace, name), spec));
    }
}
