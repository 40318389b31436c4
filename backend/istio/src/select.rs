//! Which pods an object is for: by labels, and by what its kind means when it names none.
//!
//! An empty selector means opposite things: a Service without one has no pods, a policy without one is for
//! its whole namespace. So nothing here compares labels without being told which of the two is meant.

use crate::kinds::{Kind, Unsaid};
use crate::object::{Object, strings};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Labels by their names.
pub type Labels = BTreeMap<String, String>;

/// Which pods are chosen, among those that the object can be for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selects<'a> {
    /// None of them.
    Nothing,
    /// All of them.
    Everything,
    /// Those that have all of these labels.
    Labelled(Cow<'a, Labels>),
}

impl<'a> Selects<'a> {
    /// Labels, or what it means that there are none.
    pub fn of(labels: Option<&'a Labels>, unsaid: Unsaid) -> Self {
        Self::new(labels.map(Cow::Borrowed), unsaid)
    }

    fn new(labels: Option<Cow<'a, Labels>>, unsaid: Unsaid) -> Self {
        match labels.filter(|labels| !labels.is_empty()) {
            Some(labels) => Self::Labelled(labels),
            None if unsaid == Unsaid::Everything => Self::Everything,
            None => Self::Nothing,
        }
    }

    /// What gathers pods and has none without labels: a Service, a ServiceEntry.
    pub fn gathering(labels: &'a Labels) -> Self {
        Self::of(Some(labels), Unsaid::Nothing)
    }

    /// What narrows pods that are given anyway, and takes all of them without labels: a policy, a Sidecar, a
    /// subset.
    pub fn narrowing(labels: Option<&'a Labels>) -> Self {
        Self::of(labels, Unsaid::Everything)
    }

    /// Whether a pod with these labels is among them.
    pub fn takes(&self, labels: &Labels) -> bool {
        self.fits(|key| labels.get(key).map(String::as_str))
    }

    /// Whether a pod is among them, of which `label` tells each label.
    pub fn fits<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Labelled(wanted) => wanted.iter().all(|(key, value)| label(key) == Some(value)),
        }
    }

    /// The labels that it asks for, if it asks for some.
    pub fn labels(&self) -> Option<&Labels> {
        match self {
            Self::Labelled(labels) => Some(labels),
            Self::Nothing | Self::Everything => None,
        }
    }

    /// Whether it names pods itself: such a policy is the workload's, one for everything its namespace's or
    /// the mesh's.
    pub fn is_narrow(&self) -> bool {
        matches!(self, Self::Labelled(_))
    }
}

impl Kind {
    /// Which pods an object of this kind is for; `None` where the kind chooses none.
    pub fn selects(&self, object: &Object) -> Option<Selects<'static>> {
        let chooses = self.chooses?;
        Some(Selects::new(
            object.0.pointer(chooses.labels).map(|labels| Cow::Owned(strings(Some(labels)))),
            chooses.unsaid,
        ))
    }
}

/// Kubernetes' own selector, of Deployments and of namespaces: labels and conditions on labels, all of which
/// must hold. An empty one takes everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// Labels with just these values.
    pub match_labels: Labels,
    /// Conditions.
    pub match_expressions: Vec<Expression>,
}

/// A condition on one label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Expression {
    /// The label.
    pub key: String,
    /// In, NotIn, Exists or DoesNotExist; no label satisfies another one.
    pub operator: String,
    /// For In and NotIn.
    pub values: Vec<String>,
}

