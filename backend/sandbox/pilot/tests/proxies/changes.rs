//! What a VirtualService changes in requests and answers: rewrites, redirects, answers of its own, headers,
//! CORS.

use crate::bench::{Answer, get};
use crate::world::WEB;
use crate::{rules, two_versions};

const V1: &str = "route: [{destination: {host: web, subset: v1}}]";

fn rule(path: &str, what: &str) -> String {
    format!("{{match: [{{uri: {{prefix: {path}}}}}], {what}}}")
}

/// A header of an answer.
fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[tokio::test(flavor = "multi_thread")]
async fn rewrites_change_path_and_host() {
    let mut bench = two_versions().await;
    let all = [
        rule("/old", &format!("rewrite: {{uri: /new, authority: other.example}}, {V1}")),
        rule(
            "/host",
            &format!(
                "rewrite: {{authority: a.example}}, headers: {{request: {{set: {{Host: b.example}}}}}}, {V1}"
            ),
        ),
        rule(
            "/regex",
            &format!(
                "rewrite: {{uriRegexRewrite: {{match: '^/regex/(.*)/(.*)$', rewrite: '/\\\\2/\\\\1'}}}}, {V1}"
            )
            .replace("\\\\", "\\"),
        ),
        rule("/set", &format!("headers: {{request: {{set: {{Host: c.example}}}}}}, {V1}")),
        rule(
            "/one",
            "route: [{destination: {host: web, subset: v1}, headers: {request: {set: {host: d.example}}}}]",
        ),
        rule(
            "/split",
            "route: [{destination: {host: web, subset: v1}, weight: 1, headers: {request: {set: {host: \
                e.example}}}}, \
             {destination: {host: web, subset: v2}, weight: 1}]",
        ),
    ];
    bench.apply(&rules(&format!("[{}]", all.join(", "))));
    bench.settle().await;
    for (path, line, host) in [
        ("/old/x?y=1", "GET /new/x?y=1", "other.example"),
        ("/host", "GET /host", "a.example"),
        ("/regex/a/b", "GET /b/a", "web:9080"),
        ("/set", "GET /set", "c.example"),
        ("/one", "GET /one", "d.example"),
    ] {
        let answer = bench.web(path, &[]).await;
        let seen: Vec<&str> =
            answer.body.lines().filter(|text| text.starts_with("GET") || text.starts_with("host:")).collect();
        println!("{path} -> {seen:?}");
        assert_eq!(seen, [line, &format!("host: {host}")], "{path}");
    }
    let mut hosts = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let answer = bench.web("/split", &[]).await;
        let host = answer.body.lines().find(|line| line.starts_with("host: ")).unwrap_or_default().to_owned();
        hosts.insert(format!("{} {host}", crate::world::who(&answer)));
    }
    println!("{hosts:?}");
    assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["web-v1 host: e.example", "web-v2 host: web:9080"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_and_answers_of_its_own() {
    let mut bench = two_versions().await;
    let all = [
        rule("/plain", "redirect: {uri: /here}"),
        rule("/host", "redirect: {authority: b.example, redirectCode: 302}"),
        rule("/both", "redirect: {uri: /here, authority: b.example, redirectCode: 303}"),
        rule("/https", "redirect: {scheme: https, redirectCode: 307}"),
        rule("/port", "redirect: {port: 8443, scheme: https, redirectCode: 308}"),
        rule("/own", "redirect: {port: 443, scheme: https, authority: b.example}"),
        rule("/derived", "redirect: {derivePort: FROM_REQUEST_PORT, authority: b.example}"),
        rule("/default", "redirect: {derivePort: FROM_PROTOCOL_DEFAULT, authority: b.example}"),
        rule(
            "/tea",
            "directResponse: {status: 418, body: {string: tea}}, headers: {response: {set: {x-pot: short}}}",
        ),
        rule("/bytes", "directResponse: {status: 200, body: {bytes: aGVsbG8=}}"),
        rule("/bare", "directResponse: {status: 204}"),
    ];
    bench.apply(&rules(&format!("[{}]", all.join(", "))));
    bench.settle().await;
    for (path, status, location) in [
        ("/plain/x", 301, "http://web:9080/here"),
        ("/host/x", 302, "http://b.example/host/x"),
        ("/both", 303, "http://b.example/here"),
        ("/https", 307, "https://web:9080/https"),
        ("/port", 308, "https://web:8443/port"),
        ("/own", 301, "https://b.example/own"),
        ("/derived", 301, "http://b.example:9080/derived"),
        ("/default", 301, "http://b.example/default"),
    ] {
        let answer = bench.web(path, &[]).await;
        println!("{path} -> {} {:?}", answer.status, header(&answer, "location"));
        assert_eq!((answer.status, header(&answer, "location")), (status, Some(location)), "{path}");
    }
    let tea = bench.web("/tea", &[]).await;
    assert_eq!((tea.status, tea.body.as_str(), header(&tea, "x-pot")), (418, "tea", Some("short")));
    let bytes = bench.web("/bytes", &[]).await;
    assert_eq!((bytes.status, bytes.body.as_str()), (200, "hello"));
    assert_eq!(bench.web("/bare", &[]).await.status, 204);
    let unknown = bench.web("/nowhere", &[]).await;
    println!("no rule: {}", unknown.status);
    assert_eq!(unknown.status, 404);
    let log = bench.log_line("client", " NR ").await;
    assert!(log.contains("404 NR route_not_found"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_set_added_and_removed() {
    let mut bench = two_versions().await;
    // What Envoy lets nobody touch is left out, as istiod does, instead of being refused with everything
    // else.
    bench.apply(&rules(
        "[{headers: {request: {set: {x-set: new}, add: {x-add: more}, remove: [x-old, Host, ':path']}, \
            response: {set: {x-set: answer}, add: {x-seen: '1'}, remove: [x-gone]}}, \
           route: [{destination: {host: web, subset: v1}, weight: 50, headers: {request: {add: {x-add: \
           one}}, response: {add: {x-version: one}}}}, \
             {destination: {host: web, subset: v2}, weight: 50, headers: {request: {remove: [x-keep]}, \
             response: {set: {x-version: two}}}}]}]",
    ));
    bench.settle().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..60 {
        let answer = bench
            .web("/", &["x-set: old", "x-add: first", "x-old: yes", "x-keep: yes", "answer-header: x-gone"])
            .await;
        let mut lines: Vec<&str> = answer
            .body
            .lines()
            .filter(|line| {
                line.starts_with("x-")
                    && !line.starts_with("x-envoy")
                    && !line.starts_with("x-forw")
                    && !line.starts_with("x-req")
            })
            .collect();
        lines.sort_unstable();
        let head: Vec<&str> = answer
            .head
            .lines()
            .filter(|line| {
                ["x-set", "x-seen", "x-version", "x-gone"].iter().any(|name| line.starts_with(name))
            })
            .collect();
        seen.insert(format!("{} {lines:?} {head:?}", crate::world::who(&answer)));
    }
    seen.iter().for_each(|line| println!("{line}"));
    let seen: Vec<String> = seen.into_iter().collect();
    assert_eq!(seen.len(), 2);
    for part in [
        "x-set: new",
        "x-add: first",
        "x-add: more",
        "x-add: one",
        "x-keep: yes",
        "x-set: answer",
        "x-seen: 1",
        "x-version: one",
    ] {
        assert!(seen[0].starts_with("web-v1") && seen[0].contains(part), "{part} is missing in {}", seen[0]);
    }
    assert!(!seen[1].contains("x-keep") && seen[1].contains("x-version: two"), "{}", seen[1]);
    assert!(seen.iter().all(|line| !line.contains("x-old") && !line.contains("x-gone")), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_some_sites_may_ask() {
    let mut bench = two_versions().await;
    bench.apply(&rules(&format!(
        "[{{match: [{{uri: {{prefix: /strict}}}}], corsPolicy: {{allowOrigins: [{{exact: \
            'http://a.example'}}], unmatchedPreflights: IGNORE}}, {V1}}}, \
          {{corsPolicy: {{allowOrigins: [{{exact: 'http://a.example'}}, {{regex: \
          'https://.*[.]b[.]example'}}, {{prefix: 'http://c.'}}], allowMethods: [GET, PUT], \
            allowHeaders: [x-one, x-two], exposeHeaders: [x-seen], maxAge: 1h30m, allowCredentials: true}}, \
            {V1}}}]"
    )));
    bench.settle().await;
    let preflight = async |path: &str, origin: &str| {
        let asked =
            get(path, "web:9080", &[&format!("origin: {origin}"), "access-control-request-method: PUT"]);
        bench.call("client", WEB, &asked.replacen("GET", "OPTIONS", 1)).await
    };
    for origin in ["http://a.example", "https://www.b.example", "http://c.example"] {
        let asked = preflight("/", origin).await;
        println!("preflight from {origin}: {}\n{}", asked.status, asked.head);
        let said = ["origin", "methods", "headers", "max-age", "credentials"].map(|name| {
            let name = if name == "max-age" {
                "access-control-max-age".into()
            } else {
                format!("access-control-allow-{name}")
            };
            header(&asked, &name).unwrap_or_default()
        });
        assert_eq!((asked.status, said), (200, [origin, "GET,PUT", "x-one,x-two", "5400", "true"]));
        assert!(asked.body.is_empty(), "the proxy answers, not the service: {}", asked.body);
        let answer = bench.web("/", &[&format!("origin: {origin}")]).await;
        assert_eq!(header(&answer, "access-control-allow-origin"), Some(origin));
        assert_eq!(header(&answer, "access-control-expose-headers"), Some("x-seen"));
    }
    let strange = preflight("/", "http://d.example").await;
    println!("preflight from a strange site: {} {:?}", strange.status, strange.body.lines().nth(1));
    assert!(strange.body.contains("OPTIONS /"), "it goes on to the service: {}", strange.body);
    assert_eq!(header(&strange, "access-control-allow-origin"), None);
    let ignored = preflight("/strict", "http://d.example").await;
    println!("and where it is ignored: {} {:?}", ignored.status, ignored.body);
    assert!(
        ignored.body.is_empty() && header(&ignored, "access-control-allow-origin").is_none(),
        "{}",
        ignored.head
    );
}
