//! Ways in: several servers and hosts, TLS that ends at the gateway or is passed on, TCP.

use crate::bench::{Bench, PATIENCE, get};
use crate::outside;
use crate::tls::{self, Ca, Client, der, secret, tls_secret};
use crate::two_versions;

const OLD: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// A gateway with ports for HTTP, HTTPS and TCP, beside `web`.
async fn bench() -> Bench {
    let mut bench = two_versions().await;
    bench.pod_with("gate", "istio=ingressgateway", &[8080, 8443, 31400], None);
    bench
}

fn gateway(name: &str, servers: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}, namespace: \
            demo}}\nspec: {{selector: {{istio: ingressgateway}}, servers: {servers}}}\n"
    )
}

fn https(tls: &str) -> String {
    format!("{{port: {{number: 8443, name: https, protocol: HTTPS}}, hosts: [shop.example], tls: {tls}}}")
}

/// A VirtualService at a Gateway.
fn route(name: &str, gateway: &str, hosts: &str, rules: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}, namespace: \
            demo}}\nspec: {{hosts: {hosts}, gateways: [{gateway}], {rules}}}\n"
    )
}

fn to_web(name: &str, gateway: &str, hosts: &str, subset: &str) -> String {
    route(
        name,
        gateway,
        hosts,
        &format!(
            "http: [{{route: [{{destination: {{host: web, subset: {subset}, port: {{number: 9080}}}}}}]}}]"
        ),
    )
}

fn port(bench: &Bench, inside: u16) -> u16 {
    bench.pods["gate"].ports[&inside.to_string()]
}

