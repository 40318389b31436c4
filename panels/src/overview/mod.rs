//! How the mesh is: what is not well, the worst first, since when, and what was written near then; proxies
//! and problems; namespaces and services. Everything leads to where it is looked into.

mod attention;
mod view;

use self::view::{Namespace, ill, namespaces};
use crate::condition::{self, Row};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::theme::space;
use crate::kit::{Button, Status, fmt, icon, remote, text};
use crate::panel::{About, Panel};
use crate::selection::PanelId;
use egui::{Frame, Margin, ScrollArea, Ui};
use mesh::Remote;
use mesh::charts::{CHARTS, Calls, Group};
use mesh::series::Range;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Overview",
    icon: icon::GAUGE,
    summary: "What is not well, since when, and what changed near then; namespaces and services",
};

/// How far back is looked for when something began.
const RANGE_SECS: u64 = 3600;
/// So much that is not well is said in full.
const MOST: usize = 8;

/// How the mesh is.
#[derive(Default)]
pub struct Overview {
    services: bool,
    tables: [table::State; 2],
}

impl Panel for Overview {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let mesh = &cx.scene.mesh;
        if mesh.service_count() == 0 && mesh.workload_count() == 0 {
            let how =
                "Nothing runs in these namespaces, or it may not be read. Choose others in the top bar.";
            remote::empty(ui, ABOUT.icon, "No services in the mesh here", how, None);
            return;
        }
        let Some(whole) = condition::of_all(ui, cx) else {
            // Of a large mesh it is found beside the window's thread.
            return remote::waiting(ui, "Looking through the mesh");
        };
        let all = &whole.rows;
        let shown = |row: &&Row| {
            cx.namespaces.is_empty() || cx.namespaces.iter().any(|name| **name == *row.namespace)
        };
        let rows: Vec<&Row> = all.iter().filter(shown).collect();
        Frame::new().inner_margin(Margin::same(space::L as i8)).show(ui, |ui| {
            let counts = condition::words(all);
            ui.horizontal_wrapped(|ui| {
                text::title(ui, ABOUT.name);
                let none = match &cx.scene.traffic {
                    Remote::Live(..) => "all is well",
                    Remote::Stale(..) => "all was well",
                    Remote::Waiting | Remote::Denied(_) => "nothing is measured",
                };
                text::muted(ui, if counts.is_empty() { none.to_owned() } else { counts });
            });
            measured(ui, cx);
            let height = (ui.available_height() * 0.55).max(120.0);
            ScrollArea::vertical()
                .id_salt("attention")
                .auto_shrink([false, true])
                .max_height(height)
                .show(ui, |ui| self.attention(ui, cx, &rows));
            ui.add_space(space::M);
            self.lists(ui, cx, &rows, Arc::as_ptr(&whole) as usize);
        });
    }
}

/// Why figures are old, or not there.
fn measured(ui: &mut Ui, cx: &Cx<'_>) {
    match &cx.scene.traffic {
        Remote::Waiting => remote::waiting(ui, "Waiting for the first measurements"),
        Remote::Denied(trouble) => {
            if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                cx.intents.send(Intent::Retry);
            }
        }
        Remote::Live(..) => {}
        Remote::Stale(_, at, trouble) => {
            remote::stale(ui, &fmt::ago(cx.now, *at), &trouble.what, &trouble.why, &trouble.next);
        }
    }
}

/// Errors of all services over the last hour, in one question.
fn errors() -> Option<Range> {
    let chart = CHARTS.iter().find(|chart| chart.name == "Errors")?;
    Some(Calls { group: Group::Peer, ..Calls::default() }.ask(chart).over(RANGE_SECS))
}

