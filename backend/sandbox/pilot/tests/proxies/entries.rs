//! ServiceEntry and WorkloadEntry: servers outside of the cluster get a place in the mesh.

use crate::bench::{Bench, PATIENCE, get};
use crate::outside::{self, address_of, mesh_config, seen};
use crate::two_versions;
use std::collections::BTreeSet;

fn entry(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: \
            demo}}\nspec: {spec}\n"
    )
}

async fn closed_mesh() -> Bench {
    let mut bench = two_versions().await;
    bench.apply(&mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"));
    bench.settle().await;
    bench
}

/// Requests until as many different ones have answered.
async fn answered(bench: &Bench, to: &str, host: &str, wanted: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let all = async {
        while found.len() < wanted {
            found.insert(seen(bench, "client", to, &get("/", host, &[])).await);
        }
    };
    tokio::time::timeout(PATIENCE, all).await.ok();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_resolution_reaches_a_server_outside() {
    let mut bench = closed_mesh().await;
    let one = outside::http("one", [127, 0, 0, 1]).await;
    let two = outside::http("two", [127, 0, 0, 1]).await;
    let bytes = one.port;
    let endpoints = |address: &str| {
        format!(
            "endpoints: [{{address: {address}, ports: {{http: {}, tcp: {bytes}}}}}, {{address: {address}, \
                ports: {{http: {}, tcp: {bytes}}}}}]",
            one.port, two.port
        )
    };
    let single = format!("endpoints: [{{address: localhost, ports: {{http: {}, tcp: {bytes}}}}}]", one.port);
    for (resolution, endpoints, servers) in [
        ("STATIC", endpoints("127.0.0.1"), 2),
        ("DNS", endpoints("localhost"), 2),
        ("DNS_ROUND_ROBIN", single, 1),
    ] {
        bench.apply(&entry(
            "pay",
            &format!(
                "{{hosts: [pay.example], location: MESH_EXTERNAL, resolution: {resolution}, ports: \
                    [{{number: 80, name: http, protocol: HTTP}}, {{number: 7000, name: tcp, protocol: \
                    TCP}}], {endpoints}}}"
            ),
        ));
        bench.settle().await;
        let address = address_of(&bench, "pay.example").await;
        assert!(address.starts_with("240.240."), "as Istio's DNS would answer: {address}");
        let http = answered(&bench, &format!("{address}:80"), "pay.example", servers).await;
        let tcp = seen(&bench, "client", &format!("{address}:7000"), &get("/", "any", &[])).await;
        println!("{resolution} at {address}: HTTP {http:?}, TCP {tcp}");
        let names: BTreeSet<String> =
            ["200 one", "200 two"].iter().take(servers).map(ToString::to_string).collect();
        assert_eq!(http, names, "{resolution}\n{}", bench.logs("client"));
        assert_eq!(tcp, "200 one", "{resolution}");
        let other = seen(&bench, "client", &format!("{address}:80"), &get("/", "other.example", &[])).await;
        assert_eq!(other, "502", "another host at that port is not known");
    }
    let log = bench.log_line("client", "outbound|80||pay.example").await;
    println!("{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_looked_up_when_it_has_no_endpoints() {
    let mut bench = closed_mesh().await;
    let outside = outside::http("outside", [127, 0, 0, 1]).await;
    bench.apply(&entry(
        "lookup",
        &format!(
            "{{hosts: [localhost], resolution: DNS, ports: [{{number: 80, targetPort: {}, name: http, \
                protocol: HTTP}}]}}",
            outside.port
        ),
    ));
    bench.settle().await;
    let address = address_of(&bench, "localhost").await;
    let found = answered(&bench, &format!("{address}:80"), "localhost", 1).await;
    assert_eq!(found, BTreeSet::from(["200 outside".to_owned()]), "{}", bench.logs("client"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_resolution_calls_go_where_they_were_meant_to() {
    let mut bench = closed_mesh().await;
    let http = outside::http("http", [127, 0, 0, 3]).await;
    let tcp = outside::http("tcp", [127, 0, 0, 3]).await;
    let subnet = outside::http("subnet", [127, 0, 0, 4]).await;
    let call = async |bench: &Bench, port: u16, address: &str, host: &str| {
        seen(bench, "client", &format!("{address}:{port}"), &get("/", host, &[])).await
    };
    assert_eq!(call(&bench, http.port, "127.0.0.3", "direct.example").await, "closed", "not yet known");
    bench.apply(&entry(
        "direct",
        &format!(
            "{{hosts: [direct.example, '*.wild.example'], ports: [{{number: {}, name: http, protocol: \
                HTTP}}, {{number: {}, name: tcp, protocol: TCP}}]}}",
            http.port, tcp.port
        ),
    ));
    bench.apply(&entry(
        "subnet",
        &format!(
            "{{hosts: [subnet.example], addresses: [127.0.0.4/32], ports: [{{number: {}, name: tcp, \
                protocol: TCP}}]}}",
            subnet.port
        ),
    ));
    bench.settle().await;
    assert_eq!(call(&bench, http.port, "127.0.0.3", "direct.example").await, "200 http");
    assert_eq!(call(&bench, http.port, "127.0.0.3", "any.wild.example").await, "200 http");
    assert_eq!(
        call(&bench, http.port, "127.0.0.3", "other.example").await,
        "502",
        "HTTP is told apart by host"
    );
    assert_eq!(call(&bench, tcp.port, "127.0.0.3", "any").await, "200 tcp");
    assert_eq!(call(&bench, subnet.port, "127.0.0.4", "any").await, "200 subnet");
    assert_eq!(call(&bench, subnet.port, "127.0.0.3", "any").await, "closed", "TCP is told apart by address");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_outside_joins_the_pods() {
    let mut bench = closed_mesh().await;
    let machine = outside::http("machine", [127, 0, 0, 1]).await;
    bench.pod("legacy", "app=legacy", 8080, false).await;
    bench.apply(&entry(
        "legacy",
        "{hosts: [legacy.example], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: \
            {app: legacy}}, ports: [{number: 80, targetPort: 8080, name: http, protocol: HTTP}]}",
    ));
    let machine_entry = |labels: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: vm, namespace: \
                demo}}\nspec: {{address: 127.0.0.1, ports: {{http: {}}}, labels: {labels}, serviceAccount: \
                vm}}\n",
            machine.port
        )
    };
    bench.apply(&machine_entry("{app: legacy, version: vm}"));
    bench.settle().await;
    let to = format!("{}:80", address_of(&bench, "legacy.example").await);
    let both = answered(&bench, &to, "legacy.example", 2).await;
    assert_eq!(both, ["200 legacy", "200 machine"].map(str::to_owned).into());
    // Its labels make subsets, as a pod's do.
    bench.apply(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: legacy, namespace: \
            demo}\nspec: {host: legacy.example, subsets: [{name: vm, labels: {version: \
            vm}}]}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: legacy, \
            namespace: demo}\nspec: {hosts: [legacy.example], http: [{route: [{destination: {host: \
            legacy.example, subset: vm}}]}]}\n",
    );
    bench.settle().await;
    for _ in 0..10 {
        assert_eq!(seen(&bench, "client", &to, &get("/", "legacy.example", &[])).await, "200 machine");
    }
    bench.delete("VirtualService", "demo", "legacy");
    bench.apply(&machine_entry("{app: another}"));
    bench.settle().await;
    for _ in 0..10 {
        assert_eq!(seen(&bench, "client", &to, &get("/", "legacy.example", &[])).await, "200 legacy");
    }
    // A Kubernetes Service selects it too.
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: vm, namespace: demo}\nspec: {clusterIP: 10.96.0.50, \
            selector: {app: another}, ports: [{name: http, port: 80}]}\n",
    );
    bench.settle().await;
    assert_eq!(seen(&bench, "client", "10.96.0.50:80", &get("/", "vm", &[])).await, "200 machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_hold_for_hosts_outside() {
    let mut bench = closed_mesh().await;
    let outside = outside::http("outside", [127, 0, 0, 1]).await;
    let spec = |more: &str| {
        format!(
            "{{hosts: [pay.example], addresses: [10.97.0.1], resolution: STATIC, ports: [{{number: 80, name: \
                http, protocol: HTTP}}], endpoints: [{{address: 127.0.0.1, ports: {{http: {}}}}}]{more}}}",
            outside.port
        )
    };
    bench.apply(&entry("pay", &spec("")));
    bench.apply(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pay, namespace: \
            demo}\nspec: {hosts: [pay.example], http: [{match: [{uri: {prefix: /slow}}], timeout: 0.3s, \
            route: [{destination: {host: pay.example}}]}, {match: [{uri: {prefix: /down}}], fault: {abort: \
            {percentage: {value: 100}, httpStatus: 503}}, route: [{destination: {host: pay.example}}]}, \
            {route: [{destination: {host: pay.example}}]}]}\n",
    );
    bench.settle().await;
    let call = async |bench: &Bench, path: &str| {
        seen(bench, "client", "10.97.0.1:80", &get(path, "pay.example", &["sleep-ms: 1500"])).await
    };
    assert_eq!(call(&bench, "/").await, "200 outside");
    assert_eq!(call(&bench, "/slow").await, "504 upstream request timeout");
    assert_eq!(call(&bench, "/down").await, "503 fault filter abort");
    bench.apply(&entry("pay", &spec(", exportTo: [other]")));
    bench.settle().await;
    let hidden = seen(&bench, "client", "10.97.0.1:80", &get("/", "pay.example", &[])).await;
    println!("exportTo: [other]: {hidden}");
    assert_eq!(hidden, "closed");
}
