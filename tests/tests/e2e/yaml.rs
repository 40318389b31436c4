//! Objects as YAML in the real window: an error is told, mended, pushed, seen on the server and undone; an
//! object is made and deleted on the same road.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, push, wait_live};
use anyhow::{Context as _, Result, ensure};
use egui::{Event, Key, Modifiers, vec2};
use harness::Window;
use mesh::{demo, kinds};
use panels::objects;

const FIELD: &str = "YAML of VirtualService bookinfo/reviews";

/// The text of the field.
fn shown(window: &Window, field: &str) -> Result<String> {
    window.wait_for(field, SOON)?.value.context("a text")
}

/// Puts a text in the place of what stands in the field.
fn write(window: &Window, field: &str, text: &str) -> Result<()> {
    let rect = window.at_rest(field)?.rect;
    window.click_at(rect.left_top() + vec2(60.0, 10.0))?;
    window.key(Key::A, Modifiers::COMMAND)?;
    window.events([Event::Paste(text.to_owned())])
}

#[test]
fn an_error_in_yaml_is_mended_pushed_and_undone() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    let before = sandbox.spec("virtualservice", "reviews")?;
    window.click("Objects")?;
    window.wait_for("VirtualService bookinfo/reviews", SOON)?;
    window.click("VirtualService bookinfo/reviews")?;
    window.wait_for("Checked by this cluster's schema", SOON)?;
    let was = shown(window, FIELD)?;
    ensure!(was.contains("\n  http:\n  - "), "{was}");

    write(window, FIELD, &was.replacen("\n  http:\n  - ", "\n  http:\n  - timeuot: 3s\n    ", 1))?;
    window.wait_for("has no field timeuot here; it has timeout", SOON)?;
    write(window, FIELD, &was.replacen("\n  http:\n", "\n\thttp:\n", 1))?;
    window.wait_for("YAML is indented by spaces", SOON)?;
    window.wait_for("No change is pending", SOON)?;

    write(window, FIELD, &was.replacen("timeout: 15s", "timeout: 3s", 1))?;
    window.wait_for("spec.http[0].timeout is 3s instead of 15s", SOON)?;
    push(window)?;
    window.wait_until("timeout on the server", SOON, |_| {
        sandbox.spec("virtualservice", "reviews").ok().filter(|spec| spec.contains(r#""timeout":"3s""#))
    })?;
    // A timeout is claimed of the proxies, whoever writes it.
    wait_live(window)?;

    window.click("Undo")?;
    window.wait_until("the bytes as they were", SOON, |_| {
        sandbox.spec("virtualservice", "reviews").ok().filter(|spec| *spec == before)
    })?;
    window.wait_until("the text as it was", SOON, |widgets| {
        widgets.iter().find(|widget| widget.name == FIELD && widget.value.as_deref() == Some(&was)).map(drop)
    })?;
    session.is_well()
}

#[test]
fn an_object_is_made_by_a_template_and_deleted() -> Result<()> {
    let sandbox = Sandbox::start()?;
    // As the server judges them: unknown fields are refused, too.
    // This server has no TLSRoutes.
    for kind in objects::kinds().filter(|kind| **kind != kinds::TLS_ROUTE) {
        let (_, text) = objects::template(&demo::bookinfo(), kind, "bookinfo").context("a template")?;
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let file = file.path().to_string_lossy().into_owned();
        sandbox.kubectl(&["create", "--dry-run=server", "--validate=strict", "-f", &file])?;
    }
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.click("Objects")?;
    window.wait_for("Create an object", SOON)?;
    window.click("Create an object")?;
    window.wait_for("Create Sidecar…", SOON)?;
    window.click("Create Sidecar…")?;
    let field = "YAML of Sidecar bookinfo/new-sidecar";
    let text = shown(window, field)?;
    write(window, field, &text.replace("name: new-sidecar", "name: narrow"))?;
    window.wait_for("Sidecar bookinfo/narrow is created", SOON)?;
    push(window)?;
    window.wait_for("YAML of Sidecar bookinfo/narrow", SOON)?;
    ensure!(sandbox.spec("sidecar", "narrow")?.contains("istio-system/*"));
    window.wait_for("Delete…", SOON)?;
    window.click("Delete…")?;
    window.wait_for("Sidecar bookinfo/narrow is deleted", SOON)?;
    push(window)?;
    window.wait_until("no Sidecar", SOON, |_| sandbox.spec("sidecar", "narrow").is_err().then_some(()))?;
    session.is_well()
}
