//! What an operation does to one message, or to a list of named ones.

use super::state::Failure;
use istio::views::envoy_filter::ConfigPatch;
use serde_json::Value;
use wire::patch::{Lists, merge};

/// One patch, ready to be carried out.
pub(super) struct Change<'a> {
    pub(super) patch: &'a ConfigPatch,
    /// In the table's own field names.
    pub(super) value: Option<&'a Value>,
    /// What the value is.
    pub(super) message: &'static str,
}

/// What becomes of a resource.
pub(super) enum Edit {
    Keep,
    Change(Value),
    Remove,
}

impl Edit {
    /// A changed copy, if it was changed.
    pub(super) fn of(changed: bool, json: Value) -> Self {
        if changed { Self::Change(json) } else { Self::Keep }
    }
}

impl Change<'_> {
    fn lists(&self) -> Lists {
        if self.patch.patch.operation == "MERGE_AND_REPLACE_LIST" { Lists::Replace } else { Lists::Append }
    }

    fn merged(&self, into: &mut Value) {
        if let Some(value) = self.value {
            merge(self.message, into, value, self.lists());
        }
    }

    /// The whole resource that it adds, if it adds one.
    pub(super) fn added(&self, apply_to: &str) -> Result<Option<Value>, Failure> {
        if self.patch.patch.operation != "ADD" || !matches!(apply_to, "CLUSTER" | "LISTENER") {
            return Ok(None);
        }
        let value = self.value.filter(|value| value["name"].as_str().is_some_and(|name| !name.is_empty()));
        value.cloned().map(Some).ok_or(Failure::NoName)
    }

    /// Merges into a resource, or removes it.
    pub(super) fn whole(&self, json: &Value) -> Edit {
        match self.patch.patch.operation.as_str() {
            "REMOVE" => Edit::Remove,
            "MERGE" | "MERGE_AND_REPLACE_LIST" => {
                let mut changed = json.clone();
                self.merged(&mut changed);
                Edit::Change(changed)
            }
            _ => Edit::Keep,
        }
    }

    /// Changes a list; `at` finds the items that are meant, `None` when the patch names none. True when it
    /// was changed.
    pub(super) fn list(&self, holder: &mut Value, key: &str, at: Option<&dyn Fn(&Value) -> bool>) -> bool {
        let operation = self.patch.patch.operation.as_str();
        if operation.starts_with("INSERT") || operation == "ADD" {
            if !holder[key].is_array() {
                holder[key] = Value::Array(Vec::new());
            }
            let Some(value) = self.value.cloned() else { return false };
            let Some(items) = holder[key].as_array_mut() else { return false };
            let found = at.and_then(|at| items.iter().position(at));
            let last = items.len();
            let place = match (operation, at.is_some(), found) {
                ("INSERT_BEFORE" | "INSERT_AFTER", true, None) => return false,
                ("INSERT_BEFORE", _, found) => found.unwrap_or(0),
                ("INSERT_AFTER", true, Some(found)) => found + 1,
                ("INSERT_FIRST", ..) => 0,
                // ADD, and INSERT_AFTER without a place.
                _ if self.ends_with_terminal() => last.saturating_sub(1),
                _ => last,
            };
            items.insert(place, value);
            return true;
        }
        let Some(items) = holder.get_mut(key).and_then(Value::as_array_mut) else { return false };
        let meant = |item: &Value| at.is_none_or(|at| at(item));
        match operation {
            "REMOVE" => {
                let before = items.len();
                items.retain(|item| !meant(item));
                items.len() < before
            }
            "REPLACE" => match (items.iter_mut().find(|item| meant(item)), self.value) {
                (Some(item), Some(value)) => {
                    item.clone_from(value);
                    true
                }
                _ => false,
            },
            _ => {
                let mut changed = false;
                for item in items.iter_mut().filter(|item| meant(item)) {
                    self.merged(item);
                    changed = true;
                }
                changed
            }
        }
    }

    /// Whether the last of such a list has to stay the last: the router, the proxy of the bytes.
    fn ends_with_terminal(&self) -> bool {
        matches!(self.patch.apply_to.as_str(), "HTTP_FILTER" | "NETWORK_FILTER")
    }
}

/// A resource's name.
pub(super) fn name(json: &Value) -> &str {
    json["name"].as_str().unwrap_or_default()
}
