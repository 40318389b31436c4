//! What the counters were, sample by sample: a small time series store in memory.

mod chunk;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use chunk::Chunk;
pub(crate) use chunk::{Point, is_stale, stale};
use parking_lot::RwLock;
use promql_parser::label::Matcher;

use crate::labels::{Labels, NAME};

/// Names a series of the store for as long as somebody appends to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeriesId(u32);

/// A series as a query sees it.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) points: Vec<Point>,
}

/// What the store holds at the moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    pub(crate) series: usize,
    pub(crate) label_pairs: usize,
    pub(crate) chunks: usize,
    pub(crate) bytes: usize,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// All series and their samples.
#[derive(Default)]
pub(crate) struct Samples {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    series: Vec<Option<Stored>>,
    free: Vec<u32>,
    by_name: BTreeMap<Arc<str>, BTreeSet<u32>>,
    by_labels: HashMap<Labels, u32>,
    /// Every text of a label stands in memory once.
    texts: HashMap<Arc<str>, ()>,
}

struct Stored {
    labels: Labels,
    chunks: VecDeque<Chunk>,
}

impl Inner {
    fn text(&mut self, text: &Arc<str>) -> Arc<str> {
        if let Some((known, ())) = self.texts.get_key_value(text) {
            return Arc::clone(known);
        }
        self.texts.insert(Arc::clone(text), ());
        Arc::clone(text)
    }

    fn id(&mut self, labels: &Labels) -> u32 {
        if let Some(id) = self.by_labels.get(labels) {
            return *id;
        }
        let pairs: Vec<_> =
            labels.pairs().iter().map(|(name, value)| (self.text(name), self.text(value))).collect();
        let labels = Labels::new(pairs);
        let name = self.text(&labels.get(NAME).into());
        let stored = Stored { labels: labels.clone(), chunks: VecDeque::new() };
        let id = match self.free.pop() {
            Some(id) => {
                self.series[id as usize] = Some(stored);
                id
            }
            None => {
                self.series.push(Some(stored));
                (self.series.len() - 1) as u32
            }
        };
        self.by_name.entry(name).or_default().insert(id);
        self.by_labels.insert(labels, id);
        id
    }

    fn append(&mut self, id: SeriesId, point: Point) {
        let Some(Some(stored)) = self.series.get_mut(id.0 as usize) else { return };
        match stored.chunks.back_mut() {
            // Samples come in the order of time; what comes late is not taken, as in Prometheus.
            Some(chunk) if point.t <= chunk.last().t => {}
            Some(chunk) if !chunk.is_full() => chunk.push(point),
            full => {
                if let Some(chunk) = full {
                    chunk.seal();
                }
                stored.chunks.push_back(Chunk::new(point));
            }
        }
    }

    fn matching<'a>(
        &'a self,
        name: Option<&str>,
        matchers: &'a [Matcher],
    ) -> impl Iterator<Item = &'a Stored> + use<'a> {
        let exact = name.or_else(|| {
            matchers
                .iter()
                .find(|matcher| {
                    matcher.name == NAME && matches!(matcher.op, promql_parser::label::MatchOp::Equal)
                })
                .map(|matcher| matcher.value.as_str())
        });
        let ids: Vec<u32> = match exact {
            Some(name) => self.by_name.get(name).into_iter().flatten().copied().collect(),
            None => self.by_name.values().flatten().copied().collect(),
        };
        ids.into_iter().filter_map(|id| self.series.get(id as usize)?.as_ref()).filter(move |stored| {
            matchers.iter().all(|matcher| matcher.is_match(stored.labels.get(&matcher.name)))
        })
    }
}

impl Stored {
    fn covers(&self, from: i64, to: i64) -> bool {
        self.chunks.front().is_some_and(|chunk| chunk.first_time() <= to)
            && self.chunks.back().is_some_and(|chunk| chunk.last().t >= from)
    }

    fn points(&self, from: i64, to: i64) -> Vec<Point> {
        self.chunks
            .iter()
            .filter(|chunk| chunk.last().t >= from && chunk.first_time() <= to)
            .flat_map(Chunk::points)
            .filter(|point| point.t >= from && point.t <= to)
            .collect()
    }
}

impl Samples {
    /// The series with these labels, made if it is new.
    pub(crate) fn series(&self, labels: &Labels) -> SeriesId {
        SeriesId(self.inner.write().id(labels))
    }

    /// One sample each, all at one time.
    pub(crate) fn append(&self, t: i64, values: &[(SeriesId, f64)]) {
        let mut inner = self.inner.write();
        for &(id, v) in values {
            inner.append(id, Point { t, v });
        }
    }

    /// The series that match, with their samples from `from` to `to`, both included. Series without samples
    /// there are left out.
    pub(crate) fn select(&self, name: Option<&str>, matchers: &[Matcher], from: i64, to: i64) -> Vec<Series> {
        let inner = self.inner.read();
        inner
            .matching(name, matchers)
            .map(|stored| Series { labels: stored.labels.clone(), points: stored.points(from, to) })
            .filter(|series| !series.points.is_empty())
            .collect()
    }

