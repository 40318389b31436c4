//! The kubeconfig that leads to a server.

use base64::Engine as _;
use serde_json::json;

/// A kubeconfig with one context, everything embedded. It is JSON, which is YAML, and every client reads it.
pub(crate) fn render(context: &str, url: &str, ca_pem: &str, token: &str) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(ca_pem);
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": url, "certificate-authority-data": ca}}],
        "users": [{"name": context, "user": {"token": token}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context, "namespace": "default"}}],
    });
    match serde_saphyr::to_string(&config) {
        Ok(yaml) => yaml,
        Err(error) => {
            tracing::warn!(%error, "the kubeconfig is written as JSON");
            config.to_string()
        }
    }
}
