//! Connecting to a real Kubernetes API: steps, kinds, what is missing and what is refused.

mod common;

use cluster::{Command, Needs, Target, once};
use common::{World, kind_state};
use mesh::scene::{KindState, Step, StepState, SyncState};
use mesh::traffic::Coverage;
use mesh::{Answer, KINDS, Read, Remote};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test]
async fn everything_is_found() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    assert_eq!(scene.context, "test");
    assert_eq!(
        scene.mesh.service_count(),
        8,
        "{:?}",
        scene.mesh.services().map(|service| &service.at).collect::<Vec<_>>()
    );
    assert_eq!(scene.kinds.len(), KINDS.len());
    // The server here has no TLSRoutes, as older ones of the Gateway API.
    for (kind, state) in &scene.kinds {
        let missing = *kind == &mesh::kinds::TLS_ROUTE;
        assert!(
            if missing { *state == KindState::Missing } else { matches!(state, KindState::Live(_)) },
            "{kind}: {state:?}"
        );
    }
    assert_eq!(connection.done(Step::Istiod).await, "istiod 1.29.1, 7 proxies");
    assert_eq!(
        connection.done(Step::Prometheus).await,
        "prometheus in istio-system; Prometheus has no requests of any proxy (istio_requests_total)"
    );
    assert_eq!(connection.done(Step::Traces).await, "tracing in istio-system, 2 services");
    assert!(connection.done(Step::Api).await.starts_with("Kubernetes v1.33.4, "));
    let scene = connection.until("proxies", |scene| scene.proxies.value().is_some()).await;
    let proxies = scene.proxies.value().expect("proxies");
    assert!(proxies.iter().all(|proxy| proxy.types["RDS"] == SyncState::Synced), "{proxies:?}");
    assert!(connection.woken.load(Ordering::SeqCst) > 0);
    connection.cluster.want([(Read::Services, 0)].into());
    let scene =
        connection.until("an answer", |scene| *scene.answers.get(&Read::Services) != Remote::Waiting).await;
    let services = scene.answers.get(&Read::Services).value().expect("services").clone();
    let expected = vec!["details.bookinfo".into(), "reviews.bookinfo".into()];
    assert_eq!(*services, Answer::Services(expected.into()));
}

#[tokio::test]
async fn a_change_by_somebody_else_shows() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    connection.ready().await;
    let labels = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "fresh" } });
    world.api.store().apply(labels).expect("a namespace");
    connection
        .until("the new namespace", |scene| scene.mesh.namespaces().iter().any(|name| &**name == "fresh"))
        .await;
    world.api.store().delete("Namespace", "", "fresh").expect("a deletion");
    connection.until("its end", |scene| !scene.mesh.namespaces().iter().any(|name| &**name == "fresh")).await;
}

#[tokio::test]
async fn a_newer_server_streams_its_lists() {
    let world = World::start("v1.35.2", |_| {}).await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    assert!(
        matches!(kind_state(&scene, &mesh::kinds::VIRTUAL_SERVICE), KindState::Live(2)),
        "{:?}",
        scene.kinds
    );
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "fresh" } });
    world.api.store().apply(object).expect("a namespace");
    connection
        .until("the new namespace", |scene| scene.mesh.namespaces().iter().any(|name| &**name == "fresh"))
        .await;
}

#[tokio::test]
async fn dropped_watches_are_taken_up_again() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    connection.ready().await;
    world.api.faults().drop_watches();
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "after-the-drop" } });
    world.api.store().apply(object).expect("a namespace");
    connection
        .until("what came after", |scene| {
            scene.mesh.namespaces().iter().any(|name| &**name == "after-the-drop")
        })
        .await;
    // And once more, when the server has forgotten the versions in between: 410, and everything is listed
    // again.
    world.api.store().delete("Namespace", "", "after-the-drop").expect("a deletion");
    world.api.store().compact();
    world.api.faults().drop_watches();
    let scene = connection
        .until("a new list", |scene| !scene.mesh.namespaces().iter().any(|name| &**name == "after-the-drop"))
        .await;
    assert!(matches!(kind_state(&scene, &mesh::kinds::POD), KindState::Live(_)));
}

#[tokio::test]
async fn a_server_that_is_lost_takes_nothing_out_of_sight() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let before = connection.ready().await;
    world.api.stop().await;
    let old = |state: &KindState| matches!(state, KindState::Stale(_) | KindState::Missing);
    let scene = connection.until("old kinds", |scene| scene.kinds.values().all(old)).await;
    assert!(scene.ready(), "{:#?}", scene.steps);
    assert_eq!(scene.mesh.service_count(), before.mesh.service_count());
}

#[tokio::test]
async fn the_root_namespace_is_where_istiod_is() {
    let moved = |objects: &mut Vec<serde_json::Value>| {
        for object in objects {
            let text = object.to_string().replace("istio-system", "mesh-root");
            *object = text.parse().expect("JSON as before");
        }
    };
    let world = World::with(moved).await;
    let target = Target { namespaces: vec!["bookinfo".into()], ..world.target() };
    let mut connection = world.connect_to(target);
    let scene = connection.ready().await;
    assert_eq!(scene.mesh.root_namespace(), "mesh-root");
    connection.done(Step::Istiod).await;
    assert_eq!(
        connection.done(Step::Prometheus).await,
        "prometheus in mesh-root; Prometheus has no requests of any proxy (istio_requests_total)"
    );
}

