//! Progress in whole things: one segment per proxy while they are few, one bar when they are many.

use super::theme::Tokens;
use egui::{Color32, Rect, Response, Sense, Ui, WidgetInfo, WidgetType, vec2};

/// More segments than this become one bar.
pub const SEGMENTS: usize = 24;

/// `done` of `of`, in this colour; `name` is what screen readers say ("proxies that have it").
pub fn segments(ui: &mut Ui, done: usize, of: usize, color: Color32, width: f32, name: &str) -> Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 16.0), Sense::hover());
    let bar = Rect::from_center_size(rect.center(), vec2(width, 6.0));
    if (1..=SEGMENTS).contains(&of) {
        let gap = if of > 12 { 2.0 } else { 3.0 };
        let each = (width - gap * (of - 1) as f32) / of as f32;
        for index in 0..of {
            let left = bar.left() + index as f32 * (each + gap);
            let segment = Rect::from_min_size(egui::pos2(left, bar.top()), vec2(each, bar.height()));
            ui.painter().rect_filled(segment, 2.0, if index < done { color } else { tokens.line });
        }
    } else {
        let share = if of == 0 { 0.0 } else { done as f32 / of as f32 };
        ui.painter().rect_filled(bar, 3.0, tokens.line);
        let filled = Rect::from_min_size(bar.min, vec2(width * share.clamp(0.0, 1.0), bar.height()));
        ui.painter().rect_filled(filled, 3.0, color);
    }
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(WidgetType::ProgressIndicator, true, name);
        info.value = Some(done as f64);
        info
    });
    response.on_hover_text(format!("{done} of {of} {name}"))
}
