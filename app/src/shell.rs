//! The window's state: takes in what is new, has it drawn, has carried out what was asked for.

use crate::args;
use crate::background::Background;
use crate::connections::Connections;
use crate::dialogs::Dialogs;
use crate::disk::{Kept, Store};
use crate::exports::Exports;
use crate::farewell::{Farewell, Leaving};
use crate::logging::TIMING;
use crate::picture::Picture;
use crate::scripts;
use crate::settings::Settings;
use crate::steering::Steering;
use crate::trace_file::{Begun, Opened};
use crate::window::Window;
use crate::{disk, runtime, signals};
use cluster::Wake;
use jiff::Timestamp;
use mesh::Scene;
use panels::detail::KeptDrafts;
use panels::intent::{Intent, SandboxOf};
use panels::selection::PanelId;
use panels::shell::leaving::{self, Answer, Unfinished};
use panels::{Cx, Intents, Reads, Selection, Wanted, kit};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long the end of the program waits for pushes that are under way and for own sandboxes to stop: longer
/// than [`cluster::Cluster::finish`] gives the writes.
const GOODBYE: Duration = Duration::from_secs(20);

/// A frame that takes longer to make is seen to come late.
const SMOOTH: Duration = Duration::from_millis(16);

/// All state of the window; only the main thread touches it.
pub(crate) struct Shell {
    pub(crate) args: args::Window,
    pub(crate) settings: Settings,
    pub(crate) connections: Connections,
    pub(crate) background: Background,
    pub(crate) dialogs: Dialogs,
    pub(crate) exports: Exports,
    pub(crate) opened: Opened,
    pub(crate) window: Window,
    pub(crate) selection: Selection,
    pub(crate) scene: Arc<Scene>,
    pub(crate) steering: Steering,
    pub(crate) namespaces: Vec<String>,
    pub(crate) paused: bool,
    pub(crate) wanted: Wanted,
    pub(crate) farewell: Farewell,
    intents: Intents,
    picture: Option<Picture>,
    pub(crate) runtime: Runtime,
    started: Instant,
    store: Arc<Store>,
    /// Settings and drafts as they were saved last.
    saved: (Settings, KeptDrafts),
    /// How often something was saved.
    saves: u64,
    /// When the frame was begun that is being made.
    begun: Instant,
    told: Told,
}

/// Which milestones have been logged.
#[derive(Default)]
struct Told {
    first_frame: bool,
    live_graph: bool,
}

impl Shell {
    /// The window's state at the start; begins to connect if the command line says to what.
    pub(crate) fn new(
        creation: &eframe::CreationContext<'_>,
        args: args::Window,
        (store, kept): (Store, Kept),
        file: Option<Begun>,
        runtime: Runtime,
        started: Instant,
    ) -> Self {
        let Kept { settings, drafts, unread } = kept;
        kit::theme::apply(&creation.egui_ctx, settings.theme);
        scripts::add_system_fonts(&creation.egui_ctx);
        let ctx = creation.egui_ctx.clone();
        let wake: Wake = Arc::new(move || ctx.request_repaint());
        let handle = runtime.handle().clone();
        let mut shell = Self {
            window: Window::new(&settings, drafts.clone()),
            connections: Connections::new(args.clone(), handle.clone(), wake.clone()),
            background: Background::new(handle, wake),
            picture: args.picture.clone().map(Picture::new),
            namespaces: args.connection.namespace.clone(),
            args,
            saved: (settings.clone(), drafts),
            settings,
            dialogs: Dialogs::default(),
            exports: Exports::default(),
            opened: Opened::default(),
            selection: Selection::default(),
            scene: Arc::default(),
            steering: Steering::default(),
            paused: false,
            wanted: Wanted::default(),
            farewell: Farewell::default(),
            intents: Intents::default(),
            runtime,
            started,
            store: Arc::new(store),
            saves: 0,
            begun: started,
            told: Told::default(),
        };
        unread.into_iter().for_each(|unread| shell.window.complain(&unread.into()));
        if let Some(file) = file {
            shell.opened.go_on(file, &mut shell.background);
            shell.window.dock.open(PanelId::Traces);
        }
        shell.begin();
        shell.close_on_signals(&creation.egui_ctx);
        shell
    }

    /// Reads the contexts, and connects where the command line says.
    fn begin(&mut self) {
        self.connections.read_contexts(&self.settings, &mut self.background);
        if let Some(scenario) = &self.args.sandbox
            && let Err(problem) = self.connections.start_sandbox(
                &SandboxOf { scenario: scenario.clone(), read_only: self.args.read_only },
                &mut self.settings,
            )
        {
            self.window.complain(&problem);
        }
    }

    /// Ctrl-C in the terminal and the end of the desktop's session close the window as its user would.
    fn close_on_signals(&self, ctx: &egui::Context) {
        let (ctx, told_to) = (ctx.clone(), self.farewell.told_to());
        let _on_runtime = self.runtime.enter();
        match signals::stop() {
            Ok(stop) => drop(self.runtime.spawn(async move {
                stop.await;
                // Nobody may be there to answer.
                told_to.store(true, Ordering::Relaxed);
                ctx.send_viewport_cmd_to(egui::ViewportId::ROOT, egui::ViewportCommand::Close);
            })),
            Err(problem) => tracing::warn!("{problem}"),
        }
    }

    /// What the window keeps of a mesh goes with the connection to it.
    pub(crate) fn forget_mesh(&mut self) {
        self.scene = Arc::default();
        self.steering = Steering::default();
        self.selection = Selection::default();
        self.wanted = Wanted::default();
        self.paused = false;
        self.namespaces = self.args.connection.namespace.clone();
    }

