//! AuthorizationPolicies: whose calls are let in, refused, noted or asked about.

use super::policy::{self, PolicyAt, Read};
pub use super::rule_words::{OPERATIONS, SOURCES, negated, rule_said};
use crate::evidence::{
    Acts, Claim, CountedCalls, Counting, Guards, Mark, Measure, Portion, RBAC, Want, Wanted, filters,
};
use crate::plan::Plan;
use crate::{Mesh, Object, Ref, Workload};
pub use istio::admit::Action;
use istio::kinds;
use istio::mtls::Mode;
use istio::views::{AuthorizationPolicy, AuthorizationRule, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The annotation of a policy that only counts what it would refuse.
pub const DRY_RUN: &str = "istio.io/dry-run";
/// Fields of rules that are written here; others stay as they are.
const KNOWN: [&str; 30] = [
    "from",
    "to",
    "when",
    "source",
    "operation",
    "key",
    "values",
    "notValues",
    "principals",
    "notPrincipals",
    "requestPrincipals",
    "notRequestPrincipals",
    "namespaces",
    "notNamespaces",
    "serviceAccounts",
    "notServiceAccounts",
    "ipBlocks",
    "notIpBlocks",
    "remoteIpBlocks",
    "notRemoteIpBlocks",
    "trustDomains",
    "notTrustDomains",
    "hosts",
    "notHosts",
    "ports",
    "notPorts",
    "methods",
    "notMethods",
    "paths",
    "notPaths",
];

/// What a policy says. Its rules are as they are written, with whatever no editor knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// "ALLOW".
    pub action: String,
    /// Who is asked, where the action is CUSTOM.
    pub provider: String,
    /// Whether it only counts.
    pub dry_run: bool,
    /// Its rules.
    pub rules: Vec<Value>,
}

impl Policy {
    /// What an object says.
    pub fn of(object: &Object) -> Self {
        let text = |path: &str| object.spec().pointer(path).and_then(Value::as_str).unwrap_or_default();
        let action = Some(text("/action")).filter(|action| !action.is_empty()).unwrap_or("ALLOW");
        let rules = object.spec().get("rules").and_then(Value::as_array).cloned();
        Self {
            action: action.to_owned(),
            provider: text("/provider/name").to_owned(),
            dry_run: is_dry_run(object),
            rules: rules.unwrap_or_default(),
        }
    }

    /// A new policy of an action, with one rule that says nothing yet; of ALLOW with none, which lets nobody
    /// in.
    pub fn new(action: Action) -> Self {
        let rule = json!({ "from": [{ "source": { "principals": [] } }] });
        let rule = if action == Action::Custom { json!({}) } else { rule };
        Self { action: action.name().to_owned(), provider: String::new(), dry_run: false, rules: vec![rule] }
    }

    /// What it does.
    pub fn acts(&self) -> Option<Action> {
        Action::read(Some(&self.action))
    }

    /// Whether a rule asks who calls, as mutual TLS proves it.
    pub fn asks_identity(&self) -> bool {
        let read = self.rules.iter().filter_map(|rule| serde_json::from_value(rule.clone()).ok());
        read.into_iter().any(|rule| of_identity(&rule))
    }

    /// A field of a rule that is begun and says nothing, of those that `was` has not.
    fn unsaid(&self, was: &[Value]) -> Option<String> {
        let changed = self.rules.iter().enumerate().filter(|(index, rule)| was.get(*index) != Some(rule));
        changed.into_iter().find_map(|(index, rule)| {
            let field = empty(rule)?;
            Some(format!("Nothing to push yet: {field} of rule {} has no value", index + 1))
        })
    }
}

/// A list without a value somewhere in a rule, by its name.
fn empty(value: &Value) -> Option<String> {
    match value {
        Value::Object(fields) => fields.iter().find_map(|(key, value)| match value {
            Value::Array(rows) if rows.is_empty() && KNOWN.contains(&key.as_str()) => Some(key.clone()),
            Value::String(text) if key == "key" && text.is_empty() => Some("key".to_owned()),
            value => empty(value),
        }),
        Value::Array(rows) => rows.iter().find_map(empty),
        _ => None,
    }
}

fn is_dry_run(object: &Object) -> bool {
    matches!(object.annotation(DRY_RUN), Some("true" | "True" | "TRUE" | "t" | "T" | "1"))
}

impl Read<AuthorizationPolicy> {
    /// What it does; `None` for an action that nobody knows.
    pub fn action(&self) -> Option<Action> {
        Action::read(self.spec.action.as_deref())
    }
    /// Whether it only counts.
    pub fn is_dry_run(&self) -> bool {
        is_dry_run(&self.object)
    }
}

/// Policies that concern these workloads, in the order in which Istio evaluates them.
pub fn policies(
    mesh: &Mesh,
    workloads: &[&Workload],
    service: Option<(&str, &str)>,
) -> Vec<Read<AuthorizationPolicy>> {
    let mut all = policy::concerning(mesh, &kinds::AUTHORIZATION_POLICY, workloads, service);
    all.sort_by_key(Read::action);
    all
}

