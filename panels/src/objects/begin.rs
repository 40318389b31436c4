//! How a new object begins: from a template of its kind, or as a copy of another.

use super::templates;
use crate::cx::Cx;
use crate::intent::Intent;
use mesh::{Kind, Ref};

/// What begins a new object of a kind, in the namespace that is looked at; `None` where this cluster does not
/// have that kind.
pub fn create(cx: &Cx<'_>, kind: &'static Kind) -> Option<Intent> {
    if cx.scene.lacks(kind) {
        return None;
    }
    let (at, text) = templates::new(&cx.scene.mesh, kind, &namespace(cx))?;
    Some(Intent::Draft(at, text))
}

/// What begins a copy of an object under another name; `None` of one that is not there or not written here.
pub fn clone(cx: &Cx<'_>, at: &Ref) -> Option<Intent> {
    let object = cx.scene.mesh.objects().get(at).filter(|_| at.kind.editable)?;
    let (to, text) = templates::copy(&cx.scene.mesh, at, object);
    Some(Intent::Draft(to, text))
}

/// The namespace that is looked at: what is selected, what is chosen, else the first one with a sidecar.
fn namespace(cx: &Cx<'_>) -> String {
    let selected =
        cx.selected.and_then(|selected| selected.namespaces().first().map(|name| (*name).to_owned()));
    let chosen = || cx.namespaces.first().cloned();
    let meshed = || {
        let mut all = cx.scene.mesh.workloads().filter(|workload| !workload.gateway);
        all.find(|workload| workload.pods.iter().any(|pod| pod.sidecar))
            .map(|workload| workload.namespace.to_string())
    };
    selected
        .filter(|name| !name.is_empty())
        .or_else(chosen)
        .or_else(meshed)
        .unwrap_or_else(|| "default".to_owned())
}
