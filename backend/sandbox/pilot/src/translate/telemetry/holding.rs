//! Which Telemetry resources hold for a proxy, merged as istiod merges them: from the whole mesh over the namespace to the
//! workload.

use super::side::Side;
use crate::hosts::selects;
use crate::identity::ROOT_NAMESPACE;
use crate::registry::Config;
use crate::translate::target::Target;
use istio::views::{ModeMatch, ProviderRef, Telemetry};
use serde_json::Value;

/// Those that hold for this proxy: of the mesh, of the namespace, and the first that selects the workload.
pub(crate) fn holding<'a>(target: &Target<'a>) -> Vec<&'a Telemetry> {
    let all = &target.registry.telemetries;
    let namespace = &target.workload.namespace;
    let wide = |namespace: &str| {
        let mut of_all = all.iter().filter(|config| config.namespace == namespace && is_wide(&config.spec));
        of_all.next().map(|config| &config.spec)
    };
    let own = if namespace == ROOT_NAMESPACE { None } else { wide(namespace) };
    let mut narrow = all.iter().filter(|config| config.namespace == *namespace && !is_wide(&config.spec));
    let narrow = narrow.find(|config| attaches(config, target)).map(|config| &config.spec);
    wide(ROOT_NAMESPACE).into_iter().chain(own).chain(narrow).collect()
}

pub(crate) fn targets(spec: &Telemetry) -> impl Iterator<Item = &Value> {
    spec.target_refs.iter().chain(&spec.target_ref)
}

fn is_wide(spec: &Telemetry) -> bool {
    spec.selector.as_ref().is_none_or(|selector| selector.match_labels.is_empty())
        && targets(spec).next().is_none()
}

fn attaches(config: &Config<Telemetry>, target: &Target<'_>) -> bool {
    let spec = &config.spec;
    if targets(spec).next().is_some() {
        let gateway = target.workload.labels.get("gateway.networking.k8s.io/gateway-name");
        return targets(spec).any(|wanted| {
            wanted["kind"] == "Gateway" && gateway.is_some_and(|name| wanted["name"] == **name)
        });
    }
    spec.selector.as_ref().is_some_and(|selector| selects(&selector.match_labels, &target.workload.labels))
}

/// Whether a mode, which is both sides when unset, means this side. A gateway is a client.
pub(crate) fn fits(mode: Option<&str>, side: Side) -> bool {
    match mode {
        Some("CLIENT") => side == Side::Outbound,
        Some("SERVER") => side == Side::Inbound,
        _ => true,
    }
}

pub(crate) fn matches(wanted: Option<&ModeMatch>, side: Side) -> bool {
    fits(wanted.and_then(|wanted| wanted.mode.as_deref()), side)
}

pub(crate) fn names(providers: &[ProviderRef]) -> Vec<&str> {
    providers.iter().map(|provider| provider.name.as_str()).collect()
}

pub(crate) fn or<'a>(own: &'a [String], default: &'a str) -> Vec<&'a str> {
    if own.is_empty() { vec![default] } else { own.iter().map(String::as_str).collect() }
}
