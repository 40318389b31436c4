//! What we use of others: all of it used, under licences that we may ship, from the one registry, and nothing
//! twice that must be there once.
//!
//! Checked here, over what `cargo metadata` says, and not by tools that would have to be built first.

use crate::{files, root};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// One of each: two would not understand each other's types, or make the program twice as big.
const ONCE: &str = "egui eframe accesskit petgraph kube kube-core k8s-openapi rustls ring reqwest hyper axum tonic prost \
                    json-patch tokio jiff";

/// One TLS stack (rustls with ring), one YAML (serde-saphyr).
const NEVER: &str = "aws-lc-rs aws-lc-sys openssl-sys native-tls serde_yaml";

/// Licences that ask for no more than a notice, or (MPL) for changes to their own files.
const LICENCES: &str = "Apache-2.0|Apache-2.0 WITH LLVM-exception|MIT|MIT-0|BSD-2-Clause|BSD-3-Clause|BSL-1.0|ISC|Zlib|\
                        0BSD|Unlicense|Unicode-3.0|MPL-2.0|OFL-1.1|Ubuntu-font-1.0|CDLA-Permissive-2.0|CC0-1.0";

/// About to be used.
const SOON: &[(&str, &str)] = &[("binnacle-cluster", "thiserror"), ("binnacle-panels", "egui_plot")];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
    manifest_path: String,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    rename: Option<String>,
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

fn metadata() -> Metadata {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--all-features"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

#[test]
fn one_version_of_each() {
    let packages = metadata().packages;
    for name in ONCE.split_whitespace() {
        let versions: Vec<_> = packages.iter().filter(|p| p.name == name).map(|p| &p.version).collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
    for name in NEVER.split_whitespace() {
        assert!(!packages.iter().any(|package| package.name == name), "{name} came in");
    }
}

#[test]
fn licences_let_us_ship_it() {
    // "A OR B": one of them is enough. "A AND B": both. Parentheses only ever hold one of the two here.
    let allowed = |licence: &str| {
        let plain = licence.replace(['(', ')'], "").replace('/', " OR ");
        plain.split(" AND ").all(|part| {
            part.split(" OR ").any(|one| LICENCES.split('|').any(|licence| licence == one.trim()))
        })
    };
    for package in metadata().packages {
        // This one says it in a file.
        let licence = package
            .license
            .as_deref()
            .or((package.name == "ttf-inter").then_some("OFL-1.1"))
            .unwrap_or("none");
        assert!(allowed(licence), "{} {}: {licence}", package.name, package.version);
    }
}

#[test]
fn everything_comes_from_the_registry() {
    let metadata = metadata();
    for package in
        metadata.packages.iter().filter(|package| !metadata.workspace_members.contains(&package.id))
    {
        let source = package.source.as_deref().unwrap_or(&package.manifest_path);
        assert!(source.contains("rust-lang/crates.io-index"), "{} comes from {source}", package.name);
    }
}

/// The code of the files below these folders; with `product`, without the tests in it.
fn code(folder: &Path, below: &[&str], product: bool) -> String {
    let mut code = String::new();
    let is_tests =
        |path: &Path| path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
    for path in below.iter().flat_map(|below| files(&folder.join(below))) {
        let inside = path.strip_prefix(folder).expect("below the folder");
        if path.extension().is_none_or(|extension| extension != "rs") || product && is_tests(inside) {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("sources are text");
        let text =
            if product { text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default() } else { &text };
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        code.extend(lines.flat_map(|line| [line, "\n"]));
    }
    code
}

/// Whether code names a crate: `name::…`, `use name;`, `name as`.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        let after = &code[at + name.len()..];
        !before.is_alphanumeric()
            && !matches!(before, '_' | ':' | '.' | '"')
            && ["::", ";", " as "].iter().any(|mark| after.starts_with(mark))
    })
}

/// Dependencies that nothing uses, or only tests do, as "crate: dependency".
fn unused(metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    for package in metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id))
    {
        let folder = Path::new(&package.manifest_path).parent().expect("a manifest lies in a folder");
        let product = code(folder, &["src", "fuzz_targets"], true);
        let all = code(folder, &["src", "fuzz_targets", "tests", "examples"], false);
        for dependency in &package.dependencies {
            let library =
                metadata.packages.iter().filter(|package| package.name == dependency.name).find_map(
                    |package| {
                        let mut targets = package.targets.iter();
                        let target = targets.find(|target| {
                            target.kind.iter().any(|kind| kind == "lib" || kind == "proc-macro")
                        })?;
                        Some(target.name.clone())
                    },
                );
            let name = dependency
                .rename
                .clone()
                .or(library)
                .unwrap_or_else(|| dependency.name.clone())
                .replace('-', "_");
            let code = if dependency.kind.is_none() { &product } else { &all };
            // Those two are there for their manifests.
            let is_features = package.name.starts_with("binnacle-features") || name.starts_with("features");
            let is_soon = SOON.contains(&(package.name.as_str(), name.as_str()));
            if !is_features && !is_soon && !names(code, &name) {
                found.push(format!("{}: {name}", package.name));
            }
        }
    }
    found
}

#[test]
fn every_dependency_is_used() {
    let unused = unused(&metadata());
    assert!(
        unused.is_empty(),
        "remove these, or make them dev-dependencies where only tests use them: {unused:?}"
    );
}

#[test]
fn the_workspace_lists_what_crates_use() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let table = manifest.split("[workspace.dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
    let names = table.expect("the table is there").lines().filter_map(|line| Some(line.split_once(" = ")?.0));
    let metadata = metadata();
    let of_ours = metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id));
    let used: BTreeSet<_> = of_ours
        .flat_map(|package| &package.dependencies)
        .map(|on| on.rename.as_ref().unwrap_or(&on.name))
        .collect();
    let unused: Vec<_> =
        names.filter(|name| !name.starts_with('#') && !used.contains(&(*name).to_owned())).collect();
    assert!(unused.is_empty(), "no crate uses these: {unused:?}");
}
