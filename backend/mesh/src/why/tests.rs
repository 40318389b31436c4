use super::*;
use crate::demo;
use crate::mesh_config::MeshConfig;
use serde_json::{Value, json};

/// Bookinfo with these objects more.
fn mesh(more: &[Value]) -> Mesh {
    let mut objects = demo::bookinfo_objects();
    for (at, object) in demo::by_ref(more.iter().cloned()).iter() {
        objects.insert(at.clone(), object.clone());
    }
    Mesh::read(objects, None)
}

fn asked(from: &str, to: &str, path: &str, headers: &[(&str, &str)]) -> Asked {
    Asked {
        from: from.parse().unwrap(),
        to: to.to_owned(),
        method: "GET".to_owned(),
        path: path.to_owned(),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        now: 1_767_225_600,
    }
}

fn told(more: &[Value], asked: &Asked) -> Value {
    let config = MeshConfig::default();
    json(&Calls::of(&mesh(more), Some(&config)).ask(asked).unwrap())
}

fn policy(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
        "metadata": { "namespace": "bookinfo", "name": name }, "spec": spec })
}

fn peers(namespace: &str, mode: &str) -> Value {
    json!({ "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
        "metadata": { "namespace": namespace, "name": "peers" }, "spec": { "mtls": { "mode": mode } } })
}

const PAGE: &str = "bookinfo/productpage-v1";

