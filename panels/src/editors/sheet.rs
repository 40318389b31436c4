//! A sheet: one editor on one thing, with a draft for each of its scopes. Drafts are followed, judged,
//! rebuilt and taken back here, once for all editors.

use super::any_sheet::AnySheet;
use super::edits::{Chooser, Edits, Scope as _};
use super::form::{Form, Known};
use super::gesture::Gesture;
use super::kept::Standing;
use super::kept_form::{KeptForm, KeptRow, Place, may_be_kept};
use super::row::Row;
use super::rules;
use super::take::take;
use crate::before_push;
use crate::cx::Cx;
use crate::held::{DraftOf, Held, Why};
use crate::history::{History, deed};
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Tokens, badge, field, icon, number, problem, text};
use crate::selection::Selected;
use crate::subject;
use crate::whose::Whose;
use crate::words;
use egui::{Align, Layout, RichText, Ui, UiBuilder};
use mesh::graph::NodeId;
use mesh::plan::Stop;
use mesh::{Change, Mesh};

/// The drafts of one editor on one thing.
pub struct Sheet<E: Edits> {
    id: String,
    /// What it edits, in the words of accessible names: "reviews".
    subject: String,
    selected: Selected,
    rows: Vec<Row<E>>,
    chosen: usize,
    /// Scopes with what was wanted of them.
    history: History<(E::Scope, E)>,
}

impl<E: Edits> Sheet<E> {
    /// Begins drafts for a selection, on what the cluster has; `None` where the editor does not apply.
    pub fn open(mesh: &Mesh, selected: &Selected) -> Option<Box<dyn AnySheet>> {
        let subject = subject::of_editors(mesh, selected)?;
        let rows: Vec<Row<E>> = E::scopes(mesh, &subject).into_iter().map(Row::new).collect();
        if rows.is_empty() {
            return None;
        }
        let mut sheet = Self {
            id: format!("{} of {}/{}", E::ABOUT.name, subject.namespace(), subject.name()),
            subject: subject.name().to_owned(),
            selected: selected.clone(),
            rows,
            chosen: 0,
            history: History::default(),
        };
        sheet.chosen = sheet.rows.iter().position(|row| row.scoped.present).unwrap_or(sheet.usual());
        Some(Box::new(sheet))
    }

    /// The scope that people mean when they do not say which.
    fn usual(&self) -> usize {
        let usual = self.rows.iter().position(|row| row.scoped.usual);
        usual.unwrap_or(self.rows.len().saturating_sub(1))
    }

    fn shown(&self) -> Option<&Row<E>> {
        self.rows.get(self.chosen)
    }

    /// Other scopes that hold drafts of their own, in the words in which they are chosen.
    fn elsewhere(&self) -> Vec<&str> {
        let others =
            self.rows.iter().enumerate().filter(|(index, row)| *index != self.chosen && row.differs());
        others.map(|(_, row)| row.scoped.words.trim_end_matches('…')).collect()
    }

    /// A deed of the user, if it has changed a draft.
    fn note(&mut self, index: usize, deed: u64) {
        let Some(row) = self.rows.get_mut(index).filter(|row| row.settled != row.kept.wanted) else { return };
        let was = std::mem::replace(&mut row.settled, row.kept.wanted.clone());
        self.history.note(deed, (row.scoped.at.clone(), was));
    }

    /// Takes a draft back. One whose object is gone goes with it.
    fn reset(&mut self, index: usize, deed: u64) {
        self.rows[index].reset();
        self.note(index, deed);
        if self.rows[index].gone {
            self.rows.remove(index);
            self.chosen = self.usual();
        }
    }

    /// Makes a draft anew on what is there now; with its object where that is gone.
    fn anew(&mut self, index: usize, cx: &Cx<'_>) {
        self.chosen = index;
        if self.rows[index].gone {
            self.rows[index].ask_again(cx);
        } else {
            self.rows[index].rebuild();
            self.check(cx);
        }
    }

    /// Only the draft that is shown is judged and pushed.
    fn check(&mut self, cx: &Cx<'_>) {
        for (index, row) in self.rows.iter_mut().enumerate() {
            if index == self.chosen {
                row.check(cx);
            } else {
                row.dismiss(cx);
            }
        }
    }

