//! Keys as they were pressed. Hands may be faster than a window that has much to draw: then several presses
//! come with one frame, and each counts.

use egui::{Context, Event, Key, Modifiers, Ui};

/// Whether a window within the window is open: no key acts behind it.
pub fn modal(ctx: &Context) -> bool {
    ctx.memory(|memory| memory.top_modal_layer().is_some())
}

/// The keys that were pressed since the last frame, in their order; none of those with Ctrl, Alt or Shift.
/// They are none of what lies behind a modal.
pub fn pressed(ui: &Ui) -> Vec<Key> {
    if modal(ui.ctx()) {
        return Vec::new();
    }
    let plain = |event: &Event| match event {
        Event::Key { key, pressed: true, modifiers: Modifiers::NONE, .. } => Some(*key),
        _ => None,
    };
    ui.input(|input| input.events.iter().filter_map(plain).collect())
}
