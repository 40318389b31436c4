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

/// Files of the app that run before there is a window, after it, without one, or on other threads.
const NOT_THE_WINDOW: [&str; 13] = [
    "check.rs",
    "commands.rs",
    "disk.rs",
    "drafts.rs",
    "kept.rs",
    "logging.rs",
    "no_sandbox.rs",
    "own_sandbox.rs",
    "runtime.rs",
    "scripts.rs",
    "settings.rs",
    "signals.rs",
    "testing.rs",
];

#[test]
fn the_window_never_waits() {
    let waits = ["block_on(", "thread::sleep", ".recv()", ".join().", "blocking_recv"];
    let disk = ["std::fs::", "File::", "image::", "cluster::contexts(", "find_envoy("];
    for (name, text) in rust_files() {
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        let of_app = name.strip_prefix("app/src/").filter(|file| !NOT_THE_WINDOW.contains(file));
        let found = |calls: &[&'static str]| calls.iter().find(|call| product.contains(**call)).copied();
        if name.starts_with("panels/src/") || of_app.is_some() {
            assert_eq!(found(&waits), None, "{name} waits on the window's thread");
        }
        if of_app.is_some() {
            assert_eq!(
                found(&disk),
                None,
                "{name} reads or writes on the window's thread: see app/src/disk.rs"
            );
            assert_eq!(on_the_window(product), None, "{name} calls disk outside Background::run");
        }
    }
}

/// A call of app/src/disk.rs that stands in no closure which another thread runs.
fn on_the_window(product: &str) -> Option<String> {
    let lines: Vec<&str> = product.lines().collect();
    let calls = lines.iter().enumerate().filter(|(_, line)| line.contains("disk::") && line.contains('('));
    let moved = |at: usize| lines[at.saturating_sub(3)..=at].iter().any(|line| line.contains("move ||"));
    calls.filter(|(at, _)| !moved(*at)).map(|(_, line)| (*line).to_owned()).next()
}

#[test]
fn a_call_on_the_windows_thread_is_found() {
    assert_eq!(on_the_window("let later = background.run(move || disk::save(&file));"), None);
    assert_eq!(on_the_window("    disk::save(&file);").as_deref(), Some("    disk::save(&file);"));
}
