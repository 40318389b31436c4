//! Ways into the mesh: Istio's Gateways and those of the Gateway API, the routes that are bound to them, and
//! what gateways' proxies do with calls once their servers are others.

mod api;
mod open;

use crate::model::Configured;
use crate::plan::Plan;
use crate::roles::{Missed, idle, taken};
use crate::{Mesh, Ref, Workload};
use istio::precedence::by_age;
use istio::routing::{gateway, served};
use istio::views::gateway_api::{self, Listener};
use istio::views::{Gateway, Server, ServerTls, VirtualService};
use istio::visibility::exported;
use istio::{Kind, Selects, WorkloadId, fqdn, kinds};
use open::{Open, Taking, redirects, without_scope};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A Gateway of a workload, or the place of one that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WayAt {
    /// One that is there.
    Of(Ref, WorkloadId),
    /// One of this kind for this workload.
    New(&'static Kind, WorkloadId),
}

impl WayAt {
    /// Whose pods take its calls.
    pub fn workload(&self) -> &WorkloadId {
        match self {
            Self::Of(_, workload) | Self::New(_, workload) => workload,
        }
    }

    /// Whether it is of the Gateway API.
    pub fn is_of_api(&self) -> bool {
        let kind = match self {
            Self::Of(at, _) => at.kind,
            Self::New(kind, _) => kind,
        };
        kind == &kinds::API_GATEWAY
    }

    /// The namespace that it stands in.
    pub fn namespace(&self) -> &str {
        match self {
            Self::Of(at, _) => &at.namespace,
            Self::New(_, workload) => &workload.namespace,
        }
    }
}

/// What a Gateway says.
#[derive(Clone, Debug)]
pub enum Said {
    /// Istio's.
    Istio(Gateway),
    /// One of the Gateway API.
    Api(gateway_api::Gateway),
}

/// The Gateways that a workload opens, the oldest first.
pub fn ways(mesh: &Mesh, workload: &Workload) -> Vec<Ref> {
    opened(mesh, workload, None).into_iter().map(|way| way.at).collect()
}

/// The labels by which a new Gateway chooses a workload.
pub fn selector(mesh: &Mesh, workload: &Workload) -> Value {
    match workload.labels.get("istio") {
        Some(istio) => json!({ "istio": istio }),
        None => json!(super::mtls::selector(mesh, workload)),
    }
}

/// The spec of a new Gateway of the Gateway API for a workload: its Service is named, so that Istio starts no
/// pods of its own for it.
pub fn addressed(mesh: &Mesh, workload: &Workload) -> Value {
    let services = mesh.part(&workload.namespace).into_iter().flat_map(|part| part.services());
    let of = services.filter(|service| service.workloads.iter().any(|one| one.name == workload.name));
    let addresses = of.take(1).map(|service| json!({ "type": "Hostname", "value": service.host }));
    json!({ "gatewayClassName": "istio", "addresses": addresses.collect::<Vec<_>>() })
}

/// A route that names a Gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Its name.
    pub at: Ref,
    /// The hosts whose calls it takes there.
    pub hosts: Vec<String>,
    /// Why it does nothing there, or not for all of its hosts.
    pub missed: Vec<String>,
}

/// The VirtualServices or routes that name a Gateway, the oldest first.
pub fn bound(mesh: &Mesh, at: &Ref) -> Vec<Bound> {
    if at.kind == &kinds::API_GATEWAY {
        return api::bound(mesh, at);
    }
    let names = |name: &String, of: &Ref| gateway(name, &of.namespace) == Some((&*at.namespace, &*at.name));
    let mut all: Vec<Configured<'_, VirtualService>> = mesh
        .virtual_services()
        .filter(|(of, view)| view.gateways.iter().any(|name| names(name, of)))
        .filter_map(|(of, view)| Configured::of(mesh.objects(), of, view))
        .collect();
    all.sort_by(by_age);
    let of = |rules: &Configured<'_, VirtualService>| {
        let (hosts, missed) = match taken(mesh, rules, (&at.namespace, &at.name)) {
            Ok(taken) => taken,
            Err(why) => (Vec::new(), vec![why]),
        };
        let name = format!("{}/{}", at.namespace, at.name);
        let missed = missed.iter().map(|why: &Missed| why.words(&name)).collect();
        Bound { at: rules.at.clone(), hosts, missed }
    };
    all.iter().map(of).collect()
}

