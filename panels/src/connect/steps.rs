//! The steps of connecting: what was found, what is under way, what failed and how to go on.

use crate::contexts::Destination;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, size};
use crate::kit::{Button, Tokens, card, end, fmt, icon, problem, text};
use egui::{Align, Align2, FontId, Layout, RichText, Sense, Ui, WidgetInfo, WidgetType, vec2};
use mesh::scene::{Step, StepState};

/// What a step is called.
pub fn step_name(step: Step) -> &'static str {
    match step {
        Step::Sandbox => "Sandbox",
        Step::Context => "Context",
        Step::Api => "API server",
        Step::Kinds => "Kinds",
        Step::Istiod => "istiod",
        Step::Prometheus => "Prometheus",
        Step::Traces => "Traces",
    }
}

/// What the user does without when a step fails.
pub fn loss(step: Step) -> &'static str {
    match step {
        Step::Sandbox => "there is no mesh to look at",
        Step::Context => "there is no cluster to ask",
        Step::Api => "nothing can be read",
        Step::Kinds => "what cannot be listed is not shown",
        Step::Istiod => "what the proxies hold, and make of a change, is not known",
        Step::Prometheus => "the graph shows structure without rates",
        Step::Traces => "no traces can be searched",
    }
}

fn about(step: Step) -> &'static str {
    match step {
        Step::Sandbox => "Proxies, control plane and services on this machine",
        Step::Context => "Kubeconfig and credentials",
        Step::Api => "The cluster answers and takes us",
        Step::Kinds => "What exists and what may be read",
        Step::Istiod => "Which proxies are in sync",
        Step::Prometheus => "Rates, errors and latency",
        Step::Traces => "Single requests",
    }
}

const ORDER: [Step; 7] =
    [Step::Sandbox, Step::Context, Step::Api, Step::Kinds, Step::Istiod, Step::Prometheus, Step::Traces];

/// Draws the steps; returns whether the user wants to go on without what failed.
pub(super) fn ui(ui: &mut Ui, cx: &Cx<'_>) -> bool {
    let steps = &cx.scene.steps;
    let own = matches!(cx.contexts.connecting, Some(Destination::Sandbox(_)));
    let shown = ORDER.into_iter().filter(|step| *step != Step::Sandbox || steps.contains_key(step) || own);
    let mut anyway = false;
    let failed = steps.values().any(|state| matches!(state, StepState::Failed(_)));
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        for step in shown {
            row(ui, cx, step, steps.get(&step).unwrap_or(&StepState::Pending));
        }
        ui.add_space(8.0);
        crate::kit::card::rule(ui);
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            if ui.add(Button::quiet("Back").with_icon(icon::ARROW_LEFT).named("Back")).clicked() {
                cx.intents.send(Intent::Disconnect);
            }
            end(ui, "ways on", |ui| {
                if failed {
                    if can_go_on(cx) && ui.add(Button::quiet("Continue without")).clicked() {
                        anyway = true;
                    }
                    if ui.add(Button::primary("Retry")).clicked() {
                        cx.intents.send(Intent::Retry);
                    }
                } else {
                    text::muted(ui, "You can go back at any time");
                }
            });
        });
    });
    anyway
}

fn row(ui: &mut Ui, cx: &Cx<'_>, step: Step, state: &StepState) {
    let tokens = Tokens::of(ui);
    let (symbol, color, said) = match state {
        StepState::Pending => (icon::CIRCLE_DASHED, tokens.faint, String::new()),
        StepState::Running(since) => {
            ui.ctx().request_repaint_after(std::time::Duration::from_millis(100));
            (
                icon::CIRCLE_NOTCH,
                tokens.accent,
                fmt::duration(cx.now.duration_since(*since).as_secs_f64().max(0.0)),
            )
        }
        StepState::Done(found) => (icon::CHECK_CIRCLE, tokens.healthy, found.clone()),
        StepState::Failed(_) => (icon::WARNING_CIRCLE, tokens.failing, String::new()),
    };
    let word = match state {
        StepState::Pending => "waits",
        StepState::Running(_) => "under way",
        StepState::Done(_) => "done",
        StepState::Failed(_) => "failed",
    };
    let row = ui.horizontal(|ui| {
        ui.set_height(32.0);
        let (rect, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
        if matches!(state, StepState::Running(_)) {
            // A turning arc; it stops as soon as the step does.
            let angle = (ui.input(|input| input.time) * 4.0) as f32;
            let points = (0..=18)
                .map(|part| rect.center() + egui::Vec2::angled(angle + part as f32 * 0.25) * 7.5)
                .collect();
            ui.painter().line(points, egui::Stroke::new(2.0, color));
        } else {
            ui.painter().text(
                rect.center(),
                Align2::CENTER_CENTER,
                symbol,
                FontId::proportional(19.0),
                color,
            );
        }
        let ink = if *state == StepState::Pending { tokens.faint } else { tokens.text };
        let left = ui.cursor().left();
        ui.label(text::rich(ui, step_name(step), size::TEXT, Weight::Medium).color(ink));
        ui.add_space((left + 104.0 - ui.cursor().left()).max(0.0));
        let about = match (&cx.scene.doing, state) {
            (Some(doing), StepState::Running(_)) => doing.as_str(),
            _ => about(step),
        };
        ui.label(RichText::new(about).size(size::SECONDARY).color(if *state == StepState::Pending {
            tokens.faint
        } else {
            tokens.muted
        }));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let ink = if matches!(state, StepState::Done(_)) { tokens.muted } else { color };
            let said = if matches!(state, StepState::Failed(_)) { word } else { &said };
            ui.add(egui::Label::new(RichText::new(said).size(size::SECONDARY).color(ink)).truncate());
        });
    });
    let name = [step_name(step), word, &said]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    row.response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &name));
    if let StepState::Failed(trouble) = state {
        ui.horizontal_top(|ui| {
            ui.add_space(20.0);
            ui.vertical(|ui| {
                problem::problem(ui, problem::Level::Error, &trouble.what, &trouble.why, &trouble.next, None);
                if !matches!(step, Step::Sandbox | Step::Context | Step::Api) {
                    text::note(ui, format!("Without it {}", loss(step)));
                }
            });
        });
    }
}

/// Whether the mesh can be shown although a step failed: the API server answered.
pub(super) fn can_go_on(cx: &Cx<'_>) -> bool {
    matches!(cx.scene.steps.get(&Step::Api), Some(StepState::Done(_)))
}
