//! Tempo: searched by TraceQL; its search tells ids, and each trace is read by its own.

use super::backend::{Backend, Hits};
use super::read::{Refusal, otlp};
use crate::element::{fields, list, text};
use mesh::trace::{Found, TraceQuery};
use std::cmp::Reverse;
use std::fmt::Write as _;
use url::form_urlencoded::Serializer;

pub(crate) struct Tempo;

impl Backend for Tempo {
    fn name(&self) -> &'static str {
        "Tempo"
    }
    fn prefixes(&self) -> &'static [&'static str] {
        &["", "/tempo"]
    }
    fn services(&self) -> &'static str {
        "/api/search/tag/service.name/values"
    }
    fn read_services(&self, body: &[u8]) -> Result<Vec<String>, Refusal> {
        let body = String::from_utf8_lossy(body);
        // Where there are none, the list may be left out; what it looked through is told with it.
        let known = |name: &&str| matches!(*name, "tagValues" | "metrics");
        let answer =
            fields(&body).filter(|all| all.keys().any(|name| known(&&**name))).ok_or(Refusal::Foreign)?;
        let values = list(answer.get("tagValues").copied()).ok_or(Refusal::Foreign)?;
        let value = |value| match text(Some(value)) {
            // Version 2 tells the type, too.
            plain if plain.is_empty() => {
                fields(value.get()).map(|all| text(all.get("value").copied())).unwrap_or_default()
            }
            plain => plain,
        };
        let mut services: Vec<String> =
            values.into_iter().map(value).filter(|name| !name.is_empty()).collect();
        services.sort();
        Ok(services)
    }
    fn search(&self, query: &TraceQuery) -> String {
        let mut asked = Serializer::new(String::new());
        asked.append_pair("q", &trace_ql(query));
        // Whole seconds: the range is a little wider than what is asked for.
        asked.append_pair("start", &(query.start_us / 1_000_000).to_string());
        asked.append_pair("end", &(query.end_us.div_ceil(1_000_000)).to_string());
        asked.append_pair("limit", &query.limit.max(1).to_string());
        format!("/api/search?{}", asked.finish())
    }
    fn read_found(&self, body: &[u8]) -> Result<Hits, Refusal> {
        let body = String::from_utf8_lossy(body);
        let known = |name: &str| matches!(name, "traces" | "metrics");
        let answer =
            fields(&body).filter(|all| all.keys().any(|name| known(name))).ok_or(Refusal::Foreign)?;
        let traces = list(answer.get("traces").copied()).ok_or(Refusal::Foreign)?;
        let hit = |trace: &serde_json::value::RawValue| {
            let all = fields(trace.get())?;
            let id = text(all.get("traceID").copied());
            let start: u64 = text(all.get("startTimeUnixNano").copied()).parse().unwrap_or_default();
            (!id.is_empty()).then_some((Reverse(start), id))
        };
        let mut hits: Vec<_> = traces.into_iter().filter_map(hit).collect();
        hits.sort();
        hits.dedup();
        Ok(Hits::Ids(hits.into_iter().map(|(_, id)| id).collect()))
    }
    fn trace(&self, id: &str) -> Vec<String> {
        vec![format!("/api/v2/traces/{id}"), format!("/api/traces/{id}")]
    }
    fn read_trace(&self, body: &[u8]) -> Result<Found, Refusal> {
        otlp::parse(body)
    }
    fn takes_trace_ql(&self) -> bool {
        true
    }
    fn tells_ids(&self) -> bool {
        true
    }
    fn finds_errors_anywhere(&self) -> bool {
        true
    }
}

