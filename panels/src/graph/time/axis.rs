//! The axis of the last hours: where a moment stands on it, and which moment a place means. Pure.

use egui::Rangef;
use jiff::Timestamp;

/// How far an axis reaches back: seconds, its name, and how far the moments on it lie apart.
pub(super) const SPANS: [(u64, &str, i64); 9] = [
    (600, "Last 10 min", 1),
    (1_800, "Last 30 min", 5),
    (3_600, "Last 1 h", 5),
    (3 * 3_600, "Last 3 h", 15),
    (6 * 3_600, "Last 6 h", 30),
    (12 * 3_600, "Last 12 h", 60),
    (86_400, "Last 1 d", 120),
    (7 * 86_400, "Last 7 d", 900),
    (30 * 86_400, "Last 30 d", 3_600),
];

/// Steps between the times that are written below an axis.
const TICKS: [i64; 12] =
    [60, 300, 600, 900, 1_800, 3_600, 2 * 3_600, 3 * 3_600, 6 * 3_600, 86_400, 2 * 86_400, 7 * 86_400];
/// So many points lie between two of them at least.
const APART: f32 = 84.0;

/// From when until when, and on which points of the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    /// Its begin, in seconds since 1970.
    pub(super) from: i64,
    /// Its end: now.
    pub(super) to: i64,
    /// Moments on it are whole multiples of so many seconds.
    pub(super) snap: i64,
    /// Where it stands.
    pub(super) x: Rangef,
}

impl Axis {
    /// The axis of so many seconds until now.
    pub(super) fn of(now: Timestamp, span_secs: u64, x: Rangef) -> Self {
        let snap = SPANS.iter().find(|(secs, ..)| *secs >= span_secs).map_or(3_600, |(.., snap)| *snap);
        let to = now.as_second();
        Self { from: to - span_secs as i64, to, snap, x }
    }

    /// Where a moment stands; beside the axis where it lies before it or after it.
    pub(super) fn x_of(&self, secs: f64) -> f32 {
        let share = (secs - self.from as f64) / (self.to - self.from).max(1) as f64;
        self.x.min + self.x.span() * share.clamp(-1.0, 2.0) as f32
    }

    /// The moment that a place means; `None`: the end, which is now.
    pub(super) fn at(&self, x: f32) -> Option<i64> {
        let share = f64::from((x - self.x.min) / self.x.span().max(1.0)).clamp(0.0, 1.0);
        self.snapped(self.from + (share * (self.to - self.from) as f64) as i64)
    }

    /// The nearest moment on the axis; `None` at its end.
    pub(super) fn snapped(&self, secs: i64) -> Option<i64> {
        let nearest = (secs + self.snap / 2).div_euclid(self.snap) * self.snap;
        (nearest < self.to - self.snap / 2).then_some(nearest)
    }

    /// The times that are written below it.
    pub(super) fn ticks(&self) -> impl Iterator<Item = i64> + use<> {
        let secs = (self.to - self.from) as f32;
        let fits = |step: &&i64| **step as f32 / secs * self.x.span() >= APART;
        let step = TICKS.iter().find(fits).copied().unwrap_or(7 * 86_400);
        let first = (self.from + step - 1).div_euclid(step) * step;
        let to = self.to;
        (0..).map(move |nth| first + nth * step).take_while(move |at| *at <= to)
    }
}

/// The time of day, or where a day begins the day.
pub(super) fn tick(secs: i64) -> String {
    let at = Timestamp::from_second(secs).unwrap_or_default();
    let day = secs.rem_euclid(86_400) == 0;
    at.strftime(if day { "%b %-d" } else { "%H:%M" }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_002;

    fn axis(span: u64) -> Axis {
        Axis::of(Timestamp::from_second(NOW).unwrap(), span, Rangef::new(100.0, 820.0))
    }

    #[test]
    fn places_mean_moments_and_moments_have_places() {
        let hour = axis(3_600);
        assert_eq!(hour.at(100.0), Some(NOW - 3_602));
        assert_eq!(hour.at(460.0), Some(NOW - 1_802));
        assert_eq!(hour.at(820.0), None, "the end is now");
        assert_eq!(hour.at(2_000.0), None);
        assert_eq!(hour.at(-50.0), Some(NOW - 3_602), "before it is its begin");
        for moment in [NOW - 3_597, NOW - 1_802, NOW - 12] {
            assert_eq!(hour.at(hour.x_of(moment as f64)), Some(moment));
        }
        assert_eq!([hour.snapped(NOW - 4), hour.snapped(NOW - 8)], [None, Some(NOW - 7)]);
        assert_eq!(hour.snapped(NOW), None);
    }

    #[test]
    fn times_below_it_are_round_and_apart() {
        for (span, ..) in SPANS {
            let axis = axis(span);
            let ticks: Vec<i64> = axis.ticks().collect();
            assert!((2..=9).contains(&ticks.len()), "{span} {ticks:?}");
            assert!(ticks.iter().all(|at| at % 60 == 0 && (axis.from..=axis.to).contains(at)));
        }
        assert_eq!([tick(86_400), tick(86_400 + 3_660)], ["Jan 2", "01:01"]);
    }
}
