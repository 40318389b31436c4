//! The traces of a file: as those of a search, without one.

use super::results::{self, Results};
use crate::cx::Cx;
use crate::file::TraceFile;
use crate::intent::Intent;
use crate::kit::theme::space;
use crate::kit::{Button, icon, remote, text};
use egui::Ui;
use mesh::Remote;

/// Draws which file it is, and its traces.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, file: &TraceFile, shown: &mut Results) {
    head(ui, cx, file);
    ui.add_space(space::XS);
    match &file.traces {
        Remote::Waiting => remote::waiting(ui, &format!("Reading {}…", file.name)),
        Remote::Denied(problem) => {
            if remote::denied(ui, &problem.what, &problem.why, &problem.next, Some("Choose a file…")) {
                cx.intents.send(Intent::OpenFile(None));
            }
        }
        Remote::Live(found, at) | Remote::Stale(found, at, _) => {
            if let Some(odd) = results::odd(found) {
                text::note(ui, odd);
            }
            shown.ui(ui, cx, found, Some(*at), |_| None);
        }
    }
}

/// The file, and the ways out of it.
fn head(ui: &mut Ui, cx: &Cx<'_>, file: &TraceFile) {
    ui.horizontal_wrapped(|ui| {
        ui.label(icon::FILE_TEXT);
        text::strong(ui, &file.name);
        if ui.add(Button::quiet("Open another file…").with_icon(icon::FOLDER_OPEN)).clicked() {
            cx.intents.send(Intent::OpenFile(None));
        }
        if ui.add(Button::quiet("Close file").with_icon(icon::X)).clicked() {
            cx.intents.send(Intent::CloseFile);
        }
    });
}
