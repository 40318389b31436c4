//! One watch loop per kind and namespace: lists, then follows every change, for as long as the connection
//! lasts. A broken watch leaves what was read and says so; the loop goes on by itself, slower and slower, and
//! at once on Retry.

mod pulse;

use crate::access::{self, Reach, Served};
use crate::error;
use crate::hub::Hub;
use crate::session::Session;
use crate::supervise::keep_running;
use crate::trim::Raw;
use futures::StreamExt as _;
use kube::api::ApiResource;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use mesh::scene::{KindState, Step, StepState};
use mesh::{KINDS, Kind, Object, Observation, Problem, Ref};
use pulse::{Beat, Pulse};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Pauses between tries after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// After so long without a word it is looked whether the watch lives.
const SILENCE: Duration = Duration::from_secs(7);
/// How long the server may take to say which kinds it has: it may have many groups to ask for.
const DISCOVERY: Duration = Duration::from_secs(40);
/// How long the server keeps a watch, in seconds: one that it has forgotten is begun anew soon.
const ONE_WATCH: u32 = 60;
/// How often kinds that were missing or refused are looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Watches all of [`KINDS`] that exist and may be read; also those that come later (a CRD installed, a right
/// given).
pub(crate) async fn follow_all(session: Arc<Session>) {
    let hub = &session.hub;
    let mut retry = hub.retry.subscribe();
    let mut loops = JoinSet::new();
    let mut open: Vec<&'static Kind> = KINDS.to_vec();
    let mut pause = FIRST_PAUSE;
    hub.take(Observation::Running(Step::Kinds));
    loop {
        match discover(&session.api.client).await {
            Ok(served) => {
                pause = LOOK_AGAIN;
                if matches!(hub.step(Step::Kinds), Some(StepState::Failed(_))) {
                    hub.take(Observation::Running(Step::Kinds));
                }
                open = start(&session, &served, &open, &mut loops).await;
            }
            Err(problem) => {
                if !matches!(hub.step(Step::Kinds), Some(StepState::Done(_))) {
                    hub.take(Observation::Failed(Step::Kinds, problem));
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = retry.changed() => {
                if matches!(hub.step(Step::Kinds), Some(StepState::Failed(_))) {
                    hub.take(Observation::Running(Step::Kinds));
                }
            }
        }
    }
}

/// What the cluster serves, found out within a time limit.
async fn discover(client: &Client) -> Result<Served, Problem> {
    const WHAT: &str = "The cluster does not say which kinds it has";
    match tokio::time::timeout(DISCOVERY, access::discover(client)).await {
        Ok(Ok(served)) => Ok(served),
        Ok(Err(error)) => Err(error::problem(WHAT, &error)),
        Err(_elapsed) => {
            let why = format!("It did not answer within {} s", DISCOVERY.as_secs());
            Err(Problem::new(WHAT, why, "Look at the server and its extension servers; it is asked again"))
        }
    }
}

/// Starts a loop for each kind that can be read; returns those that cannot.
async fn start(
    session: &Arc<Session>,
    served: &Served,
    kinds: &[&'static Kind],
    loops: &mut JoinSet<()>,
) -> Vec<&'static Kind> {
    let hub = &session.hub;
    let root = access::root_namespace(&session.api.client).await;
    let wanted = &session.target.namespaces;
    let asked = kinds.iter().map(|kind| access::reach(&session.api, served, kind, wanted, &root));
    let found = futures::future::join_all(asked).await;
    let mut open = Vec::new();
    // All are announced before the first loop starts: the step "kinds" is done when every kind has answered.
    for (kind, reach) in kinds.iter().copied().zip(&found) {
        match reach {
            Reach::Missing => hub.take(Observation::Kind(kind, KindState::Missing)),
            Reach::Denied(problem) => hub.take(Observation::Kind(kind, KindState::Denied(problem.clone()))),
            Reach::Watch(_, namespaces, why) => {
                if let Some(why) = why {
                    let seen = namespaces.iter().cloned().collect();
                    hub.take(Observation::Only(kind, seen, why.clone()));
                }
                for namespace in namespaces {
                    hub.take(Observation::Awaited(kind, namespace.clone()));
                }
            }
        }
    }
    for (kind, reach) in kinds.iter().copied().zip(found) {
        let Reach::Watch(version, namespaces, _) = reach else {
            open.push(kind);
            continue;
        };
        for namespace in namespaces {
            let (client, hub) = (session.api.client.clone(), Arc::clone(hub));
            let streams = session.api.version.streams_lists();
            let greeting = session.api.greeting.clone();
            let watch = Arc::new(Loop { kind, version, namespace, hub, greeting });
            loops.spawn(async move {
                let broken = |problem| {
                    let state = KindState::Stale(problem);
                    vec![Observation::Broke(watch.kind, watch.namespace.clone(), state)]
                };
                let start = || Arc::clone(&watch).run(client.clone(), streams);
                keep_running(&watch.hub, &format!("Watching {}", kind.plural), broken, start).await;
            });
        }
    }
    open
}

struct Loop {
    kind: &'static Kind,
    version: &'static str,
    /// "" for all.
    namespace: String,
    hub: Arc<Hub>,
    /// What the server said of itself, to be told again when it takes us again.
    greeting: String,
}

impl Loop {
    fn api_version(&self) -> String {
        if self.kind.group.is_empty() {
            self.version.into()
        } else {
            format!("{}/{}", self.kind.group, self.version)
        }
    }

    async fn run(self: Arc<Self>, client: Client, mut streams_lists: bool) {
        let resource = ApiResource {
            group: self.kind.group.into(),
            version: self.version.into(),
            api_version: self.api_version(),
            kind: self.kind.kind.into(),
            plural: self.kind.plural.into(),
        };
        let pulse = Arc::<Pulse>::default();
        let client = pulse.client(client);
        let api: Api<Raw> = if self.namespace.is_empty() {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, &self.namespace, &resource)
        };
        let mut retry = self.hub.retry.subscribe();
        let mut pause = FIRST_PAUSE;
        // Whether the version that we watch from was too old the last time, too.
        let mut expired = false;
        // Whether the server has refused our login.
        let mut refused = false;
        loop {
            let config = watcher::Config::default().timeout(ONE_WATCH);
            let config = if streams_lists { config.streaming_lists() } else { config };
            let mut events = watcher(api.clone(), config).boxed();
            let mut list = BTreeMap::new();
            // Whether a list has begun and is not whole.
            let mut listing = false;
            loop {
                let Ok(event) = tokio::time::timeout(SILENCE, events.next()).await else {
                    match pulse.beat() {
                        Beat::Lives => {
                            self.hub.take(Observation::Alive(self.kind, self.namespace.clone()));
                            self.taken_again(&mut refused);
                            (pause, expired) = (FIRST_PAUSE, false);
                        }
                        Beat::Ends => self.broke(KindState::Stale(self.ended())),
                        // Its own limits end it.
                        Beat::Awaited => {}
                    }
                    continue;
                };
                let Some(event) = event else { break };
                match event {
                    // A list that comes as a stream has to be whole before the server ends the stream: over a
                    // slow link it never is. One in pages is.
                    Ok(Event::Init) if streams_lists && listing => {
                        tracing::info!(kind = self.kind.kind, "a streamed list did not become whole");
                        streams_lists = false;
                        break;
                    }
                    Ok(event) => {
                        match event {
                            Event::Init => listing = true,
                            Event::InitDone => {
                                listing = false;
                                pulse.listed();
                            }
                            _ => {}
                        }
                        // A list alone does not show that the watch works.
                        if matches!(event, Event::Apply(_) | Event::Delete(_)) {
                            (pause, expired) = (FIRST_PAUSE, false);
                        }
                        if matches!(event, Event::Apply(_) | Event::Delete(_) | Event::InitDone) {
                            self.taken_again(&mut refused);
                        }
                        self.take(event, &mut list);
                    }
                    Err(error) if streams_lists && refuses_streaming(&error) => {
                        streams_lists = false;
                        break;
                    }
                    // An expired version is simply listed again; not at once where the server says so each
                    // time.
                    Err(error) if is_expired(&error) && !std::mem::replace(&mut expired, true) => {}
                    Err(error) => {
                        refused |= self.failed(&error);
                        tokio::select! {
                            () = tokio::time::sleep(pause) => {}
                            _ = retry.changed() => {}
                        }
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        // Its objects are gone: when it is there again, they are listed again.
                        if code_of(&error) == Some(404) {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// The server takes us again: what was said of the login does not hold any more.
    fn taken_again(&self, refused: &mut bool) {
        if std::mem::take(refused) {
            self.hub.take(Observation::Done(Step::Api, self.greeting.clone()));
        }
    }

    fn ended(&self) -> Problem {
        Problem::new(
            format!("Watching {} failed", self.kind.plural),
            "The server ends each watch as soon as it has begun",
            "Look at what stands between you and the cluster; it is tried again and again",
        )
    }

    fn broke(&self, state: KindState) {
        self.hub.take(Observation::Broke(self.kind, self.namespace.clone(), state));
    }

    fn take(&self, event: Event<Raw>, list: &mut BTreeMap<Ref, Object>) {
        match event {
            Event::Init => list.clear(),
            Event::InitApply(raw) => {
                let (at, object) = self.object(raw);
                list.insert(at, object);
            }
            Event::InitDone => {
                let all = std::mem::take(list);
                self.hub.take(Observation::Listed(self.kind, self.namespace.clone(), all));
            }
            Event::Apply(raw) => {
                let (at, object) = self.object(raw);
                self.hub.take(Observation::Applied(at, object));
            }
            Event::Delete(raw) => self.hub.take(Observation::Deleted(self.object(raw).0)),
        }
    }

    /// The object as it is kept; who has written one that can be edited is told first.
    fn object(&self, raw: Raw) -> (Ref, Object) {
        let managers = self.kind.editable.then(|| raw.managers());
        let object = raw.into_object(&self.api_version(), self.kind);
        let at = Ref { kind: self.kind, namespace: object.namespace().into(), name: object.name().into() };
        if let Some(managers) = managers {
            self.hub.take(Observation::Managed(at.clone(), managers));
        }
        (at, object)
    }

    /// Shows a failure beside the kind. Returns whether it is the login that the server does not take.
    fn failed(&self, error: &watcher::Error) -> bool {
        let what = format!("Watching {} failed", self.kind.plural);
        let code = code_of(error);
        let problem = match error {
            watcher::Error::WatchError(status) => error::of_status(what, status),
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => error::problem(what, error),
            watcher::Error::NoResourceVersion => {
                Problem::new(what, "The server sends no resourceVersion", "Nothing: it is tried again")
            }
        };
        let state = match code {
            Some(403) => KindState::Denied(problem),
            Some(404) => KindState::Missing,
            Some(401) => {
                let mut told = problem.clone();
                told.what = "The API server no longer accepts the login".into();
                self.hub.take(Observation::Failed(Step::Api, told));
                KindState::Stale(problem)
            }
            _ => KindState::Stale(problem),
        };
        self.broke(state);
        code == Some(401)
    }
}

fn code_of(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error::code(error),
        watcher::Error::WatchError(status) => Some(status.code),
        watcher::Error::NoResourceVersion => None,
    }
}

/// The server no longer knows the version that the watch begins from.
fn is_expired(error: &watcher::Error) -> bool {
    code_of(error) == Some(410)
}

/// Servers without streaming lists refuse the parameter as invalid.
fn refuses_streaming(error: &watcher::Error) -> bool {
    let refused = |code: u16| matches!(code, 400 | 422);
    match error {
        watcher::Error::WatchStartFailed(error) | watcher::Error::InitialListFailed(error) => {
            error::code(error).is_some_and(refused)
        }
        watcher::Error::WatchError(status) => refused(status.code),
        _ => false,
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
