//! Patches of routes: configurations, virtual hosts, single routes.

use super::lists::{Change, Edit, name};
use istio::views::envoy_filter::{RouteConfigurationMatch, RouteMatch, VirtualHostMatch};
use serde_json::Value;

fn said(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

/// The port and the gateway that a configuration's name tells: `9080`, `inbound|9080||`, `http.8080`,
/// `https.443.name.gateway.namespace`.
fn told(name: &str) -> (Option<u32>, Option<String>) {
    let inside = name.strip_prefix("inbound|").and_then(|rest| rest.split('|').next());
    let mut parts = name.split('.');
    match (inside, parts.next(), parts.next()) {
        (Some(port), ..) => (port.parse().ok(), None),
        (_, Some("http" | "https"), Some(port)) => {
            let rest: Vec<&str> = parts.collect();
            let gateway = match rest.as_slice() {
                [.., gateway, namespace] => Some(format!("{namespace}/{gateway}")),
                _ => None,
            };
            (port.parse().ok(), gateway)
        }
        _ => (name.parse().ok().or_else(|| name.rsplit(':').next()?.parse().ok()), None),
    }
}

fn is(wanted: &RouteConfigurationMatch, routes: &Value) -> bool {
    let (port, gateway) = told(name(routes));
    said(wanted.name.as_ref()).is_none_or(|wanted| wanted == name(routes))
        && wanted.port_number.is_none_or(|wanted| wanted == 0 || Some(wanted) == port)
        && said(wanted.gateway.as_ref()).is_none_or(|wanted| gateway.as_deref() == Some(wanted))
}

fn is_host(wanted: &VirtualHostMatch, host: &Value) -> bool {
    let domain = |wanted: &str| host["domains"].as_array().into_iter().flatten().any(|known| known == wanted);
    said(wanted.name.as_ref()).is_none_or(|wanted| wanted == name(host))
        && said(wanted.domain_name.as_ref()).is_none_or(domain)
}

fn is_route(wanted: &RouteMatch, route: &Value) -> bool {
    let does = |key: &str| route.get(key).is_some_and(|action| !action.is_null());
    said(wanted.name.as_ref()).is_none_or(|wanted| wanted == name(route))
        && match said(wanted.action.as_ref()).unwrap_or("ANY") {
            "ROUTE" => does("route"),
            "REDIRECT" => does("redirect"),
            "DIRECT_RESPONSE" => does("direct_response"),
            _ => true,
        }
}

pub(super) fn edit(change: &Change<'_>, routes: &Value) -> Edit {
    let wanted = change.patch.r#match.route_configuration.as_ref();
    if !wanted.is_none_or(|wanted| is(wanted, routes)) {
        return Edit::Keep;
    }
    let host = wanted.and_then(|wanted| wanted.vhost.as_ref());
    let mut changed = routes.clone();
    let hit = match change.patch.apply_to.as_str() {
        "ROUTE_CONFIGURATION" => return change.whole(routes),
        "VIRTUAL_HOST" => {
            let meant = |item: &Value| host.is_none_or(|wanted| is_host(wanted, item));
            change.list(&mut changed, "virtual_hosts", host.map(|_| &meant as &dyn Fn(&Value) -> bool))
        }
        _ => {
            let route = host.and_then(|host| host.route.as_ref());
            let meant = |item: &Value| route.is_none_or(|wanted| is_route(wanted, item));
            let hosts = changed["virtual_hosts"].as_array_mut().into_iter().flatten();
            let mut hit = false;
            for host in hosts.filter(|item| host.is_none_or(|wanted| is_host(wanted, item))) {
                hit |= change.list(host, "routes", route.map(|_| &meant as &dyn Fn(&Value) -> bool));
            }
            hit
        }
    };
    Edit::of(hit, changed)
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn names_of_route_configurations_tell_port_and_gateway() {
        assert_eq!(told("9080"), (Some(9080), None));
        assert_eq!(told("inbound|9080||"), (Some(9080), None));
        assert_eq!(told("http.8080"), (Some(8080), None));
        assert_eq!(told("https.443.web.shop.demo"), (Some(443), Some("demo/shop".into())));
    }
}
