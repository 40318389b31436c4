//! Which service calls which, from parents and children of spans.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    span::{Span, TraceId},
    store::Traces,
};

/// Calls from one service to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) parent: String,
    pub(crate) child: String,
    pub(crate) calls: u64,
}

impl Traces {
    /// Counts the calls in traces with a span that started in the range (microseconds since 1970).
    pub(crate) fn dependencies(&self, start_us: u64, end_us: u64) -> Vec<Dependency> {
        let inner = self.inner.read();
        let from = (start_us, TraceId(0));
        let to = (end_us.max(start_us), TraceId(u128::MAX));
        let ids: BTreeSet<TraceId> = inner
            .services
            .values()
            .flat_map(|service| service.starts.range(from..=to))
            .map(|(_, id)| *id)
            .collect();
        let mut calls: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for trace in ids.iter().filter_map(|id| inner.traces.get(id)) {
            count(&trace.spans, &mut calls);
        }
        calls
            .into_iter()
            .map(|((parent, child), calls)| Dependency {
                parent: parent.to_owned(),
                child: child.to_owned(),
                calls,
            })
            .collect()
    }
}

fn count<'a>(spans: &'a [Span], calls: &mut BTreeMap<(&'a str, &'a str), u64>) {
    let by_id: HashMap<u64, &Span> = spans.iter().map(|span| (span.id, span)).collect();
    for span in spans {
        let Some(parent) = by_id.get(&span.parent) else { continue };
        if parent.process.service != span.process.service {
            *calls.entry((&parent.process.service, &span.process.service)).or_default() += 1;
        }
    }
}
