//! What checks look at: a mesh, with its hosts and the subsets of its DestinationRules by their names.

use super::ambient::DATAPLANE;
use super::fix::meant;
use super::live::Live;
use super::subsets::Subsets;
use crate::mesh_config::MeshConfig;
use crate::model::Policies;
use crate::roles::{self, Deed};
use crate::{Kind, Mesh, Problem, Ref, Service, Workload, fqdn, kinds};
use istio::hosts::{DOMAIN, covers, is_wildcard};
use istio::kinds::{INJECT, INJECTION, REVISION};
use istio::views::{DestinationRule, Gateway};
use istio::{Object, Selects};
use serde::de::DeserializeOwned;
use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};

/// An object that chooses pods, and what it chooses.
pub(super) type Choosing<'a> = (&'a Ref, &'a Object, Selects<'static>);

/// A mesh, made ready to be looked at.
pub struct World<'a> {
    /// The mesh.
    pub mesh: &'a Mesh,
    /// What the mesh as a whole is told, or why that is not known.
    pub config: Result<&'a MeshConfig, Problem>,
    /// Only what stands in files is known: that something is not among them says nothing of pods.
    from_files: bool,
    pub(super) live: Option<Live<'a>>,
    hosts: HashMap<&'a str, Vec<&'a Service>>,
    wide: Vec<&'a Service>,
    /// DestinationRules by the full host that they are for.
    rules: HashMap<String, Vec<(&'a Ref, &'a DestinationRule)>>,
    /// Those whose host is a wildcard, with it.
    wide_rules: Vec<(String, &'a Ref, &'a DestinationRule)>,
    /// The cluster's domain, where it is not the usual one.
    domain: OnceCell<Option<String>>,
    /// Whether anybody is in ambient mode.
    ambient: OnceCell<bool>,
    /// Objects that choose pods, with what they choose.
    pub(super) choosing: OnceCell<Vec<Choosing<'a>>>,
    pub(super) subsets: OnceCell<Subsets<'a>>,
    /// PeerAuthentications, sorted as they count.
    policies: OnceCell<Policies<'a>>,
    accounts: OnceCell<BTreeSet<(&'a str, &'a str)>>,
    /// What VirtualServices fail to do.
    failures: OnceCell<Vec<(Ref, Deed)>>,
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
        let mut wide_rules = Vec::new();
        for (at, rule) in mesh.destination_rules() {
            let host = fqdn(&rule.host, &at.namespace);
            if is_wildcard(&host) {
                wide_rules.push((host.clone(), at, rule));
            }
            rules.entry(host).or_default().push((at, rule));
        }
        Self {
            mesh,
            config,
            from_files: false,
            live: None,
            hosts,
            wide,
            rules,
            wide_rules,
            domain: OnceCell::new(),
            ambient: OnceCell::new(),
            choosing: OnceCell::new(),
            subsets: OnceCell::new(),
            policies: OnceCell::new(),
            accounts: OnceCell::new(),
            failures: OnceCell::new(),
        }
    }

    /// The same, of what stands in files alone.
    #[must_use]
    pub fn from_files(mut self) -> Self {
        self.from_files = true;
        self
    }

    /// The same, with what is known of a mesh that runs.
    #[must_use]
    pub fn watched(mut self, live: Live<'a>) -> Self {
        self.live = Some(live);
        self
    }

    /// Why not all objects of a kind are seen, if not all are. Of files, one that stands there is enough: what
    /// others there may be, checks ask for themselves.
    pub(super) fn unseen(&self, kind: &'static Kind) -> Option<Problem> {
        let why = self.mesh.unseen_anywhere(kind)?;
        let some = || match *kind {
            _ if *kind == kinds::POD => self.mesh.workload_count() > 0,
            _ if *kind == kinds::SERVICE => self.mesh.services().next().is_some(),
            _ => self.mesh.objects().of_kind(kind).next().is_some(),
        };
        (!self.from_files || !some()).then(|| why.clone())
    }

    /// Why names of services cannot be judged: they end otherwise than by "svc.cluster.local", as istiod's
    /// `--domain` says.
    pub(super) fn other_domain(&self) -> Option<Problem> {
        let domain = self.domain.get_or_init(|| {
            let istiod = Ref::new(&kinds::DEPLOYMENT, self.mesh.root_namespace(), "istiod");
            let object = self.mesh.objects().get(&istiod)?;
            let containers = object.spec().pointer("/template/spec/containers")?.as_array()?;
            let all = containers.iter().filter_map(|one| one["args"].as_array()).flatten();
            let args: Vec<&str> = all.filter_map(|arg| arg.as_str()).collect();
            let joined = args.iter().find_map(|arg| arg.strip_prefix("--domain="));
            let parted = || args.windows(2).find(|pair| pair[0] == "--domain").map(|pair| pair[1]);
            joined.or_else(parted).filter(|domain| *domain != DOMAIN).map(str::to_owned)
        });
        domain.as_ref().map(|domain| {
            Problem::new(
                "Hosts of services are not judged",
                format!("the cluster's domain is {domain}, and only {DOMAIN} is known here"),
                "Judge them by istioctl analyze",
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

    /// The services of a host as it stands in an object; of a wildcard, all that it covers.
    pub(super) fn services_under(&self, host: &str, namespace: &str) -> Vec<&'a Service> {
        let host = fqdn(host, namespace);
        match is_wildcard(&host) {
            true => self.mesh.services().filter(|service| covers(&host, &service.host)).collect(),
            false => self.services(&host),
        }
    }

    /// Whether some service has this host, or hosts that it covers.
    pub(super) fn has_host(&self, host: &str) -> bool {
        if self.mesh.unseen_anywhere(&kinds::SERVICE).is_some() && istio::hosts::service(host).is_some() {
            return true;
        }
        match is_wildcard(host) {
            false => self.hosts.contains_key(host) || self.wide.iter().any(|one| covers(&one.host, host)),
            true => {
                self.hosts.keys().any(|one| covers(host, one))
                    || self.wide.iter().any(|one| istio::hosts::overlap(&one.host, host))
            }
        }
    }

    /// The host that somebody will have meant who wrote one that is not there, as it is to be written.
    pub(super) fn host_meant(&self, host: &str, namespace: &str) -> Option<String> {
        let dialled = istio::hosts::dialled(host, namespace);
        if dialled != fqdn(host, namespace) && self.has_host(&dialled) {
            return Some(dialled);
        }
        if host.contains('.') {
            return meant(host, self.hosts.keys().copied()).map(str::to_owned);
        }
        let own = self.mesh.part(namespace)?.services().filter(|service| !service.external);
        meant(host, own.map(|service| &*service.name)).map(str::to_owned)
    }

    /// DestinationRules that are for this very host.
    pub(super) fn rules_for(&self, host: &str) -> &[(&'a Ref, &'a DestinationRule)] {
        self.rules.get(host).map_or(&[], Vec::as_slice)
    }

    /// DestinationRules that are for a host, be it by a wildcard.
    pub(super) fn rules_covering(&self, host: &str) -> Vec<(&'a Ref, &'a DestinationRule)> {
        let exact = if is_wildcard(host) { &[] } else { self.rules_for(host) };
        let wide = self.wide_rules.iter().filter(|(of, ..)| covers(of, host));
        exact.iter().copied().chain(wide.map(|(_, at, rule)| (*at, *rule))).collect()
    }

    /// The DestinationRule that counts for callers of a service: the closest of those that are for all of them.
    pub(super) fn rule_in_force(&self, service: &Service) -> Option<(&'a Ref, &'a DestinationRule)> {
        let all = self.rules_covering(&service.host).into_iter();
        let whole = all.filter(|(_, rule)| rule.workload_selector.is_none());
        whole.max_by_key(|(at, rule)| {
            let near = at.namespace == service.namespace;
            (!is_wildcard(&rule.host), near, rule.host.len(), std::cmp::Reverse(*at))
        })
    }

    /// Hosts that several DestinationRules name.
    pub(super) fn ruled_hosts(&self) -> impl Iterator<Item = (&str, &[(&'a Ref, &'a DestinationRule)])> {
        self.rules.iter().map(|(host, rules)| (host.as_str(), rules.as_slice()))
    }

    /// Which mutual TLS mode holds where.
    pub(super) fn policies(&self) -> &Policies<'a> {
        self.policies.get_or_init(|| self.mesh.mtls_policies())
    }

    /// What VirtualServices fail to do.
    pub(super) fn failures(&self) -> &[(Ref, Deed)] {
        self.failures.get_or_init(|| roles::failures(self.mesh))
    }

    /// Whether anything in the mesh is in ambient mode.
    pub(super) fn has_ambient(&self) -> bool {
        *self.ambient.get_or_init(|| {
            let mut namespaces = self.mesh.objects().of_kind(&kinds::NAMESPACE);
            let own = |one: &Workload| one.labels.get(DATAPLANE).is_some_and(|mode| mode == "ambient");
            namespaces.any(|(_, object)| object.label(DATAPLANE) == Some("ambient"))
                || self.mesh.workloads().any(own)
        })
    }

    /// Whether a namespace is there. Where not all are known, one is missing only if its name is nearly another's.
    pub(super) fn has_namespace(&self, name: &str) -> bool {
        let all = self.mesh.namespaces();
        all.binary_search_by(|of| (**of).cmp(name)).is_ok()
            || name == self.mesh.root_namespace()
            || self.mesh.unseen_anywhere(&kinds::NAMESPACE).is_some()
                && meant(name, all.iter().map(|of| &**of)).is_none()
    }

    /// Whether pods of a workload have a sidecar; of one without pods, whether they would get one.
    pub(super) fn has_sidecar(&self, workload: &Workload) -> bool {
        if !workload.pods.is_empty() || workload.gateway {
            return workload.pods.iter().any(|pod| pod.sidecar);
        }
        let own = workload.labels.get(INJECT).map(|said| said == "true");
        own.unwrap_or_else(|| {
            let at = Ref::new(&kinds::NAMESPACE, "", &workload.namespace);
            let of = self.mesh.objects().get(&at);
            of.is_some_and(|of| of.label(INJECTION) == Some("enabled") || of.label(REVISION).is_some())
        })
    }

    /// Whether all pods of a namespace are known.
    pub(super) fn knows_pods(&self, namespace: &str) -> bool {
        self.mesh.unseen(&kinds::POD, namespace).is_none()
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

    /// What an object says, where it can be read.
    pub(super) fn view<T: DeserializeOwned + Default>(&self, at: &Ref) -> Option<T> {
        istio::views::read(self.mesh.objects().get(at)?).ok()
    }

    /// The objects of a kind that can be read, with what they say.
    pub(super) fn read<T: DeserializeOwned + Default>(
        &self,
        kind: &'static Kind,
    ) -> Vec<(&'a Ref, &'a Object, T)> {
        let all = self.mesh.objects().of_kind(kind);
        all.filter_map(|(at, object)| Some((at, object, istio::views::read(object).ok()?))).collect()
    }

    /// Service accounts that pods run under, by namespace and name.
    pub(super) fn accounts(&self) -> &BTreeSet<(&'a str, &'a str)> {
        let account = |one: &'a Workload| match one.service_account.as_str() {
            "" => "default",
            named => named,
        };
        self.accounts
            .get_or_init(|| self.mesh.workloads().map(|one| (&*one.namespace, account(one))).collect())
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
