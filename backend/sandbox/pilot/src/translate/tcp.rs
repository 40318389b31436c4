//! TCP routes: which version of a service the bytes go to.

use super::destinations::fits;
use super::matches::{Way, same_gateway};
use super::observe::Side;
use super::{Target, http, names, routes};
use crate::registry::{Config, Service, selects};
use mesh::istio::{L4Match, TcpRoute, VirtualService};
use serde_json::json;

/// The proxy of a service's TCP port, with the shares of the VirtualService that holds for it.
pub(crate) fn outbound(target: &Target<'_>, service: &Service, port: u16) -> serde_json::Value {
    let plain = names::outbound_cluster(port, "", &service.host);
    let Some((config, rule)) = holding(target, service, port) else { return http::bytes(target, Side::Outbound, &plain) };
    let way = Way { gateway: "mesh", namespace: &config.namespace, port };
    let cluster = |to| routes::destination(target, config, &way, to).cluster;
    match rule.route.as_slice() {
        [] => http::bytes(target, Side::Outbound, &plain),
        [only] => http::bytes(target, Side::Outbound, &cluster(&only.destination)),
        several => {
            let shares = several.iter().filter(|split| split.weight.unwrap_or(0) > 0);
            let shares: Vec<_> =
                shares.map(|split| json!({"name": cluster(&split.destination), "weight": split.weight})).collect();
            let mut filter = http::bytes(target, Side::Outbound, &plain);
            if let Some(config) = filter["typed_config"].as_object_mut() {
                config.shift_remove("cluster");
                config.insert("weighted_clusters".into(), json!({"clusters": shares}));
            }
            filter
        }
    }
}

fn holding<'a>(target: &Target<'a>, service: &Service, port: u16) -> Option<(&'a Config<VirtualService>, &'a TcpRoute)> {
    target.registry.virtual_services.iter().find_map(|config| {
        let way = Way { gateway: "mesh", namespace: &config.namespace, port };
        let in_mesh = config.spec.gateways.is_empty() || config.spec.gateways.iter().any(|name| same_gateway(name, &way));
        let mut hosts = config.spec.hosts.iter().map(|host| mesh::fqdn(host, &config.namespace));
        if !in_mesh || !hosts.any(|host| fits(&host, &service.host)) {
            return None;
        }
        let rule = config
            .spec
            .tcp
            .iter()
            .find(|rule| rule.r#match.is_empty() || rule.r#match.iter().any(|wanted| possible(target, &way, wanted)));
        Some((config, rule?))
    })
}

fn possible(target: &Target<'_>, way: &Way<'_>, wanted: &L4Match) -> bool {
    wanted.port.is_none_or(|port| port == u32::from(way.port))
        && selects(&wanted.source_labels, &target.workload.labels)
        && wanted.source_namespace.as_ref().is_none_or(|namespace| *namespace == target.workload.namespace)
        && (wanted.gateways.is_empty() || wanted.gateways.iter().any(|name| same_gateway(name, way)))
}
