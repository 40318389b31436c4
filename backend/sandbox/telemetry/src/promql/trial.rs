//! Queries over a few series without a server: for fuzz targets, which stand outside of this crate.

use super::{Refusal, Value, instant, parse, range};
use crate::{
    labels::{Labels, NAME},
    samples::Samples,
};

/// A store with a few series, two minutes long.
pub struct Trial(Samples);

impl Default for Trial {
    fn default() -> Self {
        let samples = Samples::default();
        let pairs = |name: &str, version: &str, le: &str| {
            [(NAME, name), ("app", "reviews"), ("version", version), ("le", le)]
                .map(|(name, value)| (name.into(), value.into()))
        };
        let mut series = Vec::new();
        for name in ["istio_requests_total", "istio_request_duration_milliseconds_bucket", "up"] {
            for (version, le) in [("v1", "1"), ("v1", "10"), ("v2", "+Inf")] {
                series.push(samples.series(&Labels::new(pairs(name, version, le))));
            }
        }
        for second in 0..=120_u32 {
            let value = f64::from(second);
            let values: Vec<_> =
                series.iter().zip(1_u32..).map(|(id, n)| (*id, value * f64::from(n))).collect();
            samples.append(i64::from(second) * 1000, &values);
        }
        Self(samples)
    }
}

impl Trial {
    /// Asks at one time and over a range; how many series the two answers have together.
    ///
    /// # Errors
    /// In the words of Prometheus.
    pub fn ask(&self, query: &str) -> Result<usize, String> {
        let words = |refusal: Refusal| format!("{refusal:?}");
        let expr = parse(query).map_err(words)?;
        let now = match instant(&expr, 100_000, &self.0).map_err(words)? {
            Value::Vector(list) => list.len(),
            Value::Matrix(list) => list.len(),
            Value::Scalar(_) | Value::Text(_) => 1,
        };
        let steps = range(&expr, 60_000, 120_000, 15_000, &self.0).map_err(words)?;
        Ok(now + steps.len())
    }
}
