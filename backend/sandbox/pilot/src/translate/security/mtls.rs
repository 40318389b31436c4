//! Mutual TLS: which mode holds for a workload's port (PeerAuthentication), and the TLS contexts of both
//! sides.

use crate::identity::TRUST_DOMAIN;
use crate::registry::workload::{ProxyKind, Workload};
use crate::registry::{Port, Registry, Service};
pub(crate) use istio::mtls::Mode;
use serde_json::{Value, json};

/// What a workload's port takes.
pub(crate) fn mode(registry: &Registry, workload: &Workload, port: u16) -> Mode {
    registry.mtls().mode_at(&workload.namespace, &workload.labels, port).0
}

/// Whether each pod of a service takes mutual TLS at this port.
pub(crate) fn all_take_it(registry: &Registry, service: &Service, port: &Port) -> bool {
    let takes = |workload: &Workload| {
        let inside = port.at(workload).unwrap_or(port.number);
        workload.proxy == Some(ProxyKind::Sidecar) && mode(registry, workload, inside) != Mode::Disable
    };
    registry.members(service).all(takes)
}

/// ALPN by which a sidecar says that it is one.
const ISTIO_ALPN: [&str; 5] =
    ["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];

/// Secrets come over the same stream as everything else.
fn secret(name: &str) -> Value {
    json!({"name": name, "sds_config": {"ads": {}, "initial_fetch_timeout": "0s",
        "resource_api_version": "V3"}})
}

fn common_context(validation: &Value, alpn: &[&str]) -> Value {
    json!({
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
        "alpn_protocols": alpn,
        "tls_certificate_sds_secret_configs": [secret("default")],
        "combined_validation_context": {
            "default_validation_context": validation,
            "validation_context_sds_secret_config": secret("ROOTCA"),
        },
    })
}

/// The client's side of mutual TLS: our certificate, and a peer that is one of `identities`.
pub(crate) fn client_socket(sni: &str, identities: &[String], http2: bool) -> Value {
    let sans: Vec<Value> = identities
        .iter()
        .map(|identity| json!({"san_type": "URI", "matcher": {"exact": identity}}))
        .collect();
    let validation = json!({"match_typed_subject_alt_names": sans});
    let alpn: &[&str] = if http2 { &["istio", "h2"] } else { &["istio"] };
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": common_context(&validation, alpn),
            "sni": sni,
        },
    })
}

/// Plain text.
pub(crate) fn raw_socket() -> Value {
    json!({
        "name": "envoy.transport_sockets.raw_buffer",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"},
    })
}

/// The server's side: anybody of the trust domain who has a certificate.
pub(crate) fn server_socket() -> Value {
    let anybody = json!({"match_typed_subject_alt_names": [
        {"san_type": "URI", "matcher": {"prefix": format!("spiffe://{TRUST_DOMAIN}/")}}]});
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common_context(&anybody, &["istio-peer-exchange", "h2", "http/1.1"]),
            "require_client_certificate": true,
        },
    })
}

/// Auto mTLS: TLS to endpoints that have a sidecar, plain text to the others.
pub(crate) fn auto_matches(sni: &str, identities: &[String], http2: bool) -> Value {
    json!([
        {"name": "tlsMode-istio", "match": {"tlsMode": "istio"},
            "transport_socket": client_socket(sni, identities, http2)},
        {"name": "tlsMode-disabled", "match": {}, "transport_socket": raw_socket()},
    ])
}

/// The filter chains of one port: `filters` behind TLS, behind plain text, or behind both. To a port of
/// bytes, strangers may also speak the application's own TLS.
pub(crate) fn server_chains(mode: Mode, name: &str, filters: &Value, bytes: bool) -> Vec<Value> {
    let open = |protocol: &str| {
        json!({"name": name, "filter_chain_match": {"transport_protocol": protocol},
        "filters": filters})
    };
    let tls = |protocols: Option<&[&str]>| {
        let mut chain_match = json!({"transport_protocol": "tls"});
        if let Some(protocols) = protocols {
            chain_match["application_protocols"] = json!(protocols);
        }
        json!({"name": name, "filter_chain_match": chain_match, "filters": filters,
            "transport_socket": server_socket()})
    };
    match mode {
        Mode::Strict => vec![tls(None)],
        Mode::Disable => vec![json!({"name": name, "filters": filters})],
        Mode::Permissive => [tls(Some(&ISTIO_ALPN)), open("raw_buffer")]
            .into_iter()
            .chain(bytes.then(|| open("tls")))
            .collect(),
    }
}

/// Reads the name that a TLS client asks for, without decrypting anything.
pub(crate) fn tls_inspector() -> Value {
    json!({
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"},
    })
}

/// What tells TLS from plain text; not needed where only plain text is taken.
pub(crate) fn inspectors(mode: Mode) -> Vec<Value> {
    if mode == Mode::Disable { Vec::new() } else { vec![tls_inspector()] }
}
