//! Drafts are kept per thing, so that nothing is lost when the user clicks elsewhere, and new data never
//! overwrites them.

use super::any_sheet::AnySheet;
use super::kept_form::KeptForm;
use super::table::{EDITORS, EditorRow};
use crate::cx::Cx;
use crate::held::{DraftOf, Held, Why};
use crate::history::turn;
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Button, Memo, Tokens, text};
use crate::selection::Selected;
use egui::{Id, RichText, Ui, UiBuilder};
use mesh::Revision;
use std::collections::BTreeMap;

/// All drafts of this window.
#[derive(Default)]
pub struct Drafts {
    context: String,
    by_id: BTreeMap<String, Kept>,
    /// Editors that the user opened or folded, by what they edit.
    unfolded: BTreeMap<String, bool>,
    /// The sheet that was asked for and is to be brought into sight.
    revealed: Option<String>,
    revision: Option<Revision>,
    /// What is offered for the selection, by editor and sheet.
    offered: Memo<(Revision, Selected), Vec<(&'static EditorRow, String)>>,
    /// Those of other connections, and those whose scopes were not found yet.
    kept: Vec<KeptForm>,
}

struct Kept {
    sheet: Box<dyn AnySheet>,
    /// Whether it was drawn since the cluster changed.
    looked_at: bool,
}

impl Drafts {
    /// Takes in what the cluster has now; drafts that say nothing are let go, unless they were looked at
    /// last. Drafts of another cluster are not for this one.
    pub fn follow(&mut self, cx: &Cx<'_>) {
        if self.context != cx.scene.context {
            *self = Self { context: cx.scene.context.clone(), kept: self.kept(), ..Self::default() };
        }
        let revision = Some(cx.scene.mesh.revision());
        if self.revision == revision {
            return;
        }
        self.revision = revision;
        self.by_id.retain(|_, kept| {
            kept.sheet.follow(cx);
            let undoable = kept.sheet.deeds() != (None, None);
            kept.sheet.holds() || undoable || std::mem::take(&mut kept.looked_at)
        });
        self.go_on(cx);
    }

    /// Drafts that were kept go on, where what they are for is there.
    fn go_on(&mut self, cx: &Cx<'_>) {
        if !cx.scene.ready() {
            return;
        }
        for mut kept in std::mem::take(&mut self.kept) {
            if kept.context == self.context
                && let Some((id, sheet)) = self.open(&kept, cx)
            {
                let sheet = self.by_id.entry(id).or_insert(Kept { sheet, looked_at: false });
                kept.rows = sheet.sheet.recall(std::mem::take(&mut kept.rows), cx);
            }
            if !kept.rows.is_empty() {
                self.kept.push(kept);
            }
        }
    }

    fn open(&self, kept: &KeptForm, cx: &Cx<'_>) -> Option<(String, Box<dyn AnySheet>)> {
        let row = EDITORS.iter().find(|row| row.about.name == kept.editor && row.lacks(cx).is_none())?;
        let sheet = (row.open)(&cx.scene.mesh, &kept.place.selected())?;
        Some((sheet.id().to_owned(), sheet))
    }

    /// All drafts, for the next run.
    pub fn kept(&self) -> Vec<KeptForm> {
        let own = self.by_id.values().filter_map(|kept| kept.sheet.kept(&self.context));
        self.kept.iter().cloned().chain(own).collect()
    }

    /// Takes up the drafts of the last run.
    pub fn recall(&mut self, kept: Vec<KeptForm>) {
        self.kept = kept;
    }

    /// Drafts that cannot be pushed; those of the last run too that nothing was found for.
    pub fn held(&self, cx: &Cx<'_>) -> Vec<Held> {
        let here = self.kept.iter().filter(|kept| kept.context == self.context && cx.scene.ready());
        let lost = here.flat_map(|kept| {
            let named = format!("{} of {}", kept.editor, kept.place.name());
            kept.rows.iter().map(move |row| Held {
                draft: DraftOf::Form(named.clone(), row.words.clone()),
                name: format!("{named}: {}", row.words.trim_end_matches('…')),
                why: Why::Gone { again: false },
                at: None,
            })
        });
        self.by_id.values().flat_map(|kept| kept.sheet.held(cx)).chain(lost).collect()
    }

    /// The deeds that were done last to each sheet, and that were taken back last.
    pub(crate) fn deeds(&self) -> impl Iterator<Item = (Option<u64>, Option<u64>)> {
        self.by_id.values().map(|kept| kept.sheet.deeds())
    }