    /// The labels of the series that match and have samples in the time range.
    pub(crate) fn labels(&self, name: Option<&str>, matchers: &[Matcher], from: i64, to: i64) -> Vec<Labels> {
        let inner = self.inner.read();
        inner
            .matching(name, matchers)
            .filter(|stored| stored.covers(from, to))
            .map(|stored| stored.labels.clone())
            .collect()
    }

    /// Drops what is older than `oldest`, and series that have nothing left.
    pub(crate) fn forget(&self, oldest: i64) {
        let mut guard = self.inner.write();
        let inner = &mut *guard;
        let mut emptied = false;
        for (id, slot) in inner.series.iter_mut().enumerate() {
            let Some(stored) = slot else { continue };
            while stored.chunks.front().is_some_and(|chunk| chunk.last().t < oldest) {
                stored.chunks.pop_front();
            }
            if stored.chunks.is_empty() {
                inner.by_labels.remove(&stored.labels);
                if let Some(ids) = inner.by_name.get_mut(stored.labels.get(NAME)) {
                    ids.remove(&(id as u32));
                }
                *slot = None;
                inner.free.push(id as u32);
                emptied = true;
            }
        }
        if emptied {
            inner.by_name.retain(|_, ids| !ids.is_empty());
            inner.texts.retain(|text, ()| Arc::strong_count(text) > 1);
        }
    }

    pub(crate) fn size(&self) -> Size {
        let inner = self.inner.read();
        let mut size = Size { first: i64::MAX, last: i64::MIN, ..Size::default() };
        let mut pairs = BTreeSet::new();
        for stored in inner.series.iter().flatten() {
            size.series += 1;
            size.chunks += stored.chunks.len();
            size.bytes += stored.chunks.iter().map(Chunk::bytes).sum::<usize>();
            pairs.extend(stored.labels.iter());
            if let (Some(front), Some(back)) = (stored.chunks.front(), stored.chunks.back()) {
                size.first = size.first.min(front.first_time());
                size.last = size.last.max(back.last().t);
            }
        }
        size.label_pairs = pairs.len();
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(version: &str) -> Labels {
        Labels::of(&[(NAME, "istio_requests_total"), ("version", version)])
    }

    #[test]
    fn samples_are_found_by_name_matcher_and_time() {
        let samples = Samples::default();
        let (v1, v2) = (samples.series(&labels("v1")), samples.series(&labels("v2")));
        assert_eq!(samples.series(&labels("v1")), v1);
        for t in 0..500 {
            samples.append(t * 1000, &[(v1, t as f64), (v2, 0.5)]);
        }
        samples.append(3000, &[(v1, 99.0)]); // too late, not taken
        let matcher = Matcher::new(promql_parser::label::MatchOp::NotEqual, "version", "v2");
        let found = samples.select(Some("istio_requests_total"), &[matcher], 100_000, 102_000);
        assert_eq!(found.len(), 1);
        let values: Vec<(i64, f64)> = found[0].points.iter().map(|p| (p.t, p.v)).collect();
        assert_eq!(values, [(100_000, 100.0), (101_000, 101.0), (102_000, 102.0)]);
        assert_eq!(samples.select(None, &[], 0, i64::MAX).len(), 2);
        assert!(samples.select(Some("istio_requests_total"), &[], 600_000, 700_000).is_empty());
    }

    #[test]
    fn an_hour_of_a_small_mesh_takes_little_memory() {
        let samples = Samples::default();
        let ids: Vec<SeriesId> = (0..100).map(|at| samples.series(&labels(&at.to_string()))).collect();
        for t in 0..3600_u32 {
            let batch: Vec<(SeriesId, f64)> =
                ids.iter().zip(0_u32..).map(|(id, at)| (*id, f64::from(t * (at % 12)))).collect();
            samples.append(i64::from(t) * 1000 + i64::from(t % 3), &batch);
        }
        let size = samples.size();
        assert!(size.bytes < 3 * 100 * 3600, "{} bytes", size.bytes);
    }

    #[test]
    fn old_samples_and_empty_series_go() {
        let samples = Samples::default();
        let (v1, v2) = (samples.series(&labels("v1")), samples.series(&labels("v2")));
        for t in 0..1000 {
            samples.append(t * 1000, &[(v1, 1.0)]);
            if t < 100 {
                samples.append(t * 1000, &[(v2, 1.0)]);
            }
        }
        samples.forget(900_000);
        let size = samples.size();
        assert_eq!((size.series, size.last), (1, 999_000));
        assert!(size.first >= 900_000 - 120_000, "whole chunks stay until their last sample is old");
        assert_ne!(samples.series(&labels("v3")), v1);
        assert_eq!(samples.labels(None, &[], 0, i64::MAX).len(), 1);
    }
}
