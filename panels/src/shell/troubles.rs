//! What fails in the mesh, counted in the top bar whatever is shown below: a click goes there.

use crate::condition::{Row, of_all};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Status, Tokens, fmt, text};
use crate::selection::{PanelId, Selected};
use egui::{Align2, FontId, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};

/// What fails.
#[derive(Default)]
pub(super) struct Troubles {
    turned: Turned,
}

impl Troubles {
    /// "■ 2 failing  ▲ 1 degraded": nothing where all is well.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let found = of_all(ui, cx).unwrap_or_default();
        let found = &found.rows;
        self.turned.tell(cx, found);
        for status in [Status::Failing, Status::Degraded] {
            let these: Vec<&Selected> =
                found.iter().filter(|one| one.status == status).map(|one| &one.selected).collect();
            let after = these.iter().position(|one| Some(*one) == cx.selected).map_or(0, |at| at + 1);
            if let Some(next) = these.get(after % these.len().max(1))
                && count(ui, status, these.len())
            {
                let hidden = |namespace: &&str| !cx.namespaces.iter().any(|shown| shown == namespace);
                if !cx.namespaces.is_empty() && next.namespaces().iter().all(hidden) {
                    cx.intents.send(Intent::Namespaces(Vec::new()));
                }
                cx.intents.send(Intent::Open(PanelId::Graph));
                cx.intents.send(Intent::Select(Some((*next).clone())));
            }
        }
    }

    /// How wide that is, with this between two parts.
    pub(super) fn width(&self, ui: &Ui, cx: &Cx<'_>, gap: f32) -> f32 {
        let found = of_all(ui, cx).unwrap_or_default();
        let found = &found.rows;
        let counted = [Status::Failing, Status::Degraded].map(|status| {
            let number = found.iter().filter(|one| one.status == status).count();
            if number == 0 { 0.0 } else { count_width(ui, &count_words(status, number)) + gap }
        });
        counted.into_iter().sum()
    }
}

/// What failed when it was looked at last: who fails since then is told to the desktop.
#[derive(Default)]
struct Turned {
    seen: Option<(String, Option<jiff::Timestamp>)>,
    failing: Vec<Selected>,
}

impl Turned {
    fn tell(&mut self, cx: &Cx<'_>, found: &[Row]) {
        let measured = cx.scene.traffic.at();
        let now = (cx.scene.context.clone(), measured);
        if measured.is_none() || self.seen.as_ref() == Some(&now) {
            return;
        }
        let failing: Vec<&Row> = found.iter().filter(|one| one.status == Status::Failing).collect();
        // What was so when the cluster was connected to is no news.
        let known = self.seen.replace(now).is_some_and(|(context, _)| context == cx.scene.context);
        for one in failing.iter().filter(|one| known && !self.failing.contains(&one.selected)) {
            cx.intents.send(Intent::Notify(format!("{} fails", one.name), one.reason.clone()));
        }
        self.failing = failing.into_iter().map(|one| one.selected.clone()).collect();
    }
}

fn count_words(status: Status, number: usize) -> String {
    format!("{} {}", fmt::count(number), status.word().to_lowercase())
}

fn count_width(ui: &Ui, words: &str) -> f32 {
    text::width(ui, words, &FontId::proportional(size::TEXT)) + 20.0
}

/// One count. Returns whether it was clicked.
fn count(ui: &mut Ui, status: Status, number: usize) -> bool {
    let tokens = Tokens::of(ui);
    let words = count_words(status, number);
    let color = status.color(tokens);
    let galley = ui.painter().layout_no_wrap(words.clone(), FontId::proportional(size::TEXT), color);
    let (rect, response) = ui.allocate_exact_size(vec2(count_width(ui, &words), 28.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &words));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 6.0, tokens.raised);
    }
    if response.has_focus() {
        let ring = egui::Stroke::new(1.0, tokens.accent);
        ui.painter().rect_stroke(rect, 6.0, ring, egui::StrokeKind::Inside);
    }
    status.paint(ui.painter(), pos2(rect.left() + 8.0, rect.center().y), 4.5, tokens);
    let at = Align2::LEFT_CENTER.anchor_size(pos2(rect.left() + 17.0, rect.center().y), galley.size());
    ui.painter().galley(at.min, galley, color);
    let clicked = response.clicked();
    response.on_hover_text(format!("Go to the next that is {}", status.word().to_lowercase()));
    clicked
}
