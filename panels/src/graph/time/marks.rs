//! Marks of what was written, on the axis: a click leads to just before it, its menu compares before and after.

use super::axis::Axis;
use super::wish::look;
use crate::changes::stamp;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::{Memo, Tokens, button, fmt};
use crate::looked::{around, before};
use crate::selection::Selected;
use egui::{Rect, Sense, Shape, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2};
use jiff::Timestamp;
use mesh::since::{Near, between};
use std::sync::Arc;

/// Marks that are nearer to each other stand as one.
const TOGETHER: f32 = 9.0;
/// So many are named; the panel *Changes* has all.
const NAMED: usize = 6;

/// What was written in the time of the axis, kept while nothing is new.
#[derive(Default)]
pub(super) struct Marks(Memo<Key, Vec<Near>>);

/// Writes, changes of the ledger, and the time, as far as they matter.
type Key = (usize, usize, u64, [i64; 2]);

/// The end of the axis moves on by steps, so that what is on it is not sought in every frame.
const STEP: i64 = 10;

impl Marks {
    /// Draws them below a line.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, axis: &Axis, place: Rect) {
        let writes = &cx.scene.writes;
        let time = [axis.from, axis.to].map(|secs| secs.div_euclid(STEP) * STEP);
        let key = (Arc::as_ptr(writes) as usize, writes.len(), stamp(cx.changes), time);
        let all = self.0.get(key, |_| {
            let secs = |secs: i64| Timestamp::from_second(secs).unwrap_or_default();
            between(writes, cx.changes, [secs(time[0]), secs(time[1] + STEP)], None)
        });
        let x = |near: &Near| axis.x_of(near.when.as_second() as f64);
        for (nth, group) in all.chunk_by(|one, next| (x(one) - x(next)).abs() < TOGETHER).enumerate() {
            let Some(first) = group.last() else { continue };
            mark(ui, cx, (nth, x(first)), group, place);
        }
    }
}

/// One mark, of one change or of several that were made at about the same time, the newest first.
fn mark(ui: &mut Ui, cx: &Cx<'_>, (nth, x): (usize, f32), group: &[Near], place: Rect) {
    let Some(first) = group.last() else { return };
    let tokens = Tokens::of(ui);
    let center = pos2(x.clamp(place.left(), place.right()), place.center().y);
    let rect = Rect::from_center_size(center, vec2(TOGETHER + 3.0, place.height()));
    let response = ui.interact(rect, ui.id().with(("change", nth)), Sense::click());
    let name = match group {
        [one] => said(one, cx.now),
        several => format!("{} changes, the first: {}", fmt::count(several.len()), said(first, cx.now)),
    };
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
    let lit = response.hovered() || response.has_focus();
    let (color, half) = (if lit { tokens.accent } else { tokens.text }, if lit { 6.0 } else { 4.5 });
    let corners =
        [vec2(0.0, -half), vec2(half, 0.0), vec2(0.0, half), vec2(-half, 0.0)].map(|by| center + by);
    ui.painter().add(Shape::convex_polygon(corners.to_vec(), color, Stroke::new(1.0, tokens.canvas)));
    if response.clicked() {
        look(cx, Some(before(first.when)));
    }
    response.context_menu(|ui| menu(ui, cx, group));
    if !response.context_menu_opened() {
        response.on_hover_ui(|ui| {
            ui.set_max_width(380.0);
            group.iter().rev().take(NAMED).for_each(|near| drop(ui.label(said(near, cx.now))));
            if group.len() > NAMED {
                ui.label(format!("and {} more", fmt::count(group.len() - NAMED)));
            }
            ui.label("A click leads to just before it; its menu compares before and after");
        });
    }
}

fn menu(ui: &mut Ui, cx: &Cx<'_>, group: &[Near]) {
    ui.set_min_width(240.0);
    for near in group.iter().rev().take(NAMED) {
        if button::item(ui, &format!("Compare before and after: {}", near.what)) {
            cx.intents.send(Intent::Look(around(near.when, cx.window_secs, cx.now)));
        }
        if button::item(ui, &format!("Show {}", near.at)) {
            cx.intents.send(Intent::Select(Some(Selected::Object(near.at.clone()))));
        }
    }
}

/// "VirtualService bookinfo/reviews was written by kubectl-edit, 5 min ago".
fn said(near: &Near, now: Timestamp) -> String {
    let by = if near.by.is_empty() { String::new() } else { format!(" by {}", near.by) };
    format!("{}{by}, {}", near.what, fmt::ago(now, near.when))
}
