//! Budgets of the running program: the window on a sandbox, and a push through it.

use crate::memory::{Memory, resident_mb};
use crate::{Row, median};
use anyhow::{Context as _, Result, bail};
use cluster::{Cluster, Command, Target};
use harness::{Display, Program, Window, free_port};
use mesh::{Change, Fact, Ledger, Scene};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PUSHES: usize = 11;

/// Starts the window on a sandbox of its own, then a sandbox alone, and measures both.
pub(crate) fn rows() -> Result<Vec<Row>> {
    let mut rows = window()?;
    let started = Instant::now();
    let mut sandbox = Program::start(&["sandbox"], &[])?;
    let ready: Value = serde_json::from_str(&sandbox.line(Duration::from_secs(60))?)?;
    rows.push(Row::new("sandbox ready, bookinfo", "5 s", seconds(started.elapsed())));
    let kubeconfig = PathBuf::from(ready["kubeconfig"].as_str().context("no kubeconfig")?);
    let runtime = tokio::runtime::Runtime::new()?;
    let (all, median_ms) = runtime.block_on(pushes(kubeconfig))?;
    rows.push(Row::new(
        "push → all proxies of the sandbox acked",
        "250 ms",
        format!(
            "{median_ms:.0} ms (median of {}; slowest {:.0} ms)",
            all.len(),
            all.iter().copied().fold(0.0, f64::max)
        ),
    ));
    sandbox.stop(Duration::from_secs(5))?;
    rows.extend(both_applications()?);
    Ok(rows)
}

/// The largest scenario: how soon it is ready, and what a pod costs.
fn both_applications() -> Result<[Row; 2]> {
    let started = Instant::now();
    let mut sandbox = Program::start(&["sandbox", "--scenario", "all"], &[])?;
    let ready: Value = serde_json::from_str(&sandbox.line(Duration::from_secs(60))?)?;
    let took = started.elapsed();
    let memory = Memory::of(sandbox.pid())?;
    let rows = [
        Row::new("sandbox ready, tutorial + bookinfo", "8 s", seconds(took)),
        Row::new(
            "  memory per pod",
            "-",
            memory.per_pod(ready["proxies"].as_u64().context("no proxies")? as usize),
        ),
    ];
    sandbox.stop(Duration::from_secs(5))?;
    Ok(rows)
}

fn window() -> Result<Vec<Row>> {
    let display = Display::start(1440, 900)?;
    let port = free_port()?;
    let inspection = format!("127.0.0.1:{port}");
    let env = [
        ("DISPLAY", display.name.as_str()),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("EGUI_INSPECTION", &inspection),
        ("RUST_LOG", "binnacle::timing=info"),
    ];
    let started = Instant::now();
    let program = Program::start(&["--sandbox"], &env)?;
    program.stderr_line("first frame", Duration::from_secs(20))?;
    let first = started.elapsed();
    program.stderr_line("live graph", Duration::from_secs(60))?;
    let live = started.elapsed();
    let mut rows = vec![
        Row::new("launch → first frame", "0.4 s", seconds(first)),
        Row::new("launch → live sandbox graph", "6 s", seconds(live)),
    ];

    let window = Window::connect(port, Duration::from_secs(10))?;
    window.wait_for("reviews v3", Duration::from_secs(20))?;
    let busy = load(program.pid(), Duration::from_secs(10))?;
    rows.push(Row::new(
        "window with live sandbox inside it, all threads",
        "-",
        format!("{busy:.1} % of a core"),
    ));
    rows.push(Row::new(
        "memory, sandbox graph open",
        "200 MB",
        format!("{:.0} MB", resident_mb(program.pid())?),
    ));
    drop((window, program));

    rows.push(idle(&display)?);
    Ok(rows)
}

/// A window that looks at a sandbox elsewhere, with its data paused.
fn idle(display: &Display) -> Result<Row> {
    let mut sandbox = Program::start(&["sandbox"], &[])?;
    let ready: Value = serde_json::from_str(&sandbox.line(Duration::from_secs(60))?)?;
    let port = free_port()?;
    let inspection = format!("127.0.0.1:{port}");
    let env = [
        ("DISPLAY", display.name.as_str()),
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("EGUI_INSPECTION", &inspection),
    ];
    let kubeconfig = ready["kubeconfig"].as_str().context("no kubeconfig")?;
    let program = Program::start(&["--kubeconfig", kubeconfig, "--context", "sandbox"], &env)?;
    let window = Window::connect(port, Duration::from_secs(10))?;
    window.wait_for("edge productpage to reviews v3", Duration::from_secs(30))?;
    window.click("Pause live data")?;
    drop(window);
    // The frames that end the pause's own animation are not idle yet.
    harness::window::pause(1500);
    let idle = load(program.pid(), Duration::from_secs(10))?;
    Ok(Row::new("idle window, live data paused", "< 1 % of a core", format!("{idle:.2} % of a core")))
}

