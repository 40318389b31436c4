//! How much a proxy logs. It is no object of the cluster and waits for no push: it is asked for twice, set at
//! once, and what the proxy says then is shown.

use super::form::{Form, label};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::problem::{self, Level};
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, field, fmt, text};
use egui::{Id, RichText, Ui};
use jiff::Timestamp;
use mesh::logging::{LEVELS, Logging, SetLevel};
use mesh::{Ref, Remote};
use std::sync::Arc;

/// The room that stands before a field, of workloads too.
pub(super) const WIDTH: f32 = 62.0;

/// What the user has chosen for one proxy, while it is looked at.
#[derive(Clone, Default)]
struct Chosen {
    logger: Option<String>,
    level: Option<String>,
    /// Whether the first of the two buttons was pressed.
    asked: bool,
    /// What was sent, and when.
    sent: Option<(SetLevel, Timestamp)>,
}

/// Draws it, for the proxy of a pod.
pub(super) fn ui(form: &mut Form<'_>, pod: &Ref) {
    let (cx, ui) = (form.cx(), form.ui());
    let id = Id::new(("log level of", pod.to_string()));
    let mut chosen: Chosen = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    ui.add_space(4.0);
    text::strong(ui, "Log of its proxy");
    match cx.reads.logging(pod) {
        Remote::Waiting => drop(text::note(ui, "The proxy is being asked for its levels")),
        Remote::Denied(why) => {
            problem::problem(ui, Level::Warning, &why.what, &why.why, &why.next, None);
        }
        Remote::Live(levels, at) => {
            choose(ui, cx, pod, &levels, &mut chosen);
            said(ui, &levels, at, &chosen);
        }
        Remote::Stale(levels, _, why) => {
            choose(ui, cx, pod, &levels, &mut chosen);
            problem::problem(ui, Level::Warning, &why.what, &why.why, &why.next, None);
        }
    }
    ui.data_mut(|data| data.insert_temp(id, chosen));
}

fn choose(ui: &mut Ui, cx: &Cx<'_>, pod: &Ref, levels: &Arc<Logging>, chosen: &mut Chosen) {
    let name = &pod.name;
    ui.horizontal(|ui| {
        label(ui, "Logger", WIDTH);
        let all: Vec<&str> =
            std::iter::once("all of them").chain(levels.0.keys().map(String::as_str)).collect();
        let at =
            chosen.logger.as_ref().and_then(|logger| all.iter().position(|one| one == logger)).unwrap_or(0);
        if let Some(picked) = field::choose(ui, &format!("logger of {name}"), &all, at) {
            chosen.logger = (picked > 0).then(|| all[picked].to_owned());
            (chosen.level, chosen.asked) = (None, false);
        }
    });
    let now = match &chosen.logger {
        Some(logger) => levels.0.get(logger).cloned(),
        None => {
            levels.0.values().next().filter(|first| levels.0.values().all(|level| level == *first)).cloned()
        }
    };
    let wanted = chosen.level.clone().or_else(|| now.clone());
    ui.horizontal(|ui| {
        label(ui, "Level", WIDTH);
        let at = LEVELS.iter().position(|level| wanted.as_deref() == Some(level)).unwrap_or(LEVELS.len());
        if let Some(picked) = field::choose(ui, &format!("log level of {name}"), &LEVELS, at) {
            (chosen.level, chosen.asked) = (LEVELS.get(picked).map(|level| (*level).to_owned()), false);
        }
        let differs = wanted.is_some() && wanted != now;
        let set = Button::quiet("Set…").named(format!("set log level of {name}"));
        if !chosen.asked && ui.add_enabled(differs, set).clicked() {
            chosen.asked = true;
        }
    });
    if let (true, Some(level)) = (chosen.asked, &wanted) {
        confirm(
            ui,
            cx,
            SetLevel { pod: pod.clone(), logger: chosen.logger.clone(), level: level.clone() },
            chosen,
        );
    }
}

/// What will happen, and the second button.
fn confirm(ui: &mut Ui, cx: &Cx<'_>, wish: SetLevel, chosen: &mut Chosen) {
    let whose =
        wish.logger.as_ref().map_or_else(|| "All loggers".to_owned(), |logger| format!("Logger {logger}"));
    let much = match wish.level.as_str() {
        "trace" | "debug" => " It writes lines for every call: under load that costs time and room.",
        _ => "",
    };
    let line = format!(
        "{whose} of this proxy go to {}, at once.{much} It lasts until the pod ends or you set it back; Undo does not know of it.",
        wish.level
    );
    ui.add(egui::Label::new(RichText::new(line).size(size::SECONDARY).color(Tokens::of(ui).text)).wrap());
    ui.horizontal(|ui| {
        let set =
            Button::primary(format!("Set {}", wish.level)).named(format!("confirm log level {}", wish.level));
        if ui.add(set).clicked() {
            chosen.sent = Some((wish.clone(), cx.now));
            (chosen.asked, chosen.level) = (false, None);
            cx.intents.send(Intent::LogLevel(wish));
        }
        if ui.add(Button::quiet("Leave it")).clicked() {
            (chosen.asked, chosen.level) = (false, None);
        }
    });
}

/// What the proxy says, and whether that is what was asked for.
fn said(ui: &mut Ui, levels: &Logging, at: Timestamp, chosen: &Chosen) {
    let read = format!("The proxy says {}, read {}", levels.in_words(), fmt::absolute(at));
    match &chosen.sent {
        Some((_, since)) if at <= *since => drop(text::note(ui, "Sent; the proxy is asked what it has")),
        Some((wish, _)) if !levels.is(wish) => {
            let what = format!("The proxy does not log at {}", wish.level);
            problem::problem(
                ui,
                Level::Warning,
                &what,
                &read,
                "Set it again, or look who else sets it",
                None,
            );
        }
        _ => drop(text::note(ui, read)),
    }
}
