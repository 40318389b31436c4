//! A trace as a waterfall: spans below their parents, bars in time, the critical path, and what failed.

mod again;
mod folding;
mod state;

pub(super) use state::Waterfall;

use super::bars::{self, Bar, Sight};
use super::list::{in_words, short_id};
use super::looks::Look;
use super::span;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::theme::{Weight, family, size, space};
use crate::kit::{Button, Status, Tokens, badge, field, fmt, icon, keys, text};
use egui::{EventFilter, FontId, Id, Key, Rect, ScrollArea, Sense, Ui, WidgetInfo, WidgetType, pos2, vec2};
use mesh::trace::{Found, Opened, SpanRef, TagsRef, trouble};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one frame may search: there may be a million spans.
const SEARCHING: Duration = Duration::from_millis(5);
/// Lower panels than this have no room for legend and minimap beside rows and a span.
const LOW: f32 = 600.0;
/// Width of a service's name in the legend.
const LEGEND: f32 = 110.0;
/// A trace of so many spans takes a while to be let go of.
const BIG: usize = 50_000;

/// The last to let go of a large trace frees it: not the window's thread.
fn drop_elsewhere(gone: Arc<Opened>) {
    if gone.trace.spans.len() > BIG {
        std::thread::spawn(move || drop(gone));
    }
}

/// Draws the way back to the results; true when it was taken.
pub(super) fn back_ui(ui: &mut Ui) -> bool {
    ui.add(Button::quiet("Results").named("Back to results").with_icon(icon::ARROW_LEFT)).clicked()
}

