//! The window on sample data, for looking at:
//! `window FILE [--light] [--size WxH] [--select THING] [--scene NAME]` takes a picture and ends; without a
//! file it stays open and can be used.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "an example for people at a terminal")]

use eframe::egui::{self, CentralPanel, Frame, ViewportCommand};
use mesh::graph::NodeId;
use mesh::{Fact, Ledger, Problem, Remote, Scene, demo};
use panels::change_bar::ChangeBar;
use panels::connect::Connect;
use panels::contexts::{ContextId, ContextRow, Contexts, Destination};
use panels::detail::Detail;
use panels::intent::ThemeChoice;
use panels::kit::{Tokens, theme};
use panels::selection::PanelId;
use panels::shell::layout::{self, Layout, Part};
use panels::shell::palette::Palette;
use panels::shell::rail;
use panels::shell::top_bar::TopBar;
use panels::{Cx, Intent, Intents, PANELS, Panel, Reads, Selected, Selection, Wanted};
use std::path::PathBuf;

struct Window {
    scene: Scene,
    ledger: Ledger,
    intents: Intents,
    selection: Selection,
    contexts: Contexts,
    theme: ThemeChoice,
    open: PanelId,
    layout: Layout,
    top: TopBar,
    panels: Vec<(PanelId, Box<dyn Panel>)>,
    connect: Connect,
    detail: Detail,
    bar: ChangeBar,
    palette: Palette,
    picture: Option<PathBuf>,
    script: Vec<(u64, egui::Event)>,
    frames: u64,
    wanted: Wanted,
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        theme::apply(ui.ctx(), self.theme);
        let cx = Cx {
            file: None,
            scene: &self.scene,
            selected: self.selection.now(),
            changes: &self.ledger,
            intents: &self.intents,
            namespaces: &[],
            window_secs: 60,
            paused: false,
            read_only: false,
            workloads: false,
            reads: Reads::new(&self.scene, &self.wanted),
            theme: self.theme,
            now: demo::NOW + jiff::SignedDuration::from_millis(1200),
            contexts: &self.contexts,
        };
        let tokens = Tokens::of(ui);
        let surface = Frame::new().fill(tokens.surface);
        if self.connect.covers(&cx) {
            CentralPanel::default().frame(surface).show(ui, |ui| self.connect.ui(ui, &cx));
        } else {
            let held = self.detail.held(&cx);
            let Self { layout, top, open, panels, detail, bar, .. } = self;
            layout.ui(ui, &mut |ui, part, names| match part {
                Part::TopBar => top.ui(ui, &cx, layout::rail_width(*names)),
                Part::Rail => rail::ui(ui, &cx, *open, names),
                Part::Centre => {
                    if let Some((_, panel)) = panels.iter_mut().find(|(id, _)| id == open) {
                        panel.ui(ui, &cx);
                    }
                }
                Part::Detail => detail.ui(ui, &cx),
                Part::ChangeBar => bar.ui(ui, &cx, &held),
            });
            self.palette.ui(ui, &cx);
        }
        self.intents.each(|intent| {
            self.detail.follow(intent, &cx);
            self.bar.follow(intent);
        });
        for (_, intent) in self.intents.take() {
            self.perform(intent);
        }
        self.take_picture(ui.ctx());
    }

    fn raw_input_hook(&mut self, _ctx: &egui::Context, input: &mut egui::RawInput) {
        let frame = self.frames;
        input
            .events
            .extend(self.script.iter().filter(|(at, _)| *at == frame).map(|(_, event)| event.clone()));
    }
}

