//! Who called whom in traces, how often, how long, and with how many failures: the ways of many requests as one
//! graph.

use super::summary::called_host;
use super::{Opened, Row, SpanRef, Stats};
use crate::graph::Health;
use crate::health;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Calls from one service to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hop {
    /// How long they took, as the caller saw it where it tells.
    pub stats: Stats,
    /// How many of them failed.
    pub errors: usize,
    /// In how many traces there are any.
    pub traces: usize,
}

/// What one service did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stop {
    /// Its spans.
    pub spans: usize,
    /// Those that failed.
    pub errors: usize,
    /// Time in which its spans ran and none of their children did.
    pub self_us: u64,
    /// A host outside of the cluster, which only those tell of that call it.
    pub outside: bool,
}

/// The ways of requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paths {
    /// How many traces they are of.
    pub traces: usize,
    /// Services, by the names that spans give them ("reviews.bookinfo"), or hosts that are called and say nothing.
    pub stops: BTreeMap<Arc<str>, Stop>,
    /// Calls between them.
    pub hops: BTreeMap<(Arc<str>, Arc<str>), Hop>,
}

impl Hop {
    /// Health of the calls.
    pub fn health(&self) -> Health {
        health::of_calls(self.stats.count, self.errors)
    }
}

impl Stop {
    /// Health of what it did.
    pub fn health(&self) -> Health {
        health::of_calls(self.spans, self.errors)
    }
}

impl Paths {
    /// Of these traces; where one service is meant, only the ways that lead through it, from their beginning to
    /// their end.
    pub fn of(traces: &[Arc<Opened>], through: Option<&str>) -> Self {
        let mut paths = Self::default();
        let mut times: BTreeMap<(Arc<str>, Arc<str>), Vec<u64>> = BTreeMap::new();
        let mut names = Names::default();
        for opened in traces {
            let mut hops: BTreeSet<(Arc<str>, Arc<str>)> = BTreeSet::new();
            let on = through.map(|service| leading(opened, service));
            let on = |at: usize| on.as_ref().is_none_or(|on| on.get(at).copied().unwrap_or_default());
            paths.traces += usize::from((0..opened.tree.rows.len()).any(on));
            for (at, row) in opened.tree.rows.iter().enumerate().filter(|(at, _)| on(*at)) {
                let Some(span) = opened.span(at) else { continue };
                let here = names.of(span.service());
                let stop = paths.stops.entry(Arc::clone(&here)).or_default();
                stop.spans += 1;
                stop.errors += usize::from(span.error());
                stop.self_us = stop.self_us.saturating_add(row.self_us);
                let Some(call) = Call::of(opened, at, row, span) else { continue };
                let (from, to) = match call.silent {
                    Some((host, outside)) => {
                        let to = names.of(host);
                        let stop = Stop { outside, ..Stop::default() };
                        paths.stops.entry(Arc::clone(&to)).or_insert(stop);
                        (here, to)
                    }
                    None => (names.of(call.from), here),
                };
                let hop = paths.hops.entry((Arc::clone(&from), Arc::clone(&to))).or_default();
                hop.errors += usize::from(call.error);
                hop.traces += usize::from(hops.insert((Arc::clone(&from), Arc::clone(&to))));
                times.entry((from, to)).or_default().push(call.took_us);
            }
        }
        for (ends, times) in times {
            if let Some(hop) = paths.hops.get_mut(&ends) {
                hop.stats = Stats::of(times);
            }
        }
        paths
    }

    /// How many calls there are.
    pub fn calls(&self) -> usize {
        self.hops.values().map(|hop| hop.stats.count).sum()
    }
}

/// Names, each once.
#[derive(Default)]
struct Names(BTreeSet<Arc<str>>);

