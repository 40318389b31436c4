//! Certificates in Secrets: until when they hold. Nothing else of a Secret is ever kept.

use jiff::Timestamp;

/// Names a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretOf {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What is known of the certificate in a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// There is no such Secret.
    Absent,
    /// The Secret has no certificate with a key that could be shown to callers.
    Without,
    /// It has one.
    Until(Timestamp),
}
