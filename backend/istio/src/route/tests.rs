use super::*;
use crate::object::Object;
use serde_json::{Value, json};

const ISTIO: &str = "networking.istio.io/v1";

fn object(kind: &str, at: &str, spec: Value) -> Value {
    let (namespace, name) = at.split_once('/').unwrap();
    let version = match kind {
        "Service" => "v1",
        "HTTPRoute" | "GRPCRoute" => "gateway.networking.k8s.io/v1",
        _ => ISTIO,
    };
    json!({ "apiVersion": version, "kind": kind, "spec": spec,
        "metadata": { "namespace": namespace, "name": name, "creationTimestamp": "2026-01-01T00:00:00Z" } })
}

fn services() -> Vec<Value> {
    let port = |number: u16, name: &str| json!({ "port": number, "name": name });
    let gateway = json!({ "selector": { "app": "gate" }, "ports": [{ "port": 80, "name": "http", "targetPort": 8080 }] });
    vec![
        object(
            "Service",
            "shop/web",
            json!({ "clusterIP": "10.0.0.1", "ports": [port(80, "http"), port(443, "tls")] }),
        ),
        object("Service", "shop/db", json!({ "clusterIP": "10.0.0.2", "ports": [port(3306, "tcp")] })),
        object("Service", "edge/gate", gateway),
        object("DestinationRule", "shop/web", json!({ "host": "web", "subsets": [{ "name": "v1" }] })),
    ]
}

/// What a call of `shop/front` (or of a gateway) becomes: the rule, then what is answered or where it goes.
fn told(more: &[Value], gateway: bool, request: &Request) -> (String, Taken) {
    let objects: Vec<Object> = services().into_iter().chain(more.iter().cloned()).map(Object::from).collect();
    let world = World::of(Settings { registry_only: true, ..Settings::default() }, &objects);
    let labels = Labels::from([("app".to_owned(), if gateway { "gate" } else { "front" }.to_owned())]);
    let namespace = if gateway { "edge" } else { "shop" };
    let taken = route(&world, Caller { namespace, labels: &labels, gateway }, request);
    let rule = taken.rule.as_ref().map_or("-".to_owned(), |rule| format!("{} {}", rule.object, rule.path));
    let split = |split: &Split| {
        let name = split.host.split('.').next().unwrap_or_default();
        let subset = split.subset.as_deref().map(|subset| format!("/{subset}")).unwrap_or_default();
        let missing = if split.missing.is_some() { "!" } else { "" };
        format!("{name}{subset}:{}={}{missing}", split.port, split.weight)
    };
    let mut words: Vec<String> = taken.outcome.destinations.iter().map(split).collect();
    words.extend(taken.outcome.answer.as_ref().map(|answer| answer.status.to_string()));
    words.extend(taken.outcome.answer.as_ref().and_then(|answer| answer.location.clone()));
    words.extend(taken.outcome.closed.then(|| "closed".to_owned()));
    (format!("{rule} > {}", words.join(" ")), taken)
}

#[track_caller]
fn check(more: &[Value], request: &Request, expect: &str) {
    assert_eq!(told(more, false, request).0, expect, "{more:?}");
}

/// Why each that did not take it did not.
fn reasons(taken: &Taken) -> Vec<String> {
    let one = |skipped: &Skipped| {
        let because: Vec<String> = skipped.because.iter().map(ToString::to_string).collect();
        format!("{} {}: {}", skipped.place.object, skipped.place.path, because.join("; "))
    };
    taken.skipped.iter().map(one).collect()
}

fn web(http: Value) -> Value {
    object("VirtualService", "shop/web", json!({ "hosts": ["web"], "http": http }))
}

#[test]
fn the_first_rule_that_fits_takes_a_call_and_those_before_say_why_not() {
    let to = |subset: &str| json!([{ "destination": { "host": "web", "subset": subset } }]);
    let rules = web(json!([
        { "match": [{ "headers": { "x": { "exact": "a" } } }, { "uri": { "prefix": "/old" } }], "route": to("v1") },
        { "match": [{ "sourceLabels": { "app": "other" } }], "route": to("v1") },
        { "route": to("v1") },
    ]));
    let mut request = Request::get("web", 80, "/");
    request.headers.push(("x".into(), "b".into()));
    let (said, taken) = told(&[rules], false, &request);
    assert_eq!(said, "VirtualService shop/web spec.http[2] > web/v1:80=100");
    assert_eq!(
        reasons(&taken),
        [
            "VirtualService shop/web spec.http[0]: header x is `b`, wanted `a`; path is `/`, wanted `/old…`",
            "VirtualService shop/web spec.http[1]: the caller's label app is `front`, wanted `other`",
        ]
    );
}

