//! The detail of an object: its YAML to be edited, what is wrong with it, what it differs by, and how it is
//! copied, deleted or made.

use super::around::{checked, copy, gone, head, is_selected, schema};
use super::code::{self, Code};
use super::complete::{Offer, offers};
use super::draft::{Draft, Wish};
use super::flaws::{self, Flaw};
use super::kept::{Again, KeptDraft};
use super::{begin, cursor};
use crate::before_push;
use crate::cx::Cx;
use crate::held::{DraftOf, Held, Why};
use crate::history::{History, deed};
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Button, Memo, Tokens, badge, diff, fmt, icon, problem, text};
use crate::selection::Selected;
use crate::whose::Whose;
use crate::words;
use crate::yaml;
use egui::{Id, Label, RichText, Ui};
use mesh::plan::Stop;
use mesh::{Problem, Ref, Revision, Schema};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The editor that deletes an object, as an intent names it.
pub const DELETE: &str = "Delete";
/// So long nobody types before a draft is judged, in seconds.
const REST: f64 = 0.6;

/// All drafts of objects, by the objects.
#[derive(Default)]
pub struct Sheets {
    /// The cluster that they are for, once it is known.
    whose: Option<Whose>,
    drafts: BTreeMap<Ref, Sheet>,
    revision: Option<Revision>,
    /// Those of other clusters, and of objects that were not read yet; and why they wait, where that is to be
    /// told.
    waiting: Vec<(KeptDraft, Option<Why>)>,
    /// Objects with what was wanted of them.
    history: History<(Ref, Wish)>,
}

/// A text, and what it was judged by.
type Judged = (String, Option<Arc<Schema>>);

struct Sheet {
    draft: Draft,
    code: Code,
    judged: Memo<Judged, Arc<Vec<Flaw>>>,
    /// Whether its differences are shown.
    diff: bool,
    /// Whether it was drawn since the cluster changed.
    looked_at: bool,
}

impl Sheet {
    fn new(draft: Draft) -> Self {
        Self { draft, code: Code::default(), judged: Memo::default(), diff: false, looked_at: true }
    }
}

