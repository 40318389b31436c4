//! Answers in Prometheus' JSON, number for number as it writes them.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};

use crate::{
    labels::Labels,
    promql::{Refusal, Value},
    samples::Series,
};

/// The kinds of failure, by Prometheus' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    BadData,
    Execution,
    NotFound,
    Internal,
}

/// Why there is no answer, as the user reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    text: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, text: &str) -> Self {
        Self { kind, text: text.to_owned() }
    }

    /// A query that was not answered.
    pub(crate) fn of_query(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(text) => {
                Self { kind: Kind::BadData, text: format!("invalid parameter \"query\": {text}") }
            }
            Refusal::BadRequest(text) => Self { kind: Kind::BadData, text },
            Refusal::Execution(text) => Self { kind: Kind::Execution, text },
        }
    }

    /// A selector in `match[]` that cannot be read.
    pub(crate) fn of_selector(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed(text) | Refusal::BadRequest(text) | Refusal::Execution(text) => {
                Self { kind: Kind::BadData, text: format!("invalid parameter \"match[]\": {text}") }
            }
        }
    }

    pub(crate) fn body(&self) -> String {
        let kind = match self.kind {
            Kind::BadData => "bad_data",
            Kind::Execution => "execution",
            Kind::NotFound => "not_found",
            Kind::Internal => "internal",
        };
        format!("{{\"status\":\"error\",\"errorType\":\"{kind}\",\"error\":{}}}", text(&self.text))
    }
}

pub(crate) fn success(data: &str) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{{\"status\":\"success\",\"data\":{data}}}"))
        .into_response()
}

/// A JSON text.
pub(crate) fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON list of what is already JSON.
pub(crate) fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    format!("[{}]", items.join(","))
}

pub(crate) fn labels(labels: &Labels) -> String {
    let pairs: Vec<String> =
        labels.iter().map(|(name, value)| format!("{}:{}", text(name), text(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// The data of an instant query's answer.
pub(crate) fn value(value: &Value, at: i64) -> String {
    let (kind, result) = match value {
        Value::Scalar(v) => ("scalar", point(at, *v)),
        Value::Text(value) => ("string", format!("[{},{}]", time(at), text(value))),
        Value::Vector(samples) => (
            "vector",
            list(
                samples
                    .iter()
                    .map(|s| format!("{{\"metric\":{},\"value\":{}}}", labels(&s.labels), point(at, s.v))),
            ),
        ),
        Value::Matrix(series) => return matrix(series),
    };
    format!("{{\"resultType\":\"{kind}\",\"result\":{result}}}")
}

/// The data of a range query's answer.
pub(crate) fn matrix(series: &[Series]) -> String {
    let one = |series: &Series| {
        let values = list(series.points.iter().map(|p| point(p.t, p.v)));
        format!("{{\"metric\":{},\"values\":{values}}}", labels(&series.labels))
    };
    format!("{{\"resultType\":\"matrix\",\"result\":{}}}", list(series.iter().map(one)))
}

fn point(t: i64, v: f64) -> String {
    format!("[{},\"{}\"]", time(t), crate::promql::number(v))
}

/// Seconds, with exactly three decimals when there are milliseconds.
fn time(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    match ms % 1000 {
        0 => format!("{sign}{}", ms / 1000),
        rest => format!("{sign}{}.{rest:03}", ms / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{promql::Sample, samples::Point};

    #[test]
    fn answers_look_as_prometheus_writes_them() {
        let metric = Labels::of(&[("a", "x\"y"), ("b", "1")]);
        let vector = Value::Vector(vec![Sample { labels: metric, v: 4.999_818_188_429_512 }]);
        assert_eq!(
            value(&vector, 1_795_332_411_370),
            r#"{"resultType":"vector","result":[{"metric":{"a":"x\"y","b":"1"},"value":[1795332411.370,"4.999818188429512"]}]}"#
        );
        let series = Series {
            labels: Labels::empty(),
            points: vec![Point { t: 5000, v: f64::NAN }, Point { t: 5001, v: 1e21 }],
        };
        assert_eq!(
            matrix(&[series]),
            r#"{"resultType":"matrix","result":[{"metric":{},"values":[[5,"NaN"],[5.001,"1000000000000000000000"]]}]}"#
        );
        assert_eq!(
            value(&Value::Scalar(f64::NEG_INFINITY), 1),
            r#"{"resultType":"scalar","result":[0.001,"-Inf"]}"#
        );
        assert_eq!(
            value(&Value::Text("hi".to_owned()), -1500),
            r#"{"resultType":"string","result":[-1.500,"hi"]}"#
        );
    }

    #[test]
    fn failures_say_their_kind() {
        let failure =
            Failure::of_query(Refusal::Malformed("1:10: parse error: unclosed left parenthesis".to_owned()));
        assert_eq!(
            failure.body(),
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:10: parse error: unclosed left parenthesis"}"#
        );
        assert!(Failure::of_query(Refusal::unsupported("holt_winters()")).body().contains("\"execution\""));
    }
}
