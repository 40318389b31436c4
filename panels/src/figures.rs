//! What is said of calls in a few figures.

use mesh::lens::Reading;
use serde::Serialize;

/// The four figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Requests per second.
    pub rps: f64,
    /// Percentage of failed requests.
    pub error_percent: Option<f64>,
    /// Percentage of refused requests: 4xx.
    #[serde(skip)]
    pub refused_percent: Option<f64>,
    /// Milliseconds.
    pub p95_ms: Option<f64>,
    /// Percentage of calls over mutual TLS.
    pub mtls_percent: Option<f64>,
    /// TCP bytes per second.
    pub bytes: f64,
}

impl Figures {
    /// Of what was read.
    pub(crate) fn of(reading: &Reading) -> Self {
        Self {
            rps: reading.rps(),
            error_percent: reading.error_percent(),
            refused_percent: reading.refused_percent(),
            p95_ms: reading.latency_ms(0.95),
            mtls_percent: reading.mtls_percent(),
            bytes: reading.ends.bytes(),
        }
    }
}
