//! Observations in, scenes out: no cluster, no clock.

use super::{Board, Observation};
use crate::demo::{self, NOW};
use crate::journal::Cluster;
use crate::reads::{Answer, Read};
use crate::remote::Remote;
use crate::scene::{Caution, KindState, Proxy, Step, StepState, SyncState};
use crate::traffic::Traffic;
use istio::{ClusterId, KINDS, Kind, Object, Problem, Ref, kinds};
use std::collections::BTreeMap;

/// A board with one cluster.
struct Told {
    board: Board,
    cluster: ClusterId,
}

impl Told {
    fn new() -> Self {
        Self { board: Board::default(), cluster: ClusterId::default() }
    }
    /// A cluster that was connected to, and whose kinds are asked for.
    fn connected() -> Self {
        let mut told = Self::new();
        told.take(Observation::Begun(Some("here".into())));
        told.take(Observation::Running(Step::Kinds));
        told
    }
    /// All lists of Bookinfo are in.
    fn bookinfo() -> Self {
        let mut told = Self::connected();
        for kind in KINDS {
            told.take(Observation::Awaited(kind, String::new()));
        }
        for kind in KINDS {
            told.take(Observation::Listed(kind, String::new(), list(kind)));
        }
        told
    }
    fn take(&mut self, observation: Observation) -> bool {
        self.board.take(NOW, &self.cluster, observation)
    }
    fn read(&mut self) -> &mut Self {
        self.board.read(&self.cluster);
        self
    }
    fn step(&self, step: Step) -> StepState {
        self.board.scene(&self.cluster).steps[&step].clone()
    }
}

fn list(kind: &'static Kind) -> BTreeMap<Ref, Object> {
    demo::bookinfo_objects().into_iter().filter(|(at, _)| at.kind == kind).collect()
}

fn trouble() -> Problem {
    Problem::new("It does not answer", "connection refused", "Retry")
}

#[test]
fn the_mesh_is_there_when_all_lists_are_in() {
    let mut told = Told::connected();
    for kind in KINDS {
        told.take(Observation::Awaited(kind, String::new()));
    }
    for kind in KINDS {
        assert_eq!(told.step(Step::Kinds), StepState::Running(NOW));
        told.take(Observation::Listed(kind, String::new(), list(kind)));
    }
    let count = demo::bookinfo_objects().len();
    let done = format!("{} kinds watched, {count} objects", KINDS.len());
    assert_eq!(told.step(Step::Kinds), StepState::Running(NOW), "the model takes its time");
    told.read();
    assert_eq!(told.step(Step::Kinds), StepState::Done(done));
    let scene = told.board.scene(&told.cluster);
    assert_eq!((scene.context.as_str(), scene.mesh.services().count()), ("here", 6));
    assert!(told.board.unread(&told.cluster).is_none());
}

#[test]
fn a_scene_stays_as_it_was_and_shares_what_did_not_change() {
    let mut told = Told::bookinfo();
    told.read();
    let before = told.board.scene(&told.cluster);
    let (at, _) = list(&kinds::SERVICE).into_iter().next().unwrap();
    assert!(told.take(Observation::Deleted(at.clone())));
    told.read();
    let after = told.board.scene(&told.cluster);
    assert_eq!((before.mesh.services().count(), after.mesh.services().count()), (6, 5));
    assert_eq!(after.kinds[at.kind], KindState::Live(list(at.kind).len() - 1));
    let workload = |scene: &crate::Scene| scene.mesh.workload("bookinfo", "ratings-v1").unwrap() as *const _;
    assert_eq!(workload(&before), workload(&after));
}

#[test]
fn a_kind_is_live_when_the_last_of_its_namespaces_is_in() {
    let mut told = Told::connected();
    let pods = &kinds::POD;
    for namespace in ["bookinfo", "istio-system"] {
        told.take(Observation::Awaited(pods, namespace.into()));
    }
    told.take(Observation::Listed(pods, "istio-system".into(), BTreeMap::new()));
    assert_eq!(told.board.scene(&told.cluster).kinds[pods], KindState::Waiting);
    told.take(Observation::Broke(pods, "bookinfo".into(), KindState::Stale(trouble())));
    assert_eq!(told.board.scene(&told.cluster).kinds[pods], KindState::Stale(trouble()));
    assert!(!told.take(Observation::Alive(pods, "istio-system".into())), "that is known");
    assert_eq!(told.board.scene(&told.cluster).kinds[pods], KindState::Stale(trouble()));
    assert!(told.take(Observation::Alive(pods, "bookinfo".into())));
    assert_eq!(told.board.scene(&told.cluster).kinds[pods], KindState::Live(0));
}

