//! Shows the graph and the kit on made-up data, without a cluster:
//! `gallery [graph|kit|large] [dark|light] [WxH] [picture.png]`. With a picture's name, it saves what it
//! shows and ends.

#![expect(clippy::print_stderr, reason = "a program for the terminal")]

use eframe::egui;
use egui::{Context, Event, UserData, Vec2, ViewportCommand, vec2};
use panels::contexts::Contexts;
use panels::cx::{Cx, Intents};
use panels::graph::Graph;
use panels::graph::canvas::{Canvas, Picture, Setting};
use panels::graph::find::Find;
use panels::graph::view::{Labels, View};
use panels::graph::{place, sample};
use panels::intent::{Intent, ThemeChoice};
use panels::kit::{
    self, Button, Status, Tokens, badge, button, card, diff, field, icon, problem, progress, remote, shares,
    table, text, theme,
};
use panels::{Panel, Reads, Selected, Wanted};
use std::collections::BTreeMap;
use std::path::PathBuf;

fn main() -> eframe::Result {
    let mut args = std::env::args().skip(1);
    let what = args.next().unwrap_or_else(|| "graph".to_owned());
    let theme = if args.next().as_deref() == Some("light") { ThemeChoice::Light } else { ThemeChoice::Dark };
    let size = args.next().and_then(|size| {
        let (width, height) = size.split_once('x')?;
        Some(vec2(width.parse().ok()?, height.parse().ok()?))
    });
    let picture = args.next().map(PathBuf::from);
    let size: Vec2 = size.unwrap_or(vec2(1440.0, 900.0));
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_inner_size(size)
            .with_position([0.0, 0.0])
            .with_decorations(false),
        persist_window: false,
        ..Default::default()
    };
    eframe::run_native(
        "gallery",
        options,
        Box::new(move |cc| {
            theme::apply(&cc.egui_ctx, theme);
            Ok(Box::new(Gallery::new(what, theme, picture)))
        }),
    )
}

struct Gallery {
    what: String,
    theme: ThemeChoice,
    picture: Option<PathBuf>,
    frame: usize,
    graph: Graph,
    selected: Option<Selected>,
    scene: mesh::Scene,
    ledger: mesh::Ledger,
    intents: Intents,
    contexts: Contexts,
    wanted: Wanted,
    large: Option<(Canvas, Picture)>,
    shares: Vec<shares::Share>,
    table: table::State,
    search: String,
    when: jiff::Timestamp,
    pointer: egui::Pos2,
}

impl Gallery {
    fn new(what: String, theme: ThemeChoice, picture: Option<PathBuf>) -> Self {
        let share = |name: &str, wanted, current, measured, locked, color| shares::Share {
            name: name.to_owned(),
            wanted,
            current,
            measured,
            locked,
            color,
        };
        let tokens = Tokens::dark(theme == ThemeChoice::Dark);
        let large = what.strip_prefix("large").map(|size| {
            let nodes: usize = size.trim_start_matches('-').parse().unwrap_or(1000);
            let graph = sample::large(nodes, nodes * 3);
            let view = View::of(&graph, &place(&graph), Labels::default(), &Find::default());
            (Canvas::default(), Picture::new(view))
        });
        let small = (what == "sample").then(|| {
            let graph = sample::bookinfo();
            let view = View::of(&graph, &place(&graph), Labels::default(), &Find::default());
            (Canvas::default(), Picture::new(view))
        });
        let scene = mesh::demo::scene();
        let selected = std::env::var("SELECT").ok().map(|name| match name.split_once('/') {
            Some((app, version)) => Selected::App("bookinfo".into(), app.into(), Some(version.into())),
            None => Selected::App("bookinfo".into(), name, None),
        });
        Self {
            what,
            theme,
            picture,
            frame: 0,
            graph: Graph::default(),
            selected,
            when: scene.traffic.at().unwrap_or(jiff::Timestamp::UNIX_EPOCH),
            scene,
            ledger: mesh::Ledger::default(),
            intents: Intents::default(),
            contexts: Contexts::default(),
            wanted: Wanted::default(),
            large: large.or(small),
            shares: vec![
                share("v1", 75, 90, Some((74.6, 3.5)), false, tokens.version("v1")),
                share("v2", 0, 0, Some((0.0, 0.0)), true, tokens.version("v2")),
                share("v3", 25, 10, Some((25.4, 3.5)), false, tokens.version("v3")),
            ],
            table: table::State::default(),
            pointer: egui::Pos2::ZERO,
            search: String::new(),
        }
    }

