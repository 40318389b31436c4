//! Ways in for people and their tools: a port of 127.0.0.1 for each page that is otherwise behind a socket.
//! Everybody on this machine can connect to a port, and any web page can make a browser do so; therefore the
//! URL has a secret in its path, and requests in another name than this machine's are refused.

use apiserver::is_foreign;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;
use wire::Address;

/// An open door; it closes when this value is dropped.
pub(crate) struct Door {
    /// Whoever has this may come in.
    pub(crate) url: String,
    _task: AbortOnDropHandle<()>,
}

struct Behind {
    /// `/` and the secret.
    key: String,
    to: Address,
}

impl Door {
    /// Opens a door to a page.
    pub(crate) async fn open(to: Address) -> io::Result<Self> {
        let listener = Address::local(0).listen().await?;
        let key = format!("/{:032x}", rand::random::<u128>());
        let url = format!("http://{}{key}", listener.address()?);
        let router = Router::new().fallback(pass).with_state(Arc::new(Behind { key, to }));
        let serving = async move {
            if let Err(error) = listener.serve_http(router, std::future::pending()).await {
                tracing::error!(%error, "a page can no longer be asked for");
            }
        };
        Ok(Self { url, _task: AbortOnDropHandle::new(tokio::spawn(serving)) })
    }
}

async fn pass(State(behind): State<Arc<Behind>>, request: Request) -> Response {
    if is_foreign(request.headers(), request.uri()) {
        return (StatusCode::FORBIDDEN, "Only requests to this machine in its own name are answered\n")
            .into_response();
    }
    let asked = request.uri().path_and_query().map_or("", |asked| asked.as_str());
    let inside =
        asked.strip_prefix(&behind.key).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let Some(inside) =
        inside.map(|rest| if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") })
    else {
        return (StatusCode::FORBIDDEN, "This is the port of a sandbox; its own user has the whole URL\n")
            .into_response();
    };
    forward(&behind.to, request, &inside).await.unwrap_or_else(|why| {
        (StatusCode::BAD_GATEWAY, format!("Nobody answers here now: {why}\n")).into_response()
    })
}

async fn forward(to: &Address, mut request: Request, path: &str) -> Result<Response, String> {
    let words = |error: &dyn std::error::Error| error.to_string();
    let stream = to.connect().await.map_err(|error| words(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| words(&error))?;
    tokio::spawn(connection);
    *request.uri_mut() = path.parse::<Uri>().map_err(|error| words(&error))?;
    for name in [header::CONNECTION, header::UPGRADE] {
        request.headers_mut().remove(name);
    }
    let mut answer = sender.send_request(request).await.map_err(|error| words(&error))?;
    for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
        answer.headers_mut().remove(name);
    }
    Ok(answer.map(Body::new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::outgoing::{exchange, request};
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

    #[tokio::test]
    async fn a_door_opens_to_its_url_and_in_this_machines_name_only() {
        let page = Address::local(0).listen().await.unwrap();
        let to = page.address().unwrap();
        let echo = Router::new().fallback(|uri: Uri| async move { uri.to_string() });
        let _served = AbortOnDropHandle::new(tokio::spawn(page.serve_http(echo, std::future::pending())));
        let door = Door::open(to).await.unwrap();
        let (at, key) = door.url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let at = Address::Tcp(at.parse().unwrap());
        let none = ("x-none", "");
        let own = at.to_string();
        for (host, (name, value), path, expect) in [
            (own.as_str(), none, format!("/{key}/a/b?c=d"), Some("/a/b?c=d")),
            ("localhost:1", none, format!("/{key}"), Some("/")),
            (&own, ("origin", &*format!("http://{own}")), format!("/{key}?x"), Some("/?x")),
            (&own, none, "/".into(), None),
            (&own, none, "/api/v1/query".into(), None),
            (&own, none, format!("/{key}0/a"), None),
            (&own, none, format!("/{}/a", &key[1..]), None),
            ("rebound.example", none, format!("/{key}/a"), None),
            (&own, ("origin", "http://evil.example"), format!("/{key}/a"), None),
            (&own, ("origin", "null"), format!("/{key}/a"), None),
        ] {
            let headers = (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
            let asked = request(Method::GET, host, &path, HeaderMap::from_iter([headers])).unwrap();
            let answer = exchange(at.connect().await.unwrap(), asked).await.unwrap();
            let told =
                (answer.status == StatusCode::OK).then(|| String::from_utf8_lossy(&answer.body).into_owned());
            assert_eq!(told.as_deref(), expect, "{host} {name}: {value} {path}");
        }
    }
}
