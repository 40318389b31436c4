//! Editors as the user meets them in the detail: names, gestures, drafts that are never lost.
#![allow(clippy::unwrap_used)]

mod support;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use mesh::{Objects, demo};
use panels::{Intent, Selected};
use support::detail::{Bench, detail, drag, frames, wanted};
use support::{World, service};

#[test]
fn a_drag_is_judged_once_when_it_ends() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    let checks = bench.state_mut().0.checks();
    assert_eq!(checks.len(), 1, "one check per drag");
    assert_eq!(checks[0].title, "reviews: v1 50 → 13 %, v2 30 → 7 %, v3 20 → 80 % of all other calls");
    let shares = ["v1", "v2", "v3"].map(|version| wanted(&bench, &format!("reviews {version} share")));
    assert_eq!(shares.iter().sum::<f64>(), 100.0);
    assert_eq!(shares[2], 80.0);
}

/// Measured data comes whenever it comes, and what is drawn above the slider with it.
#[test]
fn news_in_the_middle_of_a_drag_lose_nothing() {
    let mut world = World::bookinfo().select(service("reviews"));
    let traffic = std::mem::replace(&mut world.scene.traffic, mesh::Remote::Waiting);
    let mut bench = detail(world);
    let at = |bench: &Bench<'_>, percent: f32| {
        let track = bench.get_by_label("reviews v3 share").rect();
        egui::pos2(track.left() + 8.0 + (track.width() - 16.0) * percent / 100.0, track.top() + 14.0)
    };
    bench.drag_at(at(&bench, 20.0));
    bench.step();
    bench.hover_at(at(&bench, 80.0));
    bench.step();
    bench.state_mut().0.scene.traffic = traffic;
    bench.step();
    bench.drop_at(at(&bench, 80.0));
    frames(&mut bench);
    assert_eq!((wanted(&bench, "reviews v3 share"), bench.state_mut().0.checks().len()), (80.0, 1));

    // The keyboard stays where it was, too.
    bench.state_mut().0.scene.traffic = mesh::Remote::Waiting;
    frames(&mut bench);
    bench.key_press(egui::Key::ArrowRight);
    frames(&mut bench);
    assert_eq!((wanted(&bench, "reviews v3 share"), bench.state_mut().0.checks().len()), (81.0, 1));
}

#[test]
fn arrow_keys_move_by_one_and_shift_by_ten() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    bench.get_by_label("reviews v3 share").focus();
    frames(&mut bench);
    bench.key_press(egui::Key::ArrowRight);
    frames(&mut bench);
    assert_eq!((wanted(&bench, "reviews v3 share"), bench.state_mut().0.checks().len()), (21.0, 1));
    bench.key_press_modifiers(egui::Modifiers::SHIFT, egui::Key::ArrowRight);
    frames(&mut bench);
    assert_eq!((wanted(&bench, "reviews v3 share"), bench.state_mut().0.checks().len()), (31.0, 1));
}

#[test]
fn a_locked_share_stays() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    bench.get_by_label("Lock reviews v1 share").click();
    frames(&mut bench);
    drag(&mut bench, "reviews v3 share", 90.0);
    assert_eq!(
        ["v1", "v2", "v3"].map(|version| wanted(&bench, &format!("reviews {version} share"))),
        [50.0, 0.0, 50.0]
    );
}

#[test]
fn even_and_reset() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    bench.get_by_label("Even").click();
    frames(&mut bench);
    assert_eq!((wanted(&bench, "reviews v2 share"), bench.state_mut().0.checks().len()), (33.0, 1));
    bench.get_by_label("Reset traffic split of reviews").click();
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v2 share"), 30.0);
    let wishes = bench.state_mut().0.wishes();
    assert!(matches!(wishes[..], [Intent::Dismiss(_)]), "what was asked for is taken back: {wishes:?}");
}

#[test]
fn another_rule_has_its_own_shares() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    bench.get_by_label_contains("end-user = jason").click();
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v2 share"), 100.0);
    drag(&mut bench, "reviews v3 share", 40.0);
    assert_eq!(
        bench.state_mut().0.checks().remove(0).title,
        "v3 of reviews gets 40 % instead of 0 %, v2 60 % instead of 100 % of calls with end-user = jason"
    );
}

