//! A bounded store of traces: the oldest go when it is full, and it counts them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use parking_lot::RwLock;

use super::{
    SpanCount,
    span::{Kind, Span, TraceId},
};

/// All traces that are kept.
pub(crate) struct Traces {
    capacity: usize,
    pub(super) inner: RwLock<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) traces: HashMap<TraceId, Trace>,
    /// Traces by the order in which their first span came: the next to go is the first.
    arrivals: BTreeMap<u64, TraceId>,
    arrived: u64,
    pub(super) services: BTreeMap<Arc<str>, Service>,
    count: SpanCount,
}

/// The spans of one trace.
pub(super) struct Trace {
    pub(super) spans: Vec<Span>,
    arrival: u64,
}

/// What is known of one service.
#[derive(Default)]
pub(super) struct Service {
    /// Operations and kinds, each with how many spans have it.
    pub(super) operations: BTreeMap<(Arc<str>, Kind), usize>,
    /// When its spans started, each with its trace.
    pub(super) starts: BTreeSet<(u64, TraceId)>,
}

impl Traces {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), inner: RwLock::default() }
    }

    /// Takes spans in; whole traces go, oldest first, to make room.
    pub(crate) fn add(&self, spans: Vec<Span>) {
        let mut inner = self.inner.write();
        let before = inner.count.dropped_spans;
        for span in spans {
            inner.insert(span, self.capacity);
        }
        let after = inner.count;
        drop(inner);
        // At first, and each time that it has become twice as much: a full store drops all the time.
        if after.dropped_spans > before && after.dropped_spans.ilog2() != before.max(1).ilog2() {
            let SpanCount { dropped_spans, dropped_traces, .. } = after;
            tracing::info!(
                dropped_spans,
                dropped_traces,
                kept = after.spans,
                "the trace store is full: its oldest traces go"
            );
        }
    }

    pub(crate) fn count(&self) -> SpanCount {
        let inner = self.inner.read();
        SpanCount { traces: inner.traces.len() as u64, ..inner.count }
    }

    pub(crate) fn services(&self) -> Vec<Arc<str>> {
        self.inner.read().services.keys().cloned().collect()
    }

    /// The operations of a service with their kinds.
    pub(crate) fn operations(&self, service: &str) -> Vec<(Arc<str>, Kind)> {
        self.inner
            .read()
            .services
            .get(service)
            .map(|found| found.operations.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// The spans of each trace that has one in the range (microseconds since 1970), the newest first.
    pub(crate) fn newest(&self, from_us: u64, to_us: u64) -> Vec<Vec<Span>> {
        let inner = self.inner.read();
        let within = |span: &Span| (from_us..=to_us).contains(&span.start_us);
        let found = inner.traces.iter().filter(|(_, trace)| trace.spans.iter().any(within));
        let mut found: Vec<_> = found
            .map(|(id, trace)| (trace.spans.iter().map(|span| span.start_us).min(), *id, trace))
            .collect();
        found.sort_by_key(|(start, id, _)| Reverse((*start, *id)));
        found.into_iter().map(|(_, _, trace)| trace.in_order()).collect()
    }

    /// The spans of one trace, in the order of their start.
    pub(crate) fn trace(&self, id: TraceId) -> Option<Vec<Span>> {
        self.inner.read().traces.get(&id).map(Trace::in_order)
    }
}

impl Trace {
    pub(super) fn in_order(&self) -> Vec<Span> {
        let mut spans = self.spans.clone();
        spans.sort_by_key(|span| (span.start_us, span.id));
        spans
    }
}

impl Inner {
    fn insert(&mut self, span: Span, capacity: usize) {
        let id = span.trace;
        while self.count.spans >= capacity as u64 {
            let Some((&arrival, &oldest)) = self.arrivals.iter().find(|(_, trace)| **trace != id) else {
                // One trace fills the store: it keeps what it has.
                self.count.dropped_spans += 1;
                return;
            };
            self.arrivals.remove(&arrival);
            self.remove(oldest);
        }
        if !self.traces.contains_key(&id) {
            self.arrivals.insert(self.arrived, id);
        }
        let trace =
            self.traces.entry(id).or_insert_with(|| Trace { spans: Vec::new(), arrival: self.arrived });
        if trace.arrival == self.arrived {
            self.arrived += 1;
        }
        let service = self.services.entry(Arc::clone(&span.process.service)).or_default();
        *service.operations.entry((Arc::clone(&span.operation), span.kind)).or_default() += 1;
        service.starts.insert((span.start_us, id));
        trace.spans.push(span);
        self.count.spans += 1;
    }

    fn remove(&mut self, id: TraceId) {
        let Some(trace) = self.traces.remove(&id) else { return };
        for span in &trace.spans {
            let name = &span.process.service;
            let Some(service) = self.services.get_mut(name) else { continue };
            service.starts.remove(&(span.start_us, id));
            let operation = (Arc::clone(&span.operation), span.kind);
            if let Some(left) = service.operations.get_mut(&operation) {
                *left -= 1;
                if *left == 0 {
                    service.operations.remove(&operation);
                }
            }
            if service.operations.is_empty() {
                self.services.remove(name);
            }
        }
        self.count.spans -= trace.spans.len() as u64;
        self.count.dropped_spans += trace.spans.len() as u64;
        self.count.dropped_traces += 1;
    }
}
