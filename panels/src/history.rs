//! What was edited, to be taken back one deed after the other. A deed has one number, in however many
//! histories it shows.

use std::sync::atomic::{AtomicU64, Ordering};

static LAST: AtomicU64 = AtomicU64::new(0);

/// So many deeds are known.
const DEEPEST: usize = 200;

/// The number of a new deed.
pub(crate) fn deed() -> u64 {
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// What was there before each deed, and what was there before it was taken back.
pub(crate) struct History<T> {
    past: Vec<(u64, T)>,
    future: Vec<(u64, T)>,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self { past: Vec::new(), future: Vec::new() }
    }
}

impl<T> History<T> {
    /// A deed was done; what was there before.
    pub(crate) fn note(&mut self, deed: u64, was: T) {
        self.past.push((deed, was));
        if self.past.len() > DEEPEST {
            self.past.remove(0);
        }
        self.future.clear();
    }

    /// The deed that was done last.
    pub(crate) fn last(&self) -> Option<u64> {
        self.past.last().map(|(deed, _)| *deed)
    }

    /// The deed that was taken back last.
    pub(crate) fn next(&self) -> Option<u64> {
        self.future.last().map(|(deed, _)| *deed)
    }

    /// Goes back over one deed, or on again; `swap` puts what was there in the place of what is there.
    pub(crate) fn step(&mut self, back: bool, swap: impl FnOnce(&mut T)) {
        let Self { past, future } = self;
        let (from, to) = if back { (past, future) } else { (future, past) };
        if let Some((deed, mut was)) = from.pop() {
            swap(&mut was);
            to.push((deed, was));
        }
    }

    /// Nothing can be taken back any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Which deed is taken back, or done again, of what several histories know: the newest that was done, and
/// after it the oldest that was taken back since.
pub(crate) fn turn(back: bool, known: impl Iterator<Item = (Option<u64>, Option<u64>)>) -> Option<u64> {
    let (last, next): (Vec<_>, Vec<_>) = known.unzip();
    let last = last.into_iter().flatten().max();
    if back { last } else { next.into_iter().flatten().filter(|next| Some(*next) > last).min() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeds_are_taken_back_and_done_again() {
        let (mut history, mut now) = (History::default(), 1);
        for value in [2, 3] {
            history.note(value, now);
            now = value;
        }
        let mut step = |back| {
            history.step(back, |was| std::mem::swap(was, &mut now));
            (now, history.last(), history.next())
        };
        assert_eq!(step(true), (2, Some(2), Some(3)));
        assert_eq!(step(true), (1, None, Some(2)));
        assert_eq!(step(true), (1, None, Some(2)));
        assert_eq!(step(false), (2, Some(2), Some(3)));
        history.note(9, 2);
        assert_eq!((history.last(), history.next()), (Some(9), None), "what was taken back is gone");
    }

    #[test]
    fn the_newest_is_taken_back_wherever_it_was_done() {
        let known = || [(Some(3), None), (Some(5), Some(7)), (None, Some(4)), (None, Some(6))].into_iter();
        assert_eq!(turn(true, known()), Some(5));
        assert_eq!(turn(false, known()), Some(6), "4 was taken back before 5 was done");
        assert_eq!(turn(false, [(None, None)].into_iter()), None);
    }
}
