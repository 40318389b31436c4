//! Mutual TLS: what workloads take on their inbound side, for the mesh, a namespace or one workload, and who would be cut off.

use super::{Draft, Gesture, Kept, Standing, label};
use crate::detail::subject::Subject;
use crate::kit::theme::size;
use crate::kit::{Button, Tokens, field, fmt, problem};
use crate::selection::Selected;
use crate::shell::top_bar::window_name;
use crate::{About, Cx};
use egui::{RichText, Ui};
use egui_phosphor::regular as icon;
use mesh::edit::mtls::state;
use mesh::edit::{self, Mode, Scope};
use mesh::{Change, Mesh, Problem, Ref};
use std::collections::BTreeMap;

/// Name, icon, summary.
pub const ABOUT: About = About {
    name: "Mutual TLS",
    icon: icon::SHIELD_CHECK,
    summary: "Decide whether plain text is taken, for the mesh, a namespace or one workload",
};

/// Offered for everything that has a workload in the mesh.
pub fn open(mesh: &Mesh, selected: &Selected) -> Option<Box<dyn Draft>> {
    let subject = Subject::of(mesh, selected)?;
    let first = subject.workloads.iter().find(|workload| !workload.gateway)?;
    let namespace = first.namespace.to_string();
    let mut scopes = vec![Scope::Mesh, Scope::Namespace(namespace.clone())];
    let workloads = subject.workloads.iter().filter(|workload| !workload.gateway);
    scopes.extend(
        workloads.map(|workload| Scope::Workload(workload.namespace.to_string(), workload.name.to_string())),
    );
    let rows: Vec<Row> = scopes.into_iter().filter_map(|scope| Row::new(mesh, scope)).collect();
    let own =
        rows.iter().position(|row| matches!(row.scope, Scope::Workload(..)) && row.kept.base().is_some());
    Some(Box::new(MutualTls {
        id: format!("mutual TLS of {namespace}/{}", first.app),
        chosen: own.unwrap_or(1),
        rows,
    }))
}

struct MutualTls {
    id: String,
    rows: Vec<Row>,
    chosen: usize,
}

struct Row {
    scope: Scope,
    kept: Kept<Option<Mode>>,
    policy: Option<Ref>,
    /// What is in force there now, and the policy that says so.
    in_force: (Mode, Option<Ref>),
}

impl Row {
    fn new(mesh: &Mesh, scope: Scope) -> Option<Self> {
        let now = state(mesh, &scope)?;
        Some(Self { scope, kept: Kept::new(now.own), policy: now.policy, in_force: (now.in_force, now.by) })
    }
}

