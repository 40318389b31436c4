//! Room that is kept: lines that come and go with what is measured leave their place to nobody, so that what
//! stands below stays where the hand is.

use egui::{AsId, Ui};

/// Draws something that may have more or fewer lines from one frame to the next. The room that it took once
/// stays its own, as long as its column is as wide.
pub fn keep<R>(ui: &mut Ui, name: impl AsId, draw: impl FnOnce(&mut Ui) -> R) -> R {
    let (id, width) = (ui.id().with(name).with("room"), ui.available_width());
    let (of, before) = ui.data(|data| data.get_temp::<(f32, f32)>(id)).unwrap_or_default();
    let before = if of == width { before } else { 0.0 };
    let done = ui.scope(draw);
    let height = done.response.rect.height();
    ui.add_space((before - height).max(0.0));
    ui.data_mut(|data| data.insert_temp(id, (width, height.max(before))));
    done.inner
}
