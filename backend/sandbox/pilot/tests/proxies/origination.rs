//! TLS that a proxy begins (DestinationRule), and TLS of the application that is routed by name or by
//! connection.

use crate::bench::{Bench, get};
use crate::outside::{self, mesh_config, seen};
use crate::tls::{self, Ca, Client, secret};
use crate::two_versions;

fn entry(name: &str, port: &str, real: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: \
            demo}}\nspec: {{hosts: [{name}.example], addresses: [10.97.0.9], resolution: STATIC, ports: \
            [{port}], endpoints: [{{address: 127.0.0.1, ports: {{p: {real}}}}}]}}\n"
    )
}

fn rule(selector: &str, tls: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: bank, namespace: \
            demo}}\nspec: {{host: bank.example, {selector} trafficPolicy: {{portLevelSettings: [{{port: \
            {{number: 80}}, tls: {tls}}}]}}}}\n"
    )
}

const FOR_CLIENT: &str = "workloadSelector: {matchLabels: {app: client}},";

async fn bank(bench: &Bench) -> String {
    seen(bench, "client", "10.97.0.9:80", &get("/", "bank.example", &[])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_begins_tls() {
    let mut bench = two_versions().await;
    let (ca, clients) = (Ca::new(), Ca::new());
    let server = tls::serve("bank", &ca.issue("bank.example"), None).await;
    bench.apply(&entry("bank", "{number: 80, name: p, protocol: HTTP}", server.port));
    bench.settle().await;
    let plain = bank(&bench).await;
    println!("without a rule: {plain}");
    assert!(plain.starts_with("502"), "plain text is not understood: {plain}");

    bench.apply(&secret("bank", "Opaque", &[("cacert", &ca.pem)]));
    bench.apply(&secret("stranger", "Opaque", &[("cacert", &clients.pem)]));
    for (what, selector, tls, expect) in [
        ("the machine's authorities do not know it", "", "{mode: SIMPLE}", "503"),
        ("unchecked", "", "{mode: SIMPLE, insecureSkipVerify: true}", "200 bank for bank.example of anybody"),
        (
            "another name asked for",
            "",
            "{mode: SIMPLE, insecureSkipVerify: true, sni: vault.example}",
            "200 bank for vault.example of anybody",
        ),
        (
            "its own authority",
            FOR_CLIENT,
            "{mode: SIMPLE, credentialName: bank}",
            "200 bank for bank.example of anybody",
        ),
        ("another authority", FOR_CLIENT, "{mode: SIMPLE, credentialName: stranger}", "503"),
        (
            "the name it has",
            FOR_CLIENT,
            "{mode: SIMPLE, credentialName: bank, subjectAltNames: [bank.example]}",
            "200 bank for bank.example of anybody",
        ),
        (
            "a name it does not have",
            FOR_CLIENT,
            "{mode: SIMPLE, credentialName: bank, subjectAltNames: [vault.example]}",
            "503",
        ),
        ("a file that no pod has", "", "{mode: SIMPLE, caCertificates: /etc/certs/ca.pem}", "503"),
        ("a credential without a selector", "", "{mode: SIMPLE, credentialName: bank}", "502"),
    ] {
        bench.apply(&rule(selector, tls));
        bench.settle().await;
        // A cluster that waits for a secret is used when that has come, or is given up.
        let mut found = String::new();
        let settled = async {
            loop {
                found = bank(&bench).await;
                if found.starts_with(expect) {
                    return;
                }
            }
        };
        let waited = tokio::time::timeout(crate::bench::PATIENCE, settled).await;
        println!("{what}: {tls}: {found}");
        assert!(waited.is_ok(), "{what}: {found}");
    }
    let said = bench.debug("/debug/untranslatedz").await.to_string();
    assert!(said.contains("tls.credentialName counts at gateways only"), "{said}");
    let log = bench.log_line("client", "CERTIFICATE_VERIFY_FAILED").await;
    println!("{log}");
    assert!(log.contains(" 503 URX,UF "), "{log}");

    // A server that asks who comes.
    let server = tls::serve("vault", &ca.issue("bank.example"), Some(&clients)).await;
    let us = clients.issue("client");
    bench.apply(&secret("us", "Opaque", &[("cert", &us.certificate), ("key", &us.key), ("cacert", &ca.pem)]));
    bench.apply(&entry("bank", "{number: 80, name: p, protocol: HTTP}", server.port));
    for (tls, expect) in [
        ("{mode: SIMPLE, credentialName: us}", "503"),
        ("{mode: MUTUAL, credentialName: us}", "200 vault for bank.example of a client with certificate"),
    ] {
        bench.apply(&rule(FOR_CLIENT, tls));
        bench.settle().await;
        let mut found = String::new();
        let settled = async {
            while !found.starts_with(expect) {
                found = bank(&bench).await;
            }
        };
        let waited = tokio::time::timeout(crate::bench::PATIENCE, settled).await;
        println!("{tls}: {found}");
        assert!(waited.is_ok(), "{tls}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_applications_own_tls_is_routed_by_name() {
    let mut bench = two_versions().await;
    let ca = Ca::new();
    let pair = ca.issue("one.example,two.example");
    let (one, two) = (tls::serve("one", &pair, None).await, tls::serve("two", &pair, None).await);
    bench.apply(&mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"));
    for (name, server) in [("one", &one), ("two", &two)] {
        // Without addresses: only the name tells them apart.
        let text = entry(name, "{number: 443, name: p, protocol: TLS}", server.port);
        bench.apply(&text.replace(", addresses: [10.97.0.9]", "").replace(
            "metadata: {",
            "metadata: {labels: {networking.istio.io/enable-autoallocate-ip: 'false'}, ",
        ));
    }
    bench.settle().await;
    let pod = &bench.pods["client"];
    let port = pod.ports["15001"];
    let before = format!("PROXY TCP4 {} 192.0.2.7 40000 443\r\n", pod.ip);
    let client = Client { before, ..Client::new(&ca) };
    let ask = async |name: &str| {
        client
            .ask(port, name, &get("/", name, &[]))
            .await
            .map_or_else(|_| "closed".to_owned(), |seen| seen.body)
    };
    assert_eq!(ask("one.example").await, "one for one.example of anybody");
    assert_eq!(ask("two.example").await, "two for two.example of anybody");
    assert_eq!(ask("three.example").await, "closed");
    // Rules by name go before; one for other callers does not count.
    let swap = |labels: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: swap, namespace: \
                demo}}\nspec: {{hosts: [one.example], tls: [{{match: [{{port: 443, sniHosts: [one.example], \
                sourceLabels: {labels}}}], route: [{{destination: {{host: two.example}}}}]}}]}}\n"
        )
    };
    bench.apply(&swap("{app: client}"));
    bench.settle().await;
    assert_eq!(ask("one.example").await, "two for one.example of anybody");
    bench.apply(&swap("{app: other}"));
    bench.settle().await;
    assert_eq!(ask("one.example").await, "one for one.example of anybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_routed_by_subnet_caller_and_share() {
    let mut bench = two_versions().await;
    let (one, two) = (outside::http("one", [127, 0, 0, 1]).await, outside::http("two", [127, 0, 0, 1]).await);
    bench.apply(
        &entry("one", "{number: 7000, name: p, protocol: TCP}", one.port)
            .replace("10.97.0.9", "10.97.0.0/24"),
    );
    bench.apply(
        &entry("two", "{number: 7000, name: p, protocol: TCP}", two.port).replace("10.97.0.9", "10.98.0.1"),
    );
    bench.settle().await;
    let call = async |bench: &Bench, address: &str| {
        seen(bench, "client", &format!("{address}:7000"), &get("/", "x", &[])).await
    };
    assert_eq!(call(&bench, "10.97.0.77").await, "200 one");
    let tcp = |rules: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: one, namespace: \
                demo}}\nspec: {{hosts: [one.example], tcp: {rules}}}\n"
        )
    };
    let two_host = "route: [{destination: {host: two.example}}]";
    bench.apply(&tcp(&format!("[{{match: [{{destinationSubnets: [10.97.0.128/25]}}], {two_host}}}]")));
    bench.settle().await;
    assert_eq!(call(&bench, "10.97.0.200").await, "200 two", "the subnet");
    assert_eq!(call(&bench, "10.97.0.77").await, "200 one", "beside it");
    bench.apply(&tcp(&format!("[{{match: [{{sourceLabels: {{app: other}}}}], {two_host}}}]")));
    bench.settle().await;
    assert_eq!(call(&bench, "10.97.0.200").await, "200 one", "for other callers only");
    bench.apply(&tcp(
        "[{route: [{destination: {host: one.example}, weight: 30}, {destination: {host: two.example}, \
            weight: 70}]}]",
    ));
    bench.settle().await;
    let mut twos = 0;
    for _ in 0..200 {
        twos += u32::from(call(&bench, "10.97.0.77").await == "200 two");
    }
    println!("{twos} of 200 to the share of 70 %");
    // Five standard deviations.
    assert!((108..=172).contains(&twos), "{twos}");
}
