//! Which span is whose parent. Ids alone do not tell: a client and its server may share one (Zipkin), a
//! parent may be missing, and parents may go round in a ring.

use super::Span;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// The parent of each span. Whoever goes up by them comes to an end.
#[derive(Default)]
pub(super) struct Parents {
    pub(super) of: Vec<Option<usize>>,
    /// Spans that name a parent which is not there.
    pub(super) missing: HashSet<usize>,
    /// Ids that a client and its server share.
    pub(super) shared: usize,
    /// Spans that have the id of another.
    pub(super) doubled: usize,
    /// Spans that name themselves.
    pub(super) selves: usize,
    /// How many spans each ring had before it was cut at its earliest.
    pub(super) rings: Vec<usize>,
}

impl Parents {
    pub(super) fn of(spans: &[Span]) -> Self {
        let mut by_id: HashMap<&str, usize> = HashMap::with_capacity(spans.len());
        // The client's side of a span whose id both sides share, by the server's.
        let mut callers: HashMap<usize, usize> = HashMap::new();
        let mut parents = Self::default();
        for (index, span) in spans.iter().enumerate().filter(|(_, span)| !span.id.is_empty()) {
            match by_id.entry(&span.id) {
                Entry::Vacant(free) => drop(free.insert(index)),
                Entry::Occupied(mut taken) => {
                    let first = *taken.get();
                    match (&*spans[first].kind, &*span.kind) {
                        // What the server did next names the shared id as its parent.
                        ("client", "server") => {
                            callers.insert(index, first);
                            taken.insert(index);
                            parents.shared += 1;
                        }
                        ("server", "client") if !callers.contains_key(&first) => {
                            callers.insert(first, index);
                            parents.shared += 1;
                        }
                        _ => parents.doubled += 1,
                    }
                }
            }
        }
        for (index, span) in spans.iter().enumerate() {
            parents.selves += usize::from(!span.id.is_empty() && span.parent.as_ref() == Some(&span.id));
            let named = span.parent.as_deref().filter(|parent| *parent != span.id);
            let parent = callers.get(&index).or_else(|| by_id.get(named?)).copied();
            if parent.is_none() && named.is_some() {
                parents.missing.insert(index);
            }
            parents.of.push(parent.filter(|parent| *parent != index));
        }
        parents.cut_rings(spans);
        parents
    }

    fn cut_rings(&mut self, spans: &[Span]) {
        let mut walked = vec![0; self.of.len()];
        for start in 0..self.of.len() {
            let (walk, mut at) = (start + 1, Some(start));
            while let Some(index) = at.filter(|index| walked[*index] == 0) {
                walked[index] = walk;
                at = self.of[index];
            }
            let Some(met) = at.filter(|index| walked[*index] == walk) else { continue };
            let mut ring = vec![met];
            while let Some(next) = ring.last().and_then(|last| self.of[*last]).filter(|next| *next != met) {
                ring.push(next);
            }
            if let Some(earliest) = ring.iter().min_by_key(|index| (spans[**index].start_us, **index)) {
                self.of[*earliest] = None;
            }
            self.rings.push(ring.len());
        }
    }

    /// The children of each span.
    pub(super) fn children(&self) -> Vec<Vec<usize>> {
        let mut children = vec![Vec::new(); self.of.len()];
        for (index, parent) in self.of.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(index);
            }
        }
        children
    }

    /// Spans without a parent.
    pub(super) fn roots(&self) -> impl Iterator<Item = usize> {
        self.of.iter().enumerate().filter(|(_, parent)| parent.is_none()).map(|(index, _)| index)
    }
}