    /// Name, subject, how the draft stands. Returns whether it shall be folded away.
    fn head(&self, ui: &mut Ui, cx: &Cx<'_>, about: &crate::panel::About) -> bool {
        let tokens = Tokens::of(ui);
        let standing = self.shown().map_or(Standing::Same, Row::standing);
        let under_way = self.shown().is_some_and(|row| row.under_way(cx));
        let unseen = self.shown().is_some_and(|row| row.unseen(cx));
        let elsewhere = self.elsewhere().len();
        let mut fold = false;
        ui.horizontal(|ui| {
            ui.label(text::rich(ui, about.name, size::TEXT, Weight::Semibold).color(tokens.text))
                .on_hover_text(about.summary);
            let of = self.shown().map_or("", |row| row.scoped.object.as_str());
            let of = RichText::new(of).size(size::SECONDARY).color(tokens.muted);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                if standing == Standing::Same && elsewhere == 0 {
                    fold = ui.add(Button::icon(icon::CARET_UP, format!("Fold {}", about.name))).clicked();
                } else {
                    let word = match (standing, elsewhere) {
                        (Standing::Same, more) => format!("{more} not pushed elsewhere"),
                        _ if under_way => "being pushed".to_owned(),
                        _ if unseen => words::UNSEEN.to_owned(),
                        (_, 0) => "not pushed".to_owned(),
                        (_, more) => format!("not pushed, + {more} elsewhere"),
                    };
                    badge::pill(ui, &word, tokens.accent)
                        .on_hover_text("The draft differs from what the cluster has");
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.add(egui::Label::new(of).truncate())
                });
            });
        });
        fold
    }

    /// The fields, and how a scope is chosen.
    fn fields(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Gesture {
        let mut gesture = Gesture::Rest;
        if let Chooser::Menu(name) = E::CHOOSER {
            let options: Vec<(&str, bool)> =
                self.rows.iter().map(|row| (row.scoped.words.as_str(), row.differs())).collect();
            ui.horizontal(|ui| {
                super::form::label(ui, "For", super::form::NARROW);
                if let Some(chosen) = field::choose_marked(ui, name, &options, self.chosen) {
                    self.chosen = chosen;
                    gesture.and(Gesture::Settled);
                }
            });
        }
        let Some(row) = self.rows.get_mut(self.chosen) else { return gesture };
        if let Some(service) = row.scoped.at.whole().filter(|_| names_a_version(&self.selected))
            && matches!(E::CHOOSER, Chooser::Menu(_))
            && cx
                .scene
                .mesh
                .service(&service.namespace, &service.name)
                .is_some_and(|it| it.workloads.len() > 1)
        {
            text::note(ui, format!("Counts for calls to every version of {}", service.name));
        }
        if let Some((goes, why)) = &row.scoped.locked {
            problem::problem(ui, problem::Level::Note, goes, why, "", None);
        } else {
            let was = row.kept.base().clone();
            let not_yet = match (&row.refused, &row.stop) {
                // While one types nothing moves: the field says it itself.
                (Some(refused), _) => Some(refused.words.as_str()).filter(|_| !refused.typing),
                (None, Some(Stop::NotYet(why))) => Some(why.as_str()),
                _ => None,
            };
            let known = E::NEEDS.first().and_then(|kind| Known::of(cx, kind, E::PLACE));
            let named = (E::ABOUT.name, &*self.subject);
            let draft = egui::Id::new(("draft", &self.id, &row.scoped.words, row.turn));
            let ((done, reset), refused) = number::drawn(ui, draft, |ui| {
                let mut form = Form::new(ui, cx, named, row.kept.standing(), not_yet).knowing(known);
                row.kept.wanted.form(&was, &row.scoped.at, &mut form);
                form.end()
            });
            gesture.and(done);
            row.refuse(refused, cx);
            if reset {
                gesture.and(Gesture::Settled);
                row.dismiss(cx);
                self.reset(self.chosen, deed());
            }
        }
        if E::CHOOSER == Chooser::Rules && self.rows.len() > 1 {
            let list: Vec<rules::RuleRow> = self.rows.iter().map(listed).collect();
            if let Some(clicked) = rules::list(ui, &list, self.chosen) {
                self.chosen = clicked;
                gesture.and(Gesture::Settled);
            }
        }
        gesture
    }
}

