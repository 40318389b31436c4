//! The field to find by: terms are completed while one types (arrow down, Enter), what was searched for before and
//! what was saved is in the menu beside it.

use super::find::{TERMS, Term};
use crate::kit::keys as pressed;
use crate::kit::theme::space;
use crate::kit::{Button, End, button, field, icon, text};
use egui::text::{CCursor, CCursorRange};
use egui::{Id, Key, Modifiers, Popup, PopupCloseBehavior, Response, ScrollArea, TextEdit, Ui};
use serde::{Deserialize, Serialize};

/// What was searched for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Searches {
    /// The last ones, the newest first. Of this run only: what was typed may be no business of the disk.
    #[serde(skip)]
    pub recent: Vec<String>,
    /// What one chose to keep, between runs.
    pub kept: Vec<String>,
}

/// So many are remembered.
const RECENT: usize = 8;
/// So many terms are offered at once.
const OFFERS: usize = 6;
/// Searches that are often made.
const OFTEN: [&str; 6] = ["not healthy", "%errors > 5", "rt > 1s", "not mtls", "node = unknown", "outofmesh"];

impl Searches {
    fn remember(&mut self, typed: &str) {
        let typed = typed.trim();
        if !typed.is_empty() {
            self.recent.retain(|known| known != typed);
            self.recent.insert(0, typed.to_owned());
            self.recent.truncate(RECENT);
        }
    }
}

/// To which hit one goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The next one.
    Next,
    /// The one before.
    Previous,
}

/// The field, in what the row's end leaves.
pub(super) fn ui(ui: &mut Ui, typed: &mut String, searches: &mut Searches, end: &End) -> Option<Step> {
    let terms_width = button::menu_width(ui, icon::FUNNEL) + ui.spacing().item_spacing.x;
    let free = ui.available_width() - end.width() - ui.spacing().item_spacing.x - terms_width;
    let width = free.clamp(60.0, 280.0);
    let id = Id::new("graph find");
    let hint = if width > 180.0 { "Find: reviews, %httperr > 5" } else { "Find" };
    let typing = ui.input(|input| input.key_pressed(Key::F) && input.modifiers.command);
    let typing = typing && !pressed::modal(ui.ctx());
    self::keys(ui, id, typed);
    let field = field::search(ui, id, hint, "Find in graph", typed, width);
    let mut step = None;
    if field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
        step = Some(if ui.input(|input| input.modifiers.shift) { Step::Previous } else { Step::Next });
        searches.remember(typed);
        field.request_focus();
    }
    if typing {
        field.request_focus();
    }
    complete(ui, &field, typed);
    menu(ui, typed, searches);
    step
}

/// What is offered while one types: only at the end of the text, for it is the last word that is completed.
fn offers_now(ui: &Ui, id: Id, typed: &str) -> (usize, Vec<(&'static str, &'static Term)>) {
    let cursor = TextEdit::load_state(ui.ctx(), id).and_then(|state| state.cursor.char_range());
    let at_end = cursor.is_none_or(|range| range.primary.index.0 >= typed.chars().count());
    if at_end { offers(typed) } else { (0, Vec::new()) }
}

/// Terms that begin with the last word of what was typed, and how many bytes of it that word has.
fn offers(typed: &str) -> (usize, Vec<(&'static str, &'static Term)>) {
    let begun = typed.rsplit(|sign: char| sign.is_whitespace() || "()!".contains(sign)).next().unwrap_or("");
    if begun.is_empty() {
        return (0, Vec::new());
    }
    let small = begun.to_lowercase();
    let begins = |term: &'static Term| {
        let name = term.names.iter().find(|name| name.starts_with(&small))?;
        Some((*name, term)).filter(|(name, _)| *name != small)
    };
    (begun.len(), TERMS.iter().filter_map(begins).take(OFFERS).collect())
}

/// What is offered: which of it is chosen by keys, and whether it was there in the last frame.
#[derive(Clone, Copy, Default)]
struct Offered {
    chosen: Option<usize>,
    shown: bool,
}

/// Arrows choose an offer and Enter takes it: before the field itself hears of them.
fn keys(ui: &Ui, id: Id, typed: &mut String) {
    let (begun, offers) = offers_now(ui, id, typed);
    let mut offered: Offered = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    if offers.is_empty() || !ui.memory(|memory| memory.has_focus(id)) {
        offered.chosen = None;
    } else {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::ArrowDown) {
            offered.chosen = Some(offered.chosen.map_or(0, |chosen| (chosen + 1) % offers.len()));
        }
        if pressed(Key::ArrowUp) {
            offered.chosen = offered.chosen.and_then(|chosen| chosen.checked_sub(1));
        }
        let chosen = offered.chosen.and_then(|chosen| offers.get(chosen));
        if let Some((name, _)) = chosen.filter(|_| pressed(Key::Enter)) {
            take(ui, id, typed, begun, name);
            offered.chosen = None;
        }
    }
    ui.data_mut(|data| data.insert_temp(id, offered));
}

/// Writes a term for what was begun, and goes on typing behind it.
fn take(ui: &Ui, id: Id, typed: &mut String, begun: usize, name: &str) {
    typed.truncate(typed.len() - begun);
    *typed += name;
    let mut state = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(typed.chars().count()))));
    state.store(ui.ctx(), id);
}

