//! The ways of requests through traces as a graph, on the canvas of the service graph: who calls whom how often,
//! with failures and times; all of them, or those that lead through one service, from their beginning to their
//! end.

mod drawn;

use crate::cx::Cx;
use crate::graph::canvas::{Canvas, Picture, Setting, Thing, selects};
use crate::intent::Intent;
use crate::kit::aside::Aside;
use crate::kit::field::Choice;
use crate::kit::{button, field, fmt, icon, keys, remote, text};
use egui::{Key, Ui};
use mesh::ClusterId;
use mesh::trace::{Opened, Paths};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Traces of so many spans take longer than a frame may.
const LARGE: usize = 4_000;

/// Of what it is made: the traces, by a number that changes with them, and the service that is meant.
type Of = (u64, Option<String>);

/// The graph, and how it is looked at.
#[derive(Default)]
pub(super) struct PathGraph {
    /// Only ways that lead through this service.
    through: Option<String>,
    made: Aside<Of, Made>,
    shown: Option<Of>,
    canvas: Canvas,
}

struct Made {
    of: Of,
    /// Every service of these traces.
    services: Vec<String>,
    paths: Paths,
    picture: Picture,
}

impl PathGraph {
    /// Draws it for these traces, of which `revision` changes with them. Returns whether Escape leads back.
    pub(super) fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>, traces: &[Arc<Opened>], revision: u64) -> bool {
        let of = (revision, self.through.clone());
        let spans: usize = traces.iter().map(|opened| opened.trace.spans.len()).sum();
        let (all, key, cluster) = (traces.to_vec(), of.clone(), cx.scene.mesh.cluster().clone());
        let made = self.made.get(ui.ctx(), of, spans <= LARGE, move || Made::of(key, &all, &cluster));
        let Some(made) = made else {
            remote::waiting(ui, "Following the ways of the requests…");
            return escape(ui);
        };
        let mut through = None;
        ui.horizontal_wrapped(|ui| {
            through = choose(ui, &made.services, self.through.as_deref());
            let calls = fmt::counted(made.paths.calls(), "call", "calls");
            let traces = fmt::counted(made.paths.traces, "trace", "traces");
            text::note(ui, format!("{calls} in {traces}"));
        });
        let view = &made.picture.view;
        if view.cards.is_empty() {
            let how = "Choose all ways above, or other traces.";
            remote::empty(ui, icon::GRAPH, "No calls between services here", how, None);
            self.through = through.unwrap_or_else(|| self.through.take());
            return escape(ui);
        }
        if self.shown.as_ref() != Some(&made.of) {
            self.shown = Some(made.of.clone());
            self.canvas.renew();
            self.canvas.fit();
        }
        let here = cx.selected.is_some_and(|selected| view.cards.iter().any(|card| card.is(selected)));
        let (name, history) = ("Path graph", BTreeMap::new());
        let setting = Setting {
            name,
            selected: cx.selected,
            flowing: false,
            minimap: true,
            movable: false,
            history: &history,
        };
        let done = self.canvas.ui(ui, &mut made.picture, &setting, &mut |ui, view, thing| {
            if let Thing::Card(card) = thing
                && button::item(ui, "Only ways through it")
            {
                through = Some(Some(drawn::service(&view.cards[card].id)));
            }
            if button::item(ui, "Details") {
                cx.intents.send(Intent::Select(selects(view, thing)));
            }
        });
        // The first Escape lets go of what is selected here.
        let back = !here && done.select == Some(None) && escape(ui);
        if let Some(select) = done.select.filter(|select| !back && select.as_ref() != cx.selected) {
            cx.intents.send(Intent::Select(select));
        }
        if let Some(through) = through {
            self.through = through;
        }
        back
    }
}

impl Made {
    fn of(of: Of, traces: &[Arc<Opened>], cluster: &ClusterId) -> Self {
        let all = traces.iter().flat_map(|opened| &opened.tree.services);
        let names: BTreeSet<&str> = all.map(|service| service.name.as_str()).collect();
        let services = names.into_iter().map(str::to_owned).collect();
        let paths = Paths::of(traces, of.1.as_deref());
        let picture = Picture::new(drawn::view(&paths, cluster));
        Self { of, services, paths, picture }
    }
}

fn escape(ui: &Ui) -> bool {
    keys::pressed(ui).contains(&Key::Escape)
}

/// Draws whose ways are meant. Returns another choice.
fn choose(ui: &mut Ui, services: &[String], now: Option<&str>) -> Option<Option<String>> {
    let label = now.map_or("All ways".to_owned(), |service| format!("Through {service}"));
    let mut chosen = None;
    button::menu(ui, &label, "Ways", |ui| {
        let all = Choice { label: "All ways".to_owned(), chosen: now.is_none(), ..Choice::default() };
        let one = |service: &String| Choice {
            label: format!("Through {service}"),
            chosen: now == Some(service),
            ..Choice::default()
        };
        let rows: Vec<Choice> = std::iter::once(all).chain(services.iter().map(one)).collect();
        if let Some(picked) = field::choices(ui, "ways", &rows) {
            chosen = Some(picked.checked_sub(1).and_then(|at| services.get(at).cloned()));
            ui.close();
        }
    });
    chosen
}
