//! What can be done with a thing in the graph.

use super::canvas::{Thing, selects};
use super::view::{self, View};
use crate::call;
use crate::cx::Cx;
use crate::editors::{self, EditorRow};
use crate::intent::{Intent, TracesOf};
use crate::kit::{Memo, button};
use crate::selection::Selected;
use egui::Ui;
use mesh::Revision;
use mesh::graph::{Folded, NodeId};
use mesh::trace::{Call, End};
use std::collections::BTreeSet;

/// Which editors there are for what, as menus name them: every editor's sheet is opened for it, once.
pub(super) type Offered = Memo<(Revision, Selected), Vec<(&'static EditorRow, String)>>;

/// The menu of a thing in the graph.
pub(super) fn menu(
    ui: &mut Ui,
    cx: &Cx<'_>,
    view: &View,
    thing: Thing,
    (offered, into, folded): (&mut Offered, &mut Option<NodeId>, &mut BTreeSet<Folded>),
) {
    ui.set_min_width(180.0);
    let (name, end, call) = match thing {
        Thing::Card(card) => (view.cards[card].name.clone(), end(&view.cards[card]), None),
        Thing::Line(line) => {
            let line = &view.lines[line];
            let (from, to) = (end(&view.cards[line.from]), end(&view.cards[line.to]));
            (line.name.clone(), to.clone(), to.map(|to| Call { from, to }))
        }
        Thing::Group(group) => {
            let end = match selects(view, thing) {
                Some(Selected::App(namespace, app, _)) if !view.groups[group].members.is_empty() => {
                    Some(End::service(format!("{app}.{namespace}")))
                }
                _ => None,
            };
            (view.groups[group].name.clone(), end, None)
        }
    };
    if button::item(ui, "Details") {
        cx.intents.send(Intent::Select(selects(view, thing)));
    }
    if let Thing::Card(card) = thing
        && button::item(ui, "Only what is around it (D)")
    {
        *into = Some(view.cards[card].id.clone());
    }
    fold_ui(ui, view, thing, folded);
    if let Some(selected) = selects(view, thing) {
        let key = (cx.scene.mesh.revision(), selected.clone());
        for (row, name) in offered.get(key, |(_, selected)| editors::offered(cx, selected)) {
            if button::item(ui, name) {
                cx.intents.send(Intent::Edit(selected.clone(), row.about.name));
            }
        }
    }
    if let Some(call) = selects(view, thing).and_then(|selected| call::of(cx.scene, &selected))
        && button::item(ui, "Explain")
    {
        cx.intents.send(Intent::Explain(Box::new(call)));
    }
    if let Some(end) = end {
        for (word, failed) in [("Traces", false), ("Failed traces", true)] {
            if button::item(ui, word) {
                cx.intents.send(Intent::TracesOf(TracesOf { end: end.clone(), call: call.clone(), failed }));
            }
        }
    }
    if button::item(ui, "Copy name") {
        cx.intents.send(Intent::Copy(name, "the name".to_owned()));
    }
}

/// A box is made one card, and such a card a box again.
fn fold_ui(ui: &mut Ui, view: &View, thing: Thing, folded: &mut BTreeSet<Folded>) {
    let of = match thing {
        Thing::Card(card) => match &view.cards[card].id {
            NodeId::Namespace(_, namespace) => Folded::Namespace(namespace.clone()),
            NodeId::App(app) => Folded::App(app.namespace.clone(), app.app.clone()),
            _ => return,
        },
        Thing::Group(group) => match view.groups[group].folds() {
            Some(of) => of,
            None => return,
        },
        Thing::Line(_) => return,
    };
    if folded.contains(&of) {
        if button::item(ui, "Expand") {
            folded.remove(&of);
        }
    } else if matches!(thing, Thing::Group(_)) && button::item(ui, "Collapse to one node") {
        folded.insert(of);
    }
}

/// How spans name what a card stands for.
fn end(card: &view::Card) -> Option<End> {
    match &card.selects {
        Selected::App(namespace, app, version) => {
            let version = version.clone().filter(|version| version != "latest");
            Some(End { service: format!("{app}.{namespace}"), version })
        }
        _ => card.service.as_ref().map(|(namespace, service)| End::service(format!("{service}.{namespace}"))),
    }
}
