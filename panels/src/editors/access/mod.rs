//! Access: whose calls are let in, refused, noted or asked about, and what that comes to for every pair of
//! workloads.

mod effect;
mod matrix;
mod rules;
mod seen;

pub use seen::OnlySeen;

use super::edits::{Chooser, Edits, Scoped};
use super::form::{Form, NARROW, Setting};
use super::policies::{and_new_ones, cannot_name, is_made};
use crate::kit::{Button, problem};
use crate::panel::About;
use crate::subject::Subject;
use egui_phosphor::regular as icon;
use mesh::edit::access::{self, Action, Policy};
use mesh::edit::policy::{PolicyAt, for_whom};
use mesh::mesh_config::{MeshConfig, Provider};
use mesh::plan::Plan;
use mesh::{Kind, Mesh, Remote, Service, kinds};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a policy says; nothing where there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Access(Option<Policy>);

/// Policies that hold for a subject, in the order in which Istio evaluates them, and new ones.
fn scopes<E: Clone>(
    mesh: &Mesh,
    subject: &Subject<'_>,
    only: Option<Action>,
    of: fn(Option<Policy>) -> E,
) -> Vec<Scoped<PolicyAt, E>> {
    let Some(first) = subject.workloads.first() else { return Vec::new() };
    let service = subject.service.map(|service| (&*service.namespace, &*service.name));
    let there = access::policies(mesh, &subject.workloads, service).into_iter();
    let there = there.filter(|policy| only.is_none_or(|only| policy.action() == Some(only)));
    let there: Vec<Scoped<PolicyAt, E>> = there
        .map(|policy| {
            let said = Policy::of(&policy.object);
            let near = *policy.at.namespace == *first.namespace;
            let place = if near { String::new() } else { format!("{}/", policy.at.namespace) };
            let dry = if said.dry_run { ", dry run" } else { "" };
            Scoped {
                words: format!("{} {place}{}{dry}", said.action, policy.at.name),
                object: format!("for {}", for_whom(&policy.attached(), mesh.root_namespace())),
                present: policy.attached().selects().is_narrow()
                    || policy.attached().targets().next().is_some(),
                usual: false,
                locked: None,
                now: of(Some(said)),
                at: PolicyAt::Of(policy.at),
            }
        })
        .collect();
    and_new_ones(mesh, there, subject, &kinds::AUTHORIZATION_POLICY, &of(None))
}

/// Whether a new policy has come to be by what was wanted.
fn came_true(at: &PolicyAt, wanted: Option<&Policy>, now: &PolicyAt, there: Option<&Policy>) -> bool {
    wanted.is_some() && wanted == there && is_made(at, now)
}

impl Edits for Access {
    type Scope = PolicyAt;
    const ABOUT: About = About {
        name: "Access",
        icon: icon::KEYHOLE,
        summary: "Decide whose calls are let in, and see who may call whom",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::AUTHORIZATION_POLICY];
    const CHOOSER: Chooser = Chooser::Menu("access policy");
    const PLACE: &'static str = "spec";

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<PolicyAt, Self>> {
        scopes(mesh, subject, None, Self)
    }

    fn form(&mut self, was: &Self, at: &PolicyAt, form: &mut Form<'_>) {
        if cannot_name(at, form) {
            return;
        }
        let wanted = &mut self.0;
        form.reset_in("Action", NARROW, |line| {
            let mut options: Vec<&str> = Action::ALL.into_iter().map(Action::name).collect();
            let none = if was.0.is_some() { "delete the policy" } else { "no policy" };
            options.push(none);
            let chosen = wanted
                .as_ref()
                .map_or(Some(4), |policy| options.iter().position(|option| *option == policy.action));
            let picked = line.choose("access action", &options, chosen.unwrap_or(usize::MAX));
            match (picked, &mut *wanted) {
                (Some(4), policy) => *policy = None,
                (Some(picked), None) => {
                    let new = was.0.clone().unwrap_or_else(|| Policy::new(Action::ALL[picked]));
                    *wanted = Some(Policy { action: options[picked].to_owned(), ..new });
                }
                (Some(picked), Some(policy)) => options[picked].clone_into(&mut policy.action),
                (None, _) => {}
            }
        });
        let Some(policy) = wanted else {
            form.note(if was.0.is_some() { "The policy goes when this is pushed" } else { NO_POLICY });
            effect::show(form, at, None);
            return matrix::show(form, at, None);
        };
        form.note(meaning(policy));
        if policy.acts() == Some(Action::Custom) {
            providers(&mut policy.provider, form);
        }
        if matches!(policy.acts(), Some(Action::Allow | Action::Deny)) || policy.dry_run {
            let dry = Setting::of("Dry run").means("Counts what it would refuse, and refuses nothing");
            form.switch(dry.path("metadata/annotations/istio.io~1dry-run"), &mut policy.dry_run);
        }
        let sources = rules::sources(form);
        rules::show(policy, at, form, &sources);
        if policy.asks_identity() {
            form.note(IDENTITY);
        }
        effect::show(form, at, Some(policy));
        matrix::show(form, at, Some(policy));
    }

