//! What one connection knows, gathered from all its tasks: the watched objects, the state of each kind and step, and
//! what was measured. [`crate::publish`] turns it into scenes.

use crate::Wake;
use crate::reads::Wanted;
use mesh::scene::{KindState, Proxy, Step, StepState};
use mesh::traffic::Traffic;
use mesh::{Answer, Answers, Kind, Mesh, Object, Objects, Problem, Read, Ref, Remote, Scene, kinds};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// Pods of a sandbox say where their ports really are; no pod of a cluster has this annotation.
const SANDBOX: &str = "sandbox.binnacle.dev/ports";

/// The gathering place. Every change of it wakes the publisher.
pub(crate) struct Hub {
    board: Mutex<Board>,
    /// Wakes the publisher.
    pub(crate) dirty: Notify,
    /// Counts changes of the objects.
    pub(crate) revision: watch::Sender<u64>,
    /// Counts the user's wishes to retry.
    pub(crate) retry: watch::Sender<u64>,
    /// Whether new scenes are held back, and measuring rests.
    pub(crate) paused: watch::Sender<bool>,
    /// Measuring window in seconds.
    pub(crate) window: watch::Sender<u64>,
    /// What somebody looks at and wants read.
    pub(crate) wanted: watch::Sender<Wanted>,
    /// The latest scene.
    pub(crate) scene: watch::Sender<Arc<Scene>>,
    /// Wakes the window.
    pub(crate) wake: Wake,
}

