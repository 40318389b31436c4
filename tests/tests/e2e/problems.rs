//! What is wrong, in the real window: a rule that kubectl breaks is shown, mended by its button, pushed, and the
//! finding goes.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, push_until_live};
use anyhow::{Context as _, Result, ensure};
use std::time::Instant;

#[test]
fn a_broken_subset_is_shown_mended_and_gone() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    window.click("Problems")?;
    window.wait_for("No problem was found", SOON)?;
    let before = sandbox.spec("virtualservice", "reviews")?;

    let patch = r#"[{"op":"replace","path":"/spec/http/0/route/0/destination/subset","value":"v11"}]"#;
    sandbox.kubectl(&["-n", "bookinfo", "patch", "vs", "reviews", "--type=json", "-p", patch])?;
    // kubectl ends after the server has answered it: from there on the window is late.
    let applied = Instant::now();
    let found = window.wait_until("the finding", SOON, |widgets| {
        let is =
            |name: &str| name.starts_with("Error: VirtualService bookinfo/reviews") && name.contains("v11");
        widgets.iter().find(|widget| is(&widget.name)).cloned()
    })?;
    println!("a broken subset is shown {} ms after kubectl", applied.elapsed().as_millis());
    window.click(&found.name)?;
    let fix = window.wait_until("its button", SOON, |widgets| {
        widgets.iter().find(|widget| widget.name.ends_with(", in VirtualService bookinfo/reviews")).cloned()
    })?;
    window.click(&fix.name)?;
    push_until_live(window)?;
    window.wait_for("No problem was found", SOON)?;
    let after = sandbox.spec("virtualservice", "reviews")?;
    ensure!(after == before, "{} mended {after}", fix.name);
    let (code, out, words) = crate::check::run(
        "check",
        &["--kubeconfig", sandbox.ready.kubeconfig.to_str().context("an odd path")?],
    )?;
    ensure!(code == 0, "{code} {out} {words}");
    session.is_well()
}
