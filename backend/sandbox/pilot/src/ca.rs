//! The mesh's certificate authority: short-lived certificates with SPIFFE identities, kept in memory only.

use crate::error::Error;
use crate::identity::TRUST_DOMAIN;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Signs the workloads' certificates. Keep it over a restart of the control plane, or the proxies'
/// certificates are no longer believed.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
    lifetime: Duration,
}

/// A workload's certificate and key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
    /// When to replace it: at four fifths of its life.
    pub(crate) renew_at: SystemTime,
}

fn lasting(params: &mut CertificateParams, lifetime: Duration) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // A minute of grace for clocks that differ.
    params.not_before = epoch + now.saturating_sub(Duration::from_secs(60));
    params.not_after = epoch + now + lifetime;
}

impl Authority {
    /// A new root; certificates that it signs live for `lifetime`.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(lifetime: Duration) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(Error::Certificate)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(Error::Certificate)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(rcgen::DnType::OrganizationName, TRUST_DOMAIN);
        lasting(&mut params, Duration::from_secs(10 * 365 * 24 * 3600));
        let root = params.self_signed(&key).map_err(Error::Certificate)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), root, lifetime })
    }

    /// The root certificate, PEM.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// A certificate for a SPIFFE identity.
    pub(crate) fn issue(&self, identity: &str) -> Result<Identity, Error> {
        let key = KeyPair::generate().map_err(Error::Certificate)?;
        let mut params = CertificateParams::new(Vec::new()).map_err(Error::Certificate)?;
        let name = identity.try_into().map_err(Error::Certificate)?;
        // As Istio's: the identity is the name, the subject is empty.
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.subject_alt_names = vec![SanType::URI(name)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        lasting(&mut params, self.lifetime);
        let signed = params.signed_by(&key, &self.issuer).map_err(Error::Certificate)?;
        Ok(Identity {
            chain: format!("{}{}", signed.pem(), self.root),
            key: key.serialize_pem(),
            renew_at: SystemTime::now() + self.lifetime.mul_f64(0.8),
        })
    }
}