fn listed<E: Edits>(row: &Row<E>) -> rules::RuleRow {
    let short = || row.kept.wanted.short();
    rules::RuleRow {
        words: row.scoped.words.clone(),
        goes: row.scoped.locked.as_ref().map_or_else(short, |(goes, _)| goes.clone()),
        differs: row.differs(),
    }
}

impl<E: Edits> AnySheet for Sheet<E> {
    fn id(&self) -> &str {
        &self.id
    }

    fn subject(&self) -> &str {
        &self.subject
    }

    fn present(&self) -> bool {
        E::ALWAYS || self.rows.iter().any(|row| row.scoped.present)
    }

    fn holds(&self) -> bool {
        self.rows.iter().any(Row::differs)
    }

    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> bool {
        let fold = self.head(ui, cx, &E::ABOUT);
        if self.shown().is_some_and(|row| row.standing() == Standing::Superseded) {
            let what = "Somebody else changed it meanwhile";
            let why = "Your draft was made on an older version. Nothing of it is lost.";
            let next = "Make it on the newer version, or reset it";
            if problem::problem(ui, problem::Level::Warning, what, why, next, Some("Rebuild")) {
                self.anew(self.chosen, cx);
            }
        }
        let own = UiBuilder::new().id(ui.id().with("draft"));
        if ui.scope_builder(own, |ui| self.fields(ui, cx)).inner == Gesture::Settled {
            self.note(self.chosen, deed());
            self.check(cx);
        }
        let elsewhere = self.elsewhere();
        if !elsewhere.is_empty() {
            text::note(ui, format!("Not pushed either: {}", elsewhere.join(", ")));
        }
        let Some(row) = self.rows.get_mut(self.chosen) else { return fold };
        if let (Some(id), Some((_, change))) = (row.pending(cx), &row.asked) {
            before_push::below(ui, cx, id, change);
        }
        if row.stop == Some(Stop::Gone) {
            let what = format!("{} cannot be changed here any more", self.subject);
            let why = "It is gone, or somebody gave it another shape. Your draft is still here";
            let again = row.held(true, cx) == Some(Why::Gone { again: true });
            let (next, action) = match again {
                true => ("Create it again with your draft, or reset it", Some("Create again")),
                false => ("Reset it, or select it again", None),
            };
            if problem::problem(ui, problem::Level::Warning, &what, why, next, action) {
                row.ask_again(cx);
            }
        }
        fold
    }

    fn follow(&mut self, cx: &Cx<'_>) {
        let mesh = &cx.scene.mesh;
        let now = match subject::of_editors(mesh, &self.selected) {
            Some(subject) => E::scopes(mesh, &subject),
            // It is gone only where all lists are in.
            None if cx.scene.ready() => Vec::new(),
            None => return,
        };
        let shown = take(&mut self.rows, self.chosen, now, cx);
        self.chosen = shown.unwrap_or_else(|| self.usual());
    }

    fn follow_intent(&mut self, asked: &Intent, deed: u64, cx: &Cx<'_>) {
        let draft = |of: &DraftOf| match of {
            DraftOf::Form(id, words) if *id == self.id => {
                self.rows.iter().position(|row| row.scoped.words == *words)
            }
            _ => None,
        };
        let index = match asked {
            Intent::Push(_) => {
                self.history.clear();
                None
            }
            Intent::Dismiss(id) | Intent::Rebuild(id) => self.rows.iter().position(|row| row.is_in(*id, cx)),
            Intent::Reset(of) | Intent::Anew(of) => draft(of),
            _ => None,
        };
        let Some(index) = index else { return };
        match asked {
            Intent::Anew(_) => self.anew(index, cx),
            Intent::Rebuild(_) => {
                self.rows[index].asked = None;
                self.chosen = index;
                self.follow(cx);
                if let Some(row) = self.rows.get_mut(self.chosen) {
                    row.rebuild();
                    row.check(cx);
                }
            }
            _ => {
                self.rows[index].asked = None;
                self.reset(index, deed);
            }
        }
    }

