//! Workloads: the switch that keeps them apart from Istio's objects, and what becomes of real pods and proxies,
//! and back.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, choose, fill, push};
use anyhow::{Context as _, Result, ensure};
use harness::Window;
use harness::window::Widget;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Pods come and go one after the other, each with a proxy.
const PODS: Duration = Duration::from_secs(60);
const DETAIL: std::ops::Range<f32> = 170.0..780.0;

/// Opens the editor on the third version of reviews.
fn open(window: &Window) -> Result<()> {
    window.click("reviews v3")?;
    window.wait_for("Workload", SOON)?;
    window.reveal("Workload", DETAIL)?;
    window.click("Workload")?;
    window.wait_for("allow workload changes", SOON).map(drop)
}

fn allow(window: &Window) -> Result<()> {
    window.reveal("allow workload changes", DETAIL)?;
    window.click("allow workload changes")?;
    enabled(window, "restart reviews-v3")
}

fn enabled(window: &Window, name: &str) -> Result<()> {
    let is = |widgets: &[Widget]| widgets.iter().any(|one| one.name == name && !one.disabled).then_some(());
    window.wait_until(name, SOON, is)
}

fn disabled(window: &Window, name: &str) -> Result<()> {
    let is = |widgets: &[Widget]| widgets.iter().any(|one| one.name == name && one.disabled).then_some(());
    window.wait_until(&format!("{name}, disabled"), SOON, is)
}

/// Pods of the third version that are not on their way out.
fn pods(sandbox: &Sandbox) -> Result<BTreeSet<String>> {
    let told =
        sandbox.kubectl(&["get", "pods", "-n", "bookinfo", "-l", "app=reviews,version=v3", "-o", "json"])?;
    let told: Value = serde_json::from_str(&told)?;
    let stay = |pod: &&Value| pod["metadata"].get("deletionTimestamp").is_none();
    let all = told["items"].as_array().into_iter().flatten().filter(stay);
    Ok(all.filter_map(|pod| pod["metadata"]["name"].as_str().map(str::to_owned)).collect())
}

/// Which pods of the third version answer calls.
fn answering(sandbox: &Sandbox) -> Result<BTreeSet<String>> {
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let (status, body) = sandbox.get("/api/v1/products/0/reviews")?;
        ensure!(status == 200, "reviews answered {status}: {body}");
        let pod = serde_json::from_str::<Value>(&body)?["podname"].as_str().context("no podname")?.to_owned();
        if pod.contains("-v3-") {
            seen.insert(pod);
        }
    }
    Ok(seen)
}

/// Waits until Live is said of what was pushed.
fn live(window: &Window) -> Result<()> {
    window.wait_until("Live", PODS, |widgets| widgets.iter().any(|one| one.name == "Live").then_some(()))
}

#[test]
fn a_workload_is_scaled_and_scaled_back() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let before = pods(&sandbox)?;
    open(window)?;
    for name in ["pods of reviews-v3", "restart reviews-v3", "sidecars of reviews-v3"] {
        disabled(window, name)?;
    }
    allow(window)?;
    fill(window, "pods of reviews-v3", "2")?;
    push(window)?;
    live(window)?;
    let now = pods(&sandbox)?;
    ensure!(now.len() == 2 && now.is_superset(&before), "{now:?}");
    window.wait_until("both answer", PODS, |_| {
        answering(&sandbox).is_ok_and(|pods| pods == now).then_some(())
    })?;
    window.click("Undo")?;
    window.wait_until("one pod", PODS, |_| pods(&sandbox).is_ok_and(|pods| pods.len() == 1).then_some(()))?;
    window.wait_until("only that answers", PODS, |_| {
        let left = pods(&sandbox).unwrap_or_default();
        answering(&sandbox).is_ok_and(|pods| pods == left).then_some(())
    })?;
    // What waits for Push is not sent when it is not allowed any more, whoever asks.
    window.wait_for("pods of reviews-v3", SOON)?;
    fill(window, "pods of reviews-v3", "3")?;
    enabled(window, "Push")?;
    window.reveal("allow workload changes", DETAIL)?;
    window.click("allow workload changes")?;
    disabled(window, "Push")?;
    window.key(egui::Key::Enter, egui::Modifiers::COMMAND)?;
    disabled(window, "Push")?;
    let replicas = sandbox.kubectl(&[
        "get",
        "deploy",
        "reviews-v3",
        "-n",
        "bookinfo",
        "-o",
        "jsonpath={.spec.replicas}",
    ])?;
    ensure!(replicas == "1", "{replicas}");
    session.is_well()
}

