//! What an editor is: a value with its scopes, its form and its plan.

use super::fields::FieldRow;
use super::form::Form;
use crate::panel::About;
use crate::subject::Subject;
use istio::ServiceId;
use mesh::edit::rules::speaks_http;
use mesh::plan::{HttpRule, Level, Plan, PolicyOf};
use mesh::{Kind, Mesh, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What an editor edits, as plain data: the value itself is the draft. How it is kept, followed, judged and
/// taken back is done once for all editors, by [`Sheet`](super::Sheet).
pub trait Edits: Clone + PartialEq + Serialize + DeserializeOwned + 'static {
    /// What a draft is for: a rule, a policy, a workload …
    type Scope: Scope;
    /// Name, icon, summary.
    const ABOUT: About;
    /// Kinds that it writes; it is not offered where the cluster does not serve one of them.
    const NEEDS: &'static [&'static Kind];
    /// How one of its scopes is chosen.
    const CHOOSER: Chooser;
    /// Its fields, where it has them in tables; for the manual.
    const FIELDS: &'static [&'static [FieldRow]] = &[];
    /// Where the fields of its tables stand in an object of the first kind: "spec/http/0". Those that this
    /// cluster does not have are not offered. Nothing: all are.
    const PLACE: &'static str = "";
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
    /// The service all of whose versions it is about, if it is.
    fn whole(&self) -> Option<&ServiceId> {
        None
    }
}

impl Scope for HttpRule {
    fn is(&self, now: &Self) -> bool {
        Self::is(self, now)
    }
    fn whole(&self) -> Option<&ServiceId> {
        Some(&self.service)
    }
}

impl Scope for PolicyOf {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
    fn whole(&self) -> Option<&ServiceId> {
        (self.level == Level::Service).then_some(&self.service)
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
    /// The same with its value as a part of more.
    pub fn saying<F>(self, more: impl FnOnce(E) -> F) -> Scoped<S, F> {
        let Self { at, words, object, now, present, usual, locked } = self;
        Scoped { at, words, object, now: more(now), present, usual, locked }
    }
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
