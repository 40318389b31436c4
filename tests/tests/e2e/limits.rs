//! A rate limit that is made in the window: calls get 429, the editor says how many, and none does after an undo.

use crate::mesh::Sandbox;
use crate::session::{SOON, Session, fill, push_until_live};
use anyhow::{Result, ensure};
use std::time::Duration;

/// Where the detail shows its editors.
const DETAIL: std::ops::Range<f32> = 170.0..700.0;
/// Rates are made of some samples.
const MEASURED: Duration = Duration::from_secs(40);

/// How many of ten pages have no details.
fn without_details(sandbox: &Sandbox) -> Result<usize> {
    let mut without = 0;
    for _ in 0..10 {
        let (status, page) = sandbox.get("/productpage")?;
        ensure!(status == 200, "the page itself goes on: {status}");
        without += usize::from(page.contains("Error fetching product details"));
    }
    Ok(without)
}

#[test]
fn a_rate_limit_shows_its_429s() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let session = Session::connect(&sandbox)?;
    let window = &session.window;
    ensure!(without_details(&sandbox)? == 0, "nobody is refused before it");
    window.click("details v1")?;
    for name in ["Rate limit", "limit calls of details, set"] {
        window.wait_for(name, SOON)?;
        window.reveal(name, DETAIL)?;
        window.click(name)?;
    }
    for (field, value) in
        [("calls of details", "1"), ("every of details", "60s"), ("at once of details", "1")]
    {
        window.wait_for(field, SOON)?;
        window.reveal(field, DETAIL)?;
        fill(window, field, value)?;
    }
    push_until_live(window)?;
    window.wait_until("most of them are refused", SOON, |_| {
        (without_details(&sandbox).ok()? > 7).then_some(())
    })?;
    let said = window.wait_until("how many get 429", MEASURED, |widgets| {
        let note = |name: &str| name.contains("are answered with 429 just now") && !name.starts_with('0');
        let found = widgets.iter().find(|widget| note(&widget.name)).map(|widget| widget.name.clone());
        if found.is_none() {
            without_details(&sandbox).ok()?;
        }
        found
    })?;
    println!("{said}");
    window.click("Undo")?;
    window.wait_until("all have details again", SOON, |_| {
        without_details(&sandbox).is_ok_and(|without| without == 0).then_some(())
    })?;
    ensure!(
        sandbox.kubectl(&["get", "envoyfilter", "-n", "bookinfo", "-o", "name"])?.is_empty(),
        "it is gone"
    );
    session.is_well()
}
