//! One row of the waterfall: the span's name at its depth, and its bar in time.

use super::scatter::round_step;
use crate::kit::theme::{size, space};
use crate::kit::{Status, Tokens, fmt, icon, text};
use egui::{Align, Align2, Color32, FontId, Layout, Rect, Sense, Ui, pos2, vec2};
use mesh::trace::{Mark, Row, Segment, SpanRef, marks, trouble};

/// Height of a row.
pub(super) const HEIGHT: f32 = 24.0;
/// Points to the right for each level.
const INDENT: f32 = 12.0;
/// From this depth on rows are no longer moved to the right.
const DEEPEST: usize = 14;

/// What part of the trace's time is in sight, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sight {
    pub(super) from_us: f64,
    pub(super) to_us: f64,
}

impl Sight {
    /// Where a moment lies on a timeline, perhaps outside of it.
    pub(super) fn x(self, area: Rect, at_us: u64) -> f32 {
        let share = (at_us as f64 - self.from_us) / (self.to_us - self.from_us).max(1e-6);
        area.left() + area.width() * share as f32
    }
}

/// A row to draw.
pub(super) struct Bar<'a> {
    pub(super) span: SpanRef<'a>,
    pub(super) row: &'a Row,
    /// Whether it has rows below, and whether they are folded away.
    pub(super) folds: Option<bool>,
    /// How many rows are below it.
    pub(super) below: usize,
    /// Stretches of the critical path.
    pub(super) critical: &'a [Segment],
    pub(super) chosen: bool,
    pub(super) found: bool,
}

/// The colour of the service with this place in the trace.
pub(super) fn color(tokens: &Tokens, service: usize) -> Color32 {
    tokens.versions[service % tokens.versions.len()]
}

