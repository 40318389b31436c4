//! What becomes of a call: asked by hand, begun from how a call ended, and from a pasted line of a log.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use mesh::graph::NodeId;
use mesh::why::{From, SeenCall};
use panels::detail::Detail;
use panels::explain::Explain;
use panels::{Intent, Panel, Selected};
use support::{World, harness};

const LINE: &str = r#"[2026-01-01T12:00:00.123Z] "GET /reviews/0 HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 19 0 - "-" "-" "1" "reviews:9080" "-" outbound|9080|v1|reviews.bookinfo.svc.cluster.local - 10.96.0.12:9080 10.9.9.9:41000 - default"#;

fn shown(call: Option<SeenCall>) -> Harness<'static, (World, Explain)> {
    let world = World::bookinfo();
    let mut panel = Explain::default();
    if let Some(call) = call {
        panel.follow(&Intent::Explain(Box::new(call)), &world.cx());
    }
    let mut bench = harness(world, panel, [900.0, 700.0], |ui, panel: &mut Explain, world| {
        panel.ui(ui, &world.cx());
    });
    bench.run();
    bench
}

#[test]
fn a_call_that_was_seen_says_how_it_ended_and_by_what() {
    let call = SeenCall {
        from: Some(From::Workload { namespace: "bookinfo".into(), name: "productpage-v1".into() }),
        to: "reviews:9080".into(),
        path: "/reviews/0".into(),
        status: 403,
        details: "rbac_access_denied_matched_policy[ns[bookinfo]-policy[gone]-rule[0]]".into(),
        ..SeenCall::default()
    };
    let bench = shown(Some(call));
    bench.get_by_label_contains("403, rbac_access_denied");
    bench.get_by_label_contains("Denied by AuthorizationPolicy bookinfo/gone spec.rules[0]");
    bench.get_by_label_contains("By the rules as they are now it is let in");
    bench.get_by_label("VirtualService bookinfo/reviews spec.http[1]");
}

#[test]
fn a_line_of_a_log_is_pasted() {
    let mut bench = shown(None);
    bench.get_by_label("Log line").focus();
    bench.run();
    bench.get_by_label("Log line").type_text("hello");
    bench.run();
    bench.get_by_label_contains("This is no line of Istio’s access log");
    bench.get_by_label("Log line").type_text(LINE);
    bench.run();
    bench.get_by_label_contains("503, no healthy endpoint");
    assert!(bench.query_by_label_contains("This is no line").is_none());
}

#[test]
fn the_answers_of_an_edge_lead_there() {
    let world = World::bookinfo();
    let node =
        |app: &str, version: &str| NodeId::app(&mesh::ClusterId::default(), "bookinfo", app, Some(version));
    let edge = Selected::Edge(node("reviews", "v3"), node("ratings", "v1"));
    let world = World { selected: Some(edge), ..world };
    let mut bench = harness(world, Detail::default(), [460.0, 1200.0], |ui, panel: &mut Detail, world| {
        panel.ui(ui, &world.cx());
    });
    bench.run();
    bench.get_by_label("answer 503").click();
    bench.run();
    let call = bench.state_mut().0.wishes().into_iter().find_map(|intent| match intent {
        Intent::Explain(call) => Some(*call),
        _ => None,
    });
    let call = call.unwrap();
    assert_eq!((call.status, call.flags.as_str()), (503, "FI"));
    assert_eq!(call.to, "ratings.bookinfo:9080");
    assert_eq!(call.from.unwrap().to_string(), "bookinfo/reviews-v3");
}
