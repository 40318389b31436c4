//! What frames of an opened trace cost, without a window: for `cargo xtask bench`.

use super::waterfall::Waterfall;
use crate::bench::{Frames, Stage};
use crate::cx::Cx;
use egui::Ui;
use mesh::Scene;
use mesh::trace::Opened;
use std::sync::Arc;

/// How long frames take while one scrolls through a trace and looks closer; the first takes the trace in.
pub fn frames(opened: &Arc<Opened>, count: usize) -> Frames {
    let mut waterfall = Waterfall::default();
    let mut draw = |ui: &mut Ui, cx: &Cx<'_>| {
        std::hint::black_box(waterfall.ui(ui, cx, opened, None));
    };
    Stage::new(Scene::default(), None).scroll(count, &mut draw, |_, _| {})
}
