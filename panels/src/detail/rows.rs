//! The tables of the detail: callers and callees, answers, versions, pods. Each folds away under its head.

use super::pods::PodRow;
use super::view::{PeerRow, View};
use crate::cx::Cx;
use crate::figures::Figures;
use crate::intent::Intent;
use crate::kit::theme::{Weight, family, size};
use crate::kit::{Status, Tokens, fmt, icon, text};
use egui::{Align2, Color32, FontId, Rect, Response, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::health::End;
use mesh::lens::Answered;

const ROW: f32 = 26.0;
const NUMBER: f32 = 62.0;

/// A section that folds: its head, and what is below while it is open.
pub(super) fn fold(
    ui: &mut Ui,
    name: &str,
    about: &str,
    open_at_first: bool,
    contents: impl FnOnce(&mut Ui),
) {
    let tokens = Tokens::of(ui);
    // The place is kept by name, so that "Pods" stays folded from service to service.
    let id = egui::Id::new(("detail section", name));
    let mut open = ui.data(|data| data.get_temp::<bool>(id)).unwrap_or(open_at_first);
    ui.add_space(8.0);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(WidgetType::CollapsingHeader, true, open, name));
    let painter = ui.painter();
    let ink = if response.hovered() || response.has_focus() { tokens.text } else { tokens.muted };
    let caret = if open { icon::CARET_DOWN } else { icon::CARET_RIGHT };
    painter.text(
        pos2(rect.left() + 5.0, rect.center().y),
        Align2::CENTER_CENTER,
        caret,
        FontId::proportional(11.0),
        ink,
    );
    let font = FontId::new(size::TEXT, family(ui.ctx(), Weight::Semibold));
    let head =
        painter.text(pos2(rect.left() + 16.0, rect.center().y), Align2::LEFT_CENTER, name, font, tokens.text);
    let rest = [head.right() + 8.0, rect.right(), rect.center().y];
    text::cut(ui, about, FontId::proportional(size::SECONDARY), tokens.muted, rest);
    if response.clicked() {
        open = !open;
        ui.data_mut(|data| data.insert_temp(id, open));
    }
    if open {
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            contents(ui);
        });
    }
}

/// Draws the heads of columns of numbers, from the right.
fn heads(ui: &mut Ui, first: &str, names: &[&str]) {
    let tokens = Tokens::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    let font = FontId::proportional(size::NOTE);
    ui.painter().text(
        pos2(rect.left() + 6.0, rect.center().y),
        Align2::LEFT_CENTER,
        first,
        font.clone(),
        tokens.muted,
    );
    for (index, name) in names.iter().rev().enumerate() {
        let right = rect.right() - 6.0 - index as f32 * NUMBER;
        ui.painter().text(
            pos2(right, rect.center().y),
            Align2::RIGHT_CENTER,
            *name,
            font.clone(),
            tokens.muted,
        );
    }
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, tokens.hairline());
}

/// One row: a name, what belongs to it in muted text, and numbers at the right.
#[derive(Default)]
struct Row<'a> {
    mark: Option<Status>,
    swatch: Option<Color32>,
    /// What it is, for screen readers: "caller".
    what: &'a str,
    name: &'a str,
    version: &'a str,
    about: &'a str,
    numbers: Vec<(String, Option<Color32>)>,
    clickable: bool,
}