/// A refusal that has healed does not stick, whatever it was, and whoever else is still refused.
#[test]
fn what_works_again_is_not_called_broken() {
    let mut told = Told::bookinfo();
    let pods = &kinds::POD;
    let state = |told: &Told| told.board.scene(&told.cluster).kinds[pods].clone();
    let live = state(&told);
    for broken in [KindState::Denied(trouble()), KindState::Stale(trouble())] {
        told.take(Observation::Broke(pods, String::new(), broken.clone()));
        assert_eq!(state(&told), broken);
        told.take(Observation::Alive(pods, String::new()));
        assert_eq!(state(&told), live);
        told.take(Observation::Broke(pods, String::new(), broken));
        let (at, object) = list(pods).into_iter().next().unwrap();
        told.take(Observation::Applied(at, object));
        assert_eq!(state(&told), live);
    }
    // One namespace that works says nothing of another.
    told.take(Observation::Broke(pods, "bookinfo".into(), KindState::Denied(trouble())));
    told.take(Observation::Listed(pods, "istio-system".into(), BTreeMap::new()));
    assert_eq!(state(&told), KindState::Denied(trouble()));
}

#[test]
fn rights_that_come_later_count() {
    let mut told = Told::connected();
    for kind in KINDS {
        told.take(Observation::Kind(kind, KindState::Denied(trouble())));
    }
    assert!(matches!(told.read().step(Step::Kinds), StepState::Failed(_)));
    told.take(Observation::Listed(&kinds::POD, String::new(), list(&kinds::POD)));
    assert!(matches!(told.step(Step::Kinds), StepState::Done(_)));
}

#[test]
fn what_may_not_be_read_fails_the_step_only_when_it_is_all() {
    let mut told = Told::connected();
    for kind in KINDS {
        told.take(Observation::Kind(kind, KindState::Denied(trouble())));
    }
    assert_eq!(told.read().step(Step::Kinds), StepState::Failed(trouble()));
    let mut told = Told::bookinfo();
    told.read();
    told.take(Observation::Kind(&kinds::SIDECAR, KindState::Missing));
    let StepState::Done(summary) = told.step(Step::Kinds) else { panic!("it is done") };
    assert!(summary.contains("not installed"), "{summary}");
}

#[test]
fn a_lost_connection_makes_old_what_was_measured() {
    let mut told = Told::bookinfo();
    told.read().take(Observation::Lost(trouble()));
    assert_eq!(told.board.scene(&told.cluster).traffic, Remote::Waiting, "nothing was measured yet");
    told.take(Observation::Traffic(Ok(Traffic::default())));
    told.take(Observation::Lost(trouble()));
    let scene = told.board.scene(&told.cluster);
    assert!(matches!(scene.traffic, Remote::Stale(_, at, _) if at == NOW) && scene.ready());
    told.take(Observation::Begun(None));
    let scene = told.board.scene(&told.cluster);
    assert_eq!((scene.context.as_str(), scene.ready()), ("here", false));
    assert!(scene.traffic.value().is_some(), "what was true is not blanked");
}

#[test]
fn what_is_the_same_is_no_news() {
    let mut told = Told::connected();
    let types = BTreeMap::from([("CDS".to_owned(), SyncState::Synced)]);
    let proxy = Proxy {
        name: "reviews-v1.bookinfo".into(),
        cluster: "Kubernetes".into(),
        version: "1.30".into(),
        istiod: "istiod-1".into(),
        types,
        since: None,
    };
    assert!(told.take(Observation::Proxies(Ok(vec![proxy.clone()]))));
    assert!(!told.take(Observation::Proxies(Ok(vec![proxy]))));
    assert!(told.take(Observation::Done(Step::Istiod, "istiod 1.30".into())));
    assert!(!told.take(Observation::Done(Step::Istiod, "istiod 1.30".into())));
    assert!(told.take(Observation::Proxies(Err(trouble()))));
}

#[test]
fn an_answer_is_there_until_nobody_looks() {
    let mut told = Told::connected();
    let services = Answer::Services(vec!["reviews.bookinfo".to_owned()].into());
    told.take(Observation::Answered(Read::Services, Ok(services)));
    assert!(told.board.scene(&told.cluster).answers.get(&Read::Services).value().is_some());
    told.take(Observation::Forgotten(Read::Services));
    assert_eq!(told.board.scene(&told.cluster).answers.get(&Read::Services), &Remote::Waiting);
}

