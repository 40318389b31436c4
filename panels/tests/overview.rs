//! The overview: what is not well leads to where it is looked into.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use jiff::SignedDuration;
use mesh::scene::SyncState;
use mesh::series::{Measured, Range, Series};
use mesh::writes::{Deed, Write};
use mesh::{Answer, Read, Ref, Remote, demo, kinds};
use panels::overview::Overview;
use panels::selection::PanelId;
use panels::{Intent, Panel as _, Selected};
use std::sync::Arc;
use support::{World, harness};

type Bench<'a> = Harness<'a, (World, Overview)>;

fn panel<'a>(world: World) -> Bench<'a> {
    harness(world, Overview::default(), [900.0, 700.0], |ui, panel: &mut Overview, world| {
        panel.ui(ui, &world.cx());
    })
}

fn asked(bench: &mut Bench<'_>) -> Vec<Range> {
    let wanted = bench.state_mut().0.wanted.take();
    wanted
        .into_keys()
        .filter_map(|read| if let Read::Series(range) = read { Some(range) } else { None })
        .collect()
}

fn clicked(bench: &mut Bench<'_>, label: &str) -> Vec<Intent> {
    bench.get_by_label_contains(label).click();
    bench.run_steps(3);
    bench.state_mut().0.wishes()
}

/// Since when, and what was written before, comes of one question about all services.
#[test]
fn what_is_not_well_says_since_when_and_what_was_near() {
    let mut world = World::bookinfo();
    let rule = Ref::new(&kinds::VIRTUAL_SERVICE, "bookinfo", "ratings");
    world.scene.writes = Arc::new(vec![Write {
        at: rule.clone(),
        by: Some("kubectl-edit".into()),
        when: demo::NOW - SignedDuration::from_secs(350),
        heard: demo::NOW,
        deed: Deed::Changed,
        what: Vec::new(),
        before: None,
        after: None,
    }]);
    let mut bench = panel(world);
    let ranges = asked(&mut bench);
    assert_eq!(ranges.len(), 1, "{ranges:?}");
    let now = demo::NOW.as_second() as f64;
    let points =
        (0..120).map(|step| (now - 3570.0 + f64::from(step) * 30.0, if step < 109 { 0.0 } else { 2.0 }));
    let host = "ratings.bookinfo.svc.cluster.local".to_owned();
    let series =
        Series { labels: [("destination_service".to_owned(), host)].into(), points: points.collect() };
    let measured = Measured { series: vec![series], until: now, remarks: Vec::new() };
    let answer = Ok(Answer::Series(Arc::new(measured)));
    bench.state_mut().0.scene.answers.take(demo::NOW, Read::Series(ranges[0].clone()), answer);
    bench.run_steps(3);
    bench.get_by_label_contains("bookinfo ratings: 2 % of calls fail, most with 503 FI, for 5\u{a0}min");
    let wishes =
        clicked(&mut bench, "VirtualService bookinfo/ratings was written by kubectl-edit, 50\u{a0}s before");
    assert_eq!(wishes, [Intent::Select(Some(Selected::Object(rule)))]);
    let wishes = clicked(&mut bench, "bookinfo ratings: ");
    assert_eq!(wishes, [Intent::Select(Some(support::service("ratings")))]);
}

/// A proxy that refuses is found in two clicks.
#[test]
fn everything_leads_on() {
    let mut world = World::bookinfo();
    let mut proxies = world.scene.proxies.value().unwrap().to_vec();
    proxies[1].types.insert("LDS".into(), SyncState::Nacked("filter chain match rules overlap".into()));
    proxies[2].types.insert("RDS".into(), SyncState::Stale);
    let name = proxies[1].name.clone();
    world.scene.proxies = Remote::Live(Arc::new(proxies), demo::NOW);
    let mut bench = panel(world);
    let wishes = clicked(&mut bench, "refuses LDS: filter chain match rules overlap");
    assert_eq!(wishes, [Intent::ProxyOf(name)]);
    let wishes = clicked(&mut bench, "1 proxy not in sync yet");
    assert_eq!(wishes, [Intent::Open(PanelId::Proxies)]);
    let row = |node: egui_kittest::Node<'_>| node.accesskit_node().label().unwrap_or_default();
    let rows: Vec<String> = bench.get_all_by_label_contains("bookinfo, ").map(row).collect();
    let wishes = clicked(&mut bench, &rows[0]);
    assert_eq!(wishes, [Intent::Namespaces(vec!["bookinfo".into()]), Intent::Open(PanelId::Graph)]);
    bench.get_by_label("Services").click();
    bench.run_steps(3);
    bench.get_by_label("Search services");
}
