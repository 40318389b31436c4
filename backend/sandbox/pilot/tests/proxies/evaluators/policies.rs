//! AuthorizationPolicies, PeerAuthentications and tokens at the called proxy.

use super::dice::Dice;
use super::inside::object;
use super::matches::{self, HEADERS, PATHS, written};
use super::{REQUESTS, conclude, replace, seed, sets, shown};
use crate::bench::Bench;
use crate::tokens::Issuer;
use istio::admit::{Call, Holds, Identity, admit};
use istio::attach::Attach;
use istio::mtls::{Mode, Policies};
use istio::route::{Item, Request, Settings};
use istio::select::Labels;
use istio::views::{AuthorizationPolicy, PeerAuthentication};
use istio::{Config, Object};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

const SECURITY: &str = "security.istio.io/v1";
const ROOT: &str = "istio-system";

/// Who calls: the caller's pod, and its account.
const CALLERS: [(&str, Option<(&str, &str)>); 3] =
    [("client", Some(("demo", "client"))), ("guest.other", Some(("other", "guest"))), ("plain", None)];

#[tokio::test(flavor = "multi_thread")]
async fn who_is_let_in() {
    let (mut bench, seed) = (crate::conditions::mesh().await, seed());
    let (mut different, mut asked, mut old) = (Vec::new(), 0, Vec::new());
    let issuer = Issuer::elliptic("https://a.example");
    let labels = Labels::from([("app".to_owned(), "web".to_owned())]);
    for number in 0..sets() {
        let mut dice = Dice::new(seed.wrapping_mul(1_000_003) + 900_000 + number);
        let set = policies(&mut dice, &issuer);
        replace(&mut bench, &old, &set);
        bench.settle().await;
        old.clone_from(&set);
        let objects: Vec<Object> = set.iter().cloned().map(Object::from).collect();
        let read = Read::of(&objects, &labels);
        for _ in 0..REQUESTS {
            let port = dice.one(&[9080, 9080, 9081]);
            let caller = dice.one(&CALLERS);
            // What has no proxy may ask for any host.
            let hosts = ["web.demo", "web.demo:9080", "WEB.demo.svc", "shop.example", "shop.example:9080"];
            let hosts = if caller.1.is_some() { &hosts[..3] } else { &hosts };
            let mut request = matches::request(&mut dice, hosts, &[port]);
            request.headers.retain(|(name, _)| name != "authorization");
            let token = token(&mut dice, &issuer, &mut request);
            let said = read.says(&labels, caller.1, token, &request);
            let seen = ask(&bench, caller.0, &request).await;
            asked += 1;
            if said != seen {
                let shown = shown(&set);
                different.push(format!(
                    "set {number}, {}: {said:?}, seen {seen:?}\n{request:?}\n{shown}",
                    caller.0
                ));
            }
        }
    }
    conclude("policies", seed, asked, &different);
}

/// The status, or that there is none.
async fn ask(bench: &Bench, from: &str, request: &Request) -> Option<u16> {
    let text = written(request);
    let answer = match from {
        "plain" => bench.plain("web", request.port, &text).await,
        from => bench.try_call(from, &format!("10.96.0.10:{}", request.port), &text).await,
    };
    answer.ok().map(|answer| answer.status)
}

/// What a set says at the called workload.
struct Read<'a> {
    policies: Vec<Item<AuthorizationPolicy>>,
    peers: Policies<'a, Item<PeerAuthentication>>,
    /// Tokens are looked at.
    tokens: bool,
}

