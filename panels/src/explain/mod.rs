//! What becomes of one call: which rule takes it and why others do not, where it goes, and whether it is let in
//! and by whom. It begins from what is selected, and is answered again with every change of the mesh.

mod answer;
mod line;

use self::line::LogLine;
use crate::call;
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::memo::Memo;
use crate::kit::theme::space;
use crate::kit::{button, field, icon, text};
use crate::panel::{About, Panel};
use crate::selection::Selected;
use egui::{Frame, Id, Margin, ScrollArea, Ui};
use mesh::mesh_config::MeshConfig;
use mesh::why::{Asked, Calls, From, NoAnswer, SeenCall, Told};
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
    /// How a call of this kind ended that was seen.
    seen: Option<SeenCall>,
    line: LogLine,
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
            seen: None,
            line: LogLine::default(),
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
            if let Some(call) = self.line.ui(ui, &cx.scene.mesh) {
                self.take(call);
            }
            ui.add_space(10.0);
            let Some(asked) = self.asked(cx) else {
                text::muted(ui, "Say whom the call is for: a service, or any host, with a port or without.");
                return;
            };
            let mesh = &cx.scene.mesh;
            let config = cx.reads.mesh_config(mesh.root_namespace()).value().cloned();
            let key = Key { mesh: mesh.revision(), config, asked };
            let answered = self.answer.get(key, |key| Calls::of(mesh, key.config.as_deref()).ask(&key.asked));
            ScrollArea::vertical().id_salt("answer").auto_shrink([false, false]).show(ui, |ui| {
                if let Some(seen) = &self.seen {
                    answer::seen(ui, cx, &seen.lines(mesh, answered.as_ref().ok()));
                }
                match answered {
                    Ok(told) => answer::ui(ui, cx, told),
                    Err(why) => {
                        ui.label(why.to_string());
                    }
                }
            });
        });
    }

    fn follow(&mut self, intent: &Intent, cx: &Cx<'_>) {
        if let Intent::Explain(call) = intent {
            let answer = std::mem::take(&mut self.answer);
            *self = Self { begun: cx.selected.cloned(), answer, ..Self::default() };
            self.take((**call).clone());
        }
    }
}

impl Explain {
    /// Takes caller and called from what is selected, once.
    fn begin(&mut self, cx: &Cx<'_>) {
        if self.begun.as_ref() == cx.selected {
            return;
        }
        self.begun = cx.selected.cloned();
        if let Some(call) = cx.selected.and_then(|selected| call::of(cx.scene, selected)) {
            self.take(call);
        }
    }

    /// Takes over what is known of a call; what is not known stays as it is.
    fn take(&mut self, call: SeenCall) {
        if let Some(from) = &call.from {
            self.from = from.to_string();
        }
        for (field, told) in [(&mut self.to, &call.to), (&mut self.path, &call.path)] {
            if !told.is_empty() {
                field.clone_from(told);
            }
        }
        if let Some(method) = METHODS.iter().position(|method| *method == call.method) {
            self.method = method;
        }
        self.seen = Some(call).filter(SeenCall::has_ended);
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
