//! Traces: finds a tracing backend (Jaeger, Tempo, Zipkin), and asks it for services, for traces, and for one
//! trace.

pub(crate) mod backend;
mod file;
mod given_back;
mod jaeger;
mod jaeger_v3;
pub(crate) mod read;
mod search;
pub(crate) mod tempo;
mod zipkin;

pub use file::{Progress, open_traces, readable};
pub use given_back::give_back;
pub(crate) use search::search;

use crate::find::{self, Wanted};
use crate::limits::{self, Limit};
use crate::session::Session;
use crate::tunnel::{Answer, Place};
use backend::{Backend, Door};
use mesh::scene::Step;
use mesh::trace::Opened;
use mesh::{Observation, Problem};
use parking_lot::Mutex;
use read::Refusal;
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(30);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
const WHAT: &str = "Traces cannot be read";

const WANTED: Wanted = Wanted {
    title: "A tracing backend",
    names: &[
        "tracing",
        "jaeger-query",
        "jaeger",
        "simplest-query",
        "tempo-query-frontend",
        "tempo-simplest-query-frontend",
        "tempo",
        "zipkin",
    ],
    apps: &["jaeger", "tracing", "tempo", "zipkin"],
    endings: &["-query", "-query-frontend"],
    ports: &[
        (16686, "http-query"),
        (80, "query"),
        (3200, "http-metrics"),
        (3200, "tempo-prom-metrics"),
        (3100, "http-metrics"),
        (3200, "http"),
        (9411, "http-query"),
    ],
    next: "Install Jaeger, Tempo or Zipkin beside Istio, or give its URL with --tracing",
    option: "--tracing",
};

/// What is known of tracing backends.
#[derive(Default)]
pub(crate) struct Known {
    /// Which one answers at a place, as long as it does.
    door: Mutex<Option<(Place, Door)>>,
    /// Where a search tells no lines.
    no_lines: Mutex<Option<Place>>,
}

/// A backend that answers.
#[derive(Clone)]
struct At {
    /// "tempo in monitoring (Tempo)".
    name: String,
    place: Place,
    door: Door,
}

impl At {
    fn of(name: &str, place: &Place, door: Door) -> Self {
        let backend = door.backend.name();
        // Where its name does not say it.
        let told = name.to_lowercase().contains(&backend.to_lowercase()) || backend == "Jaeger";
        let name = if told { name.to_owned() } else { format!("{name} ({backend})") };
        Self { name, place: place.clone(), door }
    }

    fn backend(&self) -> &'static dyn Backend {
        self.door.backend
    }
}

fn place(session: &Session) -> Result<(String, Place), Problem> {
    if let Some(url) = &session.target.tracing {
        let place = Place::Url(url.clone());
        return Ok((place.to_string(), place));
    }
    find::service(&session.hub, &WANTED).map(|(name, at)| (name, Place::Pod(at)))
}

/// The backend, and which services it knows where that had to be asked to know it.
async fn at(session: &Session) -> Result<(At, Option<Vec<String>>), Problem> {
    let (name, place) = place(session)?;
    let known = session.traces.door.lock().clone().filter(|(known, _)| *known == place);
    if let Some((_, door)) = known {
        return Ok((At::of(&name, &place, door), None));
    }
    let mut answered = 404;
    for door in Door::all() {
        let at = At::of(&name, &place, door);
        let answer = get(session, &at, door.backend.services()).await?;
        // Whoever stands before it has the same answer for every path.
        if matches!(answer.status, 401 | 403) {
            return Err(login(&name, answer.status));
        }
        match door.backend.read_services(&answer.body) {
            Ok(services) if answer.status < 400 => {
                *session.traces.door.lock() = Some((place, door));
                return Ok((at, Some(services)));
            }
            Err(Refusal::Said(words)) => return Err(said(&name, answer.status, &words)),
            _ if answered == 404 => answered = answer.status,
            _ => {}
        }
    }
    Err(foreign(format!("{name} answered {answered}, and not as Jaeger, Tempo or Zipkin do")))
}

async fn get(session: &Session, at: &At, path: &str) -> Result<Answer, Problem> {
    let path = format!("{}{path}", at.door.prefix);
    session.tunnel.get_some(&at.place, &path, WHAT, Limit::of(limits::TRACES)).await
}

