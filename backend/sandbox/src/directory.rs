//! Who is who: names, addresses and workloads, read from the objects and kept at hand.

use crate::apps::outgoing::Names;
use crate::changes::Changes;
use crate::synthetic::is_synthetic;
use crate::workloads::ports::real_port;
use crate::workloads::snapshot::{ending, ready, selector};
use apiserver::Store;
use istio::hosts::{dialled, of_service};
use istio::{Object, Selects};
use parking_lot::RwLock;
use pilot::registry::Workload;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// Changes within so short a time are read together.
const SETTLE: Duration = Duration::from_millis(3);

/// So many names may stand for each other in a row, as in DNS.
const LONGEST_ALIAS: usize = 8;

/// The kinds that are read.
const READ: [&str; 3] = ["Pod", "Service", "ServiceEntry"];

/// Answers from memory; follows the store.
pub(crate) struct Directory {
    index: Arc<RwLock<Index>>,
    _follow: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Index {
    namespaces: HashMap<String, Namespace>,
    addresses: HashMap<SocketAddr, Arc<telemetry::Workload>>,
    /// Hosts of ServiceEntries.
    hosts: HashMap<String, Service>,
}

/// What is known of one namespace. It is read anew as a whole: nothing in it says anything of another.
#[derive(Default)]
struct Namespace {
    /// By `<pod>.<namespace>`.
    pods: HashMap<String, Arc<telemetry::Workload>>,
    addresses: HashMap<SocketAddr, Arc<telemetry::Workload>>,
    /// By full name.
    services: HashMap<String, Service>,
}

struct Service {
    name: String,
    namespace: String,
    ip: Option<Ipv4Addr>,
    /// What it is another name of.
    alias: Option<String>,
    /// Where it has no address of its own: the pods that its name leads to.
    pods: Vec<Member>,
    /// The real addresses behind each of its ports, of pods that are ready.
    endpoints: HashMap<u16, Vec<SocketAddr>>,
}

/// A pod of a headless Service.
struct Member {
    /// Its name below the Service's.
    name: String,
    ip: Ipv4Addr,
    pod: Object,
}

impl Directory {
    /// Reads the store and goes on following it.
    pub(crate) fn follow(store: &Store) -> Self {
        let index = Arc::new(RwLock::new(Index::default()));
        let mut changes = Changes::follow(store, &READ);
        let (store, kept) = (store.clone(), index.clone());
        // What there is stands in the index before anybody can ask.
        Index::read(&kept, &store, &changes.so_far());
        let follow = async move {
            loop {
                let changed = changes.next(SETTLE).await;
                Index::read(&kept, &store, &changed);
            }
        };
        Self { index, _follow: AbortOnDropHandle::new(tokio::spawn(follow)) }
    }
}

impl Index {
    #[allow(clippy::iter_over_hash_type, reason = "each address is looked at alone")]
    /// Reads these namespaces anew. The lock is held only to put in place what was read.
    fn read(kept: &RwLock<Self>, store: &Store, namespaces: &BTreeSet<String>) {
        for name in namespaces {
            let new = Namespace::of(store, name);
            let mut index = kept.write();
            let addresses = new.addresses.clone();
            if let Some(old) = index.namespaces.insert(name.clone(), new) {
                for (address, workload) in old.addresses {
                    // Another pod may have got it meanwhile.
                    if index.addresses.get(&address).is_some_and(|known| Arc::ptr_eq(known, &workload)) {
                        index.addresses.remove(&address);
                    }
                }
            }
            index.addresses.extend(addresses);
        }
        let hosts = hosts(store);
        kept.write().hosts = hosts;
    }

    fn namespace_of(&self, full_name: &str) -> Option<&Namespace> {
        // "reviews.bookinfo", "reviews.bookinfo.svc.cluster.local"
        self.namespaces.get(full_name.split('.').nth(1)?)
    }

    /// A service by any of its names, else the host of a ServiceEntry.
    fn named(&self, host: &str, namespace: &str) -> Option<&Service> {
        let mut found = self.known(&dialled(host, namespace)).or_else(|| self.hosts.get(host))?;
        for _ in 0..LONGEST_ALIAS {
            let Some(alias) = &found.alias else { return Some(found) };
            found = self.known(alias).or_else(|| self.hosts.get(alias))?;
        }
        None
    }

