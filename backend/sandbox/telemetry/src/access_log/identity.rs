//! Which proxy reports, which side of the call it stands on, and who stands on the other side.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use wire::{
    envoy::{
        config::core::v3::{Address, Metadata, Node, address, socket_address::PortSpecifier},
        data::accesslog::v3::{AccessLogCommon, tls_properties::CertificateProperties},
        service::accesslog::v3::stream_access_logs_message::Identifier,
    },
    protobuf::{Struct, value::Kind},
};

use super::overrides::Overrides;
use crate::{
    counters::Target,
    workload::{Directory, Workload},
};

/// Where the inbound side finds the caller: the dynamic metadata's namespace and key.
const PEER: (&str, &str) = ("binnacle.peer", "id");
/// The custom tag with the identities of both ends of the upstream connection, `local|peer`.
const UPSTREAM_SANS: &str = "upstream_sans";

/// The side of the call on which a proxy stands: Istio's label `reporter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Destination,
}

/// The proxy that sent an access log.
pub(crate) struct Proxy {
    pub(crate) workload: Arc<Workload>,
    pub(crate) side: Side,
    /// Whether calls come to it from outside: what they say of themselves then names no service.
    pub(crate) gateway: bool,
    pub(crate) target: Target,
    /// What Telemetry resources change about its metrics.
    pub(crate) overrides: Overrides,
}

impl Proxy {
    /// Reads the identifier of an access log stream; the directory knows best, the node's own metadata is the
    /// fallback.
    pub(crate) fn of(identifier: &Identifier, directory: &dyn Directory) -> Option<Self> {
        let node = identifier.node.as_ref()?;
        let side = match identifier.log_name.as_str() {
            name if name.starts_with("inbound") => Side::Destination,
            name if name.starts_with("outbound") => Side::Source,
            _ => return None,
        };
        // type~ip~pod.namespace~domain
        let mut parts = node.id.split('~');
        let (ip, id) = (parts.nth(1).unwrap_or_default(), parts.next().unwrap_or(&node.id));
        let workload = directory.by_pod(id).unwrap_or_else(|| Arc::new(from_node(node, id)));
        let (pod, namespace) = id.split_once('.').unwrap_or((id, &workload.namespace));
        let target = Target {
            pod: pod.into(),
            namespace: namespace.into(),
            instance: format!("{}:15020", shown_ip(&workload, ip)).into(),
        };
        let gateway = node.id.starts_with("router~");
        Some(Self { workload, side, gateway, target, overrides: Overrides::read(&identifier.log_name) })
    }
}

fn shown_ip(workload: &Workload, from_id: &str) -> String {
    workload.ip.map_or_else(|| from_id.to_owned(), |ip| ip.to_string())
}

fn from_node(node: &Node, id: &str) -> Workload {
    let metadata = node.metadata.as_ref();
    let own = |key: &str| metadata.and_then(|all| text(all, key)).unwrap_or_default();
    let labels = metadata.and_then(|all| all.fields.get("LABELS")).and_then(|value| match &value.kind {
        Some(Kind::StructValue(labels)) => Some(labels),
        _ => None,
    });
    let label = |key: &str| labels.and_then(|all| text(all, key)).unwrap_or_default();
    let (pod, domain_namespace) = id.split_once('.').unwrap_or((id, ""));
    let namespace = first([own("NAMESPACE"), domain_namespace.to_owned()]);
    let account = own("SERVICE_ACCOUNT");
    let principal = if account.is_empty() {
        String::new()
    } else {
        format!("spiffe://cluster.local/ns/{namespace}/sa/{account}")
    };
    Workload {
        pod: pod.to_owned(),
        workload: own("WORKLOAD_NAME"),
        app: label("app"),
        version: label("version"),
        canonical_service: first([
            label("service.istio.io/canonical-name"),
            label("app"),
            own("WORKLOAD_NAME"),
        ]),
        canonical_revision: first([label("service.istio.io/canonical-revision"), label("version")]),
        cluster: own("CLUSTER_ID"),
        principal,
        namespace,
        ip: None,
        service: None,
    }
}

