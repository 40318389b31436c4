//! What each VirtualService does for the calls of a service: for which callers it is in force, by which other
//! it is overruled and why, at which gateway it holds, whose delegate it is, and which of its rules no call
//! ever reaches.

mod entering;
pub(crate) mod gateway_api;
mod inside;
mod order;

pub(crate) use entering::{idle, taken};
pub(crate) use inside::in_force;

use crate::model::Configured;
use crate::{Mesh, Problem, Ref, Service};
use istio::delegation::{Written, written_out};
use istio::precedence::by_age;
use istio::views::{HttpRoute, RouteDestination, VirtualService};
use istio::visibility::exported;
use istio::{Config, fqdn, kinds};
use std::collections::{BTreeSet, HashSet};

/// One VirtualService of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its name.
    pub at: Ref,
    /// What it does, and what of it does nothing.
    pub deeds: Vec<Deed>,
}

/// Callers inside the mesh, by their namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// All of them.
    All,
    /// Those of these namespaces.
    In(BTreeSet<String>),
    /// Those of all namespaces but these.
    NotIn(BTreeSet<String>),
}

/// Why one comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It names the host more closely.
    Closer,
    /// Its `exportTo` names the callers' namespace.
    Nearer,
    /// It is older.
    Older,
    /// Both are of one age, and its name comes first.
    Named,
    /// It is a route of the Gateway API.
    Route,
}

/// Why a VirtualService does nothing at a gateway that it names.
#[derive(Clone, Debug, PartialEq)]
pub enum Missed {
    /// There is no such Gateway.
    Gone,
    /// Gateways may not be read there.
    Unseen(Problem),
    /// The Gateway itself is for no pod: why.
    Idle(String),
    /// No server of it is for this host.
    Host(String),
    /// Its `exportTo` does not show it to the namespace in which the gateway runs.
    Export(String),
}

/// Something that a VirtualService does, or fails to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// It routes calls inside the mesh.
    Inside(Callers),
    /// Another one routes these calls inside the mesh.
    Overruled {
        /// Which.
        by: Ref,
        /// Why.
        before: Before,
        /// Whose calls.
        callers: Callers,
    },
    /// Its `exportTo` shows it to nobody.
    Hidden,
    /// It routes calls that enter by a gateway.
    Entering {
        /// "shop/shop-gw".
        gateway: String,
        /// For these hosts.
        hosts: Vec<String>,
    },
    /// It does nothing at a gateway that it names.
    Missed {
        /// "shop/shop-gw".
        gateway: String,
        /// Why.
        why: Missed,
    },
    /// Calls that a rule is for are taken before it.
    NeverReached {
        /// The rule's position.
        index: usize,
        /// Which calls: "calls with path = /api/v2…".
        rule: String,
        /// At which gateway; `None` inside the mesh.
        gateway: Option<String>,
        /// Whose rule comes before.
        by: Ref,
        /// Which calls that one takes.
        first: String,
    },
    /// Its rules stand in for one of another VirtualService.
    Delegate {
        /// Which hands over.
        of: Ref,
        /// Which calls.
        rule: String,
    },
    /// It has no hosts, and nobody hands over to it.
    NobodysDelegate,
    /// A rule of it hands over to what is not there or may not be used.
    HandsOverToNobody {
        /// The rule's position.
        index: usize,
        /// Which calls.
        rule: String,
        /// "money/pay".
        to: String,
    },
    /// Rules that lead nowhere: `spec.tcp[0]`.
    NoDestination(Vec<String>),
    /// It has no rules at all.
    NoRules,
}

impl Deed {
    /// Whether it is as its author will have meant it.
    pub fn acts(&self) -> bool {
        matches!(self, Self::Inside(_) | Self::Entering { .. } | Self::Delegate { .. })
    }

    /// What it is, in a sentence.
    pub fn words(&self) -> String {
        match self {
            Self::Inside(callers) => format!("In force for {}", callers.words()),
            Self::Overruled { by, before, callers } => {
                let why = match before {
                    Before::Closer => "names the host more closely",
                    Before::Nearer => "is exported to them by name",
                    Before::Older => "is older",
                    Before::Named => "is as old and comes first by its name",
                    Before::Route => "takes them before any VirtualService",
                };
                format!("No effect on {}: {by} {why}", callers.words())
            }
            Self::Hidden => "No effect: its exportTo shows it to no namespace".to_owned(),
            Self::Entering { gateway, hosts } => {
                format!("In force at gateway {gateway} for {}", listed(hosts.iter()))
            }
            Self::Missed { gateway, why } => why.words(gateway),
            Self::NeverReached { rule, gateway, by, first, .. } => {
                let at = gateway.iter().map(|gateway| format!(" at gateway {gateway}")).collect::<String>();
                format!("Its rule for {rule} is never reached{at}: {by} takes {first} before it")
            }
            Self::Delegate { of, rule } => format!("Delegate of {of} for {rule}"),
            Self::NobodysDelegate => {
                "No effect: it has no hosts, and no VirtualService that sees it hands over to it".to_owned()
            }
            Self::HandsOverToNobody { rule, to, .. } => {
                format!(
                    "Hands {rule} over to VirtualService {to}, which is not there, has hosts of its own or \
                     is not exported here"
                )
            }
            Self::NoDestination(paths) => format!("No destination in {}", listed(paths.iter())),
            Self::NoRules => "No effect: it has no rules".to_owned(),
        }
    }
}

