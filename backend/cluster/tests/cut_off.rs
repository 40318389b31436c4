//! Pushes that are cut off: the program is killed between two writes, or the connection breaks before an
//! answer. The next run finds what was written, and finishes it or takes it back.

mod common;

use apiserver::Catch;
use cluster::{Cluster, Command, Of, Target};
use common::{Connection, World, split};
use mesh::edit::{Mode, Scope, mtls};
use mesh::{Change, ChangeId, ChangeSet, Fact, Scene, Standing};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use tokio::process::{Child, Command as Process};

const KUBECONFIG: &str = "BINNACLE_TEST_KUBECONFIG";
const JOURNAL: &str = "BINNACLE_TEST_JOURNAL";

/// Three objects at once: new shares for reviews, and mutual TLS for the namespace and for the mesh.
fn three(scene: &Scene) -> Change {
    let mut set = ChangeSet::default();
    let namespace = Scope::Namespace("bookinfo".into());
    for scope in [&namespace, &Scope::Mesh] {
        set.put(ChangeId::fresh(), mtls(&scene.mesh, scope, Some(Mode::Strict)).expect("a change"));
    }
    set.put(ChangeId::fresh(), split(scene, [20, 0, 80]));
    set.whole(&scene.mesh).expect("they fit together")
}

/// Whether the objects of [`three`] are as it wants them: the shares, the mesh, the namespace.
fn written(world: &World) -> [bool; 3] {
    let policies = world.api.store().list("PeerAuthentication");
    let strict = |namespace: &str| {
        policies.iter().any(|policy| {
            policy["metadata"]["namespace"] == namespace && policy["spec"]["mtls"]["mode"] == "STRICT"
        })
    };
    [world.weights() == [20, 0, 80], strict("bookinfo"), strict("istio-system")]
}

fn specs(world: &World) -> Vec<String> {
    let all = ["VirtualService", "PeerAuthentication"].map(|kind| world.api.store().list(kind));
    all.into_iter().flatten().map(|object| object["spec"].to_string()).collect()
}

/// Not a test: the process that is killed. It pushes the three objects, and lives until then.
#[tokio::test]
async fn a_process_that_pushes() {
    let (Some(kubeconfig), Some(journal)) = (std::env::var_os(KUBECONFIG), std::env::var_os(JOURNAL)) else {
        return;
    };
    let target = Target {
        kubeconfig: Some(PathBuf::from(kubeconfig)),
        journal: Some(PathBuf::from(journal)),
        ..Target::default()
    };
    let mut cluster = Cluster::connect(target, Arc::new(|| {}));
    let whole = |scene: &Arc<Scene>| {
        let service = scene.mesh.services().find(|service| &*service.name == "reviews");
        let routed = |service| mesh::edit::rules(&scene.mesh, service).len() == 2;
        scene.ready() && service.is_some_and(routed)
    };
    let scene = cluster.scene.wait_for(whole).await.expect("a mesh").clone();
    let push = Command::Push(ChangeId::fresh(), Box::new(three(&scene)), Of::default());
    cluster.commands.send(push).await.expect("the connection lives");
    std::future::pending::<()>().await;
}

fn pushing(world: &World) -> Child {
    let target = world.target();
    Process::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_process_that_pushes", "--nocapture"])
        .env(KUBECONFIG, target.kubeconfig.expect("a kubeconfig"))
        .env(JOURNAL, target.journal.expect("a folder"))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("a process")
}

/// A push that was killed at the write of this object, and what the next run is told of it.
struct Killed {
    connection: Connection,
    id: ChangeId,
    change: Change,
    standings: Vec<Standing>,
}

impl Killed {
    async fn at(world: &World, object: &str, catch: Catch) -> Self {
        let caught = world.api.faults().catch(object, catch);
        let mut process = pushing(world);
        tokio::time::timeout(common::PATIENCE, caught.now()).await.expect("a write in time");
        process.kill().await.expect("SIGKILL");
        let mut connection = world.connect();
        connection.ready().await;
        let (id, fact) = connection.next().await;
        let Fact::Remembered(past) = fact else { panic!("{fact:?}") };
        let (_, fact) = connection.next().await;
        let Fact::CutOff(standings) = fact else { panic!("{fact:?}") };
        Self { connection, id, change: past.change, standings }
    }

