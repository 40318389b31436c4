//! The list of a service's rules, in the order in which they are tried: the first that fits takes the call.

use crate::kit::theme::size;
use crate::kit::{Tokens, text};
use egui::{Align2, FontId, Sense, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2};

/// One rule as a row.
pub struct RuleRow {
    /// "all other calls".
    pub words: String,
    /// "→ v2", "→ split".
    pub goes: String,
    /// Whether the draft differs here.
    pub differs: bool,
}

/// Draws the list; returns the row that was clicked.
pub fn list(ui: &mut Ui, rows: &[RuleRow], chosen: usize) -> Option<usize> {
    let tokens = Tokens::of(ui);
    let mut clicked = None;
    ui.add_space(6.0);
    ui.horizontal(|ui| {
        text::strong(ui, "Rules");
        text::muted(ui, "first match wins");
    });
    ui.spacing_mut().item_spacing.y = 0.0;
    for (index, row) in rows.iter().enumerate() {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 27.0), Sense::click());
        response
            .widget_info(|| WidgetInfo::selected(WidgetType::RadioButton, true, index == chosen, format!("rule {}", row.words)));
        let painter = ui.painter();
        painter.hline(rect.x_range(), rect.top() + 0.5, tokens.hairline());
        let body = rect.shrink2(vec2(0.0, 2.0));
        if index == chosen {
            painter.rect_filled(body, 4.0, tokens.selection());
        } else if response.hovered() || response.has_focus() {
            painter.rect_filled(body, 4.0, tokens.raised);
        }
        if response.has_focus() {
            painter.rect_stroke(body, 4.0, Stroke::new(1.0, tokens.accent), egui::StrokeKind::Inside);
        }
        let y = rect.center().y;
        let goes = painter.text(
            pos2(rect.right() - 8.0, y),
            Align2::RIGHT_CENTER,
            &row.goes,
            FontId::proportional(size::SECONDARY),
            tokens.muted,
        );
        let mut x = rect.left() + 8.0;
        if row.differs {
            painter.circle_filled(pos2(x + 3.0, y), 3.0, tokens.accent);
            x += 12.0;
        }
        let clip = egui::Rect::from_x_y_ranges(x..=(goes.left() - 8.0), rect.y_range()).intersect(ui.clip_rect());
        let font =
            if row.words.contains('=') { FontId::monospace(size::SECONDARY) } else { FontId::proportional(size::SECONDARY) };
        painter.with_clip_rect(clip).text(
            pos2(x, y),
            Align2::LEFT_CENTER,
            row.words.trim_start_matches("calls with "),
            font,
            tokens.text,
        );
        if response.on_hover_text(&row.words).clicked() {
            clicked = Some(index);
        }
    }
    clicked
}

/// Where the calls of a rule go, in short.
pub fn goes(shares: &[(String, u32)]) -> String {
    let taking: Vec<&str> = shares.iter().filter(|(_, weight)| *weight > 0).map(|(name, _)| name.as_str()).collect();
    match taking[..] {
        [] => "→ any version".to_owned(),
        [one] => format!("→ {one}"),
        _ => "→ split".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_say_where_they_go() {
        let shares = |weights: [u32; 2]| [("v1".to_owned(), weights[0]), ("v2".to_owned(), weights[1])];
        assert_eq!(goes(&shares([0, 0])), "→ any version");
        assert_eq!(goes(&shares([0, 100])), "→ v2");
        assert_eq!(goes(&shares([40, 60])), "→ split");
    }
}
