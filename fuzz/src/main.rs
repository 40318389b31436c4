//! `fuzz [TARGET…] [--inputs N] [--seconds N] [--seed N] [--from N] [--tell]`: tries each target and prints
//! what was seen. What fails is kept in `fuzz/artifacts/TARGET/`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks on its terminal")]

use fuzz::{Plan, TARGETS, Target, Told, run};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    match work() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}

fn work() -> Result<bool, String> {
    let (within, long) = (Duration::from_secs(10), Duration::from_secs(1));
    let mut plan = Plan { seed: 1, from: 0, inputs: u64::MAX, within, long, tell: false };
    let mut names = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut number = || {
            let value = args.next().ok_or(format!("{arg} needs a number"))?;
            value.parse::<u64>().map_err(|error| format!("{arg} {value}: {error}"))
        };
        match arg.as_str() {
            "--inputs" => (plan.inputs, plan.within) = (number()?, Duration::MAX),
            "--seconds" => plan.within = Duration::from_secs(number()?),
            "--seed" => plan.seed = number()?,
            "--from" => plan.from = number()?,
            "--tell" => plan.tell = true,
            name if TARGETS.iter().any(|target| target.name == name) => names.push(arg),
            _ => {
                let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
                return Err(format!("unknown: {arg}; targets are {}", known.join(", ")));
            }
        }
    }
    println!("{:<14} {:>12} {:>8} {:>10} {:>10}  slowest", "target", "inputs", "read", "time", "inputs/s");
    let mut well = true;
    for target in
        TARGETS.iter().filter(|target| names.is_empty() || names.iter().any(|name| name == target.name))
    {
        let told = run(target, plan)?;
        well &= told.failures.is_empty();
        show(target, &told)?;
    }
    Ok(well)
}

fn show(target: &Target, told: &Told) -> Result<(), String> {
    let (longest, number) = told.longest;
    println!(
        "{:<14} {:>12} {:>6.0} % {:>8.1} s {:>10.0}  {:.1} ms (input {number})",
        target.name,
        told.inputs,
        told.read as f64 * 100.0 / told.inputs.max(1) as f64,
        told.took.as_secs_f64(),
        told.per_second(),
        longest.as_secs_f64() * 1000.0,
    );
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(target.name);
    for failure in &told.failures {
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let file = folder.join(failure.number.to_string());
        std::fs::write(&file, &failure.input).map_err(|error| error.to_string())?;
        println!("  input {} {}: {}", failure.number, failure.what, file.display());
    }
    Ok(())
}