/// VirtualServices and routes that name Gateways which are not there, with their names: "shop/web".
pub fn astray(mesh: &Mesh) -> Vec<(Ref, String)> {
    let mut found = Vec::new();
    for (at, view) in mesh.virtual_services() {
        for name in &view.gateways {
            let Some((namespace, name)) = gateway(name, &at.namespace) else { continue };
            let missing = mesh.gateway(&Ref::new(&kinds::GATEWAY, namespace, name)).is_none();
            if missing && mesh.unseen(&kinds::GATEWAY, namespace).is_none() {
                found.push((at.clone(), format!("{namespace}/{name}")));
            }
        }
    }
    found.extend(api::astray(mesh));
    found
}

/// What is odd about a Gateway as it will be.
pub fn doubts(mesh: &Mesh, at: &WayAt, said: &Said) -> Vec<String> {
    let mut told = match said {
        Said::Istio(view) => idle(mesh, view).map(|why| format!("No effect: {why}")).into_iter().collect(),
        Said::Api(view) => api::doubts(mesh, at, view),
    };
    let own = said.as_istio(at.namespace());
    let mut seen: Vec<(u32, &str, usize)> = Vec::new();
    for (index, server) in own.servers.iter().enumerate() {
        for host in server.hosts.iter().map(|host| without_scope(host)) {
            let port = server.port.number;
            match seen.iter().find(|(number, name, _)| (*number, *name) == (port, host)) {
                Some((.., first)) => told.push(format!(
                    "{} {} and {} are both for {host} at port {port}: the first alone counts where they differ",
                    said.parts(),
                    first + 1,
                    index + 1
                )),
                None => seen.push((port, host, index)),
            }
        }
    }
    if let Some(workload) = mesh.workload(&at.workload().namespace, &at.workload().name) {
        let own = match at {
            WayAt::Of(at, _) => Some(at),
            WayAt::New(..) => None,
        };
        for there in opened(mesh, workload, None).iter().filter(|there| Some(&there.at) != own) {
            let twice = there.view.servers.iter().find_map(|server| {
                let hosts = server.hosts.iter().map(|host| without_scope(host));
                let mut hosts = hosts.filter(|_| server.tls.as_ref().is_some_and(|tls| !tls.https_redirect));
                hosts.find(|host| {
                    seen.iter().any(|(port, name, _)| (*port, *name) == (server.port.number, *host))
                })
            });
            if let Some(host) = twice {
                let other = &there.at;
                told.push(format!("{other} has a server for {host} at the same port: the older one counts"));
            }
        }
    }
    told
}

/// Hosts of a Gateway whose calls no route takes: they are answered with 404. Servers that pass bytes on or
/// only redirect ask for none.
pub fn unrouted(mesh: &Mesh, at: &WayAt, said: &Said) -> Vec<String> {
    let WayAt::Of(at, _) = at else { return Vec::new() };
    let view = match said {
        Said::Api(view) => return api::unrouted(mesh, at, view),
        Said::Istio(view) => view,
    };
    let servers =
        view.servers.iter().filter(|server| Taking::of(server) != Taking::Bytes && !redirects(server));
    let hosts: BTreeSet<&String> = servers.flat_map(|server| &server.hosts).collect();
    let takes = |host: &str| {
        mesh.virtual_services().any(|(of, rules)| {
            let here = rules
                .gateways
                .iter()
                .any(|name| gateway(name, &of.namespace) == Some((&*at.namespace, &*at.name)));
            let mut asked = rules.hosts.iter().map(|host| fqdn(host, &of.namespace));
            here && asked
                .any(|asked| served(&[host.to_owned()], &at.namespace, &asked, &of.namespace).is_some())
        })
    };
    hosts.into_iter().filter(|host| !takes(host)).cloned().collect()
}

