//! What a policy does, where, and for whom it holds.

use crate::registry::Config;
use istio::views::AuthorizationPolicy;

/// What a filter sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Requests.
    Http,
    /// Connections.
    Bytes,
}

impl Layer {
    /// In the names of filters.
    pub(crate) fn short(self) -> &'static str {
        if self == Self::Http { "http" } else { "network" }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Custom,
    Audit,
    Deny,
    Allow,
}

impl Action {
    pub(crate) fn of(policy: &AuthorizationPolicy) -> Option<Self> {
        match policy.action.as_deref() {
            None | Some("" | "ALLOW") => Some(Self::Allow),
            Some("DENY") => Some(Self::Deny),
            Some("AUDIT") => Some(Self::Audit),
            Some("CUSTOM") => Some(Self::Custom),
            Some(_) => None, // named by `without_effect`
        }
    }

    /// In RBAC.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Audit => "LOG",
            Self::Allow => "ALLOW",
            Self::Deny | Self::Custom => "DENY",
        }
    }
}

impl Config<AuthorizationPolicy> {
    pub(crate) fn is_dry_run(&self) -> bool {
        self.object.annotation("istio.io/dry-run") == Some("true")
    }
}
