//! Layers from left to right: ranks, order within a rank with few crossings, and even coordinates. Takes any
//! graph.

use super::ranks::{Link, ranks};
use egui::{Pos2, Vec2, pos2, vec2};

/// Room to leave between columns, and between boxes of one column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gaps {
    pub(super) column: f32,
    pub(super) row: f32,
}

/// Boxes in their places; the top left corner of all is (0, 0).
#[derive(Clone, Debug, Default)]
pub(super) struct Laid {
    pub(super) centers: Vec<Pos2>,
    /// Per link, the points that it passes on its way through columns between its ends.
    pub(super) bends: Vec<Vec<Pos2>>,
    pub(super) size: Vec2,
}

/// Height that a link takes while it passes a column.
const PASS: f32 = 10.0;

/// An item of a column: a box (below the number of boxes), or a link that passes.
type Item = usize;

/// Lays out one connected graph. `hints` are heights that boxes had before.
pub(super) fn lay(sizes: &[Vec2], links: &[Link], hints: &[Option<f32>], gaps: Gaps) -> Laid {
    let mut work = Work::new(sizes, links, gaps);
    work.columns(hints);
    work.untangle();
    work.split_tall_columns();
    let x = work.across();
    let y = work.down();
    work.finish(&x, &y)
}

struct Work<'a> {
    sizes: &'a [Vec2],
    links: &'a [Link],
    gaps: Gaps,
    rank: Vec<usize>,
    columns: Vec<Vec<Item>>,
    heights: Vec<f32>,
    /// Neighbours of each item to the left, and where on both the link touches (theirs, ours).
    left: Vec<Vec<(Item, f32, f32)>>,
    right: Vec<Vec<(Item, f32, f32)>>,
    passes: Vec<Vec<Item>>,
}

impl<'a> Work<'a> {
    fn new(sizes: &'a [Vec2], links: &'a [Link], gaps: Gaps) -> Self {
        Self {
            sizes,
            links,
            gaps,
            rank: ranks(sizes.len(), links),
            columns: Vec::new(),
            heights: sizes.iter().map(|size| size.y).collect(),
            left: vec![Vec::new(); sizes.len()],
            right: vec![Vec::new(); sizes.len()],
            passes: vec![Vec::new(); links.len()],
        }
    }

    fn join(&mut self, left: Item, right: Item, left_dy: f32, right_dy: f32) {
        self.right[left].push((right, right_dy, left_dy));
        self.left[right].push((left, left_dy, right_dy));
    }

    /// Fills the columns. Links that pass columns become items of them, unless there are too many.
    fn columns(&mut self, hints: &[Option<f32>]) {
        let count = self.rank.iter().max().map_or(0, |rank| rank + 1);
        let span = |link: &Link| self.rank[link.to].abs_diff(self.rank[link.from]);
        let passing: usize = self.links.iter().map(|link| span(link).saturating_sub(1)).sum();
        let pass = passing <= 4 * self.sizes.len() + 200;
        self.columns = vec![Vec::new(); count];
        for index in 0..self.sizes.len() {
            self.columns[self.rank[index]].push(index);
        }
        for (index, link) in self.links.iter().enumerate() {
            let (low, high, low_dy, high_dy) = if self.rank[link.from] <= self.rank[link.to] {
                (link.from, link.to, link.from_dy, link.to_dy)
            } else {
                (link.to, link.from, link.to_dy, link.from_dy)
            };
            if self.rank[low] == self.rank[high] {
                continue;
            }
            let (mut before, mut before_dy) = (low, low_dy);
            if pass {
                for rank in self.rank[low] + 1..self.rank[high] {
                    let item = self.heights.len();
                    self.heights.push(PASS);
                    self.left.push(Vec::new());
                    self.right.push(Vec::new());
                    self.columns[rank].push(item);
                    self.passes[index].push(item);
                    self.join(before, item, before_dy, 0.0);
                    (before, before_dy) = (item, 0.0);
                }
            }
            self.join(before, high, before_dy, high_dy);
        }
        let known = |item: &Item| hints.get(*item).copied().flatten();
        for column in &mut self.columns {
            if column.iter().any(|item| known(item).is_some()) {
                column.sort_by(|a, b| known(a).unwrap_or(f32::MAX).total_cmp(&known(b).unwrap_or(f32::MAX)));
            }
        }
    }

