//! Label and field selectors.

use istio::select::LabelSelector;
use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    kinds::Kind,
    status::{ApiError, Result},
};

/// What a list or watch asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

impl Selector {
    /// Reads the two query parameters.
    pub(crate) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self> {
        Ok(Self { labels: parse_labels(labels)?, fields: parse_fields(kind, fields)? })
    }

    /// Whether everything matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let label = |key: &str| object.get("metadata")?.get("labels")?.get(key)?.as_str();
        self.labels.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                label(key).is_some_and(|value| values.iter().any(|one| one == value))
            }
            Requirement::NotIn(key, values) => {
                label(key).is_none_or(|value| !values.iter().any(|one| one == value))
            }
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
        }) && self.fields.iter().all(|(path, equal, value)| (field(object, path) == *value) == *equal)
    }
}

/// Whether labels are all that a selector with `matchLabels` and `matchExpressions` asks for. An empty one
/// selects everything.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let read = LabelSelector::deserialize(selector);
    read.is_ok_and(|selector| selector.takes(|key| labels.get(key).and_then(Value::as_str)))
}

fn field(object: &Value, path: &str) -> String {
    let mut at = object;
    for name in path.split('.') {
        match at.get(name) {
            Some(next) => at = next,
            None => return String::new(),
        }
    }
    match at {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn parse_fields(kind: &Kind, text: &str) -> Result<Vec<(String, bool, String)>> {
    let mut fields = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (path, equal, value) = if let Some((path, value)) = part.split_once("!=") {
            (path, false, value)
        } else if let Some((path, value)) = part.split_once("==") {
            (path, true, value)
        } else if let Some((path, value)) = part.split_once('=') {
            (path, true, value)
        } else {
            return Err(ApiError::bad_request(format!(
                "invalid selector: '{text}'; can't understand '{part}'"
            )));
        };
        let path = path.trim();
        let known =
            matches!(path, "metadata.name" | "metadata.namespace") || (!kind.custom && known_field(path));
        if !known {
            return Err(ApiError::bad_request(format!("field label not supported: {path}")));
        }
        fields.push((path.to_owned(), equal, value.trim().to_owned()));
    }
    Ok(fields)
}

/// The fields that Kubernetes' own kinds can be selected by.
fn known_field(path: &str) -> bool {
    matches!(
        path,
        "spec.nodeName"
            | "spec.restartPolicy"
            | "spec.serviceAccountName"
            | "spec.clusterIP"
            | "spec.type"
            | "status.phase"
            | "status.podIP"
            | "status.replicas"
            | "type"
            | "reason"
            | "reportingComponent"
            | "source"
            | "spec.unschedulable"
            | "spec.hostNetwork"
            | "spec.schedulerName"
            | "status.nominatedNodeName"
    ) || path.starts_with("involvedObject.")
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>> {
    let mut requirements = Vec::new();
    for part in split_outside_brackets(text) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        requirements.push(parse_label(part).ok_or_else(|| {
            ApiError::bad_request(format!(
                "unable to parse requirement: couldn't parse the selector string \"{text}\""
            ))
        })?);
    }
    Ok(requirements)
}

fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_label(part: &str) -> Option<Requirement> {
    if let Some(rest) = part.strip_suffix(')') {
        let (head, values) = rest.split_once('(')?;
        let mut words = head.split_whitespace();
        let (key, operator) = (words.next()?.to_owned(), words.next()?);
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        return match operator {
            "in" => Some(Requirement::In(key, values)),
            "notin" => Some(Requirement::NotIn(key, values)),
            _ => None,
        };
    }
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(name(key)?, vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(name(key)?, vec![value.trim().to_owned()]));
    }
    match part.strip_prefix('!') {
        Some(key) => Some(Requirement::Absent(name(key)?)),
        None => Some(Requirement::Exists(name(part)?)),
    }
}

fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let fine = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    fine.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Selector, selects};
    use crate::kinds::Kinds;

    #[track_caller]
    fn check(labels: &str, fields: &str, expect: bool) {
        let (_, pods) = Kinds::built_in().named("Pod").unwrap();
        let pod = json!({"metadata": {"name": "a", "namespace": "n",
            "labels": {"app": "reviews", "version": "v1"}}, "status": {"phase": "Running"}});
        assert_eq!(
            Selector::parse(&pods, labels, fields).unwrap().matches(&pod),
            expect,
            "{labels} {fields}"
        );
    }

    #[test]
    fn selectors() {
        check("", "", true);
        check("app=reviews", "", true);
        check("app==reviews,version!=v2", "", true);
        check("app in (reviews, ratings),version notin (v2,v3)", "", true);
        check("app,!canary", "", true);
        check("!app", "", false);
        check("version=v2", "", false);
        check("canary", "", false);
        check("missing!=x", "", true);
        check("", "metadata.name=a,status.phase!=Failed", true);
        check("", "metadata.namespace==other", false);
    }

    #[test]
    fn a_workloads_selector_asks_for_labels_and_expressions() {
        let labels = json!({"app": "a", "tier": "web"});
        for (selector, expect) in [
            (json!({}), true),
            (json!({"matchLabels": {"app": "a"}}), true),
            (json!({"matchLabels": {"app": "b"}}), false),
            (json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}), true),
            (json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}), false),
            (json!({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}), true),
            (
                json!({"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "zone",
                    "operator": "Exists"}]}),
                false,
            ),
            (json!({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}), true),
        ] {
            assert_eq!(selects(&selector, &labels), expect, "{selector}");
        }
    }

    #[test]
    fn unknown_fields_and_bad_text_are_refused() {
        let kinds = Kinds::built_in();
        let (_, pods) = kinds.named("Pod").unwrap();
        assert_eq!(Selector::parse(&pods, "", "spec.nonsense=1").unwrap_err().code, 400);
        assert_eq!(Selector::parse(&pods, "a in x)", "").unwrap_err().code, 400);
        assert_eq!(Selector::parse(&pods, "a b", "").unwrap_err().code, 400);
    }
}
