//! What stands keeps standing: when few nodes or edges come or go, only they move.

use super::placement::{Boxed, Options, Placement, card_size, enclose, links, stack};
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use mesh::graph::{Graph, NodeId};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use std::collections::{BTreeMap, BTreeSet};

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
    let old: BTreeMap<&NodeId, usize> =
        before.ids.iter().enumerate().map(|(index, id)| (id, index)).collect();
    let kept: Vec<Option<usize>> = graph.nodes.iter().map(|node| old.get(&node.id).copied()).collect();
    let links = links(graph);
    let drift = before.drift + changed(graph, before, &kept, &links);
    let allowed = ((graph.nodes.len() + links.len()) as f32 * PART).max(2.0) as usize;
    if drift > allowed {
        return None;
    }
    let came: Vec<usize> = (0..graph.nodes.len()).filter(|index| kept[*index].is_none()).collect();
    let mut placement = Placement {
        nodes: kept.iter().map(|index| index.map_or(Rect::NOTHING, |index| before.nodes[index])).collect(),
        ids: graph.nodes.iter().map(|node| node.id.clone()).collect(),
        options,
        drift,
        ..Placement::default()
    };
    if kept
        .iter()
        .zip(&graph.nodes)
        .any(|(index, node)| index.is_some_and(|index| before.nodes[index].width() < card_size(node).x))
    {
        return None;
    }
    place_new(graph, before, &links, &came, &mut placement)?;
    frames(graph, before, &mut placement)?;
    placement.links = links;
    let new: BTreeMap<usize, usize> =
        kept.iter().enumerate().filter_map(|(new, old)| Some(((*old)?, new))).collect();
    placement.bends = before
        .bends
        .iter()
        .filter_map(|((from, to), points)| Some(((*new.get(from)?, *new.get(to)?), points.clone())))
        .collect();
    enclose(&mut placement);
    sound(&placement).then_some(placement)
}

fn changed(graph: &Graph, before: &Placement, kept: &[Option<usize>], links: &[(usize, usize)]) -> usize {
    let came = kept.iter().filter(|index| index.is_none()).count();
    let went = before.ids.len() + came - graph.nodes.len();
    let earlier: BTreeSet<(usize, usize)> = before.links.iter().copied().collect();
    let stay = links
        .iter()
        .filter(|(from, to)| kept[*from].zip(kept[*to]).is_some_and(|ends| earlier.contains(&ends)))
        .count();
    came + went + (links.len() - stay).max(before.links.len() - stay)
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
        RTree::bulk_load(before.nodes.iter().map(|rect| rectangle(*rect)).collect());
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
            pos2(before.bounds.left() + 26.0, before.bounds.bottom() + 60.0)
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

/// The earlier boxes with the members of now. A box that would be new is a reason to put everything in order.
fn frames(graph: &Graph, before: &Placement, placement: &mut Placement) -> Option<()> {
    for frame in &before.frames {
        let inside = |index: &usize| {
            let node = &graph.nodes[*index];
            node.namespace == frame.namespace
                && (frame.kind == Boxed::Namespace
                    || (node.version.is_some() && node.app.as_deref() == Some(&frame.name)))
        };
        let members: Vec<usize> = (0..graph.nodes.len()).filter(inside).collect();
        if !members.is_empty() {
            placement.frames.push(super::placement::Frame { members, ..frame.clone() });
        }
    }
    let boxed = |kind: Boxed, namespace: &str, name: &str| {
        before
            .frames
            .iter()
            .any(|frame| frame.kind == kind && frame.namespace == namespace && frame.name == name)
    };
    let mut versions: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut crowd: BTreeMap<&str, usize> = BTreeMap::new();
    for node in &graph.nodes {
        *crowd.entry(&node.namespace).or_default() += 1;
        if let (Some(app), Some(_), mesh::graph::NodeKind::App) = (&node.app, &node.version, node.kind) {
            *versions.entry((&node.namespace, app)).or_default() += 1;
        }
    }
    let apps_stay =
        versions.iter().all(|((namespace, app), count)| (*count > 1) == boxed(Boxed::App, namespace, app));
    let wanted =
        |namespace: &str, count: usize| count > 1 && !namespace.is_empty() && placement.options.namespaces;
    let spaces_stay = crowd.iter().all(|(namespace, count)| {
        !wanted(namespace, *count)
            || boxed(Boxed::Namespace, namespace, namespace)
            || only_app(graph, namespace)
    });
    (apps_stay && spaces_stay).then_some(())
}

/// Whether a namespace holds one app alone, so that the app's box is enough.
fn only_app(graph: &Graph, namespace: &str) -> bool {
    let apps: BTreeSet<_> =
        graph.nodes.iter().filter(|node| node.namespace == namespace).map(|node| &node.app).collect();
    apps.len() == 1
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
    let namespaces: Vec<Rect> = placement
        .frames
        .iter()
        .filter(|frame| frame.kind == Boxed::Namespace)
        .map(|frame| frame.rect)
        .collect();
    let apart = namespaces
        .iter()
        .enumerate()
        .all(|(index, a)| namespaces.iter().skip(index + 1).all(|b| !a.intersects(*b)));
    cards && boxes && apart
}

fn rectangle(rect: Rect) -> Rectangle<[f32; 2]> {
    Rectangle::from_corners([rect.min.x, rect.min.y], [rect.max.x, rect.max.y])
}
