//! Jaeger's query API, as its own page and Kiali use it.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{SpanCount, json, search::Search, span::TraceId, store::Traces};
use crate::params::Params;

/// A search without a limit finds so many traces, one without a time looks back so far: as in Jaeger.
const DEFAULT_LIMIT: usize = 100;
const DEFAULT_LOOKBACK_US: u64 = 2 * 24 * 3_600_000_000;
const MOST_TRACES: usize = 100_000;

type Shared = State<Arc<Traces>>;

/// All routes.
pub(crate) fn router(traces: Arc<Traces>) -> Router {
    Router::new()
        .route("/", get(async || Json(json!({"status": "Server available"}))))
        .route("/api/services", get(services))
        .route("/api/services/{service}/operations", get(operations_of))
        .route("/api/operations", get(operations))
        .route("/api/traces", get(search))
        .route("/api/traces/{id}", get(trace))
        .route("/api/dependencies", get(dependencies))
        .fallback(async || failure(StatusCode::NOT_FOUND, "this Jaeger has no such page"))
        .with_state(traces)
}

fn answer(data: Vec<Value>) -> Response {
    Json(json!({"total": data.len(), "data": data, "limit": 0, "offset": 0, "errors": null})).into_response()
}

/// An answer with traces. What the store had to drop stands beside Jaeger's own fields; ids that were not
/// found are its errors.
fn found(traces: &Traces, data: Vec<Value>, missing: Vec<Value>) -> Response {
    let SpanCount { dropped_spans, dropped_traces, .. } = traces.count();
    let errors = if missing.is_empty() { Value::Null } else { missing.into() };
    let dropped = json!({"traces": dropped_traces, "spans": dropped_spans});
    Json(json!({"total": data.len(), "data": data, "limit": 0, "offset": 0, "errors": errors, "dropped": dropped}))
        .into_response()
}

fn failure(status: StatusCode, text: &str) -> Response {
    let error = json!({"code": status.as_u16(), "msg": text});
    (status, Json(json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": [error]})))
        .into_response()
}

async fn services(State(traces): Shared) -> Response {
    answer(traces.services().iter().map(|name| Value::from(&**name)).collect())
}

async fn operations_of(State(traces): Shared, Path(service): Path<String>) -> Response {
    let mut names: Vec<Value> =
        traces.operations(&service).iter().map(|(name, _)| Value::from(&**name)).collect();
    names.dedup();
    answer(names)
}

async fn operations(State(traces): Shared, params: Params) -> Response {
    let Some(service) = params.first("service") else {
        return failure(StatusCode::BAD_REQUEST, "parameter 'service' is required");
    };
    let kind = params.first("spanKind");
    let wanted =
        traces.operations(service).into_iter().filter(|(_, own)| kind.is_none_or(|kind| kind == *own));
    answer(wanted.map(|(name, kind)| json!({"name": &*name, "spanKind": kind})).collect())
}

async fn trace(State(traces): Shared, Path(id): Path<String>) -> Response {
    let Some(id) = TraceId::read(&id) else {
        return failure(
            StatusCode::BAD_REQUEST,
            &format!("cannot parse the trace ID {id:?}: it must be hexadecimal"),
        );
    };
    match traces.trace(id) {
        Some(spans) => found(&traces, vec![json::trace(&spans)], Vec::new()),
        None => failure(StatusCode::NOT_FOUND, "trace not found"),
    }
}

async fn search(State(traces): Shared, params: Params) -> Response {
    if params.first("traceID").is_some() {
        let (mut data, mut missing) = (Vec::new(), Vec::new());
        for text in params.all("traceID") {
            match TraceId::read(text).and_then(|id| traces.trace(id)) {
                Some(spans) => data.push(json::trace(&spans)),
                None => missing.push(json!({"code": 404, "msg": "trace not found", "traceID": text})),
            }
        }
        return found(&traces, data, missing);
    }
    let now_us = u64::try_from(Timestamp::now().as_microsecond()).unwrap_or_default();
    let search = match read_search(&params, now_us) {
        Ok(search) => search,
        Err(wrong) => return failure(StatusCode::BAD_REQUEST, &wrong.to_string()),
    };
    // Finding and writing many spans takes long enough to keep it off the I/O threads.
    let store = Arc::clone(&traces);
    let sought = tokio::task::spawn_blocking(move || {
        store.search(&search).iter().map(|spans| json::trace(spans)).collect()
    });
    match sought.await {
        Ok(list) => found(&traces, list, Vec::new()),
        Err(error) => {
            tracing::error!(%error, "a search for traces broke down");
            failure(StatusCode::INTERNAL_SERVER_ERROR, "the search broke down; the log tells where")
        }
    }
}

async fn dependencies(State(traces): Shared, params: Params) -> Response {
    let millis = |name: &str| {
        params.first(name).map(|text| text.parse::<u64>().map_err(|_| name.to_owned())).transpose()
    };
    let (end, lookback) = match (millis("endTs"), millis("lookback")) {
        (Ok(end), Ok(lookback)) => (end, lookback),
        (Err(name), _) | (_, Err(name)) => {
            return failure(
                StatusCode::BAD_REQUEST,
                &format!("unable to parse param '{name}': it must be milliseconds"),
            );
        }
    };
    let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    let end_us = end.unwrap_or(now_ms).saturating_mul(1000);
    let start_us = end_us.saturating_sub(lookback.map_or(DEFAULT_LOOKBACK_US, |ms| ms.saturating_mul(1000)));
    let rows = traces.dependencies(start_us, end_us).into_iter();
    answer(
        rows.map(|row| json!({"parent": row.parent, "child": row.child, "callCount": row.calls})).collect(),
    )
}

/// Which parameter of a search is wrong, in Jaeger's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum BadParam {
    #[error("parameter 'service' is required")]
    NoService,
    #[error("unable to parse param '{name}': {text:?} is not a number")]
    Number { name: &'static str, text: String },
    #[error("unable to parse param '{name}': {text:?} is not a duration")]
    Duration { name: &'static str, text: String },
    #[error("'maxDuration' should be greater than 'minDuration'")]
    Order,
    #[error("malformed 'tag' parameter, expecting key:value, received: {0}")]
    Tag(String),
    #[error("malformed 'tags' parameter, cannot unmarshal JSON: {0}")]
    Tags(String),
}

/// Reads the parameters of a search.
fn read_search(params: &Params, now_us: u64) -> Result<Search, BadParam> {
    let service = params.first("service").ok_or(BadParam::NoService)?.to_owned();
    let whole = |name: &'static str| {
        let bad = |text: &str| BadParam::Number { name, text: text.to_owned() };
        params.first(name).map(|text| text.parse::<u64>().map_err(|_| bad(text))).transpose()
    };
    let duration = |name: &'static str| {
        let bad = |text: &str| BadParam::Duration { name, text: text.to_owned() };
        params.first(name).map(|text| microseconds(text).ok_or_else(|| bad(text))).transpose()
    };
    let end_us = whole("end")?.unwrap_or(now_us);
    let lookback = params.first("lookback").and_then(microseconds).unwrap_or(DEFAULT_LOOKBACK_US);
    let (shortest_us, longest_us) = (duration("minDuration")?, duration("maxDuration")?);
    if shortest_us.zip(longest_us).is_some_and(|(least, most)| least > most) {
        return Err(BadParam::Order);
    }
    Ok(Search {
        service,
        operation: params.first("operation").map(ToOwned::to_owned),
        tags: read_tags(params)?,
        start_us: whole("start")?.unwrap_or_else(|| end_us.saturating_sub(lookback)),
        end_us,
        shortest_us,
        longest_us,
        limit: whole("limit")?
            .map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(MOST_TRACES).min(MOST_TRACES)),
    })
}