    /// Sweeps back and forth, sorting each column by the middle of its neighbours, and keeps the order with
    /// fewest crossings.
    fn untangle(&mut self) {
        let joins: usize = self.left.iter().map(Vec::len).sum();
        let small = joins <= 6000;
        let mut at = vec![0.0f32; self.heights.len()];
        self.number(&mut at);
        let mut best = (if small { self.crossings(&at) } else { usize::MAX }, self.columns.clone());
        let sweeps = if joins <= 600 {
            16
        } else if small {
            8
        } else {
            4
        };
        for sweep in 0..sweeps {
            if best.0 == 0 {
                break;
            }
            let forward = sweep % 2 == 0;
            for step in 0..self.columns.len() {
                let index = if forward { step } else { self.columns.len() - 1 - step };
                let side = if forward { &self.left } else { &self.right };
                let middle = |item: Item| {
                    let near = &side[item];
                    if near.is_empty() {
                        return at[item];
                    }
                    let sum: f32 = near
                        .iter()
                        .map(|(other, dy, _)| at[*other] + dy / self.heights[*other].max(1.0))
                        .sum();
                    sum / near.len() as f32
                };
                let mut keyed: Vec<(f32, Item)> =
                    self.columns[index].iter().map(|item| (middle(*item), *item)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                for (place, (_, item)) in keyed.iter().enumerate() {
                    self.columns[index][place] = *item;
                }
                spread(&self.columns[index], &mut at);
            }
            if small {
                let crossings = self.crossings(&at);
                if crossings < best.0 {
                    best = (crossings, self.columns.clone());
                }
            }
        }
        if small {
            self.columns = best.1;
        }
    }

    fn number(&self, at: &mut [f32]) {
        for column in &self.columns {
            spread(column, at);
        }
    }

    fn crossings(&self, at: &[f32]) -> usize {
        let mut sum = 0;
        for column in &self.columns {
            let mut ends: Vec<(f32, f32)> = Vec::new();
            for item in column {
                for (other, theirs, ours) in &self.right[*item] {
                    let part = |item: Item, dy: f32| at[item] + 0.5 * dy / self.heights[item].max(1.0);
                    ends.push((part(*item, *ours), part(*other, *theirs)));
                }
            }
            ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
            let rights: Vec<f32> = ends.iter().map(|end| end.1).collect();
            sum += inversions(&rights);
        }
        sum
    }

    /// A column much taller than the picture is wide becomes several, filled in turn so that the order down
    /// stays.
    fn split_tall_columns(&mut self) {
        let height_of =
            |column: &[Item]| column.iter().map(|item| self.heights[*item] + self.gaps.row).sum::<f32>();
        let area: f32 =
            self.sizes.iter().map(|size| (size.x + self.gaps.column * 0.5) * (size.y + self.gaps.row)).sum();
        let tallest = self.sizes.iter().map(|size| size.y).fold(0.0, f32::max);
        let limit = (area.sqrt() * 1.1).max(tallest * 1.2).max(1100.0);
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let parts = (height_of(column) / limit).ceil().max(1.0) as usize;
            let mut split = vec![Vec::new(); parts];
            for (index, item) in column.iter().enumerate() {
                split[index % parts].push(*item);
            }
            columns.extend(split.into_iter().filter(|part| !part.is_empty()));
        }
        self.columns = columns;
    }

