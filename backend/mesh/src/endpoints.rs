//! What the proxies of callers think of a service's endpoints: which of them outlier detection has left out.

use serde_json::Value;

/// Proxies that are asked at most; with many callers, a few tell.
pub const MOST_ASKED: usize = 8;

/// Whom to ask about which host.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointsQuery {
    /// The host, fully qualified.
    pub host: String,
    /// Proxies of callers ("pod.namespace"), at most [`MOST_ASKED`] of them.
    pub proxies: Vec<String>,
}

/// What they answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoints {
    /// Endpoints, as each proxy has them.
    pub seen: Vec<Endpoint>,
    /// Proxies that answered.
    pub asked: Vec<String>,
    /// Proxies that could not be asked, and why.
    pub unread: Vec<(String, String)>,
}

/// One endpoint, as one proxy has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The proxy that has it.
    pub proxy: String,
    /// "10.244.1.7:9080".
    pub address: String,
    /// The subset that it was found in; "" is the whole service.
    pub subset: String,
    /// Whether outlier detection leaves it out just now.
    pub ejected: bool,
}

impl Endpoints {
    /// Endpoints that are left out, each with the proxies that do it.
    pub fn ejected(&self) -> Vec<(&str, Vec<&str>)> {
        let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
        for endpoint in self.seen.iter().filter(|endpoint| endpoint.ejected) {
            let proxy = endpoint.proxy.as_str();
            match found.iter_mut().find(|(address, _)| *address == endpoint.address) {
                Some((_, by)) if by.contains(&proxy) => {}
                Some((_, by)) => by.push(proxy),
                None => found.push((&endpoint.address, vec![proxy])),
            }
        }
        found
    }

    /// How many endpoints there are.
    pub fn count(&self) -> usize {
        let mut all: Vec<&str> = self.seen.iter().map(|endpoint| endpoint.address.as_str()).collect();
        all.sort_unstable();
        all.dedup();
        all.len()
    }
}

/// Reads the endpoints of a host out of Envoy's `/clusters?format=json`. A cluster that is named otherwise
/// than `outbound|port|subset|host` is none of the mesh's.
pub fn of_host(proxy: &str, host: &str, clusters: &Value) -> Vec<Endpoint> {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for cluster in list(clusters, "cluster_statuses") {
        let name: Vec<&str> = cluster["name"].as_str().unwrap_or_default().split('|').collect();
        let ["outbound", _, subset, of] = name[..] else { continue };
        if of != host {
            continue;
        }
        for status in list(&cluster, "host_statuses") {
            let at = &status["address"]["socket_address"];
            let (Some(ip), Some(port)) = (at["address"].as_str(), at["port_value"].as_u64()) else {
                continue;
            };
            found.push(Endpoint {
                proxy: proxy.to_owned(),
                address: format!("{ip}:{port}"),
                subset: subset.to_owned(),
                ejected: status["health_status"]["failed_outlier_check"] == true,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn endpoints_that_are_left_out_are_found_once() {
        let host = |ip: &str, ejected: bool| {
            let mut health = json!({ "eds_health_status": "HEALTHY" });
            if ejected {
                health["failed_outlier_check"] = true.into();
            }
            json!({ "address": { "socket_address": { "address": ip, "port_value": 9080 } }, "health_status": health })
        };
        let clusters = json!({ "cluster_statuses": [
            { "name": "outbound|9080||reviews.shop.svc.cluster.local", "host_statuses": [host("10.1.0.1", true), host("10.1.0.2", false)] },
            { "name": "outbound|9080|v1|reviews.shop.svc.cluster.local", "host_statuses": [host("10.1.0.1", true)] },
            { "name": "outbound|9080||ratings.shop.svc.cluster.local", "host_statuses": [host("10.1.0.9", true)] },
            { "name": "inbound|9080||", "host_statuses": [host("10.1.0.1", true)] },
            { "name": "outbound|9080|v2|reviews.shop.svc.cluster.local" },
            { "name": null, "host_statuses": "?" },
        ] });
        let seen = of_host("page.shop", "reviews.shop.svc.cluster.local", &clusters);
        let all = Endpoints { seen, ..Endpoints::default() };
        assert_eq!((all.seen.len(), all.count()), (3, 2));
        assert_eq!(all.ejected(), [("10.1.0.1:9080", vec!["page.shop"])]);
        assert!(of_host("p", "h", &json!([1])).is_empty());
    }
}