#[test]
fn the_rule_its_destinations_and_who_lets_it_in() {
    let jason = told(&[], &asked(PAGE, "reviews:9080", "/reviews/0", &[("End-User", "jason")]));
    assert_eq!(jason["rule"], json!({ "object": "VirtualService bookinfo/reviews", "path": "spec.http[0]" }));
    assert_eq!(jason["skipped"], json!([]));
    let host = "reviews.bookinfo.svc.cluster.local";
    assert_eq!(jason["destinations"], json!([{ "host": host, "subset": "v2", "port": 9080, "weight": 100 }]));
    assert_eq!(
        (&jason["answer"], &jason["timeout"], &jason["fault"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(jason["mtls"], "mutual");
    assert_eq!(jason["admission"]["verdict"], "allow");
    assert_eq!(jason["workloads"][0]["workload"], "bookinfo/reviews-v2");
    let other = told(&[], &asked(PAGE, "reviews", "/reviews/0", &[]));
    assert_eq!(other["rule"]["path"], "spec.http[1]");
    assert_eq!(other["timeout"], "10s");
    assert_eq!(other["destinations"].as_array().unwrap().len(), 3);
    assert_eq!(
        other["skipped"],
        json!([{ "object": "VirtualService bookinfo/reviews", "path": "spec.http[0]",
            "because": "header end-user is not there, wanted `jason`" }])
    );
}

#[test]
fn by_whom_it_is_refused() {
    let get = asked(PAGE, "details:9080", "/details/0", &[]);
    let allow = policy(
        "readers",
        json!({ "rules": [{ "from": [{ "source": { "namespaces": ["shop"] } }] },
        { "to": [{ "operation": { "methods": ["POST"] } }] }] }),
    );
    let seen = told(std::slice::from_ref(&allow), &get);
    assert_eq!((&seen["admission"]["verdict"], &seen["admission"]["status"]), (&json!("deny"), &json!(403)));
    assert_eq!(seen["admission"]["by"], Value::Null);
    let why = seen["admission"]["because"].as_str().unwrap();
    assert!(why.contains("spec.rules[0] wants namespaces shop"), "{why}");
    assert!(why.contains("spec.rules[1] wants methods POST"), "{why}");
    let deny = policy("nobody", json!({ "action": "DENY", "rules": [{}, {}] }));
    let seen = told(&[allow, deny], &get);
    assert_eq!(
        seen["admission"]["by"],
        json!({ "object": "AuthorizationPolicy bookinfo/nobody", "rule": 0 })
    );
    let asks =
        policy("judged", json!({ "action": "CUSTOM", "provider": { "name": "judge" }, "rules": [{}] }));
    let seen = told(&[asks], &get);
    assert_eq!(
        (&seen["admission"]["verdict"], &seen["admission"]["asks"]),
        (&json!("depends"), &json!(["judge"]))
    );
}

#[test]
fn mutual_tls() {
    let get = |from: &str| asked(from, "details.bookinfo:9080", "/", &[]);
    let strict = peers("bookinfo", "STRICT");
    assert_eq!(told(std::slice::from_ref(&strict), &get(PAGE))["mtls"], "mutual");
    let seen = told(&[strict], &get("outside"));
    assert_eq!((&seen["mtls"], &seen["admission"]["verdict"]), (&json!("refused"), &json!("deny")));
    assert_eq!(
        seen["admission"]["by"],
        json!({ "object": "PeerAuthentication bookinfo/peers", "rule": null })
    );
    assert_eq!(told(&[peers("bookinfo", "DISABLE")], &get(PAGE))["mtls"], "plaintext");
    let rule = |mode: &str| {
        json!({ "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": { "namespace": "bookinfo", "name": "details" },
            "spec": { "host": "details", "trafficPolicy": { "tls": { "mode": mode } } } })
    };
    assert_eq!(told(&[rule("DISABLE")], &get(PAGE))["mtls"], "plaintext");
    assert_eq!(told(&[rule("DISABLE"), peers("istio-system", "STRICT")], &get(PAGE))["mtls"], "refused");
}

#[test]
fn from_outside_it_comes_in_by_the_gateway_that_has_the_host() {
    let seen = told(&[], &asked("outside", "shop.example", "/productpage", &[]));
    assert_eq!(seen["gateway"], "istio-system/istio-ingressgateway");
    assert_eq!(seen["door"]["path"], "spec.servers[0]");
    assert_eq!(seen["rule"]["object"], "VirtualService bookinfo/bookinfo");
    assert_eq!(seen["workloads"][0]["workload"], PAGE);
    assert_eq!(seen["mtls"], "mutual");
    let other = told(&[], &asked("istio-system/istio-ingressgateway", "shop.example", "/other", &[]));
    assert_eq!((&other["rule"], &other["answer"]["status"]), (&Value::Null, &json!(404)));
    assert!(
        other["skipped"][0]["because"].as_str().unwrap().contains("path is `/other`, wanted `/productpage`")
    );
    let guard = policy(
        "door",
        json!({ "action": "DENY", "rules": [{ "to": [{ "operation": { "paths": ["/product*"] } }] }] }),
    );
    let mut guard = guard;
    guard["metadata"]["namespace"] = json!("istio-system");
    guard["spec"]["selector"] = json!({ "matchLabels": { "istio": "ingressgateway" } });
    let seen = told(&[guard], &asked("outside", "shop.example", "/productpage", &[]));
    assert_eq!(seen["admission"]["by"]["object"], "AuthorizationPolicy istio-system/door");
}

#[test]
fn what_is_not_known_is_said() {
    let mesh = mesh(&[]);
    let calls = Calls::of(&mesh, None);
    let seen = calls.ask(&asked(PAGE, "reviews", "/", &[])).unwrap();
    assert_eq!(seen.remarks, [Remark::NoMeshConfig]);
    let nobody = calls.ask(&asked("bookinfo/nobody", "reviews", "/", &[]));
    assert!(
        matches!(nobody, Err(NoAnswer::NoWorkload(name, near)) if name == "bookinfo/nobody" && near.len() == 6)
    );
    let addresses =
        policy("near", json!({ "rules": [{ "from": [{ "source": { "ipBlocks": ["10.0.0.0/8"] } }] }] }));
    let seen = told(&[addresses], &asked("outside", "details.bookinfo:9080", "/", &[]));
    assert_eq!(seen["admission"]["verdict"], "depends");
    assert_eq!(seen["admission"]["because"], "it depends on the caller's address");
}

#[test]
fn a_token_is_judged_as_proxies_judge_it() {
    let rules = json!({ "apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication",
        "metadata": { "namespace": "bookinfo", "name": "tokens" },
        "spec": { "jwtRules": [{ "issuer": "https://a.example", "jwksUri": "https://a.example/keys" }] } });
    let at = |headers: &[(&str, &str)]| {
        told(std::slice::from_ref(&rules), &asked(PAGE, "details", "/", headers))["admission"].clone()
    };
    assert_eq!(at(&[])["verdict"], "allow");
    let none = at(&[("Authorization", "Bearer x")]);
    assert_eq!(
        (&none["status"], &none["by"]["object"]),
        (&json!(401), &json!("RequestAuthentication bookinfo/tokens"))
    );
    // {"alg":"RS256"}.{"iss":"https://b.example"}.x
    let other = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2IuZXhhbXBsZSJ9.eA";
    assert_eq!(
        at(&[("Authorization", other)])["because"],
        "no RequestAuthentication believes tokens of `https://b.example`"
    );
    // {"iss":"https://a.example"}
    let own = "Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2EuZXhhbXBsZSJ9.eA";
    assert_eq!(at(&[("Authorization", own)])["verdict"], "depends");
}

#[test]
fn it_reads_well() {
    let mesh = mesh(&[peers("bookinfo", "STRICT")]);
    let config = MeshConfig::default();
    let calls = Calls::of(&mesh, Some(&config));
    let printed = |asked: &Asked| text(&calls.ask(asked).unwrap());
    let reviews = printed(&asked(PAGE, "reviews:9080", "/reviews/0", &[]));
    insta::assert_snapshot!(reviews, @r"
    bookinfo/productpage-v1 calls: GET /reviews/0 of reviews:9080

    Taken by    VirtualService bookinfo/reviews spec.http[1]
      not by    VirtualService bookinfo/reviews spec.http[0]: header end-user is not there, wanted `jason`
    Goes to     reviews.bookinfo.svc.cluster.local:9080, subset v1, 50 %
                reviews.bookinfo.svc.cluster.local:9080, subset v2, 30 %
                reviews.bookinfo.svc.cluster.local:9080, subset v3, 20 %
    Timeout     10s
    Let in      bookinfo/reviews-v1: yes, over mutual TLS: no policy holds there
                bookinfo/reviews-v2: yes, over mutual TLS: no policy holds there
                bookinfo/reviews-v3: yes, over mutual TLS: no policy holds there
    ");
    let outside = printed(&asked("outside", "shop.example", "/productpage?u=1", &[]));
    insta::assert_snapshot!(outside, @r"
    outside calls: GET /productpage?u=1 of shop.example:80

    Comes in by istio-system/istio-ingressgateway, Gateway bookinfo/bookinfo-gateway spec.servers[0]
    Taken by    VirtualService bookinfo/bookinfo spec.http[0]
    Goes to     productpage.bookinfo.svc.cluster.local:9080
    Let in      bookinfo/productpage-v1: yes, over mutual TLS: no policy holds there
    ");
    let straight = printed(&asked("outside", "details.bookinfo:9080", "/", &[]));
    insta::assert_snapshot!(straight, @r"
    outside calls: GET / of details.bookinfo:9080

    Taken by    no rule: it goes to the service as it is
    Goes to     details.bookinfo.svc.cluster.local:9080
    Let in      bookinfo/details-v1: no, reset by PeerAuthentication bookinfo/peers: it comes in plain text, and mutual TLS is STRICT
    Note        the caller has no proxy: no rule holds for its calls
    ");
    let unknown = printed(&asked(PAGE, "api.example:443", "/", &[]));
    insta::assert_snapshot!(unknown, @r"
    bookinfo/productpage-v1 calls: GET / of api.example:443

    Taken by    no rule: no service is known for it
    Goes to     the address that it is sent to, as it is
    ");
}

/// Who has a proxy is answered by it; anybody else's connection is reset.
#[test]
fn plain_text_against_strict_is_reset_or_answered() {
    let strict = peers("bookinfo", "STRICT");
    let get = |from: &str| asked(from, "details.bookinfo:9080", "/", &[]);
    let outside = told(std::slice::from_ref(&strict), &get("outside"));
    assert_eq!(
        (&outside["admission"]["verdict"], &outside["admission"]["status"]),
        (&json!("deny"), &Value::Null)
    );
    let plain = json!({ "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": { "namespace": "bookinfo", "name": "details" },
        "spec": { "host": "details", "trafficPolicy": { "tls": { "mode": "DISABLE" } } } });
    assert_eq!(told(&[strict, plain], &get(PAGE))["admission"]["status"], 503);
}

#[test]
fn tls_of_the_callers_own_passes_through() {
    let entry = |protocol: &str| {
        json!({ "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": { "namespace": "bookinfo", "name": "api" },
            "spec": { "hosts": ["api.example"], "location": "MESH_EXTERNAL", "resolution": "DNS",
                "ports": [{ "number": 443, "name": "api", "protocol": protocol }] } })
    };
    let call = asked(PAGE, "api.example:443", "/", &[]);
    assert_eq!(told(&[entry("TLS")], &call)["mtls"], "passthrough");
    assert_eq!(told(&[entry("HTTPS")], &call)["mtls"], "passthrough");
    assert_eq!(told(&[entry("HTTP")], &call)["mtls"], "plaintext");
}

/// Shares are rounded so that they make 100.
#[test]
fn shares_make_a_hundred() {
    let third = json!({ "destination": { "host": "ratings" }, "weight": 1 });
    let rule = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "namespace": "bookinfo", "name": "ratings" },
        "spec": { "hosts": ["ratings"], "http": [{ "route": [third, third, third] }] } });
    let (mesh, config) = (mesh(&[rule]), MeshConfig::default());
    let text = text(&Calls::of(&mesh, Some(&config)).ask(&asked(PAGE, "ratings", "/", &[])).unwrap());
    let shares: Vec<f64> =
        text.lines().filter_map(|line| line.strip_suffix(" %")?.rsplit(' ').next()?.parse().ok()).collect();
    assert_eq!(shares, [33.4, 33.3, 33.3]);
}

/// Nobody stands behind a Service whose labels choose no pod.
#[test]
fn a_call_that_reaches_no_pod_fails() {
    let empty = json!({ "apiVersion": "v1", "kind": "Service",
        "metadata": { "namespace": "bookinfo", "name": "empty" },
        "spec": { "selector": { "app": "nobody" }, "ports": [{ "name": "http", "port": 80 }] } });
    let told = told(&[empty], &asked(PAGE, "empty", "/", &[]));
    assert_eq!(told["admission"]["verdict"], "deny", "{told}");
    assert_eq!(told["admission"]["status"], 503, "{told}");
}

/// Clients write the port into the host that they ask for, where it is not the usual one.
#[test]
fn the_host_that_is_asked_for_has_its_port() {
    let rule = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "namespace": "bookinfo", "name": "ratings" },
        "spec": { "hosts": ["ratings"], "http": [
            { "match": [{ "authority": { "exact": "ratings" } }], "directResponse": { "status": 418 } },
            { "route": [{ "destination": { "host": "ratings" } }] }] } });
    let told = |to: &str, headers: &[(&str, &str)]| {
        told(std::slice::from_ref(&rule), &asked(PAGE, to, "/", headers))
    };
    assert_eq!(told("ratings:9080", &[])["rule"]["path"], "spec.http[1]");
    assert_eq!(told("ratings:9080", &[("Host", "ratings")])["rule"]["path"], "spec.http[0]");
}
