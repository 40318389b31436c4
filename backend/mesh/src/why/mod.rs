//! What becomes of one call: which rule takes it and where it goes, over mutual TLS or not, and whether it is let
//! in and by whom.
//!
//! The rules are `istio::route`'s and `istio::admit`'s; here they meet the workloads that call and are called.

mod addresses;
mod admission;
mod foreseen;
mod gateway;
mod json;
mod report;
mod seen;
mod tokens;
mod wrote;

pub(crate) use addresses::Addresses;
pub use admission::{Admission, Ground, Tls};
pub use foreseen::{Foreseen, Takes, foreseen};
pub use json::json;
pub use report::{Line, Tone, call, lines, text};
pub use seen::SeenCall;
pub use wrote::Wrote;

use crate::mesh_config::MeshConfig;
use crate::{Mesh, Service, Workload, WorkloadId};
use istio::hosts::{dialled, host_and_port};
use istio::route::{Caller, Request, Settings, Split, Taken, World, route, unproxied};
use istio::{Labels, Selects};
use std::fmt;
use std::str::FromStr;

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// Somebody outside of the mesh.
    Outside,
    /// A workload, or a gateway that sends on what came in by it.
    Workload {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl FromStr for From {
    type Err = NoCaller;

    /// "outside", or "namespace/workload".
    fn from_str(text: &str) -> Result<Self, NoCaller> {
        match text.split_once('/') {
            None if text == "outside" => Ok(Self::Outside),
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(Self::Workload { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err(NoCaller),
        }
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => f.write_str("outside"),
            Self::Workload { namespace, name } => write!(f, "{namespace}/{name}"),
        }
    }
}

/// Text that names no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoCaller;

/// A call that is asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Who calls.
    pub from: From,
    /// The host that is called, with a port or without.
    pub to: String,
    /// "GET".
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// When, in seconds since 1970.
    pub now: i64,
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// There is no such workload; these are in its namespace.
    NoWorkload(String, Vec<String>),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoWorkload(name, near) if near.is_empty() => {
                write!(f, "there is no workload {name}, nor any other in its namespace")
            }
            Self::NoWorkload(name, near) => {
                write!(f, "there is no workload {name}; its namespace has {}", near.join(", "))
            }
        }
    }
}

/// One of the workloads that a call may reach.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// Where it goes.
    pub to: Split,
    /// The workload behind; `None` where none is known.
    pub workload: Option<WorkloadId>,
    /// How it is carried there.
    pub tls: Tls,
    /// Whether it is let in.
    pub admission: Admission,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// "bookinfo/productpage-v1", or who else.
    pub from: String,
    /// The call, as it is sent.
    pub request: Request,
    /// The gateway by which it comes in, and whether that lets it in.
    pub gateway: Option<(WorkloadId, Admission)>,
    /// Which rule takes it.
    pub taken: Taken,
    /// Whom it reaches.
    pub hops: Vec<Hop>,
    /// What is not known, and was taken for granted.
    pub remarks: Vec<Remark>,
}

/// What is to be kept in mind of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// The caller is not among what is known: it has no labels, and nobody knows its account.
    UnknownCaller(String),
    /// The mesh's own configuration is not known: it is taken for Istio's default.
    NoMeshConfig,
    /// The caller has no proxy: no rule holds for its calls.
    NoProxy,
    /// Several ports were meant; this one was taken.
    Port(u16),
    /// An EnvoyFilter or an extension may do anything else.
    Extensions(Vec<String>),
}

/// A mesh that is asked about calls, made ready once for many.
pub struct Calls<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) config: Option<&'a MeshConfig>,
    pub(crate) world: World,
}

impl<'a> Calls<'a> {
    /// Of a mesh, and what it is told as a whole, where that is known.
    pub fn of(mesh: &'a Mesh, config: Option<&'a MeshConfig>) -> Self {
        let none = Settings::default();
        let world = mesh.calls(config.map_or(&none, |config| &config.calls));
        Self { mesh, config, world }
    }

    /// What becomes of a call.
    ///
    /// # Errors
    /// When nobody can tell who calls.
    pub fn ask(&self, asked: &Asked) -> Result<Told, NoAnswer> {
        let mut remarks = Vec::new();
        remarks.extend(self.config.is_none().then_some(Remark::NoMeshConfig));
        let mut told = match &asked.from {
            From::Outside => gateway::outside(self, asked, &mut remarks),
            From::Workload { namespace, name } => self.inside(asked, namespace, name, &mut remarks)?,
        };
        remarks.extend(self.extensions(&told));
        told.remarks = remarks;
        Ok(told)
    }

    fn inside(
        &self,
        asked: &Asked,
        namespace: &str,
        name: &str,
        remarks: &mut Vec<Remark>,
    ) -> Result<Told, NoAnswer> {
        let full = format!("{namespace}/{name}");
        let Some(caller) = self.mesh.workload(namespace, name) else {
            // Files need not say who calls.
            if self.mesh.workload_count() > 0 {
                let near = self.mesh.part(namespace).into_iter().flat_map(|part| part.workloads());
                let near = near.map(|one| one.name.to_string()).collect();
                return Err(NoAnswer::NoWorkload(full, near));
            }
            remarks.push(Remark::UnknownCaller(full.clone()));
            let labels = Labels::new();
            let request = self.request(asked, namespace, remarks);
            let taken = route(&self.world, Caller { namespace, labels: &labels, gateway: false }, &request);
            return Ok(self.told(full, None, taken, request, asked.now));
        };
        if caller.gateway {
            return Ok(gateway::entering(self, asked, caller, remarks));
        }
        let request = self.request(asked, namespace, remarks);
        let sends = Caller { namespace, labels: &caller.labels, gateway: false };
        let taken = match has_proxy(caller) {
            true => route(&self.world, sends, &request),
            false => {
                remarks.push(Remark::NoProxy);
                unproxied(&self.world, sends, &request)
            }
        };
        Ok(self.told(full, Some(caller), taken, request, asked.now))
    }

