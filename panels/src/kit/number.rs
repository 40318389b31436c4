//! A number in a field: dragged, typed, stepped by arrow keys. What cannot be taken is said while it is typed,
//! with the way out, and stays in the field until it is corrected: nothing else takes its place. Esc leaves the
//! number as it was. Whoever draws a draft's fields asks [`drawn`] which of them hold what was refused: what the
//! user sees there is not what the draft says.

use super::theme::Tokens;
use egui::{
    Context, DragValue, Id, IdMap, Key, RectAlign, Response, RichText, Stroke, StrokeKind, Tooltip, Ui, Vec2,
};
use std::cell::RefCell;
use std::ops::RangeInclusive;

/// How a number is shown and read.
pub struct Number<'a> {
    /// What screen readers call it.
    pub name: &'a str,
    /// What it may be.
    pub range: RangeInclusive<f64>,
    /// How much a point of dragging moves it.
    pub speed: f64,
    /// Size of the field.
    pub size: Vec2,
    /// Stands before it.
    pub prefix: &'a str,
    /// Stands behind it.
    pub suffix: &'a str,
    /// The number as people write it.
    pub show: &'a dyn Fn(f64) -> String,
    /// The number that people wrote.
    pub read: &'a dyn Fn(&str) -> Option<f64>,
    /// How to write one that can be read: "write 2s, 250ms or 1m30s".
    pub way: &'a str,
}

impl Number<'_> {
    /// Draws it.
    pub fn ui(&self, ui: &mut Ui, value: &mut f64) -> Response {
        let before = *value;
        let id = ui.next_auto_id().with(self.name);
        let kept = of(ui.ctx(), |all| all.kept.get(&id).filter(|kept| kept.draft == all.draft).cloned());
        let kept = kept.filter(|kept| kept.beside == before && ui.is_enabled());
        let typed: RefCell<Option<Typed>> = RefCell::new(None);
        let read = |text: &str| {
            let said = match (self.read)(bare(text, self.prefix, self.suffix)) {
                Some(number) if self.range.contains(&number) => Ok(number),
                Some(number) if number < *self.range.start() => {
                    Err(format!("At least {}", (self.show)(*self.range.start())))
                }
                Some(_) => Err(format!("At most {}", (self.show)(*self.range.end()))),
                None => Err(format!("“{}” cannot be read: {}", text.trim(), self.way)),
            };
            *typed.borrow_mut() = Some((text.to_owned(), said.as_ref().err().cloned()));
            said.ok()
        };
        let shown = |value: f64| match &kept {
            Some(kept) if kept.beside == value => kept.text.clone(),
            _ => (self.show)(value),
        };
        let field = DragValue::new(value)
            .range(self.range.clone())
            .speed(self.speed)
            .custom_formatter(|value, _| shown(value))
            .custom_parser(read)
            .prefix(self.prefix)
            .suffix(self.suffix);
        let response = ui.add_sized(self.size, field);
        // The value is said by the field itself; only the name is added.
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(self.name));
        let was = response.id.with("was");
        if response.gained_focus() {
            ui.data_mut(|data| data.insert_temp(was, before));
        }
        let escaped = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape));
        let mut kept = match typed.into_inner() {
            _ if escaped => None,
            Some((text, refused)) => refused.map(|words| Kept { text, words, beside: *value, draft: None }),
            None => kept.filter(|kept| kept.beside == *value),
        };
        // What was typed on the way to what is refused is not meant either.
        if response.lost_focus()
            && (escaped || kept.is_some())
            && let Some(was) = ui.data_mut(|data| data.remove_temp::<f64>(was))
        {
            *value = was;
            kept.iter_mut().for_each(|kept| kept.beside = was);
        }
        let focused = ui.memory(|memory| memory.has_focus(response.id));
        if let Some(kept) = &kept {
            refusal(ui, &response, &kept.words, focused);
        }
        of(ui.ctx(), |all| match kept {
            Some(kept) => {
                let words = format!("{}: {}", self.name, kept.words);
                all.drawn.get_or_insert(Refused { words, typing: focused });
                all.kept.insert(id, Kept { draft: all.draft, ..kept });
            }
            None => drop(all.kept.remove(&id)),
        });
        response
    }
}

