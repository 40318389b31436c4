//! Found traces in groups: by what they begin with, by the way that they took, by what went wrong.

use super::{Opened, Stats, Summary};
use std::collections::BTreeMap;
use std::sync::Arc;

/// By what traces are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Service and operation that they begin with.
    #[default]
    Root,
    /// Who called whom.
    Path,
    /// What went wrong.
    Error,
}

/// Traces that are alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// "productpage · productpage:9080/*", "productpage → details, reviews → ratings", "ratings 503".
    pub name: String,
    /// Indices among what was found.
    pub traces: Vec<usize>,
    /// How long they took.
    pub stats: Stats,
    /// How many of them have errors.
    pub failed: usize,
}

/// Puts traces together, the largest group first.
pub fn groups(traces: &[Arc<Opened>], by: By) -> Vec<Group> {
    let mut all: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, opened) in traces.iter().enumerate() {
        let name = match by {
            By::Root => {
                format!("{} · {}", short(&opened.summary.service), opened.summary.operation)
            }
            By::Path => path(opened),
            By::Error => opened.summary.trouble.clone().unwrap_or_else(|| "nothing went wrong".to_owned()),
        };
        all.entry(name).or_default().push(at);
    }
    let group = |(name, indices): (String, Vec<usize>)| Group {
        name,
        stats: Stats::of(indices.iter().map(|at| traces[*at].summary.duration_us)),
        failed: indices.iter().filter(|at| traces[**at].summary.errors > 0).count(),
        traces: indices,
    };
    let mut groups: Vec<Group> = all.into_iter().map(group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.traces.len()));
    groups
}

fn short(service: &str) -> &str {
    service.split('.').next().unwrap_or(service)
}

/// Who called whom, each service once below the same callers: "web → cart → pay, list".
fn path(opened: &Opened) -> String {
    /// What each service called, in the order of names.
    #[derive(Default)]
    struct Calls(BTreeMap<usize, Calls>);
    let services = &opened.tree.services;
    let mut root = Calls::default();
    let mut above: Vec<Vec<usize>> = Vec::with_capacity(opened.tree.rows.len());
    for row in &opened.tree.rows {
        let mut way = row.parent.and_then(|parent| above.get(parent).cloned()).unwrap_or_default();
        // A way that goes on for ever says no more than its beginning.
        if way.last() != Some(&row.service) && way.len() < DEEPEST {
            way.push(row.service);
            let mut at = &mut root;
            for service in &way {
                at = at.0.entry(*service).or_default();
            }
        }
        above.push(way);
    }
    fn write(calls: &Calls, names: &dyn Fn(usize) -> String, text: &mut String) {
        let mut told: Vec<(String, &Calls)> =
            calls.0.iter().map(|(service, below)| (names(*service), below)).collect();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        let several = told.len() > 1;
        for (number, (name, below)) in told.into_iter().enumerate() {
            text.push_str(if number > 0 { ", " } else { "" });
            text.push_str(&name);
            if !below.0.is_empty() {
                text.push_str(if several { " (→ " } else { " → " });
                write(below, names, text);
                text.push_str(if several { ")" } else { "" });
            }
        }
    }
    let mut text = String::new();
    write(
        &root,
        &|service| services.get(service).map_or(String::new(), |one| short(&one.name).to_owned()),
        &mut text,
    );
    text
}

/// So long ways are told.
const DEEPEST: usize = 12;

/// How long traces usually take, by what they begin with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Middles(BTreeMap<(String, String), Stats>);

/// So many traces of a kind tell what is usual.
const FEWEST: usize = 5;

impl Middles {
    /// Of these traces.
    pub fn of(traces: &[Arc<Opened>]) -> Self {
        let mut kinds: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
        for Summary { service, operation, duration_us, .. } in traces.iter().map(|opened| &opened.summary) {
            kinds.entry((service.clone(), operation.clone())).or_default().push(*duration_us);
        }
        Self(kinds.into_iter().map(|(kind, durations)| (kind, Stats::of(durations))).collect())
    }

    /// How long such a trace usually takes; `None` where its kind is too rare to tell.
    pub fn usual_us(&self, summary: &Summary) -> Option<u64> {
        let stats = self.0.get(&(summary.service.clone(), summary.operation.clone()))?;
        (stats.count >= FEWEST).then_some(stats.p50)
    }

    /// Whether a trace takes more than twice as long as is usual for what it begins with.
    pub fn exceeds(&self, summary: &Summary) -> bool {
        self.usual_us(summary).is_some_and(|usual| summary.duration_us > usual.saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    #[test]
    fn groups_of_the_sample() {
        let found = demo::found();
        for by in [By::Root, By::Path, By::Error] {
            let groups = groups(&found.traces, by);
            let count: usize = groups.iter().map(|group| group.traces.len()).sum();
            assert_eq!(count, found.traces.len(), "{by:?}");
        }
        let one: Arc<Opened> = Arc::new(demo::trace().into());
        assert_eq!(
            groups(std::slice::from_ref(&one), By::Path)[0].name,
            "istio-ingressgateway → productpage → details, reviews (→ ratings)"
        );
        assert_eq!(groups(&[one], By::Error)[0].name, "ratings 503, abort injected");
    }

    #[test]
    fn what_takes_twice_the_usual_is_slower() {
        let with = |id: usize, factor: u64| {
            let mut trace = demo::trace();
            trace.id = id.to_string();
            trace.spans[0].duration_us *= factor;
            Arc::new(Opened::from(trace))
        };
        let traces: Vec<Arc<Opened>> = (0..6).map(|id| with(id, if id == 4 { 3 } else { 1 })).collect();
        let slower = |among: &[Arc<Opened>]| {
            let middles = Middles::of(among);
            traces.iter().map(|one| middles.exceeds(&one.summary)).collect::<Vec<_>>()
        };
        assert_eq!(slower(&traces), [false, false, false, false, true, false]);
        assert_eq!(slower(&traces[3..]), [false; 6], "too few to tell");
        assert_eq!(Middles::of(&traces).usual_us(&traces[4].summary), Some(traces[0].summary.duration_us));
    }
}
