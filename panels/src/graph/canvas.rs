//! The canvas of the graph: pan, zoom, hover, select, and only what is in view is drawn.

use super::access::{InView, Keyboard, card_id, line_id, tell_all};
use super::batch::{Batch, Detail, Key, Shown, aside};
use super::camera::Camera;
use super::chosen::Chosen;
use super::frames;
use super::labels::{self, Pill};
use super::minimap::Minimap;
use super::paint::{Look, Meta, galley};
use super::path::Way;
use super::picture::{Carried, Joined, exists};
pub use super::picture::{Done, Picture, Setting, Thing, selects};
use super::view::View;
use crate::kit::theme::Weight;
use crate::kit::{Memo, Tokens, fmt};
use crate::selection::Selected;
use egui::{CursorIcon, Id, Painter, Pos2, Rect, Response, Sense, Shape, Ui, WidgetInfo, WidgetType, vec2};
use std::collections::HashMap;
use std::sync::Arc;

/// Cards and lines in view.
type InSight = (Arc<Vec<usize>>, Arc<Vec<usize>>);

/// The canvas and how one looks at it.
#[derive(Default)]
pub struct Canvas {
    pub(super) camera: Camera,
    /// Whether the user moved the camera; until then it follows the graph.
    pub(super) touched: bool,
    pub(super) fitted: Option<(Rect, egui::Vec2)>,
    serial: usize,
    /// Counts changes of cards alone, and which cards changed since the batch took them in.
    looks: usize,
    changed: Vec<usize>,
    batch: Batch,
    chosen: Memo<(usize, Option<Selected>), Arc<Chosen>>,
    in_view: Memo<(usize, Rect), InSight>,
    pills: Vec<Pill>,
    pills_for: Option<(usize, f32, Rect, u64)>,
    /// Where pills stood, by the edge that they are on.
    stood: HashMap<Joined, Pos2>,
    minimap: Minimap,
    /// The way of calls through the card under the pointer.
    way: Memo<(usize, usize), Way>,
    menu: Option<Thing>,
    /// The card that is being dragged.
    pub(super) carried: Option<Carried>,
    /// Whether something else had the keyboard in the last frame, or lay over the window.
    pub(super) busy: bool,
    /// What was selected in the last frame, or by a click here.
    selected: Option<Selected>,
}

impl Canvas {
    /// A new picture is to be drawn; what was kept of the old one is forgotten.
    pub fn renew(&mut self) {
        self.serial += 1;
        self.changed.clear();
    }
    /// These cards are others now; all else is as it was.
    pub(super) fn renew_cards(&mut self, changed: &[usize]) {
        self.looks += 1;
        self.changed.extend(changed);
    }
    /// The zoom, 1.0 being 100 %.
    pub fn zoom(&self) -> f32 {
        self.camera.zoom
    }
    /// Shows all of the graph, and follows it until the camera is moved again.
    pub fn fit(&mut self) {
        (self.touched, self.fitted) = (false, None);
    }
    /// Zooms about the middle.
    pub fn zoom_by(&mut self, factor: f32) {
        if let Some((_, size)) = self.fitted {
            self.camera = self.camera.zoomed(factor, size / 2.0);
            self.touched = true;
        }
    }
    /// Puts the camera here; for measuring.
    pub fn look(&mut self, camera: Camera) {
        (self.camera, self.touched) = (camera, true);
    }
    /// Where pills stand in a viewport.
    pub fn pills(&self, viewport: Rect) -> Vec<Rect> {
        let by = viewport.min.to_vec2() + self.camera.pan;
        self.pills.iter().map(|pill| pill.rect.translate(by)).collect()
    }

    /// Where one looks from.
    pub fn camera(&self) -> Camera {
        self.camera
    }

