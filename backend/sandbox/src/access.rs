//! Into the pods: what port-forward reaches, and what the log of a container is.

use crate::workloads::kubelet::Logs;
use crate::workloads::ports::address;
use apiserver::{PodAccess, PodName, Store, Unreachable};
use async_trait::async_trait;
use istio::Object;
use wire::Stream;

/// The pods of the sandbox.
pub(crate) struct Pods {
    pub(crate) store: Store,
    pub(crate) logs: Logs,
}

#[async_trait]
impl PodAccess for Pods {
    async fn connect(&self, namespace: &str, pod: &str, port: u16) -> Result<Stream, Unreachable> {
        let name = || PodName { namespace: namespace.to_owned(), name: pod.to_owned() };
        let object = self.store.get("Pod", namespace, pod).map(Object);
        let object = object.ok_or_else(|| Unreachable::Gone(name()))?;
        // A forwarded connection starts inside the pod, so it meets the application itself and not its
        // sidecar.
        let real = address(&object, &format!("app/{port}"))
            .or_else(|| address(&object, &port.to_string()))
            .ok_or_else(|| Unreachable::Closed(name(), port))?;
        let refused = |error| Unreachable::Refused(name(), port, error);
        real.connect().await.map_err(refused)
    }

    fn logs(&self, namespace: &str, pod: &str, container: &str) -> Option<apiserver::Logs> {
        Some(self.logs.of(namespace, pod, container)?.logs())
    }
}
