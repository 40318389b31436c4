//! Editors: each turns a wish of the user into one guarded change. They all take the same road: draft, dry run, diff, push,
//! confirmation, undo. A new editor is one file and one row of [`EDITORS`].

mod drafts;
pub mod fault;
pub mod kept;
pub mod mtls;
pub mod rules;
pub mod traffic_split;

pub use drafts::Drafts;
pub use kept::{Kept, Standing};

use crate::selection::Selected;
use crate::{About, Cx};
use egui::Ui;
use mesh::{Change, Kind, Mesh, Problem, kinds};

/// One row of [`EDITORS`].
pub struct EditorRow {
    /// Name, icon, summary.
    pub about: About,
    /// Kinds that it writes; it is not offered where the cluster does not serve one of them.
    pub needs: &'static [&'static Kind],
    /// Begins a draft for a selection, on what the cluster has; `None` where the editor does not apply.
    pub open: fn(&Mesh, &Selected) -> Option<Box<dyn Draft>>,
}

/// Every editor stands here, once: the detail and the laws walk this table.
pub const EDITORS: &[EditorRow] = &[
    EditorRow {
        about: traffic_split::ABOUT,
        needs: &[&kinds::VIRTUAL_SERVICE, &kinds::DESTINATION_RULE],
        open: traffic_split::open,
    },
    EditorRow { about: fault::ABOUT, needs: &[&kinds::VIRTUAL_SERVICE], open: fault::open },
    EditorRow { about: mtls::ABOUT, needs: &[&kinds::PEER_AUTHENTICATION], open: mtls::open },
];

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

/// A wish that is being made: kept for each thing until it is pushed or taken back. Where it has several scopes, the one
/// that is shown is the one that is judged and pushed: choosing another is [`Gesture::Settled`].
pub trait Draft {
    /// Draws the fields.
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Gesture;
    /// The change that makes the wish true; `None` when it is true already.
    fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Problem>;
    /// Takes in what the cluster has now, without losing the wish.
    fn follow(&mut self, mesh: &Mesh);
    /// How the wish that is shown stands to what the cluster has.
    fn standing(&self) -> Standing;
    /// Other scopes or rules of this editor that hold wishes of their own, in the words in which they are chosen.
    fn elsewhere(&self) -> Vec<String>;
    /// Makes the wish that is shown on what the cluster has now.
    fn rebuild(&mut self);
    /// Takes the wish that is shown back.
    fn reset(&mut self);
    /// Names what is edited; the same thing gives the same id, from wherever it is selected.
    fn id(&self) -> &str;
    /// What is edited, beside the editor's name: "VirtualService reviews · all other calls".
    fn subject(&self) -> String;
    /// Whether the cluster has something of this kind already, so that it is shown without asking.
    fn present(&self) -> bool;
}

/// The way on when a wish can no longer be made because its object is gone or of another shape.
pub(crate) fn gone(what: &str) -> Problem {
    Problem::new(
        format!("{what} cannot be changed here any more"),
        "It is gone, or somebody gave it another shape",
        "Select it again",
    )
}

/// What stands before a field, so that fields stand below each other.
fn label(ui: &mut Ui, word: &str) {
    let left = ui.cursor().left();
    crate::kit::text::muted(ui, word);
    ui.add_space((left + 44.0 - ui.cursor().left()).max(0.0));
}
