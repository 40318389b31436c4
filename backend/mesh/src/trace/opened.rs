//! A trace with all that is derived of it. A trace may have a million spans: this is made once, off the
//! window's thread.

use super::critical::critical_path;
use super::odd::some;
use super::parents::Parents;
use super::span::short_operation;
use super::{Odd, Row, Segment, SpanRef, Spans, Summary, Trace, Tree, times};
use std::sync::Arc;

/// A trace as it is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// Hex.
    pub id: String,
    /// Its spans.
    pub spans: Spans,
}

/// A trace that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// Its spans, each once, at times that can be.
    pub trace: Kept,
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
    pub fn of(mut trace: Kept, mut odd: Vec<Odd>) -> Self {
        odd.extend(some(once(&mut trace.spans), Odd::Twice));
        trace.spans.settle();
        let parents = Parents::of(&trace.spans);
        odd.extend(some(parents.shared, Odd::Shared));
        odd.extend(some(parents.doubled, Odd::Doubled));
        odd.extend(some(parents.selves, Odd::Selves));
        odd.extend(some(parents.missing.len(), Odd::Orphans));
        odd.extend(parents.rings.iter().map(|spans| Odd::Ring(*spans)));
        odd.extend(times::settle(&mut trace.spans, &parents));
        let tree = Tree::grow(&trace.spans, &parents);
        let mut critical = critical_path(&trace.spans, &tree);
        critical.shrink_to_fit();
        critical.sort_by_key(|segment| (segment.row, segment.from_us));
        let began = |(_, row): &(usize, &Row)| row.errors == 1 && trace.spans.packed[row.span].error;
        let failed = tree.rows.iter().enumerate().filter(began).map(|(at, _)| at).collect();
        Self { summary: Summary::of(&trace, &tree), failed, critical, tree, odd, trace }
    }

    /// A trace of which the backend told a line, and none of its spans.
    pub fn brief(summary: Summary, odd: Vec<Odd>) -> Self {
        let trace = Kept { id: summary.id.clone(), ..Kept::default() };
        let operation = short_operation(&summary.operation);
        Self { summary: Summary { operation, ..summary }, odd, trace, ..Self::default() }
    }

    /// Whether its spans are there.
    pub fn is_whole(&self) -> bool {
        self.trace.spans.len() >= self.summary.spans
    }

    /// The span of a row.
    pub fn span(&self, row: usize) -> Option<SpanRef<'_>> {
        self.trace.spans.get(self.tree.rows.get(row)?.span)
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.trace.spans.bytes()
            + self.tree.rows.capacity() * size_of::<Row>()
            + self.critical.capacity() * size_of::<Segment>()
            + self.failed.capacity() * size_of::<usize>()
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
        let Trace { id, spans } = trace;
        Self::of(Kept { id, spans: spans.into_iter().collect() }, Vec::new())
    }
}

/// Leaves out spans that are there word for word already. Returns how many.
fn once(spans: &mut Spans) -> usize {
    // Of each id, by the number of its text, the span that had it last; of each span, the one before it.
    let mut last: Vec<Option<u32>> = vec![None; spans.texts.len()];
    let mut before: Vec<Option<u32>> = vec![None; spans.len()];
    let mut twice = vec![false; spans.len()];
    for (number, span) in (0_u32..).zip(spans.iter()) {
        let index = number as usize;
        let place = &mut last[span.packed.id.index()];
        // Ids are meant to be unique: of one that is not, a few are looked at.
        let same = std::iter::successors(*place, |at| before[*at as usize]).take(8);
        twice[index] = same.into_iter().any(|at| spans.at(at as usize).is_as(span));
        if !twice[index] {
            before[index] = place.replace(number);
        }
    }
    let mut twice = twice.into_iter();
    let all = spans.len();
    spans.packed.retain(|_| !twice.next().unwrap_or_default());
    all - spans.len()
}

#[cfg(test)]
#[path = "opened_tests.rs"]
mod tests;
