//! Random matches and random requests, of few words so that they meet.

use super::dice::Dice;
use istio::route::Request;
use serde_json::{Map, Value, json};

pub(super) const PATHS: [&str; 9] = ["/", "/a", "/a/b", "/ab", "/A", "/a/b/c", "/b", "/B/c", "/login"];
const ODD_PATHS: [&str; 10] = [
    "/a/../b",
    "/./a",
    "/a//b",
    "/a/b/..",
    "/%61",
    "/a%2Fb",
    "/a;x=1",
    "/%7Ea%2d%5F",
    "/a/%2e%2E/b",
    "/%41%20%22",
];
const QUERIES: [&str; 6] = ["", "?v=1", "?v=2", "?v", "?w=1&v=1", "?v=12&v=1"];
const VALUES: [&str; 4] = ["1", "2", "12", "a1"];
pub(super) const HEADERS: [&str; 3] = ["x-a", "x-b", "end-user"];
const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

/// A text that is wanted.
fn text(dice: &mut Dice, all: &[&str]) -> Value {
    let one = dice.one(all);
    match dice.below(4) {
        0 => json!({"exact": one}),
        1 => json!({"prefix": one}),
        2 => json!({"regex": dice.one(&["1.*", "[0-9]+", ".+", ".*", "*", "a?1", "[GP]..+"])}),
        _ if dice.once_in(3) => json!({}),
        _ => json!({"exact": one}),
    }
}

fn uri(dice: &mut Dice) -> Value {
    match dice.below(5) {
        0 | 1 => json!({"exact": dice.one(&PATHS)}),
        2 | 3 => json!({"prefix": dice.one(&PATHS)}),
        _ => json!({"regex": dice.one(&["/a.*", "/[ab]", "/(a|b)/.*", ".*", "/a/[a-z]/c"])}),
    }
}

/// A match of a VirtualService; `gateways` are those that it may name.
pub(super) fn one(dice: &mut Dice, gateways: &[&str]) -> Value {
    let mut one = Map::new();
    let mut put = |name: &str, value: Value| drop(one.insert(name.to_owned(), value));
    if !dice.once_in(4) {
        put("uri", uri(dice));
        if dice.once_in(4) {
            put("ignoreUriCase", json!(true));
        }
    }
    if dice.once_in(3) {
        put("headers", json!({dice.one(&HEADERS): text(dice, &VALUES)}));
    }
    if dice.once_in(5) {
        put("withoutHeaders", json!({dice.one(&HEADERS): text(dice, &VALUES)}));
    }
    if dice.once_in(5) {
        put("queryParams", json!({dice.one(&["v", "w"]): text(dice, &VALUES)}));
    }
    if dice.once_in(5) {
        put("method", text(dice, &METHODS));
    }
    if dice.once_in(8) {
        put("authority", text(dice, &["web", "web.demo", "shop.example", "web:9080"]));
    }
    if dice.once_in(10) {
        put("scheme", json!({"exact": dice.one(&["http", "https"])}));
    }
    if dice.once_in(8) {
        put("port", json!(dice.one(&[9080, 9081, 80, 8080])));
    }
    if dice.once_in(7) {
        put("sourceLabels", json!({"app": dice.one(&["client", "guest"])}));
    }
    if dice.once_in(8) {
        put("sourceNamespace", json!(dice.one(&["demo", "other"])));
    }
    if dice.once_in(8) {
        let some: Vec<&str> = dice.some(gateways);
        put("gateways", json!(some));
    }
    Value::Object(one)
}

/// A request for one of these hosts.
pub(super) fn request(dice: &mut Dice, hosts: &[&str], ports: &[u16]) -> Request {
    let path = if dice.once_in(8) { dice.one(&ODD_PATHS) } else { dice.one(&PATHS) };
    let query = if dice.once_in(2) { "" } else { dice.one(&QUERIES) };
    let mut request = Request::get(dice.one(hosts), dice.one(ports), &format!("{path}{query}"));
    if dice.once_in(3) {
        request.method = dice.one(&METHODS).to_owned();
    }
    for name in dice.some(&HEADERS) {
        let value = if dice.once_in(6) { "" } else { dice.one(&VALUES) };
        request.headers.push((name.to_owned(), value.to_owned()));
        if dice.once_in(12) {
            request.headers.push((name.to_owned(), dice.one(&VALUES).to_owned()));
        }
    }
    request
}

/// As it is written on a connection.
pub(super) fn written(request: &Request) -> String {
    let headers: String =
        request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (method, host) = (&request.method, &request.authority);
    let path = request.whole_path();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n"
    )
}
