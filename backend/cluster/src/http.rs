//! Plain requests to the API server, with what kube's typed calls hide: warnings and raw bodies. Each has a
//! limit in size and time.

use crate::limits::{self, Late, Limit};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use kube::client::Body;
use kube::core::Status;
use kube::{Client, Error};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// JSON of the API server.
pub(crate) const JSON: &str = "application/json";

/// A request.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) accept: &'a str,
    pub(crate) body: Bytes,
    /// How long the answer may take.
    pub(crate) within: Duration,
    /// How large it may be.
    pub(crate) limit: usize,
}

impl<'a> Ask<'a> {
    /// Reads a path.
    pub(crate) fn get(path: &'a str) -> Self {
        let (content_type, body) = (None, Bytes::new());
        let (within, limit) = (limits::WITHIN, limits::API);
        Self { method: Method::GET, path, content_type, accept: JSON, body, within, limit }
    }
}

/// An answer with status below 400.
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    /// What the server warned of.
    pub(crate) warnings: Vec<String>,
}

/// Reads JSON from a path of the API server.
pub(crate) async fn json<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T, Error> {
    read(client, Ask::get(path)).await
}

/// Reads JSON.
pub(crate) async fn read<T: DeserializeOwned>(client: &Client, ask: Ask<'_>) -> Result<T, Error> {
    let answer = send(client, ask).await?;
    serde_json::from_slice(&answer.body).map_err(Error::SerdeError)
}

/// Sends a request; an answer of 400 or more is an error with the server's `Status`.
pub(crate) async fn send(client: &Client, ask: Ask<'_>) -> Result<Answer, Error> {
    let within = ask.within;
    let late = |_elapsed| Error::Service(Box::new(Late(within)));
    tokio::time::timeout(within, exchange(client, ask)).await.map_err(late)?
}

async fn exchange(client: &Client, ask: Ask<'_>) -> Result<Answer, Error> {
    let mut request = Request::builder().method(ask.method).uri(ask.path).header(header::ACCEPT, ask.accept);
    if let Some(content_type) = ask.content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    let request = request.body(Body::from(ask.body)).map_err(Error::HttpError)?;
    let response = client.send(request).await?;
    let status = response.status();
    let warnings = warnings(response.headers());
    let body = limits::read(response.into_body(), Limit::of(ask.limit)).await;
    let (body, _) = body.map_err(|error| Error::Service(Box::new(error)))?;
    if status.is_client_error() || status.is_server_error() {
        return Err(Error::Api(refusal(status.as_u16(), &body)));
    }
    Ok(Answer { body, warnings })
}

/// The server's `Status`; a body of another kind (a proxy's page) is told in short.
pub(crate) fn refusal(code: u16, body: &[u8]) -> Box<Status> {
    if let Ok(mut status) = serde_json::from_slice::<Status>(body)
        && !(status.message.is_empty() && status.reason.is_empty())
    {
        status.code = code;
        return Box::new(status);
    }
    let text: String = String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = text.chars().take(200).collect();
    Box::new(Status::failure(&short, "").with_code(code))
}

/// The texts of `Warning: 299 - "…"` headers.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    headers.get_all(header::WARNING).iter().filter_map(|value| warning(value.to_str().ok()?)).collect()
}

fn warning(value: &str) -> Option<String> {
    let (_, quoted) = value.split_once('"')?;
    let mut text = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.extend(letters.next()),
            '"' => break,
            other => text.push(other),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warning_text_is_unquoted() {
        assert_eq!(
            warning(r#"299 - "unknown field \"spec.weather\"""#).as_deref(),
            Some("unknown field \"spec.weather\"")
        );
    }

    #[test]
    fn a_page_of_a_proxy_is_told_in_short() {
        let status = refusal(502, b"<html>\n<h1>Bad gateway</h1></html>");
        assert_eq!((status.code, status.message.as_str()), (502, "<html> <h1>Bad gateway</h1></html>"));
    }
}
