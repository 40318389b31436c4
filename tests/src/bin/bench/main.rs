//! `cargo xtask bench`: prints each budget beside what is measured on this machine. It judges nothing by itself: machines
//! differ, and so do their days. `cargo xtask bench endurance` keeps a mesh under load instead, and `scale` measures only
//! large meshes.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod canvas;
mod endurance;
mod memory;
mod running;
mod scale;

use std::fmt::Write as _;

/// One line of the report.
struct Row {
    what: &'static str,
    budget: &'static str,
    measured: String,
}

impl Row {
    fn new(what: &'static str, budget: &'static str, measured: impl Into<String>) -> Self {
        Self { what, budget, measured: measured.into() }
    }
}

/// The middle one of several measurements.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> anyhow::Result<()> {
    harness::tls();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rows = match args.split_first() {
        None => {
            let mut rows = canvas::rows();
            rows.extend(running::rows()?);
            rows.extend(scale::rows()?);
            rows
        }
        Some((mode, [])) if mode == "scale" => scale::rows()?,
        Some((mode, rest)) if mode == "endurance" => endurance::Endurance::read(rest)?.rows()?,
        Some((mode, _)) => {
            anyhow::bail!("unknown: {mode}; there are endurance, scale, and all budgets without an argument")
        }
    };
    println!("{}", report(&rows));
    Ok(())
}

fn report(rows: &[Row]) -> String {
    let widest = |column: fn(&Row) -> usize| rows.iter().map(column).max().unwrap_or_default();
    let (what, budget) = (widest(|row| row.what.chars().count()), widest(|row| row.budget.chars().count()));
    let mut text = format!("{:what$}  {:budget$}  measured\n", "what", "budget");
    for row in rows {
        writeln!(text, "{:what$}  {:budget$}  {}", row.what, row.budget, row.measured).ok();
    }
    text
}
