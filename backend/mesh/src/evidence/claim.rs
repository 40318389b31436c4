//! What an editor says of the configuration that its change makes:
//! `route(at, 1).at("/route/timeout").is("7s")`. A [`Claim`] names a thing of the cluster; [`Evidence::of`]
//! finds the proxies and turns it into probes.

mod differ;

use self::differ::{no_longer, without};
use super::reach::Group;
use super::{Connections, Evidence, MadeRoute, Owner, Probe, Reach, Streams, Upstream, Want};
use crate::change::Step;
use crate::rule_key::{List, RuleKey};
use crate::{Mesh, Object};
use istio::Ref;
use istio::views::gateway_api::Route;
use istio::views::{self, DestinationRule, VirtualService};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// One thing to be seen in proxies, told of what makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    thing: Thing,
    path: String,
    /// `None`: whatever stands there by default.
    want: Option<Want>,
}

#[derive(Clone, Debug, PartialEq)]
enum Thing {
    /// Routes of a VirtualService: of one of its rules, or all.
    Routes(Ref, Option<usize>),
    /// Routes of a rule of an HTTPRoute or a GRPCRoute.
    Backends(Ref, usize),
    /// Filter chains of a rule of `tcp` or `tls`.
    Streams(Ref, List, usize),
    /// Clusters of a host, as a DestinationRule wants them.
    Clusters { rule: Ref, host: String, subset: String, port: Option<u32> },
    /// The route of a host without a VirtualService, in the proxies for which this DestinationRule counts.
    Direct { rule: Ref, host: String, port: Option<u32> },
    /// Everything for a host.
    Host { proxies: Vec<String>, host: String },
    /// Inbound ports of proxies.
    Inbound { proxies: Vec<String>, port: Option<u32>, except: Vec<u32> },
    /// Filters of proxies on what comes in, or on what goes out.
    Filters { proxies: Vec<String>, names: Vec<String>, out: bool, port: Option<u32> },
    /// A part of the configuration of these proxies.
    Of { proxies: Vec<String>, owner: Owner },
}

/// The routes of a rule: its position among the `http` of a VirtualService.
pub fn route(virtual_service: &Ref, rule: usize) -> Claim {
    Claim::of(Thing::Routes(virtual_service.clone(), Some(rule)))
}

/// All routes of a VirtualService: as many, for such requests and in such an order as its rules say; none
/// where it is not there. Shows rules that come, go, move, or take other requests.
pub fn routes(virtual_service: &Ref) -> Claim {
    Claim::of(Thing::Routes(virtual_service.clone(), None))
}

/// The routes of a rule of an HTTPRoute or a GRPCRoute: its position among the `rules`.
pub fn backends(route: &Ref, rule: usize) -> Claim {
    Claim::of(Thing::Backends(route.clone(), rule))
}

/// What takes connections by a rule: its position in the list (`tcp`, `tls`) of a VirtualService.
pub fn streams(virtual_service: &Ref, list: List, rule: usize) -> Claim {
    Claim::of(Thing::Streams(virtual_service.clone(), list, rule))
}

/// The clusters of a host (fully qualified) in the proxies for which this DestinationRule counts.
pub fn cluster(destination_rule: &Ref, host: &str) -> Claim {
    let (rule, host, subset) = (destination_rule.clone(), host.to_owned(), String::new());
    Claim::of(Thing::Clusters { rule, host, subset, port: None })
}

/// The route of calls to a host (fully qualified) that no VirtualService routes, in the proxies for which this
/// DestinationRule counts.
pub fn direct(destination_rule: &Ref, host: &str) -> Claim {
    Claim::of(Thing::Direct { rule: destination_rule.clone(), host: host.to_owned(), port: None })
}

/// Everything for a host (fully qualified) in these proxies: present where they are told of it.
pub fn host(proxies: impl IntoIterator<Item = String>, host: &str) -> Claim {
    Claim::of(Thing::Host { proxies: proxies.into_iter().collect(), host: host.to_owned() })
}

/// The cluster of a host's port (fully qualified) in these proxies.
pub fn service(proxies: impl IntoIterator<Item = String>, host: &str, port: u32) -> Claim {
    let owner = Owner::Clusters { host: host.to_owned(), subset: String::new(), port: Some(port) };
    Claim::of(Thing::Of { proxies: proxies.into_iter().collect(), owner })
}

/// What these proxies were told of who stands behind a host's port.
pub fn endpoints(proxies: impl IntoIterator<Item = String>, host: &str, port: u32) -> Claim {
    let owner = Owner::Endpoints { host: host.to_owned(), port };
    Claim::of(Thing::Of { proxies: proxies.into_iter().collect(), owner })
}