/// Secrets that the servers of a Gateway take their certificates from: as it names them, with the namespace
/// and the name of the Secret.
pub fn credentials(said: &Said, at: &WayAt) -> Vec<(String, String, String)> {
    let mut all: Vec<(String, String, String)> = Vec::new();
    let view = said.as_istio(at.namespace());
    for tls in view.servers.iter().filter_map(|server| server.tls.as_ref()) {
        for named in names(tls) {
            let one = match named.strip_prefix(api::SECRET).and_then(|rest| rest.split_once('/')) {
                Some((of, name)) => (name.to_owned(), of.to_owned(), name.to_owned()),
                None => {
                    let name = named.strip_prefix("kubernetes://").unwrap_or(named);
                    (named.clone(), at.workload().namespace.to_string(), name.to_owned())
                }
            };
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

fn names(tls: &ServerTls) -> impl Iterator<Item = &String> {
    tls.credential_name.iter().filter(|name| !name.is_empty()).chain(&tls.credential_names)
}

/// Makes a Gateway of a kind for a workload, with this spec.
pub fn create(plan: &mut Plan<'_>, kind: &'static Kind, workload: &WorkloadId, spec: Value) -> Option<Ref> {
    let name = format!("{}-gateway", workload.name);
    plan.create(kind, &workload.namespace, [&workload.name, &name], spec)
}

/// Says what the proxies of gateways do with calls once a Gateway is as planned, and what they did before.
pub fn claims(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    let created = mesh.objects().get(at).map_or("~", |object| object.created()).to_owned();
    let way = |said: Option<Said>| said.map(|said| Way::of(at, created.clone(), said));
    let (now, was) = if at.kind == &kinds::API_GATEWAY {
        (way(plan.after(at).map(Said::Api)), way(plan.before(at).map(Said::Api)))
    } else {
        (way(plan.after(at).map(Said::Istio)), way(plan.before(at).map(Said::Istio)))
    };
    for workload in mesh.workloads().filter(|workload| workload.gateway) {
        let of = |way: &Option<Way<'_>>| way.as_ref().is_some_and(|way| way.takes(mesh, workload));
        if !of(&now) && !of(&was) {
            continue;
        }
        let side = |way: &Option<Way<'static>>| {
            Open::of(mesh, workload, &opened(mesh, workload, Some((at, way.clone()))))
        };
        let (now, was) = (side(&now), side(&was));
        let claims = |one: &Open, other: &Open| one.claims(workload, other);
        plan.claims(claims(&now, &was), claims(&was, &now));
    }
}

impl Said {
    /// Istio's Gateway of the same meaning; of the Gateway API with a server for each listener. `namespace` is
    /// its own.
    fn as_istio(&self, namespace: &str) -> Cow<'_, Gateway> {
        match self {
            Self::Istio(view) => Cow::Borrowed(view),
            Self::Api(view) => Cow::Owned(api::as_istio(view, namespace)),
        }
    }

    /// What its servers are called.
    fn parts(&self) -> &'static str {
        match self {
            Self::Istio(_) => "Servers",
            Self::Api(_) => "Listeners",
        }
    }
}

/// A Gateway that is there, or that will be.
#[derive(Clone)]
struct Way<'a> {
    at: Ref,
    created: String,
    /// What it opens, as Istio's Gateway says it.
    view: Cow<'a, Gateway>,
    /// What it says itself, where it is of the Gateway API: a server for each listener.
    api: Option<Cow<'a, gateway_api::Gateway>>,
}

impl<'a> Way<'a> {
    fn of(at: &Ref, created: String, said: Said) -> Self {
        let (view, api) = match said {
            Said::Istio(view) => (view, None),
            Said::Api(view) => (api::as_istio(&view, &at.namespace), Some(Cow::Owned(view))),
        };
        Self { at: at.clone(), created, view: Cow::Owned(view), api }
    }

