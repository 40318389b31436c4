//! AuthorizationPolicy: who may call what, as Envoy's filters in the order CUSTOM, DENY, ALLOW. A dry run
//! denies nothing; what it would have done is counted by the proxy (`istio_dry_run_…shadow_denied`) and noted
//! for each request.

use super::action::{Action, Layer};
use super::rbac::{Scope, is_known, rbac_filter, rules};
use super::{addresses, ext_authz, jwt};
use crate::registry::untranslated::not_yet;
use crate::registry::{Config, Registry};
use crate::resolve::attach;
use crate::translate::target::Target;
use istio::views::{AuthorizationPolicy, AuthorizationRule, Source};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The filters that guard a port of the workload: whom to ask, whose tokens to believe, then who may pass.
pub(crate) fn filters(target: &Target<'_>, port: u16, layer: Layer) -> Vec<Value> {
    let all = target.registry.authorization_policies.iter();
    let policies: Vec<_> = all.filter(|policy| policy.holds(target.registry, target.workload)).collect();
    let aliases = target.registry.mesh_config.trust_domain_aliases.as_slice();
    let scope = |action| Scope { action, port, layer, address: target.workload.ip.parse().ok(), aliases };
    let mut filters = ext_authz::filters(target, &policies, scope(Action::Custom));
    filters.extend(jwt::filter(target).filter(|_| layer == Layer::Http));
    let ours = [Action::Audit, Action::Deny, Action::Allow].into_iter();
    filters.extend(ours.filter_map(|action| filter(&policies, scope(action))));
    filters
}

fn filter(policies: &[&Config<AuthorizationPolicy>], scope: Scope<'_>) -> Option<Value> {
    let (mut enforced, mut shadow) = (Map::new(), Map::new());
    for policy in policies.iter().filter(|policy| Action::of(&policy.spec) == Some(scope.action)) {
        let into = if policy.is_dry_run() { &mut shadow } else { &mut enforced };
        into.extend(rules(policy, scope));
    }
    if enforced.is_empty() && shadow.is_empty() {
        return None;
    }
    let some = |policies: Map<String, Value>| json!({"action": scope.action.name(), "policies": policies});
    let mut fields = json!({});
    if !enforced.is_empty() {
        fields["rules"] = some(enforced);
    }
    if !shadow.is_empty() {
        fields["shadow_rules"] = some(shadow);
        let word = if scope.action == Action::Deny { "deny" } else { "allow" };
        fields["shadow_rules_stat_prefix"] = json!(format!("istio_dry_run_{word}_"));
    }
    Some(rbac_filter(scope.layer, fields))
}

/// The parts of a policy that cannot be decided here.
pub(crate) fn without_effect(registry: &Registry, config: &Config<AuthorizationPolicy>) -> Vec<String> {
    let policy = &config.spec;
    let mut found = attach::without_effect(&config.attached());
    match Action::of(policy) {
        None => found.push(not_yet(&format!("action {}", policy.action.as_deref().unwrap_or_default()))),
        Some(Action::Custom) if config.is_dry_run() => found.push(not_yet("a dry run of action CUSTOM")),
        Some(Action::Custom) => found.extend(ext_authz::without_effect(registry, config)),
        Some(_) => {}
    }
    for rule in &policy.rules {
        let sources = rule.from.iter().map(|from| &from.source);
        let from = sources.flat_map(|source| {
            [
                ("ipBlocks", &source.ip_blocks),
                ("notIpBlocks", &source.not_ip_blocks),
                ("remoteIpBlocks", &source.remote_ip_blocks),
                ("notRemoteIpBlocks", &source.not_remote_ip_blocks),
            ]
        });
        let is_address = |key: &str| matches!(key, "source.ip" | "remote.ip");
        let when = rule.when.iter().filter(|condition| is_address(&condition.key));
        let when = when.flat_map(|condition| {
            [&condition.values, &condition.not_values].map(|list| (condition.key.as_str(), list))
        });
        let unseen = |block: &String| addresses::Block::of(block).and_then(addresses::Block::seen).is_none();
        found.extend(
            from.chain(when).filter(|(_, list)| list.iter().any(unseen)).map(|(name, _)| stricter(name)),
        );
        let keys = rule.when.iter().map(|condition| condition.key.as_str());
        found.extend(keys.filter(|key| !is_known(key)).map(stricter));
    }
    found.extend(from_anywhere(registry, config));
    found
}

/// Services whose callers' addresses a policy asks for in vain: a machine elsewhere belongs to them, and what
/// calls that is no pod's loopback address.
fn from_anywhere(registry: &Registry, config: &Config<AuthorizationPolicy>) -> Vec<String> {
    let by_address = |rule: &AuthorizationRule| {
        let blocks = |source: &Source| !source.ip_blocks.is_empty() || !source.not_ip_blocks.is_empty();
        rule.from.iter().any(|from| blocks(&from.source))
            || rule.when.iter().any(|condition| condition.key == "source.ip")
    };
    if !config.spec.rules.iter().any(by_address) {
        return Vec::new();
    }
    let guarded = registry.workloads.iter().filter(|workload| config.holds(registry, workload));
    let services = guarded.flat_map(|workload| registry.services_of(workload));
    let far: BTreeSet<&str> = services
        .filter(|service| !addresses::all_near(registry, service))
        .map(|service| service.host.as_str())
        .collect();
    let reason = |host| {
        format!(
            "callers of {host} come from 127.0.0.1 in the sandbox, because a machine outside of it belongs \
                to the service too: ipBlocks and source.ip do not know the pods among them"
        )
    };
    far.into_iter().map(reason).collect()
}

fn stricter(part: &str) -> String {
    format!("{part} cannot be decided in the sandbox: the rule is taken as stricter")
}
