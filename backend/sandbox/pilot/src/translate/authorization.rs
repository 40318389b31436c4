//! AuthorizationPolicy: who may call what, as Envoy's RBAC filters in the order AUDIT, DENY, ALLOW.
//!
//! What cannot be decided here makes a policy stricter, as istiod does with HTTP conditions on TCP ports: such a rule of
//! an ALLOW policy allows nothing, and a DENY policy denies by the rest of its rule.

use super::Target;
use super::support::not_yet;
use crate::registry::{Config, ROOT_NAMESPACE, selects};
use mesh::istio::{AuthorizationPolicy, AuthorizationRule, Condition, Operation, Source};
use serde_json::{Map, Value, json};

/// What a filter sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Requests.
    Http,
    /// Connections.
    Bytes,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Audit,
    Deny,
    Allow,
}

impl Action {
    fn of(policy: &AuthorizationPolicy) -> Option<Self> {
        match policy.action.as_deref() {
            None | Some("" | "ALLOW") => Some(Self::Allow),
            Some("DENY") => Some(Self::Deny),
            Some("AUDIT") => Some(Self::Audit),
            Some(_) => None, // CUSTOM: named by `without_effect`
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Audit => "LOG",
            Self::Deny => "DENY",
            Self::Allow => "ALLOW",
        }
    }
}

/// The filters that guard a port of the workload.
pub(crate) fn filters(target: &Target<'_>, port: u16, layer: Layer) -> Vec<Value> {
    let holds = |policy: &&Config<AuthorizationPolicy>| {
        let labels = policy.spec.selector.as_ref().map(|selector| &selector.match_labels);
        (policy.namespace == ROOT_NAMESPACE || policy.namespace == target.workload.namespace)
            && policy.spec.target_ref.is_none()
            && policy.spec.target_refs.is_empty()
            && labels.is_none_or(|labels| selects(labels, &target.workload.labels))
    };
    let policies: Vec<_> = target.registry.authorization_policies.iter().filter(holds).collect();
    [Action::Audit, Action::Deny, Action::Allow]
        .into_iter()
        .filter_map(|action| filter(&policies, Scope { action, port, layer }))
        .collect()
}

#[derive(Clone, Copy)]
struct Scope {
    action: Action,
    port: u16,
    layer: Layer,
}

fn filter(policies: &[&Config<AuthorizationPolicy>], scope: Scope) -> Option<Value> {
    let (mut rules, mut shadow) = (Map::new(), Map::new());
    for policy in policies.iter().filter(|policy| Action::of(&policy.spec) == Some(scope.action)) {
        let dry_run = policy.object.annotation("istio.io/dry-run") == Some("true");
        let into = if dry_run { &mut shadow } else { &mut rules };
        let name = |index: usize| format!("ns[{}]-policy[{}]-rule[{index}]", policy.namespace, policy.name);
        if policy.spec.rules.is_empty() && scope.action == Action::Allow {
            into.insert(name(0), json!({"permissions": [never("rule")], "principals": [never("id")]}));
        }
        for (index, rule) in policy.spec.rules.iter().enumerate() {
            into.insert(name(index), scope.rule(rule, &policy.namespace));
        }
    }
    let short = if scope.layer == Layer::Http { "http" } else { "network" };
    let mut config = json!({"@type": format!("type.googleapis.com/envoy.extensions.filters.{short}.rbac.v3.RBAC")});
    if scope.layer == Layer::Bytes {
        config["stat_prefix"] = json!("tcp.");
    }
    let some = |policies: Map<String, Value>| json!({"action": scope.action.name(), "policies": policies});
    if rules.is_empty() && shadow.is_empty() {
        return None;
    }
    if !rules.is_empty() {
        config["rules"] = some(rules);
    }
    if !shadow.is_empty() {
        config["shadow_rules"] = some(shadow);
        let word = if scope.action == Action::Deny { "deny" } else { "allow" };
        config["shadow_rules_stat_prefix"] = json!(format!("istio_dry_run_{word}_"));
    }
    Some(json!({"name": format!("envoy.filters.{short}.rbac"), "typed_config": config}))
}

fn always() -> Value {
    json!({"any": true})
}

/// `rule` among permissions, `id` among principals.
fn never(word: &str) -> Value {
    json!({format!("not_{word}"): always()})
}

