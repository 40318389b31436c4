//! What only a pod can answer: its logs and its ports.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequestParts as _, WebSocketUpgrade},
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::{Query, target::Place, typed_answer};
use crate::{
    logs::{LogLine, Logs},
    server::Api,
    status::{ApiError, Result},
    tunnel::{self, PodTarget},
};

pub(super) async fn answer(api: Arc<Api>, at: Place, query: Query, request: Request<Incoming>) -> Result<Response<Body>> {
    let pod =
        api.store.read(|state| state.get(&at.key(at.name())).cloned()).ok_or_else(|| ApiError::not_found(&at.kind, at.name()))?;
    if at.target.subresource.as_deref() == Some("log") {
        if request.method() != Method::GET {
            return Err(ApiError::method_not_allowed());
        }
        return log(&api, &at, &query, &pod);
    }
    port_forward(api, &at, &query, request).await
}

/// Why nobody gets into a container: there is none, only what it would run.
pub(super) fn no_entry(at: &Place, way: &str) -> ApiError {
    let message = format!(
        "{way} into pod \"{}\" is not possible: the sandbox runs its applications without containers, so there is no shell and no file system in them; kubectl logs, port-forward and describe work",
        at.name()
    );
    ApiError::new(405, "MethodNotAllowed", message)
}

const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const CHANNELS: &str = "v4.channel.k8s.io";

async fn port_forward(api: Arc<Api>, at: &Place, query: &Query, request: Request<Incoming>) -> Result<Response<Body>> {
    let target = PodTarget {
        pods: api.pods.clone(),
        namespace: at.target.namespace.clone().unwrap_or_default(),
        pod: at.name().to_owned(),
    };
    let upgrade =
        request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let closing = api.closing.clone();
    if upgrade.starts_with("spdy/3.1") {
        let tasks = api.tasks.clone();
        tasks.spawn(async move {
            match hyper::upgrade::on(request).await {
                Ok(upgraded) => {
                    let stream = hyper_util::rt::TokioIo::new(upgraded);
                    tokio::select! {
                        () = tunnel::spdy(stream, target) => {}
                        () = closing.cancelled() => {}
                    }
                }
                Err(error) => tracing::debug!(%error, "a port-forward did not get its connection"),
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("SPDY/3.1"));
        headers.insert("x-stream-protocol-version", HeaderValue::from_static("portforward.k8s.io"));
        return Ok(response);
    }
    if upgrade != "websocket" {
        return Err(ApiError::bad_request("unable to upgrade: missing upgrade headers in request"));
    }
    let (mut parts, _) = request.into_parts();
    let socket = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|error| ApiError::bad_request(format!("unable to upgrade: {error}")))?;
    let offered: Vec<String> = socket.requested_protocols().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
    if offered.iter().any(|protocol| protocol == TUNNEL) {
        return Ok(socket.protocols([TUNNEL]).on_upgrade(move |socket| async move {
            tokio::select! {
                () = tunnel::spdy_over_websocket(socket, target) => {}
                () = closing.cancelled() => {}
            }
        }));
    }
    let mut ports = Vec::new();
    for port in query.all("ports").flat_map(|list| list.split(',')) {
        ports.push(port.parse::<u16>().map_err(|_| ApiError::bad_request(format!("invalid port \"{port}\"")))?);
    }
    if ports.is_empty() {
        return Err(ApiError::bad_request("query parameter \"ports\" is required"));
    }
    Ok(socket.protocols([CHANNELS]).on_upgrade(move |socket| async move {
        tokio::select! {
            () = tunnel::channels(socket, target, ports) => {}
            () = closing.cancelled() => {}
        }
    }))
}

/// What of a log is asked for.
#[derive(Clone, Copy)]
struct Wanted {
    timestamps: bool,
    bytes_left: Option<usize>,
}

fn log(api: &Arc<Api>, at: &Place, query: &Query, pod: &Value) -> Result<Response<Body>> {
    let namespace = at.target.namespace.as_deref().unwrap_or_default();
    let container = container(at, query, pod)?;
    if query.flag("previous") {
        let message = format!("previous terminated container \"{container}\" in pod \"{}\" not found", at.name());
        return Err(ApiError::bad_request(message));
    }
    let waiting = || {
        let message = format!("container \"{container}\" in pod \"{}\" is waiting to start: ContainerCreating", at.name());
        ApiError::bad_request(message)
    };
    let Logs { mut past, live } = api.pods.logs(namespace, at.name(), &container).ok_or_else(waiting)?;
    let since = match (query.number("sinceSeconds"), query.get("sinceTime")) {
        (Some(seconds), _) => Some(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds)),
        (None, "") => None,
        (None, time) => Some(time.parse().map_err(|_| ApiError::bad_request(format!("invalid sinceTime \"{time}\"")))?),
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
    if !query.flag("follow") {
        return Ok(typed_answer(StatusCode::OK, "text/plain", Body::from(first)));
    }
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

async fn follow(first: String, mut live: broadcast::Receiver<LogLine>, mut wanted: Wanted, out: &mpsc::Sender<Bytes>) {
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
        let mut text = if self.timestamps { format!("{:.9} {}\n", line.at, line.text) } else { format!("{}\n", line.text) };
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
        return match containers.as_slice() {
            [only] => Ok(only.clone()),
            many => {
                let annotated = pod
                    .get("metadata")
                    .and_then(|metadata| metadata.get("annotations")?.get("kubectl.kubernetes.io/default-container")?.as_str());
                annotated.map(str::to_owned).ok_or_else(|| {
                    ApiError::bad_request(format!(
                        "a container name must be specified for pod {}, choose one of: [{}]",
                        at.name(),
                        many.join(" ")
                    ))
                })
            }
        };
    }
    if containers.iter().chain(&init).any(|name| name == asked) {
        Ok(asked.to_owned())
    } else {
        Err(ApiError::bad_request(format!("container {asked} is not valid for pod {}", at.name())))
    }
}
