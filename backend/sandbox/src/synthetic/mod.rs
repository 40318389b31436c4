//! Synthetic scale: as many services and pods as somebody wants to look at, without programs and proxies
//! behind them.
//!
//! Everything carries the label `sandbox.binnacle.dev/synthetic`. The controllers treat these objects like
//! any others; the kubelet says of such pods that they run, and runs nothing. What is measured of them is
//! made up by [`traffic`].

pub(crate) mod traffic;

use apiserver::{ApiError, Store};
use istio::Object;
use serde_json::{Value, json};

/// The label of all that is not real.
pub(crate) const LABEL: &str = "sandbox.binnacle.dev/synthetic";
/// Services in one namespace.
const NEIGHBOURS: usize = 20;
/// The port of every service.
const PORT: u16 = 8080;

/// How much of it there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Services, each with one Deployment.
    pub services: usize,
    /// Pods, dealt out to the services in turn.
    pub pods: usize,
    /// Who calls whom: about so many of these for each service, and at least one.
    pub edges: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { services: 100, pods: 200, edges: 3 }
    }
}

impl Size {
    /// Requests a second by which every edge is seen at least every 30 seconds.
    pub(crate) fn rps(&self) -> f64 {
        let ways = u32::try_from(self.ways().len()).unwrap_or(u32::MAX);
        (f64::from(ways) / 30.0).max(10.0)
    }

    /// Whom a service calls. The services form layers: the first one is the way in, and whom one calls stand
    /// side by side in the next layer, so that neighbours call some of the same.
    fn callees(&self, service: usize) -> std::ops::Range<usize> {
        let first = (2 * service + 1).min(self.services);
        first..(2 * service + 2 * self.edges.max(1) + 1).min(self.services)
    }

    /// The last services that call others. Ways to them, and calls to all that those on the way call, touch
    /// every edge.
    fn ways(&self) -> std::ops::Range<usize> {
        let calling = self.services / 2;
        calling / 2..calling.max(1)
    }
}

/// Whether an object stands for nothing real.
pub(crate) fn is_synthetic(object: &Object) -> bool {
    object.label(LABEL) == Some("true")
}

/// The name and namespace of the service with this number, from 0.
fn place(service: usize) -> (String, String) {
    (format!("service-{:04}", service + 1), format!("synthetic-{:02}", service / NEIGHBOURS + 1))
}

/// Makes the objects.
pub(crate) async fn make(store: &Store, size: Size) -> Result<(), ApiError> {
    for service in 0..size.services {
        let (name, namespace) = place(service);
        if service % NEIGHBOURS == 0 {
            // Whoever wants to end the program is heard between.
            tokio::task::yield_now().await;
            store.apply(
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {LABEL: "true"}}}),
            )?;
        }
        let replicas = size.pods / size.services + usize::from(service < size.pods % size.services);
        for object in objects(&name, &namespace, replicas) {
            store.apply(object)?;
        }
    }
    Ok(())
}

fn objects(name: &str, namespace: &str, replicas: usize) -> [Value; 2] {
    let labels = json!({"app": name, "version": "v1", LABEL: "true"});
    [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": PORT}]}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": format!("{name}-v1"), "namespace": namespace, "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name, "version": "v1"}},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": "binnacle/synthetic",
                    "ports": [{"name": "http", "containerPort": PORT}]}]}}}}),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pods_are_dealt_out_to_services_in_namespaces() {
        let store = Store::new();
        make(&store, Size { services: 23, pods: 50, edges: 1 }).await.unwrap();
        let deployments: Vec<Object> = store.list("Deployment").into_iter().map(Object).collect();
        let replicas: u64 = deployments.iter().filter_map(|one| one.spec()["replicas"].as_u64()).sum();
        let last = deployments.last().unwrap();
        assert_eq!((deployments.len(), replicas), (23, 50));
        assert_eq!((last.namespace(), last.name()), ("synthetic-02", "service-0023-v1"));
        assert!(deployments.iter().all(is_synthetic));
    }

    #[test]
    fn services_call_so_many_others_and_nobody_calls_back() {
        for (services, edges) in [(1, 1), (2, 3), (23, 1), (500, 1), (500, 3), (5000, 3)] {
            let size = Size { services, pods: services, edges };
            let calls: Vec<(usize, usize)> =
                (0..services).flat_map(|from| size.callees(from).map(move |to| (from, to))).collect();
            assert!(calls.iter().all(|(from, to)| from < to && *to < services));
            let called: std::collections::BTreeSet<usize> = calls.iter().map(|(_, to)| *to).collect();
            assert_eq!(called, (1..services).collect(), "everybody but the first is called");
            let most = services * edges;
            assert!(
                calls.len() <= most && (services < 500 || calls.len() * 50 > most * 49),
                "{}",
                calls.len()
            );
        }
    }
}
