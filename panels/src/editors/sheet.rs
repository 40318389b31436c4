//! A sheet: one editor on one thing, with a draft for each of its scopes. Drafts are followed, judged,
//! rebuilt and taken back here, once for all editors.

use super::edits::{Chooser, Edits, Scope as _, Scoped};
use super::form::Form;
use super::gesture::Gesture;
use super::kept::Standing;
use super::row::Row;
use super::rules;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Tokens, badge, field, icon, problem, text};
use crate::selection::Selected;
use crate::subject;
use egui::{Align, Layout, RichText, Ui, UiBuilder};
use mesh::graph::NodeId;
use mesh::plan::Stop;
use mesh::{Change, Mesh};

/// A [`Sheet`] of any editor.
pub trait AnySheet {
    /// Names what is edited; the same thing gives the same id, from wherever it is selected.
    fn id(&self) -> &str;
    /// What it edits, in the user's words: "reviews".
    fn subject(&self) -> &str;
    /// Whether the cluster has something of this kind already, so that it is shown without asking.
    fn present(&self) -> bool;
    /// Whether there is a draft, shown or in another scope.
    fn holds(&self) -> bool;
    /// Draws it; returns whether it shall be folded away.
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> bool;
    /// Takes in what the cluster has now, without losing a draft.
    fn follow(&mut self, cx: &Cx<'_>);
    /// Follows what was asked of a change elsewhere: it was dismissed, or shall be made anew.
    fn follow_intent(&mut self, intent: &Intent, cx: &Cx<'_>);

    /// In which words its scopes are chosen.
    fn scopes(&self) -> Vec<String>;
    /// Shows another scope.
    fn choose(&mut self, scope: usize);
    /// Makes one of the editor's samples the draft that is shown; `false` when there are no more.
    fn try_on(&mut self, sample: usize) -> bool;
    /// The change that makes the draft true that is shown; `None` when it is true already.
    ///
    /// # Errors
    /// When what it was made for is gone, or when something is still to be said.
    fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Stop>;
}

/// The drafts of one editor on one thing.
pub struct Sheet<E: Edits> {
    id: String,
    /// What it edits, in the words of accessible names: "reviews".
    subject: String,
    selected: Selected,
    rows: Vec<Row<E>>,
    chosen: usize,
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

    /// Puts the scopes that there are now in place of those that there were.
    fn take(&mut self, now: Vec<Scoped<E::Scope, E>>, cx: &Cx<'_>) {
        let mut rows: Vec<Option<Row<E>>> = now.iter().map(|_| None).collect();
        let (mut shown, mut gone) = (None, Vec::new());
        // Drafts first: where what they are for has gone and come back, it is theirs again.
        let mut before: Vec<(usize, Row<E>)> =
            std::mem::take(&mut self.rows).into_iter().enumerate().collect();
        before.sort_by_key(|(_, row)| !row.differs());
        for (index, mut row) in before {
            let is_shown = index == self.chosen;
            // What was not there by itself has come: its draft is true, and what came of it is shown.
            if row.differs()
                && let Some(made) = now.iter().position(|new| row.kept.wanted.came_true(&row.scoped.at, new))
            {
                row.reset();
                row.dismiss(cx);
                shown = shown.or(is_shown.then_some(made));
            }
            let free = |place: &usize| rows[*place].is_none() && row.scoped.at.is(&now[*place].at);
            match (0..now.len()).find(free) {
                Some(place) => {
                    row.kept.follow(now[place].now.clone());
                    row.scoped = now[place].clone();
                    if std::mem::take(&mut row.gone) {
                        row.stop = None;
                        if is_shown {
                            row.check(cx);
                        }
                    }
                    if row.asked.is_some() && !row.differs() {
                        row.dismiss(cx);
                    }
                    shown = shown.or(is_shown.then_some(place));
                    rows[place] = Some(row);
                }
                None if row.differs() && row.entry(cx).is_none_or(|entry| entry.sent.is_none()) => {
                    row.gone = true;
                    row.stop = Some(Stop::Gone);
                    row.dismiss(cx);
                    shown = shown.or(is_shown.then_some(now.len() + gone.len()));
                    gone.push(row);
                }
                None => row.dismiss(cx),
            }
        }
        let fill =
            |(row, scoped): (Option<Row<E>>, Scoped<E::Scope, E>)| row.unwrap_or_else(|| Row::new(scoped));
        self.rows = rows.into_iter().zip(now).map(fill).chain(gone).collect();
        self.chosen = shown.unwrap_or_else(|| self.usual());
    }

    /// Name, subject, how the draft stands. Returns whether it shall be folded away.
    fn head(&self, ui: &mut Ui, cx: &Cx<'_>, about: &crate::panel::About) -> bool {
        let tokens = Tokens::of(ui);
        let standing = self.shown().map_or(Standing::Same, Row::standing);
        let under_way = self.shown().is_some_and(|row| row.under_way(cx));
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
            let not_yet = match &row.stop {
                Some(Stop::NotYet(why)) => Some(why.as_str()),
                _ => None,
            };
            let mut form = Form::new(ui, cx, (E::ABOUT.name, &self.subject), row.kept.standing(), not_yet);
            row.kept.wanted.form(&was, &row.scoped.at, &mut form);
            let (done, reset) = form.end();
            gesture.and(done);
            if reset {
                row.reset();
                gesture.and(Gesture::Settled);
                if row.gone {
                    self.rows.remove(self.chosen);
                    self.chosen = self.usual();
                }
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
                self.rows[self.chosen].kept.rebuild();
                self.check(cx);
            }
        }
        let own = UiBuilder::new().id(ui.id().with("draft"));
        if ui.scope_builder(own, |ui| self.fields(ui, cx)).inner == Gesture::Settled {
            self.check(cx);
        }
        let elsewhere = self.elsewhere();
        if !elsewhere.is_empty() {
            text::note(ui, format!("Not pushed either: {}", elsewhere.join(", ")));
        }
        let Some(row) = self.rows.get_mut(self.chosen) else { return fold };
        if row.stop == Some(Stop::Gone) {
            let what = format!("{} cannot be changed here any more", self.subject);
            let why = "It is gone, or somebody gave it another shape";
            problem::problem(ui, problem::Level::Warning, &what, why, "Select it again", None);
        }
        fold
    }

    fn follow(&mut self, cx: &Cx<'_>) {
        let mesh = &cx.scene.mesh;
        if let Some(subject) = subject::of_editors(mesh, &self.selected) {
            self.take(E::scopes(mesh, &subject), cx);
        }
    }

    fn follow_intent(&mut self, intent: &Intent, cx: &Cx<'_>) {
        let (Intent::Dismiss(id) | Intent::Rebuild(id)) = intent else { return };
        let Some(index) = self.rows.iter().position(|row| row.is_in(*id, cx)) else { return };
        self.rows[index].asked = None;
        if matches!(intent, Intent::Dismiss(_)) {
            self.rows[index].reset();
            return;
        }
        self.chosen = index;
        self.follow(cx);
        if let Some(row) = self.rows.get_mut(self.chosen) {
            row.kept.rebuild();
            row.check(cx);
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
