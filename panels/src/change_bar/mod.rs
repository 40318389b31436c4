//! The change bar: the pending changes as plain sentences, who judged them, how many proxies have them, and
//! Diff, Undo, Push. It keeps its place when there is nothing to push, so that the picture above never jumps.
//! A push that was cut off by the end of an earlier run comes first: it is finished, undone, or left.

mod above;
mod actions;
mod rest;
mod review;
mod set;
mod state;

pub use above::HEIGHT;
pub use state::ChangeBar;

use self::state::Above;
use crate::barred;
use crate::before_push;
use crate::cx::Cx;
use crate::held::Held;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{End, Status, Tokens, fmt, icon, problem, progress, text};
use crate::words;
use egui::accesskit::Live;
use egui::{
    Align, Id, Label, Layout, Rect, RichText, Sense, Ui, UiBuilder, WidgetInfo, WidgetType, pos2, vec2,
};
use mesh::ledger::Entry;
use mesh::scene::{Step, StepState};
use mesh::{ChangeId, Ref, Stage};

impl ChangeBar {
    /// Draws the bar, and above it the diff or the list of changes when it is asked for.
    /// `held` are the drafts that cannot be pushed; those of other clusters come last, and show where nothing
    /// else is to be shown.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, held: &[Held]) {
        let rect = ui.max_rect();
        self.hidden.retain(|id| cx.changes.get(*id).is_some());
        match cx.changes.pending() {
            Some(_) => self.dropped = None,
            None => self.restoring = false,
        }
        let (held, elsewhere) = held.split_at(held.partition_point(|held| !held.why.is_elsewhere()));
        let first = self.first(cx);
        let shown = match (first, held, &self.dropped) {
            (None, [_, ..], _) | (None, _, Some(_)) => None,
            _ => first.or_else(|| self.shown(cx)),
        };
        self.said = shown.map(|entry| words::spoken(entry, cx.changes)).unwrap_or_default();
        match (shown, held, &self.dropped, elsewhere) {
            (Some(entry), ..) => self.entry(ui, cx, rect, entry, held),
            (None, [held, more @ ..], ..) | (None, [], None, [held, more @ ..]) => {
                rest::held(ui, cx, rect, held, more.len());
            }
            (None, [], Some(_), _) => self.dropped(ui, cx, rect),
            (None, [], None, []) => rest::nothing(ui, cx, rect),
        }
        let close = match self.above {
            Some(Above::Diff(id)) => cx.changes.get(id).is_none_or(|entry| review::ui(ui, cx, entry)),
            Some(Above::Set) => {
                shown.filter(|entry| entry.parts.len() > 1).is_none_or(|entry| set::ui(ui, cx, entry))
            }
            None => false,
        };
        if close {
            self.above = None;
        }
    }

    /// Tells screen readers how the change stands, whenever that becomes another one.
    pub fn announce(&self, ui: &Ui) {
        if self.said.is_empty() {
            return;
        }
        let place = Rect::from_min_size(ui.max_rect().left_top(), vec2(1.0, 1.0));
        let response = ui.interact(place, Id::new("how the change stands"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &self.said));
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(Live::Polite));
    }

    /// Shows the diff of a change.
    pub fn review(&mut self, id: ChangeId) {
        self.above = Some(Above::Diff(id));
    }

    /// Follows intents from elsewhere: what was dismissed is out of sight.
    pub fn follow(&mut self, intent: &Intent) {
        if let Intent::UndoEdit | Intent::Push(_) | Intent::Connect(_) | Intent::Disconnect = intent {
            self.dropped = None;
        }
        self.restoring |= matches!(intent, Intent::Restore(_) | Intent::TakeBack(_));
        if let Intent::Dismiss(id) | Intent::Rebuild(id) | Intent::Leave(id) = intent {
            self.hidden.insert(*id);
            if self.above == Some(Above::Diff(*id)) {
                self.above = None;
            }
        }
    }

    fn newest_first<'a>(&self, cx: &Cx<'a>) -> impl DoubleEndedIterator<Item = &'a Entry> {
        cx.changes.entries().iter().rev().filter(|entry| !self.hidden.contains(&entry.id))
    }

    /// What comes before drafts that cannot be pushed: what was cut off, what waits for Push or was refused
    /// when it was pushed last, and what is being written.
    fn first<'a>(&self, cx: &Cx<'a>) -> Option<&'a Entry> {
        let cut_off = self.newest_first(cx).rfind(|entry| words::is_cut_off(entry, cx.changes));
        let waits = cx.changes.pending().filter(|entry| !self.hidden.contains(&entry.id));
        let written =
            || self.newest_first(cx).find(|entry| entry.run.is_none() && entry.stage.is_being_written());
        cut_off.or(waits).or_else(written)
    }

    /// The newest change that waits for the proxies, also one of an earlier run that is still followed; else
    /// the newest one of this run. Nothing that was dismissed.
    fn shown<'a>(&self, cx: &Cx<'a>) -> Option<&'a Entry> {
        // What was undone is told by what undid it.
        let of_this_run = || {
            self.newest_first(cx).filter(|entry| entry.run.is_none() && !words::is_undone(entry, cx.changes))
        };
        of_this_run()
            .find(|entry| words::is_open(&entry.stage))
            .or_else(|| self.newest_first(cx).find(|entry| words::is_followed(entry, cx.now)))
            .or_else(|| of_this_run().next())
    }

    fn entry(&mut self, ui: &mut Ui, cx: &Cx<'_>, rect: Rect, entry: &Entry, held: &[Held]) {
        let place = rect.with_max_x(rect.right() - 10.0);
        let mut row = child(ui, place, Layout::left_to_right(Align::Center));
        row.spacing_mut().item_spacing.x = 8.0;
        let end = End::of(&row, "judged and done");
        // Only what waits for Push can be overtaken by others.
        let outdated = entry.change.outdated(&cx.scene.mesh).filter(|_| entry.sent.is_none());
        // As much of the sentence as progress and buttons leave room for.
        let free = Rect::from_min_max(
            rect.left_top() + vec2(16.0, 0.0),
            pos2(place.right() - end.width() - 20.0, rect.bottom()),
        );
        let barred = barred::barred(&entry.change, cx);
        sentence(ui, cx, free, entry, (outdated, held, barred));
        end.show(&mut row, |ui| {
            if outdated.is_none() {
                state(ui, cx, entry, rect.width() > 1100.0);
            }
            ui.add_space(8.0);
            self.actions(ui, cx, entry, outdated.is_some());
        });
    }
}

