//! `cargo xtask fuzz`: odd input by the million.

use crate::sh::{cargo, run};

/// What reads is built for speed, and with the checks of a debug build: an overflow is a fault, too. What it
/// stands on is that of every other build.
const FAST: [&str; 6] = ["fuzz", "istio", "mesh", "cluster", "apiserver", "telemetry"];

/// Builds the targets and runs them.
pub(crate) fn fuzz(args: &[String]) -> Result<(), String> {
    let mut fuzz = cargo();
    fuzz.args(["run", "--quiet", "--package", "binnacle-fuzz", "--bin", "fuzz"]);
    for name in FAST {
        fuzz.arg("--config").arg(format!("profile.dev.package.binnacle-{name}.opt-level=2"));
    }
    run(fuzz.arg("--").args(args))
}
