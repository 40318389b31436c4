//! Mutual TLS: what workloads take on their inbound side, for the mesh, a namespace or one workload, and who
//! would be cut off; and what callers of a service send.

mod map;
mod sends;

use super::edits::{Chooser, Edits, Scope as AnyScope, Scoped};
use super::fields::{FieldRow, Fields};
use super::form::{Form, Line, NARROW};
use crate::cx::Cx;
use crate::kit::theme::size;
use crate::kit::window;
use crate::kit::{Tokens, fmt, problem};
use crate::panel::About;
use crate::subject::Subject;
use egui::{RichText, Ui};
use egui_phosphor::regular as icon;
use mesh::edit::mtls::{Says, state};
use mesh::edit::{self, Mode, Scope};
use mesh::plan::{Plan, PolicyOf};
use mesh::traffic::Traffic;
use mesh::{Kind, Mesh, Service, kinds};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is said of mutual TLS.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum MutualTls {
    /// What a scope says of its own: what is taken.
    Takes(Says),
    /// What callers send.
    Sends(Fields),
}

/// Of whom it is said.
#[derive(Clone, Debug, PartialEq)]
pub enum TlsAt {
    /// Those who are called.
    Takes(Scope),
    /// Callers of a service.
    Sends(PolicyOf),
}

impl AnyScope for TlsAt {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
}

impl AnyScope for Scope {
    fn is(&self, now: &Self) -> bool {
        self == now
    }
}

impl Edits for MutualTls {
    type Scope = TlsAt;
    const ABOUT: About = About {
        name: "Mutual TLS",
        icon: icon::SHIELD_CHECK,
        summary: "Take plain text or not (STRICT), in the mesh, a namespace or a workload; and what callers send",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::PEER_AUTHENTICATION];
    const CHOOSER: Chooser = Chooser::Menu("mTLS scope");
    const FIELDS: &'static [&'static [FieldRow]] = &[super::external::TLS];

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    /// For everything that has a workload in the mesh.
    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<TlsAt, Self>> {
        let workloads = || subject.workloads.iter().filter(|workload| !workload.gateway);
        let Some(first) = workloads().next() else { return Vec::new() };
        let wide = [Scope::Mesh, Scope::Namespace(first.namespace.to_string())];
        let own = workloads().map(|one| Scope::Workload(one.namespace.to_string(), one.name.to_string()));
        let of = |at: Scope| {
            let now = state(mesh, &at)?;
            let object = now.policy.map(|at| format!("{} {}/{}", at.kind, at.namespace, at.name));
            Some(Scoped {
                words: scope_name(&at),
                object: object.unwrap_or_else(|| "PeerAuthentication".to_owned()),
                present: matches!(at, Scope::Workload(..)) && now.own != Says::default(),
                now: Self::Takes(now.own),
                usual: matches!(at, Scope::Namespace(_)),
                locked: None,
                at: TlsAt::Takes(at),
            })
        };
        let sent = sends::scopes(mesh, subject).into_iter().map(|one| {
            let at = TlsAt::Sends(one.at.clone());
            one.saying(Self::Sends).for_scope(at)
        });
        wide.into_iter().chain(own).filter_map(of).chain(sent).collect()
    }

    fn form(&mut self, _was: &Self, at: &TlsAt, form: &mut Form<'_>) {
        let (own, at) = match (self, at) {
            (Self::Takes(own), TlsAt::Takes(at)) => (own, at),
            (Self::Sends(own), TlsAt::Sends(at)) => return sends::form(own, at, form),
            _ => return,
        };
        for port in form.known(&("ports", at), |mesh| edit::mtls::ports(mesh, at)) {
            let name = format!("mTLS mode of port {port}");
            form.line(&format!("Port {port}"), NARROW, |line| {
                let stated = own.ports.get(&port).copied();
                if let Some(picked) = choose(line, &name, stated, "as the workload") {
                    match picked {
                        Some(mode) => drop(own.ports.insert(port, mode)),
                        None => drop(own.ports.remove(&port)),
                    }
                }
            });
        }
        form.reset_in("Mode", NARROW, |line| {
            if let Some(picked) = choose(line, "mTLS mode", own.mode, UNSET) {
                own.mode = picked;
            }
        });
        let said = match own.mode {
            Some(mode) => meaning(mode).to_owned(),
            None => form.known(at, |mesh| decided(mesh, at)),
        };
        let color = Tokens::of(form.ui()).muted;
        form.ui().label(RichText::new(said).size(size::SECONDARY).color(color));
        if own.mode == Some(Mode::Strict) || own.ports.values().any(|mode| *mode == Mode::Strict) {
            let (cx, planned) = (form.cx(), form.differs());
            let callers =
                form.measured(at, |mesh, traffic| (plaintext(mesh, traffic, at), traffic.hour.is_some()));
            cut_off(form.ui(), cx, callers, planned);
        }
        map::show(form, at, own);
    }

    fn plan(&self, was: &Self, at: &TlsAt, plan: &mut Plan<'_>) {
        match (self, was, at) {
            (Self::Takes(own), _, TlsAt::Takes(at)) => edit::mtls::plan(plan, at, own),
            (Self::Sends(own), Self::Sends(was), TlsAt::Sends(at)) if own != was => {
                sends::plan(own, was, at, plan);
            }
            // A draft of the other sort says nothing here.
            _ => {}
        }
    }

    fn samples() -> Vec<Self> {
        let of =
            |mode, ports: &[(u16, Mode)]| Self::Takes(Says { mode, ports: ports.iter().copied().collect() });
        let modes = Mode::ALL.into_iter().map(Some).chain([None]).map(|mode| of(mode, &[]));
        let strict = of(Some(Mode::Strict), &[(9080, Mode::Permissive)]);
        modes
            .chain([strict, of(None, &[(9080, Mode::Strict)])])
            .chain(sends::samples().into_iter().map(Self::Sends))
            .collect()
    }
}

