//! Judges the configuration beside the window's thread, as often as it becomes another one.

use crate::kit::aside::Aside;
use egui::Context;
use jiff::Timestamp;
use mesh::check::{Judged, World, judge};
use mesh::mesh_config::MeshConfig;
use mesh::{Kind, Mesh, Problem, Remote, Scene, kinds};
use std::sync::Arc;

/// Larger meshes than this are judged by a thread.
const SMALL: usize = 60;
/// So often it is judged what only time changes.
const SECONDS: i64 = 600;
/// Of these only counts what the model says of them: they change all the time.
const LIVELY: [&Kind; 5] =
    [&kinds::POD, &kinds::DEPLOYMENT, &kinds::STATEFUL_SET, &kinds::AUTOSCALER, &kinds::ENDPOINT_SLICE];

type Config = Result<Arc<MeshConfig>, Problem>;

/// What was found last.
#[derive(Default)]
pub(crate) struct Judge {
    found: Aside<Key, Arc<Judged>>,
}

/// What it was found in.
#[derive(Clone)]
struct Key {
    mesh: Arc<Mesh>,
    config: Config,
    writes: usize,
    round: i64,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (&self.mesh, &other.mesh);
        let same_mesh = Arc::ptr_eq(one, two)
            || (one.revision() == two.revision() && one.objects().same_but(two.objects(), &LIVELY));
        same_mesh && (&self.config, self.writes, self.round) == (&other.config, other.writes, other.round)
    }
}

impl Judge {
    /// What is wrong with the mesh of a scene; `None` until it was judged for the first time.
    pub(crate) fn of(
        &mut self,
        ctx: &Context,
        scene: &Scene,
        config: Remote<MeshConfig>,
        now: Timestamp,
    ) -> Option<Arc<Judged>> {
        let config = match config {
            Remote::Live(config, _) | Remote::Stale(config, ..) => Ok(config),
            Remote::Denied(problem) => Err(problem),
            Remote::Waiting => Err(Problem::new(
                "The mesh's configuration is not known",
                "it has not been read yet",
                "Wait a moment",
            )),
        };
        let (mesh, writes) = (Arc::clone(&scene.mesh), Arc::clone(&scene.writes));
        let key = Key { mesh, config, writes: writes.len(), round: now.as_second() / SECONDS };
        let (small, of) = (scene.mesh.workload_count() <= SMALL, key.clone());
        let make = move || {
            let world =
                World::new(&of.mesh, of.config.as_ref().map(|config| &**config).map_err(Clone::clone));
            Arc::new(judge(&world.watched(&writes, now)))
        };
        self.found.get(ctx, key, small, make).map(|judged| Arc::clone(judged))
    }
}
