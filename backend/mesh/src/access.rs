//! Who may call whom: all AuthorizationPolicies of a mesh held against pairs of workloads, and against the
//! calls that were measured.

use crate::edit::policy::{self, Read};
use crate::traffic::{Path, Peer, Protocol, Traffic};
use crate::{Mesh, Object, Ref, Workload, WorkloadId};
use istio::admit::{Call, Holds, Identity, admit};
use istio::kinds;
use istio::mtls::Mode;
use istio::views::AuthorizationPolicy;
use std::collections::{BTreeMap, BTreeSet};

/// As meshes are called that nobody gave a name.
const TRUST_DOMAIN: &str = "cluster.local";

/// Whether one may call another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum May {
    /// It may.
    Yes,
    /// It may not.
    No,
    /// Some of its calls may.
    Depends,
    /// Nobody can tell: policies may not be read.
    Unknown,
}

/// Whether one may call another, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it may.
    pub may: May,
    /// "DENY by AuthorizationPolicy web/no-ratings".
    pub why: String,
}

/// The policies of a mesh, as they are or as they would be.
pub struct Policies<'a> {
    mesh: &'a Mesh,
    all: Vec<Read<AuthorizationPolicy>>,
    /// Namespaces with one that cannot be read.
    odd: BTreeSet<String>,
}

impl<'a> Policies<'a> {
    /// Those that there are.
    pub fn of(mesh: &'a Mesh) -> Self {
        let all = policy::all(mesh, &kinds::AUTHORIZATION_POLICY);
        let read: BTreeSet<&Ref> = all.iter().map(|read: &Read<AuthorizationPolicy>| &read.at).collect();
        let there = mesh.objects().of_kind(&kinds::AUTHORIZATION_POLICY);
        let odd =
            there.filter(|(at, _)| !read.contains(at)).map(|(at, _)| at.namespace.to_string()).collect();
        Self { mesh, all, odd }
    }

    /// With one of them as it would be; `None`: it would be gone.
    #[must_use]
    pub fn with(mut self, at: &Ref, object: Option<&Object>) -> Self {
        self.all.retain(|read| read.at != *at);
        self.all.extend(object.and_then(|object| Read::of(at, object)));
        self
    }

    /// Whether a workload may call another one.
    pub fn may(&self, caller: &Workload, callee: &Workload) -> Answer {
        self.answer(&identity(caller, callee), TRUST_DOMAIN, callee, None)
    }

    /// The policy by which a workload may not call another one: one that denies it, or the first of those that
    /// do not let it in.
    pub fn refuses(&self, caller: &Workload, callee: &Workload) -> Option<&Ref> {
        if self.may(caller, callee).may != May::No {
            return None;
        }
        let holding = self.all.iter().filter(|read| !read.is_dry_run() && read.holds(self.mesh, callee));
        let refusing = |read: &&Read<AuthorizationPolicy>| {
            let alone = Self { mesh: self.mesh, all: vec![(*read).clone()], odd: BTreeSet::new() };
            alone.may(caller, callee).may == May::No
        };
        holding.filter(refusing).map(|read| &read.at).next()
    }

    fn answer(
        &self,
        identity: &Identity,
        trust_domain: &str,
        callee: &Workload,
        http: Option<bool>,
    ) -> Answer {
        let told = |may, why: &str| Answer { may, why: why.to_owned() };
        if !callee.pods.is_empty() && callee.pods.iter().all(|pod| !pod.sidecar) {
            return told(May::Yes, "no proxy is there that could refuse");
        }
        if *identity == Identity::Nobody && callee.mtls.0 == Mode::Strict {
            return told(May::No, "plain text, and mutual TLS is STRICT");
        }
        let near = [&*callee.namespace, self.mesh.root_namespace()];
        let unseen = near.iter().find_map(|of| self.mesh.unseen(&kinds::AUTHORIZATION_POLICY, of));
        if let Some(why) = unseen {
            return told(May::Unknown, &why.why);
        }
        if near.iter().any(|of| self.odd.contains(*of)) {
            return told(May::Unknown, "a policy cannot be read here");
        }
        let holding: Vec<&Read<AuthorizationPolicy>> =
            self.all.iter().filter(|read| !read.is_dry_run() && read.holds(self.mesh, callee)).collect();
        let mut ports: Vec<(Option<u32>, bool)> =
            ports(self.mesh, callee).into_iter().map(|(port, http)| (Some(port), http)).collect();
        if let Some(wanted) = http {
            ports.retain(|(_, http)| *http == wanted);
        }
        if ports.is_empty() {
            ports.push((None, http.unwrap_or(true)));
        }
        let each: Vec<Answer> = ports
            .into_iter()
            .map(|(port, http)| verdict(&holding, &Call::any(identity, trust_domain, port, http)))
            .collect();
        match each.split_first() {
            Some((first, more)) if more.iter().all(|other| other.may == first.may) => first.clone(),
            _ => told(May::Depends, "depends on the port"),
        }
    }
}

