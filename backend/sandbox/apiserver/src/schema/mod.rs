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

use istio::fields::Types;
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

static KUBERNETES: LazyLock<Types> = LazyLock::new(|| {
    Types::read(&[
        include_str!("../../assets/schemas/meta.txt"),
        include_str!("../../assets/schemas/core.txt"),
        include_str!("../../assets/schemas/apps.txt"),
        include_str!("../../assets/schemas/autoscaling.txt"),
        include_str!("../../assets/schemas/described.txt"),
    ])
});

/// The types that ship with Kubernetes itself.
pub(crate) static BUILT_IN: LazyLock<Library> = LazyLock::new(|| Library::of(&KUBERNETES));

/// Istio's types.
pub(crate) static ISTIO: LazyLock<Library> = LazyLock::new(|| Library::of(&istio::fields::ISTIO));

/// The Gateway API's types.
pub(crate) static GATEWAY_API: LazyLock<Library> = LazyLock::new(|| Library::of(&istio::fields::GATEWAY_API));

#[cfg(test)]
mod tests;