fn row(ui: &mut Ui, row: &Row<'_>) -> Response {
    let tokens = Tokens::of(ui);
    let sense = if row.clickable { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), sense);
    let kind = if row.clickable { WidgetType::Button } else { WidgetType::Label };
    // The name stays when figures change; the figures are its description.
    let label = [row.what, row.name, row.version]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    response.widget_info(|| WidgetInfo::labeled(kind, true, &label));
    let said =
        row.numbers.iter().map(|(text, _)| text.as_str()).chain([row.about]).filter(|part| !part.is_empty());
    let said = said.collect::<Vec<_>>().join(", ");
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(said));
    if !ui.is_rect_visible(rect) {
        return response;
    }
    if row.clickable && (response.hovered() || response.has_focus()) {
        ui.painter().rect_filled(rect, 4.0, tokens.raised);
    }
    let y = rect.center().y;
    let mut x = rect.left() + 6.0;
    if let Some(mark) = row.mark {
        mark.paint(ui.painter(), pos2(x + 5.0, y), 4.0, tokens);
        x += 16.0;
    }
    if let Some(swatch) = row.swatch {
        ui.painter().rect_filled(Rect::from_center_size(pos2(x + 5.0, y), vec2(10.0, 10.0)), 2.5, swatch);
        x += 18.0;
    }
    let mut right = rect.right() - 6.0;
    for (text, color) in row.numbers.iter().rev() {
        let color = color.unwrap_or(tokens.text);
        ui.painter().text(
            pos2(right, y),
            Align2::RIGHT_CENTER,
            text,
            FontId::proportional(size::SECONDARY),
            color,
        );
        right -= NUMBER;
    }
    let end = right.max(x + 20.0);
    let small = FontId::proportional(size::SECONDARY);
    let about = if row.version.is_empty() { row.about } else { row.version };
    let room = text::beside(ui, about, &small, end - x - 6.0);
    let font = FontId::new(size::TEXT, family(ui.ctx(), Weight::Medium));
    let name = text::name(ui, row.name, font, tokens.text, [x, x + room, y]);
    let rest = [name + 6.0, end, y];
    if row.version.is_empty() {
        text::cut(ui, about, small, tokens.muted, rest);
    } else {
        text::name(ui, about, small, tokens.muted, rest);
    }
    response
}

fn numbers(ui: &Ui, figures: &Figures) -> Vec<(String, Option<Color32>)> {
    let tokens = Tokens::of(ui);
    let quiet = Some(tokens.faint);
    if figures.rps == 0.0 && figures.bytes > 0.0 {
        return vec![(fmt::bytes_per_s(figures.bytes), None), ("–".into(), quiet), ("–".into(), quiet)];
    }
    let errors = match figures.error_percent {
        Some(errors) if errors > 0.0 => {
            (fmt::percent(errors), Some(if errors >= 10.0 { tokens.failing } else { tokens.degraded }))
        }
        Some(errors) => (fmt::percent(errors), Some(tokens.muted)),
        None => ("–".into(), quiet),
    };
    let p95 = figures.p95_ms.map_or_else(|| ("–".into(), quiet), |ms| (fmt::latency(ms), None));
    vec![(fmt::rate(figures.rps), None), errors, p95]
}

/// Callers or callees.
pub(super) fn peers(ui: &mut Ui, cx: &Cx<'_>, name: &str, first: &str, peers: &[PeerRow]) {
    if peers.is_empty() {
        return;
    }
    fold(ui, name, "", true, |ui| {
        heads(ui, first, &["rps", "errors", "p95"]);
        for peer in peers {
            let numbers = numbers(ui, &peer.figures);
            let mark = Some(match peer.figures.wrong() {
                (Some(refused), "4xx") if refused >= 20.0 => Status::Failing,
                (Some(_), "4xx") => Status::Degraded,
                (errors, _) => match errors {
                    Some(errors) if errors >= 10.0 => Status::Failing,
                    Some(errors) if errors >= 0.1 => Status::Degraded,
                    Some(_) => Status::Healthy,
                    None if peer.figures.bytes > 0.0 => Status::Healthy,
                    None => Status::Idle,
                },
            });
            let shown = Row {
                mark,
                what: first,
                name: &peer.name,
                version: &peer.version,
                numbers,
                clickable: peer.selected.is_some(),
                ..Row::default()
            };
            if row(ui, &shown).clicked() {
                cx.intents.send(Intent::Select(peer.selected.clone()));
            }
        }
    });
}

/// Response codes with their flags in words.
/// The index of one that was clicked.
pub(super) fn answers(ui: &mut Ui, answers: &[Answered]) -> Option<usize> {
    let mut clicked = None;
    if answers.is_empty() {
        return None;
    }
    let all: f64 = answers.iter().map(|answer| answer.rps).sum();
    fold(ui, "Answers", "code and response flags", true, |ui| {
        heads(ui, "code", &["share", "rps"]);
        for (index, answer) in answers.iter().enumerate() {
            let code = if answer.code == "-" || answer.code == "0" { "no response" } else { &answer.code };
            let about = match (answer.flags.as_str(), answer.meaning) {
                ("-" | "", _) => String::new(),
                (flags, meaning) => format!("{flags}  {meaning}"),
            };
            let mark = match answer.end {
                End::Failed => Status::Failing,
                End::Refused => Status::Degraded,
                End::Well => Status::Healthy,
            };
            let share = fmt::percent(answer.rps / all * 100.0);
            let numbers = vec![(share, None), (fmt::rate(answer.rps), None)];
            let shown = Row {
                mark: Some(mark),
                what: "answer",
                name: code,
                about: &about,
                numbers,
                clickable: true,
                ..Row::default()
            };
            let why = "Explain: which rule takes such a call, and who lets it in";
            if row(ui, &shown).on_hover_text(why).clicked() {
                clicked = Some(index);
            }
        }
    });
    clicked
}

