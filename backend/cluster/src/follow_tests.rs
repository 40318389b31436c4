use super::*;
use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

const EMPTY: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[]}"#;
const GONE: &str = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"too old resource version: 7 (9)","reason":"Expired","code":410}"#;

/// A server whose versions are always too old is said to be so, instead of being asked as fast as it answers.
#[tokio::test]
async fn an_expired_version_is_listed_again_at_once_only_the_first_time() {
    crate::install_crypto();
    let watches = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&watches);
    let answer = get(move |RawQuery(query): RawQuery| async move {
        if !query.unwrap_or_default().contains("watch=") {
            return (StatusCode::OK, EMPTY);
        }
        count.fetch_add(1, Ordering::SeqCst);
        (StatusCode::GONE, GONE)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server =
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/api/v1/pods", answer)).await });

    let client = Client::try_from(kube::Config::new(url.parse().unwrap())).unwrap();
    let hub = Hub::new(Arc::new(|| {}), 60);
    let kind = &mesh::kinds::POD;
    let looping = Arc::new(Loop { kind, version: "v1", namespace: String::new(), hub: Arc::clone(&hub) });
    let running = tokio::spawn(looping.run(client, false));
    let state = loop {
        hub.dirty.notified().await;
        if let Some(state @ KindState::Stale(_)) = hub.kind(kind) {
            break state;
        }
    };
    assert_eq!(watches.load(Ordering::SeqCst), 2, "{state:?}");
    let KindState::Stale(problem) = state else { unreachable!() };
    assert_eq!(problem.why, "too old resource version: 7 (9)");
    running.abort();
    server.abort();
}
