//! Workload: which pods get a sidecar, a restart, how many pods there are, the end of one, and how much its
//! proxy logs. Kept apart from Istio's own objects by a switch of its own.

use super::edits::{Chooser, Edits, Scope, Scoped};
use super::form::{Form, Line, Setting};
use super::log_level::{self, WIDTH};
use crate::cx::Cx;
use crate::intent::Intent;
use crate::kit::Button;
use crate::kit::text;
use crate::panel::About;
use crate::subject::Subject;
use crate::words::READ_ONLY;
use egui_phosphor::regular as icon;
use mesh::edit::operated::told;
use mesh::edit::workload::{self, Operated, Wish, made_by};
use mesh::plan::Plan;
use mesh::{Kind, Mesh, Ref, Service, Workload, kinds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// More pods than this are no more offered one by one.
const MOST_PODS: usize = 50;
/// The most pods that are asked for here; whoever wants more does not want them by a slip.
const MOST_REPLICAS: u32 = 1000;

/// How a workload, a pod or a namespace is, or is to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Operation(Wish);

impl Scope for Operated {
    fn is(&self, now: &Self) -> bool {
        self.object() == now.object()
    }
}

impl Edits for Operation {
    type Scope = Operated;
    const ABOUT: About = About {
        name: "Workload",
        icon: icon::CUBE,
        summary: "Decide which pods get a sidecar, restart and scale them, delete one, set how much its proxy logs",
    };
    const NEEDS: &'static [&'static Kind] =
        &[&kinds::NAMESPACE, &kinds::DEPLOYMENT, &kinds::STATEFUL_SET, &kinds::POD];
    const CHOOSER: Chooser = Chooser::Menu("what of the workload");

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<Operated, Self>> {
        let Some(first) = subject.workloads.first() else { return Vec::new() };
        let own = subject.workloads.iter().map(|workload| of_workload(mesh, workload));
        let pods = subject.workloads.iter().flat_map(|workload| pods(workload)).take(MOST_PODS);
        let at = Operated::Namespace(Ref::new(&kinds::NAMESPACE, "", &first.namespace));
        let seen = mesh.objects().contains(at.object());
        let namespace = seen.then(|| scoped(mesh, at, format!("namespace {}", first.namespace)));
        own.chain(pods.map(|(at, words)| scoped(mesh, at, words))).chain(namespace).collect()
    }

    fn form(&mut self, was: &Self, at: &Operated, form: &mut Form<'_>) {
        let cx = form.cx();
        switch(form, cx);
        let verb = if matches!(at, Operated::Pod { .. }) { "delete" } else { "patch" };
        let missing = cx.reads.missing(verb, at.object());
        if let Some(missing) = &missing {
            form.note(format!("{}. {}", missing.why, missing.next));
        }
        let barred = cx.read_only || !cx.workloads;
        let (wish, was) = (&mut self.0, &was.0);
        let subject = form.subject().to_owned();
        form.inside(&subject, |form| {
            if barred || missing.is_some() {
                form.ui().disable();
            }
            match at {
                Operated::Workload { name, .. } => {
                    pods_and_restart(wish, was, name, form);
                    injection(wish, name, ["as its namespace says", "yes", "no"], form);
                }
                Operated::Pod { object, .. } => {
                    let name = format!("delete pod {}", object.name);
                    let means = "It ends in good order; what made it makes another one";
                    form.switch(Setting::of("Delete it").named(&name).means(means), &mut wish.deleted);
                }
                Operated::Namespace(object) => {
                    injection(wish, &object.name, ["nothing is said", "yes", "no"], form);
                }
            }
            if wish != was {
                for told in form.known(&(at, &*wish, was), |mesh| told(mesh, at, was, wish)) {
                    form.note(told);
                }
            }
        });
        if let Operated::Pod { object, proxy: true, .. } = at {
            form.inside(&subject, |form| {
                if barred {
                    form.ui().disable();
                }
                log_level::ui(form, object);
            });
        }
    }

    fn plan(&self, was: &Self, at: &Operated, plan: &mut Plan<'_>) {
        if self == was {
            return;
        }
        workload::plan(plan, at, &was.0, &self.0);
    }

    fn samples() -> Vec<Self> {
        let some = [
            Wish { replicas: Some(2), ..Wish::default() },
            Wish { replicas: Some(1), inject: Some(false), ..Wish::default() },
            Wish { replicas: Some(0), revision: Some("canary".into()), ..Wish::default() },
            Wish { replicas: Some(1), restarted: Some("2026-01-01T00:00:00Z".into()), ..Wish::default() },
            Wish { replicas: Some(1), deleted: true, ..Wish::default() },
        ];
        some.into_iter().map(Self).collect()
    }
}

