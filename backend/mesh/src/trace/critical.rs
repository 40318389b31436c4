//! The critical path: at each moment the one span that the whole trace was waiting for.

use super::{Trace, Tree};

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
pub fn critical_path(trace: &Trace, tree: &Tree) -> Vec<Segment> {
    let longest = tree.rows.iter().enumerate().filter(|(_, row)| row.parent.is_none());
    let Some((root, _)) =
        longest.max_by_key(|(at, row)| (trace.spans[row.span].duration_us, std::cmp::Reverse(*at)))
    else {
        return Vec::new();
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tree.rows.len()];
    for (at, row) in tree.rows.iter().enumerate() {
        if let Some(parent) = row.parent {
            children[parent].push(at);
        }
    }
    let span = |row: usize| &trace.spans[tree.rows[row].span];
    for list in &mut children {
        list.sort_by_key(|row| span(*row).end_us()); // popped from the back: the last to end first
    }
    let mut path = Vec::new();
    // Rows that are being walked, each with the moment up to which it still has to be explained.
    let mut open = vec![(root, span(root).end_us())];
    while let Some((row, until)) = open.pop() {
        let start = span(row).start_us;
        let mut waited_for = None;
        while let Some(child) = children[row].pop() {
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
