//! The right end of a row, drawn from left to right as all else: Tab and screen readers come to its parts in
//! the order in which one reads them. How wide it is the pass before tells; one that knew it wrong is not
//! shown.

use egui::{Align, Id, Layout, Ui, UiBuilder};

/// The right end of a row.
pub struct End {
    id: Id,
    width: f32,
}

impl End {
    /// The end of the row that is drawn here. `name` tells it from others in the same place.
    pub fn of(ui: &Ui, name: &str) -> Self {
        let id = ui.unique_id().with(("end", name));
        let width = ui.data(|data| data.get_temp(id)).unwrap_or_default();
        Self { id, width }
    }

    /// How wide it is.
    pub fn width(&self) -> f32 {
        self.width
    }

    /// Draws it in what is left of the row.
    pub fn show<R>(self, ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
        let free = ui.available_rect_before_wrap();
        let place = free.with_min_x((free.right() - self.width).max(free.left()));
        let layout = Layout::left_to_right(Align::Center);
        let mut end = ui.new_child(UiBuilder::new().id_salt(self.id).max_rect(place).layout(layout));
        let inner = contents(&mut end);
        let took = end.min_rect();
        ui.advance_cursor_after_rect(took);
        if (took.width() - self.width).abs() > 0.5 {
            ui.data_mut(|data| data.insert_temp(self.id, took.width()));
            ui.ctx().request_discard("the end of a row has another width");
        }
        inner
    }
}

/// Draws the right end of a row that has nothing else to fit in.
pub fn end<R>(ui: &mut Ui, name: &str, contents: impl FnOnce(&mut Ui) -> R) -> R {
    End::of(ui, name).show(ui, contents)
}
