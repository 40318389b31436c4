//! Thousands of edges and far-away cards as one mesh: built in the graph's coordinates, moved with the
//! camera, and built anew only when what it shows changes or one comes much nearer.

use super::camera::Camera;
use super::chosen::Chosen;
use super::view::{Line, View};
use crate::kit::{Status, Tokens};
use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Color32, Pos2, Rect, Vec2, vec2};
use std::collections::HashMap;
use std::sync::Arc;

/// How much of a card is drawn at this distance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// A mark in the colour of its health.
    Dot,
    /// A card without text.
    Block,
    /// Status and name.
    Name,
    /// Everything.
    Full,
}

impl Detail {
    /// The detail for this zoom with so many cards in view.
    pub fn of(zoom: f32, cards: usize) -> Self {
        if (zoom >= 0.62 && cards <= 250) || (zoom >= 0.48 && cards <= 60) {
            Self::Full
        } else if zoom >= 0.34 && cards <= 400 {
            Self::Name
        } else if zoom >= 0.12 {
            Self::Block
        } else {
            Self::Dot
        }
    }
    /// Whether cards are drawn one by one, with text.
    pub fn near(self) -> bool {
        self >= Self::Name
    }
}

/// What a batch was built from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) view: usize,
    pub(super) chosen: u64,
    pub(super) dark: bool,
    pub(super) detail: Detail,
    pub(super) curves: bool,
}

/// What goes into a batch.
pub(super) struct Shown<'a> {
    pub(super) view: &'a View,
    pub(super) chosen: &'a Chosen,
    pub(super) cards: &'a [usize],
    pub(super) lines: &'a [usize],
}

/// One mesh, kept.
#[derive(Default)]
pub(super) struct Batch {
    key: Option<Key>,
    zoom: f32,
    region: Rect2,
    world: Vec<Pos2>,
    /// Where the corners of far-away cards begin.
    blocks: HashMap<usize, usize>,
    screen: Arc<Mesh>,
    moved: Option<(Camera, Pos2)>,
}

#[derive(Clone, Copy)]
struct Rect2(Rect);
impl Default for Rect2 {
    fn default() -> Self {
        Self(Rect::NOTHING)
    }
}

impl Batch {
    /// Whether it must be built anew for this key and camera.
    pub(super) fn stale(&self, key: &Key, camera: Camera, viewport: Rect) -> bool {
        let ratio = camera.zoom / self.zoom.max(1e-6);
        self.key.as_ref() != Some(key)
            || !(0.93..=1.075).contains(&ratio)
            || !self.region.0.contains_rect(camera.view(viewport))
    }

    /// Builds it from these cards and lines, which reach over `region`.
    pub(super) fn build(&mut self, key: Key, zoom: f32, region: Rect, shown: &Shown<'_>) {
        let Shown { view, chosen, cards, lines } = *shown;
        let tokens = Tokens::dark(key.dark);
        let mut mesh = Mesh::default();
        let mut blocks = HashMap::new();
        let profile = if lines.len() > 8000 {
            Profile::Plain
        } else if key.detail.near() {
            Profile::Smooth
        } else {
            Profile::Soft
        };
        let steps = match (key.curves, key.detail) {
            (false, _) => 0,
            (true, Detail::Full | Detail::Name) => 16,
            (true, _) => 7,
        };
        // Many edges are drawn lighter, so that cards and failing edges stay in sight; the worst come last,
        // on top.
        let many = if key.detail.near() { 2400.0 } else { 900.0 };
        let crowd = (many / lines.len().max(1) as f32).sqrt().clamp(0.12, 1.0);
        let mut inside = vec![false; view.cards.len()];
        cards.iter().for_each(|card| inside[*card] = true);
        let mut lines = lines.to_vec();
        lines.sort_by_key(|index| (!chosen.line_dim(*index), view.lines[*index].status));
        let mut points = Vec::with_capacity(64);
        for index in &lines {
            let line = &view.lines[*index];
            let mut light = if line.status >= Status::Degraded { crowd.sqrt() } else { crowd };
            if key.detail.near() && !inside[line.from] && !inside[line.to] {
                light *= 0.3; // only passing through
            }
            let color = line_color(line, tokens, chosen.line_dim(*index)).gamma_multiply(light);
            let width = line.width * zoom.sqrt().clamp(0.35, 1.4) / zoom;
            points.clear();
            if steps == 0 {
                points.extend([line.curve.start(), line.curve.end()]);
            } else {
                points.extend(line.curve.points(steps));
            }
            stroke(&mut mesh, &points, width, 1.0 / zoom, color, profile);
            if key.detail.near() {
                arrow(&mut mesh, line, zoom, color);
            }
        }
        if !key.detail.near() {
            for &index in cards {
                blocks.insert(index, mesh.vertices.len());
                let (card, marks) = (&view.cards[index], (chosen.card_dim(index), chosen.cards[index]));
                block(&mut mesh, card.rect, card.status, key.detail, zoom, tokens, marks);
            }
        }
        self.world.clear();
        self.world.extend(mesh.vertices.iter().map(|vertex| vertex.pos));
        (self.screen, self.blocks) = (Arc::new(mesh), blocks);
        (self.key, self.zoom, self.region, self.moved) = (Some(key), zoom, Rect2(region), None);
    }

