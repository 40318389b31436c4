//! The lines of several logs, drawn only where one looks; the one that is chosen in full below them.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{size, space};
use crate::kit::{Button, Tokens, fmt, icon, text};
use egui::text::{LayoutJob, TextWrapping};
use egui::{
    Align2, Color32, FontId, Grid, Label, RichText, ScrollArea, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2,
};
use mesh::Remote;
use mesh::health::End;
use mesh::lens::meaning;
use mesh::log::{Access, Line, Log, LogOf, Place, details};
use mesh::trace::TraceQuery;
use mesh::why::SeenCall;
use std::sync::Arc;

const ROW: f32 = 19.0;
/// Where time, container and text stand.
const WHOSE: f32 = 92.0;
const TEXT: f32 = 232.0;
/// The trace of a call begins about when it is logged.
const AROUND_US: u64 = 300_000_000;

/// A log that is shown.
pub(super) struct Shown {
    pub(super) of: LogOf,
    /// "reviews.bookinfo", as spans name it.
    pub(super) service: String,
    pub(super) log: Arc<Log>,
}

/// A line that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chosen {
    pub(super) of: LogOf,
    pub(super) service: String,
    pub(super) line: Line,
}

/// What a line says in its row: of a call, what matters of it.
pub(super) fn said(line: &Line) -> String {
    let Some(access) = line.end.and_then(|_| Access::read(&line.text)) else { return line.text.to_string() };
    let code = match access.get("response_code") {
        "0" | "" => "no response",
        code => code,
    };
    let took = access.get("duration");
    let took = if took.is_empty() { String::new() } else { format!("{took}{}ms", fmt::THIN) };
    let (method, host) = (access.get("method"), access.get("authority"));
    let request = match method {
        "" => format!("connection to {}", access.get("upstream_host")),
        method => format!("{method} {host}{}", access.get("path")),
    };
    let way = if access.get("upstream_cluster").starts_with("inbound") { "in" } else { "out" };
    let parts = [way, code, access.get("response_flags"), &request, &took];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

/// Draws the lines at these places. Returns the one that was clicked.
pub(super) fn lines(
    ui: &mut Ui,
    logs: &[Shown],
    places: &[Place],
    chosen: Option<&Chosen>,
) -> Option<Chosen> {
    let mut clicked = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    let tokens = Tokens::of(ui);
    ScrollArea::vertical().id_salt("lines").auto_shrink([false, false]).stick_to_bottom(true).show_rows(
        ui,
        ROW,
        places.len(),
        |ui, range| {
            for (log, place) in places.get(range).unwrap_or_default() {
                let Some(shown) = logs.get(usize::from(*log)) else { continue };
                let Some(line) = shown.log.line(*place) else { continue };
                let is = chosen.is_some_and(|one| one.line == *line && one.of == shown.of);
                let color = tokens.versions[usize::from(*log) % tokens.versions.len()];
                if row(ui, shown, line, color, is) {
                    let one =
                        Chosen { of: shown.of.clone(), service: shown.service.clone(), line: line.clone() };
                    clicked = Some(one);
                }
            }
        },
    );
    clicked
}

fn row(ui: &mut Ui, shown: &Shown, line: &Line, color: Color32, chosen: bool) -> bool {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    if chosen {
        ui.painter().rect_filled(rect, 3.0, tokens.selection());
    } else if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 3.0, tokens.raised);
    }
    let (y, small) = (rect.center().y, FontId::monospace(size::NOTE));
    let time = line.at.strftime("%H:%M:%S%.3f").to_string();
    ui.painter().text(pos2(rect.left() + 4.0, y), Align2::LEFT_CENTER, &time, small.clone(), tokens.faint);
    let whose =
        format!("{} {}", shown.of.pod, if shown.of.is_proxy() { "proxy" } else { &shown.of.container });
    let font = FontId::proportional(size::NOTE);
    text::name(ui, &whose, font, color, [rect.left() + WHOSE, rect.left() + TEXT - 8.0, y]);
    let ink = match line.end {
        Some(End::Failed) => tokens.failing,
        Some(End::Refused) => tokens.degraded,
        _ => tokens.text,
    };
    let said = said(line);
    let mut job = LayoutJob::simple_singleline(said.clone(), small, ink);
    job.wrap = TextWrapping::truncate_at_width((rect.right() - rect.left() - TEXT - 4.0).max(8.0));
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(pos2(rect.left() + TEXT, y - galley.size().y / 2.0), galley, ink);
    response.widget_info(|| {
        WidgetInfo::selected(WidgetType::SelectableLabel, true, chosen, format!("{time} {whose}: {said}"))
    });
    response.clicked()
}

