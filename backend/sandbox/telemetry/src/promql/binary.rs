//! Operators between two expressions: arithmetic, comparisons and sets, with vector matching.

use std::collections::{HashMap, HashSet};

use promql_parser::parser::{BinModifier, BinaryExpr, LabelModifier, VectorMatchCardinality};

use super::{
    eval::Evaluation,
    value::{Refusal, Sample, Value, distinct},
};
use crate::labels::Labels;

/// Evaluates `a + b`, `a > b`, `a and b` and their like at a time.
pub(crate) fn binary(evaluation: &Evaluation, expr: &BinaryExpr, at: i64) -> Result<Value, Refusal> {
    let operator = expr.op.to_string();
    let modifier = expr.modifier.clone().unwrap_or_default();
    if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
        return Err(Refusal::unsupported("`fill`"));
    }
    let (left, right) = (evaluation.eval(&expr.lhs, at)?, evaluation.eval(&expr.rhs, at)?);
    match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => match apply(&operator, left, right)? {
            Outcome::Number(v) => Ok(Value::Scalar(v)),
            Outcome::Holds(holds) => Ok(Value::Scalar(f64::from(u8::from(holds)))),
        },
        (Value::Vector(list), Value::Scalar(right)) => {
            with_scalar(list, &operator, modifier.return_bool, |v| apply(&operator, v, right))
        }
        (Value::Scalar(left), Value::Vector(list)) => {
            with_scalar(list, &operator, modifier.return_bool, |v| apply(&operator, left, v))
        }
        (Value::Vector(left), Value::Vector(right)) => match operator.as_str() {
            "and" | "or" | "unless" => Ok(Value::Vector(set(&operator, left, right, &modifier))),
            _ => matched(&operator, left, right, &modifier),
        },
        _ => Err(Refusal::Execution(format!(
            "the operator {operator} stands between values that it cannot join"
        ))),
    }
}

/// What an operator makes of two numbers.
enum Outcome {
    Number(f64),
    Holds(bool),
}

fn apply(operator: &str, left: f64, right: f64) -> Result<Outcome, Refusal> {
    Ok(match operator {
        "+" => Outcome::Number(left + right),
        "-" => Outcome::Number(left - right),
        "*" => Outcome::Number(left * right),
        "/" => Outcome::Number(left / right),
        "%" => Outcome::Number(left % right),
        "^" => Outcome::Number(left.powf(right)),
        "atan2" => Outcome::Number(left.atan2(right)),
        "==" => Outcome::Holds(left == right),
        "!=" => Outcome::Holds(left != right),
        ">" => Outcome::Holds(left > right),
        "<" => Outcome::Holds(left < right),
        ">=" => Outcome::Holds(left >= right),
        "<=" => Outcome::Holds(left <= right),
        _ => return Err(Refusal::unsupported(&format!("the operator {operator}"))),
    })
}

fn is_comparison(operator: &str) -> bool {
    matches!(operator, "==" | "!=" | ">" | "<" | ">=" | "<=")
}

fn with_scalar(
    list: Vec<Sample>,
    operator: &str,
    as_number: bool,
    outcome: impl Fn(f64) -> Result<Outcome, Refusal>,
) -> Result<Value, Refusal> {
    let mut result = Vec::with_capacity(list.len());
    for sample in list {
        match outcome(sample.v)? {
            Outcome::Number(v) => result.push(Sample { labels: sample.labels.without_name(), v }),
            Outcome::Holds(holds) if as_number => {
                result.push(Sample { labels: sample.labels.without_name(), v: f64::from(u8::from(holds)) });
            }
            Outcome::Holds(true) => result.push(sample),
            Outcome::Holds(false) => {}
        }
    }
    Ok(Value::Vector(if is_comparison(operator) && !as_number { result } else { distinct(result)? }))
}

/// The labels by which elements of both sides find each other.
fn match_labels(labels: &Labels, modifier: &BinModifier) -> Labels {
    match &modifier.matching {
        Some(LabelModifier::Include(names)) => labels.only(&names.labels),
        Some(LabelModifier::Exclude(names)) => labels.without_name_and(&names.labels),
        None => labels.without_name(),
    }
}

fn set(operator: &str, left: Vec<Sample>, right: Vec<Sample>, modifier: &BinModifier) -> Vec<Sample> {
    let groups = |list: &[Sample]| -> HashSet<Labels> {
        list.iter().map(|s| match_labels(&s.labels, modifier)).collect()
    };
    if operator == "or" {
        let known = groups(&left);
        let more =
            right.into_iter().filter(|sample| !known.contains(&match_labels(&sample.labels, modifier)));
        return left.into_iter().chain(more).collect();
    }
    let known = groups(&right);
    let wanted = operator == "and";
    left.into_iter()
        .filter(|sample| known.contains(&match_labels(&sample.labels, modifier)) == wanted)
        .collect()
}

fn matched(
    operator: &str,
    left: Vec<Sample>,
    right: Vec<Sample>,
    modifier: &BinModifier,
) -> Result<Value, Refusal> {
    // One side must be unique; with group_right that is the left one.
    let swapped = matches!(modifier.card, VectorMatchCardinality::OneToMany(_));
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let mut by_group: HashMap<Labels, Sample> = HashMap::with_capacity(one.len());
    for sample in one {
        let group = match_labels(&sample.labels, modifier);
        if let Some(other) = by_group.get(&group) {
            let side = if swapped { "left" } else { "right" };
            return Err(Refusal::Execution(format!(
                "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                sample.labels, other.labels
            )));
        }
        by_group.insert(group, sample);
    }
    let one_to_one = matches!(modifier.card, VectorMatchCardinality::OneToOne);
    let mut used: HashSet<Labels> = HashSet::new();
    let mut result = Vec::new();
    for sample in many {
        let group = match_labels(&sample.labels, modifier);
        let Some(other) = by_group.get(&group) else { continue };
        let (l, r) = if swapped { (other.v, sample.v) } else { (sample.v, other.v) };
        let v = match apply(operator, l, r)? {
            Outcome::Number(v) => v,
            Outcome::Holds(holds) if modifier.return_bool => f64::from(u8::from(holds)),
            Outcome::Holds(true) => l,
            Outcome::Holds(false) => continue,
        };
        let labels = result_labels(&sample.labels, &other.labels, operator, modifier);
        let key = if one_to_one { group } else { labels.clone() };
        if !used.insert(key) {
            return Err(Refusal::Execution(
                if one_to_one {
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                } else {
                    "multiple matches for labels: grouping labels must ensure unique matches"
                }
                .to_owned(),
            ));
        }
        result.push(Sample { labels, v });
    }
    Ok(Value::Vector(result))
}

fn result_labels(many: &Labels, one: &Labels, operator: &str, modifier: &BinModifier) -> Labels {
    let keeps_name = is_comparison(operator) && !modifier.return_bool;
    let base = if keeps_name { many.clone() } else { many.without_name() };
    match &modifier.card {
        VectorMatchCardinality::OneToOne => match &modifier.matching {
            Some(LabelModifier::Include(names)) => base.only(&names.labels),
            Some(LabelModifier::Exclude(names)) => base.without(&names.labels),
            None => base,
        },
        VectorMatchCardinality::ManyToOne(include) | VectorMatchCardinality::OneToMany(include) => {
            include.labels.iter().fold(base, |labels, name| labels.with(name, one.get(name)))
        }
        VectorMatchCardinality::ManyToMany => base,
    }
}
