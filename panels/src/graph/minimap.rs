//! A small map of a graph that does not fit the window: where one is, and a way to elsewhere.

use super::camera::Camera;
use super::view::View;
use crate::kit::Tokens;
use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Id, Rect, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, WidgetType, vec2};
use std::sync::Arc;

/// The map, kept while it shows the same.
#[derive(Default)]
pub(super) struct Minimap {
    key: Option<((usize, usize), Rect, bool)>,
    mesh: Arc<Mesh>,
}

const SIZE: Vec2 = vec2(168.0, 104.0);
const MOST: usize = 4000;

impl Minimap {
    /// Draws it in the corner of the viewport. Returns the camera that a drag on it asks for.
    pub(super) fn ui(
        &mut self,
        ui: &Ui,
        id: Id,
        viewport: Rect,
        camera: Camera,
        view: &View,
        key: (usize, usize),
    ) -> Option<Camera> {
        let tokens = Tokens::of(ui);
        let bounds = view.bounds?;
        if camera.view(viewport).contains_rect(bounds)
            || viewport.width() < 420.0
            || viewport.height() < 260.0
        {
            return None;
        }
        let area = Rect::from_min_size(viewport.max - SIZE - vec2(16.0, 16.0), SIZE);
        let inner = area.shrink(8.0);
        let scale = (inner.width() / bounds.width().max(1.0)).min(inner.height() / bounds.height().max(1.0));
        let origin = inner.center() - bounds.center().to_vec2() * scale;
        let to_map = |rect: Rect| {
            Rect::from_min_max(origin + rect.min.to_vec2() * scale, origin + rect.max.to_vec2() * scale)
        };
        if self.key != Some((key, area, tokens.dark)) {
            let mut mesh = Mesh::default();
            let step = view.cards.len().div_ceil(MOST).max(1);
            for card in view.cards.iter().step_by(step) {
                let at = to_map(card.rect);
                let rect = Rect::from_center_size(at.center(), at.size().max(vec2(2.0, 2.0)));
                let color = card.status.color(tokens);
                let first = mesh.vertices.len() as u32;
                for pos in [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()] {
                    mesh.vertices.push(Vertex { pos, uv: WHITE_UV, color });
                }
                mesh.indices.extend_from_slice(&[first, first + 1, first + 2, first, first + 2, first + 3]);
            }
            (self.mesh, self.key) = (Arc::new(mesh), Some((key, area, tokens.dark)));
        }
        let painter = ui.painter();
        painter.rect(area, 6.0, tokens.surface, tokens.hairline(), StrokeKind::Inside);
        painter.add(Shape::mesh(Arc::clone(&self.mesh)));
        let here = to_map(camera.view(viewport)).intersect(area.shrink(2.0));
        painter.rect(here, 2.0, tokens.selection(), Stroke::new(1.0, tokens.accent), StrokeKind::Inside);
        let response = ui.interact(area, id, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, "Map of the graph"));
        let at = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked())?;
        let point = ((at - origin) / scale).to_pos2();
        Some(camera.on(point, viewport.size(), camera.zoom))
    }
}
