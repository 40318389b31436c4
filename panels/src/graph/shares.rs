//! The share of a version on the edges that lead to it: a handle, which is dragged or moved by arrow keys and
//! so begins or goes on with the draft of *Traffic split*. It is there while its edge is lit by the selection,
//! or under the pointer; whoever drags the graph does not meet it.

use super::camera::Camera;
use super::view::{Card, View};
use crate::cx::Cx;
use crate::editors::dragged::{Moved, ask, drafted};
use crate::editors::traffic_split;
use crate::editors::usual::Usual;
use crate::intent::Intent;
use crate::kit::shares::{escaped, keys};
use crate::kit::theme::{Weight, family, size};
use crate::kit::{Tokens, fmt};
use crate::subject;
use egui::accesskit::{Action, ActionData};
use egui::{
    Align2, CornerRadius, CursorIcon, FontId, Id, IdMap, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui,
    Vec2, WidgetInfo, vec2,
};
use mesh::{Mesh, Revision};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where on its way an edge has its handle: near the end, by the version; elsewhere where something is read.
const PLACES: [f32; 5] = [0.78, 0.86, 0.7, 0.6, 0.5];
/// How large a handle is.
const SIZE: Vec2 = vec2(44.0, 20.0);
/// How wide what is read of an edge may become.
const FIGURE: f32 = 96.0;
/// So many points of a drag are one percent.
const STEP: f32 = 2.0;
/// More handles than this at once say nothing any more.
const MOST: usize = 24;

/// What is usual of a service: by namespace and name.
type Known = BTreeMap<(String, String), Option<Arc<Usual>>>;

/// The handles of the graph.
#[derive(Default)]
pub(super) struct Handles {
    /// Shares of services by namespace and name, as long as the mesh is the same.
    known: (Option<Revision>, Known),
    /// The handle that is held: it stays while it is touched.
    held: Option<(Id, Rect)>,
    /// Where handles stand from the end of their way, at which zoom and between which cards: there they stay
    /// while they are shown, though figures beside them come and go.
    stand: IdMap<(f32, [Rect; 2], Vec2)>,
    /// The share when the drag began, and how far it went.
    drag: Option<(u32, f32)>,
}

/// One share on one edge.
struct Share {
    usual: Arc<Usual>,
    part: String,
}

impl Handles {
    /// Draws the handles of these lines, and takes what is done with them. `hovered` is one of them.
    pub(super) fn ui(
        &mut self,
        ui: &Ui,
        cx: &Cx<'_>,
        view: &View,
        (lit, hovered): (&[usize], Option<usize>),
        (camera, viewport, pills): (Camera, Rect, Vec<Rect>),
    ) {
        if cx.read_only {
            return;
        }
        let mesh = &cx.scene.mesh;
        if self.known.0 != Some(mesh.revision()) {
            self.known = (Some(mesh.revision()), BTreeMap::new());
        }
        let pointer = ui.input(|input| input.pointer.latest_pos());
        let touched = self.held.filter(|(id, rect)| {
            let near = pointer.is_some_and(|at| rect.expand(2.0).contains(at));
            near || ui.ctx().is_being_dragged(*id) || ui.memory(|memory| memory.has_focus(*id))
        });
        self.held = touched;
        let stood = std::mem::take(&mut self.stand);
        // Room for the longest figure: a handle stands where it is when there are more calls.
        let mut taken: Vec<Rect> = pills
            .into_iter()
            .map(|pill| pill.expand2(vec2((FIGURE - pill.width()).max(0.0) / 2.0, 0.0)))
            .collect();
        for index in 0..view.lines.len() {
            let line = &view.lines[index];
            let id = Id::new(("share handle", &view.cards[line.from].id, &view.cards[line.to].id));
            let stays = touched.is_some_and(|(held, _)| held == id);
            if self.stand.len() >= MOST || !(lit.contains(&index) || hovered == Some(index) || stays) {
                continue;
            }
            let way = PLACES.map(|place| camera.to_screen(viewport, line.curve.at(place)));
            let cards = [line.from, line.to].map(|end| view.cards[end].rect);
            let ends = cards.map(|card| camera.rect_to_screen(viewport, card));
            let covers = |rect: Rect| taken.iter().chain(&ends).any(|other| other.intersects(rect));
            let rect = match (stood.get(&id), touched) {
                (_, Some((_, rect))) if stays => rect,
                (Some((zoom, between, by)), _) if *zoom == camera.zoom && *between == cards => {
                    Rect::from_center_size(way[0] + *by, SIZE)
                }
                _ => free(way, covers),
            };
            if !viewport.contains_rect(rect) {
                continue;
            }
            let Some(share) = self.share(mesh, &view.cards[line.to]) else { continue };
            self.stand.insert(id, (camera.zoom, cards, rect.center() - way[0]));
            taken.push(rect);
            let response = ui.interact(rect, id, Sense::click_and_drag());
            if response.hovered() || response.dragged() || response.has_focus() {
                self.held = Some((id, rect));
            }
            self.one(ui, cx, (&line.name, &view.cards[line.to]), &share, response);
        }
    }