fn all(word: &str, mut list: Vec<Value>) -> Value {
    match list.len() {
        0 => always(),
        1 => list.remove(0),
        _ => json!({format!("and_{word}s"): {format!("{word}s"): list}}),
    }
}

fn any(word: &str, list: Vec<Value>) -> Value {
    json!({format!("or_{word}s"): {format!("{word}s"): list}})
}

impl Scope {
    /// For what cannot be decided: see the module's words.
    fn undecidable(self, word: &str) -> Value {
        if self.action == Action::Deny { always() } else { never(word) }
    }

    /// `values` and `notValues` of one field.
    fn field(self, word: &str, into: &mut Vec<Value>, values: &[String], not: &[String], of: impl Fn(&str) -> Option<Value>) {
        let each = |values: &[String]| values.iter().map(|value| of(value)).collect::<Option<Vec<_>>>();
        if !values.is_empty() {
            into.push(each(values).map_or_else(|| self.undecidable(word), |list| any(word, list)));
        }
        if !not.is_empty() {
            let unless = |list| json!({format!("not_{word}"): any(word, list)});
            into.push(each(not).map_or_else(|| self.undecidable(word), unless));
        }
    }

    fn rule(self, rule: &AuthorizationRule, namespace: &str) -> Value {
        let (mut permission_conditions, mut principal_conditions) = (Vec::new(), Vec::new());
        for condition in &rule.when {
            self.condition(condition, namespace, &mut permission_conditions, &mut principal_conditions);
        }
        let permission = |operation: &Operation| {
            let mut list = self.operation(operation);
            list.extend(permission_conditions.clone());
            all("rule", list)
        };
        let principal = |source: &Source| {
            let mut list = self.source(source, namespace);
            list.extend(principal_conditions.clone());
            all("id", list)
        };
        let permissions: Vec<Value> = match rule.to.as_slice() {
            [] => vec![permission(&Operation::default())],
            to => to.iter().map(|to| permission(&to.operation)).collect(),
        };
        let principals: Vec<Value> = match rule.from.as_slice() {
            [] => vec![principal(&Source::default())],
            from => from.iter().map(|from| principal(&from.source)).collect(),
        };
        json!({"permissions": permissions, "principals": principals})
    }

    fn http(self, value: Value) -> Option<Value> {
        (self.layer == Layer::Http).then_some(value)
    }

    /// The port is known here: there is a listener for each.
    fn port(self, value: &str) -> Option<Value> {
        let port: u16 = value.parse().ok()?;
        Some(if port == self.port { always() } else { never("rule") })
    }

    fn operation(self, operation: &Operation) -> Vec<Value> {
        let mut list = Vec::new();
        let header = |name: &'static str, fold: bool| move |value: &str| self.http(json!({"header": header(name, value, fold)}));
        self.field("rule", &mut list, &operation.hosts, &operation.not_hosts, header(":authority", true));
        self.field("rule", &mut list, &operation.methods, &operation.not_methods, header(":method", false));
        self.field("rule", &mut list, &operation.ports, &operation.not_ports, |value| self.port(value));
        let path = |value: &str| self.http(json!({"url_path": {"path": path(value)}}));
        self.field("rule", &mut list, &operation.paths, &operation.not_paths, path);
        list
    }

    fn source(self, source: &Source, namespace: &str) -> Vec<Value> {
        let mut list = Vec::new();
        let account = |value: &str| Some(service_account(value, namespace));
        self.field("id", &mut list, &source.principals, &source.not_principals, |value| Some(principal(value)));
        self.field("id", &mut list, &source.namespaces, &source.not_namespaces, |value| Some(of_namespace(value)));
        self.field("id", &mut list, &source.service_accounts, &source.not_service_accounts, account);
        let unknown = |_: &str| None;
        self.field("id", &mut list, &source.request_principals, &source.not_request_principals, unknown);
        self.field("id", &mut list, &source.ip_blocks, &source.not_ip_blocks, unknown);
        self.field("id", &mut list, &source.remote_ip_blocks, &source.not_remote_ip_blocks, unknown);
        list
    }

