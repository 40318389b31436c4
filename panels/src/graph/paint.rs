//! How a card and an edge look. They are egui_graphs' nodes and edges; our own canvas decides which of them
//! are drawn, and when.

use super::batch::{Detail, aside, line_color};
use super::camera::{Camera, text_size};
use super::view::{Card, Line, View};
use crate::kit::theme::{Weight, family};
use crate::kit::{Tokens, text};
use egui::text::LayoutJob;
use egui::{Color32, FontId, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};
use egui_graphs::{
    DisplayEdge, DisplayNode, DrawContext, EdgeProps, MetadataFrame, Node, NodeProps, SettingsStyle,
};
use petgraph::Directed;
use petgraph::stable_graph::{EdgeIndex, NodeIndex};
use std::sync::Arc;

type Ix = u32;
type Stored = egui_graphs::Graph<Arc<Card>, Arc<Line>, Directed, Ix, CardShape, LineShape>;

/// How one card is to be drawn this frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) detail: Detail,
    pub(super) dim: bool,
    pub(super) chosen: bool,
    pub(super) hovered: bool,
    pub(super) focused: bool,
    /// Rates of the last minutes, for the line at the foot of a card that one looks at closely.
    pub(super) history: Vec<f32>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            detail: Detail::Full,
            dim: false,
            chosen: false,
            hovered: false,
            focused: false,
            history: Vec::new(),
        }
    }
}

/// The graph that is drawn.
pub struct Store {
    graph: Stored,
    style: SettingsStyle,
}

impl Store {
    /// Takes in the cards and lines of a view; their indices stay.
    pub fn new(view: &View) -> Self {
        let mut graph = Stored::new();
        let inner = graph.g_mut();
        for card in &view.cards {
            inner.add_node(Node::new(Arc::clone(card)));
        }
        for line in view.lines.iter() {
            let ends = (NodeIndex::new(line.from), NodeIndex::new(line.to));
            inner.add_edge(ends.0, ends.1, egui_graphs::Edge::new(Arc::clone(line)));
        }
        Self { graph, style: SettingsStyle::new() }
    }

    /// Takes in what a card is now.
    pub(super) fn renew(&mut self, index: usize, card: &Arc<Card>) {
        if let Some(node) = self.graph.node_mut(NodeIndex::new(index)) {
            node.display_mut().card = Arc::clone(card);
        }
    }

    /// Draws one card.
    pub(super) fn card(&mut self, painter: &Painter, meta: &Meta, index: usize, look: Look) {
        let ctx =
            DrawContext { ctx: painter.ctx(), painter, style: &self.style, is_directed: true, meta: &meta.0 };
        if let Some(node) = self.graph.node_mut(NodeIndex::new(index)) {
            let display = node.display_mut();
            display.look = look;
            painter.extend(display.shapes(&ctx));
        }
    }

    /// Draws one edge on top of the others, stronger.
    pub(super) fn line(&mut self, painter: &Painter, meta: &Meta, index: usize, chosen: bool) {
        let ctx =
            DrawContext { ctx: painter.ctx(), painter, style: &self.style, is_directed: true, meta: &meta.0 };
        let at = EdgeIndex::new(index);
        let Some((from, to)) = self.graph.edge_endpoints(at) else { return };
        let (Some(from), Some(to)) = (self.graph.node(from), self.graph.node(to)) else { return };
        if let Some(edge) = self.graph.edge(at) {
            let mut display = edge.display().clone();
            display.chosen = chosen;
            painter.extend(display.shapes(from, to, &ctx));
        }
    }

    /// Whether a point of the graph is within `reach` of an edge.
    pub(super) fn touches(&self, index: usize, point: Pos2, reach: f32) -> bool {
        let at = EdgeIndex::new(index);
        let ends = self
            .graph
            .edge_endpoints(at)
            .and_then(|(from, to)| Some((self.graph.node(from)?, self.graph.node(to)?)));
        match (self.graph.edge(at), ends) {
            (Some(edge), Some((from, to))) => {
                let mut display = edge.display().clone();
                display.reach = reach;
                DisplayEdge::<_, _, _, Ix, _>::is_inside(&display, from, to, point)
            }
            _ => false,
        }
    }
}

/// The camera, as egui_graphs knows it.
pub(super) struct Meta(MetadataFrame);

impl Meta {
    pub(super) fn new(camera: Camera, viewport: Rect) -> Self {
        let mut meta = MetadataFrame::new(None);
        meta.zoom = camera.zoom;
        meta.pan = viewport.min.to_vec2() + camera.pan;
        Self(meta)
    }
}

