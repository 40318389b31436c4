//! Who stands in a table of who with whom.

use crate::kit::{grid, text};
use egui::Ui;
use mesh::{Mesh, Workload};

/// Callers and called of a namespace, as many as find room.
pub(super) struct Pairs<'a> {
    pub(super) callers: Vec<&'a Workload>,
    pub(super) called: Vec<&'a Workload>,
    /// How many there are besides.
    pub(super) more: (usize, usize),
}

impl<'a> Pairs<'a> {
    /// The workloads of a namespace, the own ones first; of callers the gateways too.
    pub(super) fn of(
        mesh: &'a Mesh,
        namespace: &str,
        own: impl Fn(&Workload) -> bool,
        columns: usize,
    ) -> Self {
        let here = |one: &&Workload| *one.namespace == *namespace;
        let mut called: Vec<&Workload> = mesh.workloads().filter(|one| here(one) && !one.gateway).collect();
        let mut callers: Vec<&Workload> = mesh.workloads().filter(|one| here(one) || one.gateway).collect();
        called.sort_by_key(|one| !own(one));
        callers.sort_by_key(|one| !one.gateway);
        let more = (callers.len().saturating_sub(grid::ROWS), called.len().saturating_sub(columns));
        callers.truncate(grid::ROWS);
        called.truncate(columns);
        Self { callers, called, more }
    }
}

/// Says how many do not stand in the table.
pub(super) fn rest(ui: &mut Ui, (callers, called): (usize, usize)) {
    let more = |count: usize, what: &str| (count > 0).then(|| format!("{count} more {what}"));
    let rest: Vec<String> =
        [more(callers, "callers"), more(called, "called")].into_iter().flatten().collect();
    if !rest.is_empty() {
        text::note(ui, format!("and {}: select them to see theirs", rest.join(", ")));
    }
}
