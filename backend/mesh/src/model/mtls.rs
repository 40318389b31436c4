//! Which mutual TLS mode is in force where.

use super::{Configured, Mesh, Workload};
use istio::Ref;
use istio::mtls::Mode;
use istio::views::PeerAuthentication;

/// The PeerAuthentications of a mesh, as they count.
pub(crate) type Policies<'a> = istio::mtls::Policies<'a, Configured<'a, PeerAuthentication>>;

impl Mesh {
    /// Its PeerAuthentications, as they count.
    pub(crate) fn mtls_policies(&self) -> Policies<'_> {
        Policies::new(self.root_namespace(), self.config.policies(&self.objects))
    }
}

/// The mode in force at a workload. Without a proxy nothing can ask for a certificate.
pub(super) fn in_force(policies: &Policies<'_>, workload: &Workload) -> (Mode, Option<Ref>) {
    if !workload.pods.is_empty() && workload.pods.iter().all(|pod| !pod.sidecar) {
        return (Mode::Disable, None);
    }
    let (mode, by) = policies.mode(&workload.namespace, &workload.labels);
    (mode, by.map(|policy| policy.at.clone()))
}
