//! A change on its way: judged, written, seen, acknowledged, live, measured; and all that can stop it.

mod common;

use cluster::{Command, Of, Target};
use common::cast::{Form, Manner};
use common::{World, split};
use mesh::{Edit, Fact, Scene, Theirs};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The moment at which everything here is live, on Prometheus' clock.
const LIVE: f64 = 1000.0;

/// Counters of calls to each version of reviews: as they were, then as much more as is said, then that again.
fn counters(counts: [u32; 3]) -> Value {
    let row = |(version, count): (usize, u32)| {
        let at = |secs: f64, value: u32| json!([LIVE + secs, value.to_string()]);
        json!({ "metric": { "job": "pods", "instance": "10.0.0.1:15020",
                "destination_workload_namespace": "bookinfo", "destination_workload": format!("reviews-v{}", version + 1),
                "response_code": "200", "response_flags": "-" },
            "values": [at(-5.0, 500), at(0.0, 7_000), at(5.0, 7_000 + count), at(10.0, 7_000 + 2 * count)] })
    };
    counts.into_iter().enumerate().map(row).collect()
}

#[tokio::test]
async fn a_drag_goes_all_the_way() {
    let world = World::bookinfo().await;
    world.cast.play(|script| {
        let clock = json!([{ "metric": {}, "value": [LIVE, LIVE.to_string()] }]);
        script.answers.push(("vector(time())".into(), clock));
        // The thousands of calls before it was live went elsewhere: they do not count.
        script.answers.push((
            "destination_service=\"reviews.bookinfo.svc.cluster.local\"}[".into(),
            counters([49, 0, 201]),
        ));
    });
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let change = split(&scene, [20, 0, 80]);
    assert!(matches!(connection.check(&change).await, Fact::Checked(warnings) if warnings.is_empty()));
    assert_eq!(world.weights(), [50, 30, 20], "a dry run changes nothing");
    connection.push(&change).await;
    let told = connection.facts_until(&["measured", "refused", "unknowable", "conflict"]).await;
    assert_eq!(told.first().map(String::as_str), Some("accepted 1"));
    assert_eq!(told[1], "seen");
    assert_eq!(told[told.len() - 3..], ["acked 6/6", "live", "measured 500"]);
    assert_eq!(world.weights(), [20, 0, 80]);
    let reviews = world.api.store().get("VirtualService", "bookinfo", "reviews").expect("reviews");
    let managers = reviews["metadata"]["managedFields"].as_array().expect("managers");
    assert!(managers.iter().any(|entry| entry["manager"] == "binnacle"), "{managers:?}");
    let agents = world.cast.script.lock().agents.clone();
    let agent = concat!("binnacle/", env!("CARGO_PKG_VERSION"));
    assert!(!agents.is_empty() && agents.iter().all(|told| told == agent), "{agents:?}");
}

/// What nothing in a proxy's configuration can show is not called live, though everything is stored.
#[tokio::test]
async fn what_cannot_be_seen_is_not_called_live() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let mut change = split(&scene, [20, 0, 80]);
    change.evidence = mesh::evidence::Evidence::default();
    connection.push(&change).await;
    let told = connection.facts_until(&["live", "refused", "unknowable"]).await;
    assert_eq!(told[..2], ["accepted 1", "seen"]);
    // Who was sent something since says whether it took that: so much is known.
    let last = told.last().expect("a fact");
    let took = last.strip_prefix("unknowable It is stored, and ").and_then(|said| said.split(" of ").next());
    assert!(took.and_then(|took| took.parse::<u32>().ok()).is_some_and(|took| took > 0), "{told:?}");
    assert!(told.iter().any(|fact| fact.starts_with("acked")), "{told:?}");
    assert_eq!(world.weights(), [20, 0, 80]);
}

/// Nothing was claimed of the proxies, and yet a refusal is heard.
#[tokio::test]
async fn a_refusal_of_what_nobody_claimed_is_told() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let mut change = split(&scene, [20, 0, 80]);
    change.evidence = mesh::evidence::Evidence::default();
    world.cast.play(|script| script.manner = Manner::Nack("route 9080: bad regex".into()));
    connection.push(&change).await;
    let told = connection.facts_until(&["live", "refused", "unknowable"]).await;
    let last = told.last().expect("a fact");
    assert!(last.contains(".bookinfo refuses the new configuration: Envoy says to"), "{told:?}");
}

