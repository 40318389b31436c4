//! The diff of a change, object by object; where somebody else has written meanwhile both versions beside
//! each other.

use super::above;
use crate::before_push;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::{problem, text};
use crate::versions::versions;
use crate::words;
use egui::Ui;
use mesh::Edit;
use mesh::ledger::Entry;

/// Draws the diff above the bar; returns whether it shall close.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) -> bool {
    let height = (ui.ctx().content_rect().height() * 0.62).min(560.0);
    above::card(ui, ("Diff", &words::sentence(entry)), 720.0, height, |ui| objects(ui, cx, entry))
}

fn objects(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
    if let Some(trouble) = words::problem(&entry.stage) {
        let (action, intent) = match words::way_back(entry, cx) {
            Some(Ok(intent)) => (Some("Restore to before it"), intent),
            _ => {
                let anew = entry.conflict.is_some() && entry.undoes.is_none();
                (anew.then_some("Rebuild on theirs"), Intent::Rebuild(entry.id))
            }
        };
        let next = words::next(entry, trouble, cx);
        if problem::problem(ui, words::level(&entry.stage), &trouble.what, &trouble.why, &next, action) {
            cx.intents.send(intent);
        }
        ui.add_space(8.0);
    }
    if entry.sent.is_none() {
        before_push::above(ui, cx, entry.id, &entry.change);
        ui.add_space(8.0);
    }
    for step in &entry.change.steps {
        let deed = match step.edit {
            Edit::Patch(_) => "changed",
            Edit::Create(_) => "created",
            Edit::Delete { .. } => "deleted",
        };
        ui.horizontal_wrapped(|ui| {
            text::mono(ui, step.at.to_string());
            text::muted(ui, deed);
        });
        versions(ui, cx, entry, step);
        ui.add_space(12.0);
    }
}
