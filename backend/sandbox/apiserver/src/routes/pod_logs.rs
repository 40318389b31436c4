//! What a pod's containers wrote: the end of it, what is newer than a time, what comes, or what was before
//! the last restart.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use crate::answers::typed_answer;
use crate::query::Query;
use crate::target::Place;
use crate::{
    api::Api,
    logs::{LogLine, Logs},
    status::{ApiError, Result},
};

/// What of a log is asked for.
#[derive(Clone, Copy)]
struct Wanted {
    timestamps: bool,
    bytes_left: Option<usize>,
}

pub(super) fn answer(api: &Arc<Api>, at: &Place, query: &Query, pod: &Value) -> Result<Response<Body>> {
    check(at, query)?;
    let namespace = at.target.namespace.as_deref().unwrap_or_default();
    let container = container(at, query, pod)?;
    let found = api.pods.logs(namespace, at.name(), &container);
    let (mut past, live) = if query.flag("previous") {
        let previous = found.and_then(|logs| logs.previous).ok_or_else(|| {
            let message =
                format!("previous terminated container \"{container}\" in pod \"{}\" not found", at.name());
            ApiError::bad_request(message)
        })?;
        (previous, None)
    } else {
        let Logs { past, live, .. } =
            found.filter(|_| !waits(pod, &container)).ok_or_else(|| waiting(at, pod, &container))?;
        (past, Some(live))
    };
    let since = match (query.number("sinceSeconds"), query.get("sinceTime")) {
        (Some(seconds), _) => Some(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds)),
        (None, "") => None,
        (None, time) => {
            Some(time.parse().map_err(|_| ApiError::bad_request(format!("invalid sinceTime \"{time}\"")))?)
        }
    };
    if let Some(since) = since {
        past.retain(|line| line.at >= since);
    }
    if let Some(tail) = query.number("tailLines").and_then(|tail| usize::try_from(tail).ok()) {
        past.drain(..past.len().saturating_sub(tail));
    }
    let mut wanted = Wanted {
        timestamps: query.flag("timestamps"),
        bytes_left: query.number("limitBytes").and_then(|limit| usize::try_from(limit).ok()),
    };
    let mut first = String::new();
    for line in &past {
        wanted.write(&mut first, line);
    }
    let Some(live) = live.filter(|_| query.flag("follow")) else {
        return Ok(typed_answer(StatusCode::OK, "text/plain", Body::from(first)));
    };
    let (sender, receiver) = mpsc::channel(64);
    let closing = api.closing.clone();
    api.tasks.spawn(async move {
        tokio::select! {
            () = follow(first, live, wanted, &sender) => {}
            () = sender.closed() => {}
            () = closing.cancelled() => {}
        }
    });
    let stream = tokio_stream::StreamExt::map(ReceiverStream::new(receiver), Ok::<Bytes, std::io::Error>);
    Ok(typed_answer(StatusCode::OK, "text/plain", Body::from_stream(stream)))
}

async fn follow(
    first: String,
    mut live: broadcast::Receiver<LogLine>,
    mut wanted: Wanted,
    out: &mpsc::Sender<Bytes>,
) {
    if !first.is_empty() && out.send(Bytes::from(first)).await.is_err() {
        return;
    }
    while wanted.bytes_left != Some(0) {
        let line = match live.recv().await {
            Ok(line) => line,
            // A reader that is too slow misses lines, as with a rotated log.
            Err(broadcast::error::RecvError::Lagged(_)) => continue,
            Err(broadcast::error::RecvError::Closed) => return,
        };
        let mut text = String::new();
        wanted.write(&mut text, &line);
        if out.send(Bytes::from(text)).await.is_err() {
            return;
        }
    }
}

impl Wanted {
    fn write(&mut self, to: &mut String, line: &LogLine) {
        let mut text = if self.timestamps {
            format!("{:.9} {}\n", line.at, line.text)
        } else {
            format!("{}\n", line.text)
        };
        if let Some(left) = &mut self.bytes_left {
            let mut end = text.len().min(*left);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            // A cut line ends the log.
            *left = if end < line.text.len() + 1 { 0 } else { *left - end };
        }
        to.push_str(&text);
    }
}

fn container(at: &Place, query: &Query, pod: &Value) -> Result<String> {
    let names = |list: &str| -> Vec<String> {
        let items = pod.pointer(list).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|container| container.get("name")?.as_str().map(str::to_owned)).collect()
    };
    let (containers, init) = (names("/spec/containers"), names("/spec/initContainers"));
    let asked = query.get("container");
    if asked.is_empty() {
        // kubectl knows the annotation that names a default; the server does not.
        return match (containers.as_slice(), init.as_slice()) {
            ([only], []) => Ok(only.clone()),
            (many, first) => {
                let or = if first.is_empty() {
                    String::new()
                } else {
                    format!(" or one of the init containers: [{}]", first.join(" "))
                };
                let many = many.join(" ");
                Err(ApiError::bad_request(format!(
                    "a container name must be specified for pod {}, choose one of: [{many}]{or}",
                    at.name()
                )))
            }
        };
    }
    if containers.iter().chain(&init).any(|name| name == asked) {
        Ok(asked.to_owned())
    } else {
        Err(ApiError::bad_request(format!("container {asked} is not valid for pod {}", at.name())))
    }
}

/// The reason for which a container has not run yet.
fn reason<'a>(pod: &'a Value, container: &str) -> Option<&'a str> {
    let statuses = pod.pointer("/status/containerStatuses").and_then(Value::as_array)?;
    let status = statuses.iter().find(|status| status.get("name").is_some_and(|name| name == container))?;
    status.pointer("/state/waiting/reason").and_then(Value::as_str)
}

fn waits(pod: &Value, container: &str) -> bool {
    reason(pod, container).is_some_and(|reason| reason != "CrashLoopBackOff")
}

fn waiting(at: &Place, pod: &Value, container: &str) -> ApiError {
    let why = match reason(pod, container) {
        Some("ErrImagePull") => "image can't be pulled",
        Some("ImagePullBackOff") => "trying and failing to pull image",
        Some(reason) => reason,
        None => "ContainerCreating",
    };
    ApiError::bad_request(format!(
        "container \"{container}\" in pod \"{}\" is waiting to start: {why}",
        at.name()
    ))
}

/// Numbers that make no sense, in the API server's words.
fn check(at: &Place, query: &Query) -> Result<()> {
    let invalid = |field: &str, message: &str| {
        let why = format!("Invalid value: {}: {message}", query.get(field));
        let cause = json!({"reason": "FieldValueInvalid", "message": why, "field": field});
        // Older clients show nothing but the causes.
        let details = json!({"name": at.name(), "kind": "PodLogOptions", "causes": [cause]});
        let message = format!("PodLogOptions \"{}\" is invalid: {field}: {why}", at.name());
        Err(ApiError::new(422, "Invalid", message).with(details))
    };
    for (field, least, message) in [
        ("tailLines", 0, "must be greater than or equal to 0"),
        ("limitBytes", 1, "must be greater than 0"),
        ("sinceSeconds", 1, "must be greater than 0"),
    ] {
        match query.get(field).parse::<i64>() {
            Ok(number) if number < least => return invalid(field, message),
            Err(_) if query.has(field) => {
                return Err(ApiError::bad_request(format!(
                    "unable to decode {field} {:?}",
                    query.get(field)
                )));
            }
            _ => {}
        }
    }
    if query.has("sinceSeconds") && query.has("sinceTime") {
        return invalid("sinceSeconds", "at most one of `sinceTime` or `sinceSeconds` may be specified");
    }
    Ok(())
}
