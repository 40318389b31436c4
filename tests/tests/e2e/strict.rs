//! STRICT mutual TLS while somebody calls in plain text: the editor names who would break, so it is not pushed;
//! then it is, and they break, and nobody else; and after an undo nobody does.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, choose, push_until_live};
use anyhow::{Context as _, Result, ensure};
use harness::Window;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Rates are made of some samples.
const MEASURED: Duration = Duration::from_secs(60);
const DETAIL: std::ops::Range<f32> = 170.0..700.0;

/// A product page without a proxy, in a namespace of its own, that asks the services of bookinfo.
struct Visitor {
    address: String,
    http: reqwest::blocking::Client,
}

impl Visitor {
    fn come(sandbox: &Sandbox) -> Result<Self> {
        sandbox.kubectl(&["create", "namespace", "outside"])?;
        let container = json!({ "name": "visitor", "image": "istio/examples-bookinfo-productpage-v1:1.20.3",
            "env": [{ "name": "SERVICES_DOMAIN", "value": "bookinfo.svc.cluster.local" }] });
        let template =
            json!({ "metadata": { "labels": { "app": "visitor" } }, "spec": { "containers": [container] } });
        sandbox.apply(&[json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "visitor", "namespace": "outside" },
            "spec": { "selector": { "matchLabels": { "app": "visitor" } }, "template": template } })])?;
        sandbox.kubectl(&["rollout", "status", "-n", "outside", "deployment/visitor", "--timeout=60s"])?;
        let pods: Value =
            serde_json::from_str(&sandbox.kubectl(&["get", "pods", "-n", "outside", "-o", "json"])?)?;
        let ports = pods["items"][0]["metadata"]["annotations"]["sandbox.binnacle.dev/ports"].as_str();
        let ports: BTreeMap<String, Value> = serde_json::from_str(ports.context("no ports")?)?;
        let port = ports.get("9080").with_context(|| format!("no port 9080: {ports:?}"))?;
        let http =
            reqwest::blocking::Client::builder().timeout(Duration::from_secs(15)).no_proxy().build()?;
        Ok(Self { address: format!("http://127.0.0.1:{port}/productpage"), http })
    }

    /// Whether it gets details.
    fn is_let_in(&self) -> Result<bool> {
        let page = self.http.get(&self.address).send()?.text()?;
        Ok(!page.contains("Error fetching product details"))
    }
}

/// Opens the editor and makes STRICT the draft for the namespace.
fn strict(window: &Window) -> Result<()> {
    choose(window, "mTLS scope", "namespace bookinfo")?;
    choose(window, "mTLS mode", "STRICT")
}

#[test]
fn strict_names_who_would_break_and_breaks_them() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let visitor = Visitor::come(&sandbox)?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    ensure!(visitor.is_let_in()?, "plain text is taken before it");
    window.click("details v1")?;
    for name in ["Mutual TLS", "mTLS scope"] {
        window.wait_for(name, SOON)?;
        window.reveal(name, DETAIL)?;
        if name == "Mutual TLS" {
            window.click(name)?;
        }
    }
    strict(window)?;
    // It is not pushed: somebody would break, and the editor says who.
    window.wait_until("who would be cut off", MEASURED, |widgets| {
        visitor.is_let_in().ok()?;
        let says = |words: &str| widgets.iter().any(|widget| widget.name.contains(words));
        (says("These plaintext callers would be cut off") && says("→ details-v1")).then_some(())
    })?;
    window.click("Dismiss")?;
    window.wait_for("Dropped, not written", SOON)?;
    let policies = || sandbox.kubectl(&["get", "peerauthentication", "-n", "bookinfo", "-o", "name"]);
    ensure!(policies()?.is_empty() && visitor.is_let_in()?, "nothing was written");

    strict(window)?;
    push_until_live(window)?;
    window.wait_until("the visitor is refused", SOON, |_| {
        visitor.is_let_in().is_ok_and(|is| !is).then_some(())
    })?;
    let (status, page) = sandbox.get("/productpage")?;
    ensure!(status == 200 && !page.contains("Error fetching"), "nobody else is");
    window.click("Undo")?;
    window.wait_until("the visitor is let in", SOON, |_| {
        visitor.is_let_in().is_ok_and(|is| is).then_some(())
    })?;
    ensure!(policies()?.is_empty(), "the policy is gone");
    session.is_well()
}
