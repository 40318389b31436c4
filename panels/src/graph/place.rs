//! Where everything stands: apps and namespaces in boxes, callers left of what they call. Pure, and stable:
//! the place of a node depends on who talks to whom, never on how much, and what stands keeps standing when a
//! few nodes come or go.

use super::layers::{Gaps, Laid};
use super::layouts::Layout;
use super::placement::{
    APP, Boxed, CARD_HEIGHT, Frame, NAMESPACE, Options, Placement, card_size, enclose, links, spread, stack,
};
use super::ranks::Link;
use super::sticky;
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use mesh::graph::{Graph, NodeKind};
use std::collections::BTreeMap;

const INSIDE: Gaps = Gaps { column: 98.0, row: 38.0 };
const OUTSIDE: Gaps = Gaps { column: 72.0, row: 44.0 };

/// How far apart columns stand: in a small graph a pill fits between a card and the box beside it.
fn apart(nodes: usize) -> f32 {
    if nodes <= 12 { 1.28 } else { 1.0 }
}

/// Places a graph from nothing.
pub fn place(graph: &Graph) -> Placement {
    place_after(graph, Options::default(), None)
}

/// Places a graph where an earlier one stood: as little as possible moves.
pub fn place_after(graph: &Graph, options: Options, before: Option<&Placement>) -> Placement {
    if let Some(before) = before
        && let Some(placement) = sticky::keep(graph, options, before)
    {
        return placement;
    }
    let links = links(graph);
    let hints = sticky::hints(graph, before);
    let groups = groups(graph, options);
    let mut placement = arrange(graph, &groups, &links, &hints, options.layout);
    placement.links = links;
    placement.options = options;
    if let Some(before) = before {
        sticky::align(&mut placement, before);
    }
    placement.remember();
    placement
}

/// One thing to put in a column: a node, or an app's versions in a box. With the offsets of its cards from
/// its middle.
struct Unit {
    members: Vec<usize>,
    offsets: Vec<Vec2>,
    size: Vec2,
    app: Option<(String, String)>,
}

/// The units of one namespace, or of no namespace.
struct Group {
    namespace: Option<String>,
    units: Vec<Unit>,
}

fn groups(graph: &Graph, options: Options) -> Vec<Group> {
    let mut apps: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        let boxed = node.kind == NodeKind::App && node.version.is_some();
        let key = match (&node.app, boxed) {
            (Some(app), true) => (node.namespace.clone(), format!("app {app}")),
            _ => (node.namespace.clone(), format!("node {}", node.id)),
        };
        apps.entry(key).or_default().push(index);
    }
    let mut namespaces: BTreeMap<String, Vec<Unit>> = BTreeMap::new();
    let mut groups = Vec::new();
    for ((namespace, _), members) in apps {
        let unit = unit(graph, members);
        if namespace.is_empty() || !options.namespaces {
            groups.push(Group { namespace: None, units: vec![unit] });
        } else {
            namespaces.entry(namespace).or_default().push(unit);
        }
    }
    for (namespace, units) in namespaces {
        // A box around a single thing says no more than its card does.
        let namespace = (units.len() > 1).then_some(namespace);
        groups.push(Group { namespace, units });
    }
    groups
}

fn unit(graph: &Graph, members: Vec<usize>) -> Unit {
    let sizes: Vec<Vec2> = members.iter().map(|member| card_size(&graph.nodes[*member])).collect();
    let first = &graph.nodes[members[0]];
    if members.len() == 1 {
        return Unit { members, offsets: vec![Vec2::ZERO], size: sizes[0], app: None };
    }
    let width = sizes.iter().map(|size| size.x).fold(0.0, f32::max);
    let stack = stack(graph.nodes.len());
    let inner = members.len() as f32 * (CARD_HEIGHT + stack) - stack;
    let size = vec2(width + 2.0 * APP.side, inner + APP.top + APP.bottom);
    let top = -size.y / 2.0 + APP.top + CARD_HEIGHT / 2.0;
    let offsets =
        (0..members.len()).map(|index| vec2(0.0, top + index as f32 * (CARD_HEIGHT + stack))).collect();
    let app = Some((first.namespace.clone(), first.app.clone().unwrap_or_default()));
    Unit { members, offsets, size, app }
}

