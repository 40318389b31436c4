//! Aggregations: one value for each group of series, or the top ones of each.

use indexmap::IndexMap;
use promql_parser::parser::{AggregateExpr, LabelModifier};

use super::{
    eval::Evaluation,
    quantile::{self, nan_first},
    value::{Refusal, Sample, Value, number},
};
use crate::labels::Labels;

/// Evaluates `sum by (…) (…)` and its like at a time.
pub(crate) fn aggregate(evaluation: &Evaluation, expr: &AggregateExpr, at: i64) -> Result<Value, Refusal> {
    let list = evaluation.vector(&expr.expr, at)?;
    let parameter =
        expr.param.as_deref().ok_or_else(|| Refusal::Execution("a parameter is missing".to_owned()));
    let operator = expr.op.to_string();
    match operator.as_str() {
        "topk" | "bottomk" => {
            let k = evaluation.scalar(parameter?, at)?;
            if k.is_nan() || k.abs() >= i64::MAX as f64 {
                return Err(Refusal::Execution(format!("Scalar value {} overflows int64", number(k))));
            }
            Ok(Value::Vector(extremes(list, expr, k as i64, operator == "topk")))
        }
        "count_values" => {
            let label = evaluation.text(parameter?, at)?;
            let valued = list.into_iter().map(|s| {
                let group = group_labels(&s.labels, expr.modifier.as_ref()).with(&label, &number(s.v));
                (group, s.v)
            });
            let mut counts: IndexMap<Labels, f64> = IndexMap::new();
            valued.for_each(|(labels, _)| *counts.entry(labels).or_default() += 1.0);
            Ok(Value::Vector(counts.into_iter().map(|(labels, v)| Sample { labels, v }).collect()))
        }
        "quantile" => {
            let q = evaluation.scalar(parameter?, at)?;
            each_group(evaluation, list, expr, |values| quantile::of_values(q, values.to_vec()))
        }
        "sum" => each_group(evaluation, list, expr, |values| values.iter().fold(0.0, |sum, v| sum + v)),
        "avg" => each_group(evaluation, list, expr, mean),
        "count" => each_group(evaluation, list, expr, |values| values.len() as f64),
        "group" => each_group(evaluation, list, expr, |_| 1.0),
        "min" => each_group(evaluation, list, expr, |values| {
            values.iter().copied().fold(f64::NAN, |low, v| if v < low || low.is_nan() { v } else { low })
        }),
        "max" => each_group(evaluation, list, expr, |values| {
            values.iter().copied().fold(f64::NAN, |top, v| if v > top || top.is_nan() { v } else { top })
        }),
        "stdvar" => each_group(evaluation, list, expr, variance),
        "stddev" => each_group(evaluation, list, expr, |values| variance(values).sqrt()),
        _ => Err(Refusal::unsupported(&format!("the aggregation {operator}"))),
    }
}

fn group_labels(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    match modifier {
        Some(LabelModifier::Include(names)) => labels.only(&names.labels),
        Some(LabelModifier::Exclude(names)) => labels.without_name_and(&names.labels),
        None => Labels::empty(),
    }
}

fn each_group(
    evaluation: &Evaluation,
    list: Vec<Sample>,
    expr: &AggregateExpr,
    value: impl Fn(&[f64]) -> f64,
) -> Result<Value, Refusal> {
    let mut groups: IndexMap<Labels, Vec<f64>> = IndexMap::new();
    for sample in list {
        let group =
            evaluation.projected(expr, &sample.labels, |labels| group_labels(labels, expr.modifier.as_ref()));
        groups.entry(group).or_default().push(sample.v);
    }
    Ok(Value::Vector(
        groups.into_iter().map(|(labels, values)| Sample { labels, v: value(&values) }).collect(),
    ))
}

/// The k largest or smallest of each group, best first; NaN comes last in both.
fn extremes(list: Vec<Sample>, expr: &AggregateExpr, k: i64, largest: bool) -> Vec<Sample> {
    let Some(k) = usize::try_from(k).ok().filter(|k| *k > 0) else { return Vec::new() };
    let mut groups: IndexMap<Labels, Vec<Sample>> = IndexMap::new();
    for sample in list {
        groups.entry(group_labels(&sample.labels, expr.modifier.as_ref())).or_default().push(sample);
    }
    groups
        .into_values()
        .flat_map(|mut group| {
            group.sort_by(|a, b| match (a.v.is_nan(), b.v.is_nan()) {
                (false, false) if largest => nan_first(b.v, a.v),
                (false, false) => nan_first(a.v, b.v),
                (a, b) => a.cmp(&b),
            });
            group.truncate(k);
            group
        })
        .collect()
}

/// The mean, built up step by step so that large values do not overflow.
fn mean(values: &[f64]) -> f64 {
    let mut mean = 0.0_f64;
    for (at, value) in values.iter().copied().enumerate() {
        let count = (at + 1) as f64;
        if mean.is_infinite() {
            let same = value.is_infinite() && (mean > 0.0) == (value > 0.0);
            if same || value.is_finite() {
                continue;
            }
        }
        mean += value / count - mean / count;
    }
    mean
}

fn variance(values: &[f64]) -> f64 {
    // The first value alone has no variance, even when it is infinite.
    let [first, rest @ ..] = values else { return f64::NAN };
    let (mut mean, mut squares) = (*first, 0.0);
    for (at, value) in rest.iter().enumerate() {
        let delta = value - mean;
        mean += delta / (at + 2) as f64;
        squares += delta * (value - mean);
    }
    squares / values.len() as f64
}
