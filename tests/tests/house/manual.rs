//! The manual says what panels and editors are, each with its picture, and what the checks are; with `WRITE_MANUAL=1` it is written anew.

use super::root;
use panels::editors::{EDITORS, picture_of};
use panels::{PANELS, manual};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// As large as the pictures are that `cargo xtask pictures` takes.
const SIZE: (u32, u32) = (1280, 800);

/// No picture of the manual is larger.
const LARGEST: usize = 260_000;

fn folder() -> PathBuf {
    root().join("assets/manual")
}

#[test]
fn the_manual_is_true() {
    for (file, text) in [
        ("panels.md", panels::manual::manual()),
        ("editors.md", panels::editors::manual()),
        ("checks.md", mesh::check::report::manual()),
    ] {
        let file = folder().join(file);
        if std::env::var_os("WRITE_MANUAL").is_some() {
            std::fs::create_dir_all(folder()).expect("a folder");
            std::fs::write(&file, &text).expect("a file");
        }
        let written = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            written == text,
            "WRITE_MANUAL=1 cargo test -p binnacle-tests --test house the_manual_is_true"
        );
    }
}

/// Each panel and each editor has a picture of its own, and there is no other.
#[test]
fn every_panel_and_editor_has_its_picture() {
    let text = |file| std::fs::read_to_string(folder().join(file)).expect("the manual");
    let mut wanted = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let beside = manual::BESIDE.iter().map(|(name, _)| *name);
    let panels = PANELS.iter().map(|row| row.about.name).chain(beside);
    let panels = panels.map(|name| (name, manual::picture_of(name), "panels.md"));
    let editors = EDITORS.iter().map(|row| (row.about.name, picture_of(row.about.name), "editors.md"));
    for (name, file, manual) in panels.chain(editors) {
        let text = text(manual);
        assert!(text.contains(&format!("\n## {name}\n")), "{name} is not in the manual");
        assert!(text.contains(&format!("![{name}]({file})")), "{name} has no picture in the manual");
        let picture = std::fs::read(folder().join(&file));
        let picture = picture.unwrap_or_else(|error| panic!("{file}: {error}; run `cargo xtask pictures`"));
        assert_eq!(size(&picture), Some(SIZE), "{file}");
        assert!(picture.len() < LARGEST, "{file} has {} bytes", picture.len());
        assert!(seen.insert(picture), "{file} is the picture of another one, too");
        wanted.insert(file);
    }
    let files = std::fs::read_dir(folder()).expect("a folder").flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    let pictures: BTreeSet<String> = names.filter(|name| name.ends_with(".png")).collect();
    assert_eq!(pictures, wanted, "pictures that nobody has: delete them");
}

/// Width and height of a PNG, as its header says.
fn size(png: &[u8]) -> Option<(u32, u32)> {
    let header = png.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(8..16)?;
    let (width, height) = header.split_at(4);
    Some((u32::from_be_bytes(width.try_into().ok()?), u32::from_be_bytes(height.try_into().ok()?)))
}