#[test]
fn without_a_rule() {
    let get = |host: &str, port| Request::get(host, port, "/");
    check(&[], &get("web", 80), "- > web:80=100");
    check(&[], &get("web.shop", 80), "- > web:80=100");
    check(&[], &get("nobody.example", 80), "- > 502");
    check(&[], &get("nobody.example", 81), "- > closed");
    check(&[], &get("db", 3306), "- > db:3306=100");
    let only = web(
        json!([{ "match": [{ "uri": { "exact": "/a" } }], "route": [{ "destination": { "host": "web" } }] }]),
    );
    check(&[only], &get("web", 80), "- > 404");
    let missing = web(
        json!([{ "route": [{ "destination": { "host": "web", "subset": "v9", "port": { "number": 80 } } }] }]),
    );
    check(&[missing], &get("web", 80), "VirtualService shop/web spec.http[0] > web/v9:80=100! 503");
    let (_, taken) = told(&[], false, &get("web", 8080));
    assert_eq!(reasons(&taken), ["Service shop/web spec: it has no such port, but 80, 443"]);
}

#[test]
fn answers_of_a_rules_own() {
    let to = |redirect: Value| web(json!([{ "redirect": redirect }]));
    let get = || Request::get("web:80", 80, "/a?b=1");
    let rule = "VirtualService shop/web spec.http[0]";
    for (redirect, expect) in [
        (json!({ "uri": "/new" }), "301 http://web:80/new?b=1"),
        (json!({ "uri": "/new?c=2", "redirectCode": 302 }), "302 http://web:80/new?c=2"),
        (json!({ "authority": "other.example" }), "301 http://other.example/a?b=1"),
        (json!({ "scheme": "https" }), "301 https://web/a?b=1"),
        (json!({ "port": 8443 }), "301 http://web:8443/a?b=1"),
    ] {
        check(&[to(redirect)], &get(), &format!("{rule} > {expect}"));
    }
    check(&[web(json!([{ "directResponse": { "status": 418 } }]))], &get(), &format!("{rule} > 418"));
}

#[test]
fn which_of_several_holds() {
    let all = |at: &str, hosts: Value, more: Value| {
        let mut spec = json!({ "hosts": hosts, "http": [{ "directResponse": { "status": 200 } }] });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object("VirtualService", at, spec)
    };
    let host = "web.shop.svc.cluster.local";
    let rules = [
        all("shop/a", json!([host]), json!({})),
        all("shop/b", json!([host]), json!({})),
        all("shop/c", json!(["*"]), json!({})),
        all("far/d", json!([host]), json!({ "exportTo": ["."] })),
        all("shop/e", json!([host]), json!({ "gateways": ["gate"] })),
        object("VirtualService", "shop/f", json!({ "hosts": [host], "tcp": [{}] })),
    ];
    let (said, taken) = told(&rules, false, &Request::get("web", 80, "/"));
    assert_eq!(said, "VirtualService shop/a spec.http[0] > 200");
    let mut because = reasons(&taken);
    because.sort();
    assert_eq!(
        because,
        [
            "VirtualService far/d spec: it is not exported to namespace shop",
            "VirtualService shop/b spec: VirtualService shop/a names the host, too, and is older or comes first by name",
            "VirtualService shop/c spec: VirtualService shop/a names the host more closely",
            "VirtualService shop/e spec: it is for gateways, not for calls inside the mesh",
            "VirtualService shop/f spec: it has no rules for what is spoken at this port",
        ]
    );
    // What is exported to the caller's namespace itself comes before what is for all.
    let own = all("shop/z", json!([host]), json!({ "exportTo": ["."] }));
    let (said, taken) = told(&[&rules[..], &[own]].concat(), false, &Request::get("web", 80, "/"));
    assert_eq!(said, "VirtualService shop/z spec.http[0] > 200");
    let less = "VirtualService shop/a spec: VirtualService shop/z names the host, too, and exportTo gives it to this namespace";
    assert!(reasons(&taken).contains(&less.to_owned()), "{:?}", reasons(&taken));
    // What is left to nobody is as if it were not there.
    let left = json!([{ "delegate": { "name": "gone" } }]);
    let left = object("VirtualService", "shop/0", json!({ "hosts": [host], "http": left }));
    check(
        &[left, rules[1].clone()],
        &Request::get("web", 80, "/"),
        "VirtualService shop/b spec.http[0] > 200",
    );
    let route = object(
        "GRPCRoute",
        "shop/g",
        json!({ "parentRefs": [{ "group": "", "kind": "Service", "name": "web" }],
            "rules": [{ "matches": [{ "method": { "service": "talk" } }], "backendRefs": [{ "name": "web", "port": 80 }] }] }),
    );
    let more = [rules[0].clone(), route];
    check(&more, &Request::get("web", 80, "/talk/Say"), "GRPCRoute shop/g spec.rules[0] > web:80=100");
    let (said, taken) = told(&more, false, &Request::get("web", 80, "/other"));
    assert_eq!(said, "- > 404");
    assert!(
        super::tests::reasons(&taken)[0].ends_with("GRPCRoute shop/g of the Gateway API comes before it")
    );
}

