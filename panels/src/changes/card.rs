//! What is chosen in the journal, in full: a change with its undo and the ways back, or a write of somebody
//! else with what it did.

use super::lines;
use super::view::Row;
use crate::barred;
use crate::cx::Cx;
use crate::incident;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, End, Tokens, badge, button, diff, fmt, icon, problem, text};
use crate::looked::around;
use crate::versions::versions;
use crate::words;
use crate::yaml;
use egui::{Frame, Label, Margin, RichText, Ui, WidgetInfo, WidgetType};
use jiff::Timestamp;
use mesh::incidents::Incident;
use mesh::ledger::Entry;
use mesh::writes::{Deed, Write};
use mesh::{ChangeId, Moment, Ref, Restore, Stage};

/// A change in full. Returns whether something was pressed that goes on with it or takes it back.
pub(super) fn change(
    ui: &mut Ui,
    cx: &Cx<'_>,
    row: &Row,
    entry: &Entry,
    shown: &mut Option<ChangeId>,
) -> bool {
    let tokens = Tokens::of(ui);
    let open = *shown == Some(row.id);
    let mut acted = false;
    let frame = Frame::new()
        .fill(tokens.surface)
        .stroke(tokens.hairline())
        .corner_radius(8)
        .inner_margin(Margin::symmetric(14, 10));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 3.0;
        let head = ui.horizontal(|ui| {
            let (status, _) = words::standing(entry, cx.changes);
            badge::dot(ui, status);
            let end = End::of(ui, "stage and actions");
            ui.scope(|ui| {
                ui.set_max_width(ui.available_width() - end.width() - ui.spacing().item_spacing.x);
                let title = text::rich(ui, &row.title, size::TEXT, Weight::Semibold).color(tokens.text);
                ui.add(Label::new(title).truncate());
            });
            end.show(ui, |ui| {
                let stage =
                    Label::new(RichText::new(row.stage).color(status.color(tokens))).selectable(false);
                let meaning = match row.stage {
                    "Undone" => "It was taken back, and the proxies hold that",
                    "Being undone" => "It is being taken back: see the entry that does it",
                    "Undo not confirmed" => "What takes it back is not confirmed: see its entry",
                    _ => words::meaning(entry),
                };
                ui.add(stage).on_hover_text(meaning);
                let symbol = if open { icon::CARET_UP } else { icon::CARET_DOWN };
                if ui.add(Button::icon(symbol, format!("Diff of {}", row.title)).selected(open)).clicked() {
                    *shown = if open { None } else { Some(row.id) };
                }
                acted = actions(ui, cx, row, entry);
            });
        });
        head.response.widget_info(|| {
            WidgetInfo::labeled(WidgetType::Label, true, format!("{}: {}", row.title, row.stage))
        });
        ui.spacing_mut().interact_size.y = 18.0;
        for part in &row.parts {
            ui.horizontal(|ui| {
                ui.add_space(20.0);
                ui.add(Label::new(RichText::new(part).color(tokens.text)).truncate());
            });
        }
        ui.horizontal_wrapped(|ui| {
            ui.add_space(20.0);
            let whose = if entry.undoes.is_some() { "Undo from" } else { "From" };
            let who = match row.run {
                None => format!("{whose} this window"),
                Some(began) => format!("{whose} the run that began {}", fmt::ago(cx.now, began)),
            };
            let facts = [
                who,
                row.when.clone(),
                row.objects.clone(),
                row.proxies.clone(),
                row.took.clone(),
                row.measured.clone(),
            ];
            let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
            let asked = entry.sent.unwrap_or(entry.asked);
            text::muted(ui, facts.join("  ·  ")).on_hover_text(fmt::absolute(asked));
        });
        if let Some(trouble) = words::problem(&entry.stage).filter(|_| !row.undone) {
            let level = if matches!(entry.stage, Stage::Failed(_)) {
                problem::Level::Error
            } else {
                problem::Level::Warning
            };
            problem::problem(ui, level, &trouble.what, &trouble.why, &words::next(entry, trouble, cx), None);
        }
        if open {
            for step in &entry.change.steps {
                ui.add_space(4.0);
                text::mono(ui, step.at.to_string());
                versions(ui, cx, entry, step);
            }
        }
    });
    acted
}

/// What goes on with it, or takes it back. Returns whether it was pressed.
fn actions(ui: &mut Ui, cx: &Cx<'_>, row: &Row, entry: &Entry) -> bool {
    let mut acted = false;
    let barred = barred::barred(&entry.change, cx);
    if row.cut_off {
        let ready = entry.foreign.is_empty() && barred.is_none();
        let finish = Button::quiet("Finish").named(format!("Finish {}", row.title));
        if ui.add_enabled(ready, finish).clicked() {
            cx.intents.send(Intent::Finish(row.id));
            acted = true;
        }
    }
    if let Some(sent) = entry.sent {
        compare(ui, cx, sent, &row.title);
    }
    if entry.is_stored() || row.undone {
        acted |= restore(ui, cx, row, entry);
    }
    ui.add_enabled_ui(row.undo && barred.is_none(), |ui| {
        let undo = ui.add(Button::quiet("Undo").named(format!("Undo {}", row.title)).on(row.id));
        let why = match () {
            () if barred.is_some() => barred.unwrap_or_default(),
            () if row.undone => "It was undone already",
            () => entry.change.lasts().unwrap_or("Only what was written can be undone"),
        };
        if undo.on_disabled_hover_text(why).clicked() {
            cx.intents.send(Intent::Undo(row.id));
            acted = true;
        }
    });
    acted
}

