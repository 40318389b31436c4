//! Drafts are kept per thing, so that nothing is lost when the user clicks elsewhere, and new data never overwrites them.

use super::{Draft, EDITORS, EditorRow, Gesture, Standing};
use crate::Cx;
use crate::change_bar::words;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Memo, Tokens, badge, icon, problem, text};
use crate::selection::Selected;
use egui::{Align, Id, Layout, RichText, Ui, UiBuilder};
use mesh::ledger::Entry;
use mesh::{Change, ChangeId, Problem, Revision, Stage};
use std::collections::BTreeMap;

/// All drafts of this window.
#[derive(Default)]
pub struct Drafts {
    context: String,
    by_id: BTreeMap<String, Kept>,
    /// Editors that the user opened or folded, by what they edit.
    unfolded: BTreeMap<String, bool>,
    revision: Option<Revision>,
    /// What is offered for the selection, by editor and draft.
    offered: Memo<(Revision, Selected), Vec<(&'static EditorRow, String)>>,
}

struct Kept {
    draft: Box<dyn Draft>,
    /// What was last sent to be checked.
    asked: Option<Asked>,
    /// Why no change can be made of it.
    trouble: Option<Problem>,
    /// Whether it was drawn since the cluster changed.
    looked_at: bool,
}

/// A change that was made of a draft.
struct Asked {
    id: ChangeId,
    change: Change,
}

impl Drafts {
    /// Takes in what the cluster has now; drafts that say nothing are let go, unless they were looked at last.
    /// Drafts of another cluster are not for this one.
    pub fn follow(&mut self, cx: &Cx<'_>) {
        let mesh = &cx.scene.mesh;
        if self.context != cx.scene.context {
            *self = Self { context: cx.scene.context.clone(), ..Self::default() };
        }
        if self.revision == Some(mesh.revision()) {
            return;
        }
        self.revision = Some(mesh.revision());
        self.by_id.retain(|_, kept| {
            kept.draft.follow(mesh);
            if kept.asked.is_some() && kept.draft.standing() == Standing::Same {
                // It came true, or what it was about is gone: nothing of it is left to push.
                kept.check(cx);
            }
            kept.holds() || std::mem::take(&mut kept.looked_at)
        });
    }

    /// Follows wishes about changes: what was dismissed goes back, what shall be rebuilt is made anew and checked again.
    pub fn follow_intent(&mut self, intent: &Intent, cx: &Cx<'_>) {
        let (Intent::Dismiss(id) | Intent::Rebuild(id)) = intent else { return };
        for kept in self.by_id.values_mut().filter(|kept| kept.asked.as_ref().is_some_and(|of| of.id == *id))
        {
            kept.asked = None;
            if matches!(intent, Intent::Dismiss(_)) {
                kept.draft.reset();
                kept.trouble = None;
            } else {
                kept.draft.follow(&cx.scene.mesh);
                kept.draft.rebuild();
                kept.check(cx);
            }
        }
    }

    /// Draws the editors offered for a selection: those in use in full, the others as buttons.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, selected: &Selected) {
        let by_id = &mut self.by_id;
        let offered = self.offered.get((cx.scene.mesh.revision(), selected.clone()), |_| {
            let open = |row: &'static EditorRow| {
                let draft = (row.open)(&cx.scene.mesh, selected)?;
                let id = draft.id().to_owned();
                by_id.entry(id.clone()).or_insert(Kept {
                    draft,
                    asked: None,
                    trouble: None,
                    looked_at: false,
                });
                Some((row, id))
            };
            EDITORS.iter().filter_map(open).collect()
        });
        let lacking = |row: &EditorRow| row.needs.iter().find(|kind| cx.scene.lacks(kind));
        let (offered, barred): (Vec<_>, Vec<_>) =
            offered.clone().into_iter().partition(|(row, _)| lacking(row).is_none());
        let (open, folded): (Vec<_>, Vec<_>) = offered.into_iter().partition(|(_, id)| self.is_open(id));
        for (row, kind) in barred.iter().filter_map(|(row, _)| Some((row, lacking(row)?))) {
            let what = format!("{} needs kind {kind}, which this cluster does not have", row.about.name);
            ui.add(
                egui::Label::new(RichText::new(what).size(size::SECONDARY).color(Tokens::of(ui).muted))
                    .wrap(),
            );
        }
        for (row, id) in open {
            let Some(kept) = self.by_id.get_mut(&id) else { continue };
            kept.looked_at = true;
            // Ids of its own: what comes and goes above must not take a drag or the keyboard away from a widget in here.
            let own = UiBuilder::new().id(Id::new(("editor", &id)));
            if ui.scope_builder(own, |ui| kept.ui(ui, cx, row)).inner {
                self.unfolded.insert(id, false);
            }
            ui.add_space(10.0);
        }
        if folded.is_empty() {
            return;
        }
        ui.add_space(2.0);
        text::strong(ui, "Add");
        ui.horizontal_wrapped(|ui| {
            for (row, id) in folded {
                let button = Button::quiet(row.about.name).with_icon(row.about.icon).named(row.about.name);
                if ui.add(button).on_hover_text(row.about.summary).clicked() {
                    self.unfolded.insert(id, true);
                }
            }
        });
    }

    fn is_open(&self, id: &str) -> bool {
        let Some(kept) = self.by_id.get(id) else { return false };
        kept.holds() || self.unfolded.get(id).copied().unwrap_or_else(|| kept.draft.present())
    }
}

