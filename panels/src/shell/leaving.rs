//! What is asked before a window is closed, or a mesh left, while something is not finished: what would be
//! lost, and the way to stay.

use crate::kit::theme::space;
use crate::kit::{Button, fmt, text};
use crate::words;
use egui::{Id, Key, Label, Modifiers, Ui};
use mesh::ledger::Entry;
use mesh::{Ledger, Stage};

/// What becomes of drafts.
const KEPT: &str = "Drafts of Istio's objects are kept, and are here again when this mesh is connected to. A way \
                    back (Restore) and changes of workloads are not.";
/// So many changes are named.
const NAMED: usize = 5;

/// What is not finished.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Changes that were not pushed.
    pub drafts: Vec<String>,
    /// Whether editors hold drafts besides, of scopes that are not shown.
    pub more: bool,
    /// Changes that are being written.
    pub writing: Vec<String>,
}

/// What the user answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing is left.
    Stay,
    /// What is not finished is lost.
    Leave,
}

impl Unfinished {
    /// What is not finished; `editing` when an editor holds a draft.
    pub fn of(changes: &Ledger, editing: bool) -> Option<Self> {
        let drafts: Vec<String> =
            changes.set().members().iter().map(|member| member.change.title.clone()).collect();
        let under_way = changes.entries().iter().filter(|entry| {
            let undo = entry.undoes.is_some() && matches!(entry.stage, Stage::Checking | Stage::Checked(_));
            entry.run.is_none() && (entry.stage.is_being_written() || undo)
        });
        let writing: Vec<String> = under_way.map(|entry| entry.change.title.clone()).collect();
        let on_its_way = |entry: &Entry| entry.sent.is_some() && words::is_open(&entry.stage);
        let more = editing && drafts.is_empty() && !changes.entries().iter().any(on_its_way);
        let any = more || !drafts.is_empty() || !writing.is_empty();
        any.then_some(Self { drafts, more, writing })
    }
}

/// Asks; `closes` the window, or else leaves the mesh. To be drawn before everything else, so that no key
/// reaches what is beneath.
pub fn ui(ui: &mut Ui, unfinished: &Unfinished, closes: bool) -> Option<Answer> {
    let stays = ui.input_mut(|input| {
        for key in [Key::Enter, Key::Z, Key::K] {
            input.consume_key(Modifiers::COMMAND, key);
        }
        input.consume_key(Modifiers::NONE, Key::Escape)
    });
    let (what, stay, leave) = if closes {
        ("Close the window?", "Keep open", "Close anyway")
    } else {
        ("Leave this mesh?", "Stay", "Leave anyway")
    };
    let mut answer = stays.then_some(Answer::Stay);
    let frame = egui::Frame::popup(ui.style()).inner_margin(space::L);
    let modal = egui::Modal::new(Id::new("leaving")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(460.0);
        text::title(ui, what);
        ui.add_space(6.0);
        if let count @ 1.. = unfinished.drafts.len() {
            let said = match count {
                1 => "A change was not pushed:".to_owned(),
                _ => format!("{} were not pushed:", fmt::counted(count, "change", "changes")),
            };
            said_of(ui, &said, &unfinished.drafts);
            ui.add(Label::new(KEPT).wrap());
        }
        if unfinished.more {
            ui.add(Label::new(format!("An editor holds what was not pushed. {KEPT}")).wrap());
        }
        if !unfinished.writing.is_empty() {
            let said = "A push is under way. It is written to its end first, for 15 s at most; the next start \
                        tells what became of it, and finishes or undoes what was cut off:";
            said_of(ui, said, &unfinished.writing);
        }
        ui.add_space(space::M);
        ui.horizontal(|ui| {
            let keep = ui.add(Button::primary(stay));
            if ui.memory(|memory| memory.focused().is_none()) {
                keep.request_focus();
            }
            if keep.clicked() {
                answer = Some(Answer::Stay);
            }
            ui.add_space(48.0);
            if ui.add(Button::quiet(leave).danger()).clicked() {
                answer = Some(Answer::Leave);
            }
        });
    });
    if answer.is_none() && modal.should_close() {
        answer = Some(Answer::Stay);
    }
    answer
}

fn said_of(ui: &mut Ui, said: &str, titles: &[String]) {
    ui.add(Label::new(said).wrap());
    for title in titles.iter().take(NAMED) {
        ui.horizontal(|ui| {
            ui.add_space(12.0);
            ui.add(Label::new(title).truncate());
        });
    }
    if titles.len() > NAMED {
        text::muted(ui, format!("and {} more", titles.len() - NAMED));
    }
    ui.add_space(6.0);
}
