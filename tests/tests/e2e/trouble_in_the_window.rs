//! Bad days while the window is open: it says what happened and how to go on, and loses nothing.

use crate::mesh::{Sandbox, children_of, is_running};
use crate::session::{SOON, Session, push, push_until_live, slide};
use anyhow::{Context as _, Result, ensure};
use harness::window::{Widget, pause};
use harness::{Program, Window};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// Whatever needs a lost connection to be noticed, or a limit of the connection to pass.
const LATER: Duration = Duration::from_secs(25);

/// Opens reviews and moves v3's share, without pushing it.
fn draft(window: &Window, percent: i64) -> Result<()> {
    window.click("reviews v3")?;
    window.wait_for("reviews v3 share", SOON)?;
    slide(window, "reviews v3 share", percent)
}

/// Weights of v1, v2, v3 in the last rule of reviews.
fn weights(sandbox: &Sandbox) -> Result<Vec<u64>> {
    let spec: Value = serde_json::from_str(&sandbox.spec("virtualservice", "reviews")?)?;
    let rules = spec["http"].as_array().context("no rules")?;
    let rows = rules.last().and_then(|rule| rule["route"].as_array()).context("no route")?;
    Ok(rows.iter().map(|row| row["weight"].as_u64().unwrap_or_default()).collect())
}

fn says(widgets: &[Widget], words: &str) -> bool {
    widgets.iter().any(|widget| widget.name.contains(words) || widget.description.contains(words))
}

#[test]
fn somebody_elses_edit_is_shown_and_built_upon() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    draft(window, 80)?;
    window.wait_until("a checked draft", SOON, |widgets| {
        widgets.iter().find(|widget| widget.name == "Push" && !widget.disabled).cloned()
    })?;

    let row = |version: &str, weight: u32| {
        format!(r#"{{"destination":{{"host":"reviews","subset":"{version}"}},"weight":{weight}}}"#)
    };
    let theirs = format!(
        r#"{{"spec":{{"http":[{{"route":[{},{},{}]}}]}}}}"#,
        row("v1", 70),
        row("v2", 20),
        row("v3", 10)
    );
    sandbox.kubectl(&[
        "patch",
        "virtualservice",
        "reviews",
        "-n",
        "bookinfo",
        "--type=merge",
        "-p",
        &theirs,
    ])?;
    window.wait_for("Somebody else changed it meanwhile", SOON)?;
    // It is seen before anything is sent; what is pushed all the same is refused by its guards (tests of the
    // connection).
    window.wait_until("that it would be refused", SOON, |widgets| {
        let says = |name: &str| name.starts_with("VirtualService bookinfo/reviews was changed since");
        let pushes = widgets.iter().any(|widget| widget.name == "Push");
        (!pushes && widgets.iter().any(|widget| says(&widget.name))).then_some(())
    })?;
    ensure!(weights(&sandbox)? == [70, 20, 10], "theirs must stand: {:?}", weights(&sandbox)?);

    window.click("Diff")?;
    window.wait_for("Theirs of VirtualService bookinfo/reviews", SOON)?;
    window.wait_for("Mine of VirtualService bookinfo/reviews", SOON)?;
    window.click("Close diff")?;
    window.click("Rebuild on theirs")?;
    push_until_live(window)?;
    let now = weights(&sandbox)?;
    ensure!(now.len() == 3 && now[2] == 80 && now.iter().sum::<u64>() == 100, "{now:?}");

    // Undo goes back to what the other one had made.
    window.click("Undo")?;
    window.wait_until("their weights", SOON, |_| (weights(&sandbox).ok()? == [70, 20, 10]).then_some(()))?;
    session.is_well()
}

/// The Envoy of this app, by its process.
pub(crate) fn envoy_of(sandbox: &Sandbox, app: &str) -> Result<Option<i32>> {
    for child in children_of(sandbox.program.pid())? {
        let line = std::fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
        if line.split('\0').any(|word| word.ends_with(".json") && word.contains(app)) && is_running(child) {
            return Ok(Some(i32::try_from(child)?));
        }
    }
    Ok(None)
}

#[test]
fn a_killed_proxy_comes_back_under_the_eyes_of_the_window() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.wait_for("edge productpage to details", SOON)?;
    let first = envoy_of(&sandbox, "details")?.context("details has no Envoy")?;
    kill(Pid::from_raw(first), Signal::SIGKILL)?;
    let killed = Instant::now();
    let again = loop {
        if let Some(pid) = envoy_of(&sandbox, "details")?.filter(|pid| *pid != first) {
            break pid;
        }
        ensure!(killed.elapsed() < SOON, "no Envoy of details {:?} after it was killed", killed.elapsed());
        session.all_nodes()?;
        pause(20);
    };
    println!("details' Envoy {first} came back as {again} after {:?}", killed.elapsed());
    window.wait_until("details answers again", SOON, |_| {
        sandbox.get("/api/v1/products/0").is_ok_and(|(status, _)| status == 200).then_some(())
    })?;
    window.wait_for("edge productpage to details", SOON)?;
    session.all_nodes()?;
    // The new process is among the six sidecars that a push waits for.
    draft(window, 80)?;
    push_until_live(window)?;
    window.wait_for("6 / 6 proxies", SOON)?;
    session.is_well()
}