    fn plan(&self, _was: &Self, at: &PolicyAt, plan: &mut Plan<'_>) {
        access::plan(plan, at, self.0.as_ref());
    }

    fn samples() -> Vec<Self> {
        let source = json!({
            "principals": ["cluster.local/ns/web/sa/front"], "notPrincipals": ["*/sa/evil"],
            "namespaces": ["web", "shop*"], "notNamespaces": ["attic"],
            "requestPrincipals": ["https://a.example/joe"], "ipBlocks": ["10.1.0.0/16", "10.2.3.4"], "notRemoteIpBlocks": ["192.0.2.0/24"],
        });
        let operation = json!({ "hosts": ["shop.example"], "methods": ["GET", "HEAD"], "ports": ["9080"],
            "paths": ["/ratings/*", "/health"], "notPaths": ["/admin*"] });
        let when = json!([
            { "key": "request.headers[x-team]", "values": ["books"], "notValues": ["toys"] },
            { "key": "source.namespace", "values": ["web"] },
        ]);
        let full = json!({ "from": [{ "source": source }, { "source": { "serviceAccounts": ["web/cart"] } }],
            "to": [{ "operation": operation }], "when": when });
        let small = json!({ "from": [{ "source": { "namespaces": ["nowhere"] } }] });
        let of = |action: Action, dry_run, rules: &[&serde_json::Value]| {
            let rules = rules.iter().map(|rule| (*rule).clone()).collect();
            Self(Some(Policy { rules, dry_run, ..Policy::new(action) }))
        };
        let asked = Policy { provider: "sample-ext-authz-http".into(), ..Policy::new(Action::Custom) };
        vec![
            of(Action::Deny, false, &[&full]),
            of(Action::Allow, false, &[&full, &small]),
            of(Action::Allow, false, &[]),
            Self(Some(asked)),
            of(Action::Audit, false, &[&full, &small, &json!({})]),
            of(Action::Deny, true, &[&small]),
            of(Action::Deny, false, &[&full, &small]),
            Self(None),
        ]
    }

    fn came_true(&self, at: &PolicyAt, now: &Scoped<PolicyAt, Self>) -> bool {
        came_true(at, self.0.as_ref(), &now.at, now.now.0.as_ref())
    }
}

const IDENTITY: &str = "Who calls is known over mutual TLS only: a call in plain text is nobody's";
const NO_POLICY: &str = "Where no policy holds, every call is let in";

/// What an action means.
fn meaning(policy: &Policy) -> &'static str {
    match policy.acts() {
        Some(Action::Custom) => {
            "Calls that a rule takes are let in only if the provider says so; asked first"
        }
        Some(Action::Audit) => "Calls that a rule takes are noted for auditing; nothing is refused",
        Some(Action::Deny) => "Calls that a rule takes are refused, before any ALLOW",
        Some(Action::Allow) if policy.rules.is_empty() => "ALLOW without a rule refuses all calls",
        Some(Action::Allow) => "Only calls that a rule of some ALLOW policy takes are let in",
        None => "Istio does not know this action",
    }
}

