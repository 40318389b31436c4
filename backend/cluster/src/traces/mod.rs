//! Traces: finds Jaeger's query API, and asks it for services, for traces, and for one trace.

mod jaeger;

pub use jaeger::parse_jaeger;

use crate::find::{self, Wanted};
use crate::session::Session;
use crate::tunnel::Place;
use bytes::Bytes;
use mesh::scene::Step;
use mesh::trace::{Trace, TraceQuery};
use mesh::{Observation, Problem};
use serde::Deserialize;
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
async fn read(session: &Session, path: &str) -> Result<(String, Bytes), Problem> {
    let (name, place) = place(session)?;
    let mut last = String::new();
    for prefix in PREFIXES {
        let answer = session.tunnel.get(&place, &format!("{prefix}{path}"), WHAT).await?;
        if answer.body.trim_ascii_start().starts_with(b"{") {
            return Ok((name, answer.body));
        }
        last = format!("{name} answered {} and no JSON", answer.status);
    }
    Err(Problem::new(
        WHAT,
        last,
        "Look whether this Service is Jaeger's query API, or give its URL with --tracing",
    ))
}

fn unreadable(name: &str, error: &str) -> Problem {
    Problem::new(WHAT, format!("{name}: {error}"), "Look at the version and the logs of the tracing backend")
}

/// Services that sent spans.
pub(crate) async fn services(session: &Session) -> Result<(String, Vec<String>), Problem> {
    #[derive(Deserialize)]
    struct Services {
        data: Option<Vec<String>>,
    }
    let (name, body) = read(session, "/api/services").await?;
    let services: Services =
        serde_json::from_slice(&body).map_err(|error| unreadable(&name, &error.to_string()))?;
    let mut services = services.data.unwrap_or_default();
    services.sort();
    Ok((name, services))
}

/// Finds traces.
pub(crate) async fn search(session: &Session, query: &TraceQuery) -> Result<Vec<Trace>, Problem> {
    let Some(call) = &query.call else { return parsed(read(session, &search_path(query)).await?).await };
    // The backend cannot be asked for calls between two ends: traces are read page by page, and what does not fit is left out.
    let mut page = TraceQuery { limit: query.limit.clamp(1, MOST / 4) * 4, ..query.clone() };
    let (mut found, mut read_so_far) = (BTreeMap::new(), 0);
    loop {
        let traces = parsed(read(session, &search_path(&page)).await?).await?;
        let began = |trace: &Trace| trace.spans.iter().map(|span| span.start_us).min();
        let (count, oldest) = (traces.len(), traces.iter().filter_map(began).min());
        let fits = traces.into_iter().filter(|trace| trace.shows(call, query.errors_only));
        found.extend(fits.map(|trace| ((std::cmp::Reverse(began(&trace)), trace.id.clone()), trace)));
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
    Ok(found.into_values().take(query.limit.max(1)).collect())
}

/// One trace.
pub(crate) async fn trace(session: &Session, id: &str) -> Result<Trace, Problem> {
    let id: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    let traces = parsed(read(session, &format!("/api/traces/{id}")).await?).await?;
    traces.into_iter().next().ok_or_else(|| {
        let next = "It may have been dropped from the store: search again";
        Problem::new("The trace is not there", format!("The tracing backend does not have {id}"), next)
    })
}

async fn parsed((name, body): (String, Bytes)) -> Result<Vec<Trace>, Problem> {
    // A trace of 100,000 spans takes a while: not on the async threads.
    let parsed = tokio::task::spawn_blocking(move || parse_jaeger(&body)).await;
    parsed.map_err(|error| unreadable(&name, &error.to_string()))?.map_err(|error| unreadable(&name, &error))
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
