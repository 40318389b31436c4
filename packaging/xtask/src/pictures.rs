//! `cargo xtask pictures`: each panel and each editor as the real window shows it, for the manual.

use crate::setup::Needs;
use crate::sh::{cargo, root, run, target};
use std::process::Command;

/// Builds the window (with its inspection port) and has every panel and editor opened and kept in `assets/manual/`.
pub(crate) fn pictures(yes: bool) -> Result<(), String> {
    let tools = Needs { display: true, peers: false }.install(yes)?;
    run(cargo().args(["build", "--workspace", "--bins", "--features", crate::test::FEATURES]))?;
    let mut pictures = Command::new(target().join("debug").join("pictures"));
    run(pictures.arg(root().join("assets/manual")).env("BINNACLE_ENVOY", tools.envoy))
}
