//! CUSTOM policies: a service of the user's own decides, over HTTP and over gRPC.

use crate::bench::{Answer, Bench, get};
use crate::conditions::{mesh, policy, status};
use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use std::sync::Arc;
use wire::ext_authz::{self, Verdict};

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: ext-authz, namespace: guard}
spec: {clusterIP: 10.96.0.20, selector: {app: ext-authz}, ports: [{name: http, port: 8000}, {name: grpc, \
    port: 9000}]}
---
";

/// Lets pass what says so, and callers called `guest` to where only connections are seen.
fn decide(says: Option<&str>, principal: &str) -> Verdict {
    let allowed = says == Some("allow") || principal.ends_with("/sa/guest");
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = vec![
        header("x-checked", if allowed { "allowed" } else { "denied" }),
        header("x-secret", "of the guard"),
    ];
    Verdict { allowed, headers, body: "no, says the guard\n".to_owned() }
}

/// The guard; what it was asked over HTTP goes back in the header `x-asked`.
fn guard() -> Router {
    let grpc = ext_authz::service(Arc::new(|request| {
        decide(ext_authz::header(request, "x-ext-authz"), ext_authz::principal(request).unwrap_or_default())
    }));
    let http = async |request: Request| {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 16).await.expect("a body");
        let body = String::from_utf8_lossy(&body).into_owned();
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-");
        tokio::time::sleep(std::time::Duration::from_millis(text("sleep-ms").parse().unwrap_or(0))).await;
        let asked = format!(
            "{} {} user={} added={}",
            head.method,
            head.uri.path(),
            text("end-user"),
            text("x-added")
        );
        let verdict = decide(Some(text("x-ext-authz")), "");
        let mut headers = HeaderMap::new();
        for (name, value) in verdict
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain([("x-asked", &*asked), ("x-body", &*body)])
        {
            headers.insert(
                axum::http::HeaderName::try_from(name).expect("a name"),
                value.try_into().expect("a value"),
            );
        }
        let status = if verdict.allowed { StatusCode::OK } else { StatusCode::FORBIDDEN };
        (status, headers, verdict.body)
    };
    Router::new().route_service(ext_authz::PATH, grpc).fallback(http)
}

fn providers(list: &str) -> String {
    let mesh = format!("extensionProviders: [{list}]");
    serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": "istio-system"}, "data": {"mesh": mesh}})
    .to_string()
}

fn grpc(more: &str) -> String {
    format!(
        "{{name: by-grpc, envoyExtAuthzGrpc: {{service: ext-authz.guard.svc.cluster.local, port: \
            '9000'{more}}}}}"
    )
}

fn http(more: &str) -> String {
    format!(
        "{{name: by-http, envoyExtAuthzHttp: {{service: guard/ext-authz.guard.svc.cluster.local, port: 8000, \
            includeRequestHeadersInCheck: [x-ext-authz, end-user]{more}}}}}"
    )
}

fn custom(provider: &str, rules: &str) -> String {
    policy("ask", &format!("{{action: CUSTOM, provider: {{name: {provider}}}, rules: [{rules}]}}"))
}

async fn guarded() -> Bench {
    let mut bench = mesh().await;
    bench.apply(SERVICE);
    bench.pod_with("ext-authz.guard", "app=ext-authz", &[8000, 9000], Some(guard()));
    bench.settle().await;
    bench
}

async fn ask(bench: &Bench, path: &str, headers: &[&str]) -> Answer {
    let answer = bench.call("client", "10.96.0.10:9080", &get(path, "web:9080", headers)).await;
    println!(
        "    {path} {headers:?} → {} {:?}",
        answer.status,
        answer.body.lines().next().unwrap_or_default()
    );
    answer
}

