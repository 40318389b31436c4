//! Names of contents, for whoever keeps what was derived of them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Names a content: two that are equal name the same one, whichever mesh they were read from. The default
/// names nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

impl Revision {
    /// One that was never given before.
    pub(super) fn fresh() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
