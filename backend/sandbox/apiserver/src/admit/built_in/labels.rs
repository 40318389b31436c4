//! Labels, and selectors of labels.

use serde_json::Value;

use super::found::{Found, items, text};
use crate::names;

/// A map of labels.
pub(super) fn labels(labels: &Value, at: &str, found: &mut Found) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        found.each(at, key, names::key(key));
        let value = value.as_str().unwrap_or_default();
        found.each(at, value, names::label_value(value));
    }
}

/// Labels and annotations of a template.
pub(super) fn metadata(metadata: &Value, at: &str, found: &mut Found) {
    labels(&metadata["labels"], &format!("{at}.labels"), found);
    for key in metadata["annotations"].as_object().into_iter().flatten().map(|(key, _)| key) {
        // Keys of annotations may be written in capitals.
        found.each(format!("{at}.annotations"), key, names::key(&key.to_lowercase()));
    }
}

/// A selector with `matchLabels` and `matchExpressions`.
pub(super) fn selector(selector: &Value, at: &str, found: &mut Found) {
    labels(&selector["matchLabels"], &format!("{at}.matchLabels"), found);
    for (index, wanted) in items(selector, "matchExpressions") {
        let at = format!("{at}.matchExpressions[{index}]");
        let values = wanted["values"].as_array().is_some_and(|values| !values.is_empty());
        match text(wanted, "operator") {
            "In" | "NotIn" if !values => {
                found
                    .required(format!("{at}.values"), "must be specified when `operator` is 'In' or 'NotIn'");
            }
            "Exists" | "DoesNotExist" if values => {
                found.forbidden(
                    format!("{at}.values"),
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                );
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => {
                found.invalid(format!("{at}.operator"), &wanted["operator"], "not a valid selector operator");
            }
        }
        found.each(format!("{at}.key"), text(wanted, "key"), names::key(text(wanted, "key")));
        for (index, value) in items(wanted, "values") {
            let value = value.as_str().unwrap_or_default();
            found.each(format!("{at}.values[{index}]"), value, names::label_value(value));
        }
    }
}