/// Bookinfo with other weights, as if somebody else had changed them.
fn somebody_elses(weights: [u32; 3]) -> Objects {
    let mut objects = demo::bookinfo_objects();
    let at = mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut object = (*objects[&at].0).clone();
    for (row, weight) in weights.into_iter().enumerate() {
        *object.pointer_mut(&format!("/spec/http/1/route/{row}/weight")).unwrap() = weight.into();
    }
    objects.insert(at, object.into());
    objects
}

#[test]
fn a_draft_survives_looking_elsewhere() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    bench.state_mut().0.selected = Some(service("ratings"));
    frames(&mut bench);
    bench.state_mut().0.selected = None;
    frames(&mut bench);
    bench.state_mut().0.selected =
        Some(Selected::App("bookinfo".into(), "reviews".into(), Some("v3".into())));
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v3 share"), 80.0, "the same draft, from wherever it is selected");
    bench.get_by_label("not pushed");
}

#[test]
fn new_data_never_overwrites_a_draft() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    bench.state_mut().0.wishes();
    bench.state_mut().0.now_has(somebody_elses([10, 80, 10]));
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v3 share"), 80.0);
    bench.get_by_label("Rebuild").click();
    frames(&mut bench);
    let rebuilt = bench.state_mut().0.checks().remove(0);
    assert_eq!(rebuilt.title, "reviews: v1 10 → 13 %, v2 80 → 7 %, v3 10 → 80 % of all other calls");
    assert!(bench.query_by_label("Rebuild").is_none());
}

#[test]
fn an_untouched_editor_follows_the_cluster() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    bench.state_mut().0.now_has(somebody_elses([10, 80, 10]));
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v2 share"), 80.0);
    assert!(bench.query_by_label("not pushed").is_none());
}

#[test]
fn what_was_pushed_is_no_draft_any_more() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    let shares = ["v1", "v2", "v3"].map(|version| wanted(&bench, &format!("reviews {version} share")) as u32);
    bench.state_mut().0.now_has(somebody_elses(shares));
    frames(&mut bench);
    assert!(bench.query_by_label("not pushed").is_none());
}

#[test]
fn dismissing_takes_the_draft_back() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    let id = bench.state().0.ledger.entries()[0].id;
    bench.state().0.intents.send(Intent::Dismiss(id));
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v3 share"), 20.0);
}

#[test]
fn an_abort_for_all_calls() {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    bench.get_by_label("Fault").click();
    frames(&mut bench);
    bench.get_by_label("abort calls").click();
    frames(&mut bench);
    assert_eq!(bench.state_mut().0.checks().remove(0).title, "All calls to ratings fail with 503");
    assert_eq!((wanted(&bench, "abort status"), wanted(&bench, "abort percentage")), (503.0, 100.0));
    let status = bench.get_by_label("abort status");
    status.click();
    bench.run_steps(2);
    bench.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    bench.get_by_label("abort status").type_text("418");
    bench.run_steps(2);
    bench.key_press(egui::Key::Enter);
    frames(&mut bench);
    let titles: Vec<String> = bench.state_mut().0.checks().into_iter().map(|change| change.title).collect();
    assert_eq!(titles, ["All calls to ratings fail with 418"]);
}

/// A number that cannot be is refused with words, and stays in its field: no other takes its place.
#[test]
fn a_status_that_is_none_is_refused_and_kept() {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    bench.get_by_label("Fault").click();
    frames(&mut bench);
    bench.get_by_label("abort calls").click();
    frames(&mut bench);
    bench.state_mut().0.checks();
    let typed = |bench: &mut Bench<'_>, field: &str, text: &str| {
        bench.get_by_label(field).click();
        bench.run_steps(2);
        bench.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        bench.get_by_label(field).type_text(text);
        bench.run_steps(2);
        bench.key_press(egui::Key::Enter);
        frames(bench);
    };
    let shown = |bench: &Bench<'_>, field: &str| {
        let node = bench.get_by_label(field);
        let node = node.accesskit_node();
        (node.value().unwrap_or_default(), node.description().unwrap_or_default())
    };
    for (text, words) in [("99", "At least 200"), ("5003", "At most 599"), ("503.5", "write a whole number")]
    {
        typed(&mut bench, "abort status", text);
        let (value, why) = shown(&bench, "abort status");
        assert!(value.contains(text) && why.contains(words), "{text}: {value:?} {why:?}");
        assert_eq!(wanted(&bench, "abort status"), 503.0, "{text}");
    }
    let titles: Vec<String> = bench.state_mut().0.checks().into_iter().map(|change| change.title).collect();
    assert!(titles.iter().all(|title| title == "All calls to ratings fail with 503"), "{titles:?}");
    typed(&mut bench, "abort status", "418");
    assert_eq!((wanted(&bench, "abort status"), shown(&bench, "abort status").1), (418.0, String::new()));
    let share = "reviews v3 share in percent";
    let mut split = detail(World::bookinfo().select(service("reviews")));
    for (text, percent) in [("35 %", 35.0), ("40%", 40.0), ("140", 40.0), ("5,5", 40.0)] {
        typed(&mut split, share, text);
        assert_eq!(wanted(&split, "reviews v3 share"), percent, "{text}");
    }
    assert!(shown(&split, share).1.contains("write a whole number"));
    for (text, percent) in [("5 %", 5.0), ("7%", 7.0), ("5,5", 5.5)] {
        typed(&mut bench, "abort percentage", text);
        assert_eq!(wanted(&bench, "abort percentage"), percent, "{text}");
    }
}