    fn kit(&mut self, ui: &mut egui::Ui) {
        let tokens = Tokens::of(ui);
        egui::Panel::right("detail").exact_size(384.0).show(ui, |ui| {
            text::muted(ui, "Service · bookinfo");
            text::title(ui, "reviews");
            badge::status(ui, Status::Degraded, "v3 → ratings answers 503 on 38 % of calls");
            card::tiles(
                ui,
                &[("9.9", "requests / s"), ("9.6 %", "errors"), ("22 ms", "p95"), ("100 %", "mutual TLS")],
            );
            ui.add_space(12.0);
            kit::section(ui, "Traffic split", "VirtualService reviews · all other calls");
            let words = shares::Words { of: "reviews", over: Ok("over the last minute"), unset: None };
            for moved in shares::shares(ui, &words, &self.shares) {
                match moved {
                    shares::Moved::Set(index, percent) => self.shares[index].wanted = percent,
                    shares::Moved::Lock(index, locked) => self.shares[index].locked = locked,
                    shares::Moved::Released(_) => {}
                }
            }
            ui.horizontal(|ui| {
                for label in ["Even", "Reset", "Canary…"] {
                    ui.add(Button::quiet(label));
                }
            });
            ui.add_space(12.0);
            kit::section(ui, "Add", "");
            ui.horizontal_wrapped(|ui| {
                for label in ["Fault", "Timeout, retries", "Mirror", "Circuit breaker", "Access"] {
                    ui.add(Button::quiet(label));
                }
            });
        });
        egui::Panel::bottom("bar").exact_size(64.0).show(ui, |ui| {
            ui.horizontal_centered(|ui| {
                text::strong(
                    ui,
                    "v3 of reviews gets 25 % instead of 10 %, v1 75 % instead of 90 % of all other calls",
                );
                progress::segments(ui, 6, 7, tokens.healthy, 130.0, "proxies");
                ui.add(Button::quiet("Diff"));
                ui.add(Button::quiet("Undo"));
                ui.add(Button::primary("Push"));
                ui.add_enabled(false, Button::primary("Push"));
                ui.add(Button::quiet("Delete").danger().with_icon(icon::TRASH));
            });
        });
        egui::CentralPanel::default().show(ui, |ui| {
            ui.horizontal(|ui| {
                button::menu(ui, "Versioned app", "Graph type", |ui| button::choice(ui, true, "Versioned app"));
                field::search(ui, egui::Id::new("s"), "Find", "Find", &mut self.search, 200.0);
                ui.add(Button::icon(icon::COPY, "Copy"));
                ui.add(Button::quiet("On").selected(true));
                kit::pill(ui, "live", tokens.healthy);
                kit::pill(ui, "stale", tokens.degraded);
                badge::count(ui, 2, tokens.degraded, "2 problems");
            });
            for status in [Status::Healthy, Status::Degraded, Status::Failing, Status::Idle] {
                badge::status(ui, status, "why it is so");
            }
            let what = "reviews was not changed";
            problem::problem(ui, problem::Level::Error, what, "Somebody else changed it at 10:42", "Rebuild the change on the newer version", Some("Rebuild"));
            problem::problem(ui, problem::Level::Warning, "Prometheus does not answer", "connection refused", "Check the address", None);
            remote::stale(ui, "5 s ago", "Traffic is old", "Prometheus does not answer", "Trying again");
            remote::waiting(ui, "Reading services");
            let before = "spec:\n  http:\n  - route:\n    - destination:\n        subset: v1\n      weight: 90\n    - destination:\n        subset: v3\n      weight: 10\n";
            diff::diff(ui, "Diff of VirtualService reviews", before, &before.replace("90", "75").replace("10", "25"));
            let columns = [table::Column::text("Service", 3.0), table::Column::number("Rate", 1.0), table::Column::number("p95", 1.0)];
            table::table(ui, "services", &mut self.table, &columns, &Rows, 1, Some(1));
        });
    }
}

