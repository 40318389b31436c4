//! The window: takes in what is new, carries out what was asked for, draws the parts.

use crate::args;
use crate::connection::Connection;
use crate::dialogs::Dialogs;
use crate::dock::Dock;
use crate::logging::TIMING;
use crate::picture::Picture;
use crate::settings::Settings;
use crate::signals;
use crate::steering::Steering;
use cluster::Wake;
use egui::{CentralPanel, Frame, Panel};
use egui_notify::Toasts;
use jiff::Timestamp;
use mesh::Scene;
use panels::change_bar::ChangeBar;
use panels::connect::Connect;
use panels::cx::Contexts;
use panels::detail::Detail;
use panels::kit;
use panels::shell::{palette::Palette, rail, top_bar};
use panels::{Cx, Intents, Reads, Selection, Wanted};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// How long the end of the program waits for pushes that are under way and for own sandboxes to stop: longer than
/// [`cluster::Cluster::finish`] gives the writes.
const GOODBYE: Duration = Duration::from_secs(20);

/// The window and all its state; only the main thread touches it.
pub(crate) struct Shell {
    pub(crate) args: args::Window,
    pub(crate) runtime: Runtime,
    pub(crate) wake: Wake,
    pub(crate) settings: Settings,
    pub(crate) connection: Option<Connection>,
    /// Connections that were left and still finish what they were told.
    pub(crate) leaving: JoinSet<()>,
    pub(crate) contexts: Contexts,
    pub(crate) scene: Arc<Scene>,
    pub(crate) steering: Steering,
    pub(crate) selection: Selection,
    pub(crate) namespaces: Vec<String>,
    pub(crate) paused: bool,
    pub(crate) dialogs: Dialogs,
    pub(crate) wanted: Wanted,
    pub(crate) dock: Dock,
    pub(crate) toasts: Toasts,
    pub(crate) palette: Palette,
    intents: Intents,
    connect: Connect,
    detail: Detail,
    change_bar: ChangeBar,
    rail_wide: bool,
    picture: Option<Picture>,
    started: Instant,
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
        runtime: Runtime,
        started: Instant,
    ) -> Self {
        let settings = Settings::load();
        kit::theme::apply(&creation.egui_ctx, settings.theme);
        let ctx = creation.egui_ctx.clone();
        let mut shell = Self {
            wake: Arc::new(move || ctx.request_repaint()),
            dock: Dock::new(&settings.panels),
            picture: args.picture.clone().map(Picture::new),
            namespaces: args.connection.namespace.clone(),
            args,
            runtime,
            settings,
            connection: None,
            leaving: JoinSet::new(),
            contexts: Contexts::default(),
            scene: Arc::default(),
            steering: Steering::default(),
            selection: Selection::default(),
            paused: false,
            dialogs: Dialogs::default(),
            wanted: Wanted::default(),
            toasts: Toasts::default().with_anchor(egui_notify::Anchor::BottomRight),
            palette: Palette::default(),
            intents: Intents::default(),
            connect: Connect::default(),
            detail: Detail::default(),
            change_bar: ChangeBar::default(),
            rail_wide: true,
            started,
            told: Told::default(),
        };
        shell.begin();
        shell.close_on_signals(&creation.egui_ctx);
        shell
    }

    /// Ctrl-C in the terminal and the end of the desktop's session close the window as its user would.
    fn close_on_signals(&self, ctx: &egui::Context) {
        let ctx = ctx.clone();
        let _on_runtime = self.runtime.enter();
        match signals::stop() {
            Ok(stop) => drop(self.runtime.spawn(async move {
                stop.await;
                ctx.send_viewport_cmd_to(egui::ViewportId::ROOT, egui::ViewportCommand::Close);
            })),
            Err(problem) => tracing::warn!("{problem}"),
        }
    }

    fn milestones(&mut self) {
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
        let target = self.target(None);
        if let Some(connection) = &mut self.connection {
            connection.receive(&target, self.paused, self.runtime.handle(), &self.wake);
            self.scene = connection.scene().clone();
        }
        self.take_facts();
        if let Some(intent) = self.dialogs.picked() {
            self.intents.send(intent);
        }
        self.take_pictures(ctx);
        if let Some(picture) = &mut self.picture {
            picture.tick(ctx);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let Self { scene, steering, intents, selection, wanted, settings, contexts, namespaces, .. } = self;
        let cx = Cx {
            scene,
            selected: selection.now(),
            changes: steering.ledger(),
            intents,
            namespaces,
            window_secs: settings.window_secs,
            paused: self.paused,
            read_only: self.args.read_only,
            reads: Reads::new(scene, wanted),
            theme: settings.theme,
            now: Timestamp::now(),
            contexts,
        };
        let plain = Frame::new().fill(ui.visuals().panel_fill);
        if self.connect.covers(&cx) {
            CentralPanel::default().frame(plain).show(ui, |ui| self.connect.ui(ui, &cx));
        } else {
            let rail_width = if self.rail_wide { rail::WIDE } else { rail::NARROW };
            Panel::top("top bar")
                .exact_size(top_bar::HEIGHT)
                .frame(plain)
                .show(ui, |ui| top_bar::ui(ui, &cx, rail_width));
            Panel::bottom("change bar")
                .exact_size(panels::change_bar::HEIGHT)
                .frame(plain)
                .show(ui, |ui| self.change_bar.ui(ui, &cx));
            let open = self.dock.focus();
            Panel::left("rail")
                .exact_size(rail_width)
                .resizable(false)
                .frame(plain)
                .show(ui, |ui| rail::ui(ui, &cx, open, &mut self.rail_wide));
            Panel::right("detail")
                .default_size(384.0)
                .size_range(320.0..=560.0)
                .frame(plain)
                .show(ui, |ui| self.detail.ui(ui, &cx));
            let canvas = Frame::new().fill(kit::Tokens::of(ui).canvas);
            CentralPanel::default().frame(canvas).show(ui, |ui| self.dock.ui(ui, &cx));
        }
        self.palette.ui(ui, &cx);
        // What the parts keep of their own follows the wishes of this frame: drafts, and what was dismissed.
        intents.each(|intent| {
            self.detail.follow(intent, &cx);
            self.change_bar.follow(intent);
            self.dock.follow(intent, &cx);
        });
        if let Some(connection) = &self.connection {
            connection.want(self.wanted.take());
        }
        self.toasts.show(ui.ctx());
        let wishes = self.intents.take();
        let ctx = ui.ctx().clone();
        for (sent_from, intent) in wishes {
            self.perform(&ctx, sent_from, intent);
            // What was asked for shows in the next frame, not at the next movement of the mouse.
            ctx.request_repaint();
        }
        self.milestones();
    }

    fn save(&mut self, _storage: &mut dyn eframe::Storage) {
        self.settings.panels = self.dock.shown();
        self.settings.save();
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.leave();
        let leaving = std::mem::take(&mut self.leaving).join_all();
        let closed = self.runtime.block_on(async { tokio::time::timeout(GOODBYE, leaving).await });
        if closed.is_err() {
            tracing::warn!("the connection did not end within {GOODBYE:?}");
        }
    }

    fn persist_egui_memory(&self) -> bool {
        // Widgets' memory may name things of a cluster; nothing of a cluster is kept.
        false
    }
}