/// Versions with their part of the traffic.
pub(super) fn versions(ui: &mut Ui, view: &View) {
    if view.versions.is_empty() {
        return;
    }
    fold(ui, "Versions", "share of requests", true, |ui| {
        heads(ui, "version", &["pods", "share", "rps"]);
        for version in &view.versions {
            let tokens = Tokens::of(ui);
            let (ready, wanted) = version.pods;
            let pods = (format!("{ready} / {wanted}"), (ready < wanted).then_some(tokens.degraded));
            let share = version
                .share
                .map_or_else(|| ("–".into(), Some(tokens.faint)), |share| (fmt::percent(share), None));
            let about = match version.declared {
                Some(true) => "",
                Some(false) => "no subset yet",
                None => "subset not known",
            };
            let rate =
                version.rps.map_or_else(|| ("–".into(), Some(tokens.faint)), |rps| (fmt::rate(rps), None));
            let numbers = vec![pods, share, rate];
            let color = Some(tokens.version(&version.name));
            row(
                ui,
                &Row {
                    swatch: color,
                    what: "version",
                    name: &version.name,
                    about,
                    numbers,
                    ..Row::default()
                },
            );
        }
    });
}

/// Pods with their proxies.
pub(super) fn pods(ui: &mut Ui, cx: &Cx<'_>, pods: &[PodRow]) {
    if pods.is_empty() {
        return;
    }
    let ready = pods.iter().filter(|pod| pod.ready).count();
    fold(ui, "Pods", &format!("{ready} of {} ready", pods.len()), pods.len() <= 6, |ui| {
        ui.add_space(2.0);
        let proxies = cx.scene.proxies.value().into_iter().flat_map(|proxies| proxies.iter());
        let lagging: Vec<(&str, String)> =
            proxies.filter_map(|proxy| Some((proxy.name.as_str(), proxy.lag()?))).collect();
        for pod in pods {
            // istiod calls a proxy "pod.namespace".
            let of = |name: &str| name.rsplit_once('.') == Some((&*pod.name, &*pod.namespace));
            let lag = lagging.iter().find(|(name, _)| of(name));
            let tokens = Tokens::of(ui);
            let mark = if pod.ready { Status::Healthy } else { Status::Failing };
            let proxy = if lag.is_some() {
                ("out of sync".to_owned(), Some(tokens.degraded))
            } else if pod.sidecar {
                ("proxy".to_owned(), Some(tokens.muted))
            } else {
                ("no proxy".to_owned(), Some(tokens.degraded))
            };
            let about = match lag {
                Some((_, lag)) => lag,
                None if pod.ready => "",
                None => &pod.phase,
            };
            let shown = Row {
                mark: Some(mark),
                what: "pod",
                name: &pod.name,
                about,
                numbers: vec![proxy],
                clickable: pod.sidecar,
                ..Row::default()
            };
            if row(ui, &shown).clicked() {
                cx.intents.send(Intent::ProxyOf(format!("{}.{}", pod.name, pod.namespace)));
            }
        }
    });
}

/// A status mark with a name that can be clicked; used by the summary.
pub(super) fn thing(ui: &mut Ui, mark: Status, name: &str, about: &str, value: String) -> Response {
    row(
        ui,
        &Row {
            mark: Some(mark),
            what: "service",
            name,
            about,
            numbers: vec![(value, None)],
            clickable: true,
            ..Row::default()
        },
    )
}

/// A line of name and value.
pub(super) fn fact(ui: &mut Ui, name: &str, value: &str) {
    row(ui, &Row { name, numbers: vec![(value.to_owned(), None)], ..Row::default() });
}
