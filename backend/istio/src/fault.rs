//! Faults that are made on purpose: how often, and with which status.

use crate::views::{Abort, Delay};

/// gRPC's statuses, at their numbers.
const GRPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The number of a gRPC status, which is its name; `None` for any other.
pub fn grpc_status(name: &str) -> Option<u32> {
    GRPC_STATUSES.iter().zip(0..).find(|(known, _)| **known == name).map(|(_, number)| number)
}

impl Delay {
    /// The share of requests that it takes, in percent. One that does not say happens never, as in istiod.
    pub fn share(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "a percentage")]
        let older = || self.percent.map(|percent| percent as f64);
        self.percentage.as_ref().map(|percentage| percentage.value).or_else(older).unwrap_or(0.0)
    }
}

impl Abort {
    /// The share of requests that it takes, in percent. One that does not say happens never, as in istiod.
    pub fn share(&self) -> f64 {
        self.percentage.as_ref().map_or(0.0, |percentage| percentage.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::Percent;

    #[test]
    fn a_fault_that_does_not_say_how_often_never_happens() {
        let percentage = |value| Some(Percent { value });
        assert_eq!(Delay::default().share(), 0.0);
        assert_eq!(Abort::default().share(), 0.0);
        assert_eq!(Delay { percent: Some(50), ..Delay::default() }.share(), 50.0);
        let both = Delay { percent: Some(50), percentage: percentage(0.5), ..Delay::default() };
        assert_eq!(both.share(), 0.5);
        assert_eq!(Abort { percentage: percentage(25.0), ..Abort::default() }.share(), 25.0);
    }

    #[test]
    fn grpc_statuses_have_numbers() {
        assert_eq!(grpc_status("OK"), Some(0));
        assert_eq!(grpc_status("UNAVAILABLE"), Some(14));
        assert_eq!(grpc_status("unavailable"), None);
        assert_eq!(grpc_status("14"), None);
    }
}
