//! Reads what a tool that applies objects (Argo CD, Flux) says of what it applied last.

use crate::session::Session;
use crate::{error, http};
use mesh::Problem;
use mesh::managed::{Applied, Source, SourceKind};
use serde_json::Value;

/// Reads it once.
pub(crate) async fn read(session: &Session, source: &Source) -> Result<Applied, Problem> {
    let Source { kind, namespace, name } = source;
    let what = format!("{} {name} cannot be read", kind.name());
    let (group, plural) = match kind {
        SourceKind::Application => ("argoproj.io/v1alpha1", "applications"),
        SourceKind::Kustomization => ("kustomize.toolkit.fluxcd.io/v1", "kustomizations"),
        SourceKind::HelmRelease => ("helm.toolkit.fluxcd.io/v2", "helmreleases"),
        SourceKind::Release => {
            let why = "Helm keeps its releases in Secrets, which are not read here";
            return Err(Problem::new(what, why, "Ask helm history"));
        }
    };
    // Nobody says where Argo CD keeps its applications.
    let path = if namespace.is_empty() {
        format!("/apis/{group}/{plural}?fieldSelector=metadata.name%3D{name}")
    } else {
        format!("/apis/{group}/namespaces/{namespace}/{plural}/{name}")
    };
    let told = http::json::<Value>(&session.api.client, &path).await;
    let told = told.map_err(|error| error::problem(what.clone(), &error))?;
    let object = if namespace.is_empty() { told["items"].get(0).cloned() } else { Some(told) };
    match object {
        Some(object) => Ok(Applied::read(*kind, &object)),
        None => Err(Problem::new(what, "The cluster has none of this name", "Look at the object's labels")),
    }
}
