//! Jaeger's query API, version 1: the JSON that its own page uses.

use super::backend::{Backend, Hits};
use super::jaeger_v3;
use super::read::{Refusal, jaeger, summaries};
use mesh::trace::{Found, TraceQuery};
use std::collections::BTreeMap;
use url::form_urlencoded::Serializer;

/// Jaeger often answers below `/jaeger` (so does Istio's own sample).
pub(super) const PREFIXES: &[&str] = &["", "/jaeger"];

pub(super) struct V1;

impl Backend for V1 {
    fn name(&self) -> &'static str {
        "Jaeger"
    }
    fn prefixes(&self) -> &'static [&'static str] {
        PREFIXES
    }
    fn services(&self) -> &'static str {
        "/api/services"
    }
    fn read_services(&self, body: &[u8]) -> Result<Vec<String>, Refusal> {
        jaeger::services(body)
    }
    fn search(&self, query: &TraceQuery) -> String {
        let mut tags: BTreeMap<&str, &str> =
            query.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        if query.errors_only {
            tags.insert("error", "true");
        }
        let mut fields = Serializer::new(String::new());
        fields.append_pair("service", &query.service);
        if let Some(operation) = &query.operation {
            fields.append_pair("operation", operation);
        }
        if !tags.is_empty() {
            fields.append_pair("tags", &serde_json::to_string(&tags).unwrap_or_default());
        }
        fields.append_pair("start", &query.start_us.to_string());
        fields.append_pair("end", &query.end_us.to_string());
        for (name, limit) in [("minDuration", query.min_duration_us), ("maxDuration", query.max_duration_us)]
        {
            if let Some(limit) = limit {
                fields.append_pair(name, &format!("{limit}us"));
            }
        }
        fields.append_pair("limit", &query.limit.max(1).to_string());
        fields.append_pair("lookback", "custom");
        format!("/api/traces?{}", fields.finish())
    }
    fn read_found(&self, body: &[u8]) -> Result<Hits, Refusal> {
        jaeger::parse(body).map(Hits::Traces)
    }
    fn summaries(&self, query: &TraceQuery) -> Option<String> {
        Some(jaeger_v3::summaries(query))
    }
    fn read_summaries(&self, body: &[u8]) -> Result<Found, Refusal> {
        summaries::parse(body)
    }
    fn trace(&self, id: &str) -> Vec<String> {
        vec![format!("/api/traces/{id}")]
    }
    fn read_trace(&self, body: &[u8]) -> Result<Found, Refusal> {
        jaeger::parse(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_as_jaeger_wants_it() {
        let query = TraceQuery {
            service: "cart.shop".into(),
            operation: Some("GET /x".into()),
            tags: [("http.method".into(), "GET".into())].into(),
            start_us: 10,
            end_us: 20,
            min_duration_us: Some(1500),
            errors_only: true,
            limit: 20,
            ..TraceQuery::default()
        };
        assert_eq!(
            V1.search(&query),
            "/api/traces?service=cart.shop&operation=GET+%2Fx&tags=%7B%22error%22%3A%22true%22%2C%22http.method%22%3A%22GET%22%7D&start=10&end=20&minDuration=1500us&limit=20&lookback=custom"
        );
    }
}
