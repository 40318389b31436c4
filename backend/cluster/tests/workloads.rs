//! Changes of workloads: only where they are allowed, followed by what controllers say of their pods, and how much
//! a proxy logs.

mod common;

use cluster::{Command, Target};
use common::{Connection, World};
use mesh::edit::workload::{Operated, Wish, plan};
use mesh::logging::SetLevel;
use mesh::plan::Plan;
use mesh::{Change, Fact, Read, Ref, Remote, Scene, kinds};
use serde_json::{Value, json};
use std::sync::Arc;

const WHY: &str = "Workload changes are not allowed in this connection";

fn deployment() -> Ref {
    Ref::new(&kinds::DEPLOYMENT, "bookinfo", "reviews-v3")
}

fn pod(scene: &Scene) -> Ref {
    let pods = scene.mesh.objects().within(&kinds::POD, "bookinfo");
    let mut named = pods.filter(|(at, _)| at.name.starts_with("reviews-v3"));
    named.next().expect("a pod of reviews-v3").0.clone()
}

fn change(scene: &Scene, at: &Operated, wish: impl FnOnce(&mut Wish)) -> Change {
    let was = at.now(&scene.mesh);
    let mut wanted = was.clone();
    wish(&mut wanted);
    let mut made = Plan::new(&scene.mesh);
    plan(&mut made, at, &was, &wanted);
    made.change().expect("a plan").expect("a change")
}

fn workload() -> Operated {
    Operated::Workload { name: "reviews-v3".into(), object: deployment() }
}

fn replicas(world: &World) -> Value {
    world.api.store().get("Deployment", "bookinfo", "reviews-v3").expect("reviews-v3")["spec"]["replicas"]
        .clone()
}

/// As the controller of Deployments says it.
fn says(world: &World, replicas: u64, updated: u64, ready: u64) {
    let mut object =
        (*world.api.store().get("Deployment", "bookinfo", "reviews-v3").expect("reviews-v3")).clone();
    object["status"] = json!({ "observedGeneration": object["metadata"]["generation"], "replicas": replicas,
        "updatedReplicas": updated, "readyReplicas": ready });
    world.api.store().update_status(object).expect("a status");
}

/// Bookinfo with Deployments that a real server takes.
async fn bookinfo() -> World {
    let containers = json!([{ "name": "app", "image": "app:1" }]);
    World::with(|objects| {
        for object in objects.iter_mut().filter(|object| object["kind"] == "Deployment") {
            object["spec"]["template"]["spec"]["containers"] = containers.clone();
        }
    })
    .await
}

async fn allowed(world: &World) -> (Connection, Arc<Scene>) {
    let mut connection = world.connect_to(Target { workloads: true, ..world.target() });
    let scene = connection.ready().await;
    (connection, scene)
}

#[tokio::test]
async fn nothing_is_sent_while_it_is_not_allowed() {
    let world = bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let scaled = change(&scene, &workload(), |wish| wish.replicas = Some(2));
    let version = world.api.store().revision();
    assert!(matches!(connection.check(&scaled).await, Fact::Refused(problem) if problem.why == WHY));
    connection.push(&scaled).await;
    assert!(matches!(connection.fact().await, Fact::Refused(problem) if problem.why == WHY));
    assert_eq!((replicas(&world), world.api.store().revision()), (json!(1), version));

    connection.send(Command::Workloads(true)).await;
    let fact = connection.check(&scaled).await;
    assert!(matches!(fact, Fact::Checked(_)), "{fact:?}");
    assert_eq!(replicas(&world), 1, "a dry run changes nothing");
    connection.send(Command::Workloads(false)).await;
    connection.push(&scaled).await;
    assert!(matches!(connection.fact().await, Fact::Refused(problem) if problem.why == WHY));
    assert_eq!(replicas(&world), 1);
}

#[tokio::test]
async fn what_is_scaled_is_live_when_its_pods_are_ready_and_not_before() {
    let world = bookinfo().await;
    says(&world, 1, 1, 1);
    let (mut connection, scene) = allowed(&world).await;
    let scaled = change(&scene, &workload(), |wish| wish.replicas = Some(2));
    connection.push(&scaled).await;
    assert_eq!(connection.facts_until(&["rolled", "refused"]).await, ["accepted 1", "seen", "rolled 0/2"]);
    assert_eq!(replicas(&world), 2);
    says(&world, 2, 2, 1);
    assert_eq!(connection.facts_until(&["rolled", "refused"]).await, ["rolled 1/2"]);
    says(&world, 2, 2, 2);
    assert_eq!(connection.facts_until(&["live"]).await, ["rolled 2/2", "live"]);
    let journal: String = std::fs::read_dir(world.folder.path().join("journal"))
        .expect("a journal")
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("text"))
        .collect();
    assert!(journal.contains("/spec/replicas") && !journal.contains("serviceAccountName"), "{journal}");
}