    fn held(&self, cx: &Cx<'_>) -> Vec<Held> {
        let several = self.rows.len() > 1;
        let here = subject::of_editors(&cx.scene.mesh, &self.selected).is_some();
        let of = |(index, row): (usize, &Row<E>)| {
            let words = &row.scoped.words;
            let scope = if several { format!(": {}", words.trim_end_matches('…')) } else { String::new() };
            Some(Held {
                draft: DraftOf::Form(self.id.clone(), words.clone()),
                name: format!("{} of {}{scope}", E::ABOUT.name, self.subject),
                why: row.held(index == self.chosen, cx)?,
                at: here.then(|| (self.selected.clone(), E::ABOUT.name)),
            })
        };
        self.rows.iter().enumerate().filter_map(of).collect()
    }

    fn kept(&self, whose: &Whose) -> Option<KeptForm> {
        let place = Place::of(&self.selected).filter(|_| may_be_kept(E::NEEDS))?;
        let rows = self.rows.iter().enumerate();
        let rows: Vec<KeptRow> = rows.filter_map(|(index, row)| row.keep(index == self.chosen)).collect();
        let (whose, editor) = (whose.clone(), E::ABOUT.name.to_owned());
        (!rows.is_empty()).then_some(KeptForm { whose, editor, place, rows })
    }

    fn recall(&mut self, kept: Vec<KeptRow>, cx: &Cx<'_>) -> Vec<(KeptRow, Why)> {
        let mut left = Vec::new();
        for one in kept {
            let exactly = |row: &Row<E>| row.scoped.words == one.words && row.scoped.object == one.object;
            let place = self.rows.iter().position(exactly);
            let place = place.or_else(|| self.rows.iter().position(|row| row.scoped.words == one.words));
            match place {
                Some(index) if self.rows[index].differs() => left.push((one, Why::Taken)),
                Some(index) if self.rows[index].recall(&one) => {
                    self.chosen = if one.shown { index } else { self.chosen };
                }
                _ => left.push((one, Why::Gone { again: false })),
            }
        }
        self.check(cx);
        left
    }

    fn deeds(&self) -> (Option<u64>, Option<u64>) {
        (self.history.last(), self.history.next())
    }

    fn step(&mut self, back: bool, cx: &Cx<'_>) {
        let (rows, mut shown) = (&mut self.rows, None);
        self.history.step(back, |(at, wanted)| {
            let same = |row: &Row<E>| at.is(&row.scoped.at) || row.scoped.at.is(at);
            if let Some(index) = rows.iter().position(same) {
                std::mem::swap(wanted, &mut rows[index].kept.wanted);
                rows[index].settled = rows[index].kept.wanted.clone();
                shown = Some(index);
            }
        });
        if let Some(index) = shown {
            self.chosen = index;
            self.check(cx);
        }
    }

    fn scopes(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.scoped.words.clone()).collect()
    }

    fn choose(&mut self, scope: usize) {
        self.chosen = scope.min(self.rows.len().saturating_sub(1));
    }

    fn try_on(&mut self, sample: usize) -> bool {
        let (Some(wanted), Some(row)) =
            (E::samples().into_iter().nth(sample), self.rows.get_mut(self.chosen))
        else {
            return false;
        };
        row.kept.wanted = wanted;
        true
    }

    fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Stop> {
        self.shown().map_or(Ok(None), |row| row.change(mesh))
    }
}

/// Whether less than a service is selected: a workload, a version of an app.
fn names_a_version(selected: &Selected) -> bool {
    match selected {
        Selected::Workload(..) | Selected::App(_, _, Some(_)) => true,
        Selected::Node(node) | Selected::Edge(_, node) => match node {
            NodeId::Workload(_) => true,
            NodeId::App(app) => app.version.is_some(),
            _ => false,
        },
        _ => false,
    }
}
