//! Ways into the mesh: Istio's Gateways, the routes that are bound to them, and what gateways' proxies do with
//! calls once their servers are others.

use crate::evidence::{Claim, Want, chain, virtual_host};
use crate::model::Configured;
use crate::plan::Plan;
use crate::roles::{Missed, idle, taken};
use crate::{Mesh, Ref, Workload};
use istio::precedence::by_age;
use istio::routing::{gateway, served};
use istio::views::{Gateway, Server, ServerTls, VirtualService};
use istio::visibility::exported;
use istio::{Selects, WorkloadId, fqdn, kinds};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A Gateway of a workload, or the place of one that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WayAt {
    /// One that is there.
    Of(Ref, WorkloadId),
    /// One for this workload.
    New(WorkloadId),
}

impl WayAt {
    /// Whose pods take its calls.
    pub fn workload(&self) -> &WorkloadId {
        match self {
            Self::Of(_, workload) | Self::New(workload) => workload,
        }
    }
}

/// The Gateways that a workload opens, the oldest first.
pub fn ways(mesh: &Mesh, workload: &Workload) -> Vec<Ref> {
    opened(mesh, workload, None).into_iter().map(|(at, _)| at).collect()
}

/// The labels by which a new Gateway chooses a workload.
pub fn selector(mesh: &Mesh, workload: &Workload) -> Value {
    match workload.labels.get("istio") {
        Some(istio) => json!({ "istio": istio }),
        None => json!(super::mtls::selector(mesh, workload)),
    }
}

/// A VirtualService that names a Gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// Its name.
    pub at: Ref,
    /// The hosts whose calls it takes there.
    pub hosts: Vec<String>,
    /// Why it does nothing there, or not for all of its hosts.
    pub missed: Vec<String>,
}

/// The VirtualServices that name a Gateway, the oldest first.
pub fn bound(mesh: &Mesh, at: &Ref) -> Vec<Bound> {
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

/// VirtualServices that name Gateways which are not there, with their names: "shop/web".
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
    found
}

