//! Editors with several scopes or rules: the bar has what is shown, and no wish is out of sight.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::edit::{self, FaultSpec, HeaderIs};
use mesh::{Objects, demo, kinds};
use panels::Intent;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use support::detail::{Bench, detail, drag, frames, wanted};
use support::{World, service};

fn click(bench: &mut Bench<'_>, label: &str) {
    bench.get_by_label(label).click();
    frames(bench);
}

/// Opens a menu and takes one of its choices.
fn choose(bench: &mut Bench<'_>, menu: &str, choice: &str) {
    click(bench, menu);
    click(bench, choice);
}

/// What the bar offers to push.
fn in_bar(bench: &Bench<'_>) -> Vec<String> {
    bench.state().0.ledger.entries().iter().map(|entry| entry.change.title.clone()).collect()
}

/// Bookinfo with other rules for reviews.
fn with_rules(http: Value) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let at = mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut object = (*objects[&at].0).clone();
    object["spec"]["http"] = http;
    objects.insert(at, object.into());
    objects
}

fn rows(weights: [u32; 3]) -> Value {
    let row = |(index, weight)| json!({ "destination": { "host": "reviews", "subset": format!("v{}", index + 1) }, "weight": weight });
    weights.into_iter().enumerate().map(row).collect()
}

#[test]
fn the_bar_has_the_fault_that_is_shown() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    click(&mut bench, "Fault");
    click(&mut bench, "delay calls");
    assert_eq!(in_bar(&bench), ["All other calls to reviews wait 2 s"]);
    choose(&mut bench, "fault calls", "calls with a header…");
    assert_eq!(in_bar(&bench), [""; 0], "nothing is shown, so nothing can be pushed");
    bench.get_by_label("1 not pushed elsewhere");
    bench.get_by_label_contains("Not pushed either: all other calls");
    choose(&mut bench, "fault calls", "all other calls");
    assert_eq!(in_bar(&bench), ["All other calls to reviews wait 2 s"], "the wish was kept");
    bench.get_by_label("not pushed");
}

#[test]
fn each_scope_of_mutual_tls_can_be_pushed() {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    click(&mut bench, "Mutual TLS");
    for scope in ["the whole mesh", "namespace bookinfo", "workload ratings-v1"] {
        choose(&mut bench, "mTLS scope", scope);
        choose(&mut bench, "mTLS mode", "STRICT");
    }
    assert!(in_bar(&bench)[0].starts_with("Mutual TLS of ratings-v1 becomes STRICT"));
    bench.get_by_label("not pushed, + 2 elsewhere");
    click(&mut bench, "mTLS scope");
    assert_eq!(
        bench.get_by_label("namespace bookinfo").accesskit_node().description().as_deref(),
        Some("not pushed")
    );
    click(&mut bench, "the whole mesh");
    assert!(in_bar(&bench)[0].starts_with("Mutual TLS of the mesh becomes STRICT"), "{:?}", in_bar(&bench));
    click(&mut bench, "Reset mutual TLS of ratings");
    assert_eq!(in_bar(&bench), [""; 0]);
    bench.get_by_label("2 not pushed elsewhere");
    choose(&mut bench, "mTLS scope", "namespace bookinfo");
    let id = bench.state().0.ledger.entries()[0].id;
    bench.state().0.intents.send(Intent::Dismiss(id));
    frames(&mut bench);
    bench.get_by_label("1 not pushed elsewhere");
    choose(&mut bench, "mTLS scope", "workload ratings-v1");
    click(&mut bench, "Reset mutual TLS of ratings");
    assert!(bench.query_by_label_contains("not pushed").is_none());
}

#[test]
fn drafts_of_two_editors_are_one_set() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    click(&mut bench, "Fault");
    click(&mut bench, "abort calls");
    let both = "reviews: v1 50 → 13 %, v2 30 → 7 %, v3 20 → 80 % of all other calls; \
                All other calls to reviews fail with 503";
    assert_eq!(in_bar(&bench), [both]);
    assert_eq!(bench.state().0.ledger.entries()[0].change.steps.len(), 1, "one edit of one object");
    // One of them is taken back, the other stays.
    let split = bench.state().0.ledger.set().members()[0].id;
    bench.state().0.intents.send(Intent::Dismiss(split));
    frames(&mut bench);
    assert_eq!(in_bar(&bench), ["All other calls to reviews fail with 503"]);
    assert_eq!(wanted(&bench, "reviews v3 share"), 20.0);
    // All of it is.
    drag(&mut bench, "reviews v3 share", 80.0);
    let set = bench.state().0.ledger.pending().unwrap().id;
    bench.state().0.intents.send(Intent::Dismiss(set));
    frames(&mut bench);
    assert_eq!((in_bar(&bench), wanted(&bench, "reviews v3 share")), (Vec::new(), 20.0));
    assert!(bench.query_by_label("not pushed").is_none());
}

