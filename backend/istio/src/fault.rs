//! Faults that are made on purpose: how often they happen.

use crate::views::{Abort, Delay, Fault};

impl Delay {
    /// The percentage of requests that wait. One that does not say how many makes none wait, as in istiod.
    pub fn share(&self) -> f64 {
        let older = || self.percent.map(|percent| percent as f64);
        self.percentage.as_ref().map(|percentage| percentage.value).or_else(older).unwrap_or(0.0)
    }
}

impl Abort {
    /// The percentage of requests that fail. One that does not say how many makes none fail, as in istiod.
    pub fn share(&self) -> f64 {
        self.percentage.as_ref().map_or(0.0, |percentage| percentage.value)
    }
}

impl Fault {
    /// Whether it makes any request wait or fail.
    pub fn acts(&self) -> bool {
        self.delay.as_ref().is_some_and(|delay| delay.share() > 0.0)
            || self.abort.as_ref().is_some_and(|abort| abort.share() > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_fault_that_does_not_say_how_often_never_happens() {
        let delay = |spec| serde_json::from_value::<Delay>(spec).unwrap().share();
        assert_eq!(delay(json!({ "fixedDelay": "7s" })), 0.0);
        assert_eq!(delay(json!({ "fixedDelay": "7s", "percent": 50 })), 50.0);
        assert_eq!(delay(json!({ "fixedDelay": "7s", "percent": 50, "percentage": { "value": 0.5 } })), 0.5);
        assert_eq!(delay(json!({ "fixedDelay": "7s", "percentage": {} })), 0.0);
        let abort = |spec| serde_json::from_value::<Abort>(spec).unwrap().share();
        assert_eq!(abort(json!({ "httpStatus": 503 })), 0.0);
        assert_eq!(abort(json!({ "httpStatus": 503, "percentage": { "value": 10 } })), 10.0);
        let acts = |spec| serde_json::from_value::<Fault>(spec).unwrap().acts();
        assert!(!acts(json!({ "abort": { "httpStatus": 503 }, "delay": { "fixedDelay": "7s" } })));
        assert!(acts(
            json!({ "abort": { "httpStatus": 503 }, "delay": { "fixedDelay": "7s", "percent": 1 } })
        ));
    }
}