impl Sheets {
    /// Takes in what the cluster has now. Drafts of another cluster are not for this one.
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
        self.go_on(cx);
        self.drafts.retain(|at, sheet| {
            let target = sheet.draft.target();
            let over = sheet.draft.follow(cx);
            if over && sheet.draft.is_new() && target != *at && is_selected(cx, at) {
                cx.intents.send(Intent::Select(Some(Selected::Object(target))));
            }
            !over && (sheet.draft.differs() || std::mem::take(&mut sheet.looked_at))
        });
    }

    /// Drafts that were kept, and whose objects are read now, go on.
    fn go_on(&mut self, cx: &Cx<'_>) {
        for (kept, _) in std::mem::take(&mut self.waiting) {
            match kept.again(cx.scene) {
                Again::Waits(why) => self.waiting.push((kept, why)),
                Again::Draft(at, _) if self.drafts.get(&at).is_some_and(|sheet| sheet.draft.differs()) => {
                    self.waiting.push((kept, Some(Why::Taken)));
                }
                Again::Draft(at, draft) => {
                    let mut sheet = Sheet::new(*draft);
                    sheet.draft.check(cx);
                    self.drafts.insert(at, sheet);
                }
                Again::Over => {}
            }
        }
    }

    /// All drafts, for the next run.
    pub fn kept(&self) -> Vec<KeptDraft> {
        let sheets = |whose| self.drafts.values().map(move |sheet| (whose, sheet));
        let own = self.whose.iter().flat_map(sheets);
        let own = own.filter_map(|(whose, sheet)| KeptDraft::of(whose, &sheet.draft));
        self.waiting.iter().map(|(kept, _)| kept.clone()).chain(own).collect()
    }

    /// Takes up the drafts of the last run.
    pub fn recall(&mut self, kept: Vec<KeptDraft>) {
        self.waiting = kept.into_iter().map(|kept| (kept, None)).collect();
    }

    /// Drafts that cannot be pushed; those too that were kept and do not go on.
    pub fn held(&self, cx: &Cx<'_>) -> Vec<Held> {
        let of = |(at, sheet): (&Ref, &Sheet)| {
            let why = sheet.draft.held(cx)?;
            let place = (Selected::Object(at.clone()), "YAML");
            Some(Held {
                draft: DraftOf::Object(at.clone()),
                name: format!("YAML of {at}"),
                why,
                at: Some(place),
            })
        };
        let waiting = self.waiting.iter().filter_map(|(kept, why)| {
            let (name, why) = (format!("YAML of {}", kept.of_what()), why.clone()?);
            Some(Held { draft: kept.draft(), name, why, at: None })
        });
        self.drafts.iter().filter_map(of).chain(waiting).collect()
    }

    /// The deed that was done last, and the one that was taken back last.
    pub(crate) fn deeds(&self) -> (Option<u64>, Option<u64>) {
        (self.history.last(), self.history.next())
    }

    /// Takes the last deed back, or does it again.
    pub(crate) fn step(&mut self, back: bool, cx: &Cx<'_>) {
        let drafts = &mut self.drafts;
        self.history.step(back, |(at, wish)| {
            if !drafts.contains_key(at) {
                let object = cx.scene.mesh.objects().get(at);
                let draft = match object {
                    Some(object) => Draft::of(at, object),
                    None if Draft::makes(wish) => Draft::new(at.clone(), String::new()),
                    None => return,
                };
                drafts.insert(at.clone(), Sheet::new(draft));
                cx.intents.send(Intent::Select(Some(Selected::Object(at.clone()))));
            }
            let Some(sheet) = drafts.get_mut(at) else { return };
            sheet.draft.swap(wish, cx);
            if sheet.draft.is_new() && !sheet.draft.differs() {
                drafts.remove(at);
                if is_selected(cx, at) {
                    cx.intents.send(Intent::Back);
                }
            }
        });
    }

    /// Has the draft of an object want something, which is a deed of the user's.
    fn wants(&mut self, at: &Ref, deed: u64, cx: &Cx<'_>, what: impl FnOnce(&mut Draft)) {
        let Some(object) = cx.scene.mesh.objects().get(at).filter(|_| at.kind.editable) else { return };
        let sheet = self.drafts.entry(at.clone()).or_insert_with(|| Sheet::new(Draft::of(at, object)));
        what(&mut sheet.draft);
        if let Some(wish) = sheet.draft.deed() {
            self.history.note(deed, (at.clone(), wish));
        }
        sheet.draft.check(cx);
    }

    /// Takes the draft of an object back.
    fn reset(&mut self, at: &Ref, deed: u64, cx: &Cx<'_>) {
        let Some(sheet) = self.drafts.get_mut(at) else { return };
        sheet.draft.dismiss(cx);
        sheet.draft.reset();
        if let Some(wish) = sheet.draft.deed() {
            self.history.note(deed, (at.clone(), wish));
        }
        if sheet.draft.is_new() || sheet.draft.is_gone(cx) {
            self.drafts.remove(at);
            if is_selected(cx, at) {
                cx.intents.send(Intent::Back);
            }
        }
    }

    /// Follows what was asked for elsewhere: a new object, a deletion, a change or a draft that was dismissed
    /// or shall be made anew. `deed` is the number of that.
    pub(crate) fn follow_intent(&mut self, asked: &Intent, deed: u64, cx: &Cx<'_>) {
        match asked {
            Intent::Push(_) => self.history.clear(),
            Intent::Reset(DraftOf::Object(at)) => self.reset(at, deed, cx),
            Intent::Reset(of @ DraftOf::Kept(..)) => self.waiting.retain(|(kept, _)| kept.draft() != *of),
            Intent::Anew(of @ DraftOf::Kept(..)) => {
                let same = self.waiting.iter_mut().find(|(kept, _)| kept.draft() == *of);
                if let (Some((kept, _)), Some(whose)) = (same, &self.whose) {
                    kept.take_over(whose);
                    self.go_on(cx);
                }
            }
            Intent::Anew(DraftOf::Object(at)) => {
                if let Some(Sheet { draft, .. }) = self.drafts.get_mut(at) {
                    if draft.is_superseded() { draft.rebuild(cx) } else { draft.create_again(cx) }
                }
            }
            Intent::Draft(at, text) => {
                let draft = Draft::new(at.clone(), text.clone());
                let sheet = self.drafts.entry(at.clone()).or_insert_with(|| Sheet::new(draft));
                sheet.draft.check(cx);
            }
            Intent::Edit(Selected::Object(at), DELETE) => {
                self.wants(at, deed, cx, |draft| draft.deletes = true);
            }
            Intent::Mend(at, fix) => self.wants(at, deed, cx, |draft| draft.mend(fix)),
            Intent::Dismiss(id) => {
                let mut ours = Vec::new();
                for (at, sheet) in self.drafts.iter_mut().filter(|(_, sheet)| sheet.draft.is_in(*id, cx)) {
                    sheet.draft.unask();
                    ours.push(at.clone());
                }
                ours.iter().for_each(|at| self.reset(at, deed, cx));
            }
            Intent::Rebuild(id) => {
                let ours = self.drafts.values_mut().filter(|sheet| sheet.draft.is_in(*id, cx));
                for sheet in ours {
                    sheet.draft.unask();
                    sheet.draft.follow(cx);
                    sheet.draft.rebuild(cx);
                }
            }
            _ => {}
        }
    }

    /// Draws the detail of an object; `known` draws what is known of it beyond its text.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, at: &Ref, known: impl FnOnce(&mut Ui)) {
        let object = cx.scene.mesh.objects().get(at);
        head(ui, cx, at);
        if let Some(Problem { what, why, next }) = cx.scene.mesh.problem(at) {
            problem::problem(ui, problem::Level::Warning, what, why, next, None);
        }
        if object.is_some() {
            known(ui);
        }
        if !at.kind.editable {
            match object {
                Some(object) => {
                    let yaml = yaml::of(ui, Some(object));
                    ui.horizontal_wrapped(|ui| copy(ui, cx, at, &yaml));
                    text::note(ui, format!("A {} is read here and never written", at.kind));
                    code::still(ui, &format!("YAML of {at}"), &yaml);
                }
                None => gone(ui, cx, at),
            }
            return;
        }
        if !self.drafts.contains_key(at) {
            let Some(object) = object else {
                gone(ui, cx, at);
                return;
            };
            self.drafts.insert(at.clone(), Sheet::new(Draft::of(at, object)));
        }
        let Some(sheet) = self.drafts.get_mut(at) else { return };
        sheet.looked_at = true;
        // Ids of its own: what comes and goes above must not take the keyboard away.
        let own = egui::UiBuilder::new().id(Id::new(("object", at)));
        let given_up = ui.scope_builder(own, |ui| sheet.ui(ui, cx, at)).inner;
        if let Some(wish) = sheet.draft.deed() {
            self.history.note(deed(), (at.clone(), wish));
        }
        if given_up {
            self.drafts.remove(at);
            cx.intents.send(Intent::Back);
        }
    }
}

