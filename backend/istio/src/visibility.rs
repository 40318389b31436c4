//! Who sees what: `exportTo` of the one that is called, and of what that lets a namespace see, the part that
//! a Sidecar asks for.

use crate::hosts::{covers, fqdn, overlap};
use crate::precedence::Config;
use crate::select::{Labels, Selects};
use crate::views::{Sidecar, SidecarEgress, VirtualService};

/// How near something is to those who see it: of several VirtualServices for one host the nearest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// It is of their namespace, and for that.
    Own,
    /// It is exported to their namespace by name.
    Named,
    /// Everybody sees it.
    Public,
}

/// Whether something of namespace `own` may be seen from `namespace`, and how near it is. Where nothing is said
/// the mesh's `default` holds; where that says nothing either, everybody sees it.
///
/// Source: istiod, pilot/pkg/model, `SelectVirtualServices` and `VirtualServicesForGateway`.
pub fn nearness(said: &[String], default: &[String], own: &str, namespace: &str) -> Option<Nearness> {
    let said = if said.is_empty() { default } else { said };
    if said.is_empty() || said.iter().any(|to| to == "*") {
        return Some(Nearness::Public);
    }
    let here = own == namespace && said.iter().any(|to| to == "." || to == own);
    here.then_some(Nearness::Own).or_else(|| said.iter().any(|to| to == namespace).then_some(Nearness::Named))
}

/// Whether something of namespace `own` may be seen from `namespace`: [`nearness`] is some.
pub fn exported(said: &[String], default: &[String], own: &str, namespace: &str) -> bool {
    nearness(said, default, own, namespace).is_some()
}

/// The Sidecar for a workload: one that selects it, else its namespace's, else the root namespace's; of
/// several the first, so give them the oldest first.
pub fn sidecar<C: Config<Spec = Sidecar>>(
    sidecars: impl Iterator<Item = C> + Clone,
    root: &str,
    namespace: &str,
    labels: &Labels,
) -> Option<C> {
    let of = |namespace: &str, narrow: bool| {
        sidecars.clone().find(|one| {
            let chosen = Selects::narrowing(one.spec().workload_selector.as_ref().map(|it| &it.labels));
            one.namespace() == namespace && chosen.is_narrow() == narrow && (!narrow || chosen.takes(labels))
        })
    };
    of(namespace, true).or_else(|| of(namespace, false)).or_else(|| of(root, false))
}

/// What the proxy of a workload is told of.
#[derive(Clone, Copy, Debug)]
pub struct Egress<'a> {
    sidecar: Option<&'a Sidecar>,
    namespace: &'a str,
}

impl<'a> Egress<'a> {
    /// Of a workload in a namespace, under the Sidecar that holds for it.
    pub fn new(sidecar: Option<&'a Sidecar>, namespace: &'a str) -> Self {
        Self { sidecar, namespace }
    }

