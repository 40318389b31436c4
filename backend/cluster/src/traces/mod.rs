//! Traces: finds a tracing backend (Jaeger, Tempo, Zipkin), and asks it for services, for traces, and for one
//! trace.

pub(crate) mod backend;
mod file;
mod given_back;
mod jaeger;
mod jaeger_v3;
pub(crate) mod read;
pub(crate) mod tempo;
mod zipkin;

pub use file::{Progress, open_traces, readable};
pub use given_back::give_back;

use crate::find::{self, Wanted};
use crate::limits::{self, Limit};
use crate::session::Session;
use crate::tunnel::{Answer, Place};
use backend::{Backend, Door, Hits};
use futures::{StreamExt as _, stream};
use mesh::scene::Step;
use mesh::trace::{Found, Odd, Opened, TraceQuery};
use mesh::{Observation, Problem};
use parking_lot::Mutex;
use read::Refusal;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const INTERVAL: Duration = Duration::from_secs(30);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// So many traces are read at most to find those with a certain call.
const MOST: usize = 3000;
/// The same where each is read by itself.
const MOST_SINGLY: usize = 300;
/// So many are read at once where each is read by itself.
const AT_ONCE: usize = 4;
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

/// Which backend answers at a place, as long as it does.
#[derive(Default)]
pub(crate) struct Known(Mutex<Option<(Place, Door)>>);

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
    let known = session.traces.0.lock().clone().filter(|(known, _)| *known == place);
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
                *session.traces.0.lock() = Some((place, door));
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
        *session.traces.0.lock() = None;
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
    let read = tokio::task::spawn_blocking(move || understood(&told, &answer, parse)).await;
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
    parse: impl Fn(&[u8]) -> Result<T, Refusal>,
) -> Result<T, Problem> {
    let name = &at.name;
    match (parse(body), status) {
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

/// Finds traces.
pub(crate) async fn search(session: &Session, query: &TraceQuery) -> Result<Found, Problem> {
    let (at, _) = at(session).await?;
    let backend = at.backend();
    if query.ql.is_some() {
        if !backend.takes_trace_ql() {
            let why = format!("{} is {}, which takes no TraceQL", at.name, backend.name());
            return Err(Problem::new(
                "The search is not made",
                why,
                "Write key=value, or leave the field empty",
            ));
        }
        return page(session, &at, query).await;
    }
    // A failure further on leaves no mark on the spans of the service that is asked for.
    let anywhere = query.call.is_none() && query.errors_only && !backend.finds_errors_anywhere();
    let by_tags = !backend.finds_tags() && !query.tags.is_empty();
    if query.call.is_none() && !anywhere && !by_tags {
        return page(session, &at, query).await;
    }
    // The backend cannot be asked for calls between two ends, nor for errors anywhere in a trace: traces are
    // read page by page, and what does not fit is left out.
    let most = if backend.tells_ids() { MOST_SINGLY } else { MOST };
    let limit = query.limit.clamp(1, most / 4) * 4;
    let mut asked = TraceQuery { limit, errors_only: query.errors_only && !anywhere, ..query.clone() };
    let (mut found, mut read_so_far) = (BTreeMap::new(), 0);
    let mut odd: Vec<Odd> = Vec::new();
    loop {
        let Found { traces, odd: new } = page(session, &at, &asked).await?;
        let oldest = traces.iter().map(|opened| opened.summary.start_us).min();
        let count = traces.len();
        odd.extend(new.into_iter().filter(|new| !odd.contains(new)).collect::<Vec<_>>());
        let key = |opened: &Opened| (std::cmp::Reverse(opened.summary.start_us), opened.trace.id.clone());
        let fitting = traces.into_iter().filter(|opened| fits(query, opened, by_tags));
        found.extend(fitting.map(|opened| (key(&opened), opened)));
        read_so_far += count;
        match oldest {
            Some(oldest) if count >= asked.limit && oldest > asked.start_us && oldest < asked.end_us => {
                asked.end_us = oldest;
            }
            _ => break,
        }
        if found.len() >= query.limit || read_so_far >= most {
            break;
        }
    }
    Ok(Found { traces: found.into_values().take(query.limit.max(1)).collect(), odd })
}

/// What one search of the backend finds, whole.
async fn page(session: &Session, at: &At, query: &TraceQuery) -> Result<Found, Problem> {
    let backend = at.backend();
    match ask(session, at, &backend.search(query), move |body| backend.read_found(body)).await? {
        Hits::Traces(found) => Ok(found),
        Hits::Ids(ids) => singly(session, at, ids).await,
    }
}

/// Each of these traces. One that cannot be read costs itself, unless it is so of all.
async fn singly(session: &Session, at: &At, ids: Vec<String>) -> Result<Found, Problem> {
    let reads: Vec<_> = ids.iter().map(|id| one(session, at, id)).collect();
    let all: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    let (mut found, mut unread, mut why) = (Found::default(), 0, None);
    for read in all {
        match read {
            Ok(Some(one)) => {
                found.traces.extend(one.traces);
                found.odd.extend(one.odd);
            }
            Ok(None) => unread += 1,
            Err(problem) => {
                unread += 1;
                why = Some(problem);
            }
        }
    }
    match why {
        Some(problem) if found.traces.is_empty() => return Err(problem),
        _ if unread > 0 => found.odd.push(Odd::UnreadTraces(unread)),
        _ => {}
    }
    Ok(found)
}

/// One trace; `None` where it is not there.
async fn one(session: &Session, at: &At, id: &str) -> Result<Option<Found>, Problem> {
    let backend = at.backend();
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    for path in backend.trace(&encoded) {
        let answer = get(session, at, &path).await?;
        if answer.status == 404 {
            continue;
        }
        let found = read_in_background(at, answer, move |body| backend.read_trace(body)).await?;
        return Ok(Some(found).filter(|found| !found.traces.is_empty()));
    }
    Ok(None)
}

/// Whether a trace is what the backend cannot be asked for.
fn fits(query: &TraceQuery, opened: &Opened, by_tags: bool) -> bool {
    let tagged = || {
        opened.trace.spans.iter().any(|span| {
            let has = |(key, value): (&String, &String)| {
                span.tags().all(key).chain(span.process().all(key)).any(|told| told == value)
            };
            span.service() == query.service && query.tags.iter().all(has)
        })
    };
    let errs = match &query.call {
        Some(call) => opened.shows(call, query.errors_only),
        None => !query.errors_only || opened.summary.errors > 0,
    };
    errs && (!by_tags || tagged())
}

/// One trace.
pub(crate) async fn trace(session: &Session, id: &str) -> Result<Arc<Opened>, Problem> {
    let id = read::trace_id(id);
    let (at, _) = at(session).await?;
    let found = one(session, &at, &id).await?;
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