/// What these gateways do with connections at a port of their pods that ask for these names.
pub fn chain(proxies: impl IntoIterator<Item = String>, port: u32, names: Vec<String>) -> Claim {
    let owner = Owner::Chain { port, names };
    Claim::of(Thing::Of { proxies: proxies.into_iter().collect(), owner })
}

/// What these gateways do with calls of a host at the port of a server, and of their pods.
pub fn virtual_host(
    proxies: impl IntoIterator<Item = String>,
    host: &str,
    (port, inside): (u32, u32),
) -> Claim {
    let inside = (inside != port).then(|| format!("{host}:{inside}"));
    let owner = Owner::VirtualHost { name: format!("{host}:{port}"), inside };
    Claim::of(Thing::Of { proxies: proxies.into_iter().collect(), owner })
}

/// What these proxies do with calls of a host by their own name for it ("shop.example:80"); "" is all hosts.
pub fn named_host(proxies: impl IntoIterator<Item = String>, name: &str) -> Claim {
    let owner = Owner::VirtualHost { name: name.to_owned(), inside: None };
    Claim::of(Thing::Of { proxies: proxies.into_iter().collect(), owner })
}

/// What takes connections for the ports of these proxies' workloads.
pub fn inbound(proxies: impl IntoIterator<Item = String>) -> Claim {
    let proxies = proxies.into_iter().collect();
    Claim::of(Thing::Inbound { proxies, port: None, except: Vec::new() })
}

/// Filters of these names on what comes in to these proxies.
pub fn filters(proxies: impl IntoIterator<Item = String>, names: &[&str]) -> Claim {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Claim::of(Thing::Filters { proxies: proxies.into_iter().collect(), names, out: false, port: None })
}

impl Claim {
    fn of(thing: Thing) -> Self {
        Self { thing, path: String::new(), want: Some(Want::Present) }
    }

    /// Of this subset only.
    #[must_use]
    pub fn subset(mut self, name: &str) -> Self {
        if let Thing::Clusters { subset, .. } = &mut self.thing {
            name.clone_into(subset);
        }
        self
    }
    /// Of this port only.
    #[must_use]
    pub fn port(mut self, number: u32) -> Self {
        match &mut self.thing {
            Thing::Clusters { port, .. }
            | Thing::Direct { port, .. }
            | Thing::Inbound { port, .. }
            | Thing::Filters { port, .. } => *port = Some(number),
            _ => {}
        }
        self
    }
    /// Filters on what goes out.
    #[must_use]
    pub fn outgoing(mut self) -> Self {
        if let Thing::Filters { out, .. } = &mut self.thing {
            *out = true;
        }
        self
    }
    /// Of all ports but these.
    #[must_use]
    pub fn except(mut self, ports: Vec<u32>) -> Self {
        if let Thing::Inbound { except, .. } = &mut self.thing {
            *except = ports;
        }
        self
    }
    /// The place in it, as a JSON pointer in Envoy's names.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }
    /// This value stands there; `None` is what stands there by default, when nothing is said.
    #[must_use]
    pub fn is(self, value: impl Into<Value>) -> Self {
        let value = value.into();
        let want = if value.is_null() { None } else { Some(Want::Is(value)) };
        Self { want, ..self }
    }
    /// So many percent.
    #[must_use]
    pub fn percent(self, percent: f64) -> Self {
        self.wants(Want::Percent(percent))
    }
    /// Nothing stands there.
    #[must_use]
    pub fn absent(self) -> Self {
        self.wants(Want::Absent)
    }
    /// A route, or what takes connections, goes to these destinations.
    #[must_use]
    pub fn weights(self, weights: Vec<(Upstream, u32)>) -> Self {
        let at = if matches!(self.thing, Thing::Streams(..)) { "" } else { "/route" };
        self.at(at).wants(Want::Weights(weights))
    }
    /// Such connections are taken.
    #[must_use]
    pub fn takes(self, connections: Connections) -> Self {
        self.wants(Want::Takes(connections))
    }
    /// Anything else that can be wanted.
    #[must_use]
    pub fn wants(self, want: Want) -> Self {
        Self { want: Some(want), ..self }
    }

    /// Whether both are of the same place.
    fn meets(&self, other: &Self) -> bool {
        self.thing == other.thing && self.path == other.path
    }
}

