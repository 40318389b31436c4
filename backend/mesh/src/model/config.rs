//! What Istio's objects say: each is read once, and found by the hosts that it names.

use super::hosts::ByHost;
use super::objects::Changed;
use super::{Configured, Objects, Revision};
use istio::views::gateway_api::{self, Route};
use istio::views::{DestinationRule, Gateway, PeerAuthentication, ServiceEntry, VirtualService};
use istio::{Object, Problem, Ref, kinds, routing, views};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Typed views of the objects of one kind.
pub(super) type Views<T> = Arc<BTreeMap<Ref, Arc<T>>>;

/// What Istio's objects say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// Raised by every change of an object of Istio, whatever it says, and of what workloads are told.
    pub(super) revision: Revision,
    pub(super) virtual_services: Views<VirtualService>,
    pub(super) destination_rules: Views<DestinationRule>,
    pub(super) gateways: Views<Gateway>,
    pub(super) service_entries: Views<ServiceEntry>,
    pub(super) peer_authentications: Views<PeerAuthentication>,
    /// HTTPRoutes and GRPCRoutes.
    pub(super) backend_routes: Views<Route>,
    /// TLSRoutes and TCPRoutes.
    pub(super) stream_routes: Views<Route>,
    /// Gateways of the Gateway API.
    pub(super) api_gateways: Views<gateway_api::Gateway>,
    /// Objects that could not be read, and why.
    pub(super) problems: Arc<BTreeMap<Ref, Problem>>,
    /// VirtualServices that route calls inside the mesh.
    pub(super) routes: Arc<ByHost>,
    pub(super) rules: Arc<ByHost>,
}

/// What a change of Istio's objects touches.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Services of these hosts, fully qualified or with a leading wildcard.
    pub(super) hosts: Vec<String>,
    /// ServiceEntries that came, went or changed: namespace and host.
    pub(super) entries: Vec<(Arc<str>, String)>,
    /// Gateways select workloads of any namespace.
    pub(super) gateways: bool,
    /// Namespaces whose policies changed.
    pub(super) policies: Vec<Arc<str>>,
}

/// Whether something else stands now where changes of workloads write.
fn operated(change: &Changed<'_>) -> bool {
    let places = change.at.kind.operates.map_or(&[][..], |operates| operates.writes);
    let at =
        |object: Option<&Object>, place: &str| object.and_then(|object| object.0.pointer(place).cloned());
    change.was.is_some() && places.iter().any(|place| at(change.was, place) != at(change.now, place))
}

impl Config {
    /// Takes in what changed, and tells what that touches.
    pub(super) fn take(&mut self, changes: &[Changed<'_>]) -> Reach {
        let mut reach = Reach::default();
        for change in changes.iter().filter(|change| change.at.kind.editable) {
            self.revision = Revision::fresh();
            self.one(change, &mut reach);
        }
        if changes.iter().any(operated) {
            self.revision = Revision::fresh();
        }
        reach
    }

    fn one(&mut self, change: &Changed<'_>, reach: &mut Reach) {
        let problems = &mut self.problems;
        match change.at.kind {
            kind if kind == &kinds::VIRTUAL_SERVICE => {
                let views = put(&mut self.virtual_services, problems, change);
                reach.hosts.extend(self.routes.moved(change, views, inside));
            }
            kind if kind == &kinds::DESTINATION_RULE => {
                let views = put(&mut self.destination_rules, problems, change);
                let host = |view: &DestinationRule| vec![view.host.clone()];
                reach.hosts.extend(self.rules.moved(change, views, host));
            }
            kind if kind == &kinds::GATEWAY => {
                let (was, now) = put(&mut self.gateways, problems, change);
                let selector = |view: Option<Arc<Gateway>>| view.map(|view| view.selector.clone());
                reach.gateways |= selector(was) != selector(now);
            }
            kind if kind == &kinds::SERVICE_ENTRY => {
                let (was, now) = put(&mut self.service_entries, problems, change);
                for view in [was, now].into_iter().flatten() {
                    let hosts = view.hosts.iter().cloned();
                    reach.entries.extend(hosts.map(|host| (change.at.namespace.clone(), host)));
                }
            }
            kind if kind == &kinds::PEER_AUTHENTICATION => {
                put(&mut self.peer_authentications, problems, change);
                reach.policies.push(change.at.namespace.clone());
            }
            kind if kind == &kinds::HTTP_ROUTE || kind == &kinds::GRPC_ROUTE => {
                put(&mut self.backend_routes, problems, change);
            }
            kind if kind == &kinds::TLS_ROUTE || kind == &kinds::TCP_ROUTE => {
                put(&mut self.stream_routes, problems, change);
            }
            kind if kind == &kinds::API_GATEWAY => {
                put(&mut self.api_gateways, problems, change);
            }
            _ => {}
        }
    }

    /// ServiceEntries of one namespace, by name.
    pub(super) fn entries(&self, namespace: &str) -> impl Iterator<Item = (&Ref, &Arc<ServiceEntry>)> {
        let all = self.service_entries.range(Ref::new(&kinds::SERVICE_ENTRY, namespace, "")..);
        all.take_while(move |(at, _)| *at.namespace == *namespace)
    }

    /// PeerAuthentications with their objects.
    pub(super) fn policies<'a>(
        &'a self,
        objects: &'a Objects,
    ) -> impl Iterator<Item = Configured<'a, PeerAuthentication>> {
        self.peer_authentications.iter().filter_map(|(at, view)| Configured::of(objects, at, &**view))
    }
}

/// Hosts that a VirtualService routes inside the mesh.
fn inside(view: &VirtualService) -> Vec<String> {
    if routing::in_mesh(&view.gateways) { view.hosts.clone() } else { Vec::new() }
}

/// Reads one object anew; the view that was and the one that is.
fn put<T: DeserializeOwned + Default>(
    views: &mut Views<T>,
    problems: &mut Arc<BTreeMap<Ref, Problem>>,
    change: &Changed<'_>,
) -> (Option<Arc<T>>, Option<Arc<T>>) {
    let read = change.now.map(views::read::<T>);
    let problem = read.as_ref().and_then(|read| Some(unreadable(change.at, read.as_ref().err()?)));
    match problem {
        Some(problem) => drop(Arc::make_mut(problems).insert(change.at.clone(), problem)),
        None if problems.contains_key(change.at) => drop(Arc::make_mut(problems).remove(change.at)),
        None => {}
    }
    let now = read.and_then(Result::ok).map(Arc::new);
    let was = match &now {
        Some(view) => Arc::make_mut(views).insert(change.at.clone(), Arc::clone(view)),
        None if views.contains_key(change.at) => Arc::make_mut(views).remove(change.at),
        None => None,
    };
    (was, now)
}

fn unreadable(at: &Ref, error: &serde_json::Error) -> Problem {
    Problem::new(
        format!("{at} cannot be read"),
        error.to_string(),
        "Correct the field; until then the object is left out here",
    )
}