impl Read<'_> {
    fn of(objects: &[Object], labels: &Labels) -> Self {
        let mut policies = Vec::new();
        for object in objects.iter().filter(|object| object.kind() == "AuthorizationPolicy") {
            let item = Item::<AuthorizationPolicy>::read(object).expect("a policy");
            if item.spec.attached(item.namespace()).holds(ROOT, "demo", labels) {
                policies.push(item);
            }
        }
        let peers =
            objects.iter().filter(|object| object.kind() == "PeerAuthentication").filter_map(Item::read);
        let tokens = objects.iter().any(|object| object.kind() == "RequestAuthentication");
        Self { policies, peers: Policies::new(ROOT, peers), tokens }
    }

    fn says(
        &self,
        labels: &Labels,
        caller: Option<(&str, &str)>,
        token: Option<u16>,
        request: &Request,
    ) -> Option<u16> {
        let (mode, _) = self.peers.mode_at("demo", labels, request.port);
        if mode == Mode::Strict && caller.is_none() {
            return None;
        }
        let identity = match caller {
            Some((namespace, account)) if mode != Mode::Disable => {
                Identity::Account { namespace: namespace.to_owned(), account: account.to_owned() }
            }
            _ => Identity::Nobody,
        };
        let mut read = request.as_read(&Settings::default());
        if !self.tokens {
            read.claims = None;
        } else if let Some(status) = token {
            return Some(status);
        }
        // As pods call each other here, and as this machine calls them.
        let source: Option<IpAddr> = Some(match caller {
            Some(_) => IpAddr::from([10, 244, 0, if caller == Some(("demo", "client")) { 5 } else { 6 }]),
            None => IpAddr::from([127, 0, 0, 1]),
        });
        let port = Some(u32::from(request.port));
        let call = Call {
            request: Some(&read),
            source,
            remote: source,
            ..Call::any(&identity, "cluster.local", port, true)
        };
        match admit(&self.policies, &call).may {
            Holds::Yes => Some(200),
            Holds::No => Some(403),
            Holds::Depends(on) => panic!("{on:?}"),
        }
    }
}

/// Gives a request a token, and tells with which status one that is not believed is refused.
fn token(dice: &mut Dice, issuer: &Issuer, request: &mut Request) -> Option<u16> {
    let claims = json!({"sub": dice.one(&["anna", "jo/hn"]), "aud": dice.one(&["shop", "bank"]),
        "groups": ["admin", dice.one(&["a", "b"])], "azp": "app", "iss": issuer.name()});
    let (claims, refused) = match dice.below(8) {
        0 | 1 => (claims, None),
        2 => (json!({"aud": "other", "sub": "anna"}), Some(403)),
        3 => (json!({"exp": 1_000_000, "aud": "shop"}), Some(401)),
        4 => (json!({"iss": "https://b.example", "aud": "shop"}), Some(401)),
        _ => return None,
    };
    let line = issuer.bearer(claims.clone());
    let (name, value) = line.split_once(": ").expect("a header");
    request.headers.push((name.to_owned(), value.to_owned()));
    request.claims = refused.is_none().then_some(claims);
    refused
}

fn policies(dice: &mut Dice, issuer: &Issuer) -> Vec<Value> {
    let mut set = Vec::new();
    for name in ["one", "two", "three"].into_iter().take(1 + dice.below(3)) {
        let action = dice.one(&["ALLOW", "ALLOW", "DENY", "AUDIT"]);
        let rules: Vec<Value> = (0..dice.below(4)).map(|_| rule(dice)).collect();
        let mut spec = json!({"action": action, "rules": rules});
        if dice.once_in(3) {
            spec["selector"] = json!({"matchLabels": {"app": dice.one(&["web", "web", "client"])}});
        }
        let namespace = dice.one(&["demo", "demo", ROOT]);
        set.push(object(dice, (SECURITY, "AuthorizationPolicy"), (namespace, name), spec));
    }
    if dice.once_in(2) {
        let rules = json!([{"issuer": issuer.name(), "jwks": issuer.jwks(), "audiences": ["shop", "bank"],
            "forwardOriginalToken": true}]);
        set.push(object(
            dice,
            (SECURITY, "RequestAuthentication"),
            ("demo", "tokens"),
            json!({"jwtRules": rules}),
        ));
    }
    if dice.once_in(3) {
        let mut spec = json!({"mtls": {"mode": dice.one(&["STRICT", "PERMISSIVE", "DISABLE"])},
            "selector": {"matchLabels": {"app": "web"}}});
        if dice.once_in(2) {
            spec["portLevelMtls"] = json!({"9081": {"mode": dice.one(&["STRICT", "PERMISSIVE"])}});
        }
        set.push(object(dice, (SECURITY, "PeerAuthentication"), ("demo", "peers"), spec));
    }
    set
}

