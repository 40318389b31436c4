//! Ways to lay a graph out: in layers from left to right, in a grid, in rings around what has most links, and
//! by forces between what is linked. The same graph is always laid out in the same way, and no box covers
//! another.

use super::layers::{self, Gaps, Laid};
use super::ranks::Link;
use egui::{Pos2, Rect, Vec2, pos2, vec2};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::f32::consts::TAU;

/// A way to lay a graph out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Callers left of what they call.
    #[default]
    Layered,
    /// In rows, by name.
    Grid,
    /// In rings around what has most links, each a call further from it.
    Concentric,
    /// What is linked is drawn together, everything else apart.
    Force,
}

impl Layout {
    /// All of them, with their names.
    pub(super) const ALL: [(Self, &'static str); 4] = [
        (Self::Layered, "Layered: callers left of what they call"),
        (Self::Grid, "Grid: in rows, by name"),
        (Self::Concentric, "Concentric: rings around what has most links"),
        (Self::Force, "Force-directed: what is linked stands together"),
    ];

    /// Whether what hangs together is laid out by itself.
    pub(super) fn by_component(self) -> bool {
        self != Self::Grid
    }

    /// Lays out one graph. `hints` are heights that boxes had before.
    pub(super) fn lay(self, sizes: &[Vec2], links: &[Link], hints: &[Option<f32>], gaps: Gaps) -> Laid {
        let centers = match self {
            Self::Layered => return layers::lay(sizes, links, hints, gaps),
            Self::Grid => grid(sizes, gaps),
            Self::Concentric => rings(sizes, links, gaps),
            Self::Force => forces(sizes, links, gaps),
        };
        let rects = centers.iter().zip(sizes).map(|(center, size)| Rect::from_center_size(*center, *size));
        let all = rects.fold(Rect::NOTHING, Rect::union);
        let centers = centers.into_iter().map(|center| (center - all.min.to_vec2()).round()).collect();
        Laid { centers, bends: vec![Vec::new(); links.len()], size: all.size().max(Vec2::ZERO) }
    }
}

/// Columns as wide as their widest box, rows as high as their highest; about as many that the whole is half as
/// wide again as it is high.
fn grid(sizes: &[Vec2], gaps: Gaps) -> Vec<Pos2> {
    let cell = |size: &Vec2| *size + vec2(gaps.column, gaps.row);
    let sum = sizes.iter().map(cell).fold(Vec2::ZERO, |sum, cell| sum + cell);
    let shape = if sum.x > 0.0 { 1.5 * sum.y / sum.x } else { 1.0 };
    let columns = ((sizes.len() as f32 * shape).sqrt().round() as usize).clamp(1, sizes.len().max(1));
    let (mut widths, mut heights) = (vec![0.0f32; columns], vec![0.0f32; sizes.len().div_ceil(columns)]);
    for (at, size) in sizes.iter().map(cell).enumerate() {
        widths[at % columns] = widths[at % columns].max(size.x);
        heights[at / columns] = heights[at / columns].max(size.y);
    }
    let from = |lengths: &[f32], at: usize| lengths[..at].iter().sum::<f32>() + lengths[at] / 2.0;
    (0..sizes.len()).map(|at| pos2(from(&widths, at % columns), from(&heights, at / columns))).collect()
}

/// Those that a box is linked with, whoever calls.
fn neighbours(count: usize, links: &[Link]) -> Vec<Vec<usize>> {
    let mut near = vec![Vec::new(); count];
    for link in links.iter().filter(|link| link.from != link.to) {
        near[link.from].push(link.to);
        near[link.to].push(link.from);
    }
    for list in &mut near {
        list.sort_unstable();
        list.dedup();
    }
    near
}

/// Rings around the box with most links. Within a ring all stand equally far apart, near what led to them.
fn rings(sizes: &[Vec2], links: &[Link], gaps: Gaps) -> Vec<Pos2> {
    let near = neighbours(sizes.len(), links);
    let mut centers = vec![Pos2::ZERO; sizes.len()];
    let Some(middle) = (0..sizes.len()).max_by_key(|at| (near[*at].len(), std::cmp::Reverse(*at))) else {
        return centers;
    };
    let mut ring = vec![middle];
    let mut seen = vec![false; sizes.len()];
    seen[middle] = true;
    let across = |ring: &[usize]| ring.iter().map(|at| sizes[*at].length()).fold(0.0, f32::max);
    let (mut radius, mut before) = (0.0f32, across(&ring));
    loop {
        // In the order of those that led to them, which goes around.
        let mut next = Vec::new();
        for to in ring.iter().flat_map(|at| &near[*at]) {
            if !std::mem::replace(&mut seen[*to], true) {
                next.push(*to);
            }
        }
        if next.is_empty() {
            return centers;
        }
        let own = across(&next);
        let apart = (own + gaps.row) / (2.0 * (TAU / 2.0 / next.len().max(2) as f32).sin());
        radius = (radius + (before + own) / 2.0 + gaps.column / 2.0).max(apart);
        let turn = turn(&next, &near, &centers);
        for (place, at) in next.iter().enumerate() {
            let way = Vec2::angled(turn + TAU * place as f32 / next.len() as f32);
            centers[*at] = (way * radius).to_pos2();
        }
        (ring, before) = (next, own);
    }
}

/// How far a ring is turned, so that all stand near what led to them as a whole; those around the middle itself
/// begin at its right.
fn turn(ring: &[usize], near: &[Vec<usize>], centers: &[Pos2]) -> f32 {
    let mut sum = Vec2::ZERO;
    for (place, at) in ring.iter().enumerate() {
        let led = near[*at].iter().fold(Vec2::ZERO, |sum, to| sum + centers[*to].to_vec2());
        if led.length() > 1.0 {
            sum += Vec2::angled(led.angle() - TAU * place as f32 / ring.len() as f32);
        }
    }
    if sum.length() > 0.01 { sum.angle() } else { 0.0 }
}

/// Rounds in which forces act.
const ROUNDS: usize = 240;

/// Fruchterman and Reingold's forces: links draw, what is near pushes away, less and less; then boxes that still
/// cover each other are pushed apart.
fn forces(sizes: &[Vec2], links: &[Link], gaps: Gaps) -> Vec<Pos2> {
    let count = sizes.len();
    let near = neighbours(count, links);
    let area: f32 = sizes.iter().map(|size| (size.x + gaps.column) * (size.y + gaps.column)).sum();
    let apart = (area / count.max(1) as f32).sqrt();
    // In the order in which they hang together, on a spiral: no two at the same place.
    let mut at: Vec<Vec2> = vec![Vec2::ZERO; count];
    for (place, node) in walk(&near).into_iter().enumerate() {
        let angle = place as f32 * 2.4;
        at[node] = Vec2::angled(angle) * apart * 0.6 * (place as f32 + 0.5).sqrt();
    }
    let rounds = (ROUNDS * 200 / count.max(200)).max(30);
    for round in 0..rounds {
        let mut by = vec![Vec2::ZERO; count];
        let cells = cells(&at, apart * 2.0);
        for (node, place) in at.iter().enumerate() {
            for other in around(&cells, *place, apart * 2.0).filter(|other| *other != node) {
                let away = *place - at[other];
                let far = away.length().max(1.0);
                by[node] += away / far * (apart * apart / far);
            }
            for other in &near[node] {
                let to = at[*other] - *place;
                by[node] += to * (to.length() / apart) * 0.5;
            }
            // What is far from all others comes back.
            by[node] -= *place * 0.05;
        }
        let most = apart * (1.0 - round as f32 / rounds as f32).max(0.02);
        for (place, by) in at.iter_mut().zip(by) {
            *place += by.normalized() * by.length().min(most);
        }
    }
    push_apart(&mut at, sizes, vec2(gaps.column * 0.5, gaps.row));
    at.into_iter().map(Vec2::to_pos2).collect()
}

/// All boxes, what is linked one after the other.
fn walk(near: &[Vec<usize>]) -> Vec<usize> {
    let mut starts: Vec<usize> = (0..near.len()).collect();
    starts.sort_by_key(|at| std::cmp::Reverse(near[*at].len()));
    let (mut order, mut seen) = (Vec::with_capacity(near.len()), vec![false; near.len()]);
    for start in starts {
        let mut next = VecDeque::from([start]);
        while let Some(at) = next.pop_front() {
            if !std::mem::replace(&mut seen[at], true) {
                order.push(at);
                next.extend(&near[at]);
            }
        }
    }
    order
}

type Cells = HashMap<(i32, i32), Vec<usize>>;

fn cell(place: Vec2, side: f32) -> (i32, i32) {
    ((place.x / side).floor() as i32, (place.y / side).floor() as i32)
}

fn cells(at: &[Vec2], side: f32) -> Cells {
    let mut cells = Cells::new();
    for (node, place) in at.iter().enumerate() {
        cells.entry(cell(*place, side)).or_default().push(node);
    }
    cells
}

/// What stands in the cell of a place, and in those beside it.
fn around(cells: &Cells, place: Vec2, side: f32) -> impl Iterator<Item = usize> {
    let (x, y) = cell(place, side);
    let beside = (-1..=1).flat_map(move |dx| (-1..=1).map(move |dy| (x + dx, y + dy)));
    beside.filter_map(|cell| cells.get(&cell)).flatten().copied()
}

/// Moves boxes until none comes nearer to another than `gap`.
fn push_apart(at: &mut [Vec2], sizes: &[Vec2], gap: Vec2) {
    let widest = sizes.iter().fold(Vec2::ZERO, |most, size| most.max(*size)) + gap;
    for round in 1.. {
        let cells = cells(at, widest.x.max(widest.y).max(1.0));
        let mut moved = false;
        for node in 0..at.len() {
            let others: Vec<usize> = around(&cells, at[node], widest.x.max(widest.y).max(1.0)).collect();
            for other in others.into_iter().filter(|other| *other > node) {
                let between = at[other] - at[node];
                let room = (sizes[node] + sizes[other]) / 2.0 + gap;
                let lacks = room - between.abs();
                if lacks.x <= 0.01 || lacks.y <= 0.01 {
                    continue;
                }
                moved = true;
                // The shorter way out, half of it each.
                let by = match lacks.x < lacks.y {
                    true => vec2(lacks.x * if between.x < 0.0 { -0.5 } else { 0.5 }, 0.0),
                    false => vec2(0.0, lacks.y * if between.y < 0.0 { -0.5 } else { 0.5 }),
                };
                at[node] -= by;
                at[other] += by;
            }
        }
        if !moved {
            return;
        }
        // They stand in each other's way: room for all.
        if round % 40 == 0 {
            at.iter_mut().for_each(|place| *place *= 1.25);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(count: usize) -> (Vec<Vec2>, Vec<Link>) {
        let sizes = (0..count).map(|at| vec2(120.0 + (at * 37 % 90) as f32, 46.0 + (at % 5 * 40) as f32));
        let links = (1..count).flat_map(|to| {
            let other = to * 7919 % to;
            [(to / 3, to), (other, to)]
        });
        let link = |(from, to): (usize, usize)| Link { from, to, from_dy: 0.0, to_dy: 0.0 };
        (sizes.collect(), links.map(link).collect())
    }

    const GAPS: Gaps = Gaps { column: 90.0, row: 38.0 };

    #[test]
    fn no_box_covers_another_and_the_same_graph_stands_the_same() {
        for (layout, _) in Layout::ALL {
            for count in [0, 1, 2, 3, 12, 60, 300] {
                let (sizes, links) = world(count);
                let laid = layout.lay(&sizes, &links, &vec![None; count], GAPS);
                assert_eq!((laid.centers.len(), laid.bends.len()), (count, links.len()));
                let rects: Vec<Rect> = laid
                    .centers
                    .iter()
                    .zip(&sizes)
                    .map(|(center, size)| Rect::from_center_size(*center, *size))
                    .collect();
                let all = Rect::from_min_size(Pos2::ZERO, laid.size).expand(1.0);
                for (at, rect) in rects.iter().enumerate() {
                    assert!(all.contains_rect(*rect), "{layout:?} of {count}: {rect} in {all}");
                    let others = rects[at + 1..].iter().filter(|other| other.intersects(*rect)).count();
                    assert_eq!(others, 0, "{layout:?} of {count}");
                }
                let again = layout.lay(&sizes, &links, &vec![None; count], GAPS);
                assert_eq!(laid.centers, again.centers, "{layout:?}");
            }
        }
    }

    #[test]
    fn rings_are_calls_away_from_what_has_most_links() {
        let link = |(from, to): (usize, usize)| Link { from, to, from_dy: 0.0, to_dy: 0.0 };
        let links = [(0, 1), (1, 2), (1, 3), (3, 4)].map(link);
        let laid = Layout::Concentric.lay(&[vec2(100.0, 40.0); 5], &links, &[None; 5], GAPS);
        let far = |at: usize| laid.centers[at].distance(laid.centers[1]);
        assert!((far(0) - far(2)).abs() < 2.0 && (far(2) - far(3)).abs() < 2.0);
        assert!(far(0) > 100.0 && far(4) > far(3) + 100.0);
    }

    #[test]
    fn forces_draw_together_what_is_linked() {
        let link = |(from, to): (usize, usize)| Link { from, to, from_dy: 0.0, to_dy: 0.0 };
        // Two groups of five, each wholly linked, and one link between them.
        let mut links = vec![link((0, 5))];
        for from in 0..5 {
            links.extend((from + 1..5).flat_map(|to| [link((from, to)), link((from + 5, to + 5))]));
        }
        let laid = Layout::Force.lay(&[vec2(100.0, 40.0); 10], &links, &[None; 10], GAPS);
        let mean = |pairs: &[(usize, usize)]| {
            let far = |(a, b): &(usize, usize)| laid.centers[*a].distance(laid.centers[*b]);
            pairs.iter().map(far).sum::<f32>() / pairs.len() as f32
        };
        let own: Vec<(usize, usize)> = (1..5).flat_map(|at| [(0, at), (5, at + 5)]).collect();
        let others: Vec<(usize, usize)> = (1..5).flat_map(|at| [(at, 5 + at), (at, 6)]).collect();
        assert!(mean(&own) * 1.3 < mean(&others), "{} and {}", mean(&own), mean(&others));
    }
}
