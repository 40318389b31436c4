//! Routes that lead nowhere: to a service, a subset or a port that is not there.

use crate::Mesh;
use crate::change::Step;
use istio::views::gateway_api::{BackendRef, GROUP, Route};
use istio::views::{self, Destination, DestinationRule, PortSelector, VirtualService};
use istio::{Object, fqdn, kinds};

/// What calls would meet at destinations that a plan brings into routes; what it declares itself is there.
pub(super) fn nowhere(mesh: &Mesh, steps: &[Step]) -> Vec<String> {
    let rules = steps.iter().filter(|step| step.at.kind == &kinds::DESTINATION_RULE);
    let declared: Vec<(String, String)> = rules
        .filter_map(|step| {
            let rule: DestinationRule = views::read(step.after.as_ref()?).ok()?;
            let host = fqdn(&rule.host, &step.at.namespace);
            Some(rule.subsets.into_iter().map(move |subset| (host.clone(), subset.name)))
        })
        .flatten()
        .collect();
    let mut told = Vec::new();
    for step in steps {
        let namespace = &*step.at.namespace;
        let read = |object: &Option<Object>| match object {
            Some(object) if step.at.kind == &kinds::VIRTUAL_SERVICE => destinations(object),
            Some(object) if step.at.kind.group == GROUP => backends(object, namespace),
            _ => Vec::new(),
        };
        let (before, after) = (read(&step.before), read(&step.after));
        let new = after.iter().filter(|to| !before.contains(to));
        for doubt in new.filter_map(|to| doubt(mesh, to, &step.at.namespace, &declared)) {
            if !told.contains(&doubt) {
                told.push(doubt);
            }
        }
    }
    told
}

/// Where a VirtualService leads.
fn destinations(object: &Object) -> Vec<Destination> {
    let view: VirtualService = views::read(object).unwrap_or_default();
    let http = view.http.into_iter().flat_map(|rule| rule.route);
    let tls = view.tls.into_iter().flat_map(|rule| rule.route);
    let tcp = view.tcp.into_iter().flat_map(|rule| rule.route);
    http.chain(tls).chain(tcp).map(|row| row.destination).collect()
}

/// The Services that a route of the Gateway API leads to.
fn backends(object: &Object, namespace: &str) -> Vec<Destination> {
    let view: Route = views::read(object).unwrap_or_default();
    let one = |to: BackendRef| {
        let port = to.port.map(|number| PortSelector { number });
        Some(Destination { host: to.host(namespace)?, subset: None, port })
    };
    view.rules.into_iter().flat_map(|rule| rule.backend_refs).filter_map(one).collect()
}

/// What is odd about a destination: nothing of this name is there.
fn doubt(mesh: &Mesh, to: &Destination, namespace: &str, declared: &[(String, String)]) -> Option<String> {
    let host = fqdn(&to.host, namespace);
    let Some(service) = mesh.services().find(|service| service.host == host) else {
        return Some(format!("No service is called {}: calls that go there fail", to.host));
    };
    let missing = |name: &&String| {
        let here = service.subsets.iter().any(|subset| subset.name == **name && subset.declared);
        !here && !declared.iter().any(|(of, subset)| *of == host && subset == *name)
    };
    if let Some(subset) = to.subset.as_ref().filter(missing) {
        let all: Vec<&str> =
            service.subsets.iter().filter(|subset| subset.declared).map(|subset| &*subset.name).collect();
        let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
        return Some(format!(
            "{} has no subset {subset} (it has: {all}): calls that go there fail",
            service.name
        ));
    }
    let port = to.port.as_ref().filter(|port| service.ports.iter().all(|own| own.number != port.number));
    port.map(|port| format!("{} has no port {}: calls that go there fail", service.name, port.number))
}
