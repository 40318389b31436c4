//! Judges the configuration beside the window's thread, as often as it becomes another one.

use crate::kit::aside::{Aside, FEW_PATHS, paths};
use egui::Context;
use jiff::{SignedDuration, Timestamp};
use mesh::check::{self, Judged, Live, World, questions};
use mesh::mesh_config::MeshConfig;
use mesh::{Kind, Mesh, Problem, Read, Remote, Scene, kinds};
use std::sync::{Arc, Mutex, PoisonError};

/// Larger meshes than this are judged by a thread.
pub(crate) const SMALL: usize = 60;
/// So often it is judged what only time changes.
const SECONDS: i64 = 600;
/// So long after somebody has looked at problems, what only others know is asked for.
const CLOSELY: SignedDuration = SignedDuration::from_secs(5);
/// Of these only counts what the model says of them: they change all the time.
const LIVELY: [&Kind; 5] =
    [&kinds::POD, &kinds::DEPLOYMENT, &kinds::STATEFUL_SET, &kinds::AUTOSCALER, &kinds::ENDPOINT_SLICE];

type Config = Result<Arc<MeshConfig>, Problem>;

/// What was found last.
#[derive(Default)]
pub(crate) struct Judge {
    found: Aside<Key, Arc<Judged>>,
    /// What it was found in: of what is as it was, nothing is looked for again.
    memory: Arc<Mutex<Memory>>,
    looked_at: Option<Timestamp>,
    /// Nothing, until something was looked for.
    nothing: Arc<Judged>,
    questions: Option<(Arc<Mesh>, Vec<Read>)>,
}

/// What a judge remembers, and what was found last: where the same is found again, it is still that.
#[derive(Default)]
struct Memory {
    judge: check::Judge,
    found: Arc<Judged>,
}

/// What it was found in.
#[derive(Clone)]
struct Key {
    scene: Arc<Scene>,
    config: Config,
    closely: bool,
    round: i64,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (&self.scene, &other.scene);
        let asked = || !self.closely || one.answers.same(&two.answers);
        let rest = |key: &Self| (key.closely, key.round, key.scene.writes.len());
        rest(self) == rest(other)
            && self.config == other.config
            && same_mesh(&one.mesh, &two.mesh)
            && same(&one.traffic, &two.traffic)
            && same(&one.proxies, &two.proxies)
            && asked()
    }
}

fn same_mesh(one: &Arc<Mesh>, two: &Arc<Mesh>) -> bool {
    Arc::ptr_eq(one, two)
        || (one.revision() == two.revision() && one.objects().same_but(two.objects(), &LIVELY))
}

/// Whether both are the same, told without looking into them.
fn same<T>(one: &Remote<T>, two: &Remote<T>) -> bool {
    match (one, two) {
        (Remote::Live(one, _), Remote::Live(two, _)) => Arc::ptr_eq(one, two),
        (Remote::Waiting, Remote::Waiting) => true,
        (Remote::Live(..) | Remote::Waiting, _) | (_, Remote::Live(..) | Remote::Waiting) => false,
        _ => one.problem() == two.problem(),
    }
}

impl Judge {
    /// What is said before anything was looked for.
    pub(crate) fn nothing(&self) -> Arc<Judged> {
        Arc::clone(&self.nothing)
    }

    /// Somebody looks at problems: what has to be asked of others is to be known, too.
    pub(crate) fn closely(&mut self, now: Timestamp) {
        self.looked_at = Some(now);
    }

    fn is_close(&self, now: Timestamp) -> bool {
        self.looked_at.is_some_and(|at| now.duration_since(at) < CLOSELY)
    }

    /// What has to be asked of others.
    pub(crate) fn questions(&mut self, mesh: &Arc<Mesh>, now: Timestamp) -> &[Read] {
        if !self.is_close(now) {
            return &[];
        }
        let known = self.questions.take().filter(|(of, _)| Arc::ptr_eq(of, mesh));
        let (_, all) = self.questions.insert(known.unwrap_or_else(|| (Arc::clone(mesh), questions(mesh))));
        all
    }

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
        let closely = self.is_close(now);
        let key = Key { scene: Arc::new(scene.clone()), config, closely, round: now.as_second() / SECONDS };
        let small = scene.mesh.workload_count() <= SMALL && paths(&scene.traffic) <= FEW_PATHS;
        let of = key.clone();
        let memory = Arc::clone(&self.memory);
        let make = move || {
            let config = of.config.as_ref().map(|config| &**config).map_err(Clone::clone);
            let world = World::new(&of.scene.mesh, config).watched(Live::of(&of.scene, now));
            // Where judging broke off, it begins anew.
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            let judged = memory.judge.judge(&world);
            if judged != *memory.found {
                memory.found = Arc::new(judged);
            }
            Arc::clone(&memory.found)
        };
        self.found.get(ctx, key, small, make).map(|judged| Arc::clone(judged))
    }
}