impl Sheet {
    /// Returns whether a draft of something new was given up.
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, at: &Ref) -> bool {
        let schema = schema(cx, at, &self.draft.text);
        let given_up = self.actions(ui, cx, at);
        self.standing(ui, cx, at);
        if self.draft.deletes {
            return given_up;
        }
        let known = schema.value().cloned();
        let key = (self.draft.text.clone(), known.clone());
        let judged = Arc::clone(
            self.judged.get(key, |(text, schema)| Arc::new(flaws::judged(text, schema.as_deref()))),
        );
        let id = Id::new(("yaml", at));
        let mesh = &cx.scene.mesh;
        let offered = |text: &str, letters: usize, asked: bool| -> (usize, Vec<Offer>) {
            let Some(here) = cursor::at(text, letters) else { return (0, Vec::new()) };
            // Unasked only where a name has been begun.
            if !asked && here.typed.is_empty() {
                return (0, Vec::new());
            }
            (here.from, offers(&here, known.as_deref(), mesh, &at.namespace))
        };
        let now = ui.input(|input| input.time);
        let name = format!("YAML of {at}");
        if self.code.ui(ui, id, &name, &mut self.draft.text, &judged, offered) {
            self.draft.typed = Some(now);
        }
        if let Some(typed) = self.draft.typed {
            let left = typed + REST - now;
            if left <= 0.0 || !ui.memory(|memory| memory.has_focus(id)) {
                self.draft.check(cx);
            } else {
                ui.ctx().request_repaint_after_secs(left as f32 + 0.01);
            }
        }
        self.flaws(ui, id, &judged);
        // Below the text, which stays where it is while one types.
        if let Some((id, change)) = self.draft.waits(cx) {
            before_push::below(ui, cx, id, change);
        }
        checked(ui, cx, &schema, at);
        given_up
    }

    /// Copy, clone, delete; or what takes the draft back.
    fn actions(&mut self, ui: &mut Ui, cx: &Cx<'_>, at: &Ref) -> bool {
        let (draft, tokens) = (&mut self.draft, Tokens::of(ui));
        let mut given_up = false;
        ui.horizontal_wrapped(|ui| {
            copy(ui, cx, at, &draft.text);
            if let Some(object) = cx.scene.mesh.objects().get(at) {
                let clone = ui.add(Button::quiet("Clone").with_icon(icon::COPY_SIMPLE).named("Clone…"));
                if clone.clicked()
                    && let Some(intent) = begin::clone(cx, at)
                {
                    cx.intents.send(intent);
                }
                let delete = Button::quiet("Delete").with_icon(icon::TRASH).danger().named("Delete…");
                if !draft.deletes && ui.add(delete).clicked() {
                    draft.deletes = true;
                    draft.check(cx);
                }
                if !object.resource_version().is_empty() {
                    badge::pill(ui, &format!("version {}", object.resource_version()), tokens.muted);
                }
            }
            let (word, name) = match (draft.is_new(), draft.deletes) {
                (true, _) => ("Give up", "Give up the new object"),
                (_, true) => ("Keep it", "Keep it"),
                _ => ("Reset", "Reset"),
            };
            let differs = draft.differs() && !draft.under_way(cx);
            if ui.add_enabled(differs, Button::quiet(word).named(name)).clicked() {
                draft.dismiss(cx);
                given_up = draft.is_new();
                draft.reset();
            }
        });
        given_up
    }

    /// How the draft stands: what it differs by, what somebody else did.
    fn standing(&mut self, ui: &mut Ui, cx: &Cx<'_>, at: &Ref) {
        let tokens = Tokens::of(ui);
        if self.draft.is_superseded() {
            let why =
                "Your draft was made on an older version and changes the same lines. Nothing of it is lost.";
            let (what, next) =
                ("Somebody else changed it meanwhile", "Make it on the newer version, or reset it");
            if problem::problem(ui, problem::Level::Warning, what, why, next, Some("Rebuild")) {
                self.draft.rebuild(cx);
            }
        }
        if self.draft.stop == Some(Stop::Gone) {
            let (what, why) = (format!("{at} is gone"), "Somebody deleted it; your text is still here");
            let next = "Copy it, or create it anew";
            if problem::problem(ui, problem::Level::Warning, &what, why, next, Some("Create it anew")) {
                self.draft.create_again(cx);
            }
        }
        let differs = self.draft.differs();
        ui.horizontal(|ui| {
            let word = match () {
                () if !differs => "as in the cluster",
                () if self.draft.under_way(cx) => "being pushed",
                () if self.draft.unseen(cx) => words::UNSEEN,
                () if self.draft.deletes => "to be deleted, not pushed",
                () if self.draft.is_new() => "new, not pushed",
                () => "not pushed",
            };
            let (color, means) = if differs {
                (tokens.accent, "The draft differs from what the cluster has")
            } else {
                (tokens.muted, "The text is what the cluster has")
            };
            badge::pill(ui, word, color).on_hover_text(means);
            let symbol = if self.diff { icon::CARET_UP } else { icon::CARET_DOWN };
            let name = format!("What changes in {at}");
            let caret = Button::icon(symbol, name).selected(self.diff && differs);
            if ui.add_enabled(differs, caret).clicked() {
                self.diff = !self.diff;
            }
        });
        if let Some((id, change)) = self.draft.waits(cx).filter(|_| self.draft.deletes) {
            before_push::below(ui, cx, id, change);
        }
        if differs && (self.diff || self.draft.deletes) {
            let after = if self.draft.deletes { "" } else { &self.draft.text };
            diff::diff(ui, &format!("Draft of {at}"), self.draft.before(), after);
        }
    }

    /// What is wrong, in words; a click goes there.
    fn flaws(&self, ui: &mut Ui, id: Id, flaws: &[Flaw]) {
        let tokens = Tokens::of(ui);
        for flaw in flaws.iter().take(20) {
            let color = if flaw.error { tokens.failing } else { tokens.degraded };
            let words = format!("{}:{} {}", flaw.line + 1, flaw.column + 1, flaw.words);
            let label = RichText::new(words).size(size::SECONDARY).color(color);
            let label = ui.add(Label::new(label).wrap().sense(egui::Sense::click()));
            if label.on_hover_cursor(egui::CursorIcon::PointingHand).clicked() {
                let lines = self.draft.text.split_inclusive('\n').take(flaw.line);
                let at = lines.map(|line| line.chars().count()).sum::<usize>() + flaw.column;
                code::put_cursor(ui, id, at);
                ui.memory_mut(|memory| memory.request_focus(id));
            }
        }
        // What istiod refuses stands above, with its line.
        let told = flaws.iter().any(|flaw| flaw.error);
        if let (Some(Stop::NotYet(why)), false) = (&self.draft.stop, told) {
            text::note(ui, why);
        }
        if flaws.len() > 20 {
            text::note(ui, format!("{} more", fmt::count(flaws.len() - 20)));
        }
    }
}
