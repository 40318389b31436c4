//! What screen readers are told: words, never the private characters that stand for icons in our icon font.

use egui::accesskit::{Node, Role};
use egui::{Context, FullOutput};

/// Icons of our font.
const PRIVATE: std::ops::RangeInclusive<char> = '\u{E000}'..='\u{F8FF}';

/// Goes over everything that is told, whoever drew it.
pub(super) struct Spoken;

impl egui::Plugin for Spoken {
    fn debug_name(&self) -> &'static str {
        "spoken"
    }

    fn output_hook(&mut self, _ctx: &Context, output: &mut FullOutput) {
        let told = output.platform_output.accesskit_update.iter_mut();
        told.flat_map(|update| &mut update.nodes).for_each(|(_, node)| speak(node));
    }
}

/// Takes icons out of what is said of a node. What is an icon and nothing else is no text.
fn speak(node: &mut Node) {
    if node.role() == Role::TextRun {
        // Places of letters are counted in its bytes: an em space has as many as an icon.
        let spaced = |text: &str| text.replace(|letter| PRIVATE.contains(&letter), "\u{2003}");
        if let Some(value) = node.value().map(spaced) {
            node.set_value(value);
        }
        return;
    }
    let words = |text: &str| {
        let plain: String = text.chars().filter(|letter| !PRIVATE.contains(letter)).collect();
        (plain.len() != text.len()).then(|| plain.trim().to_owned())
    };
    if let Some(label) = node.label().and_then(words) {
        if label.is_empty() {
            node.clear_label();
        } else {
            node.set_label(label);
        }
    }
    if let Some(value) = node.value().and_then(words) {
        if value.is_empty() {
            node.clear_value();
            // egui's labels carry their text as their value.
            if node.role() == Role::Label {
                node.set_hidden();
            }
        } else {
            node.set_value(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::ThemeChoice;
    use crate::kit::{icon, theme};

    #[test]
    fn icons_are_not_spoken() {
        let ctx = Context::default();
        ctx.enable_accesskit();
        theme::apply(&ctx, ThemeChoice::Dark);
        let output = ctx.run_ui(egui::RawInput::default(), |ui| {
            ui.label(icon::WARNING);
            ui.label(format!("{}  Two words", icon::WARNING));
            drop(ui.button(format!("Service  {}", icon::CARET_DOWN)));
        });
        let told = output.platform_output.accesskit_update.clone().unwrap();
        output.drop_without_applying_deltas();
        let said: Vec<String> = told
            .nodes
            .iter()
            .filter(|(_, node)| !node.is_hidden() && node.role() != Role::TextRun)
            .filter_map(|(_, node)| node.label().or(node.value()).map(str::to_owned))
            .collect();
        assert!(said.contains(&"Two words".to_owned()) && said.contains(&"Service".to_owned()), "{said:?}");
        assert!(!said.iter().any(|text| text.chars().any(|letter| PRIVATE.contains(&letter))), "{said:?}");
    }
}
