//! Found traces by time and duration: outliers are seen at once, one click opens them, and a box that is drawn
//! over some leaves only them in the list.

use super::list::{began, in_words};
use crate::kit::theme::size;
use crate::kit::{Status, Tokens, fmt, tooltip};
use egui::{Align2, CursorIcon, FontId, Pos2, Rect, Sense, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2};
use jiff::Timestamp;
use mesh::trace::{Stats, Summary};

/// A box in the plot: from when to when, from how long to how long, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    at_us: (u64, u64),
    duration_us: (u64, u64),
}

impl Window {
    /// Whether a trace lies in it.
    pub(super) fn holds(self, one: &Summary) -> bool {
        (self.at_us.0..=self.at_us.1).contains(&one.start_us)
            && (self.duration_us.0..=self.duration_us.1).contains(&one.duration_us)
    }
}

/// What was picked in the plot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Picked {
    /// A trace was clicked.
    Trace(usize),
    /// A box was drawn.
    Window(Window),
}

/// How high it is where there is room; in a low panel less, so that the list below is seen.
fn height(room: f32) -> f32 {
    (room * 0.4).clamp(84.0, 168.0)
}

/// Where durations and times lie on a plot.
#[derive(Clone, Debug, PartialEq)]
struct Scale {
    from_us: u64,
    to_us: u64,
    /// The highest mark; durations between 0 and it.
    top_us: f64,
    marks: Vec<f64>,
}

impl Scale {
    fn of(summaries: &[Summary]) -> Self {
        let from_us = summaries.iter().map(|one| one.start_us).min().unwrap_or_default();
        let to_us = summaries.iter().map(|one| one.start_us).max().unwrap_or_default().max(from_us + 1);
        let longest = summaries.iter().map(|one| one.duration_us).max().unwrap_or(1).max(1) as f64;
        let step = round_step(longest / 3.0);
        let marks: Vec<f64> =
            (0..=4).map(|mark| f64::from(mark) * step).take_while(|mark| *mark < longest + step).collect();
        Self { from_us, to_us, top_us: marks.last().copied().unwrap_or(longest).max(longest), marks }
    }

    fn x(&self, plot: Rect, at_us: u64) -> f32 {
        let share = (at_us - self.from_us) as f64 / (self.to_us - self.from_us) as f64;
        plot.left() + plot.width() * share as f32
    }

    fn y(&self, plot: Rect, duration_us: f64) -> f32 {
        plot.bottom() - plot.height() * (duration_us / self.top_us) as f32
    }

    /// What lies between two points.
    fn window(&self, plot: Rect, between: Rect) -> Window {
        let share =
            |at: f32, from: f32, length: f32| f64::from(((at - from) / length.max(1.0)).clamp(0.0, 1.0));
        let time = |x: f32| {
            let share = share(x, plot.left(), plot.width());
            self.from_us + (share * (self.to_us - self.from_us) as f64) as u64
        };
        let duration = |y: f32| ((1.0 - share(y, plot.top(), plot.height())) * self.top_us) as u64;
        Window {
            at_us: (time(between.left()), time(between.right()) + 1),
            duration_us: (duration(between.bottom()), duration(between.top()) + 1),
        }
    }

    fn rect(&self, plot: Rect, window: Window) -> Rect {
        let x = |at: u64| self.x(plot, at.clamp(self.from_us, self.to_us));
        let y = |us: u64| self.y(plot, (us as f64).min(self.top_us));
        let (at, us) = (window.at_us, window.duration_us);
        Rect::from_min_max(pos2(x(at.0), y(us.1)), pos2(x(at.1), y(us.0)))
    }
}

/// 1, 2 or 5 times a power of ten, not below.
pub(super) fn round_step(least: f64) -> f64 {
    let least = least.max(1e-9);
    let ten = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * ten)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(ten * 10.0)
}

