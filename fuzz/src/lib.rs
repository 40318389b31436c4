//! Odd input for whatever reads what other programs send. Each target knows some good input
//! (`corpus/TARGET/`), of which broken input is made: JSON element by element, languages word by word, and
//! all of it byte by byte. It must not panic, exhaust the stack of a worker, or take long.
//!
//! The layout is cargo-fuzz's. The driver is our own and runs on stable Rust: what it makes follows from seed,
//! target and number alone, so that a number tells an input.

mod bytes;
mod driver;
mod json;
mod words;

#[path = "../fuzz_targets/mod.rs"]
mod targets;

pub use driver::{Failure, Plan, Told, run};
pub use targets::TARGETS;

use rand_chacha::ChaCha8Rng;
use std::path::PathBuf;

/// Something that reads.
pub struct Target {
    /// As its corpus is named: "syncz".
    pub name: &'static str,
    /// Gets it ready: what reads one input.
    pub reader: fn() -> Reader,
    /// What input is made of.
    pub seeds: fn() -> Seeds,
}

/// Reads one input; tells whether there was anything in it.
pub type Reader = Box<dyn Fn(&[u8]) -> bool + Send>;

/// Good input, and how it is broken.
pub enum Seeds {
    /// Documents, element by element.
    Json(Vec<serde_json::Value>),
    /// Expressions of a language, word by word.
    Words(words::Language),
    /// One or the other.
    Both(Vec<serde_json::Value>, words::Language),
    /// Bytes with no text in them.
    Bytes(Vec<Vec<u8>>),
}

impl Target {
    /// What once was a fault (`regressions/TARGET/`).
    pub fn regressions(&self) -> Vec<PathBuf> {
        files("regressions", self.name)
    }
}

fn files(folder: &str, name: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

impl Seeds {
    /// The good files of a target.
    pub(crate) fn of(name: &str) -> Vec<String> {
        files("corpus", name).iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect()
    }

    /// The same as JSON.
    pub(crate) fn json(name: &str) -> Vec<serde_json::Value> {
        Self::of(name).iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
    }

    /// The same as bytes.
    pub(crate) fn bytes(name: &str) -> Vec<Vec<u8>> {
        files("corpus", name).iter().filter_map(|file| std::fs::read(file).ok()).collect()
    }

    /// One input.
    fn input(&self, random: &mut ChaCha8Rng) -> Vec<u8> {
        use rand::Rng as _;
        use rand::seq::IndexedRandom as _;
        let text = match self {
            Self::Json(seeds) => json::broken(seeds, random),
            Self::Words(language) => language.broken(random),
            Self::Both(seeds, _) if random.random_bool(0.5) => json::broken(seeds, random),
            Self::Both(_, language) => language.broken(random),
            Self::Bytes(seeds) => {
                return bytes::broken(seeds.choose(random).cloned().unwrap_or_default(), random);
            }
        };
        if random.random_ratio(1, 8) { bytes::broken(text.into_bytes(), random) } else { text.into_bytes() }
    }
}
