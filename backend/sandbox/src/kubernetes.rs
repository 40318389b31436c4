//! The Service `kubernetes`, by which pods of every cluster find its API server.

use apiserver::{ApiError, Store};
use serde_json::json;
use std::net::SocketAddr;

/// The first address for Services, as in every cluster.
const ADDRESS: &str = "10.96.0.1";

/// Makes it, with the API server's real address behind it.
pub(crate) fn make(store: &Store, server: SocketAddr) -> Result<(), ApiError> {
    let (ip, port) = (server.ip().to_string(), server.port());
    let metadata = |labels| json!({"name": "kubernetes", "namespace": "default", "labels": labels});
    store.apply(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(json!({"component": "apiserver", "provider": "kubernetes"})),
        "spec": {"clusterIP": ADDRESS, "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]},
    }))?;
    store.apply(json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata(json!({"kubernetes.io/service-name": "kubernetes"})),
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }))?;
    store.apply(json!({
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": metadata(json!({"endpointslice.kubernetes.io/skip-mirror": "true"})),
        "subsets": [{"addresses": [{"ip": ip}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}],
    }))?;
    Ok(())
}
