//! Real Envoys take what the control plane makes of Istio's resources, and requests follow.
#![allow(clippy::unwrap_used)]

mod bench;
mod echo;
mod routing;

/// A client, and a service `web` of two versions.
pub(crate) const WEB: &str = r"
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
