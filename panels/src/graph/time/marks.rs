//! Marks of what was written and of what happened (restarts, rollouts, warnings), on the axis: a click leads to just
//! before it, its menu compares before and after.

use super::axis::Axis;
use super::wish::look;
use crate::changes::stamp;
use crate::cx::Cx;
use crate::incident;
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Memo, Tokens, button, fmt, icon};
use crate::looked::{around, before};
use crate::selection::Selected;
use egui::{Align2, FontId, Rect, Sense, Shape, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2};
use jiff::Timestamp;
use mesh::incidents::{Incident, Sort};
use mesh::since::{Near, between};
use mesh::{Problem, Ref};
use std::sync::Arc;

/// Marks that are nearer to each other stand as one.
const TOGETHER: f32 = 9.0;
/// So many are named; the panel *Changes* has all.
const NAMED: usize = 6;

/// What was written and what happened in the time of the axis, kept while nothing is new.
#[derive(Default)]
pub(super) struct Marks(Memo<Key, Vec<Point>>);

/// Writes, changes of the ledger, incidents, and the time, as far as they matter.
type Key = (usize, usize, u64, usize, [i64; 2]);

/// One thing on the axis.
#[derive(Clone, Debug, PartialEq)]
struct Point {
    when: Timestamp,
    /// "VirtualService bookinfo/reviews was written by kubectl-edit".
    what: String,
    at: Option<Ref>,
    /// What happened; `None`: somebody wrote it.
    sort: Option<Sort>,
}

/// The end of the axis moves on by steps, so that what is on it is not sought in every frame.
const STEP: i64 = 10;

impl Marks {
    /// Draws them below a line.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, axis: &Axis, place: Rect) {
        let writes = &cx.scene.writes;
        let time = [axis.from, axis.to].map(|secs| secs.div_euclid(STEP) * STEP);
        let happened = cx.reads.incidents();
        let incidents = happened.value();
        let told = incidents.map_or(0, |told| Arc::as_ptr(told) as usize);
        let key = (Arc::as_ptr(writes) as usize, writes.len(), stamp(cx.changes), told, time);
        let all = self.0.get(key, |_| {
            let secs = |secs: i64| Timestamp::from_second(secs).unwrap_or_default();
            let within = [secs(time[0]), secs(time[1] + STEP)];
            let mut all: Vec<Point> =
                between(writes, cx.changes, within, None).into_iter().map(Point::written).collect();
            let happened = incidents.iter().flat_map(|told| &told.all);
            // Events that warn of nothing are in the timeline of changes.
            let shown =
                |one: &&Incident| one.sort != Sort::Event && within[0] <= one.when && one.when <= within[1];
            all.extend(happened.filter(shown).map(Point::happened));
            all.sort_by_key(|point| std::cmp::Reverse(point.when));
            all
        });
        let x = |point: &Point| axis.x_of(point.when.as_second() as f64);
        for (nth, group) in all.chunk_by(|one, next| (x(one) - x(next)).abs() < TOGETHER).enumerate() {
            let Some(first) = group.last() else { continue };
            mark(ui, cx, (nth, x(first)), group, place);
        }
        unknown(ui, &incident::unknown(&happened), place);
    }
}

impl Point {
    fn written(near: Near) -> Self {
        let by = if near.by.is_empty() { String::new() } else { format!(" by {}", near.by) };
        Self { when: near.when, what: format!("{}{by}", near.what), at: Some(near.at), sort: None }
    }

    fn happened(incident: &Incident) -> Self {
        let what = format!("{}: {}", incident.object, incident.what);
        Self { when: incident.when, what, at: incident.at.clone(), sort: Some(incident.sort) }
    }

    /// "VirtualService bookinfo/reviews was written by kubectl-edit, 5 min ago".
    fn said(&self, now: Timestamp) -> String {
        format!("{}, {}", self.what, fmt::ago(now, self.when))
    }

