//! The traces of a file: as those of a search, without one.

use super::results::{self, Beside, Results};
use crate::cx::Cx;
use crate::file::TraceFile;
use crate::intent::Intent;
use crate::kit::theme::space;
use crate::kit::{Button, fmt, icon, remote, text};
use egui::Ui;
use mesh::Remote;
use std::time::Duration;

/// How often it is told how far the reading is.
const AGAIN: Duration = Duration::from_millis(100);

/// Draws which file it is, and its traces.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, file: &TraceFile, shown: &mut Results) {
    head(ui, cx, file);
    ui.add_space(space::XS);
    match &file.traces {
        Remote::Waiting => reading(ui, cx, file),
        Remote::Denied(problem) => {
            if remote::denied(ui, &problem.what, &problem.why, &problem.next, Some("Choose a file…")) {
                cx.intents.send(Intent::OpenFile(None));
            }
        }
        Remote::Live(found, at) | Remote::Stale(found, at, _) => {
            if let Some(odd) = results::odd(found) {
                text::note(ui, odd);
            }
            shown.ui(ui, cx, found, Some(*at), &Beside::default());
        }
    }
}

/// How far it is, and the way to stop it.
fn reading(ui: &mut Ui, cx: &Cx<'_>, file: &TraceFile) {
    let (read, of) = file.read;
    let said = match (read, of) {
        (_, 0) => format!("Reading {}…", file.name),
        _ if read >= of => "All of it is read; the spans are put together…".to_owned(),
        _ => format!("Reading {} of {}…", fmt::bytes(read as f64), fmt::bytes(of as f64)),
    };
    // What is told changes while nothing else in the window does.
    ui.ctx().request_repaint_after(AGAIN);
    remote::waiting(ui, &said);
    if ui.add(Button::quiet("Stop reading").with_icon(icon::X)).clicked() {
        cx.intents.send(Intent::CloseFile);
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
