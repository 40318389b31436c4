//! Looking back: controls and an axis of the last hours below the graph. Any moment of it is looked at, over the
//! window's time range; by hand, step by step, or played at any speed.

mod axis;
mod differences;
mod lines;
mod marks;
mod play;
mod wish;

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Button, End, Tokens, button, field, fmt, icon, text};
use crate::looked::Looked;
use crate::past::{OF_NOW, Then, when};
use axis::{Axis, SPANS};
pub(super) use differences::{Differences, places};
use egui::accesskit::{Action, ActionData};
use egui::{
    Align2, CursorIcon, EventFilter, FontId, Frame, Key, Margin, Modifiers, Rangef, Rect, Response, RichText,
    Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};
use jiff::Timestamp;
use marks::Marks;
use mesh::Remote;
use mesh::traffic::Traffic;
use play::Play;
use std::sync::Arc;
use wish::look;

/// Height of the controls with the axis.
pub(super) const HEIGHT: f32 = 108.0;
/// Of the axis: marks of changes, its lines, and the times below them.
const MARKS: f32 = 16.0;
const LINES: f32 = 32.0;
const TIMES: f32 = 16.0;

/// Where the axis is, for who drags over it in a panel of this size.
pub(crate) fn axis(panel: Rect) -> Rect {
    let bottom = panel.bottom() - 6.0 - TIMES - LINES / 2.0;
    Rect::from_x_y_ranges(panel.left() + 24.0..=panel.right() - 24.0, bottom - 4.0..=bottom + 4.0)
}

/// The axis and its controls, with what they keep between frames.
#[derive(Default)]
pub(super) struct Scrubber {
    play: Option<Play>,
    speed: usize,
    marks: Marks,
}

impl Scrubber {
    /// Draws both.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, span_secs: &mut u64) {
        let looked = cx.reads.looked();
        let width = ui.available_width();
        let (left, right) = (ui.cursor().left() + 6.0, ui.cursor().left() + width - 6.0);
        let axis = Axis::of(cx.now, *span_secs, Rangef::new(left, right));
        let then = cx.then();
        if let Some(play) = &mut self.play {
            match play.tick(ui.ctx(), looked.until, then.as_ref(), &axis) {
                Some(until) => look(cx, until),
                None if looked.until.is_none() => self.play = None,
                None => {}
            }
        }
        ui.horizontal(|ui| self.controls(ui, cx, &axis, then.as_ref(), span_secs));
        ui.spacing_mut().item_spacing.y = 0.0;
        let (marks, _) = ui.allocate_exact_size(vec2(width, MARKS), Sense::hover());
        let (rect, response) = ui.allocate_exact_size(vec2(width, LINES + TIMES), Sense::click_and_drag());
        let (lines, times) = rect.split_top_bottom_at_y(rect.top() + LINES);
        lines::paint(ui, cx, &axis, lines, *span_secs);
        ticks(ui, &axis, times);
        // Above the axis: what is pressed there is not a moment of it.
        self.marks.ui(ui, cx, &axis, marks);
        if let Some(against) = looked.against {
            kept(ui, &axis, lines, against);
        }
        thumb(ui, &axis, lines, looked.until, then.as_ref());
        if let Some(until) = moved(ui, &response, &axis, looked.until) {
            self.play = None;
            look(cx, until);
        }
        said(ui, &response, &axis, looked.until, cx.now);
        hover(ui, &response, &axis, lines, cx.now);
    }

    fn controls(&mut self, ui: &mut Ui, cx: &Cx<'_>, axis: &Axis, then: Option<&Then>, span_secs: &mut u64) {
        ui.spacing_mut().item_spacing.x = 6.0;
        let looked = cx.reads.looked();
        let by = i64::try_from(cx.window_secs).unwrap_or(axis.snap).max(axis.snap);
        let words = fmt::duration(by as f64);
        let from = looked.until.unwrap_or(axis.to);
        let back = Button::icon(icon::SKIP_BACK, format!("Back by {words}")).framed();
        if ui.add(back).clicked() {
            self.play = None;
            look(cx, axis.snapped(from - by));
        }
        let (symbol, name) = if self.play.is_some() { (icon::PAUSE, "Stop") } else { (icon::PLAY, "Play") };
        if ui
            .add(Button::icon(symbol, name).framed())
            .on_hover_text("Plays from the moment on until now")
            .clicked()
        {
            self.play = match self.play {
                Some(_) => None,
                None => {
                    // From now there is nothing to be played: the axis is, from its begin.
                    let from = looked.until.unwrap_or(axis.from + axis.snap);
                    look(cx, axis.snapped(from));
                    Some(Play::new(play::SPEEDS[self.speed].0, from))
                }
            };
        }
        let forward = Button::icon(icon::SKIP_FORWARD, format!("Forward by {words}")).framed();
        ui.add_enabled_ui(looked.until.is_some(), |ui| {
            if ui.add(forward).clicked() {
                self.play = None;
                look(cx, axis.snapped(from + by));
            }
        });
        let speeds = play::SPEEDS.map(|(_, name)| name);
        if let Some(speed) = field::choose(ui, "Speed", &speeds, self.speed) {
            self.speed = speed;
            if let Some(play) = &mut self.play {
                play.speed = play::SPEEDS[speed].0;
            }
        }
        let spans = SPANS.map(|(_, name, _)| name);
        let span = SPANS.iter().position(|(secs, ..)| secs == span_secs).unwrap_or_default();
        if let Some(span) = field::choose(ui, "Axis", &spans, span) {
            *span_secs = SPANS[span].0;
        }
        compare(ui, cx, axis);
        let end = End::of(ui, "moment");
        moment(ui, cx, then, end.width());
        end.show(ui, |ui| {
            ui.add_enabled_ui(looked != Looked::default(), |ui| {
                let live = Button::quiet("Live").named("Back to now");
                if ui.add(live).on_hover_text("Show what is measured now").clicked() {
                    self.play = None;
                    cx.intents.send(Intent::Look(Looked::default()));
                }
            });
        });
    }
}