    /// Whether it is for a workload.
    fn takes(&self, mesh: &Mesh, workload: &Workload) -> bool {
        let chosen = || match &self.api {
            Some(view) => api::serves(mesh, &self.at, view, workload),
            None => Selects::narrowing(Some(&self.view.selector)).takes(&workload.labels),
        };
        workload.gateway && chosen()
    }

    /// The hosts of a server that routes lead on from.
    fn hosts(&self, mesh: &Mesh, workload: &Workload, index: usize) -> Vec<String> {
        if let Some(view) = &self.api {
            let listener: Option<&Listener> = view.listeners.get(index);
            return listener.map(|listener| api::hosts(mesh, &self.at, listener)).unwrap_or_default();
        }
        let Some(server) = self.view.servers.get(index) else { return Vec::new() };
        let mut found = Vec::new();
        for (of, rules) in mesh.virtual_services() {
            let own = Some((&*self.at.namespace, &*self.at.name));
            let named = rules.gateways.iter().any(|name| gateway(name, &of.namespace) == own);
            if named && exported(&rules.export_to, &[], &of.namespace, &workload.namespace) {
                let asked = rules.hosts.iter().map(|host| fqdn(host, &of.namespace));
                let here = |host: String| served(&server.hosts, &self.at.namespace, &host, &of.namespace);
                found.extend(asked.filter_map(here));
            }
        }
        found
    }
}

/// The hosts whose calls a gateway leads on, as its proxies name them ("shop.example:80"), each with the routes
/// of VirtualServices there that have a name.
pub fn led_on(mesh: &Mesh, workload: &Workload) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for way in opened(mesh, workload, None) {
        let http = |server: &Server| Taking::of(server) != Taking::Bytes;
        for (index, server) in way.view.servers.iter().enumerate().filter(|(_, server)| http(server)) {
            for host in way.hosts(mesh, workload, index) {
                let named = all.entry(format!("{host}:{}", server.port.number)).or_default();
                let own = Some((&*way.at.namespace, &*way.at.name));
                for (of, rules) in mesh.virtual_services() {
                    let here = |asked: &String| {
                        let asked = fqdn(asked, &of.namespace);
                        let served = served(&server.hosts, &way.at.namespace, &asked, &of.namespace);
                        served.as_ref() == Some(&host)
                    };
                    let bound = rules.gateways.iter().any(|name| gateway(name, &of.namespace) == own);
                    if bound && rules.hosts.iter().any(here) {
                        named.extend(rules.http.iter().filter_map(|rule| rule.name.clone()));
                    }
                }
            }
        }
    }
    all
}

/// The Gateways that a workload opens, the oldest first; one of them as it will be.
fn opened<'a>(mesh: &'a Mesh, workload: &Workload, changed: Option<(&Ref, Option<Way<'a>>)>) -> Vec<Way<'a>> {
    let created = |at: &Ref| mesh.objects().get(at).map_or("~", |object| object.created()).to_owned();
    let istios = mesh.gateways().map(|(at, view)| Way {
        at: at.clone(),
        created: created(at),
        view: Cow::Borrowed(view),
        api: None,
    });
    let apis = mesh.api_gateways().map(|(at, view)| {
        let (seen, api) = (api::as_istio(view, &at.namespace), Some(Cow::Borrowed(view)));
        Way { at: at.clone(), created: created(at), view: Cow::Owned(seen), api }
    });
    let other = changed.as_ref().map(|(at, _)| (*at).clone());
    let there = istios.chain(apis).filter(|way| Some(&way.at) != other.as_ref());
    // One that is not there yet is the youngest.
    let all = there.chain(changed.and_then(|(_, way)| way));
    let mut all: Vec<Way<'a>> = all.filter(|way| way.takes(mesh, workload)).collect();
    all.sort_by(|one, other| {
        let of = |way: &Way<'_>| (way.created.clone(), way.at.name.clone(), way.at.namespace.clone());
        of(one).cmp(&of(other))
    });
    all
}
