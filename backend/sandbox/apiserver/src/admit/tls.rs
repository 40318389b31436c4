//! TLS as servers and clients are told to speak it.

use serde_json::Value;

use super::{
    Problems,
    values::{flag, has, text, texts},
};

/// The ciphers that Envoy can be told to use.
const CIPHERS: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-PSK-AES128-CBC-SHA",
    "ECDHE-PSK-AES256-CBC-SHA",
    "ECDHE-PSK-CHACHA20-POLY1305",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "PSK-AES128-CBC-SHA",
    "PSK-AES256-CBC-SHA",
    "DES-CBC3-SHA",
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
];

/// What a port of a Gateway or a Sidecar is secured with.
pub(super) fn server(tls: &Value, problems: &mut Problems) {
    let mode = text(tls, "/mode");
    let given = |name: &str| !text(tls, &format!("/{name}")).is_empty();
    let named = ["credentialName", "credentialNames", "tlsCertificates"]
        .iter()
        .any(|name| has(tls, &format!("/{name}")));
    problems.warn_if(matches!(text(tls, "/minProtocolVersion"), "TLSV1_0" | "TLSV1_1") && texts(tls, "/cipherSuites").next().is_none(), || {
        "TLS version below TLSV1_2 require setting compatible ciphers as by default they no longer include compatible ciphers.".into()
    });
    ciphers(tls, problems);
    match mode {
        "ISTIO_MUTUAL" => {
            for (field, words) in [
                ("serverCertificate", "server certificate"),
                ("privateKey", "private key"),
                ("caCertificates", "CA bundle"),
                ("credentialName", "credentialName"),
            ] {
                problems.unless(!given(field), || format!("ISTIO_MUTUAL TLS cannot have associated {words}"));
            }
        }
        "PASSTHROUGH" | "AUTO_PASSTHROUGH" => {
            let any = ["caCrl", "serverCertificate", "privateKey", "caCertificates", "credentialName"]
                .iter()
                .any(|field| given(field));
            problems.warn_if(any, || format!("{mode} mode does not use certificates, they will be ignored"));
        }
        "SIMPLE" if !named => {
            problems.unless(given("serverCertificate"), || "SIMPLE TLS requires a server certificate".into());
            problems.unless(given("privateKey"), || "SIMPLE TLS requires a private key".into());
        }
        "MUTUAL" | "OPTIONAL_MUTUAL" if !named => {
            problems.unless(given("serverCertificate"), || "MUTUAL TLS requires a server certificate".into());
            problems.unless(given("privateKey"), || "MUTUAL TLS requires a private key".into());
            problems.unless(given("caCertificates") || given("caCertCredentialName"), || {
                "MUTUAL TLS requires a client CA bundle".into()
            });
        }
        _ => {}
    }
    if given("caCrl") && !matches!(mode, "PASSTHROUGH" | "AUTO_PASSTHROUGH") {
        problems.unless(!given("credentialName"), || {
            "CRL is not supported with credentialName. CRL has to be specified in the credential".into()
        });
        problems.unless(mode != "SIMPLE", || "CRL is not supported with SIMPLE TLS".into());
    }
}

fn ciphers(tls: &Value, problems: &mut Problems) {
    let mut wanted: Vec<&str> = texts(tls, "/cipherSuites").collect();
    wanted.sort_unstable();
    let unknown: Vec<&str> = wanted.iter().copied().filter(|cipher| !CIPHERS.contains(cipher)).collect();
    problems
        .warn_if(!unknown.is_empty(), || format!("ignoring invalid cipher suites: [{}]", unknown.join(" ")));
    let mut twice: Vec<&str> = wanted
        .windows(2)
        .filter(|two| two[0] == two[1] && CIPHERS.contains(&two[0]))
        .map(|two| two[0])
        .collect();
    twice.dedup();
    problems
        .warn_if(!twice.is_empty(), || format!("ignoring duplicate cipher suites: [{}]", twice.join(" ")));
}

/// How a client speaks to a service.
pub(super) fn client(tls: &Value, problems: &mut Problems) {
    let mode = text(tls, "/mode");
    let given = |name: &str| !text(tls, &format!("/{name}")).is_empty();
    if flag(tls, "/insecureSkipVerify") {
        let names = has(tls, "/subjectAltNames");
        problems.unless(mode != "SIMPLE" || !(given("caCertificates") || given("credentialName") || names), || {
            "cannot specify CaCertificates or CredentialName or SubjectAltNames when InsecureSkipVerify is set true".into()
        });
        problems.unless(mode != "MUTUAL" || !(given("caCertificates") || names), || {
            "cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true".into()
        });
    }
    if matches!(mode, "SIMPLE" | "MUTUAL") && given("credentialName") {
        let files =
            ["clientCertificate", "caCertificates", "privateKey", "caCrl"].iter().any(|field| given(field));
        problems.unless(!files, || {
            "cannot specify client certificates or CA certificate or CA CRL If credentialName is set".into()
        });
    } else if mode == "MUTUAL" {
        problems.unless(given("clientCertificate"), || "client certificate required for mutual tls".into());
        problems.unless(given("privateKey"), || "private key required for mutual tls".into());
    }
}
