//! app → panels → mesh → istio; app → cluster → mesh; app → sandbox → its parts → istio. Any other arrow is a
//! mistake.

use crate::root;
use std::collections::BTreeSet;

/// Crates of this workspace that a manifest names, outside its tests.
fn arrows(manifest: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(manifest)).expect("the manifest is there");
    let ours =
        ["app", "panels", "mesh", "istio", "cluster", "sandbox", "apiserver", "pilot", "telemetry", "wire"];
    let dependencies = text.split("\n[").find(|table| table.starts_with("dependencies]")).unwrap_or_default();
    let names = dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| ours.contains(name)).map(str::to_owned).collect()
}

#[test]
fn crates_depend_in_one_direction() {
    let allowed = [
        ("app/Cargo.toml", &["cluster", "istio", "mesh", "panels", "sandbox"][..]),
        ("panels/Cargo.toml", &["istio", "mesh"]),
        ("backend/istio/Cargo.toml", &[]),
        ("backend/mesh/Cargo.toml", &["istio"]),
        ("backend/cluster/Cargo.toml", &["istio", "mesh"]),
        ("backend/sandbox/Cargo.toml", &["apiserver", "istio", "pilot", "telemetry", "wire"]),
        ("backend/sandbox/apiserver/Cargo.toml", &["istio", "wire"]),
        ("backend/sandbox/pilot/Cargo.toml", &["istio", "wire"]),
        ("backend/sandbox/telemetry/Cargo.toml", &["istio", "wire"]),
        ("backend/sandbox/wire/Cargo.toml", &[]),
    ];
    for (manifest, allowed) in allowed {
        let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        let found = arrows(manifest);
        assert!(found.is_subset(&allowed), "{manifest} depends on {:?}", found.difference(&allowed));
    }
}

#[test]
fn layers_keep_to_their_own_tools() {
    let forbidden = [
        ("panels/Cargo.toml", &["tokio", "kube", "reqwest", "hyper", "axum"][..]),
        ("backend/istio/Cargo.toml", &["tokio", "kube", "reqwest", "egui", "hyper"]),
        ("backend/mesh/Cargo.toml", &["tokio", "kube", "reqwest", "egui", "hyper"]),
        ("backend/cluster/Cargo.toml", &["egui", "eframe"]),
        ("backend/sandbox/Cargo.toml", &["egui", "eframe"]),
    ];
    for (manifest, forbidden) in forbidden {
        let text = std::fs::read_to_string(root().join(manifest)).expect("the manifest is there");
        let table = text.split("\n[").find(|table| table.starts_with("dependencies]")).unwrap_or_default();
        for name in forbidden {
            let named = table.lines().any(|line| line.split(['.', ' ', '=']).next() == Some(name));
            assert!(!named, "{manifest} must not depend on {name}");
        }
    }
}
