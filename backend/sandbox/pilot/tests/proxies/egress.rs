//! Ways out: calls to a server outside leave the mesh through a gateway of their own.

use crate::bench::{Bench, PATIENCE, get};
use crate::outside::{self, mesh_config, seen};
use crate::tls::{self, Ca, secret};
use crate::two_versions;

const GATEWAY_SERVICE: &str = r"
apiVersion: v1
kind: Service
metadata: {name: egress, namespace: demo}
spec: {clusterIP: 10.96.0.60, selector: {istio: egressgateway}, ports: [{name: http, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}]}
";

fn entry(ports: &str, real: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: far, namespace: \
            demo}}\nspec: {{hosts: [far.example], addresses: [10.97.0.5], resolution: STATIC, ports: \
            {ports}, endpoints: [{{address: 127.0.0.1, ports: {{http: {real}}}}}]}}\n"
    )
}

/// Calls go to the gateway's `inside` port, and from there on.
fn through(port: u16, server: &str, subset: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: out, namespace: demo}}\nspec: \
            {{selector: {{istio: egressgateway}}, servers: [{{port: {{number: {port}, name: out, \
            {server}}}]}}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: \
            far, namespace: demo}}\nspec:\n  hosts: [far.example]\n  gateways: [mesh, out]\n  http:\n  - \
            match: [{{gateways: [mesh], port: 80}}]\n    route: [{{destination: {{host: egress, {subset} \
            port: {{number: {port}}}}}}}]\n  - match: [{{gateways: [out], port: {port}}}]\n    route: \
            [{{destination: {{host: far.example, port: {{number: 80}}}}}}]\n"
    )
}

async fn until(bench: &Bench, expect: &str) -> String {
    let mut found = String::new();
    let seen = async {
        while !found.starts_with(expect) {
            found = seen(bench, "client", "10.97.0.5:80", &get("/", "far.example", &[])).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.ok();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_leave_through_the_gateway() {
    let mut bench = two_versions().await;
    let outside = outside::http("outside", [127, 0, 0, 1]).await;
    bench.apply(&mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"));
    bench.apply(GATEWAY_SERVICE);
    bench.apply(&entry("[{number: 80, name: http, protocol: HTTP}]", outside.port));
    bench.pod_with("out", "istio=egressgateway,app=egress", &[8080, 8443], None);
    bench.apply(&through(80, "protocol: HTTP}, hosts: [far.example]", ""));
    bench.settle().await;
    assert_eq!(until(&bench, "200").await, "200 outside");
    let there = bench.log_line("client", "outbound|80||egress.demo.svc.cluster.local").await;
    let on = bench.log_line("out", "outbound|80||far.example").await;
    println!("plain:\n{there}\n{on}");
    assert!(on.contains("\"far.example\""), "{on}");

    // Between sidecar and gateway by mutual TLS of the mesh, under the name that the gateway's server has.
    bench.apply(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: egress, namespace: \
            demo}\nspec: {host: egress, subsets: [{name: far, trafficPolicy: {portLevelSettings: [{port: \
            {number: 443}, tls: {mode: ISTIO_MUTUAL, sni: far.example}}]}}]}\n",
    );
    bench.apply(&through(
        443,
        "protocol: HTTPS}, hosts: [far.example], tls: {mode: ISTIO_MUTUAL}",
        "subset: far,",
    ));
    bench.settle().await;
    let mut body = String::new();
    let mutual = async {
        while !body.contains("URI=spiffe://cluster.local/ns/demo/sa/client") {
            body = bench.call("client", "10.97.0.5:80", &get("/", "far.example", &[])).await.body;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, mutual).await;
    assert!(waited.is_ok(), "the gateway knows who calls: {body}\n{}", bench.logs("out"));
    println!(
        "mutual: {}",
        body.lines().find(|line| line.starts_with("x-forwarded-client-cert")).unwrap_or_default()
    );

    // And from the gateway on by TLS that it begins, with a certificate of its own.
    let (ca, clients) = (Ca::new(), Ca::new());
    let server = tls::serve("vault", &ca.issue("far.example"), Some(&clients)).await;
    let us = clients.issue("egress");
    bench.apply(&secret(
        "far",
        "Opaque",
        &[("cert", &us.certificate), ("key", &us.key), ("cacert", &ca.pem)],
    ));
    bench.apply(&entry("[{number: 80, name: http, protocol: HTTP}]", server.port));
    bench.apply(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: far, namespace: \
            demo}\nspec: {host: far.example, trafficPolicy: {tls: {mode: MUTUAL, credentialName: far, sni: \
            far.example}}}\n",
    );
    bench.settle().await;
    let found = until(&bench, "200 vault").await;
    println!("TLS begun at the gateway: {found}");
    assert_eq!(found, "200 vault for far.example of a client with certificate", "{}", bench.logs("out"));
    // Nobody answers when the way out is closed.
    bench.delete("Gateway", "demo", "out");
    bench.settle().await;
    let closed = until(&bench, "503").await;
    println!("without the gateway: {closed}");
    assert!(closed.starts_with("503"), "{closed}");
}
