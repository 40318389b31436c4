//! The control plane's own measurements, under istiod's names.

use crate::identity::ISTIO_VERSION;
use crate::registry::{Registry, Resolution};
use crate::translate::endpoints;
use crate::xds::ResourceType;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

const SECONDS: [f64; 8] = [0.1, 0.5, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0];
const BYTES: [f64; 6] = [1.0, 10_000.0, 1e6, 4e6, 1e7, 4e7];

/// Kinds that make up the service registry, under istiod's names for them; the others are configuration.
const REGISTRY_KINDS: [(&str, &str); 4] = [
    ("Pod", "Pods"),
    ("Service", "Services"),
    ("Namespace", "Namespaces"),
    ("EndpointSlice", "EndpointSlice"),
];

/// Counts by upper bound, and their sum.
#[derive(Clone, Default)]
struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    sum: f64,
}

impl Histogram {
    fn observe(&mut self, value: f64, bounds: &[f64]) {
        self.buckets.resize(bounds.len(), 0);
        for (count, bound) in self.buckets.iter_mut().zip(bounds) {
            *count += u64::from(value <= *bound);
        }
        self.count += 1;
        self.sum += value;
    }

    /// Its lines; `labels` without braces.
    fn rows(&self, labels: &str, bounds: &[f64]) -> Vec<Row> {
        let with = |more: &str| {
            let all: Vec<&str> = [labels, more].into_iter().filter(|part| !part.is_empty()).collect();
            if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
        };
        let counts = self.buckets.iter().copied().chain(std::iter::repeat(0));
        let bounds = bounds.iter().map(|bound| {
            if *bound >= 1e6 { format!("{bound:e}").replace('e', "e+0") } else { bound.to_string() }
        });
        let buckets = bounds.zip(counts).chain([("+Inf".to_owned(), self.count)]);
        buckets
            .map(|(bound, count)| (format!("_bucket{}", with(&format!("le=\"{bound}\""))), count.to_string()))
            .chain([
                (format!("_sum{}", with("")), self.sum.to_string()),
                (format!("_count{}", with("")), self.count.to_string()),
            ])
            .collect()
    }
}

/// What stands behind a family's name, and the number.
type Row = (String, String);

#[derive(Default)]
struct Counts {
    pushes: BTreeMap<ResourceType, u64>,
    refused: BTreeMap<ResourceType, u64>,
    expired: BTreeMap<ResourceType, u64>,
    sizes: BTreeMap<ResourceType, Histogram>,
    updates: BTreeMap<&'static str, u64>,
    triggers: BTreeMap<&'static str, u64>,
    events: BTreeMap<(String, &'static str), u64>,
    converged: Histogram,
}

/// Counted since the start.
pub(crate) struct Metrics {
    counts: Mutex<Counts>,
    since: Instant,
}

impl Default for Metrics {
    fn default() -> Self {
        Self { counts: Mutex::default(), since: Instant::now() }
    }
}

impl Metrics {
    /// What happened to objects of a kind: `add`, `update` or `delete`.
    pub(crate) fn event(&self, kind: &str, event: &'static str) {
        let mut counts = self.counts.lock();
        *counts.events.entry((kind.to_owned(), event)).or_default() += 1;
        let update = match kind {
            "Pod" | "EndpointSlice" => "eds",
            "Service" => "svc",
            _ => "config",
        };
        *counts.updates.entry(update).or_default() += 1;
    }

    /// Why all proxies are looked at: the kinds that changed.
    pub(crate) fn triggered(&self, kinds: &BTreeSet<&str>) {
        let mut counts = self.counts.lock();
        let reasons: BTreeSet<&'static str> = kinds
            .iter()
            .map(|kind| match *kind {
                "Pod" | "EndpointSlice" => "endpoint",
                "Service" | "Namespace" => "service",
                _ => "config",
            })
            .collect();
        for reason in reasons {
            *counts.triggers.entry(reason).or_default() += 1;
        }
    }

    /// A proxy has come.
    pub(crate) fn connected(&self) {
        *self.counts.lock().triggers.entry("proxy").or_default() += 1;
    }

    pub(crate) fn pushed(&self, kind: ResourceType, bytes: usize) {
        let mut counts = self.counts.lock();
        *counts.pushes.entry(kind).or_default() += 1;
        counts.sizes.entry(kind).or_default().observe(bytes as f64, &BYTES);
    }

    pub(crate) fn refused(&self, kind: ResourceType) {
        *self.counts.lock().refused.entry(kind).or_default() += 1;
    }

    pub(crate) fn expired(&self, kind: ResourceType) {
        *self.counts.lock().expired.entry(kind).or_default() += 1;
    }

    /// A proxy has confirmed everything that a change meant for it.
    pub(crate) fn converged(&self, after: Duration) {
        self.counts.lock().converged.observe(after.as_secs_f64(), &SECONDS);
    }