    fn condition(self, condition: &Condition, namespace: &str, permissions: &mut Vec<Value>, principals: &mut Vec<Value>) {
        let (values, not) = (&condition.values, &condition.not_values);
        let sni = |value: &str| Some(json!({"requested_server_name": text(value, false)}));
        match condition.key.as_str() {
            "destination.port" => self.field("rule", permissions, values, not, |value| self.port(value)),
            "connection.sni" => self.field("rule", permissions, values, not, sni),
            "source.namespace" => self.field("id", principals, values, not, |value| Some(of_namespace(value))),
            "source.principal" => self.field("id", principals, values, not, |value| Some(principal(value))),
            "source.serviceAccount" => {
                self.field("id", principals, values, not, |value| Some(service_account(value, namespace)));
            }
            key => {
                let name = request_header(key);
                let of = |value: &str| self.http(json!({"header": header(name?, value, false)}));
                self.field("id", principals, values, not, of);
            }
        }
    }
}

fn request_header(key: &str) -> Option<&str> {
    key.strip_prefix("request.headers[")?.strip_suffix(']')
}

/// `exact`, `prefix*`, `*suffix`, or `*` for anything that is there.
fn text(value: &str, fold: bool) -> Value {
    let mut matcher = match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(""), _) => return json!({"safe_regex": {"regex": ".+"}}),
        (Some(suffix), _) => json!({"suffix": suffix}),
        (_, Some(prefix)) => json!({"prefix": prefix}),
        _ => json!({"exact": value}),
    };
    if fold {
        matcher["ignore_case"] = json!(true);
    }
    matcher
}

fn header(name: &str, value: &str, fold: bool) -> Value {
    if value == "*" {
        json!({"name": name, "present_match": true})
    } else {
        json!({"name": name, "string_match": text(value, fold)})
    }
}

/// Templates have `{*}` for one part of a path and `{**}` for any number.
fn path(value: &str) -> Value {
    if !value.contains("{*}") && !value.contains("{**}") {
        return text(value, false);
    }
    let pieces = value.split("{**}").map(|piece| piece.split("{*}").map(quoted).collect::<Vec<_>>().join("[^/]+"));
    json!({"safe_regex": {"regex": pieces.collect::<Vec<_>>().join(".*")}})
}

/// Text that means itself in a regular expression.
fn quoted(text: &str) -> String {
    regex::escape(text)
}

fn authenticated(name: Value) -> Value {
    json!({"authenticated": {"principal_name": name}})
}

/// `cluster.local/ns/bookinfo/sa/default`, without the scheme that certificates have.
fn principal(value: &str) -> Value {
    authenticated(match value.strip_prefix('*') {
        Some(_) => text(value, false),
        None => text(&format!("spiffe://{value}"), false),
    })
}

fn of_namespace(value: &str) -> Value {
    let name = value.split('*').map(quoted).collect::<Vec<_>>().join(".*");
    authenticated(json!({"safe_regex": {"regex": format!(".*/ns/{name}/.*")}}))
}

/// `account` of the policy's own namespace, or `namespace/account`.
fn service_account(value: &str, namespace: &str) -> Value {
    let (namespace, account) = value.split_once('/').unwrap_or((namespace, value));
    let regex = format!("spiffe://.+/ns/{}/(.+/|)sa/{}(/.+)?", quoted(namespace), quoted(account));
    authenticated(json!({"safe_regex": {"regex": regex}}))
}

/// The parts of a policy that cannot be decided here.
pub(crate) fn without_effect(policy: &AuthorizationPolicy) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(action @ ("CUSTOM" | "UNKNOWN")) = policy.action.as_deref() {
        found.push(not_yet(&format!("action {action}")));
    }
    if policy.target_ref.is_some() || !policy.target_refs.is_empty() {
        found.push(not_yet("targetRefs"));
    }
    for rule in &policy.rules {
        for source in rule.from.iter().map(|from| &from.source) {
            let lists = [
                ("requestPrincipals", !source.request_principals.is_empty() || !source.not_request_principals.is_empty()),
                ("ipBlocks", !source.ip_blocks.is_empty() || !source.not_ip_blocks.is_empty()),
                ("remoteIpBlocks", !source.remote_ip_blocks.is_empty() || !source.not_remote_ip_blocks.is_empty()),
            ];
            found.extend(lists.iter().filter(|(_, there)| *there).map(|(name, _)| stricter(name)));
        }
        let known = ["destination.port", "connection.sni", "source.namespace", "source.principal", "source.serviceAccount"];
        let keys = rule.when.iter().map(|condition| condition.key.as_str());
        found.extend(keys.filter(|key| !known.contains(key) && request_header(key).is_none()).map(stricter));
    }
    found
}

fn stricter(part: &str) -> String {
    format!("{part} cannot be decided in the sandbox: the rule is taken as stricter")
}
