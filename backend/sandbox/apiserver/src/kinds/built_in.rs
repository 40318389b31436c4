//! Kubernetes' own kinds.

use std::sync::Arc;

use super::kind::{Kind, ScalePaths, Version};
use crate::schema::{BUILT_IN, with_type_meta};

struct Row {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
    /// What is written apart or counted: `s`tatus, `c` scale, `g`eneration, `a` member of the category
    /// "all", `x` of "api-extensions".
    has: &'static str,
    schema: &'static str,
}

const fn row(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    namespaced: bool,
    has: &'static str,
    schema: &'static str,
) -> Row {
    Row { group, version: "v1", kind, plural, short, namespaced, has, schema }
}

const ROWS: &[Row] = &[
    row("", "ConfigMap", "configmaps", &["cm"], true, "", "core.v1.ConfigMap"),
    row("", "Endpoints", "endpoints", &["ep"], true, "", "core.v1.Endpoints"),
    row("", "Event", "events", &["ev"], true, "", "core.v1.Event"),
    row("", "Namespace", "namespaces", &["ns"], false, "s", "core.v1.Namespace"),
    row("", "Node", "nodes", &["no"], false, "s", "core.v1.Node"),
    row("", "Pod", "pods", &["po"], true, "sga", "core.v1.Pod"),
    row("", "Secret", "secrets", &[], true, "", "core.v1.Secret"),
    row("", "Service", "services", &["svc"], true, "sa", "core.v1.Service"),
    row("", "ServiceAccount", "serviceaccounts", &["sa"], true, "", "core.v1.ServiceAccount"),
    row("apps", "DaemonSet", "daemonsets", &["ds"], true, "sga", "apps.v1.DaemonSet"),
    row("apps", "Deployment", "deployments", &["deploy"], true, "scga", "apps.v1.Deployment"),
    row("apps", "ReplicaSet", "replicasets", &["rs"], true, "scga", "apps.v1.ReplicaSet"),
    row("apps", "StatefulSet", "statefulsets", &["sts"], true, "scga", "apps.v1.StatefulSet"),
    Row {
        version: "v2",
        ..row(
            "autoscaling",
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            &["hpa"],
            true,
            "sg",
            "autoscaling.v2.HorizontalPodAutoscaler",
        )
    },
    row("discovery.k8s.io", "EndpointSlice", "endpointslices", &[], true, "g", "discovery.v1.EndpointSlice"),
    row("coordination.k8s.io", "Lease", "leases", &[], true, "", "coordination.v1.Lease"),
    row(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        &["crd", "crds"],
        false,
        "sgx",
        "apiextensions.v1.CustomResourceDefinition",
    ),
];

fn scale_paths() -> ScalePaths {
    let [spec, status, selector] =
        ["/spec/replicas", "/status/replicas", "/spec/selector"].map(str::to_owned);
    ScalePaths { spec, status, selector: Some(selector) }
}

pub(super) fn kinds() -> impl Iterator<Item = Kind> {
    ROWS.iter().map(|row| {
        let schema = Arc::new(with_type_meta(&BUILT_IN.resolve(row.schema)));
        Kind {
            group: row.group.into(),
            kind: row.kind.into(),
            plural: row.plural.into(),
            singular: row.kind.to_lowercase(),
            short: row.short.iter().map(|short| (*short).to_owned()).collect(),
            categories: [('a', "all"), ('x', "api-extensions")]
                .iter()
                .filter(|(letter, _)| row.has.contains(*letter))
                .map(|(_, category)| (*category).to_owned())
                .collect(),
            namespaced: row.namespaced,
            versions: vec![Version {
                name: row.version.into(),
                storage: true,
                schema,
                columns: Vec::new(),
                scale: row.has.contains('c').then(scale_paths),
            }],
            status: row.has.contains('s'),
            scale: row.has.contains('c'),
            generation: row.has.contains('g'),
            custom: false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_described() {
        for row in ROWS {
            let schema = BUILT_IN.resolve(row.schema);
            assert!(!schema.description.is_empty() && !schema.properties.is_empty(), "{}", row.schema);
        }
    }
}