/// Istio makes no call fail for a fault that does not say how many, and the editor says so.
#[test]
fn a_fault_without_a_percentage_is_for_none_of_the_calls() {
    let mut world = World::bookinfo().select(service("reviews"));
    let at = mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "reviews");
    let mut objects = demo::bookinfo_objects();
    let mut object = (*objects[&at].0).clone();
    let last = object["spec"]["http"].as_array().unwrap().len() - 1;
    object["spec"]["http"][last]["fault"] = serde_json::json!({ "abort": { "httpStatus": 503 } });
    objects.insert(at, object.into());
    world.now_has(objects);
    let bench = detail(world);
    assert_eq!((wanted(&bench, "abort status"), wanted(&bench, "abort percentage")), (503.0, 0.0));
}

#[test]
fn a_delay_for_calls_with_a_header() {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    bench.get_by_label("Fault").click();
    frames(&mut bench);
    bench.get_by_label("fault calls").click();
    frames(&mut bench);
    bench.get_by_label("calls with a header…").click();
    frames(&mut bench);
    for (field, text) in [("header name", "end-user"), ("header value", "jason")] {
        bench.get_by_label(field).click();
        frames(&mut bench);
        bench.get_by_label(field).type_text(text);
        frames(&mut bench);
    }
    bench.get_by_label("delay calls").click();
    frames(&mut bench);
    let last = bench.state_mut().0.checks().pop().unwrap();
    assert_eq!(last.title, "Calls with end-user = jason to ratings wait 2 s");
}

#[test]
fn strict_mutual_tls_says_who_is_cut_off() {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    bench.get_by_label("Mutual TLS").click();
    frames(&mut bench);
    bench.get_by_label("mTLS scope").click();
    frames(&mut bench);
    bench.get_by_label("namespace bookinfo").click();
    frames(&mut bench);
    bench.get_by_label("mTLS mode").click();
    frames(&mut bench);
    bench.get_by_label("STRICT").click();
    frames(&mut bench);
    let checks = bench.state_mut().0.checks();
    assert_eq!(checks.len(), 1);
    assert!(
        checks[0].title.starts_with("Mutual TLS of namespace bookinfo becomes STRICT"),
        "{}",
        checks[0].title
    );
    bench.get_by_label_contains("No plaintext call was seen in the last 1 min. Who calls more seldom");
}

#[test]
fn a_pushed_rule_stays_chosen() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    bench.get_by_label_contains("end-user = jason").click();
    frames(&mut bench);
    bench.state_mut().0.now_has(somebody_elses([10, 80, 10]));
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v2 share"), 100.0, "still jason's rule");
}

#[test]
fn drafts_of_one_cluster_are_not_for_another() {
    let mut bench = detail(World::bookinfo().select(service("reviews")));
    drag(&mut bench, "reviews v3 share", 80.0);
    bench.state_mut().0.scene.cluster = Some(mesh::journal::Cluster::sandbox("another"));
    frames(&mut bench);
    assert_eq!(wanted(&bench, "reviews v3 share"), 20.0);
}

#[test]
fn routing_that_is_not_there_yet_is_made() {
    let mut objects = demo::bookinfo_objects();
    objects.retain(|at, _| !matches!(at.kind.kind, "VirtualService" | "DestinationRule"));
    let mut world = World::bookinfo().select(service("reviews"));
    world.now_has(objects);
    let mut bench = detail(world);
    drag(&mut bench, "reviews v3 share", 60.0);
    let change = bench.state_mut().0.checks().remove(0);
    let made: Vec<&str> = change.steps.iter().map(|step| step.at.kind.kind).collect();
    assert_eq!(made, ["DestinationRule", "VirtualService"], "subsets before the route that uses them");
}

