//! The rules of an AuthorizationPolicy as Envoy's RBAC: what is called as permissions, who calls as
//! principals.
//!
//! What cannot be decided makes a rule stricter, as istiod does with HTTP conditions on TCP ports: such a
//! rule of an ALLOW policy allows nothing, and a DENY policy denies by the rest of its rule.

use super::action::{Action, Layer};
use super::addresses::Block;
use super::jwt;
use super::text::text;
use crate::identity::TRUST_DOMAIN;
use crate::registry::Config;
use crate::translate::envoy::merge;
use istio::admit::patterns::{self, bracketed};
use istio::views::{AuthorizationPolicy, AuthorizationRule, Condition, Operation, Source};
use serde_json::{Value, json};
use std::net::IpAddr;

/// For which filter rules are written.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) action: Action,
    pub(crate) layer: Layer,
    /// The workload's port and address: there is a listener for each.
    pub(crate) port: u16,
    pub(crate) address: Option<IpAddr>,
    /// Other names of the mesh's trust domain.
    pub(crate) aliases: &'a [String],
}

/// Conditions of one rule; all of a list must hold.
#[derive(Clone, Default)]
struct Conditions {
    permissions: Vec<Value>,
    principals: Vec<Value>,
}

fn always() -> Value {
    json!({"any": true})
}

/// `rule` among permissions, `id` among principals.
pub(crate) fn never(word: &str) -> Value {
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

impl Scope<'_> {
    /// One rule as a policy of RBAC.
    pub(crate) fn rule(self, rule: &AuthorizationRule, namespace: &str) -> Value {
        let mut when = Conditions::default();
        for condition in &rule.when {
            self.condition(condition, namespace, &mut when);
        }
        let permission = |operation: &Operation| {
            all("rule", [self.operation(operation), when.permissions.clone()].concat())
        };
        let principal =
            |source: &Source| all("id", [self.source(source, namespace), when.principals.clone()].concat());
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

    /// For what cannot be decided: see the module's words.
    fn undecidable(self, word: &str) -> Value {
        if self.action == Action::Deny { always() } else { never(word) }
    }

    /// `values` and `notValues` of one field.
    fn field(
        self,
        word: &str,
        into: &mut Vec<Value>,
        values: &[String],
        not: &[String],
        of: impl Fn(&str) -> Option<Value>,
    ) {
        let each = |values: &[String]| values.iter().map(|value| of(value)).collect::<Option<Vec<_>>>();
        if !values.is_empty() {
            into.push(each(values).map_or_else(|| self.undecidable(word), |list| any(word, list)));
        }
        if !not.is_empty() {
            let unless = |list| json!({format!("not_{word}"): any(word, list)});
            into.push(each(not).map_or_else(|| self.undecidable(word), unless));
        }
    }

    fn http(self, value: Value) -> Option<Value> {
        (self.layer == Layer::Http).then_some(value)
    }

    /// Decided here, since listeners have other ports than pods; the port is named as istiod names it, so
    /// that people and programs see which one a rule is about.
    fn port(self, value: &str) -> Option<Value> {
        let port: u16 = value.parse().ok()?;
        let named = json!({"destination_port": port});
        Some(if port == self.port {
            any("rule", vec![always(), named])
        } else {
            all("rule", vec![never("rule"), named])
        })
    }

    fn own_address(self, value: &str) -> Option<Value> {
        Some(if Block::of(value)?.holds(self.address?) { always() } else { never("rule") })
    }

    /// `cluster.local/ns/bookinfo/sa/default`, without the scheme that certificates have; under each name of
    /// the trust domain.
    fn principal(self, value: &str) -> Value {
        if value.starts_with('*') {
            return authenticated(text(value, false));
        }
        let names = || self.aliases.iter().map(String::as_str).chain([TRUST_DOMAIN]);
        match value
            .split_once('/')
            .filter(|(domain, _)| !self.aliases.is_empty() && names().any(|name| name == *domain))
        {
            Some((_, rest)) => {
                let each = names().map(|name| authenticated(text(&format!("spiffe://{name}/{rest}"), false)));
                any("id", each.collect())
            }
            None => authenticated(text(&format!("spiffe://{value}"), false)),
        }
    }

    fn operation(self, operation: &Operation) -> Vec<Value> {
        let mut list = Vec::new();
        let header = |name: &'static str, fold: bool| {
            move |value: &str| self.http(json!({"header": header(name, value, fold)}))
        };
        self.field("rule", &mut list, &operation.hosts, &operation.not_hosts, header(":authority", true));
        self.field("rule", &mut list, &operation.methods, &operation.not_methods, header(":method", false));
        self.field("rule", &mut list, &operation.ports, &operation.not_ports, |value| self.port(value));
        let path = |value: &str| self.http(json!({"url_path": {"path": path(value)}}));
        self.field("rule", &mut list, &operation.paths, &operation.not_paths, path);
        list
    }

    fn source(self, source: &Source, namespace: &str) -> Vec<Value> {
        let mut list = Vec::new();
        let account = |value: &str| Some(matching(patterns::account(value, namespace)));
        let token = |value: &str| self.http(jwt::principal(value));
        let (direct, remote) =
            (|value: &str| addresses("direct_remote_ip", value), |value: &str| addresses("remote_ip", value));
        self.field("id", &mut list, &source.principals, &source.not_principals, |value| {
            Some(self.principal(value))
        });
        self.field("id", &mut list, &source.request_principals, &source.not_request_principals, token);
        self.field("id", &mut list, &source.namespaces, &source.not_namespaces, |value| {
            Some(matching(patterns::namespace(value)))
        });
        self.field("id", &mut list, &source.service_accounts, &source.not_service_accounts, account);
        self.field("id", &mut list, &source.trust_domains, &source.not_trust_domains, |value| {
            Some(matching(patterns::trust_domain(value)))
        });
        self.field("id", &mut list, &source.ip_blocks, &source.not_ip_blocks, direct);
        self.field("id", &mut list, &source.remote_ip_blocks, &source.not_remote_ip_blocks, remote);
        list
    }

    fn condition(self, condition: &Condition, namespace: &str, into: &mut Conditions) {
        let (values, not) = (&condition.values, &condition.not_values);
        let what = &mut into.permissions;
        match condition.key.as_str() {
            "destination.port" => return self.field("rule", what, values, not, |value| self.port(value)),
            "destination.ip" => {
                return self.field("rule", what, values, not, |value| self.own_address(value));
            }
            "connection.sni" => {
                let sni = |value: &str| Some(json!({"requested_server_name": text(value, false)}));
                return self.field("rule", what, values, not, sni);
            }
            key if key.starts_with("experimental.envoy.filters.") => {
                return self.field("rule", what, values, not, |value| filter_metadata(key, value));
            }
            _ => {}
        }
        let of = |value: &str| match condition.key.as_str() {
            "source.ip" => addresses("direct_remote_ip", value),
            "remote.ip" => addresses("remote_ip", value),
            "source.namespace" => Some(matching(patterns::namespace(value))),
            "source.principal" => Some(self.principal(value)),
            "source.serviceAccount" => Some(matching(patterns::account(value, namespace))),
            "source.trustDomain" => Some(matching(patterns::trust_domain(value))),
            "request.auth.principal" => self.http(jwt::principal(value)),
            "request.auth.audiences" => self.http(jwt::claim(&["aud"], &text(value, false))),
            "request.auth.presenter" => self.http(jwt::claim(&["azp"], &text(value, false))),
            key => match (bracketed(key, "request.headers"), bracketed(key, "request.auth.claims")) {
                (Some(name), _) => self.http(json!({"header": header(name.first()?, value, false)})),
                (_, Some(path)) => self.http(jwt::claim(&path, &text(value, false))),
                _ => None,
            },
        };
        self.field("id", &mut into.principals, values, not, of);
    }
}

