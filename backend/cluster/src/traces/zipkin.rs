//! Zipkin's API, version 2.

use super::backend::{Backend, Hits};
use super::read::{Refusal, zipkin};
use mesh::trace::{Found, TraceQuery};
use url::form_urlencoded::Serializer;

pub(super) struct Zipkin;

impl Backend for Zipkin {
    fn name(&self) -> &'static str {
        "Zipkin"
    }
    fn prefixes(&self) -> &'static [&'static str] {
        &["", "/zipkin"]
    }
    fn services(&self) -> &'static str {
        "/api/v2/services"
    }
    fn read_services(&self, body: &[u8]) -> Result<Vec<String>, Refusal> {
        zipkin::names(body)
    }
    fn search(&self, query: &TraceQuery) -> String {
        let mut asked = Serializer::new(String::new());
        asked.append_pair("serviceName", &query.service);
        if let Some(operation) = &query.operation {
            asked.append_pair("spanName", operation);
        }
        let tags = query.tags.iter().map(|(key, value)| format!("{key}={value}"));
        let conditions: Vec<String> = tags.chain(query.errors_only.then(|| "error".to_owned())).collect();
        if !conditions.is_empty() {
            asked.append_pair("annotationQuery", &conditions.join(" and "));
        }
        for (name, limit) in [("minDuration", query.min_duration_us), ("maxDuration", query.max_duration_us)]
        {
            if let Some(limit) = limit {
                asked.append_pair(name, &limit.to_string());
            }
        }
        // Milliseconds: the end, and how long before it.
        asked.append_pair("endTs", &query.end_us.div_ceil(1000).to_string());
        let span = query.end_us.saturating_sub(query.start_us).div_ceil(1000).max(1);
        asked.append_pair("lookback", &span.to_string());
        asked.append_pair("limit", &query.limit.max(1).to_string());
        format!("/api/v2/traces?{}", asked.finish())
    }
    fn read_found(&self, body: &[u8]) -> Result<Hits, Refusal> {
        zipkin::parse(body).map(Hits::Traces)
    }
    fn trace(&self, id: &str) -> Vec<String> {
        vec![format!("/api/v2/trace/{id}")]
    }
    fn read_trace(&self, body: &[u8]) -> Result<Found, Refusal> {
        zipkin::parse(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_as_zipkin_wants_it() {
        let query = TraceQuery {
            service: "cart.shop".into(),
            tags: [("http.method".into(), "GET".into())].into(),
            start_us: 1_700_000_000_000_000,
            end_us: 1_700_000_060_000_001,
            min_duration_us: Some(1500),
            errors_only: true,
            limit: 20,
            ..TraceQuery::default()
        };
        assert_eq!(
            Zipkin.search(&query),
            "/api/v2/traces?serviceName=cart.shop&annotationQuery=http.method%3DGET+and+error&minDuration=1500&endTs=1700000060001&lookback=60001&limit=20"
        );
    }
}
