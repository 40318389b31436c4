//! Finding traces: those with a span that meets all conditions, newest first.

use std::collections::HashSet;

use super::{
    span::{Span, TraceId},
    store::Traces,
};

/// What is looked for. One span of the trace must meet all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Search {
    pub(crate) service: String,
    pub(crate) operation: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
    /// The span starts in this range, in microseconds since 1970.
    pub(crate) start_us: u64,
    pub(crate) end_us: u64,
    pub(crate) shortest_us: Option<u64>,
    pub(crate) longest_us: Option<u64>,
    pub(crate) limit: usize,
}

impl Search {
    fn wants(&self, span: &Span) -> bool {
        *span.process.service == *self.service
            && (self.start_us..=self.end_us).contains(&span.start_us)
            && self.operation.as_deref().is_none_or(|name| name == &*span.operation)
            && self.shortest_us.is_none_or(|least| span.duration_us >= least)
            && self.longest_us.is_none_or(|most| span.duration_us <= most)
            && self.tags.iter().all(|(key, value)| span.has(key, value))
    }
}

impl Traces {
    /// The spans of each trace found.
    pub(crate) fn search(&self, search: &Search) -> Vec<Vec<Span>> {
        let inner = self.inner.read();
        let Some(service) = inner.services.get(search.service.as_str()) else { return Vec::new() };
        if search.start_us > search.end_us {
            return Vec::new();
        }
        let range = (search.start_us, TraceId(0))..=(search.end_us, TraceId(u128::MAX));
        let mut looked_at = HashSet::new();
        service
            .starts
            .range(range)
            .rev()
            .filter(|(_, id)| looked_at.insert(*id))
            .filter_map(|(_, id)| inner.traces.get(id))
            .filter(|trace| trace.spans.iter().any(|span| search.wants(span)))
            .take(search.limit)
            .map(super::store::Trace::in_order)
            .collect()
    }
}

#[cfg(test)]
mod tests;
