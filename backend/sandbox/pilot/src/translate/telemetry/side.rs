//! Which side of a call a proxy stands on.

/// Which side of a call a proxy stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The caller's; gateways too.
    Outbound,
    /// The callee's.
    Inbound,
}

impl Side {
    /// The access log's name.
    pub(crate) fn log_name(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }

    /// Envoy's word.
    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::Outbound => "OUTBOUND",
            Self::Inbound => "INBOUND",
        }
    }

    /// As Telemetry resources mean it.
    pub(crate) fn of_call(self) -> istio::telemetry::Side {
        match self {
            Self::Outbound => istio::telemetry::Side::Client,
            Self::Inbound => istio::telemetry::Side::Server,
        }
    }
}
