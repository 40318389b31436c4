//! Answers of Prometheus, read series by series: one that is odd costs itself, and is counted.

use crate::element::{Fields, fields, list, text, texts};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// So many paths are kept, each from a caller to a workload by a service: more than a mesh of 5,000 services has. Each
/// takes some kilobytes until it is drawn.
pub(crate) const PATHS: usize = 20_000;

/// One series of an instant vector.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: HashMap<String, String>,
    pub(crate) value: f64,
}

impl Sample {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map(String::as_str).filter(|value| !value.is_empty()).unwrap_or("unknown")
    }
}

/// One series with its samples as they were scraped.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: HashMap<String, String>,
    /// Seconds, and the value.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// What Prometheus said besides the samples, and what of its answers was not read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Remarks {
    /// Its warnings and infos.
    told: BTreeSet<String>,
    /// Series that could not be read.
    unread: usize,
    /// Series that have native histograms only.
    histograms: usize,
    /// Series of paths that are more than are kept.
    pub(super) crowded: usize,
}

impl Remarks {
    pub(crate) fn add(&mut self, other: Self) {
        self.told.extend(other.told);
        self.unread += other.unread;
        self.histograms += other.histograms;
        self.crowded += other.crowded;
    }

    /// In words.
    pub(crate) fn words(self) -> impl Iterator<Item = String> {
        let count = |count: usize, what: &str| (count > 0).then(|| format!("{count} series {what}"));
        let unread = count(self.unread, "could not be read");
        let histograms = count(self.histograms, "of native histograms are not counted");
        let crowded = (self.crowded > 0).then(|| {
            let words = "series are of paths beyond the first";
            format!("{} {words} {PATHS}, and not counted", self.crowded)
        });
        unread
            .into_iter()
            .chain(histograms)
            .chain(crowded)
            .chain(self.told.into_iter().map(|said| format!("Prometheus says: {said}")))
    }
}

/// Why an answer has no samples.
#[derive(Debug, PartialEq)]
pub(crate) enum Refusal {
    /// Prometheus refuses the query, in its own words.
    Said(String),
    /// It is not an answer of Prometheus.
    Foreign,
}

/// Reads the answer to an instant query, series by series: none is kept here. `take` is not called where the
/// answer is refused.
pub(crate) fn each(body: &[u8], mut take: impl FnMut(Sample)) -> Result<Remarks, Refusal> {
    let mut endless = 0;
    let mut remarks = results(body, |labels, mut series: Fields<'_>| {
        let (_, value) = point(serde_json::from_str(series.remove("value")?.get()).ok()?)?;
        // Of nothing there is no quantile; but nothing that is counted is without end.
        if value.is_finite() {
            take(Sample { labels, value });
        } else if !value.is_nan() {
            endless += 1;
        }
        Some(())
    })?;
    remarks.unread += endless;
    Ok(remarks)
}

/// Reads an answer with more than one sample to a series.
pub(crate) fn series(body: &[u8]) -> Result<(Vec<Series>, Remarks), Refusal> {
    let mut all = Vec::new();
    let remarks = results(body, |labels, mut series: Fields<'_>| {
        let values: Vec<Value> = serde_json::from_str(series.remove("values")?.get()).ok()?;
        all.push(Series { labels, points: values.into_iter().filter_map(point).collect() });
        Some(())
    })?;
    Ok((all, remarks))
}

/// A time and a value, which is text as "NaN" is no number in JSON.
fn point(pair: Value) -> Option<(f64, f64)> {
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let [at, value] = pair.as_array()?.as_slice() else { return None };
    Some((number(at)?, number(value)?))
}

/// Reads element by element; `read` takes in one, or cannot.
fn results(
    body: &[u8],
    mut read: impl FnMut(HashMap<String, String>, Fields<'_>) -> Option<()>,
) -> Result<Remarks, Refusal> {
    let body = String::from_utf8_lossy(body);
    let answer = fields(&body).ok_or(Refusal::Foreign)?;
    let told = |name: &str| text(answer.get(name).copied());
    match told("status").as_str() {
        "success" => {}
        "error" => return Err(Refusal::Said(format!("{}: {}", told("errorType"), told("error")))),
        _ => return Err(Refusal::Foreign),
    }
    let said = ["warnings", "infos"].into_iter().flat_map(|name| texts(answer.get(name).copied()));
    let mut remarks = Remarks { told: said.collect(), ..Remarks::default() };
    let data = answer.get("data").map(|data| fields(data.get()).ok_or(Refusal::Foreign)).transpose()?;
    let result = data.and_then(|mut data| data.remove("result"));
    for element in list(result).ok_or(Refusal::Foreign)? {
        let Some(mut series) = fields(element.get()) else {
            remarks.unread += 1;
            continue;
        };
        let (histogram, metric) = (series.contains_key("histogram"), series.remove("metric"));
        let labels = metric.map_or_else(|| Some(Fields::new()), |metric| fields(metric.get()));
        let labels = labels.map(|labels| {
            let read = |(name, value): (Cow<'_, str>, &RawValue)| (name.into_owned(), text(Some(value)));
            labels.into_iter().map(read).collect()
        });
        match labels.and_then(|labels| read(labels, series)) {
            Some(()) => {}
            None if histogram => remarks.histograms += 1,
            None => remarks.unread += 1,
        }
    }
    Ok(remarks)
}

#[cfg(test)]
#[path = "vector_tests.rs"]
mod tests;
