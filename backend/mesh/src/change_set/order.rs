//! The order in which the objects of a change set are written: what others need comes first, and goes last.

use crate::change::{Edit, Step};
use serde_json::Value;
use std::collections::BTreeSet;

/// When a step is done, the earliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Hosts, ports and namespaces that routes refer to.
    Reachable,
    /// Subsets and policies of destinations.
    Destinations,
    /// Routes that others hand calls on to.
    Delegates,
    /// Routes.
    Routes,
    /// Destinations that lose what routes have used until now.
    Narrowed,
    /// Who is who: policies need it.
    Identity,
    /// Everything else.
    Policies,
    /// Which pods get a proxy.
    Injection,
    /// Pods: new ones find all that they are told.
    Pods,
    /// Deletions, in the opposite order.
    Gone(std::cmp::Reverse<u8>),
}

impl Turn {
    /// The turn of a step.
    pub fn of(step: &Step) -> Self {
        let turn = match step.at.kind.kind {
            "ServiceEntry" | "WorkloadEntry" | "WorkloadGroup" | "Gateway" | "Sidecar" => Self::Reachable,
            "DestinationRule" if narrows(step) => Self::Narrowed,
            "DestinationRule" => Self::Destinations,
            "VirtualService" if is_delegate(step) => Self::Delegates,
            "VirtualService" | "HTTPRoute" | "GRPCRoute" => Self::Routes,
            "RequestAuthentication" | "PeerAuthentication" => Self::Identity,
            "Namespace" => Self::Injection,
            _ if step.is_of_workload() => return Self::Pods,
            _ => Self::Policies,
        };
        if matches!(step.edit, Edit::Delete { .. }) { turn.gone() } else { turn }
    }

    fn gone(self) -> Self {
        Self::Gone(std::cmp::Reverse(match self {
            Self::Reachable => 0,
            Self::Destinations | Self::Narrowed => 1,
            Self::Delegates => 2,
            Self::Routes => 3,
            _ => 4,
        }))
    }

    /// Why it is that early or late, as a half sentence.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Reachable => "first, because routes refer to it",
            Self::Destinations => "before the routes that use its subsets",
            Self::Delegates => "before the VirtualService that hands calls on to it",
            Self::Routes => "after what it refers to",
            Self::Narrowed => "after the routes, which no longer use what it loses",
            Self::Identity => "after the routes and how destinations are called",
            Self::Policies => "after everything that it judges by",
            Self::Injection => "before the pods that it decides about",
            Self::Pods => "when all is there that new pods are told",
            Self::Gone(_) => "last, because nothing refers to it any more",
        }
    }
}

fn names(object: Option<&istio::Object>) -> BTreeSet<&str> {
    let subsets = object.and_then(|object| object.spec().get("subsets")).and_then(Value::as_array);
    subsets.into_iter().flatten().filter_map(|subset| subset.get("name")?.as_str()).collect()
}

/// Whether a DestinationRule loses subsets and gains none.
fn narrows(step: &Step) -> bool {
    let (before, after) = (names(step.before.as_ref()), names(step.after.as_ref()));
    step.before.is_some() && before != after && after.is_subset(&before)
}

/// A VirtualService without hosts is one that others delegate to.
fn is_delegate(step: &Step) -> bool {
    let object = step.after.as_ref().or(step.before.as_ref());
    object.is_some_and(|object| object.spec().get("hosts").is_none_or(|hosts| hosts == &Value::from([""; 0])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Ref};
    use istio::kinds;
    use serde_json::json;

    fn step(kind: &'static Kind, before: Option<Value>, after: Option<Value>) -> Step {
        let object = |spec: Value| istio::Object::from(json!({ "spec": spec }));
        let edit = match (&before, &after) {
            (Some(_), None) => Edit::Delete { uid: "u".into(), resource_version: None },
            _ => Edit::Create(Value::Null),
        };
        Step {
            at: Ref::new(kind, "shop", "a"),
            api_version: "v1".into(),
            edit,
            before: before.map(object),
            after: after.map(object),
        }
    }

    #[test]
    fn what_others_need_comes_first_and_goes_last() {
        let subsets = |names: &[&str]| json!({ "subsets": names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() });
        let routes = || json!({ "hosts": ["a"] });
        let mut steps = [
            step(&kinds::SERVICE_ENTRY, Some(json!({})), None),
            step(&kinds::VIRTUAL_SERVICE, Some(routes()), None),
            step(&kinds::AUTHORIZATION_POLICY, None, Some(json!({}))),
            step(&kinds::DESTINATION_RULE, Some(subsets(&["v1", "v2"])), Some(subsets(&["v1"]))),
            step(&kinds::VIRTUAL_SERVICE, None, Some(routes())),
            step(&kinds::VIRTUAL_SERVICE, None, Some(json!({ "http": [] }))),
            step(&kinds::DESTINATION_RULE, Some(subsets(&["v1"])), Some(subsets(&["v1", "v2"]))),
            step(&kinds::DESTINATION_RULE, Some(subsets(&["v1"])), None),
            step(&kinds::GATEWAY, None, Some(json!({}))),
        ];
        steps.sort_by_key(Turn::of);
        let order: Vec<String> = steps.iter().map(|step| format!("{:?}", Turn::of(step))).collect();
        assert_eq!(
            order,
            [
                "Reachable",
                "Destinations",
                "Delegates",
                "Routes",
                "Narrowed",
                "Policies",
                "Gone(Reverse(3))",
                "Gone(Reverse(1))",
                "Gone(Reverse(0))"
            ]
        );
        let kinds: Vec<&str> = steps[6..].iter().map(|step| step.at.kind.kind).collect();
        assert_eq!(kinds, ["VirtualService", "DestinationRule", "ServiceEntry"]);
    }
}
