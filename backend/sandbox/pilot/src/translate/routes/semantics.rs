//! Routes of the Gateway API, made to mean what it says: prefixes of whole path segments, 500 for a backend
//! that is not there.

use crate::registry::Config;
use crate::resolve::gateway_api::names::made;
use istio::views::VirtualService;
use serde_json::{Value, json};

/// Makes a finished route of the Gateway API's mean what it says; routes of others stay as they are.
pub(crate) fn settle(config: &Config<VirtualService>, route: &mut Value) {
    if !made(config) {
        return;
    }
    let prefix = route["match"]["prefix"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
    if !prefix.is_empty()
        && let Some(matched) = route["match"].as_object_mut()
    {
        matched.shift_remove("prefix");
        matched.insert("path_separated_prefix".into(), json!(prefix));
    }
    for action in ["route", "redirect"] {
        let Some(action) = route.get_mut(action).and_then(Value::as_object_mut) else { continue };
        let Some(wanted) = action.shift_remove("prefix_rewrite") else { continue };
        let wanted = wanted.as_str().unwrap_or_default().trim_end_matches('/');
        match (prefix.is_empty(), wanted.is_empty()) {
            (true, _) => drop(action.insert("prefix_rewrite".into(), json!(format!("{wanted}/")))),
            // The slash after the prefix must not stay beside the one that replaces it.
            (_, true) => {
                let pattern = format!("^{}/*", regex::escape(&prefix));
                action.insert(
                    "regex_rewrite".into(),
                    json!({"pattern": {"regex": pattern}, "substitution": "/"}),
                );
            }
            _ => drop(action.insert("prefix_rewrite".into(), json!(wanted))),
        }
    }
    if let Some(action) = route.get_mut("route") {
        action["cluster_not_found_response_code"] = json!("INTERNAL_SERVER_ERROR");
    }
}
