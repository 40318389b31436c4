//! What of a cluster may not be read. What is not seen is not absent: whoever says that something is not
//! there, or makes what is not there yet, asks here first.

use istio::{Kind, Problem};
use std::collections::{BTreeMap, BTreeSet};

/// A kind of which not all is seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Hidden {
    /// Namespaces that are seen all the same.
    pub but: BTreeSet<String>,
    /// Why the others are not, with the right that is missing.
    pub why: Problem,
}

/// All kinds of which not all is seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unseen(BTreeMap<&'static Kind, Hidden>);

impl Unseen {
    /// Some of a kind is not seen.
    pub fn hide(&mut self, kind: &'static Kind, hidden: Hidden) {
        self.0.insert(kind, hidden);
    }
    /// All of a kind is seen, as far as there is any.
    pub fn show(&mut self, kind: &'static Kind) {
        self.0.remove(kind);
    }
    /// Why objects of a kind in a namespace are not seen, if they are not.
    pub fn of(&self, kind: &'static Kind, namespace: &str) -> Option<&Problem> {
        self.0.get(kind).filter(|hidden| !hidden.but.contains(namespace)).map(|hidden| &hidden.why)
    }
    /// Why not all objects of a kind are seen, if not all are.
    pub fn anywhere(&self, kind: &'static Kind) -> Option<&Problem> {
        self.0.get(kind).map(|hidden| &hidden.why)
    }
}
