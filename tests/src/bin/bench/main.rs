//! `cargo xtask bench`: prints each budget beside what is measured on this machine. It judges nothing by
//! itself: machines differ, and so do their days. `cargo xtask bench canvas` measures only one part of them
//! ([`PARTS`]), `cargo xtask bench bombs WORDS` only the bombs that are named so, and `cargo xtask bench endurance`
//! keeps a mesh under load instead.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

mod bombs;
mod calls;
mod canvas;
mod changes;
mod checks;
mod endurance;
mod memory;
mod panels;
mod running;
mod scale;
mod traces;

use std::fmt::Write as _;

/// One line of the report.
struct Row {
    what: String,
    budget: &'static str,
    measured: String,
}

/// Measures one part of the report.
type Part = fn() -> anyhow::Result<Vec<Row>>;

/// Parts of the report that can be asked for by name.
const PARTS: [(&str, Part); 9] = [
    ("canvas", || Ok(canvas::rows())),
    ("model", || Ok(changes::rows())),
    ("calls", || Ok(calls::rows())),
    ("checks", || Ok(checks::rows())),
    ("traces", traces::rows),
    ("panels", panels::rows),
    ("running", running::rows),
    ("scale", scale::rows),
    ("bombs", || bombs::rows("")),
];

impl Row {
    fn new(what: impl Into<String>, budget: &'static str, measured: impl Into<String>) -> Self {
        Self { what: what.into(), budget, measured: measured.into() }
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
            let mut rows = Vec::new();
            for (_, part) in PARTS {
                rows.extend(part()?);
            }
            rows
        }
        Some((mode, rest)) if mode == "endurance" => endurance::Endurance::read(rest)?.rows()?,
        Some((mode, [words])) if mode == "bombs" => bombs::rows(words)?,
        Some((name, [more, ..])) => anyhow::bail!("unknown: {more} after {name}"),
        Some((name, [])) => match PARTS.iter().find(|(part, _)| part == name) {
            Some((_, part)) => part()?,
            None => {
                let parts = PARTS.map(|(name, _)| name).join(", ");
                anyhow::bail!(
                    "unknown: {name}; there are {parts} and endurance, and all budgets without an argument"
                )
            }
        },
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
