//! The scopes that there are now, in the place of those that there were: drafts follow what they are for.

use super::edits::{Edits, Scope as _, Scoped};
use super::row::Row;
use crate::cx::Cx;

/// Puts the scopes that there are now in place of those that there were, of which the one at `chosen` was
/// shown. Returns the one that is shown now, if it is there.
pub(super) fn take<E: Edits>(
    rows: &mut Vec<Row<E>>,
    chosen: usize,
    now: Vec<Scoped<E::Scope, E>>,
    cx: &Cx<'_>,
) -> Option<usize> {
    let mut taken: Vec<Option<Row<E>>> = now.iter().map(|_| None).collect();
    let (mut shown, mut gone) = (None, Vec::new());
    // Drafts first: where what they are for has gone and come back, it is theirs again.
    let mut before: Vec<(usize, Row<E>)> = std::mem::take(rows).into_iter().enumerate().collect();
    before.sort_by_key(|(_, row)| !row.differs());
    for (index, mut row) in before {
        let is_shown = index == chosen;
        // What was not there by itself has come: its draft is true, and what came of it is shown.
        if row.differs()
            && let Some(made) = now.iter().position(|new| row.kept.wanted.came_true(&row.scoped.at, new))
        {
            row.reset();
            row.settled = row.kept.wanted.clone();
            row.dismiss(cx);
            shown = shown.or(is_shown.then_some(made));
        }
        let free = |place: &usize| taken[*place].is_none() && row.scoped.at.is(&now[*place].at);
        match (0..now.len()).find(free) {
            Some(place) => {
                row.follow(now[place].clone());
                if row.found() && is_shown {
                    row.check(cx);
                }
                if row.asked.is_some() && !row.differs() {
                    row.dismiss(cx);
                }
                shown = shown.or(is_shown.then_some(place));
                taken[place] = Some(row);
            }
            None if row.differs() && row.entry(cx).is_none_or(|entry| entry.sent.is_none()) => {
                row.lose(cx);
                shown = shown.or(is_shown.then_some(now.len() + gone.len()));
                gone.push(row);
            }
            None => row.dismiss(cx),
        }
    }
    let fill = |(row, scoped): (Option<Row<E>>, Scoped<E::Scope, E>)| row.unwrap_or_else(|| Row::new(scoped));
    *rows = taken.into_iter().zip(now).map(fill).chain(gone).collect();
    shown
}
