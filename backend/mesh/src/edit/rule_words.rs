//! Rules of AuthorizationPolicies in words, as they are written.

use serde_json::Value;

/// Fields of a rule's sources, without their negations.
pub const SOURCES: [&str; 7] = [
    "principals",
    "requestPrincipals",
    "namespaces",
    "serviceAccounts",
    "ipBlocks",
    "remoteIpBlocks",
    "trustDomains",
];
/// Fields of a rule's operations, without their negations.
pub const OPERATIONS: [&str; 4] = ["hosts", "ports", "methods", "paths"];
/// A rule in words: "calls from web/front to GET /admin* when source.ip is 10.0.0.1".
pub fn rule_said(rule: &Value) -> String {
    let rows = |key: &str| rule.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let each = |of: &Value, fields: &[&str]| -> String {
        let mut parts = Vec::new();
        for field in fields {
            parts.extend(listed(&of[*field]));
            parts.extend(listed(&of[negated(field)]).map(|values| format!("not {values}")));
        }
        parts.join(" ")
    };
    let or = |parts: Vec<String>| parts.join(", or ");
    let from = or(rows("from").iter().map(|row| each(&row["source"], &SOURCES)).collect());
    let to = or(rows("to")
        .iter()
        .map(|row| each(&row["operation"], &["methods", "hosts", "ports", "paths"]))
        .collect());
    let when: Vec<String> = rows("when")
        .iter()
        .map(|when| {
            let key = when["key"].as_str().unwrap_or_default();
            let is = listed(&when["values"]).map(|values| format!("{key} is {values}"));
            let not = listed(&when["notValues"]).map(|values| format!("{key} is not {values}"));
            [is, not].into_iter().flatten().collect::<Vec<_>>().join(" and ")
        })
        .collect();
    let mut said = "all calls".to_owned();
    if !(from.is_empty() && to.is_empty() && when.is_empty()) {
        "calls".clone_into(&mut said);
    }
    for (word, part) in [(" from ", from), (" to ", to), (" when ", when.join(" and "))] {
        if !part.is_empty() {
            said += word;
            said += &part;
        }
    }
    said
}

/// "notPrincipals" of "principals".
pub fn negated(field: &str) -> String {
    let mut letters = field.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase()).unwrap_or_default();
    format!("not{first}{}", letters.as_str())
}

/// Values of a field: short names of principals, since all of them begin alike.
fn listed(values: &Value) -> Option<String> {
    let short = |value: &str| match value.split_once("/ns/").map(|(_, rest)| rest.replace("/sa/", "/")) {
        Some(short) if value.starts_with("cluster.local/") => short,
        _ => value.to_owned(),
    };
    let values: Vec<String> = values.as_array()?.iter().filter_map(Value::as_str).map(short).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
