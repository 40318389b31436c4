//! The connect screen: start a sandbox, or pick a context of the kubeconfig; then the steps of connecting,
//! each with its own failure and its way on.

mod sandbox;
mod steps;

pub use steps::{loss, step_name};

use self::sandbox::SandboxCard;
use self::steps::can_go_on;
use crate::contexts::{ContextRow, Contexts};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, family, size};
use crate::kit::{Button, Tokens, card, field, fmt, icon, keys, mark, problem, text};
use egui::{
    Align, Align2, FontId, Key, Layout, Margin, Rect, RichText, ScrollArea, Sense, Stroke, Ui, WidgetInfo,
    WidgetType, pos2, vec2,
};

/// Least height of both cards, so that they end on one line.
const LOWEST: f32 = 384.0;

/// The screen's own state.
#[derive(Default)]
pub struct Connect {
    search: String,
    at: Option<usize>,
    anyway: bool,
    /// Whether the field for searching had the focus once.
    shown: bool,
    sandbox: SandboxCard,
}

impl Connect {
    /// Whether the window shall show this screen instead of the mesh.
    pub fn covers(&mut self, cx: &Cx<'_>) -> bool {
        // Each connection asks again.
        self.anyway &= can_go_on(cx);
        !(cx.scene.ready() || self.anyway)
    }

    /// Draws the screen over the whole window.
    pub fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        ui.painter().rect_filled(ui.max_rect(), 0.0, Tokens::of(ui).bg);
        let connecting = cx.contexts.connecting.is_some() || !cx.scene.steps.is_empty();
        let width = if connecting { 620.0 } else { 920.0_f32 }.min(ui.available_width() - 48.0);
        ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
            let side = ((ui.available_width() - width) / 2.0).max(0.0);
            let top = (ui.clip_rect().height() * if connecting { 0.14 } else { 0.11 }).round();
            egui::Frame::new().inner_margin(Margin { top: top as i8, ..Margin::ZERO }).show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    ui.add_space(side);
                    ui.vertical(|ui| {
                        ui.set_width(width);
                        head(ui, cx.contexts);
                        ui.add_space(28.0);
                        if connecting {
                            self.shown = false;
                            let back = ui.input(|input| input.key_pressed(Key::Escape));
                            if back && !keys::modal(ui.ctx()) {
                                cx.intents.send(Intent::Disconnect);
                            }
                            self.anyway |= steps::ui(ui, cx);
                        } else {
                            self.choices(ui, cx);
                        }
                        ui.add_space(32.0);
                    });
                });
            });
        });
    }

    fn choices(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let full = ui.available_width();
        let left = if full < 720.0 { full } else { 320.0 };
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 20.0;
            ui.vertical(|ui| {
                ui.set_width(left);
                self.sandbox.ui(ui, cx, LOWEST);
            });
            if full >= 720.0 {
                ui.vertical(|ui| {
                    ui.set_width(full - left - 20.0);
                    self.contexts(ui, cx);
                });
            }
        });
        if full < 720.0 {
            ui.add_space(16.0);
            self.contexts(ui, cx);
        }
    }

    fn contexts(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        ui.spacing_mut().item_spacing.x = 8.0;
        card(ui, |ui| {
            ui.set_min_height(LOWEST);
            ui.spacing_mut().item_spacing.y = 8.0;
            ui.horizontal(|ui| {
                text::strong(ui, "Clusters");
                text::muted(
                    ui,
                    match cx.contexts.rows.len() {
                        0 => "from your kubeconfig".to_owned(),
                        count => fmt::counted(count, "context", "contexts"),
                    },
                );
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if ui
                        .add(
                            Button::quiet("Open kubeconfig…")
                                .with_icon(icon::FOLDER_OPEN)
                                .named("Open kubeconfig…"),
                        )
                        .clicked()
                    {
                        cx.intents.send(Intent::OpenKubeconfig(None));
                    }
                    let traces = Button::quiet("Open traces…").with_icon(icon::PATH);
                    if ui
                        .add(traces)
                        .on_hover_text("A file of Jaeger, OpenTelemetry or Zipkin, without a cluster")
                        .clicked()
                    {
                        cx.intents.send(Intent::OpenFile(None));
                    }
                });
            });
            for trouble in &cx.contexts.problems {
                let level =
                    if cx.contexts.rows.is_empty() { problem::Level::Error } else { problem::Level::Warning };
                if problem::problem(ui, level, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                    cx.intents.send(Intent::Retry);
                }
            }
            if cx.contexts.rows.is_empty() {
                nothing(ui);
                return;
            }
            if cx.contexts.rows.len() > 6 {
                let id = ui.id().with("search");
                let width = ui.available_width();
                let hint = "Search contexts, clusters, servers";
                let before = self.search.clone();
                let response = field::search(ui, id, hint, "Search contexts", &mut self.search, width);
                // One types at once; Escape empties the field.
                if !std::mem::replace(&mut self.shown, true) {
                    response.request_focus();
                }
                if response.lost_focus() && ui.input(|input| input.key_pressed(Key::Escape)) {
                    self.search.clear();
                }
                if self.search != before {
                    self.at = (!self.search.is_empty()).then_some(0);
                }
            }
            let rows = found(cx.contexts, &self.search);
            if let Some(row) = self.keys(ui, &rows) {
                cx.intents.send(Intent::Connect(row.id()));
            }
            ui.spacing_mut().item_spacing.y = 2.0;
            let height = (ui.ctx().content_rect().height() * 0.55).max(200.0);
            ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
                for (index, row) in rows.iter().enumerate() {
                    if context(ui, cx.contexts, row, self.at == Some(index)) {
                        cx.intents.send(Intent::Connect(row.id()));
                    }
                }
                if rows.is_empty() {
                    text::muted(ui, "No context fits what you typed");
                }
            });
        });
    }

    /// Arrows walk the contexts, Enter connects.
    fn keys<'a>(&mut self, ui: &Ui, rows: &[&'a ContextRow]) -> Option<&'a ContextRow> {
        let last = rows.len().saturating_sub(1);
        let keys = keys::pressed(ui);
        for key in &keys {
            match key {
                Key::ArrowDown => self.at = Some(self.at.map_or(0, |at| (at + 1).min(last))),
                Key::ArrowUp => self.at = Some(self.at.map_or(0, |at| at.saturating_sub(1))),
                _ => {}
            }
        }
        let row = rows.get(self.at?)?;
        (keys.contains(&Key::Enter) && row.problem.is_none()).then_some(*row)
    }
}