#[test]
fn connections_by_server_name_and_address() {
    let to = |host: &str, port: u16| json!([{ "destination": { "host": host, "port": { "number": port } } }]);
    let tls = object(
        "VirtualService",
        "shop/tls",
        json!({ "hosts": ["web"], "tls": [
            { "match": [{ "sniHosts": ["*.example"] }], "route": to("db", 3306) },
            { "match": [{ "sniHosts": ["a.example"], "port": 443 }], "route": to("web", 443) },
        ] }),
    );
    let named = |name: &str| {
        let mut request = Request::get("web", 443, "/");
        request.server_name = Some(name.to_owned());
        request
    };
    let rule = |index: usize| format!("VirtualService shop/tls spec.tls[{index}]");
    check(std::slice::from_ref(&tls), &named("a.example"), &format!("{} > web:443=100", rule(1)));
    check(std::slice::from_ref(&tls), &named("b.example"), &format!("{} > db:3306=100", rule(0)));
    check(&[tls], &named("other.test"), "- > closed");
    let tcp = object(
        "VirtualService",
        "shop/tcp",
        json!({ "hosts": ["db"], "tcp": [
            { "match": [{ "destinationSubnets": ["10.9.0.0/16"] }], "route": to("web", 80) },
            { "match": [{ "port": 3306 }], "route": to("db", 3306) },
        ] }),
    );
    let rule = |index: usize| format!("VirtualService shop/tcp spec.tcp[{index}]");
    let mut request = Request::get("db", 3306, "/");
    check(std::slice::from_ref(&tcp), &request, &format!("{} > db:3306=100", rule(1)));
    request.address = Some("10.9.1.1".parse().unwrap());
    check(&[tcp], &request, &format!("{} > web:80=100", rule(0)));
}

#[test]
fn calls_that_come_in_by_a_gateway() {
    let door = |hosts: Value, tls: Value| {
        let server = json!({ "port": { "number": 80, "protocol": "HTTP", "name": "http" }, "hosts": hosts, "tls": tls });
        object("Gateway", "edge/door", json!({ "selector": { "app": "gate" }, "servers": [server] }))
    };
    let rules = |gateways: Value| {
        let http = json!([{ "route": [{ "destination": { "host": "web", "port": { "number": 80 } } }] }]);
        object(
            "VirtualService",
            "shop/web",
            json!({ "hosts": ["shop.example"], "gateways": gateways, "http": http }),
        )
    };
    let at = |more: &[Value], port: u16| told(more, true, &Request::get("shop.example", port, "/"));
    let bound = rules(json!(["edge/door"]));
    let (said, taken) = at(&[door(json!(["*"]), Value::Null), bound.clone()], 80);
    assert_eq!(said, "VirtualService shop/web spec.http[0] > web:80=100");
    assert_eq!(taken.door.map(|door| door.path).as_deref(), Some("spec.servers[0]"));
    assert_eq!(at(&[door(json!(["*"]), Value::Null), bound.clone()], 8080).0, said, "the pods' own port");
    assert_eq!(at(&[door(json!(["*"]), Value::Null), bound.clone()], 81).0, "- > closed");
    assert_eq!(at(&[door(json!(["other.example"]), Value::Null), bound.clone()], 80).0, "- > 404");
    let secured = door(json!(["*"]), json!({ "httpsRedirect": true }));
    assert_eq!(at(&[secured, bound], 80).0, "- > 301 https://shop.example/");
    let (said, taken) = at(&[door(json!(["*"]), Value::Null), rules(json!(["other"]))], 80);
    assert_eq!(said, "- > 404");
    assert_eq!(reasons(&taken)[0], "VirtualService shop/web spec: it is for calls by other");
}