    fn written(&self) -> Vec<bool> {
        self.standings.iter().map(|standing| matches!(standing, Standing::Written(_))).collect()
    }

    /// What is told until the end.
    async fn until(&mut self, last: &str) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let (_, fact) = self.connection.next().await;
            let fact = common::brief(&fact);
            told.push(fact.clone());
            if fact.starts_with(last) {
                return told;
            }
        }
    }
}

#[tokio::test]
async fn what_was_cut_off_is_finished() {
    let world = World::bookinfo().await;
    let mut killed = Killed::at(&world, "peerauthentications", Catch::Hold).await;
    assert_eq!(killed.written(), [true, false, false]);
    assert_eq!(written(&world), [true, false, false]);
    killed.connection.send(Command::Finish(killed.id, Box::new(killed.change.clone()))).await;
    let told = killed.until("accepted").await;
    assert_eq!(told, ["cut off 3", "wrote 0", "wrote 1", "wrote 2", "accepted 3"]);
    assert_eq!(written(&world), [true; 3]);
    killed.until("seen").await;
    // It has come to its end: nobody is told again.
    drop(killed);
    let mut next = world.connect();
    let (_, fact) = next.next().await;
    assert!(matches!(&fact, Fact::Remembered(past) if !past.is_open()), "{fact:?}");
}

#[tokio::test]
async fn what_was_cut_off_is_undone() {
    let world = World::bookinfo().await;
    let before = specs(&world);
    let mut killed = Killed::at(&world, "peerauthentications", Catch::Hold).await;
    assert_ne!(specs(&world), before);
    let stored: Vec<_> = killed
        .standings
        .iter()
        .map(|standing| match standing {
            Standing::Written(stored) => Some(stored.clone()),
            _ => None,
        })
        .collect();
    let undo = killed.change.inverse(&stored).expect("an inverse");
    assert_eq!(undo.steps.len(), 1, "only what was written");
    let of = Of { undoes: Some(killed.id), ..Of::default() };
    killed.connection.send(Command::Push(ChangeId::fresh(), Box::new(undo), of)).await;
    killed.until("accepted").await;
    assert_eq!(specs(&world), before);
    drop(killed);
    let mut next = world.connect();
    for _ in 0..2 {
        let (_, fact) = next.next().await;
        assert!(matches!(fact, Fact::Remembered(_)), "nothing is cut off any more: {fact:?}");
    }
}

/// The server had written the second object, and nobody heard of it.
#[tokio::test]
async fn what_was_written_without_an_answer_is_found() {
    let world = World::bookinfo().await;
    let mut killed = Killed::at(&world, "peerauthentications", Catch::HoldAnswer).await;
    assert_eq!(killed.written(), [true, true, false]);
    killed.connection.send(Command::Finish(killed.id, Box::new(killed.change.clone()))).await;
    killed.until("accepted").await;
    assert_eq!(written(&world), [true; 3]);
}

#[tokio::test]
async fn what_somebody_else_has_changed_since_is_neither_finished_nor_undone() {
    let world = World::bookinfo().await;
    let mut killed = Killed::at(&world, "peerauthentications", Catch::Hold).await;
    let theirs = |object: &mut serde_json::Value| {
        object["spec"]["http"][1]["route"][0]["weight"] = 33.into();
    };
    world.api.store().modify("VirtualService", "bookinfo", "reviews", theirs).expect("an edit");
    let undo = killed.change.inverse(&[match &killed.standings[0] {
        Standing::Written(stored) => Some(stored.clone()),
        other => panic!("{other:?}"),
    }]);
    killed.connection.send(Command::Finish(killed.id, Box::new(killed.change.clone()))).await;
    let told = killed.until("conflict").await;
    assert!(told[1].contains("Somebody else has changed it since the push was cut off"), "{told:?}");
    let undo = Box::new(undo.expect("an inverse"));
    killed.connection.send(Command::Push(ChangeId::fresh(), undo, Of::default())).await;
    killed.until("conflict").await;
    assert_eq!((world.weights()[0], written(&world)), (33, [false, false, false]));
}

#[tokio::test]
async fn what_is_left_is_not_told_again() {
    let world = World::bookinfo().await;
    let mut killed = Killed::at(&world, "virtualservices/reviews", Catch::Hold).await;
    assert_eq!(killed.written(), [false; 3], "it was killed before the first write");
    killed.connection.send(Command::Leave(killed.id)).await;
    killed.until("left").await;
    drop(killed);
    let mut next = world.connect();
    let (_, fact) = next.next().await;
    assert!(matches!(&fact, Fact::Remembered(past) if !past.is_open()), "{fact:?}");
}

