//! Jaeger's query API, version 3: OTLP's JSON, of a Jaeger that does not answer version 1 any more.

use super::backend::{Backend, Hits};
use super::jaeger::PREFIXES;
use super::read::{Refusal, otlp, summaries};
use crate::element::{fields, texts};
use jiff::Timestamp;
use mesh::trace::{Found, TraceQuery};
use url::form_urlencoded::Serializer;

pub(super) struct V3;

impl Backend for V3 {
    fn name(&self) -> &'static str {
        "Jaeger"
    }
    fn prefixes(&self) -> &'static [&'static str] {
        PREFIXES
    }
    fn services(&self) -> &'static str {
        "/api/v3/services"
    }
    fn read_services(&self, body: &[u8]) -> Result<Vec<String>, Refusal> {
        let body = String::from_utf8_lossy(body);
        let answer =
            fields(&body).filter(|answer| answer.contains_key("services")).ok_or(Refusal::Foreign)?;
        let mut services = texts(answer.get("services").copied());
        services.sort();
        Ok(services)
    }
    fn search(&self, query: &TraceQuery) -> String {
        format!("/api/v3/traces?{}", asked(query).finish())
    }
    fn read_found(&self, body: &[u8]) -> Result<Hits, Refusal> {
        self.read_trace(body).map(Hits::Traces)
    }
    fn summaries(&self, query: &TraceQuery) -> Option<String> {
        Some(summaries(query))
    }
    fn read_summaries(&self, body: &[u8]) -> Result<Found, Refusal> {
        summaries::parse(body)
    }
    fn trace(&self, id: &str) -> Vec<String> {
        vec![format!("/api/v3/traces/{id}")]
    }
    fn read_trace(&self, body: &[u8]) -> Result<Found, Refusal> {
        match otlp::parse(body) {
            // Where nothing is found it says so as of a trace that is not there.
            Err(Refusal::Said(words)) if words.to_lowercase().contains("no traces found") => {
                Ok(Found::default())
            }
            read => read,
        }
    }
    fn finds_tags(&self) -> bool {
        false
    }
}

/// What finds traces and tells a line of each: from 2.19 on, of either version of the API, and by tags too.
pub(super) fn summaries(query: &TraceQuery) -> String {
    let mut asked = asked(query);
    if !query.tags.is_empty() {
        asked.append_pair("query.attributes", &serde_json::to_string(&query.tags).unwrap_or_default());
    }
    format!("/api/v3/trace-summaries?{}", asked.finish())
}

/// What both searches take, by the names that every version knows.
fn asked(query: &TraceQuery) -> Serializer<'static, String> {
    let mut asked = Serializer::new(String::new());
    asked.append_pair("query.service_name", &query.service);
    if let Some(operation) = &query.operation {
        asked.append_pair("query.operation_name", operation);
    }
    for (name, at_us) in [("query.start_time_min", query.start_us), ("query.start_time_max", query.end_us)] {
        asked.append_pair(name, &time(at_us));
    }
    let durations =
        [("query.duration_min", query.min_duration_us), ("query.duration_max", query.max_duration_us)];
    for (name, limit) in durations {
        if let Some(limit) = limit {
            asked.append_pair(name, &format!("{limit}us"));
        }
    }
    asked.append_pair("query.search_depth", &query.limit.max(1).to_string());
    asked
}

/// As the API wants times: RFC 3339.
fn time(at_us: u64) -> String {
    let at = i64::try_from(at_us).ok().and_then(|at| Timestamp::from_microsecond(at).ok());
    at.unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_as_version_3_wants_it() {
        let query = TraceQuery {
            service: "cart.shop".into(),
            operation: Some("pay".into()),
            start_us: 1_700_000_000_000_000,
            end_us: 1_700_000_060_500_000,
            max_duration_us: Some(1500),
            limit: 20,
            ..TraceQuery::default()
        };
        assert_eq!(
            V3.search(&query),
            "/api/v3/traces?query.service_name=cart.shop&query.operation_name=pay&query.start_time_min=2023-11-14T22%3A13%3A20Z&query.start_time_max=2023-11-14T22%3A14%3A20.5Z&query.duration_max=1500us&query.search_depth=20"
        );
        let tagged = TraceQuery { tags: [("http.method".into(), "GET".into())].into(), ..query };
        let path = V3.summaries(&tagged).unwrap();
        assert!(path.starts_with("/api/v3/trace-summaries?query.service_name=cart.shop&"), "{path}");
        assert!(path.ends_with("&query.attributes=%7B%22http.method%22%3A%22GET%22%7D"), "{path}");
        assert_eq!(V3.read_services(br#"{"services":["b",null,"a"]}"#), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(V3.read_services(br#"{"data":["b"]}"#), Err(Refusal::Foreign));
    }
}
