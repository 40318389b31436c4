//! TLS with certificates from Secrets: what a gateway's server shows, and what a DestinationRule asks of a
//! proxy as client.

use super::mtls;
use crate::registry::Service;
use crate::registry::secrets::CA;
use crate::translate::envoy;
use crate::translate::target::Target;
use crate::xds::Resources;
use istio::views::{ClientTls, ServerTls};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::path::Path;
use std::sync::OnceLock;

/// Namespace and name of the Secret behind a credential's name; a gateway's is in its own namespace.
pub(crate) fn secret_of(name: &str, namespace: &str) -> (String, String) {
    if let Some((of, name)) = name.strip_prefix("kubernetes-gateway://").and_then(|rest| rest.split_once('/'))
    {
        return (of.to_owned(), name.to_owned());
    }
    (namespace.to_owned(), name.strip_prefix("kubernetes://").unwrap_or(name).to_owned())
}

/// The name under which Envoy asks for a credential, as istiod gives it.
fn sds_name(name: &str) -> String {
    if name.contains("://") { name.to_owned() } else { format!("kubernetes://{name}") }
}

/// A reference to a secret. Where it never comes, the listener or cluster works without, and connections to
/// it fail.
fn reference(name: &str) -> Value {
    json!({"name": name, "sds_config": {"ads": {}, "initial_fetch_timeout": "2s",
        "resource_api_version": "V3"}})
}

fn tell(resources: &mut Resources, secret: Option<Value>) {
    if let Some(secret) =
        secret.filter(|secret| resources.secrets.iter().all(|known| known["name"] != secret["name"]))
    {
        resources.secrets.push(secret);
    }
}

/// A certificate with its key, by the credential's name.
fn pair(target: &Target<'_>, resources: &mut Resources, name: &str) -> Value {
    let told = sds_name(name);
    let found = target.registry.credentials.get(&secret_of(name, &target.workload.namespace));
    tell(resources, found.and_then(|credential| credential.pair(&told)));
    reference(&told)
}

/// Whom to believe: the Secret `<name>-cacert`, else what the Secret itself has.
fn authority(target: &Target<'_>, resources: &mut Resources, name: &str) -> Value {
    let told = sds_name(name) + CA;
    let (namespace, name) = secret_of(name, &target.workload.namespace);
    let of = |name: String| target.registry.credentials.get(&(namespace.clone(), name));
    let found =
        of(format!("{name}{CA}")).filter(|credential| credential.has_ca()).or_else(|| of(name.clone()));
    tell(resources, found.and_then(|credential| credential.authority(&told)));
    reference(&told)
}

/// Names that a certificate must have, each of the kind that it looks like.
fn alt_names(names: &[String]) -> Value {
    let kind = |name: &str| match name {
        uri if uri.contains("://") => "URI",
        address if address.parse::<IpAddr>().is_ok() => "IP_ADDRESS",
        _ => "DNS",
    };
    names.iter().map(|name| json!({"san_type": kind(name), "matcher": {"exact": name}})).collect()
}

/// `TLSV1_2` as Envoy writes it.
fn version(said: Option<&str>, unsaid: &str) -> String {
    said.and_then(|said| said.strip_prefix("TLSV"))
        .map_or_else(|| unsaid.to_owned(), |rest| format!("TLSv{rest}"))
}

/// The credentials that a server shows.
pub(crate) fn credential_names(tls: &ServerTls) -> Vec<&String> {
    let one = tls.credential_name.iter().filter(|name| !name.is_empty());
    one.chain(&tls.credential_names).collect()
}

/// The server's side at a gateway.
pub(crate) fn server(target: &Target<'_>, resources: &mut Resources, tls: &ServerTls, http: bool) -> Value {
    let mode = tls.mode.as_deref().unwrap_or_default();
    if mode == "ISTIO_MUTUAL" {
        return mtls::server_socket();
    }
    let names = credential_names(tls);
    let mut shown: Vec<Value> = names.iter().map(|name| pair(target, resources, name)).collect();
    if shown.is_empty() {
        // Files of the gateway's pod, which there are none of here.
        let path = |path: &Option<String>| path.clone().unwrap_or_default();
        shown.push(reference(&format!(
            "file-cert:{}~{}",
            path(&tls.server_certificate),
            path(&tls.private_key)
        )));
    }
    let mut parameters = json!({
        "tls_minimum_protocol_version": version(tls.min_protocol_version.as_deref(), "TLSv1_2"),
        "tls_maximum_protocol_version": version(tls.max_protocol_version.as_deref(), "TLSv1_3"),
    });
    if !tls.cipher_suites.is_empty() {
        parameters["cipher_suites"] = json!(tls.cipher_suites);
    }
    let mut common = json!({"tls_params": parameters, "tls_certificate_sds_secret_configs": shown});
    if http {
        common["alpn_protocols"] = json!(["h2", "http/1.1"]);
    }
    let asks = matches!(mode, "MUTUAL" | "OPTIONAL_MUTUAL");
    if asks {
        let mut validation = json!({"match_typed_subject_alt_names": alt_names(&tls.subject_alt_names)});
        validation["verify_certificate_spki"] = json!(tls.verify_certificate_spki);
        validation["verify_certificate_hash"] = json!(tls.verify_certificate_hash);
        let believed = match names.first() {
            Some(name) => authority(target, resources, name),
            None => reference(&format!("file-root:{}", tls.ca_certificates.as_deref().unwrap_or_default())),
        };
        common["combined_validation_context"] = json!({"default_validation_context": validation,
            "validation_context_sds_secret_config": believed});
    }
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": common,
            "require_client_certificate": mode == "MUTUAL",
        },
    })
}

