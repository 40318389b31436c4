//! The list of objects: by kind, namespace and name, with what is wrong with them.

use super::{begin, templates};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::table::{self, Cell, Column, Rows, table};
use crate::kit::theme::space;
use crate::kit::{Button, Memo, Status, button, field, fmt, icon, remote, text};
use crate::panel::{About, Panel};
use crate::problems;
use crate::selection::Selected;
use egui::{Align, Frame, Layout, Margin, Ui};
use jiff::Timestamp;
use mesh::change_set::Member;
use mesh::check::Severity;
use mesh::{KINDS, Kind, Mesh, Ref, Revision};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Objects",
    icon: egui_phosphor::regular::FILES,
    summary: "Every object that is watched, as YAML: to be read, edited, copied, deleted and made",
};

/// Of which revision, of which kind, in which namespaces.
type Wanted = (Revision, Option<&'static Kind>, Vec<String>);

/// The panel.
#[derive(Default)]
pub struct Objects {
    /// Only this kind; `None`: all kinds that are written here.
    kind: Option<&'static Kind>,
    table: table::State,
    rows: Memo<Wanted, Arc<List>>,
    /// How many lists were made.
    made: u64,
}

/// How the panel is looked at.
#[derive(Serialize, Deserialize)]
struct Look {
    group: String,
    kind: String,
}

const COLUMNS: [Column; 4] = [
    Column::text("Kind", 2.0),
    Column::text("Name", 3.0),
    Column::text("Namespace", 2.0),
    Column::text("Age", 1.0).spare(),
];

impl Panel for Objects {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let margin = Margin::same(space::XL as i8);
        Frame::new().inner_margin(margin).show(ui, |ui| {
            ui.horizontal(|ui| {
                text::title(ui, ABOUT.name);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| create(ui, cx));
            });
            self.kinds(ui, cx);
            let key = (cx.scene.mesh.revision(), self.kind, cx.namespaces.to_vec());
            let Self { rows, made, .. } = self;
            let list = rows.get(key, |(_, kind, within)| {
                *made += 1;
                Arc::new(List::of(&cx.scene.mesh, *kind, within))
            });
            let list = Arc::clone(list);
            if list.rows.is_empty() {
                let what =
                    self.kind.map_or_else(|| "objects of Istio".to_owned(), |kind| kind.plural.to_owned());
                let how = "Create one, choose another kind, or look at more namespaces.";
                remote::empty(ui, ABOUT.icon, &format!("No {what} here"), how, None);
                return;
            }
            let selected = match cx.selected {
                Some(Selected::Object(at)) => list.rows.iter().position(|row| row.at == *at),
                _ => None,
            };
            let drafts: BTreeSet<&Ref> = cx.changes.set().members().iter().flat_map(touched).collect();
            let judged = problems::found(ui, cx);
            let mut wrong: BTreeMap<&Ref, (usize, Severity)> = BTreeMap::new();
            for finding in judged.findings.iter().filter(|one| one.severity != Severity::Info) {
                let (count, worst) = wrong.entry(&finding.at).or_insert((0, finding.severity));
                (*count, *worst) = (*count + 1, finding.severity.min(*worst));
            }
            let mut hasher = DefaultHasher::new();
            (self.made, &drafts, &wrong).hash(&mut hasher);
            let shown = Shown { list: &list, drafts, wrong, now: cx.now };
            let done = table(ui, "objects", &mut self.table, &COLUMNS, &shown, hasher.finish(), selected);
            if let Some(row) = done.clicked.and_then(|row| list.rows.get(row)) {
                cx.intents.send(Intent::Select(Some(Selected::Object(row.at.clone()))));
            }
            if let Some(csv) = done.csv {
                cx.intents.send(Intent::Copy(csv, "Objects as CSV".to_owned()));
            }
        });
    }

    fn kept(&self) -> Option<Value> {
        let (group, kind) = self.kind.map_or(("", ""), |kind| (kind.group, kind.kind));
        serde_json::to_value(Look { group: group.to_owned(), kind: kind.to_owned() }).ok()
    }

    fn recall(&mut self, kept: Value) {
        if let Ok(look) = serde_json::from_value::<Look>(kept) {
            self.kind = mesh::kinds::kind(&look.group, &look.kind);
        }
    }
}