/// Compares the moment that is shown with now, and any other that is chosen then; or no more.
fn compare(ui: &mut Ui, cx: &Cx<'_>, axis: &Axis) {
    let looked = cx.reads.looked();
    let comparing = looked.against.is_some();
    let button = Button::quiet("Compare").selected(comparing);
    let about = "Keeps this moment, and says what differs at others: now, and wherever the axis is clicked";
    ui.add_enabled_ui(comparing || looked.until.is_some(), |ui| {
        if ui.add(button).on_hover_text(about).clicked() {
            let at = if comparing {
                Looked { against: None, ..looked }
            } else {
                Looked { until: None, against: looked.until.and_then(|until| axis.snapped(until)) }
            };
            cx.intents.send(Intent::Look(at));
        }
    });
}

/// Traffic with its moment.
type Measured = (Arc<Traffic>, Timestamp);

/// What the graph shows: what was measured, at the later moment where two are compared; and what was measured at
/// the earlier one.
pub(super) fn of(cx: &Cx<'_>, told: &Remote<Traffic>) -> (Option<Measured>, Option<Arc<Traffic>>) {
    let with_moment = |told: &Remote<Traffic>| told.value().cloned().zip(told.at());
    let shown = with_moment(told);
    let other = cx.reads.against(cx.window_secs, cx.now).and_then(|other| with_moment(&other.traffic));
    match (shown, other) {
        (Some(shown), Some(other)) if other.1 <= shown.1 => (Some(shown), Some(other.0)),
        (Some(shown), Some(other)) => (Some(other), Some(shown.0)),
        (shown, _) => (shown, None),
    }
}

/// Which moment is shown, and which is being read.
fn moment(ui: &mut Ui, cx: &Cx<'_>, then: Option<&Then>, end: f32) {
    let room = ui.available_width() - end - ui.spacing().item_spacing.x;
    let words = match then {
        None => "Now".to_owned(),
        Some(then) => then.shown(cx.now),
    };
    let font = FontId::proportional(size::SECONDARY);
    if text::width(ui, &words, &font) <= room {
        text::muted(ui, words);
    } else if room > 60.0 {
        text::muted(ui, button::fitting_in(ui, &words, room)).on_hover_text(words);
    }
}

/// Says over the graph which moments it shows, for as long as that is not only now, and what of it is of now.
pub(super) fn mark(ui: &mut Ui, cx: &Cx<'_>) {
    let tokens = Tokens::of(ui);
    let frame =
        Frame::new().fill(tokens.tint(tokens.accent)).corner_radius(6).inner_margin(Margin::symmetric(10, 6));
    // Where there is less room the detail says it, and the pointer.
    let wide = ui.available_width() > 760.0;
    frame.show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(icon::CLOCK_COUNTER_CLOCKWISE).color(tokens.accent));
            let then = cx.then();
            let shown = then.as_ref().map_or_else(|| "Now".to_owned(), |then| then.shown(cx.now));
            text::strong(ui, shown).on_hover_text(OF_NOW);
            if let Some(other) = cx.reads.against(cx.window_secs, cx.now) {
                text::medium(ui, format!("Compared: {}", lowered(&other.shown(cx.now))));
                other
                    .traffic
                    .problem()
                    .into_iter()
                    .for_each(|problem| drop(text::muted(ui, problem.to_string())));
            }
            if wide {
                text::muted(ui, OF_NOW);
            }
            let traffic = then.and_then(|then| then.traffic.value().cloned());
            for remark in traffic.iter().flat_map(|traffic| &traffic.remarks) {
                text::muted(ui, remark);
            }
        });
    });
}

