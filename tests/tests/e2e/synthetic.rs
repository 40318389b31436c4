//! A large made-up mesh: it needs no Envoy, and ends when it is told, also while it starts.

use anyhow::{Result, ensure};
use harness::Program;
use serde_json::Value;
use std::time::Duration;

const NO_ENVOY: (&str, &str) = ("BINNACLE_ENVOY", "/nowhere/envoy");

#[test]
fn a_made_up_mesh_needs_no_envoy() -> Result<()> {
    let args = ["sandbox", "--scenario", "synthetic", "--services", "200", "--pods", "500"];
    let mut sandbox = Program::start(&args, &[NO_ENVOY])?;
    let ready: Value = serde_json::from_str(&sandbox.line(Duration::from_secs(60))?)?;
    ensure!(ready["proxies"] == 0 && ready["envoy"] == "" && ready["ingress"] == "", "{ready}");
    let status = sandbox.stop(Duration::from_secs(10))?;
    ensure!(status.success(), "SIGTERM ends it with {status}");

    let mut real = Program::start(&["sandbox"], &[NO_ENVOY])?;
    real.stderr_line("/nowhere/envoy", Duration::from_secs(30))?;
    let status = real.wait(Duration::from_secs(10))?;
    ensure!(!status.success(), "the others need it");
    Ok(())
}

#[test]
fn a_start_that_takes_long_hears_sigterm() -> Result<()> {
    let args = ["sandbox", "--scenario", "synthetic", "--services", "1000", "--pods", "4000"];
    let sandbox = Program::start(&args, &[NO_ENVOY, ("RUST_LOG", "info")])?;
    sandbox.stderr_line("Waiting for the proxies", Duration::from_secs(120))?;
    let status = sandbox.stop(Duration::from_secs(10))?;
    ensure!(status.success(), "SIGTERM ends it with {status}");
    Ok(())
}