/// A mode, or what holds without one.
fn choose(line: &mut Line<'_>, name: &str, own: Option<Mode>, unset: &str) -> Option<Option<Mode>> {
    let modes = Mode::ALL.map(Some);
    let options: Vec<&str> = modes.iter().flatten().map(|mode| mode.name()).chain([unset]).collect();
    let chosen = modes.iter().position(|mode| *mode == own).unwrap_or(modes.len());
    Some(modes.get(line.choose(name, &options, chosen)?).copied().flatten())
}

/// Who decides where nothing is set.
fn decided(mesh: &Mesh, at: &Scope) -> String {
    let Some(now) = state(mesh, at) else { return String::new() };
    let own = match at {
        Scope::Mesh => mesh.root_namespace(),
        Scope::Namespace(namespace) | Scope::Workload(namespace, _) => namespace,
    };
    let unseen = |namespace| mesh.unseen(&kinds::PEER_AUTHENTICATION, namespace);
    if let (None, Some(why)) = (&now.by, unseen(own).or_else(|| unseen(mesh.root_namespace()))) {
        return format!("Not known: {}", why.why);
    }
    let by = now.by.filter(|by| now.policy.as_ref() != Some(by));
    let by = by.map_or_else(|| "Istio's default".to_owned(), |by| by.to_string());
    format!("{by} decides: {}", now.in_force.name())
}

pub(super) fn scope_name(scope: &Scope) -> String {
    match scope {
        Scope::Mesh => "the whole mesh".to_owned(),
        Scope::Namespace(namespace) => format!("namespace {namespace}"),
        Scope::Workload(_, name) => format!("workload {name}"),
    }
}

/// What a mode means for callers.
fn meaning(mode: Mode) -> &'static str {
    match mode {
        Mode::Strict => "Only mutual TLS is taken. Callers without a proxy are refused.",
        Mode::Permissive => "Mutual TLS and plain text are both taken.",
        Mode::Disable => "Plain text only: no identity and no encryption between proxies.",
    }
}

const UNSET: &str = "not set here";

/// Caller and callee, and their calls per second; of those that are silent just now, how many in the hour.
type Callers = BTreeMap<(String, String), (f64, f64)>;

/// Plaintext calls of the last window into a scope, and of the hour before.
fn plaintext(mesh: &Mesh, traffic: &Traffic, scope: &Scope) -> Callers {
    let inside = |namespace: &str, workload: &str| match scope {
        Scope::Mesh => true,
        Scope::Namespace(wanted) => namespace == wanted,
        Scope::Workload(wanted, name) => namespace == wanted && workload == name,
    };
    let mut found = Callers::new();
    let now = traffic.flows.iter().map(|(path, flow)| (path, (flow.plaintext, 0.0)));
    let hour = traffic.hour.iter().flat_map(|hour| hour.iter());
    let before = hour.map(|(path, usual)| (path, (0.0, usual.plaintext)));
    for (path, (rps, calls)) in now.chain(before) {
        let to = &path.destination;
        // Gateways take plain text from outside by their listeners; no PeerAuthentication changes that.
        let gateway = mesh.workload(&to.namespace, &to.workload).is_some_and(|workload| workload.gateway);
        if rps + calls > 0.0 && !gateway && inside(&to.namespace, &to.workload) {
            let of = found.entry((path.source.workload.to_string(), to.workload.to_string())).or_default();
            *of = (of.0 + rps, of.1 + calls);
        }
    }
    found
}

fn cut_off(ui: &mut Ui, cx: &Cx<'_>, callers: Option<(Callers, bool)>, planned: bool) {
    let tokens = Tokens::of(ui);
    let window = window::name(cx.measured_secs()).to_lowercase();
    let Some((callers, hour)) = callers else {
        let what = "Who would be cut off is not known: nothing is measured";
        problem::line(ui, problem::Level::Warning, what, "", "");
        return;
    };
    if callers.is_empty() {
        // Who calls once a day is nobody that was looked for.
        let before = if hour { ", nor in the hour before as far as it was measured" } else { "" };
        let said = format!(
            "{}  No plaintext call was seen in the {window}{before}. Who calls more seldom would be cut off",
            icon::INFO
        );
        ui.add(egui::Label::new(RichText::new(said).size(size::SECONDARY).color(tokens.muted)).wrap());
    } else {
        let rows: Vec<String> =
            callers.iter().map(|((from, to), of)| format!("{from} → {to}  {}", often(*of))).collect();
        let what = if planned {
            "These plaintext callers would be cut off"
        } else {
            "Plaintext calls that were refused or came before"
        };
        problem::problem(
            ui,
            problem::Level::Warning,
            what,
            &rows.join("\n"),
            &format!("Measured in the {window}{}", if hour { " and the hour before" } else { "" }),
            None,
        );
    }
}

/// How often somebody calls; who is silent just now, how often before.
fn often((rps, calls): (f64, f64)) -> String {
    if rps > 0.0 {
        return fmt::rps(rps);
    }
    format!("{} in the hour before", fmt::counted(calls.ceil() as usize, "call", "calls"))
}