    /// Draws the graph into all the space there is. `menu` fills the menu of a thing that was clicked with
    /// the right button.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        picture: &mut Picture,
        setting: &Setting<'_>,
        menu: &mut dyn FnMut(&mut Ui, &View, Thing),
    ) -> Done {
        let viewport = ui.available_rect_before_wrap();
        let response = ui.allocate_rect(viewport, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Image, true, setting.name));
        let id = response.id;
        self.follow(&picture.view, viewport);
        let put = if setting.movable { self.carry(ui, &response, picture, viewport) } else { None };
        self.steer(ui, &response, &picture.view, viewport);
        let chosen = self
            .chosen
            .get((self.serial, setting.selected.cloned()), |_| {
                Arc::new(Chosen::of(&picture.view, setting.selected))
            })
            .clone();
        let mark = (
            setting.selected.is_some(),
            chosen.any,
            setting.selected.map(|selected| format!("{selected:?}")),
        );
        let mark = Id::new(mark).value();

        self.bring_into_view(&picture.view, &chosen, setting.selected, viewport);
        let seen = self.camera.view(viewport);
        let in_view = self.in_view.get((self.serial, seen), |(_, seen)| {
            if picture.view.bounds.is_some_and(|bounds| seen.contains_rect(bounds)) {
                (
                    Arc::new((0..picture.view.cards.len()).collect()),
                    Arc::new((0..picture.view.lines.len()).collect()),
                )
            } else {
                (Arc::new(picture.index.cards(*seen)), Arc::new(picture.index.lines(*seen)))
            }
        });
        let (cards, lines) = in_view.clone();
        let detail = Detail::of(self.camera.zoom, cards.len());
        let camera = self.camera;
        let place = move |rect: Rect| camera.rect_to_screen(viewport, rect);
        let painter = ui.painter().with_clip_rect(viewport.intersect(ui.clip_rect()));
        frames::paint(&painter, Tokens::of(ui), &picture.view, &chosen, &place, viewport, camera.zoom);
        self.draw_batch(&painter, Tokens::of(ui), picture, &chosen, mark, detail, lines.len(), viewport);
        frames::names(&painter, Tokens::of(ui), &picture.view, &chosen, &place, viewport, camera.zoom);
        self.place_pills(&painter, picture, &chosen, detail, viewport, mark);
        let pill_by = viewport.min.to_vec2() + camera.pan;

        let pointer = response.hover_pos().filter(|_| !response.dragged());
        let hovered = pointer.and_then(|at| self.under(picture, viewport, at, detail));
        let inside = InView {
            view: &picture.view,
            cards: &cards,
            lines: &lines,
            pills: &self.pills,
            place: &place,
            pill_by,
            viewport,
            chosen: &chosen,
        };
        let keyboard = tell_all(ui, id, &inside);
        if let Some(to) = keyboard.moved.map(|card| picture.view.cards[card].rect)
            && !seen.contains_rect(to)
        {
            (self.camera, self.touched) = (camera.on(to.center(), viewport.size(), camera.zoom), true);
            ui.ctx().request_repaint();
        }
        let meta = Meta::new(camera, viewport);
        if let (Some(Thing::Card(card)), true) = (hovered, detail > Detail::Dot) {
            let way = self.way.get((self.serial, card), |(_, card)| Way::through(&picture.view, *card));
            for line in &way.lines {
                picture.store.line(&painter, &meta, *line, true);
            }
        }
        self.draw_lines_above(&painter, picture, &meta, &chosen, hovered, &keyboard);
        if detail.near() || lines.len() <= 150 {
            let flowing = setting.flowing && ui.input(|input| input.focused);
            frames::flow(&painter, Tokens::of(ui), &picture.view, &chosen, &lines, camera, viewport, flowing);
        }
        if detail.near() {
            for &index in cards.iter() {
                let card = &picture.view.cards[index];
                let history = if camera.zoom >= 1.45 {
                    setting.history.get(&card.id).cloned().unwrap_or_default()
                } else {
                    Vec::new()
                };
                let look = Look {
                    detail,
                    dim: chosen.card_dim(index),
                    chosen: chosen.cards[index],
                    hovered: hovered == Some(Thing::Card(index)),
                    focused: keyboard.card == Some(index),
                    history,
                };
                picture.store.card(&painter, &meta, index, look);
            }
        }
        let size = labels::letters(camera.zoom);
        for pill in &self.pills {
            let strong = chosen.lines[pill.line] || hovered == Some(Thing::Line(pill.line));
            let dim = aside(chosen.line_dim(pill.line), picture.view.lines[pill.line].status);
            labels::paint(&painter, Tokens::of(ui), pill, pill_by, dim, strong, size);
        }
        if setting.minimap
            && let Some(camera) = self.minimap.ui(
                ui,
                id.with("minimap"),
                viewport,
                self.camera,
                &picture.view,
                (self.serial, self.looks),
            )
        {
            (self.camera, self.touched) = (camera, true);
        }
        let lit = |line: &&usize| chosen.any && detail == Detail::Full && !chosen.line_dim(**line);
        let lit = lines.iter().filter(lit).copied().collect();
        let line = match hovered {
            Some(Thing::Line(line)) if detail == Detail::Full => Some(line),
            _ => None,
        };
        let done = self.answer(ui, &response, picture, viewport, hovered, keyboard, menu);
        Done { lit, line, put, ..done }
    }

    /// Moves to what was selected elsewhere, when none of it is in view.
    fn bring_into_view(&mut self, view: &View, chosen: &Chosen, selected: Option<&Selected>, viewport: Rect) {
        if self.selected.as_ref() == selected {
            return;
        }
        self.selected = selected.cloned();
        let cards =
            view.cards.iter().zip(&chosen.cards).filter(|(_, chosen)| **chosen).map(|(card, _)| card.rect);
        let groups = view
            .groups
            .iter()
            .zip(&chosen.groups)
            .filter(|(_, chosen)| **chosen)
            .map(|(group, _)| group.rect);
        let lines = view
            .lines
            .iter()
            .zip(&chosen.lines)
            .filter(|(_, chosen)| **chosen)
            .map(|(line, _)| line.curve.bounds());
        let all: Vec<Rect> = cards.chain(groups).chain(lines).collect();
        let seen = self.camera.view(viewport);
        if let Some(first) = all.first()
            && !all.iter().any(|rect| rect.intersects(seen))
        {
            (self.camera, self.touched) = (self.camera.on(first.center(), viewport.size(), 0.7), true);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the mesh depends on all of it")]
    fn draw_batch(
        &mut self,
        painter: &Painter,
        tokens: &Tokens,
        picture: &Picture,
        chosen: &Chosen,
        mark: u64,
        detail: Detail,
        lines: usize,
        viewport: Rect,
    ) {
        let curves = detail > Detail::Dot && lines <= 5000;
        let key = Key { view: self.serial, chosen: mark, dark: tokens.dark, detail, curves };
        if self.batch.stale(&key, self.camera, viewport) {
            let seen = self.camera.view(viewport);
            let region = seen.expand2(seen.size() * if detail == Detail::Dot { 2.0 } else { 0.5 });
            let (cards, lines) = (picture.index.cards(region), picture.index.lines(region));
            let shown = Shown { view: &picture.view, chosen, cards: &cards, lines: &lines };
            self.batch.build(key, self.camera.zoom, region, &shown);
        } else if !self.changed.is_empty() {
            self.batch.recolour(&self.changed, &picture.view, chosen);
        }
        self.changed.clear();
        painter.add(Shape::mesh(self.batch.on_screen(self.camera, viewport)));
    }

    fn place_pills(
        &mut self,
        painter: &Painter,
        picture: &Picture,
        chosen: &Chosen,
        detail: Detail,
        viewport: Rect,
        mark: u64,
    ) {
        if detail != Detail::Full {
            (self.pills, self.pills_for) = (Vec::new(), None);
            return;
        }
        let seen = self.camera.view(viewport);
        let fits = self.pills_for.is_some_and(|(serial, zoom, region, old)| {
            (serial, zoom, old) == (self.serial, self.camera.zoom, mark) && region.contains_rect(seen)
        });
        if !fits {
            let region = seen.expand2(seen.size() * 0.4);
            let size = labels::letters(self.camera.zoom);
            let measure = |text: &str| {
                galley(painter, text, size, Weight::Regular, Tokens::dark(true).text, f32::INFINITY).size()
            };
            let lines = picture.index.lines(region);
            let first = |line: usize| chosen.lines[line];
            // At the same zoom a pill whose words changed stays where it stood.
            let zoom = self.camera.zoom;
            let old =
                self.pills_for.filter(|(_, old, ..)| *old == zoom).map(|_| std::mem::take(&mut self.stood));
            let old = old.unwrap_or_default();
            let stood = |line: usize| old.get(&Joined::of(&picture.view, line)).copied();
            self.pills = labels::place(&picture.view, &picture.index, &lines, zoom, &first, &stood, &measure);
            let place = |pill: &Pill| (Joined::of(&picture.view, pill.line), pill.rect.center());
            self.stood = self.pills.iter().map(place).collect();
            self.pills_for = Some((self.serial, self.camera.zoom, region, mark));
        }
    }

    fn draw_lines_above(
        &self,
        painter: &Painter,
        picture: &mut Picture,
        meta: &Meta,
        chosen: &Chosen,
        hovered: Option<Thing>,
        keyboard: &Keyboard,
    ) {
        for (index, _) in chosen.lines.iter().enumerate().filter(|(_, chosen)| **chosen) {
            picture.store.line(painter, meta, index, true);
        }
        if let Some(Thing::Line(index)) = hovered {
            picture.store.line(painter, meta, index, chosen.lines[index]);
        }
        if let Some(index) = keyboard.line {
            picture.store.line(painter, meta, index, true);
        }
    }

    /// What is under a point of the screen: pills and cards before edges, edges before boxes.
    pub(super) fn under(&self, picture: &Picture, viewport: Rect, at: Pos2, detail: Detail) -> Option<Thing> {
        let by = viewport.min.to_vec2() + self.camera.pan;
        if let Some(pill) = self.pills.iter().find(|pill| pill.rect.translate(by).contains(at)) {
            return Some(Thing::Line(pill.line));
        }
        let point = self.camera.to_graph(viewport, at);
        if let Some(card) = picture.index.card_at(point) {
            return Some(Thing::Card(card));
        }
        let reach = 6.0 / self.camera.zoom;
        if detail > Detail::Dot {
            let near = picture.index.lines(Rect::from_center_size(point, vec2(reach, reach) * 2.0));
            if let Some(line) = near.into_iter().rev().find(|line| picture.store.touches(*line, point, reach))
            {
                return Some(Thing::Line(line));
            }
        }
        let group = picture
            .view
            .groups
            .iter()
            .rposition(|group| group.selects.is_some() && group.pressed().contains(point))?;
        Some(Thing::Group(group))
    }

    #[expect(clippy::too_many_arguments, reason = "answers to all that can be done")]
    fn answer(
        &mut self,
        ui: &Ui,
        response: &Response,
        picture: &Picture,
        viewport: Rect,
        hovered: Option<Thing>,
        keyboard: Keyboard,
        menu: &mut dyn FnMut(&mut Ui, &View, Thing),
    ) -> Done {
        let view = &picture.view;
        let mut done = Done { select: keyboard.select.map(Some), ..Done::default() };
        if hovered.is_some() && !response.dragged() {
            ui.ctx().set_cursor_icon(CursorIcon::PointingHand);
        }
        if response.clicked() {
            done.select = Some(hovered.and_then(|thing| selects(view, thing)));
            // From there on by keys.
            let id = match hovered {
                Some(Thing::Card(card)) => card_id(response.id, &view.cards[card]),
                Some(Thing::Line(line)) => line_id(response.id, view, line),
                Some(Thing::Group(_)) | None => response.id,
            };
            ui.memory_mut(|memory| memory.request_focus(id));
        }
        if self.escaped(ui, response.id, keyboard.at.is_some()) {
            done.select = Some(None);
        }
        if response.double_clicked() {
            let point = match hovered {
                Some(Thing::Card(card)) => Some(view.cards[card].rect.center()),
                Some(Thing::Line(line)) => Some(view.lines[line].curve.at(0.5)),
                Some(Thing::Group(group)) => Some(view.groups[group].rect.center()),
                None => None,
            };
            match point {
                Some(point) => {
                    (self.camera, self.touched) = (self.camera.on(point, viewport.size(), 1.0), true);
                }
                None => self.fit(),
            }
            ui.ctx().request_repaint();
        }
        if response.secondary_clicked() {
            self.menu = hovered;
        }
        if let Some(thing) = self.menu.filter(|thing| exists(view, *thing)) {
            done.menu = Some(thing);
            response.context_menu(|ui| menu(ui, view, thing));
        }
        let facts = match hovered {
            Some(Thing::Card(card)) => Some((&view.cards[card].name, view.cards[card].facts.clone())),
            Some(Thing::Line(line)) => Some((&view.lines[line].name, view.lines[line].facts.clone())),
            Some(Thing::Group(_)) | None => None,
        };
        if let Some((name, mut facts)) = facts.filter(|_| !response.context_menu_opened()) {
            let head =
                name.strip_prefix("edge ").map_or_else(|| name.clone(), |ends| ends.replace(" to ", " → "));
            if let Some(Thing::Card(card)) = hovered {
                let way = self.way.get((self.serial, card), |(_, card)| Way::through(view, *card));
                for (name, count) in [("Reached by", way.before), ("Reaches", way.after)] {
                    let others = (count > 0).then(|| fmt::counted(count, "other", "others"));
                    facts.extend(others.map(|others| (name.to_owned(), others)));
                }
            }
            response.clone().on_hover_ui_at_pointer(|ui| crate::kit::tooltip::rows(ui, &head, &facts));
        }
        done
    }
}
