//! Where the time went: calls below what called them, each as wide as its own time and that of all below.
//! Top down (an icicle) or bottom up (a flame).

use super::derived::Parts;
use crate::kit::theme::{size, space};
use crate::kit::{Button, Tokens, fmt, icon, text, tooltip};
use crate::traces::bars;
use egui::{FontId, Id, Rect, ScrollArea, Sense, Stroke, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::trace::{Node, Opened};

const HEIGHT: f32 = 22.0;
/// Wider calls say how long they take, too.
const TIMED: f32 = 260.0;
/// Narrower calls are not drawn.
const NARROW: f32 = 1.0;

/// How it is looked at.
#[derive(Default)]
pub(super) struct Flame {
    /// Bottom up.
    up: bool,
    /// What fills the width, in the parts of this revision.
    root: Option<(u64, usize)>,
}

impl Flame {
    /// Draws it. Returns the row of the longest span of what was clicked twice.
    pub(super) fn ui(&mut self, ui: &mut Ui, opened: &Opened, parts: &Parts) -> Option<usize> {
        let root = self.root.filter(|(revision, _)| *revision == parts.revision).map(|(_, root)| root);
        ui.horizontal_wrapped(|ui| {
            for (up, name) in [(false, "Icicle"), (true, "Flame")] {
                if ui.add(Button::quiet(name).selected(self.up == up)).clicked() {
                    self.up = up;
                }
            }
            if root.is_some() && ui.add(Button::quiet("Whole trace").with_icon(icon::ARROWS_OUT)).clicked() {
                self.root = None;
            }
            text::note(
                ui,
                "As wide as their own time together; click to look closer, twice to see the spans",
            );
        });
        ui.add_space(space::XS);
        let (from, to) = root.and_then(|root| parts.places.get(root).copied()).unwrap_or((0.0, 1.0));
        let deepest = parts.shape.nodes.iter().map(|node| node.depth + 1).max().unwrap_or_default();
        let mut asked = None;
        ScrollArea::vertical().id_salt("flame").auto_shrink([false, false]).show(ui, |ui| {
            let (area, _) =
                ui.allocate_exact_size(vec2(ui.available_width(), deepest as f32 * HEIGHT), Sense::hover());
            let x =
                |share: f64| area.left() + area.width() * ((share - from) / (to - from).max(1e-12)) as f32;
            let sight = ui.clip_rect();
            for (at, (node, place)) in parts.shape.nodes.iter().zip(&parts.places).enumerate() {
                let level = if self.up { deepest - 1 - node.depth } else { node.depth };
                let top = area.top() + level as f32 * HEIGHT;
                let [left, right] = [x(place.0), x(place.1)].map(|x| x.clamp(area.left(), area.right()));
                let rect = Rect::from_min_max(pos2(left, top), pos2(right, top + HEIGHT - 1.0));
                if rect.width() < NARROW || !sight.intersects(rect) {
                    continue;
                }
                let response = ui.interact(rect, Id::new(("flame", at)), Sense::click());
                response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, in_words(node)));
                paint(ui, rect, opened, node, response.hovered());
                if response.double_clicked() {
                    asked = Some(node.row);
                } else if response.clicked() {
                    self.root = Some((parts.revision, at)).filter(|_| root != Some(at));
                }
                let head = node.name();
                tooltip::on(response, &head, || about(node));
            }
        });
        asked
    }
}

/// "call reviews reviews:9080/*, 2 times, 17 ms of their own".
fn in_words(node: &Node) -> String {
    let own = fmt::ms(node.sum.self_us / 1000.0);
    let times = fmt::counted(node.sum.count as usize, "time", "times");
    format!("call {}, {times}, {own} of their own", node.name()).replace(fmt::THIN, " ")
}

fn about(node: &Node) -> Vec<(String, String)> {
    let time = |us: f64| fmt::ms(us / 1000.0);
    let mut rows = vec![
        ("Calls".to_owned(), fmt::count(node.sum.count as usize)),
        ("Own time".to_owned(), time(node.sum.self_us)),
        ("With all below".to_owned(), time(node.weight_us)),
        ("Waited for".to_owned(), time(node.sum.critical_us)),
    ];
    if node.sum.errors > 0.0 {
        rows.push(("Failed".to_owned(), fmt::count(node.sum.errors as usize)));
    }
    rows.extend(node.marks.iter().map(|mark| ("By the mesh".to_owned(), mark.to_string())));
    rows
}

fn paint(ui: &Ui, rect: Rect, opened: &Opened, node: &Node, hovered: bool) {
    let tokens = Tokens::of(ui);
    let service = opened.tree.services.iter().position(|service| service.name == node.service);
    let color = bars::color(tokens, service.unwrap_or_default());
    let fill = color.gamma_multiply(if hovered { 0.95 } else { 0.75 });
    let painter = ui.painter().with_clip_rect(ui.clip_rect().intersect(rect));
    painter.rect_filled(rect.shrink2(vec2(0.5, 0.0)), 2.0, fill);
    if node.sum.errors > 0.0 {
        let stroke = Stroke::new(1.5, tokens.failing);
        painter.rect_stroke(rect.shrink(0.5), 2.0, stroke, egui::StrokeKind::Inside);
    }
    if rect.width() > 40.0 {
        let font = FontId::proportional(size::NOTE);
        let edges = [rect.left() + 6.0, rect.right() - 4.0, rect.center().y];
        let mut name = node.name();
        if rect.width() > TIMED {
            name = format!("{name}  {}", fmt::ms(node.weight_us / 1000.0));
        }
        text::name(ui, &name, font, tokens.on(color), edges);
    }
}
