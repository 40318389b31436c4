//! What stands keeps standing: when few nodes or edges come or go, only they move.

use super::layouts::Layout;
use super::placement::{Boxed, Frame, Options, Placement, card_size, enclose, links, stack};
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use mesh::graph::{Graph, Node, NodeId, NodeKind};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Part of a graph that may change before everything is put in order anew.
const PART: f32 = 0.15;
const STEP: f32 = 20.0;

/// The earlier height of each node.
pub(super) fn hints(graph: &Graph, before: Option<&Placement>) -> Vec<Option<f32>> {
    let old: BTreeMap<&NodeId, Rect> =
        before.iter().flat_map(|before| before.ids.iter().zip(before.nodes.iter().copied())).collect();
    graph.nodes.iter().map(|node| old.get(&node.id).map(|rect| rect.center().y)).collect()
}

/// Moves a new placement as a whole, so that what was there before is about where it was.
pub(super) fn align(placement: &mut Placement, before: &Placement) {
    let old: BTreeMap<&NodeId, Pos2> = before.ids.iter().zip(before.nodes.iter().map(Rect::center)).collect();
    let moves: Vec<Vec2> = placement
        .ids
        .iter()
        .zip(&placement.nodes)
        .filter_map(|(id, rect)| Some(*old.get(id)? - rect.center()))
        .collect();
    if moves.is_empty() {
        return;
    }
    let by = (moves.iter().copied().fold(Vec2::ZERO, |sum, by| sum + by) / moves.len() as f32).round();
    placement.nodes.iter_mut().for_each(|rect| *rect = rect.translate(by));
    placement.bends.values_mut().flatten().for_each(|point| *point += by);
    enclose(placement);
}

/// The earlier placement with what came put in free places and what went left out; `None` when that would
/// make a mess.
pub(super) fn keep(graph: &Graph, options: Options, before: &Placement) -> Option<Placement> {
    if before.options != options || before.ids.is_empty() {
        return None;
    }
    let memory = &before.memory;
    let ids: Vec<&NodeId> = graph.nodes.iter().map(|node| &node.id).collect();
    let stood: Vec<Option<Rect>> = ids.iter().map(|id| memory.nodes.get(id).copied()).collect();
    // Mostly holes would be left.
    if ids.len() * 2 < memory.nodes.len() && memory.nodes.len() > 6 {
        return None;
    }
    let links = links(graph);
    let passed = |(from, to): &(usize, usize)| memory.links.get(&(ids[*from].clone(), ids[*to].clone()));
    let new: Vec<&(usize, usize)> = links.iter().filter(|link| passed(link).is_none()).collect();
    let came: Vec<usize> = (0..ids.len()).filter(|index| stood[*index].is_none()).collect();
    let drift = before.drift + came.len() + new.len();
    let allowed = ((graph.nodes.len() + links.len()) as f32 * PART).max(2.0) as usize;
    if drift > allowed && !(came.is_empty() && new.is_empty()) {
        return None;
    }
    let narrow = |(stood, node): (&Option<Rect>, &Arc<Node>)| {
        stood.is_some_and(|stood| stood.width() < card_size(node).x)
    };
    if stood.iter().zip(&graph.nodes).any(narrow) {
        return None;
    }
    let mut placement = Placement {
        nodes: stood.iter().map(|stood| stood.unwrap_or(Rect::NOTHING)).collect(),
        ids: graph.nodes.iter().map(|node| node.id.clone()).collect(),
        options,
        drift,
        memory: Arc::clone(memory),
        ..Placement::default()
    };
    place_new(graph, before, &links, &came, &mut placement)?;
    let old = |(from, to): &(usize, usize)| stood[*from].is_some() && stood[*to].is_some();
    let layered = options.layout == Layout::Layered;
    if layered && new.iter().any(|link| old(link) && runs_back(&placement, &links, **link)) {
        return None;
    }
    frames(graph, &mut placement);
    placement.bends = links
        .iter()
        .filter_map(|link| Some((*link, passed(link).filter(|bends| !bends.is_empty())?.clone())))
        .collect();
    placement.links = links;
    enclose(&mut placement);
    placement.remember();
    sound(&placement).then_some(placement)
}

/// Whether an edge would lead to a card left of its caller, though nothing leads from there back to it.
fn runs_back(placement: &Placement, links: &[(usize, usize)], (from, to): (usize, usize)) -> bool {
    if from == to || placement.nodes[to].left() >= placement.nodes[from].right() {
        return false;
    }
    let (mut seen, mut next) = (BTreeSet::from([to]), vec![to]);
    while let Some(node) = next.pop() {
        let first = links.partition_point(|link| link.0 < node);
        for link in links[first..].iter().take_while(|link| link.0 == node) {
            if seen.insert(link.1) {
                next.push(link.1);
            }
        }
    }
    !seen.contains(&from)
}

