//! Traces while they are read: spans find their trace by its id, and what is odd is counted where it belongs.

use super::ids::{key, lower_half, trace_id};
use super::jaeger::Processes;
use crate::element::Value;
use mesh::trace::{Found, Kept, Odd, Opened, Span, SpanRef};
use std::collections::HashMap;
use std::sync::Arc;

/// What could not be read, or not as it was meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Spans that could not be read.
    pub(super) unread: usize,
    /// Fields that could not be read.
    pub(super) fields: usize,
    /// Spans that last less than nothing.
    pub(super) negative: usize,
    /// Spans that do not say how long they last.
    pub(super) endless: usize,
    /// Spans under the lower half of their trace's id.
    short: usize,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.unread += other.unread;
        self.fields += other.fields;
        self.negative += other.negative;
        self.endless += other.endless;
        self.short += other.short;
    }

    /// A whole number, in quotes or not: microseconds, nanoseconds. 0 where it is not told.
    pub(super) fn whole(&mut self, value: &Value<'_>) -> u64 {
        let told = match value {
            Value::Null => return 0,
            Value::Str(text) if text.is_empty() => return 0,
            Value::Str(text) => text.parse().ok(),
            // As near as a number with a fraction comes.
            number => number.as_u64().or_else(|| number.as_f64().map(|told| told.max(0.0) as u64)),
        };
        self.fields += usize::from(told.is_none());
        told.unwrap_or_default()
    }

    /// How long a span lasts, where that is told as such.
    pub(super) fn duration(&mut self, value: &Value<'_>) -> u64 {
        if value.is_null() {
            self.endless += 1;
        } else if value.as_f64().is_some_and(|told| told < 0.0) {
            self.negative += 1;
            return 0;
        }
        self.whole(value)
    }

    fn odd(self) -> impl Iterator<Item = Odd> {
        let counted = [
            (self.unread, Odd::Unread as fn(usize) -> Odd),
            (self.fields, Odd::UnreadFields),
            (self.negative, Odd::Negative),
            (self.endless, Odd::Endless),
            (self.short, Odd::Short),
        ];
        counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, odd)| odd(count))
    }
}

/// A trace while it is read.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) trace: Kept,
    pub(super) counts: Counts,
    pub(super) processes: Processes,
    /// What is said of it.
    pub(super) told: Vec<String>,
}

impl Reading {
    fn append(&mut self, mut other: Self) {
        self.trace.spans.extend(other.trace.spans.iter().map(SpanRef::told));
        self.told.append(&mut other.told);
        self.counts.add(other.counts);
    }

    fn opened(self) -> Opened {
        let odd = self.counts.odd().chain(self.told.into_iter().map(Odd::Told)).collect();
        Opened::of(self.trace, odd)
    }
}

/// All traces of an answer or a file.
#[derive(Default)]
pub(super) struct Gathered {
    readings: Vec<Reading>,
    by_id: HashMap<String, usize>,
    /// Traces that could not be read.
    pub(super) unread_traces: usize,
    /// What belongs to no trace.
    pub(super) counts: Counts,
    /// What is said of the whole.
    pub(super) told: Vec<String>,
}

impl Gathered {
    /// One span of a trace.
    pub(super) fn span(&mut self, trace: &str, span: Span, counts: Counts) {
        let reading = match self.by_id.get(trace) {
            // Most spans have the id of the one before, written in the same way.
            Some(known) => &mut self.readings[*known],
            None => self.reading(trace),
        };
        reading.trace.spans.push(&span);
        reading.counts.add(counts);
    }

    fn reading(&mut self, id: &str) -> &mut Reading {
        let next = self.readings.len();
        let at = *self.by_id.entry(key(id)).or_insert(next);
        self.by_id.insert(id.to_owned(), at);
        if at == next {
            let trace = Kept { id: trace_id(id), ..Kept::default() };
            self.readings.push(Reading { trace, ..Reading::default() });
        }
        &mut self.readings[at]
    }

    /// A trace, or a piece of one that is known already. Those without an id are each their own.
    pub(super) fn piece(&mut self, reading: Reading) {
        let id = key(&reading.trace.id);
        match self.by_id.get(&id).filter(|_| !id.is_empty()) {
            Some(known) => self.readings[*known].append(reading),
            None => {
                self.by_id.insert(id, self.readings.len());
                self.readings.push(reading);
            }
        }
    }

    /// Whether there is anything in it.
    pub(super) fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// Joins what goes under an id of 128 bits with what goes under its lower half, where that is one trace
    /// only: some pass on 64 bits.
    fn join_halves(&mut self) {
        let mut halves: HashMap<String, Option<usize>> = HashMap::new();
        for (at, reading) in self.readings.iter().enumerate() {
            if let Some(half) = lower_half(&key(&reading.trace.id)) {
                halves.entry(half.to_owned()).and_modify(|whole| *whole = None).or_insert(Some(at));
            }
        }
        let whole = |reading: &Reading| halves.get(&key(&reading.trace.id)).copied().flatten();
        let joins: Vec<(usize, usize)> = self
            .readings
            .iter()
            .enumerate()
            .filter_map(|(at, reading)| Some((at, whole(reading)?)))
            .collect();
        for (short, whole) in &joins {
            let mut short = std::mem::take(&mut self.readings[*short]);
            short.counts.short += short.trace.spans.len();
            self.readings[*whole].append(short);
        }
        for (short, _) in joins.into_iter().rev() {
            self.readings.remove(short);
        }
    }

    pub(super) fn found(mut self) -> Found {
        self.join_halves();
        let mut odd = Vec::new();
        if self.unread_traces > 0 {
            odd.push(Odd::UnreadTraces(self.unread_traces));
        }
        odd.extend(self.counts.odd());
        odd.extend(self.told.into_iter().map(Odd::Told));
        let traces = self.readings.into_iter().map(|reading| Arc::new(reading.opened())).collect();
        Found { traces, odd }
    }
}