#[tokio::test]
async fn one_refused_kind_does_not_hide_the_others() {
    let world = World::bookinfo().await;
    world.deny("list", "virtualservices");
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let KindState::Denied(problem) = kind_state(&scene, &mesh::kinds::VIRTUAL_SERVICE) else {
        panic!("{:?}", scene.kinds)
    };
    assert_eq!(
        problem.why,
        "This login may not list virtualservices.networking.istio.io, neither in the cluster nor in namespace default or istio-system"
    );
    assert!(matches!(kind_state(&scene, &mesh::kinds::DESTINATION_RULE), KindState::Live(1)));
    assert!(connection.done(Step::Kinds).await.ends_with("not allowed: VirtualService"));
    // The right is given: the kind comes by itself on Retry.
    world.api.faults().allow_all();
    connection.send(Command::Retry).await;
    connection
        .until("routes", |scene| {
            matches!(kind_state(scene, &mesh::kinds::VIRTUAL_SERVICE), KindState::Live(2))
        })
        .await;
}

#[tokio::test]
async fn a_cluster_without_istio() {
    let world = World::with(|objects| {
        objects.retain(|object| !object["apiVersion"].as_str().unwrap_or_default().contains("istio.io"));
        objects
            .retain(|object| !object["metadata"]["name"].as_str().unwrap_or_default().starts_with("istiod"));
    })
    .await;
    for kind in KINDS.iter().filter(|kind| kind.group.ends_with("istio.io")) {
        world.api.faults().hide(&format!("{}.{}", kind.plural, kind.group));
    }
    let mut connection = world.connect();
    let scene = connection.ready().await;
    assert!(matches!(kind_state(&scene, &mesh::kinds::VIRTUAL_SERVICE), KindState::Missing));
    assert!(matches!(kind_state(&scene, &mesh::kinds::SERVICE), KindState::Live(_)));
    let problem = connection.failed(Step::Istiod).await;
    assert_eq!(problem.why, "No pod in istio-system has the label app=istiod");
    let scene = connection.until("no proxies", |scene| matches!(scene.proxies, Remote::Denied(_))).await;
    assert!(scene.ready());
}

#[tokio::test]
async fn what_was_measured_is_old_when_prometheus_freezes() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    connection.ready().await;
    connection.until("figures", |scene| matches!(scene.traffic, Remote::Live(..))).await;
    world.cast.play(|script| script.frozen = true);
    let scene = connection.until("old figures", |scene| matches!(scene.traffic, Remote::Stale(..))).await;
    assert_eq!(scene.traffic.problem().map(|problem| problem.what.as_str()), Some("Measurements are late"));
    world.cast.play(|script| script.frozen = false);
    connection.until("new figures", |scene| matches!(scene.traffic, Remote::Live(..))).await;
}

/// How one proxy's counter was read: so many times, every so many seconds, until now on Prometheus' clock.
fn read_every(secs: f64, times: usize) -> [(String, serde_json::Value); 3] {
    const NOW: f64 = 10_000.0;
    let at = |nth: usize| NOW - secs * (times - 1 - nth) as f64;
    let values: Vec<_> = (0..times).map(|nth| json!([at(nth), "7"])).collect();
    let labels = json!({ "__name__": "istio_requests_total", "pod": "cart" });
    [
        ("vector(time())".into(), json!([{ "metric": {}, "value": [NOW, NOW.to_string()] }])),
        ("topk(1".into(), json!([{ "metric": labels, "value": [NOW, "7"] }])),
        ("[15m]".into(), json!([{ "metric": labels, "values": values }])),
    ]
}

#[tokio::test]
async fn a_window_has_two_readings_of_prometheus() {
    let world = World::bookinfo().await;
    world.cast.play(|script| script.answers.extend(read_every(60.0, 10)));
    let mut connection = world.connect();
    let scene = connection.until("traffic", |scene| matches!(scene.traffic, Remote::Live(..))).await;
    let traffic = scene.traffic.value().expect("traffic");
    assert_eq!((traffic.window_secs, traffic.coverage), (132, Coverage::Whole));
    assert!(traffic.remarks[0].contains("every 60 s"), "{:?}", traffic.remarks);
    let step = connection.done(Step::Prometheus).await;
    assert!(step.contains("so rates are of the last 132 s"), "{step}");
}

#[tokio::test]
async fn after_a_start_it_warms_up() {
    let world = World::bookinfo().await;
    world.cast.play(|script| script.answers.extend(read_every(7.0, 3)));
    let mut connection = world.connect();
    let scene = connection.until("traffic", |scene| matches!(scene.traffic, Remote::Live(..))).await;
    let traffic = scene.traffic.value().expect("traffic");
    assert_eq!(traffic.coverage.words().as_deref(), Some("warming up, 14 of 60 s"));
    assert_eq!(traffic.window_secs, 16, "rates are not those of a window that is empty for the most part");
}