impl Missed {
    pub(crate) fn words(&self, gateway: &str) -> String {
        match self {
            Self::Gone => format!("No effect at gateway {gateway}: there is no such Gateway"),
            Self::Unseen(why) => format!("Not known whether gateway {gateway} is there: {}", why.why),
            Self::Idle(why) => format!("No effect at gateway {gateway}: {why}"),
            Self::Host(host) => format!("No effect at gateway {gateway}: no server of it is for {host}"),
            Self::Export(namespace) => format!(
                "No effect at gateway {gateway}: its exportTo does not show it to {namespace}, where the \
                 gateway runs"
            ),
        }
    }
}

impl Callers {
    /// "calls inside the mesh", "calls from team-a".
    pub fn words(&self) -> String {
        match self {
            Self::All => "calls inside the mesh".to_owned(),
            Self::In(names) => format!("calls from {}", listed(names.iter())),
            Self::NotIn(names) => format!("calls from everywhere but {}", listed(names.iter())),
        }
    }
}

/// "a, b, c and 4 others".
fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    match names.len() {
        0..=4 => names.join(", "),
        many => format!("{} and {} others", names[..3].join(", "), many - 3),
    }
}

/// What each VirtualService does that routes calls of a service, names its host, or is a delegate for it:
/// first those inside the mesh, the one in force first.
pub fn of<'a>(mesh: &'a Mesh, service: &'a Service) -> Vec<Role> {
    let all = Rules::of(mesh);
    let mut roles: Vec<Role> = Vec::new();
    let mut put = |at: &Ref, deeds: Vec<Deed>| match roles.iter_mut().find(|role| role.at == *at) {
        Some(role) => role.deeds.extend(deeds),
        None => roles.push(Role { at: at.clone(), deeds }),
    };
    inside::deeds(&all, service).into_iter().for_each(|(at, deeds)| put(at, deeds));
    for rules in &all.oldest_first {
        let leads = all.lead_to(rules, service);
        if leads {
            let deeds = entering::deeds(&all, rules, service);
            if !deeds.is_empty() {
                put(rules.at, deeds);
            }
        }
        if leads && rules.spec.hosts.is_empty() {
            put(rules.at, all.delegate(rules));
        }
    }
    for role in &mut roles {
        if let Some(view) = mesh.virtual_service(&role.at) {
            role.deeds.extend(all.odd(&role.at, view));
        }
    }
    roles
}

/// What every VirtualService fails to do, each once.
pub(crate) fn failures(mesh: &Mesh) -> Vec<(Ref, Deed)> {
    let all = Rules::of(mesh);
    let mut found: Vec<(Ref, Deed)> = Vec::new();
    let mut put = |at: &Ref, deeds: Vec<Deed>| {
        found.extend(deeds.into_iter().filter(|deed| !deed.acts()).map(|deed| (at.clone(), deed)));
    };
    for service in mesh.services().filter(|service| !service.virtual_services.is_empty()) {
        inside::deeds(&all, service).into_iter().for_each(|(at, deeds)| put(at, deeds));
    }
    entering::everywhere(&all).into_iter().for_each(|(at, deed)| put(&at, vec![deed]));
    for rules in &all.oldest_first {
        put(rules.at, all.odd(rules.at, rules.spec));
        if rules.spec.hosts.is_empty() {
            put(rules.at, all.delegate(rules));
        }
    }
    let mut seen = HashSet::new();
    found.retain(|(at, deed)| seen.insert((at.clone(), deed.words())));
    found
}

/// What a VirtualService does, for each service that it is about.
pub fn of_object(mesh: &Mesh, at: &Ref) -> Vec<(String, Vec<Deed>)> {
    let all = Rules::of(mesh);
    let Some(rules) = all.oldest_first.iter().find(|rules| rules.at == at) else { return Vec::new() };
    let about = |service: &&Service| service.virtual_services.contains(at) || all.lead_to(rules, service);
    let services = mesh.services().filter(about).take(MOST);
    let of = |service| {
        let service: &Service = service;
        let role = of(mesh, service).into_iter().find(|role| role.at == *at)?;
        Some((service.name.to_string(), role.deeds))
    };
    services.filter_map(of).collect()
}

/// So many services of one object are looked at.
const MOST: usize = 8;

/// Why a Gateway opens nothing: it is for no pod that is known.
pub fn idle_gateway(mesh: &Mesh, at: &Ref) -> Option<String> {
    entering::idle(mesh, mesh.gateway(at)?)
}

