//! What the fields of each kind are: their types, which lists have keys, what is required. `kubectl explain`,
//! validation, pruning, strategic merge and server-side apply all read the same schema.

mod bounds;
mod cel;
mod check;
mod field;
mod json;
mod limits;
mod problem;
mod rules;
mod shape;
mod text;
mod types;
mod unmarshal;

use std::sync::LazyLock;

use serde_json::Value;

pub(crate) use check::{check, check_change, duplicates};
pub(crate) use field::{ListKind, Schema};
pub(crate) use json::References;
pub(crate) use problem::FieldProblem;
pub(crate) use shape::{fill, prune};
pub(crate) use text::{Library, with_type_meta};
pub(crate) use types::Type;
pub(crate) use unmarshal::mistyped;

/// Evaluates a rule as it would stand in a CRD (CEL) for a value and what that was before; the error says
/// what is not understood, or why it has no value.
pub fn evaluate_rule(rule: &str, value: &Value, old: Option<&Value>) -> Result<Value, String> {
    let program = cel::Program::parse(rule).map_err(|error| error.to_string())?;
    program.run(value, old).map_err(|error| error.to_string())
}

/// The types that ship with Kubernetes itself.
pub(crate) static BUILT_IN: LazyLock<Library> = LazyLock::new(|| {
    Library::parse(&[
        include_str!("../../assets/schemas/meta.txt"),
        include_str!("../../assets/schemas/core.txt"),
        include_str!("../../assets/schemas/apps.txt"),
        include_str!("../../assets/schemas/autoscaling.txt"),
        include_str!("../../assets/schemas/described.txt"),
    ])
});

/// Istio's types.
pub(crate) static ISTIO: LazyLock<Library> = LazyLock::new(|| {
    Library::parse(&[
        include_str!("../../assets/schemas/istio-common.txt"),
        include_str!("../../assets/schemas/istio-routing.txt"),
        include_str!("../../assets/schemas/istio-destination.txt"),
        include_str!("../../assets/schemas/istio-edge.txt"),
        include_str!("../../assets/schemas/istio-security.txt"),
        include_str!("../../assets/schemas/istio-extensions.txt"),
    ])
});

/// The Gateway API's types.
pub(crate) static GATEWAY_API: LazyLock<Library> =
    LazyLock::new(|| Library::parse(&[include_str!("../../assets/schemas/gateway-api.txt")]));

#[cfg(test)]
mod tests;