    /// Left edge and width of each column.
    fn across(&self) -> Vec<(f32, f32)> {
        let mut left = 0.0;
        let mut places = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let width =
                column.iter().filter_map(|item| self.sizes.get(*item)).map(|size| size.x).fold(0.0, f32::max);
            places.push((left, width));
            let links: usize = column.iter().map(|item| self.right[*item].len()).sum();
            left += width + self.gaps.column + (links as f32 - 6.0).clamp(0.0, 20.0) * 3.0;
        }
        places
    }

    /// Height of the middle of each item: near its neighbours, without overlap, in the order found.
    fn down(&self) -> Vec<f32> {
        let mut y = vec![0.0f32; self.heights.len()];
        for column in &self.columns {
            let full: f32 = column.iter().map(|item| self.heights[*item] + self.gaps.row).sum();
            let mut top = -full / 2.0;
            for item in column {
                y[*item] = top + (self.heights[*item] + self.gaps.row) / 2.0;
                top += self.heights[*item] + self.gaps.row;
            }
        }
        for pass in 0..8 {
            for step in 0..self.columns.len() {
                let index = if pass % 2 == 0 { step } else { self.columns.len() - 1 - step };
                self.settle(&self.columns[index], pass, &mut y);
            }
        }
        y
    }

    fn settle(&self, column: &[Item], pass: usize, y: &mut [f32]) {
        let boxes = self.sizes.len();
        let mut wanted = Vec::with_capacity(column.len());
        for item in column {
            let (mut sum, mut weight) = (0.0, 0.0);
            let sides = [
                (&self.left, pass.is_multiple_of(2) || pass >= 5),
                (&self.right, !pass.is_multiple_of(2) || pass >= 5),
            ];
            for (side, _) in sides.iter().filter(|(_, used)| *used) {
                for (other, theirs, ours) in &side[*item] {
                    let strength = if *item >= boxes && *other >= boxes { 4.0 } else { 1.0 };
                    sum += (y[*other] + theirs - ours) * strength;
                    weight += strength;
                }
            }
            wanted.push(if weight > 0.0 { (sum / weight, weight) } else { (y[*item], 0.2) });
        }
        let room = |a: Item, b: Item| {
            let gap = if a >= boxes && b >= boxes { 4.0 } else { self.gaps.row };
            (self.heights[a] + self.heights[b]) / 2.0 + gap
        };
        // Least squares under a fixed order and distances: shift the distances out, then pool whatever is out
        // of order.
        let mut shift = 0.0;
        let mut pools: Vec<(f32, f32, usize)> = Vec::with_capacity(column.len());
        let mut shifts = Vec::with_capacity(column.len());
        for (index, (want, weight)) in wanted.iter().enumerate() {
            if index > 0 {
                shift += room(column[index - 1], column[index]);
            }
            shifts.push(shift);
            let mut pool = (want - shift, *weight, 1);
            while let Some(last) = pools.last()
                && last.0 > pool.0
            {
                let weight = last.1 + pool.1;
                pool = ((last.0 * last.1 + pool.0 * pool.1) / weight, weight, last.2 + pool.2);
                pools.pop();
            }
            pools.push(pool);
        }
        let mut index = 0;
        for (value, _, count) in pools {
            for _ in 0..count {
                y[column[index]] = value + shifts[index];
                index += 1;
            }
        }
    }

    fn finish(&self, x: &[(f32, f32)], y: &[f32]) -> Laid {
        let mut column_of = vec![0; self.heights.len()];
        for (index, column) in self.columns.iter().enumerate() {
            for item in column {
                column_of[*item] = index;
            }
        }
        let top =
            (0..self.heights.len()).map(|item| y[item] - self.heights[item] / 2.0).fold(f32::MAX, f32::min);
        let bottom =
            (0..self.heights.len()).map(|item| y[item] + self.heights[item] / 2.0).fold(f32::MIN, f32::max);
        let center = |item: Item| pos2(x[column_of[item]].0 + self.sizes[item].x / 2.0, y[item] - top);
        let bends = self.links.iter().enumerate().map(|(index, link)| {
            let mut points = Vec::new();
            for item in &self.passes[index] {
                let (left, width) = x[column_of[*item]];
                points.push(pos2(left, y[*item] - top));
                points.push(pos2(left + width, y[*item] - top));
            }
            if self.rank[link.from] > self.rank[link.to] {
                points.reverse();
            }
            points
        });
        let width = x.last().map_or(0.0, |(left, width)| left + width);
        Laid {
            centers: (0..self.sizes.len()).map(center).collect(),
            bends: bends.collect(),
            size: vec2(width, (bottom - top).max(0.0)),
        }
    }
}

/// Gives each item of a column its place between 0 and the number of items, counted from the middle.
fn spread(column: &[Item], at: &mut [f32]) {
    let middle = column.len() as f32 / 2.0;
    for (place, item) in column.iter().enumerate() {
        at[*item] = place as f32 - middle;
    }
}

/// Pairs that stand in the wrong order.
fn inversions(values: &[f32]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.dedup();
    let mut tree = vec![0usize; sorted.len() + 1];
    let mut count = 0;
    for (seen, value) in values.iter().enumerate() {
        let rank = sorted.partition_point(|other| other < value) + 1;
        let mut before = 0;
        let mut index = rank;
        while index > 0 {
            before += tree[index];
            index -= index & index.wrapping_neg();
        }
        count += seen - before;
        let mut index = rank;
        while index < tree.len() {
            tree[index] += 1;
            index += index & index.wrapping_neg();
        }
    }
    count
}