pub(crate) type Rule<'a> = Configured<'a, VirtualService>;

/// All VirtualServices of a mesh.
struct Rules<'a> {
    mesh: &'a Mesh,
    oldest_first: Vec<Rule<'a>>,
}

impl<'a> Rules<'a> {
    fn of(mesh: &'a Mesh) -> Self {
        let of = |(at, spec)| Configured::of(mesh.objects(), at, spec);
        let mut oldest_first: Vec<Rule<'a>> = mesh.virtual_services().filter_map(of).collect();
        oldest_first.sort_by(by_age);
        Self { mesh, oldest_first }
    }

    /// The VirtualService that one of this namespace may hand over to.
    fn handed(&self, from: &str) -> impl Fn(&str, &str) -> Option<&'a VirtualService> {
        move |namespace, name| {
            let view = self.mesh.virtual_service(&Ref::new(&kinds::VIRTUAL_SERVICE, namespace, name))?;
            let seen = exported(&view.export_to, &[], namespace, from);
            (view.hosts.is_empty() && seen).then_some(view)
        }
    }

    /// Its HTTP rules, with those of its delegates.
    fn written(&self, rules: &Rule<'a>) -> Vec<Written<'a>> {
        written_out(rules.spec, rules.namespace(), self.handed(rules.namespace())).0
    }

    /// Whether some rule of it, or of a delegate, leads to a service.
    fn lead_to(&self, rules: &Rule<'_>, service: &Service) -> bool {
        let spec = rules.spec;
        let here = |row: &RouteDestination| fqdn(&row.destination.host, rules.namespace()) == service.host;
        let own = spec.http.iter().flat_map(|rule| &rule.route);
        let bytes = spec.tcp.iter().flat_map(|rule| &rule.route);
        let tls = spec.tls.iter().flat_map(|rule| &rule.route);
        own.chain(bytes).chain(tls).any(here)
            || (spec.http.iter().any(|rule| rule.delegate.is_some())
                && self.written(rules).iter().any(|written| goes(&written.rule, rules.namespace(), service)))
    }

    /// For which rules of others it stands in.
    fn delegate(&self, rules: &Rule<'_>) -> Vec<Deed> {
        let mut deeds = Vec::new();
        for root in &self.oldest_first {
            for (index, rule) in root.spec.http.iter().enumerate() {
                let Some(to) = &rule.delegate else { continue };
                let namespace = to.namespace.as_deref().filter(|of| !of.is_empty());
                let meant =
                    to.name == rules.name() && namespace.unwrap_or(root.namespace()) == rules.namespace();
                if meant && self.handed(root.namespace())(rules.namespace(), rules.name()).is_some() {
                    deeds.push(Deed::Delegate {
                        of: root.at.clone(),
                        rule: crate::edit::rules::words(rule, index),
                    });
                }
            }
        }
        if deeds.is_empty() { vec![Deed::NobodysDelegate] } else { deeds }
    }

    /// What of it can do nothing anywhere.
    fn odd(&self, at: &Ref, view: &VirtualService) -> Vec<Deed> {
        if view.http.is_empty() && view.tcp.is_empty() && view.tls.is_empty() {
            return vec![Deed::NoRules];
        }
        let (_, missing) = written_out(view, &at.namespace, self.handed(&at.namespace));
        let nobody = missing.iter().filter_map(|missing| {
            let index = missing.index;
            let rule = crate::edit::rules::words(view.http.get(index)?, index);
            let to = format!("{}/{}", missing.namespace, missing.name);
            Some(Deed::HandsOverToNobody { index, rule, to })
        });
        let mut deeds: Vec<Deed> = nobody.collect();
        let nowhere = |rule: &HttpRoute| {
            rule.route.is_empty()
                && rule.redirect.is_none()
                && rule.direct_response.is_none()
                && rule.delegate.is_none()
        };
        let http = view.http.iter().map(nowhere).enumerate().map(|(at, hollow)| ("http", at, hollow));
        let tls = view.tls.iter().map(|rule| rule.route.is_empty()).enumerate();
        let tcp = view.tcp.iter().map(|rule| rule.route.is_empty()).enumerate();
        let all = http
            .chain(tls.map(|(at, hollow)| ("tls", at, hollow)))
            .chain(tcp.map(|(at, hollow)| ("tcp", at, hollow)));
        let hollow: Vec<String> =
            all.filter(|(_, _, hollow)| *hollow).map(|(list, at, _)| format!("spec.{list}[{at}]")).collect();
        if !hollow.is_empty() {
            deeds.push(Deed::NoDestination(hollow));
        }
        deeds
    }
}

/// Whether a rule leads to a service.
fn goes(rule: &HttpRoute, namespace: &str, service: &Service) -> bool {
    rule.route.iter().any(|row| fqdn(&row.destination.host, namespace) == service.host)
}

#[cfg(test)]
mod tests;
