//! After a push: what istiod, the proxies and the pods do meanwhile, and what of it is the change's own
//! doing.

mod common;

use common::cast::{Form, Manner};
use common::{Connection, World, split};
use mesh::{Fact, Object, Scene};
use serde_json::json;

const ENDS: &[&str] = &["live", "refused"];

/// A proxy of this app.
fn proxy(scene: &Scene, app: &str) -> String {
    scene.mesh.proxies().into_iter().find(|name| name.starts_with(app)).expect("a proxy")
}

async fn is_live(connection: &mut Connection) {
    let told = connection.facts_until(ENDS).await;
    assert_eq!(told.last().map(String::as_str), Some("live"), "{told:?}");
}

/// Until the next acknowledgement an old refusal stands beside a new push, and it may come again.
#[tokio::test]
async fn an_old_refusal_is_not_blamed_on_a_new_push() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.cast.play(|script| {
        script.refused(&proxy(&scene, "details"), "listener 0.0.0.0_80: bad filter");
        script.manner = Manner::Later;
    });
    connection.push(&split(&scene, [20, 0, 80])).await;
    connection.facts_until(&["acked 0/6"]).await;
    world.cast.play(|script| script.answer());
    is_live(&mut connection).await;
    // It refuses everything, for the old reason: whether it took the change says its configuration.
    let other = scene_after(&mut connection).await;
    world.cast.play(|script| {
        script.refused(&proxy(&scene, "details"), "bad filter");
        script.manner = Manner::Nack("bad filter".into());
        script.refuses = Some(proxy(&scene, "details"));
    });
    connection.push(&split(&other, [0, 0, 100])).await;
    connection.facts_until(&["acked 5/6"]).await;
    world.cast.play(|script| {
        script.manner = Manner::Later;
        script.show(&world.api.store().get("VirtualService", "bookinfo", "reviews").expect("reviews"));
    });
    is_live(&mut connection).await;
}

async fn scene_after(connection: &mut Connection) -> std::sync::Arc<Scene> {
    let moved = |scene: &std::sync::Arc<Scene>| {
        let reviews = |(at, object): (&mesh::Ref, &Object)| {
            &*at.name == "reviews" && object.spec()["http"][1]["route"][0]["weight"] == 20
        };
        scene.mesh.objects().of_kind(&mesh::kinds::VIRTUAL_SERVICE).any(reviews)
    };
    connection.until("the first change", moved).await
}

#[tokio::test]
async fn the_undo_of_a_refused_change_that_worked_is_live() {
    for form in [Form::Current, Form::Older] {
        let world = World::bookinfo().await;
        let mut connection = world.connect();
        let scene = connection.ready().await;
        world.cast.play(|script| {
            script.form = form;
            script.manner = Manner::Nack("route 9080: bad regex".into());
        });
        let change = split(&scene, [20, 0, 80]);
        connection.push(&change).await;
        let Fact::Accepted(stored) = connection.fact().await else { panic!("not accepted") };
        world.log.push(&format!(
            "2026-01-01T00:00:00Z\twarn\tads\tADS:RDS: ACK ERROR {}-4 Internal:bad regex",
            proxy(&scene, "details")
        ));
        connection.facts_until(&["refused"]).await;
        let undo = change.inverse(&stored.into_iter().map(Some).collect::<Vec<_>>()).expect("an inverse");
        world.cast.play(|script| script.manner = Manner::Later);
        connection.push(&undo).await;
        connection.facts_until(&["acked 0/6"]).await;
        world.cast.play(|script| script.answer());
        is_live(&mut connection).await;
    }
}

/// istiod is away when the change is pushed: nothing is known. When it is back, it goes on.
#[tokio::test]
async fn it_goes_on_when_istiod_is_back() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.cast.play(|script| (script.away, script.manner) = (true, Manner::Later));
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(&["unknowable", "live", "refused"]).await;
    assert!(told.last().is_some_and(|fact| fact.contains("503")), "{told:?}");
    world.cast.play(|script| {
        script.away = false;
        script.answer();
    });
    is_live(&mut connection).await;
}

/// The window is closed while a change is followed: the next one goes on.
#[tokio::test]
async fn it_goes_on_with_the_next_connection() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.cast.play(|script| script.manner = Manner::Later);
    connection.push(&split(&scene, [20, 0, 80])).await;
    connection.facts_until(&["acked 0/6"]).await;
    let id = connection.change_id();
    connection.cluster.finish().await;
    let mut next = world.connect();
    let (told, fact) = next.next().await;
    assert!(matches!(fact, Fact::Remembered(_)) && told == id, "{fact:?}");
    world.cast.play(|script| script.answer());
    loop {
        let (told, fact) = next.next().await;
        assert_eq!(told, id);
        if fact == Fact::Live {
            break;
        }
        assert!(!matches!(fact, Fact::Refused(_)), "{fact:?}");
    }
}