fn arrange(
    graph: &Graph,
    groups: &[Group],
    links: &[(usize, usize)],
    hints: &[Option<f32>],
    layout: Layout,
) -> Placement {
    let count = graph.nodes.len();
    let mut group_of = vec![0; count];
    let mut unit_of = vec![0; count];
    let mut offset = vec![Vec2::ZERO; count]; // from the middle of its unit
    for (index, group) in groups.iter().enumerate() {
        for (number, unit) in group.units.iter().enumerate() {
            for (member, by) in unit.members.iter().zip(&unit.offsets) {
                (group_of[*member], unit_of[*member], offset[*member]) = (index, number, *by);
            }
        }
    }
    let mut inner_links: Vec<Vec<(usize, usize)>> = vec![Vec::new(); groups.len()];
    let mut outer_links = Vec::new();
    for (from, to) in links {
        if group_of[*from] == group_of[*to] {
            inner_links[group_of[*from]].push((*from, *to));
        } else {
            outer_links.push((*from, *to));
        }
    }
    let link = |(from, to): &(usize, usize)| Link {
        from: unit_of[*from],
        to: unit_of[*to],
        from_dy: offset[*from].y,
        to_dy: offset[*to].y,
    };
    let gaps = Gaps { row: INSIDE.row * spread(count), column: INSIDE.column * apart(count) };
    let inside: Vec<Laid> = groups
        .iter()
        .zip(&inner_links)
        .map(|(group, inner)| {
            let sizes: Vec<Vec2> = group.units.iter().map(|unit| unit.size).collect();
            let links: Vec<Link> = inner.iter().map(link).collect();
            let hints: Vec<Option<f32>> = group.units.iter().map(|unit| hints[unit.members[0]]).collect();
            components(&sizes, &links, &hints, gaps, layout)
        })
        .collect();
    let boxed = |group: usize| groups[group].namespace.is_some();
    let sizes: Vec<Vec2> = inside
        .iter()
        .enumerate()
        .map(|(index, laid)| {
            if boxed(index) {
                laid.size + vec2(2.0 * NAMESPACE.side, NAMESPACE.top + NAMESPACE.bottom)
            } else {
                laid.size
            }
        })
        .collect();
    // The middle of a node, from the middle of its group.
    let within = |node: usize| {
        let group = group_of[node];
        let corner = if boxed(group) { vec2(NAMESPACE.side, NAMESPACE.top) } else { Vec2::ZERO };
        inside[group].centers[unit_of[node]].to_vec2() + offset[node] + corner - sizes[group] / 2.0
    };
    let outer: Vec<Link> = outer_links
        .iter()
        .map(|(from, to)| Link {
            from: group_of[*from],
            to: group_of[*to],
            from_dy: within(*from).y,
            to_dy: within(*to).y,
        })
        .collect();
    let group_hints: Vec<Option<f32>> = groups.iter().map(|group| hints[group.units[0].members[0]]).collect();
    let gaps = Gaps { column: OUTSIDE.column * apart(count), ..OUTSIDE };
    let outside = components(&sizes, &outer, &group_hints, gaps, layout);

    let mut placement = Placement::default();
    for (index, node) in graph.nodes.iter().enumerate() {
        placement
            .nodes
            .push(Rect::from_center_size(outside.centers[group_of[index]] + within(index), card_size(node)));
    }
    // Cards of one column start at the same line, whatever their width.
    for unit in groups.iter().flat_map(|group| &group.units).filter(|unit| unit.app.is_some()) {
        let left = unit.members.iter().map(|member| placement.nodes[*member].left()).fold(f32::MAX, f32::min);
        let width = unit.members.iter().map(|member| placement.nodes[*member].width()).fold(0.0, f32::max);
        for member in &unit.members {
            let rect = placement.nodes[*member];
            placement.nodes[*member] =
                Rect::from_min_size(pos2(left, rect.top()), vec2(width.max(rect.width()), rect.height()));
        }
    }
    for (group, inner) in inner_links.iter().enumerate() {
        let corner = if boxed(group) { vec2(NAMESPACE.side, NAMESPACE.top) } else { Vec2::ZERO };
        let by = (outside.centers[group] - sizes[group] / 2.0 + corner).to_vec2();
        for (link, bends) in inner.iter().zip(&inside[group].bends).filter(|(_, bends)| !bends.is_empty()) {
            placement.bends.insert(*link, bends.iter().map(|point| *point + by).collect());
        }
    }
    placement.ids = graph.nodes.iter().map(|node| node.id.clone()).collect();
    for group in groups {
        if let Some(namespace) = &group.namespace {
            let members = group.units.iter().flat_map(|unit| unit.members.iter().copied()).collect();
            placement.frames.push(frame(Boxed::Namespace, namespace, namespace, members));
        }
    }
    for unit in groups.iter().flat_map(|group| &group.units) {
        if let Some((namespace, app)) = &unit.app {
            placement.frames.push(frame(Boxed::App, namespace, app, unit.members.clone()));
        }
    }
    enclose(&mut placement);
    placement
}

