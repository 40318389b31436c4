//! Where proxies show a limit.

use super::{By, Calls, GLOBAL, LOCAL, LimitOf, MANAGER, ports};
use crate::evidence::{Claim, filters, named_host};
use crate::{Mesh, Workload};

/// What every proxy shows of a limit, and the place in it where its fields stand.
pub fn shown(mesh: &Mesh, at: &LimitOf) -> Option<(Claim, String)> {
    let workloads = at.workloads(mesh);
    let first: &Workload = workloads.first()?;
    let same = workloads.iter().filter(|one| one.gateway == first.gateway);
    let proxies: Vec<String> = same.flat_map(|one| one.proxies()).collect();
    let side = |claim: Claim| if at.out { claim.outgoing() } else { claim };
    let applies_to = at.applies_to(mesh);
    if applies_to == "HTTP_FILTER" {
        let name = if at.by == By::Service { GLOBAL } else { LOCAL };
        let claim = side(filters(proxies, &[name]));
        return Some(match at.calls {
            Calls::Port(port) => (claim.port(port), String::new()),
            _ => (claim, String::new()),
        });
    }
    let (host, route) = match &at.calls {
        Calls::Host(host, route) => (host.as_str(), route.as_deref()),
        Calls::All | Calls::Port(_) => ("", None),
    };
    let (claim, above) = if first.gateway || at.out {
        (named_host(proxies, host), String::new())
    } else {
        // Routes of what comes in stand in the listeners, one virtual host for each port.
        let claim = filters(proxies, &[MANAGER]);
        let number = host.strip_prefix("inbound|http|").and_then(|number| number.parse::<u32>().ok());
        let port = number.and_then(|number| ports(mesh, first).find(|port| port.number == number));
        let claim = match (&at.calls, port, host) {
            (Calls::Port(port), ..) => claim.port(*port),
            (_, Some(port), _) => claim.port(port.target),
            (_, None, "") => claim,
            (_, None, _) => return None,
        };
        (claim, "/route_config/virtual_hosts/0".to_owned())
    };
    let route = match (applies_to, route) {
        ("VIRTUAL_HOST", _) => String::new(),
        (_, None) => "/routes/0".to_owned(),
        (_, Some(name)) => format!("/routes/[name={}]", name.replace('~', "~0").replace('/', "~1")),
    };
    let own = match (at.by, applies_to) {
        (By::Told, "HTTP_ROUTE") => "/route".to_owned(),
        (By::Told, _) => String::new(),
        _ => format!("/typed_per_filter_config/{LOCAL}"),
    };
    Some((claim, format!("{above}{route}{own}")))
}
