//! The proxies: the list in every face, and what one of them holds.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::dump::{Dump, Part};
use mesh::scene::SyncState;
use mesh::{Answer, Problem, Read, Ref, Remote, Scene, demo, kinds};
use panels::proxies::{Proxies, rows};
use panels::{Intent, Panel as _, Selected};
use std::sync::Arc;
use support::{World, faces, harness};

type Bench<'a> = Harness<'a, (World, Proxies)>;

fn panel<'a>(scene: Scene) -> Bench<'a> {
    harness(World::new(scene), Proxies::default(), [900.0, 700.0], |ui, panel: &mut Proxies, world| {
        let cx = world.cx();
        panel.ui(ui, &cx);
        cx.intents.each(|intent| panel.follow(intent, &cx));
    })
}

/// Bookinfo, with a proxy that refuses and one that lags behind.
fn troubled() -> Scene {
    let mut scene = demo::scene();
    let mut proxies = scene.proxies.value().unwrap().to_vec();
    proxies[1].types.insert("LDS".into(), SyncState::Nacked("filter chain match rules overlap".into()));
    proxies[2].types.insert("RDS".into(), SyncState::NeverAcked);
    scene.proxies = Remote::Live(Arc::new(proxies), demo::NOW);
    scene
}

fn dump() -> Dump {
    let body = serde_json::json!({ "configs": [
        { "@type": "x.ClustersConfigDump", "dynamic_active_clusters": [
            { "cluster": { "name": "outbound|9080|v1|reviews.bookinfo.svc.cluster.local", "type": "EDS", "metadata":
                { "filter_metadata": { "istio": { "config": "/apis/networking.istio.io/v1/namespaces/bookinfo/destination-rule/reviews" } } } } },
            { "cluster": { "name": "outbound|9080||nobody.bookinfo.svc.cluster.local", "type": "EDS" },
              "error_state": { "details": "bad ring size" } } ] },
        { "@type": "x.RoutesConfigDump", "dynamic_route_configs": [] },
    ] });
    let mut dump = Dump::read(&body.to_string()).unwrap();
    dump.unknown.insert(Part::Endpoints, "connection refused".to_owned());
    dump
}

fn said(bench: &Bench<'_>) -> String {
    let said = |node: egui_kittest::Node<'_>| {
        let node = node.accesskit_node();
        node.label().or_else(|| node.value()).unwrap_or_default()
    };
    bench.get_all_by(|_| true).map(said).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" | ")
}

fn asked(bench: &mut Bench<'_>) -> Option<String> {
    let wanted = bench.state_mut().0.wanted.take();
    wanted.into_keys().find_map(|read| if let Read::Inside(proxy) = read { Some(proxy) } else { None })
}

#[test]
fn the_list_in_every_face() {
    for (face, scene) in faces() {
        let said = said(&panel(scene));
        let expected = match face {
            "bookinfo" => "in sync",
            "empty" => "No proxies",
            "denied" | "stale" if face == "denied" => "connection refused",
            "waiting" => "Waiting for istiod",
            _ => "in sync",
        };
        assert!(said.contains(expected), "{face}: {said}");
    }
    let scene = troubled();
    let all = rows(scene.proxies.value().unwrap(), &scene.mesh.proxies(), &[], Some("1.27.0"));
    let lines: Vec<String> =
        all.iter().take(3).map(|row| format!("{} [{}]", row.stands.words(), row.words)).collect();
    assert_eq!(
        lines,
        ["refuses [LDS: filter chain match rules overlap]", "never acknowledged [RDS]", "in sync []"]
    );
    let said = said(&panel(scene));
    assert!(said.contains("refuses LDS: filter chain match rules overlap"), "{said}");
    assert!(said.contains("1 refuses, 1 never acknowledged"), "{said}");
}

#[test]
fn one_proxy_shows_what_it_holds_and_leads_to_its_objects() {
    let mut bench = panel(demo::scene());
    assert_eq!(asked(&mut bench), None, "nobody looks inside yet");
    let name = demo::scene().mesh.proxies()[0].clone();
    bench.state_mut().0.intents.send(Intent::ProxyOf(name.clone()));
    bench.run_steps(3);
    assert_eq!(asked(&mut bench), Some(name.clone()));
    bench.get_by_label("Waiting for the proxy");
    let read = Read::Inside(name);
    bench.state_mut().0.scene.answers.take(demo::NOW, read.clone(), Ok(Answer::Inside(Arc::new(dump()))));
    bench.run_steps(3);
    bench.get_by_label("Clusters nobody.bookinfo: refused: bad ring size");
    bench.get_by_label_contains("reviews.bookinfo, 9080, v1").click();
    bench.run_steps(3);
    let rule = Ref::new(&kinds::DESTINATION_RULE, "bookinfo", "reviews");
    bench.get_by_label(&format!("Open {rule}")).click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    assert!(wishes.contains(&Intent::Select(Some(Selected::Object(rule)))), "{wishes:?}");
    bench.get_by_label("Copy the raw text").click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    let raw = |wish: &Intent| matches!(wish, Intent::Copy(text, _) if text.contains("\n  \"cluster\": {"));
    assert!(wishes.iter().any(raw), "{wishes:?}");
    // What is not known is not none.
    bench.get_by_label("Endpoints").click();
    bench.run_steps(3);
    bench.get_by_label("Not known: connection refused");
    bench.get_by_label("Routes").click();
    bench.run_steps(3);
    bench.get_by_label("It holds none");
    assert_eq!(dump().of(Part::Clusters).count(), 2);
    let trouble =
        Problem::new("A proxy's configuration cannot be read", "no right to port-forward", "Ask for it");
    bench.state_mut().0.scene.answers.take(demo::NOW, read, Err(trouble));
    bench.run_steps(3);
    assert!(said(&bench).contains("no right to port-forward") && said(&bench).contains("It holds none"));
    bench.get_by_label("All proxies").click();
    bench.run_steps(3);
    bench.get_by_label("Search proxies");
}