    fn known(&self, full_name: &str) -> Option<&Service> {
        self.namespace_of(full_name)?.services.get(full_name)
    }
}

impl Namespace {
    fn of(store: &Store, name: &str) -> Self {
        let all = |kind: &str| store.list_in(kind, name).into_iter().map(Object).collect::<Vec<_>>();
        let (services, pods) = (all("Service"), all("Pod"));
        let mut namespace = Self::default();
        let wanted: Vec<_> = services.iter().map(selector).collect();
        let selects: Vec<Selects<'_>> = wanted.iter().map(Selects::gathering).collect();
        let mut members: Vec<Vec<&Object>> = vec![Vec::new(); services.len()];
        for pod in &pods {
            let selecting: Vec<usize> =
                (0..services.len()).filter(|at| selects[*at].fits(|key| pod.label(key))).collect();
            if ready(pod) && !ending(pod) {
                selecting.iter().for_each(|at| members[*at].push(pod));
            }
            let Some(workload) = Workload::of(pod) else { continue };
            let service = selecting.first().map(|at| &services[*at]);
            let told = Arc::new(telemetry::Workload {
                pod: workload.name.clone(),
                namespace: workload.namespace.clone(),
                workload: workload.owner.clone(),
                app: pod.label("app").unwrap_or_default().to_owned(),
                version: pod.label("version").unwrap_or_default().to_owned(),
                canonical_service: workload.canonical_service().to_owned(),
                canonical_revision: workload.canonical_revision().to_owned(),
                principal: if workload.proxy.is_some() { workload.identity() } else { String::new() },
                cluster: "Kubernetes".to_owned(),
                ip: workload.ip.parse().ok(),
                service: service.map(|service| of_service(service.name(), service.namespace())),
            });
            for real in workload.ports.values().filter_map(wire::Address::tcp) {
                namespace.addresses.insert(real, told.clone());
            }
            if is_synthetic(pod) {
                // It is nowhere on this machine: made-up traffic goes to its own address.
                let (ip, ports) = (told.ip, workload.named_ports.values());
                namespace
                    .addresses
                    .extend(ports.filter_map(|port| Some((SocketAddr::from((ip?, *port)), told.clone()))));
            }
            namespace.pods.insert(workload.id(), told);
        }
        for (service, members) in services.iter().zip(members) {
            let name = of_service(service.name(), service.namespace());
            namespace.services.insert(name, Service::of(service, &members));
        }
        namespace
    }
}

fn hosts(store: &Store) -> HashMap<String, Service> {
    let entries: Vec<Object> = store.list("ServiceEntry").into_iter().map(Object).collect();
    let mut allocated = pilot::registry::allocated(entries.iter());
    let mut hosts = HashMap::new();
    for entry in &entries {
        for host in entry.spec()["hosts"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let given = allocated.remove(&(entry.namespace().to_owned(), host.to_owned()));
            hosts.entry(host.to_owned()).or_insert_with(|| Service::of_entry(entry, host, given));
        }
    }
    hosts
}

impl Service {
    /// A host of a ServiceEntry, as Istio's DNS answers for it.
    fn of_entry(entry: &Object, host: &str, allocated: Option<Ipv4Addr>) -> Self {
        let spec = entry.spec();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let own = list(&spec["addresses"]).iter().find_map(|address| address.as_str()?.parse().ok());
        let endpoints = list(&spec["ports"]).into_iter().filter_map(|port| {
            let number = u16::try_from(port["number"].as_u64()?).ok()?;
            let target = port["targetPort"].as_u64().unwrap_or_else(|| number.into());
            let behind = list(&spec["endpoints"]).into_iter().filter_map(|endpoint| {
                let real = endpoint["ports"][port["name"].as_str()?].as_u64().unwrap_or(target);
                let address: Ipv4Addr = endpoint["address"].as_str()?.parse().ok()?;
                Some(SocketAddr::from((address, u16::try_from(real).ok()?)))
            });
            Some((number, behind.collect()))
        });
        Self {
            name: host.to_owned(),
            namespace: entry.namespace().to_owned(),
            ip: own.or(allocated),
            alias: None,
            pods: Vec::new(),
            endpoints: endpoints.collect(),
        }
    }

