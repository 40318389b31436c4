//! Where the hand is: at rest, moving, or done.

/// Whether the user is still at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gesture {
    /// Nothing was touched.
    #[default]
    Rest,
    /// A value moves and may move on.
    Moving,
    /// The user let go: now is the time for the dry run.
    Settled,
}

impl Gesture {
    /// Takes in another gesture of the same frame; what is settled wins.
    pub fn and(&mut self, other: Self) {
        *self = (*self).max(other);
    }
    /// [`Gesture::Settled`] when true.
    pub fn settled(settled: bool) -> Self {
        if settled { Self::Settled } else { Self::Rest }
    }
    /// What the user did to a field that can be dragged or typed into.
    pub fn of(field: &egui::Response) -> Self {
        let stepped = field.changed() && !field.dragged() && !field.has_focus();
        if field.drag_stopped() || field.lost_focus() || stepped {
            Self::Settled
        } else if field.changed() {
            Self::Moving
        } else {
            Self::Rest
        }
    }
}
