//! What was found in one object, beside the object itself.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::{Button, Status, badge};
use egui::{Label, Ui};
use mesh::Ref;
use mesh::check::{Finding, Judged, Severity};
use std::sync::Arc;

/// How a finding is marked.
pub(super) fn status(severity: Severity) -> Status {
    match severity {
        Severity::Error => Status::Failing,
        Severity::Warning => Status::Degraded,
        Severity::Info => Status::Idle,
    }
}

/// What is said of a severity where there is room for one word.
pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Remark",
    }
}

/// What was found, where it was looked for already.
pub(crate) fn found(ui: &Ui, cx: &Cx<'_>) -> Arc<Judged> {
    cx.reads.found(ui.ctx(), cx.now)
}

/// What was found in an object, but remarks.
pub(crate) fn of<'a>(judged: &'a Judged, at: &'a Ref) -> impl Iterator<Item = &'a Finding> {
    judged.findings.iter().filter(move |one| one.at == *at && one.severity != Severity::Info)
}

/// What was found in an object, each with how it is mended.
pub(crate) fn beside(ui: &mut Ui, cx: &Cx<'_>, at: &Ref) {
    let judged = found(ui, cx);
    for finding in of(&judged, at) {
        let Finding { check, severity, what, path, fix, .. } = finding;
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            badge::mark(ui, status(*severity), word(*severity));
            ui.vertical(|ui| {
                let more = format!("{}\n{path}\n{}\n{}", check.what, check.why, check.next);
                ui.add(Label::new(what).wrap()).on_hover_text(more);
                if let Some(fix) = fix.as_ref().filter(|_| at.kind.editable) {
                    let named = format!("{}, in {at}", fix.says);
                    if ui.add(Button::quiet(&*fix.says).named(named)).clicked() {
                        cx.intents.send(Intent::Mend(at.clone(), fix.clone()));
                    }
                }
            });
        });
    }
}
