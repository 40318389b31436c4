//! What is wrong with a field.

use serde_json::Value;

/// One thing wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldProblem {
    /// As in `spec.http[0].timeout`.
    pub(crate) field: String,
    /// As in `FieldValueInvalid`.
    pub(crate) reason: &'static str,
    /// As in `Invalid value: "0.1ms": must be …`.
    pub(crate) message: String,
}

impl FieldProblem {
    pub(crate) fn invalid(field: &str, value: &Value, message: &str) -> Self {
        Self {
            field: field.to_owned(),
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: {message}", shown(value)),
        }
    }

    pub(crate) fn required(field: &str) -> Self {
        Self { field: field.to_owned(), reason: "FieldValueRequired", message: "Required value".into() }
    }
}

fn shown(value: &Value) -> String {
    match value {
        // Objects are shown as their type, as the real server does for rules over several fields.
        Value::Object(_) => "\"object\"".into(),
        Value::Array(_) => "\"array\"".into(),
        other => other.to_string(),
    }
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
