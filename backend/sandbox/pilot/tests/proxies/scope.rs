//! What a workload may call: REGISTRY_ONLY, Sidecar, exportTo.

use crate::bench::{Bench, get};
use crate::outside::{self, mesh_config, seen};
use crate::two_versions;

const REGISTRY_ONLY: &str = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}";

fn sidecar(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: {name}, namespace: \
            {namespace}}}\nspec: {spec}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_hosts_and_ports_are_blocked_under_registry_only() {
    let mut bench = two_versions().await;
    // At the mesh's port of HTTP and at one that no service has.
    let known = outside::http("outside", [127, 0, 0, 2]).await;
    let other = outside::http("elsewhere", [127, 0, 0, 2]).await;
    bench.apply(&format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: port, namespace: demo}}\nspec: {{clusterIP: \
            10.96.0.30, ports: [{{name: http, port: {}}}]}}\n",
        known.port
    ));
    bench.settle().await;
    let http = format!("127.0.0.2:{}", known.port);
    let bytes = format!("127.0.0.2:{}", other.port);
    let unknown = get("/", "outside.example", &[]);
    let both = async |bench: &Bench| {
        (seen(bench, "client", &http, &unknown).await, seen(bench, "client", &bytes, &unknown).await)
    };
    assert_eq!(both(&bench).await, ("200 outside".into(), "200 elsewhere".into()), "ALLOW_ANY");
    let passed = bench.log_line("client", "PassthroughCluster").await;
    println!("ALLOW_ANY: {passed}");

    bench.apply(&mesh_config(REGISTRY_ONLY));
    bench.settle().await;
    assert_eq!(both(&bench).await, ("502".into(), "closed".into()), "REGISTRY_ONLY");
    let http_log = bench.log_line("client", "block_all").await;
    let tcp_log = bench.log_line("client", "BlackHoleCluster").await;
    println!("REGISTRY_ONLY: {http_log}\n{tcp_log}");
    assert!(http_log.contains(" 502 - direct_response "), "{http_log}");
    assert!(tcp_log.contains(" UH "), "{tcp_log}");
    let web = seen(&bench, "client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    assert!(web.starts_with("200 web-v"), "what is known is reached: {web}");

    bench.apply(&sidecar("demo", "open", "{outboundTrafficPolicy: {mode: ALLOW_ANY}}"));
    bench.settle().await;
    assert_eq!(
        both(&bench).await,
        ("200 outside".into(), "200 elsewhere".into()),
        "a Sidecar goes before the mesh"
    );
    bench.apply(&mesh_config("outboundTrafficPolicy: {mode: ALLOW_ANY}"));
    bench.apply(&sidecar("demo", "open", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}"));
    bench.settle().await;
    assert_eq!(both(&bench).await, ("502".into(), "closed".into()), "also when it is the stricter one");
}

const FAR: &str = r"
apiVersion: v1
kind: Service
metadata: {name: far, namespace: other}
spec: {clusterIP: 10.96.0.40, selector: {app: far}, ports: [{name: http, port: 9080}, {name: tcp, port: 9090}]}
";

/// `client` in demo may call `web` of its own namespace and `far` of another, over HTTP and TCP.
async fn two_namespaces() -> Bench {
    let mut bench = two_versions().await;
    bench.apply(FAR);
    bench.apply(&mesh_config(REGISTRY_ONLY));
    bench.pod_with("far.other", "app=far", &[9080, 9090], Some(crate::echo::router("far")));
    bench.settle().await;
    bench
}

/// What the client sees of web, of far over HTTP, and of far over TCP.
async fn calls(bench: &Bench) -> [String; 3] {
    let web = seen(bench, "client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    let far = seen(bench, "client", "10.96.0.40:9080", &get("/", "far.other:9080", &[])).await;
    let bytes = seen(bench, "client", "10.96.0.40:9090", &get("/", "far.other:9090", &[])).await;
    [web.split("-v").next().unwrap_or_default().to_owned(), far, bytes]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_narrows_what_is_seen() {
    let mut bench = two_namespaces().await;
    assert_eq!(calls(&bench).await, ["200 web", "200 far", "200 far"], "without a Sidecar");
    for (hosts, expect) in [
        ("['./*']", ["200 web", "502", "closed"]),
        ("['other/*']", ["502", "200 far", "200 far"]),
        ("['*/far.other.svc.cluster.local']", ["502", "200 far", "200 far"]),
        ("['~/*']", ["closed", "closed", "closed"]),
        ("['./*', 'other/*']", ["200 web", "200 far", "200 far"]),
    ] {
        bench.apply(&sidecar("demo", "default", &format!("{{egress: [{{hosts: {hosts}}}]}}")));
        bench.settle().await;
        let found = calls(&bench).await;
        println!("egress {hosts}: {found:?}");
        assert_eq!(found, expect, "{hosts}");
    }
    // Clusters are not told either.
    bench.apply(&sidecar("demo", "default", "{egress: [{hosts: ['./*']}]}"));
    bench.settle().await;
    let clusters = bench.admin("client", "/clusters").await;
    assert!(clusters.contains("web.demo") && !clusters.contains("far.other"), "{clusters}");
    // Rules of one's own may lead to what is not seen by name.
    bench.apply(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: \
            demo}\nspec: {hosts: [web], http: [{route: [{destination: {host: far.other.svc.cluster.local, \
            port: {number: 9080}}}]}]}\n",
    );
    bench.settle().await;
    let led = seen(&bench, "client", "10.96.0.10:9080", &get("/", "web:9080", &[])).await;
    assert_eq!(led, "200 far");
    bench.delete("VirtualService", "demo", "web");
    // An egress listener of one port holds for that port alone.
    bench.apply(&sidecar(
        "demo",
        "default",
        "{egress: [{port: {number: 9090, protocol: TCP, name: tcp}, hosts: ['other/*']}, {hosts: ['./*']}]}",
    ));
    bench.settle().await;
    assert_eq!(calls(&bench).await, ["200 web", "502", "200 far"], "by port");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_sidecar_holds() {
    let mut bench = two_namespaces().await;
    bench.apply(&sidecar("istio-system", "default", "{egress: [{hosts: ['./*']}]}"));
    bench.settle().await;
    assert_eq!(calls(&bench).await, ["200 web", "502", "closed"], "the root namespace's");
    bench.apply(&sidecar("demo", "default", "{egress: [{hosts: ['other/*']}]}"));
    bench.settle().await;
    assert_eq!(calls(&bench).await, ["502", "200 far", "200 far"], "the namespace's own");
    bench.apply(&sidecar(
        "demo",
        "client",
        "{workloadSelector: {labels: {app: client}}, egress: [{hosts: ['*/*']}]}",
    ));
    bench.settle().await;
    assert_eq!(calls(&bench).await, ["200 web", "200 far", "200 far"], "the one that selects it");
    bench.apply(&sidecar(
        "demo",
        "client",
        "{workloadSelector: {labels: {app: web}}, egress: [{hosts: ['*/*']}]}",
    ));
    bench.settle().await;
    assert_eq!(calls(&bench).await, ["502", "200 far", "200 far"], "one that selects others does not");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_exported_is_not_seen() {
    let mut bench = two_namespaces().await;
    for (to, expect) in [
        ("'.'", ["200 web", "502", "closed"]),
        ("'~'", ["200 web", "502", "closed"]),
        ("'demo,third'", ["200 web", "200 far", "200 far"]),
        ("'*'", ["200 web", "200 far", "200 far"]),
    ] {
        let exported = format!("namespace: other, annotations: {{networking.istio.io/exportTo: {to}}}");
        bench.apply(&FAR.replace("namespace: other", &exported));
        bench.settle().await;
        assert_eq!(calls(&bench).await, expect, "Service exportTo {to}");
    }
    // VirtualService: a fault that others put before web is seen only when it is exported.
    let fault = |to: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: fault, namespace: \
                other}}\nspec:\n  hosts: [web.demo.svc.cluster.local]\n  exportTo: {to}\n  http: [{{fault: \
                {{abort: {{percentage: {{value: 100}}, httpStatus: 418}}}}, route: [{{destination: {{host: \
                web.demo.svc.cluster.local}}}}]}}]\n"
        )
    };
    for (to, expect) in [
        ("['.']", "200 web"),
        ("['*']", "418 fault filter abort"),
        ("[demo]", "418 fault filter abort"),
        ("[third]", "200 web"),
    ] {
        bench.apply(&fault(to));
        bench.settle().await;
        assert_eq!(calls(&bench).await[0], expect, "VirtualService exportTo {to}");
    }
    bench.delete("VirtualService", "other", "fault");
    // DestinationRule: plain text to a service that takes only mutual TLS fails.
    bench.apply(
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: \
            other}\nspec: {mtls: {mode: STRICT}}\n",
    );
    for (to, expect) in [("['.']", "200"), ("['*']", "503"), ("[third]", "200"), ("[demo]", "503")] {
        bench.apply(&format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: far, namespace: \
                other}}\nspec: {{host: far, exportTo: {to}, trafficPolicy: {{tls: {{mode: DISABLE}}}}}}\n"
        ));
        bench.settle().await;
        let found = calls(&bench).await;
        assert_eq!(found[1].split(' ').next(), Some(expect), "DestinationRule exportTo {to}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_listener_leads_elsewhere_in_the_pod() {
    let mut bench = two_versions().await;
    bench.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: two, namespace: demo}\nspec: {clusterIP: \
            10.96.0.41, selector: {app: two}, ports: [{name: http, port: 80, targetPort: 8080}]}\n",
    );
    bench.pod_with("two", "app=two", &[8080, 9090], Some(crate::echo::router("two")));
    bench.settle().await;
    let call = get("/", "two", &[]);
    assert_eq!(seen(&bench, "client", "10.96.0.41:80", &call).await, "200 two");
    let app = |bench: &Bench, port: u16| {
        format!("\"127.0.0.1:{}\"", bench.pods["two"].ports[&format!("app/{port}")])
    };
    let ingress = |spec: &str| {
        sidecar("demo", "two", &format!("{{workloadSelector: {{labels: {{app: two}}}}, ingress: [{spec}]}}"))
    };
    bench.apply(&ingress(
        "{port: {number: 8080, protocol: HTTP, name: http}, defaultEndpoint: '127.0.0.1:9090'}",
    ));
    bench.settle().await;
    assert_eq!(seen(&bench, "client", "10.96.0.41:80", &get("/elsewhere", "two", &[])).await, "200 two");
    let log = bench.log_line("two", "/elsewhere").await;
    println!("{log}");
    assert!(log.contains(&app(&bench, 9090)), "{log}");
    bench.apply(&ingress(
        "{port: {number: 7777, protocol: HTTP, name: http}, defaultEndpoint: '127.0.0.1:9090'}",
    ));
    bench.settle().await;
    let said = bench.debug("/debug/untranslatedz").await.to_string();
    assert!(
        said.contains("ingress port 7777 is not served: the program of pod two.demo has no port 7777"),
        "{said}"
    );
}
