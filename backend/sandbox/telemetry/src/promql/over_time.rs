//! Functions of a range: rates with Prometheus' extrapolation to the window's ends, and `…_over_time`.

use promql_parser::parser::Expr;

use super::{
    eval::{Evaluation, Window},
    functions::absent_labels,
    quantile,
    value::{Refusal, Sample, distinct},
};
use crate::samples::Point;

/// Evaluates a function of a range vector; nothing when the name is not one.
pub(crate) fn call(
    evaluation: &Evaluation,
    name: &str,
    arguments: &[&Expr],
    at: i64,
) -> Result<Option<Vec<Sample>>, Refusal> {
    let argument = |index: usize| arguments.get(index).copied().ok_or_else(|| Refusal::unsupported(name));
    match name {
        "quantile_over_time" => {
            let q = evaluation.scalar(argument(0)?, at)?;
            let window = evaluation.window(argument(1)?, at)?;
            each(&window, |points, _| Some(quantile::of_values(q, points.iter().map(|p| p.v).collect())))
                .map(Some)
        }
        "predict_linear" => {
            let window = evaluation.window(argument(0)?, at)?;
            let ahead = evaluation.scalar(argument(1)?, at)?;
            let predict = |points: &[Point], _: &Window<'_>| {
                let (slope, intercept) = regression(points, at);
                (points.len() >= 2).then_some(slope * ahead + intercept)
            };
            each(&window, predict).map(Some)
        }
        "absent_over_time" => {
            let expr = argument(0)?;
            let gone = evaluation.window(expr, at)?.series.is_empty();
            Ok(Some(gone.then(|| Sample { labels: absent_labels(expr), v: 1.0 }).into_iter().collect()))
        }
        "last_over_time" => {
            let window = evaluation.window(argument(0)?, at)?;
            let last = |found: &super::eval::WindowSeries<'_>| {
                Some(Sample { labels: found.labels.clone(), v: found.points.last()?.v })
            };
            Ok(Some(window.series.iter().filter_map(last).collect()))
        }
        _ => match of_window(name) {
            Some(function) => each(&evaluation.window(argument(0)?, at)?, function).map(Some),
            None => Ok(None),
        },
    }
}

fn each(
    window: &Window<'_>,
    function: impl Fn(&[Point], &Window<'_>) -> Option<f64>,
) -> Result<Vec<Sample>, Refusal> {
    let value = |found: &super::eval::WindowSeries<'_>| {
        Some(Sample { labels: found.bare.clone(), v: function(&found.points, window)? })
    };
    distinct(window.series.iter().filter_map(value).collect())
}

