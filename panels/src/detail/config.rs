//! Istio's objects that touch the selected thing.

use super::rows::fold;
use super::touching::{ConfigRow, Saying, sayings};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Tokens, icon, text};
use crate::problems;
use crate::selection::Selected;
use egui::{Align2, FontId, Frame, Label, Margin, RichText, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::{Mesh, Problem, Ref, Revision, kinds, roles};
use std::sync::Arc;

/// Objects as links.
pub(super) fn list(ui: &mut Ui, cx: &Cx<'_>, config: &[ConfigRow]) {
    if config.is_empty() {
        return;
    }
    let judged = problems::found(ui, cx);
    fold(ui, "Configuration", "objects that touch it", true, |ui| {
        ui.add_space(2.0);
        for ConfigRow { at, says } in config {
            let tokens = Tokens::of(ui);
            let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(WidgetType::Link, true, at.to_string()));
            if response.hovered() || response.has_focus() {
                ui.painter().rect_filled(rect, 4.0, tokens.raised);
            }
            let y = rect.center().y;
            ui.painter().text(
                pos2(rect.left() + 13.0, y),
                Align2::CENTER_CENTER,
                icon::FILE_TEXT,
                FontId::proportional(15.0),
                tokens.muted,
            );
            let kind = ui.painter().text(
                pos2(rect.left() + 28.0, y),
                Align2::LEFT_CENTER,
                at.kind.kind,
                FontId::proportional(size::TEXT),
                tokens.text,
            );
            let name = format!("{}/{}", at.namespace, at.name);
            let (from, to) = (kind.right() + 8.0, rect.right() - 24.0);
            text::name(ui, &name, FontId::monospace(size::SECONDARY), tokens.muted, [from, to, y]);
            if trouble(cx, at).is_some() {
                ui.painter().text(
                    pos2(rect.right() - 12.0, y),
                    Align2::CENTER_CENTER,
                    icon::WARNING,
                    FontId::proportional(15.0),
                    tokens.degraded,
                );
            }
            if response.clicked() {
                cx.intents.send(Intent::Select(Some(Selected::Object(at.clone()))));
            }
            // What it does not do is said already.
            let wrong = problems::found_in(&judged, at)
                .filter(|one| !says.iter().any(|saying| saying.words == one.what))
                .map(|one| Saying { words: one.what.clone(), acts: false });
            let all: Vec<Saying> = says.iter().cloned().chain(wrong).collect();
            said(ui, &all, 28);
        }
    });
}

/// What an object does, a line each; what does nothing is marked.
fn said(ui: &mut Ui, says: &[Saying], indent: i8) {
    let tokens = Tokens::of(ui);
    for saying in says {
        let left = if saying.acts { indent } else { indent.max(20) };
        let frame = Frame::new().inner_margin(Margin { left, bottom: 3, ..Margin::ZERO });
        let shown = frame.show(ui, |ui| {
            let text = RichText::new(&saying.words).size(size::SECONDARY).color(tokens.muted);
            ui.add(Label::new(text).wrap());
        });
        if !saying.acts {
            let at = shown.response.rect.left_top() + vec2(f32::from(left) - 13.0, 8.0);
            let font = FontId::proportional(12.0);
            ui.painter().text(at, Align2::CENTER_CENTER, icon::WARNING, font, tokens.degraded);
        }
    }
}

/// What is known of an object beyond its text: for which calls its rules are in force, whether it is for any
/// pod.
pub(super) fn known(ui: &mut Ui, cx: &Cx<'_>, at: &Ref) {
    let mesh = &cx.scene.mesh;
    let id = egui::Id::new("what the shown object does");
    let key = (at.clone(), mesh.revision());
    let kept = ui.data(|data| data.get_temp::<Kept>(id)).filter(|(of, _)| *of == key);
    let (_, about) = kept.unwrap_or_else(|| {
        let made: Kept = (key, Arc::new(about(mesh, at)));
        ui.data_mut(|data| data.insert_temp(id, made.clone()));
        made
    });
    problems::beside(ui, cx, at);
    let judged = problems::found(ui, cx);
    let told = |saying: &Saying| problems::found_in(&judged, at).any(|one| one.what == saying.words);
    for (of, says) in about.iter() {
        // What stands above already is not said again.
        let says: Vec<Saying> = says.iter().filter(|saying| !told(saying)).cloned().collect();
        if about.len() > 1 && !says.is_empty() {
            text::medium(ui, of.as_str());
        }
        said(ui, &says, 0);
    }
}

/// What an object does, by services, and of what revision that was made.
type Kept = ((Ref, Revision), Arc<Vec<(String, Vec<Saying>)>>);

fn about(mesh: &Mesh, at: &Ref) -> Vec<(String, Vec<Saying>)> {
    if at.kind == &kinds::GATEWAY {
        let idle = roles::idle_gateway(mesh, at).map(|why| format!("No effect: {why}"));
        let says = idle.map(|words| Saying { words, acts: false });
        return says.into_iter().map(|says| (String::new(), vec![says])).collect();
    }
    let all = roles::of_object(mesh, at);
    all.into_iter().map(|(service, deeds)| (format!("Service {service}"), sayings(&deeds))).collect()
}

fn trouble<'a>(cx: &Cx<'a>, at: &Ref) -> Option<&'a Problem> {
    cx.scene.mesh.problem(at)
}
