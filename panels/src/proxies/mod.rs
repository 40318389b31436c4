//! The proxies of the mesh: how each stands with istiod, and what each holds by its own words: clusters,
//! endpoints, listeners, routes, with the objects that they were made from, and their raw text; and how that differs from
//! another proxy's, or from what it was.

mod beside;
mod choose;
mod inside;
mod kept;
mod raw;
mod view;

pub use view::{Row, Stands, rows, summary};

use self::inside::Inside;
use self::kept::Kept;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::table::{self, Cell, Column, Rows};
use crate::kit::theme::space;
use crate::kit::{Status, Tokens, fmt, icon, remote, text};
use crate::panel::{About, Panel};
use egui::{Frame, Margin, Ui};
use jiff::Timestamp;
use mesh::Remote;
use mesh::scene::{Proxy, SyncState};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Proxies",
    icon: icon::CPU,
    summary: "How each proxy stands with istiod, and what it holds: clusters, endpoints, listeners, routes",
};

/// All proxies, or one of them.
#[derive(Default)]
pub struct Proxies {
    table: table::State,
    open: Option<Inside>,
    kept: Kept,
}

impl Panel for Proxies {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        Frame::new().inner_margin(Margin::same(space::L as i8)).show(ui, |ui| {
            if let Some(open) = &mut self.open {
                if open.ui(ui, cx, &mut self.kept) {
                    self.open = None;
                }
                return;
            }
            match &cx.scene.proxies {
                Remote::Waiting => {
                    text::title(ui, ABOUT.name);
                    remote::waiting(ui, "Waiting for istiod");
                }
                Remote::Denied(trouble) => {
                    text::title(ui, ABOUT.name);
                    if remote::denied(ui, &trouble.what, &trouble.why, &trouble.next, Some("Retry")) {
                        cx.intents.send(Intent::Retry);
                    }
                }
                Remote::Live(proxies, _) => self.list(ui, cx, proxies),
                Remote::Stale(proxies, at, trouble) => {
                    remote::stale(ui, &fmt::ago(cx.now, *at), &trouble.what, &trouble.why, &trouble.next);
                    self.list(ui, cx, proxies);
                }
            }
        });
    }

    fn follow(&mut self, intent: &Intent, _cx: &Cx<'_>) {
        if let Intent::ProxyOf(name) = intent {
            self.open = Some(Inside::of(name));
        }
    }
}

/// How many proxies refuse what they were sent.
pub(crate) fn refusing(cx: &Cx<'_>) -> usize {
    let refuses = |proxy: &&Proxy| proxy.types.values().any(|state| matches!(state, SyncState::Nacked(_)));
    cx.scene.proxies.value().map_or(0, |proxies| proxies.iter().filter(refuses).count())
}

impl Proxies {
    fn list(&mut self, ui: &mut Ui, cx: &Cx<'_>, proxies: &Arc<Vec<Proxy>>) {
        let istiod = cx.reads.control_plane().value().cloned();
        let istiod = istiod.as_deref().map(String::as_str).filter(|version| !version.is_empty());
        let rows = rows(proxies, &cx.scene.mesh.proxies(), cx.namespaces, istiod);
        ui.horizontal_wrapped(|ui| {
            text::title(ui, ABOUT.name);
            text::muted(ui, fmt::counted(rows.len(), "proxy", "proxies"));
            text::muted(ui, summary(&rows));
            if let Some(istiod) = istiod {
                text::muted(ui, format!("istiod {istiod}"));
            }
        });
        if rows.is_empty() {
            let how = "istiod tells of no proxy here. Label a namespace with istio-injection=enabled and restart its pods.";
            remote::empty(ui, ABOUT.icon, "No proxies", how, None);
            return;
        }
        ui.add_space(4.0);
        let mut hasher = DefaultHasher::new();
        (Arc::as_ptr(proxies) as usize, cx.scene.mesh.revision(), cx.namespaces, istiod).hash(&mut hasher);
        let lines = Lines { all: &rows, now: cx.now, tokens: Tokens::of(ui) };
        let done = table::table(ui, "proxies", &mut self.table, COLUMNS, &lines, hasher.finish(), None);
        if let Some(row) = done.clicked.and_then(|row| rows.get(row)) {
            self.open = Some(Inside::of(&row.name));
        }
        if let Some(csv) = done.csv {
            cx.intents.send(Intent::Copy(csv, "Proxies as CSV".to_owned()));
        }
    }
}

const COLUMNS: &[Column] = &[
    Column::names("Proxy", 2.6),
    Column::names("Namespace", 1.2).spare(),
    Column::text("State", 2.4),
    Column::text("Sent", 1.0).spare(),
    Column::text("Istio", 1.0),
    Column::names("istiod", 1.6).spare(),
];

/// The rows of the table.
struct Lines<'a> {
    all: &'a [Row],
    now: Timestamp,
    tokens: &'static Tokens,
}

impl Rows for Lines<'_> {
    fn len(&self) -> usize {
        self.all.len()
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let Some(row) = self.all.get(row) else { return Cell::default() };
        let (pod, namespace) = row.name.rsplit_once('.').unwrap_or((&row.name, ""));
        match column {
            0 => {
                let status = match row.stands {
                    Stands::Refuses | Stands::Unconnected => Status::Failing,
                    Stands::NeverAnswered | Stands::Behind => Status::Degraded,
                    Stands::InSync => Status::Healthy,
                };
                Cell { status: Some(status), ..Cell::text(pod) }
            }
            1 => Cell::text(namespace),
            2 if row.words.is_empty() => Cell::text(row.stands.words()),
            2 => Cell::text(format!("{} {}", row.stands.words(), row.words)),
            3 => Cell::text(row.since.map_or_else(|| "not told".to_owned(), |at| fmt::ago(self.now, at))),
            4 => Cell {
                color: row.other_version.then_some(self.tokens.degraded),
                ..Cell::text(row.version.clone())
            },
            _ => Cell::text(row.istiod.clone()),
        }
    }
}
