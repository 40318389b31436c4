//! A world of sample data in which panels can be drawn and used without a window.
#![allow(dead_code, reason = "each test file uses its own part of it")]

pub(crate) mod detail;
pub(crate) mod drafts;
pub(crate) mod eyes;
pub(crate) mod hostile;
pub(crate) mod window;

use egui_kittest::Harness;
use jiff::SignedDuration;
use mesh::ledger::{Judged, ToJudge};
use mesh::{Change, Fact, Ledger, Mesh, Objects, Problem, Remote, Scene, demo};
use panels::contexts::Contexts;
use panels::intent::ThemeChoice;
use panels::kit::theme;
use panels::{Cx, Intent, Intents, Reads, Selected, Wanted};
use std::sync::Arc;

/// Everything that a [`Cx`] shows.
pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) ledger: Ledger,
    pub(crate) intents: Intents,
    pub(crate) log: Vec<Intent>,
    pub(crate) selected: Option<Selected>,
    pub(crate) contexts: Contexts,
    pub(crate) read_only: bool,
    pub(crate) paused: bool,
    pub(crate) workloads: bool,
    pub(crate) wanted: Wanted,
    pub(crate) theme: ThemeChoice,
}

impl World {
    pub(crate) fn new(scene: Scene) -> Self {
        Self {
            scene,
            ledger: Ledger::default(),
            intents: Intents::default(),
            log: Vec::new(),
            selected: None,
            contexts: Contexts::default(),
            read_only: false,
            paused: false,
            workloads: false,
            wanted: Wanted::default(),
            theme: ThemeChoice::Dark,
        }
    }
    pub(crate) fn bookinfo() -> Self {
        Self::new(demo::scene())
    }
    pub(crate) fn select(mut self, selected: Selected) -> Self {
        self.selected = Some(selected);
        self
    }
    pub(crate) fn cx(&self) -> Cx<'_> {
        Cx {
            file: None,
            scene: &self.scene,
            selected: self.selected.as_ref(),
            changes: &self.ledger,
            intents: &self.intents,
            namespaces: &[],
            window_secs: 60,
            paused: self.paused,
            read_only: self.read_only,
            workloads: self.workloads,
            reads: Reads::new(&self.scene, &self.wanted),
            theme: self.theme,
            now: demo::NOW + SignedDuration::from_secs(1),
            contexts: &self.contexts,
        }
    }
    /// The wishes since the last call.
    pub(crate) fn wishes(&mut self) -> Vec<Intent> {
        std::mem::take(&mut self.log)
    }
    /// The changes that were sent to be judged since the last call.
    pub(crate) fn checks(&mut self) -> Vec<Change> {
        let check = |intent| if let Intent::Check(_, change) = intent { Some(*change) } else { None };
        self.wishes().into_iter().filter_map(check).collect()
    }
    /// Carries wishes about changes out as the app does; everything is found good.
    fn perform(&mut self) {
        for (_, intent) in self.intents.take() {
            match &intent {
                Intent::Check(id, change) => {
                    let judged = self.ledger.put(*id, (**change).clone(), &self.scene.mesh, demo::NOW);
                    self.judge(judged);
                }
                Intent::Dismiss(id) | Intent::Rebuild(id) => {
                    let judged = self.ledger.dismiss(*id, &self.scene.mesh, demo::NOW);
                    self.judge(judged);
                }
                Intent::Look(at) => self.wanted.look(*at),
                _ => {}
            }
            self.log.push(intent);
        }
    }
    fn judge(&mut self, judged: Option<ToJudge>) {
        if let Some((id, change)) = judged {
            for step in 0..change.steps.len() {
                self.ledger.record(id, &Fact::Judged(step, Judged::Passed(Vec::new())), demo::NOW);
            }
            self.ledger.record(id, &Fact::Checked(Vec::new()), demo::NOW);
        }
    }
    /// Shows another mesh, as if its objects had changed in the cluster.
    pub(crate) fn now_has(&mut self, objects: Objects) {
        let before = self.scene.mesh.clone();
        self.scene.mesh = Arc::new(Mesh::read(objects, Some(&before)));
        assert!(self.scene.mesh.revision() > before.revision(), "a new revision");
    }
    /// Takes a change into the ledger as the app does, judged and found good.
    pub(crate) fn checked(&mut self, change: Change) -> mesh::ChangeId {
        let id = mesh::ChangeId::fresh();
        self.ledger.open(id, change, None, demo::NOW);
        self.ledger.record(id, &Fact::Checked(Vec::new()), demo::NOW);
        id
    }
}

/// The faces that every panel has to show.
pub(crate) fn faces() -> Vec<(&'static str, Scene)> {
    let trouble =
        || Problem::new("Prometheus does not answer", "connection refused", "It is asked again in 5 s");
    let stale = Scene { traffic: demo::scene().traffic.failed(trouble()), ..demo::scene() };
    let denied = Scene {
        traffic: Remote::Denied(trouble()),
        proxies: Remote::Denied(trouble()),
        traces: Remote::Denied(trouble()),
        ..demo::scene()
    };
    let waiting = Scene {
        traffic: Remote::Waiting,
        proxies: Remote::Waiting,
        traces: Remote::Waiting,
        ..demo::scene()
    };
    vec![
        ("bookinfo", demo::scene()),
        ("empty", demo::empty_scene()),
        ("stale", stale),
        ("denied", denied),
        ("waiting", waiting),
    ]
}

/// A harness around something that is drawn in a world; animations are off, so that nothing asks for frames
/// for ever.
pub(crate) fn harness<'a, T: 'a>(
    world: World,
    part: T,
    size: [f32; 2],
    draw: impl Fn(&mut egui::Ui, &mut T, &World) + 'a,
) -> Harness<'a, (World, T)> {
    let mut harness = Harness::builder().with_size(size).with_max_steps(16).build_ui_state(
        move |ui, (world, part): &mut (World, T)| {
            theme::apply(ui.ctx(), world.theme);
            draw(ui, part, world);
            world.perform();
        },
        (world, part),
    );
    harness.run_steps(3);
    harness
}

/// "reviews" of Bookinfo.
pub(crate) fn service(name: &str) -> Selected {
    Selected::Service("bookinfo".into(), name.into())
}
