//! Each condition of an AuthorizationPolicy, seen by requests that meet it and by others that do not.

use crate::bench::{Bench, get};
use std::fmt::Write;

/// `web` answers at 9080 and 9081 (HTTP) and 9070 (bytes); each request has a connection of its own, so that
/// what was told last holds for the next.
const WORLD: &str = r"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {clusterIP: 10.96.0.10, selector: {app: web}, ports: [{name: http, port: 9080}, {name: http-admin, port: 9081}, {name: tcp-wire, port: 9070}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: demo}
spec: {host: web, trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}}
";

/// Two callers, `client` and `guest` of another namespace, and `web`.
pub(crate) async fn mesh() -> Bench {
    let mut bench = Bench::start().await;
    bench.apply(WORLD);
    bench.pod("client", "app=client", 8080, false).await;
    bench.pod("guest.other", "app=guest", 8080, false).await;
    bench.pod_with("web", "app=web", &[9080, 9081, 9070], Some(crate::echo::router("web")));
    bench.settle().await;
    bench
}

pub(crate) fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: \
            demo}}\nspec: {spec}\n---\n"
    )
}

/// `client GET /path port=9081 name: value`: what is not said is `GET /` at 9080.
pub(crate) async fn status(bench: &Bench, words: &str) -> Option<u16> {
    let mut words = words.split_whitespace().peekable();
    let from = words.next().expect("who calls");
    let (mut method, mut path, mut port, mut host, mut headers) = ("GET", "/", "9080", None, Vec::new());
    while let Some(word) = words.next() {
        match word {
            "GET" | "POST" | "DELETE" => method = word,
            path_word if path_word.starts_with('/') => path = path_word,
            other => {
                match (other.strip_prefix("port="), other.strip_prefix("host="), other.strip_suffix(':')) {
                    (Some(number), ..) => port = number,
                    (_, Some(name), _) => host = Some(name.to_owned()),
                    (.., Some(name)) => headers.push(format!("{name}: {}", words.next().expect("a value"))),
                    _ => panic!("{other}?"),
                }
            }
        }
    }
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let host = host.unwrap_or_else(|| format!("web.demo:{port}"));
    let request = get(path, &host, &headers).replacen("GET", method, 1);
    let answer = match from {
        "plain" => bench.plain("web", port.parse().expect("a port"), &request).await,
        from => bench.try_call(from, &format!("10.96.0.10:{port}"), &request).await,
    };
    answer.ok().map(|answer| answer.status)
}

/// A rule, who meets it, and who does not.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