/// The authorities that this machine believes.
fn system_authorities() -> Option<&'static str> {
    static FOUND: OnceLock<Option<&'static str>> = OnceLock::new();
    const FILES: [&str; 3] =
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    *FOUND.get_or_init(|| FILES.into_iter().find(|file| Path::new(file).is_file()))
}

/// Whether a DestinationRule's credential counts for a proxy: at gateways, and where the rule selects the
/// workload.
pub(crate) fn credential_counts(target: &Target<'_>, selecting: bool) -> bool {
    target.is_gateway() || selecting
}

/// Makes a cluster speak TLS as a DestinationRule of mode SIMPLE or MUTUAL wants it. `selecting` is whether
/// the rule has a workloadSelector. What comes back is for [`by_the_hosts_name`].
pub(crate) fn client(
    target: &Target<'_>,
    resources: &mut Resources,
    cluster: &mut Value,
    service: &Service,
    tls: &ClientTls,
    selecting: bool,
    http2: bool,
) -> Option<bool> {
    let skip = tls.insecure_skip_verify == Some(true);
    let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let sni = said(&tls.sni);
    let names =
        if tls.subject_alt_names.is_empty() { &service.subject_alt_names } else { &tls.subject_alt_names };
    let credential = said(&tls.credential_name);
    if credential.is_some() && !credential_counts(target, selecting) {
        return None; // As istiod: the whole setting is left out, and support says so.
    }
    let mut common = json!({});
    if http2 {
        common["alpn_protocols"] = json!(["h2"]);
    }
    if tls.mode == "MUTUAL" {
        common["tls_certificate_sds_secret_configs"] = json!([match &credential {
            Some(name) => pair(target, resources, name),
            None => reference(&format!(
                "file-cert:{}~{}",
                said(&tls.client_certificate).unwrap_or_default(),
                said(&tls.private_key).unwrap_or_default()
            )),
        }]);
    }
    let mut validation = json!({"match_typed_subject_alt_names": alt_names(names)});
    let by_secret = |validation: Value, secret: Value| {
        json!({"default_validation_context": validation,
        "validation_context_sds_secret_config": secret})
    };
    let file = said(&tls.ca_certificates).filter(|file| file != "system");
    match (&credential, file, system_authorities()) {
        _ if skip => {}
        (Some(name), ..) => {
            common["combined_validation_context"] = by_secret(validation, authority(target, resources, name));
        }
        (None, Some(file), _) => {
            common["combined_validation_context"] =
                by_secret(validation, reference(&format!("file-root:{file}")));
        }
        (None, None, Some(file)) => {
            validation["trusted_ca"] = json!({"filename": file});
            common["validation_context"] = validation;
        }
        (None, None, None) => {
            common["combined_validation_context"] = by_secret(validation, reference("file-root:system"));
        }
    }
    let mut context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": common,
    });
    let own_name = sni.is_none();
    if let Some(sni) = sni {
        context["sni"] = json!(sni);
    }
    cluster["transport_socket"] = json!({"name": "envoy.transport_sockets.tls", "typed_config": context});
    own_name.then_some(names.is_empty() && !skip)
}

/// Makes the name that a request asks for the one that the server is asked for, and, if `checked`, has to
/// have.
pub(crate) fn by_the_hosts_name(cluster: &mut Value, checked: bool) {
    const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    if cluster["typed_extension_protocol_options"][OPTIONS].is_null() {
        cluster["typed_extension_protocol_options"] =
            envoy::protocol_options(json!({"explicit_http_config": {"http_protocol_options": {}}}));
    }
    cluster["typed_extension_protocol_options"][OPTIONS]["upstream_http_protocol_options"] =
        json!({"auto_sni": true, "auto_san_validation": checked});
}
