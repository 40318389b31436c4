//! The buttons of the bar. None that acts comes to stand where another stood: the second click of a double
//! click falls on nothing, or on what only looks.

use super::state::{Above, ChangeBar};
use crate::barred;
use crate::copies;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{size, space};
use crate::kit::{Button, Tokens, button, icon, keys};
use crate::words;
use egui::{Align2, Context, FontId, Key, Modifiers, Popup, Sense, Ui, vec2};
use mesh::ledger::Entry;
use mesh::{Change, Stage};

impl ChangeBar {
    /// Take back, look, send, dismiss.
    pub(super) fn actions(&mut self, ui: &mut Ui, cx: &Cx<'_>, entry: &Entry, outdated: bool) {
        let cut_off = words::is_cut_off(entry, cx.changes);
        if self.dropping == Some(entry.id) && entry.sent.is_none() {
            self.drop_all(ui, cx, entry);
            return;
        }
        self.dropping = None;
        undo(ui, cx, entry, cut_off);
        copy(ui, cx, entry);
        if entry.parts.len() > 1 {
            let open = self.above == Some(Above::Set);
            if ui.add(Button::icon(icon::LIST_NUMBERS, "List changes").selected(open)).clicked() {
                self.toggle(Above::Set);
            }
        }
        let diff = Above::Diff(entry.id);
        if ui.add(Button::quiet("Diff").selected(self.above == Some(diff))).clicked() {
            self.toggle(diff);
        }
        if cut_off {
            finish(ui, cx, entry);
            if ui.add(Button::icon(icon::X, "Leave it as it is")).clicked() {
                cx.intents.send(Intent::Leave(entry.id));
            }
        } else {
            self.send(ui, cx, entry, outdated);
            self.dismiss(ui, cx, entry);
        }
    }

    /// Ctrl Enter pushes what is ready; Ctrl Z takes the last edit of a draft back; Esc closes what stands above
    /// the bar. While somebody types, the first only leaves the field, since what stands there was not checked,
    /// and the others are the field's. Called before anything is drawn: a button with the focus would take any
    /// Enter for its own, and the graph what Esc is left.
    pub fn keys(&mut self, ctx: &Context, cx: &Cx<'_>) {
        if keys::modal(ctx) {
            return;
        }
        let pressed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::COMMAND, key));
        let typing = ctx.text_edit_focused();
        let closes = self.above.is_some() && !typing && !Popup::is_any_open(ctx);
        if closes && ctx.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            self.above = None;
        }
        if !typing {
            let with_shift = Modifiers::COMMAND | Modifiers::SHIFT;
            if ctx.input_mut(|input| input.consume_key(with_shift, Key::Z)) || pressed(Key::Y) {
                cx.intents.send(Intent::RedoEdit);
            } else if pressed(Key::Z) {
                cx.intents.send(Intent::UndoEdit);
            }
        }
        let enter = pressed(Key::Enter);
        if enter && typing {
            ctx.memory_mut(egui::Memory::stop_text_input);
        }
        let Some(entry) = cx.changes.pending() else { return };
        let ready = words::can_push(entry) && entry.change.outdated(&cx.scene.mesh).is_none();
        if enter && !typing && ready && barred::barred(&entry.change, cx).is_none() {
            cx.intents.send(Intent::Push(entry.id));
        }
    }

    /// Several drafts are not lost by one click, nor is a way back.
    fn drop_all(&mut self, ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
        let (keep, drop) = match entry.parts.len() {
            0 | 1 => ("Keep it", "Drop it".to_owned()),
            several => ("Keep them", format!("Drop all {several} changes")),
        };
        if ui.add(Button::quiet(drop).danger()).clicked() {
            self.drop_it(cx, entry);
        }
        ui.add_space(72.0);
        if ui.add(Button::quiet(keep)).clicked() {
            self.dropping = None;
        }
    }

    /// What editors have made of it can be brought back.
    fn drop_it(&mut self, cx: &Cx<'_>, entry: &Entry) {
        let drafts = cx.changes.pending().is_some_and(|pending| pending.id == entry.id) && !self.restoring;
        self.dropped = drafts.then(|| words::sentence(entry));
        cx.intents.send(Intent::Dismiss(entry.id));
    }

    fn dismiss(&mut self, ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
        let several = entry.sent.is_none() && entry.parts.len() > 1;
        let name = if several { "Drop all changes…" } else { "Dismiss" };
        let x = ui.add_enabled(!under_way(entry), Button::icon(icon::X, name));
        if x.clicked() && (several || self.restoring && entry.sent.is_none()) {
            self.dropping = Some(entry.id);
        } else if x.clicked() {
            self.drop_it(cx, entry);
        }
    }

    /// What sends it, or sends it again; when it was sent, its place stays empty.
    fn send(&mut self, ui: &mut Ui, cx: &Cx<'_>, entry: &Entry, outdated: bool) {
        let before = ui.cursor().left();
        let anew = (entry.conflict.is_some() || outdated) && entry.undoes.is_none();
        if anew || words::can_try_again(entry) {
            // The same road: the drafts are still there, and are judged anew on what the cluster has now.
            let what = if anew { "Rebuild on theirs" } else { "Try again" };
            if ui.add(Button::primary(what)).clicked() {
                cx.intents.send(Intent::Rebuild(entry.id));
            }
        } else if let Some(Ok(intent)) = words::way_back(entry, cx) {
            let restore = ui.add(Button::primary("Restore to before it"));
            if restore.on_hover_text(words::RESTORE).clicked() {
                cx.intents.send(intent);
            }
        } else if entry.sent.is_none() && (entry.clash || !matches!(entry.stage, Stage::Failed(_))) {
            push(ui, cx, entry);
        } else if let Some((_, width)) = self.sender.filter(|(id, _)| *id == entry.id) {
            let (rect, _) = ui.allocate_exact_size(vec2(width, space::CONTROL), Sense::hover());
            if entry.sent.is_some() {
                let font = FontId::proportional(size::TEXT);
                let word = words::pushed(&entry.stage);
                ui.painter().text(rect.center(), Align2::CENTER_CENTER, word, font, Tokens::of(ui).faint);
            }
            return;
        } else {
            return;
        }
        let width = ui.cursor().left() - before - ui.spacing().item_spacing.x;
        self.sender = Some((entry.id, width.max(0.0)));
    }
}