#[test]
fn one_version_is_nothing_to_split() {
    let mut bench = detail(World::bookinfo().select(service("ratings")));
    frames(&mut bench);
    assert!(bench.query_by_label("Even").is_none());
    bench.get_by_label("caller reviews v2");
}

/// Laws over the table: a draft that nobody touched changes nothing, and names itself the same from every
/// side.
#[test]
fn untouched_drafts_change_nothing() {
    let world = World::bookinfo();
    let mesh = world.scene.mesh.clone();
    let services = mesh
        .services()
        .map(|service| Selected::Service(service.namespace.to_string(), service.name.to_string()));
    let workloads = mesh
        .workloads()
        .map(|workload| Selected::Workload(workload.namespace.to_string(), workload.name.to_string()));
    let mut offered = 0;
    for selected in services.chain(workloads) {
        for row in panels::editors::EDITORS {
            let Some(mut draft) = (row.open)(&mesh, &selected) else { continue };
            draft.follow(&world.cx());
            assert_eq!(draft.change(&mesh), Ok(None), "{} of {selected:?}", row.about.name);
            assert!(!draft.id().is_empty());
            offered += 1;
        }
    }
    assert!(offered > 10, "{offered}");
}

#[test]
fn an_editor_that_was_asked_for_is_unfolded() {
    let mut bench = detail(World::bookinfo());
    let edit = Intent::Edit(service("ratings"), "Fault");
    bench.state().0.intents.send(edit.clone());
    frames(&mut bench);
    assert!(bench.state_mut().0.wishes().contains(&edit));
    bench.state_mut().0.selected = Some(service("ratings"));
    frames(&mut bench);
    bench.get_by_label("abort calls");
}

/// Bookinfo whose reviews leave endpoints out that fail.
fn with_ejection() -> Objects {
    let mut objects = demo::bookinfo_objects();
    let at = mesh::Ref::new(&mesh::kinds::DESTINATION_RULE, "bookinfo", "reviews");
    let mut rule = (*objects[&at].0).clone();
    rule["spec"]["trafficPolicy"] = serde_json::json!({ "outlierDetection": { "consecutive5xxErrors": 3 } });
    objects.insert(at, rule.into());
    objects
}

#[test]
fn endpoints_that_callers_leave_out_stand_beside_the_circuit_breaker() {
    let mut world = World::bookinfo().select(service("reviews"));
    world.now_has(with_ejection());
    let mut bench = detail(world);
    frames(&mut bench);
    bench.get_by_label_contains("Asking the callers' proxies");
    let wanted = bench.state_mut().0.wanted.take().into_keys();
    let asked =
        wanted.filter_map(|read| if let mesh::Read::Endpoints(query) = read { Some(query) } else { None });
    let [query] = &asked.collect::<Vec<_>>()[..] else { panic!("one question") };
    assert_eq!(query.host, "reviews.bookinfo.svc.cluster.local");
    assert!(query.proxies.iter().all(|proxy| proxy.starts_with("productpage-v1")), "{query:?}");
    let seen = |ejected| {
        let proxy = query.proxies[0].clone();
        let one = |address: &str, ejected| mesh::endpoints::Endpoint {
            proxy: proxy.clone(),
            address: address.into(),
            subset: "v1".into(),
            ejected,
        };
        mesh::endpoints::Endpoints {
            seen: vec![one("10.9.9.1:9080", ejected), one("10.9.9.2:9080", false)],
            asked: vec![proxy.clone()],
            unread: vec![("other.bookinfo".into(), "it is gone".into())],
        }
    };
    for (ejected, says) in [
        (false, "None of 2 endpoints is left out by 1 caller's proxy, 1 could not be asked"),
        (true, "1 of 2 endpoints left out"),
    ] {
        let answer = mesh::Answer::Endpoints(std::sync::Arc::new(seen(ejected)));
        let read = mesh::Read::Endpoints(query.clone());
        bench.state_mut().0.scene.answers.take(demo::NOW, read, Ok(answer));
        frames(&mut bench);
        bench.get_by_label_contains(says);
    }
    bench.get_by_label_contains("10.9.9.1:9080 by 1 of 1 caller's proxy");
}