/// Draws what may be meant below the field.
fn complete(ui: &Ui, field: &Response, typed: &mut String) {
    let (begun, offers) = offers_now(ui, field.id, typed);
    let mut offered: Offered = ui.data(|data| data.get_temp(field.id)).unwrap_or_default();
    // A press on an offer takes the focus from the field before it is a click.
    let pressing =
        offered.shown && ui.input(|input| input.pointer.any_down() || input.pointer.any_released());
    offered.shown = !offers.is_empty() && (field.has_focus() || pressing);
    ui.data_mut(|data| data.insert_temp(field.id, offered));
    if !offered.shown {
        return;
    }
    let popup = Popup::from_response(field).open(true).gap(10.0);
    let popup = popup.close_behavior(PopupCloseBehavior::IgnoreClicks);
    let taken = popup.show(|ui| {
        ui.set_min_width(220.0);
        ui.spacing_mut().item_spacing.y = space::XS;
        let row = |(nth, (name, term)): (usize, &(&'static str, &'static Term))| {
            let row = Button::bare(*name).named(format!("Complete {name}"));
            let add = |ui: &mut Ui| {
                let row = ui.add(row.selected(offered.chosen == Some(nth)));
                text::note(ui, term.about);
                row
            };
            ui.horizontal(add).inner.clicked().then_some(*name)
        };
        offers.iter().enumerate().filter_map(row).last()
    });
    if let Some(name) = taken.and_then(|shown| shown.inner) {
        take(ui, field.id, typed, begun, name);
        field.request_focus();
    }
}

/// What was searched for before, what often is, and all terms; a click writes it.
fn menu(ui: &mut Ui, typed: &mut String, searches: &mut Searches) {
    let menu = button::menu(ui, icon::FUNNEL, "Terms to find by", |ui| {
        ui.set_min_width(300.0);
        let now = typed.trim().to_owned();
        if !now.is_empty() {
            let known = searches.kept.iter().position(|known| *known == now);
            match known {
                Some(at) if button::item(ui, "Forget this search") => drop(searches.kept.remove(at)),
                None if button::item(ui, "Keep this search") => searches.kept.push(now),
                _ => {}
            }
            ui.separator();
        }
        ScrollArea::vertical().max_height(380.0).show(ui, |ui| {
            let often: Vec<String> = OFTEN.map(str::to_owned).to_vec();
            for (head, known) in [("Kept", &searches.kept), ("Last", &searches.recent), ("Often", &often)] {
                if !known.is_empty() {
                    text::note(ui, head);
                }
                for search in known {
                    if button::item(ui, search) {
                        search.clone_into(typed);
                    }
                }
            }
            ui.separator();
            for term in TERMS {
                let name = term.names.join(", ");
                let response = ui.add(Button::bare(&name));
                if response.on_hover_text(term.about).clicked() {
                    let before = if typed.is_empty() { "" } else { " " };
                    *typed += &format!("{before}{}", term.names[0]);
                }
            }
        });
        text::note(ui, "Joined by and, or, not and ( ); = != *= ^= $= < <= > >=");
    });
    menu.response.on_hover_text("What can be found in the graph");
}

#[cfg(test)]
mod tests {
    use super::super::panel_tests::{Seen, harness};
    use super::*;
    use crate::panel::Panel as _;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable as _;

    #[test]
    fn the_last_word_is_completed() {
        let names = |typed: &str| -> Vec<&str> { offers(typed).1.iter().map(|(name, _)| *name).collect() };
        assert!(names("not heal").contains(&"healthy"), "{:?}", names("not heal"));
        assert_eq!(names("healthy"), Vec::<&str>::new(), "nothing is left to complete");
        assert_eq!((names("ns = "), names("")), (Vec::new(), Vec::new()));
        assert!(names("(%err").contains(&"%errors"), "{:?}", names("(%err"));
    }

    #[test]
    fn the_last_searches_are_kept_once_each() {
        let mut searches = Searches::default();
        (0..20).for_each(|nth| searches.remember(&format!("rps > {nth}")));
        searches.remember(" rps > 15 ");
        searches.remember("");
        assert_eq!((searches.recent.len(), searches.recent[0].as_str()), (RECENT, "rps > 15"));
        assert_eq!(searches.recent.iter().filter(|known| *known == "rps > 15").count(), 1);
    }

    #[test]
    fn an_offer_is_taken_by_keys_and_by_the_pointer_and_searches_come_again() {
        let mut harness = harness(mesh::demo::scene());
        harness.run();
        let typed = |harness: &Harness<'_, Seen>| harness.state().panel.choices.find.clone();
        harness.get_by_label("Find in graph").click();
        harness.run();
        harness.get_by_label("Find in graph").type_text("not heal");
        harness.run();
        harness.get_by_label("Complete healthy");
        harness.key_press(Key::ArrowDown);
        harness.run();
        harness.key_press(Key::Enter);
        harness.run();
        assert_eq!(typed(&harness), "not healthy");
        harness.key_press(Key::Enter);
        harness.run();
        harness.get_by_label("Clear Find in graph").click();
        harness.run();
        harness.get_by_label("Find in graph").click();
        harness.run();
        harness.get_by_label("Find in graph").type_text("idl");
        harness.run();
        harness.get_by_label("Complete idle").click();
        harness.run();
        assert_eq!(typed(&harness), "idle");
        harness.get_by_label("Terms to find by").click();
        harness.run();
        harness.get_by_label("Keep this search").click();
        harness.run();
        harness.get_by_label("Terms to find by").click();
        harness.run();
        let again = harness.get_all_by_label("not healthy").next();
        again.expect("among the last").click();
        harness.run();
        assert_eq!(typed(&harness), "not healthy");
        let kept = harness.state().panel.kept().expect("kept");
        assert_eq!(kept["searches"]["kept"], serde_json::json!(["idle"]));
    }
}
