//! The Gateway API's CRDs, as its standard channel has them.

use serde_json::{Value, json};

use super::crd::names;
use crate::schema::{GATEWAY_API, References};

struct Row {
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    /// The stored version comes first.
    versions: &'static [&'static str],
    namespaced: bool,
    /// The type of its status, if it has one.
    status: &'static str,
    /// Name, type and jsonPath of what `kubectl get` shows beside name and age.
    columns: &'static [(&'static str, &'static str, &'static str)],
}

const GROUP: &str = "gateway.networking.k8s.io";
const BOTH: &[&str] = &["v1", "v1beta1"];
const HOSTNAMES: (&str, &str, &str) = ("Hostnames", "string", ".spec.hostnames");

const ROWS: &[Row] = &[
    Row {
        kind: "GatewayClass",
        plural: "gatewayclasses",
        short: &["gc"],
        versions: BOTH,
        namespaced: false,
        status: "GatewayClass.Status",
        columns: &[
            ("Controller", "string", ".spec.controllerName"),
            ("Accepted", "string", ".status.conditions[?(@.type==\"Accepted\")].status"),
        ],
    },
    Row {
        kind: "Gateway",
        plural: "gateways",
        short: &["gtw"],
        versions: BOTH,
        namespaced: true,
        status: "Gateway.Status",
        columns: &[
            ("Class", "string", ".spec.gatewayClassName"),
            ("Address", "string", ".status.addresses[*].value"),
            ("Programmed", "string", ".status.conditions[?(@.type==\"Programmed\")].status"),
        ],
    },
    Row {
        kind: "HTTPRoute",
        plural: "httproutes",
        short: &[],
        versions: BOTH,
        namespaced: true,
        status: "GatewayApi.RouteStatus",
        columns: &[HOSTNAMES],
    },
    Row {
        kind: "GRPCRoute",
        plural: "grpcroutes",
        short: &[],
        versions: &["v1"],
        namespaced: true,
        status: "GatewayApi.RouteStatus",
        columns: &[HOSTNAMES],
    },
    Row {
        kind: "TCPRoute",
        plural: "tcproutes",
        short: &[],
        versions: &["v1", "v1alpha2"],
        namespaced: true,
        status: "GatewayApi.RouteStatus",
        columns: &[],
    },
    Row {
        kind: "ReferenceGrant",
        plural: "referencegrants",
        short: &["refgrant"],
        versions: BOTH,
        namespaced: true,
        status: "",
        columns: &[],
    },
];

/// The CRDs as objects.
pub(super) fn custom_resource_definitions() -> impl Iterator<Item = Value> {
    ROWS.iter().map(|row| {
        let mut properties = json!({"spec": GATEWAY_API.resolve(row.kind).to_json(References::Inline)});
        let mut subresources = json!({});
        if !row.status.is_empty() {
            properties["status"] = GATEWAY_API.resolve(row.status).to_json(References::Inline);
            subresources["status"] = json!({});
        }
        let schema = json!({"type": "object", "required": ["spec"], "properties": properties});
        let columns =
            row.columns.iter().map(|(name, ty, path)| json!({"name": name, "type": ty, "jsonPath": path}));
        let age = json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"});
        let columns: Vec<Value> = columns.chain([age]).collect();
        let version = |(index, version): (usize, &&str)| {
            json!({"name": version, "served": true, "storage": index == 0, "subresources": subresources,
                   "additionalPrinterColumns": columns, "schema": {"openAPIV3Schema": schema}})
        };
        let names = names(row.kind, row.plural, row.short, &json!(["gateway-api"]));
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{}.{GROUP}", row.plural),
                "annotations": {"gateway.networking.k8s.io/channel": "standard"},
            },
            "spec": {
                "group": GROUP, "scope": if row.namespaced { "Namespaced" } else { "Cluster" },
                    "names": names,
                "versions": row.versions.iter().enumerate().map(version).collect::<Vec<_>>(),
            },
        })
    })
}
