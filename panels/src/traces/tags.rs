//! The tags of a span in groups: the application's own, what Istio says, HTTP and gRPC, Kubernetes, and what the
//! library adds.

use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{size, space};
use crate::kit::{Tokens, card, icon};
use egui::{Grid, Label, RichText, Ui, WidgetInfo, WidgetType};
use mesh::trace::SpanRef;

/// Heads, in the order in which they stand.
const GROUPS: [&str; 5] = ["Own", "Istio", "HTTP and gRPC", "Kubernetes", "OpenTelemetry"];

/// Where a tag belongs, as an index of [`GROUPS`].
fn group(name: &str) -> usize {
    let begins = |with: &[&str]| with.iter().any(|prefix| name.starts_with(prefix));
    match name {
        "response_flags" | "upstream_cluster" | "node_id" | "zone" | "component" | "peer.address" => 1,
        "retry.count" | "downstream_cluster" => 1,
        "request_size" | "response_size" | "user_agent" | "span.kind" | "error" => 2,
        "pod" | "namespace" | "container" => 3,
        _ if begins(&["istio.", "upstream_cluster.", "guid:"]) => 1,
        _ if begins(&["http.", "grpc.", "rpc.", "url.", "net.", "network.", "server.", "client."]) => 2,
        _ if begins(&["k8s.", "host.", "container."]) => 3,
        _ if begins(&["otel.", "telemetry.", "w3c.", "internal.", "sampler."]) => 4,
        _ => 0,
    }
}

/// Draws the tags of a span.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>, span: SpanRef<'_>) {
    for (number, head) in GROUPS.into_iter().enumerate() {
        let of: Vec<(&str, &str)> = span.tags().iter().filter(|(name, _)| group(name) == number).collect();
        pairs(ui, cx, head, of.into_iter(), Some(span.service()));
    }
}

/// Names and values, those that tell of trouble in their colour; a click on a value copies it, and where spans of
/// a service can be searched for, a button looks for those that say the same.
pub(super) fn pairs<'a>(
    ui: &mut Ui,
    cx: &Cx<'_>,
    head: &str,
    pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
    service: Option<&str>,
) {
    if pairs.len() == 0 {
        return;
    }
    let tokens = Tokens::of(ui);
    card::section(ui, head, "");
    ui.spacing_mut().interact_size.y = 16.0;
    Grid::new(("span", head)).num_columns(2).spacing([space::M, 3.0]).min_row_height(16.0).show(ui, |ui| {
        for (name, value) in pairs {
            let shown = if name.is_empty() { "(empty)" } else { name };
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::XS;
                if let Some(service) = service.filter(|_| searchable(name, value))
                    && filter_ui(ui, name, value)
                {
                    let tag = (name.to_owned(), value.to_owned());
                    cx.intents.send(Intent::TracesWith(service.to_owned(), tag));
                }
                ui.add(Label::new(RichText::new(shown).size(size::NOTE).color(tokens.muted)).extend());
            });
            let color = if wrong(name, value) { tokens.failing } else { tokens.text };
            let label = Label::new(RichText::new(value).monospace().size(size::NOTE).color(color))
                .wrap()
                .sense(egui::Sense::click());
            let copies = ui.add(label);
            let said = || WidgetInfo::labeled(WidgetType::Button, true, format!("Copy {shown}: {value}"));
            copies.widget_info(said);
            if copies.on_hover_text("Click to copy").clicked() {
                cx.intents.send(Intent::Copy(value.to_owned(), shown.to_owned()));
            }
            ui.end_row();
        }
    });
}

/// Draws what looks for traces whose spans say the same; true when it was pressed.
fn filter_ui(ui: &mut Ui, name: &str, value: &str) -> bool {
    let sign = RichText::new(icon::FUNNEL_SIMPLE).size(size::NOTE).color(Tokens::of(ui).faint);
    let filter = ui.add(Label::new(sign).sense(egui::Sense::click()));
    let said = || WidgetInfo::labeled(WidgetType::Button, true, format!("Traces with {name}={value}"));
    filter.widget_info(said);
    filter.on_hover_text("Look for traces whose spans say the same").clicked()
}

/// Whether spans can be looked for by a tag: what is long, or has quotes in it, cannot be asked for in a field.
fn searchable(name: &str, value: &str) -> bool {
    !name.is_empty()
        && !value.is_empty()
        && value.len() <= 200
        && !value.contains(['"', '\n'])
        && !name.contains(|sign: char| sign.is_whitespace() || sign == '=')
}

/// Whether a tag tells of trouble.
fn wrong(name: &str, value: &str) -> bool {
    match name {
        "http.status_code" | "http.response.status_code" => value.starts_with('5'),
        "response_flags" => !matches!(value, "-" | ""),
        "error" => value == "true",
        "grpc.status_code" | "rpc.grpc.status_code" => value != "0",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_tell_of_trouble() {
        for (name, value, expect) in [
            ("response_flags", "FI", true),
            ("response_flags", "-", false),
            ("http.status_code", "503", true),
            ("component", "5", false),
        ] {
            assert_eq!(wrong(name, value), expect, "{name}={value}");
        }
    }

    #[test]
    fn tags_have_their_groups() {
        for (name, head) in [
            ("istio.mesh_id", "Istio"),
            ("guid:x-request-id", "Istio"),
            ("http.url", "HTTP and gRPC"),
            ("k8s.pod.name", "Kubernetes"),
            ("cart.items", "Own"),
            ("otel.scope.name", "OpenTelemetry"),
        ] {
            assert_eq!(GROUPS[group(name)], head, "{name}");
        }
        assert!(searchable("cart.items", "7") && !searchable("a b", "7") && !searchable("a", "say \"x\""));
    }
}