type OfWindow = fn(&[Point], &Window<'_>) -> Option<f64>;

fn of_window(name: &str) -> Option<OfWindow> {
    Some(match name {
        "rate" => |points, window| extrapolated(points, window, true, true),
        "increase" => |points, window| extrapolated(points, window, true, false),
        "delta" => |points, window| extrapolated(points, window, false, false),
        "irate" => |points, _| between_last_two(points, true),
        "idelta" => |points, _| between_last_two(points, false),
        "deriv" => |points, _| (points.len() >= 2).then(|| regression(points, points[0].t).0),
        "avg_over_time" => |points, _| Some(mean(points)),
        "sum_over_time" => |points, _| Some(sum(points.iter().map(|p| p.v))),
        "count_over_time" => |points, _| Some(points.len() as f64),
        "min_over_time" => |points, _| {
            points.iter().map(|p| p.v).reduce(|low, v| if v < low || low.is_nan() { v } else { low })
        },
        "max_over_time" => |points, _| {
            points.iter().map(|p| p.v).reduce(|top, v| if v > top || top.is_nan() { v } else { top })
        },
        "present_over_time" => |_, _| Some(1.0),
        "stddev_over_time" => |points, _| Some(variance(points).sqrt()),
        "stdvar_over_time" => |points, _| Some(variance(points)),
        "changes" => {
            |points, _| Some(steps(points, |from, to| from != to && !(from.is_nan() && to.is_nan())))
        }
        "resets" => |points, _| Some(steps(points, |from, to| to < from)),
        _ => return None,
    })
}

/// The difference of the last and the first sample, with counter resets added, extrapolated to the window's
/// ends: but no further than half a sample's distance where the series seems to begin or end inside, and not
/// below zero.
fn extrapolated(points: &[Point], window: &Window<'_>, is_counter: bool, is_rate: bool) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    if points.len() < 2 {
        return None;
    }
    let mut result = last.v - first.v;
    if is_counter {
        result += points.windows(2).filter(|pair| pair[1].v < pair[0].v).map(|pair| pair[0].v).sum::<f64>();
    }
    let mut to_start = (first.t - window.start) as f64 / 1000.0;
    let to_end = (window.end - last.t) as f64 / 1000.0;
    let sampled = (last.t - first.t) as f64 / 1000.0;
    let average = sampled / (points.len() - 1) as f64;
    if is_counter && result > 0.0 && first.v >= 0.0 {
        // A counter cannot have been below zero: it was zero no earlier than this.
        let to_zero = sampled * (first.v / result);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    let threshold = average * 1.1;
    let mut extended = sampled;
    extended += if to_start < threshold { to_start } else { average / 2.0 };
    extended += if to_end < threshold { to_end } else { average / 2.0 };
    let mut factor = extended / sampled;
    if is_rate {
        factor /= window.range_ms as f64 / 1000.0;
    }
    Some(result * factor)
}

fn between_last_two(points: &[Point], is_rate: bool) -> Option<f64> {
    let [.., before, last] = points else { return None };
    let interval = last.t - before.t;
    if interval == 0 {
        return None;
    }
    // After a reset a counter has counted from zero.
    let difference = if is_rate && last.v < before.v { last.v } else { last.v - before.v };
    Some(if is_rate { difference / (interval as f64 / 1000.0) } else { difference })
}

/// A sum that keeps what rounding would lose (Kahan, Neumaier).
#[derive(Clone, Copy, Default)]
struct Exact {
    sum: f64,
    lost: f64,
}

impl Exact {
    fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    fn value(self) -> f64 {
        self.sum + self.lost
    }
}

fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut total = Exact::default();
    values.for_each(|value| total.add(value));
    if total.sum.is_infinite() { total.sum } else { total.value() }
}

fn mean(points: &[Point]) -> f64 {
    let mut mean = Exact::default();
    for (at, point) in points.iter().enumerate() {
        let count = (at + 1) as f64;
        if mean.sum.is_infinite() {
            let same = point.v.is_infinite() && (mean.sum > 0.0) == (point.v > 0.0);
            if same || point.v.is_finite() {
                continue;
            }
        }
        mean.add(point.v / count - mean.sum / count);
    }
    if mean.sum.is_infinite() { mean.sum } else { mean.value() }
}

fn variance(points: &[Point]) -> f64 {
    let (mut mean, mut squares) = (Exact::default(), Exact::default());
    for (at, point) in points.iter().enumerate() {
        let delta = point.v - mean.value();
        mean.add(delta / (at + 1) as f64);
        squares.add(delta * (point.v - mean.value()));
    }
    squares.value() / points.len() as f64
}

fn steps(points: &[Point], counts: impl Fn(f64, f64) -> bool) -> f64 {
    points.windows(2).filter(|pair| counts(pair[0].v, pair[1].v)).count() as f64
}

/// Slope (per second) and value at a time of the straight line through the samples.
fn regression(points: &[Point], at: i64) -> (f64, f64) {
    let Some(first) = points.first() else { return (f64::NAN, f64::NAN) };
    if points.iter().all(|point| point.v == first.v) {
        return if first.v.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first.v) };
    }
    let x = |point: &Point| (point.t - at) as f64 / 1000.0;
    let count = points.len() as f64;
    let total = |value: fn(f64, f64) -> f64| {
        let mut total = Exact::default();
        points.iter().for_each(|point| total.add(value(x(point), point.v)));
        total.value()
    };
    let (sum_x, sum_y) = (total(|x, _| x), total(|_, y| y));
    let (sum_xy, sum_xx) = (total(|x, y| x * y), total(|x, _| x * x));
    let slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count);
    (slope, sum_y / count - slope * sum_x / count)
}