/// `tags={"error":"true"}` and any number of `tag=error:true`.
fn read_tags(params: &Params) -> Result<Vec<(String, String)>, BadParam> {
    let mut tags = Vec::new();
    for pair in params.all("tag") {
        let (key, value) = pair.split_once(':').ok_or_else(|| BadParam::Tag(pair.to_owned()))?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    for text in params.all("tags").filter(|text| !text.is_empty()) {
        let malformed = || BadParam::Tags(text.to_owned());
        let Ok(Value::Object(all)) = serde_json::from_str(text) else { return Err(malformed()) };
        for (key, value) in all {
            let Value::String(value) = value else { return Err(malformed()) };
            tags.push((key, value));
        }
    }
    Ok(tags)
}

/// A duration as Go writes it, `1.5s`, `100ms`, `250us`, in days, or a bare number of microseconds.
fn microseconds(text: &str) -> Option<u64> {
    const DAY: f64 = 8.64e10;
    if let Ok(bare) = text.parse() {
        return Some(bare);
    }
    match text.strip_suffix('d') {
        Some(days) => {
            days.parse().ok().filter(|days| (0.0..1e6).contains(days)).map(|days| (days * DAY) as u64)
        }
        None => u64::try_from(istio::Duration::read(text)?.nanos() / 1000).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, expected) in [
            ("1.5s", Some(1_500_000)),
            ("100ms", Some(100_000)),
            ("250us", Some(250)),
            ("1h2m", Some(3_720_000_000)),
            ("2d", Some(172_800_000_000)),
            ("700", Some(700)),
            ("", None),
            ("fast", None),
            ("1x", None),
            ("s", None),
        ] {
            assert_eq!(microseconds(text), expected, "{text}");
        }
    }

    #[test]
    fn searches_are_read() {
        let search = read_search(
            &Params::read(
                "service=a.b&operation=x%2F*&tags=%7B%22error%22%3A%22true%22%7D&tag=k:v&minDuration=1ms&limit=5&end=9000000&lookback=1s",
            ),
            0,
        );
        let expected = Search {
            service: "a.b".to_owned(),
            operation: Some("x/*".to_owned()),
            tags: vec![("k".to_owned(), "v".to_owned()), ("error".to_owned(), "true".to_owned())],
            start_us: 8_000_000,
            end_us: 9_000_000,
            shortest_us: Some(1000),
            longest_us: None,
            limit: 5,
        };
        assert_eq!(search, Ok(expected));
        for wrong in [
            "",
            "service=a&start=x",
            "service=a&tags=x",
            "service=a&tags=[1]",
            "service=a&tag=x",
            "service=a&minDuration=x",
            "service=a&minDuration=2s&maxDuration=1s",
        ] {
            assert!(read_search(&Params::read(wrong), 0).is_err(), "{wrong}");
        }
    }
}
