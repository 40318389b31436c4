//! backendRefs: which service is meant, whether it may be, and what stands for it when it cannot be reached.

use super::refusal::Refusal;
use crate::registry::gateway_api::GatewayApi;
use crate::registry::{Config, Service};
use istio::views::gateway_api::{BackendRef, GROUP, HttpRoute};
use istio::views::{Destination, PortSelector};

/// A host that no cluster is for: requests to it answer 500.
const NOWHERE: &str = "unresolved.invalid";

/// The destination, and why it is none that can be reached.
pub(super) fn destination(
    api: &GatewayApi,
    services: &[Service],
    route: &Config<HttpRoute>,
    to: &BackendRef,
) -> (Destination, Option<Refusal>) {
    let port = to.port.map(|number| PortSelector { number });
    match found(api, services, route, to) {
        Ok(host) => (Destination { host, subset: None, port }, None),
        Err(refusal) => {
            let port = port.or(Some(PortSelector { number: 80 }));
            (Destination { host: NOWHERE.into(), subset: None, port }, Some(refusal))
        }
    }
}

fn found(
    api: &GatewayApi,
    services: &[Service],
    route: &Config<HttpRoute>,
    to: &BackendRef,
) -> Result<String, Refusal> {
    let namespace = to.namespace.as_deref().unwrap_or(&route.namespace);
    let host = match (to.group.as_deref().unwrap_or_default(), to.kind.as_deref().unwrap_or("Service")) {
        ("", "Service") => istio::hosts::of_service(&to.name, namespace),
        ("networking.istio.io", "Hostname") => to.name.clone(),
        (group, kind) => {
            return Err(Refusal::new(
                "InvalidKind",
                format!("a backend of kind {kind} of group {group:?} is not supported"),
            ));
        }
    };
    let kind = to.kind.as_deref().unwrap_or("Service");
    if kind == "Service"
        && !granted(api, (route.object.kind(), &route.namespace), ("Service", namespace, &to.name))
    {
        let words = format!(
            "backendRef {}/{namespace} not accessible to a {} in namespace {:?}",
            to.name,
            route.object.kind(),
            route.namespace
        );
        return Err(Refusal::new("RefNotPermitted", format!("{words} (missing a ReferenceGrant?)")));
    }
    let Some(port) = to.port else {
        return Err(Refusal::new("UnsupportedValue", format!("backendRef {}: port is required", to.name)));
    };
    let service = services.iter().find(|service| service.host == host);
    let service =
        service.ok_or_else(|| Refusal::new("BackendNotFound", format!("backend({host}) not found")))?;
    match u16::try_from(port).ok().and_then(|port| service.port(port)) {
        Some(_) => Ok(host),
        None => Err(Refusal::new("BackendNotFound", format!("backend({host}) has no port {port}"))),
    }
}

/// Whether an object may refer to another: in its own namespace always, elsewhere by a ReferenceGrant there.
pub(super) fn granted(api: &GatewayApi, from: (&str, &str), to: (&str, &str, &str)) -> bool {
    from.1 == to.1
        || api.grants.iter().any(|grant| {
            let may = |one: &istio::views::gateway_api::GrantFrom| {
                one.group == GROUP && one.kind == from.0 && one.namespace == from.1
            };
            let meant = |one: &istio::views::gateway_api::GrantTo| {
                one.group.is_empty()
                    && one.kind == to.0
                    && one.name.as_deref().is_none_or(|name| name.is_empty() || name == to.2)
            };
            grant.namespace == to.1 && grant.spec.from.iter().any(may) && grant.spec.to.iter().any(meant)
        })
}