/// Draws the plot; returns what was picked in it.
pub(super) fn ui(
    ui: &mut Ui,
    summaries: &[Summary],
    stats: Stats,
    now: Timestamp,
    chosen: Option<usize>,
    window: Option<Window>,
) -> Option<Picked> {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(
        vec2(ui.available_width(), height(ui.available_height())),
        Sense::click_and_drag(),
    );
    let failed = summaries.iter().filter(|one| one.errors > 0).count();
    let told = |us: u64| fmt::ms(us as f64 / 1000.0);
    response.widget_info(|| {
        let words = format!(
            "Durations of {}: half below {}, 95 % below {}, {} with errors",
            fmt::counted(summaries.len(), "trace", "traces"),
            told(stats.p50),
            told(stats.p95),
            fmt::count(failed)
        );
        WidgetInfo::labeled(WidgetType::Image, true, words.replace(fmt::THIN, " "))
    });
    if !ui.is_rect_visible(rect) || summaries.is_empty() {
        return None;
    }
    let painter = ui.painter_at(rect);
    painter.rect(rect, 6.0, tokens.canvas, tokens.hairline(), egui::StrokeKind::Inside);
    let plot = Rect::from_min_max(rect.min + vec2(58.0, 14.0), rect.max - vec2(16.0, 24.0));
    let scale = Scale::of(summaries);
    let font = FontId::proportional(size::NOTE);
    for mark in &scale.marks {
        let y = scale.y(plot, *mark);
        painter.hline(plot.x_range(), y, tokens.hairline());
        painter.text(
            pos2(plot.left() - 8.0, y),
            Align2::RIGHT_CENTER,
            fmt::ms(mark / 1000.0),
            font.clone(),
            tokens.muted,
        );
    }
    let ends =
        [scale.from_us, scale.to_us].map(|at| began(at).map_or_else(String::new, |at| fmt::ago(now, at)));
    // "2 min ago" at both ends says nothing.
    let alike = ends[0] == ends[1];
    for (at, ago, align) in
        [(scale.from_us, &ends[0], Align2::LEFT_TOP), (scale.to_us, &ends[1], Align2::RIGHT_TOP)]
    {
        let text = match began(at) {
            Some(at) if alike => at.strftime("%H:%M:%S UTC").to_string(),
            _ => ago.clone(),
        };
        painter.text(pos2(scale.x(plot, at), plot.bottom() + 6.0), align, text, font.clone(), tokens.muted);
    }
    // The line that 95 % stay below.
    let y = scale.y(plot, stats.p95 as f64);
    painter.extend(egui::Shape::dashed_line(
        &[pos2(plot.left(), y), pos2(plot.right(), y)],
        (1.0, tokens.muted),
        4.0,
        4.0,
    ));
    let (gap, align) =
        if y < plot.top() + 12.0 { (2.0, Align2::RIGHT_TOP) } else { (-2.0, Align2::RIGHT_BOTTOM) };
    painter.text(pos2(plot.right(), y + gap), align, format!("p95 {}", told(stats.p95)), font, tokens.muted);
    let place = |one: &Summary| pos2(scale.x(plot, one.start_us), scale.y(plot, one.duration_us as f64));
    let pointer = response.hover_pos();
    let near = pointer.and_then(|pointer| {
        let distances =
            summaries.iter().enumerate().map(|(index, one)| (index, place(one).distance_sq(pointer)));
        distances
            .min_by(|(_, a), (_, b)| a.total_cmp(b))
            .filter(|(_, distance)| *distance < 14.0 * 14.0)
            .map(|(index, _)| index)
    });
    for (index, one) in summaries.iter().enumerate() {
        let radius = (3.0 + (one.spans as f32).log2() * 0.5).min(9.0);
        let (status, color) =
            if one.errors > 0 { (Status::Failing, tokens.failing) } else { (Status::Healthy, tokens.accent) };
        let bright = near == Some(index) || chosen == Some(index);
        painter.add(status.shape(
            place(one),
            radius,
            if bright { color } else { color.gamma_multiply(0.72) },
        ));
        if bright {
            painter.circle_stroke(place(one), radius + 3.5, egui::Stroke::new(1.5, tokens.text));
        }
    }
    if let Some(picked) = drawn_box(ui, rect, plot, &scale, &response, window) {
        return Some(picked);
    }
    let one = summaries.get(near?)?;
    ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
    let clicked = response.clicked();
    response.on_hover_ui_at_pointer(|ui| {
        let when = began(one.start_us)
            .map_or_else(String::new, |at| format!("{} · {}", fmt::ago(now, at), fmt::absolute(at)));
        let mut rows = vec![("Begins at".to_owned(), one.operation.clone()), ("When".to_owned(), when)];
        rows.extend(one.trouble.iter().map(|trouble| ("Went wrong".to_owned(), trouble.clone())));
        tooltip::rows(ui, &in_words(one), &rows);
    });
    near.filter(|_| clicked).map(Picked::Trace)
}