#[tokio::test]
async fn undo_puts_the_bytes_back() {
    let world = World::bookinfo().await;
    let before =
        world.api.store().get("VirtualService", "bookinfo", "reviews").expect("reviews")["spec"].to_string();
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let change = split(&scene, [20, 0, 80]);
    connection.push(&change).await;
    let Fact::Accepted(applied) = connection.fact().await else { panic!("not accepted") };
    connection.facts_until(&["live"]).await;
    let undo = change.inverse(&applied.into_iter().map(Some).collect::<Vec<_>>()).expect("an inverse");
    connection.push(&undo).await;
    connection.facts_until(&["live"]).await;
    let after =
        world.api.store().get("VirtualService", "bookinfo", "reviews").expect("reviews")["spec"].to_string();
    assert_eq!(after, before);
}

#[tokio::test]
async fn somebody_elses_edit_is_not_overwritten() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let change = split(&scene, [20, 0, 80]);
    let edit = |object: &mut Value| object["spec"]["http"][1]["route"][0]["weight"] = json!(60);
    world.api.store().modify("VirtualService", "bookinfo", "reviews", edit).expect("an edit");
    let (id, wanted) = (connection.change_id(), || Box::new(change.clone()));
    for command in [Command::Check(id, wanted()), Command::Push(id, wanted(), Of::default())] {
        connection.send(command).await;
        let Fact::Conflict { theirs: Theirs { now: Some(now), .. }, problem } = connection.fact().await
        else {
            panic!("no conflict")
        };
        assert_eq!(now.spec()["http"][1]["route"][0]["weight"], 60);
        assert!(problem.what.starts_with("VirtualService bookinfo/reviews was not changed"), "{problem}");
        assert!(problem.why.contains("spec.http.1"), "{problem}");
    }
    assert_eq!(world.weights(), [60, 30, 20]);
    // One press rebuilds it on the newer version.
    let fresh = |scene: &Arc<Scene>| {
        scene.mesh.objects().iter().any(|(at, object)| {
            *at.name == *"reviews" && object.spec()["http"][1]["route"][0]["weight"] == 60
        })
    };
    let scene = connection.until("the other edit", fresh).await;
    connection.push(&split(&scene, [20, 0, 80])).await;
    connection.facts_until(&["live"]).await;
}

#[tokio::test]
async fn a_deleted_object_is_a_conflict_too() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.api.store().delete("VirtualService", "bookinfo", "reviews").expect("a deletion");
    let fact = connection.check(&split(&scene, [20, 0, 80])).await;
    assert!(
        matches!(&fact, Fact::Conflict { theirs: Theirs { now: None, .. }, problem }
            if problem.why == "It was deleted meanwhile"),
        "{fact:?}"
    );
}

#[tokio::test]
async fn a_missing_right_is_named() {
    let world = World::bookinfo().await;
    world.deny("patch", "virtualservices");
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let Fact::Refused(problem) = connection.check(&split(&scene, [20, 0, 80])).await else {
        panic!("not refused")
    };
    assert_eq!(
        problem.next,
        "Ask for the right to patch virtualservices.networking.istio.io in namespace bookinfo"
    );
}

#[tokio::test]
async fn a_wrong_value_is_refused_with_its_field() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let mut change = split(&scene, [20, 0, 80]);
    let patch = json!([{ "op": "replace", "path": "/spec/http/1/route/0/weight", "value": "many" }]);
    change.steps[0].edit = Edit::Patch(serde_json::from_value(patch).expect("a patch"));
    let Fact::Refused(problem) = connection.check(&change).await else { panic!("not refused") };
    assert!(problem.why.contains("spec.http[1].route[0].weight"), "{problem}");
}

#[tokio::test]
async fn unknown_fields_are_warned_of() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let mut change = split(&scene, [20, 0, 80]);
    let patch = json!([{ "op": "add", "path": "/spec/weather", "value": "fair" }]);
    change.steps[0].edit = Edit::Patch(serde_json::from_value(patch).expect("a patch"));
    let fact = connection.check(&change).await;
    assert!(
        matches!(&fact, Fact::Checked(warnings) if warnings == &["unknown field \"spec.weather\""]),
        "{fact:?}"
    );
}