impl Window {
    /// Carries out what needs no cluster; a checked change is taken at once.
    fn perform(&mut self, intent: Intent) {
        match intent {
            Intent::Select(selected) => self.selection.set(selected),
            Intent::Draft(at, _) | Intent::Mend(at, _) => self.selection.set(Some(Selected::Object(at))),
            Intent::Back => self.selection.back(),
            Intent::Open(panel) => self.open = panel,
            Intent::Theme(theme) => self.theme = theme,
            Intent::Palette => self.palette.open(),
            Intent::Check(id, change) => {
                if let Some((id, _)) = self.ledger.put(id, *change, &self.scene.mesh, demo::NOW) {
                    self.ledger.record(id, &Fact::Checked(Vec::new()), demo::NOW);
                }
            }
            Intent::Push(id) => {
                self.ledger.sent(id, demo::NOW);
                let Some(change) = self.ledger.get(id).map(|entry| entry.change.clone()) else { return };
                let after = mesh::Stored::as_wanted(&change);
                let proxies = change.evidence.proxies();
                let of = proxies.len();
                self.ledger.record(id, &Fact::Accepted(after), demo::NOW);
                self.ledger.record(id, &Fact::Seen, demo::NOW);
                let waiting = proxies.last().map(|name| (*name).to_owned()).into_iter().collect();
                let later = demo::NOW + jiff::SignedDuration::from_millis(84);
                self.ledger.record(id, &Fact::Acked { acked: of - 1, of, waiting }, later);
            }
            Intent::Dismiss(id) => drop(self.ledger.dismiss(id, &self.scene.mesh, demo::NOW)),
            other => eprintln!("{other:?}"),
        }
    }

