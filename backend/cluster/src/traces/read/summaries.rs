//! A line of each trace, as Jaeger tells them of a search (`/api/v3/trace-summaries`): with how many spans and
//! failures of which services, and none of the spans.

use super::Refusal;
use super::ids::trace_id;
use crate::element::{Fields, fields, list, text};
use mesh::trace::{Found, Odd, Opened, Summary};
use serde_json::value::RawValue;
use std::sync::Arc;

/// Reads the answer: one document, or several where it is streamed.
pub(crate) fn parse(body: &[u8]) -> Result<Found, Refusal> {
    let body = String::from_utf8_lossy(body);
    let mut found = Found::default();
    let (mut documents, mut unread) = (0, 0);
    for document in serde_json::Deserializer::from_str(&body).into_iter::<&RawValue>() {
        let document = document.map_err(|_| Refusal::Foreign)?;
        let all = fields(document.get()).ok_or(Refusal::Foreign)?;
        let inner =
            all.get("result").map(|result| fields(result.get()).ok_or(Refusal::Foreign)).transpose()?;
        let all = inner.unwrap_or(all);
        if let Some(refused) = all.get("error").and_then(|error| fields(error.get())) {
            let words = text(refused.get("message").copied());
            // Where nothing is found it may say so as of a page that is not there.
            if words.to_lowercase().contains("no traces found") {
                return Ok(Found::default());
            }
            return Err(Refusal::Said(words));
        }
        // A list without elements is left out.
        if !all.is_empty() && !all.contains_key("summaries") {
            return Err(Refusal::Foreign);
        }
        documents += 1;
        for summary in list(all.get("summaries").copied()).ok_or(Refusal::Foreign)? {
            match fields(summary.get()).and_then(|all| one(&all)) {
                Some(opened) => found.traces.push(Arc::new(opened)),
                None => unread += 1,
            }
        }
    }
    if documents == 0 {
        return Err(Refusal::Foreign);
    }
    found.odd.extend((unread > 0).then_some(Odd::UnreadTraces(unread)));
    Ok(found)
}

fn one(all: &Fields<'_>) -> Option<Opened> {
    let word = |name: &str| text(all.get(name).copied());
    let id = Some(trace_id(&word("traceId"))).filter(|id| !id.is_empty())?;
    let (start, end) = (number(all, "minStartTimeUnixNano") / 1000, number(all, "maxEndTimeUnixNano") / 1000);
    let services = list(all.get("services").copied()).unwrap_or_default();
    let services: Vec<Fields<'_>> = services.into_iter().filter_map(|one| fields(one.get())).collect();
    let name = |service: &Fields<'_>| text(service.get("name").copied());
    let failed: Vec<String> = services
        .iter()
        .filter(|service| number(service, "errorSpanCount") > 0)
        .map(|service| name(service).split('.').next().unwrap_or_default().to_owned())
        .collect();
    let summary = Summary {
        id,
        service: word("rootServiceName"),
        operation: word("rootOperationName"),
        start_us: start,
        duration_us: end.saturating_sub(start),
        spans: count(all, "spanCount"),
        errors: count(all, "errorSpanCount"),
        services: services.iter().map(|service| (name(service), count(service, "spanCount"))).collect(),
        trouble: (!failed.is_empty()).then(|| format!("{} failed", failed.join(", "))),
    };
    let orphans = count(all, "orphanSpanCount");
    Some(Opened::brief(summary, (orphans > 0).then_some(Odd::Orphans(orphans)).into_iter().collect()))
}

/// A whole number, in quotes or not; 0 where it is not told.
fn number(all: &Fields<'_>, name: &str) -> u64 {
    let told = all.get(name).map(|value| value.get().trim_matches('"'));
    told.and_then(|told| told.parse().ok()).unwrap_or_default()
}

fn count(all: &Fields<'_>, name: &str) -> usize {
    usize::try_from(number(all, name)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{"summaries":[
      {"traceId":"00000000000000000000000000ab12cd","rootServiceName":"web.shop","rootOperationName":"cart.shop.svc.cluster.local:8080/*",
       "minStartTimeUnixNano":"1700000000000000000","maxEndTimeUnixNano":"1700000000021000000","spanCount":5,"errorSpanCount":1,"orphanSpanCount":2,
       "services":[{"name":"cart.shop","spanCount":2,"errorSpanCount":1},{"name":"web.shop","spanCount":3}]},
      {"rootServiceName":"nameless"},
      {"traceId":"AB13","minStartTimeUnixNano":7000,"spanCount":1}]}"#;

    #[test]
    fn a_line_has_what_is_told_of_its_trace() {
        let found = parse(TWO.as_bytes()).unwrap();
        let [one, other] = &found.traces[..] else { panic!("{found:?}") };
        let summary = &one.summary;
        assert_eq!(
            (&*one.trace.id, &*summary.service, &*summary.operation),
            ("0000000000ab12cd", "web.shop", "cart:8080/*")
        );
        assert_eq!((summary.start_us, summary.duration_us), (1_700_000_000_000_000, 21_000));
        assert_eq!((summary.spans, summary.errors, summary.services["web.shop"]), (5, 1, 3));
        assert_eq!((summary.trouble.as_deref(), &*one.odd), (Some("cart failed"), &[Odd::Orphans(2)][..]));
        assert!(!one.is_whole());
        assert_eq!((&*other.trace.id, other.summary.start_us, other.summary.duration_us), ("ab13", 7, 0));
        assert_eq!(found.odd, [Odd::UnreadTraces(1)], "one does not say which trace it is");
    }

    #[test]
    fn streams_and_answers_without_any() {
        let line = r#"{"result":{"summaries":[{"traceId":"ab12","spanCount":1}]}}"#;
        assert_eq!(parse(format!("{line}\n{line}").as_bytes()).map(|found| found.traces.len()), Ok(2));
        let none = r#"{"error":{"httpCode":404,"message":"No traces found"}}"#;
        for empty in ["{}", r#"{"summaries":[]}"#, r#"{"summaries":null}"#, r#"{"result":{}}"#, none] {
            assert_eq!(parse(empty.as_bytes()), Ok(Found::default()), "{empty}");
        }
        let refused = r#"{"error":{"httpCode":400,"message":"malformed parameter"}}"#;
        assert_eq!(parse(refused.as_bytes()), Err(Refusal::Said("malformed parameter".into())));
        for foreign in ["", "<html>", "404 page not found", "[]", r#"{"data":[]}"#, r#"{"summaries":3}"#] {
            assert_eq!(parse(foreign.as_bytes()), Err(Refusal::Foreign), "{foreign}");
        }
    }
}