#[tokio::test]
async fn a_failure_half_way_is_undone_and_said() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let mut change = split(&scene, [20, 0, 80]);
    let mut second = split(&scene, [0, 0, 100]).steps.remove(0);
    second.at = mesh::Ref::new(&mesh::kinds::VIRTUAL_SERVICE, "bookinfo", "nobody");
    change.steps.push(second);
    connection.push(&change).await;
    let fact = connection.fact().await;
    let Fact::Conflict { theirs: Theirs { at, now: None }, problem } = fact else { panic!("{fact:?}") };
    assert_eq!(&*at.name, "nobody");
    assert_eq!(
        problem.why,
        "It was deleted meanwhile. What was written before it (VirtualService bookinfo/reviews) was put back"
    );
    assert_eq!(world.weights(), [50, 30, 20]);
}

#[tokio::test]
async fn a_read_only_connection_writes_nothing() {
    let world = World::bookinfo().await;
    let mut connection = world.connect_to(Target { read_only: true, ..world.target() });
    let scene = connection.ready().await;
    connection.push(&split(&scene, [20, 0, 80])).await;
    assert!(
        matches!(connection.fact().await, Fact::Refused(problem) if problem.why == "This connection is read-only")
    );
    assert_eq!(world.weights(), [50, 30, 20]);
}

#[tokio::test]
async fn a_refusal_of_a_proxy_is_told_in_its_words() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.cast.play(|script| script.manner = Manner::Nack("route 9080: bad regex".into()));
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(&["refused", "live"]).await;
    let last = told.last().expect("a fact");
    assert!(
        last.contains(".bookinfo refuses the new configuration: Envoy says to RDS: route 9080: bad regex"),
        "{told:?}"
    );
}

#[tokio::test]
async fn an_older_istiod_tells_a_refusal_in_its_log() {
    let world = World::bookinfo().await;
    world.cast.play(|script| script.form = Form::Older);
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let proxy = scene.mesh.proxies().into_iter().find(|name| name.starts_with("details")).expect("details");
    world.cast.play(|script| {
        script.manner = Manner::Nack(String::new());
        script.refuses = Some(proxy.clone());
    });
    connection.push(&split(&scene, [20, 0, 80])).await;
    connection.facts_until(&["acked 5/6"]).await;
    world.log.push(&format!(
        "2026-01-01T00:00:00Z\twarn\tads\tADS:RDS: ACK ERROR {proxy}-4 Internal:no such cluster"
    ));
    let told = connection.facts_until(&["refused", "live", "unknowable"]).await;
    let last = told.last().expect("a fact");
    assert!(last.contains("details") && last.contains("Internal:no such cluster"), "{told:?}");
}

#[tokio::test]
async fn an_older_istiod_confirms_too() {
    let world = World::bookinfo().await;
    world.cast.play(|script| script.form = Form::Older);
    let mut connection = world.connect();
    let scene = connection.ready().await;
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(&["live", "refused", "unknowable"]).await;
    assert_eq!(told[told.len() - 2..], ["acked 6/6", "live"], "{told:?}");
}

#[tokio::test]
async fn proxies_that_hold_it_already_count_as_acknowledged() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.cast.play(|script| script.manner = Manner::Known);
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(&["live", "refused", "unknowable"]).await;
    assert_eq!(told[told.len() - 2..], ["acked 6/6", "live"], "{told:?}");
}

#[tokio::test]
async fn without_port_forward_it_goes_as_far_as_can_be_known() {
    let world = World::bookinfo().await;
    world.deny("*", "pods/portforward");
    let mut connection = world.connect();
    let scene = connection.ready().await;
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(&["live", "refused", "unknowable"]).await;
    assert_eq!(told[..2], ["accepted 1", "seen"]);
    assert!(told[2].contains("may not create pods/portforward in namespace istio-system"), "{told:?}");
}

