//! What is refused, with the words that say why, and what is warned of.

use super::{Finding, Severity, rules, validate};
use serde_json::{Value, json};
use std::collections::BTreeSet;

mod destinations;
mod edge;
mod envoy_filter;
mod http;
mod policies;
mod routing;

/// The errors' words, in one text.
fn refusal(found: &[Finding]) -> String {
    let errors = found.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// An empty `words` means that the object is taken and nobody is warned; `warns: …` that it is taken with
/// this warning.
#[track_caller]
fn expect(kind: &str, spec: Value, words: &str) {
    let object = json!({"metadata": {"name": "a", "namespace": "n"}, "spec": spec});
    let found = validate("networking.istio.io", kind, &object);
    let refused = refusal(&found);
    match words.strip_prefix("warns: ") {
        None if words.is_empty() => assert!(found.is_empty(), "{kind}: {found:?}: {spec}"),
        None => assert!(refused.contains(words), "{kind}: {found:?}: {spec}"),
        Some(words) => {
            let warned = found.iter().any(|finding| finding.to_string().contains(words));
            assert!(warned && refused.is_empty(), "{kind}: {found:?}: {spec}");
        }
    }
}

/// Every row: what is laid over the base, and what is said of it.
#[track_caller]
fn table(kind: &str, base: impl Fn(Value) -> Value, rows: &[(Value, &str)]) {
    for (fields, words) in rows {
        expect(kind, base(fields.clone()), words);
    }
}

fn with(mut base: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        base[name] = value.clone();
    }
    base
}

/// A VirtualService with one HTTP rule.
fn of_http(more: Value) -> Value {
    json!({"hosts": ["a"], "http": [with(json!({"route": [{"destination": {"host": "a"}}]}), &more)]})
}

#[test]
fn findings_say_where_and_which_rule() {
    let way = |weight: i64| json!({"destination": {"host": "a"}, "weight": weight});
    let routes = json!([{"match": [{"headers": {"a b": {"exact": "1"}}}], "route": [way(1), way(-2)]}]);
    let spec = json!({"hosts": ["a"], "http": routes, "exportTo": [".", "x_"]});
    let found = validate(
        "networking.istio.io",
        "VirtualService",
        &json!({"metadata": {"namespace": "n"}, "spec": spec}),
    );
    let told: Vec<_> = found.iter().map(|finding| (finding.code, finding.path.as_str())).collect();
    assert_eq!(
        told,
        [
            ("BadHeaderName", "spec.http[0].match[0].headers[a b]"),
            ("NegativeWeight", "spec.http[0].route[1].weight"),
            ("BadExport", "spec.exportTo[1]"),
        ]
    );
    assert_eq!(found[1].to_string(), "weight -2 < 0");
    assert!(found.iter().all(|finding| finding.severity == Severity::Error));
}

#[test]
fn every_rule_has_a_code_of_its_own() {
    let all = rules();
    let codes: BTreeSet<_> = all.iter().map(|(code, _)| code).collect();
    assert_eq!(codes.len(), all.len(), "two rules have one code");
    assert!(all.iter().any(|(_, severity)| *severity == Severity::Warning));
}

#[test]
fn kinds_of_other_groups_are_not_looked_at() {
    let object = json!({"spec": {}});
    assert!(!validate("networking.istio.io", "Gateway", &object).is_empty());
    assert!(validate("gateway.networking.k8s.io", "Gateway", &object).is_empty());
}
