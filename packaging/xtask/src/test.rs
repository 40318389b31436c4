//! `cargo xtask test`: what CI runs, word for word.

use crate::setup::Needs;
use crate::sh::{self, cargo, run};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

/// Installs what the tests need, then format, lints, tests, documentation; ends with one line of totals.
pub(crate) fn test(args: &[String], yes: bool) -> Result<(), String> {
    all(args, yes).map_err(|why| match sh::room(&sh::target()) {
        // Linkers die of it without a word.
        Some(left) if left < FULL => format!(
            "{why}\nOnly {} MB are left on the disk of {}, and builds fail without room: make some there.",
            left >> 20,
            sh::target().display()
        ),
        _ => why,
    })
}

/// With less than this many bytes left, it may be the disk that fails a build.
const FULL: u64 = 1 << 30;

fn all(args: &[String], yes: bool) -> Result<(), String> {
    println!("1. What the tests need");
    let tools = Needs::all().install(yes)?;
    // Crates of other systems too: the rules on dependencies are looked at without a network.
    run(cargo().args(["fetch", "--locked"]))?;
    if args.is_empty() {
        println!("2. Format and lints");
        run(cargo().args(["fmt", "--all", "--check"]))?;
        run(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            FEATURES,
            "--",
            "-D",
            "warnings",
        ]))?;
        println!("3. Tests");
    }
    // The end-to-end tests start the real binary.
    run(cargo().args(["build", "--workspace", "--bins", "--features", FEATURES]))?;
    let totals = count_tests(args, &tools.envoy)?;
    if args.is_empty() && totals.ended_well {
        println!("4. Documentation");
        run(cargo()
            .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--features", FEATURES])
            .env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    println!("\n{} passed, {} failed", totals.passed, totals.failed);
    if totals.failed > 0 || !totals.ended_well {
        return Err("Some tests failed; they are named above.".to_owned());
    }
    if totals.passed == 0 {
        return Err("No test ran.".to_owned());
    }
    Ok(())
}

/// The window is tested through egui's inspection protocol, which no package has.
pub(crate) const FEATURES: &str = "binnacle/inspection";

#[derive(Default)]
struct Totals {
    passed: usize,
    failed: usize,
    ended_well: bool,
}

/// Runs `cargo test`, shows what it prints, and adds up its "test result" lines.
fn count_tests(args: &[String], envoy: &std::path::Path) -> Result<Totals, String> {
    let mut command = cargo();
    command.args(["test", "--no-fail-fast"]);
    if args.is_empty() {
        command.args(["--workspace", "--features", FEATURES]);
    }
    // The window with the port that tests drive it by, also where only its package is named.
    if args.windows(2).any(|pair| matches!(pair[0].as_str(), "-p" | "--package") && pair[1] == "binnacle") {
        command.args(["--features", FEATURES]);
    }
    command.args(args).env("BINNACLE_ENVOY", envoy).stdout(Stdio::piped()).stdin(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("cargo test could not be started: {error}"))?;
    let stdout = child.stdout.take().ok_or("cargo test has no output")?;
    let mut totals = Totals::default();
    for line in BufReader::new(stdout).lines() {
        let line = line.map_err(|error| error.to_string())?;
        // A closed terminal is no reason to stop counting.
        writeln!(std::io::stdout(), "{line}").ok();
        if let Some(result) = line.strip_prefix("test result: ") {
            totals.passed += number_before(result, " passed");
            totals.failed += number_before(result, " failed");
        }
    }
    totals.ended_well = child.wait().map_err(|error| error.to_string())?.success();
    Ok(totals)
}

fn number_before(line: &str, word: &str) -> usize {
    let before = line.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::number_before;

    #[test]
    fn totals_are_read_from_cargos_lines() {
        let line = "ok. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!((number_before(line, " passed"), number_before(line, " failed")), (12, 3));
    }
}