/// A card.
#[derive(Clone)]
pub struct CardShape {
    card: Arc<Card>,
    look: Look,
}

impl From<NodeProps<Arc<Card>>> for CardShape {
    fn from(props: NodeProps<Arc<Card>>) -> Self {
        Self { card: props.payload, look: Look::default() }
    }
}

impl DisplayNode<Arc<Card>, Arc<Line>, Directed, Ix> for CardShape {
    fn closest_boundary_point(&self, dir: Vec2) -> Pos2 {
        let half = self.card.rect.size() / 2.0;
        let scale = (half.x / dir.x.abs().max(1e-6)).min(half.y / dir.y.abs().max(1e-6));
        self.card.rect.center() + dir * scale
    }

    fn shapes(&mut self, ctx: &DrawContext<'_>) -> Vec<Shape> {
        let tokens = Tokens::of_ctx(ctx.ctx);
        let zoom = ctx.meta.zoom;
        let rect = Rect::from_min_max(
            ctx.meta.canvas_to_screen_pos(self.card.rect.min),
            ctx.meta.canvas_to_screen_pos(self.card.rect.max),
        );
        let look = &self.look;
        let fade = |color: Color32| if look.dim { color.gamma_multiply(0.38) } else { color };
        let radius = (7.0 * zoom).clamp(2.0, 8.0);
        let stroke = if look.chosen || look.focused {
            Stroke::new(2.0, tokens.accent)
        } else if look.hovered {
            Stroke::new(1.0, tokens.muted)
        } else {
            Stroke::new(1.0, tokens.line)
        };
        let mut shapes = vec![
            Shape::rect_filled(rect, radius, tokens.surface),
            Shape::rect_stroke(
                rect,
                radius,
                Stroke::new(stroke.width, fade(stroke.color)),
                StrokeKind::Middle,
            ),
        ];
        let name_only = look.detail == Detail::Name;
        let (mark, indent) = if name_only { (12.0, 22.0) } else { (17.0, 30.0) };
        let status_at = pos2(rect.left() + mark * zoom, rect.center().y);
        shapes.push(self.card.status.shape(
            status_at,
            (5.2 * zoom).max(3.0),
            if aside(look.dim, self.card.status) {
                fade(self.card.status.color(tokens))
            } else {
                self.card.status.color(tokens)
            },
        ));
        let left = rect.left() + indent * zoom;
        let room = (rect.right() - 6.0 * zoom - left).max(8.0);
        let title = galley(
            ctx.painter,
            &self.card.title,
            text_size(13.0, zoom),
            Weight::Semibold,
            fade(tokens.text),
            room,
        );
        if name_only {
            shapes.push(Shape::galley(
                pos2(left, rect.center().y - title.size().y / 2.0),
                title,
                tokens.text,
            ));
            return shapes;
        }
        let subtitle = galley(
            ctx.painter,
            &self.card.subtitle,
            text_size(11.0, zoom),
            Weight::Regular,
            fade(tokens.muted),
            room,
        );
        let text_height = title.size().y + subtitle.size().y + 1.0;
        let spark = rect.height() - text_height > 26.0 && look.history.len() > 2;
        let middle = if spark { rect.center().y - 11.0 } else { rect.center().y };
        let top = middle - text_height / 2.0;
        let below = top + title.size().y + 1.0;
        shapes.push(Shape::galley(pos2(left, top), title, tokens.text));
        shapes.push(Shape::galley(pos2(left, below), subtitle, tokens.muted));
        if spark {
            let area =
                Rect::from_min_max(pos2(left, rect.bottom() - 24.0), pos2(left + room, rect.bottom() - 8.0));
            shapes.push(sparkline(&look.history, area, fade(self.card.status.color(tokens))));
        }
        for (index, (glyph, _, warns)) in self.card.badges.iter().enumerate() {
            let center = pos2(rect.right() - (14.0 + 24.0 * index as f32) * zoom, rect.top());
            let color = fade(if *warns { tokens.failing } else { tokens.accent });
            let square = Rect::from_center_size(center, Vec2::splat(20.0 * zoom));
            shapes.push(Shape::rect_filled(square, 4.0 * zoom, tokens.surface));
            shapes.push(Shape::rect_filled(square, 4.0 * zoom, tokens.tint(color)));
            shapes.push(Shape::rect_stroke(
                square,
                4.0 * zoom,
                Stroke::new(1.0, color.gamma_multiply(0.6)),
                StrokeKind::Inside,
            ));
            let glyph = galley(ctx.painter, glyph, text_size(13.0, zoom), Weight::Regular, color, 40.0);
            shapes.push(Shape::galley(center - glyph.size() / 2.0, glyph, color));
        }
        shapes
    }

