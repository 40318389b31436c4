//! The card that starts a sandbox: what runs in it, and whether it may be changed.

use crate::cx::Cx;
use crate::intent::{Intent, SandboxOf};
use crate::kit::{Button, Tokens, card, field, icon, problem, text};
use egui::{Rect, RichText, Sense, Stroke, Ui, pos2, vec2};

/// What a sandbox can be, its name for people, and what is in it.
const SCENARIOS: [(&str, &str, &str); 4] = [
    ("bookinfo", "Bookinfo", "Seven pods, three versions of reviews"),
    ("tutorial", "Tutorial", "customer, preference, two versions of recommendation"),
    ("all", "Bookinfo and tutorial", "Both, with one way in"),
    ("synthetic", "Synthetic", "100 services without proxies, made-up traffic"),
];

/// The card's own state.
#[derive(Default)]
pub(super) struct SandboxCard {
    /// Which scenario, by its place in the table.
    scenario: usize,
    /// Whether nothing of it shall be changed.
    read_only: bool,
}

impl SandboxCard {
    /// Draws it, so high at least.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, lowest: f32) {
        let (scenario, _, inside) = SCENARIOS[self.scenario.min(SCENARIOS.len() - 1)];
        let tokens = Tokens::of(ui);
        ui.spacing_mut().item_spacing.x = 8.0;
        card(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.spacing_mut().interact_size.y = 20.0;
            picture(ui);
            ui.add_space(4.0);
            text::strong(ui, "Start a sandbox");
            let about = "A small mesh on this machine with real Envoy proxies and real requests. No cluster, no containers, no root.";
            ui.label(RichText::new(about).color(tokens.muted));
            ui.add_space(2.0);
            for (symbol, line) in [
                (icon::CUBE, inside),
                (icon::SHIELD_CHECK, "Mutual TLS, traces and metrics as Istio's"),
                (icon::ARROW_U_UP_LEFT, "Try anything; it is gone when you close it"),
            ] {
                ui.horizontal(|ui| {
                    ui.label(RichText::new(symbol).size(15.0).color(tokens.accent));
                    text::muted(ui, line);
                });
            }
            ui.add_space(4.0);
            ui.horizontal(|ui| {
                let names = SCENARIOS.map(|(_, name, _)| name);
                if let Some(picked) = field::choose(ui, "Scenario", &names, self.scenario) {
                    self.scenario = picked;
                }
                ui.checkbox(&mut self.read_only, "Read-only")
                    .on_hover_text("Changes can be tried by dry run, but not pushed");
            });
            ui.add_space((lowest - 28.0 - 6.0 - ui.min_rect().height()).max(4.0));
            let start = Button::primary("Start sandbox").with_icon(icon::PLAY).named("Start sandbox");
            let possible = cx.contexts.sandbox.is_none();
            let response = ui.add_enabled_ui(possible, |ui| {
                ui.set_min_width(ui.available_width());
                ui.vertical_centered_justified(|ui| ui.add(start)).inner
            });
            if response.inner.clicked() {
                let wanted = SandboxOf { scenario: scenario.to_owned(), read_only: self.read_only };
                cx.intents.send(Intent::StartSandbox(wanted));
            }
            if let Some(trouble) = &cx.contexts.sandbox {
                problem::problem(
                    ui,
                    problem::Level::Warning,
                    &trouble.what,
                    &trouble.why,
                    &trouble.next,
                    None,
                );
            }
        });
    }
}

/// A small mesh, drawn: what the sandbox will look like.
fn picture(ui: &mut Ui) {
    let tokens = Tokens::of(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 116.0), Sense::hover());
    let painter = ui.painter();
    painter.rect_filled(rect, 6.0, tokens.canvas);
    let at = |x: f32, y: f32| pos2(rect.left() + rect.width() * x, rect.top() + rect.height() * y);
    let nodes = [(0.11, 0.5), (0.37, 0.5), (0.65, 0.22), (0.65, 0.5), (0.65, 0.78), (0.9, 0.62)];
    let colors = [
        tokens.healthy,
        tokens.healthy,
        tokens.versions[0],
        tokens.versions[1],
        tokens.versions[2],
        tokens.healthy,
    ];
    for (from, to) in [(0, 1), (1, 2), (1, 3), (1, 4), (3, 5), (4, 5)] {
        let (a, b) = (at(nodes[from].0, nodes[from].1), at(nodes[to].0, nodes[to].1));
        let bend = (b.x - a.x) * 0.45;
        let points = [a, a + vec2(bend, 0.0), b - vec2(bend, 0.0), b];
        let curve = egui::epaint::CubicBezierShape::from_points_stroke(
            points,
            false,
            egui::Color32::TRANSPARENT,
            Stroke::new(1.5, tokens.healthy.gamma_multiply(0.6)),
        );
        for step in 1..4 {
            painter.circle_filled(curve.sample(step as f32 / 4.0), 1.8, tokens.healthy);
        }
        painter.add(curve);
    }
    for ((x, y), color) in nodes.into_iter().zip(colors) {
        let node = Rect::from_center_size(at(x, y), vec2(38.0, 20.0));
        painter.rect(node, 5.0, tokens.surface, tokens.hairline(), egui::StrokeKind::Inside);
        painter.circle_filled(pos2(node.left() + 9.0, node.center().y), 3.0, color);
        painter.hline(
            (node.left() + 16.0)..=(node.right() - 7.0),
            node.center().y,
            Stroke::new(2.0, tokens.line),
        );
    }
}
