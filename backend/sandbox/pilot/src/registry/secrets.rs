//! Certificates that gateways and DestinationRules take from Kubernetes' Secrets, as istiod serves them over
//! SDS.

use crate::xds::ResourceType;
use base64::Engine;
use istio::Object;
use serde_json::{Value, json};
use std::fmt;

/// What a Secret holds; PEM. It is never shown.
#[derive(Clone, Default)]
pub(crate) struct Credential {
    certificate: Option<String>,
    key: Option<String>,
    ca: Option<String>,
    crl: Option<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

/// Ending of the name under which a credential's authority is asked for.
pub(crate) const CA: &str = "-cacert";

impl Credential {
    /// Reads a Secret of type kubernetes.io/tls, or one with `key`, `cert` and `cacert`; `None` for any
    /// other.
    pub(crate) fn of(object: &Object) -> Option<Self> {
        let text = |keys: [&str; 2]| {
            let encoded = keys.into_iter().find_map(|key| object.0["data"][key].as_str())?;
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
            String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
        };
        let found = Self {
            certificate: text(["tls.crt", "cert"]),
            key: text(["tls.key", "key"]),
            ca: text(["ca.crt", "cacert"]),
            crl: text(["ca.crl", "crl"]),
        };
        (found.has_pair() || found.ca.is_some()).then_some(found)
    }

    /// Whether it can prove who one is.
    pub(crate) fn has_pair(&self) -> bool {
        self.certificate.is_some() && self.key.is_some()
    }

    /// Whether it says whom to believe.
    pub(crate) fn has_ca(&self) -> bool {
        self.ca.is_some()
    }

    /// The certificate as Envoy takes it.
    pub(crate) fn pair(&self, name: &str) -> Option<Value> {
        Some(json!({"@type": ResourceType::Secret.type_url(), "name": name, "tls_certificate": {
            "certificate_chain": {"inline_string": self.certificate.as_ref()?},
            "private_key": {"inline_string": self.key.as_ref()?}}}))
    }

    /// The authority as Envoy takes it.
    pub(crate) fn authority(&self, name: &str) -> Option<Value> {
        let mut context = json!({"trusted_ca": {"inline_string": self.ca.as_ref()?}});
        if let Some(crl) = &self.crl {
            context["crl"] = json!({"inline_string": crl});
        }
        Some(json!({"@type": ResourceType::Secret.type_url(), "name": name, "validation_context": context}))
    }
}