/// Asks for a path, and reads the answer.
async fn ask<T: Send + 'static>(
    session: &Session,
    at: &At,
    path: &str,
    parse: impl Fn(&[u8]) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Problem> {
    let answer = get(session, at, path).await?;
    let understood = read_in_background(at, answer, parse).await;
    if understood.is_err() {
        // Another backend may answer there by now.
        *session.traces.door.lock() = None;
    }
    understood
}

/// A trace of 100,000 spans takes a while: not on the async threads.
async fn read_in_background<T: Send + 'static>(
    at: &At,
    answer: Answer,
    parse: impl Fn(&[u8]) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Problem> {
    let told = at.clone();
    let read = tokio::task::spawn_blocking(move || understood(&told, &answer, parse(&answer.body))).await;
    read.map_err(|error| Problem::new(WHAT, error.to_string(), "Retry"))?
}

fn foreign(why: String) -> Problem {
    Problem::new(
        WHAT,
        why,
        "Look whether this is a tracing backend's query API, or give its URL with --tracing",
    )
}

fn login(name: &str, status: u16) -> Problem {
    let next = "Give its URL with --tracing, and what it wants (a login, a tenant) with --tracing-header";
    Problem::new(WHAT, format!("{name} wants a login ({status})"), next)
}

fn said(name: &str, status: u16, words: &str) -> Problem {
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    let next = "Look at the version and the logs of the tracing backend";
    Problem::new(WHAT, format!("{name} answered {status}{words}"), next)
}

fn understood<T>(
    at: &At,
    Answer { status, body, .. }: &Answer,
    read: Result<T, Refusal>,
) -> Result<T, Problem> {
    let name = &at.name;
    match (read, status) {
        (_, 401 | 403) => Err(login(name, *status)),
        (Ok(read), ..=399) => Ok(read),
        (Err(Refusal::Foreign), ..=399) => {
            Err(foreign(format!("{name} does not answer as {} does ({status})", at.backend().name())))
        }
        (Err(Refusal::Said(words)), _) => Err(said(name, *status, &words)),
        (Ok(_) | Err(Refusal::Foreign), _) => Err(said(name, *status, &plain(body))),
    }
}

/// What a page says that is text, if it is short.
fn plain(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let is_text = !text.starts_with(['<', '{', '[']) && !text.contains('\n') && text.len() <= 200;
    if is_text { text.to_owned() } else { String::new() }
}

/// Services that sent spans.
pub(crate) async fn services(session: &Session) -> Result<(String, Vec<String>), Problem> {
    let (at, services) = at(session).await?;
    let services = match services {
        Some(services) => services,
        None => {
            let backend = at.backend();
            ask(session, &at, backend.services(), move |body| backend.read_services(body)).await?
        }
    };
    Ok((at.name, services))
}

/// One trace.
pub(crate) async fn trace(session: &Session, id: &str) -> Result<Arc<Opened>, Problem> {
    let id = read::trace_id(id);
    let (at, _) = at(session).await?;
    let found = search::one(session, &at, &id).await?;
    found.and_then(|found| found.traces.into_iter().next()).ok_or_else(|| {
        let next = "It may have been dropped from the store: search again";
        Problem::new("The trace is not there", format!("{} does not have {id}", at.name), next)
    })
}

/// Keeps the scene's word on the tracing backend up to date.
pub(crate) async fn follow(session: Arc<Session>) {
    let hub = &session.hub;
    let mut retry = hub.retry.subscribe();
    let mut paused = hub.paused.subscribe();
    crate::poll::kinds_known(hub).await;
    hub.take(Observation::Running(Step::Traces));
    loop {
        if paused.wait_for(|paused| !paused).await.is_err() {
            return;
        }
        let pause = match services(&session).await {
            Ok((name, services)) => {
                let found = format!("{name}, {} services", services.len());
                hub.take(Observation::Done(Step::Traces, found));
                hub.take(Observation::Traces(Ok(name)));
                INTERVAL
            }
            Err(problem) => {
                hub.take(Observation::Failed(Step::Traces, problem.clone()));
                hub.take(Observation::Traces(Err(problem)));
                AFTER_FAILURE
            }
        };
        crate::poll::rest(pause, &mut retry).await;
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
