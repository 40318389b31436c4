//! The critical path: at each moment the one span that the whole trace was waiting for.

use super::children::Children;
use super::{Spans, Tree};

/// A stretch of time in which everything waited for one span's own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Row of the tree.
    pub row: usize,
    /// Microseconds since the epoch.
    pub from_us: u64,
    /// Microseconds since the epoch.
    pub to_us: u64,
}

/// The critical path of the longest root, from its start to its end. Going back from a span's end, the child
/// that ended last is what was waited for; before that child began, the one that ended last before then; and
/// so on.
pub(super) fn critical_path(spans: &Spans, tree: &Tree) -> Vec<Segment> {
    let longest = tree.rows.iter().enumerate().filter(|(_, row)| row.parent.is_none());
    let Some((root, _)) =
        longest.max_by_key(|(at, row)| (spans.packed[row.span].duration_us, std::cmp::Reverse(*at)))
    else {
        return Vec::new();
    };
    let span = |row: usize| &spans.packed[tree.rows[row].span];
    let mut children = Children::of(tree.rows.iter().map(|row| row.parent));
    children.sort_by_key(|row| span(row).end_us());
    // Taken from the back: the last to end first.
    let mut left: Vec<usize> = (0..tree.rows.len()).map(|row| children.below(row).len()).collect();
    let mut path = Vec::new();
    // Rows that are being walked, each with the moment up to which it still has to be explained.
    let mut open = vec![(root, span(root).end_us())];
    while let Some((row, until)) = open.pop() {
        let start = span(row).start_us;
        let mut waited_for = None;
        while let Some(last) = left[row].checked_sub(1) {
            left[row] = last;
            let child = children.below(row)[last] as usize;
            let began = span(child).start_us;
            if began < until && span(child).end_us() > start && began >= start {
                waited_for = Some(child);
                break;
            }
        }
        let Some(child) = waited_for else {
            if start < until {
                path.push(Segment { row, from_us: start, to_us: until });
            }
            continue;
        };
        let ended = span(child).end_us().min(until);
        if ended < until {
            path.push(Segment { row, from_us: ended, to_us: until });
        }
        open.push((row, span(child).start_us));
        open.push((child, ended));
    }
    path.reverse();
    path
}
