//! Editors of whole rules: from the window's form to what callers get, and back.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, fill, push_until_live, wait_live};
use anyhow::{Result, ensure};
use egui::vec2;
use serde_json::{Value, json};

/// Where the detail shows its editors, from top to bottom.
const DETAIL: std::ops::Range<f32> = 170.0..780.0;

/// A rule that answers by itself is put above the one that takes all calls, by drag; callers get its answer,
/// and the old one after an undo.
#[test]
fn a_rule_is_dragged_above_another() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let rule = json!({ "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": { "name": "details", "namespace": "bookinfo" },
        "spec": { "hosts": ["details"], "http": [{ "route": [{ "destination": { "host": "details" } }] }] } });
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), rule.to_string())?;
    sandbox.kubectl(&["apply", "-f", &file.path().to_string_lossy()])?;
    let rules = || -> Result<Vec<Value>> {
        let spec: Value = serde_json::from_str(&sandbox.spec("virtualservice", "details")?)?;
        Ok(spec["http"].as_array().cloned().unwrap_or_default())
    };
    let before = rules()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.click("details v1")?;
    window.wait_for("Route rules", SOON)?;
    window.click("Route rules")?;
    for name in
        ["add rule of details", "direct answer of rule 2 of details", "status of rule 2 of details, set"]
    {
        window.wait_for(name, SOON)?;
        window.click(name)?;
    }
    fill(window, "status of rule 2 of details", "418")?;
    window.click("rule 2 of details")?; // folded, both are in sight
    let of = |name: &str| window.at_rest(name).map(|widget| widget.rect.center());
    let (from, to) = (of("drag rule 2 of details")?, of("drag rule 1 of details")?);
    window.drag(from, to - vec2(0.0, 10.0))?;
    push_until_live(window)?;
    let now = rules()?;
    ensure!(now.len() == 2 && now[0]["directResponse"]["status"] == 418 && now[1] == before[0], "{now:?}");
    let error = "Error fetching product details";
    let (_, page) = sandbox.get("/productpage")?;
    ensure!(page.contains(error), "callers still get details");
    window.click("Undo")?;
    window.wait_until("the rules as before", SOON, |_| {
        rules().is_ok_and(|rules| rules == before).then_some(())
    })?;
    window.wait_until("details again", SOON, |_| {
        sandbox.get("/productpage").is_ok_and(|(_, page)| !page.contains(error)).then_some(())
    })
}

/// Three editors make one change set: pushed at once, undone as one.
#[test]
fn three_editors_are_pushed_and_undone_as_one() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.click("details v1")?;
    for (editor, switch, field, value) in [
        ("Timeouts and retries", "timeout of details, set", "timeout of details", "3s"),
        ("Circuit breaker", "leave failing endpoints out of details, set", "", ""),
        ("Load balancing", "localities of details", "", ""),
    ] {
        for name in [editor, switch] {
            window.wait_for(name, SOON)?;
            window.reveal(name, DETAIL)?;
            window.click(name)?;
        }
        if !field.is_empty() {
            fill(window, field, value)?;
        }
    }
    window.wait_for("by locality of details, set", SOON)?;
    window.reveal("by locality of details, set", DETAIL)?;
    window.click("by locality of details, set")?;
    window.wait_until("all three, judged", SOON, |widgets| {
        widgets.iter().any(|widget| widget.name == "Push all 3 changes" && !widget.disabled).then_some(())
    })?;
    window.click("Push all 3 changes")?;
    wait_live(window)?;
    let (rules, policy) =
        (sandbox.spec("virtualservice", "details")?, sandbox.spec("destinationrule", "details")?);
    ensure!(rules.contains(r#""timeout":"3s""#), "{rules}");
    ensure!(policy.contains("outlierDetection") && policy.contains("localityLbSetting"), "{policy}");
    window.click("Undo")?;
    window.wait_until("nothing of it is left", SOON, |_| {
        let gone = |kind| sandbox.spec(kind, "details").is_err();
        (gone("virtualservice") && gone("destinationrule")).then_some(())
    })
}