fn under_way(entry: &Entry) -> bool {
    entry.sent.is_some() && words::is_open(&entry.stage)
}

fn push(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
    let barred = barred::barred(&entry.change, cx);
    let ready = words::can_push(entry) && barred.is_none();
    let push = match entry.parts.len() {
        0 | 1 => "Push".to_owned(),
        several => format!("Push all {several} changes"),
    };
    let push = ui.add_enabled(ready, Button::primary(&push).on(entry.id));
    let why = match () {
        () if barred.is_some() => barred.unwrap_or_default(),
        () if entry.clash => "Two of the changes write the same place: take one of them out",
        () => "Wait for the dry run",
    };
    if push.on_hover_text("Ctrl Enter").on_disabled_hover_text(why).clicked() {
        cx.intents.send(Intent::Push(entry.id));
    }
}

/// Goes on with a push that was cut off.
fn finish(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
    let barred = barred::barred(&entry.change, cx);
    let finish =
        ui.add_enabled(entry.foreign.is_empty() && barred.is_none(), Button::primary("Finish").on(entry.id));
    let why = barred.unwrap_or("Somebody else has changed one of its objects since");
    let finish = finish.on_hover_text("Writes what is missing; if that fails, all of it is taken back");
    if finish.on_disabled_hover_text(why).clicked() {
        cx.intents.send(Intent::Finish(entry.id));
    }
}

fn undo(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry, cut_off: bool) {
    let can_undo = words::can_undo(entry, cx.changes);
    let lasts = entry.change.lasts().filter(|_| entry.is_stored());
    if !(can_undo || cut_off || under_way(entry) || lasts.is_some()) {
        return;
    }
    let barred = barred::barred(&entry.change, cx);
    let undo = ui.add_enabled(can_undo && barred.is_none(), Button::quiet("Undo").on(entry.id));
    let why = match () {
        () if lasts.is_some() => lasts.unwrap_or_default(),
        () if barred.is_some() => barred.unwrap_or_default(),
        () if cut_off => "Nothing of it was written",
        () => "It can be undone as soon as it is stored",
    };
    if undo.on_hover_text("Takes back what was written").on_disabled_hover_text(why).clicked() {
        cx.intents.send(Intent::Undo(entry.id));
    }
}

/// A change as text.
type Form = fn(&Change) -> String;

/// Copies a change for a review or a terminal.
fn copy(ui: &mut Ui, cx: &Cx<'_>, entry: &Entry) {
    button::menu(ui, icon::COPY, "Copy change", |ui| {
        let change = &entry.change;
        let forms: [(&str, &str, Form, &str); 3] = [
            ("Copy as kubectl", icon::TERMINAL, copies::as_kubectl, "The change as kubectl commands"),
            ("Copy as patch", icon::BRACKETS_CURLY, copies::as_patch, "The change as JSON patches"),
            ("Copy as YAML", icon::FILE_TEXT, copies::as_yaml, "The changed objects as YAML"),
        ];
        for (name, symbol, form, said) in forms {
            if ui.add(Button::bare(name).with_icon(symbol).named(name)).clicked() {
                cx.intents.send(Intent::Copy(form(change), said.to_owned()));
                ui.close();
            }
        }
    });
}