#[tokio::test]
async fn why_pods_do_not_come_is_told_and_it_goes_on() {
    let world = bookinfo().await;
    let (mut connection, scene) = allowed(&world).await;
    connection.push(&change(&scene, &workload(), |wish| wish.restarted = Some("now".into()))).await;
    connection.facts_until(&["rolled 0/1", "refused"]).await;
    let mut object =
        (*world.api.store().get("Deployment", "bookinfo", "reviews-v3").expect("reviews-v3")).clone();
    object["status"] = json!({ "observedGeneration": object["metadata"]["generation"], "conditions": [{ "type": "Progressing",
        "status": "False", "reason": "ProgressDeadlineExceeded", "message": "ReplicaSet has timed out progressing" }] });
    world.api.store().update_status(object).expect("a status");
    let told = connection.facts_until(&["unknowable"]).await;
    assert!(told[0].contains("ProgressDeadlineExceeded: ReplicaSet has timed out"), "{told:?}");
    says(&world, 1, 1, 1);
    assert_eq!(connection.facts_until(&["live"]).await.last().map(String::as_str), Some("live"));
}

#[tokio::test]
async fn labels_of_a_namespace_count_for_new_pods_and_are_not_called_live() {
    let world = bookinfo().await;
    let (mut connection, scene) = allowed(&world).await;
    let at = Operated::Namespace(Ref::new(&kinds::NAMESPACE, "", "bookinfo"));
    let change = change(&scene, &at, |wish| wish.inject = Some(false));
    connection.push(&change).await;
    let told = connection.facts_until(&["unknowable", "live", "refused"]).await;
    assert!(told.last().expect("a fact").contains("counts for pods that are made from now on"), "{told:?}");
    let namespace = world.api.store().get("Namespace", "", "bookinfo").expect("bookinfo");
    assert_eq!(namespace["metadata"]["labels"]["istio-injection"], "disabled");
}

#[tokio::test]
async fn a_pod_is_deleted_and_another_one_takes_its_place() {
    let world = bookinfo().await;
    let (mut connection, scene) = allowed(&world).await;
    let object = pod(&scene);
    let at = Operated::Pod { workload: "reviews-v3".into(), object: object.clone(), proxy: true };
    connection.push(&change(&scene, &at, |wish| wish.deleted = true)).await;
    connection.facts_until(&["rolled 0/1", "replaced", "refused"]).await;
    let store = world.api.store();
    let mut another = (*scene.mesh.objects().get(&object).expect("the pod").0).clone();
    another["metadata"]["name"] = "reviews-v3-6f8d7c9b4-bbbbb".into();
    for given in ["uid", "resourceVersion", "generation", "creationTimestamp"] {
        another["metadata"].as_object_mut().expect("metadata").shift_remove(given);
    }
    store.apply(another).expect("another pod");
    if let Some(leaving) = store.get("Pod", "bookinfo", &object.name) {
        let uid = leaving["metadata"]["uid"].as_str().expect("a uid").to_owned();
        store.ended("bookinfo", &object.name, &uid).expect("it ends");
    }
    let told = connection.facts_until(&["live", "refused", "replaced"]).await;
    assert_eq!(told.last().map(String::as_str), Some("live"), "{told:?}");
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let world = bookinfo().await;
    world.deny("patch", "deployments");
    let (connection, scene) = allowed(&world).await;
    let mut connection = connection;
    let (patch, delete) = (Read::May("patch", deployment()), Read::May("delete", pod(&scene)));
    connection.cluster.want([(patch.clone(), 0), (delete.clone(), 0)].into());
    let told = |scene: &Scene, read: &Read| format!("{:?}", scene.answers.get(read).value());
    let missing = "This login may not patch deployments in namespace bookinfo";
    connection.until("the missing right", |scene| told(scene, &patch).contains(missing)).await;
    connection.until("the other right", |scene| told(scene, &delete) == "Some(May(None))").await;
}

/// The cast's Envoys say what they were told.
#[tokio::test]
async fn a_log_level_is_read_back() {
    let world = bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let read = Read::Logging(pod(&scene));
    connection.cluster.want([(read.clone(), 0)].into());
    let levels = |scene: &Scene| match scene.answers.get(&read) {
        Remote::Live(answer, _) => format!("{answer:?}"),
        Remote::Stale(_, _, why) => why.why.clone(),
        other => format!("{other:?}"),
    };
    connection.until("the levels", |scene| levels(scene).contains("\"http\": \"warning\"")).await;
    let wish = SetLevel { pod: pod(&scene), logger: Some("http".into()), level: "debug".into() };
    connection.send(Command::LogLevel(wish.clone())).await;
    connection.until("a refusal", |scene| levels(scene) == WHY).await;
    connection.send(Command::Workloads(true)).await;
    connection.send(Command::LogLevel(wish)).await;
    connection.until("what was set", |scene| levels(scene).contains("\"http\": \"debug\"")).await;
}
