//! The sandbox's Prometheus scrapes its own counters: at each interval every series gets a sample.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    counters::{BOUNDS, BUILD, Counters, Group, Key, LABELS, Measure, Target},
    labels::{Labels, NAME},
    samples::{Samples, SeriesId, stale},
    workload::Directory,
};

/// The job under which the standard installation of Istio's Prometheus scrapes pods.
const JOB: &str = "kubernetes-pods";
/// Old samples are looked for once in so many scrapes.
const FORGET_EVERY: u64 = 60;

/// A proxy that has reported.
struct Seen {
    up: SeriesId,
    /// Whether the directory ever knew its pod: one outside the objects is not judged by them.
    is_known: bool,
}

pub(crate) struct Scraper {
    pub(crate) counters: Arc<Counters>,
    pub(crate) samples: Arc<Samples>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) retention: Duration,
    pub(crate) istio_version: String,
    /// The proxies seen, each with its `up` series.
    targets: BTreeMap<Arc<str>, Seen>,
    build: Option<SeriesId>,
    done: u64,
}

impl Scraper {
    pub(crate) fn new(
        counters: Arc<Counters>,
        samples: Arc<Samples>,
        directory: Arc<dyn Directory>,
        retention: Duration,
        istio_version: String,
    ) -> Self {
        Self {
            counters,
            samples,
            directory,
            retention,
            istio_version,
            targets: BTreeMap::new(),
            build: None,
            done: 0,
        }
    }

    /// Takes one sample of everything. Proxies whose pod is gone, and series that were idle for the whole
    /// retention, end here with a mark, as a target that vanishes does in Prometheus.
    pub(crate) fn scrape(&mut self, now: i64) {
        let oldest = now - self.retention.as_millis() as i64;
        let mut batch: Vec<(SeriesId, f64)> = Vec::new();
        let (samples, directory, targets) = (&self.samples, &self.directory, &mut self.targets);
        self.counters.with(|groups| {
            for key in groups.keys() {
                targets
                    .entry(pod_name(&key.target))
                    .or_insert_with(|| Seen { up: samples.series(&up_labels(&key.target)), is_known: false });
            }
            targets.retain(|name, seen| {
                let exists = directory.by_pod(name).is_some();
                let is_gone = seen.is_known && !exists;
                seen.is_known |= exists;
                batch.push((seen.up, if is_gone { stale() } else { 1.0 }));
                !is_gone
            });
            groups.retain(|key, group| {
                let alive = group.touched >= oldest && targets.contains_key(&pod_name(&key.target));
                sample(key, group, alive, samples, &mut batch);
                alive
            });
        });
        let build = *self.build.get_or_insert_with(|| {
            samples.series(&labels(&[
                (NAME, BUILD),
                ("component", "pilot"),
                ("tag", &self.istio_version),
                ("app", "istiod"),
                ("job", "istiod"),
            ]))
        });
        batch.push((build, 1.0));
        self.samples.append(now, &batch);
        self.done += 1;
        if self.done.is_multiple_of(FORGET_EVERY) {
            self.samples.forget(oldest);
        }
    }
}

fn pod_name(target: &Target) -> Arc<str> {
    format!("{}.{}", target.pod, target.namespace).into()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())))
}

