//! What Istio calls a workload in metrics and traces: its canonical service and revision.

use crate::select::Labels;

/// The label that names the canonical service.
pub const SERVICE: &str = "service.istio.io/canonical-name";
/// The label that names the canonical revision.
pub const REVISION: &str = "service.istio.io/canonical-revision";
/// The revision of a workload that names none.
pub const LATEST: &str = "latest";

/// The labels that name the service, the one that counts most first.
const SERVICES: [&str; 3] = [SERVICE, "app.kubernetes.io/name", "app"];
/// The labels that name the revision, the one that counts most first.
const REVISIONS: [&str; 3] = [REVISION, "app.kubernetes.io/version", "version"];

fn first<'a>(labels: &'a Labels, keys: [&str; 3]) -> Option<&'a str> {
    keys.into_iter().find_map(|key| labels.get(key).map(String::as_str).filter(|value| !value.is_empty()))
}

/// The canonical service of a workload of this name.
pub fn service<'a>(labels: &'a Labels, workload: &'a str) -> &'a str {
    first(labels, SERVICES).unwrap_or(workload)
}

/// The canonical revision.
pub fn revision(labels: &Labels) -> &str {
    first(labels, REVISIONS).unwrap_or(LATEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_labels() {
        for (labels, expect) in [
            (&[][..], ("reviews-v1", "latest")),
            (&[("app", "reviews"), ("version", "v1")], ("reviews", "v1")),
            (
                &[("app", "a"), ("app.kubernetes.io/name", "b"), ("app.kubernetes.io/version", "2")],
                ("b", "2"),
            ),
            (&[("app", "a"), (SERVICE, "c"), ("version", "v1"), (REVISION, "r")], ("c", "r")),
            (&[("app", ""), ("version", "")], ("reviews-v1", "latest")),
        ] {
            let labels: Labels =
                labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            assert_eq!((service(&labels, "reviews-v1"), revision(&labels)), expect, "{labels:?}");
        }
    }
}
