//! Whichever crates one builds, no dependency is built twice: every selection asks for the same features.
//!
//! Cargo tells what it would build (`--unit-graph`), without building anything and without a network. Only
//! eframe and what stands on it may differ: with the port that tests drive the window by, which no package
//! has, and without.

use crate::root;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::process::Command;

/// What everybody has built who ran the tests.
const ALL: &[&str] = &["test", "--no-run", "--workspace", "--features", "binnacle/inspection"];

#[derive(Deserialize)]
struct Graph {
    units: Vec<Unit>,
}

/// One call of the compiler, or of a build script.
#[derive(Deserialize)]
struct Unit {
    pkg_id: String,
    target: Target,
    profile: BTreeMap<String, serde_json::Value>,
    mode: String,
    features: BTreeSet<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Dependency {
    index: usize,
}

impl Unit {
    fn is_library(&self) -> bool {
        self.mode == "build" && self.target.kind.iter().any(|kind| kind == "lib" || kind == "proc-macro")
    }

    /// "syn@3.0.10".
    fn package(&self) -> &str {
        self.pkg_id.rsplit(['#', '/']).next().unwrap_or_default()
    }
}

impl Graph {
    fn of(selection: &[&str]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(selection)
            .args(["--offline", "--unit-graph", "-Zunstable-options"])
            // The graph is printed by an unstable option, so a stable cargo has to be let. Nothing is
            // compiled with it.
            .env("RUSTC_BOOTSTRAP", "1")
            .current_dir(root())
            .output()
            .expect("cargo runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {}: {words}", selection.join(" "));
        serde_json::from_slice(&output.stdout).expect("cargo prints its graph as JSON")
    }

    /// What tells one unit from another, with all that it is made from. `None` for what stands on eframe.
    fn identity(&self, index: usize, known: &mut BTreeMap<usize, Option<u64>>) -> Option<u64> {
        if let Some(known) = known.get(&index) {
            return *known;
        }
        let unit = &self.units[index];
        let below: Option<BTreeSet<u64>> =
            unit.dependencies.iter().map(|on| self.identity(on.index, known)).collect();
        let profile: Vec<_> = unit.profile.iter().filter(|(key, _)| *key != "name").collect();
        let own = (&unit.pkg_id, &unit.target.name, &unit.target.kind, &unit.mode, &unit.features);
        let identity = below.filter(|_| !unit.package().starts_with("eframe@")).map(|below| {
            let mut hasher = DefaultHasher::new();
            (own, format!("{profile:?}"), below).hash(&mut hasher);
            hasher.finish()
        });
        known.insert(index, identity);
        identity
    }

    /// The libraries, and by which features they are built.
    fn libraries(&self) -> BTreeMap<u64, (&str, &BTreeSet<String>)> {
        let mut known = BTreeMap::new();
        let libraries = (0..self.units.len()).filter(|index| self.units[*index].is_library());
        let named = |index: usize| (self.units[index].package(), &self.units[index].features);
        libraries.filter_map(|index| Some((self.identity(index, &mut known)?, named(index)))).collect()
    }
}

/// What a selection would build again although everything is built, as "package: features".
fn built_again(all: &Graph, selection: &[&str]) -> Vec<String> {
    let (graph, all) = (Graph::of(selection), all.libraries());
    let again = graph.libraries().into_iter().filter(|(identity, _)| !all.contains_key(identity));
    // Those whose own features differ are what has to be mended; the others only stand on them.
    let differs = |package: &str, features: &BTreeSet<String>| {
        let same = all.values().filter(|(name, _)| *name == package).map(|(_, features)| *features);
        let others: Vec<_> = same.collect();
        (!others.contains(&features)).then(|| format!("{package}: {features:?}, elsewhere {others:?}"))
    };
    let again: Vec<_> = again.map(|(_, unit)| unit).collect();
    let causes: Vec<_> = again.iter().filter_map(|(package, features)| differs(package, features)).collect();
    if causes.is_empty() { again.iter().map(|(package, _)| (*package).to_owned()).collect() } else { causes }
}

fn members() -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let members = manifest.split("members = [").nth(1).and_then(|rest| rest.split(']').next());
    let folders = members.expect("the workspace has members").split('"').skip(1).step_by(2);
    let package = |folder: &str| {
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("it is there");
        let name = manifest.lines().find_map(|line| line.strip_prefix("name = \""));
        name.expect("a package has a name").trim_end_matches('"').to_owned()
    };
    folders.map(package).collect()
}

#[test]
fn every_selection_of_crates_builds_the_same_dependencies() {
    let all = Graph::of(ALL);
    let mut selections = vec![
        vec!["build", "--workspace", "--bins", "--features", "binnacle/inspection"],
        vec!["build", "-p", "binnacle", "--features", "inspection"],
        vec!["build", "-p", "binnacle", "-p", "binnacle-tests", "--features", "binnacle/inspection"],
    ];
    let members = members();
    for member in members.iter().filter(|member| !member.starts_with("binnacle-features")) {
        selections.push(vec!["build", "-p", member]);
        selections.push(vec!["test", "--no-run", "-p", member]);
    }
    for selection in selections {
        let again = built_again(&all, &selection);
        assert!(
            again.is_empty(),
            "after a build of everything, `cargo {}` builds these again. Give packaging/features (or features/net, for \
             crates that do I/O) a line that asks for the missing features:\n{}",
            selection.join(" "),
            again.join("\n"),
        );
    }
}

#[test]
fn no_package_has_the_inspection_port() {
    let graph = Graph::of(&["build", "--release", "-p", "binnacle"]);
    let named: Vec<_> = graph.units.iter().map(Unit::package).collect();
    assert!(named.iter().any(|name| name.starts_with("eframe@")), "the window is made with eframe");
    assert!(!named.iter().any(|name| name.starts_with("egui_inspection@")), "egui_inspection came in");
}
