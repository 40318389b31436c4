//! One span: where it ran, how long, what it carried, and what its tags mean.

use super::bars;
use super::list::{began, short_id};
use super::tags::{self, pairs};
use crate::cx::Cx;
use crate::intent::{Intent, LogsOf};
use crate::kit::theme::{size, space};
use crate::kit::{Button, Status, Tokens, badge, card, fmt, icon, text, tiles, tooltip};
use crate::selection::{PanelId, Selected};
use egui::{Label, RichText, ScrollArea, Ui};
use mesh::trace::{Opened, SpanRef, trouble};
use mesh::why::{SeenCall, Wrote};

/// What is written a second before or after belongs to it: clocks differ, and proxies log when a call has ended.
const AROUND_US: u64 = 1_000_000;

/// Draws the detail of a row; returns true when it shall be closed.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, opened: &Opened, at: usize) -> bool {
    let tree = &opened.tree;
    let Some((row, span)) = tree.rows.get(at).zip(opened.span(at)) else {
        return true;
    };
    let tokens = Tokens::of(ui);
    let mut close = false;
    ui.horizontal(|ui| {
        let (mark, _) = ui.allocate_exact_size(egui::vec2(4.0, 18.0), egui::Sense::hover());
        ui.painter().rect_filled(mark, 2.0, bars::color(tokens, row.service));
        text::strong(ui, span.short_service());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            close = ui.add(Button::icon(icon::X, "Close span detail")).clicked();
        });
    });
    let area = ScrollArea::vertical().id_salt("span").auto_shrink([false, false]).min_scrolled_height(0.0);
    area.show(ui, |ui| {
        ui.add(Label::new(RichText::new(span.operation()).size(size::SECONDARY).color(tokens.muted)).wrap());
        if let Some(trouble) = trouble(span) {
            let status = if span.error() { Status::Failing } else { Status::Degraded };
            badge::status(ui, status, &trouble.words);
            if trouble.injected {
                text::note(ui, "A fault rule of a VirtualService did this, not the service itself");
            }
        }
        let since = span.start_us().saturating_sub(tree.start_us);
        let told = |us: u64| fmt::ms(us as f64 / 1000.0);
        tiles(
            ui,
            &[
                (&told(span.duration_us()), "duration"),
                (&told(row.self_us), "own time"),
                (&told(since), "after the start"),
            ],
        );
        ui.add_space(space::XS);
        if let Some(at) = began(span.start_us()) {
            tooltip::when(ui, &format!("{} · {}", span.kind(), fmt::ago(cx.now, at)), &fmt::absolute(at));
        }
        if span.moved_us() != 0 {
            let moved = format!("Its clock differs: moved by {} ms", span.moved_us() as f64 / 1000.0);
            text::note(ui, moved);
        }
        if row.orphan {
            text::note(ui, format!("Its parent {} is missing", span.parent().unwrap_or_default()));
        }
        ui.horizontal_wrapped(|ui| {
            links(ui, cx, span);
            let explain = Button::bare("Explain this call").with_icon(icon::QUESTION);
            let what = "Which rule takes it, where it goes, and who lets it in";
            if let Some(call) = SeenCall::in_trace(&cx.scene.mesh, opened, at)
                && ui.add(explain).on_hover_text(what).clicked()
            {
                cx.intents.send(Intent::Explain(Box::new(call)));
            }
            wrote(ui, cx, opened, span);
        });
        linked(ui, cx, span);
        tags::ui(ui, cx, span);
        for (at_us, fields) in span.logs() {
            let after = told(at_us.saturating_sub(tree.start_us));
            pairs(ui, cx, &format!("Event after {after}"), fields.iter(), None);
        }
        pairs(ui, cx, "Process", span.process().iter(), None);
        card::section(ui, "Span", "");
        ui.horizontal_wrapped(|ui| {
            text::mono(ui, span.id());
            if ui.add(Button::icon(icon::COPY, "Copy span id")).clicked() {
                cx.intents.send(Intent::Copy(span.id().to_owned(), "span id".into()));
            }
        });
    });
    close
}

/// From a span to the app it ran in.
fn links(ui: &mut Ui, cx: &Cx<'_>, span: SpanRef<'_>) {
    let Some((app, namespace)) = span.service().split_once('.') else { return };
    let known =
        cx.scene.mesh.workloads().any(|workload| workload.app == app && *workload.namespace == *namespace);
    if !known {
        return;
    }
    let selected = match cx.scene.mesh.service(namespace, app) {
        Some(_) => Selected::Service(namespace.to_owned(), app.to_owned()),
        None => Selected::App(namespace.to_owned(), app.to_owned(), None),
    };
    if ui.add(Button::bare(format!("Show {app}")).with_icon(icon::ARROW_RIGHT)).clicked() {
        cx.intents.send(Intent::Select(Some(selected.clone())));
    }
    if ui.add(Button::bare("Show on the graph").with_icon(icon::GRAPH)).clicked() {
        cx.intents.send(Intent::Select(Some(selected)));
        cx.intents.send(Intent::Open(PanelId::Graph));
    }
}

/// From a span to what its pod wrote meanwhile, and to its proxy.
fn wrote(ui: &mut Ui, cx: &Cx<'_>, opened: &Opened, span: SpanRef<'_>) {
    let Some(Wrote { workload, pod }) = Wrote::span(&cx.scene.mesh, span) else { return };
    let (namespace, pod) =
        (workload.namespace.to_string(), pod.filter(|pod| pod.sidecar || workload.gateway));
    let from = began(span.start_us().saturating_sub(AROUND_US));
    let to = began(span.end_us().saturating_add(AROUND_US));
    let logs = Button::bare("Logs of that moment").with_icon(icon::SCROLL);
    let about = match &pod {
        Some(pod) => format!("What {} and its proxy wrote within a second of it", pod.name),
        None => format!("What the pods of {} wrote within a second of it", workload.name),
    };
    if let Some(between) = from.zip(to)
        && ui.add(logs).on_hover_text(about).clicked()
    {
        let request = span.tag(&["guid:x-request-id"]).map(str::to_owned);
        let logs = LogsOf {
            of: Selected::Workload(namespace.clone(), workload.name.to_string()),
            pod: pod.map(|pod| pod.name.to_string()),
            between,
            ids: std::iter::once(opened.trace.id.clone()).chain(request).collect(),
        };
        cx.intents.send(Intent::LogsOf(Box::new(logs)));
    }
    if let Some(pod) = pod {
        let proxy = Button::bare("Its proxy").with_icon(icon::CPU);
        let about = format!("What the proxy of {} holds", pod.name);
        if ui.add(proxy).on_hover_text(about).clicked() {
            cx.intents.send(Intent::ProxyOf(format!("{}.{namespace}", pod.name)));
        }
    }
}

/// Spans that it points at; those of other traces can be opened.
fn linked(ui: &mut Ui, cx: &Cx<'_>, span: SpanRef<'_>) {
    if span.links().len() == 0 {
        return;
    }
    card::section(ui, "Links", "Spans that it follows or points at, which are not its parents");
    for link in span.links() {
        match link.split_once(' ') {
            Some((trace, to)) => {
                let open = Button::bare(format!("Trace {}, span {to}", short_id(trace)));
                if ui.add(open.with_icon(icon::ARROW_SQUARE_OUT)).on_hover_text(trace).clicked() {
                    cx.intents.send(Intent::OpenTrace(trace.to_owned()));
                }
            }
            None => {
                text::mono(ui, link);
            }
        }
    }
}
