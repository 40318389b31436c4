//! The line between two parts of the window: it is dragged, or moved by arrow keys.

use super::theme::Tokens;
use egui::{CursorIcon, EventFilter, Key, Modifiers, Rect, Sense, Stroke, Ui, WidgetInfo, vec2};

/// So far an arrow key moves it.
const STEP: f32 = 16.0;

/// Draws one on this edge, upright or level. Returns by how many points it was moved, to the right or down.
pub fn splitter(ui: &Ui, edge: Rect, name: &str, size: f32) -> f32 {
    let upright = edge.width() < edge.height();
    let place = edge.expand2(if upright { vec2(4.0, 0.0) } else { vec2(0.0, 4.0) });
    let response = ui.interact(place, ui.id().with(("splitter", name)), Sense::drag());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(size.round()), name));
    let along = |by: egui::Vec2| if upright { by.x } else { by.y };
    let mut by = along(response.drag_delta());
    if response.has_focus() {
        let filter =
            EventFilter { horizontal_arrows: upright, vertical_arrows: !upright, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        let pressed = |key| ui.input_mut(|input| input.count_and_consume_key(Modifiers::NONE, key)) as f32;
        let (more, less) =
            if upright { (Key::ArrowRight, Key::ArrowLeft) } else { (Key::ArrowDown, Key::ArrowUp) };
        by += STEP * (pressed(more) - pressed(less));
    }
    if response.hovered() || response.dragged() || response.has_focus() {
        ui.ctx().set_cursor_icon(if upright {
            CursorIcon::ResizeHorizontal
        } else {
            CursorIcon::ResizeVertical
        });
        let line = Stroke::new(2.0, Tokens::of(ui).accent);
        if upright {
            ui.painter().vline(edge.center().x, edge.y_range(), line);
        } else {
            ui.painter().hline(edge.x_range(), edge.center().y, line);
        }
    }
    by
}
