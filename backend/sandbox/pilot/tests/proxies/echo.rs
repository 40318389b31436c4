//! An application that says who it is and what it was asked, over HTTP/1.1, HTTP/2 and gRPC, and does as it
//! is told.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::StreamBody;
use hyper::body::Frame;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Who was asked what, in order.
pub(crate) type Heard = Arc<Mutex<Vec<(String, String)>>>;

/// Tells the pod's name, the request line and the headers.
pub(crate) fn router(name: &str) -> Router {
    heard_by(name, Heard::default())
}

/// The same, and notes what it heard. Request headers say what it does: `sleep-ms` (only at the pod
/// `sleep-at`), `answer-with` a status (only at the pods `fail-at`, where 503 is the default),
/// `answer-header` a header of the answer.
pub(crate) fn heard_by(name: &str, heard: Heard) -> Router {
    let name = name.to_owned();
    let answer = move |request: Request| {
        let (name, heard) = (name.clone(), heard.clone());
        async move {
            let (request, _body) = request.into_parts();
            let wish =
                |key: &str| request.headers.get(key).and_then(|value| Some(value.to_str().ok()?.to_owned()));
            let here =
                |key: &str| wish(key).is_none_or(|names| names.split(',').any(|wanted| wanted == name));
            let headers: Vec<String> = request
                .headers
                .iter()
                .map(|(key, value)| format!("{key}: {}", value.to_str().unwrap_or("?")))
                .collect();
            let peer = request.extensions.get::<ConnectInfo<SocketAddr>>().map_or(0, |peer| peer.0.port());
            let text = format!(
                "{name}\n{} {}\n{}\n{:?} from port {peer}\n",
                request.method,
                request.uri,
                headers.join("\n"),
                request.version
            );
            heard.lock().push((name.clone(), text.clone()));
            if here("sleep-at") {
                let wait = wish("sleep-ms").and_then(|text| text.parse().ok()).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            let sick = here("fail-at")
                .then(|| wish("answer-with").or_else(|| wish("fail-at").map(|_| String::new())))
                .flatten();
            if wish("content-type").is_some_and(|kind| kind.starts_with("application/grpc")) {
                return grpc(sick.as_deref(), &text);
            }
            let status = sick.map_or(200, |status| status.parse().unwrap_or(503));
            let mut response = (StatusCode::from_u16(status).expect("a status"), text).into_response();
            if let Some(name) = wish("answer-header").and_then(|name| name.parse::<HeaderName>().ok()) {
                response.headers_mut().insert(name, HeaderValue::from_static("yes"));
            }
            response
        }
    };
    Router::new().fallback(answer)
}

/// An error is told in the headers; an answer is one message, and then the status in the trailers.
fn grpc(status: Option<&str>, text: &str) -> Response {
    let head = Response::builder().header("content-type", "application/grpc");
    if let Some(status) = status {
        let status = if status.is_empty() { "14" } else { status };
        return head
            .header("grpc-status", status)
            .header("grpc-message", "as told")
            .body(Body::empty())
            .expect("a response");
    }
    let length = u32::try_from(text.len()).expect("short");
    let message = [&[0], length.to_be_bytes().as_slice(), text.as_bytes()].concat();
    let trailers =
        HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let frames = [Frame::data(Bytes::from(message)), Frame::trailers(trailers)].map(Ok::<_, Infallible>);
    head.body(Body::new(StreamBody::new(futures::stream::iter(frames)))).expect("a response")
}

/// Serves until aborted.
pub(crate) async fn serve(app: Router, port: u16) {
    let listener =
        tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("the port is free");
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await.expect("it serves");
}
