//! Which mutual TLS mode is in force where: workload beats namespace beats mesh; of several the oldest counts.

use super::workloads::selects;
use super::{Mesh, Workload};
use istio::views::PeerAuthentication;
use istio::{Object, Ref};
use std::collections::BTreeMap;

type Policy<'a> = (&'a Ref, &'a PeerAuthentication);

/// PeerAuthentications by namespace, the oldest first.
pub(crate) struct Policies<'a> {
    root: &'a str,
    by_namespace: BTreeMap<&'a str, Vec<Policy<'a>>>,
}

impl<'a> Policies<'a> {
    pub(crate) fn of(mesh: &'a Mesh) -> Self {
        let all = mesh.peer_authentications();
        Self::new(
            mesh.root_namespace(),
            all.filter_map(|(at, policy)| Some((at, mesh.objects.get(at)?, policy))),
        )
    }

    /// Of these objects and what was read of them.
    pub(crate) fn new(
        root: &'a str,
        policies: impl Iterator<Item = (&'a Ref, &'a Object, &'a PeerAuthentication)>,
    ) -> Self {
        let mut all = policies.collect::<Vec<_>>();
        all.sort_by(|(a, one, _), (b, two, _)| super::reach::by_age((a, one), (b, two)));
        let mut by_namespace: BTreeMap<&str, Vec<Policy<'_>>> = BTreeMap::new();
        for (at, _, policy) in all {
            by_namespace.entry(&*at.namespace).or_default().push((at, policy));
        }
        Self { root, by_namespace }
    }

    fn within(&self, namespace: &str) -> &[Policy<'a>] {
        self.by_namespace.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// The policy for all workloads of a namespace (or, in the root namespace, of the mesh).
    pub(crate) fn of_namespace(&self, namespace: &str) -> Option<Policy<'a>> {
        self.within(namespace).iter().copied().find(|(_, policy)| selector(policy).is_none())
    }

    /// The policy for the whole mesh.
    pub(crate) fn of_mesh(&self) -> Option<Policy<'a>> {
        self.of_namespace(self.root)
    }

    /// The policy that selects these labels.
    pub(crate) fn of_workload(
        &self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> Option<Policy<'a>> {
        let selected =
            |policy: &PeerAuthentication| selector(policy).is_some_and(|selector| selects(selector, labels));
        self.within(namespace).iter().copied().find(|(_, policy)| selected(policy))
    }

    /// The mode in force for a workload with a sidecar; a policy that leaves the mode UNSET asks the wider scope.
    pub(crate) fn mode(&self, namespace: &str, labels: &BTreeMap<String, String>) -> (String, Option<Ref>) {
        let scopes = [self.of_workload(namespace, labels), self.of_namespace(namespace), self.of_mesh()];
        let stated =
            scopes.into_iter().flatten().find_map(|(at, policy)| Some((mode(policy)?, Some(at.clone()))));
        stated.unwrap_or_else(|| ("PERMISSIVE".to_owned(), None))
    }
}

fn selector(policy: &PeerAuthentication) -> Option<&BTreeMap<String, String>> {
    policy.selector.as_ref().map(|selector| &selector.match_labels).filter(|labels| !labels.is_empty())
}

/// The stated mode, `None` when unset.
pub(crate) fn mode(policy: &PeerAuthentication) -> Option<String> {
    policy.mtls.as_ref()?.mode.clone().filter(|mode| !mode.is_empty() && mode != "UNSET")
}

/// The mode in force at a workload. Without a proxy nothing can ask for a certificate.
pub(super) fn in_force(policies: &Policies<'_>, workload: &Workload) -> (String, Option<Ref>) {
    if !workload.pods.is_empty() && workload.pods.iter().all(|pod| !pod.sidecar) {
        return ("DISABLE".to_owned(), None);
    }
    policies.mode(&workload.namespace, &workload.labels)
}
