//! `cargo xtask bench`: each budget beside what was measured, built for speed.

use crate::display::{self, Xvfb};
use crate::setup::Needs;
use crate::sh::{cargo, run, target};
use std::process::Command;

/// Builds the window (with its inspection port) and the bench, and runs the bench.
pub(crate) fn bench(args: &[String], yes: bool) -> Result<(), String> {
    let tools = Needs::all().install(yes)?;
    run(cargo().args([
        "build",
        "--release",
        "--package",
        "binnacle",
        "--package",
        "binnacle-tests",
        "--features",
        crate::test::FEATURES,
    ]))?;
    let screen = if display::is_there() { None } else { Some(Xvfb::start("1440x900")?) };
    let mut bench = Command::new(target().join("release").join("bench"));
    bench.args(args).env("BINNACLE_ENVOY", tools.envoy);
    if let Some(screen) = &screen {
        bench.env("DISPLAY", &screen.name).env("LIBGL_ALWAYS_SOFTWARE", "1");
    }
    run(&mut bench)
}
