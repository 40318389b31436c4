//! What the proxies of a gateway have open, and where they show it.

use super::{Way, names};
use crate::evidence::{Claim, Want, chain, virtual_host};
use crate::{Mesh, Workload};
use istio::views::{Server, ServerTls};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How a server takes connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// HTTP in plain text.
    Http,
    /// HTTP behind TLS that ends here.
    Https,
    /// Bytes, behind TLS or not.
    Bytes,
}

impl Taking {
    pub(super) fn of(server: &Server) -> Self {
        let mode = server.tls.as_ref().map_or("", |tls| tls.mode.as_deref().unwrap_or("PASSTHROUGH"));
        match (server.port.protocol.to_ascii_uppercase().as_str(), mode) {
            ("HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB", _) => Self::Http,
            ("HTTPS", "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" | "ISTIO_MUTUAL") => Self::Https,
            _ => Self::Bytes,
        }
    }
}

pub(super) fn redirects(server: &Server) -> bool {
    server.tls.as_ref().is_some_and(|tls| tls.https_redirect)
}

pub(super) fn without_scope(host: &str) -> &str {
    host.split_once('/').map_or(host, |(_, host)| host)
}

/// What a gateway's proxies have open.
#[derive(Default)]
pub(super) struct Open {
    /// Ports of the pods that take plain HTTP.
    plain: BTreeSet<u32>,
    /// Ports of the pods at which bytes are passed on: what they are open for, routes say.
    bytes: BTreeSet<u32>,
    /// Hosts, each at the port of the pods, with the port of its server.
    hosts: BTreeMap<(String, u32), Served>,
    /// TLS that ends here, by the port of the pods and the names that are asked for.
    secured: BTreeMap<(u32, Vec<String>), ServerTls>,
}

/// How calls of a host are taken.
struct Served {
    /// The port of its server.
    port: u32,
    /// Whether they are only sent on to HTTPS.
    redirected: bool,
}