impl Kept {
    /// Whether there is a wish, shown or in another scope.
    fn holds(&self) -> bool {
        self.draft.standing() != Standing::Same || !self.draft.elsewhere().is_empty()
    }

    /// Draws one editor; returns whether it shall be folded away.
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, row: &EditorRow) -> bool {
        let tokens = Tokens::of(ui);
        let standing = self.draft.standing();
        let elsewhere = self.draft.elsewhere();
        let mut fold = false;
        ui.horizontal(|ui| {
            ui.label(text::rich(ui, row.about.name, size::TEXT, Weight::Semibold).color(tokens.text))
                .on_hover_text(row.about.summary);
            let about = RichText::new(self.draft.subject()).size(size::SECONDARY).color(tokens.muted);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                if standing == Standing::Same && elsewhere.is_empty() {
                    fold = ui.add(Button::icon(icon::CARET_UP, format!("Fold {}", row.about.name))).clicked();
                } else {
                    let word = match (standing, elsewhere.len()) {
                        (Standing::Same, more) => format!("{more} not pushed elsewhere"),
                        _ if self.under_way(cx) => "being pushed".to_owned(),
                        (_, 0) => "not pushed".to_owned(),
                        (_, more) => format!("not pushed, + {more} elsewhere"),
                    };
                    badge::pill(ui, &word, tokens.accent)
                        .on_hover_text("The draft differs from what the cluster has");
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(egui::Label::new(about).truncate())
                });
            });
        });
        if standing == Standing::Underneath {
            let what = "Somebody else changed it meanwhile";
            let why = "Your draft was made on an older version. Nothing of it is lost.";
            if problem::problem(
                ui,
                problem::Level::Warning,
                what,
                why,
                "Make it on the newer version, or reset it",
                Some("Rebuild"),
            ) {
                self.draft.rebuild();
                self.check(cx);
            }
        }
        let own = UiBuilder::new().id(ui.id().with("draft"));
        let gesture = ui.scope_builder(own, |ui| self.draft.ui(ui, cx)).inner;
        if gesture == Gesture::Settled {
            self.check(cx);
        }
        if !elsewhere.is_empty() {
            text::note(ui, format!("Not pushed either: {}", elsewhere.join(", ")));
        }
        if standing == Standing::Differs && self.superseded(cx) {
            let why = "One at a time can be pushed. Nothing of this draft is lost.";
            if problem::problem(
                ui,
                problem::Level::Note,
                "Another change is in the bar",
                why,
                "",
                Some("Show this one"),
            ) {
                self.check(cx);
            }
        }
        if let Some(trouble) = &self.trouble {
            problem::problem(ui, problem::Level::Warning, &trouble.what, &trouble.why, &trouble.next, None);
        }
        fold
    }

    /// What became of the change that was asked for last.
    fn entry<'a>(&self, cx: &Cx<'a>) -> Option<&'a Entry> {
        cx.changes.get(self.asked.as_ref()?.id)
    }

    /// Whether what was asked for last is on its way to the proxies.
    fn under_way(&self, cx: &Cx<'_>) -> bool {
        self.entry(cx).is_some_and(|entry| entry.sent.is_some() && words::is_open(&entry.stage))
    }

    /// Whether what was asked for last gave way to a change of another editor.
    fn superseded(&self, cx: &Cx<'_>) -> bool {
        let there = |entry: &Entry| words::is_open(&entry.stage) || matches!(entry.stage, Stage::Failed(_));
        self.asked.is_some() && !self.entry(cx).is_some_and(there)
    }

    /// Whether what was asked for last still waits to be pushed.
    fn waits(&self, cx: &Cx<'_>) -> bool {
        let entry = self.entry(cx).filter(|entry| entry.sent.is_none());
        entry.is_some_and(|entry| matches!(entry.stage, Stage::Checking | Stage::Checked(_)))
    }

    /// Sends the draft to be judged; when there is nothing to push of it, takes back what was asked before.
    fn check(&mut self, cx: &Cx<'_>) {
        let (wanted, trouble) = match self.draft.change(&cx.scene.mesh) {
            Ok(wanted) => (wanted, None),
            Err(trouble) => (None, Some(trouble)),
        };
        self.trouble = trouble;
        let waits = self.waits(cx);
        if let Some(change) = wanted {
            if !waits || self.asked.as_ref().is_none_or(|asked| asked.change != change) {
                let id = ChangeId::fresh();
                self.asked = Some(Asked { id, change: change.clone() });
                cx.intents.send(Intent::Check(id, Box::new(change)));
            }
        } else if let Some(asked) = self.asked.take()
            && waits
        {
            cx.intents.send(Intent::Dismiss(asked.id));
        }
    }
}
