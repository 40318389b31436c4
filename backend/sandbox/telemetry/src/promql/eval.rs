//! Walks an expression and evaluates it at a time.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use promql_parser::parser::{AtModifier, Expr, MatrixSelector, Offset, SubqueryExpr, VectorSelector};

use super::{
    aggregate, binary, functions,
    value::{Refusal, Sample, Value, distinct},
};
use crate::{
    labels::Labels,
    samples::{Point, Samples, Series, is_stale},
};

/// A sample counts for so long when nothing newer is there.
const LOOKBACK_MS: i64 = 300_000;
/// The step of a subquery that names none.
const DEFAULT_SUBQUERY_STEP_MS: i64 = 60_000;
/// A step of a subquery costs as much as so many samples, so that a year in milliseconds ends soon.
const STEP_COST: usize = 32;
/// A query may touch so many samples, as in Prometheus.
const MOST_SAMPLES: u64 = 50_000_000;

/// So many label sets made from others are remembered.
const MOST_PROJECTIONS: usize = 100_000;

/// A series as it was loaded for one selector.
struct Loaded {
    labels: Labels,
    /// The labels without the metric's name: what most functions answer with.
    bare: Labels,
    points: Vec<Point>,
    has_marks: bool,
}

/// A range vector at one time, with what rates need to know of its window.
pub(crate) struct Window<'a> {
    pub(crate) series: Vec<WindowSeries<'a>>,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) range_ms: i64,
}

/// One series of a window.
pub(crate) struct WindowSeries<'a> {
    pub(crate) labels: Labels,
    pub(crate) bare: Labels,
    pub(crate) points: std::borrow::Cow<'a, [Point]>,
}

/// One query over one range of time: the samples it needs are loaded once.
pub(crate) struct Evaluation {
    loaded: HashMap<usize, Vec<Loaded>>,
    start: i64,
    end: i64,
    budget: Cell<u64>,
    projections: RefCell<Projections>,
}

/// What became of labels at a node of the query. The steps of a range ask for the same again and again; the
/// labels that were asked for are kept too, so that their address stays theirs.
type Projections = HashMap<(usize, usize), (Labels, Labels)>;

fn address<T>(node: &T) -> usize {
    std::ptr::from_ref(node).addr()
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 8)
}

fn offset_ms(offset: Option<&Offset>) -> i64 {
    match offset {
        Some(Offset::Pos(by)) => millis(*by),
        Some(Offset::Neg(by)) => -millis(*by),
        None => 0,
    }
}

fn unix_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    }
}

impl Evaluation {
    /// Loads what the expression needs between the two times.
    pub(crate) fn new(expr: &Expr, start: i64, end: i64, samples: &Samples) -> Result<Self, Refusal> {
        let (budget, projections) = (Cell::new(MOST_SAMPLES), RefCell::default());
        let mut evaluation = Self { loaded: HashMap::new(), start, end, budget, projections };
        evaluation.load(expr, start, end, samples)?;
        Ok(evaluation)
    }

