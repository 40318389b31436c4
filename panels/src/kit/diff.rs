//! Before and after, as a unified diff: what changes, with its surroundings and line numbers.

use super::text::visible;
use super::theme::{Tokens, size};
use egui::cache::{ComputerMut, FrameCache};
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Frame, Margin, Rect, ScrollArea, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use similar::{ChangeTag, TextDiff};
use std::sync::Arc;

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What happened to it.
    pub tag: Tag,
    /// Line number before.
    pub before: Option<usize>,
    /// Line number after.
    pub after: Option<usize>,
    /// Parts of the text; true marks what changed inside the line.
    pub parts: Vec<(bool, String)>,
}

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// It stays.
    Same,
    /// It goes.
    Removed,
    /// It comes.
    Added,
    /// Lines are left out here.
    Gap,
}

/// The lines of a unified diff with so many lines of surroundings.
pub fn lines(before: &str, after: &str, around: usize) -> Vec<Line> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(around).iter().enumerate() {
        if index > 0 {
            lines.push(Line { tag: Tag::Gap, before: None, after: None, parts: Vec::new() });
        }
        for op in group {
            for change in diff.iter_inline_changes(op) {
                let tag = match change.tag() {
                    ChangeTag::Equal => Tag::Same,
                    ChangeTag::Delete => Tag::Removed,
                    ChangeTag::Insert => Tag::Added,
                };
                let parts = change
                    .iter_strings_lossy()
                    .map(|(changed, text)| {
                        (changed, visible(text.trim_end_matches(['\n', '\r'])).into_owned())
                    })
                    .filter(|(_, text)| !text.is_empty())
                    .collect();
                let number = |index: Option<usize>| index.map(|index| index + 1);
                lines.push(Line {
                    tag,
                    before: number(change.old_index()),
                    after: number(change.new_index()),
                    parts,
                });
            }
        }
    }
    lines
}

/// Diffs that are shown are made once, and not again in every frame.
type Differs = FrameCache<Arc<Vec<Line>>, Differ>;

#[derive(Default)]
struct Differ;

impl ComputerMut<(&str, &str), Arc<Vec<Line>>> for Differ {
    fn compute(&mut self, (before, after): (&str, &str)) -> Arc<Vec<Line>> {
        Arc::new(lines(before, after, 3))
    }
}

/// Draws a diff. `name` is what screen readers say ("Diff of VirtualService reviews").
pub fn diff(ui: &mut Ui, name: &str, before: &str, after: &str) {
    let tokens = Tokens::of(ui);
    let lines = ui.memory_mut(|memory| memory.caches.cache::<Differs>().get((before, after)).clone());
    let font = FontId::monospace(size::SECONDARY);
    let frame = Frame::new()
        .fill(tokens.canvas)
        .stroke(tokens.hairline())
        .corner_radius(6)
        .inner_margin(Margin::symmetric(0, 6));
    let response = frame.show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        if lines.is_empty() {
            ui.horizontal(|ui| {
                ui.add_space(12.0);
                super::text::muted(ui, "No difference");
            });
            return;
        }
        let row = 18.0;
        let height = (lines.len() as f32 * row).min(360.0);
        ui.spacing_mut().item_spacing.y = 0.0;
        let scroll = ScrollArea::both().id_salt(name).max_height(height).auto_shrink([false, true]);
        scroll.show_rows(ui, row, lines.len(), |ui, range| {
            for line in lines.get(range).unwrap_or_default() {
                draw_line(ui, tokens, &font, line, row);
            }
        });
    });
    let said = spoken(&lines);
    response.response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("{name}: {said}")));
}

fn draw_line(ui: &mut Ui, tokens: &Tokens, font: &FontId, line: &Line, height: f32) {
    let (sign, color) = match line.tag {
        Tag::Same => (" ", tokens.muted),
        Tag::Removed => ("−", tokens.failing),
        Tag::Added => ("+", tokens.healthy),
        Tag::Gap => ("⋯", tokens.faint),
    };
    let mut job = LayoutJob::default();
    for (changed, text) in &line.parts {
        let strong = *changed && line.tag != Tag::Same;
        let format = TextFormat {
            font_id: font.clone(),
            color: if line.tag == Tag::Same { tokens.muted } else { tokens.text },
            background: if strong { color.gamma_multiply(0.30) } else { Color32::TRANSPARENT },
            ..TextFormat::default()
        };
        job.append(text, 0.0, format);
    }
    let galley = ui.painter().layout_job(job);
    let gutter = 86.0;
    let width = (gutter + galley.size().x + 12.0).max(ui.available_width());
    let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    let painter = ui.painter();
    if matches!(line.tag, Tag::Removed | Tag::Added) {
        painter.rect_filled(rect, 0.0, tokens.tint(color).gamma_multiply(0.6));
    }
    let number = |at: f32, number: Option<usize>| {
        if let Some(number) = number {
            let galley =
                painter.layout_no_wrap(number.to_string(), FontId::monospace(size::NOTE), tokens.faint);
            painter.galley(
                pos2(at - galley.size().x, rect.center().y - galley.size().y / 2.0),
                galley,
                tokens.faint,
            );
        }
    };
    number(rect.left() + 32.0, line.before);
    number(rect.left() + 64.0, line.after);
    let sign = painter.layout_no_wrap(sign.to_owned(), font.clone(), color);
    painter.galley(pos2(rect.left() + 72.0, rect.center().y - sign.size().y / 2.0), sign, color);
    let text = Rect::from_min_size(
        pos2(rect.left() + gutter, rect.center().y - galley.size().y / 2.0),
        galley.size(),
    );
    painter.galley(text.min, galley, tokens.text);
}

fn spoken(lines: &[Line]) -> String {
    let text =
        |line: &Line| line.parts.iter().map(|(_, text)| text.as_str()).collect::<String>().trim().to_owned();
    let said: Vec<String> = lines
        .iter()
        .filter_map(|line| match line.tag {
            Tag::Removed => Some(format!("removed {}", text(line))),
            Tag::Added => Some(format!("added {}", text(line))),
            Tag::Same | Tag::Gap => None,
        })
        .collect();
    if said.is_empty() { "no difference".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_changes_with_its_surroundings() {
        let before = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\nweight: 10\ng: 7\n";
        let after = before.replace("weight: 10", "weight: 25");
        let lines = lines(before, &after, 1);
        let tags: Vec<Tag> = lines.iter().map(|line| line.tag).collect();
        assert_eq!(tags, [Tag::Same, Tag::Removed, Tag::Added, Tag::Same]);
        assert_eq!((lines[1].before, lines[1].after), (Some(7), None));
        assert_eq!((lines[2].before, lines[2].after), (None, Some(7)));
        assert_eq!(spoken(&lines), "removed weight: 10, added weight: 25");
    }

    #[test]
    fn signs_that_turn_text_around_are_seen() {
        let lines = lines("a: user\n", "a: \u{202e}resu\n", 1);
        assert!(spoken(&lines).ends_with("added a: ‹U+202E›resu"), "{}", spoken(&lines));
    }

    #[test]
    fn nothing_changed() {
        assert!(lines("a\n", "a\n", 3).is_empty());
    }
}