#[test]
fn what_somebody_else_made_true_is_not_offered_any_more() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    let http = bench.state().0.scene.mesh.objects()
        [&mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews")]
        .spec()["http"][0]
        .clone();
    bench.state_mut().0.now_has(with_rules(json!([http, { "route": rows([13, 7, 80]) }])));
    frames(&mut bench);
    assert_eq!(in_bar(&bench), [""; 0]);
}

#[test]
fn a_header_needs_a_value() {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    click(&mut bench, "Fault");
    choose(&mut bench, "fault calls", "calls with a header…");
    click(&mut bench, "abort calls");
    bench.get_by_label_contains("say which header, and the value");
    let below = bench.get_by_label("delay calls").rect().top();
    click(&mut bench, "header name");
    bench.get_by_label("header name").type_text("end-user");
    frames(&mut bench);
    bench.key_press(egui::Key::Tab);
    frames(&mut bench);
    bench.get_by_label_contains("say which value");
    assert_eq!(in_bar(&bench), [""; 0]);
    assert!(
        bench.get_by_label("header value").is_focused(),
        "the cross of the first field is not in the way"
    );
    bench.get_by_label("header value").type_text("jason");
    frames(&mut bench);
    assert_eq!(bench.get_by_label("delay calls").rect().top(), below, "a field with a cross is no higher");
    bench.key_press(egui::Key::Tab);
    frames(&mut bench);
    assert_eq!(in_bar(&bench), ["Calls with end-user = jason to ratings fail with 503"]);
    click(&mut bench, "Clear header value");
    assert_eq!(in_bar(&bench), [""; 0]);
}

#[test]
fn a_header_that_has_a_rule_already_is_chosen_there() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    click(&mut bench, "Fault");
    choose(&mut bench, "fault calls", "calls with a header…");
    for (field, text) in [("header name", "End-User"), ("header value", "jason")] {
        click(&mut bench, field);
        bench.get_by_label(field).type_text(text);
        frames(&mut bench);
    }
    click(&mut bench, "delay calls");
    bench.get_by_label_contains("there is a rule for these calls");
    assert_eq!(in_bar(&bench), [""; 0]);
}

#[test]
fn only_a_fault_that_is_there_can_be_removed() {
    let disabled = |bench: &Bench<'_>| bench.get_by_label("Remove fault").accesskit_node().is_disabled();
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    click(&mut bench, "Fault");
    click(&mut bench, "abort calls");
    assert!(disabled(&bench), "Reset takes a draft back");
    let fault = json!({ "abort": { "httpStatus": 500, "percentage": { "value": 100 } } });
    let mut world = World::bookinfo().select(service("reviews"));
    world.now_has(with_rules(json!([{ "fault": fault, "route": rows([50, 30, 20]) }])));
    let mut bench = detail(world);
    assert!(!disabled(&bench));
    click(&mut bench, "Remove fault");
    assert_eq!(in_bar(&bench), ["All calls to reviews lose their fault"]);
}

/// "all calls" are "all other calls" as soon as there is a rule above.
#[test]
fn the_rule_for_all_calls_stays_shown_when_one_comes_above() {
    let mut world = World::bookinfo().select(service("reviews"));
    world.now_has(with_rules(json!([{ "route": rows([50, 30, 20]) }])));
    let mut bench = detail(world);
    drag(&mut bench, "reviews v3 share", 80.0);
    click(&mut bench, "Fault");
    choose(&mut bench, "fault calls", "calls with a header…");
    let mesh = bench.state().0.scene.mesh.clone();
    let reviews = mesh.service("bookinfo", "reviews").unwrap();
    let rule = edit::rules(&mesh, reviews).remove(0).at;
    let header = HeaderIs { name: "end-user".into(), value: "jason".into() };
    let spec = FaultSpec { delay: Some((2000, 100.0)), abort: None };
    let change = edit::fault(&mesh, &rule, Some(&header), spec).unwrap();
    let mut objects = mesh.objects().clone();
    objects.insert(change.steps[0].at.clone(), change.steps[0].after.clone().unwrap());
    bench.state_mut().0.now_has(objects);
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v3 share"), 80.0);
    bench.get_by_label_contains("VirtualService reviews · all other calls");
}

