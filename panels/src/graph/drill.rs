//! Looking at one node alone, with what is within some calls of it; and the way back, as a row of names.

use crate::cx::Cx;
use crate::kit::{Button, fmt, icon, keys, text};
use egui::{Key, Ui};
use mesh::graph::NodeId;

/// More hops than these are the whole mesh.
const MOST: usize = 6;

/// One node with so many hops around it.
type Around = (NodeId, usize);

/// The nodes that were gone into, the last one being looked at.
#[derive(Default)]
pub(super) struct Drill {
    trail: Vec<Around>,
}

impl Drill {
    /// What is looked at; `None`: all.
    pub(super) fn around(&self) -> Option<Around> {
        self.trail.last().cloned()
    }

    /// Looks at one node alone.
    pub(super) fn enter(&mut self, node: NodeId) {
        if self.trail.last().is_none_or(|(last, _)| *last != node) {
            self.trail.push((node, 1));
        }
    }

    /// D goes into what is selected, Backspace goes back. Whether something else is looked at now.
    pub(super) fn keys(&mut self, ui: &Ui, selected: Option<&NodeId>) -> bool {
        if ui.ctx().text_edit_focused() || keys::modal(ui.ctx()) {
            return false;
        }
        let press = |key| ui.input(|input| input.key_pressed(key) && !input.modifiers.any());
        let known = self.around();
        if let Some(selected) = selected.filter(|_| press(Key::D)) {
            self.enter(selected.clone());
        }
        if press(Key::Backspace) {
            self.trail.pop();
        }
        self.around() != known
    }

    /// Draws the row, as long as not all is looked at. `here`: whether the node is in the graph. Whether something
    /// else is looked at now.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, here: bool) -> bool {
        let known = self.around();
        let Some((node, hops)) = &known else { return false };
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let mut keep = self.trail.len();
            if ui.add(Button::quiet("All").named("Back to the whole graph")).clicked() {
                keep = 0;
            }
            for (nth, (node, _)) in self.trail[..self.trail.len() - 1].iter().enumerate() {
                text::muted(ui, icon::CARET_RIGHT);
                let name = node.title();
                if ui.add(Button::quiet(name.clone()).named(format!("Back to {name}"))).clicked() {
                    keep = nth + 1;
                }
            }
            text::muted(ui, icon::CARET_RIGHT);
            text::strong(ui, node.title());
            let mut wanted = *hops;
            if ui.add_enabled(*hops > 1, Button::icon(icon::MINUS, "One hop less").framed()).clicked() {
                wanted -= 1;
            }
            text::muted(ui, fmt::counted(*hops, "hop", "hops"));
            if ui.add_enabled(*hops < MOST, Button::icon(icon::PLUS, "One hop more").framed()).clicked() {
                wanted += 1;
            }
            if !here && cx.scene.ready() {
                text::note(ui, "It is not in this graph: all is shown");
            }
            self.trail.truncate(keep);
            if let Some(last) = self.trail.last_mut().filter(|last| last.0 == *node) {
                last.1 = wanted;
            }
        });
        self.around() != known
    }
}