    fn of(service: &Object, members: &[&Object]) -> Self {
        let headless = service.spec()["clusterIP"] == "None";
        let ports = service.spec()["ports"].as_array().into_iter().flatten();
        let endpoints = ports.filter_map(|port| {
            let number = u16::try_from(port["port"].as_u64()?).ok()?;
            let target = port["targetPort"].as_u64().unwrap_or_else(|| number.into()).to_string();
            let real = members.iter().filter_map(|pod| real_port(pod, &target));
            Some((number, real.map(|real| SocketAddr::from((Ipv4Addr::LOCALHOST, real))).collect()))
        });
        Self {
            name: service.name().to_owned(),
            namespace: service.namespace().to_owned(),
            ip: service.spec()["clusterIP"].as_str().and_then(|ip| ip.parse().ok()),
            alias: pilot::registry::alias(service).map(|(_, target)| target),
            pods: if headless {
                members.iter().filter_map(|pod| Member::of(pod)).collect()
            } else {
                Vec::new()
            },
            endpoints: endpoints.collect(),
        }
    }
}

impl Member {
    fn of(pod: &Object) -> Option<Self> {
        let name = pod.spec()["hostname"].as_str().unwrap_or_else(|| pod.name()).to_owned();
        Some(Self { name, ip: pod.status()["podIP"].as_str()?.parse().ok()?, pod: pod.clone() })
    }
}

impl telemetry::Directory for Directory {
    fn by_pod(&self, pod: &str) -> Option<Arc<telemetry::Workload>> {
        let index = self.index.read();
        // A pod's own name may have dots.
        index.namespaces.get(pod.rsplit_once('.')?.1)?.pods.get(pod).cloned()
    }
    fn by_address(&self, address: SocketAddr) -> Option<Arc<telemetry::Workload>> {
        self.index.read().addresses.get(&address).cloned()
    }
    fn service(&self, host: &str) -> Option<(String, String)> {
        let index = self.index.read();
        let service = index.known(host).or_else(|| index.hosts.get(host))?;
        Some((service.name.clone(), service.namespace.clone()))
    }
}

impl Names for Directory {
    fn cluster_ip(&self, host: &str, namespace: &str) -> Option<Ipv4Addr> {
        self.index.read().named(host, namespace)?.ip
    }
    fn pod(&self, host: &str, namespace: &str, port: u16) -> Option<(Ipv4Addr, SocketAddr)> {
        let index = self.index.read();
        let (service, wanted) = match index.named(host, namespace) {
            Some(service) => (service, None),
            // `db-0.db`, `db-0.db.shop.svc.cluster.local`
            None => {
                host.split_once('.').and_then(|(pod, of)| Some((index.named(of, namespace)?, Some(pod))))?
            }
        };
        let fits = |member: &&Member| wanted.is_none_or(|wanted| member.name == wanted);
        let fitting: Vec<&Member> = service.pods.iter().filter(fits).collect();
        // As DNS, which tells all of them in another order each time.
        let member = fitting.get(rand::random_range(0..fitting.len().max(1)))?;
        let real = real_port(&member.pod, &port.to_string())?;
        Some((member.ip, SocketAddr::from((Ipv4Addr::LOCALHOST, real))))
    }
    fn endpoint(&self, host: &str, namespace: &str, port: u16) -> Option<SocketAddr> {
        let index = self.index.read();
        let behind = index.named(host, namespace)?.endpoints.get(&port)?;
        behind.get(rand::random_range(0..behind.len().max(1))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use telemetry::Directory as _;

    #[tokio::test]
    async fn pods_and_services_are_known_by_name_and_by_address() {
        let store = Store::new();
        store.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).unwrap();
        store
            .apply(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"clusterIP": "10.96.0.9", "selector": {"app": "cart"}, "ports": [{"port": 80, "targetPort": 9080}]}}))
            .unwrap();
        store
            .apply(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "cart-v1-x", "namespace": "shop", "labels": {"app": "cart", "version": "v1"},
                "annotations": {"sandbox.binnacle.dev/ports": "{\"15000\":41000,\"15001\":41001,\"9080\":41002,\"app/9080\":41003}"}},
            "spec": {"serviceAccountName": "cart", "containers": [{"name": "cart", "image": "x"}]},
            "status": {"phase": "Running", "podIP": "10.244.0.5", "conditions": [{"type": "Ready", "status": "True"}]}}))
            .unwrap();
        let directory = Directory::follow(&store);
        let known = directory.by_pod("cart-v1-x.shop").unwrap();
        assert_eq!(known.principal, "spiffe://cluster.local/ns/shop/sa/cart");
        assert_eq!(
            (known.ip, known.service.as_deref()),
            ("10.244.0.5".parse().ok(), Some("cart.shop.svc.cluster.local"))
        );
        let inbound = SocketAddr::from((Ipv4Addr::LOCALHOST, 41002));
        assert_eq!(directory.by_address(inbound), Some(known));
        assert_eq!(directory.service("cart.shop.svc.cluster.local"), Some(("cart".into(), "shop".into())));
        for (host, namespace) in [
            ("cart", "shop"),
            ("cart.shop", "other"),
            ("cart.shop.svc", "other"),
            ("cart.shop.svc.cluster.local", "other"),
        ] {
            assert_eq!(directory.cluster_ip(host, namespace), Some(Ipv4Addr::new(10, 96, 0, 9)), "{host}");
        }
        assert_eq!(directory.cluster_ip("cart", "other"), None);
        assert_eq!(directory.endpoint("cart", "shop", 80), Some(inbound));
    }

    #[tokio::test]
    async fn hosts_of_service_entries_are_known_as_the_proxies_know_them() {
        let store = Store::new();
        store.apply(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).unwrap();
        let entry = |name: &str, more: Value| {
            let mut spec = json!({"hosts": [name], "resolution": "STATIC", "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
                "endpoints": [{"address": "127.0.0.1", "ports": {"http": 41000}}]});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let entry = json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": name, "namespace": "shop"}, "spec": spec});
            store.apply(entry).unwrap();
        };
        entry("own.example", json!({"addresses": ["10.97.0.1"]}));
        entry("pay.example", json!({}));
        let directory = Directory::follow(&store);
        assert_eq!(directory.cluster_ip("own.example", "other"), Some(Ipv4Addr::new(10, 97, 0, 1)));
        let given = directory.cluster_ip("pay.example", "other").unwrap();
        assert_eq!(given.octets()[..2], [240, 240]);
        assert_eq!(directory.service("pay.example"), Some(("pay.example".into(), "shop".into())));
        assert_eq!(
            directory.endpoint("pay.example", "other", 80),
            Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 41000)))
        );
    }
}
