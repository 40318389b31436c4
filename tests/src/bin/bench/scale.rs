//! Budgets of large meshes: how soon a made-up one is ready, how soon the window shows it, and how often a
//! frame of it is presented while it is panned. All without Envoys, so that this is what the program itself
//! costs.

use crate::memory::resident_mb;
use crate::running::{cpu_seconds, seconds};
use crate::{Row, median};
use anyhow::{Context as _, Result};
use egui::{Event, PointerButton, vec2};
use harness::{Display, Program, Window, free_port};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Frames that are looked at while panning.
const FRAMES: usize = 120;

/// Measures them at three sizes each.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (services, pods, what, budget) in [
        (100, 200, "sandbox ready, synthetic, 100 services / 200 pods", "-"),
        (500, 2_000, "  500 / 2,000", "3 s"),
        (5_000, 20_000, "  5,000 / 20,000", "30 s"),
    ] {
        rows.push(ready(services, pods, what, budget)?);
    }
    let display = Display::start(1900, 1040)?;
    for (services, what) in [
        (10, "window on a mesh → every node named, 10 services"),
        (100, "  100 services"),
        (300, "  300 services"),
    ] {
        rows.extend(window(&display, services, what)?);
    }
    Ok(rows)
}

fn synthetic(services: usize, pods: usize) -> Result<(Program, Value, Duration)> {
    let (services, pods) = (services.to_string(), pods.to_string());
    let args =
        ["sandbox", "--scenario", "synthetic", "--services", &services, "--pods", &pods, "--rps", "50"];
    let started = Instant::now();
    let mut sandbox = Program::start(&args, &[("BINNACLE_ENVOY", "/nowhere/envoy")])?;
    let line = sandbox.line(Duration::from_secs(300))?;
    Ok((sandbox, serde_json::from_str(&line)?, started.elapsed()))
}

fn ready(services: usize, pods: usize, what: &'static str, budget: &'static str) -> Result<Row> {
    let (sandbox, _, took) = synthetic(services, pods)?;
    let (cpu, memory) = (cpu_seconds(sandbox.pid())?, resident_mb(sandbox.pid())?);
    let told = Instant::now();
    sandbox.stop(Duration::from_secs(60))?;
    let text = format!(
        "{} ({cpu:.1} s of CPU, {memory:.0} MB; ends {} after SIGTERM)",
        seconds(took),
        seconds(told.elapsed())
    );
    Ok(Row::new(what, budget, text))
}

/// Opens the window on a mesh that has been measured for a while, and pans the largest of it.
fn window(display: &Display, services: usize, what: &'static str) -> Result<Vec<Row>> {
    let (sandbox, ready, _) = synthetic(services, services * 2)?;
    let kubeconfig = ready["kubeconfig"].as_str().context("no kubeconfig")?;
    let port = free_port()?;
    let inspection = format!("127.0.0.1:{port}");
    let env = [
        ("DISPLAY", display.name.as_str()),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("EGUI_INSPECTION", &inspection),
    ];
    // Two scrapes, so that there are rates.
    harness::window::pause(20_000);
    let started = Instant::now();
    let program = Program::start(&["--kubeconfig", kubeconfig, "--context", "sandbox"], &env)?;
    let window = Window::connect(port, Duration::from_secs(10))?;
    window.wait_until("every service", Duration::from_secs(60), |widgets| {
        let nodes = widgets.iter().filter_map(|widget| widget.name.strip_prefix("service-"));
        let named: BTreeSet<&str> = nodes.filter_map(|rest| rest.split(' ').next()).collect();
        (named.len() >= services).then_some(())
    })?;
    let mut rows = vec![Row::new(what, "-", seconds(started.elapsed()))];
    if services >= 300 {
        rows.push(panning(&window, program.pid())?);
    }
    drop((window, program));
    sandbox.stop(Duration::from_secs(60))?;
    Ok(rows)
}

/// Moves the graph to and fro. Each movement is answered by the frame that shows it, so that the time between
/// two answers is that between two presented frames.
fn panning(window: &Window, pid: u32) -> Result<Row> {
    window.resize(1900, 1040)?;
    harness::window::pause(1500);
    let middle = egui::pos2(700.0, 500.0);
    let button = |pressed| Event::PointerButton {
        pos: middle,
        button: PointerButton::Middle,
        pressed,
        modifiers: egui::Modifiers::NONE,
    };
    window.events([Event::PointerMoved(middle), button(true)])?;
    let (cpu, begun) = (cpu_seconds(pid)?, Instant::now());
    let mut between = Vec::new();
    for frame in 0..FRAMES {
        let away = 60.0 * (frame as f32 / 10.0).sin();
        let asked = Instant::now();
        window.events([Event::PointerMoved(middle + vec2(away, away / 2.0))])?;
        between.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    let used = (cpu_seconds(pid)? - cpu) / begun.elapsed().as_secs_f64() * 100.0;
    window.events([button(false)])?;
    between.sort_by(f64::total_cmp);
    let slow = between[between.len() * 95 / 100];
    let text = format!(
        "every {:.0} ms (median; 95 of 100 within {slow:.0} ms), {used:.0} % of a core",
        median(between)
    );
    Ok(Row::new("  frames presented while panning, 1900×1040, software GL", "-", text))
}
