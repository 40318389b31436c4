//! What is not well, each with its reason, since when, how its errors went, and what was written near then.

use super::view::{Ill, for_how_long};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::spark::spark;
use crate::kit::theme::{Weight, family, size};
use crate::kit::{Status, Tokens, fmt, icon, text};
use crate::problems;
use crate::proxies::refusing;
use crate::selection::{PanelId, Selected};
use egui::{Align2, FontId, Rect, Response, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use jiff::Timestamp;
use mesh::scene::SyncState;

const LINE: f32 = 20.0;
const SPARK: f32 = 120.0;
/// The time over which errors are shown: they are asked for over an hour.
const SHOWN_SECS: f64 = 3600.0;

/// A thing that is not well.
pub(super) fn row(ui: &mut Ui, cx: &Cx<'_>, ill: &Ill<'_>, measured: Option<(f64, u64)>) {
    let (tokens, row) = (Tokens::of(ui), ill.row);
    let since = ill.since.zip(measured).map(|(since, (until, _))| for_how_long(since, until));
    let why = match &since {
        Some(since) => format!("{}, {since}", row.reason),
        None => row.reason.clone(),
    };
    let spoken = format!("{} {} {}: {why}", row.status.word(), row.namespace, row.name);
    let (rect, response) = line(ui, &spoken, LINE * 2.0 + 4.0);
    let right = if ill.errors.is_some() { rect.right() - SPARK - 12.0 } else { rect.right() - 6.0 };
    let (first, second) = (rect.top() + 12.0, rect.top() + LINE + 12.0);
    row.status.paint(ui.painter(), pos2(rect.left() + 9.0, first), 4.0, tokens);
    let font = FontId::new(size::TEXT, family(ui.ctx(), Weight::Medium));
    let small = FontId::proportional(size::SECONDARY);
    let left = rect.left() + 22.0;
    let room = text::beside(ui, &row.namespace, &small, right - left - 8.0);
    let end = text::name(ui, &row.name, font, tokens.text, [left, left + room, first]);
    text::name(ui, &row.namespace, small.clone(), tokens.muted, [end + 8.0, right, first]);
    text::cut(ui, &why, small, tokens.muted, [left, right, second]);
    if let (Some(series), Some((until, step))) = (ill.errors, measured) {
        let place = Rect::from_min_max(pos2(right + 8.0, rect.top() + 6.0), rect.max - vec2(6.0, 6.0));
        let color = row.status.color(tokens);
        spark(ui, place, &series.pieces(step), [until - SHOWN_SECS, until], 1.0, color);
    }
    if response.on_hover_text(&why).clicked() {
        cx.intents.send(Intent::Select(Some(row.selected.clone())));
    }
    let moment = ill.since.and_then(|since| Timestamp::from_second(since.secs() as i64).ok());
    for (near, moment) in ill.near.iter().zip(std::iter::repeat(moment)) {
        let apart = moment.map_or(0.0, |moment| moment.duration_since(near.when).as_secs_f64());
        let when = if apart < 0.0 { "after" } else { "before" };
        let by = if near.by.is_empty() { String::new() } else { format!(" by {}", near.by) };
        let less = if near.concerns { "" } else { ", elsewhere in its namespace" };
        let what = format!("{}{by}, {} {when}{less}", near.what, fmt::duration(apart.abs()));
        if under(ui, &what).clicked() {
            cx.intents.send(Intent::Select(Some(Selected::Object(near.at.clone()))));
        }
    }
}

/// Proxies that refuse, or have not taken, what they were sent.
pub(super) fn proxies(ui: &mut Ui, cx: &Cx<'_>) {
    let Some(proxies) = cx.scene.proxies.value() else { return };
    let refuses = |state: &SyncState| matches!(state, SyncState::Nacked(_));
    let of = proxies.iter().filter(|proxy| proxy.types.values().any(refuses));
    for proxy in of.take(3) {
        let lag = proxy.lag().unwrap_or_default();
        let spoken = format!("Proxy {}: {lag}", proxy.name);
        if one(ui, Status::Failing, &spoken, &proxy.name, &lag).clicked() {
            cx.intents.send(Intent::ProxyOf(proxy.name.clone()));
        }
    }
    let more = refusing(cx).saturating_sub(3);
    let lagging = proxies.iter().filter(|proxy| proxy.lag().is_some()).count().saturating_sub(refusing(cx));
    let others = [(more, "refusing, too"), (lagging, "not in sync yet")];
    for (count, words) in others.into_iter().filter(|(count, _)| *count > 0) {
        let what = fmt::counted(count, "proxy", "proxies");
        if one(ui, Status::Degraded, &format!("{what} {words}"), &what, words).clicked() {
            cx.intents.send(Intent::Open(PanelId::Proxies));
        }
    }
}

/// What is wrong with the configuration, counted.
pub(super) fn problems(ui: &mut Ui, cx: &Cx<'_>) {
    let (errors, warnings) = problems::counted(ui, cx);
    if errors + warnings == 0 {
        return;
    }
    let status = if errors > 0 { Status::Failing } else { Status::Degraded };
    let counts = [(errors, "error", "errors"), (warnings, "warning", "warnings")];
    let counts = counts.into_iter().filter(|(count, ..)| *count > 0);
    let counts =
        counts.map(|(count, one, many)| fmt::counted(count, one, many)).collect::<Vec<_>>().join(", ");
    if one(ui, status, &format!("Configuration: {counts}"), "Configuration", &counts).clicked() {
        cx.intents.send(Intent::Open(PanelId::Problems));
    }
}

/// A line that can be clicked, with its background.
fn line(ui: &mut Ui, spoken: &str, height: f32) -> (Rect, Response) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 4.0, Tokens::of(ui).raised);
    }
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, spoken));
    (rect, response)
}

/// A mark, a name, and what is said of it.
fn one(ui: &mut Ui, status: Status, spoken: &str, name: &str, about: &str) -> Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = line(ui, spoken, LINE + 4.0);
    let (y, left) = (rect.center().y, rect.left() + 22.0);
    status.paint(ui.painter(), pos2(rect.left() + 9.0, y), 4.0, tokens);
    let font = FontId::new(size::TEXT, family(ui.ctx(), Weight::Medium));
    let small = FontId::proportional(size::SECONDARY);
    let room = text::beside(ui, about, &small, rect.right() - left - 14.0);
    let end = text::name(ui, name, font, tokens.text, [left, left + room, y]);
    text::cut(ui, about, small, tokens.muted, [end + 8.0, rect.right() - 6.0, y]);
    response.on_hover_text(about)
}

/// What was near, under what it was near to.
fn under(ui: &mut Ui, what: &str) -> Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = line(ui, what, LINE);
    let y = rect.center().y;
    let icons = FontId::proportional(size::SECONDARY);
    ui.painter().text(
        pos2(rect.left() + 30.0, y),
        Align2::CENTER_CENTER,
        icon::PENCIL_SIMPLE,
        icons,
        tokens.accent,
    );
    let font = FontId::proportional(size::SECONDARY);
    text::cut(ui, what, font, tokens.text, [rect.left() + 42.0, rect.right() - 6.0, y]);
    response.on_hover_text(what)
}