    /// The listeners of the Sidecar; `None` when it (or the lack of one) limits nothing.
    fn listeners(&self) -> Option<&'a [SidecarEgress]> {
        self.sidecar.map(|sidecar| sidecar.egress.as_slice()).filter(|egress| !egress.is_empty())
    }

    /// Whether some host of a listener, `namespace/host`, is for a host of a namespace.
    fn imports(&self, egress: &SidecarEgress, owner: &str, meets: impl Fn(&str) -> bool) -> bool {
        egress.hosts.iter().any(|entry| {
            let (of, pattern) = entry.split_once('/').unwrap_or(("*", entry));
            let there = of == "*" || of == owner || (of == "." && owner == self.namespace);
            there && meets(pattern)
        })
    }

    /// Whether it knows a service.
    pub fn sees_service(&self, host: &str, owner: &str) -> bool {
        let Some(listeners) = self.listeners() else { return true };
        listeners.iter().any(|egress| self.imports(egress, owner, |pattern| covers(pattern, host)))
    }

    /// Whether it can call a service at this port: a listener may be for one port only, and then decides for
    /// it alone.
    pub fn sees_port(&self, host: &str, owner: &str, port: u16) -> bool {
        let Some(listeners) = self.listeners() else { return true };
        let at =
            |egress: &SidecarEgress| egress.port.as_ref().map(|port| port.number).filter(|port| *port != 0);
        let alone = listeners.iter().any(|egress| at(egress) == Some(port.into()));
        let decides = |egress: &&SidecarEgress| at(egress).map_or(!alone, |number| number == u32::from(port));
        let mut deciding = listeners.iter().filter(decides);
        deciding.any(|egress| self.imports(egress, owner, |pattern| covers(pattern, host)))
    }

    /// Whether it is told the routes of a VirtualService. As istiod, a wildcard on either side is enough.
    pub fn sees_routes(&self, rules: &VirtualService, owner: &str) -> bool {
        let Some(listeners) = self.listeners() else { return true };
        let hosts: Vec<String> = rules.hosts.iter().map(|host| fqdn(host, owner)).collect();
        let meets = |pattern: &str| hosts.iter().any(|host| overlap(pattern, host));
        listeners.iter().any(|egress| self.imports(egress, owner, meets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precedence::tests::Made;
    use serde_json::json;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_sees_what_is_exported() {
        for (said, default, own, expect) in [
            (&[][..], &[][..], "other", true),
            (&[], &["."], "other", false),
            (&[], &["."], "demo", true),
            (&["*"], &["."], "other", true),
            (&["."], &[], "other", false),
            (&["."], &[], "demo", true),
            (&["demo"], &[], "other", true),
            (&["third"], &[], "other", false),
            (&[".", "demo"], &[], "other", true),
            (&["~"], &[], "demo", false),
        ] {
            assert_eq!(exported(&texts(said), &texts(default), own, "demo"), expect, "{said:?} of {own}");
        }
    }

    fn egress(listeners: serde_json::Value) -> Sidecar {
        serde_json::from_value(json!({ "egress": listeners })).unwrap()
    }

    #[test]
    fn a_sidecar_names_what_is_called() {
        let host = "web.demo.svc.cluster.local";
        for (entry, from, expect) in [
            ("*/*", "demo", true),
            ("./*", "demo", true),
            ("./*", "other", false),
            ("demo/*", "other", true),
            ("other/*", "demo", false),
            ("~/*", "demo", false),
            ("./*.local", "demo", true),
            ("*/web.demo.svc.cluster.local", "other", true),
            ("*/api.demo.svc.cluster.local", "demo", false),
        ] {
            let sidecar = egress(json!([{ "hosts": [entry] }]));
            assert_eq!(
                Egress::new(Some(&sidecar), from).sees_service(host, "demo"),
                expect,
                "{entry} in {from}"
            );
        }
        assert!(Egress::new(None, "other").sees_service(host, "demo"));
        assert!(Egress::new(Some(&Sidecar::default()), "other").sees_service(host, "demo"));
    }

    #[test]
    fn a_service_for_many_hosts_needs_a_wildcard_and_routes_do_not() {
        let sidecar = egress(json!([{ "hosts": ["*/api.example.com"] }]));
        let scope = Egress::new(Some(&sidecar), "demo");
        assert!(!scope.sees_service("*.example.com", "demo"));
        let rules = |hosts: &[&str]| VirtualService { hosts: texts(hosts), ..VirtualService::default() };
        assert!(scope.sees_routes(&rules(&["*.example.com"]), "demo"));
        assert!(!scope.sees_routes(&rules(&["web", "*.example.org"]), "demo"));
    }

    #[test]
    fn a_listener_for_one_port_decides_for_it_alone() {
        let sidecar = egress(json!([
            { "port": { "number": 8080 }, "hosts": ["./web.demo.svc.cluster.local"] },
            { "hosts": ["./api.demo.svc.cluster.local"] },
        ]));
        let scope = Egress::new(Some(&sidecar), "demo");
        let sees =
            |name: &str, port| scope.sees_port(&format!("{name}.demo.svc.cluster.local"), "demo", port);
        assert!(sees("web", 8080) && !sees("web", 9090));
        assert!(sees("api", 9090) && !sees("api", 8080));
        assert!(scope.sees_service("web.demo.svc.cluster.local", "demo"));
    }

    #[test]
    fn the_nearest_sidecar_holds() {
        let made = |at, spec| Made::<Sidecar>::new(at, "", spec);
        let narrow = |app: &str| json!({ "workloadSelector": { "labels": { "app": app } } });
        let all = [
            made("istio-system/mesh", json!({})),
            made("istio-system/gateways", narrow("web")),
            made("demo/default", json!({ "workloadSelector": { "labels": {} } })),
            made("demo/web", narrow("web")),
        ];
        let holds = |namespace: &str, app: &str| {
            let labels = Labels::from([("app".to_owned(), app.to_owned())]);
            sidecar(all.iter(), "istio-system", namespace, &labels).map(|one| one.name)
        };
        assert_eq!(holds("demo", "web"), Some("web"));
        assert_eq!(holds("demo", "api"), Some("default"));
        assert_eq!(holds("other", "web"), Some("mesh"));
        assert_eq!(holds("istio-system", "web"), Some("gateways"));
    }
}