    fn update(&mut self, state: &NodeProps<Arc<Card>>) {
        self.card = Arc::clone(&state.payload);
    }

    fn is_inside(&self, pos: Pos2) -> bool {
        self.card.rect.contains(pos)
    }
}

/// An edge.
#[derive(Clone)]
pub struct LineShape {
    line: Arc<Line>,
    chosen: bool,
    reach: f32,
}

impl From<EdgeProps<Arc<Line>>> for LineShape {
    fn from(props: EdgeProps<Arc<Line>>) -> Self {
        Self { line: props.payload, chosen: false, reach: 0.0 }
    }
}

impl DisplayEdge<Arc<Card>, Arc<Line>, Directed, Ix, CardShape> for LineShape {
    fn shapes(
        &mut self,
        _start: &Node<Arc<Card>, Arc<Line>, Directed, Ix, CardShape>,
        _end: &Node<Arc<Card>, Arc<Line>, Directed, Ix, CardShape>,
        ctx: &DrawContext<'_>,
    ) -> Vec<Shape> {
        let tokens = Tokens::of_ctx(ctx.ctx);
        // What is chosen lies on a band of the accent; its colour stays that of its health.
        let color = line_color(&self.line, tokens, false).to_opaque();
        let width = (self.line.width * ctx.meta.zoom.sqrt().clamp(0.5, 1.4)).max(1.5) + 1.0;
        let points: Vec<Pos2> =
            self.line.curve.points(24).map(|point| ctx.meta.canvas_to_screen_pos(point)).collect();
        let (tip, heading) =
            (ctx.meta.canvas_to_screen_pos(self.line.curve.end()), self.line.curve.heading());
        let size = (6.0 + width) * ctx.meta.zoom.clamp(0.5, 1.2);
        let side = heading.rot90() * size * 0.58;
        let back = tip - heading * size * 1.2;
        let band = Stroke::new(width + 6.0, tokens.accent.gamma_multiply(0.45));
        let band = if self.chosen { Shape::line(points.clone(), band) } else { Shape::Noop };
        vec![
            band,
            Shape::line(points, Stroke::new(width, color)),
            Shape::convex_polygon(vec![tip, back + side, back - side], color, Stroke::NONE),
        ]
    }

    fn update(&mut self, state: &EdgeProps<Arc<Line>>) {
        self.line = Arc::clone(&state.payload);
    }

    fn is_inside(
        &self,
        _start: &Node<Arc<Card>, Arc<Line>, Directed, Ix, CardShape>,
        _end: &Node<Arc<Card>, Arc<Line>, Directed, Ix, CardShape>,
        pos: Pos2,
    ) -> bool {
        self.line.curve.distance(pos) <= self.reach
    }
}

/// Letters shrink so far before words are cut.
const SMALLEST: f32 = 8.0;

/// One line of text, cut in its middle where there is no more room. Text that fits is laid out once, whatever
/// the room, and the room for other text comes in steps, so that zooming lays out little anew.
pub(super) fn galley(
    painter: &Painter,
    text: &str,
    size: f32,
    weight: Weight,
    color: Color32,
    room: f32,
) -> Arc<egui::Galley> {
    let font = FontId::new(size, family(painter.ctx(), weight));
    let line =
        |text: &str| painter.layout_job(LayoutJob::simple_singleline(text.to_owned(), font.clone(), color));
    let whole = line(text);
    if whole.size().x <= room {
        return whole;
    }
    if size > SMALLEST {
        return galley(painter, text, (size - 1.0).max(SMALLEST), weight, color, room);
    }
    let room = (room / 6.0).floor() * 6.0;
    line(&text::shortened(text, |short| line(short).size().x <= room))
}

fn sparkline(values: &[f32], area: Rect, color: Color32) -> Shape {
    let most = values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let step = area.width() / (values.len() - 1).max(1) as f32;
    let point = |(index, value): (usize, &f32)| {
        area.left_bottom() + vec2(index as f32 * step, -area.height() * value / most)
    };
    Shape::line(values.iter().enumerate().map(point).collect(), Stroke::new(1.5, color))
}
