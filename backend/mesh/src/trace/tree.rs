//! Spans as a tree, drawn as rows: children below their parent, in the order in which they began.

use super::Spans;
use super::children::Children;
use super::parents::Parents;
use super::spans::Packed;

/// One row: a span and its place in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Index among the trace's spans.
    pub span: usize,
    /// Row of the parent.
    pub parent: Option<usize>,
    /// 0 for roots.
    pub depth: usize,
    /// The row after the last of its descendants.
    pub end: usize,
    /// Time in which none of its children ran.
    pub self_us: u64,
    /// Failed spans in it and below.
    pub errors: usize,
    /// Index among the tree's services.
    pub service: usize,
    /// Its parent is named and missing from the trace.
    pub orphan: bool,
}

impl Row {
    /// Whether anything stands below it.
    pub fn has_children(&self, at: usize) -> bool {
        self.end > at + 1
    }
}

/// How much of a trace's work one service did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceTime {
    /// "reviews.bookinfo".
    pub name: String,
    /// Its spans.
    pub spans: usize,
    /// Its failed spans.
    pub errors: usize,
    /// Time in which its spans ran and none of their children did.
    pub self_us: u64,
}

/// A trace as a tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// All spans, depth first.
    pub rows: Vec<Row>,
    /// Start of the first span.
    pub start_us: u64,
    /// End of the last one.
    pub end_us: u64,
    /// Services in the order in which they first appear: their place is their colour.
    pub services: Vec<ServiceTime>,
    /// Depth of the deepest row, plus one.
    pub depth: usize,
}

impl Tree {
    /// The tree of spans. Those whose parent is missing become roots; so does the earliest of those in a ring.
    pub(super) fn grow(spans: &Spans, parents: &Parents) -> Self {
        let all = &spans.packed;
        let mut children = parents.children();
        let mut roots: Vec<usize> = parents.roots().collect();
        let began = |index: usize| (all[index].start_us, std::cmp::Reverse(all[index].duration_us), index);
        roots.sort_by_key(|root| began(*root));
        children.sort_by_key(began);
        let mut tree = Self { rows: Vec::with_capacity(all.len()), ..Self::default() };
        for root in roots {
            tree.descend(all, &children, root);
        }
        for row in &mut tree.rows {
            row.orphan = parents.missing.contains(&row.span);
        }
        tree.start_us = all.iter().map(|span| span.start_us).min().unwrap_or_default();
        tree.end_us = all.iter().map(Packed::end_us).max().unwrap_or_default();
        tree.count(spans);
        tree
    }

    /// Adds a root and all below it. Traces may be as deep as they are long, so this walks with a list of its
    /// own.
    fn descend(&mut self, spans: &[Packed], children: &Children, root: usize) {
        let mut open: Vec<(usize, Option<usize>, usize)> = vec![(root, None, 0)];
        while let Some((span, parent, depth)) = open.pop() {
            let row = self.rows.len();
            self.rows.push(Row {
                span,
                parent,
                depth,
                end: row + 1,
                self_us: alone(spans, span, children.below(span)),
                errors: usize::from(spans[span].error),
                service: 0,
                orphan: false,
            });
            self.depth = self.depth.max(depth + 1);
            let below = children.below(span).iter().rev();
            open.extend(below.map(|child| (*child as usize, Some(row), depth + 1)));
        }
    }

    /// Ends of subtrees, errors in them, and the services.
    fn count(&mut self, spans: &Spans) {
        for row in (0..self.rows.len()).rev() {
            let (end, errors) = (self.rows[row].end, self.rows[row].errors);
            if let Some(parent) = self.rows[row].parent.and_then(|parent| self.rows.get_mut(parent)) {
                parent.end = parent.end.max(end);
                parent.errors += errors;
            }
        }
        let mut known: Vec<Option<usize>> = vec![None; spans.texts.len()];
        for row in &mut self.rows {
            let span = &spans.packed[row.span];
            let name = spans.service(span);
            row.service = *known[name.index()].get_or_insert_with(|| {
                let name = spans.texts.get(name).to_owned();
                self.services.push(ServiceTime { name, ..ServiceTime::default() });
                self.services.len() - 1
            });
            let service = &mut self.services[row.service];
            service.spans += 1;
            service.errors += usize::from(span.error);
            service.self_us = service.self_us.saturating_add(row.self_us);
        }
    }

    /// Time from the first start to the last end.
    pub fn duration_us(&self) -> u64 {
        self.end_us.saturating_sub(self.start_us)
    }
}

/// The part of a span in which none of its children (sorted by start) ran.
fn alone(spans: &[Packed], span: usize, children: &[u32]) -> u64 {
    let (start, end) = (spans[span].start_us, spans[span].end_us());
    let mut covered = 0;
    let mut until = start;
    for child in children {
        let child = &spans[*child as usize];
        let (from, to) = (child.start_us.clamp(until, end), child.end_us());
        let to = to.clamp(from, end);
        covered += to - from;
        until = until.max(to);
    }
    (end - start).saturating_sub(covered)
}
