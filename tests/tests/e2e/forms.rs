//! The editors of timeouts and of circuit breakers: from the window's form to what real proxies do and what
//! is measured.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, fill, push_until_live};
use anyhow::{Result, ensure};
use harness::Window;
use harness::window::Widget;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Calls are counted from when a change is live; so long they may take to be enough.
const COUNTED: Duration = Duration::from_secs(90);

/// Opens an editor of the details service.
fn open(window: &Window, editor: &str) -> Result<()> {
    window.click("details v1")?;
    window.wait_for(editor, SOON)?;
    window.click(editor)
}

/// The product page, over a connection of its own.
fn page(address: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(stream, "GET /productpage HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Waits until the calls since then have shown the change.
fn measured(window: &Window) -> Result<()> {
    window.wait_until("Measured", COUNTED, |widgets| {
        widgets.iter().any(|widget| widget.name == "Measured").then_some(())
    })
}

#[test]
fn a_timeout_is_set_by_the_form_and_measured() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    open(window, "Timeouts and retries")?;
    window.wait_for("timeout of details, set", SOON)?;
    window.click("timeout of details, set")?;
    fill(window, "timeout of details", "2s")?;
    push_until_live(window)?;
    let spec = sandbox.spec("virtualservice", "details")?;
    ensure!(spec.contains(r#""timeout":"2s""#), "{spec}");
    measured(window)?;
    window.click("Undo")?;
    window.wait_until("no VirtualService", SOON, |_| {
        sandbox.spec("virtualservice", "details").is_err().then_some(())
    })
}

#[test]
fn a_circuit_breaker_is_set_by_the_form_and_measured() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    open(window, "Circuit breaker")?;
    window.wait_for("TCP connections of details", SOON)?;
    window.reveal("TCP connections of details", 170.0..700.0)?;
    window.click("TCP connections of details")?;
    window.wait_for("connections of details, set", SOON)?;
    window.reveal("connections of details, set", 170.0..700.0)?;
    window.click("connections of details, set")?;
    fill(window, "connections of details", "1")?;
    window.reveal("HTTP requests of details", 170.0..700.0)?;
    window.click("HTTP requests of details")?;
    window.wait_for("waiting requests of details, set", SOON)?;
    window.reveal("waiting requests of details, set", 170.0..700.0)?;
    window.click("waiting requests of details, set")?;
    fill(window, "waiting requests of details", "1")?;
    push_until_live(window)?;
    let spec = sandbox.spec("destinationrule", "details")?;
    ensure!(spec.contains("http1MaxPendingRequests") && spec.contains("maxConnections"), "{spec}");
    // One connection, one that waits: of many calls at once, some are refused by the proxy of productpage.
    let address = sandbox.ready.ingress.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let pages: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..24).map(|_| scope.spawn(|| page(&address).unwrap_or_default())).collect();
        all.into_iter().filter_map(|one| one.join().ok()).collect()
    });
    let refused = pages.iter().filter(|page| page.contains("Error fetching product details"));
    let refused = refused.count();
    ensure!(refused > 0, "nobody of {} was refused", pages.len());
    println!("{refused} of {} pages at once had no details", pages.len());
    measured(window)
}

/// A pod of details that always fails is left out by productpage's proxy, and the editor says so.
#[test]
fn an_endpoint_that_is_left_out_is_seen_beside_the_circuit_breaker() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let rule = json!({ "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": { "name": "details", "namespace": "bookinfo" },
        "spec": { "host": "details", "trafficPolicy": { "outlierDetection": {
            "consecutive5xxErrors": 1, "interval": "0.5s", "baseEjectionTime": "120s", "maxEjectionPercent": 100 } } } });
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), rule.to_string())?;
    sandbox.kubectl(&["apply", "-f", &file.path().to_string_lossy()])?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.click("details v1")?;
    window.wait_until("nobody is left out yet", COUNTED, |widgets| {
        said(widgets, "None of 1 endpoint is left out")
    })?;
    let pod = sandbox.kubectl(&["get", "pods", "-n", "bookinfo", "-l", "app=details", "-o", "name"])?;
    let fail = ["annotate", "-n", "bookinfo", pod.trim(), "sandbox.binnacle.dev/error-rate=100"];
    sandbox.kubectl(&fail)?;
    window.wait_until("one is left out", COUNTED, |widgets| said(widgets, "1 of 1 endpoint left out"))?;
    let name = pod.trim().trim_start_matches("pod/");
    window.wait_until("which one", SOON, |widgets| said(widgets, name))
}

/// Whether something says this.
fn said(widgets: &[Widget], words: &str) -> Option<()> {
    let says = |widget: &Widget| {
        widget.name.contains(words) || widget.value.as_ref().is_some_and(|value| value.contains(words))
    };
    widgets.iter().any(says).then_some(())
}