fn head(ui: &mut Ui, contexts: &Contexts) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 14.0;
        mark(ui, 40.0);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let tokens = Tokens::of(ui);
            ui.label(text::rich(ui, "Binnacle", 24.0, Weight::Semibold).color(tokens.text));
            let line = match &contexts.connecting {
                Some(to) => format!("Connecting to {to}"),
                None => "See and steer a service mesh".to_owned(),
            };
            ui.label(RichText::new(line).color(tokens.muted));
        });
    });
}

fn nothing(ui: &mut Ui) {
    let tokens = Tokens::of(ui);
    ui.add_space(12.0);
    ui.vertical_centered(|ui| {
        ui.label(RichText::new(icon::PLUGS).size(30.0).color(tokens.faint));
        ui.label(text::rich(ui, "No cluster to connect to", size::TEXT, Weight::Semibold).color(tokens.text));
        ui.label(
            RichText::new("Contexts of $KUBECONFIG or ~/.kube/config appear here. Open another file, or start a sandbox.")
                .color(tokens.muted),
        );
    });
    ui.add_space(12.0);
}

/// Contexts that hold every word that was typed; the one used last comes first.
fn found<'a>(contexts: &'a Contexts, typed: &str) -> Vec<&'a ContextRow> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let holds = |row: &&ContextRow| {
        let text = [&*row.name, &row.cluster, &row.server, &row.user, &row.file].join(" ").to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let mut rows: Vec<&ContextRow> = contexts.rows.iter().filter(holds).collect();
    rows.sort_by_cached_key(|row| {
        (!contexts.is_last(row), !row.current, row.problem.is_some(), natural(&row.name))
    });
    rows
}

/// A key by which numbers in names stand in their own order: team-2 before team-10.
fn natural(name: &str) -> Vec<(String, usize, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digit = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(digit);
        let end = after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        // A longer number is a greater one; of equal length, digits decide.
        let number = number.trim_start_matches('0');
        parts.push((word.to_lowercase(), number.len(), number.to_owned()));
        rest = after;
    }
    parts
}

