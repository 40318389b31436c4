//! Rules for bytes, inside the mesh: by port, caller and address.

use super::dice::Dice;
use super::inside::object;
use super::matches;
use super::world::{CLIENT, GUEST, Stage, differs, labels};
use super::{REQUESTS, conclude, seed, sets, shown};
use istio::route::{Caller, route};
use serde_json::{Map, Value, json};

/// The addresses of `wire`, and one that nobody has.
const ADDRESSES: [&str; 3] = ["10.96.0.14", "10.96.0.14", "10.96.7.7"];
const PORTS: [u16; 2] = [9070, 9071];

#[tokio::test(flavor = "multi_thread")]
async fn which_rule_takes_a_connection() {
    let (mut stage, seed) = (Stage::start().await, seed());
    let (mut different, mut asked) = (Vec::new(), 0);
    for number in 0..sets() {
        let mut dice = Dice::new(seed.wrapping_mul(1_000_003) + 700_000 + number);
        let set = rules(&mut dice);
        let world = stage.show(&set).await;
        for _ in 0..REQUESTS {
            let (address, port) = (dice.one(&ADDRESSES), dice.one(&PORTS));
            let mut request = matches::request(&mut dice, &[address], &[port]);
            request.address = address.parse().ok();
            let (from, namespace, own) = match dice.once_in(3) {
                true => ("guest.other", "other", labels(GUEST)),
                false => ("client", "demo", labels(CLIENT)),
            };
            let said = route(&world, Caller { namespace, labels: &own, gateway: false }, &request);
            let seen = stage.ask_at(from, address, &request).await;
            asked += 1;
            if let Some(why) = differs(&said, &request, &seen) {
                different
                    .push(format!("set {number}, {from}: {why}\n{request:?}\n{said:#?}\n{}", shown(&set)));
            }
        }
    }
    conclude("connections", seed, asked, &different);
}

const NETWORKING: &str = "networking.istio.io/v1";

fn rules(dice: &mut Dice) -> Vec<Value> {
    let mut set = Vec::new();
    for name in ["one", "two"].into_iter().take(1 + dice.below(2)) {
        let namespace = dice.one(&["demo", "demo", "other"]);
        let hosts: &[&str] = dice.one(&[
            &["wire.demo.svc.cluster.local"][..],
            &["*.demo.svc.cluster.local"],
            &["api.demo.svc.cluster.local"],
        ]);
        let mut spec =
            json!({"hosts": hosts, "tcp": (0..1 + dice.below(4)).map(|_| rule(dice)).collect::<Vec<_>>()});
        if dice.once_in(4) {
            spec["exportTo"] = json!([dice.one(&["*", ".", "other"])]);
        }
        if dice.once_in(5) {
            spec["gateways"] = json!(dice.one(&[&["mesh"][..], &["demo/door"]]));
        }
        set.push(object(dice, (NETWORKING, "VirtualService"), (namespace, name), spec));
    }
    let subsets: Vec<Value> = dice
        .some(&["v1", "v2", "v3"])
        .into_iter()
        .map(|version| json!({"name": version, "labels": {"version": version}}))
        .collect();
    let spec = json!({"host": "wire.demo.svc.cluster.local", "subsets": subsets});
    set.push(object(dice, (NETWORKING, "DestinationRule"), ("demo", "wire"), spec));
    set
}

fn rule(dice: &mut Dice) -> Value {
    let mut rule = Map::new();
    if !dice.once_in(4) {
        let one = |dice: &mut Dice| {
            let mut one = Map::new();
            if dice.once_in(2) {
                one.insert("port".into(), json!(dice.one(&PORTS)));
            }
            if dice.once_in(4) {
                one.insert("sourceLabels".into(), json!({"app": dice.one(&["client", "guest"])}));
            }
            if dice.once_in(4) {
                one.insert("sourceNamespace".into(), json!(dice.one(&["demo", "other"])));
            }
            if dice.once_in(4) {
                let subnet = dice.one(&["10.96.0.0/24", "10.96.0.14", "10.96.0.0/16", "10.1.0.0/16"]);
                one.insert("destinationSubnets".into(), json!([subnet]));
            }
            Value::Object(one)
        };
        rule.insert("match".into(), (0..1 + dice.below(2)).map(|_| one(dice)).collect());
    }
    let to = |dice: &mut Dice| {
        let host = dice.one(&[
            "wire.demo.svc.cluster.local",
            "wire.demo.svc.cluster.local",
            "far.other.svc.cluster.local",
        ]);
        let mut to = json!({"host": host});
        if host.starts_with("wire") {
            to["port"] = json!({"number": dice.one(&PORTS)});
            if dice.once_in(2) {
                to["subset"] = json!(dice.one(&["v1", "v2", "v3"]));
            }
        }
        to
    };
    let route: Vec<Value> = match dice.below(4) {
        0 => [70, 30].iter().map(|weight| json!({"destination": to(dice), "weight": weight})).collect(),
        _ => vec![json!({"destination": to(dice)})],
    };
    rule.insert("route".into(), json!(route));
    Value::Object(rule)
}
