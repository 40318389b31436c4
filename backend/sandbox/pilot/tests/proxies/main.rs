//! Real Envoys take what the control plane makes of Istio's resources, and requests follow.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests say what they saw")]

mod authorization;
mod balance;
mod bench;
mod changes;
mod conditions;
mod contract;
mod control;
mod debug;
mod delegation;
mod echo;
mod egress;
mod entries;
mod envoy_filter;
mod envoy_filter_faults;
mod envoy_filter_listeners;
mod evaluators;
mod ext_authz;
mod faults;
mod gateway_api;
mod gateway_hosts;
mod gateways;
mod grpc;
mod hashing;
mod jwt;
mod locality;
mod matches;
mod metrics;
mod mirrors;
mod names;
mod observed;
mod origination;
mod outliers;
mod outside;
mod peers;
mod pools;
mod retries;
mod routing;
mod rude;
mod scope;
mod security;
mod settings;
mod telemetry;
mod tls;
mod tokens;
mod traffic;
mod world;

use bench::Bench;
use serde_json::{Value, json};

const WEB: &str = r"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {clusterIP: 10.96.0.10, selector: {app: web}, ports: [{name: http, port: 9080, targetPort: 9080}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web, namespace: demo}
spec:
  host: web
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
";

/// A client, and a service `web` of two versions at 10.96.0.10:9080.
pub(crate) async fn two_versions() -> Bench {
    two_versions_with(Bench::start().await).await
}

pub(crate) async fn two_versions_with(mut bench: Bench) -> Bench {
    bench.apply(WEB);
    bench.pod("client", "app=client,version=v1", 8080, false).await;
    bench.pod("web-v1", "app=web,version=v1", 9080, false).await;
    bench.pod("web-v2", "app=web,version=v2", 9080, false).await;
    bench.settle().await;
    bench
}

/// A VirtualService for `web` with this `http`.
pub(crate) fn rules(http: &str) -> String {
    let http: Value = serde_saphyr::from_str(http).expect("YAML");
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "web", "namespace": "demo"},
        "spec": {"hosts": ["web"], "http": http},
    })
    .to_string()
}
