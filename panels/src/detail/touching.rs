//! Which of Istio's objects touch the selected thing, and what each of them does for it.

use mesh::lens::Subject;
use mesh::{Mesh, Ref, roles};
use serde::Serialize;

/// One object of Istio.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConfigRow {
    /// Its name.
    pub at: Ref,
    /// What it does for the service, and what of it does nothing.
    pub says: Vec<Saying>,
}

/// What an object does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Saying {
    /// "In force for calls inside the mesh".
    pub words: String,
    /// Whether it is as its author will have meant it.
    pub acts: bool,
}

/// Objects that touch it; of VirtualServices, also those that route its calls from elsewhere.
pub(super) fn config(mesh: &Mesh, subject: &Subject<'_>) -> Vec<ConfigRow> {
    let roles = subject.service.map(|service| roles::of(mesh, service)).unwrap_or_default();
    let of_role = |role: &roles::Role| ConfigRow { at: role.at.clone(), says: sayings(&role.deeds) };
    let mut rows: Vec<ConfigRow> = roles.iter().map(of_role).collect();
    for at in subject.config(mesh) {
        if rows.iter().all(|row| row.at != at) {
            rows.push(ConfigRow { at, says: Vec::new() });
        }
    }
    rows
}

/// What it does, in words.
pub(super) fn sayings(deeds: &[roles::Deed]) -> Vec<Saying> {
    deeds.iter().map(|deed| Saying { words: deed.words(), acts: deed.acts() }).collect()
}
