//! Looking back, in the real window on a real mesh: before a change, after it, and what differs.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, choose};
use anyhow::{Context as _, Result, ensure};
use harness::window::Widget;
use harness::{Program, Window};
use serde_json::{Value, json};
use std::time::Duration;

/// Until half a minute of calls is there, and until calls of a fault fill a part of the window.
const CALLS: Duration = Duration::from_secs(70);
const EDGE: &str = "edge productpage to details";

/// Waits until an edge is described so.
fn described(window: &Window, words: &str, within: Duration) -> Result<Widget> {
    window.wait_until(&format!("{EDGE}: {words}"), within, |widgets| {
        widgets
            .iter()
            .find(|widget| widget.name == EDGE && plain(&widget.description).contains(words))
            .cloned()
    })
}

fn plain(words: &str) -> String {
    words.replace('\u{a0}', " ")
}

/// Half of the calls to details fail, by a rule that kubectl makes.
fn break_details(sandbox: &Sandbox) -> Result<()> {
    sandbox.apply(&[json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "details", "namespace": "bookinfo" },
        "spec": { "hosts": ["details"], "http": [{
            "fault": { "abort": { "percentage": { "value": 50 }, "httpStatus": 503 } },
            "route": [{ "destination": { "host": "details" } }] }] }
    })])
}

#[test]
fn back_to_before_a_change_and_what_differs_since() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    described(window, "Health Healthy", CALLS)?;
    // As long as that, so that there are calls enough to be compared with.
    let begun = std::time::Instant::now();
    window.until("half a minute of calls", CALLS, |_| {
        Ok((begun.elapsed() > Duration::from_secs(30)).then_some(()))
    })?;
    break_details(&sandbox)?;
    described(window, "Health Failing", CALLS)?;

    window.click("Look back in time")?;
    window.wait_for("Moment", SOON)?;
    choose(window, "Axis", "Last 10 min")?;
    ensure!(window.find("Back to now")?.disabled, "it shows now");
    window.click("VirtualService bookinfo/details was")?;
    let mark = window.wait_for("As of ", SOON)?;
    window.wait_for("in the past", SOON)?;
    let before = described(window, "Health Healthy", SOON)?;
    ensure!(plain(&before.description).contains("Errors 0 %"), "{}", before.description);
    the_command_line_says_the_same(&sandbox, &mark.name, &plain(&before.description))?;

    window.click("Compare")?;
    window.wait_until("the edge among what differs", SOON, |widgets| {
        let fits =
            |widget: &&Widget| plain(&widget.name).starts_with("productpage v1 → details v1: errors 0 % →");
        widgets.iter().find(fits).cloned()
    })?;
    let differs = described(window, "Differs fails more", SOON)?;
    let told = plain(&differs.description);
    ensure!(told.contains("Before ") && told.contains("After "), "{told}");
    // Its figures go on.
    window.click("productpage v1 → details v1: errors")?;
    window.wait_for("Before: ", SOON)?;
    window.click("Stop comparing")?;
    described(window, "Health Failing", SOON)?;

    // By the axis: two minutes before now there was nothing, and that is said.
    window.click("Back by ")?;
    window.wait_for("As of ", SOON)?;
    window.click("Back to now")?;
    window.wait_until("now again", SOON, |widgets| {
        widgets.iter().all(|widget| !widget.name.starts_with("As of ")).then_some(())
    })?;
    described(window, "Health Failing", SOON)?;
    session.is_well()
}

/// `binnacle graph --prometheus URL --at TIME` needs no cluster, and has the figures of the window.
fn the_command_line_says_the_same(sandbox: &Sandbox, mark: &str, described: &str) -> Result<()> {
    let time = mark.strip_prefix("As of ").and_then(|rest| rest.split(' ').next()).context("no time")?;
    let at = format!("{}T{time}Z", jiff::Timestamp::now().strftime("%Y-%m-%d"));
    let args = ["graph", "--prometheus", &sandbox.ready.prometheus, "--at", &at];
    let mut program = Program::start(&args, &[])?;
    let status = program.wait(Duration::from_secs(40))?;
    let said = program.stderr_to_end();
    let mut out = String::new();
    while let Ok(line) = program.line(Duration::from_millis(200)) {
        out += &line;
    }
    ensure!(status.success() && said.contains("traffic alone"), "{status}: {said}");
    let graph: Value = serde_json::from_str(&out).with_context(|| format!("{said}\n{out}"))?;
    ensure!(graph["at"] == at, "{} is not {at}", graph["at"]);
    let is = |edge: &&Value| {
        let ends = [("source", "productpage"), ("target", "details")];
        ends.iter().all(|(end, name)| edge[end].as_str().is_some_and(|id| id.contains(name)))
    };
    let edge = graph["edges"].as_array().into_iter().flatten().find(is).context("no such edge")?;
    let rate = format!("Rate {:.1} rps", edge["rps"].as_f64().context("no rate")?);
    ensure!(described.contains(&rate), "{rate} is not what the window shows: {described}");
    ensure!(edge["error_percent"].as_f64() == Some(0.0), "{edge}");
    Ok(())
}
