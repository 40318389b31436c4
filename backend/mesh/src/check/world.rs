//! What checks look at: a mesh, with its hosts and the subsets of its DestinationRules by their names.

use crate::mesh_config::MeshConfig;
use crate::roles::{self, Deed};
use crate::writes::Write;
use crate::{Kind, Mesh, Problem, Ref, Service, Workload, fqdn, kinds};
use istio::hosts::{covers, is_wildcard};
use istio::views::{DestinationRule, Gateway};
use istio::{Object, Selects};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::collections::{BTreeSet, HashMap};

/// A mesh, made ready to be looked at.
pub struct World<'a> {
    /// The mesh.
    pub mesh: &'a Mesh,
    /// What the mesh as a whole is told, or why that is not known.
    pub config: Result<&'a MeshConfig, Problem>,
    /// Only what stands in files is known: that something is not among them says nothing of pods.
    from_files: bool,
    writes: &'a [Write],
    now: Option<Timestamp>,
    hosts: HashMap<&'a str, Vec<&'a Service>>,
    wide: Vec<&'a Service>,
    /// DestinationRules by the full host that they are for.
    rules: HashMap<String, Vec<(&'a Ref, &'a DestinationRule)>>,
    /// What VirtualServices do.
    deeds: Vec<(Ref, Deed)>,
}

impl<'a> World<'a> {
    /// A mesh, and what is known of its own configuration.
    pub fn new(mesh: &'a Mesh, config: Result<&'a MeshConfig, Problem>) -> Self {
        let mut hosts: HashMap<&str, Vec<&Service>> = HashMap::new();
        let mut wide = Vec::new();
        for service in mesh.services() {
            match is_wildcard(&service.host) {
                true => wide.push(service),
                false => hosts.entry(&service.host).or_default().push(service),
            }
        }
        let mut rules: HashMap<String, Vec<_>> = HashMap::new();
        for (at, rule) in mesh.destination_rules() {
            rules.entry(fqdn(&rule.host, &at.namespace)).or_default().push((at, rule));
        }
        Self {
            mesh,
            config,
            from_files: false,
            writes: &[],
            now: None,
            hosts,
            wide,
            rules,
            deeds: roles::everything(mesh),
        }
    }

    /// The same, of what stands in files alone.
    #[must_use]
    pub fn from_files(mut self) -> Self {
        self.from_files = true;
        self
    }

    /// The same, at this moment and with what was written into it.
    #[must_use]
    pub fn watched(mut self, writes: &'a [Write], now: Timestamp) -> Self {
        (self.writes, self.now) = (writes, Some(now));
        self
    }

    /// For how many whole hours nobody has changed an object; `None` where nobody knows.
    pub(super) fn unchanged_hours(&self, at: &Ref) -> Option<i64> {
        let last = self.writes.iter().filter(|write| write.at == *at).map(|write| write.when).max()?;
        Some(self.now?.duration_since(last).as_hours())
    }

    /// Why not all objects of a kind are seen, if not all are.
    pub(super) fn unseen(&self, kind: &'static Kind) -> Option<Problem> {
        if let Some(why) = self.mesh.unseen_anywhere(kind) {
            return Some(why.clone());
        }
        let live = [&kinds::POD, &kinds::NAMESPACE];
        let none = || match kind == &kinds::POD {
            true => self.mesh.workload_count() == 0,
            false => self.mesh.objects().of_kind(kind).next().is_none(),
        };
        (self.from_files && live.contains(&kind) && none()).then(|| {
            Problem::new(
                format!("{}s are not known", kind.kind),
                "none stand in the files",
                "Judge the files together with a context, or add what makes the pods",
            )
        })
    }

    /// The services of a full host: those of the very name, else those whose wildcard covers it.
    pub(super) fn services(&self, host: &str) -> Vec<&'a Service> {
        match self.hosts.get(host) {
            Some(exact) => exact.clone(),
            None => self.wide.iter().copied().filter(|service| covers(&service.host, host)).collect(),
        }
    }

    /// Whether some service has this host, or hosts that it covers.
    pub(super) fn has_host(&self, host: &str) -> bool {
        match is_wildcard(host) {
            false => self.hosts.contains_key(host) || self.wide.iter().any(|one| covers(&one.host, host)),
            true => {
                self.hosts.keys().any(|one| covers(host, one))
                    || self.wide.iter().any(|one| istio::hosts::overlap(&one.host, host))
            }
        }
    }

    /// DestinationRules that are for this very host.
    pub(super) fn rules_for(&self, host: &str) -> &[(&'a Ref, &'a DestinationRule)] {
        self.rules.get(host).map_or(&[], Vec::as_slice)
    }

    /// DestinationRules that are for a host, be it by a wildcard.
    pub(super) fn rules_covering(&self, host: &str) -> Vec<(&'a Ref, &'a DestinationRule)> {
        let wide = self.rules.iter().filter(|(of, _)| is_wildcard(of) && covers(of, host));
        self.rules_for(host).iter().chain(wide.flat_map(|(_, rules)| rules)).copied().collect()
    }

    /// Hosts that several DestinationRules name.
    pub(super) fn ruled_hosts(&self) -> impl Iterator<Item = (&str, &[(&'a Ref, &'a DestinationRule)])> {
        self.rules.iter().map(|(host, rules)| (host.as_str(), rules.as_slice()))
    }

    /// What each VirtualService does, and fails to do.
    pub(super) fn deeds(&self) -> &[(Ref, Deed)] {
        &self.deeds
    }

    /// Whether a namespace is there.
    pub(super) fn has_namespace(&self, name: &str) -> bool {
        self.mesh.namespaces().binary_search_by(|of| (**of).cmp(name)).is_ok()
    }

    /// Workloads of a namespace; of all, for the root namespace.
    pub(super) fn in_reach(&self, namespace: &str) -> Vec<&'a Workload> {
        match namespace == self.mesh.root_namespace() {
            true => self.mesh.workloads().collect(),
            false => self.within(namespace).collect(),
        }
    }

    /// Workloads of a namespace.
    pub(super) fn within(&self, namespace: &str) -> impl Iterator<Item = &'a Workload> + use<'a> {
        self.mesh.part(namespace).into_iter().flat_map(|part| part.workloads()).map(|workload| &**workload)
    }

    /// The workloads that a Gateway opens ports of.
    pub(super) fn behind(&self, gateway: &'a Gateway) -> Vec<&'a Workload> {
        let selects = Selects::narrowing(Some(&gateway.selector));
        self.mesh.workloads().filter(|one| one.gateway && selects.takes(&one.labels)).collect()
    }

    /// The objects of a kind that can be read, with what they say.
    pub(super) fn read<T: DeserializeOwned + Default>(
        &self,
        kind: &'static Kind,
    ) -> Vec<(&'a Ref, &'a Object, T)> {
        let all = self.mesh.objects().of_kind(kind);
        all.filter_map(|(at, object)| Some((at, object, istio::views::read(object).ok()?))).collect()
    }

    /// Service accounts that pods run under.
    pub(super) fn accounts(&self) -> BTreeSet<(&'a str, &'a str)> {
        let account = |one: &'a Workload| match one.service_account.as_str() {
            "" => "default",
            named => named,
        };
        self.mesh.workloads().map(|one| (&*one.namespace, account(one))).collect()
    }
}

/// "a, b, c and 4 others".
pub(super) fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.len() {
        0..=4 => names.join(", "),
        many => format!("{} and {} others", names[..3].join(", "), many - 3),
    }
}