fn first<const N: usize>(candidates: [String; N]) -> String {
    candidates.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

fn text(all: &Struct, key: &str) -> Option<String> {
    match &all.fields.get(key)?.kind {
        Some(Kind::StringValue(text)) => Some(text.clone()),
        _ => None,
    }
}

/// The other side of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Peer {
    /// Who it is, when somebody knows.
    pub(crate) workload: Option<Arc<Workload>>,
    /// The namespace, which the peer's certificate may tell when nothing else is known.
    pub(crate) namespace: String,
}

impl Peer {
    /// Whom an outbound call reached: nobody when the answer was made before an endpoint was picked.
    pub(crate) fn called(common: &AccessLogCommon, directory: &dyn Directory) -> Self {
        let workload =
            common.upstream_remote_address.as_ref().and_then(socket).and_then(|at| directory.by_address(at));
        let namespace = workload.as_ref().map_or_else(String::new, |found| found.namespace.clone());
        Self { workload, namespace }
    }

    /// Who made an inbound call: the peer that it named or that is known to have connected, else what its
    /// certificate tells.
    pub(crate) fn calling(
        common: &AccessLogCommon,
        principals: &Principals,
        connected: Option<Arc<Workload>>,
        directory: &dyn Directory,
    ) -> Self {
        let named = common.metadata.as_ref().and_then(peer_id);
        let workload = named.as_deref().and_then(|id| directory.by_pod(id)).or(connected);
        let namespace = match (&workload, namespace_of(&principals.source)) {
            (_, Some(certified)) => certified.to_owned(),
            (Some(found), None) => found.namespace.clone(),
            (None, None) => named.and_then(|id| Some(id.split_once('.')?.1.to_owned())).unwrap_or_default(),
        };
        Self { workload, namespace }
    }
}

fn peer_id(metadata: &Metadata) -> Option<String> {
    text(metadata.filter_metadata.get(PEER.0)?, PEER.1).filter(|id| !id.is_empty())
}

/// The namespace in `spiffe://<domain>/ns/<namespace>/sa/<account>`.
fn namespace_of(principal: &str) -> Option<&str> {
    let mut parts = principal.strip_prefix("spiffe://")?.split('/');
    (parts.nth(1)? == "ns").then(|| parts.next())?.filter(|namespace| !namespace.is_empty())
}

/// The identities of both ends of the connection, empty when it was not mutual TLS.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Principals {
    pub(crate) source: String,
    pub(crate) destination: String,
}

impl Principals {
    /// On the inbound side the connection's certificates tell.
    pub(crate) fn inbound(common: &AccessLogCommon) -> Self {
        let Some(tls) = &common.tls_properties else { return Self::default() };
        Self {
            source: uri(tls.peer_certificate_properties.as_ref()),
            destination: uri(tls.local_certificate_properties.as_ref()),
        }
    }

    /// On the outbound side the log has no certificates of the upstream connection: a custom tag tells, else
    /// the directory.
    pub(crate) fn outbound(common: &AccessLogCommon, own: &Workload, peer: &Peer) -> Self {
        if let Some((own, peer)) = common.custom_tags.get(UPSTREAM_SANS).and_then(|both| both.split_once('|'))
        {
            let known = |san: &str| if san == "-" { String::new() } else { san.to_owned() };
            return Self { source: known(own), destination: known(peer) };
        }
        match &peer.workload {
            Some(called) if !called.principal.is_empty() => {
                Self { source: own.principal.clone(), destination: called.principal.clone() }
            }
            _ => Self::default(),
        }
    }

    pub(crate) fn is_mutual(&self) -> bool {
        !self.source.is_empty() && !self.destination.is_empty()
    }
}

fn uri(certificate: Option<&CertificateProperties>) -> String {
    use wire::envoy::data::accesslog::v3::tls_properties::certificate_properties::subject_alt_name::San;
    certificate
        .into_iter()
        .flat_map(|certificate| &certificate.subject_alt_name)
        .find_map(|name| match &name.san {
            Some(San::Uri(uri)) => Some(uri.clone()),
            _ => None,
        })
        .unwrap_or_default()
}

/// The IP address and port in one of Envoy's addresses.
pub(crate) fn socket(address: &Address) -> Option<SocketAddr> {
    let Some(address::Address::SocketAddress(found)) = &address.address else { return None };
    let ip: IpAddr = found.address.parse().ok()?;
    match found.port_specifier {
        Some(PortSpecifier::PortValue(port)) => Some(SocketAddr::new(ip, u16::try_from(port).ok()?)),
        _ => None,
    }
}