/// Finds a free place for each new node: with its app, right of its callers, or left of what it calls.
fn place_new(
    graph: &Graph,
    before: &Placement,
    links: &[(usize, usize)],
    came: &[usize],
    placement: &mut Placement,
) -> Option<()> {
    let mut taken: RTree<Rectangle<[f32; 2]>> =
        RTree::bulk_load(before.memory.nodes.values().map(|rect| rectangle(*rect)).collect());
    for &index in came {
        let node = &graph.nodes[index];
        let size = card_size(node);
        let known = |other: usize| (placement.nodes[other] != Rect::NOTHING).then(|| placement.nodes[other]);
        let sibling = (0..graph.nodes.len())
            .filter(|other| {
                let other = &graph.nodes[*other];
                node.version.is_some()
                    && other.namespace == node.namespace
                    && other.app == node.app
                    && other.kind == node.kind
            })
            .filter_map(known)
            .max_by(|a, b| a.bottom().total_cmp(&b.bottom()));
        let callers: Vec<Rect> =
            links.iter().filter(|link| link.1 == index).filter_map(|link| known(link.0)).collect();
        let called: Vec<Rect> =
            links.iter().filter(|link| link.0 == index).filter_map(|link| known(link.1)).collect();
        let middle = |rects: &[Rect]| {
            rects.iter().map(|rect| rect.center().y).sum::<f32>() / rects.len().max(1) as f32
        };
        let start = if let Some(sibling) = sibling {
            pos2(sibling.left(), sibling.bottom() + stack(graph.nodes.len()))
        } else if !callers.is_empty() {
            pos2(
                callers.iter().map(Rect::right).fold(f32::MIN, f32::max).round() + 104.0,
                middle(&callers) - size.y / 2.0,
            )
        } else if !called.is_empty() {
            pos2(
                called.iter().map(Rect::left).fold(f32::MAX, f32::min) - 104.0 - size.x,
                middle(&called) - size.y / 2.0,
            )
        } else {
            // Below its namespace, so that the box around that grows and takes in no other.
            let near = (0..graph.nodes.len()).filter(|other| graph.nodes[*other].namespace == node.namespace);
            let near = near.filter_map(known).fold(Rect::NOTHING, Rect::union);
            let near = if near.is_positive() { near } else { before.bounds.translate(vec2(26.0, 0.0)) };
            pos2(near.left(), near.bottom() + 60.0)
        };
        let free = |rect: &Rect| {
            let room = rectangle(rect.expand2(vec2(30.0, 20.0)));
            let area = AABB::from_corners(room.lower(), room.upper());
            taken.locate_in_envelope_intersecting(&area).next().is_none()
        };
        let tries =
            (0..60).map(|step| if step % 2 == 0 { step as f32 / 2.0 } else { -(step as f32 + 1.0) / 2.0 });
        let at = if let Some(sibling) = sibling {
            let rect = Rect::from_min_size(start, vec2(size.x.max(sibling.width()), size.y));
            Some(rect)
        } else {
            tries.map(|step| Rect::from_min_size(start + vec2(0.0, step * STEP), size)).find(free)
        }?;
        taken.insert(rectangle(at));
        placement.nodes[index] = at;
    }
    Some(())
}

/// Boxes around what stands, as everything put in order has them.
fn frames(graph: &Graph, placement: &mut Placement) {
    let mut apps: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    let mut spaces: BTreeMap<&str, (Vec<usize>, BTreeSet<String>)> = BTreeMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let versioned = node.kind == NodeKind::App && node.version.is_some();
        let app = node.app.as_deref().filter(|_| versioned);
        if let Some(app) = app {
            apps.entry((&node.namespace, app)).or_default().push(index);
        }
        let (members, units) = spaces.entry(&node.namespace).or_default();
        members.push(index);
        units.insert(app.map_or_else(|| format!("node {}", node.id), |app| format!("app {app}")));
    }
    let frame = |kind, namespace: &str, name: &str, members| Frame {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        rect: Rect::NOTHING,
        members,
    };
    if placement.options.namespaces {
        let several = spaces.into_iter().filter(|(name, (_, units))| !name.is_empty() && units.len() > 1);
        placement
            .frames
            .extend(several.map(|(name, (members, _))| frame(Boxed::Namespace, name, name, members)));
    }
    let several = apps.into_iter().filter(|(_, members)| members.len() > 1);
    placement
        .frames
        .extend(several.map(|((namespace, app), members)| frame(Boxed::App, namespace, app, members)));
}

/// Nothing overlaps that should not: cards with cards, boxes with cards and boxes that are not theirs.
fn sound(placement: &Placement) -> bool {
    let items = placement
        .nodes
        .iter()
        .enumerate()
        .map(|(index, rect)| GeomWithData::new(rectangle(*rect), index))
        .collect();
    let tree: RTree<GeomWithData<Rectangle<[f32; 2]>, usize>> = RTree::bulk_load(items);
    let inside = |rect: Rect| {
        let room = rectangle(rect);
        let area = AABB::from_corners(room.lower(), room.upper());
        tree.locate_in_envelope_intersecting(&area).map(|item| item.data).collect::<Vec<usize>>()
    };
    let cards = placement
        .nodes
        .iter()
        .enumerate()
        .all(|(index, rect)| inside(*rect).iter().all(|other| *other == index));
    let boxes = placement
        .frames
        .iter()
        .all(|frame| inside(frame.rect).iter().all(|other| frame.members.contains(other)));
    let apart = [Boxed::Namespace, Boxed::App].into_iter().all(|kind| {
        let frames = placement.frames.iter().filter(|frame| frame.kind == kind);
        let rects: Vec<Rect> = frames.map(|frame| frame.rect).collect();
        let mut pairs = rects.iter().enumerate();
        pairs.all(|(index, a)| rects[index + 1..].iter().all(|b| !a.intersects(*b)))
    });
    cards && boxes && apart
}

fn rectangle(rect: Rect) -> Rectangle<[f32; 2]> {
    Rectangle::from_corners([rect.min.x, rect.min.y], [rect.max.x, rect.max.y])
}
