//! The list of a service's rules, in the order in which they are tried: the first that fits takes the call.

use crate::kit::theme::size;
use crate::kit::{Tokens, text};
use egui::{
    Align2, FontId, FontSelection, RichText, Sense, Stroke, TextWrapMode, Ui, WidgetInfo, WidgetText,
    WidgetType, pos2, vec2,
};
use mesh::edit::rules::Locked;
use mesh::edit::{self, RuleAt};

/// Which calls a rule takes, and where it stands: what a draft knows its rule by.
#[derive(Clone)]
pub struct Calls {
    /// Where it stands.
    pub at: RuleAt,
    /// "all other calls".
    pub words: String,
    /// Whether it takes every call that no rule before it takes.
    pub takes_all: bool,
}

impl Calls {
    /// Those of a rule.
    pub fn of(rule: &edit::Rule) -> Self {
        Self { at: rule.at.clone(), words: rule.words.clone(), takes_all: rule.takes_all }
    }

    /// The same rule among those there are now. Rules above it may have come or gone, so it is known by its calls; "all
    /// calls" become "all other calls" with the first rule above. The first VirtualService of a service takes the place of
    /// the rule that was not there.
    pub fn position(&self, now: &[edit::Rule]) -> Option<usize> {
        let same_calls = |new: &edit::Rule| new.words == self.words || (new.takes_all && self.takes_all);
        let same_place = |new: &edit::Rule| new.at.at == self.at.at || self.at.at.is_none();
        now.iter().position(|new| same_calls(new) && same_place(new))
    }
}

/// The rule that people mean when they do not say which: the one that takes all other calls, inside the mesh.
pub fn usual<'a>(rules: impl IntoIterator<Item = &'a Calls>) -> Option<usize> {
    rules.into_iter().position(|calls| calls.takes_all)
}

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
        response.widget_info(|| {
            WidgetInfo::selected(
                WidgetType::RadioButton,
                true,
                index == chosen,
                format!("rule {}", row.words),
            )
        });
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
        // The target of a redirect can be long; the condition must stay readable.
        let goes = RichText::new(&row.goes).size(size::SECONDARY).color(tokens.muted);
        let room = (rect.width() * 0.6 - 16.0).max(0.0);
        let goes = WidgetText::from(goes).into_galley(
            ui,
            Some(TextWrapMode::Truncate),
            room,
            FontSelection::Default,
        );
        let left = rect.right() - 8.0 - goes.size().x;
        painter.galley(pos2(left, y - goes.size().y / 2.0), goes, tokens.muted);
        let mut x = rect.left() + 8.0;
        if row.differs {
            painter.circle_filled(pos2(x + 3.0, y), 3.0, tokens.accent);
            x += 12.0;
        }
        let clip = egui::Rect::from_x_y_ranges(x..=(left - 8.0), rect.y_range()).intersect(ui.clip_rect());
        let font = if row.words.contains('=') {
            FontId::monospace(size::SECONDARY)
        } else {
            FontId::proportional(size::SECONDARY)
        };
        painter.with_clip_rect(clip).text(
            pos2(x, y),
            Align2::LEFT_CENTER,
            row.words.trim_start_matches("calls with "),
            font,
            tokens.text,
        );
        if response.on_hover_text(format!("{} {}", row.words, row.goes)).clicked() {
            clicked = Some(index);
        }
    }
    clicked
}

/// Where the calls of a rule go, in short.
pub fn goes(locked: Option<&Locked>, shares: &[(String, u32)]) -> String {
    if let Some(locked) = locked {
        return format!("→ {}", locked.goes);
    }
    let taking: Vec<&str> =
        shares.iter().filter(|(_, weight)| *weight > 0).map(|(name, _)| name.as_str()).collect();
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
        assert_eq!(goes(None, &shares([0, 0])), "→ any version");
        assert_eq!(goes(None, &shares([0, 100])), "→ v2");
        assert_eq!(goes(None, &shares([40, 60])), "→ split");
        let redirects = Locked { goes: "redirect to /new".into(), why: "it redirects" };
        assert_eq!(goes(Some(&redirects), &shares([0, 0])), "→ redirect to /new");
    }
}
