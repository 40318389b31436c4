//! Text in the sizes and weights of the design: one function per role.

use super::theme::{Tokens, Weight, family, size};
use egui::text::{LayoutJob, TextWrapping};
use egui::{Color32, FontId, Response, RichText, Ui, pos2};
use std::borrow::Cow;

/// Text in a weight and size; for buttons and other places that take text.
pub fn rich(ui: &Ui, text: impl Into<String>, size: f32, weight: Weight) -> RichText {
    RichText::new(text).font(FontId::new(size, family(ui.ctx(), weight)))
}

/// The title of a panel or of the selected thing.
pub fn title(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = rich(ui, text, size::TITLE, Weight::Semibold).color(Tokens::of(ui).text);
    ui.label(text)
}

/// Emphasised text: the name of a thing, the head of a section.
pub fn strong(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = rich(ui, text, size::TEXT, Weight::Semibold).color(Tokens::of(ui).text);
    ui.label(text)
}

/// Text of medium weight.
pub fn medium(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = rich(ui, text, size::TEXT, Weight::Medium).color(Tokens::of(ui).text);
    ui.label(text)
}

/// Secondary text.
pub fn muted(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = RichText::new(text).size(size::SECONDARY).color(Tokens::of(ui).muted);
    ui.label(text)
}

/// A note: the smallest text.
pub fn note(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = RichText::new(text).size(size::NOTE).color(Tokens::of(ui).muted);
    ui.label(text)
}

/// A figure.
pub fn figure(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = rich(ui, text, size::FIGURE, Weight::Semibold).color(Tokens::of(ui).text);
    ui.label(text)
}

/// Names of fields, YAML, code.
pub fn mono(ui: &mut Ui, text: impl Into<String>) -> Response {
    let text = RichText::new(text).monospace().color(Tokens::of(ui).text);
    ui.label(text)
}

/// How wide a text is on one line.
pub fn width(ui: &Ui, text: &str, font: &FontId) -> f32 {
    ui.painter().layout_no_wrap(text.to_owned(), font.clone(), Color32::WHITE).size().x
}

/// A name as far as there is room for it, cut in its middle: names differ at their ends.
pub fn middle(ui: &Ui, name: &str, font: &FontId, room: f32) -> String {
    shortened(name, |text| width(ui, text, font) <= room)
}

/// The longest of a name's short forms that fits: "productpage-…-canary". Never less than a letter at each
/// end.
pub fn shortened(name: &str, fits: impl Fn(&str) -> bool) -> String {
    if fits(name) {
        return name.to_owned();
    }
    let letters: Vec<char> = name.chars().collect();
    let form = |kept: usize| -> String {
        let (head, tail) = (kept.div_ceil(2), kept / 2);
        letters[..head].iter().chain(&['…']).chain(&letters[letters.len() - tail..]).collect()
    };
    let (mut low, mut high) = (2.min(letters.len()), letters.len().saturating_sub(1));
    while low < high {
        let kept = (low + high).div_ceil(2);
        if fits(&form(kept)) { low = kept } else { high = kept - 1 }
    }
    form(low)
}

/// Text in which signs that change the order of others are written out: what is read is what is there.
pub fn visible(text: &str) -> Cow<'_, str> {
    let turns = |sign: char| {
        let marks = matches!(sign, '\u{61c}' | '\u{200e}' | '\u{200f}');
        marks || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(turns) {
        return Cow::Borrowed(text);
    }
    let told = |sign: char| match turns(sign) {
        true => format!("‹U+{:04X}›", u32::from(sign)),
        false => sign.to_string(),
    };
    Cow::Owned(text.chars().map(told).collect())
}

/// Text in the middle of a row, cut with an ellipsis where it must end; returns where it ends.
pub fn cut(ui: &Ui, text: &str, font: FontId, color: Color32, [left, right, y]: [f32; 3]) -> f32 {
    if text.is_empty() || right - left < 12.0 {
        return left;
    }
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = TextWrapping::truncate_at_width(right - left);
    let galley = ui.painter().layout_job(job);
    let end = left + galley.size().x;
    ui.painter().galley(pos2(left, y - galley.size().y / 2.0), galley, color);
    end
}

/// A name in the middle of a row, cut in its own middle where it must be; returns where it ends.
pub fn name(ui: &Ui, text: &str, font: FontId, color: Color32, [left, right, y]: [f32; 3]) -> f32 {
    let shown = middle(ui, text, &font, right - left);
    let right = right.max(left + width(ui, &shown, &font));
    cut(ui, &shown, font, color, [left, right, y])
}

/// Part of a room for a name where something else follows it: all that the other does not need, and never
/// less than half.
pub fn beside(ui: &Ui, other: &str, font: &FontId, room: f32) -> f32 {
    if other.is_empty() { room } else { (room - width(ui, other, font)).max(room * 0.5) }
}

#[cfg(test)]
mod tests {
    use super::{shortened, visible};

    #[test]
    fn signs_that_turn_text_around_are_written_out() {
        assert_eq!(visible("a\u{202e}nimda: yes"), "a‹U+202E›nimda: yes");
        assert_eq!(visible("\u{2066}x\u{2069}\u{200f}"), "‹U+2066›x‹U+2069›‹U+200F›");
        assert_eq!(visible("שלום 评价"), "שלום 评价");
    }

    #[test]
    fn names_keep_both_ends() {
        let short = |name: &str, most: usize| shortened(name, |text| text.chars().count() <= most);
        assert_eq!(short("reviews", 7), "reviews");
        assert_eq!(short("a-very-long-name-of-a-service-v1", 11), "a-ver…ce-v1");
        assert_ne!(short("a-very-long-name-v1", 9), short("a-very-long-name-v2", 9));
        assert_eq!(short("ab", 1), "a…b");
        assert_eq!(short("", 0), "");
        assert_eq!(short("日本語サービス", 5), "日本…ビス");
    }
}
