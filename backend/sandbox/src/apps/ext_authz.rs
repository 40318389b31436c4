//! `ext-authz`: decides about others' calls, over HTTP and over gRPC, for AuthorizationPolicy CUSTOM.
//!
//! It answers as Istio's sample does: what says `x-ext-authz: allow` may pass; of a connection, where nothing
//! can say so, what comes from a service account called like `ALLOW_SERVICE_ACCOUNT` (`a` when unset).

use super::Host;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use wire::ext_authz::{self, Verdict};

/// HTTP, and gRPC; each is answered at both.
pub(crate) const PORTS: &[u16] = &[8000, 9000];

const ASKED: &str = "x-ext-authz";
const RESULT: &str = "x-ext-authz-check-result";
const RECEIVED: &str = "x-ext-authz-check-received";
const OVERRIDE: &str = "x-ext-authz-additional-header-override";
/// More of a request is not told back: headers have their limits.
const LONGEST: usize = 4000;

fn verdict(allowed: bool, received: &str, overridden: &str) -> Verdict {
    let received: String = received.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    let result = if allowed { "allowed" } else { "denied" };
    Verdict {
        allowed,
        headers: [(RESULT, result), (RECEIVED, received.as_str()), (OVERRIDE, overridden)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: format!("denied by ext_authz for not found header `{ASKED}: allow` in the request"),
    }
}

/// The program.
pub(crate) fn router(host: Host) -> Router {
    host.log.push(&format!("ext-authz serves on ports {PORTS:?}"));
    let account = format!("/sa/{}", host.env_or("ALLOW_SERVICE_ACCOUNT", "a"));
    let log = host.log.clone();
    let grpc = ext_authz::service(Arc::new(move |asked| {
        let principal = ext_authz::principal(asked).unwrap_or_default();
        let allowed = ext_authz::header(asked, ASKED) == Some("allow") || principal.ends_with(&account);
        let header = |name| ext_authz::header(asked, name).unwrap_or_default();
        let received =
            format!("{} {}{} from {principal:?}", header(":method"), header(":authority"), header(":path"));
        log.push(&format!("[gRPC] {}: {received}", if allowed { "allowed" } else { "denied" }));
        verdict(allowed, &received, "grpc-additional-header-override-value")
    }));
    let http = move |request: Request| {
        let log = host.log.clone();
        async move {
            let (head, body) = request.into_parts();
            let text =
                |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let allowed = text(ASKED) == "allow";
            let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
            let received = format!(
                "{} {}{}, headers: {:?}, body: [{}]",
                head.method,
                text("host"),
                head.uri,
                head.headers,
                String::from_utf8_lossy(&body)
            );
            log.push(&format!(
                "[HTTP] {}: {} {}",
                if allowed { "allowed" } else { "denied" },
                head.method,
                head.uri
            ));
            told(verdict(allowed, &received, text(OVERRIDE)))
        }
    };
    Router::new().route_service(ext_authz::PATH, grpc).fallback(http)
}

fn told(verdict: Verdict) -> Response {
    let headers = verdict.headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name.as_str()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let headers: HeaderMap = headers.collect();
    match verdict.allowed {
        true => (StatusCode::OK, headers).into_response(),
        false => (StatusCode::FORBIDDEN, headers, verdict.body).into_response(),
    }
}
