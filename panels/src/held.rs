//! Drafts of which no change can be made just now, as the change bar tells of them.

use crate::selection::Selected;
use crate::whose::Whose;
use mesh::Ref;

/// Which draft it is.
#[derive(Clone, Debug, PartialEq)]
pub enum DraftOf {
    /// One of an editor: the name of its sheet, and its scope in the words in which it is chosen.
    Form(String, String),
    /// One of an object.
    Object(Ref),
    /// One that was kept and does not go on: of which cluster, and its name.
    Kept(Whose, String),
}

/// A draft that cannot be pushed.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Which.
    pub draft: DraftOf,
    /// "Fault of reviews".
    pub name: String,
    /// Why not.
    pub why: Why,
    /// Where it is edited, if that is there; and the editor.
    pub at: Option<(Selected, &'static str)>,
}

/// Why a draft cannot be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Something is still to be said, and what.
    NotYet(String),
    /// What it is for is gone. It can be created again where it is known what it was.
    Gone {
        /// Whether it is.
        again: bool,
    },
    /// Somebody else changed the same thing meanwhile.
    Superseded,
    /// What it is for cannot be seen, and why.
    Unseen(String),
    /// Another draft of the same thing goes on.
    Taken,
    /// It was made in another cluster, which was called the same.
    Another,
    /// It may have been made in another cluster: that was not noted.
    NotNoted,
}

impl Why {
    /// Whether it is of no concern before the user says that it is of this cluster.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Another | Self::NotNoted)
    }
}