    /// Gives these cards the colours that they have now; everything stands where it stood.
    pub(super) fn recolour(&mut self, changed: &[usize], view: &View, chosen: &Chosen) {
        let Some(key) = &self.key else { return };
        let mesh = Arc::make_mut(&mut self.screen);
        for (&index, &first) in changed.iter().filter_map(|index| self.blocks.get_key_value(index)) {
            let (card, marks) = (&view.cards[index], (chosen.card_dim(index), chosen.cards[index]));
            let mut one = Mesh::default();
            block(&mut one, card.rect, card.status, key.detail, self.zoom, Tokens::dark(key.dark), marks);
            for (vertex, now) in mesh.vertices[first..].iter_mut().zip(&one.vertices) {
                vertex.color = now.color;
            }
        }
    }

    /// The mesh in points of the screen.
    pub(super) fn on_screen(&mut self, camera: Camera, viewport: Rect) -> Arc<Mesh> {
        if self.moved != Some((camera, viewport.min)) {
            let origin = viewport.min.to_vec2() + camera.pan;
            let mesh = Arc::make_mut(&mut self.screen);
            for (vertex, world) in mesh.vertices.iter_mut().zip(&self.world) {
                vertex.pos =
                    Pos2 { x: world.x * camera.zoom + origin.x, y: world.y * camera.zoom + origin.y };
            }
            self.moved = Some((camera, viewport.min));
        }
        Arc::clone(&self.screen)
    }
}

/// What fails stays in sight whatever is selected; everything else stands aside.
pub(super) fn aside(dim: bool, status: Status) -> bool {
    dim && status < Status::Degraded
}

/// What an edge's colour says.
pub(super) fn edge_color(status: Status, tcp: bool, tokens: &Tokens) -> Color32 {
    match status {
        Status::Healthy if tcp => tokens.tcp,
        status => status.color(tokens),
    }
}

/// The colour of an edge.
pub(super) fn line_color(line: &Line, tokens: &Tokens, dim: bool) -> Color32 {
    let color = edge_color(line.status, line.tcp, tokens);
    let strength = match (dim, line.status) {
        (true, Status::Idle | Status::Healthy) => 0.16,
        (false, Status::Healthy) => 0.72,
        (false, Status::Idle) => 0.6,
        (_, Status::Degraded | Status::Failing) => 0.85,
    };
    color.gamma_multiply(strength)
}

#[derive(Clone, Copy, PartialEq)]
enum Profile {
    /// Full width with soft edges.
    Smooth,
    /// Thin with soft edges.
    Soft,
    /// A plain strip, for very many.
    Plain,
}

fn push(mesh: &mut Mesh, pos: Pos2, color: Color32) {
    mesh.vertices.push(Vertex { pos, uv: WHITE_UV, color });
}

