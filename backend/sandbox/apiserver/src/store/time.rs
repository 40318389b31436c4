//! Times as Kubernetes writes them.

/// Now, as Kubernetes writes times.
pub(crate) fn now() -> String {
    time(jiff::Timestamp::now())
}

/// A moment, as Kubernetes writes times.
pub(super) fn time(moment: jiff::Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
