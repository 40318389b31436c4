//! `…/pods/NAME:PORT/proxy/PATH` and `…/services/NAME:PORT/proxy/PATH`: plain HTTP to a pod, through the API
//! server.

use std::{fmt::Display, sync::Arc};

use axum::body::Body;
use http::{Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;

use crate::target::Place;
use crate::{
    api::Api,
    status::{ApiError, Result},
    store::Key,
};

pub(super) async fn answer(
    api: Arc<Api>,
    at: Place,
    mut request: Request<Incoming>,
) -> Result<Response<Body>> {
    let namespace = at.target.namespace.clone().unwrap_or_default();
    let (name, port) = split(at.name());
    let (pod, port) = if at.kind.plural == "pods" {
        let pod = api
            .store
            .read(|state| state.get(&at.key(&name)).cloned())
            .ok_or_else(|| ApiError::not_found(&at.kind, &name))?;
        let first = pod
            .pointer("/spec/containers/0/ports/0/containerPort")
            .and_then(Value::as_u64)
            .map(|port| port.to_string());
        (name, number(port.or(first))?)
    } else {
        behind_service(&api, &at, &namespace, &name, port.as_deref())?
    };
    let unavailable = |error: &dyn Display| {
        ApiError::new(503, "ServiceUnavailable", format!("error trying to reach service: {error}"))
    };
    let stream = api.pods.connect(&namespace, &pod, port).await.map_err(|error| unavailable(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unavailable(&error))?;
    api.tasks.spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a proxied connection ended badly");
        }
    });
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let path = format!("/{}{query}", at.target.rest);
    *request.uri_mut() = path.parse::<Uri>().map_err(|error| ApiError::bad_request(error.to_string()))?;
    *request.version_mut() = http::Version::HTTP_11;
    let headers = request.headers_mut();
    for name in [header::AUTHORIZATION, header::CONNECTION, header::UPGRADE] {
        headers.remove(name);
    }
    let host = http::HeaderValue::from_str(&format!("{pod}:{port}"))
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    headers.insert(header::HOST, host);
    let mut response = sender.send_request(request).await.map_err(|error| unavailable(&error))?;
    for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
        response.headers_mut().remove(name);
    }
    Ok(response.map(Body::new))
}

/// `https:name:port`, `name:port` or `name`.
fn split(text: &str) -> (String, Option<String>) {
    let text = text.strip_prefix("http:").or_else(|| text.strip_prefix("https:")).unwrap_or(text);
    match text.split_once(':') {
        Some((name, port)) if !port.is_empty() => (name.to_owned(), Some(port.to_owned())),
        Some((name, _)) => (name.to_owned(), None),
        None => (text.to_owned(), None),
    }
}

fn number(port: Option<String>) -> Result<u16> {
    port.and_then(|port| port.parse().ok())
        .ok_or_else(|| ApiError::bad_request("no port was given and the pod names none"))
}

/// A pod behind the service, and the port there.
fn behind_service(
    api: &Api,
    at: &Place,
    namespace: &str,
    name: &str,
    port: Option<&str>,
) -> Result<(String, u16)> {
    let missing =
        || ApiError::new(503, "ServiceUnavailable", format!("no endpoints available for service \"{name}\""));
    api.store.read(|state| {
        let service = state.get(&at.key(name)).ok_or_else(|| ApiError::not_found(&at.kind, name))?;
        let ports = service.pointer("/spec/ports").and_then(Value::as_array).cloned().unwrap_or_default();
        let wanted = ports
            .iter()
            .find(|row| match port {
                None => true,
                Some(port) => {
                    row.get("name").and_then(Value::as_str) == Some(port)
                        || row
                            .get("port")
                            .and_then(Value::as_u64)
                            .is_some_and(|number| port.parse() == Ok(number))
                }
            })
            .ok_or_else(missing)?;
        let selector =
            service.pointer("/spec/selector").and_then(Value::as_object).cloned().unwrap_or_default();
        let (id, _) = state.kinds.by_plural("", "pods").ok_or_else(missing)?;
        let pod = state
            .range(id, Some(namespace))
            .find(|(_, pod)| {
                !selector.is_empty()
                    && selector.iter().all(|(key, value)| {
                        pod.pointer("/metadata/labels").and_then(|labels| labels.get(key)) == Some(value)
                    })
            })
            .map(|(Key { name, .. }, pod)| (name.clone(), pod.clone()))
            .ok_or_else(missing)?;
        let target = wanted.get("targetPort").or_else(|| wanted.get("port")).cloned().unwrap_or_default();
        let number = match &target {
            Value::String(named) => named_port(&pod.1, named),
            other => other.as_u64(),
        };
        let number = number.and_then(|number| u16::try_from(number).ok()).ok_or_else(missing)?;
        Ok((pod.0, number))
    })
}

fn named_port(pod: &Value, name: &str) -> Option<u64> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array)?;
    let mut ports = containers.iter().filter_map(|container| container.get("ports")?.as_array()).flatten();
    ports.find(|port| port.get("name").and_then(Value::as_str) == Some(name))?.get("containerPort")?.as_u64()
}