/// The connection breaks after the server took the write.
#[tokio::test]
async fn a_lost_answer_is_read_back_before_anything_is_said() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let caught = world.api.faults().catch("virtualservices/reviews", Catch::Break);
    connection.push(&split(&scene, [20, 0, 80])).await;
    let told = connection.facts_until(&["seen", "refused", "conflict"]).await;
    caught.now().await;
    assert_eq!(told, ["accepted 1", "seen"]);
    assert_eq!(world.weights(), [20, 0, 80]);
}

/// The server takes the write and is away then: that is said, and found out when it is back.
#[tokio::test]
async fn what_is_not_known_yet_is_said() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let caught = world.api.faults().catch("virtualservices/reviews", Catch::Vanish);
    connection.push(&split(&scene, [20, 0, 80])).await;
    caught.now().await;
    let fact = connection.fact().await;
    let Fact::Unsure(problem) = fact else { panic!("{fact:?}") };
    assert_eq!(problem.what, "It is not known yet whether VirtualService bookinfo/reviews was changed");
    for word in ["hyper", "h2", "rustls", "serde", "kube", "tower", "os error", "stream"] {
        assert!(!problem.to_string().to_lowercase().contains(word), "{word}: {problem}");
    }
    world.api.faults().come_back();
    connection.facts_until(&["accepted"]).await;
}

/// A colleague changes another field after the look and before the push: the undo leaves it alone.
#[tokio::test]
async fn an_undo_takes_back_our_part_only() {
    let world = World::bookinfo().await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let change = split(&scene, [20, 0, 80]);
    let theirs = |object: &mut serde_json::Value| object["spec"]["http"][1]["timeout"] = "3s".into();
    world.api.store().modify("VirtualService", "bookinfo", "reviews", theirs).expect("an edit");
    let with_theirs = specs(&world);
    connection.push(&change).await;
    let fact = connection.fact().await;
    let Fact::Accepted(stored) = fact else { panic!("{fact:?}") };
    connection.facts_until(&["seen"]).await;
    let undo = change.inverse(&stored.into_iter().map(Some).collect::<Vec<_>>()).expect("an inverse");
    connection.push(&undo).await;
    connection.facts_until(&["seen"]).await;
    assert_eq!(specs(&world), with_theirs);
}

/// The VirtualService of a pair is created, and its answer is lost: its DestinationRule must stay.
#[tokio::test]
async fn a_pair_whose_second_answer_is_lost_stays_whole() {
    let world = World::with(|objects| {
        let istio = ["VirtualService", "DestinationRule"];
        objects.retain(|object| !istio.contains(&object["kind"].as_str().unwrap_or_default()));
    })
    .await;
    let mut connection = world.connect();
    let scene = connection.ready().await;
    let service = scene.mesh.services().find(|service| &*service.name == "reviews").expect("reviews");
    let rule = mesh::edit::rules(&scene.mesh, service).remove(0).at;
    let wanted = mesh::split::Split::new([("v1", 20), ("v2", 0), ("v3", 80)]).expect("shares that make 100");
    let pair = mesh::edit::split(&scene.mesh, &rule, &wanted).expect("a change");
    for catch in [Catch::Break, Catch::Vanish] {
        for kind in ["VirtualService", "DestinationRule"] {
            world.api.store().delete(kind, "bookinfo", "reviews").ok();
        }
        let caught = world.api.faults().catch("virtualservices", catch);
        connection.push(&pair).await;
        caught.now().await;
        if catch == Catch::Vanish {
            let fact = connection.facts_until(&["unsure"]).await;
            let last = fact.last().expect("a fact");
            assert!(last.contains("It is not known yet whether VirtualService"), "{fact:?}");
            world.api.faults().come_back();
        }
        let told = connection.facts_until(&["accepted", "refused", "conflict"]).await;
        assert_eq!(told.last().map(String::as_str), Some("accepted 2"), "{told:?}");
        let there = ["VirtualService", "DestinationRule"].map(|kind| world.api.store().list(kind).len());
        assert_eq!(there, [1, 1]);
        connection.facts_until(&["live", "unknowable"]).await;
    }
}
