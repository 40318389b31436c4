//! Services that may count calls for all proxies.

use crate::{Mesh, Service};
use istio::Protocol;
use istio::cluster_name::Outbound;

/// A port of a service that speaks gRPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name is one of a rate limiter.
    pub limiter: bool,
    /// "ratelimit.istio-system:8081".
    pub words: String,
    /// As proxies name it.
    pub cluster: String,
}

/// Who might count: ports that speak gRPC, those of rate limiters first. Istio's own part is none of them.
pub fn servers(mesh: &Mesh) -> Vec<Server> {
    let mut all = Vec::new();
    for service in mesh.services().filter(|service| !service.name.starts_with("istiod")) {
        let name = service.name.to_lowercase();
        let limiter = name.contains("ratelimit") || name.contains("rate-limit");
        all.extend(service.ports.iter().filter(|port| port.protocol == Protocol::Grpc).map(|port| Server {
            limiter,
            words: format!("{}.{}:{}", service.name, service.namespace, port.number),
            cluster: format!("outbound|{}||{}", port.number, service.host),
        }));
    }
    all.sort_by(|one, other| (!one.limiter, &one.words).cmp(&(!other.limiter, &other.words)));
    all
}

/// Whether proxies can be told of a cluster of this name: whether its service and port are in the mesh. `None`
/// where the name is none of a service.
pub fn knows(mesh: &Mesh, cluster: &str) -> Option<bool> {
    let Outbound { port, host, .. } = Outbound::read(cluster)?;
    let has = |service: &Service| {
        service.host == host && service.ports.iter().any(|one| one.number == u32::from(port))
    };
    Some(mesh.services().any(has))
}
