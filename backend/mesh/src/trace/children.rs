//! Who stands below whom, in one list.

/// The children of each of so many.
#[derive(Default)]
pub(super) struct Children {
    /// Where those of each begin; one more tells where the last ones end.
    from: Vec<u32>,
    all: Vec<u32>,
}

impl Children {
    /// By the parent of each.
    pub(super) fn of(parents: impl ExactSizeIterator<Item = Option<usize>> + Clone) -> Self {
        let mut from = vec![0_u32; parents.len() + 2];
        for parent in parents.clone().flatten() {
            from[parent + 2] += 1;
        }
        for at in 2..from.len() {
            from[at] += from[at - 1];
        }
        // While they are put in their places, the beginning of each stands one further.
        let mut all = vec![0; from.last().map_or(0, |count| *count as usize)];
        for (number, parent) in (0_u32..).zip(parents) {
            if let Some(parent) = parent {
                all[from[parent + 1] as usize] = number;
                from[parent + 1] += 1;
            }
        }
        Self { from, all }
    }

    /// Those of one, in the order of their numbers until they are sorted.
    pub(super) fn below(&self, parent: usize) -> &[u32] {
        let range = self.from[parent] as usize..self.from[parent + 1] as usize;
        self.all.get(range).unwrap_or_default()
    }

    /// Sorts those of each.
    pub(super) fn sort_by_key<K: Ord>(&mut self, key: impl Fn(usize) -> K) {
        for parent in 0..self.from.len().saturating_sub(2) {
            let range = self.from[parent] as usize..self.from[parent + 1] as usize;
            if range.len() > 1 {
                self.all[range].sort_by_key(|child| key(*child as usize));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own() {
        let mut children = Children::of([None, Some(0), Some(0), Some(1), None, Some(0)].into_iter());
        assert_eq!(
            (children.below(0), children.below(1), children.below(5)),
            (&[1, 2, 5][..], &[3][..], &[][..])
        );
        children.sort_by_key(std::cmp::Reverse);
        assert_eq!(children.below(0), [5, 2, 1]);
        assert!(Children::of([].into_iter()).all.is_empty());
    }
}
