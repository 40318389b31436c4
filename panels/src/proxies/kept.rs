//! Readings of proxies that are kept to be compared with: the first since a proxy was opened, and those that one
//! wants to keep. They are large, and few.

use crate::kit::let_go;
use jiff::Timestamp;
use mesh::dump::Dump;
use std::sync::Arc;

/// So many are kept.
const MOST: usize = 4;

/// One reading.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) at: Timestamp,
    pub(super) dump: Arc<Dump>,
}

/// Readings with whose they are, the oldest first.
#[derive(Default)]
pub(super) struct Kept(Vec<(String, Reading)>);

impl Kept {
    /// Those of a proxy, the newest first.
    pub(super) fn of(&self, proxy: &str) -> impl Iterator<Item = &Reading> {
        self.0.iter().rev().filter(move |(whose, _)| whose == proxy).map(|(_, reading)| reading)
    }

    /// Keeps the first reading of a proxy.
    pub(super) fn begin(&mut self, proxy: &str, reading: &Reading) {
        if self.of(proxy).next().is_none() {
            self.keep(proxy, reading.clone());
        }
    }

    /// Keeps a reading. The oldest goes where there are too many.
    pub(super) fn keep(&mut self, proxy: &str, reading: Reading) {
        if self.of(proxy).any(|kept| kept.at == reading.at) {
            return;
        }
        self.0.push((proxy.to_owned(), reading));
        if self.0.len() > MOST {
            let_go(self.0.remove(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::demo::NOW;

    #[test]
    fn few_are_kept_and_each_once() {
        let reading =
            |secs| Reading { at: NOW + jiff::SignedDuration::from_secs(secs), dump: Arc::default() };
        let mut kept = Kept::default();
        kept.begin("a", &reading(0));
        kept.begin("a", &reading(1));
        kept.keep("a", reading(0));
        let times = |kept: &Kept, proxy: &str| {
            kept.of(proxy).map(|one| one.at.duration_since(NOW).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(times(&kept, "a"), [0]);
        (2..6).for_each(|secs| kept.keep("b", reading(secs)));
        assert_eq!((times(&kept, "a"), times(&kept, "b")), (vec![], vec![5, 4, 3, 2]));
    }
}
