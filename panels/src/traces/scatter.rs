//! Found traces by time and duration: outliers are seen at once, one click opens them.

use super::list::{began, in_words};
use crate::kit::theme::size;
use crate::kit::{Status, Tokens, fmt, tooltip};
use egui::{Align2, CursorIcon, FontId, Rect, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use jiff::Timestamp;
use mesh::trace::{Stats, Summary};

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

/// Draws the plot; returns the trace that was clicked.
pub(super) fn ui(
    ui: &mut Ui,
    summaries: &[Summary],
    stats: Stats,
    now: Timestamp,
    chosen: Option<usize>,
) -> Option<usize> {
    let tokens = Tokens::of(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height(ui.available_height())), Sense::click());
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
    near.filter(|_| clicked)
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
        assert_eq!(Scale::of(&[]).marks[0], 0.0);
    }
}