fn target_labels(target: &Target) -> [(&'static str, &str); 4] {
    [("instance", &target.instance), ("job", JOB), ("namespace", &target.namespace), ("pod", &target.pod)]
}

fn up_labels(target: &Target) -> Labels {
    labels(&[&[(NAME, "up")], target_labels(target).as_slice()].concat())
}

fn sample(key: &Key, group: &mut Group, alive: bool, samples: &Samples, batch: &mut Vec<(SeriesId, f64)>) {
    for metric in &mut group.metrics {
        if metric.series.is_empty() {
            metric.series = series_of(key, metric.name, &metric.measure)
                .iter()
                .map(|labels| samples.series(labels))
                .collect();
        }
        let mut put = |at: usize, value: f64| {
            if let Some(id) = metric.series.get(at) {
                batch.push((*id, if alive { value } else { stale() }));
            }
        };
        match &metric.measure {
            Measure::Count(value) => put(0, *value),
            Measure::Spread(histogram) => {
                let mut total = 0;
                for (at, count) in histogram.cumulative().enumerate() {
                    put(at, count as f64);
                    total = count;
                }
                put(BOUNDS.len() + 1, histogram.sum());
                put(BOUNDS.len() + 2, total as f64);
            }
        }
    }
}

/// The series of one metric: one for a counter; the buckets, `_sum` and `_count` for a histogram.
fn series_of(key: &Key, name: &str, measure: &Measure) -> Vec<Labels> {
    let base: Vec<(Arc<str>, Arc<str>)> = LABELS
        .iter()
        .zip(&key.values)
        .map(|(name, value)| (Arc::from(*name), Arc::clone(value)))
        .chain(key.extra.iter().cloned())
        .chain(target_labels(&key.target).iter().map(|(name, value)| (Arc::from(*name), Arc::from(*value))))
        .collect();
    let one = |suffix: &str, extra: Option<String>| {
        let mut pairs = base.clone();
        pairs.push((NAME.into(), format!("{name}{suffix}").into()));
        pairs.extend(extra.map(|bound| ("le".into(), bound.into())));
        Labels::new(pairs)
    };
    match measure {
        Measure::Count(_) => vec![one("", None)],
        Measure::Spread(_) => BOUNDS
            .iter()
            .map(ToString::to_string)
            .chain(["+Inf".to_owned()])
            .map(|bound| one("_bucket", Some(bound)))
            .chain([one("_sum", None), one("_count", None)])
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use parking_lot::Mutex;

    use super::*;
    use crate::{
        Workload,
        counters::{METRICS, Request, Values},
        samples::is_stale,
    };

    #[derive(Default)]
    struct Pods(Mutex<Vec<String>>);

    impl Directory for Pods {
        fn by_pod(&self, pod: &str) -> Option<Arc<Workload>> {
            self.0.lock().iter().any(|name| name == pod).then(Arc::default)
        }
        fn by_address(&self, _: SocketAddr) -> Option<Arc<Workload>> {
            None
        }
        fn service(&self, _: &str) -> Option<(String, String)> {
            None
        }
    }

    fn scraper(pods: &Arc<Pods>) -> Scraper {
        let directory: Arc<dyn Directory> = Arc::<Pods>::clone(pods);
        Scraper::new(Arc::default(), Arc::default(), directory, Duration::from_secs(10), "1.32.0".to_owned())
    }

    fn key(pod: &str) -> Key {
        let values: Values = std::array::from_fn(|at| if at == 0 { "source".into() } else { "".into() });
        Key {
            target: Target { pod: pod.into(), namespace: "ns".into(), instance: "10.0.0.1:15020".into() },
            values,
            extra: Arc::default(),
        }
    }

    fn last(scraper: &Scraper, name: &str) -> Vec<f64> {
        scraper
            .samples
            .select(Some(name), &[], 0, i64::MAX)
            .iter()
            .map(|s| s.points.last().unwrap().v)
            .collect()
    }

    #[test]
    fn every_series_gets_a_sample_and_targets_are_up() {
        let pods = Arc::new(Pods::default());
        pods.0.lock().push("a.ns".to_owned());
        let mut scraper = scraper(&pods);
        scraper.counters.request(
            key("a"),
            1000,
            &Request { duration_ms: 7.0, ..Request::default() },
            &METRICS,
        );
        scraper.scrape(1000);
        let found = scraper.samples.select(Some("istio_requests_total"), &[], 0, i64::MAX);
        assert_eq!(
            found[0].labels.to_string(),
            r#"istio_requests_total{instance="10.0.0.1:15020", job="kubernetes-pods", namespace="ns", pod="a", reporter="source"}"#
        );
        assert_eq!(last(&scraper, "istio_request_duration_milliseconds_bucket").len(), 20);
        assert_eq!(last(&scraper, "istio_request_duration_milliseconds_sum"), [7.0]);
        assert_eq!(last(&scraper, "up"), [1.0]);
        assert_eq!(last(&scraper, "istio_build"), [1.0]);
    }

    #[test]
    fn a_pod_that_goes_and_a_series_that_idles_end_with_a_mark() {
        let pods = Arc::new(Pods::default());
        pods.0.lock().push("a.ns".to_owned());
        let mut scraper = scraper(&pods);
        scraper.counters.request(key("a"), 1000, &Request::default(), &METRICS);
        scraper.counters.request(key("never-known"), 1000, &Request::default(), &METRICS);
        scraper.scrape(1000);
        pods.0.lock().clear();
        scraper.scrape(2000);
        let ended: Vec<bool> = last(&scraper, "istio_requests_total").iter().map(|v| is_stale(*v)).collect();
        assert_eq!(ended, [true, false]);
        scraper.scrape(12_000);
        assert!(last(&scraper, "istio_requests_total").iter().all(|v| is_stale(*v)));
        assert!(scraper.counters.with(|groups| groups.is_empty()));
    }
}