const ALLOW: &str = "x-ext-authz: allow";

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_is_asked_over_http() {
    let mut bench = guarded().await;
    bench.apply(
        &(providers(&http(
            ", pathPrefix: /check, includeAdditionalHeadersInCheck: {x-added: 'yes'}, \
        headersToUpstreamOnAllow: [x-checked, x-asked], headersToDownstreamOnDeny: [x-check*], \
        headersToDownstreamOnAllow: [x-asked]",
        )) + "\n---\n"
            + &custom(
                "by-http",
                "{to: [{operation: {paths: \
        ['/closed*']}}]}",
            )),
    );
    bench.settle().await;
    assert_eq!(ask(&bench, "/open", &[]).await.status, 200, "only what falls under a rule is asked about");
    let denied = ask(&bench, "/closed", &[]).await;
    assert_eq!((denied.status, denied.body.as_str()), (403, "no, says the guard\n"));
    assert!(
        denied.head.contains("x-checked: denied") && !denied.head.contains("x-secret"),
        "{}",
        denied.head
    );
    let allowed = ask(&bench, "/closed/x", &[ALLOW, "end-user: jason", "x-checked: forged"]).await;
    assert_eq!(allowed.status, 200);
    let asked = "x-asked: GET /check/closed/x user=jason added=yes";
    assert!(
        allowed.body.contains(asked) && allowed.head.contains(asked),
        "{}\n{}",
        allowed.head,
        allowed.body
    );
    assert!(
        allowed.body.contains("x-checked: allowed") && !allowed.body.contains("forged"),
        "{}",
        allowed.body
    );
    assert!(!allowed.body.contains("x-secret"), "{}", allowed.body);
    let log = bench.log_line("web", "ext_authz_denied").await;
    println!("{log}");
    assert!(log.contains("403 UAEX ext_authz_denied"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_is_asked_over_grpc() {
    let mut bench = guarded().await;
    bench.apply(&(providers(&grpc("")) + "\n---\n" + &custom("by-grpc", "{}")));
    bench.settle().await;
    let denied = ask(&bench, "/", &[]).await;
    assert_eq!((denied.status, denied.body.as_str()), (403, "no, says the guard\n"));
    assert!(denied.head.contains("x-checked: denied"), "{}", denied.head);
    let allowed = ask(&bench, "/", &[ALLOW]).await;
    assert_eq!(allowed.status, 200);
    assert!(allowed.body.contains("x-checked: allowed"), "{}", allowed.body);
    // Of connections only who opens them is known.
    let seen = (status(&bench, "client port=9070").await, status(&bench, "guest.other port=9070").await);
    println!("    bytes: client {:?}, guest {:?}", seen.0, seen.1);
    assert_eq!(seen, (None, Some(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_comes_before_deny_and_allow() {
    let mut bench = guarded().await;
    let get_only = policy("get", "{rules: [{to: [{operation: {methods: [GET]}}]}]}");
    let no_admin = policy("no-admin", "{action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}");
    bench.apply(
        &(providers(&grpc(""))
            + "\n---\n"
            + &custom("by-grpc", "{to: [{operation: {notPaths: [/free]}}]}")
            + &get_only
            + &no_admin),
    );
    bench.settle().await;
    let guards = "no, says the guard\n";
    for (words, headers, expect, body) in [
        ("/", vec![], 403, guards),
        ("/admin", vec![], 403, guards),
        ("/admin", vec![ALLOW], 403, "RBAC: access denied"),
        ("/free", vec![], 200, ""),
        ("/", vec![ALLOW], 200, ""),
    ] {
        let answer = ask(&bench, words, &headers).await;
        assert_eq!(answer.status, expect, "{words} {headers:?}: {}", answer.body);
        assert!(expect == 200 || answer.body == body, "{words}: {}", answer.body);
    }
    assert_eq!(
        status(&bench, "client POST / x-ext-authz: allow").await,
        Some(403),
        "asked, then not allowed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_is_away_lets_nothing_pass_unless_told_to() {
    let mut bench = mesh().await;
    bench.apply(SERVICE);
    for (provider, expect) in [
        (("by-grpc", grpc("")), 403),
        (("by-http", http("")), 403),
        (("by-grpc", grpc(", failOpen: true")), 200),
        (("by-http", http(", failOpen: true")), 200),
        (("by-grpc", grpc(", statusOnError: '503'")), 503),
        (("by-http", http(", statusOnError: '429', timeout: 2s")), 429),
    ] {
        bench.apply(&(providers(&provider.1) + "\n---\n" + &custom(provider.0, "{}")));
        bench.settle().await;
        println!("{}", provider.1);
        assert_eq!(ask(&bench, "/", &[]).await.status, expect, "{}", provider.1);
    }
    let log = bench.log_line("web", "ext_authz_error").await;
    println!("{log}");
    assert!(log.contains("UAEX ext_authz_error"), "{log}");
    // As istiod: what cannot be asked is denied, and only that.
    for (provider, reason) in
        [("nobody", "provider nobody is not among meshConfig.extensionProviders"), ("by-http", "")]
    {
        bench.apply(&custom(provider, "{to: [{operation: {paths: [/closed]}}]}"));
        if reason.is_empty() {
            bench.apply(&providers(
                "{name: by-http, envoyExtAuthzHttp: {service: gone.guard.svc.cluster.local, port: 8000}}",
            ));
        }
        bench.settle().await;
        let answer = ask(&bench, "/closed", &[ALLOW]).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, "RBAC: access denied"));
        assert_eq!(ask(&bench, "/open", &[]).await.status, 200);
        let told = bench.debug("/debug/untranslatedz").await.to_string();
        println!("    {told}");
        assert!(
            told.contains(if reason.is_empty() { "there is no service gone.guard" } else { reason }),
            "{told}"
        );
    }
    let log = bench.log_line("web", "bad-CUSTOM-action").await;
    assert!(
        log.contains(
            "rbac_access_denied_matched_policy[ns[demo]-policy[ask]-rule[0]-deny-due-to-bad-CUSTOM-action]"
        ),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_guards_at_one_workload_deny() {
    let mut bench = guarded().await;
    let second = policy(
        "second",
        "{action: CUSTOM, provider: {name: by-http}, rules: [{to: [{operation: {paths: [/second]}}]}]}",
    );
    bench.apply(
        &(providers(&(grpc("") + ", " + &http("")))
            + "\n---\n"
            + &custom("by-grpc", "{to: [{operation: {paths: [/first]}}]}")
            + &second),
    );
    bench.settle().await;
    for (path, expect) in [("/first", 403), ("/second", 403), ("/third", 200)] {
        assert_eq!(ask(&bench, path, &[ALLOW]).await.status, expect, "{path}");
    }
    let told = bench.debug("/debug/untranslatedz").await.to_string();
    println!("    {told}");
    assert!(told.contains("has a second provider, that of second: what its rules take is denied"), "{told}");
    bench.delete("AuthorizationPolicy", "demo", "second");
    bench.settle().await;
    assert_eq!(ask(&bench, "/first", &[ALLOW]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_may_see_the_body_and_has_a_time() {
    let mut bench = guarded().await;
    let post = "POST /letter HTTP/1.1\r\nhost: web:9080\r\nx-ext-authz: allow\r\ncontent-length: \
        5\r\nconnection: close\r\n\r\nhello";
    for (more, expect) in [
        (", includeRequestBodyInCheck: {maxRequestBytes: 64}", (200, "x-body: hello")),
        (", includeRequestBodyInCheck: {maxRequestBytes: 2}", (413, "")),
        (", includeRequestBodyInCheck: {maxRequestBytes: 2, allowPartialMessage: true}", (200, "x-body: he")),
        ("", (200, "x-body: \n")),
    ] {
        bench.apply(
            &(providers(&http(&format!("{more}, headersToUpstreamOnAllow: [x-body]")))
                + "\n---\n"
                + &custom("by-http", "{}")),
        );
        bench.settle().await;
        let answer = bench.call("client", "10.96.0.10:9080", post).await;
        let told = answer.body.lines().find(|line| line.starts_with("x-body")).unwrap_or_default();
        println!("    {more} → {} {told:?}", answer.status);
        assert_eq!(answer.status, expect.0, "{more}: {}", answer.body);
        assert!(answer.body.contains(expect.1), "{more}: {}", answer.body);
    }
    bench.apply(
        &(providers(&http(", timeout: 0.2s").replace("end-user", "end-user, sleep-ms"))
            + "\n---\n"
            + &custom("by-http", "{}")),
    );
    bench.settle().await;
    let slow = ask(&bench, "/", &[ALLOW, "sleep-ms: 5000"]).await;
    assert_eq!(slow.status, 403, "{}", slow.body);
    assert!(slow.took < std::time::Duration::from_secs(5), "{:?}", slow.took);
    assert_eq!(ask(&bench, "/", &[ALLOW]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_may_stand_at_the_gateway() {
    let mut bench = guarded().await;
    bench.apply(
        "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: door, namespace: demo}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 8080, name: http, protocol: HTTP}, \
    hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: door, namespace: demo}
spec: {hosts: ['*'], gateways: [door], http: [{route: [{destination: {host: web, port: {number: 9080}}}]}]}
",
    );
    bench.pod("gate", "istio=ingressgateway", 8080, true).await;
    let at_door = "{selector: {matchLabels: {istio: ingressgateway}}, action: CUSTOM, provider: {name: \
        by-grpc}, rules: [{to: [{operation: {notPaths: [/free]}}]}]}";
    bench.apply(&(providers(&grpc("")) + "\n---\n" + &policy("ask", at_door)));
    bench.settle().await;
    for (path, header, expect) in [("/", "x-no: word", 403), ("/free", "x-no: word", 200), ("/", ALLOW, 200)]
    {
        let answer =
            bench.plain("gate", 8080, &get(path, "shop.example", &[header])).await.expect("an answer");
        println!(
            "    {path} {header} → {} {:?}",
            answer.status,
            answer.body.lines().next().unwrap_or_default()
        );
        assert_eq!(answer.status, expect, "{path} {header}");
    }
    assert_eq!(status(&bench, "client").await, Some(200), "inside nobody is asked");
}
