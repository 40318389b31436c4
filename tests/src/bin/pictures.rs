//! `pictures FOLDER`: opens every editor of the table in the real window, on a sandbox with traffic, and keeps a
//! picture of each, 1280×800. Run it by `cargo xtask pictures`.
#![allow(clippy::print_stdout, reason = "a command line tool talks on its terminal")]

use anyhow::{Context as _, Result, bail};
use harness::window::Widget;
use harness::{Display, Program, Window, free_port};
use panels::editors::{EDITORS, picture_of};
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
    let folder = std::env::args().nth(1).context("where to?")?;
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
    for row in EDITORS {
        let name = row.about.name;
        open(&window, name)?;
        let file = Path::new(&folder).join(picture_of(name));
        std::fs::write(&file, window.picture()?)?;
        println!("{name}: {}", file.display());
        window.click(&format!("Fold {name}"))?;
    }
    Ok(())
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
