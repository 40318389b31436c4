//! Keys as they were pressed. Hands may be faster than a window that has much to draw: then several presses
//! come with one frame, and each counts.

use egui::{Event, Key, Modifiers, Ui};

/// The keys that were pressed since the last frame, in their order; none of those with Ctrl, Alt or Shift.
pub fn pressed(ui: &Ui) -> Vec<Key> {
    let plain = |event: &Event| match event {
        Event::Key { key, pressed: true, modifiers: Modifiers::NONE, .. } => Some(*key),
        _ => None,
    };
    ui.input(|input| input.events.iter().filter_map(plain).collect())
}
