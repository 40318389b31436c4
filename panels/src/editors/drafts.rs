//! Drafts are kept per thing, so that nothing is lost when the user clicks elsewhere, and new data never
//! overwrites them.

use super::any_sheet::AnySheet;
use super::kept_form::{KeptForm, KeptRow, Waiting};
use super::table::{EDITORS, EditorRow};
use crate::cx::Cx;
use crate::held::{DraftOf, Held, Why};
use crate::history::turn;
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Button, Memo, Tokens, text};
use crate::selection::Selected;
use crate::whose::{Stands, Whose};
use egui::{Id, RichText, Ui, UiBuilder};
use mesh::{Revision, kinds};
use std::collections::BTreeMap;

/// Why what a draft is for cannot be seen, if it cannot.
fn unseen(form: &KeptForm, cx: &Cx<'_>) -> Option<Why> {
    let needs = EDITORS.iter().find(|row| row.about.name == form.editor)?.needs;
    let place = form.place.selected();
    let why = place.namespaces().into_iter().find_map(|namespace| {
        let mut kinds = std::iter::once(&kinds::SERVICE).chain(needs.iter().copied());
        kinds.find_map(|kind| cx.scene.mesh.unseen(kind, namespace))
    });
    why.map(|why| Why::Unseen(why.what.clone()))
}

/// All drafts of this window.
#[derive(Default)]
pub struct Drafts {
    /// The cluster that they are for, once it is known.
    whose: Option<Whose>,
    by_id: BTreeMap<String, Kept>,
    /// Editors that the user opened or folded, by what they edit.
    unfolded: BTreeMap<String, bool>,
    /// The sheet that was asked for and is to be brought into sight.
    revealed: Option<String>,
    revision: Option<Revision>,
    /// What is offered for the selection, by editor and sheet.
    offered: Memo<(Revision, Selected), Vec<(&'static EditorRow, String)>>,
    /// Those of other clusters, and those whose scopes were not found yet.
    waiting: Vec<Waiting>,
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
        if Whose::moved(self.whose.as_ref(), cx.scene) {
            let (whose, kept) = (Whose::of(cx.scene), self.kept());
            *self = Self { whose, ..Self::default() };
            self.recall(kept);
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
        for mut waiting in std::mem::take(&mut self.waiting) {
            let Waiting { form, why } = &mut waiting;
            let all = |why: &Why| vec![why.clone(); form.rows.len()];
            match form.whose.stands(cx.scene) {
                Stands::Elsewhere => why.clear(),
                Stands::Another => *why = all(&Why::Another),
                Stands::NotNoted => *why = all(&Why::NotNoted),
                Stands::Here => match self.open(form, cx) {
                    Err(closed) => *why = all(&unseen(form, cx).unwrap_or(closed)),
                    Ok((id, sheet)) => {
                        let sheet = self.by_id.entry(id).or_insert(Kept { sheet, looked_at: false });
                        let left = sheet.sheet.recall(std::mem::take(&mut form.rows), cx);
                        (form.rows, *why) = left.into_iter().unzip();
                    }
                },
            }
            if !form.rows.is_empty() {
                self.waiting.push(waiting);
            }
        }
    }

    /// The sheet that drafts were kept of, or why there is none.
    fn open(&self, kept: &KeptForm, cx: &Cx<'_>) -> Result<(String, Box<dyn AnySheet>), Why> {
        const GONE: Why = Why::Gone { again: false };
        let row = EDITORS.iter().find(|row| row.about.name == kept.editor && row.lacks(cx).is_none());
        let sheet = (row.ok_or(GONE)?.open)(&cx.scene.mesh, &kept.place.selected()).ok_or(GONE)?;
        Ok((sheet.id().to_owned(), sheet))
    }

    /// All drafts, for the next run.
    pub fn kept(&self) -> Vec<KeptForm> {
        let whose = self.whose.iter();
        let own = whose.flat_map(|whose| self.by_id.values().filter_map(|kept| kept.sheet.kept(whose)));
        self.waiting.iter().map(|waiting| waiting.form.clone()).chain(own).collect()
    }

    /// Takes up the drafts of the last run.
    pub fn recall(&mut self, kept: Vec<KeptForm>) {
        self.waiting = kept.into_iter().map(Waiting::from).collect();
    }

    /// Drafts that cannot be pushed; those too that were kept and do not go on.
    pub fn held(&self, cx: &Cx<'_>) -> Vec<Held> {
        let waiting = self.waiting.iter().flat_map(|Waiting { form, why }| {
            form.rows.iter().zip(why).map(|(row, why)| Held {
                draft: form.draft(row),
                name: form.name(row),
                why: why.clone(),
                at: None,
            })
        });
        self.by_id.values().flat_map(|kept| kept.sheet.held(cx)).chain(waiting).collect()
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
        if let Intent::Reset(draft @ DraftOf::Kept(..)) = intent {
            self.discard(draft);
        }
        if let Intent::Anew(draft @ DraftOf::Kept(..)) = intent {
            self.take_over(draft, cx);
        }
        if let Intent::Edit(selected, editor) = intent {
            let offered = self.offer(cx, selected).into_iter();
            self.unfolded
                .extend(offered.filter(|(row, _)| row.about.name == *editor).map(|(_, id)| (id, true)));
        }
        self.by_id.values_mut().for_each(|kept| kept.sheet.follow_intent(intent, deed, cx));
    }

    fn discard(&mut self, draft: &DraftOf) {
        for Waiting { form, why } in &mut self.waiting {
            let same: Vec<bool> = form.rows.iter().map(|row| form.draft(row) == *draft).collect();
            let (mut rows, mut whys) = (same.iter(), same.iter());
            form.rows.retain(|_| rows.next() != Some(&true));
            why.retain(|_| whys.next() != Some(&true));
        }
        self.waiting.retain(|waiting| !waiting.form.rows.is_empty());
    }

    /// The user says that a draft is of this cluster.
    fn take_over(&mut self, draft: &DraftOf, cx: &Cx<'_>) {
        let Some(whose) = &self.whose else { return };
        let mut taken = Vec::new();
        for Waiting { form, why } in &mut self.waiting {
            let is = |row: &KeptRow| form.draft(row) == *draft;
            if let Some(place) = form.rows.iter().position(is) {
                let rows = vec![form.rows.remove(place)];
                why.clear();
                taken.push(Waiting::from(KeptForm { whose: whose.clone(), rows, ..form.clone() }));
            }
        }
        self.waiting.retain(|waiting| !waiting.form.rows.is_empty());
        self.waiting.extend(taken);
        self.go_on(cx);
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
