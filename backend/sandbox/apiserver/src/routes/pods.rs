//! What only a pod can answer: its ports, and (in `pod_logs`) what its containers wrote.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequestParts as _, WebSocketUpgrade},
};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;

use super::pod_logs;
use crate::query::Query;
use crate::target::Place;
use crate::{
    api::Api,
    status::{ApiError, Result},
    tunnel::{self, PodTarget},
};

pub(super) async fn answer(
    api: Arc<Api>,
    at: Place,
    query: Query,
    request: Request<Incoming>,
) -> Result<Response<Body>> {
    let pod = api
        .store
        .read(|state| state.get(&at.key(at.name())).cloned())
        .ok_or_else(|| ApiError::not_found(&at.kind, at.name()))?;
    if at.target.subresource.as_deref() == Some("log") {
        if request.method() != Method::GET {
            return Err(ApiError::method_not_allowed());
        }
        return pod_logs::answer(&api, &at, &query, &pod);
    }
    port_forward(api, &at, &query, request).await
}

/// Why nobody gets into a container: there is none, only what it would run.
pub(super) fn no_entry(at: &Place, way: &str) -> ApiError {
    let message = format!(
        "{way} into pod \"{}\" is not possible: the sandbox runs its applications without containers, so \
            there is no shell and no file system in them; kubectl logs, port-forward and describe work",
        at.name()
    );
    ApiError::new(405, "MethodNotAllowed", message)
}

const TUNNEL: &str = "SPDY/3.1+portforward.k8s.io";
const CHANNELS: &str = "v4.channel.k8s.io";

async fn port_forward(
    api: Arc<Api>,
    at: &Place,
    query: &Query,
    request: Request<Incoming>,
) -> Result<Response<Body>> {
    let target = PodTarget {
        pods: api.pods.clone(),
        namespace: at.target.namespace.clone().unwrap_or_default(),
        pod: at.name().to_owned(),
    };
    let upgrade = request
        .headers()
        .get(header::UPGRADE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
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
    let offered: Vec<String> =
        socket.requested_protocols().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect();
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
        ports.push(
            port.parse::<u16>().map_err(|_| ApiError::bad_request(format!("invalid port \"{port}\"")))?,
        );
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
