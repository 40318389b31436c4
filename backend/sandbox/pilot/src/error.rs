//! Why the control plane cannot run.

use wire::Address;

/// Why the control plane cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port or socket is taken, or there are none.
    #[error("The control plane cannot listen at {0}: {1}")]
    Listen(Address, #[source] std::io::Error),
    /// No key or certificate can be made.
    #[error("The control plane cannot make a certificate: {0}")]
    Certificate(rcgen::Error),
}
