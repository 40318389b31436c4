//! What colours, shapes, lines and badges of the graph mean: read from what draws them.

use super::batch::edge_color;
use super::beside;
use super::view::badge;
use crate::kit::theme::{Weight, size};
use crate::kit::{Status, Tokens, card, text};
use egui::{Rect, ScrollArea, Sense, Stroke, Ui, pos2, vec2};
use mesh::graph::Badge;
use mesh::graph::compare::Differs;

const WIDTH: f32 = 236.0;

/// Draws it over the lower left of the graph.
pub(super) fn ui(ui: &mut Ui, over: Rect, comparing: bool) {
    let height = (over.height() - 70.0).min(if comparing { 470.0 } else { 400.0 });
    let place = Rect::from_min_size(
        pos2(over.left() + 12.0, over.bottom() - height - 12.0),
        vec2(WIDTH.min(over.width() - 24.0), height),
    );
    card::over(ui, place, |ui| {
        ScrollArea::vertical().id_salt("legend").max_height(height - 16.0).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            ui.spacing_mut().interact_size.y = 18.0;
            rows(ui, comparing);
        });
    });
}

fn rows(ui: &mut Ui, comparing: bool) {
    let tokens = Tokens::of(ui);
    if comparing {
        head(ui, "Beside the moment before");
        for differs in Differs::ALL {
            mark(ui, beside::status(Some(differs)), differs.word());
        }
        mark(ui, beside::status(None), "as it was, or not known");
    } else {
        head(ui, "Cards: how a thing does");
        for status in STATUSES {
            mark(ui, status, status.word());
        }
        head(ui, "Lines: how calls do");
        for status in STATUSES {
            line(ui, edge_color(status, false, tokens), status.word());
        }
        line(ui, edge_color(Status::Healthy, true, tokens), "TCP, well");
    }
    text::note(ui, "The wider, the more calls; a lock: all of them over mutual TLS");
    head(ui, "Badges");
    for (glyph, says, warns) in Badge::ALL.into_iter().filter_map(badge) {
        let color = if warns { tokens.failing } else { tokens.accent };
        row(ui, says, |ui, rect| {
            let font = egui::FontId::proportional(14.0);
            ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, glyph, font, color);
        });
    }
}

const STATUSES: [Status; 4] = [Status::Healthy, Status::Degraded, Status::Failing, Status::Idle];

fn head(ui: &mut Ui, words: &str) {
    ui.add_space(3.0);
    let color = Tokens::of(ui).text;
    ui.label(text::rich(ui, words, size::SECONDARY, Weight::Semibold).color(color));
}

fn mark(ui: &mut Ui, status: Status, words: &str) {
    let tokens = Tokens::of(ui);
    row(ui, words, |ui, rect| status.paint(ui.painter(), rect.center(), 5.0, tokens));
}

fn line(ui: &mut Ui, color: egui::Color32, words: &str) {
    row(ui, words, |ui, rect| {
        ui.painter().hline(rect.shrink(2.0).x_range(), rect.center().y, Stroke::new(2.5, color));
    });
}

fn row(ui: &mut Ui, words: &str, draw: impl FnOnce(&Ui, Rect)) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(24.0, 16.0), Sense::hover());
        draw(ui, rect);
        text::muted(ui, words);
    });
}
