//! Whether counted calls show what is wanted, and how many it takes to say so.
//!
//! A share agrees when it lies within [`CONFIDENCE`] standard deviations of what is wanted (99.7 %), and half a call more,
//! because calls are whole; one call that was still under way may stray. To agree is not enough: so many calls are needed
//! that the share from before would *not* agree.

use super::measure::{Counting, Measure, Wanted};
use serde::{Deserialize, Serialize};

/// Standard deviations within which a share agrees: 99.7 % of fair samples do.
pub const CONFIDENCE: f64 = 3.0;
/// Fewer calls than this say nothing.
pub const ENOUGH: u64 = 30;
/// Calls that may stray: one under way, and half a one because calls are whole.
const STRAY: f64 = 1.5;

/// Calls that were counted: all, and those of each part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub calls: u64,
    /// Those of each part, in the parts' order.
    pub parts: Vec<u64>,
}

/// One part as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// "v3".
    pub name: String,
    /// What was wanted.
    pub wanted: Wanted,
    /// Calls that were counted.
    pub count: u64,
}

/// What calls showed that were made since a change became live.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// All of them.
    pub calls: u64,
    /// Those that were told apart.
    pub parts: Vec<Figure>,
    /// The same of further changes that were put together with this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Measured>,
}

/// What counted calls show.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// What is wanted.
    Agrees,
    /// What is wanted, as far as so few can tell: this many are needed.
    Few(u64),
    /// Something else.
    Disagrees,
}

impl Counting {
    /// What these calls show. `was`: what was wanted before, if it is known.
    pub fn judge(&self, tally: &Tally, was: Option<&Measure>) -> Judgement {
        let all = tally.calls as f64;
        let fits = |(part, count): (&super::Portion, &u64)| {
            let (count, strays) = (*count as f64, |share: f64| CONFIDENCE * deviation(share, all) + STRAY);
            match part.wanted {
                Wanted::Share(share) => (count - all * share).abs() <= strays(share),
                Wanted::None => count <= STRAY,
                Wanted::AtMost(share) => count <= all * share + strays(share),
                Wanted::AtLeast(share) => count >= all * share - strays(share),
                Wanted::Any => true,
            }
        };
        let needed = self.needed(was);
        if tally.calls >= ENOUGH && !self.parts.iter().zip(&tally.parts).all(fits) {
            return Judgement::Disagrees;
        }
        if tally.calls < needed { Judgement::Few(needed) } else { Judgement::Agrees }
    }

    /// How many calls it takes to tell what is wanted from what was: so many that the two error bars of some part no longer
    /// touch.
    pub fn needed(&self, was: Option<&Measure>) -> u64 {
        let Some(Measure::Counted(was)) = was else { return ENOUGH };
        let moved = self.parts.iter().filter_map(|part| {
            let before = was.parts.iter().find(|before| before.mark == part.mark)?;
            let (share, before) = (fraction(part.wanted)?, fraction(before.wanted)?);
            let apart = (share - before).abs();
            // apart · n = CONFIDENCE · spread · √n + 2 · STRAY
            let spread = CONFIDENCE * (deviation(share, 1.0) + deviation(before, 1.0));
            let root = (spread + (spread * spread + 8.0 * STRAY * apart).sqrt()) / (2.0 * apart);
            (apart > 0.0).then_some((root * root).ceil())
        });
        moved.min_by(f64::total_cmp).map_or(ENOUGH, |needed| (needed as u64).max(ENOUGH))
    }

    /// What was measured.
    pub fn measured(&self, tally: &Tally) -> Measured {
        let figure = |(part, count): (&super::Portion, &u64)| Figure {
            name: part.name.clone(),
            wanted: part.wanted,
            count: *count,
        };
        let parts = self.parts.iter().zip(&tally.parts).map(figure).collect();
        Measured { calls: tally.calls, parts, more: Vec::new() }
    }
}

fn fraction(wanted: Wanted) -> Option<f64> {
    match wanted {
        Wanted::Share(share) => Some(share),
        Wanted::None => Some(0.0),
        Wanted::AtMost(_) | Wanted::AtLeast(_) | Wanted::Any => None,
    }
}

