//! Where a proxy takes connections: its application's calls, calls to its application, and the ways into the
//! mesh.

pub(crate) mod gateway;
pub(crate) mod http;
pub(crate) mod inbound;
pub(crate) mod outbound;
pub(crate) mod tcp;