/// One context: a button named by it. Returns whether it was chosen.
fn context(ui: &mut Ui, contexts: &Contexts, row: &ContextRow, focused: bool) -> bool {
    let tokens = Tokens::of(ui);
    let usable = row.problem.is_none();
    let height = if usable { 52.0 } else { 70.0 };
    let sense = if usable { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), sense);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, usable, contexts.name(row)));
    let lit = response.hovered() || focused || response.has_focus();
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    if lit {
        painter.rect_filled(rect, 6.0, tokens.raised);
    }
    if focused || response.has_focus() {
        painter.rect_stroke(rect, 6.0, Stroke::new(1.0, tokens.accent), egui::StrokeKind::Inside);
        response.scroll_to_me(None);
    }
    let ink = if usable { tokens.text } else { tokens.faint };
    let symbol = if usable { icon::SHARE_NETWORK } else { icon::PROHIBIT };
    painter.text(
        pos2(rect.left() + 22.0, rect.top() + 26.0),
        Align2::CENTER_CENTER,
        symbol,
        FontId::proportional(19.0),
        if usable { tokens.accent } else { tokens.faint },
    );
    let bold = FontId::new(size::TEXT, family(ui.ctx(), Weight::Semibold));
    let galleys = [(row.current, "current"), (contexts.is_last(row), "last used")]
        .into_iter()
        .filter(|(shown, _)| *shown);
    let galleys: Vec<_> = galleys
        .map(|(_, word)| {
            painter.layout_no_wrap(word.to_owned(), FontId::proportional(size::NOTE), tokens.accent)
        })
        .collect();
    let pills: f32 = galleys.iter().map(|galley| galley.size().x + 18.0).sum();
    let (left, right) = (rect.left() + 44.0, rect.right() - 36.0);
    let name = text::cut(ui, &row.name, bold, ink, [left, right - pills, rect.top() + 17.0]);
    let mut x = name + 10.0;
    for galley in galleys {
        let pill = Rect::from_min_size(pos2(x, rect.top() + 9.0), galley.size() + vec2(12.0, 4.0));
        painter.rect_filled(pill, 9.0, tokens.tint(tokens.accent));
        painter.galley(pill.min + vec2(6.0, 2.0), galley, tokens.accent);
        x = pill.right() + 6.0;
    }
    let cluster = if row.cluster == row.name { "" } else { &row.cluster };
    let server = if row.server.is_empty() { "no server" } else { &row.server };
    let file = if contexts.name(row) == row.name { "" } else { &row.file };
    let place = [cluster, server, &row.user, row.namespace.as_deref().unwrap_or_default(), file];
    let place = place.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ·  ");
    let small = FontId::proportional(size::SECONDARY);
    text::cut(ui, &place, small.clone(), tokens.muted, [left, right, rect.top() + 37.0]);
    if let Some(trouble) = &row.problem {
        let why = format!("{}  {}: {}", icon::WARNING, trouble.what, trouble.why);
        text::cut(ui, &why, small, tokens.degraded, [left, right + 24.0, rect.top() + 56.0]);
    } else if lit {
        painter.text(
            pos2(rect.right() - 14.0, rect.center().y),
            Align2::RIGHT_CENTER,
            icon::ARROW_RIGHT,
            FontId::proportional(17.0),
            tokens.accent,
        );
    }
    let clicked = response.clicked();
    response.on_hover_ui(|ui| {
        ui.set_max_width(420.0);
        text::muted(ui, format!("From {}", row.file));
        if let Some(trouble) = &row.problem {
            problem::problem(ui, problem::Level::Warning, &trouble.what, &trouble.why, &trouble.next, None);
        }
    });
    clicked
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_in_names_stand_in_their_order() {
        let mut names = ["team-10", "team-2", "team-1", "Team-3", "team", "a9-b10", "a9-b9", "team-02-x"];
        names.sort_by_cached_key(|name| natural(name));
        assert_eq!(names, ["a9-b9", "a9-b10", "team", "team-1", "team-2", "team-02-x", "Team-3", "team-10"]);
    }
}
