use super::*;
use crate::precedence::tests::Made;
use serde_json::{Value, json};

fn policies(all: &[Value]) -> Vec<Made<AuthorizationPolicy>> {
    all.iter().map(|spec| Made::new("shop/p", "1", spec.clone())).collect()
}

/// What becomes of a call of `web/front` to port 80 (HTTP) or 3306 (bytes).
#[track_caller]
fn check(all: &[Value], http: bool, expect: &str) {
    let identity = Identity::Account { namespace: "web".into(), account: "front".into() };
    check_from(&identity, all, http, expect);
}

#[track_caller]
fn check_from(identity: &Identity, all: &[Value], http: bool, expect: &str) {
    let call = Call::any(identity, "td.example", Some(if http { 80 } else { 3306 }), http);
    let verdict = admit(&policies(all), &call);
    let said = match verdict.may {
        Yes => "yes".to_owned(),
        No => "no".to_owned(),
        Depends(on) => on.into_iter().collect::<Vec<_>>().join(", "),
    };
    assert_eq!(said, expect, "{all:?}");
}

#[test]
fn the_order_of_actions() {
    let of = |action: &str, rules: Value| json!({ "action": action, "rules": rules });
    let web = json!([{ "from": [{ "source": { "namespaces": ["web"] } }] }]);
    check(&[], true, "yes");
    check(&[json!({})], true, "no");
    check(&[json!({ "rules": [{}] })], true, "yes");
    check(&[of("ALLOW", web.clone())], true, "yes");
    check(&[of("DENY", web.clone())], true, "no");
    check(&[of("DENY", web.clone()), of("ALLOW", web.clone())], true, "no");
    check(&[of("AUDIT", web.clone())], true, "yes");
    let other = json!([{ "from": [{ "source": { "namespaces": ["other"] } }] }]);
    check(&[of("ALLOW", other.clone())], true, "no");
    check(&[of("ALLOW", other.clone()), of("ALLOW", web.clone())], true, "yes");
    check(&[of("DENY", other)], true, "yes");
    let asked = json!({ "action": "CUSTOM", "provider": { "name": "judge" }, "rules": [{}] });
    check(std::slice::from_ref(&asked), true, "what judge answers");
    check(&[asked, of("DENY", web)], true, "no");
}

#[test]
fn who_calls() {
    let from = |source: Value| json!({ "rules": [{ "from": [{ "source": source }] }] });
    for (source, expect) in [
        (json!({ "principals": ["cluster.local/ns/web/sa/front"] }), "yes"),
        (json!({ "principals": ["td.example/ns/web/sa/front"] }), "yes"),
        (json!({ "principals": ["other/ns/web/sa/front"] }), "no"),
        (json!({ "principals": ["cluster.local/ns/web/*"] }), "yes"),
        (json!({ "principals": ["*/sa/front"] }), "yes"),
        (json!({ "principals": ["*"] }), "yes"),
        (json!({ "notPrincipals": ["*"] }), "no"),
        (json!({ "namespaces": ["w*"] }), "yes"),
        (json!({ "namespaces": ["web"], "notNamespaces": ["web"] }), "no"),
        (json!({ "serviceAccounts": ["web/front"] }), "yes"),
        (json!({ "serviceAccounts": ["front"] }), "no"),
        (json!({ "ipBlocks": ["10.0.0.0/8"] }), "the caller's address"),
        (json!({ "requestPrincipals": ["*"] }), "the request's token"),
        (json!({ "namespaces": ["other"], "requestPrincipals": ["*"] }), "no"),
    ] {
        check(&[from(source)], true, expect);
    }
    let plain = |source: Value, expect| check_from(&Identity::Nobody, &[from(source)], true, expect);
    plain(json!({ "principals": ["*"] }), "no");
    plain(json!({ "notPrincipals": ["a"] }), "yes");
    let unknown = [from(json!({ "namespaces": ["web"] }))];
    check_from(&Identity::Unknown, &unknown, true, "whether mutual TLS is used");
}

#[test]
fn what_is_called() {
    let to = |action: &str, operation: Value| json!({ "action": action, "rules": [{ "to": [{ "operation": operation }] }] });
    let get = json!({ "methods": ["GET"], "paths": ["/a*"] });
    check(&[to("ALLOW", get.clone())], true, "the method, the path");
    check(&[to("DENY", get.clone())], true, "the method, the path");
    // Bytes have neither: stricter both ways.
    check(&[to("ALLOW", get.clone())], false, "no");
    check(&[to("DENY", get)], false, "no");
    check(&[to("ALLOW", json!({ "ports": ["80"] }))], true, "yes");
    check(&[to("ALLOW", json!({ "ports": ["80"] }))], false, "no");
    check(&[to("DENY", json!({ "notPorts": ["3306"] }))], false, "yes");
    check(&[to("ALLOW", json!({ "paths": ["/*"] }))], true, "yes");
    let when = |key: &str| json!({ "rules": [{ "when": [{ "key": key, "values": ["web"] }] }] });
    check(&[when("source.namespace")], true, "yes");
    check(&[when("request.headers[x-team]")], true, "request.headers[x-team]");
    check(&[when("request.headers[x-team]")], false, "no");
}
