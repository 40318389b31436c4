//! Mutual TLS on the inbound side: which PeerAuthentication holds for a workload and its ports.

use crate::precedence::{Config, by_age};
use crate::select::{Labels, Selects};
use crate::views::{Mtls, PeerAuthentication};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What the inbound side takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// Mutual TLS only.
    Strict,
    /// Mutual TLS and plaintext.
    Permissive,
    /// Plaintext only.
    Disable,
}

impl Mode {
    /// All of them, the strictest first.
    pub const ALL: [Self; 3] = [Self::Strict, Self::Permissive, Self::Disable];

    /// As Istio writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "STRICT",
            Self::Permissive => "PERMISSIVE",
            Self::Disable => "DISABLE",
        }
    }
    /// The mode of this name; `None` for UNSET.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }
    /// The stated mode, `None` where it is left to the wider scope.
    pub fn stated(mtls: Option<&Mtls>) -> Option<Self> {
        Self::named(mtls?.mode.as_deref()?)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The PeerAuthentications of a mesh. A workload's counts more than its namespace's, that more than the
/// mesh's; of several in one scope only the oldest counts, and where it states no mode the wider scope is
/// asked.
#[derive(Clone, Debug)]
pub struct Policies<'a, C> {
    root: &'a str,
    by_namespace: BTreeMap<String, Vec<C>>,
}

impl<'a, C: Config<Spec = PeerAuthentication>> Policies<'a, C> {
    /// Those of a mesh with this root namespace.
    pub fn new(root: &'a str, all: impl IntoIterator<Item = C>) -> Self {
        let mut by_namespace: BTreeMap<String, Vec<C>> = BTreeMap::new();
        for one in all {
            by_namespace.entry(one.namespace().to_owned()).or_default().push(one);
        }
        by_namespace.values_mut().for_each(|list| list.sort_by(by_age));
        Self { root, by_namespace }
    }

    fn find(&self, namespace: &str, holds: impl Fn(Selects<'_>) -> bool) -> Option<&C> {
        self.by_namespace.get(namespace)?.iter().find(|one| holds(selects(one.spec())))
    }

    /// The policy for the whole mesh.
    pub fn of_mesh(&self) -> Option<&C> {
        self.of_namespace(self.root)
    }

    /// The policy for all workloads of a namespace (or, in the root namespace, of the mesh).
    pub fn of_namespace(&self, namespace: &str) -> Option<&C> {
        self.find(namespace, |selects| !selects.is_narrow())
    }

    /// The policy that selects a workload of these labels. One of the root namespace selects only there.
    pub fn of_workload(&self, namespace: &str, labels: &Labels) -> Option<&C> {
        self.find(namespace, |selects| selects.is_narrow() && selects.takes(labels))
    }

    /// The mode in force for a workload, and the policy that states it; without one both are taken.
    pub fn mode(&self, namespace: &str, labels: &Labels) -> (Mode, Option<&C>) {
        let scopes = [self.of_workload(namespace, labels), self.of_namespace(namespace), self.of_mesh()];
        let stated = scopes
            .into_iter()
            .flatten()
            .find_map(|one| Some((Mode::stated(one.spec().mtls.as_ref())?, Some(one))));
        stated.unwrap_or((Mode::Permissive, None))
    }

    /// The mode in force for one port of a workload, as inside the pod: what the workload's own policy says
    /// of the port, else the workload's mode.
    pub fn mode_at(&self, namespace: &str, labels: &Labels, port: u16) -> (Mode, Option<&C>) {
        let own = self.of_workload(namespace, labels);
        let stated = own.and_then(|one| Mode::stated(one.spec().port_level_mtls.get(&port.to_string())));
        stated.map_or_else(|| self.mode(namespace, labels), |mode| (mode, own))
    }
}

fn selects(policy: &PeerAuthentication) -> Selects<'_> {
    Selects::narrowing(policy.selector.as_ref().map(|selector| &selector.match_labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precedence::tests::Made;
    use serde_json::{Value, json};

    fn policy(at: &'static str, created: &'static str, spec: Value) -> Made<PeerAuthentication> {
        Made::new(at, created, spec)
    }

    /// What is in force for app web of namespace demo, and the name of who says so.
    #[track_caller]
    fn check(
        policies: &[Made<PeerAuthentication>],
        expect: (Mode, Option<&str>),
        at_8080: (Mode, Option<&str>),
    ) {
        let labels = Labels::from([("app".to_owned(), "web".to_owned())]);
        let policies = Policies::new("istio-system", policies);
        let told = |(mode, by): (Mode, Option<&&Made<PeerAuthentication>>)| (mode, by.map(|one| one.name));
        assert_eq!(told(policies.mode("demo", &labels)), expect);
        assert_eq!(told(policies.mode_at("demo", &labels, 8080)), at_8080);
    }

    #[test]
    fn the_narrower_scope_wins_and_unset_asks_the_wider() {
        use Mode::{Disable, Permissive, Strict};
        let mode = |mode: &str| json!({ "mtls": { "mode": mode } });
        let web =
            |mode: &str| json!({ "selector": { "matchLabels": { "app": "web" } }, "mtls": { "mode": mode } });
        let same = |policies: &[_], expect| check(policies, expect, expect);
        same(&[], (Permissive, None));
        same(&[policy("istio-system/mesh", "1", mode("STRICT"))], (Strict, Some("mesh")));
        same(&[policy("other/ns", "1", mode("STRICT"))], (Permissive, None));
        same(&[policy("istio-system/web", "1", web("STRICT"))], (Permissive, None));
        let mesh = || policy("istio-system/mesh", "1", mode("STRICT"));
        same(&[mesh(), policy("demo/ns", "2", mode("DISABLE"))], (Disable, Some("ns")));
        same(&[mesh(), policy("demo/ns", "2", mode("UNSET"))], (Strict, Some("mesh")));
        same(&[mesh(), policy("demo/ns", "2", json!({}))], (Strict, Some("mesh")));
        same(&[mesh(), policy("demo/web", "2", web("PERMISSIVE"))], (Permissive, Some("web")));
        same(&[mesh(), policy("demo/web", "2", web("UNSET"))], (Strict, Some("mesh")));
        same(
            &[policy("demo/new", "2", mode("DISABLE")), policy("demo/old", "1", mode("STRICT"))],
            (Strict, Some("old")),
        );
        let hides = [policy("demo/old", "1", mode("UNSET")), policy("demo/new", "2", mode("STRICT"))];
        same(&hides, (Permissive, None));
        let empty = json!({ "selector": { "matchLabels": {} }, "mtls": { "mode": "STRICT" } });
        same(&[policy("demo/empty", "1", empty)], (Strict, Some("empty")));
    }

    #[test]
    fn a_port_has_a_mode_of_its_own() {
        use Mode::{Disable, Strict};
        let ports = |mode: &str, more: Value| {
            let mut spec =
                json!({ "portLevelMtls": { "8080": { "mode": mode } }, "mtls": { "mode": "STRICT" } });
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            spec
        };
        let web = json!({ "selector": { "matchLabels": { "app": "web" } } });
        let own = policy("demo/web", "1", ports("DISABLE", web.clone()));
        check(&[own], (Strict, Some("web")), (Disable, Some("web")));
        let unset = policy("demo/web", "1", ports("UNSET", web));
        check(&[unset], (Strict, Some("web")), (Strict, Some("web")));
        let without_selector = policy("demo/ns", "1", ports("DISABLE", json!({})));
        check(&[without_selector], (Strict, Some("ns")), (Strict, Some("ns")));
    }
}