fn child(ui: &mut Ui, rect: Rect, layout: Layout) -> Ui {
    ui.new_child(UiBuilder::new().max_rect(rect).layout(layout))
}

fn sentence(
    ui: &mut Ui,
    cx: &Cx<'_>,
    rect: Rect,
    entry: &Entry,
    (outdated, held, barred): (Option<&Ref>, &[Held], Option<&str>),
) {
    let tokens = Tokens::of(ui);
    let mut left = child(ui, rect.with_min_y(rect.top() + 14.0), Layout::top_down(Align::Min));
    left.set_clip_rect(rect.intersect(ui.clip_rect()));
    left.spacing_mut().item_spacing.y = 3.0;
    left.spacing_mut().interact_size.y = 16.0;
    let title = text::rich(&left, words::sentence(entry), size::TEXT, Weight::Semibold).color(tokens.text);
    left.add(Label::new(title).truncate());
    left.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        if let Some(at) = outdated.filter(|_| words::problem(&entry.stage).is_none()) {
            let line = format!("{at} was changed since by somebody else: this would be refused");
            problem::line(
                ui,
                problem::Level::Warning,
                &line,
                "",
                "Rebuild it on what is there now, or drop it",
            );
            return;
        }
        match words::problem(&entry.stage) {
            Some(trouble) => {
                let (level, line) =
                    (words::level(&entry.stage), format!("{}: {}", trouble.what, trouble.why));
                problem::line(ui, level, &line, "", &words::next(entry, trouble, cx));
            }
            None if barred.is_some() && entry.sent.is_none() => {
                problem::line(ui, problem::Level::Note, barred.unwrap_or_default(), "", "");
            }
            None if !entry.foreign.is_empty() => {
                problem::line(ui, problem::Level::Warning, &words::foreign(entry), "", "");
            }
            None if matches!(entry.stage, Stage::CutOff { .. }) => {
                text::muted(ui, &entry.change.title);
            }
            None => {
                let warnings = warnings(ui, cx, entry, held);
                if let Some(first) = warnings.first() {
                    let more = if warnings.len() > 1 {
                        format!(" (+ {})", warnings.len() - 1)
                    } else {
                        String::new()
                    };
                    problem::line(
                        ui,
                        problem::Level::Warning,
                        &format!("{first}{more}"),
                        &warnings.join("\n"),
                        "",
                    );
                } else {
                    let measured = words::measured(entry);
                    if !measured.is_empty() {
                        ui.add(
                            Label::new(
                                text::rich(ui, measured, size::SECONDARY, Weight::Regular).color(tokens.text),
                            )
                            .truncate(),
                        );
                        return;
                    }
                    if entry.sent.is_none() {
                        let touches = before_push::touched(ui, cx, entry.id, &entry.change);
                        let touches =
                            text::rich(ui, touches, size::SECONDARY, Weight::Regular).color(tokens.text);
                        ui.add(Label::new(touches).truncate()).on_hover_text(words::objects(&entry.change));
                        return;
                    }
                    let objects = RichText::new(words::objects(&entry.change))
                        .monospace()
                        .size(size::NOTE + 0.5)
                        .color(tokens.muted);
                    ui.add(Label::new(objects).truncate());
                }
            }
        }
    });
}