impl Overview {
    /// What is not well.
    fn attention(&mut self, ui: &mut Ui, cx: &Cx<'_>, rows: &[&Row]) {
        let is_ill = |row: &&&Row| row.status > Status::Healthy;
        let count = rows.iter().filter(is_ill).count();
        let range = errors().filter(|_| count > 0);
        let answer = range.as_ref().map(|range| (cx.reads.series(range), range.step_secs));
        let measured = answer.as_ref().and_then(|(answer, step)| Some((&**answer.value()?, *step)));
        let all = ill(&cx.scene.mesh, rows.iter().copied(), measured, (&cx.scene.writes, cx.changes), MOST);
        for one in &all {
            attention::row(ui, cx, one, measured.map(|(measured, step)| (measured.until, step)));
        }
        if count > all.len() {
            text::note(ui, format!("and {} more below", fmt::count(count - all.len())));
        }
        attention::proxies(ui, cx);
        attention::problems(ui, cx);
    }

    fn lists(&mut self, ui: &mut Ui, cx: &Cx<'_>, rows: &[&Row], whole: usize) {
        ui.horizontal_wrapped(|ui| {
            for (services, name) in [(false, "Namespaces"), (true, "Services")] {
                if ui.add(Button::quiet(name).selected(self.services == services)).clicked() {
                    self.services = services;
                }
            }
        });
        let mut hasher = DefaultHasher::new();
        (whole, cx.namespaces).hash(&mut hasher);
        let revision = hasher.finish();
        let measured = cx.scene.traffic.value().is_some();
        let [of_namespaces, of_services] = &mut self.tables;
        let csv = if self.services {
            let lines = Services { all: rows, measured };
            let done = table::table(ui, "services", of_services, SERVICES, &lines, revision, None);
            if let Some(row) = done.clicked.and_then(|row| rows.get(row)) {
                cx.intents.send(Intent::Select(Some(row.selected.clone())));
            }
            done.csv
        } else {
            let all = namespaces(rows.iter().copied());
            let lines = Namespaces { all: &all, measured };
            let done = table::table(ui, "namespaces", of_namespaces, NAMESPACES, &lines, revision, None);
            if let Some(one) = done.clicked.and_then(|row| all.get(row)) {
                cx.intents.send(Intent::Namespaces(vec![one.name.clone()]));
                cx.intents.send(Intent::Open(PanelId::Graph));
            }
            done.csv
        };
        if let Some(csv) = csv {
            cx.intents.send(Intent::Copy(csv, "The list as CSV".to_owned()));
        }
    }
}

fn rate(rps: f64, measured: bool) -> Cell {
    Cell::number(rps, if measured { fmt::rps(rps) } else { "–".to_owned() })
}

const NAMESPACES: &[Column] = &[
    Column::names("Namespace", 2.6),
    Column::number("Failing", 0.8),
    Column::number("Degraded", 0.8),
    Column::number("Healthy", 0.8).spare(),
    Column::number("Idle", 0.8).spare(),
    Column::number("Calls", 1.0),
];

struct Namespaces<'a> {
    all: &'a [Namespace],
    measured: bool,
}

impl Rows for Namespaces<'_> {
    fn len(&self) -> usize {
        self.all.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(one) = self.all.get(row) else { return Cell::default() };
        let count = |count: usize| Cell::number(count as f64, fmt::count(count));
        match column {
            0 => Cell { status: Some(one.status), ..Cell::text(one.name.clone()) },
            1 => count(one.failing),
            2 => count(one.degraded),
            // Of what is not measured, nobody knows which of both it is.
            3 | 4 if !self.measured => Cell::text("–"),
            3 => count(one.healthy),
            4 => count(one.idle),
            _ => rate(one.rps, self.measured),
        }
    }
}

const SERVICES: &[Column] = &[
    Column::names("Service", 2.0),
    Column::names("Namespace", 1.4).spare(),
    Column::text("Why", 3.0),
    Column::number("Calls", 1.0),
];

struct Services<'a> {
    all: &'a [&'a Row],
    measured: bool,
}

impl Rows for Services<'_> {
    fn len(&self) -> usize {
        self.all.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(row) = self.all.get(row) else { return Cell::default() };
        match column {
            0 => Cell { status: Some(row.status), ..Cell::text(row.name.clone()) },
            1 => Cell::text(row.namespace.clone()),
            2 => Cell::text(row.reason.clone()),
            _ => rate(row.rps, self.measured),
        }
    }
}
