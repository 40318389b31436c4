//! The shares of a service, for whoever shows them elsewhere than in their editor.

use super::edits::Edits as _;
use super::traffic_split::{Rule, Shares};
use crate::selection::Selected;
use crate::subject;
use istio::WorkloadId;
use mesh::edit::{self, shares};
use mesh::{Mesh, ServiceId};

/// The shares of a service by the rule that people mean when they do not say which.
#[derive(Clone, Debug, PartialEq)]
pub struct Usual {
    /// The service that the rule is of.
    pub service: ServiceId,
    /// Parts and their shares in percent, as the cluster has them.
    pub shares: Vec<(String, u32)>,
    /// Who stands behind each part.
    pub behind: Vec<(String, Vec<WorkloadId>)>,
}

impl Usual {
    /// Of a service; `None` where nothing shares its calls out, or where that cannot be edited.
    pub fn of(mesh: &Mesh, namespace: &str, name: &str) -> Option<Self> {
        let selected = Selected::Service(namespace.to_owned(), name.to_owned());
        let subject = subject::of(mesh, &selected)?;
        let all = Shares::scopes(mesh, &subject);
        let usual = all.into_iter().find(|scoped| scoped.usual && scoped.locked.is_none())?;
        let service = subject.service?;
        let behind = match &usual.at {
            Rule::Http(rule) if rule.virtual_service.is_none() => return None,
            Rule::Shared(rule) if rule.at.is_none() => return None,
            Rule::Http(_) => edit::split::versions(service),
            Rule::Shared(rule) => {
                shares::rules(mesh, service).into_iter().find(|found| found.at == *rule)?.behind
            }
        };
        Some(Self { service: mesh.service_id(service), shares: usual.now.0, behind })
    }
}