impl Evidence {
    /// What shows that steps were done, and what showed that they were not yet. Of a place whose default is
    /// claimed, it shows that it no longer holds what the other side claims there. What holds before and
    /// after shows nothing.
    pub fn of(mesh: &Mesh, steps: &[Step], claims: &[Claim], was_claims: &[Claim]) -> Self {
        let (reach, known) = (Reach::of(mesh), Known::default());
        let side = |after| Side { mesh, reach: &reach, known: &known, steps, after };
        let mut probes = side(true).probes(claims, was_claims);
        let mut was = side(false).probes(was_claims, claims);
        // The routes as a whole are claimed on one side, and known on both.
        let whole = |claims: &[Claim]| {
            claims.iter().filter(|claim| matches!(claim.thing, Thing::Routes(_, None))).cloned().collect()
        };
        let (of_claims, of_was): (Vec<Claim>, Vec<Claim>) = (whole(claims), whole(was_claims));
        let known = [probes.clone(), side(true).probes(&of_was, &[])].concat();
        let was_known = [was.clone(), side(false).probes(&of_claims, &[])].concat();
        without(&mut probes, &was_known);
        without(&mut was, &known);
        let (now, then) = (probes.clone(), was.clone());
        no_longer(&mut probes, &then);
        no_longer(&mut was, &now);
        Self { probes, was, ..Self::default() }
    }

    /// Whether claims are of any proxy at all, whatever of them holds before and after.
    pub fn reaches(mesh: &Mesh, steps: &[Step], [now, was]: [&[Claim]; 2]) -> bool {
        let (reach, known) = (Reach::of(mesh), Known::default());
        let side = |after| Side { mesh, reach: &reach, known: &known, steps, after };
        !side(true).probes(now, was).is_empty() || !side(false).probes(was, now).is_empty()
    }
}

/// Whom objects reach, found once for all claims of them: each looks at all workloads.
#[derive(Default)]
struct Known {
    /// By VirtualService, rule, and whether it is the one after the steps.
    routes: Found<(Ref, Option<usize>, bool), Rc<[Group]>>,
    /// By DestinationRule, host, and whether it is the one after the steps.
    clusters: Found<(Ref, String, String, bool), Arc<[String]>>,
}

type Found<K, T> = RefCell<BTreeMap<K, T>>;

/// The mesh before some steps, or after them.
#[derive(Clone, Copy)]
struct Side<'a> {
    mesh: &'a Mesh,
    reach: &'a Reach<'a>,
    known: &'a Known,
    steps: &'a [Step],
    after: bool,
}