#[test]
fn clusters_are_columns() {
    let (east, west) = (ClusterId::from("east"), ClusterId::from("west"));
    let mut board = Board::default();
    board.take(NOW, &east, Observation::Named("one".into()));
    board.take(NOW, &west, Observation::OwnSandbox);
    let (one, other) = (board.scene(&east), board.scene(&west));
    assert_eq!((one.context.as_str(), one.sandbox), ("one", false));
    assert_eq!((other.context.as_str(), other.sandbox), ("", true));
    assert_eq!(other.steps[&Step::Sandbox], StepState::Done("running on this machine".into()));
}

/// What may not be read is not absent: the mesh says so, and plans make nothing there.
#[test]
fn what_is_not_seen_is_known_to_be_unseen() {
    let mut told = Told::bookinfo();
    let why =
        || Problem::new("VirtualService cannot be read", "This login may not list virtualservices", "Ask");
    let mesh = |told: &mut Told| {
        told.read();
        told.board.scene(&told.cluster).mesh
    };
    let before = mesh(&mut told);
    assert_eq!(before.unseen(&kinds::VIRTUAL_SERVICE, "bookinfo"), None);
    told.take(Observation::Only(&kinds::VIRTUAL_SERVICE, ["shop".to_owned()].into(), why()));
    let partly = mesh(&mut told);
    assert_ne!(partly.revision(), before.revision(), "whoever kept what was derived looks again");
    assert_eq!(partly.unseen(&kinds::VIRTUAL_SERVICE, "shop"), None);
    assert_eq!(partly.unseen(&kinds::VIRTUAL_SERVICE, "bookinfo"), Some(&why()));
    // A service without routing, as far as can be seen.
    let ratings = partly.service("bookinfo", "ratings").unwrap();
    let rule = crate::edit::rules(&partly, ratings).remove(0).at;
    let fault = crate::edit::FaultSpec { delay: None, abort: Some((crate::edit::Status::Http(503), 100.0)) };
    let mut plan = crate::plan::Plan::new(&partly);
    crate::edit::fault::plan(&mut plan, &rule, None, fault);
    let Err(crate::plan::Stop::NotYet(said)) = plan.change() else { panic!("it is written blindly") };
    assert!(said.contains("This login may not list virtualservices"), "{said}");
    told.take(Observation::Kind(&kinds::VIRTUAL_SERVICE, KindState::Denied(why())));
    assert_eq!(mesh(&mut told).unseen(&kinds::VIRTUAL_SERVICE, "shop"), Some(&why()));
    told.take(Observation::Begun(None));
    assert_eq!(mesh(&mut told).unseen(&kinds::VIRTUAL_SERVICE, "shop"), Some(&why()), "until more is known");
    told.take(Observation::Listed(&kinds::VIRTUAL_SERVICE, String::new(), list(&kinds::VIRTUAL_SERVICE)));
    assert_eq!(mesh(&mut told).unseen(&kinds::VIRTUAL_SERVICE, "shop"), None);
}

/// Nor is what was not read yet, or could not be: only a list that came in shows that there is nothing.
#[test]
fn what_was_never_read_is_not_absent() {
    let mut told = Told::connected();
    let rules = &kinds::DESTINATION_RULE;
    let why = |told: &mut Told| {
        told.read();
        let mesh = told.board.scene(&told.cluster).mesh;
        mesh.unseen(rules, "bookinfo").map(|problem| problem.why.clone())
    };
    told.take(Observation::Awaited(rules, String::new()));
    assert_eq!(why(&mut told).as_deref(), Some("They are still being read from the cluster"));
    let problem = Problem::new("DestinationRules cannot be read", "The server answered 500", "Wait");
    told.take(Observation::Broke(rules, String::new(), KindState::Stale(problem.clone())));
    assert_eq!(why(&mut told).as_deref(), Some("The server answered 500"));
    told.take(Observation::Listed(rules, String::new(), BTreeMap::new()));
    assert_eq!(why(&mut told), None);
    told.take(Observation::Broke(rules, String::new(), KindState::Stale(problem)));
    told.take(Observation::Begun(None));
    told.take(Observation::Awaited(rules, String::new()));
    assert_eq!(why(&mut told), None, "what was read once is known, if it grows old");
}