/// Draws the box that is set, and the one that is being drawn; returns it when it is done.
fn drawn_box(
    ui: &Ui,
    rect: Rect,
    plot: Rect,
    scale: &Scale,
    response: &egui::Response,
    window: Option<Window>,
) -> Option<Picked> {
    let tokens = Tokens::of(ui);
    let show = |area: Rect| {
        let stroke = Stroke::new(1.0, tokens.accent);
        let fill = tokens.accent.gamma_multiply(0.12);
        ui.painter_at(rect).rect(area, 2.0, fill, stroke, egui::StrokeKind::Inside);
    };
    let id = response.id.with("box");
    if response.drag_started()
        && let Some(from) = ui.input(|input| input.pointer.press_origin())
    {
        ui.data_mut(|data| data.insert_temp(id, from));
    }
    let begun: Option<Pos2> = ui.data(|data| data.get_temp(id));
    let between = begun.zip(response.interact_pointer_pos()).map(|(from, to)| Rect::from_two_pos(from, to));
    if response.dragged() {
        between.into_iter().for_each(show);
        return None;
    }
    window.map(|window| scale.rect(plot, window)).into_iter().for_each(show);
    let done = between.filter(|between| response.drag_stopped() && between.width() > 4.0)?;
    ui.data_mut(|data| data.remove_temp::<Pos2>(id));
    Some(Picked::Window(scale.window(plot, done)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (least, expect) in [(1.0, 1.0), (1.1, 2.0), (14.0, 20.0), (33.0, 50.0), (70.0, 100.0), (0.3, 0.5)]
        {
            assert!((round_step(least) - expect).abs() < 1e-9, "{least} → {}", round_step(least));
        }
    }

    #[test]
    fn all_points_lie_on_the_plot() {
        let summaries: Vec<Summary> =
            mesh::demo::found().traces.iter().map(|opened| opened.summary.clone()).collect();
        let scale = Scale::of(&summaries);
        let plot = Rect::from_min_size(pos2(10.0, 10.0), vec2(300.0, 100.0));
        for one in &summaries {
            assert!(
                plot.expand(0.1)
                    .contains(pos2(scale.x(plot, one.start_us), scale.y(plot, one.duration_us as f64)))
            );
        }
        assert!(scale.marks.len() >= 3, "{scale:?}");
        let all = scale.window(plot, plot);
        assert!(summaries.iter().all(|one| all.holds(one)), "{all:?}");
        let half = plot.with_max_x(plot.center().x);
        let earlier = scale.window(plot, half);
        let held = summaries.iter().filter(|one| earlier.holds(one)).count();
        assert!(held > 0 && held < summaries.len(), "{held}");
        assert!(scale.rect(plot, earlier).center().distance(half.center()) < 1.0);
        assert_eq!(Scale::of(&[]).marks[0], 0.0);
    }
}
