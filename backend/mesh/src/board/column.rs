//! What is known of one cluster: the watched objects, the state of each kind and step, what was measured and
//! answered.

use super::{Model, Observation, Unread};
use crate::journal::Cluster;
use crate::model::{Hidden, Mesh, Objects, Unseen};
use crate::reads::Answers;
use crate::remote::Remote;
use crate::scene::{Caution, KindState, Proxy, Scene, Step, StepState};
use crate::traffic::Traffic;
use crate::writes::Writes;
use istio::{KINDS, Kind, Object, Problem, Ref, kinds};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Pods of a sandbox say where their ports really are; no pod of a cluster has this annotation.
const SANDBOX: &str = "sandbox.binnacle.dev/ports";

/// What is known of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Column {
    context: String,
    cluster: Option<Cluster>,
    sandbox: bool,
    steps: BTreeMap<Step, StepState>,
    cautions: Vec<Caution>,
    kinds: BTreeMap<&'static Kind, KindState>,
    /// Namespaces of a kind ("" for all) whose first list is not in yet.
    awaited: BTreeSet<(&'static Kind, String)>,
    /// Kinds of which all objects were read at least once.
    listed: BTreeSet<&'static Kind>,
    /// Namespaces of a kind ("" for all) whose watch broke, and how that shows.
    broken: BTreeMap<(&'static Kind, String), KindState>,
    counts: BTreeMap<&'static Kind, usize>,
    unseen: Arc<Unseen>,
    objects: Objects,
    writes: Writes,
    /// Counts changes of the objects, and of whether they are known.
    revision: u64,
    mesh: Arc<Mesh>,
    /// The revision of the objects that the mesh was read from.
    read: u64,
    /// Why the mesh could not be read of the newest objects; it is of older ones then.
    unreadable: Option<Problem>,
    /// Why istiod has not told of all proxies.
    partly: Option<Problem>,
    /// The revision at which the first lists were all in.
    due: Option<u64>,
    traffic: Remote<Traffic>,
    proxies: Remote<Vec<Proxy>>,
    traces: Remote<String>,
    answers: Answers,
}

impl Column {
    /// Takes in what was learnt. Returns whether the scene says something new.
    pub(super) fn take(&mut self, at: Timestamp, observation: Observation) -> bool {
        match observation {
            Observation::Begun(context) => self.begin(context),
            Observation::Named(context) => self.context = context,
            Observation::Identified(cluster) => self.identify(cluster),
            Observation::Cautions(cautions) => self.cautions = cautions,
            Observation::Unreadable(problem) => self.unreadable = Some(problem),
            Observation::OwnSandbox => {
                self.sandbox = true;
                self.steps.insert(Step::Sandbox, StepState::Done("running on this machine".to_owned()));
            }
            Observation::Running(step) => return self.step_is(step, StepState::Running(at)),
            Observation::Done(step, found) => return self.step_is(step, StepState::Done(found)),
            Observation::Failed(step, problem) => return self.step_is(step, StepState::Failed(problem)),
            Observation::Lost(problem) => {
                grow_old(&mut self.traffic, &problem);
                grow_old(&mut self.proxies, &problem);
            }
            Observation::Kind(kind, state) => {
                self.sees(kind, denied(&state));
                self.without_missing(kind, "", &state);
                self.kind_is(kind, state);
                self.settle();
            }
            Observation::Awaited(kind, namespace) => {
                self.not_read(kind, &namespace, || being_read(kind));
                self.awaited.insert((kind, namespace));
                self.kinds.insert(kind, KindState::Waiting);
            }
            Observation::Only(kind, namespaces, why) => {
                self.sees(kind, Some(Hidden { but: namespaces, why }));
            }
            Observation::Managed(of, managers) => {
                self.writes.note(of, managers);
                return false;
            }
            Observation::Listed(kind, namespace, listed) => self.list(kind, namespace, listed, at),
            Observation::Applied(of, object) => {
                self.heard(&of);
                let kind = of.kind;
                self.insert(of, object, false, at);
                self.live(kind);
            }
            Observation::Deleted(of) => {
                self.heard(&of);
                self.remove(&of, at);
                self.live(of.kind);
            }
            Observation::Alive(kind, namespace) => {
                let broken = self.broken.remove(&(kind, namespace)).is_some();
                if broken {
                    self.live(kind);
                    self.settle();
                }
                return broken;
            }
            Observation::Broke(kind, namespace, state) => {
                let at = (kind, namespace);
                if matches!(state, KindState::Missing) {
                    self.awaited.insert(at.clone());
                } else {
                    self.awaited.remove(&at);
                }
                if self.broken.insert(at.clone(), state.clone()).as_ref() == Some(&state) {
                    return false;
                }
                self.without_missing(kind, &at.1, &state);
                match (denied(&state), refusal(&state)) {
                    (Some(hidden), _) => self.sees(kind, Some(hidden)),
                    (None, Some(why)) => self.not_read(kind, &at.1, || why),
                    (None, None) => {}
                }
                self.kind_is(kind, state);
                self.settle();
            }
            Observation::Traffic(measured) => learn(&mut self.traffic, at, measured),
            Observation::TrafficLate(problem) => grow_old(&mut self.traffic, &problem),
            Observation::Proxies(told) => return self.proxies_are(at, told),
            Observation::Partly(why) => return std::mem::replace(&mut self.partly, why.clone()) != why,
            Observation::Traces(told) => learn(&mut self.traces, at, told),
            Observation::Answered(read, answer) => self.answers.take(at, read, answer),
            Observation::Forgotten(read) => self.answers.forget(&read),
        }
        true
    }

    /// How a step stands.
    pub fn step(&self, step: Step) -> Option<&StepState> {
        self.steps.get(&step)
    }
    /// How a kind stands.
    pub fn kind(&self, kind: &'static Kind) -> Option<&KindState> {
        self.kinds.get(kind)
    }
    /// The objects. A copy of them is cheap.
    pub fn objects(&self) -> &Objects {
        &self.objects
    }
    /// Why not all objects of a kind are seen, if not all are.
    pub fn unseen(&self, kind: &'static Kind) -> Option<&Problem> {
        self.unseen.anywhere(kind)
    }
    /// Why an object of a kind in a namespace is not seen, if it is not.
    pub fn hidden(&self, kind: &'static Kind, namespace: &str) -> Option<&Problem> {
        self.unseen.of(kind, namespace)
    }
    /// Counts changes of the objects, and of whether they are known.
    pub fn revision(&self) -> u64 {
        self.revision
    }
    /// What was answered to those who look at something.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    pub(super) fn scene(&self) -> Scene {
        Scene {
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            sandbox: self.sandbox,
            steps: self.steps.clone(),
            doing: None,
            cautions: self.all_cautions(),
            kinds: self.kinds.clone(),
            mesh: Arc::clone(&self.mesh),
            traffic: self.traffic.clone(),
            proxies: self.proxies.clone(),
            traces: self.traces.clone(),
            answers: self.answers.clone(),
            writes: Arc::clone(self.writes.all()),
        }
    }

    /// Those of the connection, and those that pass.
    fn all_cautions(&self) -> Vec<Caution> {
        let passing = [self.unreadable.clone().map(Caution::Old), self.partly.clone().map(Caution::Partly)];
        self.cautions.iter().cloned().chain(passing.into_iter().flatten()).collect()
    }

    pub(super) fn unread(&self) -> Option<Unread> {
        let (objects, before, revision) = (&self.objects, &self.mesh, self.revision);
        (self.read != revision).then(|| Unread {
            objects: objects.clone(),
            before: Arc::clone(before),
            unseen: Arc::clone(&self.unseen),
            revision,
        })
    }

    pub(super) fn show(&mut self, model: Model) {
        (self.mesh, self.read, self.unreadable) = (model.mesh, model.revision, None);
        self.settle();
    }

    fn begin(&mut self, context: Option<String>) {
        if let Some(context) = context {
            self.context = context;
        }
        for step in [Step::Context, Step::Api, Step::Kinds, Step::Istiod, Step::Prometheus, Step::Traces] {
            self.steps.insert(step, StepState::Pending);
        }
        self.cautions.clear();
        self.partly = None;
        self.kinds.clear();
        self.awaited.clear();
        self.broken.clear();
        self.due = None;
    }

    /// What was known of the same cluster, and could not be asked this time, counts on.
    fn identify(&mut self, cluster: Cluster) {
        let uid = self.cluster.take().filter(|known| known.is(&cluster)).and_then(|known| known.uid);
        self.cluster = Some(Cluster { uid: cluster.uid.or(uid), ..cluster });
    }

    fn step_is(&mut self, step: Step, state: StepState) -> bool {
        let new = self.steps.get(&step) != Some(&state);
        if new {
            self.steps.insert(step, state);
        }
        new
    }

    /// When only the time of what istiod says is new, there is nothing new to be shown.
    fn proxies_are(&mut self, at: Timestamp, told: Result<Vec<Proxy>, Problem>) -> bool {
        if let (Remote::Live(old, _), Ok(proxies)) = (&self.proxies, &told)
            && **old == *proxies
        {
            self.proxies = Remote::Live(Arc::clone(old), at);
            return false;
        }
        learn(&mut self.proxies, at, told);
        true
    }

    /// Of a kind that the cluster does not serve any more there are no objects. Nobody has deleted them.
    fn without_missing(&mut self, kind: &'static Kind, namespace: &str, state: &KindState) {
        if !matches!(state, KindState::Missing) {
            return;
        }
        if namespace.is_empty() {
            self.listed.remove(kind);
        }
        let within = |at: &Ref| namespace.is_empty() || &*at.namespace == namespace;
        let gone: Vec<Ref> = self.objects.of_kind(kind).map(|(at, _)| at.clone()).filter(within).collect();
        self.revision += u64::from(!gone.is_empty());
        for at in &gone {
            self.objects.remove(at);
        }
        let count = self.counts.entry(kind).or_default();
        *count = count.saturating_sub(gone.len());
    }

    /// What of a kind is not seen. A list that comes in shows what it has, and no more.
    fn sees(&mut self, kind: &'static Kind, hidden: Option<Hidden>) {
        let mut unseen = (*self.unseen).clone();
        match hidden {
            Some(hidden) => unseen.hide(kind, hidden),
            None => unseen.show(kind),
        }
        if unseen != *self.unseen {
            self.unseen = Arc::new(unseen);
            self.revision += 1;
        }
    }

    /// A kind whose objects were never read is not known, which is not the same as that there are none.
    fn not_read(&mut self, kind: &'static Kind, namespace: &str, why: impl FnOnce() -> Problem) {
        if namespace.is_empty() && !self.listed.contains(kind) {
            self.sees(kind, Some(Hidden { but: BTreeSet::new(), why: why() }));
        }
    }

    fn list(
        &mut self,
        kind: &'static Kind,
        namespace: String,
        listed: BTreeMap<Ref, Object>,
        heard: Timestamp,
    ) {
        let first = self.awaited.contains(&(kind, namespace.clone()));
        let missing = |(at, _): (&Ref, &Object)| (!listed.contains_key(at)).then(|| at.clone());
        let gone: Vec<Ref> = match namespace.as_str() {
            "" => self.objects.of_kind(kind).filter_map(missing).collect(),
            one => self.objects.within(kind, one).filter_map(missing).collect(),
        };
        for at in gone {
            self.remove(&at, heard);
        }
        for (at, object) in listed {
            self.insert(at, object, first, heard);
        }
        if namespace.is_empty() {
            self.listed.insert(kind);
            self.sees(kind, None);
        }
        let at = (kind, namespace);
        self.awaited.remove(&at);
        self.broken.remove(&at);
        self.live(kind);
        self.settle();
    }

    /// News of an object: the watch that it came by works.
    fn heard(&mut self, at: &Ref) {
        if !self.broken.is_empty() {
            self.broken.remove(&(at.kind, String::new()));
            self.broken.remove(&(at.kind, at.namespace.to_string()));
        }
    }

    fn insert(&mut self, at: Ref, object: Object, first: bool, heard: Timestamp) {
        let kind = at.kind;
        self.writes.told(&at, self.objects.get(&at), &object, first, heard);
        self.sandbox |= *kind == kinds::POD && object.annotation(SANDBOX).is_some();
        if self.objects.insert(at, object).is_none() {
            *self.counts.entry(kind).or_default() += 1;
        }
        self.revision += 1;
    }

    fn remove(&mut self, at: &Ref, heard: Timestamp) {
        if let Some(was) = self.objects.remove(at) {
            self.writes.gone(at, &was, heard);
            let count = self.counts.entry(at.kind).or_default();
            *count = count.saturating_sub(1);
        }
        self.revision += 1;
    }

    /// Live with so many objects, unless another namespace of it is still awaited or broken.
    fn live(&mut self, kind: &'static Kind) {
        if self.awaited.iter().any(|(awaited, _)| *awaited == kind) {
            return;
        }
        let broken = self.broken.iter().find(|((broken, _), _)| *broken == kind);
        let count = self.counts.get(kind).copied().unwrap_or_default();
        let state = broken.map_or(KindState::Live(count), |(_, state)| state.clone());
        self.kind_is(kind, state);
    }

    /// Who waits for objects waits for their kind, too.
    fn kind_is(&mut self, kind: &'static Kind, state: KindState) {
        let another = |old: &KindState| std::mem::discriminant(old) != std::mem::discriminant(&state);
        self.revision += u64::from(self.kinds.get(kind).is_none_or(another));
        self.kinds.insert(kind, state);
    }

    /// The step "kinds" is done when every kind has answered in some way and the mesh has been read from
    /// that; what it says follows later changes. Once done it stays so: a server that is lost takes nothing
    /// out of sight.
    fn settle(&mut self) {
        let done = matches!(self.steps.get(&Step::Kinds), Some(StepState::Done(_)));
        let begun = !matches!(self.steps.get(&Step::Kinds), None | Some(StepState::Pending));
        if !begun || self.kinds.len() < KINDS.len() {
            return;
        }
        if self.kinds.values().any(|state| matches!(state, KindState::Waiting)) {
            return;
        }
        if !done && self.read < *self.due.get_or_insert(self.revision) {
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

fn being_read(kind: &Kind) -> Problem {
    let what = format!("{} objects are not known yet", kind.kind);
    Problem::new(what, "They are still being read from the cluster", "Wait until they are in")
}

/// What is hidden of a kind that may not be read at all.
fn denied(state: &KindState) -> Option<Hidden> {
    match state {
        KindState::Denied(why) => Some(Hidden { but: BTreeSet::new(), why: why.clone() }),
        _ => None,
    }
}

fn refusal(state: &KindState) -> Option<Problem> {
    match state {
        KindState::Denied(problem) | KindState::Stale(problem) => Some(problem.clone()),
        _ => None,
    }
}

/// What was read, or why it was not: what was known before stays then, as old.
fn learn<T>(known: &mut Remote<T>, at: Timestamp, read: Result<T, Problem>) {
    *known = match read {
        Ok(value) => Remote::Live(Arc::new(value), at),
        Err(problem) => std::mem::take(known).failed(problem),
    };
}

/// What was known is old; what was still awaited is still awaited.
fn grow_old<T>(known: &mut Remote<T>, problem: &Problem) {
    if known.value().is_some() {
        *known = std::mem::take(known).failed(problem.clone());
    }
}
