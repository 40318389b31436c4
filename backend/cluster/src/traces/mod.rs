//! Traces: finds Jaeger's query API, and asks it for services, for traces, and for one trace.

mod file;
pub(crate) mod read;

pub use file::{open_traces, readable};

use crate::find::{self, Wanted};
use crate::limits::{self, Limit};
use crate::session::Session;
use crate::tunnel::{Answer, Place};
use mesh::scene::Step;
use mesh::trace::{Found, Odd, Opened, TraceQuery};
use mesh::{Observation, Problem};
use read::{Refusal, jaeger};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use url::form_urlencoded::Serializer;

const INTERVAL: Duration = Duration::from_secs(30);
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// So many traces are read at most to find those with a certain call.
const MOST: usize = 3000;
const WHAT: &str = "Traces cannot be read";

const WANTED: Wanted = Wanted {
    title: "A tracing backend",
    names: &["tracing", "jaeger-query", "jaeger"],
    apps: &["jaeger", "tracing"],
    ports: &[(16686, "http-query"), (80, "query")],
    next: "Install Jaeger beside Istio, or give its URL with --tracing",
    option: "--tracing",
};

/// Jaeger often answers below `/jaeger` (so does Istio's own sample).
const PREFIXES: [&str; 2] = ["", "/jaeger"];

fn place(session: &Session) -> Result<(String, Place), Problem> {
    if let Some(url) = &session.target.tracing {
        let place = Place::Url(url.clone());
        return Ok((place.to_string(), place));
    }
    find::service(&session.hub, &WANTED).map(|(name, at)| (name, Place::Pod(at)))
}

/// Reads a path of the query API, below whichever prefix it answers with JSON.
async fn read<T: Send + 'static>(
    session: &Session,
    path: &str,
    parse: impl Fn(&[u8]) -> Result<T, Refusal> + Send + 'static,
) -> Result<(String, T), Problem> {
    let (name, place) = place(session)?;
    let mut last = None;
    for prefix in PREFIXES {
        let path = format!("{prefix}{path}");
        let answer = session.tunnel.get_some(&place, &path, WHAT, Limit::of(limits::TRACES)).await?;
        if matches!(answer.status, 401 | 403) || answer.body.trim_ascii_start().starts_with(b"{") {
            // A trace of 100,000 spans takes a while: not on the async threads.
            let told = name.clone();
            let parsed = tokio::task::spawn_blocking(move || understood(&told, &answer, parse)).await;
            let broken = |error: tokio::task::JoinError| Problem::new(WHAT, error.to_string(), "Retry");
            return Ok((name, parsed.map_err(broken)??));
        }
        last = Some(answer);
    }
    let answer = last.map(|answer| answer.status).unwrap_or_default();
    Err(foreign(format!("{name} answered {answer} and no JSON")))
}

fn foreign(why: String) -> Problem {
    Problem::new(WHAT, why, "Look whether this is Jaeger's query API, or give its URL with --tracing")
}

fn understood<T>(
    name: &str,
    Answer { status, body, .. }: &Answer,
    parse: impl Fn(&[u8]) -> Result<T, Refusal>,
) -> Result<T, Problem> {
    let words = match (parse(body), status) {
        (_, 401 | 403) => {
            let why = format!("{name} wants a login ({status})");
            return Err(Problem::new(
                WHAT,
                why,
                "Give the URL of a tracing backend that needs none with --tracing",
            ));
        }
        (Ok(read), ..=399) => return Ok(read),
        (Err(Refusal::Foreign), ..=399) => {
            return Err(foreign(format!("{name} does not answer as Jaeger does ({status})")));
        }
        (Err(Refusal::Said(words)), _) => format!("{name} answered {status}: {words}"),
        (Ok(_) | Err(Refusal::Foreign), _) => format!("{name} answered {status}"),
    };
    Err(Problem::new(WHAT, words, "Look at the version and the logs of the tracing backend"))
}

/// Services that sent spans.
pub(crate) async fn services(session: &Session) -> Result<(String, Vec<String>), Problem> {
    read(session, "/api/services", jaeger::services).await
}

