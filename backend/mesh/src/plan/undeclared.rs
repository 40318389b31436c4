//! Subsets that routes go to and that nobody declares.

use crate::Mesh;
use crate::change::{Edit, Step};
use istio::{fqdn, kinds, views};
use std::collections::BTreeSet;

/// What routes would miss in a DestinationRule that is made: its host had none before, so that every subset
/// they go to would be one that nobody declares.
pub(super) fn undeclared(mesh: &Mesh, step: &Step) -> Option<String> {
    if step.at.kind != &kinds::DESTINATION_RULE || !matches!(step.edit, Edit::Create(_)) {
        return None;
    }
    let rule: views::DestinationRule = views::read(step.after.as_ref()?).ok()?;
    let host = fqdn(&rule.host, &step.at.namespace);
    let service = mesh.services().find(|service| service.host == host)?;
    let mut missing = BTreeSet::new();
    for at in &service.virtual_services {
        let rows = mesh.virtual_service(at).into_iter().flat_map(|view| {
            let http = view.http.iter().flat_map(|rule| &rule.route);
            let tls = view.tls.iter().flat_map(|rule| &rule.route);
            http.chain(tls).chain(view.tcp.iter().flat_map(|rule| &rule.route))
        });
        let to = rows.map(|row| &row.destination);
        let here = to.filter(|to| fqdn(&to.host, &at.namespace) == host);
        missing.extend(here.filter_map(|to| to.subset.clone()));
    }
    missing.retain(|name| !rule.subsets.iter().any(|subset| subset.name == *name));
    let names: Vec<String> = missing.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!(
            "Calls to {} of {} fail: no DestinationRule declares such subsets",
            names.join(", "),
            service.name
        )
    })
}