impl Names {
    fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

/// A call that a row tells of.
struct Call<'a> {
    from: &'a str,
    /// Whom it called, where that one has no span of its own; and whether that is outside of the cluster.
    silent: Option<(&'a str, bool)>,
    took_us: u64,
    error: bool,
}

impl<'a> Call<'a> {
    fn of(opened: &'a Opened, at: usize, row: &Row, span: SpanRef<'a>) -> Option<Self> {
        if let Some(above) = row.parent.and_then(|above| opened.span(above))
            && above.service() != span.service()
        {
            let asked = Some(above).filter(|above| above.kind() == "client");
            return Some(Self {
                from: above.service(),
                silent: None,
                took_us: asked.unwrap_or(span).duration_us(),
                error: span.error() || asked.is_some_and(SpanRef::error),
            });
        }
        // What was called left no span: it failed on its way there, or nobody traces there.
        let alone = span.kind() == "client" && !row.has_children(at);
        let silent = called_host(span).filter(|_| alone)?;
        (silent.0 != span.service()).then(|| Self {
            from: span.service(),
            silent: Some(silent),
            took_us: span.duration_us(),
            error: span.error(),
        })
    }
}

/// The rows on ways that lead through a service: its own, those above them, and those below them.
fn leading(opened: &Opened, service: &str) -> Vec<bool> {
    let rows = &opened.tree.rows;
    let own = |at: usize| opened.span(at).is_some_and(|span| span.service() == service);
    let mut below = vec![false; rows.len()];
    let mut above = vec![false; rows.len()];
    // Parents stand before their children.
    for at in 0..rows.len() {
        below[at] = own(at) || rows[at].parent.is_some_and(|parent| below[parent]);
    }
    for at in (0..rows.len()).rev() {
        above[at] |= own(at);
        if let Some(parent) = rows[at].parent.filter(|_| above[at]) {
            above[parent] = true;
        }
    }
    below.into_iter().zip(above).map(|(below, above)| below || above).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Span, Trace};
    use super::*;
    use crate::demo;

    fn told(paths: &Paths) -> Vec<String> {
        let hop = |((from, to), hop): (&(Arc<str>, Arc<str>), &Hop)| {
            format!("{from} → {to}: {}, {} failed, {} us", hop.stats.count, hop.errors, hop.stats.p50)
        };
        paths.hops.iter().map(hop).collect()
    }

    #[test]
    fn the_ways_of_a_page_view() {
        let paths = Paths::of(&[Arc::new(demo::trace().into())], None);
        insta::assert_snapshot!(told(&paths).join("\n"), @r"
        istio-ingressgateway.istio-system → productpage.bookinfo: 1, 0 failed, 42000 us
        productpage.bookinfo → details.bookinfo: 1, 0 failed, 5000 us
        productpage.bookinfo → reviews.bookinfo: 1, 0 failed, 28000 us
        reviews.bookinfo → ratings.bookinfo: 1, 1 failed, 9000 us
        ");
        assert_eq!((paths.traces, paths.calls(), paths.stops["reviews.bookinfo"].spans), (1, 4, 2));
        let reviews = Paths::of(&[Arc::new(demo::trace().into())], Some("reviews.bookinfo"));
        assert_eq!(reviews.hops.len(), 3, "details is on no way through reviews: {:?}", told(&reviews));
        assert_eq!(Paths::of(&[Arc::new(demo::trace().into())], Some("nobody")), Paths::default());
    }

    #[test]
    fn a_call_whose_end_is_silent_has_its_end_all_the_same() {
        let span = |id: &str, cluster: &str, error| Span {
            id: id.into(),
            service: "cart.shop".into(),
            kind: "client".into(),
            tags: [("upstream_cluster.name", cluster)].into(),
            duration_us: 7,
            error,
            ..Span::default()
        };
        let spans = vec![
            span("1", "outbound|80||pay.shop.svc.cluster.local", true),
            span("2", "outbound|443||api.example.com", false),
            span("3", "PassthroughCluster", false),
            span("4", "outbound|80||cart.shop.svc.cluster.local", false),
        ];
        let trace = Trace { id: "t".into(), spans };
        let paths = Paths::of(&[Arc::new(trace.into())], None);
        assert_eq!(
            told(&paths),
            ["cart.shop → api.example.com: 1, 0 failed, 7 us", "cart.shop → pay.shop: 1, 1 failed, 7 us"]
        );
        let outside = |name: &str| paths.stops[name].outside;
        assert!(outside("api.example.com") && !outside("pay.shop") && !outside("cart.shop"));
    }
}