/// Waits until a client sees what is expected: connections may be drained, listeners warmed.
async fn until(
    client: &Client<'_>,
    port: u16,
    name: &str,
    request: &str,
    expect: impl Fn(&std::io::Result<tls::Secured>) -> bool,
) {
    let seen = async {
        loop {
            let seen = client.ask(port, name, request).await;
            if expect(&seen) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, seen).await;
    assert!(waited.is_ok(), "{name}: {:?}", client.ask(port, name, request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_lead_to_their_own_rules() {
    let mut bench = bench().await;
    bench.apply(&gateway(
        "door",
        "[{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['demo/shop.example', \
            'other/far.example', '*.wild.example']}]",
    ));
    // The Service's port and the pod's are one.
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: gate, namespace: demo}\nspec: {clusterIP: \
        10.96.0.70, selector: {istio: ingressgateway}, ports: [{name: http, port: 80, targetPort: 8080}]}\n",
    );
    bench.apply(&gateway(
        "second",
        "[{port: {number: 80, name: http, protocol: HTTP}, hosts: [second.example]}]",
    ));
    bench.apply(&to_web("one", "door", "[shop.example, far.example]", "v1"));
    bench.apply(&to_web("two", "demo/second", "[second.example, shop.example]", "v2"));
    bench.apply(&to_web("wild", "door", "[a.wild.example]", "v2"));
    bench.settle().await;
    let mut found = Vec::new();
    for host in [
        "shop.example",
        "shop.example:8080",
        "second.example",
        "a.wild.example",
        "far.example",
        "b.wild.example",
        "nobody",
    ] {
        let answer = bench.plain("gate", 8080, &get("/", host, &[])).await.expect("an answer");
        found.push(
            format!("{host} {} {}", answer.status, answer.body.lines().next().unwrap_or_default())
                .trim_end()
                .to_owned(),
        );
    }
    println!("{found:#?}");
    assert_eq!(
        found,
        [
            "shop.example 200 web-v1",
            "shop.example:8080 200 web-v1",
            "second.example 200 web-v2",
            "a.wild.example 200 web-v2",
            "far.example 404",
            "b.wild.example 404",
            "nobody 404",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_ends_at_the_gateway() {
    let mut bench = bench().await;
    bench.apply(&gateway(
        "door",
        &format!(
            "[{}, {{port: {{number: 8080, name: http, protocol: HTTP}}, hosts: [shop.example], tls: \
                {{httpsRedirect: true}}}}]",
            https("{mode: SIMPLE, credentialName: shop}")
        ),
    ));
    bench.apply(&to_web("shop", "door", "[shop.example]", "v1"));
    bench.settle().await;
    // Without its Secret the whole gateway starts late: Envoy waits for it a while.
    let moved = async {
        loop {
            if let Ok(moved) = bench.plain("gate", 8080, &get("/page", "shop.example", &[])).await {
                return moved;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let moved = tokio::time::timeout(PATIENCE, moved).await.expect("an answer");
    println!("{}", moved.head);
    assert_eq!(moved.status, 301);
    assert!(moved.head.contains("location: https://shop.example/page"), "{}", moved.head);

    let ca = Ca::new();
    let (first, second) = (ca.issue("shop.example"), ca.issue("shop.example"));
    let client = Client::new(&ca);
    let request = get("/page", "shop.example", &[]);
    let https = port(&bench, 8443);
    let without = client.ask(https, "shop.example", &request).await;
    println!("without the Secret: {}", without.as_ref().unwrap_err());
    let said = bench.debug("/debug/untranslatedz").await.to_string();
    assert!(said.contains("there is no Secret demo/shop with a certificate and a key"), "{said}");

    bench.apply(&tls_secret("shop", &first));
    bench.settle().await;
    until(&client, https, "shop.example", &request, |seen| {
        seen.as_ref().is_ok_and(|seen| seen.status == 200)
    })
    .await;
    let seen = client.ask(https, "shop.example", &request).await.expect("an answer");
    println!("with it: {} {} {}", seen.status, seen.version, seen.body.lines().next().unwrap_or_default());
    assert!(seen.body.starts_with("web-v1") && seen.certificate == der(&first.certificate), "{}", seen.body);
    let unknown =
        client.ask(https, "shop.example", &get("/", "other.example", &[])).await.expect("an answer");
    assert_eq!(unknown.status, 404, "a host that the server does not have");
    let name = client.ask(https, "other.example", &request).await;
    println!("a name that no server has: {}", name.unwrap_err());

    // Rotated, now as a generic Secret.
    bench.apply(&secret("shop", "Opaque", &[("cert", &second.certificate), ("key", &second.key)]));
    bench.settle().await;
    let new = der(&second.certificate);
    until(&client, https, "shop.example", &request, |seen| {
        seen.as_ref().is_ok_and(|seen| seen.certificate == new)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_prove_who_they_are() {
    let mut bench = bench().await;
    let (ca, clients) = (Ca::new(), Ca::new());
    let pair = ca.issue("shop.example");
    let (known, stranger) = (clients.issue("anna"), ca.issue("anna"));
    let request = get("/", "shop.example", &[]);
    let anybody = Client::new(&ca);
    let (known, stranger) = (Client::showing(&ca, &known), Client::showing(&ca, &stranger));
    bench.apply(&to_web("shop", "door", "[shop.example]", "v1"));
    let https_port = port(&bench, 8443);
    let seen = async || {
        let mut found = Vec::new();
        for client in [&anybody, &stranger, &known] {
            found.push(
                client
                    .ask(https_port, "shop.example", &request)
                    .await
                    .map_or("refused".to_owned(), |seen| seen.status.to_string()),
            );
        }
        found
    };
    // The authority beside the certificate, then in a Secret of its own.
    bench.apply(&secret(
        "shop",
        "Opaque",
        &[("cert", &pair.certificate), ("key", &pair.key), ("cacert", &clients.pem)],
    ));
    bench.apply(&gateway("door", &format!("[{}]", https("{mode: MUTUAL, credentialName: shop}"))));
    bench.settle().await;
    until(&known, https_port, "shop.example", &request, |seen| seen.is_ok()).await;
    assert_eq!(seen().await, ["refused", "refused", "200"], "MUTUAL");
    let told = known.ask(https_port, "shop.example", &request).await.expect("an answer");
    assert!(told.body.contains("x-forwarded-client-cert: Hash="), "the application is told: {}", told.body);

    bench.apply(&tls_secret("shop", &pair));
    bench.apply(&secret("shop-cacert", "Opaque", &[("cacert", &clients.pem)]));
    bench.apply(&gateway("door", &format!("[{}]", https("{mode: OPTIONAL_MUTUAL, credentialName: shop}"))));
    bench.settle().await;
    until(&anybody, https_port, "shop.example", &request, |seen| seen.is_ok()).await;
    assert_eq!(seen().await, ["200", "refused", "200"], "OPTIONAL_MUTUAL");

    bench.apply(&gateway(
        "door",
        &format!("[{}]", https("{mode: MUTUAL, credentialName: shop, subjectAltNames: [berta]}")),
    ));
    bench.settle().await;
    until(&known, https_port, "shop.example", &request, |seen| seen.is_err()).await;
    assert_eq!(seen().await, ["refused", "refused", "refused"], "another name is wanted");

    bench.apply(&gateway("door", &format!("[{}]", https("{mode: ISTIO_MUTUAL}"))));
    bench.settle().await;
    assert_eq!(seen().await, ["refused", "refused", "refused"], "ISTIO_MUTUAL is for the mesh only");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_tls_are_bounded() {
    let mut bench = bench().await;
    let ca = Ca::new();
    bench.apply(&tls_secret("shop", &ca.issue("shop.example")));
    bench.apply(&to_web("shop", "door", "[shop.example]", "v1"));
    let request = get("/", "shop.example", &[]);
    let https_port = port(&bench, 8443);
    let any = Client::new(&ca);
    let old = Client { versions: OLD, ..Client::new(&ca) };
    for (bounds, expect) in [
        ("minProtocolVersion: TLSV1_3", ["TLSv1_3", "refused"]),
        ("maxProtocolVersion: TLSV1_2", ["TLSv1_2", "TLSv1_2"]),
        ("minProtocolVersion: TLS_AUTO", ["TLSv1_3", "TLSv1_2"]),
    ] {
        bench.apply(&gateway(
            "door",
            &format!("[{}]", https(&format!("{{mode: SIMPLE, credentialName: shop, {bounds}}}"))),
        ));
        bench.settle().await;
        until(&any, https_port, "shop.example", &request, |seen| {
            seen.as_ref().is_ok_and(|seen| seen.version == expect[0])
        })
        .await;
        let old = old
            .ask(https_port, "shop.example", &request)
            .await
            .map_or("refused".to_owned(), |seen| seen.version);
        println!("{bounds}: any {}, 1.2 only: {old}", expect[0]);
        assert_eq!(old, expect[1], "{bounds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_pass_by_name_and_by_port() {
    let mut bench = bench().await;
    let ca = Ca::new();
    let one = tls::serve("one", &ca.issue("one.example"), None).await;
    let two = tls::serve("two", &ca.issue("two.example"), None).await;
    let plain = outside::http("plain", [127, 0, 0, 1]).await;
    bench.apply(&tls_secret("three", &ca.issue("three.example")));
    for (name, port) in [("one", one.port), ("two", two.port), ("plain", plain.port)] {
        bench.apply(&format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: \
                demo}}\nspec: {{hosts: [{name}.example], resolution: STATIC, ports: [{{number: 443, name: \
                tls, protocol: TLS}}], endpoints: [{{address: 127.0.0.1, ports: {{tls: {port}}}}}]}}\n"
        ));
    }
    bench.apply(&gateway(
        "door",
        "[{port: {number: 8443, name: tls, protocol: TLS}, hosts: [one.example, two.example], tls: {mode: \
            PASSTHROUGH}}, \
          {port: {number: 8443, name: ends, protocol: TLS}, hosts: [three.example], tls: {mode: SIMPLE, \
          credentialName: three}}, \
          {port: {number: 31400, name: tcp, protocol: TCP}, hosts: ['*']}]",
    ));
    let destination =
        |name: &str| format!("route: [{{destination: {{host: {name}.example, port: {{number: 443}}}}}}]");
    bench.apply(&route(
        "names",
        "door",
        "[one.example, two.example]",
        &format!(
            "tls: [{{match: [{{port: 8443, sniHosts: [one.example]}}], {}}}, {{match: [{{sniHosts: \
                [two.example]}}], {}}}]",
            destination("one"),
            destination("two")
        ),
    ));
    bench.apply(&route(
        "ends",
        "door",
        "[three.example]",
        &format!("tcp: [{{match: [{{port: 8443}}], {}}}]", destination("plain")),
    ));
    bench.apply(&route(
        "bytes",
        "door",
        "['*']",
        &format!("tcp: [{{match: [{{port: 31400}}], {}}}]", destination("plain")),
    ));
    bench.settle().await;
    let client = Client::new(&ca);
    let tls_port = port(&bench, 8443);
    until(&client, tls_port, "three.example", &get("/", "x", &[]), |seen| seen.is_ok()).await;
    for (name, expect) in [
        ("one.example", "one for one.example of anybody"),
        ("two.example", "two for two.example of anybody"),
        ("three.example", "plain"),
    ] {
        let seen = client.ask(tls_port, name, &get("/", "x", &[])).await.expect("an answer");
        println!("{name}: {}", seen.body.lines().next().unwrap_or_default());
        assert!(seen.body.starts_with(expect), "{name}: {}", seen.body);
    }
    assert!(client.ask(tls_port, "nobody.example", &get("/", "x", &[])).await.is_err());
    let bytes = bench.plain("gate", 31400, &get("/", "any", &[])).await.expect("an answer");
    assert!(bytes.body.starts_with("plain"), "{}", bytes.body);
    // A port that the pod does not have is said.
    bench.apply(&gateway("more", "[{port: {number: 9999, name: http, protocol: HTTP}, hosts: ['*']}]"));
    bench.settle().await;
    let said = bench.debug("/debug/untranslatedz").await.to_string();
    assert!(said.contains("port 9999 is not opened: pod gate.demo"), "{said}");
}