impl Waterfall {
    /// Draws a trace. Returns true to go back to the results.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        cx: &Cx<'_>,
        opened: &Arc<Opened>,
        found: Option<&Arc<Found>>,
    ) -> bool {
        let fresh = self.read(opened);
        let id = Id::new(("waterfall", self.number));
        // In a low panel rows and span come before what is seen at a glance.
        let short = self.chosen.is_some() && ui.available_height() < LOW;
        let mut back = self.head_ui(ui, cx, !short);
        ui.add_space(space::XS);
        if self.looks.look != Look::Waterfall {
            if let Some(row) = self.looks.ui(ui, cx, opened, found) {
                self.looks.look = Look::Waterfall;
                self.choose(row);
            }
            return back;
        }
        back |= self.keys(ui, id);
        let opened = &**opened;
        let part = self.part.unwrap_or((0.0, 1.0));
        if !short && let Some(part) = self.minimap.ui(ui, opened, self.number, part) {
            self.part = Some(part).filter(|part| *part != (0.0, 1.0));
        }
        if let Some(at) = self.chosen {
            let mut beside = self.beside;
            let detail = |ui: &mut Ui| span::ui(ui, cx, opened, at);
            let close = beside.ui(ui, |ui| self.rows_ui(ui, opened, id), detail);
            self.beside = beside;
            if close {
                self.chosen = None;
            }
        } else {
            self.rows_ui(ui, opened, id);
        }
        if fresh {
            ui.memory_mut(|memory| memory.request_focus(id));
        }
        back
    }

    /// Whether spans of other traces are wanted, too.
    pub(super) fn beside_others(&self) -> bool {
        self.looks.beside_others()
    }

    /// Looks at nothing.
    pub(super) fn let_go(&mut self) {
        drop_elsewhere(std::mem::take(self).opened);
    }

    /// Begins anew when the trace is another one.
    fn read(&mut self, opened: &Arc<Opened>) -> bool {
        if Arc::ptr_eq(&self.opened, opened) {
            return false;
        }
        // A trace that was read again keeps the way it is looked at.
        let same = self.opened.trace.id == opened.trace.id;
        let alike = same && self.opened.tree == opened.tree;
        let gone = std::mem::replace(&mut self.opened, Arc::clone(opened));
        if !alike {
            self.begin(&gone, same);
        }
        drop_elsewhere(gone);
        !same
    }

    fn head_ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, legend: bool) -> bool {
        let mut back = false;
        ui.horizontal_wrapped(|ui| {
            back = back_ui(ui);
            let id = self.opened.summary.id.clone();
            let name = self.opened.summary.service.split('.').next().unwrap_or_default();
            let name = format!("{name} {}", self.opened.summary.operation);
            let font = FontId::new(size::TEXT, family(ui.ctx(), Weight::Semibold));
            let title = text::middle(ui, &name, &font, ui.max_rect().width() * 0.6);
            let title = text::strong(ui, title);
            let words = in_words(&self.opened.summary);
            title.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, format!("Open {words}")));
            text::muted(ui, short_id(&id)).on_hover_text(&id);
            if ui.add(Button::icon(icon::COPY, "Copy trace id")).clicked() {
                cx.intents.send(Intent::Copy(id, "trace id".into()));
            }
            let took = fmt::ms(self.opened.summary.duration_us as f64 / 1000.0);
            let spans = fmt::counted(self.opened.summary.spans, "span", "spans");
            let services = fmt::counted(self.opened.tree.services.len(), "service", "services");
            text::muted(ui, format!("{took} · {spans} · {services} · {} deep", self.opened.tree.depth));
            if let Some(trouble) = &self.opened.summary.trouble {
                badge::status(
                    ui,
                    if self.opened.summary.errors > 0 { Status::Failing } else { Status::Degraded },
                    trouble,
                );
            }
        });
        ui.horizontal_wrapped(|ui| {
            self.looks.choose_ui(ui);
            if self.looks.look != Look::Waterfall {
                return;
            }
            let found =
                field::search(ui, Id::new("find span"), "Find span", "Find span", &mut self.find, 200.0);
            if found.changed() {
                self.finding = Some(0).filter(|_| !self.find.trim().is_empty());
            }
            if ui
                .add(Button::quiet("Critical path").with_icon(icon::LIGHTNING).selected(!self.plain))
                .clicked()
            {
                self.plain = !self.plain;
            }
            self.folding_ui(ui);
            if self.part.is_some() && ui.add(Button::quiet("Whole time")).clicked() {
                self.part = None;
            }
            if self.opened.summary.errors > 0
                && ui.add(Button::quiet("Next error").with_icon(icon::WARNING)).clicked()
            {
                self.next_error();
            }
            if legend {
                self.legend_ui(ui);
            }
        });
        if !self.opened.odd.is_empty() {
            let odd: Vec<String> = self.opened.odd.iter().map(ToString::to_string).collect();
            text::note(ui, odd.join(" · "));
        }
        back
    }

    /// Services with their colour and their share of the work.
    fn legend_ui(&self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        let all: f64 = self.opened.tree.services.iter().map(|service| service.self_us as f64).sum();
        let all = all.max(1.0);
        for (index, service) in self.opened.tree.services.iter().enumerate().take(6) {
            let share = fmt::percent(service.self_us as f64 / all * 100.0);
            let name = service.name.split('.').next().unwrap_or(&service.name);
            let spans = fmt::counted(service.spans, "span", "spans");
            let shown = text::middle(ui, name, &FontId::proportional(size::NOTE), LEGEND);
            badge::pill(ui, &format!("{shown} {share}"), bars::color(tokens, index)).on_hover_text(format!(
                "{}: {spans}, {} of their own time, {share} of the work",
                service.name,
                fmt::ms(service.self_us as f64 / 1000.0)
            ));
        }
        if self.opened.tree.services.len() > 6 {
            text::note(ui, format!("and {} more", self.opened.tree.services.len() - 6));
        }
    }

    fn choose(&mut self, at: usize) {
        self.reveal(at);
        self.chosen = Some(at);
        self.scroll_to = true;
    }

    /// Chooses the next row where a failure began, after the last one the first.
    fn next_error(&mut self) {
        let failed = &self.opened.failed;
        let after = self.chosen.map_or(0, |chosen| chosen + 1);
        let next = failed.get(failed.partition_point(|at| *at < after)).or(failed.first());
        if let Some(at) = next.copied() {
            self.choose(at);
        }
    }

    /// Keys while the rows have the focus. Returns true to go back.
    fn keys(&mut self, ui: &Ui, id: Id) -> bool {
        if !ui.memory(|memory| memory.has_focus(id)) {
            return false;
        }
        let filter = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            escape: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
        keys::pressed(ui).into_iter().any(|key| self.key(key))
    }

    /// One key. Returns true to go back.
    fn key(&mut self, key: Key) -> bool {
        let place = self.chosen.and_then(|chosen| self.visible.binary_search(&chosen).ok());
        let last = self.visible.len().saturating_sub(1);
        let to = match (key, self.chosen) {
            (Key::ArrowDown, _) => place.map_or(0, |place| (place + 1).min(last)),
            (Key::ArrowUp, _) => place.map_or(0, |place| place.saturating_sub(1)),
            (Key::PageDown, _) => (place.unwrap_or(0) + 20).min(last),
            (Key::PageUp, _) => place.unwrap_or(0).saturating_sub(20),
            (Key::Home, _) => 0,
            (Key::End, _) => last,
            (Key::Escape, _) => return self.chosen.take().is_none(),
            (Key::ArrowRight, Some(chosen)) => {
                self.fold(chosen, false);
                return false;
            }
            (Key::ArrowLeft, Some(chosen)) => {
                let row = &self.opened.tree.rows[chosen];
                let open = row.has_children(chosen) && !self.folded.contains(&chosen);
                match row.parent.filter(|_| !open) {
                    Some(parent) => self.choose(parent),
                    None => self.fold(chosen, true),
                }
                return false;
            }
            _ => return false,
        };
        self.chosen = self.visible.get(to).copied();
        self.scroll_to = true;
        false
    }

    fn rows_ui(&mut self, ui: &mut Ui, opened: &Opened, id: Id) {
        let tokens = Tokens::of(ui);
        let name_width = (ui.available_width() * 0.38).clamp(170.0, 440.0);
        let (from, to) = self.part.unwrap_or((0.0, 1.0));
        let (start, length) =
            (self.opened.tree.start_us as f64, self.opened.tree.duration_us().max(1) as f64);
        let sight = Sight { from_us: start + from * length, to_us: start + to * length };
        bars::axis_ui(ui, name_width, sight, start);
        let find = self.find.trim().to_lowercase();
        let area = ui.available_rect_before_wrap();
        let container = ui.interact(area, id, Sense::click());
        container.widget_info(|| {
            WidgetInfo::labeled(WidgetType::Other, true, "Spans; arrows move, left folds, right unfolds")
        });
        let mut clicked = None;
        self.find_next(ui, &find);
        let mut fold = None;
        let scroll = std::mem::take(&mut self.scroll_to) && self.chosen.is_some();
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut shown =
            ScrollArea::vertical().id_salt(id).auto_shrink([false, false]).min_scrolled_height(0.0);
        if scroll && let Some(offset) = self.offset(ui.ctx(), id, area.height()) {
            shown = shown.vertical_scroll_offset(offset);
        }
        let output = shown.show_rows(ui, bars::HEIGHT, self.visible.len(), |ui, range| {
            for at in self.visible.get(range).unwrap_or_default().iter().copied() {
                let (row, Some(span)) = (&opened.tree.rows[at], opened.span(at)) else { continue };
                let (_, rect) = ui.allocate_space(vec2(ui.available_width(), bars::HEIGHT));
                let names = rect.with_max_x(rect.left() + name_width);
                let times = Rect::from_min_max(
                    pos2(names.right() + space::S, rect.top()),
                    rect.max - vec2(space::M, 0.0),
                );
                let bar = Bar {
                    span,
                    row,
                    folds: row.has_children(at).then(|| self.folded.contains(&at)),
                    below: row.end - at - 1,
                    critical: if self.plain { &[] } else { opened.critical(at) },
                    chosen: self.chosen == Some(at),
                    found: !find.is_empty() && found(span, &find),
                };
                // A row at the edge is pressed where it is seen.
                let seen = Some(rect.intersect(ui.clip_rect())).filter(|seen| seen.is_positive());
                let response = ui.interact(seen.unwrap_or(rect), id.with(at), Sense::click());
                response.widget_info(|| {
                    WidgetInfo::selected(WidgetType::SelectableLabel, true, bar.chosen, bar.in_words())
                });
                bar.paint(ui, rect, names, times, sight, response.hovered());
                if response.clicked() {
                    let caret = bar.caret(names);
                    let on_caret = response.interact_pointer_pos().is_some_and(|at| caret.contains(at));
                    match bar.folds.filter(|_| on_caret || response.double_clicked()) {
                        Some(folded) => fold = Some((at, !folded)),
                        None => clicked = Some(at),
                    }
                }
            }
        });
        ui.data_mut(|data| data.insert_temp(id.with("offset"), output.state.offset.y));
        ui.painter().vline(area.left() + name_width + space::XS, area.y_range(), tokens.hairline());
        if let Some((at, folded)) = fold {
            self.fold(at, folded);
        }
        if let Some(at) = clicked {
            // Its detail takes room: the row stays in sight.
            (self.chosen, self.scroll_to) = (Some(at), true);
            ui.ctx().request_repaint();
        }
        if container.clicked() || clicked.is_some() {
            ui.memory_mut(|memory| memory.request_focus(id));
        }
        self.zoom(ui, area, name_width);
    }

    /// Looks for the first row that is searched for, as long as a frame may take, and goes on in the next
    /// one.
    fn find_next(&mut self, ui: &Ui, find: &str) {
        let Some(from) = self.finding.take() else { return };
        let begun = Instant::now();
        for (place, at) in self.visible.iter().enumerate().skip(from) {
            if self.opened.span(*at).is_some_and(|span| found(span, find)) {
                (self.chosen, self.scroll_to) = (Some(*at), true);
                return;
            }
            if place % 64 == 0 && begun.elapsed() > SEARCHING {
                self.finding = Some(place + 1);
                ui.ctx().request_repaint();
                return;
            }
        }
    }

    /// How far to scroll so that the chosen row is in sight; `None` when it is.
    fn offset(&self, ctx: &egui::Context, id: Id, height: f32) -> Option<f32> {
        let place = self.visible.binary_search(&self.chosen?).ok()? as f32 * bars::HEIGHT;
        let now: f32 = ctx.data(|data| data.get_temp(id.with("offset"))).unwrap_or_default();
        if place < now {
            return Some(place);
        }
        (place + bars::HEIGHT > now + height).then(|| (place - height / 2.0).max(0.0))
    }

    /// Ctrl and the wheel (or a pinch) over the bars look closer at the time under the pointer.
    fn zoom(&mut self, ui: &Ui, area: Rect, name_width: f32) {
        let factor = f64::from(ui.input(|input| input.zoom_delta()));
        let times = area.with_min_x(area.left() + name_width + space::S);
        let Some(pointer) = ui.input(|input| input.pointer.hover_pos()).filter(|at| times.contains(*at))
        else {
            return;
        };
        if (factor - 1.0).abs() < 1e-4 {
            return;
        }
        let (from, to) = self.part.unwrap_or((0.0, 1.0));
        let at = from + (to - from) * f64::from((pointer.x - times.left()) / times.width());
        let width = ((to - from) / factor).clamp(1e-5, 1.0);
        let from = (at - (at - from) / (to - from) * width).clamp(0.0, 1.0 - width);
        self.part = (width < 1.0).then_some((from, from + width));
    }
}

/// Whether a span is what is searched for: by anything that it says, in lower case.
fn found(span: SpanRef<'_>, find: &str) -> bool {
    let holds = |text: &str| text.to_lowercase().contains(find);
    let tagged = |tags: TagsRef<'_>| tags.iter().any(|(name, value)| holds(name) || holds(value));
    [span.service(), span.operation(), span.kind(), span.id()].into_iter().any(holds)
        || trouble(span).is_some_and(|trouble| holds(&trouble.words))
        || tagged(span.tags())
        || tagged(span.process())
        || span.logs().any(|(_, fields)| tagged(fields))
}
