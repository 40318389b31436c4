//! VirtualServices, routes of the Gateway API, DestinationRules and Sidecars for calls inside the mesh.

use super::dice::Dice;
use super::matches::{self, PATHS};
use super::world::{CLIENT, GUEST, Stage, differs, labels};
use super::{REQUESTS, conclude, seed, sets, shown};
use istio::route::{Caller, route};
use serde_json::{Map, Value, json};

const HOSTS: [&str; 12] = [
    "web",
    "web:9080",
    "web.demo",
    "web.demo.svc",
    "web.demo.svc.cluster.local",
    "WEB.demo",
    "api",
    "api.demo",
    "far.other",
    "far.other.svc.cluster.local",
    "elsewhere.example",
    "10.96.0.10",
];

#[tokio::test(flavor = "multi_thread")]
async fn which_rule_takes_a_call_inside_the_mesh() {
    let (mut stage, seed) = (Stage::start().await, seed());
    let (mut different, mut asked) = (Vec::new(), 0);
    for number in 0..sets() {
        let mut dice = Dice::new(seed.wrapping_mul(1_000_003) + number);
        let set = rules(&mut dice);
        let world = stage.show(&set).await;
        for _ in 0..REQUESTS {
            let request = matches::request(&mut dice, &HOSTS, &[9080, 9080, 9081, 80]);
            let (from, namespace, own) = match dice.once_in(3) {
                true => ("guest.other", "other", labels(GUEST)),
                false => ("client", "demo", labels(CLIENT)),
            };
            let said = route(&world, Caller { namespace, labels: &own, gateway: false }, &request);
            let seen = stage.ask(from, &request).await;
            asked += 1;
            if let Some(why) = differs(&said, &request, &seen) {
                different
                    .push(format!("set {number}, {from}: {why}\n{request:?}\n{said:#?}\n{}", shown(&set)));
            }
        }
    }
    conclude("inside", seed, asked, &different);
}

/// One in a namespace, of some age.
pub(super) fn object(dice: &mut Dice, kind: (&str, &str), at: (&str, &str), spec: Value) -> Value {
    let created = format!("2026-01-0{}T00:00:00Z", 1 + dice.below(3));
    json!({"apiVersion": kind.0, "kind": kind.1,
        "metadata": {"namespace": at.0, "name": at.1, "creationTimestamp": created}, "spec": spec})
}

const NETWORKING: &str = "networking.istio.io/v1";

fn rules(dice: &mut Dice) -> Vec<Value> {
    let mut set = Vec::new();
    for name in ["one", "two", "three"].into_iter().take(1 + dice.below(3)) {
        let namespace = dice.one(&["demo", "demo", "other"]);
        let hosts: &[&str] = dice.one(&[
            &["web"][..],
            &["web.demo.svc.cluster.local"],
            &["*.demo.svc.cluster.local"],
            &["api", "web"],
            &["*"],
            &["elsewhere.example"],
            &["far.other.svc.cluster.local"],
        ]);
        let mut spec = json!({"hosts": hosts, "http": http(dice, &["mesh", "demo/door"], true)});
        if dice.once_in(4) {
            spec["gateways"] = json!(dice.one(&[&["mesh"][..], &["mesh", "demo/door"], &["demo/door"]]));
        }
        if dice.once_in(4) {
            spec["exportTo"] = json!([dice.one(&["*", ".", "demo", "other"])]);
        }
        set.push(object(dice, (NETWORKING, "VirtualService"), (namespace, name), spec));
    }
    let left = json!({"http": http(dice, &["mesh"], false)});
    set.push(object(dice, (NETWORKING, "VirtualService"), ("demo", "delegate"), left));
    for (name, host) in [("web", "web.demo.svc.cluster.local"), ("api", "api.demo.svc.cluster.local")] {
        if !dice.once_in(4) {
            let mut subsets: Vec<Value> = Vec::new();
            for version in dice.some(&["v1", "v2", "v3"]) {
                subsets.push(json!({"name": version, "labels": {"version": version}}));
            }
            let namespace = dice.one(&["demo", "demo", "other", "istio-system"]);
            let mut spec = json!({"host": host, "subsets": subsets});
            if dice.once_in(4) {
                spec["exportTo"] = json!([dice.one(&["*", ".", "other"])]);
            }
            set.push(object(dice, (NETWORKING, "DestinationRule"), (namespace, name), spec));
        }
    }
    if dice.once_in(3) {
        set.push(http_route(dice));
    }
    if dice.once_in(3) {
        set.push(sidecar(dice));
    }
    set
}