/// What the user should know before pushing: our own warnings and the server's.
fn warnings(ui: &Ui, cx: &Cx<'_>, entry: &Entry, held: &[Held]) -> Vec<String> {
    let left_out = held.iter().filter(|_| entry.sent.is_none());
    let mut all: Vec<String> =
        left_out.map(|held| format!("Not among them: {}. {}", held.name, rest::why(held).0)).collect();
    all.extend(if entry.sent.is_none() {
        before_push::warnings(ui, cx, entry.id, &entry.change)
    } else {
        entry.change.warnings.clone()
    });
    if let Stage::Checked(server) = &entry.stage {
        all.extend(server.iter().cloned());
    }
    all
}

/// Dry run; stage, segments, proxies, time.
fn state(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry, roomy: bool) {
    let tokens = Tokens::of(ui);
    if let Some((acked, of, who)) = words::taken(entry) {
        stage(ui, cx, entry);
        let color = if acked == of { tokens.healthy } else { tokens.accent };
        if of > 0 {
            let name = if who == "proxies" { "proxies that have it" } else { who };
            progress::segments(ui, acked, of, color, if roomy { 124.0 } else { 72.0 }, name);
        }
        let counted =
            text::rich(ui, format!("{acked} / {of} {who}"), size::TEXT, Weight::Medium).color(tokens.text);
        let label = ui.add(Label::new(counted).selectable(false));
        if !entry.waiting.is_empty() {
            label.on_hover_text(format!("Not yet: {}", entry.waiting.join(", ")));
        }
        let took = words::took(entry, cx.now).map(fmt::ms).unwrap_or_default();
        ui.add_sized(vec2(52.0, 18.0), Label::new(RichText::new(took).color(tokens.muted)).selectable(false));
        return;
    }
    match &entry.stage {
        Stage::Checking => {
            ui.label(RichText::new(icon::HOURGLASS_MEDIUM).color(tokens.muted));
            text::muted(ui, format!("dry run… {}", judges(cx)));
        }
        Stage::Checked(_) => {
            let done = ui.label(RichText::new(format!("{} dry run", icon::CHECK)).color(tokens.healthy));
            done.on_hover_text(format!("Judged by {}. {}", judges(cx), words::meaning(entry)));
            if roomy {
                text::muted(ui, judges(cx));
            }
        }
        _ => stage(ui, cx, entry),
    }
}

fn stage(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
    let tokens = Tokens::of(ui);
    let (status, word) = words::standing(entry, cx.changes);
    let color = if status == Status::Idle { tokens.muted } else { status.color(tokens) };
    crate::kit::badge::dot(ui, status);
    let word = text::rich(ui, word, size::TEXT, Weight::Medium).color(color);
    ui.add(Label::new(word).selectable(false)).on_hover_text(words::meaning(entry));
}

/// Who judges a dry run: istiod's webhook only where istiod is.
fn judges(cx: &Cx<'_>) -> &'static str {
    match cx.scene.steps.get(&Step::Istiod) {
        Some(StepState::Done(_)) => "API server, istiod",
        _ => "API server",
    }
}