    /// The page at `/metrics`.
    pub(crate) fn page(&self, registry: &Registry, proxies: usize) -> String {
        let counts = self.counts.lock();
        let mut page = Page::default();
        let version = ISTIO_VERSION;
        let one = |value: usize| vec![(String::new(), value.to_string())];
        let events = |registry: bool| -> Vec<Row> {
            let of = counts.events.iter().filter_map(|((kind, event), count)| {
                let known = REGISTRY_KINDS.iter().find(|(own, _)| own == kind);
                let name = known.map_or(kind.as_str(), |(_, name)| name);
                (known.is_some() == registry)
                    .then(|| (format!("{{event=\"{event}\",type=\"{name}\"}}"), count.to_string()))
            });
            of.collect()
        };
        let by_type = |counts: &BTreeMap<&'static str, u64>| -> Vec<Row> {
            counts.iter().map(|(kind, count)| (format!("{{type=\"{kind}\"}}"), count.to_string())).collect()
        };
        let by_kind = |counts: &BTreeMap<ResourceType, u64>| -> Vec<Row> {
            counts
                .iter()
                .map(|(kind, count)| (format!("{{type=\"{}\"}}", kind.short()), count.to_string()))
                .collect()
        };
        let sizes = counts
            .sizes
            .iter()
            .flat_map(|(kind, sizes)| sizes.rows(&format!("type=\"{}\"", kind.type_url()), &BYTES));
        page.family(
            "istio_build",
            "gauge",
            "Istio component build info",
            vec![(format!("{{component=\"pilot\",tag=\"{version}\"}}"), "1".into())],
        );
        page.family(
            "istiod_managed_clusters",
            "gauge",
            "Number of clusters managed by istiod",
            vec![
                ("{cluster_type=\"local\"}".into(), "1".into()),
                ("{cluster_type=\"remote\"}".into(), "0".into()),
            ],
        );
        let uptime = vec![(String::new(), self.since.elapsed().as_secs_f64().to_string())];
        page.family("istiod_uptime_seconds", "gauge", "Current istiod server uptime in seconds", uptime);
        let duplicates = duplicate_subsets(registry);
        page.family(
            "pilot_destrule_subsets",
            "gauge",
            "Duplicate subsets across destination rules for same host",
            one(duplicates),
        );
        page.family(
            "pilot_eds_no_instances",
            "gauge",
            "Number of clusters without instances",
            one(without_instances(registry)),
        );
        let unready = registry.workloads.iter().filter(|workload| !workload.ready).count();
        page.family("pilot_endpoint_not_ready", "gauge", "Endpoint found in unready state", one(unready));
        page.family(
            "pilot_inbound_updates",
            "counter",
            "Total number of updates received by pilot",
            by_type(&counts.updates),
        );
        page.family(
            "pilot_info",
            "gauge",
            "Pilot version and build information",
            vec![(format!("{{version=\"{version}\"}}"), "1".into())],
        );
        page.family("pilot_k8s_cfg_events", "counter", "Events from k8s config", events(false));
        page.family("pilot_k8s_reg_events", "counter", "Events from k8s registry", events(true));
        page.family(
            "pilot_proxy_convergence_time",
            "histogram",
            "Delay in seconds between config change and a proxy receiving all required configuration",
            counts.converged.rows("", &SECONDS),
        );
        let about = "Total number of times a push was triggered, labeled by reason for the push";
        page.family("pilot_push_triggers", "counter", about, by_type(&counts.triggers));
        page.family("pilot_services", "gauge", "Total services known to pilot", one(registry.services.len()));
        page.family(
            "pilot_total_xds_rejects",
            "counter",
            "Total number of XDS responses rejected",
            by_kind(&counts.refused),
        );
        page.family(
            "pilot_virt_services",
            "gauge",
            "Total virtual services known to pilot",
            one(registry.virtual_services.len()),
        );
        page.family(
            "pilot_xds",
            "gauge",
            "Number of endpoints connected to this pilot using XDS",
            vec![(format!("{{version=\"{version}\"}}"), proxies.to_string())],
        );
        let about = "Distribution of configuration sizes pushed to clients";
        page.family("pilot_xds_config_size_bytes", "histogram", about, sizes.collect());
        let about = "Total number of XDS requests with an expired nonce";
        page.family("pilot_xds_expired_nonce", "counter", about, by_kind(&counts.expired));
        page.family(
            "pilot_xds_pushes",
            "counter",
            "Pilot build and send of the resources of a type",
            by_kind(&counts.pushes),
        );
        page.0
    }
}

/// Prometheus' text format.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str, rows: Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        // Writing to a String cannot fail.
        let _written = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (rest, value) in rows {
            let _written = writeln!(self.0, "{name}{rest} {value}");
        }
    }
}

fn duplicate_subsets(registry: &Registry) -> usize {
    let mut seen = BTreeSet::new();
    let all = registry.destination_rules.iter().flat_map(|rule| {
        let host = istio::fqdn(&rule.spec.host, &rule.namespace);
        rule.spec.subsets.iter().map(move |subset| (host.clone(), subset.name.as_str()))
    });
    all.filter(|subset| !seen.insert(subset.clone())).count()
}

fn without_instances(registry: &Registry) -> usize {
    let ports =
        registry.services.iter().flat_map(|service| service.ports.iter().map(move |port| (service, port)));
    let told = ports.filter(|(service, _)| service.resolution == Resolution::Static);
    told.filter(|(service, port)| endpoints::endpoints(registry, service, port, &BTreeMap::new()).is_empty())
        .count()
}
