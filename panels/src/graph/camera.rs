//! Where one looks at the graph from: pan and zoom.

use egui::{Pos2, Rect, Vec2, vec2};

/// Pan and zoom. `pan` is where the graph's origin stands, from the corner of the viewport, in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// 1.0 is 100 %.
    pub zoom: f32,
    /// In points of the screen.
    pub pan: Vec2,
}

impl Default for Camera {
    fn default() -> Self {
        Self { zoom: 1.0, pan: Vec2::ZERO }
    }
}

impl Camera {
    /// Nearest and farthest.
    pub const ZOOM: std::ops::RangeInclusive<f32> = 0.01..=3.0;

    /// The camera that shows all of `bounds` in the middle of a viewport of this size, never larger than
    /// life.
    pub fn fit(bounds: Rect, viewport: Vec2) -> Self {
        let margin = vec2(20.0, 20.0);
        let room = (viewport - 2.0 * margin).max(vec2(40.0, 40.0));
        let zoom = (room.x / bounds.width().max(1.0)).min(room.y / bounds.height().max(1.0)).min(1.4);
        let zoom = zoom.clamp(*Self::ZOOM.start(), *Self::ZOOM.end());
        Self { zoom, pan: (viewport / 2.0 - bounds.center().to_vec2() * zoom).round() }
    }
    /// The same zoom (at least `zoom`), with this point in the middle.
    pub fn on(self, point: Pos2, viewport: Vec2, zoom: f32) -> Self {
        let zoom = self.zoom.max(zoom);
        Self { zoom, pan: viewport / 2.0 - point.to_vec2() * zoom }
    }
    /// Zooms; the point of the graph under `at` (from the corner of the viewport) stays there.
    #[must_use]
    pub fn zoomed(self, factor: f32, at: Vec2) -> Self {
        let zoom = (self.zoom * factor).clamp(*Self::ZOOM.start(), *Self::ZOOM.end());
        Self { zoom, pan: at - (at - self.pan) * (zoom / self.zoom) }
    }
    /// From the graph to the screen.
    pub fn to_screen(self, viewport: Rect, point: Pos2) -> Pos2 {
        viewport.min + self.pan + point.to_vec2() * self.zoom
    }
    /// From the graph to the screen.
    pub fn rect_to_screen(self, viewport: Rect, rect: Rect) -> Rect {
        Rect::from_min_max(self.to_screen(viewport, rect.min), self.to_screen(viewport, rect.max))
    }
    /// From the screen to the graph.
    pub fn to_graph(self, viewport: Rect, point: Pos2) -> Pos2 {
        ((point - viewport.min - self.pan) / self.zoom).to_pos2()
    }
    /// The part of the graph that is in view.
    pub fn view(self, viewport: Rect) -> Rect {
        Rect::from_min_max(self.to_graph(viewport, viewport.min), self.to_graph(viewport, viewport.max))
    }
    /// Keeps a bit of the graph in view, so that nobody gets lost.
    #[must_use]
    pub fn held(self, bounds: Rect, viewport: Vec2) -> Self {
        let keep = 80.0;
        let low = vec2(keep, keep) - bounds.max.to_vec2() * self.zoom;
        let high = viewport - vec2(keep, keep) - bounds.min.to_vec2() * self.zoom;
        let hold = |value: f32, low: f32, high: f32| if low <= high { value.clamp(low, high) } else { value };
        Self { zoom: self.zoom, pan: vec2(hold(self.pan.x, low.x, high.x), hold(self.pan.y, low.y, high.y)) }
    }
}

/// A size of text at this zoom, in whole points, so that zooming makes few new glyphs. Text shrinks slower
/// than cards do.
pub(super) fn text_size(size: f32, zoom: f32) -> f32 {
    (size * zoom.powf(0.75)).round().clamp(8.0, (size * 1.35).round())
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let viewport = Rect::from_min_size(pos2(100.0, 50.0), vec2(800.0, 600.0));
        let camera = Camera { zoom: 0.8, pan: vec2(30.0, -10.0) };
        let pointer = pos2(400.0, 300.0);
        let under = camera.to_graph(viewport, pointer);
        let nearer = camera.zoomed(1.5, pointer - viewport.min);
        assert!(nearer.to_screen(viewport, under).distance(pointer) < 0.01);
    }

    #[test]
    fn fit_shows_all() {
        let viewport = Rect::from_min_size(pos2(10.0, 10.0), vec2(500.0, 400.0));
        let bounds = Rect::from_min_max(pos2(-300.0, 20.0), pos2(2000.0, 700.0));
        let view = Camera::fit(bounds, viewport.size()).view(viewport);
        assert!(view.contains_rect(bounds));
    }
}