struct Rows;
impl table::Rows for Rows {
    fn len(&self) -> usize {
        400
    }
    fn cell(&self, row: usize, column: usize) -> table::Cell {
        match column {
            0 => table::Cell {
                status: Some([Status::Healthy, Status::Degraded, Status::Failing, Status::Idle][row % 4]),
                ..table::Cell::text(format!("service {row}"))
            },
            1 => table::Cell::number(row as f64, kit::fmt::rps(row as f64)),
            _ => table::Cell::number((row * 7 % 100) as f64, kit::fmt::ms((row * 7 % 100) as f64)),
        }
    }
}

impl eframe::App for Gallery {
    /// `POINTER="400,300;click;420,310"` moves and clicks, a step each few frames, so that menus and tooltips
    /// can be photographed.
    fn raw_input_hook(&mut self, _ctx: &Context, raw: &mut egui::RawInput) {
        let Ok(steps) = std::env::var("POINTER") else { return };
        let steps: Vec<&str> = steps.split(';').collect();
        let Some(step) = self.frame.checked_sub(8).filter(|at| at % 3 == 0).and_then(|at| steps.get(at / 3))
        else {
            return;
        };
        if let Some((x, y)) = step.split_once(',') {
            if let (Ok(x), Ok(y)) = (x.parse(), y.parse()) {
                self.pointer = egui::pos2(x, y);
                raw.events.push(Event::PointerMoved(self.pointer));
            }
        } else {
            let button =
                if *step == "menu" { egui::PointerButton::Secondary } else { egui::PointerButton::Primary };
            for pressed in [true, false] {
                raw.events.push(Event::PointerButton {
                    pos: self.pointer,
                    button,
                    pressed,
                    modifiers: egui::Modifiers::NONE,
                });
            }
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.frame += 1;
        if let Some((canvas, picture)) = &mut self.large {
            let tokens = Tokens::of(ui);
            ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.canvas);
            if self.frame == 3
                && let Some(zoom) = std::env::var("ZOOM").ok().and_then(|zoom| zoom.parse::<f32>().ok())
            {
                canvas.zoom_by(zoom / canvas.zoom());
            }
            let wave =
                (0..40).map(|at| 5.0 + (at as f32 * 0.4).sin() * 2.0 + at as f32 * 0.1).collect::<Vec<f32>>();
            let history: BTreeMap<_, Vec<f32>> =
                picture.view.cards.iter().map(|card| (card.id.clone(), wave.clone())).collect();
            let setting = Setting {
                name: "Service graph",
                selected: self.selected.as_ref(),
                flowing: true,
                minimap: true,
                movable: true,
                history: &history,
            };
            let done = canvas.ui(ui, picture, &setting, &mut |_, _, _| {});
            if let Some(select) = done.select {
                self.selected = select;
            }
        } else if self.what == "kit" {
            self.kit(ui);
        } else {
            let cx = Cx {
                file: None,
                scene: &self.scene,
                selected: self.selected.as_ref(),
                changes: &self.ledger,
                intents: &self.intents,
                namespaces: &[],
                window_secs: 60,
                paused: false,
                read_only: false,
                workloads: false,
                reads: Reads::new(&self.scene, &self.wanted),
                theme: self.theme,
                now: self.when,
                contexts: &self.contexts,
            };
            self.graph.ui(ui, &cx);
            for (_, intent) in self.intents.take() {
                if let Intent::Select(selected) = intent {
                    self.selected = selected;
                }
            }
        }
        self.photograph(ui.ctx());
    }
}

impl Gallery {
    /// Takes the picture when everything stands, saves it, and ends.
    fn photograph(&self, ctx: &Context) {
        let Some(path) = &self.picture else { return };
        ctx.request_repaint();
        if self.frame == 80 {
            ctx.send_viewport_cmd(ViewportCommand::Screenshot(UserData::default()));
        }
        let shot = ctx.input(|input| {
            input.events.iter().find_map(|event| match event {
                Event::Screenshot { image, .. } => Some(image.clone()),
                _ => None,
            })
        });
        if let Some(shot) = shot {
            let [width, height] = shot.size;
            let saved =
                image::save_buffer(path, shot.as_raw(), width as u32, height as u32, image::ColorType::Rgba8);
            if let Err(error) = saved {
                eprintln!("The picture was not saved: {error}");
            }
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }
}
