//! What a step makes of its object, as a diff; where somebody else was there meanwhile, both versions one below
//! the other.

use crate::cx::Cx;
use crate::kit::{diff, text};
use crate::yaml;
use egui::Ui;
use mesh::ledger::Entry;
use mesh::{Object, Step};

/// Draws it.
pub(crate) fn versions(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry, step: &Step) {
    let before = yaml::of(ui, step.before.as_ref());
    let after = yaml::of(ui, step.after.as_ref());
    let Some(theirs) = theirs(cx, entry, step) else {
        diff::diff(ui, &format!("Diff of {}", step.at), &before, &after);
        return;
    };
    let said = match (theirs, &step.before) {
        (Some(_), Some(_)) => "Theirs: what somebody else made of what you saw",
        (Some(_), None) => "Theirs: somebody else has created it",
        (None, _) => "Theirs: somebody else has deleted it",
    };
    text::muted(ui, said);
    let theirs = yaml::of(ui, theirs);
    diff::diff(ui, &format!("Theirs of {}", step.at), &before, &theirs);
    text::muted(ui, "Mine: what you want");
    diff::diff(ui, &format!("Mine of {}", step.at), &before, &after);
}

/// What somebody else made of the object of a step, if anybody did: told by the server when it refused, or
/// seen before anything was sent. `Some(None)`: it is gone.
fn theirs<'a>(cx: &Cx<'a>, entry: &'a Entry, step: &Step) -> Option<Option<&'a Object>> {
    let told = entry.conflict.as_ref().filter(|theirs| theirs.at == step.at);
    let now = cx.scene.mesh.objects().get(&step.at);
    let seen = || (entry.sent.is_none() && !step.fits(now)).then_some(now);
    told.map(|theirs| theirs.now.as_ref()).or_else(seen)
}