    /// The share that leads to a card, if it is a part of what is shared out.
    fn share(&mut self, mesh: &Mesh, card: &Card) -> Option<Share> {
        let key = card.service.clone()?;
        let known = self.known.1.entry(key);
        let usual =
            known.or_insert_with_key(|(namespace, name)| Usual::of(mesh, namespace, name).map(Arc::new));
        let usual = Arc::clone(usual.as_ref()?);
        let is = |workload: &istio::WorkloadId| {
            let own = card.workload.as_ref().is_some_and(|(namespace, name)| {
                *workload.namespace == **namespace && *workload.name == **name
            });
            let version = || {
                let of = mesh.workload(&workload.namespace, &workload.name)?;
                let id = mesh::graph::NodeId::app(mesh.cluster(), &of.namespace, &of.app, Some(&of.version));
                Some(id == card.id)
            };
            own || version().unwrap_or(false)
        };
        let mut parts = usual.behind.iter().filter(|(_, workloads)| workloads.iter().any(is));
        let (part, _) = parts.next()?;
        // One that stands for several parts has no share of its own.
        (parts.next().is_none() && usual.shares.iter().any(|(name, _)| name == part))
            .then(|| Share { part: part.clone(), usual: Arc::clone(&usual) })
    }

    fn one(&mut self, ui: &Ui, cx: &Cx<'_>, (edge, card): (&str, &Card), share: &Share, response: Response) {
        let Share { usual, part } = share;
        let drafted = drafted(ui.ctx(), &usual.service);
        let of = |all: &[(String, u32)]| all.iter().find(|(name, _)| name == part).map(|(_, share)| *share);
        let current = of(&usual.shares).unwrap_or_default();
        let shown = drafted.as_deref().and_then(of).unwrap_or(current);
        let mut wanted = shown;
        if response.drag_started() {
            response.request_focus();
            self.drag = Some((shown, 0.0));
        }
        let let_go = response.drag_stopped();
        if (response.dragged() || let_go)
            && let Some((from, way)) = &mut self.drag
        {
            // To the right and upwards is more.
            *way += response.drag_delta().x - response.drag_delta().y;
            wanted = (f64::from(*from) + f64::from(*way / STEP)).round().clamp(0.0, 100.0) as u32;
        }
        if response.clicked() {
            response.request_focus();
        }
        let stepped = keys(ui, &response, i64::from(shown));
        wanted = (i64::from(wanted) + stepped).clamp(0, 100) as u32;
        let asked =
            ui.input(|input| input.accesskit_action_requests(response.id, Action::SetValue).last().cloned());
        if let Some(ActionData::NumericValue(value)) = asked.and_then(|request| request.data) {
            wanted = value.round().clamp(0.0, 100.0) as u32;
        }
        let back = escaped(ui, &response, shown);
        wanted = back.unwrap_or(wanted);
        if wanted != shown || let_go || back.is_some() {
            let settled = !response.dragged() || let_go;
            ask(ui.ctx(), &usual.service, Moved { part: part.clone(), percent: wanted, settled });
            // The editor takes it in where it is shown.
            let of = cx.selected.and_then(|selected| subject::of(&cx.scene.mesh, selected)?.service);
            let open =
                of.is_some_and(|of| of.name == usual.service.name && of.namespace == usual.service.namespace);
            if !open {
                cx.intents.send(Intent::Edit(card.selects.clone(), traffic_split::NAME));
            }
        }
        if let_go {
            self.drag = None;
        }
        let name = format!("{} {part} share by {edge}", usual.service.name);
        response.widget_info(|| WidgetInfo::slider(true, f64::from(wanted), &name));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_min_numeric_value(0.0);
            node.set_max_numeric_value(100.0);
            node.set_numeric_value_step(1.0);
            for action in [Action::SetValue, Action::Increment, Action::Decrement] {
                node.add_action(action);
            }
        });
        paint(ui, &response, wanted, wanted != current);
        let said = format!("Drag to move traffic to {part}: {current} % now");
        response.on_hover_and_drag_cursor(CursorIcon::ResizeHorizontal).on_hover_text(said);
    }
}

/// Where a handle covers nothing that is read: on its edge, else above or below the edge's end.
fn free(way: [Pos2; PLACES.len()], covers: impl Fn(Rect) -> bool) -> Rect {
    let rows = [0.25, -0.25, 0.5, -0.5, 1.0, -1.0, 1.6, -1.6];
    let beside = rows.map(|rows| vec2(0.0, rows * (SIZE.y + 2.0)));
    let beside = beside.into_iter().flat_map(|by| [way[0] + by, way[1] + by]);
    let mut all = way.into_iter().chain(beside).map(|at| Rect::from_center_size(at, SIZE));
    all.find(|rect| !covers(*rect)).unwrap_or(Rect::from_center_size(way[0], SIZE))
}

fn paint(ui: &Ui, response: &Response, percent: u32, differs: bool) {
    let tokens = Tokens::of(ui);
    let active = response.hovered() || response.dragged() || response.has_focus();
    let line = if active || differs { tokens.accent } else { tokens.muted };
    let ground = if differs { tokens.selection() } else { tokens.raised };
    let painter = ui.painter();
    painter.rect_filled(response.rect, CornerRadius::same(5), tokens.canvas);
    painter.rect(
        response.rect,
        CornerRadius::same(5),
        ground,
        Stroke::new(if active { 1.5 } else { 1.0 }, line),
        StrokeKind::Inside,
    );
    let font = FontId::new(size::NOTE, family(ui.ctx(), Weight::Semibold));
    let said = fmt::percent(f64::from(percent));
    painter.text(response.rect.center(), Align2::CENTER_CENTER, said, font, tokens.text);
}
