//! From a request to an answer: what it is about, whether the caller may, and who answers it.

mod body;
mod change;
mod discovery;
mod headers;
mod legacy_discovery;
mod metadata;
mod pod_logs;
mod pods;
mod proxy;
mod read;
mod remove;
mod review;
mod scale;
mod token;
mod watch;
mod write;

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::{
    answers::{json_answer, text},
    api::{Api, Caller},
    query::Query,
    status::{ApiError, Result},
    target::{self, Place, Target},
};
use headers::{accept, content_type};

/// Larger bodies than this are refused, as by the real server.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// Answers one request.
pub(crate) async fn answer(
    api: Arc<Api>,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Response<Body>> {
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let open = matches!(path.as_str(), "/version" | "/healthz" | "/livez" | "/readyz")
        || path.starts_with("/readyz/")
        || path.starts_with("/livez/");
    if open {
        return Ok(if path == "/version" {
            json_answer(StatusCode::OK, &discovery::version(&api))
        } else {
            text("ok")
        });
    }
    let parsed = target::parse(&path);
    if caller == Caller::Anonymous {
        return Err(match parsed {
            Some(target) => {
                let verb = target.verb(request.method(), &Query::of(request.uri()));
                forbidden(&caller, verb, &target)
            }
            None => ApiError::new(
                403,
                "Forbidden",
                format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\""),
            ),
        });
    }
    if let Some(target) = parsed {
        return resource(api, caller, target, request).await;
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return Err(ApiError::method_not_allowed());
    }
    let accept = accept(&request);
    match path.as_str() {
        "" => Ok(json_answer(StatusCode::OK, &discovery::paths(&api))),
        "/api" | "/apis" => Ok(discovery::root(&api, &path, &accept)),
        "/openapi/v2" => api.openapi.v2(&api.store, &accept),
        "/openapi/v3" => Ok(api.openapi.v3_index(&api.store)),
        _ => {
            if let Some(name) = path.strip_prefix("/openapi/v3/") {
                return api.openapi.v3(&api.store, name);
            }
            legacy_discovery::group(&api, &path).map(|found| json_answer(StatusCode::OK, &found))
        }
    }
}

async fn resource(
    api: Arc<Api>,
    caller: Caller,
    target: Target,
    request: Request<Incoming>,
) -> Result<Response<Body>> {
    let query = Query::of(request.uri());
    let verb = target.verb(request.method(), &query);
    let namespace = target.namespace.as_deref().unwrap_or_default();
    if api.faults.is_denied(verb, &target.resource(), namespace) {
        return Err(forbidden(&caller, verb, &target));
    }
    if review::is_review(&target) {
        return review::answer(&api, &caller, &target, &content_type(&request), &body(request).await?);
    }
    let (id, kind) = api
        .store
        .read(|state| state.kinds.by_plural(&target.group, &target.plural))
        .ok_or_else(ApiError::no_such_resource)?;
    let known = kind.version(&target.version).is_some() && !api.faults.is_hidden(&kind.qualified());
    // A namespaced kind has no single objects outside a namespace.
    let misplaced = kind.namespaced && target.namespace.is_none() && target.name.is_some();
    if !known || misplaced || (!kind.namespaced && target.namespace.is_some()) {
        return Err(ApiError::no_such_resource());
    }
    let at = Place { id, kind, target };
    match at.target.subresource.as_deref() {
        Some(way @ ("exec" | "attach" | "ephemeralcontainers")) if at.kind.qualified() == "pods" => {
            return Err(pods::no_entry(&at, way));
        }
        Some("eviction") if at.kind.qualified() == "pods" => {
            if request.method() != Method::POST {
                return Err(ApiError::method_not_allowed());
            }
            let (content_type, body) = (content_type(&request), body(request).await?);
            let asked = remove::Asked { at: &at, query: &query, content_type: &content_type, body: &body };
            return remove::evict(&api, &asked);
        }
        Some("log" | "portforward") if at.kind.qualified() == "pods" => {
            return pods::answer(api, at, query, request).await;
        }
        Some("proxy") if matches!(at.kind.qualified().as_str(), "pods" | "services") => {
            return proxy::answer(api, at, request).await;
        }
        Some("scale") if at.kind.scale => {
            let (from, method) = (write::Request::new(&at, &query, &request)?, request.method().clone());
            return scale::answer(&api, &at, &method, &from, &body(request).await?);
        }
        Some("token") if at.kind.qualified() == "serviceaccounts" => {
            let (method, content_type) = (request.method().clone(), content_type(&request));
            return token::answer(&api, &at, &method, &content_type, &body(request).await?);
        }
        Some("status") if at.kind.status => {}
        Some("finalize") if at.kind.plural == "namespaces" => {}
        Some(_) => return Err(ApiError::no_such_resource()),
        None => {}
    }
    match (request.method().clone(), at.target.name.is_some()) {
        (Method::GET | Method::HEAD, true) => read::get(&api, &at, &query, &accept(&request)),
        (Method::GET | Method::HEAD, false) if query.flag("watch") => {
            watch::answer(&api, &at, &query, &accept(&request))
        }
        (Method::GET | Method::HEAD, false) => read::list(&api, &at, &query, &accept(&request)),
        (Method::POST, false) => {
            let from = write::Request::new(&at, &query, &request)?;
            write::create(&api, from, &body(request).await?)
        }
        (Method::PUT, true) => {
            let from = write::Request::new(&at, &query, &request)?;
            write::update(&api, from, &body(request).await?)
        }
        (Method::PATCH, true) => {
            let from = write::Request::new(&at, &query, &request)?;
            change::patch(&api, from, &body(request).await?)
        }
        (Method::DELETE, named) => {
            let (content_type, body) = (content_type(&request), body(request).await?);
            let asked = remove::Asked { at: &at, query: &query, content_type: &content_type, body: &body };
            if named { remove::one(&api, &asked) } else { remove::collection(&api, &asked) }
        }
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn forbidden(caller: &Caller, verb: &str, target: &Target) -> ApiError {
    let (name, namespace) = (target.name.as_deref(), target.namespace.as_deref());
    ApiError::forbidden(caller.name(), verb, &target.group, &target.resource(), name, namespace)
}

/// The whole body of a request.
async fn body(request: Request<Incoming>) -> Result<bytes::Bytes> {
    match http_body_util::Limited::new(request.into_body(), BODY_LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::new(
            413,
            "RequestEntityTooLarge",
            format!("Request entity too large: limit is {BODY_LIMIT}"),
        )),
        Err(error) => Err(ApiError::bad_request(format!("the body could not be read: {error}"))),
    }
}
