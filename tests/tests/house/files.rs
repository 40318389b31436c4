//! Files stay short; colours are named; one place carries out intents.

use crate::rust_files;

/// A file is about 400 lines at most; this is where "about" ends.
const LINES: usize = 450;

#[test]
fn files_stay_short() {
    let long: Vec<_> = rust_files()
        .iter()
        .map(|(name, text)| (name.clone(), text.lines().count()))
        .filter(|(_, lines)| *lines > LINES)
        .collect();
    assert!(long.is_empty(), "split these: {long:?}");
}

#[test]
fn modules_say_what_they_give() {
    // Unit tests that stand in a file of their own belong to the module that names them.
    let is_tests = |name: &str| name.ends_with("tests.rs");
    let files = rust_files().into_iter().filter(|(name, _)| !is_tests(name));
    let mute: Vec<_> = files.filter(|(_, text)| !text.starts_with("//!")).map(|(name, _)| name).collect();
    assert!(mute.is_empty(), "these open without a module comment: {mute:?}");
}

#[test]
fn colours_have_names() {
    for (name, text) in rust_files() {
        let is_window = name.starts_with("panels/src/") || name.starts_with("app/src/");
        if is_window && name != "panels/src/kit/theme.rs" {
            for raw in ["from_rgb(", "Color32::RED", "Color32::GREEN", "Color32::GRAY", "hex_color!"] {
                assert!(
                    !text.contains(raw),
                    "{name} has a raw colour ({raw}): use a token of panels/src/kit/theme.rs"
                );
            }
        }
    }
}

#[test]
fn only_perform_carries_out_intents() {
    for (name, text) in rust_files()
        .into_iter()
        .filter(|(name, _)| name.starts_with("app/src/") || name.starts_with("panels/src/"))
    {
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        if !name.starts_with("app/src/perform") {
            assert!(
                !product.contains("match intent"),
                "{name} carries out intents; that is the part of app/src/perform.rs"
            );
        }
        if name.starts_with("panels/src/") {
            assert!(
                !product.contains("std::fs::") && !product.contains("std::net::"),
                "{name} does I/O; panels send intents"
            );
        }
    }
}

#[test]
fn the_window_never_waits() {
    for (name, text) in rust_files().into_iter().filter(|(name, _)| name.starts_with("panels/src/")) {
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for call in ["block_on(", "thread::sleep", ".recv()", ".join().", "blocking_recv"] {
            assert!(!product.contains(call), "{name} waits on the window's thread ({call})");
        }
    }
}
