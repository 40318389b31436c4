//! The rail of panels at the left: one row per panel, with what waits there.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, family, size};
use crate::kit::{Tokens, fmt, icon};
use crate::panel::PanelRow;
use crate::selection::PanelId;
use crate::table::PANELS;
use crate::words;
use crate::{problems, proxies};
use egui::{Align2, FontId, Rect, Sense, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::Stage;
use mesh::ledger::Entry;

/// Width with names.
pub const WIDE: f32 = 184.0;
/// Width with icons only.
pub const NARROW: f32 = 48.0;

/// Draws the rail; `wide` is flipped by the button at its foot.
pub fn ui(ui: &mut Ui, cx: &Cx<'_>, open: PanelId, wide: &mut bool) {
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.add_space(12.0);
    for row in PANELS {
        panel_row(ui, cx, row, row.id == open, *wide);
    }
    let foot = Rect::from_min_size(
        pos2(ui.max_rect().left(), ui.max_rect().bottom() - 44.0),
        vec2(ui.max_rect().width(), 32.0),
    );
    let name = if *wide { "Collapse the rail" } else { "Show panel names" };
    let symbol = if *wide { icon::CARET_LINE_LEFT } else { icon::CARET_LINE_RIGHT };
    let response = ui.interact(foot.shrink2(vec2(8.0, 0.0)), ui.id().with("fold"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, name));
    let tokens = Tokens::of(ui);
    let color = if response.hovered() { tokens.text } else { tokens.faint };
    let x = if *wide { foot.left() + 25.0 } else { foot.center().x };
    ui.painter().text(
        pos2(x, foot.center().y),
        Align2::CENTER_CENTER,
        symbol,
        FontId::proportional(16.0),
        color,
    );
    if response.on_hover_text(name).clicked() {
        *wide = !*wide;
    }
}

fn panel_row(ui: &mut Ui, cx: &Cx<'_>, row: &PanelRow, open: bool, wide: bool) {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 32.0), Sense::click());
    let (waiting, failed) = waiting(ui, cx, row.id);
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::selected(WidgetType::Button, enabled, open, row.about.name));
    let body = rect.shrink2(vec2(8.0, 0.0));
    let painter = ui.painter();
    if open {
        painter.rect_filled(body, 6.0, tokens.selection());
        let edge = Rect::from_min_max(
            body.left_top() + vec2(0.0, 6.0),
            pos2(body.left() + 3.0, body.bottom() - 6.0),
        );
        painter.rect_filled(edge, 1.5, tokens.accent);
    } else if response.hovered() || response.has_focus() {
        painter.rect_filled(body, 6.0, tokens.raised);
    }
    if response.has_focus() {
        painter.rect_stroke(body, 6.0, Stroke::new(1.0, tokens.accent), egui::StrokeKind::Inside);
    }
    let (ink, weight) = match open {
        true => (tokens.text, Weight::Medium),
        false => (tokens.muted, Weight::Regular),
    };
    let symbol = if open { tokens.accent } else { ink };
    let x = if wide { body.left() + 18.0 } else { rect.center().x };
    painter.text(
        pos2(x, rect.center().y),
        Align2::CENTER_CENTER,
        row.about.icon,
        FontId::proportional(17.0),
        symbol,
    );
    if wide {
        let font = FontId::new(size::TEXT, family(ui.ctx(), weight));
        painter.text(
            pos2(body.left() + 37.0, rect.center().y),
            Align2::LEFT_CENTER,
            row.about.name,
            font,
            ink,
        );
    }
    if waiting > 0 {
        let text = fmt::count(waiting);
        let font = FontId::new(size::NOTE, family(ui.ctx(), Weight::Semibold));
        let color = if failed { tokens.degraded } else { tokens.accent };
        let galley = painter.layout_no_wrap(text, font, tokens.on(color));
        let size = vec2((galley.size().x + 10.0).max(18.0), 16.0);
        let center = if wide {
            pos2(body.right() - 8.0 - size.x / 2.0, rect.center().y)
        } else {
            body.right_top() + vec2(-6.0, 8.0)
        };
        let badge = Rect::from_center_size(center, size);
        painter.rect_filled(badge, 8.0, color);
        painter.galley(badge.center() - galley.size() / 2.0, galley, tokens.text);
    }
    if response.clicked() {
        cx.intents.send(Intent::Open(row.id));
    }
    response.on_hover_text(match waiting {
        0 => row.about.summary.to_owned(),
        waiting => format!("{} – {}", row.about.summary, waits(row.id, waiting, failed)),
    });
}

/// What it is that waits there.
fn waits(id: PanelId, count: usize, failed: bool) -> String {
    match (id, failed) {
        (PanelId::Problems, true) => fmt::counted(count, "error", "errors"),
        (PanelId::Proxies, _) => {
            format!("{} refuse what istiod sends", fmt::counted(count, "proxy", "proxies"))
        }
        (PanelId::Problems, false) => fmt::counted(count, "warning", "warnings"),
        _ => format!("{} under way or failed", fmt::counted(count, "change", "changes")),
    }
}

/// How many things wait for the user there, and whether one of them failed.
fn waiting(ui: &Ui, cx: &Cx<'_>, id: PanelId) -> (usize, bool) {
    match id {
        PanelId::Changes => {
            let entries = cx.changes.entries();
            // A failure waits until somebody tries again: then the later change tells.
            let again = |failed: &Entry, later: &[Entry]| {
                let objects =
                    |entry: &Entry| entry.change.steps.iter().map(|step| step.at.clone()).collect::<Vec<_>>();
                later.iter().any(|later| objects(later) == objects(failed))
            };
            let fails = |(at, entry): &(usize, &Entry)| {
                matches!(entry.stage, Stage::Failed(_)) && !again(entry, &entries[at + 1..])
            };
            let failed = entries.iter().enumerate().filter(fails).count();
            let open = entries.iter().filter(|entry| words::is_open(&entry.stage));
            let open: usize = open.map(|entry| entry.parts.len().max(1)).sum();
            (open + failed, failed > 0)
        }
        PanelId::Problems => match problems::counted(ui, cx) {
            (0, warnings) => (warnings, false),
            (errors, _) => (errors, true),
        },
        PanelId::Proxies => (proxies::refusing(cx), true),
        PanelId::Overview
        | PanelId::Graph
        | PanelId::Metrics
        | PanelId::Traces
        | PanelId::Logs
        | PanelId::Objects
        | PanelId::Explain => (0, false),
    }
}
