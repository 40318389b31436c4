//! The rules of a service, in the order in which they are tried: the first that fits takes the call.

use super::edits::Scoped;
use crate::kit::theme::size;
use crate::kit::{Tokens, text};
use crate::subject::Subject;
use egui::{Align2, FontId, Sense, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::plan::{HttpRule, Level, PolicyOf, own_rule};
use mesh::{Mesh, edit};
use serde_json::Value;

/// A rule as something to edit.
pub fn scoped<E>(rule: &edit::Rule, now: E, present: bool) -> Scoped<HttpRule, E> {
    let (at, service) = (rule.at.virtual_service.as_ref(), &rule.at.service.name);
    Scoped {
        at: rule.at.clone(),
        words: rule.words.clone(),
        object: at.map_or_else(|| service.to_string(), |at| format!("{} {}", at.kind, at.name)),
        now,
        present,
        usual: rule.usual,
        locked: rule.locked.as_ref().map(|locked| (format!("→ {}", locked.goes), locked.why.clone())),
    }
}

/// Every rule of a service that sends calls somewhere, with what an editor reads of it.
pub fn http_rules<E: Default + PartialEq>(
    mesh: &Mesh,
    subject: &Subject<'_>,
    read: impl Fn(&edit::Rule) -> E,
) -> Vec<Scoped<HttpRule, E>> {
    let Some(service) = subject.service else { return Vec::new() };
    // Where no rule could act, that is said in the place of one.
    let editable = |rule: &edit::Rule| rule.locked.is_none() || rule.at.virtual_service.is_none();
    let rules = edit::rules(mesh, service).into_iter().filter(editable);
    let of = |rule: edit::Rule| {
        let now = read(&rule);
        let present = now != E::default();
        scoped(&rule, now, present)
    };
    rules.map(of).collect()
}

/// The traffic policies of a service, its subsets and its ports, with what an editor reads of each.
pub fn policies<E: Default + PartialEq>(
    mesh: &Mesh,
    subject: &Subject<'_>,
    read: impl Fn(Option<&Value>) -> E,
) -> Vec<Scoped<PolicyOf, E>> {
    let Some(service) = subject.service else { return Vec::new() };
    let object = own_rule(mesh, service).map(|at| format!("{} {}", at.kind, at.name));
    let of = |at: PolicyOf| {
        let now = read(at.now(mesh));
        let (present, usual) = (now != E::default(), at.level == Level::Service);
        let object = object.clone().unwrap_or_else(|| service.name.to_string());
        Scoped { words: at.words(), object, now, present, usual, locked: None, at }
    };
    PolicyOf::all(service).into_iter().map(of).collect()
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
        let small = FontId::proportional(size::SECONDARY);
        let goes = text::middle(ui, &row.goes, &small, (rect.width() * 0.6 - 16.0).max(0.0));
        let right = pos2(rect.right() - 8.0, y);
        let left = painter.text(right, Align2::RIGHT_CENTER, goes, small.clone(), tokens.muted).left();
        let mut x = rect.left() + 8.0;
        if row.differs {
            painter.circle_filled(pos2(x + 3.0, y), 3.0, tokens.accent);
            x += 12.0;
        }
        let code = row.words.contains('=');
        let font = if code { FontId::monospace(size::SECONDARY) } else { small };
        let words = row.words.trim_start_matches("calls with ");
        text::name(ui, words, font, tokens.text, [x, left - 8.0, y]);
        if response.on_hover_text(format!("{} {}", row.words, row.goes)).clicked() {
            clicked = Some(index);
        }
    }
    clicked
}

/// Where the calls of a rule go, in short.
pub fn goes(shares: &[(String, u32)]) -> String {
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
        assert_eq!(goes(&shares([0, 0])), "→ any version");
        assert_eq!(goes(&shares([0, 100])), "→ v2");
        assert_eq!(goes(&shares([40, 60])), "→ split");
    }
}
