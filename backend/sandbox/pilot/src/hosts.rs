//! Labels and hosts, as Istio compares them.

use std::collections::BTreeMap;

/// Whether all wanted labels are there.
pub(crate) fn selects(wanted: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether a host, or a wildcard such as `*.bookinfo.svc.cluster.local`, covers another.
pub(crate) fn fits(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix),
        None => pattern == host,
    }
}
