//! TLS as servers and clients are told to speak it.

use super::at::At;
use super::found::{Found, rules};

rules! {
    /// What is wrong with TLS settings.
    Tls {
        Warning OldTlsVersion
            "TLS version below TLSV1_2 require setting compatible ciphers as by default they no longer include \
             compatible ciphers.";
        Error IstioMutualBeside(what: &'static str) "ISTIO_MUTUAL TLS cannot have associated {what}";
        Warning CertificatesIgnored(mode: String) "{mode} mode does not use certificates, they will be ignored";
        Error SimpleWithoutCertificate "SIMPLE TLS requires a server certificate";
        Error SimpleWithoutKey "SIMPLE TLS requires a private key";
        Error MutualWithoutCertificate "MUTUAL TLS requires a server certificate";
        Error MutualWithoutKey "MUTUAL TLS requires a private key";
        Error MutualWithoutAuthority "MUTUAL TLS requires a client CA bundle";
        Error CrlBesideCredential
            "CRL is not supported with credentialName. CRL has to be specified in the credential";
        Error CrlOfSimple "CRL is not supported with SIMPLE TLS";
        Warning UnknownCiphers(names: String) "ignoring invalid cipher suites: [{names}]";
        Warning CiphersTwice(names: String) "ignoring duplicate cipher suites: [{names}]";
        Error SkipBesideAuthority
            "cannot specify CaCertificates or CredentialName or SubjectAltNames when InsecureSkipVerify is set true";
        Error MutualSkipBesideAuthority
            "cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true";
        Error FilesBesideCredential
            "cannot specify client certificates or CA certificate or CA CRL If credentialName is set";
        Error ClientWithoutCertificate "client certificate required for mutual tls";
        Error ClientWithoutKey "private key required for mutual tls";
    }
}

/// The ciphers that Envoy can be told to use.
const CIPHERS: [&str; 22] = [
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
pub(super) fn server(tls: At<'_>, found: &mut Found) {
    let mode = tls.text("mode");
    let named = ["credentialName", "credentialNames", "tlsCertificates"].iter().any(|name| tls.has(name));
    let old = matches!(tls.text("minProtocolVersion"), "TLSV1_0" | "TLSV1_1");
    let ciphered = tls.texts("cipherSuites").next().is_some();
    found.when(old && !ciphered, tls.at("minProtocolVersion"), Tls::OldTlsVersion);
    ciphers(tls, found);
    match mode {
        "ISTIO_MUTUAL" => {
            for (field, what) in [
                ("serverCertificate", "server certificate"),
                ("privateKey", "private key"),
                ("caCertificates", "CA bundle"),
                ("credentialName", "credentialName"),
            ] {
                found.when(tls.says(field), tls.at(field), Tls::IstioMutualBeside { what });
            }
        }
        "PASSTHROUGH" | "AUTO_PASSTHROUGH" => {
            let fields = ["caCrl", "serverCertificate", "privateKey", "caCertificates", "credentialName"];
            if fields.iter().any(|field| tls.says(field)) {
                found.add(tls, Tls::CertificatesIgnored { mode: mode.to_owned() });
            }
        }
        "SIMPLE" if !named => {
            found.when(!tls.says("serverCertificate"), tls, Tls::SimpleWithoutCertificate);
            found.when(!tls.says("privateKey"), tls, Tls::SimpleWithoutKey);
        }
        "MUTUAL" | "OPTIONAL_MUTUAL" if !named => {
            found.when(!tls.says("serverCertificate"), tls, Tls::MutualWithoutCertificate);
            found.when(!tls.says("privateKey"), tls, Tls::MutualWithoutKey);
            let authority = tls.says("caCertificates") || tls.says("caCertCredentialName");
            found.when(!authority, tls, Tls::MutualWithoutAuthority);
        }
        _ => {}
    }
    if tls.says("caCrl") && !matches!(mode, "PASSTHROUGH" | "AUTO_PASSTHROUGH") {
        found.when(tls.says("credentialName"), tls.at("caCrl"), Tls::CrlBesideCredential);
        found.when(mode == "SIMPLE", tls.at("caCrl"), Tls::CrlOfSimple);
    }
}

fn ciphers(tls: At<'_>, found: &mut Found) {
    let mut wanted: Vec<&str> = tls.texts("cipherSuites").collect();
    wanted.sort_unstable();
    let unknown: Vec<&str> = wanted.iter().copied().filter(|cipher| !CIPHERS.contains(cipher)).collect();
    if !unknown.is_empty() {
        found.add(tls.at("cipherSuites"), Tls::UnknownCiphers { names: unknown.join(" ") });
    }
    let pairs = wanted.windows(2).filter(|two| two[0] == two[1] && CIPHERS.contains(&two[0]));
    let mut twice: Vec<&str> = pairs.map(|two| two[0]).collect();
    twice.dedup();
    if !twice.is_empty() {
        found.add(tls.at("cipherSuites"), Tls::CiphersTwice { names: twice.join(" ") });
    }
}

/// How a client speaks to a service.
pub(super) fn client(tls: At<'_>, found: &mut Found) {
    let mode = tls.text("mode");
    if tls.flag("insecureSkipVerify") {
        let (at, authority) =
            (tls.at("insecureSkipVerify"), tls.says("caCertificates") || tls.has("subjectAltNames"));
        let simple = mode == "SIMPLE" && (authority || tls.says("credentialName"));
        found.when(simple, at, Tls::SkipBesideAuthority);
        found.when(mode == "MUTUAL" && authority, at, Tls::MutualSkipBesideAuthority);
    }
    if matches!(mode, "SIMPLE" | "MUTUAL") && tls.says("credentialName") {
        let files = ["clientCertificate", "caCertificates", "privateKey", "caCrl"];
        let any = files.iter().any(|field| tls.says(field));
        found.when(any, tls.at("credentialName"), Tls::FilesBesideCredential);
    } else if mode == "MUTUAL" {
        found.when(!tls.says("clientCertificate"), tls, Tls::ClientWithoutCertificate);
        found.when(!tls.says("privateKey"), tls, Tls::ClientWithoutKey);
    }
}
