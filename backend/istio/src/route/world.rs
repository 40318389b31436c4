//! What calls are judged by: services and Istio's resources, each read once.

use super::service::{self, Service};
use crate::api_routes::{granted, http_of_grpc};
use crate::kinds;
use crate::object::Object;
use crate::precedence::{Config, by_age};
use crate::refs::Ref;
use crate::select::Labels;
use crate::views::gateway_api::{self, HttpRoute, ReferenceGrant};
use crate::views::{self, DestinationRule, Gateway, ServiceEntry, Sidecar, VirtualService};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An object with what was read of it.
#[derive(Clone, Debug)]
pub struct Item<T> {
    /// Which.
    pub at: Ref,
    /// `metadata.creationTimestamp`.
    pub created: Arc<str>,
    /// What it says.
    pub spec: Arc<T>,
}

impl<T> Config for Item<T> {
    type Spec = T;
    fn namespace(&self) -> &str {
        &self.at.namespace
    }
    fn name(&self) -> &str {
        &self.at.name
    }
    fn created(&self) -> &str {
        &self.created
    }
    fn spec(&self) -> &T {
        &self.spec
    }
}

impl<T: DeserializeOwned + Default> Item<T> {
    /// Reads one; `None` for what is not watched, or cannot be read.
    pub fn read(object: &Object) -> Option<Self> {
        let spec = views::read::<T>(object).ok()?;
        Some(Self { at: object.at()?, created: object.created().into(), spec: Arc::new(spec) })
    }
}

/// What the mesh as a whole is told, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The root namespace; "istio-system" where nothing else is said.
    pub root: Option<String>,
    /// `defaultServiceExportTo`.
    pub services: Vec<String>,
    /// `defaultVirtualServiceExportTo`.
    pub virtual_services: Vec<String>,
    /// `defaultDestinationRuleExportTo`.
    pub destination_rules: Vec<String>,
    /// `outboundTrafficPolicy`: nothing passes that no service is known for.
    pub registry_only: bool,
    /// No pods are made for Gateways of the Gateway API: those of the ingress gateway serve them.
    pub gateways_share: bool,
    /// `pathNormalization`: several slashes are one.
    pub merge_slashes: bool,
    /// `pathNormalization`: paths are left as they are.
    pub paths_as_they_are: bool,
}

impl Settings {
    /// The root namespace.
    pub fn root(&self) -> &str {
        self.root.as_deref().unwrap_or("istio-system")
    }
}

/// A ReferenceGrant.
#[derive(Clone, Debug)]
pub struct Grant {
    namespace: String,
    spec: ReferenceGrant,
}

impl Config for Grant {
    type Spec = ReferenceGrant;
    fn namespace(&self) -> &str {
        &self.namespace
    }
    fn name(&self) -> &'static str {
        ""
    }
    fn created(&self) -> &'static str {
        ""
    }
    fn spec(&self) -> &ReferenceGrant {
        &self.spec
    }
}

/// Services and Istio's resources.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// What the mesh as a whole is told.
    pub settings: Settings,
    /// By host; of one host a Service before ServiceEntries, then the oldest.
    pub services: Vec<Service>,
    /// Services that are other names: their hosts, with the ones that they stand for.
    pub aliases: BTreeMap<String, String>,
    /// The oldest first, as all that follow.
    pub virtual_services: Vec<Item<VirtualService>>,
    /// DestinationRules.
    pub destination_rules: Vec<Item<DestinationRule>>,
    /// Istio's Gateways.
    pub gateways: Vec<Item<Gateway>>,
    /// Sidecars.
    pub sidecars: Vec<Item<Sidecar>>,
    /// HTTPRoutes, and GRPCRoutes as the HTTPRoutes that they are.
    pub routes: Vec<Item<HttpRoute>>,
    /// Gateways of the Gateway API.
    pub api_gateways: Vec<Item<gateway_api::Gateway>>,
    /// What may be referred to from other namespaces; `None` where that is not known, and everything is taken
    /// as granted.
    pub grants: Option<Vec<Grant>>,
    /// Labels of namespaces.
    pub namespaces: BTreeMap<String, Labels>,
}