/// A line through points as a strip.
fn stroke(mesh: &mut Mesh, points: &[Pos2], width: f32, feather: f32, color: Color32, profile: Profile) {
    if points.len() < 2 {
        return;
    }
    let half = width / 2.0;
    let clear = Color32::TRANSPARENT;
    let smooth = [
        (-half - feather / 2.0, clear),
        (-half + feather / 2.0, color),
        (half - feather / 2.0, color),
        (half + feather / 2.0, clear),
    ];
    let soft = [(-half - feather * 0.6, clear), (0.0, color), (half + feather * 0.6, clear)];
    let plain = [(-half.max(feather * 0.4), color), (half.max(feather * 0.4), color)];
    let section: &[(f32, Color32)] = match profile {
        Profile::Smooth if half > feather / 2.0 => &smooth,
        Profile::Smooth | Profile::Soft => &soft,
        Profile::Plain => &plain,
    };
    let rows = section.len() as u32;
    let first = mesh.vertices.len() as u32;
    for (index, point) in points.iter().enumerate() {
        let before = points[index.saturating_sub(1)];
        let after = points[(index + 1).min(points.len() - 1)];
        let normal = (after - before).normalized().rot90();
        for (offset, color) in section {
            push(mesh, *point + normal * *offset, *color);
        }
    }
    for index in 0..points.len() as u32 - 1 {
        let base = first + index * rows;
        for row in 0..rows - 1 {
            let (a, b, c, d) = (base + row, base + row + 1, base + rows + row, base + rows + row + 1);
            mesh.indices.extend_from_slice(&[a, b, c, b, d, c]);
        }
    }
}

fn arrow(mesh: &mut Mesh, line: &Line, zoom: f32, color: Color32) {
    let size = (5.0 + line.width) * zoom.clamp(0.5, 1.2) / zoom;
    let (tip, heading) = (line.curve.end(), line.curve.heading());
    let side: Vec2 = heading.rot90() * size * 0.58;
    let first = mesh.vertices.len() as u32;
    for point in [tip, tip - heading * size * 1.25 + side, tip - heading * size * 1.25 - side] {
        push(mesh, point, color);
    }
    mesh.indices.extend_from_slice(&[first, first + 1, first + 2]);
}

fn block(
    mesh: &mut Mesh,
    rect: Rect,
    status: Status,
    detail: Detail,
    zoom: f32,
    tokens: &Tokens,
    (dim, chosen): (bool, bool),
) {
    let fade = |color: Color32| if aside(dim, status) { color.gamma_multiply(0.25) } else { color };
    let quad = |mesh: &mut Mesh, rect: Rect, color: Color32| {
        let first = mesh.vertices.len() as u32;
        for point in [rect.left_top(), rect.right_top(), rect.right_bottom(), rect.left_bottom()] {
            push(mesh, point, color);
        }
        mesh.indices.extend_from_slice(&[first, first + 1, first + 2, first, first + 2, first + 3]);
    };
    let pixel = 1.0 / zoom;
    if detail == Detail::Dot {
        let size = rect.size().max(vec2(2.5, 2.0) * pixel);
        // Around it, not instead of its colour. Every dot has as many corners, so that it can be recoloured.
        let ring = if chosen { tokens.accent } else { Color32::TRANSPARENT };
        quad(mesh, Rect::from_center_size(rect.center(), size + Vec2::splat(3.0 * pixel)), ring);
        quad(mesh, Rect::from_center_size(rect.center(), size), fade(status.color(tokens)));
    } else {
        let border =
            if chosen { tokens.accent } else { tokens.line.lerp_to_gamma(status.color(tokens), 0.35) };
        quad(mesh, rect.expand(if chosen { 1.5 * pixel } else { 0.0 }), fade(border));
        quad(mesh, rect.shrink(pixel), fade(tokens.surface));
        let mark = Rect::from_center_size(
            rect.left_center() + vec2(rect.height() * 0.45, 0.0),
            Vec2::splat(rect.height() * 0.34),
        );
        quad(mesh, mark, fade(status.color(tokens)));
        // The name, hinted at.
        let name = Rect::from_min_size(
            mark.right_center() + vec2(rect.height() * 0.25, -rect.height() * 0.07),
            vec2(rect.width() * 0.45, rect.height() * 0.14),
        );
        quad(mesh, name, fade(tokens.faint));
    }
}