/// What befell a span: what went wrong, and what the mesh did that is no failure.
fn befell(span: SpanRef<'_>) -> Option<String> {
    let wrong = trouble(span).map(|trouble| trouble.words);
    let quiet = marks(span).into_iter().filter_map(|mark| match mark {
        Mark::Retry(count) => Some(format!("retry {count}")),
        Mark::Mirror => Some("mirrored, nobody gets its answer".to_owned()),
        _ => None,
    });
    let words: Vec<String> = wrong.into_iter().chain(quiet).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

impl Bar<'_> {
    /// A span in words: "span ratings ratings:9080/* 9.0 ms, 503, abort injected".
    pub(super) fn in_words(&self) -> String {
        let trouble = befell(self.span).map(|words| format!(", {words}")).unwrap_or_default();
        let folded = match self.folds {
            Some(true) => format!(", {} folded away", fmt::count(self.below)),
            _ => String::new(),
        };
        let took = fmt::ms(self.span.duration_us() as f64 / 1000.0);
        let words = format!(
            "span {} {} {took}{trouble}{folded}",
            self.span.short_service(),
            self.span.short_operation()
        );
        words.replace(fmt::THIN, " ")
    }

    /// Where the caret stands that folds its children away.
    pub(super) fn caret(&self, names: Rect) -> Rect {
        let left = names.left() + 4.0 + INDENT * self.row.depth.min(DEEPEST) as f32;
        Rect::from_min_size(pos2(left, names.top()), vec2(16.0, names.height()))
    }

    /// Draws it: names left, time right.
    pub(super) fn paint(&self, ui: &Ui, rect: Rect, names: Rect, times: Rect, sight: Sight, hovered: bool) {
        let tokens = Tokens::of(ui);
        if self.chosen {
            ui.painter().rect_filled(rect, 4.0, tokens.selection());
        } else if hovered {
            ui.painter().rect_filled(rect, 4.0, tokens.raised);
        }
        self.paint_name(ui, names, tokens);
        self.paint_bar(ui, times, sight, tokens);
    }

    fn paint_name(&self, ui: &Ui, names: Rect, tokens: &Tokens) {
        let painter = ui.painter_at(names);
        let caret = self.caret(names);
        if let Some(folded) = self.folds {
            let symbol = if folded { icon::CARET_RIGHT } else { icon::CARET_DOWN };
            painter.text(
                caret.center(),
                Align2::CENTER_CENTER,
                symbol,
                FontId::proportional(size::SECONDARY),
                tokens.muted,
            );
        }
        let mark = Rect::from_center_size(pos2(caret.right() + 4.0, names.center().y), vec2(3.0, 14.0));
        painter.rect_filled(mark, 1.5, color(tokens, self.row.service));
        let mut left = mark.right() + 7.0;
        if self.span.error() {
            Status::Failing.paint(&painter, pos2(left + 4.0, names.center().y), 4.0, tokens);
            left += 14.0;
        }
        let (font, note) = (FontId::proportional(size::SECONDARY), FontId::proportional(size::NOTE));
        let version = self.span.tag(&[mesh::trace::REVISION]).filter(|version| *version != "latest");
        let called = self.span.short_operation();
        let (right, y) = ((names.right() - 6.0).max(left + 10.0), names.center().y);
        let strong = if self.found { tokens.accent } else { tokens.text };
        // Who it is keeps half of the room, whatever it calls.
        let room = text::beside(ui, &called, &note, right - left - 7.0);
        let mut end = text::name(ui, self.span.short_service(), font, strong, [left, left + room, y]);
        if let Some(version) = version {
            end = text::name(ui, version, note.clone(), tokens.version(version), [end + 5.0, right, y]);
        }
        text::name(ui, &called, note, tokens.muted, [end + 7.0, right, y]);
    }

    fn paint_bar(&self, ui: &Ui, times: Rect, sight: Sight, tokens: &Tokens) {
        let painter = ui.painter_at(times);
        let (from, to) = (sight.x(times, self.span.start_us()), sight.x(times, self.span.end_us()));
        let to = to.max(from + 2.0);
        if to < times.left() || from > times.right() {
            let (at, align, symbol) = if from > times.right() {
                (times.right_center(), Align2::RIGHT_CENTER, icon::CARET_RIGHT)
            } else {
                (times.left_center(), Align2::LEFT_CENTER, icon::CARET_LEFT)
            };
            painter.text(at, align, symbol, FontId::proportional(size::NOTE), tokens.faint);
            return;
        }
        let middle = times.center().y;
        let bar = Rect::from_min_max(pos2(from, middle - 6.0), pos2(to, middle + 6.0));
        let own = color(tokens, self.row.service);
        painter.rect_filled(bar, 3.0, own.gamma_multiply(0.75));
        if self.span.error() {
            painter.rect(
                bar,
                3.0,
                Color32::TRANSPARENT,
                egui::Stroke::new(1.5, tokens.failing),
                egui::StrokeKind::Outside,
            );
        }
        for Segment { from_us, to_us, .. } in self.critical {
            let piece = [sight.x(times, *from_us).max(from), sight.x(times, *to_us).max(from + 1.0).min(to)];
            let line = Rect::from_min_max(pos2(piece[0], middle + 6.5), pos2(piece[1], middle + 9.0));
            painter.rect_filled(line, 0.0, tokens.text);
        }
        let mut said = fmt::ms(self.span.duration_us() as f64 / 1000.0);
        if let Some(words) = befell(self.span) {
            said = format!("{said}  {words}");
        }
        let color = if self.span.error() { tokens.failing } else { tokens.muted };
        let galley = painter.layout_no_wrap(said, FontId::proportional(size::NOTE), color);
        let y = middle - galley.size().y / 2.0;
        // Beside the bar where there is room, else before it, else inside.
        let (width, gap) = (galley.size().x, 6.0);
        let (x, color) = if to + gap + width < times.right() {
            (to + gap, color)
        } else if from - gap - width > times.left() {
            (from - gap - width, color)
        } else {
            (from.max(times.left()) + gap, tokens.on(own))
        };
        painter.galley_with_override_text_color(pos2(x, y), galley, color);
    }
}

/// The scale above the bars.
pub(super) fn axis_ui(ui: &mut Ui, name_width: f32, sight: Sight, start_us: f64) {
    let tokens = Tokens::of(ui);
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), 20.0),
        Layout::left_to_right(Align::Center),
        |ui| {
            let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
            let times = Rect::from_min_max(
                pos2(rect.left() + name_width + space::S, rect.top()),
                rect.max - vec2(space::M, 0.0),
            );
            let font = FontId::proportional(size::NOTE);
            // Round times, about 110 points apart; the last one may not reach the edge.
            let (from, to) = (sight.from_us - start_us, sight.to_us - start_us);
            let step = round_step((to - from) * 110.0 / f64::from(times.width().max(1.0)));
            let mut mark = (from / step).ceil() * step;
            while mark <= to {
                let x = times.left() + times.width() * ((mark - from) / (to - from).max(1e-9)) as f32;
                let text = if mark == 0.0 { "0".to_owned() } else { fmt::ms(mark / 1000.0) };
                if x + 40.0 < times.right() {
                    ui.painter().text(
                        pos2(x + 4.0, times.center().y),
                        Align2::LEFT_CENTER,
                        text,
                        font.clone(),
                        tokens.muted,
                    );
                }
                ui.painter().vline(x, times.y_range(), tokens.hairline());
                mark += step;
            }
            ui.painter().hline(rect.x_range(), rect.bottom(), tokens.hairline());
        },
    );
}
