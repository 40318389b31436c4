//! The control plane's own measurements, under istiod's names.

use crate::registry::Registry;
use crate::translate::Kind;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

const BUCKETS: [f64; 8] = [0.1, 0.5, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0];

/// Kinds that make up the service registry; the others are configuration.
const REGISTRY_KINDS: [&str; 4] = ["Pod", "Service", "Namespace", "EndpointSlice"];

#[derive(Default)]
struct Counts {
    pushes: BTreeMap<Kind, u64>,
    refused: BTreeMap<Kind, u64>,
    expired: BTreeMap<Kind, u64>,
    bytes: BTreeMap<Kind, u64>,
    changes: u64,
    events: BTreeMap<(String, &'static str), u64>,
    converged: [u64; BUCKETS.len()],
    converged_count: u64,
    converged_seconds: f64,
}

/// Counted since the start.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<Counts>);

impl Metrics {
    pub(crate) fn world_changed(&self) {
        self.0.lock().changes += 1;
    }

    /// What happened to objects of a kind: `add`, `update` or `delete`.
    pub(crate) fn event(&self, kind: &str, event: &'static str) {
        *self.0.lock().events.entry((kind.to_owned(), event)).or_default() += 1;
    }

    pub(crate) fn pushed(&self, kind: Kind, bytes: usize) {
        let mut counts = self.0.lock();
        *counts.pushes.entry(kind).or_default() += 1;
        *counts.bytes.entry(kind).or_default() += bytes as u64;
    }

    pub(crate) fn refused(&self, kind: Kind) {
        *self.0.lock().refused.entry(kind).or_default() += 1;
    }

    pub(crate) fn expired(&self, kind: Kind) {
        *self.0.lock().expired.entry(kind).or_default() += 1;
    }

    /// A proxy has confirmed everything that a change meant for it.
    pub(crate) fn converged(&self, after: Duration) {
        let mut counts = self.0.lock();
        let seconds = after.as_secs_f64();
        for (bucket, limit) in BUCKETS.iter().enumerate() {
            counts.converged[bucket] += u64::from(seconds <= *limit);
        }
        counts.converged_count += 1;
        counts.converged_seconds += seconds;
    }

    /// The page at `/metrics`.
    pub(crate) fn page(&self, registry: &Registry, proxies: usize) -> String {
        let counts = self.0.lock();
        let mut page = String::new();
        let mut family = |name: &str, kind: &str, rows: Vec<(String, String)>| {
            // Writing to a String cannot fail.
            let _written = writeln!(page, "# TYPE {name} {kind}");
            for (labels, value) in rows {
                let _written = writeln!(page, "{name}{labels} {value}");
            }
        };
        let by_kind = |counts: &BTreeMap<Kind, u64>| {
            counts.iter().map(|(kind, count)| (format!("{{type=\"{}\"}}", kind.short()), count.to_string())).collect()
        };
        let one = |value: usize| vec![(String::new(), value.to_string())];
        family("pilot_info", "gauge", vec![(format!("{{version=\"{}\"}}", crate::ISTIO_VERSION), "1".into())]);
        family("pilot_xds", "gauge", vec![(format!("{{version=\"{}\"}}", crate::ISTIO_VERSION), proxies.to_string())]);
        family("pilot_xds_pushes", "counter", by_kind(&counts.pushes));
        family("pilot_xds_sent_bytes", "counter", by_kind(&counts.bytes));
        family("pilot_xds_expired_nonce", "counter", by_kind(&counts.expired));
        family("pilot_total_xds_rejects", "counter", by_kind(&counts.refused));
        family("pilot_services", "gauge", one(registry.services.len()));
        family("pilot_virt_services", "gauge", one(registry.virtual_services.len()));
        let subsets = registry.destination_rules.iter().map(|rule| rule.spec.subsets.len()).sum();
        family("pilot_destrule_subsets", "gauge", one(subsets));
        family("pilot_inbound_updates", "counter", vec![("{type=\"config\"}".into(), counts.changes.to_string())]);
        let events = |registry: bool| {
            let of = counts.events.iter().filter(|((kind, _), _)| REGISTRY_KINDS.contains(&kind.as_str()) == registry);
            of.map(|((kind, event), count)| (format!("{{event=\"{event}\",type=\"{kind}\"}}"), count.to_string())).collect()
        };
        family("pilot_k8s_cfg_events", "counter", events(false));
        family("pilot_k8s_reg_events", "counter", events(true));
        let _written = writeln!(page, "# TYPE pilot_proxy_convergence_time histogram");
        for (limit, count) in BUCKETS.iter().zip(counts.converged) {
            let _written = writeln!(page, "pilot_proxy_convergence_time_bucket{{le=\"{limit}\"}} {count}");
        }
        let count = counts.converged_count;
        let _written = writeln!(page, "pilot_proxy_convergence_time_bucket{{le=\"+Inf\"}} {count}");
        let _written = writeln!(page, "pilot_proxy_convergence_time_sum {}", counts.converged_seconds);
        let _written = writeln!(page, "pilot_proxy_convergence_time_count {count}");
        page
    }
}