fn verdict(holding: &[&Read<AuthorizationPolicy>], call: &Call<'_>) -> Answer {
    let verdict = admit(holding, call);
    let by = verdict.by.map(|by| format!("AuthorizationPolicy {by}"));
    let (may, why) = match (verdict.may, by) {
        (Holds::Yes, None) => (May::Yes, "no policy refuses it".to_owned()),
        (Holds::Yes, Some(by)) => (May::Yes, format!("ALLOW by {by}")),
        (Holds::No, Some(by)) => (May::No, format!("DENY by {by}")),
        (Holds::No, None) => (May::No, "no ALLOW policy lets it in".to_owned()),
        (Holds::Depends(on), by) => {
            let on = on.into_iter().collect::<Vec<_>>().join(", ");
            (May::Depends, format!("depends on {on} ({})", by.unwrap_or_default()))
        }
    };
    Answer { may, why }
}

/// Who a workload is to another one.
fn identity(caller: &Workload, callee: &Workload) -> Identity {
    let bare = !caller.pods.is_empty() && caller.pods.iter().all(|pod| !pod.sidecar);
    if bare || callee.mtls.0 == Mode::Disable {
        return Identity::Nobody;
    }
    let account = if caller.service_account.is_empty() { "default" } else { &caller.service_account };
    Identity::Account { namespace: caller.namespace.to_string(), account: account.to_owned() }
}

/// Ports of a workload that services lead to, and whether its proxy reads requests there.
pub fn ports(mesh: &Mesh, workload: &Workload) -> BTreeMap<u32, bool> {
    let of = |at: &WorkloadId| at.namespace == workload.namespace && at.name == workload.name;
    let leading = mesh.services().filter(|service| service.workloads.iter().any(of));
    let ports = leading.flat_map(|service| &service.ports);
    let http = |protocol: istio::Protocol| protocol.is_http() || protocol == istio::Protocol::Auto;
    ports.map(|port| (port.target, http(port.protocol))).collect()
}

/// A caller and what it may.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Namespace and name of the caller.
    pub caller: (String, String),
    /// Whether it may call each of the called.
    pub may: Vec<Answer>,
}

/// Who may call whom.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Namespace and name of each that is called.
    pub called: Vec<(String, String)>,
    /// The callers.
    pub rows: Vec<Row>,
}

/// Every caller against every one that is called.
pub fn matrix(policies: &Policies<'_>, callers: &[&Workload], called: &[&Workload]) -> Matrix {
    let name = |workload: &&Workload| (workload.namespace.to_string(), workload.name.to_string());
    let row = |caller: &&Workload| Row {
        caller: name(caller),
        may: called.iter().map(|callee| policies.may(caller, callee)).collect(),
    };
    Matrix { called: called.iter().map(name).collect(), rows: callers.iter().map(row).collect() }
}

/// Measured calls that a change of policies would touch.
#[derive(Clone, Debug, PartialEq)]
pub struct Touched {
    /// Who calls, and whom.
    pub from: String,
    /// The called workload.
    pub to: String,
    /// Requests (or connections) per second.
    pub rps: f64,
    /// What is so now.
    pub was: May,
    /// What would be.
    pub now: Answer,
}

/// Measured calls of which `after` says something else than `before`, those that would be refused first.
pub fn touched(before: &Policies<'_>, after: &Policies<'_>, traffic: &Traffic) -> Vec<Touched> {
    let mesh = before.mesh;
    let mut found: Vec<Touched> = Vec::new();
    for (path, flow) in traffic.flows.iter().filter(|(_, flow)| flow.carries()) {
        let to = &path.destination;
        let Some(callee) = mesh.workload(&to.namespace, &to.workload) else { continue };
        let plain = flow.plaintext > 0.0 && flow.mutual_tls <= 0.0;
        let (identity, trust_domain) = measured(mesh, path, callee, plain);
        let http = Some(path.protocol != Protocol::Tcp);
        let of = |policies: &Policies<'_>| policies.answer(&identity, &trust_domain, callee, http);
        let (was, now) = (of(before), of(after));
        if was == now {
            continue;
        }
        let from = name(&path.source);
        match found.iter_mut().find(|one| one.from == from && one.to == *to.workload && one.now == now) {
            Some(one) => one.rps += flow.rps(),
            None => {
                found.push(Touched { from, to: to.workload.to_string(), rps: flow.rps(), was: was.may, now });
            }
        }
    }
    found.retain(|one| one.was != one.now.may);
    found.sort_by(|one, other| {
        let bad = |one: &Touched| one.now.may != May::No;
        bad(one).cmp(&bad(other)).then(other.rps.total_cmp(&one.rps))
    });
    found
}

fn name(peer: &Peer) -> String {
    if peer.workload.is_empty() || &*peer.workload == "unknown" {
        "an unknown caller".to_owned()
    } else {
        peer.workload.to_string()
    }
}