/// A line in full: its call in words, and the way to its trace.
pub(super) fn card(ui: &mut Ui, cx: &Cx<'_>, chosen: &Chosen) {
    let Chosen { of, service, line } = chosen;
    ui.horizontal_wrapped(|ui| {
        text::strong(ui, fmt::absolute(line.at));
        text::muted(ui, format!("{}/{} {}", of.namespace, of.pod, of.container));
        if ui.add(Button::icon(icon::COPY, "Copy the line")).clicked() {
            cx.intents.send(Intent::Copy(line.text.to_string(), "The line".to_owned()));
        }
    });
    let Some(access) = Access::read(&line.text) else {
        ui.add(Label::new(RichText::new(&*line.text).monospace().size(size::SECONDARY)).wrap());
        return;
    };
    ui.horizontal_wrapped(|ui| {
        trace(ui, cx, service, line, &access);
        let explain = Button::quiet("Explain this call").with_icon(icon::QUESTION);
        if ui.add(explain).on_hover_text("Which rule takes it, and who lets it in").clicked() {
            let call = SeenCall::in_log(&cx.scene.mesh, &access, Some((&of.namespace, &of.pod)));
            cx.intents.send(Intent::Explain(Box::new(call)));
        }
    });
    Grid::new("fields").num_columns(2).min_row_height(16.0).spacing([space::L, 3.0]).show(ui, |ui| {
        for (name, value) in access.said() {
            text::muted(ui, name);
            let more = match name {
                "Flags" => meaning(value),
                "Because" => details(value),
                _ => "",
            };
            let value = if more.is_empty() { value.to_owned() } else { format!("{value}: {more}") };
            ui.add(Label::new(RichText::new(value).size(size::SECONDARY)).wrap());
            ui.end_row();
        }
    });
}

/// The way to the trace: by its id where it is logged, else by the id of the request, which spans carry.
fn trace(ui: &mut Ui, cx: &Cx<'_>, service: &str, line: &Line, access: &Access) {
    let open = |ui: &mut Ui, id: &str| {
        if ui.add(Button::quiet("Open its trace").with_icon(icon::PATH)).clicked() {
            cx.intents.send(Intent::OpenTrace(id.to_owned()));
        }
    };
    if let Some(id) = access.trace() {
        return open(ui, id);
    }
    let request = access.get("request_id");
    if request.is_empty() {
        text::note(ui, "Neither the id of a trace nor that of the request is logged");
        return;
    }
    let at = u64::try_from(line.at.as_microsecond()).unwrap_or_default();
    let query = TraceQuery {
        service: service.to_owned(),
        tags: [("guid:x-request-id".to_owned(), request.to_owned())].into(),
        start_us: at.saturating_sub(AROUND_US),
        end_us: at.saturating_add(AROUND_US),
        limit: 1,
        brief: true,
        ..TraceQuery::default()
    };
    match cx.reads.traces(&query) {
        Remote::Waiting => {
            text::note(ui, "Looking for its trace");
        }
        Remote::Denied(trouble) => {
            text::note(ui, format!("Its trace is not known: {}", trouble.why));
        }
        Remote::Live(found, _) | Remote::Stale(found, ..) => match found.traces.first() {
            Some(opened) => open(ui, &opened.trace.id),
            None => {
                text::note(ui, "No trace of this request was found: not all are sampled");
            }
        },
    }
}
