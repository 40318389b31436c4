//! Status marks with a shape beside their colour, pills and badges.

use super::theme::{Tokens, Weight, family, size};
use super::{fmt, text};
use egui::{
    Color32, FontId, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo,
    WidgetType, pos2, vec2,
};

/// How a thing does. Each has a colour and a shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// ○ No traffic.
    #[default]
    Idle,
    /// ● Well.
    Healthy,
    /// ▲ Some of it fails.
    Degraded,
    /// ■ Much of it fails.
    Failing,
}

impl Status {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Failing => "Failing",
        }
    }
    /// Its colour.
    pub fn color(self, tokens: &Tokens) -> Color32 {
        match self {
            Self::Idle => tokens.idle,
            Self::Healthy => tokens.healthy,
            Self::Degraded => tokens.degraded,
            Self::Failing => tokens.failing,
        }
    }
    /// Its shape, as wide as twice the radius.
    pub fn shape(self, center: Pos2, radius: f32, color: Color32) -> Shape {
        match self {
            Self::Idle => {
                Shape::circle_stroke(center, radius * 0.84, Stroke::new((radius * 0.36).max(1.0), color))
            }
            Self::Healthy => Shape::circle_filled(center, radius, color),
            Self::Degraded => {
                let r = radius * 1.18;
                let points =
                    vec![center + vec2(0.0, -r), center + vec2(r, r * 0.78), center + vec2(-r, r * 0.78)];
                Shape::convex_polygon(points, color, Stroke::NONE)
            }
            Self::Failing => Shape::rect_filled(
                Rect::from_center_size(center, vec2(radius, radius) * 1.8),
                radius * 0.3,
                color,
            ),
        }
    }
    /// Paints its shape in its colour.
    pub fn paint(self, painter: &Painter, center: Pos2, radius: f32, tokens: &Tokens) {
        painter.add(self.shape(center, radius, self.color(tokens)));
    }
}

/// The mark alone, 10 points wide; hovering and screen readers say the word.
pub fn dot(ui: &mut Ui, status: Status) -> Response {
    mark(ui, status, status.word())
}

/// The mark alone, with another word than its own: "The server would take it".
pub fn mark(ui: &mut Ui, status: Status, word: &str) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(12.0, 16.0), Sense::hover());
    status.paint(ui.painter(), rect.center(), 4.5, Tokens::of(ui));
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, word));
    response.on_hover_text(word)
}

/// The mark and its word, then a few words why: "▲ Degraded  v3 → ratings answers 503".
pub fn status(ui: &mut Ui, status: Status, why: &str) -> Response {
    said(ui, status, status.word(), why)
}

/// The mark with another word than its own: "○ Not measured".
pub fn said(ui: &mut Ui, status: Status, word: &str, why: &str) -> Response {
    let tokens = Tokens::of(ui);
    let words = egui::FontId::proportional(size::TEXT);
    let words = ui.painter().layout_no_wrap(format!("{word}  {why}"), words, tokens.text);
    super::button::wrap(ui, words.size().x + 30.0);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        mark(ui, status, word);
        let word = text::rich(ui, word, size::TEXT, Weight::Medium).color(status.color(tokens));
        ui.label(word);
        if !why.is_empty() {
            text::muted(ui, why);
        }
    })
    .response
}

fn pill_font(ui: &Ui) -> FontId {
    FontId::new(size::NOTE, family(ui.ctx(), Weight::Medium))
}

/// How wide a [`pill`] is.
pub fn pill_width(ui: &Ui, label: &str) -> f32 {
    text::width(ui, label, &pill_font(ui)) + 14.0
}

/// A few words in a rounded frame: a state, a label, a count.
pub fn pill(ui: &mut Ui, label: &str, color: Color32) -> Response {
    let tokens = Tokens::of(ui);
    let font = pill_font(ui);
    let galley = ui.painter().layout_no_wrap(label.to_owned(), font, color);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(14.0, 5.0), Sense::hover());
    ui.painter().rect(rect, rect.height() / 2.0, tokens.tint(color), Stroke::NONE, StrokeKind::Inside);
    ui.painter().galley(pos2(rect.left() + 7.0, rect.center().y - galley.size().y / 2.0), galley, color);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, label));
    response
}

/// A count on a filled ground, as beside a row of the rail; `what` is said by screen readers ("2 problems").
pub fn count(ui: &mut Ui, number: usize, color: Color32, what: &str) -> Response {
    let tokens = Tokens::of(ui);
    let font = FontId::new(size::NOTE, family(ui.ctx(), Weight::Semibold));
    let galley = ui.painter().layout_no_wrap(fmt::count(number), font, tokens.on(color));
    let (rect, response) =
        ui.allocate_exact_size(vec2((galley.size().x + 10.0).max(18.0), 16.0), Sense::hover());
    ui.painter().rect_filled(rect, 8.0, color);
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, tokens.text);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, what));
    response
}

/// A small square of a version's colour.
pub fn swatch(ui: &mut Ui, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(10.0, 16.0), Sense::hover());
    ui.painter().rect_filled(Rect::from_center_size(rect.center(), vec2(10.0, 10.0)), 2.5, color);
    response
}
