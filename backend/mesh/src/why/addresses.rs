//! Who calls from an address, as a proxy's log has it.

use crate::log::Access;
use crate::{Mesh, Workload};
use istio::kinds;
use std::collections::HashMap;

/// Where pods of a sandbox, whose addresses begin with the other, call from: all of it is one machine.
const NEAR: (&str, &str) = ("127.244.", "10.244.");

/// The workloads at the addresses of their pods.
pub(crate) struct Addresses<'m>(HashMap<&'m str, Option<&'m Workload>>);

impl<'m> Addresses<'m> {
    /// All that are known. An address that several workloads have, such as a node's, is nobody's; so is that of
    /// a pod that has ended.
    pub(crate) fn of(mesh: &'m Mesh) -> Self {
        let mut all: HashMap<&str, Option<&Workload>> = HashMap::new();
        for (at, pod) in mesh.objects().of_kind(&kinds::POD) {
            let status = &pod.0["status"];
            let ended = matches!(status["phase"].as_str(), Some("Succeeded" | "Failed"));
            let Some(ip) = status["podIP"].as_str().filter(|_| !ended) else { continue };
            let workload = of_pod(mesh, &at.namespace, &at.name);
            let same = |known: &Workload| {
                workload.is_some_and(|one| one.namespace == known.namespace && one.name == known.name)
            };
            all.entry(ip).and_modify(|known| *known = known.filter(|known| same(known))).or_insert(workload);
        }
        Self(all)
    }

    /// Who calls from here ("10.244.1.4:41000").
    pub(crate) fn at(&self, address: &str) -> Option<&'m Workload> {
        let ip = address.rsplit_once(':').map_or(address, |(ip, _)| ip).trim_matches(['[', ']']);
        let known = |ip: &str| self.0.get(ip).copied().flatten();
        known(ip).or_else(|| known(&format!("{}{}", NEAR.1, ip.strip_prefix(NEAR.0)?)))
    }

    /// Who opened the connection that a line of an access log is of. An address without a port is what a header
    /// (`x-forwarded-for`) says: somebody stands in between.
    pub(crate) fn caller(&self, access: &Access) -> Option<&'m Workload> {
        let from = access.get("downstream_remote_address");
        if from.ends_with(":0") { None } else { self.at(from) }
    }
}

/// The workload of a pod.
pub(crate) fn of_pod<'m>(mesh: &'m Mesh, namespace: &str, pod: &str) -> Option<&'m Workload> {
    let mut all = mesh.part(namespace)?.workloads();
    all.find(|one| one.pods.iter().any(|other| *other.name == *pod)).map(|one| &**one)
}