fn of_workload(mesh: &Mesh, workload: &Workload) -> Scoped<Operated, Operation> {
    let object = made_by(mesh, workload);
    let locked = object.is_none().then(|| {
        let unseen = [&kinds::DEPLOYMENT, &kinds::STATEFUL_SET].into_iter();
        let unseen = unseen.filter(|kind| kind.kind == workload.owner);
        let unseen = unseen.filter_map(|kind| mesh.unseen(kind, &workload.namespace)).next();
        let why = unseen.map_or_else(
            || "Only what a Deployment or a StatefulSet makes is restarted and scaled here".to_owned(),
            |why| why.why.clone(),
        );
        (format!("its pods come of a {}", workload.owner), why)
    });
    let named = || Ref::new(&kinds::DEPLOYMENT, &workload.namespace, &workload.name);
    let at = Operated::Workload { name: workload.name.clone(), object: object.unwrap_or_else(named) };
    Scoped { usual: locked.is_none(), locked, ..scoped(mesh, at, workload.name.to_string()) }
}

fn pods(workload: &Workload) -> impl Iterator<Item = (Operated, String)> {
    workload.pods.iter().map(|pod| {
        let object = Ref::new(&kinds::POD, &workload.namespace, &pod.name);
        let at = Operated::Pod { workload: workload.name.clone(), object, proxy: pod.sidecar };
        (at, format!("its pod {}", pod.name))
    })
}

fn scoped(mesh: &Mesh, at: Operated, words: String) -> Scoped<Operated, Operation> {
    let object = at.object();
    Scoped {
        words,
        object: format!("{} {}", object.kind, object.name),
        now: Operation(at.now(mesh)),
        present: false,
        usual: false,
        locked: None,
        at,
    }
}

/// Whether anything of this may be changed at all, and where that is decided.
fn switch(form: &mut Form<'_>, cx: &Cx<'_>) {
    let mut on = cx.workloads && !cx.read_only;
    let name = "allow workload changes";
    let ui = form.ui();
    let word = "Allow workload changes";
    let response = ui.add_enabled(!cx.read_only, egui::Checkbox::new(&mut on, word));
    let enabled = !cx.read_only;
    response.widget_info(|| egui::WidgetInfo::selected(egui::WidgetType::Checkbox, enabled, on, name));
    if response.clicked() {
        cx.intents.send(Intent::AllowWorkloads(on));
    }
    let said = match () {
        () if cx.read_only => READ_ONLY.to_owned(),
        () if on => {
            format!("In {}, until it is switched off. Other connections have their own", cx.scene.context)
        }
        () => {
            "While this is off nothing below can be changed: it is about pods, not about Istio's own objects"
                .to_owned()
        }
    };
    text::note(ui, said);
}

fn pods_and_restart(wish: &mut Wish, was: &Wish, name: &str, form: &mut Form<'_>) {
    form.line("Pods", WIDTH, |line| {
        let mut replicas = wish.replicas.unwrap_or(1);
        line.count(&format!("pods of {name}"), &mut replicas, 0..=MOST_REPLICAS);
        if wish.replicas.is_some() || replicas != 1 {
            wish.replicas = Some(replicas);
        }
        restart(wish, was, name, line);
    });
}

/// As `kubectl rollout restart` does it: the moment is noted in the template of the pods.
fn restart(wish: &mut Wish, was: &Wish, name: &str, line: &mut Line<'_>) {
    let asked = wish.restarted != was.restarted;
    let word = if asked { "Do not restart" } else { "Restart" };
    let button = Button::quiet(word).with_icon(icon::ARROWS_CLOCKWISE).selected(asked);
    if line.button(button.named(format!("restart {name}")), true) {
        let now = || jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        wish.restarted = if asked { was.restarted.clone() } else { Some(now()) };
    }
}

fn injection(wish: &mut Wish, name: &str, words: [&str; 3], form: &mut Form<'_>) {
    form.line("Sidecar", WIDTH, |line| {
        let chosen = match wish.inject {
            None => 0,
            Some(true) => 1,
            Some(false) => 2,
        };
        if let Some(picked) = line.choose(&format!("sidecars of {name}"), &words, chosen) {
            wish.inject = [None, Some(true), Some(false)].get(picked).copied().flatten();
        }
    });
    let known: BTreeSet<String> =
        form.known(&"revisions", |mesh| workload::revisions(mesh).into_iter().map(str::to_owned).collect());
    let start = known.first().map_or("default", String::as_str);
    let setting = format!("revision of {name}, set");
    let setting =
        Setting::of("Revision").width(112.0).named(&setting).path("istio.io/rev").unset("none is named");
    let means = "The control plane whose sidecar it is, by the label istio.io/rev";
    form.optional(setting.means(means), &mut wish.revision, start.to_owned(), |line, revision| {
        line.text(&format!("revision of {name}"), "default", revision, None);
    });
}