/// What the graph was before it and is after it.
fn compare(ui: &mut Ui, cx: &Cx<'_>, when: Timestamp, title: &str) {
    let button = Button::quiet("Before and after").named(format!("Compare before and after {title}"));
    if ui.add(button).on_hover_text("Shows in the graph what is new, gone, slower or fails since").clicked() {
        cx.intents.send(Intent::Look(around(when, cx.window_secs, cx.now)));
    }
}

/// Ways back to an earlier moment: each is a change like any other, that waits for Push. Returns whether one
/// was chosen.
fn restore(ui: &mut Ui, cx: &Cx<'_>, row: &Row, entry: &Entry) -> bool {
    let mut acted = false;
    ui.add_enabled_ui(!cx.read_only, |ui| {
        let menu = button::menu(ui, "Restore", &format!("Restore to {}", row.title), |ui| {
            let mut way = |ui: &mut Ui, label: &str, to: Moment, only: Vec<Ref>| {
                if button::item(ui, label) {
                    cx.intents.send(Intent::Restore(Restore { to, only }));
                    acted = true;
                }
            };
            let (before, after) = (Moment::Before(entry.id), Moment::After(entry.id));
            let objects: Vec<Ref> = entry.change.steps.iter().map(|step| step.at.clone()).collect();
            ui.add_enabled_ui(cx.changes.is_followed(entry.id), |ui| {
                way(ui, "Everything to here: as it was after this change", after, Vec::new());
                for at in &objects {
                    way(ui, &format!("Only {at} to here"), after, vec![at.clone()]);
                }
            });
            way(ui, "Everything as it was before this change", before, Vec::new());
            for at in &objects {
                way(ui, &format!("Only {at} as it was before"), before, vec![at.clone()]);
            }
        });
        menu.response.on_hover_text(words::RESTORE).on_disabled_hover_text(words::READ_ONLY);
    });
    acted
}

/// The way back to before somebody else's write: a change like any other, that waits for Push.
fn take_back(ui: &mut Ui, cx: &Cx<'_>, write: &Write) {
    let why = if cx.read_only { Some(words::READ_ONLY) } else { write.lasts() };
    ui.add_enabled_ui(why.is_none(), |ui| {
        let button = Button::quiet("Restore").named(format!("Restore {} to before it", write.at));
        let button = ui.add(button).on_hover_text(words::TAKE_BACK);
        if button.on_disabled_hover_text(why.unwrap_or_default()).clicked() {
            cx.intents.send(Intent::TakeBack(Box::new(write.clone())));
        }
    });
}

/// What somebody else has written.
pub(super) fn write(ui: &mut Ui, cx: &Cx<'_>, write: &Write) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing.y = 4.0;
    let did = match write.deed {
        Deed::Created => "created",
        Deed::Changed => "changed",
        Deed::Deleted => "deleted",
        Deed::Before => "has written",
    };
    let who = match &write.by {
        Some(_) => lines::who(write),
        None => "Somebody".to_owned(),
    };
    let said = format!("{who} {did} {}", write.at);
    ui.add(Label::new(text::rich(ui, said, size::TEXT, Weight::Semibold).color(tokens.text)).wrap());
    let when = format!("{}  ·  {}", fmt::ago(cx.now, write.when), fmt::absolute(write.when));
    ui.horizontal_wrapped(|ui| {
        text::muted(ui, when);
        compare(ui, cx, write.when, &write.at.to_string());
        take_back(ui, cx, write);
    });
    match write.deed {
        Deed::Deleted => {
            text::muted(ui, "Kubernetes does not note who deletes");
        }
        Deed::Before => {
            text::muted(ui, "It was written before this window looked: the server notes these fields");
        }
        Deed::Created | Deed::Changed => {}
    }
    for place in &write.what {
        text::mono(ui, place);
    }
    if write.before.is_some() || write.after.is_some() {
        ui.add_space(4.0);
        let (before, after) = (yaml::of(ui, write.before.as_ref()), yaml::of(ui, write.after.as_ref()));
        diff::diff(ui, &format!("Diff of {}", write.at), &before, &after);
    }
}

/// What happened without anybody writing.
pub(super) fn happened(ui: &mut Ui, cx: &Cx<'_>, incident: &Incident) {
    let tokens = Tokens::of(ui);
    ui.spacing_mut().item_spacing.y = 4.0;
    let title = text::rich(ui, &incident.object, size::TEXT, Weight::Semibold).color(tokens.text);
    ui.add(Label::new(title).wrap());
    ui.add(Label::new(RichText::new(&incident.what).color(tokens.text)).wrap());
    let by = if incident.by.is_empty() { String::new() } else { format!("  ·  says {}", incident.by) };
    let when = format!("{}  ·  {}{by}", fmt::ago(cx.now, incident.when), fmt::absolute(incident.when));
    ui.horizontal_wrapped(|ui| {
        text::muted(ui, when);
        compare(ui, cx, incident.when, &incident.object);
        let Some(at) = &incident.at else { return };
        let Some(selected) = incident::leads(&cx.scene.mesh, at) else { return };
        if ui.add(Button::quiet("Show").named(format!("Show {at}"))).clicked() {
            cx.intents.send(Intent::Select(Some(selected)));
        }
    });
}