#[test]
fn the_keyboard_keeps_the_proportion_of_the_others() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    let shares = |bench: &Bench<'_>| {
        ["v1", "v2", "v3"].map(|version| wanted(bench, &format!("reviews {version} share")))
    };
    bench.get_by_label("reviews v3 share").focus();
    frames(&mut bench);
    for (key, times) in [(egui::Key::ArrowRight, 8), (egui::Key::ArrowLeft, 8)] {
        for _ in 0..times {
            bench.key_press_modifiers(egui::Modifiers::SHIFT, key);
            frames(&mut bench);
        }
    }
    assert_eq!(shares(&bench), [50.0, 30.0, 20.0]);
    for key in [egui::Key::End, egui::Key::Home] {
        bench.key_press(key);
        frames(&mut bench);
    }
    assert_eq!(shares(&bench), [63.0, 37.0, 0.0]);
    // Another slider begins from what it sees.
    bench.get_by_label("reviews v2 share").focus();
    frames(&mut bench);
    bench.key_press(egui::Key::End);
    frames(&mut bench);
    assert_eq!(shares(&bench), [0.0, 100.0, 0.0]);
}

#[test]
fn a_rule_without_shares_shows_none() {
    let mut world = World::bookinfo().select(service("reviews"));
    let conditions = json!([{ "uri": { "prefix": "/old" } }]);
    world.now_has(with_rules(
        json!([{ "match": conditions, "redirect": { "uri": "/new" } }, { "route": rows([50, 30, 20]) }]),
    ));
    let mut bench = detail(world);
    bench.get_by_label("reviews v3 share");
    click(&mut bench, "rule calls with path = /old…");
    assert!(bench.query_by_label("reviews v3 share").is_none());
    bench.get_by_label("→ redirect to /new");
}

#[test]
fn what_nobody_set_is_said_and_keeps_its_width() {
    let mut objects = demo::bookinfo_objects();
    objects.retain(|at, _| !matches!(at.kind.kind, "VirtualService" | "DestinationRule"));
    let mut world = World::bookinfo().select(service("reviews"));
    world.now_has(objects);
    let mut bench = detail(world);
    bench.get_by_label("reviews shares: not set: any pod may answer");
    let note = bench.get_by_label_contains("No routing yet").rect();
    assert!(note.right() <= 400.0 - 16.0, "{note:?} fits into a panel of 400");
    drag(&mut bench, "reviews v3 share", 60.0);
    bench.get_by_label("reviews shares: v1 20 %, v2 20 %, v3 60 %");
    assert!(bench.query_by_label_contains("No routing yet").is_none());
}

/// What may not be read is not called absent, and nothing is written over it.
#[test]
fn what_may_not_be_read_is_not_known() {
    let mut objects = demo::bookinfo_objects();
    objects
        .retain(|at, _| !matches!(at.kind.kind, "VirtualService" | "DestinationRule" | "PeerAuthentication"));
    let mut world = World::bookinfo().select(service("reviews"));
    world.now_has(objects);
    let mut unseen = mesh::Unseen::default();
    for kind in [&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE, &kinds::PEER_AUTHENTICATION] {
        let why = format!("This login may not list and watch {}.{}, in the cluster", kind.plural, kind.group);
        let why = mesh::Problem::new(format!("{} cannot be read", kind.kind), why, "Ask for the right");
        unseen.hide(kind, mesh::Hidden { but: BTreeSet::new(), why });
    }
    let all = mesh::Mesh::clone(&world.scene.mesh);
    world.scene.mesh = Arc::new(all.seeing_all_but(&Arc::new(unseen)));
    let mut bench = detail(world);
    for absent in ["No routing yet", "any pod may answer", "no subset yet", "Istio's default decides"] {
        assert!(bench.query_by_label_contains(absent).is_none(), "{absent}");
    }
    bench.get_by_label("reviews shares: not known");
    bench.get_by_label_contains("may not list and watch virtualservices.networking.istio.io");
    drag(&mut bench, "reviews v3 share", 60.0);
    assert!(bench.state_mut().0.checks().is_empty(), "nothing is judged, as nothing can be pushed");
    bench.get_by_label_contains("Nothing is written blindly");
}

