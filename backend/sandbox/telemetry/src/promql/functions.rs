//! The functions of PromQL.

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{Call, Expr},
};

use super::{
    calendar,
    eval::Evaluation,
    over_time,
    quantile::{self, Bucket, nan_first},
    relabel,
    value::{Refusal, Sample, Value, distinct},
};
use crate::labels::{Labels, NAME};

/// Evaluates a function call at a time.
pub(crate) fn call(evaluation: &Evaluation, call: &Call, at: i64) -> Result<Value, Refusal> {
    let name = call.func.name;
    let arguments: Vec<&Expr> = call.args.args.iter().map(AsRef::as_ref).collect();
    if let Some(list) = over_time::call(evaluation, name, &arguments, at)? {
        return Ok(Value::Vector(list));
    }
    if let Some(function) = of_one_number(name) {
        let list = evaluation.vector(argument(&arguments, 0)?, at)?;
        return map(list, function);
    }
    if let Some(part) = calendar::part(name) {
        return match arguments.first() {
            None => Ok(Value::Vector(vec![Sample { labels: Labels::empty(), v: part(at as f64 / 1000.0) }])),
            Some(times) => map(evaluation.vector(times, at)?, part),
        };
    }
    let vector = |index: usize| evaluation.vector(argument(&arguments, index)?, at);
    let scalar = |index: usize| evaluation.scalar(argument(&arguments, index)?, at);
    match name {
        "time" => Ok(Value::Scalar(at as f64 / 1000.0)),
        "pi" => Ok(Value::Scalar(std::f64::consts::PI)),
        "vector" => Ok(Value::Vector(vec![Sample { labels: Labels::empty(), v: scalar(0)? }])),
        "scalar" => match vector(0)?.as_slice() {
            [only] => Ok(Value::Scalar(only.v)),
            _ => Ok(Value::Scalar(f64::NAN)),
        },
        "round" => {
            let nearest = 1.0 / if arguments.len() > 1 { scalar(1)? } else { 1.0 };
            map(vector(0)?, move |v| (v * nearest + 0.5).floor() / nearest)
        }
        "clamp" => {
            let (low, high) = (scalar(1)?, scalar(2)?);
            if high < low {
                return Ok(Value::Vector(Vec::new()));
            }
            map(vector(0)?, move |v| larger(low, smaller(high, v)))
        }
        "clamp_min" => {
            let low = scalar(1)?;
            map(vector(0)?, move |v| larger(low, v))
        }
        "clamp_max" => {
            let high = scalar(1)?;
            map(vector(0)?, move |v| smaller(high, v))
        }
        "timestamp" => timestamp(evaluation, argument(&arguments, 0)?, at),
        "absent" => {
            let labels = absent_labels(argument(&arguments, 0)?);
            let gone = vector(0)?.is_empty().then_some(Sample { labels, v: 1.0 });
            Ok(Value::Vector(gone.into_iter().collect()))
        }
        "sort" => Ok(Value::Vector(sorted(vector(0)?, false))),
        "sort_desc" => Ok(Value::Vector(sorted(vector(0)?, true))),
        "histogram_quantile" => histogram_quantile(evaluation, call, scalar(0)?, vector(1)?),
        "label_replace" => relabel::replace(vector(0)?, &texts(evaluation, &arguments, at)?),
        "label_join" => relabel::join(vector(0)?, &texts(evaluation, &arguments, at)?),
        _ => Err(Refusal::unsupported(&format!("the function {name}()"))),
    }
}

fn argument<'a>(arguments: &[&'a Expr], index: usize) -> Result<&'a Expr, Refusal> {
    arguments.get(index).copied().ok_or_else(|| Refusal::Execution("an argument is missing".to_owned()))
}

/// The arguments after the first, which are texts.
fn texts(evaluation: &Evaluation, arguments: &[&Expr], at: i64) -> Result<Vec<String>, Refusal> {
    arguments.iter().skip(1).map(|argument| evaluation.text(argument, at)).collect()
}

fn map(list: Vec<Sample>, function: impl Fn(f64) -> f64) -> Result<Value, Refusal> {
    let list = list
        .into_iter()
        .map(|sample| Sample { labels: sample.labels.without_name(), v: function(sample.v) })
        .collect();
    Ok(Value::Vector(distinct(list)?))
}

/// As Go's `math.Max`: NaN if one is NaN.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn of_one_number(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "deg" => |v| v * 180.0 / std::f64::consts::PI,
        "rad" => |v| v * std::f64::consts::PI / 180.0,
        "sgn" => |v| {
            if v < 0.0 {
                -1.0
            } else if v > 0.0 {
                1.0
            } else {
                v
            }
        },
        _ => return None,
    })
}

/// The time of each sample: its own for a selector, the time of evaluation for all else.
fn timestamp(evaluation: &Evaluation, expr: &Expr, at: i64) -> Result<Value, Refusal> {
    let list = match expr {
        Expr::Paren(paren) => return timestamp(evaluation, &paren.expr, at),
        Expr::VectorSelector(selector) => {
            evaluation.newest(selector, at)?.into_iter().map(|(labels, point)| (labels, point.t)).collect()
        }
        _ => evaluation.vector(expr, at)?.into_iter().map(|sample| (sample.labels, at)).collect::<Vec<_>>(),
    };
    let list = list
        .into_iter()
        .map(|(labels, t)| Sample { labels: labels.without_name(), v: t as f64 / 1000.0 })
        .collect();
    Ok(Value::Vector(distinct(list)?))
}

/// The labels that the missing series would have had, as far as equality tells.
pub(crate) fn absent_labels(expr: &Expr) -> Labels {
    let matchers: &[Matcher] = match expr {
        Expr::VectorSelector(selector) => &selector.matchers.matchers,
        Expr::MatrixSelector(selector) => &selector.vs.matchers.matchers,
        _ => return Labels::empty(),
    };
    let unique = |matcher: &&Matcher| {
        matcher.name != NAME
            && matches!(matcher.op, MatchOp::Equal)
            && matchers.iter().filter(|other| other.name == matcher.name).count() == 1
    };
    Labels::new(
        matchers
            .iter()
            .filter(unique)
            .map(|matcher| (matcher.name.as_str().into(), matcher.value.as_str().into())),
    )
}

/// By value, NaN last in both directions.
fn sorted(mut list: Vec<Sample>, descending: bool) -> Vec<Sample> {
    list.sort_by(|a, b| match (a.v.is_nan(), b.v.is_nan()) {
        (false, false) if descending => nan_first(b.v, a.v),
        (false, false) => nan_first(a.v, b.v),
        (a, b) => a.cmp(&b),
    });
    list
}

fn histogram_quantile(
    evaluation: &Evaluation,
    call: &Call,
    q: f64,
    list: Vec<Sample>,
) -> Result<Value, Refusal> {
    let le = ["le".to_owned()];
    let mut histograms: indexmap::IndexMap<Labels, Vec<Bucket>> = indexmap::IndexMap::new();
    for sample in list {
        let Some(bound) = bound(sample.labels.get("le")) else { continue };
        let labels = evaluation.projected(call, &sample.labels, |labels| labels.without_name_and(&le));
        histograms.entry(labels).or_default().push(Bucket { bound, count: sample.v });
    }
    let list = histograms
        .into_iter()
        .map(|(labels, buckets)| Sample { labels, v: quantile::of_buckets(q, buckets) })
        .collect();
    Ok(Value::Vector(list))
}

/// A bucket's bound from its label, in Go's spelling of numbers.
fn bound(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}
