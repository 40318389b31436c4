//! The Gateway API's objects as they were read, and what they were found to mean.

use super::config::{Config, read};
use super::service::Service;
use super::untranslated::Untranslated;
use istio::Object;
use istio::api_routes::http_of_grpc;
use istio::views::VirtualService;
use istio::views::gateway_api::{GROUP, Gateway, GatewayClass, GrpcRoute, HttpRoute, ReferenceGrant};
use serde_json::Value;
use std::collections::BTreeMap;

/// The Gateway API's resources, and what they mean.
#[derive(Debug, Default)]
pub struct GatewayApi {
    pub(crate) classes: Vec<Config<GatewayClass>>,
    pub(crate) gateways: Vec<Config<Gateway>>,
    pub(crate) routes: Vec<Config<HttpRoute>>,
    pub(crate) grants: Vec<Config<ReferenceGrant>>,
    /// Labels by namespace.
    pub(crate) namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Rules for calls to services.
    pub(crate) calls: Vec<Calls>,
    /// What is to be said at each object.
    pub(crate) statuses: Vec<ObjectStatus>,
}

/// The rules for calls to one service.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) host: String,
    /// One of its ports only.
    pub(crate) port: Option<u16>,
    /// Only from this namespace, which is not the service's.
    pub(crate) from: Option<String>,
    pub(crate) config: Config<VirtualService>,
}

/// The status that an object is to have. Conditions have no time yet: only who writes them knows since when
/// they hold.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectStatus {
    /// `gateway.networking.k8s.io/v1`.
    pub api_version: String,
    /// `HTTPRoute`.
    pub kind: String,
    /// "" for objects without one.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Its `status`.
    pub status: Value,
}

/// Whether an object is of the Gateway API's kinds that are read.
pub(crate) fn is_ours(object: &Object) -> bool {
    let group = object.0["apiVersion"]
        .as_str()
        .and_then(|version| version.split_once('/'))
        .map_or("", |(group, _)| group);
    let kinds = ["GatewayClass", "Gateway", "HTTPRoute", "GRPCRoute", "ReferenceGrant"];
    group == GROUP && kinds.contains(&object.kind())
}

impl GatewayApi {
    /// Reads one object of [`is_ours`].
    pub(crate) fn take(&mut self, object: &Object, problems: &mut Vec<Untranslated>) {
        match object.kind() {
            "GatewayClass" => self.classes.extend(read(object, problems)),
            "Gateway" => self.gateways.extend(read(object, problems)),
            "HTTPRoute" => self.routes.extend(read(object, problems)),
            "GRPCRoute" => self.routes.extend(read::<GrpcRoute>(object, problems).map(of_grpc)),
            "ReferenceGrant" => self.grants.extend(read(object, problems)),
            _ => {}
        }
    }

    /// Remembers a Namespace's labels, by which listeners choose routes.
    pub(crate) fn namespace(&mut self, object: &Object) {
        self.namespaces.insert(object.name().to_owned(), object.labels());
    }

    /// The rules that hold for calls from a namespace to a service's port.
    pub(crate) fn calls(&self, own: &str, service: &Service, port: u16) -> Option<&Config<VirtualService>> {
        let meant = |calls: &&Calls| {
            calls.host == service.host
                && calls.port.is_none_or(|only| only == port)
                && calls.from.as_ref().is_none_or(|from| from == own)
        };
        let found =
            self.calls.iter().filter(meant).max_by_key(|calls| (calls.from.is_some(), calls.port.is_some()));
        found.map(|calls| &calls.config)
    }
}

fn of_grpc(config: Config<GrpcRoute>) -> Config<HttpRoute> {
    let spec = http_of_grpc(&config.spec);
    Config {
        name: config.name,
        namespace: config.namespace,
        created: config.created,
        object: config.object,
        spec,
    }
}