/// Finds traces.
pub(crate) async fn search(session: &Session, query: &TraceQuery) -> Result<Found, Problem> {
    // A failure further on leaves no mark on the spans of the service that is asked for.
    let anywhere = query.call.is_none() && query.errors_only;
    if query.call.is_none() && !anywhere {
        return Ok(read(session, &search_path(query), jaeger::parse).await?.1);
    }
    // The backend cannot be asked for calls between two ends, nor for errors anywhere in a trace: traces are
    // read page by page, and what does not fit is left out.
    let limit = query.limit.clamp(1, MOST / 4) * 4;
    let mut page = TraceQuery { limit, errors_only: query.errors_only && !anywhere, ..query.clone() };
    let (mut found, mut read_so_far) = (BTreeMap::new(), 0);
    let mut odd: Vec<Odd> = Vec::new();
    loop {
        let wanted = query.clone();
        let parse = move |body: &[u8]| {
            let Found { traces, odd } = jaeger::parse(body)?;
            let fits = |opened: &Arc<Opened>| fits(&wanted, opened);
            let oldest = traces.iter().map(|opened| opened.summary.start_us).min();
            Ok((traces.len(), oldest, traces.into_iter().filter(fits).collect::<Vec<_>>(), odd))
        };
        let (count, oldest, fitting, new) = read(session, &search_path(&page), parse).await?.1;
        odd.extend(new.into_iter().filter(|new| !odd.contains(new)).collect::<Vec<_>>());
        let key = |opened: &Opened| (std::cmp::Reverse(opened.summary.start_us), opened.trace.id.clone());
        found.extend(fitting.into_iter().map(|opened| (key(&opened), opened)));
        read_so_far += count;
        match oldest {
            Some(oldest) if count >= page.limit && oldest > page.start_us && oldest < page.end_us => {
                page.end_us = oldest;
            }
            _ => break,
        }
        if found.len() >= query.limit || read_so_far >= MOST {
            break;
        }
    }
    Ok(Found { traces: found.into_values().take(query.limit.max(1)).collect(), odd })
}

/// Whether a trace is what the backend cannot be asked for.
fn fits(query: &TraceQuery, opened: &Opened) -> bool {
    match &query.call {
        Some(call) => opened.shows(call, query.errors_only),
        None => !query.errors_only || opened.summary.errors > 0,
    }
}

/// One trace.
pub(crate) async fn trace(session: &Session, id: &str) -> Result<Arc<Opened>, Problem> {
    let id: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    let (_, found) = read(session, &format!("/api/traces/{id}"), jaeger::parse).await?;
    found.traces.into_iter().next().ok_or_else(|| {
        let next = "It may have been dropped from the store: search again";
        Problem::new("The trace is not there", format!("The tracing backend does not have {id}"), next)
    })
}

fn search_path(query: &TraceQuery) -> String {
    let mut tags: BTreeMap<&str, &str> =
        query.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    if query.errors_only {
        tags.insert("error", "true");
    }
    let mut fields = Serializer::new(String::new());
    fields.append_pair("service", &query.service);
    if let Some(operation) = &query.operation {
        fields.append_pair("operation", operation);
    }
    if !tags.is_empty() {
        fields.append_pair("tags", &serde_json::to_string(&tags).unwrap_or_default());
    }
    fields.append_pair("start", &query.start_us.to_string());
    fields.append_pair("end", &query.end_us.to_string());
    for (name, limit) in [("minDuration", query.min_duration_us), ("maxDuration", query.max_duration_us)] {
        if let Some(limit) = limit {
            fields.append_pair(name, &format!("{limit}us"));
        }
    }
    fields.append_pair("limit", &query.limit.max(1).to_string());
    fields.append_pair("lookback", "custom");
    format!("/api/traces?{}", fields.finish())
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
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &'static str, why: &str) {
        let problem = understood("jaeger", &Answer { status, body: body.into(), turn: None }, jaeger::parse)
            .unwrap_err();
        assert_eq!(problem.why, why);
    }

    #[test]
    fn a_refusal_is_not_an_empty_answer() {
        check(401, r#"{"message":"who are you"}"#, "jaeger wants a login (401)");
        check(403, r#"{"data":[]}"#, "jaeger wants a login (403)");
        check(
            404,
            r#"{"data":null,"errors":[{"msg":"trace not found"}]}"#,
            "jaeger answered 404: trace not found",
        );
        check(502, r#"{"message":"no upstream"}"#, "jaeger answered 502");
        check(200, r#"{"message":"hello"}"#, "jaeger does not answer as Jaeger does (200)");
    }

    /// A failure between two services further on is one of the trace, whoever was asked for.
    #[test]
    fn errors_only_is_about_whole_traces() {
        let query = |errors_only| TraceQuery {
            service: "istio-ingressgateway.istio-system".into(),
            errors_only,
            ..TraceQuery::default()
        };
        let found = mesh::demo::found();
        let fitting = |errors_only| found.traces.iter().filter(|one| fits(&query(errors_only), one)).count();
        let failed = found.traces.iter().filter(|one| one.summary.errors > 0).count();
        assert!(failed > 0 && failed < found.traces.len());
        assert_eq!((fitting(false), fitting(true)), (found.traces.len(), failed));
    }

    #[test]
    fn a_search_as_jaeger_wants_it() {
        let query = TraceQuery {
            service: "cart.shop".into(),
            operation: Some("GET /x".into()),
            tags: [("http.method".into(), "GET".into())].into(),
            start_us: 10,
            end_us: 20,
            min_duration_us: Some(1500),
            max_duration_us: None,
            errors_only: true,
            call: None,
            limit: 20,
        };
        assert_eq!(
            search_path(&query),
            "/api/traces?service=cart.shop&operation=GET+%2Fx&tags=%7B%22error%22%3A%22true%22%2C%22http.method%22%3A%22GET%22%7D&start=10&end=20&minDuration=1500us&limit=20&lookback=custom"
        );
    }
}
