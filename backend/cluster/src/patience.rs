//! Patience with an API server that has too much to do: what it asks to be asked again in a moment, is. As client-go
//! does (`rest.Request`, `withRetry`): only where it says when, and a write only where it was not begun.

use http::header::RETRY_AFTER;
use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use std::time::Duration;
use tower::BoxError;
use tower::retry::Policy;

/// So long is waited for one answer in all: then the refusal is told.
const LONGEST: Duration = Duration::from_secs(6);

/// How long may still be waited.
#[derive(Clone)]
pub(crate) struct Patience(Duration);

impl Default for Patience {
    fn default() -> Self {
        Self(LONGEST)
    }
}

impl<B> Policy<Request<Body>, Response<B>, BoxError> for Patience {
    type Future = tokio::time::Sleep;

    fn retry(
        &mut self,
        request: &mut Request<Body>,
        result: &mut Result<Response<B>, BoxError>,
    ) -> Option<Self::Future> {
        let response = result.as_ref().ok()?;
        let again = match response.status() {
            StatusCode::TOO_MANY_REQUESTS => true,
            status => status.is_server_error() && request.method() == Method::GET,
        };
        let after = response.headers().get(RETRY_AFTER).filter(|_| again)?;
        let pause =
            Duration::from_secs(after.to_str().ok()?.trim().parse().ok()?).max(Duration::from_millis(200));
        self.0 = self.0.checked_sub(pause)?;
        Some(tokio::time::sleep(pause))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut again = Request::new(request.body().try_clone()?);
        *again.method_mut() = request.method().clone();
        *again.uri_mut() = request.uri().clone();
        *again.version_mut() = request.version();
        *again.headers_mut() = request.headers().clone();
        *again.extensions_mut() = request.extensions().clone();
        Some(again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tower::{ServiceBuilder, ServiceExt as _, service_fn};

    /// How often a request is sent, and how long that takes, where the server refuses it so.
    async fn tried(method: Method, status: u16, after: Option<&str>, refusals: usize) -> (usize, u16, u64) {
        let times = Arc::new(AtomicUsize::new(0));
        let server = service_fn(|_: Request<Body>| {
            let refused = times.fetch_add(1, Ordering::SeqCst) < refusals;
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::from_u16(if refused { status } else { 200 }).unwrap();
            response.headers_mut().extend(after.map(|after| (RETRY_AFTER, after.parse().unwrap())));
            async move { Ok::<_, BoxError>(response) }
        });
        let begun = tokio::time::Instant::now();
        let request = Request::builder().method(method).uri("/version").body(Body::empty()).unwrap();
        let client = ServiceBuilder::new().retry(Patience::default()).service(server);
        let response = client.oneshot(request).await.unwrap();
        (times.load(Ordering::SeqCst), response.status().as_u16(), begun.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_asks_for_again_is_sent_again() {
        assert_eq!(tried(Method::GET, 429, Some("1"), 2).await, (3, 200, 2));
        assert_eq!(tried(Method::GET, 503, Some("1"), 1).await, (2, 200, 1));
        assert_eq!(tried(Method::GET, 429, Some("1"), 99).await, (7, 429, 6), "not for ever");
        assert_eq!(tried(Method::GET, 429, Some("3600"), 1).await, (1, 429, 0), "nobody waits an hour");
        assert_eq!(tried(Method::GET, 429, None, 1).await, (1, 429, 0), "it does not say when");
        assert_eq!(tried(Method::PATCH, 429, Some("1"), 1).await, (2, 200, 1), "it was not begun");
        assert_eq!(tried(Method::PATCH, 503, Some("1"), 1).await, (1, 503, 0), "it may have been written");
        assert_eq!(tried(Method::GET, 404, Some("1"), 1).await, (1, 404, 0));
    }
}
