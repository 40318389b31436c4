//! Which Telemetry resources hold for a proxy, merged as istiod merges them: from the whole mesh over the
//! namespace to the workload.

use super::side::Side;
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
        let mut of_all = all.iter().filter(|config| config.namespace == namespace && is_wide(config));
        of_all.next().map(|config| &config.spec)
    };
    let own = if namespace == ROOT_NAMESPACE { None } else { wide(namespace) };
    let mut narrow = all.iter().filter(|config| config.namespace == *namespace && !is_wide(config));
    let narrow = narrow
        .find(|config| config.attached().holds(ROOT_NAMESPACE, namespace, &target.workload.labels))
        .map(|config| &config.spec);
    wide(ROOT_NAMESPACE).into_iter().chain(own).chain(narrow).collect()
}

pub(crate) fn targets(spec: &Telemetry) -> impl Iterator<Item = &Value> {
    spec.target_refs.iter().chain(&spec.target_ref)
}

fn is_wide(config: &Config<Telemetry>) -> bool {
    let attached = config.attached();
    attached.targets().next().is_none() && !attached.selects().is_narrow()
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
