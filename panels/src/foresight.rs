//! What changes that are not pushed yet would cause: judged beside the window's thread.

use crate::judge::SMALL;
use crate::kit::aside::Aside;
use egui::Context;
use jiff::Timestamp;
use mesh::check::{Finding, Judge, Live, World};
use mesh::mesh_config::MeshConfig;
use mesh::{Change, ChangeId, Mesh, Problem, Remote, Scene};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// So many changes are remembered.
const MOST: usize = 32;

/// What each change would cause.
#[derive(Default)]
pub(crate) struct Foresight {
    changes: BTreeMap<ChangeId, Aside<Key, Arc<Vec<Finding>>>>,
    /// What the mesh was found like: of what no change touches, nothing is looked for again.
    memory: Arc<Mutex<Judge>>,
}

/// What it was looked for in.
#[derive(Clone)]
struct Key {
    mesh: Arc<Mesh>,
    change: Change,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let one = self.mesh.config_revision() == other.mesh.config_revision();
        one && self.mesh.service_count() == other.mesh.service_count() && self.change == other.change
    }
}

impl Foresight {
    /// What a change would cause; `None` until that was looked for.
    pub(crate) fn of(
        &mut self,
        ctx: &Context,
        scene: &Scene,
        config: Remote<MeshConfig>,
        (id, change): (ChangeId, &Change),
        now: Timestamp,
    ) -> Option<Arc<Vec<Finding>>> {
        if self.changes.len() > MOST {
            self.changes.clear();
        }
        let key = Key { mesh: Arc::clone(&scene.mesh), change: change.clone() };
        let small = scene.mesh.workload_count() <= SMALL;
        let (scene, change, memory) = (scene.clone(), change.clone(), Arc::clone(&self.memory));
        let make = move || {
            let after = Mesh::read(change.done(scene.mesh.objects()), Some(&scene.mesh));
            let config = config.value().map(|config| &**config).ok_or_else(|| {
                Problem::new("The mesh's configuration is not known", "it has not been read", "Wait a moment")
            });
            let world = |mesh| World::new(mesh, config.clone()).watched(Live::of(&scene, now));
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::new(memory.caused(&world(&scene.mesh), &world(&after)))
        };
        self.changes.entry(id).or_default().get(ctx, key, small, make).map(|found| Arc::clone(found))
    }
}