impl Expression {
    fn holds(&self, value: Option<&str>) -> bool {
        let among = |value: &str| self.values.iter().any(|one| one == value);
        match self.operator.as_str() {
            "In" => value.is_some_and(among),
            "NotIn" => !value.is_some_and(among),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }
}

impl LabelSelector {
    /// Whether something with these labels is chosen.
    pub fn takes<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.match_labels.iter().all(|(key, value)| label(key) == Some(value.as_str()))
            && self.match_expressions.iter().all(|one| one.holds(label(&one.key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds;
    use serde_json::json;

    fn labels(text: &str) -> Labels {
        let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn no_labels_mean_what_the_kind_means() {
        let pod = labels("app=reviews,version=v1");
        let none = Labels::new();
        assert!(!Selects::gathering(&none).takes(&pod));
        assert!(Selects::narrowing(Some(&none)).takes(&pod) && Selects::narrowing(None).takes(&pod));
        for (wanted, expect) in [
            ("app=reviews", true),
            ("app=reviews,version=v1", true),
            ("app=ratings", false),
            ("zone=a", false),
        ] {
            let wanted = labels(wanted);
            assert_eq!(Selects::gathering(&wanted).takes(&pod), expect, "{wanted:?}");
            assert_eq!(Selects::narrowing(Some(&wanted)).takes(&pod), expect, "{wanted:?}");
        }
    }

    #[test]
    fn every_kind_reads_its_own_selector() {
        let pod = labels("app=reviews");
        let check = |kind: &Kind, spec: serde_json::Value, expect: Option<bool>| {
            let object = Object::from(json!({ "spec": spec }));
            assert_eq!(kind.selects(&object).map(|selects| selects.takes(&pod)), expect, "{kind} {object:?}");
        };
        let ours = json!({ "app": "reviews" });
        let others = json!({ "app": "ratings" });
        let places: [(&Kind, &str); 10] = [
            (&kinds::SERVICE, "selector"),
            (&kinds::GATEWAY, "selector"),
            (&kinds::SIDECAR, "workloadSelector/labels"),
            (&kinds::ENVOY_FILTER, "workloadSelector/labels"),
            (&kinds::SERVICE_ENTRY, "workloadSelector/labels"),
            (&kinds::DESTINATION_RULE, "workloadSelector/matchLabels"),
            (&kinds::PEER_AUTHENTICATION, "selector/matchLabels"),
            (&kinds::AUTHORIZATION_POLICY, "selector/matchLabels"),
            (&kinds::REQUEST_AUTHENTICATION, "selector/matchLabels"),
            (&kinds::TELEMETRY, "selector/matchLabels"),
        ];
        for (kind, at) in places {
            let spec = |labels: &serde_json::Value| {
                let nest = |value, key: &str| json!({ key: value });
                at.rsplit('/').fold(labels.clone(), nest)
            };
            check(kind, spec(&ours), Some(true));
            check(kind, spec(&others), Some(false));
            let gathers = *kind == kinds::SERVICE || *kind == kinds::SERVICE_ENTRY;
            check(kind, json!({}), Some(!gathers));
            check(kind, spec(&json!({})), Some(!gathers));
        }
        check(&kinds::POD, json!({}), None);
        check(&kinds::VIRTUAL_SERVICE, json!({}), None);
    }

    #[test]
    fn label_selectors_ask_for_labels_and_expressions() {
        let labels = labels("app=a,tier=web");
        for (selector, expect) in [
            (json!({}), true),
            (json!({ "matchLabels": { "app": "a" } }), true),
            (json!({ "matchLabels": { "app": "b" } }), false),
            (json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["a", "b"] }] }), true),
            (json!({ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a"] }] }), false),
            (json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["a"] }] }), false),
            (json!({ "matchExpressions": [{ "key": "zone", "operator": "NotIn", "values": ["a"] }] }), true),
            (json!({ "matchExpressions": [{ "key": "zone", "operator": "Exists" }] }), false),
            (json!({ "matchExpressions": [{ "key": "zone", "operator": "DoesNotExist" }] }), true),
            (json!({ "matchExpressions": [{ "key": "app", "operator": "Like", "values": ["a"] }] }), false),
            (
                json!({ "matchLabels": { "app": "a" },
                        "matchExpressions": [{ "key": "tier", "operator": "DoesNotExist" }] }),
                false,
            ),
        ] {
            let read: LabelSelector = serde_json::from_value(selector.clone()).unwrap();
            assert_eq!(read.takes(|key| labels.get(key).map(String::as_str)), expect, "{selector}");
        }
    }
}
