//! RequestAuthentication: whose tokens are believed, and what policies and routes make of their claims.

use crate::bench::{Answer, Bench, get};
use crate::conditions::{mesh, policy};
use crate::tokens::Issuer;
use serde_json::{Value, json};

/// A RequestAuthentication for pods with this label `app`, or at the gateway.
fn authentication(name: &str, labels: Value, rules: Value) -> String {
    json!({
        "apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication",
            "metadata": {"name": name, "namespace": "demo"},
        "spec": {"selector": {"matchLabels": labels}, "jwtRules": rules},
    })
    .to_string()
}

async fn ask(bench: &Bench, path: &str, headers: &[&str]) -> Answer {
    let answer = bench.call("client", "10.96.0.10:9080", &get(path, "web:9080", headers)).await;
    let shown = headers.iter().map(|line| line.chars().take(40).collect::<String>()).collect::<Vec<_>>();
    println!("    {path} {shown:?} → {} {}", answer.status, answer.body.lines().next().unwrap_or_default());
    answer
}

async fn status(bench: &Bench, token: &str) -> u16 {
    ask(bench, "/", &[token]).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_is_refused_and_none_passes() {
    let mut bench = mesh().await;
    for issuer in [Issuer::rsa("rsa@shop.example"), Issuer::elliptic("ec@shop.example")] {
        let stranger = Issuer::elliptic("stranger@shop.example");
        let rule = json!([{"issuer": issuer.name(), "audiences": ["shop", "bank"], "jwks": issuer.jwks()}]);
        bench.apply(&authentication("tokens", json!({"app": "web"}), rule));
        bench.settle().await;
        assert_eq!(ask(&bench, "/", &[]).await.status, 200, "no token passes");
        let good = ask(&bench, "/", &[&issuer.bearer(json!({"aud": "shop"}))]).await;
        assert_eq!(good.status, 200, "{}", good.body);
        assert!(!good.body.contains("authorization:"), "the token ends here: {}", good.body);
        let mut broken = issuer.bearer(json!({"aud": "shop"}));
        broken.replace_range(broken.len() - 20..broken.len() - 16, "AAAA");
        for (token, status, words) in [
            (issuer.bearer(json!({"aud": "bank"})), 200, ""),
            (issuer.bearer(json!({"aud": "other"})), 403, "Audiences in Jwt are not allowed"),
            (issuer.bearer(json!({"aud": "shop", "exp": 1_000_000_000})), 401, "Jwt is expired"),
            (issuer.bearer(json!({"aud": "shop", "nbf": 4_000_000_000_u32})), 401, "Jwt not yet valid"),
            (issuer.bearer(json!({"aud": "shop", "iss": "nobody"})), 401, "Jwt issuer is not configured"),
            (stranger.bearer(json!({"aud": "shop", "iss": issuer.name()})), 401, ""),
            (broken, 401, "Jwt verification fails"),
            (
                "authorization: Bearer nonsense".to_owned(),
                401,
                "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
            ),
        ] {
            let answer = ask(&bench, "/", &[&token]).await;
            assert_eq!(answer.status, status, "{words}: {}", answer.body);
            if status != 200 {
                assert!(
                    answer.body.starts_with(if words.is_empty() { "J" } else { words }),
                    "{words}: {}",
                    answer.body
                );
            }
        }
    }
    let log = bench.log_line("web", "jwt_authn_access_denied").await;
    println!("{log}");
    assert!(
        log.contains(" 401 - jwt_authn_access_denied{") || log.contains(" 403 - jwt_authn_access_denied{"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_tokens_are_and_what_becomes_of_them() {
    let mut bench = mesh().await;
    let (one, other) = (Issuer::elliptic("one@shop.example"), Issuer::elliptic("two@shop.example"));
    let rules = json!([
        {
            "issuer": "one@shop.example", "jwks": one.jwks(), "forwardOriginalToken": true,
            "fromHeaders": [{"name": "x-token", "prefix": "Shop "}, {"name": "x-bare"}],
                "fromParams": ["token"], "fromCookies": ["session"],
            "outputPayloadToHeader": "x-payload",
            "outputClaimToHeaders": [{"header": "x-user", "claim": "sub"},
                {"header": "x-group", "claim": "who.group"}],
        },
        {"issuer": "two@shop.example", "jwks": other.jwks()},
    ]);
    bench.apply(&authentication("tokens", json!({"app": "web"}), rules));
    bench.apply(&policy("with-token", "{rules: [{from: [{source: {requestPrincipals: ['*']}}]}]}"));
    bench.settle().await;
    let token = one.token(json!({"who": {"group": "admins"}}));
    for (path, header) in [
        ("/", format!("x-token: Shop {token}")),
        ("/", format!("x-bare: {token}")),
        ("/", format!("cookie: a=b; session={token}")),
        (&*format!("/?token={token}"), "x-nothing: here".to_owned()),
    ] {
        let answer = ask(&bench, path, &[&header]).await;
        assert_eq!(answer.status, 200, "{header}: {}", answer.body);
        for line in ["x-user: anna", "x-group: admins", "x-payload: "] {
            assert!(answer.body.contains(line), "{line}: {}", answer.body);
        }
        assert!(answer.body.contains(&token), "the token goes on: {}", answer.body);
    }
    assert_eq!(
        status(&bench, &format!("authorization: Bearer {token}")).await,
        401,
        "there only the second issuer's is looked for"
    );
    assert_eq!(status(&bench, &other.bearer(json!({}))).await, 200, "the second issuer's is believed too");
    assert_eq!(
        status(&bench, &other.bearer(json!({"exp": 1_000_000_000}))).await,
        401,
        "if it is not too old"
    );
    let forged = ask(&bench, "/", &[&other.bearer(json!({})), "x-user: root"]).await;
    println!(
        "    x-user of a caller without a claim for it: {:?}",
        forged.body.lines().find(|line| line.starts_with("x-user"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_read_claims() {
    let mut bench = mesh().await;
    let issuer = Issuer::elliptic("https://shop.example/tokens");
    let rule = json!([{"issuer": "https://shop.example/tokens", "jwks": issuer.jwks(),
        "spaceDelimitedClaims": ["rights"]}]);
    bench.apply(&authentication("tokens", json!({"app": "web"}), rule));
    let claims = |claims: Value| Some(claims);
    for (rule, meets, not) in [
        ("from: [{source: {requestPrincipals: ['*']}}]", vec![claims(json!({}))], vec![None]),
        (
            "from: [{source: {requestPrincipals: ['https://shop.example/tokens/anna']}}]",
            vec![claims(json!({}))],
            vec![None, claims(json!({"sub": "bob"}))],
        ),
        (
            "from: [{source: {requestPrincipals: ['https://shop.example/*']}}]",
            vec![claims(json!({"sub": "bob"}))],
            vec![None],
        ),
        (
            "from: [{source: {requestPrincipals: ['*/bob']}}]",
            vec![claims(json!({"sub": "bob"}))],
            vec![claims(json!({}))],
        ),
        ("from: [{source: {notRequestPrincipals: ['*']}}]", vec![None], vec![claims(json!({}))]),
        (
            "when: [{key: request.auth.principal, values: ['https://shop.example/tokens/bob']}]",
            vec![claims(json!({"sub": "bob"}))],
            vec![claims(json!({}))],
        ),
        (
            "when: [{key: request.auth.audiences, values: [shop]}]",
            vec![claims(json!({"aud": "shop"})), claims(json!({"aud": ["bank", "shop"]}))],
            vec![claims(json!({"aud": "bank"}))],
        ),
        (
            "when: [{key: request.auth.presenter, values: ['app-*']}]",
            vec![claims(json!({"azp": "app-1"}))],
            vec![claims(json!({"azp": "web"}))],
        ),
        (
            "when: [{key: 'request.auth.claims[role]', values: [customer]}]",
            vec![claims(json!({"role": "customer"})), claims(json!({"role": ["x", "customer"]}))],
            vec![claims(json!({"role": "guest"})), None],
        ),
        (
            "when: [{key: 'request.auth.claims[role]', notValues: [guest]}]",
            vec![claims(json!({"role": "customer"})), None],
            vec![claims(json!({"role": "guest"}))],
        ),
        (
            "when: [{key: 'request.auth.claims[who][team]', values: ['red*']}]",
            vec![claims(json!({"who": {"team": "red-1"}}))],
            vec![claims(json!({"who": {"team": "blue"}}))],
        ),
        (
            "when: [{key: 'request.auth.claims[scope]', values: [write]}]",
            vec![claims(json!({"scope": "read write"}))],
            vec![claims(json!({"scope": "read"}))],
        ),
        (
            "when: [{key: 'request.auth.claims[rights]', values: [buy]}]",
            vec![claims(json!({"rights": "sell buy"}))],
            vec![claims(json!({"rights": "sell"}))],
        ),
    ] {
        bench.apply(&policy("rule", &format!("{{rules: [{{{rule}}}]}}")));
        bench.settle().await;
        println!("{rule}");
        for (list, expect) in [(meets, 200), (not, 403)] {
            for claims in list {
                let token =
                    claims.clone().map_or_else(|| "x-no: token".to_owned(), |claims| issuer.bearer(claims));
                assert_eq!(status(&bench, &token).await, expect, "{rule}: {claims:?}");
            }
        }
    }
    bench
        .apply(&policy("rule", "{action: DENY, rules: [{from: [{source: {notRequestPrincipals: ['*']}}]}]}"));
    bench.settle().await;
    let refused = ask(&bench, "/", &[]).await;
    assert_eq!((refused.status, refused.body.as_str()), (403, "RBAC: access denied"), "a token is required");
    assert_eq!(status(&bench, &issuer.bearer(json!({}))).await, 200);
}

const DOOR: &str = r"
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: demo}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: door, namespace: demo}
spec:
  hosts: ['*']
  gateways: [door]
  http:
    - match: [{headers: {'@request.auth.claims.who.team': {exact: red}}}]
      route: [{destination: {host: web, port: {number: 9080}, subset: v1}}]
    - match: [{headers: {'@request.auth.claims[groups]': {prefix: testers}}}]
      route: [{destination: {host: web, port: {number: 9080}, subset: v2}}]
    - match: [{withoutHeaders: {'@request.auth.claims.sub': {}}}]
      directResponse: {status: 418, body: {string: nobody}}
    - directResponse: {status: 419, body: {string: somebody}}
";

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_routes_by_claims_and_guards_the_way_in() {
    let mut bench = crate::two_versions().await;
    bench.apply(DOOR);
    bench.pod("gate", "istio=ingressgateway", 8080, true).await;
    let issuer = Issuer::rsa("door@shop.example");
    let rule = json!([{"issuer": "door@shop.example", "jwks": issuer.jwks()}]);
    bench.apply(&authentication("door", json!({"istio": "ingressgateway"}), rule));
    bench.settle().await;
    let through = async |header: &str| {
        let answer =
            bench.plain("gate", 8080, &get("/", "shop.example", &[header])).await.expect("an answer");
        let told = (answer.status, answer.body.lines().next().unwrap_or_default().to_owned());
        println!("{:60.60} → {told:?}", header);
        told
    };
    let tell = |status, body: &str| (status, body.to_owned());
    assert_eq!(through(&issuer.bearer(json!({"who": {"team": "red"}}))).await, tell(200, "web-v1"));
    assert_eq!(through(&issuer.bearer(json!({"groups": ["cooks", "testers-2"]}))).await, tell(200, "web-v2"));
    assert_eq!(through(&issuer.bearer(json!({"who": {"team": "blue"}}))).await, tell(419, "somebody"));
    assert_eq!(through("x-no: token").await, tell(418, "nobody"));
    assert_eq!(through("@request.auth.claims.who.team: red").await.0, 400, "a header is no claim");
    assert_eq!(through(&issuer.bearer(json!({"exp": 1_000_000_000}))).await, tell(401, "Jwt is expired"));
    // Policies at the gateway: by path and by the address before it.
    bench.apply(&policy(
        "door",
        "{selector: {matchLabels: {istio: ingressgateway}}, action: DENY, rules: [{from: [{source: \
            {remoteIpBlocks: [203.0.113.0/24]}}]}]}",
    ));
    bench.apply(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: \
        {mesh: 'defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}'}\n",
    );
    bench.settle().await;
    let red = issuer.bearer(json!({"who": {"team": "red"}}));
    let from = async |address: &str| {
        let header = format!("x-forwarded-for: {address}");
        let answer =
            bench.plain("gate", 8080, &get("/", "shop.example", &[&red, &header])).await.expect("an answer");
        println!("{header} → {} {}", answer.status, answer.body.lines().next().unwrap_or_default());
        answer.status
    };
    assert_eq!((from("203.0.113.7").await, from("198.51.100.7").await), (403, 200));
    let log = bench.log_line("gate", "rbac_access_denied").await;
    println!("{log}");
    assert!(log.contains("403 - rbac_access_denied_matched_policy[ns[demo]-policy[door]-rule[0]]"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_may_be_elsewhere() {
    let mut bench = mesh().await;
    let issuer = Issuer::elliptic("far@shop.example");
    let keys = issuer.jwks();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = tokio::spawn(async move {
        let app = axum::Router::new().fallback(move || async { keys });
        axum::serve(listener, app).await
    });
    let rule = |uri: &str| json!([{"issuer": "far@shop.example", "jwksUri": uri}]);
    let inside = issuer.jwks();
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: keys, namespace: other}\nspec: {clusterIP: \
        10.96.0.30, selector: {app: keys}, ports: [{name: http, port: 8000}]}\n",
    );
    bench.pod_with(
        "keys.other",
        "app=keys",
        &[8000],
        Some(axum::Router::new().fallback(move || async { inside })),
    );
    for uri in ["http://keys.other:8000/keys", "http://keys.other.svc.cluster.local:8000/keys?of=web"] {
        bench.apply(&authentication("tokens", json!({"app": "web"}), rule(uri)));
        bench.settle().await;
        assert_eq!(status(&bench, &issuer.bearer(json!({}))).await, 200, "{uri}");
    }
    bench.apply(&authentication(
        "tokens",
        json!({"app": "web"}),
        rule(&format!("http://127.0.0.1:{port}/keys")),
    ));
    bench.settle().await;
    assert_eq!(status(&bench, &issuer.bearer(json!({}))).await, 200, "the proxy fetches them");
    assert_eq!(status(&bench, &issuer.bearer(json!({"exp": 1_000_000_000}))).await, 401);
    let mut required = rule("https://issuer.example/keys");
    required[0]["presence"] = json!("REQUIRED");
    bench.apply(&authentication("tokens", json!({"app": "web"}), required));
    bench.settle().await;
    let refused = ask(&bench, "/", &[&issuer.bearer(json!({}))]).await;
    assert_eq!(refused.status, 401, "{}", refused.body);
    let told = bench.debug("/debug/untranslatedz").await.to_string();
    println!("{told}");
    assert!(told.contains("jwksUri https://issuer.example/keys is not followed"), "{told}");
    assert!(told.contains("presence: REQUIRED has no effect"), "{told}");
    served.abort();
}
