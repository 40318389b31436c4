//! Whether counted calls show what is wanted, and how many more it takes to say so.
//!
//! A share is *ruled out* by `s` of `n` calls when `(n + 1) · P(s of n calls | share)` falls below 1 %. That
//! is exact, and holds however often one looks: whatever the true share is, the chance that it is ever ruled
//! out is below 1 % (the product is the likelihood of that share against the mean of all shares; Ville's
//! inequality bounds it for all times at once). A test for a fixed number of calls, repeated every second,
//! would be wrong sooner or later.
//!
//! A part is measured when the wanted share is not ruled out, and its rivals are: what was there before, and
//! on either side a share that is off by [`APART`], or by a half of what the smaller side should get. So 10 %
//! is measured when it is certain to be between 5 and 20 %. Nothing at all is measured when less than
//! [`NOTHING`] is certain.

use super::measure::{Counting, Measure, Portion, Wanted};
use istio::Problem;
use serde::{Deserialize, Serialize};

/// How likely a true share may be ruled out, however often one looks.
pub const DOUBT: f64 = 0.01;
/// Parts that are only told are told of so many calls.
pub const ENOUGH: u64 = 30;
/// So far off is off, for any share.
const APART: f64 = 0.1;
/// What is wanted not to be there is less than this.
const NOTHING: f64 = 0.05;
/// Of what should be none or all, so many may stray: calls that were under way.
const STRAY: u64 = 1;

/// Calls that were counted: all, and those of each part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub calls: u64,
    /// Those of each part, in the parts' order.
    pub parts: Vec<u64>,
    /// Those that met no pod: they were sent to some part of which none was ready.
    pub lost: u64,
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
    /// Those that met no pod.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// The same of further changes that were put together with this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<Measured>,
    /// Those of them of which it cannot be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmeasured: Vec<Unmeasured>,
}

/// One of several changes of which calls do not tell whether it works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unmeasured {
    /// Which of the changes that were put together.
    pub part: usize,
    /// Why.
    pub why: Problem,
}

/// What counted calls show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// What is wanted.
    Agrees,
    /// What is wanted, as far as so few can tell: about so many more are needed.
    More(u64),
    /// Something else.
    Disagrees,
}

/// What was counted so far, and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// What was counted.
    pub measured: Measured,
    /// What it shows.
    pub judgement: Judgement,
}

impl Counting {
    /// What these calls show. `was`: what was wanted before, if it is known.
    pub fn judge(&self, tally: &Tally, was: Option<&Measure>) -> Judgement {
        let mut judgement = Judgement::Agrees;
        for (part, count) in self.parts.iter().zip(&tally.parts) {
            let one = match share(part.wanted) {
                Some(share) => judge(share, before(part, was), *count, tally.calls),
                None if tally.calls < ENOUGH => Judgement::More(ENOUGH - tally.calls),
                None => Judgement::Agrees,
            };
            judgement = match (judgement, one) {
                (Judgement::Disagrees, _) | (_, Judgement::Disagrees) => Judgement::Disagrees,
                (Judgement::More(a), Judgement::More(b)) => Judgement::More(a.max(b)),
                (more @ Judgement::More(_), Judgement::Agrees) => more,
                (Judgement::Agrees, one) => one,
            };
        }
        judgement
    }

    /// The tally before any call.
    pub fn none(&self) -> Tally {
        Tally { parts: vec![0; self.parts.len()], ..Tally::default() }
    }

    /// What was measured.
    pub fn measured(&self, tally: &Tally) -> Measured {
        let figure = |(part, count): (&Portion, &u64)| Figure {
            name: part.name.clone(),
            wanted: part.wanted,
            count: *count,
        };
        let parts = self.parts.iter().zip(&tally.parts).map(figure).collect();
        Measured { calls: tally.calls, parts, lost: tally.lost, ..Measured::default() }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn share(wanted: Wanted) -> Option<f64> {
    match wanted {
        Wanted::Share(share) => Some(share),
        Wanted::None => Some(0.0),
        Wanted::Any => None,
    }
}

/// The share that the same part had before.
fn before(part: &Portion, was: Option<&Measure>) -> Option<f64> {
    let Some(Measure::Counted(was)) = was else { return None };
    share(was.parts.iter().find(|before| before.mark == part.mark)?.wanted)
}

fn judge(share: f64, before: Option<f64>, count: u64, calls: u64) -> Judgement {
    let count = match share {
        share if share <= 0.0 => count - count.min(STRAY),
        share if share >= 1.0 => (count + STRAY).min(calls),
        _ => count,
    };
    if ruled_out(share, count, calls) {
        return Judgement::Disagrees;
    }
    let rivals = rivals(share, before);
    // How it stands after so many more calls, if they go on as is wanted.
    let told = |more: u64| {
        let (count, calls) = (count + (more as f64 * share).round() as u64, calls + more);
        rivals.iter().all(|rival| ruled_out(*rival, count, calls))
    };
    if told(0) {
        return Judgement::Agrees;
    }
    let mut enough: u64 = 1;
    while !told(enough) && enough < 1 << 40 {
        enough *= 2;
    }
    let mut few = enough / 2;
    while enough - few > 1 {
        let middle = few + (enough - few) / 2;
        if told(middle) {
            enough = middle;
        } else {
            few = middle;
        }
    }
    Judgement::More(enough)
}

/// Shares that must be ruled out, the next one on either side: whatever is farther off then is, too.
fn rivals(share: f64, before: Option<f64>) -> Vec<f64> {
    let (mut below, mut above) = match share {
        share if share <= 0.0 => (None, Some(NOTHING)),
        share if share >= 1.0 => (Some(1.0 - NOTHING), None),
        share => {
            let off = APART.min(share / 2.0).min(1.0 - share);
            let up = APART.min(share).min((1.0 - share) / 2.0);
            (Some(share - off), Some(share + up))
        }
    };
    match before {
        Some(before) if before < share => below = Some(below.map_or(before, |below| below.max(before))),
        Some(before) if before > share => above = Some(above.map_or(before, |above| above.min(before))),
        _ => {}
    }
    below.into_iter().chain(above).collect()
}

/// Whether so many of these calls rule a share out.
fn ruled_out(share: f64, count: u64, calls: u64) -> bool {
    let (s, n) = (count as f64, calls as f64);
    let times = |count: f64, of: f64| if count > 0.0 { count * of.ln() } else { 0.0 };
    let ways = ln_factorial(n) - ln_factorial(s) - ln_factorial(n - s);
    let likely = ways + times(s, share) + times(n - s, 1.0 - share);
    (n + 1.0).ln() + likely < DOUBT.ln()
}

/// Stirling's series; what it is off by is far below what matters here.
fn ln_factorial(n: f64) -> f64 {
    if n < 10.0 {
        return (2..=n as u32).map(|factor| f64::from(factor).ln()).sum();
    }
    n * n.ln() - n + (std::f64::consts::TAU * n).ln() / 2.0 + 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
