//! Workloads: pods, with or without a sidecar, and what their proxies are called.

use super::locality::Locality;
use crate::identity::{TRUST_DOMAIN, identity};
use istio::{Object, canonical};
use serde_json::Value;
use std::collections::BTreeMap;
use wire::Address;

/// The annotation that maps the ports inside a pod to ports of this machine, or to Unix sockets.
pub const PORTS_ANNOTATION: &str = "sandbox.binnacle.dev/ports";

/// What kind of proxy stands beside (or is) the workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// Beside an application.
    Sidecar,
    /// A gateway.
    Router,
}

impl ProxyKind {
    /// `sidecar` or `router`, as in a node's id.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Router => "router",
        }
    }
}

/// One pod.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The pod's name.
    pub name: String,
    /// The pod's namespace.
    pub namespace: String,
    /// `status.podIP`.
    pub ip: String,
    /// The pod's labels.
    pub labels: BTreeMap<String, String>,
    /// `spec.serviceAccountName`, "default" when unset.
    pub service_account: String,
    /// The name of the Deployment (or other owner), else the pod's.
    pub owner: String,
    /// Its proxy, if it has one.
    pub proxy: Option<ProxyKind>,
    /// From port inside the pod ("9080", "app/9080", "15001") to where that is on this machine.
    pub ports: BTreeMap<String, Address>,
    /// Port names of the containers.
    pub named_ports: BTreeMap<String, u16>,
    /// Takes traffic: not ending, and ready.
    pub ready: bool,
    /// The name of its Node.
    pub node: String,
    /// Where it stands, if its own label says so.
    pub locality: Option<Locality>,
}

impl Workload {
    /// Reads a Pod; `None` when it has no address yet or has ended.
    pub fn of(pod: &Object) -> Option<Self> {
        let ip = pod.status()["podIP"].as_str().filter(|ip| !ip.is_empty())?.to_owned();
        if matches!(pod.status()["phase"].as_str(), Some("Succeeded" | "Failed")) {
            return None;
        }
        let ports: BTreeMap<String, Address> = pod
            .annotation(PORTS_ANNOTATION)
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let proxy = ports.contains_key("15000").then(|| {
            // A sidecar takes its application's calls at 15001; a gateway has no application.
            let gateway = pod.label("istio").is_some_and(|role| role.ends_with("gateway"));
            if ports.contains_key("15001") && !gateway { ProxyKind::Sidecar } else { ProxyKind::Router }
        });
        let ending = pod.0["metadata"].get("deletionTimestamp").is_some_and(|time| !time.is_null());
        let not_ready =
            conditions(pod).any(|condition| condition["type"] == "Ready" && condition["status"] != "True");
        Some(Self {
            name: pod.name().to_owned(),
            namespace: pod.namespace().to_owned(),
            ip,
            labels: pod.labels(),
            service_account: pod.spec()["serviceAccountName"].as_str().unwrap_or("default").to_owned(),
            owner: owner(pod),
            proxy,
            ports,
            named_ports: named_ports(pod.spec()),
            ready: !ending && !not_ready,
            node: pod.spec()["nodeName"].as_str().unwrap_or_default().to_owned(),
            locality: pod.label("istio-locality").map(Locality::of_label),
        })
    }

    /// `reviews-v1-abc.bookinfo`, the name of its proxy in istiod's answers.
    pub fn id(&self) -> String {
        format!("{}.{}", self.name, self.namespace)
    }

    /// `sidecar~10.244.0.7~reviews-v1-abc.bookinfo~bookinfo.svc.cluster.local`.
    pub fn node_id(&self) -> String {
        let kind = self.proxy.unwrap_or(ProxyKind::Sidecar).name();
        format!("{kind}~{}~{}~{}.svc.{TRUST_DOMAIN}", self.ip, self.id(), self.namespace)
    }

    /// `spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews`.
    pub fn identity(&self) -> String {
        identity(&self.namespace, &self.service_account)
    }

    /// Istio's canonical service: its label, else `app`, else the owner.
    pub fn canonical_service(&self) -> &str {
        canonical::service(&self.labels, &self.owner)
    }

    /// Istio's canonical revision: its label, else `version`, else "latest".
    pub fn canonical_revision(&self) -> &str {
        canonical::revision(&self.labels)
    }

    /// Where a port inside the pod is on this machine.
    pub fn address(&self, port: &str) -> Option<&Address> {
        self.ports.get(port)
    }

    /// The port of this machine for a port inside the pod, if it is one.
    pub fn real_port(&self, port: &str) -> Option<u16> {
        self.address(port)?.tcp().map(|at| at.port())
    }

    /// The ports at which its application listens, as inside the pod.
    pub fn app_ports(&self) -> impl Iterator<Item = u16> {
        self.ports.keys().filter_map(|key| key.strip_prefix("app/")?.parse().ok())
    }
}

fn conditions(pod: &Object) -> impl Iterator<Item = &Value> {
    pod.status()["conditions"].as_array().into_iter().flatten()
}

fn named_ports(spec: &Value) -> BTreeMap<String, u16> {
    let containers = spec["containers"].as_array().into_iter().flatten();
    let ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
    ports
        .filter_map(|port| {
            Some((port["name"].as_str()?.to_owned(), u16::try_from(port["containerPort"].as_u64()?).ok()?))
        })
        .collect()
}

/// `reviews-v1`: the ReplicaSet's name without the hash that its Deployment gave it.
fn owner(pod: &Object) -> String {
    let owner = pod.0["metadata"]["ownerReferences"][0].clone();
    let hash = pod.label("pod-template-hash").map(|hash| format!("-{hash}"));
    match (owner["kind"].as_str(), owner["name"].as_str()) {
        (Some("ReplicaSet"), Some(name)) => {
            hash.and_then(|hash| name.strip_suffix(&hash)).unwrap_or(name).to_owned()
        }
        (_, Some(name)) => name.to_owned(),
        _ => pod.name().to_owned(),
    }
}