#[test]
fn a_workload_is_restarted_and_a_pod_deleted() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let before = pods(&sandbox)?;
    open(window)?;
    allow(window)?;
    window.click("restart reviews-v3")?;
    push(window)?;
    live(window)?;
    let restarted = pods(&sandbox)?;
    ensure!(restarted.len() == 1 && restarted.is_disjoint(&before), "{before:?} {restarted:?}");
    disabled(window, "Undo")?;
    window.wait_until("the new one answers", PODS, |_| {
        answering(&sandbox).is_ok_and(|pods| pods == restarted).then_some(())
    })?;

    let pod = restarted.first().context("a pod")?;
    choose(window, "what of the workload", &format!("its pod {pod}"))?;
    let delete = format!("delete pod {pod}");
    window.wait_for(&delete, SOON)?;
    window.reveal(&delete, DETAIL)?;
    window.click(&delete)?;
    push(window)?;
    live(window)?;
    let left = pods(&sandbox)?;
    ensure!(left.len() == 1 && left.is_disjoint(&restarted), "{restarted:?} {left:?}");
    session.is_well()
}

#[test]
fn injection_is_taken_away_and_given_back() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let containers = || -> Result<String> {
        let pod = pods(&sandbox)?.into_iter().next_back().context("a pod")?;
        sandbox.kubectl(&["get", "pod", &pod, "-n", "bookinfo", "-o", "jsonpath={.spec.containers[*].name}"])
    };
    ensure!(containers()?.contains("istio-proxy"), "{}", containers()?);
    open(window)?;
    allow(window)?;
    choose(window, "sidecars of reviews-v3", "no")?;
    push(window)?;
    live(window)?;
    ensure!(!containers()?.contains("istio-proxy"), "{}", containers()?);
    window.click("Undo")?;
    window.wait_until("a sidecar again", PODS, |_| {
        let one = pods(&sandbox).is_ok_and(|pods| pods.len() == 1);
        (one && containers().is_ok_and(|names| names.contains("istio-proxy"))).then_some(())
    })?;
    session.is_well()
}

/// What Envoy itself says of one of its loggers, at its admin socket.
fn envoy_says(sandbox: &Sandbox, pod: &str, logger: &str) -> Result<String> {
    let ports = "jsonpath={.metadata.annotations.sandbox\\.binnacle\\.dev/ports}";
    let ports: Value =
        serde_json::from_str(&sandbox.kubectl(&["get", "pod", pod, "-n", "bookinfo", "-o", ports])?)?;
    let socket = ports["15000"].as_str().with_context(|| format!("no admin socket: {ports}"))?;
    let mut stream = UnixStream::connect(socket.trim_start_matches("unix:"))?;
    stream.set_read_timeout(Some(SOON))?;
    write!(stream, "POST /logging HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let line =
        answer.lines().find_map(|line| line.trim().strip_prefix(&format!("{logger}: ")).map(str::to_owned));
    line.with_context(|| answer)
}

#[test]
fn a_log_level_is_set_and_read_back() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let pod = pods(&sandbox)?.into_iter().next().context("a pod")?;
    let before = envoy_says(&sandbox, &pod, "http")?;
    open(window)?;
    allow(window)?;
    choose(window, "what of the workload", &format!("its pod {pod}"))?;
    let (level, set) = (format!("log level of {pod}"), format!("set log level of {pod}"));
    window.wait_for(&level, SOON)?;
    window.reveal(&level, DETAIL)?;
    choose(window, &level, "debug")?;
    window.click(&set)?;
    window.wait_for("confirm log level debug", SOON)?;
    ensure!(envoy_says(&sandbox, &pod, "http")? == before, "nothing is set before it is confirmed");
    window.click("confirm log level debug")?;
    window.wait_until("what the proxy says", SOON, |widgets| {
        widgets.iter().any(|one| one.name.starts_with("The proxy says debug, read")).then_some(())
    })?;
    ensure!(envoy_says(&sandbox, &pod, "http")? == "debug", "Envoy itself says so");
    session.is_well()
}

/// A window that was started read-only has no switch to press.
#[test]
fn read_only_is_read_only() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect_with(&sandbox, &["--read-only"])?;
    let window = &session.window;
    open(window)?;
    for name in ["allow workload changes", "pods of reviews-v3", "restart reviews-v3"] {
        disabled(window, name)?;
    }
    Ok(())
}
