//! Pan, zoom and keys of the canvas.

use super::batch::Detail;
use super::camera::Camera;
use super::canvas::{Canvas, Picture, Thing};
use super::picture::Carried;
use super::view::View;
use crate::kit::keys;
use egui::{CursorIcon, Id, Key as Press, Modifiers, PointerButton, Rect, Response, Ui, Vec2};
use mesh::graph::NodeId;

impl Canvas {
    /// Keeps the whole graph in view until the user looks elsewhere.
    pub(super) fn follow(&mut self, view: &View, viewport: Rect) {
        let Some(bounds) = view.bounds else { return };
        if self.fitted != Some((bounds, viewport.size())) {
            if !self.touched {
                self.camera = Camera::fit(bounds, viewport.size());
            } else if let Some((_, size)) = self.fitted.filter(|(_, size)| *size != viewport.size()) {
                // What was in the middle stays there, not what was in the corner.
                self.camera.pan += (viewport.size() - size) / 2.0;
                self.camera = self.camera.held(bounds, viewport.size());
            }
            self.fitted = Some((bounds, viewport.size()));
        }
    }

    /// A card follows the pointer that drags it; Escape puts it back. Returns by how much it moved, in points at
    /// 100 %. Where cards are but dots the graph is dragged.
    pub(super) fn carry(
        &mut self,
        ui: &Ui,
        response: &Response,
        picture: &Picture,
        viewport: Rect,
    ) -> Option<(NodeId, Vec2)> {
        if response.drag_started_by(PointerButton::Primary) {
            let detail = Detail::of(self.camera.zoom, picture.view.cards.len());
            let pressed = ui.input(|input| input.pointer.press_origin()).filter(|_| detail.near());
            let thing = pressed.and_then(|at| self.under(picture, viewport, at, detail));
            self.carried = match thing {
                Some(Thing::Card(card)) => {
                    let card = picture.view.cards[card].id.clone();
                    Some(Carried { card, by: Vec2::ZERO, given_up: false })
                }
                _ => None,
            };
        }
        if !response.dragged() {
            self.carried = None;
        }
        let carried = self.carried.as_mut().filter(|carried| !carried.given_up)?;
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        self.touched = true;
        let mut by = response.drag_delta() / self.camera.zoom;
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Press::Escape)) {
            (by, carried.given_up) = (-carried.by, true);
        }
        carried.by += by;
        (by != Vec2::ZERO).then(|| (carried.card.clone(), by))
    }

    /// Pan by drag, wheel and two fingers; zoom by pinch, Ctrl and wheel, and keys.
    pub(super) fn steer(&mut self, ui: &Ui, response: &Response, view: &View, viewport: Rect) {
        let before = self.camera;
        let dragged = [PointerButton::Primary, PointerButton::Middle];
        if self.carried.is_none() && dragged.into_iter().any(|button| response.dragged_by(button)) {
            self.camera.pan += response.drag_delta();
            ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
        }
        if response.contains_pointer() {
            let (zoom, scroll, pointer) = ui
                .input(|input| (input.zoom_delta(), input.smooth_scroll_delta(), input.pointer.hover_pos()));
            if let Some(at) = pointer.filter(|_| (zoom - 1.0).abs() > 1e-4) {
                self.camera = self.camera.zoomed(zoom, at - viewport.min);
            } else {
                self.camera.pan += scroll;
            }
            let typing = ui.ctx().text_edit_focused();
            if !typing {
                let press = |key| ui.input(|input| input.key_pressed(key) && !input.modifiers.any());
                if press(Press::Plus) || press(Press::Equals) {
                    self.camera = self.camera.zoomed(1.2, viewport.size() / 2.0);
                }
                if press(Press::Minus) {
                    self.camera = self.camera.zoomed(1.0 / 1.2, viewport.size() / 2.0);
                }
                if press(Press::Num0) {
                    self.camera = self.camera.zoomed(1.0 / self.camera.zoom, viewport.size() / 2.0);
                }
                if press(Press::F) {
                    self.fit();
                    self.follow(view, viewport);
                    return;
                }
            }
        }
        if self.camera != before {
            self.touched = true;
            if let Some(bounds) = view.bounds {
                self.camera = self.camera.held(bounds, viewport.size());
            }
        }
    }

    /// Whether Escape was pressed for the graph: nothing else is open that it would close, and nobody was
    /// typing.
    pub(super) fn escaped(&mut self, ui: &Ui, id: Id, focused: bool) -> bool {
        let ctx = ui.ctx();
        let open = keys::modal(ctx) || egui::Popup::is_any_open(ctx);
        let elsewhere = ctx.memory(|memory| memory.focused().is_some_and(|focus| focus != id)) && !focused;
        let busy = open || elsewhere;
        let was_busy = std::mem::replace(&mut self.busy, busy);
        !busy && !was_busy && ui.input(|input| input.key_pressed(Press::Escape))
    }
}
