//! A small HTTP client for the loopback address.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Sends a request and returns status and body.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: reviews:9080\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        joined(body)
    } else {
        body.to_owned()
    };
    (head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default(), body)
}

/// The chunks of a body in one piece.
fn joined(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap_or_default();
        body.push_str(after.get(..length).unwrap_or_default());
        rest = after.get(length + 2..).unwrap_or_default();
    }
    body
}

/// A GET whose answer is JSON.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, Value) {
    let (status, body) = send(address, "GET", path, "", "").await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// Percent-encodes a parameter.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

/// The result of an instant query, each series as `label=value,… number` with only the named labels.
pub(crate) async fn ask(prometheus: SocketAddr, query: &str) -> Vec<String> {
    let (status, answer) = get(prometheus, &format!("/api/v1/query?query={}", encoded(query))).await;
    assert_eq!(status, 200, "{query}: {answer}");
    let list = answer["data"]["result"].as_array().cloned().unwrap_or_default();
    list.iter()
        .map(|series| {
            let labels: Vec<String> = series["metric"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
                .collect();
            format!("{} {}", labels.join(","), series["value"][1].as_str().unwrap_or_default())
        })
        .collect()
}

/// Asks again and again until the answer is as wanted; fails with the last answer when that takes too long.
pub(crate) async fn until<T: std::fmt::Debug, F: Future<Output = T>>(
    what: &str,
    ask: impl Fn() -> F,
    wanted: impl Fn(&T) -> bool,
) -> T {
    let mut clock = tokio::time::interval(Duration::from_millis(50));
    let mut last = None;
    for _ in 0..400 {
        clock.tick().await;
        let answer = ask().await;
        if wanted(&answer) {
            return answer;
        }
        last = Some(answer);
    }
    panic!("{what} did not come; the last answer was {last:?}")
}