/// Whether a condition's key is one that is decided here.
pub(crate) fn is_known(key: &str) -> bool {
    const KEYS: [&str; 12] = [
        "source.ip",
        "remote.ip",
        "source.namespace",
        "source.principal",
        "source.serviceAccount",
        "source.trustDomain",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "destination.ip",
        "destination.port",
        "connection.sni",
    ];
    KEYS.contains(&key)
        || ["request.headers", "request.auth.claims"].iter().any(|prefix| bracketed(key, prefix).is_some())
        || filter_metadata(key, "").is_some()
}

/// Callers of a block: as the proxy sees the connection, or as it is told in `x-forwarded-for`.
fn addresses(kind: &str, block: &str) -> Option<Value> {
    let ranges = Block::of(block)?.seen()?.into_iter();
    Some(any("id", ranges.map(|range| json!({kind: range})).collect()))
}

/// `experimental.envoy.filters.a.b[key]` is what the filter `envoy.filters.a.b` has noted as `key`; `[x]` is
/// a member of a list.
fn filter_metadata(key: &str, value: &str) -> Option<Value> {
    let (filter, name) = key.strip_prefix("experimental.")?.strip_suffix(']')?.split_once('[')?;
    let wanted = match value.strip_prefix('[').and_then(|value| value.strip_suffix(']')) {
        Some(member) => json!({"list_match": {"one_of": {"string_match": text(member, false)}}}),
        None => json!({"string_match": text(value, false)}),
    };
    filter
        .starts_with("envoy.filters.")
        .then(|| json!({"metadata": {"filter": filter, "path": [{"key": name}], "value": wanted}}))
}

fn header(name: &str, value: &str, fold: bool) -> Value {
    if value == "*" {
        json!({"name": name, "present_match": true})
    } else {
        json!({"name": name, "string_match": text(value, fold)})
    }
}

fn path(value: &str) -> Value {
    match patterns::path(value) {
        None => text(value, false),
        Some(pattern) => json!({"safe_regex": {"regex": pattern}}),
    }
}

fn authenticated(name: Value) -> Value {
    json!({"authenticated": {"principal_name": name}})
}

fn matching(regex: String) -> Value {
    authenticated(json!({"safe_regex": {"regex": regex}}))
}

/// A policy's rules by the names that istiod gives them.
pub(crate) fn rules<'a>(
    policy: &'a Config<AuthorizationPolicy>,
    scope: Scope<'a>,
) -> impl Iterator<Item = (String, Value)> {
    let name = |index: usize| format!("ns[{}]-policy[{}]-rule[{index}]", policy.namespace, policy.name);
    // Without any rule an ALLOW policy takes nothing, and so allows nothing.
    let nothing = (policy.spec.rules.is_empty() && scope.action == Action::Allow)
        .then(|| (name(0), json!({"permissions": [never("rule")], "principals": [never("id")]})));
    let some = policy.spec.rules.iter().enumerate();
    nothing
        .into_iter()
        .chain(some.map(move |(index, rule)| (name(index), scope.rule(rule, &policy.namespace))))
}

/// An RBAC filter with these fields.
pub(crate) fn rbac_filter(layer: Layer, fields: Value) -> Value {
    let short = layer.short();
    let mut config =
        json!({"@type": format!("type.googleapis.com/envoy.extensions.filters.{short}.rbac.v3.RBAC")});
    if layer == Layer::Bytes {
        config["stat_prefix"] = json!("tcp.");
    }
    merge(&mut config, fields);
    json!({"name": format!("envoy.filters.{short}.rbac"), "typed_config": config})
}
