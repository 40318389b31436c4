//! What is read of single objects and proxies while somebody looks at them: Events, and the order of filters.

use crate::session::Session;
use crate::{envoy, error, http};
use mesh::confirm::Filters;
use mesh::told::{Word, words};
use mesh::{Problem, Ref};
use serde_json::Value;

/// Events about an object.
pub(crate) async fn events(session: &Session, at: &Ref) -> Result<Vec<Word>, Problem> {
    let (kind, name, namespace) = (at.kind.kind, &at.name, &at.namespace);
    let path = format!(
        "/api/v1/namespaces/{namespace}/events?limit=500&fieldSelector=\
         involvedObject.kind%3D{kind},involvedObject.name%3D{name}"
    );
    let list = http::json::<Value>(&session.api.client, &path).await;
    let list = list
        .map_err(|error| error::problem(format!("What the cluster says of {at} cannot be read"), &error))?;
    let scene = session.hub.scene.borrow().clone();
    let object = scene.mesh.objects().get(at);
    let uid = object.and_then(|object| object.0["metadata"]["uid"].as_str()).unwrap_or_default();
    Ok(words(&list, uid))
}

/// The order of the filters of a proxy, as its own configuration has it.
pub(crate) async fn filters(session: &Session, proxy: &str) -> Result<Filters, Problem> {
    envoy::filters(session, proxy).await
}