#[derive(Default)]
struct Board {
    context: String,
    sandbox: bool,
    steps: BTreeMap<Step, StepState>,
    kinds: BTreeMap<&'static Kind, KindState>,
    /// Namespaces of a kind ("" for all) whose first list is not in yet.
    awaited: BTreeSet<(&'static Kind, String)>,
    counts: BTreeMap<&'static Kind, usize>,
    objects: Objects,
    revision: u64,
    traffic: Remote<Traffic>,
    proxies: Remote<Vec<Proxy>>,
    traces: Remote<String>,
    answers: Answers,
}

/// What a scene is made of.
pub(crate) struct Snapshot {
    /// The scene, still without a mesh.
    pub(crate) scene: Scene,
    /// Revision of the objects.
    pub(crate) revision: u64,
}

impl Hub {
    pub(crate) fn new(wake: Wake, window_secs: u64) -> Arc<Self> {
        Arc::new(Self {
            board: Mutex::default(),
            dirty: Notify::new(),
            revision: watch::Sender::new(0),
            retry: watch::Sender::new(0),
            paused: watch::Sender::new(false),
            window: watch::Sender::new(window_secs),
            wanted: watch::Sender::new(Wanted::new()),
            scene: watch::Sender::new(Arc::new(Scene {
                mesh: Arc::new(Mesh::default()),
                ..Scene::default()
            })),
            wake,
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Board) -> T) -> T {
        let result = change(&mut self.board.lock());
        self.dirty.notify_one();
        result
    }

    /// Begins to connect (again). What was read before stays until it is read anew, but is no longer called live.
    pub(crate) fn begin(&self, context: &str) {
        self.change(|board| {
            if !context.is_empty() {
                context.clone_into(&mut board.context);
            }
            for step in [Step::Context, Step::Api, Step::Kinds, Step::Istiod, Step::Prometheus, Step::Traces]
            {
                board.steps.insert(step, StepState::Pending);
            }
            board.kinds.clear();
            board.awaited.clear();
        });
    }

    pub(crate) fn name(&self, context: &str) {
        self.change(|board| context.clone_into(&mut board.context));
    }

    pub(crate) fn step(&self, step: Step, state: StepState) {
        let mut board = self.board.lock();
        if board.steps.get(&step) != Some(&state) {
            board.steps.insert(step, state);
            drop(board);
            self.dirty.notify_one();
        }
    }

    pub(crate) fn running(&self, step: Step) {
        self.step(step, StepState::Running(jiff::Timestamp::now()));
    }

    pub(crate) fn step_state(&self, step: Step) -> Option<StepState> {
        self.board.lock().steps.get(&step).cloned()
    }

    /// Says how a kind stands as a whole (missing, denied).
    pub(crate) fn kind(&self, kind: &'static Kind, state: KindState) {
        self.change(|board| {
            board.kinds.insert(kind, state);
            board.settle();
        });
    }

    pub(crate) fn kind_state(&self, kind: &'static Kind) -> Option<KindState> {
        self.board.lock().kinds.get(kind).cloned()
    }

    /// The first list of this kind in this namespace ("" for all) is awaited.
    pub(crate) fn awaits(&self, kind: &'static Kind, namespace: &str) {
        self.change(|board| {
            board.awaited.insert((kind, namespace.to_owned()));
            board.kinds.insert(kind, KindState::Waiting);
        });
    }

    /// The watch of this kind broke in this namespace. What was read stays.
    pub(crate) fn broke(&self, kind: &'static Kind, namespace: &str, state: KindState) {
        self.change(|board| {
            board.awaited.remove(&(kind, namespace.to_owned()));
            board.kinds.insert(kind, state);
            board.settle();
        });
    }

    /// A whole list of this kind in this namespace ("" for all) is in.
    pub(crate) fn listed(&self, kind: &'static Kind, namespace: &str, listed: BTreeMap<Ref, Object>) {
        self.change(|board| {
            let gone: Vec<Ref> = board
                .of_kind(kind, namespace)
                .filter(|(at, _)| !listed.contains_key(at))
                .map(|(at, _)| at.clone())
                .collect();
            for at in gone {
                board.remove(&at);
            }
            for (at, object) in listed {
                board.insert(at, object);
            }
            board.awaited.remove(&(kind, namespace.to_owned()));
            board.live(kind);
            board.settle();
        });
        self.count_revision();
    }

    /// An object was added or changed.
    pub(crate) fn applied(&self, at: Ref, object: Object) {
        self.change(|board| {
            let kind = at.kind;
            board.insert(at, object);
            board.live(kind);
        });
        self.count_revision();
    }

    /// An object was deleted.
    pub(crate) fn deleted(&self, at: &Ref) {
        self.change(|board| {
            board.remove(at);
            board.live(at.kind);
        });
        self.count_revision();
    }

    /// The watch of this kind works, though nothing changed.
    pub(crate) fn alive(&self, kind: &'static Kind) {
        if matches!(self.kind_state(kind), Some(KindState::Stale(_))) {
            self.change(|board| board.live(kind));
        }
    }

    fn count_revision(&self) {
        let revision = self.board.lock().revision;
        self.revision.send_replace(revision);
    }

    pub(crate) fn object(&self, at: &Ref) -> Option<Object> {
        self.board.lock().objects.get(at).cloned()
    }

    /// All objects of a kind.
    pub(crate) fn objects(&self, kind: &'static Kind) -> Vec<Object> {
        self.board.lock().of_kind(kind, "").map(|(_, object)| object.clone()).collect()
    }

    /// All objects; for building the mesh.
    pub(crate) fn all(&self) -> (Objects, u64) {
        let board = self.board.lock();
        (board.objects.clone(), board.revision)
    }

    pub(crate) fn traffic(&self, traffic: Remote<Traffic>) {
        self.change(|board| board.traffic = traffic);
    }

    /// What was measured is old; where nothing was measured yet, that is still awaited.
    pub(crate) fn traffic_late(&self, problem: Problem) {
        self.change(|board| {
            if board.traffic.value().is_some() {
                board.traffic = std::mem::take(&mut board.traffic).failed(problem);
            }
        });
    }

    pub(crate) fn traffic_failed(&self, problem: Problem) {
        self.change(|board| board.traffic = std::mem::take(&mut board.traffic).failed(problem));
    }

    /// Takes in what istiod says. When only its time is new, no scene is published for that alone.
    pub(crate) fn proxies(&self, proxies: Vec<Proxy>, now: jiff::Timestamp) {
        let mut board = self.board.lock();
        let same = matches!(&board.proxies, Remote::Live(old, _) if **old == proxies);
        board.proxies = match (&board.proxies, same) {
            (Remote::Live(old, _), true) => Remote::Live(Arc::clone(old), now),
            _ => Remote::Live(Arc::new(proxies), now),
        };
        drop(board);
        if !same {
            self.dirty.notify_one();
        }
    }

    pub(crate) fn proxies_failed(&self, problem: Problem) {
        self.change(|board| board.proxies = std::mem::take(&mut board.proxies).failed(problem));
    }

    /// The connection is lost: what was measured stays, but is old.
    pub(crate) fn lost(&self, problem: &Problem) {
        self.change(|board| {
            if board.traffic.value().is_some() {
                board.traffic = std::mem::take(&mut board.traffic).failed(problem.clone());
            }
            if board.proxies.value().is_some() {
                board.proxies = std::mem::take(&mut board.proxies).failed(problem.clone());
            }
        });
    }

    pub(crate) fn traces(&self, traces: Remote<String>) {
        self.change(|board| board.traces = traces);
    }

    /// Takes in the answer to a question, or why there is none.
    pub(crate) fn answered(&self, read: Read, answer: Result<Answer, Problem>) {
        self.change(|board| board.answers.take(jiff::Timestamp::now(), read, answer));
    }

    /// Lets go of an answer that nobody looks at.
    pub(crate) fn forget(&self, read: &Read) {
        self.change(|board| board.answers.forget(read));
    }

    /// All answers.
    pub(crate) fn answers(&self) -> Answers {
        self.board.lock().answers.clone()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let board = self.board.lock();
        let scene = Scene {
            context: board.context.clone(),
            steps: board.steps.clone(),
            kinds: board.kinds.clone(),
            traffic: board.traffic.clone(),
            proxies: board.proxies.clone(),
            traces: board.traces.clone(),
            answers: board.answers.clone(),
            sandbox: board.sandbox,
            ..Scene::default()
        };
        Snapshot { scene, revision: board.revision }
    }
}

impl Board {
    fn of_kind<'a>(
        &'a self,
        kind: &'static Kind,
        namespace: &'a str,
    ) -> impl Iterator<Item = (&'a Ref, &'a Object)> + 'a {
        let inside = move |at: &Ref| namespace.is_empty() || *at.namespace == *namespace;
        self.objects.of_kind(kind).filter(move |(at, _)| inside(at))
    }

