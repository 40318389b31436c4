//! `cargo xtask fuzz`: odd input by the million.

use crate::sh::{cargo, run};

/// Builds the targets and runs them.
pub(crate) fn fuzz(args: &[String]) -> Result<(), String> {
    let fuzz = ["run", "--quiet", "--profile", "fuzz", "--package", "binnacle-fuzz", "--bin", "fuzz", "--"];
    run(cargo().args(fuzz).args(args))
}
