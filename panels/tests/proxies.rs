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

/// What a proxy holds with this timeout of a cluster, and these other clusters.
fn holds(timeout: &str, others: &[&str]) -> Dump {
    let cluster = |name: &str, timeout: &str| {
        let name = format!("outbound|9080||{name}.bookinfo.svc.cluster.local");
        serde_json::json!({ "version_info": timeout, "cluster": { "name": name, "type": "EDS", "connect_timeout": timeout } })
    };
    let others = others.iter().map(|name| cluster(name, "1s"));
    let clusters: Vec<_> = others.chain([cluster("reviews", timeout)]).collect();
    let section = serde_json::json!({ "@type": "x.ClustersConfigDump", "dynamic_active_clusters": clusters });
    Dump::read(&serde_json::json!({ "configs": [section] }).to_string()).unwrap()
}

fn answers(bench: &mut Bench<'_>, secs: i64, proxy: &str, dump: Dump) {
    let at = demo::NOW + jiff::SignedDuration::from_secs(secs);
    let answer = Ok(Answer::Inside(Arc::new(dump)));
    bench.state_mut().0.scene.answers.take(at, Read::Inside(proxy.to_owned()), answer);
    bench.run_steps(3);
}

#[test]
fn two_proxies_are_compared() {
    let mut bench = panel(demo::scene());
    let proxies = demo::scene().mesh.proxies();
    let (here, there) = (proxies[0].clone(), proxies[1].clone());
    bench.state_mut().0.intents.send(Intent::ProxyOf(here.clone()));
    bench.run_steps(3);
    answers(&mut bench, 0, &here, holds("1s", &["details", "ratings"]));
    bench.get_by_label("Compare this proxy").click();
    bench.run_steps(3);
    bench.get_by_label(&there).click();
    bench.run_steps(3);
    bench.get_by_label(&format!("Compared with {there}"));
    bench.get_by_label(&format!("Waiting for {there}"));
    let wanted = bench.state_mut().0.wanted.take();
    assert!(wanted.contains_key(&Read::Inside(there.clone())), "{wanted:?}");
    answers(&mut bench, 0, &there, holds("5s", &["ratings", "mongodb"]));
    let table = |bench: &Bench<'_>| {
        said(bench).split(" | ").filter(|text| text.starts_with("Clusters, ")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(table(&bench).replace(&here, "HERE").replace(&there, "THERE"), @r"
    Clusters, details.bookinfo 9080, only HERE, 
    Clusters, mongodb.bookinfo 9080, only THERE, 
    Clusters, reviews.bookinfo 9080, differs, cluster.connect_timeout 1s → 5s
    ");
    bench.get_by_label("1 entry is the same. Statistics and certificates are not compared");
    bench.get_by_label_contains("Clusters, reviews.bookinfo 9080").click();
    bench.run_steps(3);
    bench.get_by_label("cluster.connect_timeout 1s → 5s");
    bench.get_by_label_contains("Difference of reviews.bookinfo 9080: removed \"connect_timeout\": \"1s\"");
    bench.get_by_label_contains("Clusters, details.bookinfo 9080").click();
    bench.run_steps(3);
    bench.get_by_label("Copy the raw text");
    bench.get_by_label("Copy differences as CSV").click();
    bench.run_steps(3);
    let wishes = bench.state_mut().0.wishes();
    let csv = |wish: &Intent| matches!(wish, Intent::Copy(csv, _) if csv.lines().count() == 4);
    assert!(wishes.iter().any(csv), "{wishes:?}");
    // What cannot be read is not called the same.
    let trouble = Problem::new("A proxy's configuration cannot be read", "connection refused", "Look at it");
    bench.state_mut().0.scene.answers.take(demo::NOW, Read::Inside(there.clone()), Err(trouble));
    bench.run_steps(3);
    assert!(said(&bench).contains("connection refused"), "{}", said(&bench));
    bench.get_by_label("Stop comparing").click();
    bench.run_steps(3);
    bench.get_by_label("Routes");
}

#[test]
fn a_proxy_is_compared_with_what_it_held() {
    let mut bench = panel(demo::scene());
    let name = demo::scene().mesh.proxies()[0].clone();
    bench.state_mut().0.intents.send(Intent::ProxyOf(name.clone()));
    bench.run_steps(3);
    answers(&mut bench, -90, &name, holds("1s", &[]));
    bench.get_by_label("Compare this proxy").click();
    bench.run_steps(3);
    bench.get_by_label("This reading is kept, to be compared with later ones");
    answers(&mut bench, -30, &name, holds("1s", &["ratings"]));
    bench.get_by_label_contains("(23:58:30 UTC)").click();
    bench.run_steps(3);
    bench.get_by_label_contains("Compared with itself 91");
    bench.get_by_label_contains("Clusters, ratings.bookinfo 9080, only it now");
    // It goes on with the newest reading.
    answers(&mut bench, 0, &name, holds("1s", &[]));
    bench.get_by_label("What is compared is the same");
}
