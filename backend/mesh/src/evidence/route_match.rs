//! Which requests a route takes, in one form for a VirtualService's match and for Envoy's.

use crate::confirm::json::{field, list, text};
use istio::views::{HttpMatch, StringMatch};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// What a request must have, each condition in words; none at all takes every request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RouteMatch(BTreeSet<String>);

impl RouteMatch {
    /// Whether it takes every request, so that istiod makes no route after it.
    pub fn takes_all(&self) -> bool {
        self.0.is_empty()
    }

    /// Of one alternative of a rule. Conditions on the caller (labels, namespace, gateway) are not among
    /// them: istiod looks at these itself, and leaves out routes that cannot apply.
    pub fn of(one: &HttpMatch) -> Self {
        let mut all = BTreeSet::new();
        if let Some(uri) = &one.uri {
            all.extend(path(&how(uri), one.ignore_uri_case && uri.regex.is_none()));
        }
        let fixed = [(":method", &one.method), (":authority", &one.authority), (":scheme", &one.scheme)];
        for (name, value) in fixed {
            all.extend(value.as_ref().map(|value| header(name, &how(value), false)));
        }
        let claim = |name: &str| name.starts_with("@request.auth.claims");
        for (wanted, without) in [(&one.headers, false), (&one.without_headers, true)] {
            let own = wanted.iter().filter(|(name, _)| !claim(name));
            all.extend(own.map(|(name, value)| header(name, &how(value), without)));
        }
        let names = one.headers.keys().chain(one.without_headers.keys());
        all.extend(claims(names.filter(|name| claim(name)).count()));
        all.extend(one.query_params.iter().map(|(name, value)| format!("?{name}{}", how(value))));
        Self(all)
    }

    /// Of a route of Envoy.
    pub fn of_envoy(route: &Value) -> Self {
        let Some(wanted) = field(route, "match") else { return Self::default() };
        let mut all = BTreeSet::new();
        let any_case = field(wanted, "case_sensitive").and_then(Value::as_bool) == Some(false);
        all.extend(path(&path_of(wanted), any_case));
        for one in list(wanted, "headers") {
            let without = field(one, "invert_match").and_then(Value::as_bool).unwrap_or(false);
            all.insert(header(text(one, "name"), &how_of_envoy(one), without));
        }
        all.extend(claims(list(wanted, "dynamic_metadata").len()));
        let asked = list(wanted, "query_parameters").iter();
        all.extend(asked.map(|one| format!("?{}{}", text(one, "name"), how_of_envoy(one))));
        Self(all)
    }
}

/// A path that says something: every path begins with "/".
fn path(how: &str, any_case: bool) -> Option<String> {
    let everything = matches!(how, "" | " = /…" | " = …" | " like *");
    (!everything).then(|| format!("path{how}{}", if any_case { " in any case" } else { "" }))
}

fn header(name: &str, how: &str, without: bool) -> String {
    format!("{}{}{how}", if without { "no " } else { "" }, name.to_lowercase())
}

/// Claims of a token are told by their number alone: istiod writes them in several forms.
fn claims(count: usize) -> Option<String> {
    (count > 0).then(|| format!("{count} claims"))
}

/// How a text is asked for: " = x", " = x…", " like x", or "" where it only has to be there.
fn how(value: &StringMatch) -> String {
    match value {
        StringMatch { exact: Some(text), .. } => format!(" = {text}"),
        StringMatch { prefix: Some(text), .. } => format!(" = {text}…"),
        StringMatch { regex: Some(text), .. } if text != "*" => format!(" like {text}"),
        _ => String::new(),
    }
}

fn path_of(wanted: &Value) -> String {
    let said = |name: &str| field(wanted, name).and_then(Value::as_str);
    match (said("path"), said("prefix").or_else(|| said("path_separated_prefix"))) {
        (Some(text), _) => format!(" = {text}"),
        (_, Some(text)) => format!(" = {text}…"),
        _ => regex(wanted, "safe_regex"),
    }
}

fn regex(of: &Value, name: &str) -> String {
    field(of, name).map_or_else(String::new, |regex| format!(" like {}", text(regex, "regex")))
}

/// The same of a header or a query parameter, in the forms of all versions of Envoy.
fn how_of_envoy(one: &Value) -> String {
    let nested = field(one, "string_match");
    let of = nested.unwrap_or(one);
    let said = |name: &str| {
        let older = format!("{name}_match");
        field(of, if nested.is_some() { name } else { &older }).and_then(Value::as_str)
    };
    match (said("exact"), said("prefix")) {
        (Some(text), _) => format!(" = {text}"),
        (_, Some(text)) => format!(" = {text}…"),
        _ if nested.is_some() => regex(of, "safe_regex"),
        _ => regex(of, "safe_regex_match"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(istio: Value, envoy: Value) {
        let one: HttpMatch = serde_json::from_value(istio).unwrap();
        assert_eq!(RouteMatch::of(&one), RouteMatch::of_envoy(&json!({ "match": envoy })));
    }

    #[test]
    fn istios_words_and_envoys_mean_the_same() {
        check(json!({}), json!({ "prefix": "/" }));
        check(json!({ "uri": { "prefix": "/" } }), json!({ "prefix": "/" }));
        check(json!({ "uri": { "exact": "/a" } }), json!({ "path": "/a", "case_sensitive": true }));
        check(
            json!({ "uri": { "prefix": "/a" }, "ignoreUriCase": true }),
            json!({ "prefix": "/a", "caseSensitive": false }),
        );
        check(json!({ "uri": { "regex": "/a.*" } }), json!({ "safe_regex": { "regex": "/a.*" } }));
        let both = json!({ "headers": { "End-User": { "exact": "jason" } }, "withoutHeaders": { "x": { "regex": "*" } } });
        check(
            both.clone(),
            json!({ "prefix": "/", "headers": [
                { "name": "end-user", "string_match": { "exact": "jason" } },
                { "name": "x", "present_match": true, "invert_match": true } ] }),
        );
        check(
            both,
            json!({ "prefix": "/", "headers": [
                { "name": "x", "presentMatch": true, "invertMatch": true },
                { "name": "end-user", "exact_match": "jason" } ] }),
        );
        check(
            json!({ "method": { "exact": "GET" }, "queryParams": { "q": { "prefix": "b" } } }),
            json!({ "prefix": "/", "headers": [{ "name": ":method", "string_match": { "exact": "GET" } }],
                "query_parameters": [{ "name": "q", "string_match": { "prefix": "b" } }] }),
        );
        check(
            json!({ "headers": { "@request.auth.claims.role": { "exact": "admin" } } }),
            json!({ "prefix": "/", "dynamic_metadata": [{ "filter": "istio_authn" }] }),
        );
    }

    #[test]
    fn what_says_something_else_differs() {
        let of = |wanted: Value| RouteMatch::of_envoy(&json!({ "match": wanted }));
        let jason = of(
            json!({ "prefix": "/", "headers": [{ "name": "end-user", "string_match": { "exact": "jason" } }] }),
        );
        assert!(of(json!({ "prefix": "/" })).takes_all() && !jason.takes_all());
        assert_ne!(
            jason,
            of(
                json!({ "prefix": "/", "headers": [{ "name": "end-user", "string_match": { "exact": "eve" } }] })
            )
        );
        assert_ne!(of(json!({ "path": "/a" })), of(json!({ "prefix": "/a" })));
    }
}
