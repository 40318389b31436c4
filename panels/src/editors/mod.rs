//! Editors: each turns a draft of the user into one guarded change. They all take the same road: draft, dry
//! run, diff, push, confirmation, undo. A new editor is one file, an implementation of [`Edits`], and one row
//! of [`EDITORS`].

pub mod circuit_breaker;
mod drafts;
pub mod fault;
pub mod fields;
pub mod form;
pub mod kept;
pub mod mtls;
pub mod rules;
mod sheet;
pub mod timeouts;
pub mod traffic_split;

pub use drafts::Drafts;
pub use form::Form;
pub use kept::{Kept, Standing};
pub use sheet::{AnySheet, Sheet};

use crate::detail::subject::Subject;
use crate::selection::Selected;
use crate::{About, Cx};
use mesh::edit::rules::speaks_http;
use mesh::plan::{HttpRule, Plan, PolicyOf};
use mesh::{Kind, Mesh, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an editor edits, as plain data: the value itself is the draft. How it is kept, followed, judged and
/// taken back is done once for all editors, by [`Sheet`].
pub trait Edits: Clone + PartialEq + Serialize + DeserializeOwned + 'static {
    /// What a draft is for: a rule, a policy, a workload …
    type Scope: Scope;
    /// Name, icon, summary.
    const ABOUT: About;
    /// Kinds that it writes; it is not offered where the cluster does not serve one of them.
    const NEEDS: &'static [&'static Kind];
    /// How one of its scopes is chosen.
    const CHOOSER: Chooser;
    /// Whether it is shown unfolded even where the cluster has nothing of this kind.
    const ALWAYS: bool = false;

    /// Whether it may apply to a service, told at a glance: the palette asks it of every service.
    fn applies(service: &Service) -> bool {
        speaks_http(service)
    }
    /// What it can be used for, with what the cluster has there; none where it does not apply.
    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<Self::Scope, Self>>;
    /// Draws the fields. `was` is what the cluster has.
    fn form(&mut self, was: &Self, at: &Self::Scope, form: &mut Form<'_>);
    /// The change that makes the draft true. `was` is what the user saw.
    fn plan(&self, was: &Self, at: &Self::Scope, plan: &mut Plan<'_>);
    /// Drafts to try all laws with.
    fn samples() -> Vec<Self>;

    /// What it comes to, beside the scope in the list of rules: "→ v2".
    fn short(&self) -> String {
        String::new()
    }
    /// Whether what is there now came of this draft, which was for something that is not there by itself (a
    /// new rule).
    fn came_true(&self, _at: &Self::Scope, _now: &Scoped<Self::Scope, Self>) -> bool {
        false
    }
}

/// What a draft is for. It is found again by what makes it what it is, never by its place or the words for
/// it.
pub trait Scope: Clone {
    /// Whether this is the same one, later.
    fn is(&self, now: &Self) -> bool;
}

impl Scope for HttpRule {
    fn is(&self, now: &Self) -> bool {
        Self::is(self, now)
    }
}

impl Scope for PolicyOf {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
}

/// One thing that an editor can be used for.
#[derive(Clone, Debug)]
pub struct Scoped<S, E> {
    /// What it is.
    pub at: S,
    /// In which words it is chosen: "all other calls".
    pub words: String,
    /// Which object says it, shown beside the editor's name: "VirtualService reviews".
    pub object: String,
    /// What the cluster has there.
    pub now: E,
    /// Whether that is more than nothing.
    pub present: bool,
    /// Whether people mean this one when they do not say which.
    pub usual: bool,
    /// Why nothing can be edited there, if so: what it does instead ("→ redirect to /new"), and why.
    pub locked: Option<(String, String)>,
}

impl<S, E> Scoped<S, E> {
    /// The same for another scope.
    pub fn for_scope<T>(self, at: T) -> Scoped<T, E> {
        let Self { words, object, now, present, usual, locked, .. } = self;
        Scoped { at, words, object, now, present, usual, locked }
    }
}

/// How a scope is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chooser {
    /// From a menu above the fields, of this accessible name.
    Menu(&'static str),
    /// From the list of rules below them.
    Rules,
}

/// One row of [`EDITORS`].
pub struct EditorRow {
    /// Name, icon, summary.
    pub about: About,
    /// Kinds that it writes; it is not offered where the cluster does not serve one of them.
    pub needs: &'static [&'static Kind],
    /// Whether it may apply to a service.
    pub applies: fn(&Service) -> bool,
    /// Begins drafts for a selection, on what the cluster has; `None` where the editor does not apply.
    pub open: fn(&Mesh, &Selected) -> Option<Box<dyn AnySheet>>,
}

impl EditorRow {
    /// A kind that it writes and that this cluster does not serve.
    pub fn lacks(&self, cx: &Cx<'_>) -> Option<&'static Kind> {
        self.needs.iter().copied().find(|kind| cx.scene.lacks(kind))
    }
}

const fn row<E: Edits>() -> EditorRow {
    EditorRow { about: E::ABOUT, needs: E::NEEDS, applies: E::applies, open: Sheet::<E>::open }
}

/// Every editor stands here, once: detail, palette, the graph's menu and the laws walk this table.
pub const EDITORS: &[EditorRow] = &[
    row::<traffic_split::Shares>(),
    row::<fault::Faults>(),
    row::<timeouts::Wait>(),
    row::<circuit_breaker::Breaker>(),
    row::<mtls::MutualTls>(),
];

/// The editors that apply to something, as menus name them: "Fault of reviews…".
pub fn offered(cx: &Cx<'_>, selected: &Selected) -> Vec<(&'static EditorRow, String)> {
    let name = |row: &'static EditorRow| {
        let sheet = (row.open)(&cx.scene.mesh, selected)?;
        Some((row, format!("{} of {}…", row.about.name, sheet.subject())))
    };
    EDITORS.iter().filter(|row| row.lacks(cx).is_none()).filter_map(name).collect()
}

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