/// Who called, as telemetry tells it, and the trust domain.
pub(crate) fn measured(mesh: &Mesh, path: &Path, callee: &Workload, plain: bool) -> (Identity, String) {
    let own = || TRUST_DOMAIN.to_owned();
    if plain {
        return (Identity::Nobody, own());
    }
    let spiffe = path.source.principal.strip_prefix("spiffe://").and_then(|principal| {
        let (domain, rest) = principal.split_once("/ns/")?;
        let (namespace, account) = rest.split_once("/sa/")?;
        let (namespace, account) = (namespace.to_owned(), account.to_owned());
        Some((Identity::Account { namespace, account }, domain.to_owned()))
    });
    spiffe.unwrap_or_else(|| match mesh.workload(&path.source.namespace, &path.source.workload) {
        Some(caller) => (identity(caller, callee), own()),
        None => (Identity::Unknown, own()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;
    use serde_json::{Value, json};

    fn policy(name: &str, spec: Value) -> (Ref, Object) {
        let at = Ref::new(&kinds::AUTHORIZATION_POLICY, "bookinfo", name);
        let object = json!({ "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
            "metadata": { "namespace": "bookinfo", "name": name, "uid": "u", "resourceVersion": "1" }, "spec": spec });
        (at, object.into())
    }

    fn mesh(more: impl IntoIterator<Item = (Ref, Object)>) -> Mesh {
        let mut objects = demo::bookinfo_objects();
        objects.extend(more);
        Mesh::read(objects, None)
    }

    fn said(mesh: &Mesh, caller: &str, callee: &str) -> (May, String) {
        let of = |name: &str| mesh.workload("bookinfo", name).unwrap();
        let answer = Policies::of(mesh).may(of(caller), of(callee));
        (answer.may, answer.why)
    }

    #[test]
    fn callers_against_policies() {
        let account =
            demo::bookinfo().workload("bookinfo", "productpage-v1").unwrap().service_account.clone();
        let from = format!("cluster.local/ns/bookinfo/sa/{account}");
        let rules = json!([{ "from": [{ "source": { "principals": [from] } }],
            "to": [{ "operation": { "methods": ["GET"] } }] }]);
        let of = |app: &str, action: &str, rules: &Value| json!({ "selector": { "matchLabels": { "app": app } }, "action": action, "rules": rules });
        let mesh = mesh([
            policy("reviews", of("reviews", "ALLOW", &rules)),
            policy("ratings", of("ratings", "DENY", &json!([{}]))),
        ]);
        let (may, why) = said(&mesh, "productpage-v1", "reviews-v1");
        assert_eq!(
            (may, why.as_str()),
            (May::Depends, "depends on the method (AuthorizationPolicy bookinfo/reviews)")
        );
        assert_eq!(said(&mesh, "details-v1", "reviews-v1").1, "no ALLOW policy lets it in");
        let denied = (May::No, "DENY by AuthorizationPolicy bookinfo/ratings".to_owned());
        assert_eq!(said(&mesh, "reviews-v2", "ratings-v1"), denied);
        assert_eq!(said(&mesh, "reviews-v2", "details-v1").0, May::Yes);
        let all: Vec<&Workload> = mesh.workloads().filter(|one| &*one.namespace == "bookinfo").collect();
        let matrix = matrix(&Policies::of(&mesh), &all, &all);
        assert_eq!(matrix.rows.len(), matrix.called.len());
    }

    #[test]
    fn what_may_not_be_read_is_not_known() {
        let mut unseen = crate::Unseen::default();
        let why = istio::Problem::new("Policies cannot be read", "no right to list them", "Ask for it");
        unseen.hide(&kinds::AUTHORIZATION_POLICY, crate::Hidden { but: BTreeSet::new(), why });
        let mesh = demo::bookinfo().seeing_all_but(&std::sync::Arc::new(unseen));
        let expect = (May::Unknown, "no right to list them".to_owned());
        assert_eq!(said(&mesh, "productpage-v1", "reviews-v1"), expect);
        let odd = self::mesh([policy("odd", json!({ "rules": "none" }))]);
        assert_eq!(said(&odd, "productpage-v1", "reviews-v1").0, May::Unknown);
    }

    #[test]
    fn measured_callers_that_would_be_refused() {
        let (mesh, traffic) = (demo::bookinfo(), demo::bookinfo_traffic());
        let (at, object) = policy("ratings", json!({ "selector": { "matchLabels": { "app": "ratings" } } }));
        let after = Policies::of(&mesh).with(&at, Some(&object));
        let touched = touched(&Policies::of(&mesh), &after, &traffic);
        assert!(!touched.is_empty() && touched.iter().all(|one| one.to == "ratings-v1"), "{touched:?}");
        assert!(touched.iter().all(|one| (one.was, one.now.may) == (May::Yes, May::No)), "{touched:?}");
        assert!(super::touched(&Policies::of(&mesh), &Policies::of(&mesh), &traffic).is_empty());
    }
}
