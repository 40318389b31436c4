//! An application that says who it is and what it was asked.

use axum::Router;
use axum::extract::Request;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Tells the pod's name, the request line and the headers.
pub(crate) fn router(name: &str) -> Router {
    let name = name.to_owned();
    let answer = move |request: Request| {
        let name = name.clone();
        async move {
            let headers: Vec<String> =
                request.headers().iter().map(|(key, value)| format!("{key}: {}", value.to_str().unwrap_or("?"))).collect();
            let wait = request.headers().get("sleep-ms").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let sick = request.headers().get("fail-at").is_some_and(|at| at.as_bytes() == name.as_bytes());
            let status = request
                .headers()
                .get("answer-with")
                .and_then(|value| value.to_str().ok()?.parse().ok())
                .unwrap_or(if sick { 503 } else { 200 });
            let body = format!("{name}\n{} {}\n{}\n", request.method(), request.uri(), headers.join("\n"));
            (axum::http::StatusCode::from_u16(status).expect("a status"), body)
        }
    };
    Router::new().fallback(answer)
}

/// Serves until aborted.
pub(crate) async fn serve(app: Router, port: u16) {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.expect("the port is free");
    axum::serve(listener, app).await.expect("it serves");
}
