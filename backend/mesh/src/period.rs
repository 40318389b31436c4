//! A time of the past over which traffic is looked at: a window that ends at a moment.

use jiff::Timestamp;

/// So many seconds until a moment, on the clock of whoever measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// The moment at which it ends: seconds since 1970.
    pub until: i64,
    /// How long it is, in seconds.
    pub secs: u64,
}

impl Period {
    /// What was usual then is asked for at whole steps of so many seconds: neighbours share it.
    const USUAL_STEP: i64 = 300;

    /// The moment at which it ends.
    pub fn at(self) -> Timestamp {
        Timestamp::from_second(self.until).unwrap_or_default()
    }

    /// Until when the hour lasted that says what was usual.
    pub fn usual_until(self) -> i64 {
        self.until.div_euclid(Self::USUAL_STEP) * Self::USUAL_STEP
    }

    /// The same window so much later; earlier, where that is negative.
    #[must_use]
    pub fn later(self, secs: i64) -> Self {
        Self { until: self.until.saturating_add(secs), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_what_was_usual() {
        let period = |until| Period { until, secs: 60 };
        assert_eq!(period(1_199).usual_until(), 900);
        assert_eq!(period(901).usual_until(), 900);
        assert_eq!(period(-1).usual_until(), -300);
        assert_eq!(period(900).later(-60).at().to_string(), "1970-01-01T00:14:00Z");
    }
}