#[tokio::test]
async fn a_cluster_without_prometheus_shows_structure_and_says_why() {
    let world =
        World::with(|objects| objects.retain(|object| object["metadata"]["name"] != "prometheus")).await;
    let scene = once(
        world.target(),
        Needs { traffic: true, proxies: true, mesh_config: true, window_secs: 60, ..Needs::default() },
    )
    .await
    .expect("a scene");
    let problem = scene.traffic.problem().expect("a problem");
    assert_eq!(problem.what, "Prometheus is not there");
    assert!(problem.next.contains("--prometheus"));
    assert!(scene.mesh.workload_count() > 0 && scene.proxies.value().is_some());
}

#[tokio::test]
async fn no_right_to_port_forward() {
    let world = World::bookinfo().await;
    world.deny("*", "pods/portforward");
    let mut connection = world.connect();
    connection.ready().await;
    for step in [Step::Istiod, Step::Prometheus, Step::Traces] {
        let problem = connection.failed(step).await;
        assert_eq!(
            problem.why, "This login may not create pods/portforward in namespace istio-system",
            "{step:?}"
        );
    }
}

#[tokio::test]
async fn given_urls_need_no_port_forward() {
    let world = World::bookinfo().await;
    world.deny("*", "pods/portforward");
    let url = |address: std::net::SocketAddr| Some(format!("http://{address}"));
    let target = Target {
        prometheus: url(world.cast.prometheus_at),
        istiod: url(world.cast.istiod_at),
        tracing: Some(format!("http://{}/jaeger/", world.cast.jaeger_at)),
        ..world.target()
    };
    let mut connection = world.connect_to(target);
    connection.ready().await;
    assert_eq!(connection.done(Step::Istiod).await, "istiod 1.29.1, 7 proxies");
    for step in [Step::Prometheus, Step::Traces] {
        assert!(connection.done(step).await.starts_with("http://127.0.0.1:"));
    }
}

#[tokio::test]
async fn the_token_ends_and_is_renewed() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    connection.ready().await;
    world.api.faults().expire_token(true);
    world.api.faults().drop_watches();
    let problem = connection.failed(Step::Api).await;
    assert_eq!(problem.what, "The API server no longer accepts the login");
    let scene = connection
        .until("stale kinds", |scene| matches!(kind_state(scene, &mesh::kinds::POD), KindState::Stale(_)))
        .await;
    assert!(scene.mesh.workload_count() > 0, "what was true is not blanked");
    world.api.faults().expire_token(false);
    connection.send(Command::Retry).await;
    let renewed = |scene: &std::sync::Arc<mesh::Scene>| {
        let api = matches!(scene.steps.get(&Step::Api), Some(StepState::Done(_)));
        api && matches!(scene.kinds.get(&mesh::kinds::POD), Some(KindState::Live(_)))
    };
    connection.until("a new connection", renewed).await;
}

#[tokio::test]
async fn only_the_chosen_namespaces() {
    let world = World::bookinfo().await;
    let other = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": "default", "name": "other" },
        "spec": { "ports": [{ "port": 80 }] } });
    world.api.store().apply(other).expect("a service");
    let mut connection = world.connect_to(Target { namespaces: vec!["bookinfo".into()], ..world.target() });
    let scene = connection.ready().await;
    let names: Vec<&str> = scene.mesh.services().map(|service| &*service.namespace).collect();
    assert!(
        names.contains(&"bookinfo") && names.contains(&"istio-system") && !names.contains(&"default"),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_pause_holds_scenes_back() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    connection.ready().await;
    connection.done(Step::Traces).await;
    connection.send(Command::Pause(true)).await;
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "unseen" } });
    world.api.store().apply(object).expect("a namespace");
    // Nothing can be awaited: what must not come is given half a second.
    let came =
        |scene: &std::sync::Arc<mesh::Scene>| scene.mesh.namespaces().iter().any(|name| &**name == "unseen");
    let early = tokio::time::timeout(Duration::from_millis(500), connection.cluster.scene.wait_for(came))
        .await
        .is_ok();
    assert!(!early, "a scene came during the pause");
    connection.send(Command::Pause(false)).await;
    connection.until("what was held back", came).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_of_the_command_line() {
    let world = World::bookinfo().await;
    let target = world.target();
    let World { api, .. } = world;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    std::fs::copy(target.kubeconfig.as_ref().expect("a file"), &file).expect("a copy");
    api.stop().await;
    let problem = once(Target { kubeconfig: Some(file), ..Target::default() }, Needs::default())
        .await
        .expect_err("no server");
    assert_eq!(problem.why, "Nothing listens at this address (connection refused)");
}

/// A server that is not there yet when it is first asked.
#[tokio::test]
async fn a_first_connection_that_failed_is_tried_again() {
    let world = World::bookinfo().await;
    world.api.faults().vanish();
    let mut connection = world.connect();
    connection.failed(Step::Api).await;
    world.api.faults().come_back();
    connection.ready().await;
}