/// Makes a policy say this, or (`None`) takes it away.
pub fn plan(plan: &mut Plan<'_>, at: &PolicyAt, wanted: Option<&Policy>) {
    let mesh = plan.mesh();
    let now = |at: &Ref| mesh.objects().get(at);
    let made = match (at, wanted) {
        (PolicyAt::Of(at), None) => {
            plan.delete(at);
            plan.title(format!("{at} is deleted"));
            at.clone()
        }
        (PolicyAt::New(_) | PolicyAt::For(_), None) => return,
        (PolicyAt::Of(at), Some(policy)) => {
            let Some(was) = now(at).map(Policy::of) else { return plan.gone() };
            if let Some(why) = policy.unsaid(&was.rules) {
                return plan.not_yet(why);
            }
            write(plan, at, &was, policy);
            plan.title(format!("{at}: {}", changed(&was, policy)));
            at.clone()
        }
        (PolicyAt::New(_) | PolicyAt::For(_), Some(policy)) => {
            if let Some(why) = policy.unsaid(&[]) {
                return plan.not_yet(why);
            }
            let mut spec = json!({ "action": policy.action });
            if policy.acts() == Some(Action::Custom) {
                spec["provider"] = json!({ "name": policy.provider });
            }
            if !policy.rules.is_empty() {
                spec["rules"] = policy.rules.clone().into();
            }
            let word = policy.action.to_lowercase();
            let whom = at.whom();
            let fresh = policy::made(plan, &kinds::AUTHORIZATION_POLICY, at, &word, spec);
            let Some(at) = fresh else { return plan.gone() };
            if policy.dry_run {
                plan.object(&at).set("metadata/annotations/istio.io~1dry-run", "true");
            }
            plan.title(format!("{whom}: {}", policy.said()));
            at
        }
    };
    let was = now(&made).cloned();
    evidence(plan, &made, was.as_ref());
}

pub(super) fn write(plan: &mut Plan<'_>, at: &Ref, was: &Policy, wanted: &Policy) {
    if was == wanted {
        return;
    }
    let mut object = plan.object(at);
    // What a rule does hangs on all the others: it is judged as a whole, and refused when any part moved.
    object.saw("spec");
    if was.action != wanted.action {
        object.set("spec/action", wanted.action.as_str());
    }
    if wanted.acts() != Some(Action::Custom) {
        if was.acts() == Some(Action::Custom) {
            object.within("spec").remove("provider");
        }
    } else if was.provider != wanted.provider {
        object.set("spec/provider/name", wanted.provider.as_str());
    }
    if was.dry_run != wanted.dry_run {
        let value = if wanted.dry_run { json!("true") } else { Value::Null };
        object.within("metadata/annotations").set("istio.io~1dry-run", value);
    }
    if was.rules != wanted.rules {
        if wanted.rules.is_empty() {
            object.within("spec").remove("rules");
        } else {
            policy::rows(&mut object, "spec/rules", &wanted.rules);
        }
    }
}

/// One side of a change: whom the policy guards, and what its rules are there.
struct Side<'a> {
    workloads: Vec<&'a Workload>,
    acts: Option<Acts>,
    rules: Vec<AuthorizationRule>,
}

impl<'a> Side<'a> {
    fn of(mesh: &'a Mesh, at: &Ref, object: Option<&Object>) -> Self {
        let read = object.and_then(|object| Read::<AuthorizationPolicy>::of(at, object));
        let acts = read.as_ref().and_then(|read| {
            let provider = read.spec.provider.as_ref().and_then(|provider| provider["name"].as_str());
            Some(Acts::of(read.action()?, read.is_dry_run(), provider.unwrap_or_default()))
        });
        let workloads = read.as_ref().map(|read| read.workloads(mesh)).unwrap_or_default();
        Self { workloads, acts, rules: read.map(|read| read.spec.rules).unwrap_or_default() }
    }

    /// What proxies show of it, beside what they show on the other side.
    fn claims(&self, at: &Ref, other: &Self) -> Vec<Claim> {
        let claim = |proxies: Vec<String>, guards| filters(proxies, &RBAC).wants(Want::Guards(guards));
        let mut all = Vec::new();
        if let Some(acts) = &self.acts {
            let guards = Guards::of(at, acts.clone(), &self.rules, &other.rules);
            all.push(claim(policy::proxies(&self.workloads), guards));
        }
        let mut left = policy::proxies(&other.workloads);
        let here = policy::proxies(&self.workloads);
        left.retain(|proxy| !here.contains(proxy));
        all.push(claim(left, Guards::none(at)));
        all
    }
}

pub(super) fn evidence(plan: &mut Plan<'_>, at: &Ref, was: Option<&Object>) {
    let mesh = plan.mesh();
    let after = plan.object_after(at);
    let (now, was) = (Side::of(mesh, at, after.as_ref()), Side::of(mesh, at, was));
    plan.claims(now.claims(at, &was), was.claims(at, &now));
    let guarded: Vec<(String, String)> = now
        .workloads
        .iter()
        .chain(&was.workloads)
        .map(|workload| (workload.namespace.to_string(), workload.name.to_string()))
        .collect();
    let measure = (!guarded.is_empty()).then(|| {
        let refused = Portion::new("refused (403)", Mark::Code("403".to_owned()), Wanted::Any);
        Measure::Counted(Counting::new(CountedCalls::At(guarded), vec![refused]))
    });
    plan.measures(measure.clone(), measure);
    if let Some(read) = after.and_then(|object| Read::of(at, &object)) {
        warnings(mesh, &read).into_iter().for_each(|told| plan.warn(told));
    }
}

