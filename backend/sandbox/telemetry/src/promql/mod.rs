//! PromQL over the stored samples: `promql-parser` parses, this evaluates, with the results of Prometheus
//! 2.42.
//!
//! Evaluated: instant and range selectors with all matchers, `offset`, `@`, subqueries; rates and
//! `…_over_time`; aggregations by and without; arithmetic, comparisons, set operations with `on`, `ignoring`,
//! `group_left`, `group_right`; `histogram_quantile`, `label_replace`, `label_join` and the functions of
//! numbers, time and sorting. Whatever else the parser takes is refused with its name.

mod aggregate;
mod binary;
mod calendar;
mod eval;
mod functions;
mod over_time;
mod quantile;
mod relabel;
mod syntax;
mod trial;
mod value;

use std::panic::{AssertUnwindSafe, catch_unwind};

use indexmap::IndexMap;
use promql_parser::parser::{Expr, value::ValueType};

use self::eval::Evaluation;
pub use self::trial::Trial;
#[cfg(test)]
pub(crate) use self::value::Sample;
pub(crate) use self::value::{Refusal, Value, number};
use crate::{
    labels::Labels,
    samples::{Point, Samples, Series},
};

/// A query may ask for so many points in time, as in Prometheus.
const MOST_STEPS: i64 = 11_000;

/// Reads a query. The error is Prometheus' text from the position on: `1:10: parse error: …`.
pub(crate) fn parse(query: &str) -> Result<Expr, Refusal> {
    syntax::check(query)?;
    // The parser is somebody else's and sees whatever a user types: should it panic, the user gets an error,
    // not silence.
    let parsed = catch_unwind(AssertUnwindSafe(|| promql_parser::parser::parse(query)));
    match parsed {
        Ok(Ok(expr)) => Ok(expr),
        Ok(Err(text)) => Err(Refusal::Malformed(format!("1:1: parse error: {text}"))),
        Err(_) => {
            Err(Refusal::Malformed("1:1: parse error: a number or duration is out of range".to_owned()))
        }
    }
}

/// The value at one time (milliseconds since 1970).
pub(crate) fn instant(expr: &Expr, at: i64, samples: &Samples) -> Result<Value, Refusal> {
    let evaluation = Evaluation::new(expr, at, at, samples)?;
    let mut value = evaluation.eval(expr, at)?;
    match &mut value {
        // Only these keep an order of their own.
        Value::Vector(list) if !is_ordered(expr) => list.sort_by(|a, b| a.labels.cmp(&b.labels)),
        Value::Matrix(list) => list.sort_by(|a, b| a.labels.cmp(&b.labels)),
        _ => {}
    }
    Ok(value)
}

/// The values at each step from `start` to `end`.
pub(crate) fn range(
    expr: &Expr,
    start: i64,
    end: i64,
    step: i64,
    samples: &Samples,
) -> Result<Vec<Series>, Refusal> {
    if (end - start) / step > MOST_STEPS {
        return Err(Refusal::BadRequest(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
                .to_owned(),
        ));
    }
    let kind = expr.value_type();
    if !matches!(kind, ValueType::Scalar | ValueType::Vector) {
        let shown = if kind == ValueType::Matrix { "range vector" } else { "string" };
        return Err(Refusal::BadRequest(format!(
            "invalid parameter \"query\": invalid expression type \"{shown}\" for range query, must be Scalar or instant Vector"
        )));
    }
    let evaluation = Evaluation::new(expr, start, end, samples)?;
    let mut found: IndexMap<Labels, Vec<Point>> = IndexMap::new();
    let mut at = start;
    while at <= end {
        match evaluation.eval(expr, at)? {
            Value::Scalar(v) => found.entry(Labels::empty()).or_default().push(Point { t: at, v }),
            Value::Vector(list) => {
                for sample in list {
                    found.entry(sample.labels).or_default().push(Point { t: at, v: sample.v });
                }
            }
            Value::Text(_) | Value::Matrix(_) => {}
        }
        at += step;
    }
    let mut list: Vec<Series> = found.into_iter().map(|(labels, points)| Series { labels, points }).collect();
    list.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(list)
}

fn is_ordered(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(inner) => is_ordered(&inner.expr),
        Expr::Call(call) => matches!(call.func.name, "sort" | "sort_desc"),
        Expr::Aggregate(aggregate) => matches!(aggregate.op.to_string().as_str(), "topk" | "bottomk"),
        _ => false,
    }
}

/// The matchers of one selector, `{…}` or `name{…}`, as the `match[]` parameter holds them.
pub(crate) fn selector(text: &str) -> Result<promql_parser::parser::VectorSelector, Refusal> {
    match parse(text)? {
        Expr::VectorSelector(selector) => Ok(selector),
        _ => Err(Refusal::Malformed("1:1: parse error: expected a series selector".to_owned())),
    }
}

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