impl World {
    /// Takes one more object, if it is of a kind that matters here.
    pub fn take(&mut self, object: &Object) {
        let version = object.0["apiVersion"].as_str().unwrap_or_default();
        if object.kind() == "ReferenceGrant" && kinds::group(version) == gateway_api::GROUP {
            let spec = views::read(object).unwrap_or_default();
            let grant = Grant { namespace: object.namespace().to_owned(), spec };
            self.grants.get_or_insert_default().push(grant);
        }
        let Some(kind) = object.row() else { return };
        match kind {
            kind if kind == &kinds::NAMESPACE => {
                self.namespaces.insert(object.name().to_owned(), object.labels());
            }
            kind if kind == &kinds::SERVICE => match service::alias(object) {
                Some((host, target)) => drop(self.aliases.insert(host, target)),
                None => self.services.extend(Service::of_kubernetes(object)),
            },
            kind if kind == &kinds::SERVICE_ENTRY => {
                let entry = Item::<ServiceEntry>::read(object);
                self.services.extend(entry.iter().flat_map(Service::of_entry));
            }
            kind if kind == &kinds::VIRTUAL_SERVICE => self.virtual_services.extend(Item::read(object)),
            kind if kind == &kinds::DESTINATION_RULE => self.destination_rules.extend(Item::read(object)),
            kind if kind == &kinds::GATEWAY => self.gateways.extend(Item::read(object)),
            kind if kind == &kinds::SIDECAR => self.sidecars.extend(Item::read(object)),
            kind if kind == &kinds::HTTP_ROUTE => self.routes.extend(Item::read(object)),
            kind if kind == &kinds::GRPC_ROUTE => self.routes.extend(Item::read(object).map(of_grpc)),
            kind if kind == &kinds::API_GATEWAY => self.api_gateways.extend(Item::read(object)),
            _ => {}
        }
    }

    /// Puts everything in order, once all is taken.
    pub fn settle(&mut self) {
        self.services.sort_by(|one, other| {
            (&one.host, one.entry, &one.created).cmp(&(&other.host, other.entry, &other.created))
        });
        self.virtual_services.sort_by(by_age);
        self.destination_rules.sort_by(by_age);
        self.gateways.sort_by(by_age);
        self.sidecars.sort_by(by_age);
        self.api_gateways.sort_by(by_age);
        self.routes.sort_by(|one, other| {
            (&one.created, &one.at.namespace, &one.at.name).cmp(&(
                &other.created,
                &other.at.namespace,
                &other.at.name,
            ))
        });
        let named = self.aliases.keys().filter_map(|host| Some((host.clone(), self.meant(host)?)));
        let named: Vec<(String, usize)> = named.collect();
        for (host, at) in named {
            self.services[at].aliases.push(host.clone());
            let target = self.services[at].host.clone();
            self.aliases.insert(host, target);
        }
    }

    /// Of these objects, in order.
    pub fn of<'a>(settings: Settings, objects: impl IntoIterator<Item = &'a Object>) -> Self {
        let mut world = Self { settings, ..Self::default() };
        objects.into_iter().for_each(|object| world.take(object));
        world.settle();
        world
    }

    /// Whether an object (kind and namespace) may refer to another (kind, namespace and name).
    pub(super) fn may_refer(&self, from: (&str, &str), to: (&str, &str, &str)) -> bool {
        self.grants.as_ref().is_none_or(|grants| granted(grants.iter(), from, to))
    }

    /// The service that an alias stands for in the end. A row of aliases may be a ring.
    fn meant(&self, alias: &str) -> Option<usize> {
        let mut host = alias;
        for _ in 0..self.aliases.len() {
            match self.aliases.get(host) {
                Some(next) => host = next,
                None => break,
            }
        }
        let at = self.services.partition_point(|service| service.host.as_str() < host);
        self.services.get(at).is_some_and(|service| service.host == host).then_some(at)
    }

    /// All services of a host.
    pub(super) fn of_host<'w>(&'w self, host: &'w str) -> impl Iterator<Item = &'w Service> + Clone {
        let from = self.services.partition_point(|service| service.host.as_str() < host);
        self.services[from..].iter().take_while(move |service| service.host == host)
    }
}

fn of_grpc(item: Item<gateway_api::GrpcRoute>) -> Item<HttpRoute> {
    Item { at: item.at, created: item.created, spec: Arc::new(http_of_grpc(&item.spec)) }
}
