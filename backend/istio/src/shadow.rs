//! Which of two matches hides the other: whatever the later one takes, the earlier has taken before.

use crate::views::{HttpMatch, StringMatch};
use std::collections::BTreeMap;

/// Whether every request that `later` takes is taken by `earlier`, as far as their texts tell: two different
/// expressions are never compared. Which gateways they are for is not looked at.
pub fn covers(earlier: &HttpMatch, later: &HttpMatch) -> bool {
    let fixed = [
        (&earlier.scheme, &later.scheme),
        (&earlier.method, &later.method),
        (&earlier.authority, &later.authority),
    ];
    let maps = [(&earlier.headers, &later.headers), (&earlier.query_params, &later.query_params)];
    path(earlier, later)
        && fixed.into_iter().all(|(one, other)| wanted(one.as_ref(), other.as_ref()))
        && maps.into_iter().all(|(one, other)| among(one, other))
        && same(&earlier.without_headers, &later.without_headers)
        && same(&earlier.source_labels, &later.source_labels)
        && (earlier.port.is_none() || earlier.port == later.port)
        && (earlier.source_namespace.is_none() || earlier.source_namespace == later.source_namespace)
}

/// Whether a match takes every request: what comes after it is never reached.
pub fn takes_all(one: &HttpMatch) -> bool {
    covers(one, &HttpMatch::default())
}

fn path(earlier: &HttpMatch, later: &HttpMatch) -> bool {
    let Some(uri) = &earlier.uri else { return true };
    let every = match uri {
        StringMatch { exact: Some(_), .. } => false,
        StringMatch { prefix: Some(start), .. } => start.is_empty() || start == "/",
        StringMatch { regex, .. } => any_path(regex.as_deref()),
    };
    if every {
        return true;
    }
    let Some(other) = &later.uri else { return false };
    if !earlier.ignore_uri_case {
        return !later.ignore_uri_case && implied(uri, other);
    }
    let small = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
    let any_case = |one: &StringMatch| StringMatch {
        exact: small(&one.exact),
        prefix: small(&one.prefix),
        regex: one.regex.clone(),
    };
    implied(&any_case(uri), &any_case(other))
}

fn wanted(earlier: Option<&StringMatch>, later: Option<&StringMatch>) -> bool {
    earlier.is_none_or(|earlier| later.is_some_and(|later| implied(earlier, later)))
}

fn among(earlier: &BTreeMap<String, StringMatch>, later: &BTreeMap<String, StringMatch>) -> bool {
    earlier.iter().all(|(name, text)| later.get(name).is_some_and(|other| implied(text, other)))
}

fn same<T: PartialEq>(earlier: &BTreeMap<String, T>, later: &BTreeMap<String, T>) -> bool {
    earlier.iter().all(|(name, value)| later.get(name) == Some(value))
}

/// Whether a text that fits the later one always fits the earlier.
fn implied(earlier: &StringMatch, later: &StringMatch) -> bool {
    match earlier {
        StringMatch { exact: Some(text), .. } => later.exact.as_ref() == Some(text),
        StringMatch { prefix: Some(start), .. } => match later {
            StringMatch { exact: Some(text), .. } => text.starts_with(start.as_str()),
            StringMatch { prefix: Some(text), .. } => text.starts_with(start.as_str()),
            _ => start.is_empty(),
        },
        StringMatch { regex, .. } => is_any(regex.as_deref()) || *earlier == *later,
    }
}

/// No expression at all, or one that fits everything.
fn is_any(regex: Option<&str>) -> bool {
    matches!(regex, None | Some("*" | ".*"))
}

/// Every path begins with "/".
fn any_path(regex: Option<&str>) -> bool {
    is_any(regex) || regex == Some("/.*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_hides_what() {
        #[track_caller]
        fn check(earlier: Value, later: Value, expect: bool) {
            let read = |value: &Value| serde_json::from_value::<HttpMatch>(value.clone()).unwrap();
            assert_eq!(covers(&read(&earlier), &read(&later)), expect, "{earlier} before {later}");
        }
        let uri = |how: &str, text: &str| json!({ "uri": { how: text } });
        check(json!({}), uri("prefix", "/api"), true);
        check(uri("prefix", "/"), json!({}), true);
        check(uri("regex", ".*"), json!({}), true);
        check(uri("prefix", "/api"), uri("prefix", "/api/v2"), true);
        check(uri("prefix", "/api"), uri("exact", "/api/v2"), true);
        check(uri("prefix", "/api/v2"), uri("prefix", "/api"), false);
        check(uri("exact", "/api"), uri("prefix", "/api"), false);
        check(uri("exact", "/api"), uri("exact", "/api"), true);
        check(uri("regex", "/a.+"), uri("prefix", "/ab"), false);
        check(uri("regex", "/a.+"), uri("regex", "/a.+"), true);
        check(uri("prefix", "/api"), json!({}), false);
        check(uri("prefix", "/api"), json!({ "uri": { "prefix": "/API" }, "ignoreUriCase": true }), false);
        check(json!({ "uri": { "prefix": "/API" }, "ignoreUriCase": true }), uri("prefix", "/api/x"), true);
        let jason = json!({ "headers": { "end-user": { "exact": "jason" } } });
        check(jason.clone(), json!({}), false);
        check(json!({}), jason.clone(), true);
        check(json!({ "headers": { "end-user": {} } }), jason.clone(), true);
        check(jason, json!({ "headers": { "end-user": { "exact": "jane" } } }), false);
        check(json!({ "method": { "exact": "GET" } }), json!({ "method": { "exact": "GET" } }), true);
        check(json!({ "port": 80 }), json!({}), false);
        check(json!({ "withoutHeaders": { "a": {} } }), json!({}), false);
        check(json!({ "sourceLabels": { "app": "web" } }), json!({}), false);
        check(json!({ "sourceNamespace": "a" }), json!({ "sourceNamespace": "a" }), true);
    }
}
