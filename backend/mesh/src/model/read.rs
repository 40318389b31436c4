//! From objects to the model: reads what can be read, names what cannot, keeps what did not change.

use super::{Mesh, Objects, mtls, services, workloads};
use istio::{Kind, Problem, Ref, kinds, views};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Mesh {
    /// The model of these objects. Views of objects that did not change since `previous` are taken from there, and an
    /// unchanged set of objects keeps its revision. Never fails as a whole: see [`Mesh::problems`].
    pub fn read(objects: Objects, previous: Option<&Mesh>) -> Mesh {
        if let Some(previous) = previous
            && objects.same(&previous.objects)
        {
            return previous.clone();
        }
        let mut mesh = Mesh {
            revision: previous.map_or(1, |previous| previous.revision + 1),
            root_namespace: root_namespace(&objects),
            objects,
            ..Mesh::default()
        };
        mesh.namespaces = namespaces(&mesh.objects);
        mesh.virtual_services = mesh.views(&kinds::VIRTUAL_SERVICE, previous, |mesh| &mesh.virtual_services);
        mesh.destination_rules =
            mesh.views(&kinds::DESTINATION_RULE, previous, |mesh| &mesh.destination_rules);
        mesh.gateways = mesh.views(&kinds::GATEWAY, previous, |mesh| &mesh.gateways);
        mesh.service_entries = mesh.views(&kinds::SERVICE_ENTRY, previous, |mesh| &mesh.service_entries);
        mesh.peer_authentications =
            mesh.views(&kinds::PEER_AUTHENTICATION, previous, |mesh| &mesh.peer_authentications);
        mesh.workloads =
            workloads::read(&mesh, previous.filter(|previous| previous.gateways == mesh.gateways));
        mtls::settle(&mut mesh);
        mesh.services = services::read(&mesh);
        mesh
    }

    /// Typed views of all objects of one kind; what cannot be read becomes a problem.
    fn views<T: DeserializeOwned + Default + Clone>(
        &mut self,
        kind: &'static Kind,
        previous: Option<&Mesh>,
        of: impl Fn(&Mesh) -> &BTreeMap<Ref, T>,
    ) -> BTreeMap<Ref, T> {
        let mut views = BTreeMap::new();
        let mut problems = Vec::new();
        for (at, object) in self.objects.of_kind(kind) {
            let known = previous
                .filter(|mesh| mesh.objects.get(at).is_some_and(|old| Arc::ptr_eq(&old.0, &object.0)));
            if let Some(view) = known.and_then(|mesh| of(mesh).get(at)) {
                views.insert(at.clone(), view.clone());
                continue;
            }
            match views::read::<T>(object) {
                Ok(view) => {
                    views.insert(at.clone(), view);
                }
                Err(error) => problems.push((at.clone(), unreadable(at, &error))),
            }
        }
        self.problems.extend(problems);
        views
    }
}

fn unreadable(at: &Ref, error: &serde_json::Error) -> Problem {
    Problem::new(
        format!("{at} cannot be read"),
        error.to_string(),
        "Correct the field; until then the object is left out here",
    )
}

/// Namespaces that have an object of their own, and those that other objects live in (where namespaces may not be read).
fn namespaces(objects: &Objects) -> Vec<Arc<str>> {
    let mut names: BTreeSet<Arc<str>> =
        objects.of_kind(&kinds::NAMESPACE).map(|(at, _)| at.name.clone()).collect();
    for at in objects.keys() {
        if !at.namespace.is_empty() && !names.contains(&at.namespace) {
            names.insert(at.namespace.clone());
        }
    }
    names.into_iter().collect()
}

/// Where istiod runs; "istio-system" when it cannot be seen.
fn root_namespace(objects: &Objects) -> String {
    let usual = "istio-system";
    let mut found = objects
        .of_kind(&kinds::SERVICE)
        .filter(|(at, object)| object.label("app") == Some("istiod") || &*at.name == "istiod")
        .map(|(at, _)| &*at.namespace)
        .collect::<Vec<_>>();
    found.sort_unstable_by_key(|namespace| *namespace != usual);
    found.first().map_or(usual, |namespace| namespace).to_owned()
}
