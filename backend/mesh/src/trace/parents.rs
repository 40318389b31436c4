//! Which span is whose parent. Ids alone do not tell: a client and its server may share one (Zipkin), a
//! parent may be missing, and parents may go round in a ring.

use super::Spans;
use super::children::Children;
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
    pub(super) fn of(spans: &Spans) -> Self {
        let all = &spans.packed;
        // By the number of its text.
        let mut by_id: Vec<Option<u32>> = vec![None; spans.texts.len()];
        // The client's side of a span whose id both sides share, by the server's.
        let mut callers: HashMap<usize, usize> = HashMap::new();
        let mut parents = Self::default();
        for (number, span) in (0_u32..).zip(all).filter(|(_, span)| !span.id.is_empty()) {
            let (index, place) = (number as usize, &mut by_id[span.id.index()]);
            match place.map(|first| first as usize) {
                None => *place = Some(number),
                Some(first) => {
                    match (spans.texts.get(all[first].kind), spans.texts.get(span.kind)) {
                        // What the server did next names the shared id as its parent.
                        ("client", "server") => {
                            callers.insert(index, first);
                            *place = Some(number);
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
        for (index, span) in all.iter().enumerate() {
            parents.selves += usize::from(!span.id.is_empty() && span.parent == span.id);
            let named = Some(span.parent).filter(|parent| !parent.is_empty() && *parent != span.id);
            let told = || by_id[named?.index()].map(|parent| parent as usize);
            let parent = callers.get(&index).copied().or_else(told);
            if parent.is_none() && named.is_some() {
                parents.missing.insert(index);
            }
            parents.of.push(parent.filter(|parent| *parent != index));
        }
        parents.cut_rings(spans);
        parents
    }

    fn cut_rings(&mut self, spans: &Spans) {
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
            if let Some(earliest) = ring.iter().min_by_key(|index| (spans.packed[**index].start_us, **index))
            {
                self.of[*earliest] = None;
            }
            self.rings.push(ring.len());
        }
    }

    /// The children of each span.
    pub(super) fn children(&self) -> Children {
        Children::of(self.of.iter().copied())
    }

    /// Spans without a parent.
    pub(super) fn roots(&self) -> impl Iterator<Item = usize> {
        self.of.iter().enumerate().filter(|(_, parent)| parent.is_none()).map(|(index, _)| index)
    }
}