/// What was typed, without the words that stand beside the number anyway.
fn bare<'t>(text: &'t str, prefix: &str, suffix: &str) -> &'t str {
    let text = text.trim();
    let text = text.strip_prefix(prefix.trim()).unwrap_or(text);
    text.strip_suffix(suffix.trim()).unwrap_or(text).trim()
}

/// What was typed, and why it is refused.
type Typed = (String, Option<String>);

/// What was typed and refused.
#[derive(Clone)]
struct Kept {
    text: String,
    words: String,
    /// The number that holds meanwhile: when it moves, by whatever hand, the text is gone.
    beside: f64,
    /// The draft whose number it is.
    draft: Option<Id>,
}

/// All that was typed and refused.
#[derive(Clone, Default)]
struct All {
    kept: IdMap<Kept>,
    /// The draft whose fields are being drawn.
    draft: Option<Id>,
    /// The first refusal among them.
    drawn: Option<Refused>,
}

fn of<T>(ctx: &Context, what: impl FnOnce(&mut All) -> T) -> T {
    ctx.data_mut(|data| what(data.get_temp_mut_or_default(Id::new("refused numbers"))))
}

/// A field of a draft that holds what was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// "abort status: At least 200".
    pub words: String,
    /// Whether it is being typed in.
    pub typing: bool,
}

/// Draws the fields of a draft. Returns the first refusal among its numbers. What was refused in another draft is
/// not shown in this one, though it may have the same fields.
pub fn drawn<T>(ui: &mut Ui, draft: Id, draw: impl FnOnce(&mut Ui) -> T) -> (T, Option<Refused>) {
    of(ui.ctx(), |all| (all.draft, all.drawn) = (Some(draft), None));
    let done = draw(ui);
    (done, of(ui.ctx(), |all| (all.draft.take(), all.drawn.take()).1))
}
/// "5", "5 %", "5,5"; a comma before three digits might separate thousands, and is not guessed at.
pub fn plain(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches('%').trim();
    let number = match text.split_once(',') {
        Some((_, rest)) if rest.len() == 3 => None,
        Some((whole, rest)) => format!("{whole}.{rest}").parse().ok(),
        None => text.parse().ok(),
    };
    number.filter(|number: &f64| number.is_finite())
}

/// The same without a fraction.
pub fn whole(text: &str) -> Option<f64> {
    plain(text).filter(|number| number.fract() == 0.0)
}

/// Said beside the field, above everything: nothing moves while one types. Afterwards it waits for the pointer,
/// and does not lie on what is pressed next.
fn refusal(ui: &Ui, field: &egui::Response, refused: &str, open: bool) {
    let color = Tokens::of(ui).degraded;
    ui.painter().rect_stroke(field.rect, 4.0, Stroke::new(1.0, color), StrokeKind::Inside);
    if (open || field.hovered()) && ui.clip_rect().contains_rect(field.rect) {
        let mut hint =
            Tooltip::always_open(ui.ctx().clone(), ui.layer_id(), Id::new((field.id, "refusal")), field.rect);
        hint.popup = hint.popup.align(RectAlign::TOP_START);
        hint.show(|ui| ui.label(RichText::new(refused).color(color)));
    }
    ui.ctx().accesskit_node_builder(field.id, |node| node.set_description(refused));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, expect) in [
            ("5", Some(5.0)),
            ("5 %", Some(5.0)),
            ("5%", Some(5.0)),
            ("5\u{a0}%", Some(5.0)),
            (" 5,5 ", Some(5.5)),
            ("5.5 %", Some(5.5)),
            ("1,000", None),
            ("5,5,5", None),
            ("inf", None),
            ("nan", None),
            ("five", None),
            ("", None),
        ] {
            assert_eq!(plain(text), expect, "{text}");
        }
        assert_eq!((whole("503"), whole("503.5")), (Some(503.0), None));
        assert_eq!(
            [bare("HTTP 503", "HTTP ", ""), bare("5 ms", "", " ms"), bare(" 7 ", "", "")],
            ["503", "5", "7"]
        );
    }
}
