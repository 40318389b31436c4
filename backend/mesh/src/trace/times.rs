//! Times that can be: spans that do not say when they began, and clocks that differ.

use super::Spans;
use super::odd::{Odd, some};
use super::parents::Parents;

/// The year 2000 in microseconds. Where some spans are younger, older ones do not tell the time.
const LONG_AGO: u64 = 946_684_800_000_000;

/// Gives every span a start that can be. One that does not tell its own gets that of its parent. A server
/// that began before its client did, or after that had ended, has another clock: it is moved into the middle
/// of its client's time, and with it what its service did next.
pub(super) fn settle(spans: &mut Spans, parents: &Parents) -> Vec<Odd> {
    let told = spans.packed.iter().map(|span| span.start_us).max().unwrap_or_default();
    let known = |start: u64| start > 0 && (start >= LONG_AGO || told < LONG_AGO);
    let starts = spans.packed.iter().map(|span| span.start_us);
    let first = starts.filter(|start| known(*start)).min().unwrap_or_default();
    let children = parents.children();
    let mut moved = vec![0_i64; spans.len()];
    let (mut timeless, mut skewed, mut most) = (0, 0, 0);
    let mut open: Vec<usize> = parents.roots().collect();
    while let Some(index) = open.pop() {
        open.extend(children.below(index).iter().map(|child| *child as usize));
        let parent = parents.of[index];
        if !known(spans.packed[index].start_us) {
            timeless += 1;
            spans.packed[index].start_us = parent.map_or(first, |parent| spans.packed[parent].start_us);
            continue;
        }
        let Some(parent) = parent else { continue };
        let (above, span) = (spans.packed[parent], spans.packed[index]);
        let same_clock = spans.service(&above) == spans.service(&span);
        let kind = |of: super::texts::Text| spans.texts.get(of);
        let mut by = if same_clock { moved[parent] } else { 0 };
        let start = span.start_us.saturating_add_signed(by);
        let answers = !same_clock && kind(span.kind) == "server" && kind(above.kind) == "client";
        if answers && (start < above.start_us || start > above.end_us()) {
            let spare = above.duration_us.saturating_sub(span.duration_us) / 2;
            let middle = i128::from(above.start_us.saturating_add(spare)) - i128::from(span.start_us);
            by = i64::try_from(middle).unwrap_or(if middle < 0 { i64::MIN } else { i64::MAX });
        }
        if by != 0 {
            (skewed, most) = (skewed + 1, by.unsigned_abs().max(most));
            moved[index] = by;
            let moved = &mut spans.packed[index];
            moved.moved_us = by;
            moved.start_us = moved.start_us.saturating_add_signed(by);
            for log in spans.logs.get_mut(span.logs.range()).unwrap_or_default() {
                log.at_us = log.at_us.saturating_add_signed(by);
            }
        }
    }
    some(timeless, Odd::Timeless).into_iter().chain(some(skewed, |spans| Odd::Clock(spans, most))).collect()
}
