//! Consistent hashing: the same user meets the same endpoint; and which level of a DestinationRule holds.

use crate::bench::{Bench, get};
use crate::two_versions;
use crate::world::{WEB, policy, rules_of, who};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn hashed(bench: &mut Bench, hash: &str) {
    bench.apply(&policy(&format!("{{loadBalancer: {{consistentHash: {{{hash}}}}}}}")));
    bench.settle().await;
}

/// Who serves each of 16 users, asked three times; each must stick, and not all to the same.
async fn sticks(bench: &Bench, what: &str, ask: impl AsyncFn(usize) -> String) {
    let mut versions = BTreeSet::new();
    for user in 0..16 {
        let first = ask(user).await;
        for _ in 0..2 {
            assert_eq!(ask(user).await, first, "{what}: user {user}");
        }
        versions.insert(first);
    }
    println!("{what}: 16 users stick, to {versions:?}");
    assert_eq!(versions.len(), 2, "{what}: different users, different versions");
    let log = bench.logs("client");
    assert!(!log.contains("rejected"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_stick_by_header_parameter_and_address() {
    let mut bench = two_versions().await;
    for table in ["ringHash: {minimumRingSize: 64}", "maglev: {tableSize: 101}", "minimumRingSize: 64"] {
        hashed(&mut bench, &format!("{table}, httpHeaderName: x-user")).await;
        sticks(&bench, &format!("{table}, a header"), async |user| {
            who(&bench.web("/", &[&format!("x-user: user-{user}")]).await).to_owned()
        })
        .await;
        hashed(&mut bench, &format!("{table}, httpQueryParameterName: user")).await;
        sticks(&bench, &format!("{table}, a parameter"), async |user| {
            who(&bench.web(&format!("/?user=u{user}"), &[]).await).to_owned()
        })
        .await;
        hashed(&mut bench, &format!("{table}, useSourceIp: true")).await;
        let from = async |user: usize| {
            let source = format!("10.244.9.{user}");
            who(&bench.call_as(&source, "client", WEB, &get("/", "web:9080", &[])).await.expect("an answer"))
                .to_owned()
        };
        sticks(&bench, &format!("{table}, the address"), from).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_stick_by_address() {
    let mut bench = two_versions().await;
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: wire, namespace: demo}\n\
         spec: {clusterIP: 10.96.0.12, selector: {app: web}, ports: [{name: tcp, port: 7000, targetPort: \
         9080}]}\n",
    );
    bench.apply(&crate::world::policy_of("wire", "{loadBalancer: {consistentHash: {useSourceIp: true}}}"));
    bench.settle().await;
    let from = async |user: usize| {
        let source = format!("10.244.9.{user}");
        let answer = bench
            .call_as(&source, "client", "10.96.0.12:7000", &get("/", "wire", &[]))
            .await
            .expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        who(&answer).to_owned()
    };
    sticks(&bench, "bytes, the address", from).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_is_made_and_kept() {
    let mut bench = two_versions().await;
    hashed(
        &mut bench,
        "httpCookie: {name: user, path: /shop, ttl: 1h, attributes: [{name: SameSite, value: Strict}]}",
    )
    .await;
    let mut versions = BTreeSet::new();
    for user in 0..16 {
        // What is in the cookie is made of the caller's address.
        let source = format!("10.244.9.{user}");
        let first =
            bench.call_as(&source, "client", WEB, &get("/", "web:9080", &[])).await.expect("an answer");
        let made = first
            .head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
            .expect("a cookie")
            .to_owned();
        for part in ["user=", "Max-Age=3600", "Path=/shop", "HttpOnly", "SameSite=Strict"] {
            assert!(made.contains(part), "{part} is missing in {made}");
        }
        let cookie = made.split(';').next().unwrap_or_default();
        let again = bench.web("/", &[&format!("cookie: {cookie}")]).await;
        assert_eq!(who(&again), who(&first));
        assert!(!again.head.contains("set-cookie"), "one that has a cookie gets no other: {}", again.head);
        if versions.insert(who(&first).to_owned()) {
            println!("{made} -> {}", who(&first));
        }
    }
    assert_eq!(versions.len(), 2, "new callers are spread");
    // Without a lifetime none is made.
    hashed(&mut bench, "httpCookie: {name: user}").await;
    let plain = bench.web("/", &[]).await;
    assert!(!plain.head.contains("set-cookie"), "{}", plain.head);
}

fn by(header: &str) -> Value {
    json!({"consistentHash": {"httpHeaderName": header}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_narrowest_level_holds() {
    const LEVELS: [&str; 4] = ["x-whole", "x-port", "x-subset", "x-both"];
    let mut bench = two_versions().await;
    bench.apply(&rules_of("web", "[{route: [{destination: {host: web, subset: all}}]}]"));
    // Which levels say something, and which one holds; nothing holds where a port's settings leave it out.
    let table: [(&[&str], Option<&str>); 6] = [
        (&["x-whole"], Some("x-whole")),
        (&["x-whole", "x-port"], Some("x-port")),
        (&["x-whole", "x-port", "x-subset"], Some("x-subset")),
        (&["x-whole", "x-port", "x-subset", "x-both"], Some("x-both")),
        (&["x-whole", "empty port"], None),
        (&["x-subset", "empty both"], None),
    ];
    for (said, holds) in table {
        let port = |level: &str, empty: &str| match (said.contains(&level), said.contains(&empty)) {
            (true, _) => json!([{"port": {"number": 9080}, "loadBalancer": by(level)}]),
            (_, true) => {
                json!([{"port": {"number": 9080}, "connectionPool": {"tcp": {"maxConnections": 99}}}])
            }
            _ => json!([]),
        };
        let level = |name: &str, ports: Value| {
            let mut level = json!({"portLevelSettings": ports});
            if said.contains(&name) {
                level["loadBalancer"] = by(name);
            }
            level
        };
        let rule = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
                "metadata": {"name": "web", "namespace": "demo"},
            "spec": {
                "host": "web",
                "trafficPolicy": level("x-whole", port("x-port", "empty port")),
                "subsets": [{"name": "all", "labels": {"app": "web"},
                    "trafficPolicy": level("x-subset", port("x-both", "empty both"))}],
            },
        });
        bench.apply(&rule.to_string());
        bench.settle().await;
        let mut sticky = Vec::new();
        for fixed in LEVELS {
            let mut versions = BTreeSet::new();
            for turn in 0..24 {
                // By chance all of 24 are the same once in 8,000,000 times.
                let headers: Vec<String> = LEVELS
                    .iter()
                    .map(|name| {
                        if *name == fixed {
                            format!("{name}: same")
                        } else {
                            format!("{name}: other-{turn}-{fixed}")
                        }
                    })
                    .collect();
                let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
                versions.insert(who(&bench.web("/", &headers).await).to_owned());
            }
            if versions.len() == 1 {
                sticky.push(fixed);
            }
        }
        println!("{said:?}: {sticky:?} decides");
        assert_eq!(sticky, holds.into_iter().collect::<Vec<_>>(), "{said:?}");
    }
}
