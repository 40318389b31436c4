//! The column of each box of a layered picture, for any graph: loops are cut, long chains folded.

use std::collections::VecDeque;

/// A link between two boxes; `dy` is where it touches them, from the middle of the box down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) from_dy: f32,
    pub(super) to_dy: f32,
}

/// The column of each box: one right of its callers; where loops or long chains would make too many, its
/// distance from the way in.
pub(super) fn ranks(count: usize, links: &[Link]) -> Vec<usize> {
    let mut out = vec![Vec::new(); count];
    let mut incoming = vec![0usize; count];
    for link in links.iter().filter(|link| link.from != link.to) {
        out[link.from].push(link.to);
        incoming[link.to] += 1;
    }
    let mut starts: Vec<usize> = (0..count).filter(|node| incoming[*node] == 0).collect();
    starts.extend((0..count).filter(|node| incoming[*node] > 0));
    let ahead = without_loops(&out, &starts);
    let mut rank = longest(&ahead);
    let most = rank.iter().max().copied().unwrap_or(0);
    if most as f32 > 10.0 + 1.5 * (count as f32).sqrt() {
        rank = distances(&out, &starts);
    }
    // Callers that nobody calls stand right before what they call, not far to the left of it.
    for node in 0..count {
        if incoming[node] == 0
            && let Some(next) = out[node].iter().map(|to| rank[*to]).min()
        {
            rank[node] = next.saturating_sub(1);
        }
    }
    let low = rank.iter().min().copied().unwrap_or(0);
    rank.iter_mut().for_each(|rank| *rank -= low);
    rank
}

/// The same graph, with links that close a loop turned around.
fn without_loops(out: &[Vec<usize>], starts: &[usize]) -> Vec<Vec<usize>> {
    let mut ahead = vec![Vec::new(); out.len()];
    let mut state = vec![0u8; out.len()]; // 0 unseen, 1 on the way, 2 done
    for &start in starts {
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        let mut way = vec![(start, 0usize)];
        while let Some((node, next)) = way.last_mut() {
            let node = *node;
            if let Some(&to) = out[node].get(*next) {
                *next += 1;
                if state[to] == 1 {
                    ahead[to].push(node);
                } else {
                    ahead[node].push(to);
                }
                if state[to] == 0 {
                    state[to] = 1;
                    way.push((to, 0));
                }
            } else {
                state[node] = 2;
                way.pop();
            }
        }
    }
    ahead
}

/// Longest way to each box.
fn longest(ahead: &[Vec<usize>]) -> Vec<usize> {
    let mut incoming = vec![0usize; ahead.len()];
    for to in ahead.iter().flatten() {
        incoming[*to] += 1;
    }
    let mut rank = vec![0; ahead.len()];
    let mut ready: VecDeque<usize> = (0..ahead.len()).filter(|node| incoming[*node] == 0).collect();
    while let Some(node) = ready.pop_front() {
        for &to in &ahead[node] {
            rank[to] = rank[to].max(rank[node] + 1);
            incoming[to] -= 1;
            if incoming[to] == 0 {
                ready.push_back(to);
            }
        }
    }
    rank
}

/// Shortest way to each box, from the ways in; then from whatever those do not reach.
fn distances(out: &[Vec<usize>], starts: &[usize]) -> Vec<usize> {
    let mut rank = vec![usize::MAX; out.len()];
    let mut called = vec![false; out.len()];
    for to in out.iter().flatten() {
        called[*to] = true;
    }
    let mut queue: VecDeque<usize> = starts.iter().copied().filter(|start| !called[*start]).collect();
    queue.iter().for_each(|start| rank[*start] = 0);
    for start in starts {
        if queue.is_empty() && rank[*start] == usize::MAX {
            rank[*start] = 0;
            queue.push_back(*start);
        }
        while let Some(node) = queue.pop_front() {
            for &to in &out[node] {
                if rank[to] == usize::MAX {
                    rank[to] = rank[node] + 1;
                    queue.push_back(to);
                }
            }
        }
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link((from, to): (usize, usize)) -> Link {
        Link { from, to, from_dy: 0.0, to_dy: 0.0 }
    }

    #[test]
    fn callers_stand_left_of_what_they_call() {
        let links = [(0, 1), (1, 2), (1, 3), (2, 4), (3, 4)].map(link);
        assert_eq!(ranks(5, &links), [0, 1, 2, 2, 3]);
    }

    #[test]
    fn loops_are_cut_and_who_nobody_calls_comes_first() {
        let links = [(0, 1), (1, 2), (2, 1), (2, 0), (3, 2), (2, 2)].map(link);
        assert_eq!(ranks(4, &links), [2, 3, 1, 0]);
    }
}