/// Shifts weights of reviews to and fro; milliseconds from Push to the last acknowledgement.
pub(crate) async fn pushes(kubeconfig: PathBuf) -> Result<(Vec<f64>, f64)> {
    let target = Target { kubeconfig: Some(kubeconfig), ..Target::default() };
    let mut cluster = Cluster::connect(target, Arc::new(|| {}));
    let ready =
        |scene: &Arc<Scene>| scene.ready() && scene.proxies.value().is_some_and(|proxies| proxies.len() == 7);
    tokio::time::timeout(Duration::from_secs(20), cluster.scene.wait_for(ready))
        .await
        .context("the mesh was not read")??;
    let mut ledger = Ledger::default();
    let mut all = Vec::new();
    for round in 0..PUSHES {
        let scene = cluster.scene.borrow().clone();
        let change = shift(&scene, if round % 2 == 0 { 70 } else { 20 })?;
        let id = mesh::ChangeId::fresh();
        ledger.open(id, change.clone(), None, now());
        let pushed = Instant::now();
        cluster.commands.send(Command::Push(id, Box::new(change), cluster::Of::default())).await?;
        loop {
            let next = tokio::time::timeout(Duration::from_secs(10), cluster.facts.recv())
                .await
                .context("no more news of the push")?;
            match next.context("the connection ended")? {
                (of, Fact::Acked { acked, of: all_of_them, .. }) if of == id && acked == all_of_them => break,
                (of, Fact::Refused(problem) | Fact::Unknowable(problem)) if of == id => bail!("{problem}"),
                _ => {}
            }
        }
        all.push(pushed.elapsed().as_secs_f64() * 1000.0);
        // The next change is made on what the watch shows.
        let seen = |scene: &Arc<Scene>| weight(scene) == Some(if round % 2 == 0 { 70 } else { 20 });
        tokio::time::timeout(Duration::from_secs(5), cluster.scene.wait_for(seen))
            .await
            .context("the watch does not show the push")??;
    }
    cluster.finish().await;
    let middle = median(all.clone());
    Ok((all, middle))
}

fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

fn weight(scene: &Scene) -> Option<u32> {
    let service = scene.mesh.service("bookinfo", "reviews")?;
    let rule = mesh::edit::rules(&scene.mesh, service).pop()?;
    rule.shares.iter().find(|(name, _)| name == "v3").map(|(_, weight)| *weight)
}

/// v3 of reviews gets `percent`, v1 the rest.
fn shift(scene: &Scene, percent: u32) -> Result<Change> {
    let service = scene.mesh.service("bookinfo", "reviews").context("no reviews")?;
    let rule = mesh::edit::rules(&scene.mesh, service).pop().context("reviews has no rule")?;
    let wanted: Vec<(String, u32)> = rule
        .shares
        .iter()
        .map(|(name, _)| match name.as_str() {
            "v3" => (name.clone(), percent),
            "v1" => (name.clone(), 100 - percent),
            _ => (name.clone(), 0),
        })
        .collect();
    let wanted = mesh::split::Split::new(wanted).context("no shares")?;
    mesh::edit::split(&scene.mesh, &rule.at, &wanted).context("nothing to change")
}

/// Percent of one core that a process uses over a while.
pub(crate) fn load(pid: u32, during: Duration) -> Result<f64> {
    let before = cpu_seconds(pid)?;
    let begun = Instant::now();
    harness::window::pause(during.as_millis() as u64);
    Ok((cpu_seconds(pid)? - before) / begun.elapsed().as_secs_f64() * 100.0)
}

/// User and system time so far, of all threads.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit(')').next().context("an odd stat line")?;
    let ticks = |index: usize| -> Result<f64> {
        Ok(after_name.split_whitespace().nth(index).context("an odd stat line")?.parse::<f64>()?)
    };
    // Fields 14 and 15 of the line, in ticks of a hundredth of a second.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
