//! backendRefs: why one cannot be reached, in the words of the Gateway API.

use super::refusal::Refusal;
use crate::registry::gateway_api::GatewayApi;
use crate::registry::{Config, Service};
use istio::api_routes::{self, Unreachable};
use istio::views::Destination;
use istio::views::gateway_api::{BackendRef, HttpRoute};

/// The destination, and why it is none that can be reached.
pub(super) fn destination(
    api: &GatewayApi,
    services: &[Service],
    route: &Config<HttpRoute>,
    to: &BackendRef,
) -> (Destination, Option<Refusal>) {
    let kind = route.object.kind();
    let has = |host: &str, port: u32| {
        let service = services.iter().find(|service| service.host == host)?;
        Some(u16::try_from(port).is_ok_and(|port| service.port(port).is_some()))
    };
    let from = (kind, route.namespace.as_str());
    let may = |namespace: &str, name: &str| granted(api, from, ("Service", namespace, name));
    let (destination, why) = api_routes::backend(&route.namespace, to, may, has);
    (destination, why.map(|why| refusal(why, kind, &route.namespace)))
}

fn refusal(why: Unreachable, route: &str, of: &str) -> Refusal {
    match why {
        Unreachable::Kind { group, kind } => Refusal::new(
            "InvalidKind",
            format!("a backend of kind {kind} of group {group:?} is not supported"),
        ),
        Unreachable::NotPermitted { name, namespace } => {
            let words =
                format!("backendRef {name}/{namespace} not accessible to a {route} in namespace {of:?}");
            Refusal::new("RefNotPermitted", format!("{words} (missing a ReferenceGrant?)"))
        }
        Unreachable::NoPort(name) => {
            Refusal::new("UnsupportedValue", format!("backendRef {name}: port is required"))
        }
        Unreachable::NotFound(host) => Refusal::new("BackendNotFound", format!("backend({host}) not found")),
        Unreachable::PortNotFound(host, port) => {
            Refusal::new("BackendNotFound", format!("backend({host}) has no port {port}"))
        }
    }
}

/// Whether an object may refer to another: in its own namespace always, elsewhere by a ReferenceGrant there.
pub(super) fn granted(api: &GatewayApi, from: (&str, &str), to: (&str, &str, &str)) -> bool {
    api_routes::granted(api.grants.iter(), from, to)
}