/// Standard deviation of the count of a part among so many calls.
fn deviation(share: f64, calls: f64) -> f64 {
    (calls * share * (1.0 - share)).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::measure::{CountedCalls, Mark, Portion};
    use super::*;

    fn counting(parts: &[(&str, Wanted)]) -> Counting {
        let part = |(name, wanted): &(&str, Wanted)| Portion::new(*name, Mark::Flag((*name).into()), *wanted);
        Counting::new(CountedCalls::To("web".into()), parts.iter().map(part).collect())
    }

    #[track_caller]
    fn check(counting: &Counting, was: Option<&Counting>, calls: u64, parts: &[u64], expect: Judgement) {
        let was = was.map(|was| Measure::Counted(was.clone()));
        assert_eq!(counting.judge(&Tally { calls, parts: parts.to_vec() }, was.as_ref()), expect);
    }

    #[test]
    fn shares_agree_within_their_error_bar() {
        use Judgement::{Agrees, Disagrees, Few};
        let wanted = counting(&[("v1", Wanted::Share(0.2)), ("v3", Wanted::Share(0.8))]);
        check(&wanted, None, 100, &[19, 81], Agrees);
        check(&wanted, None, 100, &[30, 70], Agrees); // 2.5 deviations
        check(&wanted, None, 1000, &[300, 700], Disagrees); // the same share of more calls is too far off
        check(&wanted, None, 20, &[4, 16], Few(30));
        check(&wanted, None, 0, &[0, 0], Few(30));
    }

    #[test]
    fn nothing_means_nothing_but_one_that_was_under_way() {
        use Judgement::{Agrees, Disagrees};
        for wanted in [Wanted::Share(0.0), Wanted::None] {
            let wanted = counting(&[("v1", wanted)]);
            check(&wanted, None, 50, &[0], Agrees);
            check(&wanted, None, 51, &[1], Agrees);
            check(&wanted, None, 55, &[5], Disagrees);
        }
    }

    #[test]
    fn bounds_and_what_is_only_told() {
        use Judgement::{Agrees, Disagrees};
        check(&counting(&[("UO", Wanted::AtMost(0.1))]), None, 100, &[2], Agrees);
        check(&counting(&[("UO", Wanted::AtMost(0.1))]), None, 100, &[40], Disagrees);
        check(&counting(&[("UO", Wanted::AtLeast(0.1))]), None, 100, &[2], Agrees); // 2.7 deviations
        check(&counting(&[("UO", Wanted::AtLeast(0.1))]), None, 1000, &[20], Disagrees);
        check(&counting(&[("UO", Wanted::Any)]), None, 30, &[17], Agrees);
    }

    /// That no call of 30 was aborted says little where one in a hundred was.
    #[test]
    fn it_takes_so_many_calls_that_what_was_before_would_not_agree() {
        let of = |share| counting(&[("FI", if share > 0.0 { Wanted::Share(share) } else { Wanted::None })]);
        let needed = |now, was| of(now).needed(Some(&Measure::Counted(of(was))));
        assert_eq!([needed(0.0, 0.5), needed(0.2, 0.8), needed(0.5, 0.2)], [30, 30, 100]);
        assert_eq!([needed(0.0, 0.01), needed(0.51, 0.5)], [1_428, 90_582]);
        assert_eq!([needed(1.0, 0.0), needed(0.5, 0.5)], [30, 30]);
        check(&of(0.0), Some(&of(0.01)), 300, &[0], Judgement::Few(1_428));
        check(&of(0.0), Some(&of(0.01)), 1_500, &[1], Judgement::Agrees);
        check(&of(0.0), Some(&of(0.01)), 300, &[9], Judgement::Disagrees);
    }

    #[test]
    fn what_is_needed_tells_the_two_apart() {
        for (now, was) in [(0.2, 0.8), (0.0, 0.3), (0.5, 0.45), (1.0, 0.9), (0.01, 0.0)] {
            let of = |share| counting(&[("v1", Wanted::Share(share))]);
            let needed = of(now).needed(Some(&Measure::Counted(of(was))));
            let as_before = Tally { calls: needed, parts: vec![(needed as f64 * was).round() as u64] };
            assert_eq!(of(now).judge(&as_before, None), Judgement::Disagrees, "{now} {was}: {needed}");
        }
    }
}