#[test]
fn long_words_of_a_rule_keep_the_width() {
    let mut world = World::bookinfo().select(service("reviews"));
    let conditions = json!([{ "uri": { "prefix": format!("/{}", "path/".repeat(30)) } }]);
    let fault = json!({ "abort": { "httpStatus": 500, "percentage": { "value": 100 } } });
    world.now_has(with_rules(json!([{ "match": conditions, "fault": fault, "route": rows([50, 30, 20]) }])));
    let bench = detail(world);
    let menu = bench.get_by_label("fault calls").rect();
    assert!(menu.right() <= 400.0 - 16.0, "{menu:?} fits into a panel of 400");
}

/// A rule is known by its conditions, not by the words in which they are shown.
#[test]
fn a_header_value_may_hold_any_words() {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    click(&mut bench, "Fault");
    choose(&mut bench, "fault calls", "calls with a header…");
    for (field, text) in [("header name", "end-user"), ("header value", "rock and roll, or path = /x")] {
        click(&mut bench, field);
        bench.get_by_label(field).type_text(text);
        frames(&mut bench);
    }
    click(&mut bench, "abort calls");
    let mesh = bench.state().0.scene.mesh.clone();
    let step = bench.state_mut().0.checks().pop().unwrap().steps.remove(0);
    let mut objects = mesh.objects().clone();
    objects.insert(step.at, step.after.unwrap());
    bench.state_mut().0.now_has(objects);
    frames(&mut bench);
    assert!(bench.query_by_label_contains("not pushed").is_none(), "the draft came true");
    assert!(bench.query_by_label("header value").is_none(), "the rule that came of it is shown");
    bench.get_by_label("abort calls");
}

/// A proxy that lags is named, where the mesh is summed up and at its pod.
#[test]
fn a_proxy_out_of_sync_is_named() {
    let mut world = World::bookinfo();
    let mut proxies = (**world.scene.proxies.value().unwrap()).clone();
    let late = proxies.iter_mut().find(|proxy| proxy.name.starts_with("ratings-v1")).unwrap();
    late.types.insert("RDS".into(), mesh::scene::SyncState::Stale);
    world.scene.proxies = mesh::Remote::Live(Arc::new(proxies), demo::NOW);
    let bench = detail(world);
    bench.get_by_label_contains("ratings-v1-6f8d7c9b4-aaaaa.bookinfo is out of sync");
}

/// In another namespace another pod has the same name: StatefulSets number theirs.
#[test]
fn a_pod_of_another_namespace_is_not_called_out_of_sync() {
    let lagging = |namespace: &str| {
        let mut world = World::bookinfo().select(service("ratings"));
        let mut proxies = (**world.scene.proxies.value().unwrap()).clone();
        let late = proxies.iter().find(|proxy| proxy.name.starts_with("ratings-v1")).unwrap();
        let (pod, _) = late.name.rsplit_once('.').unwrap();
        let mut other = mesh::scene::Proxy { name: format!("{pod}.{namespace}"), ..late.clone() };
        other.types.insert("RDS".into(), mesh::scene::SyncState::Stale);
        proxies.insert(0, other);
        world.scene.proxies = mesh::Remote::Live(Arc::new(proxies), demo::NOW);
        let told = detail(world).get_by_label_contains("pod ratings-v1").accesskit_node().description();
        told.unwrap().contains("out of sync")
    };
    assert!(lagging("bookinfo"));
    assert!(!lagging("shop"));
}

#[test]
fn a_rule_that_goes_and_comes_back_is_the_drafts_again() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    let title = in_bar(&bench);
    assert_eq!(title.len(), 1);
    let at = mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut without = demo::bookinfo_objects();
    without.remove(&at);
    bench.state_mut().0.now_has(without);
    frames(&mut bench);
    bench.get_by_label_contains("cannot be changed here any more");
    assert_eq!(in_bar(&bench), [""; 0]);
    bench.state_mut().0.now_has(demo::bookinfo_objects());
    frames(&mut bench);
    assert!(bench.query_by_label_contains("cannot be changed here any more").is_none());
    assert_eq!(wanted(&bench, "reviews v3 share"), 80.0, "the draft is there");
    assert_eq!(in_bar(&bench), title, "and waits for Push again");
}
