//! Why a trace is slow: the calls that everything waited for longer than usual, and what the mesh did to them.

use super::{Mark, Node, Opened, Shape, Summary};
use std::sync::Arc;

/// Calls that a trace waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// "reviews reviews:9080/*".
    pub name: String,
    /// The row of the longest.
    pub row: usize,
    /// How long the trace waited for their own work, in microseconds.
    pub waited_us: f64,
    /// How long that usually is; `None` where such calls are not usual.
    pub usual_us: Option<f64>,
    /// What the mesh did to them.
    pub marks: Vec<Mark>,
}

impl Reason {
    /// By how much longer than usual.
    pub fn longer_us(&self) -> f64 {
        self.waited_us - self.usual_us.unwrap_or_default()
    }
}

/// What a trace is held against: others that begin alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usual {
    /// How many there are.
    pub traces: usize,
    /// Their durations' middle, in microseconds.
    pub duration_us: u64,
    /// Their shape.
    pub shape: Shape,
}

/// So many others tell what is usual at least.
const FEWEST: usize = 3;
/// So many of the newest are looked at.
const MOST: usize = 200;
/// So many reasons are told.
const REASONS: usize = 5;
/// What is less than this share of the trace's time is no reason.
const SHARE: f64 = 0.03;

impl Usual {
    /// Of the traces among these that begin as this one does; `None` where there are too few.
    pub fn of(opened: &Opened, among: &[Arc<Opened>]) -> Option<Self> {
        let alike = |other: &&Arc<Opened>| {
            other.is_whole()
                && other.trace.id != opened.trace.id
                && same_kind(&other.summary, &opened.summary)
        };
        let others: Vec<&Arc<Opened>> = among.iter().filter(alike).take(MOST).collect();
        if others.len() < FEWEST {
            return None;
        }
        let shapes: Vec<Shape> = others.iter().map(|other| Shape::of(other)).collect();
        let mut durations: Vec<u64> = others.iter().map(|other| other.summary.duration_us).collect();
        durations.sort_unstable();
        let duration_us = durations.get(durations.len() / 2).copied().unwrap_or_default();
        Some(Self { traces: others.len(), duration_us, shape: Shape::usual(&shapes) })
    }
}

/// Whether two traces begin alike.
pub fn same_kind(one: &Summary, other: &Summary) -> bool {
    (&one.service, &one.operation) == (&other.service, &other.operation)
}

/// What a trace waited for longer than usual, the most first. Where nothing is known of what is usual: what it
/// waited for most.
pub fn why_slow(shape: &Shape, duration_us: u64, usual: Option<&Usual>) -> Vec<Reason> {
    let places = usual.map(|usual| shape.places_in(&usual.shape));
    let of = |(at, node): (usize, &Node)| {
        let place = places.as_ref().and_then(|places| places.get(at).copied().flatten());
        let usual = place.zip(usual).map(|(place, usual)| usual.shape.nodes[place].sum);
        Reason {
            name: node.name(),
            row: node.row,
            waited_us: node.sum.critical_us,
            usual_us: usual.filter(|sum| sum.count > 0.0).map(|sum| sum.critical_us),
            marks: node.marks.clone(),
        }
    };
    let mut reasons: Vec<Reason> = shape.nodes.iter().enumerate().map(of).collect();
    reasons.retain(|reason| reason.longer_us() > duration_us as f64 * SHARE);
    reasons.sort_by(|one, other| other.longer_us().total_cmp(&one.longer_us()));
    reasons.truncate(REASONS);
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn what_takes_longer_than_usual_is_named() {
        let mut slow = demo::trace();
        slow.id = "slow".into();
        // All of what waits for details takes 30 ms longer.
        let late = slow.spans[3].start_us;
        for span in &mut slow.spans {
            let end = span.start_us + span.duration_us;
            span.start_us += if span.start_us > late { 30_000 } else { 0 };
            span.duration_us += if span.start_us <= late && end > late { 30_000 } else { 0 };
        }
        let slow = Opened::from(slow);
        let usual = |count: usize| {
            let others = (0..count).map(|number| {
                let mut trace = demo::trace();
                trace.id = number.to_string();
                Arc::new(trace.into())
            });
            Usual::of(&slow, &others.collect::<Vec<Arc<Opened>>>())
        };
        assert_eq!(usual(2), None, "two tell nothing");
        let usual = usual(5).unwrap();
        assert_eq!((usual.traces, usual.duration_us), (5, 42_000));
        let reasons = why_slow(&Shape::of(&slow), slow.summary.duration_us, Some(&usual));
        let told: Vec<_> = reasons.iter().map(|reason| (&*reason.name, reason.longer_us())).collect();
        assert_eq!(told[0].0, "details details:9080/*", "{told:?}");
        assert_eq!(told[0].1, 30_000.0);
        let alone = why_slow(&Shape::of(&slow), slow.summary.duration_us, None);
        assert_eq!((&*alone[0].name, alone[0].usual_us), ("details details:9080/*", None));
    }
}
