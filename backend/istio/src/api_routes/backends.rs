//! Where a backend leads: which service is meant, whether it may be, and what stands for one that cannot be
//! reached.

use crate::hosts::of_service;
use crate::precedence::Config;
use crate::views::gateway_api::{BackendRef, GROUP, GrantFrom, GrantTo, ReferenceGrant};
use crate::views::{Destination, PortSelector};

/// A host that nobody has: requests to it answer 500.
pub const NOWHERE: &str = "unresolved.invalid";

/// Why a backend cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// It is of a kind that is no backend.
    Kind {
        /// Its group.
        group: String,
        /// Its kind.
        kind: String,
    },
    /// It is of another namespace, where no ReferenceGrant lets the route refer to it.
    NotPermitted {
        /// Its name.
        name: String,
        /// Its namespace.
        namespace: String,
    },
    /// It says no port.
    NoPort(String),
    /// There is no such service.
    NotFound(String),
    /// The service has no such port.
    PortNotFound(String, u32),
}

/// Where a backend of a route of a namespace leads. `granted` tells whether the route may refer to a Service of
/// this namespace and name; `has` tells of a host and a port whether there is such a service and, if so, whether
/// it has the port.
pub fn backend(
    namespace: &str,
    to: &BackendRef,
    granted: impl Fn(&str, &str) -> bool,
    has: impl Fn(&str, u32) -> Option<bool>,
) -> (Destination, Option<Unreachable>) {
    let port = to.port.map(|number| PortSelector { number });
    match found(namespace, to, granted, has) {
        Ok(host) => (Destination { host, subset: None, port }, None),
        Err(why) => {
            let port = port.or(Some(PortSelector { number: 80 }));
            (Destination { host: NOWHERE.into(), subset: None, port }, Some(why))
        }
    }
}

fn found(
    namespace: &str,
    to: &BackendRef,
    granted: impl Fn(&str, &str) -> bool,
    has: impl Fn(&str, u32) -> Option<bool>,
) -> Result<String, Unreachable> {
    let namespace = to.namespace.as_deref().unwrap_or(namespace);
    let what = to.kind.as_deref().unwrap_or("Service");
    let host = match (to.group.as_deref().unwrap_or_default(), what) {
        ("", "Service") => of_service(&to.name, namespace),
        ("networking.istio.io", "Hostname") => to.name.clone(),
        (group, kind) => return Err(Unreachable::Kind { group: group.to_owned(), kind: kind.to_owned() }),
    };
    if what == "Service" && !granted(namespace, &to.name) {
        return Err(Unreachable::NotPermitted { name: to.name.clone(), namespace: namespace.to_owned() });
    }
    let port = to.port.ok_or_else(|| Unreachable::NoPort(to.name.clone()))?;
    match has(&host, port) {
        None => Err(Unreachable::NotFound(host)),
        Some(false) => Err(Unreachable::PortNotFound(host, port)),
        Some(true) => Ok(host),
    }
}

/// Whether an object (kind and namespace) may refer to another (kind, namespace and name): in its own namespace
/// always, elsewhere by a ReferenceGrant there.
pub fn granted<'g, G: Config<Spec = ReferenceGrant> + 'g>(
    mut grants: impl Iterator<Item = &'g G>,
    from: (&str, &str),
    to: (&str, &str, &str),
) -> bool {
    from.1 == to.1
        || grants.any(|grant| {
            let may = |one: &GrantFrom| one.group == GROUP && one.kind == from.0 && one.namespace == from.1;
            let meant = |one: &GrantTo| {
                one.group.is_empty()
                    && one.kind == to.0
                    && one.name.as_deref().is_none_or(|name| name.is_empty() || name == to.2)
            };
            let spec = grant.spec();
            grant.namespace() == to.1 && spec.from.iter().any(may) && spec.to.iter().any(meant)
        })
}
