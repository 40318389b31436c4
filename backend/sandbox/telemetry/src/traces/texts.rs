//! Texts of spans: names, keys and most values repeat in every request, so each stands in memory once.

use std::{collections::HashSet, sync::Arc};

/// Below this number nothing is looked for that could be forgotten.
const FEW: usize = 4096;

/// The texts that are in use.
#[derive(Default)]
pub(crate) struct Texts {
    known: HashSet<Arc<str>>,
    /// How many there were after the last time that unused ones were forgotten.
    kept: usize,
}

impl Texts {
    /// The text; the same one as before, as long as somebody holds it.
    pub(crate) fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        if self.known.len() >= FEW.max(self.kept * 2) {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            self.kept = self.known.len();
        }
        let fresh: Arc<str> = text.into();
        self.known.insert(Arc::clone(&fresh));
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_there_once_and_goes_when_nobody_holds_it() {
        let mut texts = Texts::default();
        let held = texts.of("upstream_cluster");
        assert!(Arc::ptr_eq(&held, &texts.of("upstream_cluster")));
        // Each request has an identity of its own, which goes with its trace.
        for number in 0..3 * FEW {
            texts.of(&number.to_string());
        }
        assert!(texts.known.len() <= FEW + 1, "{} texts", texts.known.len());
        assert!(Arc::ptr_eq(&held, &texts.of("upstream_cluster")));
    }
}
