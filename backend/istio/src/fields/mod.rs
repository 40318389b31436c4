//! Which fields the objects of Istio's kinds and of the Gateway API's have, as their CRDs say it.
//!
//! They stand in files in a short notation, and are read in two ways: here, to tell what of an object nobody
//! knows, and by the sandbox's API server, which makes whole schemas of them.

mod notation;
mod odd;

pub use notation::{Field, Notation, Shape, TypeText, Types};
pub use odd::{Odd, What, odd};

use std::sync::LazyLock;

/// Istio's types.
pub static ISTIO: LazyLock<Types> = LazyLock::new(|| {
    Types::read(&[
        include_str!("../../assets/fields/istio-common.txt"),
        include_str!("../../assets/fields/istio-routing.txt"),
        include_str!("../../assets/fields/istio-destination.txt"),
        include_str!("../../assets/fields/istio-edge.txt"),
        include_str!("../../assets/fields/istio-security.txt"),
        include_str!("../../assets/fields/istio-extensions.txt"),
    ])
});

/// The Gateway API's types.
pub static GATEWAY_API: LazyLock<Types> =
    LazyLock::new(|| Types::read(&[include_str!("../../assets/fields/gateway-api.txt")]));
