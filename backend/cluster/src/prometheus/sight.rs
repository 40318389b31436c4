//! How far Prometheus sees: how often it reads the proxies, since when it has their counters, and whether its
//! clock runs evenly. All of that is told by the samples themselves, so that it holds for whatever answers as
//! Prometheus does.

use super::ask::Prometheus;
use super::query;
use super::vector::{Sample, Series};
use mesh::Problem;
use mesh::traffic::Coverage;
use std::time::{Duration, Instant};

/// What was learnt is true for so long.
const LEARNT: Duration = Duration::from_secs(300);
/// By so much the clock may differ between two rounds: answers take a while, too.
const EVEN: f64 = 5.0;

/// How the counters of one busy proxy were read.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scrapes {
    /// Seconds between two readings; `None` when there is only one yet.
    every: Option<f64>,
    /// The first reading, on Prometheus' clock.
    first: f64,
}

impl Scrapes {
    fn of(series: &[Series]) -> Option<Self> {
        let longest = series.iter().max_by_key(|series| series.points.len())?;
        let first = longest.points.first()?.0;
        let mut gaps: Vec<f64> = longest.points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        gaps.sort_by(f64::total_cmp);
        Some(Self { every: gaps.get(gaps.len() / 2).copied().filter(|gap| *gap > 0.0), first })
    }
}

/// What is known of it, from round to round.
#[derive(Default)]
pub(super) struct Sight {
    scrapes: Option<(Instant, Scrapes)>,
    /// The longest window of which it is known that there were counters all the time.
    whole: u64,
    clock: Clock,
}

/// Over how many seconds a round asks, and what of the chosen window that is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) secs: u64,
    pub(super) coverage: Coverage,
    /// Why it is longer than was chosen.
    pub(super) remark: Option<String>,
}

impl Sight {
    /// Looks before a round. `Err(Ok(secs))`: the clock was set, and rates are wrong for so much longer.
    pub(super) async fn look(
        &mut self,
        prometheus: &Prometheus,
        chosen: u64,
    ) -> Result<Window, Result<u64, Problem>> {
        let now = prometheus.clock().await.map_err(Err)?;
        if let Some(left) = self.clock.saw(Instant::now(), now, chosen) {
            return Err(Ok(left));
        }
        if self.scrapes.is_none_or(|(at, scrapes)| scrapes.every.is_none() || at.elapsed() > LEARNT) {
            self.scrapes = scrapes(prometheus).await.map_err(Err)?.map(|scrapes| (Instant::now(), scrapes));
        }
        let scrapes = self.scrapes.map(|(_, scrapes)| scrapes);
        let window = window(chosen, scrapes, now, self.whole);
        if let Coverage::Warming { .. } = window.coverage
            && others_were_there(prometheus, &window, chosen).await.map_err(Err)?
        {
            self.whole = window.secs.max(chosen);
            return Ok(self::window(chosen, scrapes, now, self.whole));
        }
        Ok(window)
    }

    /// How often the proxies are read, where that is known.
    pub(super) fn every(&self) -> Option<f64> {
        self.scrapes?.1.every
    }
}

/// The window of a single look, as of the moment that Prometheus is asked for, and how often it read the
/// proxies then.
pub(super) async fn then(prometheus: &Prometheus, chosen: u64) -> Result<(Window, Option<f64>), Problem> {
    let now = prometheus.clock().await?;
    let scrapes = scrapes(prometheus).await?;
    let mut window = window(chosen, scrapes, now, 0);
    if let Coverage::Warming { .. } = window.coverage
        && others_were_there(prometheus, &window, chosen).await?
    {
        window = self::window(chosen, scrapes, now, window.secs.max(chosen));
    }
    Ok((window, scrapes.and_then(|scrapes| scrapes.every)))
}

/// Whether it is only that one proxy that is new.
async fn others_were_there(prometheus: &Prometheus, window: &Window, chosen: u64) -> Result<bool, Problem> {
    Ok(prometheus.first(&query::before(window.secs.max(chosen))).await?.is_some())
}

/// How the busiest counter was read.
async fn scrapes(prometheus: &Prometheus) -> Result<Option<Scrapes>, Problem> {
    let Some(Sample { labels, .. }) = prometheus.first(query::BUSIEST).await? else { return Ok(None) };
    Ok(Scrapes::of(&prometheus.scraped(&query::readings(&labels)).await?))
}