/// An Envoy that is stopped neither acknowledges nor answers; when it goes on, so does the change.
#[tokio::test]
async fn it_goes_on_when_a_proxy_is_back() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let frozen = Some(proxy(&scene, "details"));
    world.cast.play(|script| {
        script.manner = Manner::Later;
        (script.refuses, script.frozen_proxy) = (frozen.clone(), frozen);
    });
    connection.push(&split(&scene, [20, 0, 80])).await;
    connection.facts_until(&["acked 5/6"]).await;
    world.cast.play(|script| {
        script.frozen_proxy = None;
        script.answer();
    });
    is_live(&mut connection).await;
}

/// A pod on its way out, and one that is gone, hold nothing up and refuse nothing.
#[tokio::test]
async fn pods_that_leave_do_not_count() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let leaving = proxy(&scene, "details");
    let (pod, namespace) = leaving.rsplit_once('.').expect("a name");
    let leave = |object: &mut serde_json::Value| {
        object["metadata"]["finalizers"] = json!(["test.example/stay"]);
    };
    world.api.store().modify("Pod", namespace, pod, leave).expect("a pod");
    world.api.store().delete("Pod", namespace, pod).expect("a deletion");
    let left = |scene: &std::sync::Arc<Scene>| {
        let at = mesh::Ref::new(&mesh::kinds::POD, namespace, pod);
        scene.mesh.objects().get(&at).is_some_and(|pod| pod.0["metadata"].get("deletionTimestamp").is_some())
    };
    connection.until("a pod that leaves", left).await;
    world.cast.play(|script| {
        script.manner = Manner::Nack("on my way out".into());
        (script.refuses, script.frozen_proxy) = (Some(leaving.clone()), Some(leaving.clone()));
        script.shows_while_refusing = true;
    });
    // istiod still knows one that is gone.
    let gone = proxy(&scene, "ratings");
    let (pod, namespace) = gone.rsplit_once('.').expect("a name");
    world.api.store().delete("Pod", namespace, pod).expect("a deletion");
    let at = mesh::Ref::new(&mesh::kinds::POD, namespace, pod);
    connection.until("a pod that is gone", |scene| !scene.mesh.objects().contains(&at)).await;
    // The change was made when both were still there.
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(ENDS).await;
    assert_eq!(told.last().map(String::as_str), Some("live"), "{told:?}");
    assert_eq!(told[told.len() - 2], "acked 4/4");
}

/// One istiod serves several clusters, and a pod of another one has the name of one of ours.
#[tokio::test]
async fn pods_of_another_cluster_do_not_count() {
    let world = World::bookinfo().await;
    world.cast.play(|script| script.elsewhere = Some("refused in the west".into()));
    let mut connection = world.connect();
    let scene = connection.ready().await;
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(ENDS).await;
    assert_eq!(told[told.len() - 2..], ["acked 6/6", "live"], "{told:?}");
}

/// Nobody waits any more for what somebody else has taken away.
#[tokio::test]
async fn what_is_replaced_is_followed_no_more() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.cast.play(|script| script.manner = Manner::Silence);
    connection.push(&split(&scene, [20, 0, 80])).await;
    connection.facts_until(&["acked 0/6"]).await;
    let theirs = |object: &mut serde_json::Value| object["spec"]["http"][1]["route"][0]["weight"] = 33.into();
    world.api.store().modify("VirtualService", "bookinfo", "reviews", theirs).expect("an edit");
    connection.facts_until(&["replaced"]).await;
}

/// The login ends while a change is followed; with the new connection it goes on.
#[tokio::test]
async fn it_goes_on_with_the_new_login() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    world.cast.play(|script| script.manner = Manner::Later);
    connection.push(&split(&scene, [20, 0, 80])).await;
    connection.facts_until(&["acked 0/6"]).await;
    world.api.faults().expire_token(true);
    world.api.faults().drop_watches();
    connection.failed(mesh::scene::Step::Api).await;
    world.api.faults().expire_token(false);
    connection.send(cluster::Command::Retry).await;
    connection.done(mesh::scene::Step::Api).await;
    world.cast.play(|script| script.answer());
    is_live(&mut connection).await;
}
