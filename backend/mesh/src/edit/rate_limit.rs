//! Rate limits: EnvoyFilters with Envoy's limits of calls in them, whoever wrote them. Either each proxy counts
//! by itself, or a service counts for all proxies by what they tell it of each call.

mod make;
mod servers;
mod shown;

pub use make::{asks_by_name, create, remove};
pub use servers::{Server, knows, servers};
pub use shown::shown;

use super::extensions;
use crate::model::Port;
use crate::{Mesh, Ref, Service, Workload};
use istio::views;
use istio::views::envoy_filter::{ConfigPatch, EnvoyFilter};
use istio::{WorkloadId, kinds};
use serde_json::Value;

const LOCAL: &str = "envoy.filters.http.local_ratelimit";
const GLOBAL: &str = "envoy.filters.http.ratelimit";
const MANAGER: &str = "envoy.filters.network.http_connection_manager";
/// How Envoy's configuration is written where its type is told apart from it.
const APART: &str = "TypedStruct";

/// Who counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// Each proxy by itself.
    Proxy,
    /// A service, for all proxies.
    Service,
    /// Nobody by this alone: it is what whoever counts is told of each call.
    Told,
}

/// Which calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calls {
    /// All of them.
    All,
    /// Those of a virtual host of Envoy's: a host of a gateway, or a port of a Service at a sidecar; maybe of one
    /// of its routes only.
    Host(String, Option<String>),
    /// Those that come in at a port of the pods.
    Port(u32),
}

impl std::fmt::Display for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let host = |name: &str| match name.strip_prefix("inbound|http|") {
            Some(port) => format!("port {port}"),
            None if name.is_empty() => "any host".to_owned(),
            None => name.to_owned(),
        };
        match self {
            Self::All => Ok(()),
            Self::Host(name, None) => f.write_str(&host(name)),
            Self::Host(name, Some(route)) => write!(f, "route {route} of {}", host(name)),
            Self::Port(port) => write!(f, "port {port}"),
        }
    }
}

/// A limit of a workload: one that is there, or one that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitOf {
    /// Whose calls.
    pub workload: WorkloadId,
    /// Who counts them.
    pub by: By,
    /// Whether it is about calls that the workload makes, instead of those that it takes.
    pub out: bool,
    /// Which calls.
    pub calls: Calls,
    /// The EnvoyFilter, and which of its patches.
    pub patch: Option<(Ref, usize)>,
}

/// All limits of a workload, and those that could be made.
pub fn limits(mesh: &Mesh, workload: &Workload) -> Vec<LimitOf> {
    let mut found = there(mesh, workload);
    let by_port =
        |one: &LimitOf| matches!(one.calls, Calls::Port(_)) && one.by == By::Proxy && !one.is_of_routes(mesh);
    // Beside a filter for one port, one for all calls would count the calls of that port twice.
    let mut fresh = Vec::new();
    if !found.iter().any(by_port) {
        fresh.extend([Calls::All].into_iter().chain(parts(mesh, workload)).map(|calls| (By::Proxy, calls)));
    }
    let counts = |by| found.iter().any(|one| one.by == by && !one.out);
    match (counts(By::Service), counts(By::Told)) {
        (true, false) => fresh.push((By::Told, Calls::All)),
        (false, _) => fresh.push((By::Service, Calls::All)),
        _ => {}
    }
    fresh.retain(|(by, calls)| {
        let same = |one: &Calls| one == calls || port_of(mesh, workload, one).as_ref() == Some(calls);
        !found.iter().any(|one| one.by == *by && !one.out && same(&one.calls))
    });
    let id = || WorkloadId::new(mesh.cluster(), workload.namespace.clone(), workload.name.clone());
    found.extend(fresh.into_iter().map(|(by, calls)| LimitOf {
        workload: id(),
        by,
        out: false,
        calls,
        patch: None,
    }));
    found.sort_by(|one, other| (one.by, one.out, &one.calls).cmp(&(other.by, other.out, &other.calls)));
    found
}

/// The limits that a workload has.
fn there(mesh: &Mesh, workload: &Workload) -> Vec<LimitOf> {
    let id = || WorkloadId::new(mesh.cluster(), workload.namespace.clone(), workload.name.clone());
    let mut found = Vec::new();
    for (at, object) in mesh.objects().of_kind(&kinds::ENVOY_FILTER) {
        let Ok(view) = views::read::<EnvoyFilter>(object) else { continue };
        if !extensions::patches(mesh, (at, &view), workload) {
            continue;
        }
        for (index, patch) in view.config_patches.iter().enumerate() {
            let Some(out) = side(patch, workload) else { continue };
            let patch_of = || Some((at.clone(), index));
            let limits = said(patch).into_iter();
            found.extend(limits.map(|(by, calls)| LimitOf {
                workload: id(),
                by,
                out,
                calls,
                patch: patch_of(),
            }));
        }
    }
    found
}

