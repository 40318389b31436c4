//! What an expression evaluates to, and why it may not.

use crate::{labels::Labels, samples::Series};

/// One element of an instant vector.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) labels: Labels,
    pub(crate) v: f64,
}

/// The value of an expression at one time.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar(f64),
    Text(String),
    Vector(Vec<Sample>),
    Matrix(Vec<Series>),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The query cannot be read; the text begins with the position.
    Malformed(String),
    /// The request does not make sense.
    BadRequest(String),
    /// The query can be read, but not evaluated.
    Execution(String),
}

impl Refusal {
    pub(crate) fn unsupported(what: &str) -> Self {
        Self::Execution(format!("{what} is not evaluated by this Prometheus; use a real one for it"))
    }
}

/// Labels that two elements of one vector share are an error.
pub(crate) fn distinct(list: Vec<Sample>) -> Result<Vec<Sample>, Refusal> {
    if list.len() > 1 {
        let mut seen = std::collections::HashSet::with_capacity(list.len());
        if !list.iter().all(|sample| seen.insert(&sample.labels)) {
            return Err(Refusal::Execution(
                "vector cannot contain metrics with the same labelset".to_owned(),
            ));
        }
    }
    Ok(list)
}

/// A number as Prometheus prints it: the shortest text that reads back the same, never with an exponent.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}
