//! A trace that is read again: while its spans still come it has more of them, and is looked at as before.

use super::state::Waterfall;
use mesh::trace::Opened;
use std::collections::HashSet;

/// Rows of `now` whose spans stood in such rows `before`.
fn places(before: &Opened, now: &Opened, which: impl Fn(usize) -> bool) -> Vec<usize> {
    fn span(opened: &Opened, at: usize) -> Option<(&str, &str)> {
        let span = opened.trace.spans.get(opened.tree.rows.get(at)?.span)?;
        Some((span.id(), span.service()))
    }
    let rows = (0..before.tree.rows.len()).filter(|at| which(*at));
    let wanted: HashSet<(&str, &str)> = rows.filter_map(|at| span(before, at)).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    (0..now.tree.rows.len()).filter(|at| span(now, *at).is_some_and(|one| wanted.contains(&one))).collect()
}

impl Waterfall {
    /// Forgets how the last trace was looked at, but what still holds when this is the same one: then its rows
    /// keep the keyboard, too.
    pub(super) fn begin(&mut self, gone: &Opened, same: bool) {
        let before = std::mem::take(self);
        *self = Self {
            opened: before.opened,
            number: before.number + u64::from(!same),
            plain: before.plain,
            beside: before.beside,
            looks: before.looks,
            ..Self::default()
        };
        if same {
            (self.find, self.part) = (before.find, before.part);
            self.chosen = places(gone, &self.opened, |at| before.chosen == Some(at)).pop();
            self.folded = places(gone, &self.opened, |at| before.folded.contains(&at)).into_iter().collect();
            let name = |service: &usize| gone.tree.services.get(*service).map(|one| one.name.as_str());
            let hidden: HashSet<&str> = before.hidden.iter().filter_map(name).collect();
            let services = self.opened.tree.services.iter().enumerate();
            let still = services.filter(|(_, one)| hidden.contains(one.name.as_str()));
            self.hidden = still.map(|(service, _)| service).collect();
        }
        self.arrange();
    }
}
