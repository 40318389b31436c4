//! A trace with all that is derived of it. A trace may have a million spans: this is made once, off the
//! window's thread.

use super::odd::some;
use super::parents::Parents;
use super::{Odd, Segment, Span, Summary, Trace, Tree, critical_path, times};
use std::collections::HashMap;
use std::sync::Arc;

/// A trace that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// Its spans, each once, at times that can be.
    pub trace: Trace,
    /// The spans as rows.
    pub tree: Tree,
    /// In one line.
    pub summary: Summary,
    /// The critical path, sorted by row.
    critical: Vec<Segment>,
    /// Rows where a failure began: the span failed, and none below it did.
    pub failed: Vec<usize>,
    /// What is odd about it.
    pub odd: Vec<Odd>,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Traces.
    pub traces: Vec<Arc<Opened>>,
    /// What is odd about the answer as a whole.
    pub odd: Vec<Odd>,
}

impl Opened {
    /// Reads a trace; `odd` is what was odd about it already.
    pub fn of(mut trace: Trace, mut odd: Vec<Odd>) -> Self {
        odd.extend(some(once(&mut trace.spans), Odd::Twice));
        let parents = Parents::of(&trace.spans);
        odd.extend(some(parents.shared, Odd::Shared));
        odd.extend(some(parents.doubled, Odd::Doubled));
        odd.extend(some(parents.selves, Odd::Selves));
        odd.extend(some(parents.missing.len(), Odd::Orphans));
        odd.extend(parents.rings.iter().map(|spans| Odd::Ring(*spans)));
        odd.extend(times::settle(&mut trace.spans, &parents));
        let tree = Tree::grow(&trace.spans, &parents);
        let mut critical = critical_path(&trace, &tree);
        critical.sort_by_key(|segment| (segment.row, segment.from_us));
        let began = |(_, row): &(usize, &super::Row)| row.errors == 1 && trace.spans[row.span].error;
        let failed = tree.rows.iter().enumerate().filter(began).map(|(at, _)| at).collect();
        Self { summary: Summary::of(&trace, &tree), failed, critical, tree, odd, trace }
    }

    /// The stretches of the critical path in a row.
    pub fn critical(&self, row: usize) -> &[Segment] {
        let from = self.critical.partition_point(|segment| segment.row < row);
        let to = self.critical.partition_point(|segment| segment.row <= row);
        self.critical.get(from..to).unwrap_or_default()
    }
}

impl From<Trace> for Opened {
    fn from(trace: Trace) -> Self {
        Self::of(trace, Vec::new())
    }
}

/// Leaves out spans that are there word for word already. Returns how many.
fn once(spans: &mut Vec<Span>) -> usize {
    let mut by_id: HashMap<&str, Vec<usize>> = HashMap::with_capacity(spans.len());
    let mut twice = vec![false; spans.len()];
    for (index, span) in spans.iter().enumerate() {
        let same = by_id.entry(&span.id).or_default();
        match same.iter().any(|known| spans[*known] == *span) {
            true => twice[index] = true,
            // Ids are meant to be unique: of one that is not, a few are looked at.
            false if same.len() < 8 => same.push(index),
            false => {}
        }
    }
    let before = spans.len();
    let mut twice = twice.into_iter();
    spans.retain(|_| !twice.next().unwrap_or_default());
    before - spans.len()
}

#[cfg(test)]
#[path = "opened_tests.rs"]
mod tests;
