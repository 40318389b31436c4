//! Seen calls only: in a namespace, the calls that were measured are let in and no others, as a dry run first.

mod by;

use self::by::{MOST, listed};
use super::super::edits::{Chooser, Edits, Scoped};
use super::super::form::{Form, NARROW};
use super::effect;
use crate::kit::{Button, fmt, window};
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use mesh::access::Policies;
use mesh::edit::access::rule_said;
use mesh::edit::mtls::Scope;
use mesh::edit::policy::PolicyAt;
use mesh::edit::seen::{self, Allowed, Found, Mode, Seen};
use mesh::plan::Plan;
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;

const MODES: [(Mode, &str); 3] =
    [(Mode::Off, "all are let in"), (Mode::DryRun, "dry run"), (Mode::Enforced, "only seen ones")];

/// Who is let in, in a namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OnlySeen(Seen);

impl Edits for OnlySeen {
    type Scope = PolicyAt;
    const ABOUT: About = About {
        name: "Seen calls only",
        icon: icon::BINOCULARS,
        summary: "Let in exactly the calls that were seen in a namespace, as a dry run first",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::AUTHORIZATION_POLICY];
    const CHOOSER: Chooser = Chooser::Menu("namespace of seen calls");

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<PolicyAt, Self>> {
        let Some(first) = subject.workloads.first() else { return Vec::new() };
        let namespace = first.namespace.to_string();
        let now = Seen::of(mesh, &namespace);
        vec![Scoped {
            words: format!("namespace {namespace}"),
            object: format!("namespace {namespace}"),
            present: now.mode != Mode::Off,
            usual: true,
            locked: None,
            now: Self(now),
            at: PolicyAt::New(Scope::Namespace(namespace)),
        }]
    }

    fn form(&mut self, was: &Self, at: &PolicyAt, form: &mut Form<'_>) {
        let Some(namespace) = at.near() else { return };
        let found =
            form.measured(&("seen", namespace), |mesh, traffic| seen::found(mesh, traffic, namespace));
        let wanted = &mut self.0;
        form.reset_in("Calls", NARROW, |line| {
            let options = MODES.map(|(_, name)| name);
            let chosen = MODES.iter().position(|(mode, _)| *mode == wanted.mode).unwrap_or_default();
            let Some(picked) = line.choose("seen calls only", &options, chosen) else { return };
            wanted.mode = MODES[picked].0;
            if wanted.mode == Mode::Off {
                wanted.allowed.clear();
            } else if wanted.allowed.is_empty() {
                wanted.allowed = match (&found, was.0.mode) {
                    (Some(found), Mode::Off) => found.allowed.clone(),
                    _ => was.0.allowed.clone(),
                };
            }
        });
        let Some(found) = found else {
            return form.warning("What is called is not known", "Nothing is measured", "");
        };
        let chosen =
            (wanted.mode != Mode::Off).then(|| by::choose(form, namespace, &found, &mut wanted.allowed));
        let window = window::name(form.cx().measured_secs()).to_lowercase();
        let looked = match form.cx().scene.traffic.value().is_some_and(|traffic| traffic.hour.is_some()) {
            true => format!("Seen in the {window} and in the last hour, as far as it was measured"),
            false => format!("Seen in the {window}; nothing is known of the time before"),
        };
        let Some(chosen) = chosen else {
            form.note(format!("{looked}: {}", counted(&found)));
            return effects(form, at, namespace, &was.0, wanted);
        };
        for allowed in wanted.allowed.iter().take(MOST) {
            form.note(said(allowed));
        }
        if wanted.allowed.len() > MOST {
            form.note(format!("and {} more services", wanted.allowed.len() - MOST));
        }
        let anew = chosen.allowed.as_ref().filter(|allowed| **allowed != wanted.allowed);
        form.line("", 0.0, |line| {
            let button = Button::quiet("Take what is seen now").with_icon(icon::MAGIC_WAND);
            if let (true, Some(allowed)) = (line.button(button, anew.is_some()), anew) {
                wanted.allowed.clone_from(allowed);
            }
        });
        form.note(format!("{looked}. Callers of a service may call all of its versions"));
        by::told(form, &chosen);
        told(form, &found);
        effects(form, at, namespace, &was.0, wanted);
    }

    fn plan(&self, was: &Self, at: &PolicyAt, plan: &mut Plan<'_>) {
        if let Some(namespace) = at.near() {
            seen::plan(plan, namespace, &was.0, &self.0);
        }
    }

    fn samples() -> Vec<Self> {
        let rule = json!({ "from": [{ "source": { "principals": ["cluster.local/ns/web/sa/front"] } }],
            "to": [{ "operation": { "ports": ["9080"] } }] });
        let labels = [("app".to_owned(), "reviews".to_owned())].into();
        let allowed = Allowed { service: "reviews".to_owned(), labels, rules: vec![rule] };
        let of = |mode, allowed| Self(Seen { mode, allowed });
        vec![
            of(Mode::DryRun, vec![allowed.clone()]),
            of(Mode::Enforced, vec![allowed]),
            of(Mode::Enforced, Vec::new()),
            Self::default(),
        ]
    }
}

/// "calls to 4 services".
fn counted(found: &Found) -> String {
    format!("calls to {}", fmt::counted(found.allowed.len(), "service", "services"))
}

/// "reviews: calls from bookinfo/bookinfo-productpage to 9080".
fn said(allowed: &Allowed) -> String {
    let rule = |rule: &serde_json::Value| match rule.as_object().is_some_and(serde_json::Map::is_empty) {
        true => "all calls, for it is a way in".to_owned(),
        false => rule_said(rule),
    };
    let rules: Vec<String> = allowed.rules.iter().map(rule).collect();
    format!("{}: {}", allowed.service, rules.join("; "))
}

/// Who would be refused, whatever is chosen.
fn told(form: &mut Form<'_>, found: &Found) {
    if !found.nobody.is_empty() {
        let all = found.nobody.iter().map(|((from, to), rps)| format!("{from} → {to} {}", fmt::rps(*rps)));
        form.warning(
            "These callers have no name that could be let in",
            &listed(all.collect()),
            "They call in plain text, or are not in the mesh: give them a sidecar, or let them in by hand",
        );
    }
    if !found.silent.is_empty() {
        form.note(format!("Nobody was seen to call {}: nobody could", listed(found.silent.clone())));
    }
}

/// Which measured calls would be refused, were it in force.
fn effects(form: &mut Form<'_>, at: &PolicyAt, namespace: &str, was: &Seen, wanted: &Seen) {
    let in_force = match wanted.mode {
        Mode::DryRun => Seen { mode: Mode::Enforced, ..wanted.clone() },
        Mode::Off | Mode::Enforced => wanted.clone(),
    };
    effect::shown(form, &(at, &in_force), |mesh| after(mesh, namespace, was, &in_force));
}

/// The policies as they would be.
fn after<'a>(mesh: &'a Mesh, namespace: &str, was: &Seen, wanted: &Seen) -> Option<Policies<'a>> {
    let mut plan = Plan::new(mesh);
    seen::plan(&mut plan, namespace, was, wanted);
    let change = plan.change().ok()??;
    let with =
        |policies: Policies<'a>, step: &mesh::change::Step| policies.with(&step.at, step.after.as_ref());
    Some(change.steps.iter().fold(Policies::of(mesh), with))
}