#[test]
fn closing_during_a_push_leaves_no_half_of_a_pair() -> Result<()> {
    let sandbox = Sandbox::start()?;
    sandbox.kubectl(&["delete", "virtualservice,destinationrule", "reviews", "-n", "bookinfo"])?;
    let mut session = Session::connect(&sandbox)?;
    draft(&session.window, 80)?;
    session.window.wait_for("reviews gets a split of all calls", SOON)?;
    session.window.wait_until("Push, enabled", SOON, |widgets| {
        widgets.iter().find(|widget| widget.name == "Push" && !widget.disabled).cloned()
    })?;
    // The server answers nothing while the window is being closed.
    sandbox.program.signal(Signal::SIGSTOP)?;
    let closed = push(&session.window).and_then(|()| session.program.signal(Signal::SIGTERM));
    let waits = session.program.wait(Duration::from_secs(1)).is_err();
    sandbox.program.signal(Signal::SIGCONT)?;
    closed?;
    ensure!(waits, "the window did not wait for its push: {}", session.program.stderr_so_far());
    let status = session.program.wait(LATER)?;
    let words = session.program.stderr_so_far();
    ensure!(status.success() && !words.contains("panicked"), "it ended with {status}: {words}");
    let listed =
        sandbox.kubectl(&["get", "virtualservice,destinationrule", "-n", "bookinfo", "-o", "name"])?;
    for object in
        ["virtualservice.networking.istio.io/reviews", "destinationrule.networking.istio.io/reviews"]
    {
        ensure!(listed.contains(object), "{object} is not in:\n{listed}");
    }
    Ok(())
}

/// A kubeconfig whose context "sandbox" leads to a port on which nobody listens.
const NOBODY: &str = "apiVersion: v1\nkind: Config\ncurrent-context: sandbox\n\
    contexts: [{name: sandbox, context: {cluster: far, user: me}}]\n\
    clusters: [{name: far, cluster: {server: \"https://127.0.0.1:1\"}}]\nusers: [{name: me, user: {token: secret-token}}]\n";

fn write(file: &Path, text: &str) -> Result<()> {
    Ok(std::fs::write(file, text)?)
}

#[test]
fn from_a_broken_kubeconfig_step_by_step_to_the_mesh() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("broken.yaml");
    let path = file.to_str().context("an odd path")?;
    write(&file, "clusters: [}")?;

    // Asked for on the command line: the step fails, and there is a way back.
    let session = Session::open(&["--kubeconfig", path, "--context", "sandbox"])?;
    let window = &session.window;
    window.wait_for("Context failed", SOON)?;
    window.wait_for("broken.yaml", SOON)?;
    window.click("Retry")?;
    window.wait_for("Context failed", SOON)?;
    window.click("Back")?;
    window.wait_for("Start sandbox", SOON)?;
    window.wait_for("broken.yaml", SOON)?;

    // The file is mended, but nobody listens there.
    write(&file, NOBODY)?;
    // Going back reads the file too, beside the window: that reading may have met the mended file already.
    if let Err(error) = window.click("Retry") {
        ensure!(says(&window.widgets()?, "sandbox"), "neither Retry nor the context: {error}");
    }
    window.wait_until("the context", SOON, |widgets| {
        widgets.iter().find(|widget| widget.name == "sandbox").cloned()
    })?;
    window.click("sandbox")?;
    window.wait_for("API server failed", SOON)?;
    window.wait_for("https://127.0.0.1:1 does not answer", SOON)?;
    ensure!(!says(&window.widgets()?, "secret-token"), "a secret was shown");
    window.click("Back")?;
    window.wait_for("Start sandbox", SOON)?;
    window.click("sandbox")?;
    window.wait_for("API server failed", SOON)?;

    // Now there is a mesh: Retry reads the file again and goes all the way. A sandbox writes over no file of others.
    std::fs::remove_file(&file)?;
    let _sandbox = Sandbox::start_with(&["--kubeconfig-out", path])?;
    // A server that is away is tried again by itself, too: that may have met the sandbox already.
    if window.find("Retry").is_ok() {
        window
            .click("Retry")
            .or_else(|error| says(&window.widgets()?, "Kinds").then_some(()).ok_or(error))?;
    }
    session.all_nodes()?;
    session.is_well()
}