    fn insert(&mut self, at: Ref, object: Object) {
        let kind = at.kind;
        self.sandbox |= kind == &kinds::POD && object.annotation(SANDBOX).is_some();
        if self.objects.insert(at, object).is_none() {
            *self.counts.entry(kind).or_default() += 1;
        }
        self.revision += 1;
    }

    fn remove(&mut self, at: &Ref) {
        if self.objects.remove(at).is_some() {
            let count = self.counts.entry(at.kind).or_default();
            *count = count.saturating_sub(1);
        }
        self.revision += 1;
    }

    /// Live with so many objects, unless another namespace of it is still awaited.
    fn live(&mut self, kind: &'static Kind) {
        if !self.awaited.iter().any(|(awaited, _)| *awaited == kind) {
            let count = self.counts.get(kind).copied().unwrap_or_default();
            self.kinds.insert(kind, KindState::Live(count));
        }
    }

    /// The step "kinds" is done when every kind has answered in some way; what it says follows later changes. Once done
    /// it stays so: a server that is lost takes nothing out of sight.
    fn settle(&mut self) {
        let done = matches!(self.steps.get(&Step::Kinds), Some(StepState::Done(_)));
        let begun = done || matches!(self.steps.get(&Step::Kinds), Some(StepState::Running(_)));
        if !begun || self.kinds.len() < mesh::KINDS.len() {
            return;
        }
        if self.kinds.values().any(|state| matches!(state, KindState::Waiting)) {
            return;
        }
        let nothing = !done && !self.kinds.values().any(|state| matches!(state, KindState::Live(_)));
        let state = match self.kinds.values().find_map(refusal) {
            Some(problem) if nothing => StepState::Failed(problem),
            _ => StepState::Done(self.summary()),
        };
        self.steps.insert(Step::Kinds, state);
    }

    fn summary(&self) -> String {
        let names = |wanted: fn(&KindState) -> bool| -> Vec<&str> {
            self.kinds.iter().filter(|(_, state)| wanted(state)).map(|(kind, _)| kind.kind).collect()
        };
        let watched = names(|state| matches!(state, KindState::Live(_) | KindState::Stale(_))).len();
        let mut text = format!("{watched} kinds watched, {} objects", self.objects.len());
        for (label, names) in [
            ("not installed", names(|state| matches!(state, KindState::Missing))),
            ("not allowed", names(|state| matches!(state, KindState::Denied(_)))),
        ] {
            if !names.is_empty() {
                text.push_str(&format!("; {label}: {}", names.join(", ")));
            }
        }
        text
    }
}

fn refusal(state: &KindState) -> Option<Problem> {
    match state {
        KindState::Denied(problem) | KindState::Stale(problem) => Some(problem.clone()),
        _ => None,
    }
}