impl Objects {
    /// Which kind is listed.
    fn kinds(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let all: Vec<&'static Kind> = KINDS.iter().copied().filter(|kind| !cx.scene.lacks(kind)).collect();
        let names: Vec<&str> =
            std::iter::once("All of Istio's").chain(all.iter().map(|kind| kind.kind)).collect();
        let chosen =
            self.kind.and_then(|kind| all.iter().position(|one| *one == kind)).map_or(0, |at| at + 1);
        ui.horizontal(|ui| {
            text::muted(ui, "Kind");
            if let Some(chosen) = field::choose(ui, "Kind of objects", &names, chosen) {
                self.kind = chosen.checked_sub(1).and_then(|at| all.get(at)).copied();
            }
        });
    }
}

/// What makes a new object.
fn create(ui: &mut Ui, cx: &Cx<'_>) {
    button::menu(ui, icon::PLUS, "Create an object", |ui| {
        for kind in templates::kinds().filter(|kind| !cx.scene.lacks(kind)) {
            if let Some(intent) = begin::create(cx, kind)
                && ui.add(Button::bare(kind.kind).named(format!("Create {kind}…"))).clicked()
            {
                cx.intents.send(intent);
                ui.close();
            }
        }
    });
}

struct List {
    rows: Vec<Row>,
}

struct Row {
    at: Ref,
    created: Option<Timestamp>,
    trouble: Option<String>,
}

impl List {
    fn of(mesh: &Mesh, kind: Option<&'static Kind>, within: &[String]) -> Self {
        let wanted = |at: &Ref| {
            let of_kind = kind.map_or(at.kind.editable, |kind| at.kind == kind);
            of_kind && (within.is_empty() || within.iter().any(|name| **name == *at.namespace))
        };
        let row = |(at, object): (&Ref, &mesh::Object)| Row {
            at: at.clone(),
            created: object.created().parse().ok(),
            trouble: mesh.problem(at).map(|problem| problem.what.clone()),
        };
        let rows: Vec<Row> = match kind {
            Some(kind) => mesh.objects().of_kind(kind).filter(|(at, _)| wanted(at)).map(row).collect(),
            None => mesh.objects().iter().filter(|(at, _)| wanted(at)).map(row).collect(),
        };
        Self { rows }
    }
}

/// The objects that a change writes.
fn touched(of: &Member) -> impl Iterator<Item = &Ref> {
    of.change.steps.iter().map(|step| &step.at)
}

struct Shown<'a> {
    list: &'a List,
    /// Those that something which was not pushed would change.
    drafts: BTreeSet<&'a Ref>,
    /// How much is wrong with those of which something is, and how bad the worst of it is.
    wrong: BTreeMap<&'a Ref, (usize, Severity)>,
    now: Timestamp,
}

impl Rows for Shown<'_> {
    fn len(&self) -> usize {
        self.list.rows.len()
    }
    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(Row { at, created, trouble }) = self.list.rows.get(row) else { return Cell::default() };
        match column {
            0 => Cell::text(at.kind.kind),
            1 => {
                let draft = if self.drafts.contains(at) { "  ·  not pushed" } else { "" };
                let name = format!("{}{draft}", at.name);
                let worst = self.wrong.get(at).map(|(_, worst)| *worst);
                let status = match worst {
                    Some(Severity::Error) => Some(Status::Failing),
                    _ => (trouble.is_some() || worst.is_some()).then_some(Status::Degraded),
                };
                Cell { status, ..Cell::text(name) }
            }
            2 => Cell::text(&*at.namespace),
            _ => Cell::text(created.map_or_else(String::new, |then| fmt::ago(self.now, then))),
        }
    }
    fn name(&self, row: usize) -> Option<String> {
        let row = self.list.rows.get(row)?;
        let trouble = row.trouble.as_ref().map_or_else(String::new, |words| format!(": {words}"));
        let draft = if self.drafts.contains(&row.at) { ", not pushed" } else { "" };
        let wrong = self.wrong.get(&row.at).map(|(count, _)| fmt::counted(*count, "problem", "problems"));
        let wrong = wrong.map_or_else(String::new, |words| format!(", {words}"));
        Some(format!("{}{draft}{wrong}{trouble}", row.at))
    }
}