#[tokio::test]
async fn without_istiod_it_says_so() {
    let world =
        World::with(|objects| objects.retain(|object| object["metadata"]["labels"]["app"] != "istiod")).await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(&["live", "refused", "unknowable"]).await;
    assert!(told[2].contains("No pod in istio-system has the label app=istiod"), "{told:?}");
}

#[tokio::test]
async fn a_push_is_finished_when_the_window_closes() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.api.faults().delay(Duration::from_millis(300));
    // The window closes before anybody has even taken the order.
    connection.push(&split(&scene, [20, 0, 80])).await;
    connection.cluster.finish().await;
    assert_eq!(world.weights(), [20, 0, 80]);
}

#[tokio::test]
async fn both_objects_of_a_pair_are_there_when_the_window_closes() {
    let world = World::with(|objects| {
        objects
            .retain(|object| !matches!(object["kind"].as_str(), Some("VirtualService" | "DestinationRule")));
    })
    .await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.api.faults().delay(Duration::from_millis(300));
    connection.push(&pair(&scene)).await;
    connection.cluster.finish().await;
    assert_eq!(
        [world.api.store().list("DestinationRule").len(), world.api.store().list("VirtualService").len()],
        [1, 1]
    );
}

#[tokio::test]
async fn without_istios_kinds_nothing_is_written_and_the_reason_is_said() {
    let world = World::with(|objects| {
        objects
            .retain(|object| !matches!(object["kind"].as_str(), Some("VirtualService" | "DestinationRule")));
    })
    .await;
    for kind in ["virtualservices", "destinationrules"] {
        world.api.faults().hide(&format!("{kind}.networking.istio.io"));
    }
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let Fact::Refused(problem) = connection.check(&pair(&scene)).await else { panic!("not refused") };
    assert_eq!(problem.what, "DestinationRule bookinfo/reviews was not created");
    assert_eq!(problem.why, "The cluster does not know destinationrules.networking.istio.io");
}

/// Routing for reviews where there is none: a DestinationRule, then a VirtualService.
fn pair(scene: &Scene) -> mesh::Change {
    let service = scene.mesh.services().find(|service| &*service.name == "reviews").expect("reviews");
    let rule = mesh::edit::rules(&scene.mesh, service).remove(0).at;
    let wanted = mesh::split::Split::new([("v1", 20), ("v2", 0), ("v3", 80)]).expect("shares that make 100");
    mesh::edit::split(&scene.mesh, &rule, &wanted).expect("a change")
}

#[tokio::test]
async fn a_pair_is_created_in_order_and_deleted_again() {
    let world = World::with(|objects| {
        objects
            .retain(|object| !matches!(object["kind"].as_str(), Some("VirtualService" | "DestinationRule")));
    })
    .await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let change = pair(&scene);
    let kinds: Vec<&str> = change.steps.iter().map(|step| step.at.kind.kind).collect();
    assert_eq!(kinds, ["DestinationRule", "VirtualService"]);
    assert!(matches!(connection.check(&change).await, Fact::Checked(_)));
    connection.push(&change).await;
    let Fact::Accepted(applied) = connection.fact().await else { panic!("not accepted") };
    connection.facts_until(&["live"]).await;
    assert!(
        applied
            .iter()
            .filter_map(|stored| stored.after.as_ref())
            .all(|object| object.generation() == 1 && object.0["metadata"].get("managedFields").is_none())
    );
    let undo = change.inverse(&applied.into_iter().map(Some).collect::<Vec<_>>()).expect("an inverse");
    connection.push(&undo).await;
    connection.facts_until(&["seen"]).await;
    assert!(
        world.api.store().list("VirtualService").is_empty()
            && world.api.store().list("DestinationRule").is_empty()
    );
}

#[tokio::test]
async fn acknowledged_but_not_to_be_looked_at() {
    let world = World::bookinfo().await;
    world.deny("*", "pods/portforward");
    let url = Some(format!("http://{}", world.cast.istiod_at));
    let mut connection = world.connect_to(Target { istiod: url, ..world.target() });
    let scene = connection.ready().await;
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(&["live", "refused", "unknowable"]).await;
    assert_eq!(told[told.len() - 2], "acked 6/6");
    assert!(
        told[told.len() - 1].contains("may not create pods/portforward in namespace bookinfo"),
        "{told:?}"
    );
}