    fn spend(&self, samples: usize) -> Result<(), Refusal> {
        match self.budget.get().checked_sub(samples as u64) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => Err(Refusal::Execution(
                "query processing would load too many samples into memory in query execution".to_owned(),
            )),
        }
    }

    /// The labels that a node makes of other labels, made once per node and labels.
    pub(crate) fn projected<T>(
        &self,
        node: &T,
        labels: &Labels,
        project: impl FnOnce(&Labels) -> Labels,
    ) -> Labels {
        let key = (address(node), labels.address());
        let mut known = self.projections.borrow_mut();
        if let Some((_, made)) = known.get(&key) {
            return made.clone();
        }
        let made = project(labels);
        if known.len() < MOST_PROJECTIONS {
            known.insert(key, (labels.clone(), made.clone()));
        }
        made
    }

    /// The time that a selector looks at, when the query is evaluated at `at`.
    fn reference(&self, at: i64, modifier: Option<&AtModifier>, offset: Option<&Offset>) -> i64 {
        let base = match modifier {
            None => at,
            Some(AtModifier::Start) => self.start,
            Some(AtModifier::End) => self.end,
            Some(AtModifier::At(time)) => unix_ms(*time),
        };
        base.saturating_sub(offset_ms(offset))
    }

    fn load(&mut self, expr: &Expr, from: i64, to: i64, samples: &Samples) -> Result<(), Refusal> {
        match expr {
            Expr::VectorSelector(selector) => self.load_selector(selector, from, to, LOOKBACK_MS, samples),
            Expr::MatrixSelector(selector) => {
                self.load_selector(&selector.vs, from, to, millis(selector.range), samples)
            }
            Expr::Subquery(subquery) => {
                let (at, offset) = (subquery.at.as_ref(), subquery.offset.as_ref());
                let start = self.reference(from, at, offset).saturating_sub(millis(subquery.range));
                let end = self.reference(to, at, offset);
                self.load(&subquery.expr, start, end, samples)
            }
            Expr::Unary(unary) => self.load(&unary.expr, from, to, samples),
            Expr::Paren(paren) => self.load(&paren.expr, from, to, samples),
            Expr::Call(call) => {
                call.args.args.iter().try_for_each(|argument| self.load(argument, from, to, samples))
            }
            Expr::Aggregate(aggregate) => {
                if let Some(parameter) = &aggregate.param {
                    self.load(parameter, from, to, samples)?;
                }
                self.load(&aggregate.expr, from, to, samples)
            }
            Expr::Binary(binary) => {
                self.load(&binary.lhs, from, to, samples)?;
                self.load(&binary.rhs, from, to, samples)
            }
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Ok(()),
        }
    }

    fn load_selector(
        &mut self,
        selector: &VectorSelector,
        from: i64,
        to: i64,
        back: i64,
        samples: &Samples,
    ) -> Result<(), Refusal> {
        if !selector.matchers.or_matchers.is_empty() {
            return Err(Refusal::unsupported("`or` between matchers"));
        }
        let (at, offset) = (selector.at.as_ref(), selector.offset.as_ref());
        let (first, last) =
            (self.reference(from, at, offset).saturating_sub(back), self.reference(to, at, offset));
        let found = samples.select(selector.name.as_deref(), &selector.matchers.matchers, first, last);
        self.spend(found.iter().map(|series| series.points.len()).sum())?;
        let loaded = found
            .into_iter()
            .map(|Series { labels, points }| {
                let has_marks = points.iter().any(|point| is_stale(point.v));
                Loaded { bare: labels.without_name(), labels, points, has_marks }
            })
            .collect();
        self.loaded.insert(address(selector), loaded);
        Ok(())
    }

    /// The value of an expression at a time.
    pub(crate) fn eval(&self, expr: &Expr, at: i64) -> Result<Value, Refusal> {
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
            Expr::StringLiteral(text) => Ok(Value::Text(text.val.clone())),
            Expr::Paren(paren) => self.eval(&paren.expr, at),
            Expr::Unary(unary) => match self.eval(&unary.expr, at)? {
                Value::Scalar(v) => Ok(Value::Scalar(-v)),
                Value::Vector(list) => {
                    let negated = list
                        .into_iter()
                        .map(|s| Sample { labels: s.labels.without_name(), v: -s.v })
                        .collect();
                    Ok(Value::Vector(distinct(negated)?))
                }
                _ => Err(Refusal::unsupported("the negation of this")),
            },
            Expr::VectorSelector(selector) => {
                let found = self.newest(selector, at)?;
                Ok(Value::Vector(
                    found.into_iter().map(|(labels, point)| Sample { labels, v: point.v }).collect(),
                ))
            }
            Expr::MatrixSelector(_) | Expr::Subquery(_) => {
                let series = self.window(expr, at)?.series.into_iter();
                Ok(Value::Matrix(
                    series
                        .map(|found| Series { labels: found.labels, points: found.points.into_owned() })
                        .collect(),
                ))
            }
            Expr::Call(call) => functions::call(self, call, at),
            Expr::Aggregate(aggregate) => aggregate::aggregate(self, aggregate, at),
            Expr::Binary(binary) => binary::binary(self, binary, at),
            Expr::Extension(_) => Err(Refusal::unsupported("an extension")),
        }
    }

    pub(crate) fn vector(&self, expr: &Expr, at: i64) -> Result<Vec<Sample>, Refusal> {
        match self.eval(expr, at)? {
            Value::Vector(list) => Ok(list),
            _ => Err(Refusal::Execution("expected an instant vector".to_owned())),
        }
    }

    pub(crate) fn scalar(&self, expr: &Expr, at: i64) -> Result<f64, Refusal> {
        match self.eval(expr, at)? {
            Value::Scalar(v) => Ok(v),
            _ => Err(Refusal::Execution("expected a scalar".to_owned())),
        }
    }

    pub(crate) fn text(&self, expr: &Expr, at: i64) -> Result<String, Refusal> {
        match self.eval(expr, at)? {
            Value::Text(text) => Ok(text),
            _ => Err(Refusal::Execution("expected a string".to_owned())),
        }
    }

    /// The newest sample of each series that is not too old, with its own time.
    pub(crate) fn newest(&self, selector: &VectorSelector, at: i64) -> Result<Vec<(Labels, Point)>, Refusal> {
        let time = self.reference(at, selector.at.as_ref(), selector.offset.as_ref());
        let loaded = self.loaded.get(&address(selector)).map_or(&[][..], Vec::as_slice);
        self.spend(loaded.len())?;
        Ok(loaded
            .iter()
            .filter_map(|series| {
                let after = series.points.partition_point(|point| point.t <= time);
                let point = *series.points.get(after.checked_sub(1)?)?;
                (point.t >= time.saturating_sub(LOOKBACK_MS) && !is_stale(point.v))
                    .then(|| (series.labels.clone(), point))
            })
            .collect())
    }

    /// The samples of a range selector or subquery; both ends of the window belong to it.
    pub(crate) fn window(&self, expr: &Expr, at: i64) -> Result<Window<'_>, Refusal> {
        match expr {
            Expr::Paren(paren) => self.window(&paren.expr, at),
            Expr::MatrixSelector(selector) => self.selected_window(selector, at),
            Expr::Subquery(subquery) => self.evaluated_window(subquery, at),
            _ => Err(Refusal::Execution("expected a range vector".to_owned())),
        }
    }

    fn selected_window(&self, selector: &MatrixSelector, at: i64) -> Result<Window<'_>, Refusal> {
        let end = self.reference(at, selector.vs.at.as_ref(), selector.vs.offset.as_ref());
        let range_ms = millis(selector.range);
        let start = end.saturating_sub(range_ms);
        let mut series = Vec::new();
        for loaded in self.loaded.get(&address(&selector.vs)).into_iter().flatten() {
            let first = loaded.points.partition_point(|point| point.t < start);
            let after = loaded.points.partition_point(|point| point.t <= end);
            let inside = loaded.points.get(first..after).unwrap_or_default();
            let points = if loaded.has_marks {
                inside.iter().filter(|point| !is_stale(point.v)).copied().collect::<Vec<_>>().into()
            } else {
                inside.into()
            };
            let found = WindowSeries { labels: loaded.labels.clone(), bare: loaded.bare.clone(), points };
            self.spend(found.points.len())?;
            if !found.points.is_empty() {
                series.push(found);
            }
        }
        Ok(Window { series, start, end, range_ms })
    }

    fn evaluated_window(&self, subquery: &SubqueryExpr, at: i64) -> Result<Window<'_>, Refusal> {
        let end = self.reference(at, subquery.at.as_ref(), subquery.offset.as_ref());
        let range_ms = millis(subquery.range);
        let start = end.saturating_sub(range_ms);
        let step = subquery.step.map_or(DEFAULT_SUBQUERY_STEP_MS, millis).max(1);
        let mut found: indexmap::IndexMap<Labels, Vec<Point>> = indexmap::IndexMap::new();
        // Steps stand at whole multiples of the step, whatever the window's start.
        let mut time = start.div_euclid(step) * step;
        if time < start {
            time += step;
        }
        while time <= end {
            self.spend(STEP_COST)?;
            for sample in self.vector(&subquery.expr, time)? {
                found.entry(sample.labels).or_default().push(Point { t: time, v: sample.v });
            }
            time += step;
        }
        let series = found
            .into_iter()
            .map(|(labels, points)| WindowSeries {
                bare: labels.without_name(),
                labels,
                points: points.into(),
            })
            .collect();
        Ok(Window { series, start, end, range_ms })
    }
}
