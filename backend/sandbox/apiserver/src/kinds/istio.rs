//! Istio's fifteen CRDs, as a mesh has them.

use serde_json::{Value, json};

use super::crd::names;
use crate::schema::{ISTIO, References};

struct Row {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    /// The stored version comes first.
    versions: &'static [&'static str],
    /// Name, jsonPath and description of what `kubectl get` shows beside name and age.
    columns: &'static [(&'static str, &'static str, &'static str)],
}

const NETWORKING: &str = "networking.istio.io";
const SECURITY: &str = "security.istio.io";
const THREE: &[&str] = &["v1", "v1beta1", "v1alpha3"];

const ROWS: &[Row] = &[
    Row {
        group: "extensions.istio.io",
        kind: "TrafficExtension",
        plural: "trafficextensions",
        short: &[],
        versions: &["v1alpha1"],
        columns: &[],
    },
    Row {
        group: "extensions.istio.io",
        kind: "WasmPlugin",
        plural: "wasmplugins",
        short: &[],
        versions: &["v1alpha1"],
        columns: &[],
    },
    Row {
        group: NETWORKING,
        kind: "DestinationRule",
        plural: "destinationrules",
        short: &["dr"],
        versions: THREE,
        columns: &[("Host", ".spec.host", "The service that the rule is about")],
    },
    Row {
        group: NETWORKING,
        kind: "EnvoyFilter",
        plural: "envoyfilters",
        short: &[],
        versions: &["v1alpha3"],
        columns: &[],
    },
    Row {
        group: NETWORKING,
        kind: "Gateway",
        plural: "gateways",
        short: &["gw"],
        versions: THREE,
        columns: &[],
    },
    Row {
        group: NETWORKING,
        kind: "ProxyConfig",
        plural: "proxyconfigs",
        short: &[],
        versions: &["v1beta1"],
        columns: &[],
    },
    Row {
        group: NETWORKING,
        kind: "ServiceEntry",
        plural: "serviceentries",
        short: &["se"],
        versions: THREE,
        columns: &[
            ("Hosts", ".spec.hosts", "The hosts of the entry"),
            ("Location", ".spec.location", "Inside or outside the mesh"),
            ("Resolution", ".spec.resolution", "How addresses are found"),
        ],
    },
    Row { group: NETWORKING, kind: "Sidecar", plural: "sidecars", short: &[], versions: THREE, columns: &[] },
    Row {
        group: NETWORKING,
        kind: "VirtualService",
        plural: "virtualservices",
        short: &["vs"],
        versions: THREE,
        columns: &[
            ("Gateways", ".spec.gateways", "The gateways and sidecars that apply these routes"),
            ("Hosts", ".spec.hosts", "The hosts that traffic is sent to"),
        ],
    },
    Row {
        group: NETWORKING,
        kind: "WorkloadEntry",
        plural: "workloadentries",
        short: &["we"],
        versions: THREE,
        columns: &[("Address", ".spec.address", "Where the workload listens")],
    },
    Row {
        group: NETWORKING,
        kind: "WorkloadGroup",
        plural: "workloadgroups",
        short: &["wg"],
        versions: THREE,
        columns: &[],
    },
    Row {
        group: SECURITY,
        kind: "AuthorizationPolicy",
        plural: "authorizationpolicies",
        short: &["ap"],
        versions: &["v1", "v1beta1"],
        columns: &[("Action", ".spec.action", "What happens to requests that match")],
    },
    Row {
        group: SECURITY,
        kind: "PeerAuthentication",
        plural: "peerauthentications",
        short: &["pa"],
        versions: &["v1", "v1beta1"],
        columns: &[("Mode", ".spec.mtls.mode", "How mutual TLS is asked for")],
    },
    Row {
        group: SECURITY,
        kind: "RequestAuthentication",
        plural: "requestauthentications",
        short: &["ra"],
        versions: &["v1", "v1beta1"],
        columns: &[],
    },
    Row {
        group: "telemetry.istio.io",
        kind: "Telemetry",
        plural: "telemetries",
        short: &["telemetry"],
        versions: &["v1alpha1", "v1"],
        columns: &[],
    },
];

/// The kinds that make no sense without a spec; of the others, an empty one says something.
const NEEDS_SPEC: &[&str] =
    &["TrafficExtension", "WasmPlugin", "DestinationRule", "ServiceEntry", "WorkloadEntry", "WorkloadGroup"];

/// The CRDs as objects.
pub(super) fn custom_resource_definitions() -> impl Iterator<Item = Value> {
    ROWS.iter().map(|row| {
        let spec = ISTIO.resolve(row.kind).to_json(References::Inline);
        let mut schema = json!({
            "type": "object",
            "properties": {
                "spec": spec,
                "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                           "description": "What the control plane says about this object."},
            },
        });
        if NEEDS_SPEC.contains(&row.kind) {
            schema["required"] = json!(["spec"]);
        }
        let mut columns: Vec<Value> = row
            .columns
            .iter()
            .map(|(name, path, description)| {
                json!({"name": name, "type": "string", "jsonPath": path,
                    "description": description})
            })
            .collect();
        columns.push(json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
                            "description": "When the object was made"}));
        let versions: Vec<Value> = row
            .versions
            .iter()
            .enumerate()
            .map(|(index, version)| {
                json!({"name": version, "served": true, "storage": index == 0, "subresources": {"status": {}},
                       "additionalPrinterColumns": columns, "schema": {"openAPIV3Schema": schema}})
            })
            .collect();
        let categories = json!(["istio-io", row.group.replace('.', "-")]);
        let names = names(row.kind, row.plural, row.short, &categories);
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{}.{}", row.plural, row.group),
                "labels": {"app": "istio-pilot", "chart": "istio", "heritage": "Tiller", "release": "istio"},
            },
            "spec": {"group": row.group, "scope": "Namespaced", "names": names, "versions": versions},
        })
    })
}