/// What a user should know of a policy before it is pushed.
pub fn warnings(mesh: &Mesh, policy: &Read<AuthorizationPolicy>) -> Vec<String> {
    let guarded = policy.workloads(mesh);
    let Some(action) = policy.action() else { return Vec::new() };
    let mut told = Vec::new();
    let whom = policy::for_whom(&policy.attached(), mesh.root_namespace());
    if action == Action::Allow && policy.spec.rules.is_empty() {
        told.push(format!("ALLOW without a rule refuses all calls to {whom}"));
    }
    let waypoints = policy.attached().targets().any(|target| !target.is_gateway());
    if waypoints {
        told.push(format!("{} is for waypoints; sidecars do not look at it", policy.at));
    }
    let bytes: Vec<&str> =
        guarded.iter().filter(|one| !bytes(mesh, one).is_empty()).map(|one| &*one.name).collect();
    if policy.spec.rules.iter().any(of_requests) && !bytes.is_empty() {
        let what = match action {
            Action::Deny => "the rest of such a rule counts, and may refuse every connection",
            Action::Allow => "such a rule lets no connection in",
            Action::Audit | Action::Custom => "such a rule takes no connection",
        };
        told.push(format!(
            "Ports of {} carry bytes, not requests: without method, host, path and token {what}",
            some(&bytes)
        ));
    }
    let plain: Vec<&str> =
        guarded.iter().filter(|one| one.mtls.0 == Mode::Disable).map(|one| &*one.name).collect();
    if policy.spec.rules.iter().any(of_identity) && !plain.is_empty() {
        told.push(format!("{} takes plain text only: no caller has an identity there", some(&plain)));
    }
    told
}

fn some(names: &[&str]) -> String {
    let more = names.len().saturating_sub(3);
    let first = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// Ports of a workload on which its proxy passes bytes on.
fn bytes(mesh: &Mesh, workload: &Workload) -> Vec<u32> {
    crate::access::ports(mesh, workload).into_iter().filter(|(_, http)| !http).map(|(port, _)| port).collect()
}

/// Whether a rule asks for something that only requests have.
fn of_requests(rule: &AuthorizationRule) -> bool {
    let source =
        |source: &Source| !source.request_principals.is_empty() || !source.not_request_principals.is_empty();
    rule.from.iter().any(|from| source(&from.source))
        || rule.to.iter().map(|to| &to.operation).any(|operation| {
            let lists = [&operation.hosts, &operation.methods, &operation.paths];
            let not = [&operation.not_hosts, &operation.not_methods, &operation.not_paths];
            lists.iter().chain(&not).any(|list| !list.is_empty())
        })
        || rule.when.iter().any(|when| when.key.starts_with("request."))
}

/// Whether a rule asks who calls, as mutual TLS proves it.
pub fn of_identity(rule: &AuthorizationRule) -> bool {
    let source = |source: &Source| {
        let lists = [&source.principals, &source.namespaces, &source.service_accounts, &source.trust_domains];
        let not = [
            &source.not_principals,
            &source.not_namespaces,
            &source.not_service_accounts,
            &source.not_trust_domains,
        ];
        lists.iter().chain(&not).any(|list| !list.is_empty())
    };
    const KEYS: [&str; 4] =
        ["source.namespace", "source.principal", "source.serviceAccount", "source.trustDomain"];
    rule.from.iter().any(|from| source(&from.source))
        || rule.when.iter().any(|when| KEYS.contains(&when.key.as_str()))
}

impl Policy {
    /// In a sentence: "DENY calls from web/front to GET /admin*".
    pub fn said(&self) -> String {
        let what = match self.acts() {
            Some(Action::Custom) => format!("CUSTOM (asks {})", self.provider),
            _ => self.action.clone(),
        };
        let dry = if self.dry_run { ", as a dry run" } else { "" };
        match self.rules.as_slice() {
            [] => format!("{what} nothing{dry}"),
            [rule] => format!("{what} {}{dry}", rule_said(rule)),
            [rule, more @ ..] => format!("{what} {}, or {} more{dry}", rule_said(rule), more.len()),
        }
    }
}

/// What is another now.
fn changed(was: &Policy, now: &Policy) -> String {
    let mut said = Vec::new();
    if was.action != now.action || was.provider != now.provider {
        said.push(format!("{} becomes {}", was.action, now.said()));
    } else if was.rules != now.rules {
        said.push(now.said());
    }
    match (was.dry_run, now.dry_run) {
        (false, true) => said.push("a dry run from now on".to_owned()),
        (true, false) => said.push("in force, no dry run any more".to_owned()),
        _ => {}
    }
    said.join("; ")
}
