//! Latency of several flows together. Quantiles of parts do not add up to that of the whole, but
//! each part's three quantiles tell roughly how its answers are distributed, and distributions do add up.

use crate::traffic::Flow;

/// Where the quantiles of a part lie on its distribution.
const KNOWN: [f64; 3] = [0.5, 0.95, 0.99];

/// The parts: requests per second, and milliseconds at 50, 95 and 99 %.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Quantiles(Vec<(f64, [f64; 3])>);

impl Quantiles {
    /// Adds a part; without requests or latency it has no say.
    pub(super) fn add(&mut self, flow: &Flow) {
        let rps = flow.rps();
        if let (true, Some(p50), Some(p95), Some(p99)) = (rps > 0.0, flow.p50_ms, flow.p95_ms, flow.p99_ms) {
            self.0.push((rps, [p50, p95.max(p50), p99.max(p95).max(p50)]));
        }
    }

    /// Milliseconds below which so much (0 to 1) of all answers came; exactly the part's own where there is
    /// one, or where all agree.
    pub(super) fn of(&self, quantile: f64) -> Option<f64> {
        let own = |(_, times): &(f64, [f64; 3])| value_at(times, quantile);
        let (first, others) = self.0.split_first()?;
        if others.is_empty() {
            return Some(own(first));
        }
        let (mut low, mut high) = others
            .iter()
            .map(own)
            .fold((own(first), own(first)), |(low, high), value| (low.min(value), high.max(value)));
        let all: f64 = self.0.iter().map(|(rps, _)| rps).sum();
        // The whole's quantile lies between those of its parts; forty halvings are far finer than any digit
        // shown.
        for _ in 0..40 {
            let middle = f64::midpoint(low, high);
            let below: f64 = self.0.iter().map(|(rps, times)| rps * share_below(times, middle)).sum();
            if below < quantile * all { low = middle } else { high = middle }
        }
        Some(high)
    }
}

/// The corners of a part's distribution: even between its quantiles, and beyond the last as steep as before
/// it.
fn corners([p50, p95, p99]: &[f64; 3]) -> [(f64, f64); 5] {
    let end = p99 + (p99 - p95) * (1.0 - KNOWN[2]) / (KNOWN[2] - KNOWN[1]);
    [(0.0, 0.0), (*p50, KNOWN[0]), (*p95, KNOWN[1]), (*p99, KNOWN[2]), (end, 1.0)]
}

fn share_below(times: &[f64; 3], time: f64) -> f64 {
    let corners = corners(times);
    let Some(at) = corners.iter().position(|(corner, _)| time < *corner) else { return 1.0 };
    let Some((from, to)) = at.checked_sub(1).map(|before| (corners[before], corners[at])) else { return 0.0 };
    from.1 + (to.1 - from.1) * (time - from.0) / (to.0 - from.0)
}

fn value_at(times: &[f64; 3], quantile: f64) -> f64 {
    let corners = corners(times);
    let Some(at) = corners.iter().position(|(_, share)| quantile <= *share).filter(|at| *at > 0) else {
        return 0.0;
    };
    let (from, to) = (corners[at - 1], corners[at]);
    from.0 + (to.0 - from.0) * (quantile - from.1) / (to.1 - from.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(rps: f64, [p50, p95, p99]: [f64; 3]) -> Flow {
        let responses = [(("200".into(), "-".into()), rps)].into_iter().collect();
        Flow { responses, p50_ms: Some(p50), p95_ms: Some(p95), p99_ms: Some(p99), ..Flow::default() }
    }

    #[track_caller]
    fn check(parts: &[(f64, [f64; 3])], quantile: f64, expect: Option<f64>) {
        let mut all = Quantiles::default();
        parts.iter().for_each(|(rps, times)| all.add(&flow(*rps, *times)));
        let found = all.of(quantile);
        let near = |(found, expect): (f64, f64)| (found - expect).abs() < 0.01;
        assert!(
            found.zip(expect).is_none_or(near) && found.is_some() == expect.is_some(),
            "{found:?}, not {expect:?}"
        );
    }

    #[test]
    fn one_part_keeps_its_own() {
        for (quantile, own) in [(0.5, 10.0), (0.95, 20.0), (0.99, 50.0)] {
            check(&[(3.0, [10.0, 20.0, 50.0])], quantile, Some(own));
            check(&[(3.0, [10.0, 20.0, 50.0]), (1.0, [10.0, 20.0, 50.0])], quantile, Some(own));
        }
    }

    /// A tenth of the calls is slow: the 95th percentile of all is within the slow ones, whatever the mean
    /// says.
    #[test]
    fn a_slow_part_shows_in_the_tail() {
        let parts = [(9.0, [1.0, 2.0, 3.0]), (1.0, [100.0, 200.0, 300.0])];
        check(&parts, 0.5, Some(1.12));
        check(&parts, 0.95, Some(100.0));
        check(&parts, 0.99, Some(188.89));
    }

    #[test]
    fn nothing_measured_is_nothing() {
        check(&[], 0.95, None);
        check(&[(0.0, [1.0, 2.0, 3.0])], 0.95, None);
    }

    proptest::proptest! {
        #[test]
        fn the_whole_lies_between_its_parts(list in proptest::collection::vec((0.1..100.0_f64, 0.0..50.0_f64, 0.0..50.0_f64, 0.0..50.0_f64), 1..8)) {
            let mut all = Quantiles::default();
            let times: Vec<[f64; 3]> = list.iter().map(|(_, a, b, c)| [*a, a + b, a + b + c]).collect();
            for ((rps, ..), times) in list.iter().zip(&times) {
                all.add(&flow(*rps, *times));
            }
            for (at, quantile) in KNOWN.into_iter().enumerate() {
                let found = all.of(quantile).unwrap();
                let low = times.iter().map(|times| times[at]).fold(f64::MAX, f64::min);
                let high = times.iter().map(|times| times[at]).fold(f64::MIN, f64::max);
                proptest::prop_assert!((low - 0.001..=high + 0.001).contains(&found), "{found} of {low} to {high}");
            }
        }
    }
}
