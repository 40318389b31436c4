//! What becomes of one call: which rule takes it and why others do not, where it goes, and whether it is let in
//! and by whom. It begins from what is selected, and is answered again with every change of the mesh.

mod answer;

use crate::cx::Cx;
use crate::kit::memo::Memo;
use crate::kit::theme::space;
use crate::kit::{button, field, icon, text};
use crate::panel::{About, Panel};
use crate::selection::Selected;
use crate::subject;
use egui::{Frame, Id, Margin, ScrollArea, Ui};
use mesh::graph::NodeId;
use mesh::lens::Subject;
use mesh::mesh_config::MeshConfig;
use mesh::why::{Asked, Calls, From, NoAnswer, Told};
use mesh::{Mesh, Revision};
use std::sync::Arc;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Explain",
    icon: icon::QUESTION,
    summary: "Which rule takes a call, where it goes, and who lets it in",
};

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const OUTSIDE: &str = "outside";

/// A question, and its answer.
pub struct Explain {
    from: String,
    to: String,
    method: usize,
    path: String,
    headers: String,
    /// What was selected when caller and called were taken from it.
    begun: Option<Selected>,
    answer: Memo<Key, Result<Told, NoAnswer>>,
}

/// What an answer is made of.
#[derive(Clone, PartialEq)]
struct Key {
    mesh: Revision,
    config: Option<Arc<MeshConfig>>,
    asked: Asked,
}

impl Default for Explain {
    fn default() -> Self {
        Self {
            from: OUTSIDE.to_owned(),
            to: String::new(),
            method: 0,
            path: "/".to_owned(),
            headers: String::new(),
            begun: None,
            answer: Memo::default(),
        }
    }
}

impl Panel for Explain {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        self.begin(cx);
        Frame::new().inner_margin(Margin::same(space::L as i8)).show(ui, |ui| {
            text::title(ui, ABOUT.name);
            text::muted(ui, ABOUT.summary);
            ui.add_space(6.0);
            self.question(ui, cx);
            ui.add_space(10.0);
            let Some(asked) = self.asked(cx) else {
                text::muted(ui, "Say whom the call is for: a service, or any host, with a port or without.");
                return;
            };
            let mesh = &cx.scene.mesh;
            let config = cx.reads.mesh_config(mesh.root_namespace()).value().cloned();
            let key = Key { mesh: mesh.revision(), config, asked };
            let answered = self.answer.get(key, |key| Calls::of(mesh, key.config.as_deref()).ask(&key.asked));
            ScrollArea::vertical().id_salt("answer").auto_shrink([false, false]).show(
                ui,
                |ui| match answered {
                    Ok(told) => answer::ui(ui, cx, told),
                    Err(why) => {
                        ui.label(why.to_string());
                    }
                },
            );
        });
    }
}

impl Explain {
    /// Takes caller and called from what is selected, once.
    fn begin(&mut self, cx: &Cx<'_>) {
        if self.begun.as_ref() == cx.selected {
            return;
        }
        self.begun = cx.selected.cloned();
        let mesh = &cx.scene.mesh;
        let Some(selected) = cx.selected else { return };
        let caller = |node: &NodeId| {
            let subject = Subject::of(mesh, node);
            subject.workloads.first().map(|one| format!("{}/{}", one.namespace, one.name))
        };
        match selected {
            Selected::Edge(source, target) => {
                self.from = caller(source).unwrap_or_else(|| OUTSIDE.to_owned());
                self.to = called(mesh, target).unwrap_or_default();
            }
            Selected::Service(..) | Selected::App(..) => {
                let node = subject::node(mesh, selected);
                if let Some(host) = node.and_then(|node| called(mesh, &node)) {
                    self.to = host;
                }
            }
            Selected::Workload(namespace, name) => self.from = format!("{namespace}/{name}"),
            Selected::Node(_) | Selected::Object(_) => {}
        }
    }

    fn question(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        let mesh = &cx.scene.mesh;
        ui.horizontal_wrapped(|ui| {
            field::label(ui, "From");
            let all = callers(mesh);
            button::menu(ui, &self.from.clone(), "Who calls", |ui| {
                let choice = |name: &String| field::Choice {
                    label: name.clone(),
                    chosen: *name == self.from,
                    marked: false,
                };
                let rows: Vec<field::Choice> = all.iter().map(choice).collect();
                if let Some(picked) = field::choices(ui, "callers", &rows).and_then(|at| all.get(at)) {
                    self.from.clone_from(picked);
                    ui.close();
                }
            });
            field::label(ui, "to");
            line(ui, "to", "reviews:9080", "Whom it calls", &mut self.to, 240.0);
        });
        ui.horizontal_wrapped(|ui| {
            if let Some(method) = field::choose(ui, "Method", &METHODS, self.method) {
                self.method = method;
            }
            line(ui, "path", "/", "Path", &mut self.path, 220.0);
            line(ui, "headers", "end-user=jason, x=y", "Headers", &mut self.headers, 240.0);
        });
    }

    /// What is asked; `None` before there is anybody to call.
    fn asked(&self, cx: &Cx<'_>) -> Option<Asked> {
        let to = self.to.trim();
        let path = self.path.trim();
        let header = |pair: &str| {
            let (name, value) = pair.split_once(['=', ':'])?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        (!to.is_empty()).then(|| Asked {
            from: self.from.parse().unwrap_or(From::Outside),
            to: to.to_owned(),
            method: METHODS.get(self.method).copied().unwrap_or("GET").to_owned(),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
            headers: self.headers.split(',').filter_map(header).collect(),
            // Tokens end by the minute; it is not asked anew each second.
            now: cx.now.as_second() / 60 * 60,
        })
    }
}

fn line(ui: &mut Ui, id: &str, hint: &str, name: &str, value: &mut String, width: f32) {
    let width = width.min(ui.available_width().max(80.0));
    field::text(ui, Id::new(("explain", id)), "", hint, name, value, width);
}

/// Everybody who may call.
fn callers(mesh: &Mesh) -> Vec<String> {
    let all = mesh.workloads().map(|one| format!("{}/{}", one.namespace, one.name));
    std::iter::once(OUTSIDE.to_owned()).chain(all).collect()
}

/// The host of a node, as it is called, with its port where it has several.
fn called(mesh: &Mesh, node: &NodeId) -> Option<String> {
    if let NodeId::External(host) = node {
        return Some(host.to_string());
    }
    let service = Subject::of(mesh, node).service?;
    let host = match istio::hosts::service(&service.host) {
        Some((name, namespace)) => format!("{name}.{namespace}"),
        None => service.host.clone(),
    };
    let port =
        service.ports.iter().find(|port| port.protocol.may_be_http()).or_else(|| service.ports.first());
    Some(port.map_or(host.clone(), |port| format!("{host}:{}", port.number)))
}
