use super::*;
use crate::happenings::happening;
use crate::traffic::{Called, Flow, Path, Peer, Protocol, Traffic};
use crate::{Mesh, demo};
use istio::kinds;
use proptest::prelude::*;

fn of(graph_type: GraphType, idle: bool) -> Graph {
    let options = GraphOptions { graph_type, idle, ..GraphOptions::default() };
    Graph::build(&demo::bookinfo(), Some(&demo::bookinfo_traffic().into()), &options, demo::NOW)
}

/// One line for each node and edge.
fn text(graph: &Graph) -> String {
    let node = |node: &Arc<Node>| {
        let badges: Vec<&str> = node.badges.iter().map(|badge| badge.name()).collect();
        format!("{} {:?} {} [{}]\n", node.id, node.health, node.health_reason, badges.join(" "))
    };
    let edge = |edge: &Arc<Edge>| {
        let mtls = edge.mtls_percent.map_or("-".into(), |percent| format!("{percent:.0}"));
        let p95 = edge.p95_ms.map_or("-".into(), |ms| format!("{ms:.1}"));
        format!(
            "{} -> {} {} {:.1} rps {:.1} % p95 {p95} mtls {mtls}\n",
            edge.source, edge.target, edge.protocol, edge.rps, edge.error_percent
        )
    };
    graph.nodes.iter().map(node).chain(graph.edges.iter().map(edge)).collect()
}

#[test]
fn what_carried_nothing_is_idle() {
    let mut traffic = demo::bookinfo_traffic();
    let to_ratings = |path: &Path| &*path.destination.app == "ratings";
    for (_, flow) in traffic.flows.iter_mut().filter(|(path, _)| to_ratings(path)) {
        *flow = Flow::default();
    }
    let traffic = traffic.into();
    let shown = |idle: bool| {
        let options = GraphOptions { idle, ..GraphOptions::default() };
        let graph = Graph::build(&demo::bookinfo(), Some(&traffic), &options, demo::NOW);
        graph.nodes.iter().any(|node| node.app.as_deref() == Some("ratings"))
    };
    assert!(shown(true) && !shown(false));
}

