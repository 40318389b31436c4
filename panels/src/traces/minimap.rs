//! The whole trace at a glance, above the rows: drag over it to look at a part of its time.

use super::bars::{self, Sight};
use crate::kit::Tokens;
use egui::epaint::{Mesh, Shape};
use egui::{CursorIcon, Id, Pos2, Rect, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::trace::Opened;
use std::sync::Arc;

/// How high it is.
pub(super) const HEIGHT: f32 = 44.0;
/// At most so many rows are drawn; of more, every so-manieth, and as many where a failure began.
const MOST: usize = 600;

/// The map, kept while it shows the same.
#[derive(Default)]
pub(super) struct Minimap {
    key: Option<(u64, Rect, bool)>,
    mesh: Arc<Mesh>,
    drag: Option<f32>,
}

impl Minimap {
    /// Draws it. `part` is the share of the time in sight; returns a new one when it was changed.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        opened: &Opened,
        key: u64,
        part: (f64, f64),
    ) -> Option<(f64, f64)> {
        let tokens = Tokens::of(ui);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
        let response = ui.interact(rect, Id::new("trace minimap"), Sense::click_and_drag());
        response.widget_info(|| {
            WidgetInfo::labeled(WidgetType::Image, true, "Whole trace; drag to look at a part of its time")
        });
        let painter = ui.painter_at(rect);
        painter.rect(rect, 4.0, tokens.canvas, tokens.hairline(), egui::StrokeKind::Inside);
        if self.key != Some((key, rect, tokens.dark)) {
            self.key = Some((key, rect, tokens.dark));
            self.mesh = Arc::new(drawn(opened, rect.shrink2(vec2(0.0, 3.0)), tokens));
        }
        painter.add(Shape::Mesh(self.mesh.clone()));
        let x = |share: f64| rect.left() + rect.width() * share as f32;
        for hidden in [(0.0, part.0), (part.1, 1.0)] {
            let shade = Rect::from_min_max(pos2(x(hidden.0), rect.top()), pos2(x(hidden.1), rect.bottom()));
            painter.rect_filled(shade, 0.0, tokens.bg.gamma_multiply(0.65));
        }
        let share = |at: Pos2| f64::from(((at.x - rect.left()) / rect.width().max(1.0)).clamp(0.0, 1.0));
        if response.hovered() {
            ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
        }
        if response.double_clicked() {
            return Some((0.0, 1.0));
        }
        let at = response.interact_pointer_pos()?;
        if response.drag_started() {
            self.drag = ui.input(|input| input.pointer.press_origin()).map(|origin| origin.x).or(Some(at.x));
        }
        let from = self.drag.filter(|_| response.dragged())?;
        let (a, b) = (share(pos2(from, 0.0)), share(at));
        ((a - b).abs() > 0.004).then_some((a.min(b), a.max(b)))
    }
}

fn drawn(opened: &Opened, area: Rect, tokens: &Tokens) -> Mesh {
    let tree = &opened.tree;
    let sight = Sight { from_us: tree.start_us as f64, to_us: tree.end_us as f64 };
    let mut mesh = Mesh::default();
    let count = tree.rows.len().max(1);
    let every = count.div_ceil(MOST);
    let height = (area.height() / count as f32).clamp(1.0, 4.0);
    let failed = opened.failed.iter().copied().take(MOST);
    for at in (0..tree.rows.len()).step_by(every).chain(failed) {
        let Some((row, span)) = tree.rows.get(at).zip(opened.span(at)) else { continue };
        let (from, to) = (sight.x(area, span.start_us()), sight.x(area, span.end_us()));
        let top = area.top() + (area.height() - height) * at as f32 / count as f32;
        let color = if span.error() { tokens.failing } else { bars::color(tokens, row.service) };
        mesh.add_colored_rect(
            Rect::from_min_size(pos2(from, top), vec2((to - from).max(1.0), height)),
            color,
        );
    }
    mesh
}
