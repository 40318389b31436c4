//! Figures of a trace's services and operations: how many calls, how long, how many failed.

use super::texts::Text;
use super::{Opened, Stats};
use std::collections::HashMap;

/// Of one service, or one of its operations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// "reviews.bookinfo".
    pub service: String,
    /// "reviews:9080/*"; `None` for all of the service.
    pub operation: Option<String>,
    /// How long its spans took.
    pub stats: Stats,
    /// How many failed.
    pub errors: usize,
    /// Time in which its spans ran and none of their children did.
    pub self_us: u64,
    /// Time in which the whole trace waited for it.
    pub critical_us: u64,
    /// The row of the longest.
    pub row: usize,
}

#[derive(Default)]
struct Counted {
    durations: Vec<u64>,
    errors: usize,
    self_us: u64,
    critical_us: u64,
    longest: (u64, usize),
}

/// Of each service, or of each operation where these are asked for; those first that the trace waited for.
pub fn figures(opened: &Opened, operations: bool) -> Vec<Figures> {
    let spans = &opened.trace.spans;
    let mut order: Vec<(Text, Option<Text>)> = Vec::new();
    let mut counted: HashMap<(Text, Option<Text>), Counted> = HashMap::new();
    for (at, row) in opened.tree.rows.iter().enumerate() {
        let packed = &spans.packed[row.span];
        let key = (spans.service(packed), operations.then_some(packed.operation));
        let of = counted.entry(key).or_insert_with(|| {
            order.push(key);
            Counted { longest: (0, at), ..Counted::default() }
        });
        of.durations.push(packed.duration_us);
        of.errors += usize::from(packed.error);
        of.self_us = of.self_us.saturating_add(row.self_us);
        let critical = opened.critical(at).iter().map(|piece| piece.to_us.saturating_sub(piece.from_us));
        of.critical_us = of.critical_us.saturating_add(critical.sum());
        of.longest = of.longest.max((packed.duration_us, at));
    }
    let figures = order.into_iter().filter_map(|key| {
        let of = counted.remove(&key)?;
        Some(Figures {
            service: spans.texts.get(key.0).to_owned(),
            operation: key.1.map(|text| super::span::short_operation(spans.texts.get(text))),
            stats: Stats::of(of.durations),
            errors: of.errors,
            self_us: of.self_us,
            critical_us: of.critical_us,
            row: of.longest.1,
        })
    });
    let mut figures: Vec<Figures> = figures.collect();
    figures.sort_by_key(|of| std::cmp::Reverse((of.critical_us, of.self_us)));
    figures
}

/// An event of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Microseconds since the epoch.
    pub at_us: u64,
    /// The row of its span.
    pub row: usize,
    /// Which of the span's events it is.
    pub number: usize,
}

/// All events of all spans, in the order of time.
pub fn events(opened: &Opened) -> Vec<Event> {
    let mut all = Vec::new();
    for row in 0..opened.tree.rows.len() {
        let Some(span) = opened.span(row) else { continue };
        all.extend(span.logs().enumerate().map(|(number, (at_us, _))| Event { at_us, row, number }));
    }
    all.sort_by_key(|event| (event.at_us, event.row, event.number));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn of_services_and_operations() {
        let opened = Opened::from(demo::trace());
        let services = figures(&opened, false);
        let told: Vec<_> = services.iter().map(|of| (&*of.service, of.stats.count, of.errors)).collect();
        assert_eq!(told[0], ("reviews.bookinfo", 2, 1), "{told:?}");
        let waited: u64 = services.iter().map(|of| of.critical_us).sum();
        assert_eq!(waited, opened.summary.duration_us, "the path has no gaps");
        assert!(figures(&opened, true).len() > services.len());
    }

    #[test]
    fn events_are_one_log() {
        let mut trace = demo::trace();
        let event = |at: u64| (at, [("event", "x")].into());
        trace.spans[0].logs = vec![event(30), event(10)];
        trace.spans[1].logs = vec![event(20)];
        let told: Vec<_> =
            events(&trace.into()).iter().map(|event| (event.at_us, event.row, event.number)).collect();
        assert_eq!(told, [(10, 0, 1), (20, 1, 0), (30, 0, 0)]);
    }
}
