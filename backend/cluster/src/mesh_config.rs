//! Reads what the mesh as a whole is told: istiod's ConfigMap in the root namespace.

use crate::session::Session;
use crate::{error, http};
use mesh::Problem;
use mesh::mesh_config::MeshConfig;
use serde_json::Value;

const WHAT: &str = "The mesh's configuration cannot be read";

/// The mesh's configuration, as the ConfigMap has it.
pub(crate) async fn read(session: &Session, root_namespace: &str) -> Result<MeshConfig, Problem> {
    let path = format!("/api/v1/namespaces/{root_namespace}/configmaps/istio");
    let map = http::json::<Value>(&session.api.client, &path).await;
    let map = map.map_err(|error| error::problem(WHAT, &error))?;
    let mesh = map["data"]["mesh"].as_str().unwrap_or_default();
    if mesh.trim().is_empty() {
        return Ok(MeshConfig::default());
    }
    let read: Value = serde_saphyr::from_str(mesh).map_err(|_error| {
        let why = format!("data.mesh of ConfigMap istio in {root_namespace} is not YAML");
        Problem::new(WHAT, why, "Look at it with kubectl")
    })?;
    Ok(MeshConfig::read(&read))
}
