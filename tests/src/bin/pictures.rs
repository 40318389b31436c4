//! `pictures FOLDER [panels|editors]`: opens every panel and every editor of the tables in the real window, on a
//! sandbox with traffic, and keeps a picture of each, 1280×800. Run it by `cargo xtask pictures`.
#![allow(clippy::print_stdout, reason = "a command line tool talks on its terminal")]

use anyhow::{Context as _, Result, bail};
use harness::window::Widget;
use harness::{Display, Program, Window, free_port};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use panels::editors::{EDITORS, picture_of};
use panels::{PANELS, PanelId, manual};
use std::path::Path;
use std::time::Duration;

/// Longer than anything takes that a person waits for.
const SOON: Duration = Duration::from_secs(20);
/// What is selected for an editor: the first of these that has it.
const SUBJECTS: [&str; 3] = ["reviews v3", "details v1", "ingressgateway"];
/// Where the detail shows what can be pressed.
const DETAIL: std::ops::Range<f32> = 170.0..700.0;
/// Where the head of the editor shall be, for a picture.
const HEAD: std::ops::Range<f32> = 170.0..330.0;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().context("where to?")?;
    let only = args.next();
    let wanted = |part: &str| only.as_deref().is_none_or(|only| only == part);
    let (width, height) = (1280, 800);
    let display = Display::start(width, height)?;
    let port = free_port()?;
    let inspection = format!("127.0.0.1:{port}");
    let env = [
        ("DISPLAY", display.name.as_str()),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("EGUI_INSPECTION", inspection.as_str()),
    ];
    let _program = Program::start(&["--sandbox", "bookinfo"], &env)?;
    let window = Window::connect(port, SOON)?;
    window.resize(width, height)?;
    window.wait_for("reviews v3", Duration::from_secs(60))?;
    window.click("Close first steps")?;
    // With a minute of calls behind it every figure stands; the detail says how long that takes.
    window.click(SUBJECTS[0])?;
    window.wait_for("warming up", SOON)?;
    window.wait_until("a minute of calls", Duration::from_secs(120), |widgets| {
        widgets.iter().all(|widget| !widget.name.contains("warming up")).then_some(())
    })?;
    let folder = Path::new(&folder);
    let keep = |file: String| {
        let file = folder.join(file);
        std::fs::write(&file, small(&window.picture()?)?)?;
        println!("{}", file.display());
        anyhow::Ok(())
    };
    if wanted("panels") {
        for row in PANELS {
            show(&window, row.id, row.about.name)?;
            keep(manual::picture_of(row.about.name))?;
        }
        look_back(&window)?;
        keep(manual::picture_of("Time"))?;
        window.click("Back to now")?;
    }
    if wanted("editors") {
        for row in EDITORS {
            let name = row.about.name;
            open(&window, name)?;
            keep(picture_of(name))?;
            window.click(&format!("Fold {name}"))?;
        }
    }
    Ok(())
}

/// The same picture in fewer bytes.
fn small(picture: &[u8]) -> Result<Vec<u8>> {
    let mut file = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Best, FilterType::NoFilter);
    image::load_from_memory(picture)?.to_rgb8().write_with_encoder(encoder)?;
    Ok(file)
}

/// A minute ago, on the axis below the graph; a narrow toolbar has its button in a menu.
fn look_back(window: &Window) -> Result<()> {
    window.click("Graph")?;
    window.wait_for("Show in graph", SOON)?;
    if window.find("Look back in time").is_ok() {
        window.click("Look back in time")?;
    } else {
        window.click("Show in graph")?;
        window.wait_for("Axis of the last hours", SOON)?;
        window.click("Axis of the last hours")?;
        window.key(egui::Key::Escape, egui::Modifiers::NONE)?;
    }
    window.wait_for("Moment", SOON)?;
    window.click("Back by ")?;
    window.wait_for("As of ", SOON)?;
    Ok(())
}

/// Opens a panel, with something in it; the detail only where the panel is about what is selected.
fn show(window: &Window, panel: PanelId, name: &str) -> Result<()> {
    window.click("Graph")?;
    window.wait_for(SUBJECTS[0], SOON)?;
    window.click(SUBJECTS[0])?;
    window.wait_for("Traces of reviews", SOON)?;
    opened(window, panel, name)?;
    if !matches!(panel, PanelId::Graph | PanelId::Metrics | PanelId::Logs) {
        window.click("Close detail")?;
        window.wait_for("Mesh · ", SOON)?;
    }
    Ok(())
}

fn opened(window: &Window, panel: PanelId, name: &str) -> Result<()> {
    match panel {
        PanelId::Traces => {
            window.click("Traces of reviews")?;
            window.wait_for("trace ", SOON)?;
        }
        PanelId::Explain => {
            window.wait_for("Explain reviews", SOON)?;
            window.click("Explain reviews")?;
            window.wait_for("VirtualService", SOON)?;
        }
        _ => {
            window.click(name)?;
            let there = shows(panel);
            window.wait_until(name, SOON, |widgets| {
                let named = |widget: &Widget| widget.name.contains(there);
                widgets.iter().any(named).then_some(())
            })?;
        }
    }
    Ok(())
}

/// What is there when a panel has what it shows.
fn shows(panel: PanelId) -> &'static str {
    match panel {
        PanelId::Overview => "Search namespaces",
        PanelId::Graph => "edge productpage to reviews v3",
        PanelId::Metrics => "Requests over time: ",
        PanelId::Logs => "  200  ",
        PanelId::Proxies => "Search proxies",
        PanelId::Objects => "Search objects",
        PanelId::Problems => "checks were made",
        PanelId::Changes => "of the cluster",
        PanelId::Traces | PanelId::Explain => "",
    }
}

/// Selects what has the editor, and opens it there, with its head high in the detail.
fn open(window: &Window, editor: &str) -> Result<()> {
    let head = format!("Fold {editor}");
    for subject in SUBJECTS {
        window.click(subject)?;
        let has = |widgets: &[Widget]| {
            let named = |name: &str| widgets.iter().any(|widget| widget.name == name);
            if named(&head) { Some(true) } else { named(editor).then_some(false) }
        };
        let Ok(is_open) = window.wait_until(editor, Duration::from_secs(3), has) else { continue };
        if !is_open {
            window.reveal(editor, DETAIL)?;
            window.click(editor)?;
            window.wait_for(&head, SOON)?;
        }
        return window.reveal(&head, HEAD);
    }
    bail!("nothing of {SUBJECTS:?} has the editor {editor}")
}