async fn check(bench: &mut Bench, rows: &[Row]) {
    let mut seen = String::new();
    for (rule, meets, not) in rows {
        bench.apply(&policy("rule", &format!("{{rules: [{{{rule}}}]}}")));
        bench.settle().await;
        writeln!(seen, "{rule}").expect("text");
        for (callers, expect) in [(meets, Some(200)), (not, Some(403))] {
            for caller in *callers {
                let found = status(bench, caller).await;
                writeln!(seen, "    {caller} → {found:?}").expect("text");
                assert_eq!(found, expect, "{caller}\n{seen}");
            }
        }
    }
    println!("{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls() {
    let mut bench = mesh().await;
    let rows: &[Row] = &[
        (
            "from: [{source: {principals: [cluster.local/ns/demo/sa/client]}}]",
            &["client"],
            &["guest.other", "plain"],
        ),
        ("from: [{source: {principals: ['*/sa/guest']}}]", &["guest.other"], &["client", "plain"]),
        ("from: [], to: []", &["client", "guest.other", "plain"], &[]),
        (
            "from: [{source: {principals: ['cluster.local/ns/other/*']}}]",
            &["guest.other"],
            &["client", "plain"],
        ),
        ("from: [{source: {principals: ['*']}}]", &["client", "guest.other"], &["plain"]),
        ("from: [{source: {notPrincipals: ['*']}}]", &["plain"], &["client", "guest.other"]),
        ("from: [{source: {namespaces: [other]}}]", &["guest.other"], &["client", "plain"]),
        ("from: [{source: {namespaces: ['de*']}}]", &["client"], &["guest.other", "plain"]),
        (
            "from: [{source: {principals: ['*'], notNamespaces: [other]}}]",
            &["client"],
            &["guest.other", "plain"],
        ),
        ("from: [{source: {serviceAccounts: [client]}}]", &["client"], &["guest.other", "plain"]),
        ("from: [{source: {serviceAccounts: [other/guest]}}]", &["guest.other"], &["client", "plain"]),
        (
            "from: [{source: {principals: ['*'], notServiceAccounts: [client]}}]",
            &["guest.other"],
            &["client", "plain"],
        ),
        ("from: [{source: {trustDomains: [cluster.local]}}]", &["client", "guest.other"], &["plain"]),
        ("from: [{source: {trustDomains: ['*.example']}}]", &[], &["client", "plain"]),
        ("from: [{source: {notTrustDomains: [cluster.local]}}]", &["plain"], &["client", "guest.other"]),
        (
            "from: [{source: {namespaces: [other]}}, {source: {serviceAccounts: [client]}}]",
            &["client", "guest.other"],
            &["plain"],
        ),
        ("when: [{key: source.namespace, values: [demo]}]", &["client"], &["guest.other", "plain"]),
        (
            "when: [{key: source.principal, notValues: ['*/sa/client']}]",
            &["guest.other", "plain"],
            &["client"],
        ),
        (
            "when: [{key: source.serviceAccount, values: [other/guest]}]",
            &["guest.other"],
            &["client", "plain"],
        ),
        ("when: [{key: source.trustDomain, values: [cluster.local]}]", &["client"], &["plain"]),
    ];
    check(&mut bench, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called() {
    let mut bench = mesh().await;
    let rows: &[Row] = &[
        ("to: [{operation: {methods: [GET, DELETE]}}]", &["client", "client DELETE"], &["client POST"]),
        ("to: [{operation: {notMethods: [POST]}}]", &["client"], &["client POST"]),
        (
            "to: [{operation: {paths: [/exact]}}]",
            &["client /exact", "client /exact?x=1"],
            &["client /exact/more", "client /"],
        ),
        ("to: [{operation: {paths: ['/pre*']}}]", &["client /prefix/x"], &["client /other"]),
        ("to: [{operation: {paths: ['*.html']}}]", &["client /a/b.html"], &["client /a/b.htm"]),
        ("to: [{operation: {paths: ['/a/{*}/c']}}]", &["client /a/b/c"], &["client /a/b/b/c", "client /a/c"]),
        ("to: [{operation: {paths: ['/a/{**}']}}]", &["client /a/b/c"], &["client /b/a"]),
        (
            "to: [{operation: {notPaths: ['/secret*']}}]",
            &["client /open"],
            &["client /secret/x", "client /x/../secret"],
        ),
        (
            "to: [{operation: {hosts: [shop.example]}}]",
            &["plain host=shop.example", "plain host=SHOP.example"],
            &["client", "plain"],
        ),
        ("to: [{operation: {notHosts: ['*.example']}}]", &["client"], &["plain host=shop.example"]),
        ("to: [{operation: {ports: ['9080']}}]", &["client"], &["client port=9081"]),
        ("to: [{operation: {notPorts: ['9080']}}]", &["client port=9081"], &["client"]),
        (
            "to: [{operation: {methods: [POST], paths: [/a]}}, {operation: {methods: [GET]}}]",
            &["client POST /a", "client /b"],
            &["client POST /b"],
        ),
        (
            "when: [{key: 'request.headers[x-kind]', values: [one, 'two*']}]",
            &["client x-kind: one", "client x-kind: twofold"],
            &["client", "client x-kind: three"],
        ),
        ("when: [{key: 'request.headers[x-kind]', values: ['*']}]", &["client x-kind: any"], &["client"]),
        (
            "when: [{key: 'request.headers[x-kind]', notValues: [one]}]",
            &["client", "client x-kind: two"],
            &["client x-kind: one"],
        ),
        ("when: [{key: destination.port, values: ['9081']}]", &["client port=9081"], &["client"]),
        (
            "when: [{key: connection.sni, values: ['outbound_.9080_*']}]",
            &["client"],
            &["client port=9081", "plain"],
        ),
        (
            "when: [{key: destination.port, values: ['9080']}, {key: 'request.headers[x-kind]', values: \
                [one]}]",
            &["client x-kind: one"],
            &["client", "client port=9081 x-kind: one"],
        ),
    ];
    check(&mut bench, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux has a loopback address for each pod")]
async fn from_which_address() {
    let mut bench = mesh().await;
    let rows: &[Row] = &[
        ("from: [{source: {ipBlocks: [10.244.0.5]}}]", &["client"], &["guest.other", "plain"]),
        ("from: [{source: {ipBlocks: [10.244.0.6/32]}}]", &["guest.other"], &["client", "plain"]),
        ("from: [{source: {ipBlocks: [10.0.0.0/8]}}]", &["client", "guest.other"], &["plain"]),
        ("from: [{source: {ipBlocks: [127.0.0.1]}}]", &["plain"], &["client", "guest.other"]),
        ("from: [{source: {notIpBlocks: [10.244.0.5]}}]", &["guest.other", "plain"], &["client"]),
        (
            "from: [{source: {remoteIpBlocks: [10.244.0.5]}}]",
            &["client"],
            &["guest.other", "client x-forwarded-for: 203.0.113.9"],
        ),
        (
            "from: [{source: {remoteIpBlocks: [203.0.113.0/24]}}]",
            &["client x-forwarded-for: 203.0.113.9"],
            &["client"],
        ),
        (
            "from: [{source: {notRemoteIpBlocks: [203.0.113.0/24]}}]",
            &["client"],
            &["client x-forwarded-for: 203.0.113.9"],
        ),
        ("when: [{key: source.ip, values: [10.244.0.6]}]", &["guest.other"], &["client", "plain"]),
        ("when: [{key: source.ip, notValues: [10.244.0.0/16]}]", &["plain"], &["client", "guest.other"]),
        (
            "when: [{key: remote.ip, values: [203.0.113.9, 10.244.0.6]}]",
            &["client x-forwarded-for: 203.0.113.9", "guest.other"],
            &["client"],
        ),
        ("when: [{key: destination.ip, values: [10.244.0.7]}]", &["client", "plain"], &[]),
        ("when: [{key: destination.ip, values: [10.244.0.8]}]", &[], &["client", "plain"]),
    ];
    check(&mut bench, rows).await;
    // A machine of this computer belongs to the service too, then one elsewhere, which no loopback address
    // reaches.
    bench.apply(&policy("rule", "{rules: [{from: [{source: {ipBlocks: [10.244.0.5]}}]}]}"));
    for (address, said) in [("127.0.0.1", false), ("192.0.2.1", true)] {
        bench.apply(&format!(
            "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: vm, \
            namespace: demo}}\nspec: {{address: {address}, ports: {{http: {}}}, labels: {{app: web}}, \
            weight: 1}}\n",
            bench.pods["web"].ports["9080"]
        ));
        bench.settle().await;
        if !said {
            assert_eq!(
                [status(&bench, "client").await, status(&bench, "guest.other").await],
                [Some(200), Some(403)],
                "{address}"
            );
        }
        let words = bench.debug("/debug/untranslatedz").await.to_string();
        assert_eq!(
            words.contains("callers of web.demo.svc.cluster.local come from 127.0.0.1"),
            said,
            "{words}"
        );
    }
    bench.delete("WorkloadEntry", "demo", "vm");
    bench.apply(&policy("rule", "{rules: [{from: [{source: {ipBlocks: [10.244.0.6]}}]}]}"));
    bench.settle().await;
    let bytes = (status(&bench, "client port=9070").await, status(&bench, "guest.other port=9070").await);
    assert_eq!(bytes, (None, Some(200)), "connections too");
}

/// On a port of bytes a refusal is a connection that ends.
#[tokio::test(flavor = "multi_thread")]
async fn connections_to_a_port_of_bytes() {
    let mut bench = mesh().await;
    let (client, guest) = ("client port=9070", "guest.other port=9070");
    let rows = [
        ("{rules: [{from: [{source: {serviceAccounts: [client]}}]}]}", Some(200), None),
        ("{action: DENY, rules: [{from: [{source: {namespaces: [other]}}]}]}", Some(200), None),
        ("{rules: [{to: [{operation: {ports: ['9070']}}]}]}", Some(200), Some(200)),
        ("{rules: [{to: [{operation: {ports: ['9080']}}]}]}", None, None),
        // What only requests have: an ALLOW rule allows nothing, a DENY rule denies by the rest of it.
        ("{rules: [{to: [{operation: {methods: [GET]}}]}]}", None, None),
        (
            "{action: DENY, rules: [{from: [{source: {serviceAccounts: [client]}}], to: [{operation: \
                {methods: [POST]}}]}]}",
            None,
            Some(200),
        ),
        ("{action: DENY, rules: [{to: [{operation: {paths: [/nowhere]}}]}]}", None, None),
    ];
    for (spec, of_client, of_guest) in rows {
        bench.apply(&policy("rule", spec));
        bench.settle().await;
        let seen = (status(&bench, client).await, status(&bench, guest).await);
        println!("{spec}\n    client {:?}, guest {:?}", seen.0, seen.1);
        assert_eq!(seen, (of_client, of_guest), "{spec}");
    }
}
