//! Which configuration reaches whom: hosts with wildcards, `exportTo`, and the order in which Istio prefers objects.

use istio::{Object, Ref, fqdn};
use std::cmp::Ordering;

/// Whether an object in namespace `own` with this `exportTo` can be seen from `namespace`.
pub fn visible_from(export_to: &[String], own: &str, namespace: &str) -> bool {
    export_to.is_empty()
        || export_to.iter().any(|to| match to.as_str() {
            "*" => true,
            "." => own == namespace,
            other => other == namespace,
        })
}

/// How closely a host of a configuration in `namespace` names the fully qualified `host`: `None` when it does not,
/// higher is closer (exact beats wildcards, long wildcards beat short ones).
pub(crate) fn closeness(pattern: &str, namespace: &str, host: &str) -> Option<usize> {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.ends_with(suffix).then_some(suffix.len()),
        None => (full(pattern, namespace) == host).then_some(usize::MAX),
    }
}

/// The fully qualified form of a host in a configuration object; `name.namespace` counts as a service too.
pub(crate) fn full(host: &str, namespace: &str) -> String {
    fqdn(host.trim_end_matches('.'), namespace)
}

/// The order in which Istio takes objects of one kind: the oldest first, then by name and namespace.
pub(crate) fn by_age((a, one): (&Ref, &Object), (b, two): (&Ref, &Object)) -> Ordering {
    (created(one), &a.name, &a.namespace).cmp(&(created(two), &b.name, &b.namespace))
}

/// `metadata.creationTimestamp`; RFC 3339 in UTC sorts as text.
fn created(object: &Object) -> &str {
    object.0.pointer("/metadata/creationTimestamp").and_then(serde_json::Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let reviews = "reviews.bookinfo.svc.cluster.local";
        assert_eq!(closeness("reviews", "bookinfo", reviews), Some(usize::MAX));
        assert_eq!(closeness("reviews", "other", reviews), None);
        assert_eq!(closeness("reviews.bookinfo.svc", "other", reviews), Some(usize::MAX));
        assert_eq!(closeness("*.bookinfo.svc.cluster.local", "other", reviews), Some(27));
        assert!(closeness("*", "other", reviews) < closeness("*.cluster.local", "other", reviews));
    }

    #[test]
    fn export_to() {
        let to = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(visible_from(&to(&[]), "a", "b"));
        assert!(visible_from(&to(&["."]), "a", "a"));
        assert!(!visible_from(&to(&["."]), "a", "b"));
        assert!(visible_from(&to(&[".", "b"]), "a", "b"));
        assert!(!visible_from(&to(&["~"]), "a", "a"));
    }
}