    fn leads(&self, cx: &Cx<'_>) -> Option<Selected> {
        let at = self.at.as_ref()?;
        match self.sort {
            None => Some(Selected::Object(at.clone())),
            Some(_) => incident::leads(&cx.scene.mesh, at),
        }
    }
}

/// What cannot be on the axis.
fn unknown(ui: &mut Ui, problems: &[Problem], place: Rect) {
    let Some(first) = problems.first() else { return };
    let rect = Rect::from_min_size(place.min, vec2(TOGETHER + 6.0, place.height()));
    let response = ui.interact(rect, ui.id().with("not on the axis"), Sense::hover());
    let more = if problems.len() > 1 { format!(", and {} more", problems.len() - 1) } else { String::new() };
    let name = format!("Not on the axis: {}: {}{more}", first.what, first.why);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &name));
    let font = FontId::proportional(size::SECONDARY);
    let color = Tokens::of(ui).degraded;
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, icon::QUESTION, font, color);
    response.on_hover_ui(|ui| {
        ui.set_max_width(380.0);
        problems.iter().for_each(|problem| {
            ui.label(format!("Not on the axis: {}. {}", problem.what, problem.why));
        });
    });
}

/// One mark, of one change or of several that were made at about the same time, the newest first.
fn mark(ui: &mut Ui, cx: &Cx<'_>, (nth, x): (usize, f32), group: &[Point], place: Rect) {
    let Some(first) = group.last() else { return };
    let tokens = Tokens::of(ui);
    let center = pos2(x.clamp(place.left(), place.right()), place.center().y);
    let rect = Rect::from_center_size(center, vec2(TOGETHER + 3.0, place.height()));
    let response = ui.interact(rect, ui.id().with(("change", nth)), Sense::click());
    let name = match group {
        [one] => one.said(cx.now),
        several => {
            let only = several.iter().all(|point| point.sort.is_none());
            let word = if only { "changes" } else { "changes and events" };
            format!("{} {word}, the first: {}", fmt::count(several.len()), first.said(cx.now))
        }
    };
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
    let lit = response.hovered() || response.has_focus();
    let bad = group.iter().any(|point| matches!(point.sort, Some(Sort::Restart | Sort::Warning)));
    let color = if bad { tokens.degraded } else { tokens.text };
    let (color, half) = (if lit { tokens.accent } else { color }, if lit { 6.0 } else { 4.5 });
    let edge = Stroke::new(1.0, tokens.canvas);
    // What somebody wrote is a diamond, what happened is round.
    if group.iter().any(|point| point.sort.is_none()) {
        let corners =
            [vec2(0.0, -half), vec2(half, 0.0), vec2(0.0, half), vec2(-half, 0.0)].map(|by| center + by);
        ui.painter().add(Shape::convex_polygon(corners.to_vec(), color, edge));
    } else {
        ui.painter().circle(center, half - 0.5, color, edge);
    }
    if response.clicked() {
        look(cx, Some(before(first.when)));
    }
    response.context_menu(|ui| menu(ui, cx, group));
    if !response.context_menu_opened() {
        response.on_hover_ui(|ui| {
            ui.set_max_width(380.0);
            group.iter().rev().take(NAMED).for_each(|point| drop(ui.label(point.said(cx.now))));
            if group.len() > NAMED {
                ui.label(format!("and {} more", fmt::count(group.len() - NAMED)));
            }
            ui.label("A click leads to just before it; its menu compares before and after");
        });
    }
}

fn menu(ui: &mut Ui, cx: &Cx<'_>, group: &[Point]) {
    ui.set_min_width(240.0);
    for point in group.iter().rev().take(NAMED) {
        if button::item(ui, &format!("Compare before and after: {}", point.what)) {
            cx.intents.send(Intent::Look(around(point.when, cx.window_secs, cx.now)));
        }
        if let (Some(at), Some(selected)) = (&point.at, point.leads(cx))
            && button::item(ui, &format!("Show {at}"))
        {
            cx.intents.send(Intent::Select(Some(selected)));
        }
    }
}