/// Whether a patch is for calls that go out of a workload's sidecar; `None` where it is not for the workload.
fn side(patch: &ConfigPatch, workload: &Workload) -> Option<bool> {
    match (patch.r#match.context.as_deref().unwrap_or("ANY"), workload.gateway) {
        ("ANY", _) | ("GATEWAY", true) | ("SIDECAR_INBOUND", false) => Some(false),
        ("SIDECAR_OUTBOUND", false) => Some(true),
        _ => None,
    }
}

/// What a patch limits, or tells of calls.
fn said(patch: &ConfigPatch) -> Vec<(By, Calls)> {
    let Some(value) = patch.patch.value.as_ref().filter(|value| value.is_object()) else { return Vec::new() };
    let routes = patch.r#match.route_configuration.as_ref();
    let vhost = routes.and_then(|routes| routes.vhost.as_ref());
    let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let host = vhost.and_then(|vhost| named(&vhost.name));
    let route = vhost.and_then(|vhost| named(&vhost.route.as_ref()?.name));
    let port = routes.and_then(|routes| routes.port_number).filter(|port| *port > 0);
    let of_host = || match (&host, &route) {
        (None, None) => port.map_or(Calls::All, Calls::Port),
        (host, route) => Calls::Host(host.clone().unwrap_or_default(), route.clone()),
    };
    let told = match patch.apply_to.as_str() {
        "HTTP_FILTER" => {
            let listener = patch.r#match.listener.as_ref();
            let port = listener.and_then(|of| of.port_number.or(of.filter_chain.as_ref()?.destination_port));
            let calls = port.filter(|port| *port > 0).map_or(Calls::All, Calls::Port);
            return match value["name"].as_str() {
                Some(LOCAL) => vec![(By::Proxy, calls)],
                Some(GLOBAL) => vec![(By::Service, calls)],
                _ => Vec::new(),
            };
        }
        "VIRTUAL_HOST" => value.get("rate_limits"),
        "HTTP_ROUTE" => value.pointer("/route/rate_limits"),
        _ => return Vec::new(),
    };
    // Told apart from a filter for all calls: it overrides that filter.
    let own = |calls| if calls == Calls::All { Calls::Host(String::new(), None) } else { calls };
    let own = per_filter(value).map(|_| (By::Proxy, own(of_host())));
    own.into_iter().chain(told.map(|_| (By::Told, of_host()))).collect()
}

/// Envoy's configuration of a filter for a virtual host or a route.
fn per_filter(value: &Value) -> Option<(&'static str, &Value)> {
    let keys = ["typed_per_filter_config", "typedPerFilterConfig"];
    keys.into_iter().find_map(|key| Some((key, value.get(key)?.get(LOCAL)?)))
}

/// The parts of a workload's calls that can have a limit of their own: ports of a sidecar; hosts of a gateway and
/// their routes that have a name.
fn parts(mesh: &Mesh, workload: &Workload) -> Vec<Calls> {
    if workload.gateway {
        let hosts = super::way_in::led_on(mesh, workload).into_iter();
        let of = |(host, routes): (String, std::collections::BTreeSet<String>)| {
            let routes = routes.into_iter().map(Some);
            let all: Vec<Calls> =
                [None].into_iter().chain(routes).map(|route| Calls::Host(host.clone(), route)).collect();
            all
        };
        return hosts.flat_map(of).collect();
    }
    // Several ports of Services may lead to one of the pods: its virtual host has the name of one of them.
    let mut ports: Vec<u32> = ports(mesh, workload).map(|port| port.target).collect();
    ports.sort_unstable();
    ports.dedup();
    ports.into_iter().map(Calls::Port).collect()
}

/// The port of the pods that a virtual host of a sidecar is for: "inbound|http|9080".
fn port_of(mesh: &Mesh, workload: &Workload, calls: &Calls) -> Option<Calls> {
    let Calls::Host(name, None) = calls else { return None };
    let number: u32 = name.strip_prefix("inbound|http|")?.parse().ok()?;
    ports(mesh, workload).find(|port| port.number == number).map(|port| Calls::Port(port.target))
}

/// Ports of services that a workload serves over HTTP.
fn ports<'a>(mesh: &'a Mesh, workload: &'a Workload) -> impl Iterator<Item = &'a Port> {
    let services = mesh.part(&workload.namespace).into_iter().flat_map(|part| part.services());
    let serves = |service: &&std::sync::Arc<Service>| {
        service.workloads.iter().any(|one| one.name == workload.name && one.namespace == workload.namespace)
    };
    services.filter(serves).flat_map(|service| &service.ports).filter(|port| port.protocol.is_http())
}

