//! Choices of any number in a menu: as many as fit are in sight, the others are found by scrolling or typing.

use super::button::choice_marked;
use super::theme::size;
use super::{field, text};
use egui::{FontId, Id, Key, ScrollArea, Ui};

/// From so many rows on there is a field to type in.
const MANY: usize = 12;
/// Height of a row with what is between two.
const ROW: f32 = 28.0;
/// Rows in sight at most.
const IN_SIGHT: f32 = 11.0;
/// Width of a menu's rows at most.
const WIDEST: f32 = 420.0;

/// One choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// What it says.
    pub label: String,
    /// Whether it is chosen.
    pub chosen: bool,
    /// Whether it holds something of the user's.
    pub marked: bool,
}

/// How high a menu may get: the window, but for a margin.
pub(super) fn height(ui: &Ui) -> f32 {
    (ui.ctx().content_rect().height() - 72.0).max(120.0)
}

/// What was typed, and in which frame it was shown last: a menu that opens anew is empty.
type Typed = (String, u64);

/// Draws the choices. Returns the index of the one that was clicked, or that Enter took.
pub fn choices(ui: &mut Ui, name: &str, rows: &[Choice]) -> Option<usize> {
    let id = Id::new(("menu", name));
    let font = FontId::proportional(size::TEXT);
    let widest = rows.iter().map(|row| &row.label).max_by_key(|label| label.len());
    let wide = widest.map_or(0.0, |label| text::width(ui, label, &font) + 64.0).clamp(160.0, WIDEST);
    ui.set_min_width(wide);
    let mut enter = false;
    let mut found: Vec<usize> = (0..rows.len()).collect();
    if rows.len() > MANY {
        let frame = ui.ctx().cumulative_frame_nr();
        let (mut typed, last) = ui.data(|data| data.get_temp::<Typed>(id)).unwrap_or_default();
        let anew = last + 2 < frame;
        if anew {
            typed.clear();
        }
        let hint = format!("Find in {}", rows.len());
        let response = field::search(ui, id.with("field"), &hint, &format!("Find {name}"), &mut typed, wide);
        if anew {
            response.request_focus();
        }
        enter = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
        let fits = |row: &usize| {
            let label = rows[*row].label.to_lowercase();
            words.iter().all(|word| label.contains(word))
        };
        found.retain(fits);
        ui.data_mut(|data| data.insert_temp::<Typed>(id, (typed, frame)));
    }
    let mut picked = found.first().copied().filter(|_| enter);
    if found.is_empty() {
        text::muted(ui, "Nothing fits");
    }
    let most = (ROW * IN_SIGHT).min(height(ui) * 0.6);
    let scroll = ScrollArea::vertical().id_salt(id).max_height(most).auto_shrink([true, true]);
    ui.spacing_mut().item_spacing.y = 2.0;
    scroll.show_rows(ui, ROW - 2.0, found.len(), |ui, range| {
        ui.set_min_width(wide);
        for &at in &found[range] {
            let row = &rows[at];
            let shown = text::middle(ui, &row.label, &font, WIDEST - 64.0);
            if choice_marked(ui, row.chosen, &shown, &row.label, row.marked) {
                picked = Some(at);
            }
        }
    });
    picked
}