fn frame(kind: Boxed, namespace: &str, name: &str, members: Vec<usize>) -> Frame {
    Frame { kind, namespace: namespace.to_owned(), name: name.to_owned(), rect: Rect::NOTHING, members }
}

/// Lays out what hangs together, each by itself, and packs the parts in rows.
fn components(sizes: &[Vec2], links: &[Link], hints: &[Option<f32>], gaps: Gaps, layout: Layout) -> Laid {
    if !layout.by_component() {
        return layout.lay(sizes, links, hints, gaps);
    }
    let mut parent: Vec<usize> = (0..sizes.len()).collect();
    fn root(parent: &mut [usize], mut node: usize) -> usize {
        while parent[node] != node {
            parent[node] = parent[parent[node]];
            node = parent[node];
        }
        node
    }
    for link in links {
        let (a, b) = (root(&mut parent, link.from), root(&mut parent, link.to));
        parent[a.max(b)] = a.min(b);
    }
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for node in 0..sizes.len() {
        parts.entry(root(&mut parent, node)).or_default().push(node);
    }
    let mut link_parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, link) in links.iter().enumerate() {
        link_parts.entry(root(&mut parent, link.from)).or_default().push(index);
    }
    let mut laid: Vec<(Vec<usize>, Vec<usize>, Laid)> = parts
        .into_iter()
        .map(|(root, nodes)| {
            let mut local = BTreeMap::new();
            for (index, node) in nodes.iter().enumerate() {
                local.insert(*node, index);
            }
            let own = link_parts.remove(&root).unwrap_or_default();
            let part_links: Vec<Link> = own
                .iter()
                .map(|index| Link {
                    from: local[&links[*index].from],
                    to: local[&links[*index].to],
                    ..links[*index]
                })
                .collect();
            let part_sizes: Vec<Vec2> = nodes.iter().map(|node| sizes[*node]).collect();
            let part_hints: Vec<Option<f32>> = nodes.iter().map(|node| hints[*node]).collect();
            let laid = layout.lay(&part_sizes, &part_links, &part_hints, gaps);
            (nodes, own, laid)
        })
        .collect();
    laid.sort_by_key(|(nodes, _, _)| (std::cmp::Reverse(nodes.len()), nodes[0]));
    let gap = gaps.row * 1.2;
    let area: f32 = laid.iter().map(|(_, _, part)| (part.size.x + gap) * (part.size.y + gap)).sum();
    let widest = laid.iter().map(|(_, _, part)| part.size.x).fold(0.0, f32::max);
    let limit = widest.max((area * 2.0).sqrt());
    let mut all = Laid {
        centers: vec![Pos2::ZERO; sizes.len()],
        bends: vec![Vec::new(); links.len()],
        size: Vec2::ZERO,
    };
    let (mut corner, mut row_height) = (Pos2::ZERO, 0.0f32);
    for (nodes, own, part) in laid {
        if corner.x > 0.0 && corner.x + part.size.x > limit {
            corner = pos2(0.0, corner.y + row_height + gap);
            row_height = 0.0;
        }
        for (node, center) in nodes.iter().zip(&part.centers) {
            all.centers[*node] = *center + corner.to_vec2();
        }
        for (link, bends) in own.iter().zip(part.bends) {
            all.bends[*link] = bends.into_iter().map(|point| point + corner.to_vec2()).collect();
        }
        all.size = all.size.max(vec2(corner.x + part.size.x, corner.y + part.size.y));
        corner.x += part.size.x + gap;
        row_height = row_height.max(part.size.y);
    }
    all
}
