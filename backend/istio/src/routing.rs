//! VirtualServices: where they hold, and which of several routes the calls of a host.

use crate::hosts::{Closeness, narrower};
use crate::precedence::Config;
use crate::views::{HttpRoute, Mirror, VirtualService};
use std::cmp::Reverse;

/// The name by which a VirtualService binds itself to all sidecars.
pub const MESH: &str = "mesh";

/// Whether the names of gateways in a VirtualService, or in one of its matches, mean the sidecars of the
/// mesh: none at all, or `mesh`.
pub fn in_mesh(gateways: &[String]) -> bool {
    gateways.is_empty() || gateways.iter().any(|name| name == MESH)
}

/// Namespace and name of the Gateway that a VirtualService in `namespace` names: `name`, `./name`,
/// `namespace/name`, or as it was written once, `name.namespace`, with a domain or without. `None` for the
/// sidecars of the mesh.
pub fn gateway<'a>(name: &'a str, namespace: &'a str) -> Option<(&'a str, &'a str)> {
    Some(match (name.split_once('/'), name.split_once('.')) {
        (Some((".", name)), _) => (namespace, name),
        (Some(full), _) => full,
        (None, Some((name, rest))) => (rest.split('.').next().unwrap_or_default(), name),
        (None, None) if name == MESH => return None,
        (None, None) => (namespace, name),
    })
}

/// The host that a server of a Gateway in `gateway` serves of what a VirtualService in `namespace` asks for:
/// the narrower of the two. A server may name who may ask: `namespace/host`, `./host`, `*/host`.
pub fn served(server_hosts: &[String], gateway: &str, host: &str, namespace: &str) -> Option<String> {
    server_hosts.iter().find_map(|entry| {
        let (scope, pattern) = entry.split_once('/').unwrap_or(("*", entry));
        let scope = if scope == "." { gateway } else { scope };
        (scope == "*" || scope == namespace).then(|| narrower(pattern, host).map(str::to_owned))?
    })
}

/// The VirtualServices inside the mesh that name a host, the one in force first: the closest name wins, then
/// the oldest. Give them in the order of [`crate::precedence::by_age`].
pub fn holding<C: Config<Spec = VirtualService>>(
    oldest_first: impl Iterator<Item = C>,
    host: &str,
) -> Vec<C> {
    let names = |rules: C| {
        let spec = rules.spec();
        let closeness =
            in_mesh(&spec.gateways).then(|| Closeness::among(&spec.hosts, rules.namespace(), host));
        Some((closeness.flatten()?, rules))
    };
    let mut found: Vec<(Closeness, C)> = oldest_first.filter_map(names).collect();
    found.sort_by_key(|(closeness, _)| Reverse(*closeness));
    found.into_iter().map(|(_, rules)| rules).collect()
}

impl Mirror {
    /// The percentage of requests that are copied: all, unless it says otherwise.
    pub fn share(&self) -> f64 {
        self.percentage.as_ref().map_or(100.0, |percentage| percentage.value)
    }
}

impl HttpRoute {
    /// The percentage of requests that the rule's single `mirror` gets a copy of: all, unless it says
    /// otherwise.
    pub fn mirror_share(&self) -> f64 {
        let older = || self.mirror_percent.map(f64::from);
        self.mirror_percentage.as_ref().map(|percentage| percentage.value).or_else(older).unwrap_or(100.0)
    }
}

/// The hosts that a VirtualService leads to, as they are written.
pub fn destinations(rule: &VirtualService) -> impl Iterator<Item = &String> {
    let http = rule.http.iter().flat_map(|rule| {
        let mirrors = rule.mirrors.iter().map(|mirror| &mirror.destination.host);
        rule.route
            .iter()
            .map(|split| &split.destination.host)
            .chain(rule.mirror.iter().map(|to| &to.host))
            .chain(mirrors)
    });
    let tls = rule.tls.iter().flat_map(|rule| rule.route.iter().map(|split| &split.destination.host));
    let tcp = rule.tcp.iter().flat_map(|rule| rule.route.iter().map(|split| &split.destination.host));
    http.chain(tls).chain(tcp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precedence::tests::Made;
    use serde_json::json;

    #[test]
    fn names_of_gateways() {
        for (name, expect) in [
            ("web", Some(("shop", "web"))),
            ("./web", Some(("shop", "web"))),
            ("istio-system/web", Some(("istio-system", "web"))),
            ("web.istio-system", Some(("istio-system", "web"))),
            ("web.istio-system.svc.cluster.local", Some(("istio-system", "web"))),
            ("mesh", None),
        ] {
            assert_eq!(gateway(name, "shop"), expect, "{name}");
        }
        let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(in_mesh(&[]) && in_mesh(&texts(&["web", "mesh"])) && !in_mesh(&texts(&["web"])));
    }

    #[test]
    fn the_narrower_host_is_served() {
        let at = |servers: &[&str], host: &str| {
            let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
            served(&servers, "istio-system", host, "bookinfo").unwrap_or_default()
        };
        assert_eq!(at(&["*"], "shop.example"), "shop.example");
        assert_eq!(at(&["shop.example"], "*"), "shop.example");
        assert_eq!(at(&["other/*"], "shop.example"), "");
        assert_eq!(at(&["./*"], "shop.example"), "");
        assert_eq!(at(&["bookinfo/*.example", "*/*"], "shop.example"), "shop.example");
        assert_eq!(at(&["a.example"], "b.example"), "");
    }

    #[test]
    fn the_closest_name_wins_then_the_oldest() {
        let made = |at, hosts: &[&str], gateways: &[&str]| {
            Made::<VirtualService>::new(at, "", json!({ "hosts": hosts, "gateways": gateways }))
        };
        let all = [
            made("shop/all", &["*"], &[]),
            made("shop/local", &["*.cluster.local"], &["mesh"]),
            made("shop/old", &["web"], &[]),
            made("other/new", &["web.shop.svc.cluster.local"], &["gw", "mesh"]),
            made("other/short", &["web"], &[]),
            made("shop/gateway", &["web"], &["gw"]),
        ];
        let found = holding(all.iter(), "web.shop.svc.cluster.local");
        assert_eq!(found.iter().map(|one| one.name).collect::<Vec<_>>(), ["old", "new", "local", "all"]);
    }

    #[test]
    fn a_mirror_that_does_not_say_how_often_copies_all() {
        let rule = |spec| serde_json::from_value::<HttpRoute>(spec).unwrap().mirror_share();
        assert_eq!(rule(json!({ "mirror": { "host": "a" } })), 100.0);
        assert_eq!(rule(json!({ "mirror": { "host": "a" }, "mirrorPercent": 20 })), 20.0);
        assert_eq!(rule(json!({ "mirror": { "host": "a" }, "mirrorPercentage": { "value": 0 } })), 0.0);
        assert_eq!(Mirror::default().share(), 100.0);
    }
}
