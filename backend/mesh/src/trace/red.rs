//! Rate, errors and durations of the calls that a service got, by its spans: what `istio_*` metrics tell of all calls.

use super::{Opened, Stats};
use std::sync::Arc;

/// The calls that a service got.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Red {
    /// How long they took.
    pub stats: Stats,
    /// How many of them failed.
    pub errors: usize,
    /// In how many seconds they came.
    pub secs: f64,
}

impl Red {
    /// Of a service over a time in microseconds: its spans that nobody of its own called.
    pub fn of(traces: &[Arc<Opened>], service: &str, (from_us, to_us): (u64, u64)) -> Self {
        let (mut took, mut errors) = (Vec::new(), 0);
        for opened in traces {
            for (at, row) in opened.tree.rows.iter().enumerate() {
                let Some(span) = opened.span(at).filter(|span| span.service() == service) else { continue };
                let above = row.parent.and_then(|above| opened.span(above));
                let came = above.is_none_or(|above| above.service() != service);
                if came && (from_us..=to_us).contains(&span.start_us()) {
                    took.push(span.duration_us());
                    errors += usize::from(span.error());
                }
            }
        }
        Self { stats: Stats::of(took), errors, secs: to_us.saturating_sub(from_us) as f64 / 1e6 }
    }

    /// Calls per second.
    pub fn rate(&self) -> f64 {
        if self.secs > 0.0 { self.stats.count as f64 / self.secs } else { 0.0 }
    }

    /// Percentage that failed.
    pub fn error_percent(&self) -> f64 {
        self.errors as f64 / self.stats.count.max(1) as f64 * 100.0
    }
}

/// Why figures of spans are not those of all calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampled {
    /// Nothing was measured, though there are spans.
    NotMeasured,
    /// There are no spans, though calls were measured.
    NotTraced,
    /// So much of all calls is traced (0 to 1).
    Share(f64),
    /// About every call is traced.
    All,
    /// There are more spans than calls that were measured.
    More(f64),
}

impl Sampled {
    /// By calls per second, of spans and as they were measured.
    pub fn of(spans: f64, measured: f64) -> Self {
        match (spans > 0.0, measured > 0.0) {
            (true, false) => Self::NotMeasured,
            (false, true) => Self::NotTraced,
            (false, false) => Self::All,
            _ if spans < 0.9 * measured => Self::Share(spans / measured),
            _ if spans > 1.1 * measured => Self::More(spans / measured),
            _ => Self::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn of_the_calls_that_a_service_got() {
        let traces = demo::found().traces;
        let from = traces.iter().map(|one| one.summary.start_us).min().unwrap();
        let red = Red::of(&traces, "reviews.bookinfo", (from, from + 200_000_000));
        assert_eq!((red.stats.count, red.errors, red.rate()), (20, 0, 0.1), "and not those that it made");
        let ratings = Red::of(&traces, "ratings.bookinfo", (from, from + 200_000_000));
        assert_eq!(
            (ratings.stats.count, ratings.errors),
            (20, 0),
            "what its callers' proxies cut off is theirs"
        );
        let page = Red::of(&traces, "istio-ingressgateway.istio-system", (from, from + 200_000_000));
        assert_eq!((page.stats.count, page.error_percent()), (20, 0.0));
        assert_eq!(Red::of(&traces, "reviews.bookinfo", (0, 1)).rate(), 0.0);
    }

    #[test]
    fn what_sampling_leaves() {
        for (spans, measured, expect) in [
            (0.1, 10.0, Sampled::Share(0.01)),
            (9.5, 10.0, Sampled::All),
            (0.0, 0.0, Sampled::All),
            (1.0, 0.0, Sampled::NotMeasured),
            (0.0, 1.0, Sampled::NotTraced),
            (3.0, 1.0, Sampled::More(3.0)),
        ] {
            assert_eq!(Sampled::of(spans, measured), expect, "{spans} of {measured}");
        }
    }
}