fn scope_name(scope: &Scope) -> String {
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

impl Draft for MutualTls {
    fn ui(&mut self, ui: &mut Ui, cx: &Cx<'_>) -> Gesture {
        let mut gesture = Gesture::Rest;
        let named = |row: &Row| (scope_name(&row.scope), row.kept.standing() != Standing::Same);
        let names: Vec<(String, bool)> = self.rows.iter().map(named).collect();
        let names: Vec<(&str, bool)> = names.iter().map(|(name, marked)| (name.as_str(), *marked)).collect();
        ui.horizontal(|ui| {
            label(ui, "For");
            if let Some(chosen) = field::choose_marked(ui, "mTLS scope", &names, self.chosen) {
                self.chosen = chosen;
                gesture.and(Gesture::Settled);
            }
        });
        let Some(row) = self.rows.get_mut(self.chosen) else { return gesture };
        let modes: Vec<Option<Mode>> = Mode::ALL.into_iter().map(Some).chain([None]).collect();
        ui.horizontal(|ui| {
            label(ui, "Mode");
            let options: Vec<&str> = modes.iter().map(|mode| mode.map_or(UNSET, Mode::name)).collect();
            let at = modes.iter().position(|mode| *mode == row.kept.wanted).unwrap_or(3);
            if let Some(picked) = field::choose(ui, "mTLS mode", &options, at) {
                row.kept.wanted = modes.get(picked).copied().flatten();
                gesture.and(Gesture::Settled);
            }
            if row.kept.standing() != Standing::Same && ui.add(Button::quiet("Reset")).clicked() {
                row.kept.reset();
                gesture.and(Gesture::Settled);
            }
        });
        let said = match row.kept.wanted {
            Some(mode) => meaning(mode).to_owned(),
            None => {
                let by = row.in_force.1.as_ref().filter(|by| row.policy.as_ref() != Some(*by));
                let by = by.map_or_else(|| "Istio's default".to_owned(), ToString::to_string);
                format!("{by} decides: {}", row.in_force.0.name())
            }
        };
        ui.label(RichText::new(said).size(size::SECONDARY).color(Tokens::of(ui).muted));
        if row.kept.wanted == Some(Mode::Strict) {
            cut_off(ui, cx, &row.scope, row.kept.standing() != Standing::Same);
        }
        gesture
    }

    fn change(&self, mesh: &Mesh) -> Result<Option<Change>, Problem> {
        let Some(row) = self.rows.get(self.chosen) else { return Ok(None) };
        Ok(edit::mtls(mesh, &row.scope, row.kept.wanted))
    }

    fn follow(&mut self, mesh: &Mesh) {
        for row in &mut self.rows {
            let Some(now) = state(mesh, &row.scope) else { continue };
            row.kept.follow(now.own);
            row.policy = now.policy;
            row.in_force = (now.in_force, now.by);
        }
    }

    fn standing(&self) -> Standing {
        self.rows.get(self.chosen).map_or(Standing::Same, |row| row.kept.standing())
    }

    fn elsewhere(&self) -> Vec<String> {
        let others = self.rows.iter().enumerate().filter(|(index, _)| *index != self.chosen);
        others
            .filter(|(_, row)| row.kept.standing() != Standing::Same)
            .map(|(_, row)| scope_name(&row.scope))
            .collect()
    }

    fn rebuild(&mut self) {
        if let Some(row) = self.rows.get_mut(self.chosen) {
            row.kept.rebuild();
        }
    }

    fn reset(&mut self) {
        if let Some(row) = self.rows.get_mut(self.chosen) {
            row.kept.reset();
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn subject(&self) -> String {
        match self.rows.get(self.chosen).and_then(|row| row.policy.as_ref()) {
            Some(at) => format!("{} {}/{}", at.kind, at.namespace, at.name),
            None => "PeerAuthentication".to_owned(),
        }
    }

    fn present(&self) -> bool {
        self.rows.iter().any(|row| matches!(row.scope, Scope::Workload(..)) && row.kept.base().is_some())
    }
}

/// Plaintext calls of the last window into a scope: caller and callee with their rates.
fn plaintext(cx: &Cx<'_>, scope: &Scope) -> BTreeMap<(String, String), f64> {
    let inside = |namespace: &str, workload: &str| match scope {
        Scope::Mesh => true,
        Scope::Namespace(wanted) => namespace == wanted,
        Scope::Workload(wanted, name) => namespace == wanted && workload == name,
    };
    let mesh = &cx.scene.mesh;
    let mut found = BTreeMap::new();
    for (path, flow) in cx.scene.traffic.value().into_iter().flat_map(|traffic| &traffic.flows) {
        let to = &path.destination;
        // Gateways take plain text from outside by their listeners; no PeerAuthentication changes that.
        let gateway = mesh.workload(&to.namespace, &to.workload).is_some_and(|workload| workload.gateway);
        if flow.plaintext > 0.0 && !gateway && inside(&to.namespace, &to.workload) {
            *found.entry((path.source.workload.to_string(), to.workload.to_string())).or_default() +=
                flow.plaintext;
        }
    }
    found
}

fn cut_off(ui: &mut Ui, cx: &Cx<'_>, scope: &Scope, planned: bool) {
    let tokens = Tokens::of(ui);
    let callers = plaintext(cx, scope);
    let window = window_name(cx.window_secs).to_lowercase();
    if cx.scene.traffic.value().is_none() {
        problem::line(
            ui,
            problem::Level::Warning,
            "Who would be cut off is not known: nothing is measured",
            "",
            "",
        );
    } else if callers.is_empty() {
        let said = format!("{}  Nobody is cut off: no plaintext call in the {window}", icon::CHECK_CIRCLE);
        ui.label(RichText::new(said).size(size::SECONDARY).color(tokens.healthy));
    } else {
        let rows: Vec<String> =
            callers.iter().map(|((from, to), rps)| format!("{from} → {to}  {}", fmt::rps(*rps))).collect();
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
            &format!("Measured in the {window}"),
            None,
        );
    }
}