#[test]
fn who_wrote_what_can_be_edited_is_in_the_scene() {
    use crate::writes::{Deed, Manager};
    let by =
        |name: &str| vec![Manager { name: name.into(), time: Some(NOW), fields: vec!["spec.http".into()] }];
    let kind = &kinds::VIRTUAL_SERVICE;
    let at = Ref::new(kind, "bookinfo", "reviews");
    let mut told = Told::connected();
    told.take(Observation::Awaited(kind, String::new()));
    assert!(!told.take(Observation::Managed(at.clone(), by("helm"))), "nothing to be shown yet");
    told.take(Observation::Listed(kind, String::new(), list(kind)));
    let mut theirs = (*list(kind)[&at].0).clone();
    theirs["spec"]["http"][1]["timeout"] = "3s".into();
    told.take(Observation::Managed(at.clone(), by("kubectl-edit")));
    told.take(Observation::Applied(at.clone(), theirs.clone().into()));
    // A relist says the same once more, and that another one has gone.
    let mut listed = list(kind);
    listed.insert(at.clone(), theirs.into());
    let gone = listed.keys().find(|other| **other != at).cloned();
    listed.retain(|other, _| Some(other) != gone.as_ref());
    told.take(Observation::Managed(at, by("kubectl-edit")));
    told.take(Observation::Listed(kind, String::new(), listed));
    let scene = told.board.scene(&told.cluster);
    let writes = scene.writes.iter().map(|write| (write.by.as_deref(), write.deed, &*write.at.name));
    let mut expect =
        vec![(Some("helm"), Deed::Before, "reviews"), (Some("kubectl-edit"), Deed::Changed, "reviews")];
    expect.extend(gone.iter().map(|gone| (None, Deed::Deleted, &*gone.name)));
    assert_eq!(writes.collect::<Vec<_>>(), expect);
    assert_eq!(scene.writes[1].what, ["http.1.timeout 10s → 3s"]);
}

#[test]
fn a_cluster_that_is_not_asked_again_stays_known() {
    let cluster = |uid: Option<&str>| Cluster { uid: uid.map(str::to_owned), ..Cluster::default() };
    let mut told = Told::connected();
    for (asked, known) in [(Some("one"), Some("one")), (None, Some("one")), (Some("two"), Some("two"))] {
        told.take(Observation::Begun(None));
        told.take(Observation::Identified(cluster(asked)));
        assert_eq!(told.board.scene(&told.cluster).cluster, Some(cluster(known)), "{asked:?}");
    }
}

/// A cluster that was made anew, or a CRD that was deleted: what is not served any more is not drawn.
#[test]
fn a_kind_that_is_missing_has_no_objects() {
    let kind = &kinds::VIRTUAL_SERVICE;
    for missing in [
        Observation::Kind(kind, KindState::Missing),
        Observation::Broke(kind, String::new(), KindState::Missing),
    ] {
        let mut told = Told::bookinfo();
        told.read();
        let (all, of_kind) = (demo::bookinfo_objects().len(), list(kind).len());
        let objects = |told: &Told| told.board.scene(&told.cluster).mesh.objects().len();
        assert_eq!(objects(&told), all);
        told.take(missing);
        told.read();
        assert_eq!(objects(&told), all - of_kind);
        assert!(
            told.board
                .scene(&told.cluster)
                .writes
                .iter()
                .all(|write| write.at.kind != kind || write.before.is_none())
        );
        told.take(Observation::Listed(kind, String::new(), list(kind)));
        told.read();
        assert_eq!(told.board.scene(&told.cluster).kinds[kind], KindState::Live(of_kind));
    }
}

#[test]
fn a_mesh_that_could_not_be_read_is_said_until_one_can() {
    let mut told = Told::bookinfo();
    told.read();
    assert!(told.take(Observation::Unreadable(trouble())));
    assert_eq!(told.board.scene(&told.cluster).cautions, [Caution::Old(trouble())]);
    told.take(Observation::Listed(&kinds::POD, String::new(), BTreeMap::new()));
    told.read();
    assert_eq!(told.board.scene(&told.cluster).cautions, []);
    // So is what istiod does not tell.
    assert!(
        told.take(Observation::Partly(Some(trouble()))) && !told.take(Observation::Partly(Some(trouble())))
    );
    assert_eq!(told.board.scene(&told.cluster).cautions, [Caution::Partly(trouble())]);
    assert!(told.take(Observation::Partly(None)));
}