/// What is odd about a Gateway as it will be.
pub fn doubts(mesh: &Mesh, at: &WayAt, view: &Gateway) -> Vec<String> {
    let mut told: Vec<String> = idle(mesh, view).map(|why| format!("No effect: {why}")).into_iter().collect();
    let mut seen: Vec<(u32, &str, usize)> = Vec::new();
    for (index, server) in view.servers.iter().enumerate() {
        for host in server.hosts.iter().map(|host| without_scope(host)) {
            let port = server.port.number;
            match seen.iter().find(|(number, name, _)| (*number, *name) == (port, host)) {
                Some((.., first)) => told.push(format!(
                    "Servers {} and {} are both for {host} at port {port}: the first alone counts where they \
                     differ",
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
            WayAt::New(_) => None,
        };
        for (other, there) in opened(mesh, workload, None) {
            let twice = there.servers.iter().filter(|_| Some(&other) != own).find_map(|server| {
                let hosts = server.hosts.iter().map(|host| without_scope(host));
                let mut hosts = hosts.filter(|_| server.tls.as_ref().is_some_and(|tls| !tls.https_redirect));
                hosts.find(|host| {
                    seen.iter().any(|(port, name, _)| (*port, *name) == (server.port.number, *host))
                })
            });
            if let Some(host) = twice {
                told.push(format!("{other} has a server for {host} at the same port: the older one counts"));
            }
        }
    }
    told
}

/// Hosts of a Gateway whose calls no VirtualService takes: they are answered with 404. Servers that pass bytes
/// on or only redirect ask for none.
pub fn unrouted(mesh: &Mesh, at: &WayAt, view: &Gateway) -> Vec<String> {
    let WayAt::Of(at, _) = at else { return Vec::new() };
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
pub fn credentials(view: &Gateway, namespace: &str) -> Vec<(String, String, String)> {
    let mut all: Vec<(String, String, String)> = Vec::new();
    for tls in view.servers.iter().filter_map(|server| server.tls.as_ref()) {
        for named in names(tls) {
            let (of, name) =
                match named.strip_prefix("kubernetes-gateway://").and_then(|rest| rest.split_once('/')) {
                    Some(found) => found,
                    None => (namespace, named.strip_prefix("kubernetes://").unwrap_or(named)),
                };
            let one = (named.clone(), of.to_owned(), name.to_owned());
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

/// Makes a Gateway for a workload, with this selector and these servers.
pub fn create(plan: &mut Plan<'_>, workload: &WorkloadId, spec: Value) -> Option<Ref> {
    let name = format!("{}-gateway", workload.name);
    plan.create(&kinds::GATEWAY, &workload.namespace, [&workload.name, &name], spec)
}

/// Says what the proxies of gateways do with calls once a Gateway is as planned, and what they did before.
pub fn claims(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    let (now, was): (Option<Gateway>, Option<Gateway>) = (plan.after(at), plan.before(at));
    for workload in mesh.workloads().filter(|workload| workload.gateway) {
        let of = |view: &Option<Gateway>| view.as_ref().is_some_and(|view| takes(view, workload));
        if !of(&now) && !of(&was) {
            continue;
        }
        let side = |view: &Option<Gateway>| {
            Open::of(mesh, workload, opened(mesh, workload, Some((at, view.as_ref()))))
        };
        let (now, was) = (side(&now), side(&was));
        let claims = |one: &Open, other: &Open| one.claims(workload, other);
        plan.claims(claims(&now, &was), claims(&was, &now));
    }
}

/// Whether a Gateway is for a workload.
fn takes(view: &Gateway, workload: &Workload) -> bool {
    workload.gateway && Selects::narrowing(Some(&view.selector)).takes(&workload.labels)
}

/// The Gateways that a workload opens, the oldest first; one of them as it will be.
fn opened<'a>(
    mesh: &'a Mesh,
    workload: &Workload,
    changed: Option<(&Ref, Option<&'a Gateway>)>,
) -> Vec<(Ref, &'a Gateway)> {
    let there = mesh.gateways().filter(|(at, _)| changed.is_none_or(|(other, _)| other != *at));
    let mut all: Vec<(Ref, &str, &Gateway)> = there
        .filter(|(_, view)| takes(view, workload))
        .filter_map(|(at, view)| Some((at.clone(), mesh.objects().get(at)?.created(), view)))
        .collect();
    if let Some((at, Some(view))) = changed.filter(|(_, view)| view.is_some_and(|view| takes(view, workload)))
    {
        // One that is not there yet is the youngest.
        let created = mesh.objects().get(at).map_or("~", |object| object.created());
        all.push((at.clone(), created, view));
    }
    all.sort_by(|one, other| {
        let of = |(at, created, spec): &'_ (Ref, &str, &Gateway)| {
            (created.to_string(), at.name.clone(), at.namespace.clone(), spec.servers.len())
        };
        of(one).cmp(&of(other))
    });
    all.into_iter().map(|(at, _, view)| (at, view)).collect()
}

/// How a server takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taking {
    /// HTTP in plain text.
    Http,
    /// HTTP behind TLS that ends here.
    Https,
    /// Bytes, behind TLS or not.
    Bytes,
}

impl Taking {
    fn of(server: &Server) -> Self {
        let mode = server.tls.as_ref().map_or("", |tls| tls.mode.as_deref().unwrap_or("PASSTHROUGH"));
        match (server.port.protocol.to_ascii_uppercase().as_str(), mode) {
            ("HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB", _) => Self::Http,
            ("HTTPS", "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" | "ISTIO_MUTUAL") => Self::Https,
            _ => Self::Bytes,
        }
    }
}

fn redirects(server: &Server) -> bool {
    server.tls.as_ref().is_some_and(|tls| tls.https_redirect)
}

fn without_scope(host: &str) -> &str {
    host.split_once('/').map_or(host, |(_, host)| host)
}

/// What a gateway's proxies have open.
#[derive(Default)]
struct Open {
    /// Ports of the pods that take plain HTTP.
    plain: BTreeSet<u32>,
    /// Ports of the pods at which bytes are passed on: what they are open for, routes say.
    bytes: BTreeSet<u32>,
    /// Hosts, each at the port of its server, and whether its calls are only sent on to HTTPS.
    hosts: BTreeMap<(String, u32), bool>,
    /// TLS that ends here, by the port of the pods and the names that are asked for.
    secured: BTreeMap<(u32, Vec<String>), ServerTls>,
}

impl Open {
    fn of(mesh: &Mesh, workload: &Workload, gateways: Vec<(Ref, &Gateway)>) -> Self {
        let mut open = Self::default();
        let mut known: BTreeSet<(u32, String)> = BTreeSet::new();
        for (at, view) in gateways {
            for server in &view.servers {
                let (port, inside) = (server.port.number, inside(mesh, workload, server.port.number));
                match Taking::of(server) {
                    Taking::Bytes => drop(open.bytes.insert(inside)),
                    Taking::Http => {
                        open.plain.insert(inside);
                        open.serve(mesh, workload, &at, server, port);
                    }
                    Taking::Https => {
                        let asked = server.hosts.iter().map(|host| without_scope(host).to_owned());
                        let mut names: Vec<String> = asked.collect();
                        if names.iter().any(|name| name == "*") {
                            names.clear();
                        }
                        names.retain(|name| known.insert((inside, name.clone())));
                        let fresh = !names.is_empty() || !open.secured.contains_key(&(inside, Vec::new()));
                        if fresh {
                            let tls = server.tls.clone().unwrap_or_default();
                            open.secured.insert((inside, names), tls);
                            open.serve(mesh, workload, &at, server, port);
                        }
                    }
                }
            }
        }
        open
    }

    /// Notes the hosts of a server that routes lead on from.
    fn serve(&mut self, mesh: &Mesh, workload: &Workload, at: &Ref, server: &Server, port: u32) {
        for (of, rules) in mesh.virtual_services() {
            let named = rules
                .gateways
                .iter()
                .any(|name| gateway(name, &of.namespace) == Some((&*at.namespace, &*at.name)));
            if !named || !exported(&rules.export_to, &[], &of.namespace, &workload.namespace) {
                continue;
            }
            let asked = rules.hosts.iter().map(|host| fqdn(host, &of.namespace));
            for host in asked.filter_map(|host| served(&server.hosts, &at.namespace, &host, &of.namespace)) {
                *self.hosts.entry((host, port)).or_default() |= redirects(server);
            }
        }
        for host in server.hosts.iter().filter(|_| redirects(server)) {
            self.hosts.insert((without_scope(host).to_owned(), port), true);
        }
    }

    /// What the proxies of a workload show of it; `other` is what is open before it or after it.
    fn claims(&self, workload: &Workload, other: &Self) -> Vec<Claim> {
        let at = |port: u32, names: &[String]| chain(workload.proxies(), port, names.to_vec());
        let mut claims: Vec<Claim> = self.plain.iter().map(|port| at(*port, &[])).collect();
        let closed = other.plain.difference(&self.plain).filter(|port| !self.bytes.contains(*port));
        let closed = closed.filter(|port| !self.secured.contains_key(&(**port, Vec::new())));
        claims.extend(closed.map(|port| at(*port, &[]).wants(Want::Absent)));
        for ((host, port), redirected) in &self.hosts {
            let place = virtual_host(workload.proxies(), host, *port);
            claims.push(place.clone());
            let place = place.at("/require_tls");
            claims.push(if *redirected {
                place.is("ALL")
            } else {
                place.wants(Want::IsFirst("NONE".into()))
            });
        }
        let gone = other.hosts.keys().filter(|key| !self.hosts.contains_key(*key));
        claims.extend(
            gone.map(|(host, port)| virtual_host(workload.proxies(), host, *port).wants(Want::Absent)),
        );
        for ((port, names), tls) in &self.secured {
            claims.extend(secured(&at(*port, names), tls));
        }
        let gone = other.secured.keys().filter(|key| !self.secured.contains_key(*key));
        let gone = gone.filter(|(port, names)| !names.is_empty() || !self.plain.contains(port));
        claims.extend(gone.map(|(port, names)| at(*port, names).wants(Want::Absent)));
        claims
    }
}

const CONTEXT: &str = "/transport_socket/typed_config/common_tls_context";

/// What a chain shows of TLS that ends there.
fn secured(place: &Claim, tls: &ServerTls) -> Vec<Claim> {
    let at = |path: &str| place.clone().at(&format!("{CONTEXT}/{path}"));
    let mode = tls.mode.as_deref().unwrap_or_default();
    let version = |said: &Option<String>| {
        let said = said.as_deref().and_then(|said| said.strip_prefix("TLSV"));
        said.map_or(Value::Null, |rest| format!("TLSv{rest}").into())
    };
    let named =
        |name: &String| if name.contains("://") { name.clone() } else { format!("kubernetes://{name}") };
    let certificate = names(tls).next().map_or(Value::Null, |name| named(name).into());
    let asks = matches!(mode, "MUTUAL" | "OPTIONAL_MUTUAL");
    let listed = |all: &[String]| if all.is_empty() { Value::Null } else { json!(all) };
    let mut claims = vec![
        place.clone(),
        place
            .clone()
            .at("/transport_socket/typed_config/require_client_certificate")
            .is(matches!(mode, "MUTUAL" | "ISTIO_MUTUAL")),
        at("tls_params/tls_minimum_protocol_version").is(version(&tls.min_protocol_version)),
        at("tls_params/tls_maximum_protocol_version").is(version(&tls.max_protocol_version)),
        at("tls_params/cipher_suites").is(listed(&tls.cipher_suites)),
        at("tls_certificate_sds_secret_configs/0/name").is(certificate),
    ];
    let named: Vec<Value> =
        tls.subject_alt_names.iter().map(|name| json!({ "matcher": { "exact": name } })).collect();
    let proven = "combined_validation_context/default_validation_context/match_typed_subject_alt_names";
    if mode != "ISTIO_MUTUAL" {
        claims.push(at("combined_validation_context").wants(if asks { Want::Present } else { Want::Absent }));
        claims.push(at(proven).is(if asks && !named.is_empty() { named.into() } else { Value::Null }));
    }
    claims
}

/// The port of the pods behind a port of the gateway's Service; the port itself without one.
fn inside(mesh: &Mesh, workload: &Workload, port: u32) -> u32 {
    let services = mesh.part(&workload.namespace).into_iter().flat_map(|part| part.services());
    let mut of = services.filter(|service| service.workloads.iter().any(|one| one.name == workload.name));
    let found = of.find_map(|service| service.ports.iter().find(|own| own.number == port));
    found.map_or(port, |own| own.target)
}
