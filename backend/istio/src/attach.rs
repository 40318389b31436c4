//! For which workloads a policy holds: those that its selector chooses, or what it names in `targetRefs`.

use crate::select::{Labels, Selects};
use crate::views::{
    AuthorizationPolicy, RequestAuthentication, Selector, Telemetry, WasmPlugin,
    gateway_api::GROUP as GATEWAY_API,
};
use serde_json::Value;

/// The label by which pods of a Gateway of the Gateway API name it.
pub const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";

/// What a policy of a namespace says of where it holds.
#[derive(Clone, Copy, Debug)]
pub struct Attached<'a> {
    /// The policy's namespace.
    pub namespace: &'a str,
    /// Which workloads.
    pub selector: Option<&'a Selector>,
    /// What it names, in the old form of one.
    pub target_ref: Option<&'a Value>,
    /// What it names; then its selector does not count.
    pub target_refs: &'a [Value],
}

/// A policy that says where it holds.
pub trait Attach {
    /// What one in this namespace says.
    fn attached<'a>(&'a self, namespace: &'a str) -> Attached<'a>;
}

macro_rules! attach {
    ($($policy:ty),*) => {
        $(impl Attach for $policy {
            fn attached<'a>(&'a self, namespace: &'a str) -> Attached<'a> {
                Attached {
                    namespace,
                    selector: self.selector.as_ref(),
                    target_ref: self.target_ref.as_ref(),
                    target_refs: &self.target_refs,
                }
            }
        })*
    };
}
attach!(AuthorizationPolicy, RequestAuthentication, Telemetry, WasmPlugin);

/// Something that a policy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// API group, "" for core.
    pub group: &'a str,
    /// "Gateway".
    pub kind: &'a str,
    /// Its name, in the policy's own namespace.
    pub name: &'a str,
}

impl Target<'_> {
    /// Whether it is a Gateway of the Gateway API.
    pub fn is_gateway(&self) -> bool {
        (self.group, self.kind) == (GATEWAY_API, "Gateway")
    }
}

impl<'a> Attached<'a> {
    /// What it names.
    pub fn targets(&self) -> impl Iterator<Item = Target<'a>> + use<'a> {
        self.target_ref.into_iter().chain(self.target_refs).map(|target| {
            let text = |key: &str| target.get(key).and_then(Value::as_str).unwrap_or_default();
            Target { group: text("group"), kind: text("kind"), name: text("name") }
        })
    }

    /// Which pods it chooses among those in reach, where it names nothing.
    pub fn selects(&self) -> Selects<'a> {
        Selects::narrowing(self.selector.map(|selector| &selector.match_labels))
    }

    /// Whether it holds for a workload. A policy of the root namespace holds in all of them. One that names a
    /// Gateway is for that Gateway's pods; one that names anything else is for waypoints.
    pub fn holds(&self, root: &str, namespace: &str, labels: &Labels) -> bool {
        let near = self.namespace == namespace;
        if self.targets().next().is_none() {
            return (near || self.namespace == root) && self.selects().takes(labels);
        }
        let serves = labels.get(GATEWAY_NAME).map(String::as_str);
        near && self.targets().any(|target| target.is_gateway() && serves == Some(target.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn where_a_policy_holds() {
        let labels = Labels::from([
            ("app".to_owned(), "web".to_owned()),
            (GATEWAY_NAME.to_owned(), "edge".to_owned()),
        ]);
        let check = |of: &str, spec: Value, expect: bool| {
            let policy: AuthorizationPolicy = serde_json::from_value(spec.clone()).unwrap();
            assert_eq!(policy.attached(of).holds("istio-system", "shop", &labels), expect, "{of}: {spec}");
        };
        let app = |app: &str| json!({ "selector": { "matchLabels": { "app": app } } });
        check("shop", json!({}), true);
        check("shop", json!({ "selector": { "matchLabels": {} } }), true);
        check("shop", app("web"), true);
        check("shop", app("api"), false);
        check("other", json!({}), false);
        check("other", app("web"), false);
        check("istio-system", json!({}), true);
        check("istio-system", app("web"), true);
        check("istio-system", app("api"), false);
        let gateway = |name: &str| json!({ "group": GATEWAY_API, "kind": "Gateway", "name": name });
        check("shop", json!({ "targetRefs": [gateway("edge")] }), true);
        check("shop", json!({ "targetRefs": [gateway("other"), gateway("edge")] }), true);
        check("shop", json!({ "targetRef": gateway("other") }), false);
        check("istio-system", json!({ "targetRef": gateway("edge") }), false);
        check("shop", json!({ "targetRef": { "group": "", "kind": "Service", "name": "edge" } }), false);
        let istios = json!({ "group": "networking.istio.io", "kind": "Gateway", "name": "edge" });
        check("shop", json!({ "targetRef": istios }), false);
    }
}
