//! Which requests a rule takes: everything that a match can ask for.

use crate::bench::get;
use crate::world::{WEB, rules_of, who};
use crate::{rules, two_versions};

fn to(version: &str) -> String {
    format!("route: [{{destination: {{host: web, subset: {version}}}}}]")
}

/// Path and headers of a request.
type Asked<'a> = (&'a str, &'a [&'a str]);

#[tokio::test(flavor = "multi_thread")]
async fn each_part_of_a_match_chooses() {
    let mut bench = two_versions().await;
    // A match, a request that it takes, and one that it does not.
    let table: [(&str, Asked, Asked); 16] = [
        ("headers: {end-user: {exact: jason}}", ("/", &["end-user: jason"]), ("/", &["end-user: jasons"])),
        ("headers: {end-user: {prefix: ja}}", ("/", &["end-user: jason"]), ("/", &["end-user: anna"])),
        ("headers: {end-user: {regex: 'j.*n'}}", ("/", &["end-user: jason"]), ("/", &["end-user: jasons"])),
        ("headers: {end-user: {regex: '*'}}", ("/", &["end-user: anybody"]), ("/", &[])),
        ("headers: {end-user: {}}", ("/", &["end-user: anybody"]), ("/", &[])),
        (
            "withoutHeaders: {end-user: {exact: jason}}",
            ("/", &["end-user: anna"]),
            ("/", &["end-user: jason"]),
        ),
        ("withoutHeaders: {end-user: {exact: jason}}", ("/", &[]), ("/", &["end-user: jason"])),
        ("withoutHeaders: {end-user: {}}", ("/", &[]), ("/", &["end-user: anna"])),
        ("uri: {exact: /shop}", ("/shop", &[]), ("/shop/x", &[])),
        ("uri: {prefix: /shop}", ("/shopping", &[]), ("/sho", &[])),
        ("uri: {regex: '/shop/[0-9]+'}", ("/shop/17", &[]), ("/shop/x", &[])),
        ("uri: {prefix: /shop}, ignoreUriCase: true", ("/SHOP", &[]), ("/sho", &[])),
        ("uri: {prefix: /shop}", ("/shop", &[]), ("/SHOP", &[])),
        ("queryParams: {v: {exact: '2'}}", ("/?v=2", &[]), ("/?v=1", &[])),
        ("queryParams: {v: {regex: '*'}}", ("/?v=", &[]), ("/?w=1", &[])),
        (
            "queryParams: {v: {regex: '[0-9]+'}}, headers: {a: {prefix: b}}",
            ("/?v=42", &["a: bc"]),
            ("/?v=42", &["a: c"]),
        ),
    ];
    for (wanted, (path, headers), (other_path, other_headers)) in table {
        bench.apply(&rules(&format!("[{{match: [{{{wanted}}}], {}}}, {{{}}}]", to("v2"), to("v1"))));
        bench.settle().await;
        let taken = bench.web(path, headers).await;
        let passed = bench.web(other_path, other_headers).await;
        println!(
            "{wanted}: {path} {headers:?} -> {}, {other_path} {other_headers:?} -> {}",
            who(&taken),
            who(&passed)
        );
        assert_eq!((who(&taken), who(&passed)), ("web-v2", "web-v1"), "{wanted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_line_and_the_host_choose() {
    let mut bench = two_versions().await;
    let ask = |method: &str, host: &str| get("/", host, &[]).replacen("GET", method, 1);
    let table = [
        ("method: {exact: POST}", ask("POST", "web:9080"), ask("GET", "web:9080")),
        ("method: {regex: 'PUT|DELETE'}", ask("DELETE", "web:9080"), ask("POST", "web:9080")),
        ("authority: {exact: web.demo}", ask("GET", "web.demo"), ask("GET", "web:9080")),
        ("authority: {prefix: web.demo}", ask("GET", "web.demo.svc"), ask("GET", "web")),
        ("scheme: {exact: http}", ask("GET", "web"), String::new()),
        ("scheme: {exact: https}", String::new(), ask("GET", "web")),
        ("port: 9080", ask("GET", "web"), String::new()),
        ("port: 9081", String::new(), ask("GET", "web")),
    ];
    for (wanted, request, other) in table {
        bench.apply(&rules(&format!("[{{match: [{{{wanted}}}], {}}}, {{{}}}]", to("v2"), to("v1"))));
        bench.settle().await;
        for (request, expect) in
            [(request, "web-v2"), (other, "web-v1")].into_iter().filter(|(request, _)| !request.is_empty())
        {
            let answer = bench.call("client", WEB, &request).await;
            println!("{wanted}: {:?} -> {}", request.lines().take(2).collect::<Vec<_>>(), who(&answer));
            assert_eq!(who(&answer), expect, "{wanted}: {request}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_through_what_chooses() {
    let mut bench = two_versions().await;
    let table = [
        ("sourceLabels: {app: client}", true),
        ("sourceLabels: {app: client, version: v9}", false),
        ("sourceNamespace: demo", true),
        ("sourceNamespace: other", false),
        ("sourceNamespace: other, sourceLabels: {app: client}", false),
        ("gateways: [mesh]", true),
        ("gateways: [demo/door]", false),
    ];
    for (wanted, takes) in table {
        let spec = format!("[{{match: [{{{wanted}}}], {}}}, {{{}}}]", to("v2"), to("v1"));
        let both = rules(&spec)
            .replace("\"hosts\":[\"web\"]", "\"hosts\":[\"web\"],\"gateways\":[\"mesh\",\"door\"]");
        bench.apply(&both);
        bench.settle().await;
        let answer = bench.web("/", &[]).await;
        println!("{wanted} -> {}", who(&answer));
        assert_eq!(who(&answer), if takes { "web-v2" } else { "web-v1" }, "{wanted}");
    }
    // A VirtualService that is bound to a gateway only is none for the mesh.
    let away = rules(&format!("[{{{}}}]", to("v2")))
        .replace("\"hosts\":[\"web\"]", "\"hosts\":[\"web\"],\"gateways\":[\"door\"]");
    bench.apply(&away);
    bench.settle().await;
    let seen = bench.answered(60, &[]).await;
    println!("bound to a gateway: {:?}", crate::world::tally(&seen));
    assert!(seen.contains(&"web-v1".into()) && seen.contains(&"web-v2".into()));
    // Rules that are all for others leave the service as it is without any.
    bench.apply(&rules(&format!("[{{match: [{{sourceLabels: {{app: nobody}}}}], {}}}]", to("v2"))));
    bench.settle().await;
    let seen = bench.answered(60, &[]).await;
    println!("rules for others: {:?}", crate::world::tally(&seen));
    assert!(seen.contains(&"web-v1".into()) && seen.contains(&"web-v2".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_and_matches_are_or_and_the_first_rule_wins() {
    let mut bench = two_versions().await;
    bench.apply(&rules(&format!(
        "[{{match: [{{uri: {{prefix: /a}}, headers: {{b: {{exact: '1'}}}}}}, {{method: {{exact: PUT}}}}], \
            {}}}, \
          {{match: [{{uri: {{prefix: /a}}}}], directResponse: {{status: 418}}}}, {{{}}}]",
        to("v2"),
        to("v1")
    )));
    bench.settle().await;
    let seen = [
        bench.web("/a", &["b: 1"]).await,
        bench.web("/a", &["b: 2"]).await,
        bench.web("/c", &["b: 1"]).await,
        bench.call("client", WEB, &get("/c", "web", &[]).replacen("GET", "PUT", 1)).await,
    ];
    let seen = seen.map(|answer| format!("{} {}", answer.status, who(&answer)));
    println!("{seen:?}");
    assert_eq!(seen, ["200 web-v2", "418 ", "200 web-v1", "200 web-v2"]);
    // In the mesh one VirtualService holds for a host: the most specific, and of equals the oldest.
    let aged = |text: String, name: &str, age: &str| {
        text.replacen("\"name\":\"web\"", &format!("\"name\":\"{name}\",\"creationTimestamp\":\"{age}\""), 1)
    };
    bench.apply(&aged(rules(&format!("[{{{}}}]", to("v1"))), "web", "2026-01-02T00:00:00Z"));
    bench.apply(&aged(rules(&format!("[{{{}}}]", to("v2"))), "older", "2026-01-01T00:00:00Z"));
    bench.apply(&rules_of("*.demo.svc.cluster.local", "[{directResponse: {status: 418}}]"));
    bench.settle().await;
    let answer = bench.web("/", &[]).await;
    println!("the older one holds: {}", who(&answer));
    assert_eq!(who(&answer), "web-v2");
}