    fn take_picture(&mut self, ctx: &egui::Context) {
        self.frames += 1;
        let Some(file) = &self.picture else { return };
        ctx.request_repaint();
        let last = self.script.iter().map(|(at, _)| *at).max().unwrap_or(0);
        if self.frames == last + 12 {
            ctx.send_viewport_cmd(ViewportCommand::Screenshot(egui::UserData::default()));
        }
        let shot = ctx.input(|input| {
            input.raw.events.iter().find_map(|event| match event {
                egui::Event::Screenshot { image, .. } => Some(image.clone()),
                _ => None,
            })
        });
        if let Some(shot) = shot {
            let [width, height] = shot.size.map(|side| side as u32);
            let bytes: Vec<u8> = shot.pixels.iter().flat_map(|pixel| pixel.to_array()).collect();
            image::RgbaImage::from_raw(width, height, bytes).unwrap().save(file).unwrap();
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }
}

/// Samples by name.
fn scene(name: &str) -> Scene {
    let trouble = Problem::new(
        "Prometheus does not answer",
        "connection refused at istio-system/prometheus:9090",
        "It is asked again in 5 s",
    );
    let live = demo::scene();
    match name {
        "connect" | "none" | "connecting" => Scene::default(),
        "empty" => demo::empty_scene(),
        "denied" => Scene { traffic: Remote::Denied(trouble), ..live },
        "stale" => Scene { traffic: live.traffic.clone().failed(trouble), ..live },
        _ => live,
    }
}

fn contexts(name: &str) -> Contexts {
    let row = |name: &str, server: &str, user: &str, file: &str| ContextRow {
        name: name.into(),
        cluster: name.into(),
        server: server.into(),
        user: user.into(),
        file: file.into(),
        ..ContextRow::default()
    };
    let mut rows = vec![
        row("prod-eu-1", "https://10.20.0.1:6443", "oidc:anna", "~/.kube/config"),
        ContextRow {
            current: true,
            namespace: Some("shop".into()),
            ..row("staging", "https://k8s.staging.example.com", "anna", "~/.kube/config")
        },
        row("kind-mesh", "https://127.0.0.1:41233", "kind-mesh", "~/.kube/kind.yaml"),
        ContextRow {
            problem: Some(Problem::new(
                "Its user needs a program that is missing",
                "gke-gcloud-auth-plugin is not in PATH",
                "Install it and try again",
            )),
            ..row("gke-legacy", "https://34.90.1.2", "gke-legacy", "~/.kube/config")
        },
    ];
    let mut problems = Vec::new();
    if name == "none" {
        rows.clear();
        problems.push(Problem::new(
            "No kubeconfig was read",
            "~/.kube/config does not exist",
            "Open one, or start a sandbox",
        ));
    }
    Contexts {
        rows,
        problems,
        last: Some(Destination::Context(context("kind-mesh"))),
        connecting: (name == "connecting").then(|| Destination::Context(context("staging"))),
        ..Contexts::default()
    }
}

fn context(name: &str) -> ContextId {
    ContextId { name: name.into(), file: String::new() }
}

fn connecting(scene: &mut Scene) {
    use mesh::scene::{Step, StepState};
    scene.context = "staging".into();
    let stalled = Problem::new(
        "No Prometheus was found",
        "No Service named prometheus in istio-system or any namespace",
        "Name one with --prometheus URL, or go on without rates",
    );
    scene.steps = [
        (Step::Context, StepState::Done("kubeconfig ~/.kube/config".into())),
        (Step::Api, StepState::Done("Kubernetes 1.33, 5 ms".into())),
        (Step::Kinds, StepState::Running(demo::NOW)),
        (Step::Istiod, StepState::Done("istiod 1.27.0, 1 replica".into())),
        (Step::Prometheus, StepState::Failed(stalled)),
    ]
    .into();
}

fn selected(name: &str) -> Option<Selected> {
    match name.split('/').collect::<Vec<_>>()[..] {
        ["service", name] => Some(Selected::Service("bookinfo".into(), name.into())),
        ["version", app, version] => Some(Selected::App("bookinfo".into(), app.into(), Some(version.into()))),
        ["edge", from, to] => {
            let version = |name: &str| {
                let (app, version) = name.split_once(':')?;
                Some(NodeId::app(&mesh::ClusterId::default(), "bookinfo", app, Some(version)))
            };
            Some(Selected::Edge(version(from)?, version(to)?))
        }
        ["object", kind, name] => {
            let kind = mesh::KINDS.iter().find(|row| row.kind == kind)?;
            Some(Selected::Object(mesh::Ref::new(kind, "bookinfo", name)))
        }
        _ => None,
    }
}

fn main() -> eframe::Result {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let option =
        |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let size = option("--size").unwrap_or_else(|| "1440x900".into());
    let size: Vec<f32> = size.split('x').map(|side| side.parse().unwrap()).collect();
    let name = option("--scene").unwrap_or_default();
    let mut scene = scene(&name);
    if name == "connecting" {
        connecting(&mut scene);
    }
    let mut selection = Selection::default();
    selection.set(selected(&option("--select").unwrap_or_default()));
    let mut script = Vec::new();
    for (index, step) in args
        .iter()
        .zip(args.iter().skip(1))
        .filter(|(name, _)| *name == "--click" || *name == "--move")
        .enumerate()
    {
        let at: Vec<f32> = step.1.split(',').map(|side| side.parse().unwrap()).collect();
        let (at, frame) = (egui::pos2(at[0], at[1]), 8 + index as u64 * 8);
        script.push((frame, egui::Event::PointerMoved(at)));
        if step.0 == "--click" {
            let press = |pressed| egui::Event::PointerButton {
                pos: at,
                button: egui::PointerButton::Primary,
                pressed,
                modifiers: egui::Modifiers::NONE,
            };
            script.extend([(frame + 2, press(true)), (frame + 4, press(false))]);
        }
    }
    let mut palette = Palette::default();
    if args.iter().any(|arg| arg == "--palette") {
        palette.open();
    }
    let window = Window {
        contexts: contexts(&name),
        scene,
        ledger: Ledger::default(),
        intents: Intents::default(),
        selection,
        theme: if args.iter().any(|arg| arg == "--light") { ThemeChoice::Light } else { ThemeChoice::Dark },
        open: match option("--panel").as_deref() {
            Some("traces") => PanelId::Traces,
            Some("changes") => PanelId::Changes,
            Some("objects") => PanelId::Objects,
            _ => PanelId::Graph,
        },
        layout: Layout::default(),
        top: TopBar::default(),
        panels: PANELS.iter().map(|row| (row.id, (row.make)())).collect(),
        connect: Connect::default(),
        detail: Detail::default(),
        bar: ChangeBar::default(),
        palette,
        picture: args.first().filter(|file| file.ends_with(".png")).map(PathBuf::from),
        script,
        frames: 0,
        wanted: Wanted::default(),
    };
    let viewport = egui::ViewportBuilder::default()
        .with_inner_size([size[0], size[1]])
        .with_decorations(false)
        .with_position([0.0, 0.0]);
    let options = eframe::NativeOptions { viewport, persist_window: false, ..Default::default() };
    eframe::run_native("binnacle-window-example", options, Box::new(|_| Ok(Box::new(window))))
}
