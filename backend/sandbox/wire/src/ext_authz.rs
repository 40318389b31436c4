//! The gRPC side of an external authorization service (`envoy.service.auth.v3.Authorization`): questions
//! read, verdicts written.

use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3 as auth;
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc;
use std::sync::Arc;
use tonic::{Request, Response, Status};

use auth::authorization_server::{Authorization, AuthorizationServer};
use auth::check_response::HttpResponse;

/// The path prefix of its method.
pub const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// Whether a call may pass, and what is told with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// It may.
    pub allowed: bool,
    /// Go to the called service when it may, else to the caller.
    pub headers: Vec<(String, String)>,
    /// Goes to the caller when it may not.
    pub body: String,
}

/// Decides about one call.
pub type Decide = Arc<dyn Fn(&auth::CheckRequest) -> Verdict + Send + Sync>;

/// Answers proxies.
#[derive(Clone)]
pub struct Asked(Decide);

/// A service that can be mounted at [`PATH`].
pub fn service(decide: Decide) -> AuthorizationServer<Asked> {
    AuthorizationServer::new(Asked(decide))
}

/// One header of the request that is asked about.
pub fn header<'a>(request: &'a auth::CheckRequest, name: &str) -> Option<&'a str> {
    let http = request.attributes.as_ref()?.request.as_ref()?.http.as_ref()?;
    http.headers.get(name).map(String::as_str)
}

/// The caller's identity, from its certificate.
pub fn principal(request: &auth::CheckRequest) -> Option<&str> {
    Some(request.attributes.as_ref()?.source.as_ref()?.principal.as_str())
}

#[tonic::async_trait]
impl Authorization for Asked {
    async fn check(
        &self,
        request: Request<auth::CheckRequest>,
    ) -> Result<Response<auth::CheckResponse>, Status> {
        let verdict = (self.0)(request.get_ref());
        let headers = verdict.headers.into_iter().map(|(key, value)| HeaderValueOption {
            header: Some(HeaderValue { key, value, ..HeaderValue::default() }),
            ..HeaderValueOption::default()
        });
        let headers: Vec<_> = headers.collect();
        let (code, told) = if verdict.allowed {
            (0, HttpResponse::OkResponse(auth::OkHttpResponse { headers, ..auth::OkHttpResponse::default() }))
        } else {
            // PERMISSION_DENIED, and 403.
            let denied = auth::DeniedHttpResponse {
                status: Some(HttpStatus { code: 403 }),
                headers,
                body: verdict.body,
            };
            (7, HttpResponse::DeniedResponse(denied))
        };
        Ok(Response::new(auth::CheckResponse {
            status: Some(rpc::Status { code, ..rpc::Status::default() }),
            http_response: Some(told),
            ..auth::CheckResponse::default()
        }))
    }
}
