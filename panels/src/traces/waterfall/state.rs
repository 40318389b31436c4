//! What is known of an opened trace while it is looked at.

use crate::traces::beside::Beside;
use crate::traces::looks::Looks;
use crate::traces::minimap::Minimap;
use mesh::trace::Opened;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An opened trace and how it is looked at.
#[derive(Default)]
pub(crate) struct Waterfall {
    pub(super) opened: Arc<Opened>,
    pub(super) number: u64,
    pub(super) folded: BTreeSet<usize>,
    /// Services whose rows are not shown.
    pub(super) hidden: BTreeSet<usize>,
    pub(super) visible: Vec<usize>,
    pub(super) chosen: Option<usize>,
    pub(super) find: String,
    pub(super) plain: bool,
    pub(super) part: Option<(f64, f64)>,
    pub(super) scroll_to: bool,
    /// The next visible row to be searched for `find`, while the first match is looked for.
    pub(super) finding: Option<usize>,
    pub(super) minimap: Minimap,
    pub(super) beside: Beside,
    pub(super) looks: Looks,
}
