//! Routes that lead nowhere: to a service, a subset or a port that is not there.

use crate::Mesh;
use crate::change::Step;
use istio::views::{self, Destination, DestinationRule, VirtualService};
use istio::{fqdn, kinds};

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
    for step in steps.iter().filter(|step| step.at.kind == &kinds::VIRTUAL_SERVICE) {
        let read = |object: &Option<istio::Object>| -> Vec<Destination> {
            let view = object.as_ref().and_then(|object| views::read::<VirtualService>(object).ok());
            let http = view.map(|view| view.http).unwrap_or_default();
            http.into_iter().flat_map(|http| http.route).map(|row| row.destination).collect()
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
