//! Delegation: VirtualServices that leave rules to others stand in the registry with those written out.

use crate::registry::{Config, Registry, Untranslated, title};
use istio::delegation::written_out;
use istio::views::VirtualService;
use istio::visibility::exported;

/// Replaces what delegates in the registry, and takes those out that are only delegated to.
pub(crate) fn merge(registry: &mut Registry) {
    let all = std::mem::take(&mut registry.virtual_services);
    let (mut roots, delegates): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|config| !config.spec.hosts.is_empty());
    let default = &registry.mesh_config.default_virtual_service_export_to;
    for root in roots.iter_mut().filter(|root| root.spec.http.iter().any(|rule| rule.delegate.is_some())) {
        let here = root.namespace.as_str();
        let visible = |config: &&Config<VirtualService>| {
            exported(&config.spec.export_to, default, &config.namespace, here)
        };
        let find = |namespace: &str, name: &str| {
            let named = delegates.iter().find(|config| config.name == name && config.namespace == namespace);
            named.filter(visible).map(|config| &config.spec)
        };
        let (rules, missing) = written_out(&root.spec, here, find);
        registry.untranslated.extend(missing.into_iter().map(|to| Untranslated {
            object: title(&root.object),
            reason: format!(
                "http[{}]: there is no VirtualService {}/{} without hosts to delegate to",
                to.index, to.namespace, to.name
            ),
        }));
        root.spec.http = rules.into_iter().map(|written| written.rule.into_owned()).collect();
    }
    registry.virtual_services = roots;
}