    /// Takes a deed back, or does it again.
    pub(crate) fn step(&mut self, back: bool, deed: u64, cx: &Cx<'_>) {
        for kept in self.by_id.values_mut() {
            while turn(back, std::iter::once(kept.sheet.deeds())) == Some(deed) {
                kept.sheet.step(back, cx);
            }
        }
    }

    /// Whether one of them says something that the cluster does not have.
    pub fn hold(&self) -> bool {
        self.by_id.values().any(|kept| kept.sheet.holds())
    }

    /// Follows intents from elsewhere: what was dismissed goes back, what shall be rebuilt is made anew and
    /// checked again, and an editor that was asked for is unfolded.
    pub(crate) fn follow_intent(&mut self, intent: &Intent, deed: u64, cx: &Cx<'_>) {
        if let Intent::Reset(DraftOf::Form(named, words)) = intent {
            for kept in &mut self.kept {
                let is = format!("{} of {}", kept.editor, kept.place.name()) == *named;
                kept.rows.retain(|row| !is || row.words != *words);
            }
            self.kept.retain(|kept| !kept.rows.is_empty());
        }
        if let Intent::Edit(selected, editor) = intent {
            let offered = self.offer(cx, selected).into_iter();
            self.unfolded
                .extend(offered.filter(|(row, _)| row.about.name == *editor).map(|(_, id)| (id, true)));
        }
        self.by_id.values_mut().for_each(|kept| kept.sheet.follow_intent(intent, deed, cx));
    }

    /// What is offered for a selection, by editor and sheet.
    fn offer(&mut self, cx: &Cx<'_>, selected: &Selected) -> Vec<(&'static EditorRow, String)> {
        let mesh = &cx.scene.mesh;
        let by_id = &mut self.by_id;
        let read = mesh.revision_of(selected.namespaces());
        let offered = self.offered.get((read, selected.clone()), |_| {
            let open = |row: &'static EditorRow| {
                let sheet = (row.open)(mesh, selected)?;
                let id = sheet.id().to_owned();
                by_id.entry(id.clone()).or_insert(Kept { sheet, looked_at: false });
                Some((row, id))
            };
            EDITORS.iter().filter_map(open).collect()
        });
        let offered: Vec<(&'static EditorRow, String)> = offered.clone();
        // Sheets that were let go of since are made again.
        for (row, id) in &offered {
            if !by_id.contains_key(id)
                && let Some(sheet) = (row.open)(mesh, selected)
            {
                by_id.insert(id.clone(), Kept { sheet, looked_at: false });
            }
        }
        offered
    }

    /// Draws the editors offered for a selection: those in use in full, the others as buttons.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, selected: &Selected) {
        let (offered, barred): (Vec<_>, Vec<_>) =
            self.offer(cx, selected).into_iter().partition(|(row, _)| row.lacks(cx).is_none());
        let (open, folded): (Vec<_>, Vec<_>) = offered.into_iter().partition(|(_, id)| self.is_open(id));
        for (row, kind) in barred.iter().filter_map(|(row, _)| Some((row, row.lacks(cx)?))) {
            let what = format!("{} needs kind {kind}, which this cluster does not have", row.about.name);
            let what = RichText::new(what).size(size::SECONDARY).color(Tokens::of(ui).muted);
            ui.add(egui::Label::new(what).wrap());
        }
        for (_, id) in open {
            let Some(kept) = self.by_id.get_mut(&id) else { continue };
            kept.looked_at = true;
            // Ids of its own: what comes and goes above must not take a drag or the keyboard away from a
            // widget in here.
            let own = UiBuilder::new().id(Id::new(("editor", &id)));
            let drawn = ui.scope_builder(own, |ui| kept.sheet.ui(ui, cx));
            if self.revealed.as_ref() == Some(&id) {
                self.revealed = None;
                ui.scroll_to_rect(drawn.response.rect, None);
            }
            if drawn.inner {
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
                // What is folded away still says that there is something.
                let present = self.by_id.get(&id).is_some_and(|kept| kept.sheet.present());
                let word =
                    if present { format!("{}  ·  set", row.about.name) } else { row.about.name.to_owned() };
                let button = Button::quiet(word).with_icon(row.about.icon).named(row.about.name);
                if ui.add(button).on_hover_text(row.about.summary).clicked() {
                    self.revealed = Some(id.clone());
                    self.unfolded.insert(id, true);
                }
            }
        });
    }

    fn is_open(&self, id: &str) -> bool {
        let Some(kept) = self.by_id.get(id) else { return false };
        kept.sheet.holds() || self.unfolded.get(id).copied().unwrap_or_else(|| kept.sheet.present())
    }
}
