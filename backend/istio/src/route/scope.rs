//! What the proxy of a caller is told of: what `exportTo` lets its namespace see, of that what its Sidecar asks
//! for.

use super::Missing;
use super::because::Because;
use super::service::Service;
use super::way::Caller;
use super::world::{Item, World};
use crate::api_routes::NOWHERE;
use crate::destination::{self, Called, Client, Defaults, Merged, Settings};
use crate::precedence::Config;
use crate::routing::in_mesh;
use crate::select::Labels;
use crate::views::{DestinationRule, Sidecar, VirtualService};
use crate::visibility::{self, Egress, Nearness, exported, nearness};

/// The part of the mesh that one proxy knows.
#[derive(Clone, Copy)]
pub(super) struct Scope<'w> {
    pub(super) world: &'w World,
    pub(super) caller: Caller<'w>,
    sidecar: Option<&'w Item<Sidecar>>,
}

impl<'w> Scope<'w> {
    pub(super) fn of(world: &'w World, caller: Caller<'w>) -> Self {
        let root = world.settings.root();
        let own = || visibility::sidecar(world.sidecars.iter(), root, caller.namespace, caller.labels);
        Self { world, caller, sidecar: if caller.gateway { None } else { own() } }
    }

    fn egress(&self) -> Egress<'w> {
        Egress::new(self.sidecar.map(|sidecar| &*sidecar.spec), self.caller.namespace)
    }

    /// Whether calls to what it does not know pass. As in istiod, a Sidecar's policy without a mode is
    /// REGISTRY_ONLY.
    pub(super) fn allows_any(&self) -> bool {
        let policy = self.sidecar.and_then(|sidecar| sidecar.spec.outbound_traffic_policy.as_ref());
        policy
            .map_or(!self.world.settings.registry_only, |policy| policy.mode.as_deref() == Some("ALLOW_ANY"))
    }

    fn is_exported(&self, service: &Service) -> bool {
        let default = &self.world.settings.services;
        exported(&service.export_to, default, &service.at.namespace, self.caller.namespace)
    }

    /// Why calls to a service at a port are not known, if they are not.
    pub(super) fn hides(&self, service: &Service, port: u16) -> Option<Because> {
        if !self.is_exported(service) {
            return Some(Because::NotExported(self.caller.namespace.to_owned()));
        }
        if service.port(port).is_none() {
            return Some(Because::Ports(service.ports.iter().map(|port| port.number).collect()));
        }
        let (egress, host, of) = (self.egress(), &service.host, &service.at.namespace);
        let sees = egress.sees_service(host, of) && egress.sees_port(host, of, port);
        self.sidecar.filter(|_| !sees).map(|sidecar| Because::LeftOut(sidecar.at.clone()))
    }

    /// The service that a host is: the caller's own namespace's before the first.
    pub(super) fn service(&self, host: &str) -> Option<&'w Service> {
        let world: &'w World = self.world;
        let at = world.services.partition_point(|service| service.host.as_str() < host);
        let mut same = world.services[at..].iter().take_while(|service| service.host == host);
        let all = same.clone().filter(|service| self.is_exported(service));
        let own = all.clone().find(|service| *service.at.namespace == *self.caller.namespace);
        own.or_else(|| same.find(|service| self.is_exported(service)))
    }

    /// Whether it is the one of its host that this proxy knows.
    pub(super) fn is_nearest(&self, service: &Service) -> bool {
        self.service(&service.host).is_some_and(|nearest| std::ptr::eq(nearest, service))
    }

    /// Why it is not told a VirtualService, if it is not.
    pub(super) fn leaves_out(&self, rules: &Item<VirtualService>) -> Option<Because> {
        let (spec, of) = (&rules.spec, rules.namespace());
        if !self.caller.gateway && !in_mesh(&spec.gateways) {
            return Some(Because::NotForMesh);
        }
        if !exported(&spec.export_to, &self.world.settings.virtual_services, of, self.caller.namespace) {
            return Some(Because::NotExported(self.caller.namespace.to_owned()));
        }
        let sees = self.egress().sees_routes(spec, of);
        self.sidecar.filter(|_| !sees).map(|sidecar| Because::LeftOut(sidecar.at.clone()))
    }

    /// How near a VirtualService is; those that it does not see are farthest.
    pub(super) fn nearness(&self, rules: &Item<VirtualService>) -> Nearness {
        let default = &self.world.settings.virtual_services;
        let said = &rules.spec.export_to;
        nearness(said, default, rules.namespace(), self.caller.namespace).unwrap_or(Nearness::Public)
    }

    /// All VirtualServices but delegates, the nearest first.
    pub(super) fn by_nearness(&self) -> Vec<&'w Item<VirtualService>> {
        let world: &'w World = self.world;
        let mut all: Vec<_> =
            world.virtual_services.iter().filter(|rules| !rules.spec.hosts.is_empty()).collect();
        all.sort_by_key(|rules| self.nearness(rules));
        all
    }

    /// The VirtualServices that it is told, the nearest first.
    pub(super) fn rules(&self) -> impl Iterator<Item = &'w Item<VirtualService>> + use<'w, '_> {
        self.by_nearness().into_iter().filter(|rules| self.leaves_out(rules).is_none())
    }

    /// The DestinationRule that holds for its calls of a service.
    pub(super) fn rule(&self, service: &Service) -> Option<Merged<&'w Item<DestinationRule>>> {
        let settings = &self.world.settings;
        let client = Client { namespace: self.caller.namespace, labels: self.caller.labels };
        let called = Called { host: &service.host, namespace: &service.at.namespace };
        let mesh = Defaults { root: settings.root(), export_to: &settings.destination_rules };
        let world: &'w World = self.world;
        destination::rule(world.destination_rules.iter(), client, called, mesh)
    }

    /// What a DestinationRule says of calls to a port and a subset of a host.
    pub(super) fn told(&self, host: &str, port: u16, subset: Option<&str>) -> Result<Told, Missing> {
        let service = self.service(host).filter(|_| host != NOWHERE).ok_or(Missing::Service)?;
        service.port(port).ok_or(Missing::Port)?;
        let rule = self.rule(service).map(|rule| rule.rule).unwrap_or_default();
        let part = match subset {
            None => None,
            Some(name) => Some(rule.subsets.iter().find(|one| one.name == name).ok_or(Missing::Subset)?),
        };
        let tls = Settings::of(rule.traffic_policy.as_ref(), part, port).tls_mode().map(str::to_owned);
        Ok(Told { labels: part.map(|part| part.labels.clone()).unwrap_or_default(), tls })
    }
}

/// What holds for calls to a destination.
#[derive(Default)]
pub(super) struct Told {
    /// Of the subset's endpoints.
    pub(super) labels: Labels,
    /// The client's TLS mode.
    pub(super) tls: Option<String>,
}