fn sidecar(dice: &mut Dice) -> Value {
    let hosts: &[&str] = dice.one(&[
        &["./*"][..],
        &["*/*"],
        &["demo/web.demo.svc.cluster.local"],
        &["demo/api.demo.svc.cluster.local", "other/*"],
        &["~/*"],
    ]);
    let mut egress = vec![json!({"hosts": hosts})];
    if dice.once_in(3) {
        egress
            .push(json!({"port": {"number": 9080, "name": "http", "protocol": "HTTP"}, "hosts": ["demo/*"]}));
    }
    let mut spec = json!({"egress": egress, "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}});
    if dice.once_in(2) {
        spec["workloadSelector"] = json!({"labels": {"app": "client"}});
    }
    let namespace = dice.one(&["demo", "other", "istio-system"]);
    object(dice, (NETWORKING, "Sidecar"), (namespace, "narrow"), spec)
}

fn destination(dice: &mut Dice) -> Value {
    let host = dice.one(&["web.demo.svc.cluster.local", "api.demo.svc.cluster.local", "web", "nowhere"]);
    let mut to = json!({"host": host});
    if host.starts_with("web") && dice.once_in(2) {
        to["subset"] = json!(dice.one(&["v1", "v2", "v3"]));
    }
    if dice.once_in(5) {
        to["port"] = json!({"number": dice.one(&[9080, 9081, 80])});
    }
    to
}

/// Rules of a VirtualService.
pub(super) fn http(dice: &mut Dice, gateways: &[&str], delegates: bool) -> Vec<Value> {
    let mut all = Vec::new();
    for _ in 0..1 + dice.below(5) {
        let mut rule = Map::new();
        let mut put = |name: &str, value: Value| drop(rule.insert(name.to_owned(), value));
        if !dice.once_in(5) {
            let matches: Vec<Value> = (0..1 + dice.below(3)).map(|_| matches::one(dice, gateways)).collect();
            put("match", json!(matches));
        }
        match dice.below(10) {
            0 => put("redirect", redirect(dice)),
            1 => put("directResponse", json!({"status": dice.one(&[200, 418, 503])})),
            2 if delegates => {
                put(
                    "delegate",
                    json!({"name": dice.one(&["delegate", "delegate", "gone"]), "namespace": "demo"}),
                );
            }
            3 => {
                let shares =
                    [60, 40].map(|weight| json!({"destination": destination(dice), "weight": weight}));
                put("route", json!(shares));
            }
            4 => {
                let shares =
                    [0, 100].map(|weight| json!({"destination": destination(dice), "weight": weight}));
                put("route", json!(shares));
            }
            _ => {
                put("route", json!([{"destination": destination(dice)}]));
                if dice.once_in(4) {
                    put("rewrite", rewrite(dice));
                }
            }
        }
        if dice.once_in(8) {
            let percentage = json!({"value": dice.one(&[100, 0])});
            put("fault", json!({"abort": {"httpStatus": dice.one(&[400, 555]), "percentage": percentage}}));
        }
        if dice.once_in(6) {
            put("timeout", json!("5s"));
        }
        all.push(Value::Object(rule));
    }
    all
}

fn rewrite(dice: &mut Dice) -> Value {
    match dice.below(4) {
        0 => json!({"uri": dice.one(&["/", "/new", "/new/"])}),
        1 => json!({"authority": "new.example"}),
        2 => json!({"uriRegexRewrite": {"match": "^/a(.*)$", "rewrite": "/new\\1/end"}}),
        _ => json!({"uri": "/x", "authority": "new.example"}),
    }
}

fn redirect(dice: &mut Dice) -> Value {
    let mut to = json!({});
    if dice.once_in(2) {
        to["uri"] = json!(dice.one(&["/new", "/new?q=1"]));
    }
    if dice.once_in(2) {
        to["authority"] = json!("new.example");
    }
    match dice.below(4) {
        0 => to["port"] = json!(dice.one(&[80, 443, 8443])),
        1 => to["derivePort"] = json!(dice.one(&["FROM_REQUEST_PORT", "FROM_PROTOCOL_DEFAULT"])),
        _ => {}
    }
    if dice.once_in(3) {
        to["scheme"] = json!(dice.one(&["http", "https"]));
    }
    if dice.once_in(2) {
        to["redirectCode"] = json!(dice.one(&[301, 302, 303, 307, 308]));
    }
    to
}

fn http_route(dice: &mut Dice) -> Value {
    let namespace = dice.one(&["demo", "demo", "other"]);
    let mut parent = json!({"group": "", "kind": "Service", "name": "web", "namespace": "demo"});
    if dice.once_in(3) {
        parent["port"] = json!(9080);
    }
    let spec = json!({"parentRefs": [parent], "rules": route_rules(dice)});
    object(dice, ("gateway.networking.k8s.io/v1", "HTTPRoute"), (namespace, "routes"), spec)
}

/// Rules of an HTTPRoute.
pub(super) fn route_rules(dice: &mut Dice) -> Vec<Value> {
    let rule = |dice: &mut Dice| {
        let one = |dice: &mut Dice| {
            let mut one = json!({});
            if !dice.once_in(4) {
                let kind = dice.one(&["Exact", "PathPrefix", "PathPrefix", "RegularExpression"]);
                let value = if kind == "RegularExpression" { "/a.*" } else { dice.one(&PATHS) };
                one["path"] = json!({"type": kind, "value": value});
            }
            if dice.once_in(3) {
                one["headers"] =
                    json!([{"name": dice.one(&matches::HEADERS), "value": dice.one(&["1", "2"])}]);
            }
            if dice.once_in(4) {
                one["queryParams"] = json!([{"name": "v", "value": dice.one(&["1", "2"])}]);
            }
            if dice.once_in(4) {
                one["method"] = json!(dice.one(&["GET", "POST"]));
            }
            one
        };
        let matches: Vec<Value> = (0..1 + dice.below(2)).map(|_| one(dice)).collect();
        // Only one prefix can be replaced.
        let prefix = json!([{"path": {"type": "PathPrefix", "value": dice.one(&PATHS)}}]);
        let backend = |dice: &mut Dice| match dice.below(5) {
            0 => json!({"name": "api", "namespace": "demo", "port": 80}),
            1 => json!({"name": "gone", "namespace": "demo", "port": 80}),
            _ => json!({"name": "web", "namespace": "demo", "port": dice.one(&[9080, 9081])}),
        };
        let mut rule = json!({"matches": matches});
        match dice.below(5) {
            0 => {
                let path = if dice.once_in(2) {
                    rule["matches"] = prefix;
                    json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": dice.one(&["/", "/new"])})
                } else {
                    json!({"type": "ReplaceFullPath", "replaceFullPath": "/whole"})
                };
                let how = json!({"hostname": "new.example", "scheme": "https", "path": path});
                rule["filters"] = json!([{"type": "RequestRedirect", "requestRedirect": how}]);
            }
            1 => {
                let path =
                    json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": dice.one(&["/", "/new"])});
                rule["matches"] = prefix;
                rule["filters"] = json!([{"type": "URLRewrite", "urlRewrite": {"path": path}}]);
                rule["backendRefs"] = json!([backend(dice)]);
            }
            _ => {
                let backends: Vec<Value> = (0..1 + dice.below(2)).map(|_| backend(dice)).collect();
                rule["backendRefs"] = json!(backends);
            }
        }
        rule
    };
    (0..1 + dice.below(3)).map(|_| rule(dice)).collect()
}
