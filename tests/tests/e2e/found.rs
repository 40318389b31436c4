//! What is wrong is found in a few steps, and followed to its cause: a failing edge to a line of a log, an edit of
//! somebody else to what it was before, a refusal to the proxy's own words.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, fill, push};
use anyhow::{Context as _, Result, ensure};
use egui::{Key, Modifiers};
use harness::window::Widget;
use serde_json::json;
use std::time::Duration;

/// Until calls that fail fill a part of the window, and until spans and lines of them are there.
const CALLS: Duration = Duration::from_secs(70);

/// Names with plain spaces, as they are looked for.
fn plain(name: &str) -> String {
    name.replace(['\u{202f}', '\u{a0}', '\u{2009}'], " ")
}

/// Waits for a widget whose name is as it should be.
fn one(session: &Session, what: &str, fits: impl Fn(&str) -> bool) -> Result<Widget> {
    session
        .window
        .wait_until(what, CALLS, |widgets| widgets.iter().find(|widget| fits(&plain(&widget.name))).cloned())
}

#[test]
fn a_failing_edge_leads_to_the_line_of_its_log() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let pod = sandbox.kubectl(&["get", "pods", "-n", "bookinfo", "-l", "app=details", "-o", "name"])?;
    sandbox.kubectl(&["annotate", "-n", "bookinfo", pod.trim(), "sandbox.binnacle.dev/error-rate=100"])?;
    // By Find: an edge of HTTP by what fails on it. Enter steps through what is found.
    window.click("Find in graph")?;
    window.text("http > 0 and %httperr > 20 and name = details")?;
    one(&session, "something that is found", |name| {
        name.split(' ').next().is_some_and(|count| count != "0" && name.ends_with(" found"))
    })?;
    window.until("the edge", CALLS, |window| {
        window.key(Key::Enter, Modifiers::NONE)?;
        let there = |widget: &Widget| widget.name == "Traces of productpage v1 → details v1";
        Ok(window.widgets()?.iter().any(there).then_some(()))
    })?;
    // Its traces.
    window.wait_for("Failed traces", SOON)?;
    window.click("Failed traces")?;
    let trace =
        one(&session, "a failed trace", |name| name.starts_with("trace ") && name.contains(" error"))?;
    window.click(&trace.name)?;
    // The span that failed, by what befell it.
    let faulty = |name: &str| name.starts_with("span details ") && name.contains(", 503");
    let span = one(&session, "the faulty span", faulty)?;
    window.click(&span.name)?;
    window.wait_for("Close span detail", SOON)?;
    // Its line.
    window.wait_for("Logs of that moment", SOON)?;
    window.click("Logs of that moment")?;
    window.wait_for("Only this moment", SOON)?;
    let line = one(&session, "the line of the call", |name| {
        name.contains(" details-v1-") && name.contains(" in  503  ") && name.contains("/details/")
    })?;
    println!("{} → {}", span.name, line.name);
    session.is_well()
}

#[test]
fn an_edit_by_kubectl_is_taken_back_from_the_timeline() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let begin = sandbox.spec("virtualservice", "reviews")?;
    let theirs = r#"[{"op":"add","path":"/spec/http/0/timeout","value":"7s"}]"#;
    let object = ["virtualservice", "reviews", "-n", "bookinfo"];
    sandbox.kubectl(&[&["patch"][..], &object, &["--type=json", "-p", theirs]].concat())?;
    ensure!(sandbox.spec("virtualservice", "reviews")?.contains("7s"));

    window.click("Changes")?;
    let entry = one(&session, "its entry", |name| {
        name.contains("http.0.timeout 15s → 7s") && name.contains("VirtualService bookinfo/reviews, kubectl")
    })?;
    window.click_at(entry.rect.center())?;
    window.wait_for("kubectl-patch changed VirtualService bookinfo/reviews", SOON)?;
    window.wait_for("Diff of VirtualService bookinfo/reviews", SOON)?;
    one(&session, "the line that was added", |name| name.contains("timeout: 7s"))?;
    window.click("Restore VirtualService bookinfo/reviews to before it")?;
    push(window)?;
    window.wait_until("what was there before", SOON, |_| {
        (sandbox.spec("virtualservice", "reviews").ok()? == begin).then_some(())
    })?;
    // It is a change like any other, with an undo of its own.
    one(&session, "its own entry", |name| {
        name.starts_with("VirtualService bookinfo/reviews back to before kubectl-patch changed it")
    })?;
    session.is_well()
}

/// What productpage's Envoy refuses, and no other is sent: a ring of hashes that is larger than any may be.
fn too_large() -> serde_json::Value {
    let hash = json!({ "useSourceIp": true, "ringHash": { "minimumRingSize": 9_000_000 } });
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": { "name": "too-large", "namespace": "bookinfo" },
        "spec": { "host": "details", "workloadSelector": { "matchLabels": { "app": "productpage" } },
            "trafficPolicy": { "loadBalancer": { "consistentHash": hash } } }
    })
}

#[test]
fn a_refusal_is_three_clicks_from_the_overview() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    sandbox.apply(&[too_large()])?;
    window.click("Overview")?;
    let own_words = |name: &str| name.contains("refuses CDS: ") && name.contains("MinimumRingSize");
    let refusal = one(&session, "the proxy that refuses", |name| {
        name.starts_with("Proxy productpage-v1-") && own_words(name)
    })?;
    let all = window.widgets()?;
    ensure!(all.iter().filter(|widget| widget.name.starts_with("Proxy ")).count() == 1, "one proxy refuses");
    // Once: the proxy, with its words. Twice and three times: the cluster, as it goes on with it meanwhile.
    window.click(&refusal.name)?;
    one(&session, "its words", |name| name.starts_with("By istiod: ") && own_words(name))?;
    window.wait_for("Search Clusters", SOON)?;
    fill(window, "Search Clusters", "details.bookinfo")?;
    let cluster = one(&session, "the cluster", |name| name.starts_with("details.bookinfo, 9080"))?;
    window.click_at(cluster.rect.center())?;
    one(&session, "what it holds", |name| name.contains("outbound|9080||details.bookinfo"))?;
    ensure!(
        !window.widgets()?.iter().any(|widget| widget.name.contains("RING_HASH")),
        "it holds what was before"
    );

    // What is mended is refused no more.
    sandbox.kubectl(&["delete", "destinationrule", "too-large", "-n", "bookinfo"])?;
    window.click("Overview")?;
    let mended = |widgets: &[Widget]| {
        let refuses = widgets.iter().any(|widget| widget.name.contains("refuses CDS"));
        let here = widgets.iter().any(|widget| widget.name == "Namespaces");
        (here && !refuses).then_some(())
    };
    window.wait_until("no refusal", CALLS, mended).context("the refusal stays")?;
    session.is_well()
}