/// The window that a round asks for: two readings at least, and not more than there is.
fn window(chosen: u64, scrapes: Option<Scrapes>, now: f64, whole: u64) -> Window {
    let Some(scrapes) = scrapes else {
        return Window { secs: chosen, coverage: Coverage::Nothing, remark: None };
    };
    // A tenth more: readings are not on the second.
    let least = scrapes.every.map_or(chosen, |every| (every * 2.2).ceil() as u64);
    let wanted = chosen.max(least);
    let remark = scrapes.every.filter(|_| wanted > chosen).map(|every| {
        format!("Prometheus reads the proxies every {every:.0} s, so rates are of the last {wanted} s")
    });
    let there = (now - scrapes.first).max(0.0) as u64;
    if there >= wanted || whole >= wanted {
        return Window { secs: wanted, coverage: Coverage::Whole, remark };
    }
    let coverage = Coverage::Warming { secs: there, of: wanted };
    Window { secs: there.clamp(least.min(wanted), wanted), coverage, remark }
}

/// Whether Prometheus' clock runs as ours does. Where it is set back, samples are refused until it has caught
/// up, and then one reading carries the growth of all that time; where it is set forward, a window reaches
/// into a gap.
struct Clock {
    last: Option<(Instant, f64)>,
    /// The latest time that was seen.
    latest: f64,
    /// Until then, on that clock, rates are wrong.
    wrong_until: f64,
}

impl Default for Clock {
    /// Whatever time it is there: a clock may stand before 1970.
    fn default() -> Self {
        Self { last: None, latest: f64::NEG_INFINITY, wrong_until: f64::NEG_INFINITY }
    }
}

impl Clock {
    /// How many seconds longer rates are wrong, if they are.
    fn saw(&mut self, at: Instant, now: f64, window: u64) -> Option<u64> {
        if let Some((then, was)) = self.last {
            let off = (now - was) - at.duration_since(then).as_secs_f64();
            if off.abs() > EVEN {
                self.wrong_until = self.latest.max(now) + window as f64;
            }
        }
        self.last = Some((at, now));
        self.latest = if now >= self.wrong_until { now } else { self.latest.max(now) };
        (now < self.wrong_until).then(|| (self.wrong_until - now).ceil() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(every: f64, times: usize) -> Option<Scrapes> {
        let points = (0..times).map(|nth| (1_000.0 + every * nth as f64, 1.0)).collect();
        Scrapes::of(&[Series { points, ..Series::default() }, Series::default()])
    }

    #[test]
    fn the_interval_is_that_of_the_samples() {
        assert_eq!(read(15.0, 5), Some(Scrapes { every: Some(15.0), first: 1_000.0 }));
        assert_eq!(read(15.0, 1).unwrap().every, None);
        assert_eq!(Scrapes::of(&[]), None);
    }

    #[test]
    fn a_window_has_two_readings_and_no_more_than_there_is() {
        #[track_caller]
        fn check(chosen: u64, every: f64, now: f64, secs: u64, coverage: Coverage) {
            let window = window(chosen, read(every, 20), now, 0);
            assert_eq!((window.secs, window.coverage), (secs, coverage));
        }
        check(60, 5.0, 2_000.0, 60, Coverage::Whole);
        check(60, 60.0, 2_000.0, 132, Coverage::Whole);
        check(60, 5.0, 1_014.0, 14, Coverage::Warming { secs: 14, of: 60 });
        check(60, 5.0, 1_003.0, 11, Coverage::Warming { secs: 3, of: 60 });
        let slow = window(60, read(60.0, 20), 2_000.0, 0);
        assert!(slow.remark.unwrap().contains("every 60 s, so rates are of the last 132 s"));
        assert_eq!(window(60, None, 2_000.0, 0).coverage, Coverage::Nothing);
        assert_eq!(
            window(60, read(5.0, 20), 1_014.0, 60).coverage,
            Coverage::Whole,
            "others were there before"
        );
    }

    #[test]
    fn a_clock_that_is_set_makes_rates_wrong_for_a_while() {
        let begun = Instant::now();
        let at = |secs: u64| begun + Duration::from_secs(secs);
        let mut clock = Clock::default();
        assert_eq!((clock.saw(at(0), 1_000.0, 60), clock.saw(at(4), 1_003.0, 60)), (None, None));
        // Back by 50 s: it has caught up 50 s later, and that reading is in the window for 60 s more.
        assert_eq!(clock.saw(at(6), 955.0, 60), Some(108));
        assert_eq!(clock.saw(at(60), 1_009.0, 60), Some(54));
        assert_eq!(clock.saw(at(115), 1_064.0, 60), None);
        assert_eq!(clock.saw(at(117), 5_000.0, 60), Some(60));
        assert_eq!(clock.saw(at(178), 5_061.0, 60), None);
        // One that stands before 1970 runs as well as any other.
        assert_eq!(Clock::default().saw(at(0), -5.0, 60), None);
    }
}
