//! The room of a span's detail: at the right of the rows, or below them where the panel is narrow.

use crate::kit::{Tokens, splitter};
use egui::{Rect, Ui, UiBuilder, vec2};

/// From this width of the panel on, rows and detail stand side by side.
const WIDE: f32 = 760.0;
/// The detail takes so much of the panel at most.
const MOST: f32 = 0.5;

/// How much of the panel the detail gets: at the right, below.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    width: f32,
    height: f32,
}

impl Default for Beside {
    fn default() -> Self {
        Self { width: 320.0, height: 240.0 }
    }
}

impl Beside {
    /// Has the rows drawn, and the detail beside or below them. Returns what the detail answers.
    pub(super) fn ui<R>(
        &mut self,
        ui: &mut Ui,
        rows: impl FnOnce(&mut Ui),
        detail: impl FnOnce(&mut Ui) -> R,
    ) -> R {
        let all = ui.available_rect_before_wrap();
        let wide = all.width() > WIDE;
        let (above, edge, below) = self.places(all, wide);
        let mut part = ui.new_child(UiBuilder::new().id_salt("rows").max_rect(above));
        part.shrink_clip_rect(above);
        rows(&mut part);
        let line = Tokens::of(ui).hairline();
        if wide {
            ui.painter().vline(edge.center().x, edge.y_range(), line);
            self.width -= splitter(ui, edge, "Width of the span's detail", below.width());
        } else {
            ui.painter().hline(edge.x_range(), edge.center().y, line);
            self.height -= splitter(ui, edge, "Height of the span's detail", below.height());
        }
        // What is dragged beyond the ends does not have to be dragged back.
        let (_, _, kept) = self.places(all, wide);
        if wide {
            self.width = kept.width();
        } else {
            self.height = kept.height();
        }
        let place = below.shrink2(vec2(12.0, 8.0));
        let mut part = ui.new_child(UiBuilder::new().id_salt("detail").max_rect(place));
        part.shrink_clip_rect(below);
        let answer = detail(&mut part);
        ui.advance_cursor_after_rect(all);
        answer
    }

    /// Rows, the line between, detail.
    fn places(&self, all: Rect, wide: bool) -> (Rect, Rect, Rect) {
        let room = |wanted: f32, least: f32, all: f32| wanted.clamp(least, (all * MOST).max(least));
        if wide {
            let at = all.right() - room(self.width, 240.0, all.width());
            let (rows, detail) = all.split_left_right_at_x(at);
            (rows, detail.with_max_x(at), detail)
        } else {
            let at = all.bottom() - room(self.height, 80.0, all.height());
            let (rows, detail) = all.split_top_bottom_at_y(at.max(all.top()));
            (rows, detail.with_max_y(detail.top()), detail)
        }
    }
}