    /// Asks whether what is not finished may be lost; before anything else is drawn, so that no key goes by.
    fn say_goodbye(&mut self, ui: &mut egui::Ui) {
        let Some(asking) = self.farewell.asking() else { return };
        let closes = matches!(asking, Leaving::Close);
        let answer = match self.unfinished() {
            Some(unfinished) => leaving::ui(ui, &unfinished, closes),
            // It came to its end while it was asked.
            None => Some(Answer::Leave),
        };
        let ctx = ui.ctx().clone();
        let intent = answer.and_then(|answer| self.farewell.answered(&ctx, answer));
        if let Some(intent) = intent {
            self.leave(&ctx, intent);
        }
    }

    /// What would be lost if the mesh were left now.
    pub(crate) fn unfinished(&self) -> Option<Unfinished> {
        Unfinished::of(self.steering.ledger(), self.window.holds_drafts())
    }

    /// Drafts and settings are on disk as soon as they have changed: a run that is killed loses none.
    fn keep(&mut self) {
        let drafts = self.window.drafts();
        if drafts != self.saved.1 {
            self.saved.1 = drafts.clone();
            let (store, turn) = self.next_save();
            drop(self.background.run(move || disk::save_drafts(&store, turn, &drafts)));
        }
        if self.settings != self.saved.0 {
            let settings = self.settings.clone();
            self.saved.0 = settings.clone();
            let (store, turn) = self.next_save();
            drop(self.background.run(move || disk::save_settings(&store, turn, &settings)));
        }
    }

    /// Work in the background may come to be done in another order.
    fn next_save(&mut self) -> (Arc<Store>, u64) {
        self.saves += 1;
        (Arc::clone(&self.store), self.saves)
    }

    fn milestones(&mut self) {
        let frame = self.begun.elapsed();
        if frame > SMOOTH {
            tracing::debug!(target: TIMING, ms = frame.as_millis() as u64, "slow frame");
        }
        let ms = self.started.elapsed().as_millis() as u64;
        if !std::mem::replace(&mut self.told.first_frame, true) {
            tracing::info!(target: TIMING, ms, "first frame");
        }
        let live =
            self.scene.ready() && self.scene.traffic.value().is_some_and(|traffic| !traffic.flows.is_empty());
        if live && !std::mem::replace(&mut self.told.live_graph, true) {
            tracing::info!(target: TIMING, ms, "live graph");
        }
    }
}

impl eframe::App for Shell {
    /// Facts first: what is new goes into the state before anything is drawn.
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.begun = Instant::now();
        let newest = self.connections.receive(self.paused, &mut self.settings);
        if !Arc::ptr_eq(&self.scene, &newest) {
            kit::let_go(std::mem::replace(&mut self.scene, newest));
        }
        self.take_facts();
        let unfinished = self.unfinished().is_some();
        self.farewell.hold(ctx, unfinished);
        match self.dialogs.picked() {
            Some(Ok(intent)) => self.intents.send(intent),
            Some(Err(problem)) => self.window.complain(&problem),
            None => {}
        }
        self.opened.receive(&mut self.background);
        let dropped = ctx.input(|input| Some(input.raw.dropped_files.first()?.path().to_owned()));
        if let Some(file) = dropped {
            self.intents.send(Intent::OpenFile(Some(file)));
        }
        // Somebody edited a kubeconfig elsewhere and comes back.
        let back = |event: &egui::Event| matches!(event, egui::Event::WindowFocused(true));
        if !self.connections.is_there() && ctx.input(|input| input.events.iter().any(back)) {
            self.connections.read_contexts(&self.settings, &mut self.background);
        }
        for saved in self.exports.take(ctx, &mut self.background) {
            match saved {
                Ok(file) => self.window.say(format!("Saved {}", file.display())),
                Err(problem) => self.window.complain(&problem),
            }
        }
        if let Some(picture) = &mut self.picture {
            picture.tick(ctx, &mut self.background);
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        kit::Tokens::of_visuals(visuals).canvas.to_normalized_gamma_f32()
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.say_goodbye(ui);
        let Self { scene, wanted, intents, window, .. } = self;
        let cx = Cx {
            scene,
            selected: self.selection.now(),
            changes: self.steering.ledger(),
            intents,
            namespaces: &self.namespaces,
            window_secs: self.settings.window_secs,
            paused: self.paused,
            read_only: self.connections.read_only(),
            workloads: self.connections.workloads(&self.settings),
            reads: Reads::new(scene, wanted),
            theme: self.settings.theme,
            now: Timestamp::now(),
            contexts: &self.connections.contexts,
            file: self.opened.file(),
        };
        window.ui(ui, &cx);
        intents.each(|intent| window.follow(intent, &cx));
        self.connections.want(self.wanted.take());
        let ctx = ui.ctx().clone();
        for (sent_from, intent) in self.intents.take() {
            self.perform(&ctx, sent_from, intent);
            // What was asked for shows in the next frame, not at the next movement of the mouse.
            ctx.request_repaint();
        }
        self.keep();
        self.milestones();
    }

    fn save(&mut self, _storage: &mut dyn eframe::Storage) {
        (self.settings.panels, self.settings.looks) = (self.window.dock.shown(), self.window.dock.looks());
        self.keep();
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        let (connections, background) = (self.connections.close(), self.background.finish());
        let all = async {
            tokio::join!(connections, background);
        };
        runtime::finish(&self.runtime, all, GOODBYE);
    }

    fn persist_egui_memory(&self) -> bool {
        // Widgets' memory may name things of a cluster; nothing of a cluster is kept. What is worth keeping,
        // the settings do.
        false
    }
}
