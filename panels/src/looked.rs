//! Which moments graph and detail show: now, one of the past, or two beside each other.

use jiff::Timestamp;

/// Which moments are looked at; the window is that of all measurements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// The moment that is shown, in seconds since 1970; `None`: now.
    pub until: Option<i64>,
    /// The moment that it is compared with.
    pub against: Option<i64>,
}

/// Proxies have taken what was written after so many seconds.
const TAKEN_SECS: i64 = 10;

/// The last moment before something was done.
pub fn before(when: Timestamp) -> i64 {
    when.as_second() - 1
}

/// Compares the window before something was done with the one after it; with now, where that is not over.
pub fn around(when: Timestamp, secs: u64, now: Timestamp) -> Looked {
    let after = when.as_second().saturating_add_unsigned(secs) + TAKEN_SECS;
    Looked { until: (after < now.as_second()).then_some(after), against: Some(before(when)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_and_after_something_was_done() {
        let at = |secs| Timestamp::from_second(secs).unwrap();
        assert_eq!(around(at(1_000), 60, at(2_000)), Looked { until: Some(1_070), against: Some(999) });
        assert_eq!(around(at(1_000), 60, at(1_030)), Looked { until: None, against: Some(999) });
    }
}
