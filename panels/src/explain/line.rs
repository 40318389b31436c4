//! A line of an access log, pasted: its call is explained.

use crate::kit::{field, text};
use egui::{Id, Ui};
use mesh::Mesh;
use mesh::log::Access;
use mesh::why::SeenCall;

/// The field for it.
#[derive(Default)]
pub(super) struct LogLine {
    text: String,
    /// The last text was no line of an access log.
    odd: bool,
}

impl LogLine {
    /// Draws it; the call of a line that was pasted.
    pub(super) fn ui(&mut self, ui: &mut Ui, mesh: &Mesh) -> Option<SeenCall> {
        let hint = "or paste a line of a proxy’s access log";
        let width = 480.0_f32.min(ui.available_width().max(80.0));
        let id = Id::new(("explain", "line"));
        let changed = field::text(ui, id, "", hint, "Log line", &mut self.text, width).changed();
        if !changed {
            if self.odd {
                text::note(ui, "This is no line of Istio’s access log: neither its text format nor its JSON");
            }
            return None;
        }
        let logged = Access::find(&self.text);
        self.odd = logged.is_none() && !self.text.trim().is_empty();
        let logged = logged?;
        self.text.clear();
        Some(SeenCall::in_log(mesh, &logged, None))
    }
}
