//! The gRPC side of a rate limit service (`envoy.service.ratelimit.v3.RateLimitService`): questions read,
//! verdicts written.

use envoy_types::pb::envoy::service::ratelimit::v3 as ratelimit;
use envoy_types::pb::google::protobuf::Duration;
use ratelimit::rate_limit_response::{Code, DescriptorStatus, RateLimit, rate_limit};
use ratelimit::rate_limit_service_server::{RateLimitService, RateLimitServiceServer};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The path of its method.
pub const PATH: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// What is asked: how much of what a request counts as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whose limits.
    pub domain: String,
    /// Keys with values, outermost first; each list is counted by itself.
    pub descriptors: Vec<Vec<(String, String)>>,
    /// How much it counts, at least 1.
    pub hits: u32,
}

/// What becomes of one descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// There were too many.
    pub over: bool,
    /// How many there may be, and in which unit: `second`, `minute`, `hour`, `day`, `month`, `year`; nothing
    /// without a limit.
    pub limit: Option<(u32, &'static str)>,
    /// How many more there may be.
    pub remaining: u32,
    /// Seconds until the count begins anew.
    pub reset: u64,
}

/// Decides about one request: a verdict for each descriptor.
pub type Decide = Arc<dyn Fn(&Asked) -> Vec<Verdict> + Send + Sync>;

/// Answers proxies.
#[derive(Clone)]
pub struct Limits(Decide);

/// A service that can be mounted at [`PATH`].
pub fn service(decide: Decide) -> RateLimitServiceServer<Limits> {
    RateLimitServiceServer::new(Limits(decide))
}

fn status(verdict: &Verdict) -> DescriptorStatus {
    let unit = |name: &str| rate_limit::Unit::from_str_name(&name.to_ascii_uppercase()).unwrap_or_default();
    DescriptorStatus {
        code: if verdict.over { Code::OverLimit } else { Code::Ok }.into(),
        current_limit: verdict.limit.map(|(requests_per_unit, name)| RateLimit {
            requests_per_unit,
            unit: unit(name).into(),
            ..RateLimit::default()
        }),
        limit_remaining: verdict.remaining,
        duration_until_reset: verdict
            .limit
            .and_then(|_| Some(Duration { seconds: i64::try_from(verdict.reset).ok()?, nanos: 0 })),
        ..DescriptorStatus::default()
    }
}

#[tonic::async_trait]
impl RateLimitService for Limits {
    async fn should_rate_limit(
        &self,
        request: Request<ratelimit::RateLimitRequest>,
    ) -> Result<Response<ratelimit::RateLimitResponse>, Status> {
        let request = request.into_inner();
        let pairs =
            |descriptor: envoy_types::pb::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor| {
                descriptor.entries.into_iter().map(|entry| (entry.key, entry.value)).collect()
            };
        let asked = Asked {
            domain: request.domain,
            descriptors: request.descriptors.into_iter().map(pairs).collect(),
            hits: request.hits_addend.max(1),
        };
        let verdicts = (self.0)(&asked);
        let over = verdicts.iter().any(|verdict| verdict.over);
        Ok(Response::new(ratelimit::RateLimitResponse {
            overall_code: if over { Code::OverLimit } else { Code::Ok }.into(),
            statuses: verdicts.iter().map(status).collect(),
            ..ratelimit::RateLimitResponse::default()
        }))
    }
}