impl Side<'_> {
    fn probes(&self, claims: &[Claim], others: &[Claim]) -> Vec<Probe> {
        let mut all: Vec<Probe> = Vec::new();
        for claim in claims {
            let want = match &claim.want {
                Some(want) => want.clone(),
                None => {
                    match others.iter().find(|other| other.meets(claim)).and_then(|other| other.want.clone())
                    {
                        Some(other) => Want::Not(Box::new(other)),
                        None => continue,
                    }
                }
            };
            for probe in self.probe(claim, want) {
                if !probe.proxies.is_empty() && !all.contains(&probe) {
                    all.push(probe);
                }
            }
        }
        all
    }

    fn probe(&self, claim: &Claim, want: Want) -> Vec<Probe> {
        let path = claim.path.clone();
        match &claim.thing {
            Thing::Routes(at, rule) => self.of_routes(at, *rule, path, want),
            Thing::Backends(at, rule) => self.of_backends(at, *rule, path, want),
            Thing::Streams(at, list, rule) => {
                let Some(view) = self.view::<VirtualService>(at) else { return Vec::new() };
                let groups = self.reach.streams(at, &view, *list, *rule).into_iter();
                let probe = |(proxies, streams): (Vec<String>, Streams)| {
                    let owner = Owner::Streams(streams);
                    Probe { proxies: proxies.into(), owner, path: path.clone(), want: want.clone() }
                };
                groups.map(probe).collect()
            }
            Thing::Clusters { rule, host, subset, port } => {
                let owner = Owner::Clusters { host: host.clone(), subset: subset.clone(), port: *port };
                self.of_rule(rule, host, subset)
                    .map(|proxies| Probe { proxies, owner, path, want })
                    .into_iter()
                    .collect()
            }
            Thing::Direct { rule, host, port } => {
                let owner = Owner::Direct { host: host.clone(), port: *port };
                self.of_rule(rule, host, "")
                    .map(|proxies| Probe { proxies, owner, path, want })
                    .into_iter()
                    .collect()
            }
            Thing::Host { proxies, host } => {
                let owner = Owner::Host { host: host.clone() };
                vec![Probe { proxies: proxies.as_slice().into(), owner, path, want }]
            }
            Thing::Inbound { proxies, port, except } => {
                let owner = Owner::Inbound { port: *port, except: except.clone() };
                vec![Probe { proxies: proxies.as_slice().into(), owner, path, want }]
            }
            Thing::Filters { proxies, names, out, port } => {
                let owner = Owner::Filters { names: names.clone(), out: *out, port: *port };
                vec![Probe { proxies: proxies.as_slice().into(), owner, path, want }]
            }
            Thing::Of { proxies, owner } => {
                vec![Probe { proxies: proxies.as_slice().into(), owner: owner.clone(), path, want }]
            }
        }
    }

    /// Proxies for which a DestinationRule counts, before the steps or after them.
    fn of_rule(&self, rule: &Ref, host: &str, subset: &str) -> Option<Arc<[String]>> {
        self.clusters(rule, host, subset).or_else(|| self.other().clusters(rule, host, subset))
    }

    fn of_routes(&self, at: &Ref, rule: Option<usize>, path: String, want: Want) -> Vec<Probe> {
        let Some(view) = self.view::<VirtualService>(at) else {
            // It is not there: proxies that hold its routes on the other side have none of it.
            let there = self.other().view::<VirtualService>(at);
            let groups = there.map(|view| self.other().routes(at, &view, rule));
            let proxies = groups.iter().flat_map(|groups| groups.iter());
            let proxies: Vec<String> = proxies.flat_map(|group| group.proxies.clone()).collect();
            let owner = Owner::Routes { of: at.clone(), rule: None, made: Arc::new([]) };
            return vec![Probe { proxies: proxies.into(), owner, path: String::new(), want: Want::Absent }];
        };
        // A rule that is not there: the others are.
        let (rule, path, want) = match rule {
            Some(rule) if rule >= view.http.len() => (None, String::new(), Want::Present),
            rule => (rule, path, want),
        };
        let key = rule.and_then(|rule| RuleKey::all(self.object(at)?.spec()).into_iter().nth(rule));
        let groups = self.routes(at, &view, rule);
        let meant = |group: &&Group| {
            group.made.iter().any(|route| matches!(route, MadeRoute::One { meant: true, .. }))
        };
        let probe = |group: &Group| Probe {
            proxies: group.proxies.clone().into(),
            owner: Owner::Routes { of: at.clone(), rule: key.clone(), made: group.made.clone().into() },
            path: path.clone(),
            want: want.clone(),
        };
        let mut probes: Vec<Probe> = groups.iter().filter(meant).map(probe).collect();
        // Proxies that see it on the other side only have none of it.
        let there = self.other().view::<VirtualService>(at).filter(|_| rule.is_none());
        if let Some(there) = there.filter(|there| there.export_to != view.export_to) {
            let here: BTreeSet<&String> = groups.iter().flat_map(|group| &group.proxies).collect();
            let all = self.other().routes(at, &there, rule);
            let lost = all.iter().flat_map(|group| &group.proxies).filter(|proxy| !here.contains(proxy));
            let lost: Vec<String> = lost.cloned().collect();
            let owner = Owner::Routes { of: at.clone(), rule: None, made: Arc::new([]) };
            probes.push(Probe { proxies: lost.into(), owner, path: String::new(), want: Want::Absent });
        }
        probes
    }

    fn of_backends(&self, at: &Ref, rule: usize, path: String, want: Want) -> Vec<Probe> {
        let Some(view) = self.view::<Route>(at) else { return Vec::new() };
        let Some(of) = view.rules.get(rule) else { return Vec::new() };
        let numbered = format!("{}.{}.{rule}", at.namespace, at.name);
        let names = of.name.iter().cloned().chain([numbered]).collect();
        let proxies = self.reach.backends(at, &view).into();
        let hosts = Reach::bound_to(at, &view);
        vec![Probe { proxies, owner: Owner::Backends { names, hosts }, path, want }]
    }

    fn routes(&self, at: &Ref, view: &VirtualService, rule: Option<usize>) -> Rc<[Group]> {
        let mut known = self.known.routes.borrow_mut();
        let of = known.entry((at.clone(), rule, self.after));
        Rc::clone(of.or_insert_with(|| self.reach.routes(at, view, rule).into()))
    }

    /// Proxies that take what a DestinationRule says of a host; `None` when there is no such rule.
    fn clusters(&self, at: &Ref, host: &str, subset: &str) -> Option<Arc<[String]>> {
        let view = self.view::<DestinationRule>(at)?;
        let mut known = self.known.clusters.borrow_mut();
        let of = known.entry((at.clone(), host.to_owned(), subset.to_owned(), self.after));
        Some(Arc::clone(of.or_insert_with(|| self.reach.clusters(at, &view, host, subset).into())))
    }

    fn other(&self) -> Self {
        Self { after: !self.after, ..*self }
    }

    fn object(&self, at: &Ref) -> Option<&Object> {
        match self.steps.iter().rev().find(|step| step.at == *at) {
            Some(step) if self.after => step.after.as_ref(),
            Some(step) => step.before.as_ref(),
            None => self.mesh.objects().get(at),
        }
    }

    fn view<T: serde::de::DeserializeOwned + Default>(&self, at: &Ref) -> Option<T> {
        views::read(self.object(at)?).ok()
    }
}
