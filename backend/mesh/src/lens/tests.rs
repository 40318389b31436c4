use super::*;
use crate::graph::{Folded, Graph, GraphOptions, GraphType};
use crate::traffic::{Flow, Protocol};
use crate::{Mesh, demo};
use std::sync::Arc;

fn flow(answers: &[(&str, &str, f64)], [p50, p95, p99]: [f64; 3]) -> Flow {
    let responses =
        answers.iter().map(|(code, flags, rate)| (((*code).into(), (*flags).into()), *rate)).collect();
    let times = (Some(p50), Some(p95), Some(p99));
    Flow {
        responses,
        p50_ms: times.0,
        p95_ms: times.1,
        p99_ms: times.2,
        mutual_tls: 1.0,
        plaintext: 3.0,
        ..Flow::default()
    }
}

#[test]
fn adds_up() {
    let mut sum = Reading::default();
    sum.add(Protocol::Http, &flow(&[("200", "-", 3.0), ("503", "FI", 1.0)], [10.0, 20.0, 50.0]));
    sum.add(Protocol::Http, &flow(&[("200", "-", 4.0)], [10.0, 20.0, 50.0]));
    assert_eq!((sum.rps(), sum.error_percent(), sum.mtls_percent()), (8.0, Some(12.5), Some(25.0)));
    assert_eq!(sum.latency_ms(0.95), Some(20.0));
    let said: Vec<_> = sum.answers().into_iter().map(|answer| (answer.code, answer.meaning)).collect();
    assert_eq!(said, [("200".into(), ""), ("503".into(), "abort injected")]);
    assert_eq!((sum.flagged("FI"), sum.flagged("DI")), (1.0, 0.0));
}

/// The tail of all calls is not that of the slowest part.
#[test]
fn latency_is_that_of_all_calls_together() {
    let mut sum = Reading::default();
    sum.add(Protocol::Http, &flow(&[("200", "-", 99.0)], [1.0, 2.0, 3.0]));
    sum.add(Protocol::Http, &flow(&[("200", "-", 1.0)], [100.0, 200.0, 300.0]));
    assert!(sum.latency_ms(0.95).unwrap() < 3.0);
}

#[test]
fn nothing_measured_is_not_zero_percent() {
    let nothing = Reading::default();
    assert_eq!(
        (nothing.error_percent(), nothing.mtls_percent(), nothing.latency_ms(0.5)),
        (None, None, None)
    );
    assert!(nothing.ends.is_silent());
}

#[test]
fn bytes_alone_are_well() {
    let mut sum = Reading::default();
    sum.add(Protocol::Tcp, &Flow { bytes_sent: 5.0, ..Flow::default() });
    assert_eq!(sum.ends.health(), (Health::Healthy, String::new()));
    assert!(!sum.ends.is_silent() && sum.rps() == 0.0 && sum.error_percent().is_none());
}

fn namespace(name: &str) -> Folded {
    Folded::Namespace(name.into())
}

/// Whoever looks, at a node or at an edge of any graph, sees the same figures.
fn check_agreement(mesh: &Mesh, traffic: &Arc<Traffic>) {
    let types = [GraphType::VersionedApp, GraphType::App, GraphType::Workload, GraphType::Service];
    let boxes = [None, Some(Folded::App("bookinfo".into(), "reviews".into())), Some(namespace("bookinfo"))];
    for (graph_type, folded) in types.iter().flat_map(|one| boxes.iter().map(move |folded| (*one, folded))) {
        let all = folded.is_none();
        let folded = folded.iter().cloned().chain([namespace("istio-system")].into_iter().filter(|_| !all));
        let options = GraphOptions { graph_type, folded: folded.collect(), ..GraphOptions::default() };
        let graph = Graph::build(mesh, Some(traffic), &options, demo::NOW);
        assert!(!all || (graph.nodes.len() > 4 && graph.edges.len() > 4));
        for node in &*graph.nodes {
            let lens = Lens::of(Some(traffic), &Subject::of(mesh, &node.id));
            let (got, sent) = (&lens.input, &lens.output);
            let seen = (got.rps(), got.error_percent().unwrap_or_default(), sent.rps(), lens.health);
            let drawn = (node.rps_in, node.error_percent_in, node.rps_out, node.health);
            assert_eq!(
                (format!("{seen:.6?}"), &lens.reason),
                (format!("{drawn:.6?}"), &node.health_reason),
                "{}",
                node.id
            );
        }
        for edge in &*graph.edges {
            let [from, to] = [&edge.source, &edge.target].map(|id| Subject::of(mesh, id));
            let lens = Lens::between(Some(traffic), &from, &to);
            let sum = &lens.input;
            let times = [0.5, 0.95, 0.99].map(|quantile| sum.latency_ms(quantile));
            let seen =
                (sum.rps(), sum.error_percent().unwrap_or_default(), sum.mtls_percent(), times, lens.health);
            let drawn = (
                edge.rps,
                edge.error_percent,
                edge.mtls_percent,
                [edge.p50_ms, edge.p95_ms, edge.p99_ms],
                edge.health,
            );
            assert_eq!(format!("{seen:.6?}"), format!("{drawn:.6?}"), "{} to {}", edge.source, edge.target);
            assert_eq!(lens.reason, edge.health_reason);
        }
    }
}

#[test]
fn graph_and_detail_agree_on_every_node_and_edge() {
    let traffic = Arc::new(demo::bookinfo_traffic());
    check_agreement(&demo::bookinfo(), &traffic);
    // Some calls fail, one reached nobody, and one comes in two ways.
    let mut odd = (*traffic).clone();
    let (path, one) = odd.flows.iter().find(|(path, _)| &*path.service.name == "ratings").unwrap();
    let (mut lost, mut failed) = (path.clone(), one.clone());
    lost.destination = crate::traffic::Peer { workload: "unknown".into(), ..Default::default() };
    failed.responses = [(("503".into(), "UF".into()), 2.0)].into_iter().collect();
    // Another is told by its host alone.
    let mut nowhere = lost.clone();
    nowhere.service.namespace = "unknown".into();
    nowhere.service.name = "unknown".into();
    nowhere.service.host = "ratings:9080".into();
    odd.flows.insert(lost, failed.clone());
    odd.flows.insert(nowhere, failed);
    check_agreement(&demo::bookinfo(), &Arc::new(odd.clone()));
    // In the past nobody knows how pods were.
    check_agreement(&demo::bookinfo(), &Arc::new(Traffic { past: true, ..odd }));
}