/// A search in TraceQL. One span must be all that is asked for; the failure may be in any.
pub(super) fn trace_ql(query: &TraceQuery) -> String {
    if let Some(text) = &query.ql {
        return text.clone();
    }
    let mut all = format!("{{ resource.service.name = {}", quoted(&query.service));
    if let Some(operation) = &query.operation {
        write!(all, " && name = {}", quoted(operation)).ok();
    }
    for (key, value) in &query.tags {
        write!(all, " && {}", tag(key, value)).ok();
    }
    for (sign, limit) in [(">=", query.min_duration_us), ("<=", query.max_duration_us)] {
        if let Some(limit) = limit {
            write!(all, " && duration {sign} {limit}us").ok();
        }
    }
    all.push_str(" }");
    match query.errors_only {
        // Envoy's own mark is a text.
        true => format!("{all} && {{ status = error || .error = true || .error = \"true\" }}"),
        false => all,
    }
}

/// A tag's value may be kept as what it looks like, or as text.
fn tag(key: &str, value: &str) -> String {
    let plain = |sign: char| sign.is_alphanumeric() || matches!(sign, '.' | '_' | '-' | '/');
    let name = if !key.is_empty() && key.chars().all(plain) {
        format!(".{key}")
    } else {
        format!(".{}", quoted(key))
    };
    let text = format!("{name} = {}", quoted(value));
    let bare = matches!(value, "true" | "false") || value.parse::<i64>().is_ok();
    if bare { format!("({text} || {name} = {value})") } else { text }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_as_tempo_wants_it() {
        let query = TraceQuery {
            service: "cart.shop".into(),
            start_us: 1_700_000_000_900_000,
            end_us: 1_700_000_060_000_001,
            limit: 20,
            ..TraceQuery::default()
        };
        assert_eq!(
            Tempo.search(&query),
            "/api/search?q=%7B+resource.service.name+%3D+%22cart.shop%22+%7D&start=1700000000&end=1700000061&limit=20"
        );
        let query = TraceQuery {
            operation: Some("say \"x\"".into()),
            tags: [("http.status_code".into(), "503".into()), ("two words".into(), "a\\b".into())].into(),
            min_duration_us: Some(1500),
            max_duration_us: Some(2_000_000),
            errors_only: true,
            ..query
        };
        let own = TraceQuery { ql: Some("{ name =~ \"x\" }".into()), ..query.clone() };
        assert_eq!(trace_ql(&own), "{ name =~ \"x\" }");
        assert_eq!(
            trace_ql(&query),
            r#"{ resource.service.name = "cart.shop" && name = "say \"x\"" && (.http.status_code = "503" || .http.status_code = 503) && ."two words" = "a\\b" && duration >= 1500us && duration <= 2000000us } && { status = error || .error = true || .error = "true" }"#
        );
    }

    #[test]
    fn what_a_search_brings() {
        let body = br#"{"traces":[{"traceID":"1f","rootServiceName":"cart","startTimeUnixNano":"1700000000000000000","durationMs":7},null,{"rootServiceName":"x"},
          {"traceID":"2e3f0cee77ae5dc9c17ade3689eb2e54","startTimeUnixNano":"1700000001000000000"}],"metrics":{"inspectedTraces":9}}"#;
        assert_eq!(
            Tempo.read_found(body),
            Ok(Hits::Ids(vec!["2e3f0cee77ae5dc9c17ade3689eb2e54".into(), "1f".into()]))
        );
        assert_eq!(Tempo.read_found(br#"{"metrics":{}}"#), Ok(Hits::Ids(Vec::new())));
        assert_eq!(Tempo.read_found(br#"{"data":[]}"#), Err(Refusal::Foreign));
    }

    #[test]
    fn services_in_both_versions() {
        let both: [&[u8]; 2] = [
            br#"{"tagValues":["b","a"],"metrics":{}}"#,
            br#"{"tagValues":[{"type":"string","value":"b"},{"type":"string","value":"a"},7]}"#,
        ];
        for body in both {
            assert_eq!(Tempo.read_services(body), Ok(vec!["a".into(), "b".into()]));
        }
        assert_eq!(Tempo.read_services(br#"{"metrics":{}}"#), Ok(Vec::new()));
        assert_eq!(Tempo.read_services(br#"{"services":[]}"#), Err(Refusal::Foreign));
    }
}