/// Who is asked: one of the mesh's providers that can be.
fn providers(chosen: &mut String, form: &mut Form<'_>) {
    let root = form.cx().scene.mesh.root_namespace().to_owned();
    let config = form.cx().reads.mesh_config(&root);
    let asked: Vec<Provider> = match config.value() {
        Some(config) => MeshConfig::authorizing(config).cloned().collect(),
        None => Vec::new(),
    };
    let known = config.value().is_some();
    form.line("Asks", NARROW, |line| {
        let mut names: Vec<&str> = asked.iter().map(|provider| provider.name.as_str()).collect();
        if !names.contains(&chosen.as_str()) && !chosen.is_empty() {
            names.push(chosen);
        }
        if names.is_empty() && known {
            line.word("nobody: see below");
        } else if names.is_empty() {
            line.text("external authorization provider", "name of the provider", chosen, None);
        } else {
            let at = names.iter().position(|name| name == chosen).unwrap_or(usize::MAX);
            let picked = line.choose("external authorization provider", &names, at);
            if let Some(name) = picked.and_then(|picked| names.get(picked)).map(|name| (*name).to_owned()) {
                *chosen = name;
            }
        }
    });
    match &config {
        Remote::Waiting => form.note("Reading the mesh's providers…"),
        Remote::Denied(why) => {
            let what = "The mesh's providers are not known";
            problem::line(form.ui(), problem::Level::Note, what, &why.why, &why.next);
        }
        _ if asked.is_empty() => form.warning(
            "This mesh has no provider that could be asked",
            &format!(
                "meshConfig.extensionProviders of ConfigMap istio in {root} names no envoyExtAuthzHttp and no \
                 envoyExtAuthzGrpc"
            ),
            "Add one there first: what such a policy takes is refused until then",
        ),
        _ => match asked.iter().find(|provider| provider.name == *chosen) {
            Some(provider) => form.note(format!("{} at {}", provider.kind, provider.service)),
            None if chosen.is_empty() => {}
            None => form.warning(
                &format!("The mesh has no provider {chosen}"),
                "What the rules of such a policy take is refused",
                "Choose one that is there",
            ),
        },
    }
}

/// External authorization: calls about which a service of the mesh's own is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked(Option<Policy>);

impl Edits for Asked {
    type Scope = PolicyAt;
    const ABOUT: About = About {
        name: "External authorization",
        icon: icon::GAVEL,
        summary: "Let a service of your own decide which calls are let in",
    };
    const NEEDS: &'static [&'static Kind] = &[&kinds::AUTHORIZATION_POLICY];
    const CHOOSER: Chooser = Chooser::Menu("external authorization policy");
    const PLACE: &'static str = "spec";

    fn applies(service: &Service) -> bool {
        !service.workloads.is_empty()
    }

    fn scopes(mesh: &Mesh, subject: &Subject<'_>) -> Vec<Scoped<PolicyAt, Self>> {
        scopes(mesh, subject, Some(Action::Custom), Self)
    }

    fn form(&mut self, was: &Self, at: &PolicyAt, form: &mut Form<'_>) {
        if cannot_name(at, form) {
            return;
        }
        if let Some(policy) = &mut self.0 {
            providers(&mut policy.provider, form);
            form.note(meaning(policy));
            // Who calls is not asked of a provider by identity: Istio takes none of these fields.
            rules::show(policy, at, form, &["ipBlocks", "remoteIpBlocks"]);
        } else {
            let mut none = String::new();
            providers(&mut none, form);
            form.note(if was.0.is_some() {
                "The policy goes when this is pushed"
            } else {
                "Nobody is asked"
            });
            if !none.is_empty() {
                self.0 = Some(Policy { provider: none, ..Policy::new(Action::Custom) });
            }
        }
        let policy = &mut self.0;
        form.buttons(|line| {
            if was.0.is_some() && line.button(Button::quiet("Delete policy").danger(), policy.is_some()) {
                *policy = None;
            }
        });
    }

    fn plan(&self, _was: &Self, at: &PolicyAt, plan: &mut Plan<'_>) {
        access::plan(plan, at, self.0.as_ref());
    }

    fn samples() -> Vec<Self> {
        let all = Policy { provider: "sample-ext-authz-http".into(), ..Policy::new(Action::Custom) };
        let rule = json!({ "from": [{ "source": { "notIpBlocks": ["10.0.0.0/8"] } }],
            "to": [{ "operation": { "paths": ["/admin*"], "notMethods": ["OPTIONS"] } }],
            "when": [{ "key": "request.headers[x-ext-authz]", "notValues": ["no"] }] });
        let some = Policy { rules: vec![rule], ..all.clone() };
        vec![Self(Some(some)), Self(Some(all)), Self(None)]
    }

    fn came_true(&self, at: &PolicyAt, now: &Scoped<PolicyAt, Self>) -> bool {
        came_true(at, self.0.as_ref(), &now.at, now.now.0.as_ref())
    }
}
