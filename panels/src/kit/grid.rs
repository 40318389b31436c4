//! Who with whom, as a table as narrow as the panel: one kind of thing below each other, the other side by side.

use super::text;
use super::theme::{Tokens, size};
use egui::epaint::TextShape;
use egui::{Align2, Color32, FontId, Rect, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};

/// Rows at most; more are told.
pub const ROWS: usize = 20;
const CELL: f32 = 20.0;
const NAMES: f32 = 118.0;
const HEAD: f32 = 84.0;

/// One answer.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its sign, and in which colour.
    pub face: (&'static str, Color32),
    /// Whether a draft would change it.
    pub changed: bool,
    /// Whether row and column are the same thing.
    pub same: bool,
    /// Why it is so.
    pub why: String,
}

/// So many columns find room.
pub fn columns(ui: &Ui) -> usize {
    ((ui.available_width() - NAMES) / CELL).floor().max(1.0) as usize
}

/// Draws it: names of the columns, and rows with their names, their cells, and what each row comes to in words.
pub fn show(ui: &mut Ui, heads: &[String], rows: &[(String, Vec<Cell>, String)]) {
    let tokens = Tokens::of(ui);
    let width = NAMES + CELL * heads.len() as f32;
    ui.spacing_mut().item_spacing.y = 0.0;
    let (rect, _) = ui.allocate_exact_size(vec2(width, HEAD), Sense::hover());
    let font = FontId::proportional(size::NOTE);
    for (index, name) in heads.iter().enumerate() {
        let shown = text::middle(ui, name, &font, HEAD - 4.0);
        let galley = ui.painter().layout_no_wrap(shown, font.clone(), tokens.muted);
        let left = rect.left() + NAMES + CELL * index as f32 + (CELL - galley.size().y) / 2.0;
        let shape = TextShape::new(pos2(left, rect.bottom() - 2.0), galley, tokens.muted);
        ui.painter().add(shape.with_angle(-std::f32::consts::FRAC_PI_2));
    }
    for (name, cells, said) in rows {
        let (rect, response) = ui.allocate_exact_size(vec2(width, CELL), Sense::hover());
        let painter = ui.painter();
        painter.hline(rect.x_range(), rect.top(), tokens.hairline());
        let shown = text::middle(ui, name, &font, NAMES - 6.0);
        painter.text(rect.left_center(), Align2::LEFT_CENTER, shown, font.clone(), tokens.text);
        for (index, cell) in cells.iter().enumerate() {
            let center = pos2(rect.left() + NAMES + CELL * (index as f32 + 0.5), rect.center().y);
            if cell.changed {
                let under = Rect::from_center_size(center, vec2(CELL - 3.0, CELL - 3.0));
                painter.rect_filled(under, 4.0, tokens.tint(tokens.accent));
            }
            let (symbol, color) = cell.face;
            let color = if cell.same { tokens.faint } else { color };
            painter.text(center, Align2::CENTER_CENTER, symbol, FontId::proportional(14.0), color);
        }
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, said.clone()));
        let column = response.hover_pos().map(|at| ((at.x - rect.left() - NAMES) / CELL).floor());
        let under = column.filter(|column| *column >= 0.0).map(|column| column as usize);
        if let Some((cell, head)) = under.and_then(|at| Some((cells.get(at)?, heads.get(at)?))) {
            response.on_hover_text_at_pointer(format!("{name} → {head}: {}", cell.why));
        }
    }
}
