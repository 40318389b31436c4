//! Kubeconfig files: as YAML, word by word, and as JSON, which is YAML, element by element.

use crate::words::Language;
use crate::{Reader, Seeds, Target};
use std::path::Path;

const NAME: &str = "kubeconfig";
/// What YAML has besides.
const YAML: [&str; 22] = [
    "&a",
    "*a",
    "!!binary",
    "!!str",
    "<<:",
    "|",
    ">-",
    "- ",
    "---\n",
    "...\n",
    "? ",
    "%YAML 1.2\n",
    "\t",
    "~",
    "null",
    "{",
    "[",
    "\"",
    "'",
    "#",
    "\u{85}",
    "0x1f",
];

pub(super) const TARGET: Target = Target {
    name: NAME,
    reader,
    seeds: || {
        let all = Seeds::of(NAME);
        Seeds::Both(Seeds::json(NAME), Language::of(all.iter().map(String::as_str), &YAML))
    },
};

/// A file, as the program reads it; without a folder for it, nothing is read. In memory, where Linux has such a
/// folder: a disk takes longer than the reading.
fn reader() -> Reader {
    let memory = Path::new("/dev/shm");
    let folder = tempfile::tempdir_in(memory).or_else(|_none| tempfile::tempdir());
    Box::new(move |input| {
        let Ok(folder) = &folder else { return false };
        let file = folder.path().join("config");
        std::fs::write(&file, input).is_ok() && cluster::fuzz::kubeconfig(&file) > 0
    })
}