/// `values` or their opposite, of a few words.
fn put(dice: &mut Dice, into: &mut Map<String, Value>, name: &str, words: &[&str]) {
    let values: Vec<&str> = (0..1 + dice.below(2)).map(|_| dice.one(words)).collect();
    let name = match dice.once_in(4) {
        true => format!("not{}{}", name[..1].to_uppercase(), &name[1..]),
        false => name.to_owned(),
    };
    into.insert(name, json!(values));
}

const PRINCIPALS: [&str; 5] = [
    "cluster.local/ns/demo/sa/client",
    "*/sa/guest",
    "cluster.local/ns/other/*",
    "*",
    "cluster.local/ns/demo/sa/x",
];
const TOKENS: [&str; 6] =
    ["https://a.example/anna", "*", "https://a.example/*", "*/anna", "https://a.example/jo/hn", "nobody/x"];
const BLOCKS: [&str; 4] = ["10.244.0.5", "10.244.0.0/16", "127.0.0.1", "10.1.0.0/16"];

fn rule(dice: &mut Dice) -> Value {
    let mut rule = json!({});
    if dice.once_in(2) {
        let source = |dice: &mut Dice| {
            let mut source = Map::new();
            match dice.below(6) {
                0 | 1 => put(dice, &mut source, "principals", &PRINCIPALS),
                2 => put(dice, &mut source, "namespaces", &["demo", "other", "ot*", "*mo", "*"]),
                3 => put(dice, &mut source, "serviceAccounts", &["client", "other/guest", "demo/guest"]),
                4 => put(dice, &mut source, "requestPrincipals", &TOKENS),
                _ => put(dice, &mut source, "ipBlocks", &BLOCKS),
            }
            if dice.once_in(5) {
                put(dice, &mut source, "trustDomains", &["cluster.local", "*.example"]);
            }
            json!({"source": source})
        };
        rule["from"] = (0..1 + dice.below(2)).map(|_| source(dice)).collect();
    }
    if dice.once_in(2) {
        let paths: Vec<&str> =
            PATHS.iter().copied().chain(["/a*", "*b", "/{*}/b", "/a/{**}", "*", "/x"]).collect();
        let operation = |dice: &mut Dice| {
            let mut operation = Map::new();
            match dice.below(4) {
                0 => put(dice, &mut operation, "methods", &["GET", "POST", "P*", "*"]),
                1 => put(dice, &mut operation, "paths", &paths),
                2 => put(dice, &mut operation, "ports", &["9080", "9081"]),
                _ => put(dice, &mut operation, "hosts", &["web.demo", "WEB*", "*.example", "*:9080", "*"]),
            }
            if dice.once_in(4) {
                put(dice, &mut operation, "methods", &["GET", "POST"]);
            }
            json!({"operation": operation})
        };
        rule["to"] = (0..1 + dice.below(2)).map(|_| operation(dice)).collect();
    }
    if dice.once_in(3) {
        rule["when"] = (0..1 + dice.below(2)).map(|_| condition(dice)).collect();
    }
    rule
}

fn condition(dice: &mut Dice) -> Value {
    let header = format!("request.headers[{}]", dice.one(&HEADERS));
    let (key, words): (&str, &[&str]) = dice.one(&[
        (header.as_str(), &["1", "2", "1*", "*2", "*"][..]),
        ("source.namespace", &["demo", "other"]),
        ("source.principal", &PRINCIPALS),
        ("source.ip", &BLOCKS),
        ("destination.port", &["9080", "9081"]),
        ("request.auth.principal", &TOKENS),
        ("request.auth.audiences", &["shop", "bank", "other", "*"]),
        ("request.auth.presenter", &["app", "x"]),
        ("request.auth.claims[groups]", &["admin", "a", "b", "x"]),
        ("request.auth.claims[sub]", &["anna", "jo*"]),
        ("source.serviceAccount", &["demo/client", "guest"]),
    ]);
    let mut when = Map::new();
    put(dice, &mut when, "values", words);
    when.insert("key".to_owned(), json!(key));
    Value::Object(when)
}
