//! Which routes of the Gateway API a listener of a Gateway takes, and for which hosts.

use crate::hosts::narrower;
use crate::select::{Labels, Selects};
use crate::views::gateway_api::{Listener, ParentRef};

/// A route that asks to be taken.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// "HTTPRoute".
    pub kind: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Labels of its namespace, as far as they are known.
    pub labels: Option<&'a Labels>,
    /// Its hosts; none are all.
    pub hosts: &'a [String],
}

/// Why a listener does not take a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not for routes of this kind.
    Kind,
    /// It is not for routes of this namespace.
    Namespace,
    /// No host of the route is one of its own.
    Host,
}

impl Listener {
    /// The hosts that it is for.
    pub fn host(&self) -> &str {
        self.hostname.as_deref().filter(|host| !host.is_empty()).unwrap_or("*")
    }

    /// Whether TLS ends here.
    pub fn terminates(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.mode.as_deref().unwrap_or("Terminate") == "Terminate")
    }

    /// Whether a route means it by this part of its parentRef.
    pub fn is_meant(&self, parent: &ParentRef) -> bool {
        parent.section_name.as_ref().is_none_or(|name| *name == self.name)
            && parent.port.is_none_or(|port| port == self.port)
    }

    /// Whether it lets a route in, whatever its hosts are; `gateway` is the Gateway's namespace.
    ///
    /// # Errors
    /// When it does not.
    pub fn allows(&self, gateway: &str, route: Asking<'_>) -> Result<(), Refused> {
        let rule = self.allowed_routes.as_ref();
        let kinds = rule.map_or(&[][..], |rule| rule.kinds.as_slice());
        let listed = kinds.iter().any(|kind| kind.kind == route.kind);
        if !(listed || kinds.is_empty() && self.speaks(route.kind)) {
            return Err(Refused::Kind);
        }
        let namespaces = rule.and_then(|rule| rule.namespaces.as_ref());
        let fits = match namespaces.and_then(|rule| rule.from.as_deref()).unwrap_or("Same") {
            "All" => true,
            "Selector" => {
                let wanted = namespaces.and_then(|rule| rule.selector.as_ref());
                let narrow = |labels| {
                    wanted.is_some_and(|wanted| Selects::narrowing(Some(&wanted.match_labels)).takes(labels))
                };
                route.labels.is_some_and(narrow)
            }
            "Same" => route.namespace == gateway,
            _ => false,
        };
        if fits { Ok(()) } else { Err(Refused::Namespace) }
    }

    /// The hosts for which it takes a route.
    ///
    /// # Errors
    /// When it takes it for none.
    pub fn takes(&self, gateway: &str, route: Asking<'_>) -> Result<Vec<String>, Refused> {
        self.allows(gateway, route)?;
        let hosts = common(self.host(), route.hosts);
        if hosts.is_empty() { Err(Refused::Host) } else { Ok(hosts) }
    }

    /// Whether routes of a kind are for what it speaks.
    fn speaks(&self, kind: &str) -> bool {
        match self.protocol.as_str() {
            "HTTP" | "HTTPS" => matches!(kind, "HTTPRoute" | "GRPCRoute"),
            "TLS" if self.terminates() => matches!(kind, "TLSRoute" | "TCPRoute"),
            "TLS" => kind == "TLSRoute",
            "TCP" => kind == "TCPRoute",
            // What else there is, its controller knows.
            _ => true,
        }
    }
}

/// The narrower of both sides' hosts, for each pair that meets.
pub fn common(listener: &str, route: &[String]) -> Vec<String> {
    if route.is_empty() {
        return vec![listener.to_owned()];
    }
    route.iter().filter_map(|host| narrower(listener, host).map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn hosts_that_both_sides_have() {
        let at = |listener: &str, hosts: &[&str]| {
            common(listener, &hosts.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(at("*", &[]), ["*"]);
        assert_eq!(at("*.example", &["a.example", "b.test"]), ["a.example"]);
        assert_eq!(at("a.example", &["*.example"]), ["a.example"]);
        assert!(at("a.example", &["b.example"]).is_empty());
    }

    #[test]
    fn which_routes_a_listener_takes() {
        let labels = Labels::from([("team".to_owned(), "web".to_owned())]);
        let check = |listener: Value, kind: &str, namespace: &str, expect: Result<(), Refused>| {
            let read: Listener = serde_json::from_value(listener.clone()).unwrap();
            let route = Asking { kind, namespace, labels: Some(&labels), hosts: &["a.example".to_owned()] };
            assert_eq!(read.takes("edge", route).map(drop), expect, "{listener}: {kind} of {namespace}");
        };
        let http = |more: Value| {
            let mut listener = json!({ "name": "web", "port": 80, "protocol": "HTTP" });
            listener.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            listener
        };
        let from = |from: Value| http(json!({ "allowedRoutes": { "namespaces": from } }));
        check(http(json!({})), "HTTPRoute", "edge", Ok(()));
        check(http(json!({})), "GRPCRoute", "edge", Ok(()));
        check(http(json!({})), "HTTPRoute", "shop", Err(Refused::Namespace));
        check(http(json!({})), "TCPRoute", "edge", Err(Refused::Kind));
        check(http(json!({ "hostname": "b.example" })), "HTTPRoute", "edge", Err(Refused::Host));
        check(from(json!({ "from": "All" })), "HTTPRoute", "shop", Ok(()));
        check(from(json!({ "from": "None" })), "HTTPRoute", "edge", Err(Refused::Namespace));
        let chosen =
            |team: &str| json!({ "from": "Selector", "selector": { "matchLabels": { "team": team } } });
        check(from(chosen("web")), "HTTPRoute", "shop", Ok(()));
        check(from(chosen("api")), "HTTPRoute", "shop", Err(Refused::Namespace));
        let kinds = json!({ "allowedRoutes": { "kinds": [{ "kind": "GRPCRoute" }] } });
        check(http(kinds.clone()), "HTTPRoute", "edge", Err(Refused::Kind));
        check(http(kinds), "GRPCRoute", "edge", Ok(()));
        let tls =
            |mode: &str| json!({ "name": "tls", "port": 443, "protocol": "TLS", "tls": { "mode": mode } });
        check(tls("Passthrough"), "TLSRoute", "edge", Ok(()));
        check(tls("Passthrough"), "TCPRoute", "edge", Err(Refused::Kind));
        check(tls("Terminate"), "TCPRoute", "edge", Ok(()));
    }
}