#[test]
fn versioned_apps() {
    insta::assert_snapshot!(text(&of(GraphType::VersionedApp, false)), @r#"
    app/bookinfo/details/v1 Healthy  []
    app/bookinfo/productpage/v1 Healthy  []
    app/bookinfo/ratings/v1 Degraded 2 % of calls fail, most with 503 FI []
    app/bookinfo/reviews/v1 Healthy  [split timeout]
    app/bookinfo/reviews/v2 Degraded 2 % of calls that it makes fail, most with 503 FI [split timeout]
    app/bookinfo/reviews/v3 Degraded 2 % of calls that it makes fail, most with 503 FI [split timeout]
    app/istio-system/istio-ingressgateway Healthy  [gateway]
    unknown Healthy  []
    app/bookinfo/productpage/v1 -> app/bookinfo/details/v1 http 10.0 rps 0.0 % p95 8.0 mtls 100
    app/bookinfo/productpage/v1 -> app/bookinfo/reviews/v1 http 5.0 rps 0.0 % p95 24.0 mtls 100
    app/bookinfo/productpage/v1 -> app/bookinfo/reviews/v2 http 3.0 rps 0.0 % p95 36.0 mtls 100
    app/bookinfo/productpage/v1 -> app/bookinfo/reviews/v3 http 2.0 rps 0.0 % p95 38.0 mtls 100
    app/bookinfo/reviews/v2 -> app/bookinfo/ratings/v1 http 3.0 rps 2.0 % p95 6.0 mtls 100
    app/bookinfo/reviews/v3 -> app/bookinfo/ratings/v1 http 2.0 rps 2.0 % p95 6.0 mtls 100
    app/istio-system/istio-ingressgateway -> app/bookinfo/productpage/v1 http 10.0 rps 0.0 % p95 76.0 mtls 100
    unknown -> app/istio-system/istio-ingressgateway http 10.0 rps 0.0 % p95 80.0 mtls 0
    "#);
}

#[test]
fn apps() {
    insta::assert_snapshot!(text(&of(GraphType::App, false)), @r#"
    app/bookinfo/details Healthy  []
    app/bookinfo/productpage Healthy  []
    app/bookinfo/ratings Degraded 2 % of calls fail, most with 503 FI []
    app/bookinfo/reviews Degraded 2 % of calls that it makes fail, most with 503 FI [split timeout]
    app/istio-system/istio-ingressgateway Healthy  [gateway]
    unknown Healthy  []
    app/bookinfo/productpage -> app/bookinfo/details http 10.0 rps 0.0 % p95 8.0 mtls 100
    app/bookinfo/productpage -> app/bookinfo/reviews http 10.0 rps 0.0 % p95 35.2 mtls 100
    app/bookinfo/reviews -> app/bookinfo/ratings http 5.0 rps 2.0 % p95 6.0 mtls 100
    app/istio-system/istio-ingressgateway -> app/bookinfo/productpage http 10.0 rps 0.0 % p95 76.0 mtls 100
    unknown -> app/istio-system/istio-ingressgateway http 10.0 rps 0.0 % p95 80.0 mtls 0
    "#);
}

#[test]
fn workloads() {
    insta::assert_snapshot!(text(&of(GraphType::Workload, true)), @r#"
    unknown Healthy  []
    workload/bookinfo/details-v1 Healthy  []
    workload/bookinfo/productpage-v1 Healthy  []
    workload/bookinfo/ratings-v1 Degraded 2 % of calls fail, most with 503 FI []
    workload/bookinfo/reviews-v1 Healthy  [split timeout]
    workload/bookinfo/reviews-v2 Degraded 2 % of calls that it makes fail, most with 503 FI [split timeout]
    workload/bookinfo/reviews-v3 Degraded 2 % of calls that it makes fail, most with 503 FI [split timeout]
    workload/istio-system/istio-ingressgateway Healthy  [gateway]
    unknown -> workload/istio-system/istio-ingressgateway http 10.0 rps 0.0 % p95 80.0 mtls 0
    workload/bookinfo/productpage-v1 -> workload/bookinfo/details-v1 http 10.0 rps 0.0 % p95 8.0 mtls 100
    workload/bookinfo/productpage-v1 -> workload/bookinfo/reviews-v1 http 5.0 rps 0.0 % p95 24.0 mtls 100
    workload/bookinfo/productpage-v1 -> workload/bookinfo/reviews-v2 http 3.0 rps 0.0 % p95 36.0 mtls 100
    workload/bookinfo/productpage-v1 -> workload/bookinfo/reviews-v3 http 2.0 rps 0.0 % p95 38.0 mtls 100
    workload/bookinfo/reviews-v2 -> workload/bookinfo/ratings-v1 http 3.0 rps 2.0 % p95 6.0 mtls 100
    workload/bookinfo/reviews-v3 -> workload/bookinfo/ratings-v1 http 2.0 rps 2.0 % p95 6.0 mtls 100
    workload/istio-system/istio-ingressgateway -> workload/bookinfo/productpage-v1 http 10.0 rps 0.0 % p95 76.0 mtls 100
    "#);
}

#[test]
fn services() {
    insta::assert_snapshot!(text(&of(GraphType::Service, false)), @r#"
    service/bookinfo/details Healthy  []
    service/bookinfo/productpage Healthy  []
    service/bookinfo/ratings Degraded 2 % of calls fail, most with 503 FI []
    service/bookinfo/reviews Degraded 2 % of calls that it makes fail, most with 503 FI [split timeout]
    service/istio-system/istio-ingressgateway Healthy  [gateway]
    unknown Healthy  []
    service/bookinfo/productpage -> service/bookinfo/details http 10.0 rps 0.0 % p95 8.0 mtls 100
    service/bookinfo/productpage -> service/bookinfo/reviews http 10.0 rps 0.0 % p95 35.2 mtls 100
    service/bookinfo/reviews -> service/bookinfo/ratings http 5.0 rps 2.0 % p95 6.0 mtls 100
    service/istio-system/istio-ingressgateway -> service/bookinfo/productpage http 10.0 rps 0.0 % p95 76.0 mtls 100
    unknown -> service/istio-system/istio-ingressgateway http 10.0 rps 0.0 % p95 80.0 mtls 0
    "#);
}

#[test]
fn without_traffic_there_are_nodes_and_no_edges() {
    let graph = Graph::build(&demo::bookinfo(), None, &GraphOptions::default(), demo::NOW);
    assert_eq!(graph.edges, []);
    assert_eq!(graph.nodes.len(), 7, "istiod has no proxy and is none of the mesh's workloads");
    assert!(graph.nodes.iter().all(|node| node.health == Health::Idle && node.badges.contains(&Badge::Idle)));
}

#[test]
fn only_some_namespaces() {
    let options = GraphOptions { namespaces: vec!["istio-system".into()], ..GraphOptions::default() };
    let graph = Graph::build(&demo::bookinfo(), Some(&demo::bookinfo_traffic().into()), &options, demo::NOW);
    let ids: Vec<String> = graph.nodes.iter().map(|node| node.id.to_string()).collect();
    assert_eq!(ids, ["app/bookinfo/productpage/v1", "app/istio-system/istio-ingressgateway", "unknown"]);
    assert_eq!(graph.nodes[0].badges, [Badge::Outside]);
}

fn path(to: Peer, service: (&str, &str), protocol: Protocol) -> Path {
    let source = Peer {
        namespace: "bookinfo".into(),
        workload: "reviews-v2".into(),
        app: "reviews".into(),
        version: "v2".into(),
        ..Peer::default()
    };
    let host = if service.0.is_empty() {
        service.1.to_owned()
    } else {
        format!("{}.{}.svc.cluster.local", service.1, service.0)
    };
    Path {
        source,
        destination: to,
        service: Called { host: host.into(), name: service.1.into(), namespace: service.0.into() },
        protocol,
    }
}

fn nobody() -> Peer {
    Peer { namespace: "unknown".into(), workload: "unknown".into(), app: "unknown".into(), ..Peer::default() }
}

fn calls(code: &str, flags: &str, rate: f64) -> Flow {
    Flow { responses: [((code.into(), flags.into()), rate)].into_iter().collect(), ..Flow::default() }
}

#[track_caller]
fn lines(flows: impl IntoIterator<Item = (Path, Flow)>, expect: &[&str]) {
    let traffic =
        Arc::new(Traffic { window_secs: 60, flows: flows.into_iter().collect(), ..Traffic::default() });
    let graph = Graph::build(&demo::bookinfo(), Some(&traffic), &GraphOptions::default(), demo::NOW);
    let said: Vec<String> = graph
        .edges
        .iter()
        .map(|edge| format!("{} {} {:?} {}", edge.target, edge.protocol, edge.health, edge.health_reason))
        .collect();
    assert_eq!(said, expect);
}

#[test]
fn calls_that_reached_nobody_belong_to_whom_they_were_for() {
    lines(
        [
            (path(nobody(), ("bookinfo", "ratings"), Protocol::Http), calls("503", "FI", 5.0)),
            (path(nobody(), ("bookinfo", "reviews"), Protocol::Http), calls("503", "UH", 5.0)),
            (path(nobody(), ("", "details:9080"), Protocol::Http), calls("404", "NR", 0.1)),
            (path(nobody(), ("", "api.example.com"), Protocol::Http), calls("200", "-", 5.0)),
            (
                path(nobody(), ("", "PassthroughCluster"), Protocol::Tcp),
                Flow { bytes_sent: 3.0, ..Flow::default() },
            ),
        ],
        &[
            "app/bookinfo/details/v1 http Failing 100 % of calls end with 4xx",
            "app/bookinfo/ratings/v1 http Failing 100 % of calls fail, most with 503 FI",
            "external/PassthroughCluster tcp Healthy ",
            "external/api.example.com http Healthy ",
            "service/bookinfo/reviews http Failing 100 % of calls fail, most with 503 UH",
        ],
    );
}

#[test]
fn one_edge_sums_mutual_tls_and_adds_distributions() {
    let to = |version: &str| Peer {
        namespace: "bookinfo".into(),
        workload: format!("details-{version}").into(),
        app: "details".into(),
        version: version.into(),
        ..Peer::default()
    };
    let flow = |rate: f64, p95: f64, mutual_tls: f64, plaintext: f64| Flow {
        p50_ms: Some(p95 / 2.0),
        p95_ms: Some(p95),
        p99_ms: Some(p95 * 1.5),
        mutual_tls,
        plaintext,
        ..calls("200", "-", rate)
    };
    let flows = [
        (path(to("v1"), ("bookinfo", "details"), Protocol::Http), flow(9.0, 10.0, 9.0, 0.0)),
        (path(to("v2"), ("bookinfo", "details"), Protocol::Http), flow(1.0, 110.0, 0.0, 1.0)),
    ];
    let traffic =
        Arc::new(Traffic { window_secs: 60, flows: flows.into_iter().collect(), ..Traffic::default() });
    let options = GraphOptions { graph_type: GraphType::App, ..GraphOptions::default() };
    let graph = Graph::build(&demo::bookinfo(), Some(&traffic), &options, demo::NOW);
    let edge = &graph.edges[0];
    assert_eq!((edge.rps, edge.p95_ms.map(f64::round), edge.mtls_percent), (10.0, Some(55.0), Some(90.0)));
}

#[test]
fn the_command_lines_contract() {
    let graph = serde_json::to_value(of(GraphType::VersionedApp, false)).unwrap();
    insta::assert_snapshot!(serde_json::to_string(&graph["nodes"][3]).unwrap(), @r#"{"id":"app/bookinfo/reviews/v1","kind":"app","namespace":"bookinfo","name":"reviews","app":"reviews","version":"v1","service":"reviews","workload":"reviews-v1","health":"healthy","badges":["split","timeout"]}"#);
    insta::assert_snapshot!(serde_json::to_string(&graph["edges"][0]).unwrap(), @r#"{"source":"app/bookinfo/productpage/v1","target":"app/bookinfo/details/v1","protocol":"http","rps":10.0,"error_percent":0.0,"p50_ms":4.0,"p95_ms":8.0,"p99_ms":12.0,"sent_bytes_per_s":8000.0,"received_bytes_per_s":40000.0,"mtls_percent":100.0,"responses":{"200":{"-":10.0}}}"#);
    assert_eq!((&graph["at"], &graph["duration_s"]), (&"2026-01-01T00:00:00Z".into(), &60.into()));
}

#[test]
fn graphviz() {
    let text = of(GraphType::VersionedApp, false).to_dot();
    assert!(text.starts_with("digraph mesh {") && text.ends_with("}\n"));
    assert!(
        text.contains(
            "\"app/bookinfo/productpage/v1\" -> \"app/bookinfo/reviews/v1\" [label=\"5.00 rps, p95 24 ms\"];"
        ),
        "{text}"
    );
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}

fn builder(mesh: &Mesh, traffic: Option<&Arc<Traffic>>, options: &GraphOptions) -> (Builder, Graph) {
    let mut builder = Builder::default();
    let graph = builder.build(mesh, traffic, options, demo::NOW);
    (builder, graph)
}

/// How many nodes and edges are not shared with the graph before.
fn made(now: &Graph, was: &Graph) -> (usize, usize) {
    let nodes = now.nodes.iter().filter(|node| !was.nodes.iter().any(|was| Arc::ptr_eq(was, node)));
    let edges = now.edges.iter().filter(|edge| !was.edges.iter().any(|was| Arc::ptr_eq(was, edge)));
    (nodes.count(), edges.count())
}

#[test]
fn one_pod_costs_one_node() {
    let scene = demo::synthetic_scene(120, 165);
    let (traffic, options) = (scene.traffic.value().cloned(), GraphOptions::default());
    let (mut builder, before) = builder(&scene.mesh, traffic.as_ref(), &options);
    let mut objects = scene.mesh.objects().clone();
    let (at, pod) = objects.within(&kinds::POD, "team-001").next().unwrap();
    let (at, mut pod) = (at.clone(), (*pod.0).clone());
    pod["status"]["conditions"][0]["status"] = "False".into();
    objects.insert(at, pod.into());
    let mesh = Mesh::read(objects, Some(&scene.mesh));
    let after = builder.build(&mesh, traffic.as_ref(), &options, demo::NOW);
    assert_eq!(made(&after, &before), (1, 0));
    assert_eq!(after, Graph::build(&mesh, traffic.as_ref(), &options, demo::NOW));
    // The same once more, measured anew: what has the same numbers is shared.
    let again = builder.build(
        &mesh,
        traffic.map(|traffic| Arc::new((*traffic).clone())).as_ref(),
        &options,
        demo::NOW,
    );
    assert_eq!(made(&again, &after), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever happens: the graph that is built on the last one is the graph that is built from nothing.
    #[test]
    fn building_on_the_last_graph_is_building_it(
        bursts in prop::collection::vec(prop::collection::vec(happening(), 1..4), 1..6),
        graph_type in prop::sample::select(vec![
            GraphType::VersionedApp, GraphType::App, GraphType::Workload, GraphType::Service,
        ]),
        measured in any::<bool>(),
        idle in any::<bool>(),
    ) {
        let scene = demo::synthetic_scene(60, 90);
        let traffic = scene.traffic.value().filter(|_| measured).cloned();
        let options = GraphOptions { graph_type, idle, ..GraphOptions::default() };
        let (mut builder, _) = builder(&scene.mesh, traffic.as_ref(), &options);
        let mut mesh = Mesh::clone(&scene.mesh);
        for burst in bursts {
            let mut objects = mesh.objects().clone();
            burst.iter().for_each(|happening| happening.to(&mut objects));
            mesh = Mesh::read(objects, Some(&mesh));
            let now = builder.build(&mesh, traffic.as_ref(), &options, demo::NOW);
            prop_assert_eq!(now, Graph::build(&mesh, traffic.as_ref(), &options, demo::NOW), "{:?}", burst);
        }
    }
}