fn lowered(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Where hand, keys or a screen reader put the moment; `Some(None)`: to now.
fn moved(ui: &Ui, response: &Response, axis: &Axis, until: Option<i64>) -> Option<Option<i64>> {
    if let Some(at) = response.interact_pointer_pos()
        && (response.dragged() || response.clicked())
    {
        if response.drag_started() || response.clicked() {
            response.request_focus();
        }
        return Some(axis.at(at.x)).filter(|at| *at != until);
    }
    let asked = ui.input(|input| {
        let set = input.accesskit_action_requests(response.id, Action::SetValue).last().cloned();
        let steps = |action| input.num_accesskit_action_requests(response.id, action) as i64;
        (set, steps(Action::Increment) - steps(Action::Decrement))
    });
    if let (Some(request), _) = &asked
        && let Some(ActionData::NumericValue(ago)) = &request.data
    {
        return Some(axis.snapped(axis.to + ago.round() as i64));
    }
    let by = asked.1 * axis.snap + if response.has_focus() { keys(ui, response, axis) } else { 0 };
    (by != 0).then(|| axis.snapped(until.unwrap_or(axis.to) + by))
}

/// Arrows move it by a step, with shift by ten; End leads to now.
fn keys(ui: &Ui, response: &Response, axis: &Axis) -> i64 {
    let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
    ui.input_mut(|input| {
        let mut by = 0;
        for (modifiers, steps) in [(Modifiers::SHIFT, 10), (Modifiers::NONE, 1)] {
            for (key, sign) in [(Key::ArrowRight, 1), (Key::ArrowLeft, -1)] {
                by += sign * steps * axis.snap * input.count_and_consume_key(modifiers, key) as i64;
            }
        }
        if input.consume_key(Modifiers::NONE, Key::End) { i64::from(u32::MAX) } else { by }
    })
}

/// For screen readers: a slider of seconds before now.
fn said(ui: &Ui, response: &Response, axis: &Axis, until: Option<i64>, now: Timestamp) {
    let ago = (until.unwrap_or(axis.to) - axis.to) as f64;
    response.widget_info(|| WidgetInfo::slider(true, ago, "Moment"));
    let words = until.map_or_else(|| "now".to_owned(), |until| when(until, now));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_min_numeric_value((axis.from - axis.to) as f64);
        node.set_max_numeric_value(0.0);
        node.set_numeric_value_step(axis.snap as f64);
        node.set_description(words);
        for action in [Action::SetValue, Action::Increment, Action::Decrement] {
            node.add_action(action);
        }
    });
}

fn ticks(ui: &Ui, axis: &Axis, place: Rect) {
    let (tokens, font) = (Tokens::of(ui), FontId::proportional(size::NOTE));
    for at in axis.ticks() {
        let x = axis.x_of(at as f64);
        ui.painter().vline(x, Rangef::new(place.top(), place.top() + 3.0), Stroke::new(1.0, tokens.line));
        let galley = ui.painter().layout_no_wrap(axis::tick(at), font.clone(), tokens.muted);
        let half = galley.size().x / 2.0;
        let left = (x - half).clamp(place.left(), (place.right() - 2.0 * half).max(place.left()));
        ui.painter().galley(pos2(left, place.top() + 3.0), galley, tokens.muted);
    }
}

/// The moment with its window; at the end of the axis: now.
fn thumb(ui: &Ui, axis: &Axis, place: Rect, until: Option<i64>, then: Option<&Then>) {
    let tokens = Tokens::of(ui);
    let x = axis.x_of(until.unwrap_or(axis.to) as f64).clamp(place.left(), place.right());
    if let Some(then) = then {
        let begin = axis.x_of((then.wish.until - then.wish.secs as i64) as f64).max(place.left());
        let window = Rect::from_x_y_ranges(begin..=x, place.y_range());
        ui.painter().rect_filled(window, 0.0, tokens.accent.gamma_multiply(0.18));
    }
    let color = if until.is_some() { tokens.accent } else { tokens.healthy };
    ui.painter().vline(x, place.y_range(), Stroke::new(2.0, color));
    ui.painter().circle_filled(pos2(x, place.top() + 4.0), 5.0, color);
}

/// The moment that others are compared with.
fn kept(ui: &Ui, axis: &Axis, place: Rect, against: i64) {
    let (tokens, x) = (Tokens::of(ui), axis.x_of(against as f64));
    if place.x_range().contains(x) {
        ui.painter().vline(x, place.y_range(), Stroke::new(2.0, tokens.text));
        let font = FontId::proportional(size::NOTE);
        ui.painter().text(pos2(x + 4.0, place.bottom()), Align2::LEFT_BOTTOM, "compared", font, tokens.text);
    }
}

/// The moment under the pointer.
fn hover(ui: &Ui, response: &Response, axis: &Axis, place: Rect, now: Timestamp) {
    if response.has_focus() {
        ui.painter().rect_stroke(
            place,
            2.0,
            Stroke::new(1.0, Tokens::of(ui).accent),
            egui::StrokeKind::Outside,
        );
    }
    let Some(at) = response.hover_pos() else { return };
    ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
    let tokens = Tokens::of(ui);
    ui.painter().vline(at.x, place.y_range(), Stroke::new(1.0, tokens.muted));
    let words = axis.at(at.x).map_or_else(|| "now".to_owned(), |until| when(until, now));
    let font = FontId::proportional(size::NOTE);
    let left = at.x > place.center().x;
    let (anchor, by) = if left { (Align2::RIGHT_TOP, -4.0) } else { (Align2::LEFT_TOP, 4.0) };
    ui.painter().text(pos2(at.x + by, place.top()), anchor, words, font, tokens.text);
}
