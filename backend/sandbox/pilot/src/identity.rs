//! What this mesh is called: its cluster, trust domain and root namespace, and the release of Istio that it
//! follows.

/// The cluster's name, as in every istiod that was not told otherwise.
pub const CLUSTER_ID: &str = "Kubernetes";
/// The release of Istio whose behaviour is followed.
pub const ISTIO_VERSION: &str = "1.31.0";
/// The namespace whose policies hold for the whole mesh.
pub(crate) const ROOT_NAMESPACE: &str = "istio-system";
/// The mesh's trust domain.
pub(crate) const TRUST_DOMAIN: &str = "cluster.local";

/// The identity of a service account: `spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews`.
pub(crate) fn identity(namespace: &str, service_account: &str) -> String {
    format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{service_account}")
}
