//! Everything that the project needs, from a bare Debian 12 with Rust: `cargo xtask run`, `test`, `bench`,
//! `setup`.
//!
//! Each command first installs what is missing, says what it does, and does nothing twice. All of it comes
//! from package registries (apt, PyPI, crates); the second time nothing is downloaded.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks on its terminal")]

mod bench;
mod display;
mod fuzz;
mod pictures;
mod run;
mod setup;
mod sh;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask COMMAND

  run [ARGS]    install what is missing, build, open the window on the bookinfo sandbox
                (ARGS go to binnacle instead, for example `cargo xtask run --context prod`)
  test [ARGS]   install what the tests need, then format check, lints, all tests, documentation
                (ARGS go to `cargo test` and skip the rest, for example `cargo xtask test -p binnacle-mesh`)
  bench         build for speed and print each budget beside what was measured
  bench scale   only the rows of large meshes
  bench bombs   only the rows of answers that are too large or without an end
  bench endurance [--duration SECONDS] [--rps N]
                build for speed and keep a sandbox under load, 600 s at 200 requests/s unless told otherwise:
                memory, failed requests, a control plane that goes away, a proxy that dies
  fuzz [TARGET] [--seconds N | --inputs N] [--seed N] [--from N]
                odd input for all that reads what other programs send, 10 s for each target unless told otherwise;
                what fails is kept in fuzz/artifacts
  pictures      take a picture of each panel and editor, from the real window, for the manual (assets/manual)
  setup         only install what is missing for all of these

Options of all: --yes (do not ask before sudo)";

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let yes = args.iter().position(|arg| arg == "--yes").map(|at| args.remove(at)).is_some();
    let rest = args.get(1..).unwrap_or_default();
    let done = match args.first().map(String::as_str) {
        Some("run") => run::run(rest, yes),
        Some("test") => test::test(rest, yes),
        Some("bench") => bench::bench(rest, yes),
        Some("fuzz") => fuzz::fuzz(rest),
        Some("pictures") => pictures::pictures(yes),
        Some("setup") => setup::Needs::all().install(yes).map(|_| ()),
        Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(HELP.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}