    /// The request as a caller of this namespace sends it. Without a port it is the service's only one, or the
    /// first that speaks HTTP.
    fn request(&self, asked: &Asked, namespace: &str, remarks: &mut Vec<Remark>) -> Request {
        let (host, port) = host_and_port(&asked.to);
        let port = port.unwrap_or_else(|| {
            let full = dialled(host, namespace);
            let mut all = self.world.services.iter().filter(|one| one.host == full || one.host == host);
            let ports = all.next().map(|service| service.ports.as_slice()).unwrap_or_default();
            let first = ports.iter().find(|port| port.protocol.may_be_http()).or_else(|| ports.first());
            let port = first.map_or(80, |port| port.number);
            remarks.extend((ports.len() > 1).then_some(Remark::Port(port)));
            port
        });
        self.sent(asked, host, port)
    }

    /// The request to a host at a port.
    pub(crate) fn sent(&self, asked: &Asked, host: &str, port: u16) -> Request {
        let mut request = Request::get(host, port, &asked.path);
        // As clients write it: with the port, where that is not the usual one.
        if !matches!(port, 80 | 443) {
            request.authority = format!("{host}:{port}");
        }
        request.method.clone_from(&asked.method);
        for (name, value) in &asked.headers {
            match name.as_str() {
                name if name.eq_ignore_ascii_case("host") => request.authority.clone_from(value),
                _ => request.headers.push((name.clone(), value.clone())),
            }
        }
        if let Some(scheme) = request.header("x-forwarded-proto").into_iter().next()
            && matches!(scheme.as_str(), "http" | "https")
        {
            request.scheme = scheme;
        }
        request.address = host.parse().ok().or_else(|| {
            let mut named = self.world.services.iter().filter(|service| service.host == host);
            named.next()?.addresses.first()?.parse().ok()
        });
        request
    }

    /// With whom the call reaches, and whether it is let in.
    pub(crate) fn told(
        &self,
        from: String,
        caller: Option<&Workload>,
        taken: Taken,
        request: Request,
        now: i64,
    ) -> Told {
        let mut hops = Vec::new();
        for split in taken.outcome.destinations.iter().filter(|split| split.missing.is_none()) {
            hops.extend(self.hops(caller, &taken, split, &request, now));
        }
        Told { from, request, gateway: None, taken, hops, remarks: Vec::new() }
    }

    /// The workloads behind a destination.
    fn hops(
        &self,
        caller: Option<&Workload>,
        taken: &Taken,
        to: &Split,
        request: &Request,
        now: i64,
    ) -> Vec<Hop> {
        let mut services = self.mesh.services().filter(|service| service.host == to.host);
        let Some(service) = services.next() else { return Vec::new() };
        let selects = Selects::narrowing(Some(&to.labels));
        let behind = self.mesh.workloads_of(service).filter(|workload| selects.takes(&workload.labels));
        let callee: Vec<&Workload> = behind.collect();
        let hop = |callee: Option<&Workload>| {
            let (tls, admission) = admission::of(self, caller, service, callee, (taken, to), request, now);
            let workload = callee.map(|workload| self.mesh.workload_id(workload));
            Hop { to: to.clone(), workload, tls, admission }
        };
        match callee.is_empty() {
            true => vec![hop(None)],
            false => callee.into_iter().map(|callee| hop(Some(callee))).collect(),
        }
    }

    /// EnvoyFilters and extensions that hold for somebody in the way.
    fn extensions(&self, told: &Told) -> Option<Remark> {
        let mut namespaces: Vec<&str> =
            told.from.split_once('/').map(|(namespace, _)| namespace).into_iter().collect();
        namespaces.extend(told.hops.iter().filter_map(|hop| Some(&*hop.workload.as_ref()?.namespace)));
        namespaces.push(self.mesh.root_namespace());
        let of = [&istio::kinds::ENVOY_FILTER, &istio::kinds::WASM_PLUGIN];
        let all = of.into_iter().flat_map(|kind| self.mesh.objects().of_kind(kind));
        let near = all.filter(|(at, _)| namespaces.contains(&&*at.namespace));
        let names: Vec<String> = near.map(|(at, _)| at.to_string()).collect();
        (!names.is_empty()).then_some(Remark::Extensions(names))
    }
}

/// Whether a workload has a proxy; one without pods is taken to have one.
pub(crate) fn has_proxy(workload: &Workload) -> bool {
    workload.pods.is_empty() || workload.pods.iter().any(|pod| pod.sidecar) || workload.gateway
}

/// The port inside of the pods.
pub(crate) fn inner_port(service: &Service, port: u16) -> u16 {
    let found = service.ports.iter().find(|one| one.number == u32::from(port));
    found.and_then(|port| u16::try_from(port.target).ok()).unwrap_or(port)
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownCaller(name) => {
                write!(
                    f,
                    "{name} does not stand in the files: it is taken to have no labels, and nobody knows its account"
                )
            }
            Self::NoMeshConfig => {
                f.write_str("the mesh's own configuration is not known: it is taken for Istio's default")
            }
            Self::NoProxy => f.write_str("the caller has no proxy: no rule holds for its calls"),
            Self::Port(port) => write!(f, "the service has several ports: {port} was taken"),
            Self::Extensions(names) => {
                write!(f, "{} may change what becomes of it, and is not followed", names.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests;