impl Open {
    pub(super) fn of(mesh: &Mesh, workload: &Workload, ways: &[Way<'_>]) -> Self {
        let mut open = Self::default();
        let mut known: BTreeSet<(u32, String)> = BTreeSet::new();
        for way in ways {
            for (index, server) in way.view.servers.iter().enumerate() {
                let inside = inside(mesh, workload, server.port.number);
                match Taking::of(server) {
                    Taking::Bytes => drop(open.bytes.insert(inside)),
                    Taking::Http => {
                        open.plain.insert(inside);
                        open.serve(mesh, workload, way, index, inside);
                    }
                    Taking::Https => {
                        let asked = server.hosts.iter().map(|host| without_scope(host).to_owned());
                        let mut names: Vec<String> = asked.collect();
                        if names.iter().any(|name| name == "*") {
                            names.clear();
                        }
                        names.retain(|name| known.insert((inside, name.clone())));
                        let fresh = !names.is_empty() || !open.secured.contains_key(&(inside, Vec::new()));
                        if fresh {
                            let tls = server.tls.clone().unwrap_or_default();
                            open.secured.insert((inside, names), tls);
                            open.serve(mesh, workload, way, index, inside);
                        }
                    }
                }
            }
        }
        open
    }

    /// Notes the hosts of a server that routes lead on from.
    fn serve(&mut self, mesh: &Mesh, workload: &Workload, way: &Way<'_>, index: usize, inside: u32) {
        let Some(server) = way.view.servers.get(index) else { return };
        let port = server.port.number;
        let served = way.hosts(mesh, workload, index).into_iter().map(|host| (host, redirects(server)));
        let redirected = server.hosts.iter().filter(|_| redirects(server));
        let redirected = redirected.map(|host| (without_scope(host).to_owned(), true));
        for (host, only) in served.chain(redirected) {
            let served = self.hosts.entry((host, inside)).or_insert(Served { port, redirected: false });
            served.redirected |= only;
        }
    }

    /// What the proxies of a workload show of it; `other` is what is open before it or after it.
    pub(super) fn claims(&self, workload: &Workload, other: &Self) -> Vec<Claim> {
        let at = |port: u32, names: &[String]| chain(workload.proxies(), port, names.to_vec());
        let mut claims: Vec<Claim> = self.plain.iter().map(|port| at(*port, &[])).collect();
        let closed = other.plain.difference(&self.plain).filter(|port| !self.bytes.contains(*port));
        let closed = closed.filter(|port| !self.secured.contains_key(&(**port, Vec::new())));
        claims.extend(closed.map(|port| at(*port, &[]).wants(Want::Absent)));
        let of = |host: &str, ports: (u32, u32)| virtual_host(workload.proxies(), host, ports);
        for ((host, inside), served) in &self.hosts {
            let place = of(host, (served.port, *inside));
            claims.push(place.clone());
            let place = place.at("/require_tls");
            claims.push(if served.redirected {
                place.is("ALL")
            } else {
                place.wants(Want::IsFirst("NONE".into()))
            });
        }
        let gone = other.hosts.iter().filter(|(key, _)| !self.hosts.contains_key(*key));
        claims.extend(gone.map(|((host, inside), was)| of(host, (was.port, *inside)).wants(Want::Absent)));
        for ((port, names), tls) in &self.secured {
            claims.extend(secured(&at(*port, names), tls));
        }
        let gone = other.secured.keys().filter(|key| !self.secured.contains_key(*key));
        let gone = gone.filter(|(port, names)| !names.is_empty() || !self.plain.contains(port));
        claims.extend(gone.map(|(port, names)| at(*port, names).wants(Want::Absent)));
        claims
    }
}

const CONTEXT: &str = "/transport_socket/typed_config/common_tls_context";

/// What a chain shows of TLS that ends there.
fn secured(place: &Claim, tls: &ServerTls) -> Vec<Claim> {
    let at = |path: &str| place.clone().at(&format!("{CONTEXT}/{path}"));
    let mode = tls.mode.as_deref().unwrap_or_default();
    let version = |said: &Option<String>| {
        let said = said.as_deref().and_then(|said| said.strip_prefix("TLSV"));
        said.map_or(Value::Null, |rest| format!("TLSv{rest}").into())
    };
    let named =
        |name: &String| if name.contains("://") { name.clone() } else { format!("kubernetes://{name}") };
    let certificate = names(tls).next().map_or(Value::Null, |name| named(name).into());
    let asks = matches!(mode, "MUTUAL" | "OPTIONAL_MUTUAL");
    let listed = |all: &[String]| if all.is_empty() { Value::Null } else { json!(all) };
    let mut claims = vec![
        place.clone(),
        place
            .clone()
            .at("/transport_socket/typed_config/require_client_certificate")
            .is(matches!(mode, "MUTUAL" | "ISTIO_MUTUAL")),
        at("tls_params/tls_minimum_protocol_version").is(version(&tls.min_protocol_version)),
        at("tls_params/tls_maximum_protocol_version").is(version(&tls.max_protocol_version)),
        at("tls_params/cipher_suites").is(listed(&tls.cipher_suites)),
        at("tls_certificate_sds_secret_configs/0/name").is(certificate),
    ];
    let named: Vec<Value> =
        tls.subject_alt_names.iter().map(|name| json!({ "matcher": { "exact": name } })).collect();
    let proven = "combined_validation_context/default_validation_context/match_typed_subject_alt_names";
    if mode != "ISTIO_MUTUAL" {
        claims.push(at("combined_validation_context").wants(if asks { Want::Present } else { Want::Absent }));
        claims.push(at(proven).is(if asks && !named.is_empty() { named.into() } else { Value::Null }));
    }
    claims
}

/// The port of the pods behind a port of the gateway's Service; the port itself without one.
pub(super) fn inside(mesh: &Mesh, workload: &Workload, port: u32) -> u32 {
    let services = mesh.part(&workload.namespace).into_iter().flat_map(|part| part.services());
    let mut of = services.filter(|service| service.workloads.iter().any(|one| one.name == workload.name));
    let found = of.find_map(|service| service.ports.iter().find(|own| own.number == port));
    found.map_or(port, |own| own.target)
}
