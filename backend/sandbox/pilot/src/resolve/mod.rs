//! What Istio's resources mean together: who delegates to whom, what the Gateway API's resources become, what
//! each proxy is told of.

pub(crate) mod attach;
pub(crate) mod delegates;
pub(crate) mod gateway_api;
pub(crate) mod scope;