#[test]
fn no_kubeconfig_and_a_server_that_never_answers() -> Result<()> {
    let session = Session::open(&[])?;
    session.window.wait_for("No cluster to connect to", SOON)?;
    ensure!(!session.window.find("Start sandbox")?.disabled, "a sandbox can be started without any cluster");
    session.is_well()?;
    drop(session);

    // Nor is there an Envoy for a sandbox.
    let session = Session::open(&["--sandbox", "--envoy", "/nowhere/envoy"])?;
    session.window.wait_for("Sandbox failed", SOON)?;
    session.window.wait_for("/nowhere/envoy", SOON)?;
    session.window.click("Retry")?;
    session.window.wait_for("Sandbox failed", SOON)?;
    session.window.click("Back")?;
    session.window.wait_until("no sandbox to start", SOON, |widgets| {
        widgets.iter().any(|widget| widget.name == "Start sandbox" && widget.disabled).then_some(())
    })?;
    session.is_well()?;
    drop(session);

    // Bound, but nobody accepts: connections are opened and never answered.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("silent.yaml");
    write(&file, &NOBODY.replace("127.0.0.1:1", &listener.local_addr()?.to_string()))?;
    let begun = Instant::now();
    let session =
        Session::open(&["--kubeconfig", file.to_str().context("an odd path")?, "--context", "sandbox"])?;
    session.window.wait_for("API server failed", LATER)?;
    ensure!(begun.elapsed() < Duration::from_secs(12), "it took {:?}", begun.elapsed());
    session.window.click("Retry")?;
    session.window.wait_for("API server under way", SOON)?;
    session.window.click("Back")?;
    session.window.wait_for("Start sandbox", SOON)?;
    session.is_well()
}

#[test]
fn a_lost_mesh_stays_in_sight_with_its_age_and_the_reason() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.wait_for("edge productpage to details", SOON)?;
    draft(window, 80)?;
    sandbox.program.signal(Signal::SIGKILL)?;

    let told = window.wait_until("how old it is", LATER, |widgets| {
        let age = widgets.iter().position(|widget| widget.name.starts_with("As of "))?;
        Some((
            widgets[age].name.clone(),
            widgets.get(age + 1).map(|reason| reason.name.clone()).unwrap_or_default(),
        ))
    })?;
    println!("{told:?}");
    ensure!(told.1.contains(": "), "no reason beside the age: {told:?}");
    let missing = window.wait_until("sources that are missing", LATER, |widgets| {
        widgets.iter().find(|widget| widget.name == "Sources").cloned()
    })?;
    // Nothing is blanked, also after every watch has noticed: neither the graph nor the draft.
    let lost = Instant::now();
    while lost.elapsed() < Duration::from_secs(8) {
        session.all_nodes()?;
        window.find("edge productpage to details")?;
        let share = window.find("reviews v3 share")?;
        ensure!(
            share.value.as_deref().is_some_and(|value| value.starts_with("80")),
            "the draft is lost: {share:?}"
        );
        pause(200);
    }
    // A push that reaches nobody says so; the draft stays, and can be tried again as it is.
    for button in ["Push", "Try again"] {
        window.wait_until(button, SOON, |widgets| {
            widgets.iter().find(|widget| widget.name == button && !widget.disabled).cloned()
        })?;
        window.click(button)?;
        window.wait_for("VirtualService bookinfo/reviews was not changed", SOON)?;
    }
    ensure!(
        window.find("reviews v3 share")?.value.as_deref().is_some_and(|value| value.starts_with("80")),
        "the draft is lost"
    );
    window.click_at(missing.rect.center())?;
    window.wait_until("why", SOON, |widgets| says(widgets, "Without").then_some(()))?;
    session.is_well()
}

#[test]
fn without_prometheus_and_istiod_it_shows_what_it_can_and_says_why() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let nobody = "http://127.0.0.1:1";
    let session = Session::connect_with(&sandbox, &["--prometheus", nobody, "--istiod", nobody])?;
    let window = &session.window;
    let why = window.wait_for("No rates: ", SOON)?;
    println!("{}", why.name);
    window.wait_until("its address", SOON, |widgets| says(widgets, "127.0.0.1:1").then_some(()))?;
    session.all_nodes()?;
    let kubeconfig = sandbox.ready.kubeconfig.to_str().context("an odd path")?;
    let mut printed =
        Program::start(&["graph", "--kubeconfig", kubeconfig, "--prometheus", nobody, "-o", "dot"], &[])?;
    ensure!(
        !printed.wait(LATER)?.success() && printed.line(SOON)?.starts_with("digraph"),
        "{}",
        printed.stderr_so_far()
    );
    printed.stderr_line("Traffic cannot be measured", SOON)?;

    // The push is stored and takes effect; istiod cannot be asked how far it has come, and the proxies can.
    draft(window, 80)?;
    push(window)?;
    window.wait_until("as far as it can be known", LATER, |widgets| {
        (widgets.iter().any(|widget| widget.name == "Accepted") && says(widgets, "istiod")).then_some(())
    })?;
    ensure!(weights(&sandbox)?[2] == 80, "{:?}", weights(&sandbox)?);
    window.wait_for("Live", LATER)?;
    window.click("Undo")?;
    window.wait_until("undone", SOON, |_| (weights(&sandbox).ok()?[2] != 80).then_some(()))?;
    session.is_well()
}
