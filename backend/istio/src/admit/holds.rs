//! Whether something holds, where it may depend on what is not known.

use std::collections::BTreeSet;

/// Whether something holds of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// That depends on these ("paths").
    Depends(BTreeSet<String>),
}

use Holds::{Depends, No, Yes};

impl Holds {
    /// It depends on this.
    pub fn on(what: &str) -> Self {
        Depends(BTreeSet::from([what.to_owned()]))
    }
    pub(super) fn of(holds: bool) -> Self {
        if holds { Yes } else { No }
    }
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (No, _) | (_, No) => No,
            (Yes, other) | (other, Yes) => other,
            (Depends(mut one), Depends(other)) => {
                one.extend(other);
                Depends(one)
            }
        }
    }
    pub(super) fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
    pub(super) fn not(self) -> Self {
        match self {
            Yes => No,
            No => Yes,
            depends => depends,
        }
    }
    pub(super) fn any(all: impl Iterator<Item = Self>) -> Self {
        all.fold(No, Self::or)
    }
    pub(super) fn all(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Yes, Self::and)
    }
    /// The same, where something else is not known that may refuse it.
    #[must_use]
    pub fn unless(self, what: &str) -> Self {
        self.and(Self::on(what))
    }
    /// On what it depends.
    pub(super) fn depends(self) -> BTreeSet<String> {
        match self {
            Depends(on) => on,
            Yes | No => BTreeSet::new(),
        }
    }
}
