//! What happens without anybody writing an object of the mesh: a proxy that is started again, a rollout, a warning.
//! Each stands in the timeline and on the axis of the graph.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, choose, fill};
use crate::trouble_in_the_window::envoy_of;
use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::time::Duration;

/// They are read again after some seconds.
const LATER: Duration = Duration::from_secs(40);

#[test]
fn a_restart_a_rollout_and_a_warning_stand_in_the_timeline_and_on_the_axis() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let envoy = envoy_of(&sandbox, "details")?.context("details has no Envoy")?;
    kill(Pid::from_raw(envoy), Signal::SIGKILL)?;
    sandbox.kubectl(&["rollout", "restart", "deployment/ratings-v1", "-n", "bookinfo"])?;
    // It fits nothing, and the cluster says so.
    sandbox.apply(&[json!({
        "apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin",
        "metadata": { "name": "plugin", "namespace": "bookinfo" },
        "spec": { "url": "oci://registry.example/a:1" } })])?;

    window.click("Changes")?;
    window.wait_for("of the cluster", SOON)?;
    choose(window, "Whose changes", "Cluster")?;
    for (what, searched, parts) in [
        (
            "the restart",
            "started again",
            ["istio-proxy was started again", "Pod bookinfo/details-v1-", "kubelet: Warning"],
        ),
        (
            "the rollout",
            "revision 2",
            ["revision 2 began to roll out", "Deployment bookinfo/ratings-v1", "deployment-controller"],
        ),
        ("the warning", "plugin", ["its extension is not run", "WasmPlugin bookinfo/plugin", ": Warning"]),
    ] {
        fill(window, "Search changes", searched)?;
        window.wait_until(what, LATER, |widgets| {
            let fits = |name: &str| parts.iter().all(|part| name.contains(part));
            widgets.iter().any(|widget| fits(&widget.name)).then_some(())
        })?;
    }
    fill(window, "Search changes", "started again")?;
    let line = window.wait_for("istio-proxy was started again", SOON)?;
    window.click_at(line.rect.center())?;
    window.wait_for("Show Pod bookinfo/details-v1-", SOON)?;
    window.click("Show Pod bookinfo/details-v1-")?;
    window.wait_for("Traces of details", SOON)?;

    window.click("Graph")?;
    window.wait_for("Look back in time", SOON)?;
    window.click("Look back in time")?;
    window.wait_for("Moment", SOON)?;
    choose(window, "Axis", "Last 10 min")?;
    // They were made at about the same time, and stand as one mark or as several.
    window.wait_until("a mark of what happened", SOON, |widgets| {
        let begins = |name: &str| {
            name.contains("changes and events, the first: ")
                || name.starts_with("Pod bookinfo/details-v1-")
                || name.starts_with("Deployment bookinfo/ratings-v1: revision 2 began")
        };
        widgets.iter().any(|widget| begins(&widget.name)).then_some(())
    })?;
    session.is_well()
}
