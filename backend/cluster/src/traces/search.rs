//! Searches: what the backend cannot be asked for is looked for in what it finds.

use super::backend::Hits;
use super::read::Refusal;
use super::{At, WHAT, ask, at, get, read_in_background, understood};
use crate::session::Session;
use futures::{StreamExt as _, stream};
use mesh::Problem;
use mesh::trace::{Found, Odd, Opened, TraceQuery};
use std::collections::BTreeMap;

/// So many traces are read at most to find those with a certain call.
const MOST: usize = 3000;
/// The same where each is read by itself.
const MOST_SINGLY: usize = 300;
/// So many are read at once where each is read by itself.
const AT_ONCE: usize = 4;

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
        if found.len() >= query.limit {
            break;
        }
        if read_so_far >= most {
            odd.push(Odd::Looked(read_so_far));
            break;
        }
    }
    Ok(Found { traces: found.into_values().take(query.limit.max(1)).collect(), odd })
}

/// What one search of the backend finds: a line of each where that will do and it tells them, else whole.
async fn page(session: &Session, at: &At, query: &TraceQuery) -> Result<Found, Problem> {
    let backend = at.backend();
    if query.brief
        && query.call.is_none()
        && let Some(found) = lines(session, at, query).await?
    {
        return Ok(found);
    }
    match ask(session, at, &backend.search(query), move |body| backend.read_found(body)).await? {
        Hits::Traces(found) => Ok(found),
        Hits::Ids(ids) => singly(session, at, ids).await,
    }
}

/// A line of each trace that is found; `None` where the backend tells none.
async fn lines(session: &Session, at: &At, query: &TraceQuery) -> Result<Option<Found>, Problem> {
    let backend = at.backend();
    let Some(path) = backend.summaries(query) else { return Ok(None) };
    if session.traces.no_lines.lock().as_ref() == Some(&at.place) {
        return Ok(None);
    }
    let answer = get(session, at, &path).await?;
    let status = answer.status;
    let read = tokio::task::spawn_blocking(move || (backend.read_summaries(&answer.body), answer)).await;
    let (read, answer) = read.map_err(|error| Problem::new(WHAT, error.to_string(), "Retry"))?;
    match (read, status) {
        // Where none is found, that is said as of a page that is not there.
        (Ok(found), ..=399 | 404) => Ok(Some(found)),
        // An older one has no such page, or answers every path with its own.
        (Err(_), 404 | 405 | 501) | (Err(Refusal::Foreign), ..=399) => {
            *session.traces.no_lines.lock() = Some(at.place.clone());
            Ok(None)
        }
        (read, _) => understood(at, &answer, read).map(Some),
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
pub(super) async fn one(session: &Session, at: &At, id: &str) -> Result<Option<Found>, Problem> {
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
pub(super) fn fits(query: &TraceQuery, opened: &Opened, by_tags: bool) -> bool {
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
    // What finds lines finds them by tags.
    errs && (!by_tags || !opened.is_whole() || tagged())
}