impl LimitOf {
    /// What it says, as it stands in its object.
    pub fn config<'a>(&self, mesh: &'a Mesh) -> Option<&'a Value> {
        let (at, _) = self.patch.as_ref()?;
        mesh.objects().get(at)?.0.pointer(&format!("/{}", self.place(mesh)?))
    }

    /// Where that stands: "spec/configPatches/0/patch/value/typed_config".
    pub fn place(&self, mesh: &Mesh) -> Option<String> {
        let (_, index) = self.patch.as_ref()?;
        let value = self.patch_in(mesh)?.pointer("/patch/value")?;
        let route = self.applies_to(mesh) == "HTTP_ROUTE";
        let (key, config) = match self.by {
            By::Told => {
                return Some(format!(
                    "spec/configPatches/{index}/patch/value{}",
                    if route { "/route" } else { "" }
                ));
            }
            By::Proxy if self.is_of_routes(mesh) => {
                let (key, config) = per_filter(value)?;
                (format!("{key}/{LOCAL}"), config)
            }
            By::Proxy | By::Service => {
                let key = if value.get("typedConfig").is_some() { "typedConfig" } else { "typed_config" };
                (key.to_owned(), &value[key])
            }
        };
        let apart = config["@type"].as_str().is_some_and(|kind| kind.ends_with(APART));
        let below = if apart { "/value" } else { "" };
        Some(format!("spec/configPatches/{index}/patch/value/{key}{below}"))
    }

    fn patch_in<'a>(&self, mesh: &'a Mesh) -> Option<&'a Value> {
        let (at, index) = self.patch.as_ref()?;
        mesh.objects().get(at)?.spec().get("configPatches")?.get(index)
    }

    /// What its patch is for: "HTTP_FILTER", "VIRTUAL_HOST", "HTTP_ROUTE".
    fn applies_to<'a>(&self, mesh: &'a Mesh) -> &'a str {
        let said = self.patch_in(mesh).and_then(|patch| patch["applyTo"].as_str());
        said.unwrap_or(match (self.by, &self.calls) {
            (By::Service, _) | (By::Proxy, Calls::All) => "HTTP_FILTER",
            (_, Calls::Host(_, Some(_))) => "HTTP_ROUTE",
            (By::Told, _) | (By::Proxy, Calls::Host(_, None) | Calls::Port(_)) => "VIRTUAL_HOST",
        })
    }

    /// Whether it stands among routes, not among filters.
    fn is_of_routes(&self, mesh: &Mesh) -> bool {
        self.applies_to(mesh) != "HTTP_FILTER"
    }

    /// The workloads whose calls its EnvoyFilter is about, if it is there.
    pub fn workloads<'a>(&self, mesh: &'a Mesh) -> Vec<&'a Workload> {
        let Some((at, index)) = &self.patch else { return self.workload(mesh).into_iter().collect() };
        let view: Option<EnvoyFilter> = mesh.objects().get(at).and_then(|object| views::read(object).ok());
        let Some(patch) = view.as_ref().and_then(|view| view.config_patches.get(*index)) else {
            return Vec::new();
        };
        let all = extensions::workloads(mesh, at).into_iter();
        all.filter(|one| side(patch, one).is_some() && one.proxies().next().is_some()).collect()
    }

    /// Why it cannot be edited by its fields, if so.
    pub fn odd(&self, mesh: &Mesh) -> Option<&'static str> {
        let config = self.config(mesh);
        let twice = self.workload(mesh).is_some_and(|workload| {
            let same = |one: &&LimitOf| (one.by, one.out, &one.calls) == (self.by, self.out, &self.calls);
            self.patch.is_some()
                && self.by != By::Told
                && there(mesh, workload).iter().filter(same).count() > 1
        });
        if twice {
            return Some(
                "Two patches limit these calls, and proxies do not tell them apart: edit them as objects",
            );
        }
        let gateway = self.workload(mesh).is_some_and(|workload| workload.gateway);
        if (gateway || self.out) && matches!(self.calls, Calls::Port(_)) && self.is_of_routes(mesh) {
            return Some("It is for the routes of one port: edit it as an object");
        }
        let camel = |key: &String| !key.starts_with('@') && key.chars().any(char::is_uppercase);
        let fields = config.and_then(Value::as_object)?;
        fields
            .keys()
            .any(camel)
            .then_some("It is written in another form of Envoy's names: edit it as an object")
    }

    /// Its workload.
    pub fn workload<'a>(&self, mesh: &'a Mesh) -> Option<&'a Workload> {
        mesh.workload(&self.workload.namespace, &self.workload.name)
    }
}

#[cfg(test)]
mod tests;
