//! Budgets of the graph: placing it, and a frame of it.

use crate::Row;
use panels::graph::bench::{Motion, frames, placing};
use std::time::Duration;

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Measures without a window.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (nodes, edges, count, names, budgets) in [
        (
            1_000,
            3_000,
            200,
            ["frame, 1,000 nodes / 3,000 edges, still", "  panning", "  zooming"],
            ["2 ms", "3 ms", "3 ms"],
        ),
        (
            10_000,
            30_000,
            60,
            ["frame, 10,000 nodes / 30,000 edges, still", "  panning", "  zooming"],
            ["2 ms", "7 ms", "7 ms"],
        ),
    ] {
        for ((motion, name), budget) in
            [Motion::Still, Motion::Panning, Motion::Zooming].into_iter().zip(names).zip(budgets)
        {
            let measured = frames(nodes, edges, motion, count);
            let text =
                format!("{:.2} ms (median; 99 of 100 below {:.2} ms)", ms(measured.median), ms(measured.p99));
            rows.push(Row::new(name, budget, text));
        }
    }
    for (nodes, edges, name, budget) in [
        (100, 300, "place 100 nodes / 300 edges", "50 ms"),
        (1_000, 3_000, "place 1,000 / 3,000", "300 ms"),
        (10_000, 30_000, "place 10,000 / 30,000", "5 s"),
    ] {
        rows.push(Row::new(name, budget, format!("{:.0} ms", ms(placing(nodes, edges)))));
    }
    rows
}
