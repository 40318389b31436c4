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

/// One that is kept.
struct One {
    proxy: String,
    reading: Reading,
    /// Nobody asked to keep it.
    by_itself: bool,
}

/// Readings with whose they are, the oldest first.
#[derive(Default)]
pub(super) struct Kept(Vec<One>);

impl Kept {
    /// Those of a proxy, the newest first.
    pub(super) fn of(&self, proxy: &str) -> impl Iterator<Item = &Reading> {
        self.0.iter().rev().filter(move |one| one.proxy == proxy).map(|one| &one.reading)
    }

    /// Keeps the first reading of a proxy.
    pub(super) fn begin(&mut self, proxy: &str, reading: &Reading) {
        if self.of(proxy).next().is_none() {
            self.add(One { proxy: proxy.to_owned(), reading: reading.clone(), by_itself: true });
        }
    }

    /// Keeps a reading that one wants to keep. Where there are too many the oldest goes, of those first that nobody
    /// asked to keep.
    pub(super) fn keep(&mut self, proxy: &str, reading: Reading) {
        let known = self.0.iter_mut().find(|one| one.proxy == proxy && one.reading.at == reading.at);
        match known {
            Some(known) => known.by_itself = false,
            None => self.add(One { proxy: proxy.to_owned(), reading, by_itself: false }),
        }
    }

    fn add(&mut self, one: One) {
        self.0.push(one);
        if self.0.len() > MOST {
            let before_it = &self.0[..MOST];
            let goes = before_it.iter().position(|one| one.by_itself).unwrap_or(0);
            let_go(self.0.remove(goes).reading);
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
        let times = |kept: &Kept, proxy: &str| {
            kept.of(proxy).map(|one| one.at.duration_since(NOW).as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(times(&kept, "a"), [0]);
        kept.keep("b", reading(2));
        ["c", "d", "e"].iter().for_each(|proxy| kept.begin(proxy, &reading(3)));
        assert_eq!((times(&kept, "a"), times(&kept, "b")), (vec![], vec![2]), "what was asked for stays");
        (4..8).for_each(|secs| kept.keep("b", reading(secs)));
        assert_eq!((times(&kept, "b"), times(&kept, "e")), (vec![7, 6, 5, 4], vec![]));
    }
}
