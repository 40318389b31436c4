//! The two evaluators of `istio` held against real Envoys: random rules and random requests, random policies and
//! random calls. What the evaluator says is what the proxies do.
//!
//! `BINNACLE_SETS` says how many sets of objects are tried (`200` is the long run), `BINNACLE_SEED` which.

mod connections;
mod dice;
mod entering;
mod inside;
mod matches;
mod policies;
mod world;

use crate::bench::{Bench, key};
use serde_json::Value;
use std::sync::Arc;

/// So many sets are tried where nobody says how many.
const SETS: u64 = 8;
/// So many requests for each.
pub(crate) const REQUESTS: usize = 26;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How many sets to try.
fn sets() -> u64 {
    number("BINNACLE_SETS").unwrap_or(SETS)
}

/// Where random numbers begin: another place each day.
fn seed() -> u64 {
    let today = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    number("BINNACLE_SEED").unwrap_or_else(|| today().as_secs() / 86_400)
}

/// One set of objects in place of another, all at once.
fn replace(bench: &mut Bench, old: &[Value], new: &[Value]) {
    for object in old {
        bench.objects.remove(&key(object));
    }
    bench.objects.extend(new.iter().map(|object| (key(object), Arc::new(object.clone()))));
    bench.publish();
}

/// Objects as people read them.
fn shown(objects: &[Value]) -> String {
    let all = objects.iter().map(istio::object::yaml_of);
    all.collect::<Vec<_>>().join("---\n")
}

/// Tells what differs, and fails when something does.
fn conclude(name: &str, seed: u64, asked: usize, different: &[String]) {
    println!("{name}: {asked} requests over {} sets from seed {seed}, {} differ", sets(), different.len());
    different.iter().filter_map(|one| one.lines().next()).for_each(|line| println!("{line}"));
    different.iter().take(2).for_each(|one| println!("\n{one}"));
    assert!(different.is_empty(), "{} of {asked} differ (seed {seed})", different.len());
}
