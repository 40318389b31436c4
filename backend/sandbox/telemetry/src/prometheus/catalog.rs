//! What there is to ask for: series, labels, metadata, targets, and the size of the store.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    answer::{self, Failure, text},
    times,
};
use crate::{
    counters::FAMILIES,
    labels::{Labels, NAME},
    params::Params,
    promql,
    samples::Samples,
};

/// Counts in the tables of the store's status stop at so many rows.
const TABLE: usize = 10;

/// The series that the `match[]` parameters select between `start` and `end`; all of them when there is none.
pub(crate) fn found(samples: &Samples, params: &Params) -> Result<BTreeSet<Labels>, Failure> {
    let start = times::time(params, "start")?.unwrap_or(i64::MIN);
    let end = times::time(params, "end")?.unwrap_or(i64::MAX);
    let mut found = BTreeSet::new();
    let mut any = false;
    for selector in params.all("match[]") {
        any = true;
        let selector = promql::selector(selector).map_err(Failure::of_selector)?;
        found.extend(samples.labels(selector.name.as_deref(), &selector.matchers.matchers, start, end));
    }
    if !any {
        found.extend(samples.labels(None, &[], start, end));
    }
    Ok(found)
}

pub(crate) fn series(found: &BTreeSet<Labels>) -> String {
    answer::list(found.iter().map(answer::labels))
}

pub(crate) fn label_names(found: &BTreeSet<Labels>) -> String {
    let names: BTreeSet<&str> = found.iter().flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
    answer::list(names.into_iter().map(text))
}

pub(crate) fn label_values(found: &BTreeSet<Labels>, name: &str) -> String {
    let values: BTreeSet<&str> =
        found.iter().map(|labels| labels.get(name)).filter(|value| !value.is_empty()).collect();
    answer::list(values.into_iter().map(text))
}

pub(crate) fn is_label_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

pub(crate) fn build_info() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{{\"version\":\"2.42.0+binnacle{version}\",\"revision\":\"binnacle-{version}\",\"branch\":\"sandbox\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\"}}"
    )
}

/// Of one metric or of all, and of so many at most.
pub(crate) fn metadata(metric: Option<&str>, limit: usize) -> String {
    let families =
        FAMILIES.iter().filter(|family| metric.is_none_or(|wanted| wanted == family.name)).take(limit);
    let rows: Vec<String> = families
        .map(|family| {
            format!(
                "{}:[{{\"type\":\"{}\",\"help\":{},\"unit\":\"\"}}]",
                text(family.name),
                family.kind,
                text(family.help)
            )
        })
        .collect();
    format!("{{{}}}", rows.join(","))
}

/// The proxies whose counters are sampled, each as a target.
pub(crate) fn targets(samples: &Samples, now: i64, interval: Duration) -> String {
    let interval = interval.as_millis();
    let recent = now - interval as i64 * 5;
    let up = samples.select(Some("up"), &[], recent, i64::MAX);
    let active = up
        .iter()
        .filter(|series| series.points.last().is_some_and(|point| !crate::samples::is_stale(point.v)));
    let rows = active.map(|series| {
        let scraped = series.points.last().and_then(|point| Timestamp::from_millisecond(point.t).ok());
        let url = format!("http://{}/stats/prometheus", series.labels.get("instance"));
        format!(
            "{{\"discoveredLabels\":{{}},\"labels\":{},\"scrapePool\":{},\"scrapeUrl\":{},\"globalUrl\":{},\"lastError\":\"\",\"lastScrape\":{},\"lastScrapeDuration\":0,\"health\":\"up\",\"scrapeInterval\":\"{interval}ms\",\"scrapeTimeout\":\"{interval}ms\"}}",
            answer::labels(&series.labels.without_name()),
            text(series.labels.get("job")),
            text(&url),
            text(&url),
            text(&scraped.map(|at| at.to_string()).unwrap_or_default()),
        )
    });
    format!("{{\"activeTargets\":{},\"droppedTargets\":[]}}", answer::list(rows))
}

/// Counts names with the largest count first.
fn table<'a>(names: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    names.for_each(|(name, by)| *counts.entry(name).or_default() += by);
    let mut rows: Vec<(&str, u64)> = counts.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    answer::list(
        rows.into_iter()
            .take(TABLE)
            .map(|(name, value)| format!("{{\"name\":{},\"value\":{value}}}", text(name))),
    )
}

/// The size of the store, with the metrics and labels that take most of it.
pub(crate) fn tsdb(samples: &Samples) -> String {
    let size = samples.size();
    let all: BTreeSet<Labels> = samples.labels(None, &[], i64::MIN, i64::MAX).into_iter().collect();
    let values: BTreeSet<(&str, &str)> = all.iter().flat_map(Labels::iter).collect();
    let pairs: Vec<String> = all
        .iter()
        .flat_map(Labels::iter)
        .filter(|(name, _)| *name != NAME)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!(
        "{{\"headStats\":{{\"numSeries\":{},\"numLabelPairs\":{},\"chunkCount\":{},\"minTime\":{},\"maxTime\":{}}},\"seriesCountByMetricName\":{},\"labelValueCountByLabelName\":{},\"memoryInBytesByLabelName\":{},\"seriesCountByLabelValuePair\":{}}}",
        size.series,
        size.label_pairs,
        size.chunks,
        size.first,
        size.last,
        table(all.iter().map(|labels| (labels.get(NAME), 1))),
        table(values.iter().map(|(name, _)| (*name, 1))),
        table(values.iter().map(|(name, value)| (*name, value.len() as u64))),
        table(pairs.iter().map(|pair| (pair.as_str(), 1))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_json() {
        let samples = Samples::default();
        let up = Labels::of(&[
            (NAME, "up"),
            ("instance", "10.244.0.7:15020"),
            ("job", "kubernetes-pods"),
            ("odd", "a\"b"),
        ]);
        samples.append(1000, &[(samples.series(&up), 1.0)]);
        let page: serde_json::Value =
            serde_json::from_str(&targets(&samples, 1000, Duration::from_secs(1))).expect("JSON");
        let target = &page["activeTargets"][0];
        assert_eq!(
            (&target["scrapeInterval"], &target["scrapeTimeout"]),
            (&"1000ms".into(), &"1000ms".into())
        );
        assert_eq!(
            (&target["scrapePool"], &target["labels"]["odd"]),
            (&"kubernetes-pods".into(), &"a\"b".into())
        );
        assert_eq!(target["lastScrape"], "1970-01-01T00:00:01Z");
    }
}
