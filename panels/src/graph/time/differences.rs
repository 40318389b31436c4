//! What differs between two moments: which moments, how much is known, and a list, the worst first.

use crate::cx::Cx;
use crate::graph::beside::{Row, rows};
use crate::intent::Intent;
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, card, fmt, icon, text};
use crate::looked::Looked;
use crate::past::when;
use crate::selection::Selected;
use egui::{FontId, Rect, ScrollArea, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::graph::compare::{Compared, Whose};

/// How wide the list is, and how much of a narrow graph it covers at most.
const WIDTH: f32 = 320.0;
const COVERS: f32 = 0.45;
/// A graph that is as wide has the list beside it.
const ROOMY: f32 = 780.0;
/// Height of a row: whose difference it is, and what differs.
const ROW: f32 = 38.0;

/// What the list leaves of a place to the graph, and where it stands itself.
pub(in crate::graph) fn places(all: Rect) -> (Rect, Rect) {
    if all.width() >= ROOMY {
        return all.split_left_right_at_x(all.right() - WIDTH - 12.0);
    }
    let width = WIDTH.min(all.width() - 24.0);
    (all, Rect::from_min_max(pos2(all.right() - width - 12.0, all.top() + all.height() * COVERS), all.max))
}

/// The list, with what it keeps between frames.
#[derive(Default)]
pub(in crate::graph) struct Differences {
    rows: Option<Vec<Row>>,
    folded: bool,
}

impl Differences {
    /// Another picture is shown.
    pub(in crate::graph) fn renew(&mut self) {
        self.rows = None;
    }

    /// Draws the list into a place.
    pub(in crate::graph) fn ui(&mut self, ui: &mut Ui, place: Rect, cx: &Cx<'_>, compared: &Compared) {
        let Self { rows: known, folded } = self;
        let all = known.get_or_insert_with(|| rows(compared));
        let place = Rect::from_min_max(place.min + vec2(0.0, 4.0), place.max - vec2(12.0, 4.0));
        card::over(ui, place, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            head(ui, cx, all.len(), compared.not_known(), folded);
            if !*folded {
                list(ui, cx, all, (place.bottom() - ui.cursor().top() - 10.0).max(ROW));
            }
        });
    }
}

fn head(ui: &mut Ui, cx: &Cx<'_>, differ: usize, not_known: usize, folded: &mut bool) {
    ui.horizontal(|ui| {
        text::strong(ui, format!("What differs: {}", fmt::count(differ)));
        let (symbol, name) = if *folded {
            (icon::CARET_DOWN, "Show what differs")
        } else {
            (icon::CARET_UP, "Fold what differs")
        };
        if ui.add(Button::icon(symbol, name)).clicked() {
            *folded = !*folded;
        }
        if ui.add(Button::icon(icon::X, "Stop comparing")).clicked() {
            cx.intents.send(Intent::Look(Looked { against: None, ..cx.reads.looked() }));
        }
    });
    let Looked { until, against } = cx.reads.looked();
    let named = |at: Option<i64>| at.map_or_else(|| "now".to_owned(), |at| when(at, cx.now));
    let (before, after) = match (until, against) {
        (Some(until), Some(against)) if until < against => (Some(until), Some(against)),
        (until, against) => (against, until),
    };
    text::note(ui, format!("Before: {}", named(before)));
    text::note(ui, format!("After: {}", named(after)));
    if not_known > 0 {
        let words =
            fmt::counted(not_known, "edge had too few calls to tell", "edges had too few calls to tell");
        text::note(ui, words);
    }
}

fn list(ui: &mut Ui, cx: &Cx<'_>, all: &[Row], height: f32) {
    if all.is_empty() {
        text::muted(ui, "Nothing differs that is certain");
    }
    ScrollArea::vertical().id_salt("differences").max_height(height).show_rows(
        ui,
        ROW,
        all.len(),
        |ui, shown| {
            all[shown].iter().for_each(|row| entry(ui, cx, row));
        },
    );
}

/// Whose difference it is, and below it what differs; a click selects it.
fn entry(ui: &mut Ui, cx: &Cx<'_>, row: &Row) {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let words = format!("{}: {}", row.name, row.words);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &words));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 4.0, tokens.raised);
    }
    row.status.paint(ui.painter(), rect.left_top() + vec2(8.0, 12.0), 4.5, tokens);
    let (left, right) = (rect.left() + 20.0, rect.right() - 4.0);
    let (title, font) = (FontId::proportional(size::TEXT), FontId::proportional(size::SECONDARY));
    text::cut(ui, &row.name, title, tokens.text, [left, right, rect.top() + 12.0]);
    text::cut(ui, &row.words, font, tokens.muted, [left, right, rect.top() + 28.0]);
    if response.clicked() {
        cx.intents.send(Intent::Select(Some(selects(&row.whose))));
    }
    response.on_hover_text(words);
}

fn selects(whose: &Whose) -> Selected {
    match whose {
        Whose::Edge(from, to, _) => Selected::Edge(from.clone(), to.clone()),
        Whose::Node(node) => Selected::from(node),
    }
}
