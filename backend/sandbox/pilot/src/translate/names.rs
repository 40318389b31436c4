//! Names as istiod gives them, so that what one learned on a real mesh reads the same here.

use crate::registry::Service;
use serde_json::Value;

/// `outbound|9080|v1|reviews.bookinfo.svc.cluster.local`.
pub(crate) fn outbound_cluster(port: u16, subset: &str, host: &str) -> String {
    format!("outbound|{port}|{subset}|{host}")
}

/// `inbound|9080||`: the workload's port.
pub(crate) fn inbound_cluster(port: u16) -> String {
    format!("inbound|{port}||")
}

/// `outbound_.9080_.v1_.reviews.bookinfo.svc.cluster.local`, the SNI between sidecars.
pub(crate) fn sni(port: u16, subset: &str, host: &str) -> String {
    format!("outbound_.{port}_.{subset}_.{host}")
}

/// Whom spans are for: `reviews.bookinfo.svc.cluster.local:9080/*`.
pub(crate) fn operation(host: &str, port: u16) -> String {
    format!("{host}:{port}/*")
}

/// The same for a finished route of a VirtualService: the host and port of its cluster, or where there is not
/// one alone, the VirtualService and the port that was asked for; and the path that it takes.
pub(crate) fn operation_of(route: &Value, virtual_service: &str, port: u16) -> String {
    let wanted = &route["match"];
    let path =
        match (wanted["prefix"].as_str(), wanted["path"].as_str(), wanted["safe_regex"]["regex"].as_str()) {
            (Some(prefix), ..) => format!("{prefix}*"),
            (_, Some(path), _) => path.to_owned(),
            (.., Some(regex)) => regex.to_owned(),
            _ => "/*".to_owned(),
        };
    let cluster = route["route"]["cluster"].as_str().unwrap_or_default();
    match cluster.split('|').collect::<Vec<_>>()[..] {
        [_, port, _, host] => format!("{host}:{port}{path}"),
        _ => format!("{virtual_service}:{port}{path}"),
    }
}

/// The domains under which a client in `namespace` reaches a service: full and short names, and its addresses.
/// The port that a request says beside its host does not count.
pub(crate) fn domains(service: &Service, namespace: &str) -> Vec<String> {
    let mut names = Vec::new();
    for host in std::iter::once(&service.host).chain(&service.aliases) {
        names.push(host.clone());
        let own = |of: &str| host != &service.host || of == service.namespace;
        let of_kubernetes = istio::hosts::service(host).filter(|(_, of)| own(of));
        let Some((short, of)) = of_kubernetes else { continue };
        if of == namespace {
            names.push(short.to_owned());
        }
        names.push(format!("{short}.{of}.svc"));
        names.push(format!("{short}.{of}"));
    }
    if service.headless {
        // Its pods have names below its own.
        names.extend(names.clone().iter().map(|name| format!("*.{name}")));
    }
    names.extend(service.single_addresses().cloned());
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service() -> Service {
        Service {
            host: "reviews.bookinfo.svc.cluster.local".into(),
            name: "reviews".into(),
            namespace: "bookinfo".into(),
            addresses: vec!["10.96.0.7".into()],
            ..Service::default()
        }
    }

    #[test]
    fn spans_are_named_by_the_only_destination_and_the_path() {
        let to = |cluster: &str, wanted: Value| json!({"match": wanted, "route": {"cluster": cluster}});
        let one = "outbound|9080|v1|productpage.bookinfo.svc.cluster.local";
        let split = json!({"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": []}}});
        for (route, expect) in [
            (
                to(one, json!({"path": "/productpage"})),
                "productpage.bookinfo.svc.cluster.local:9080/productpage",
            ),
            (to(one, json!({"prefix": "/login"})), "productpage.bookinfo.svc.cluster.local:9080/login*"),
            (
                to(one, json!({"safe_regex": {"regex": "/a.*"}})),
                "productpage.bookinfo.svc.cluster.local:9080/a.*",
            ),
            (split, "reviews:80/*"),
            (json!({"match": {"path": "/old"}, "redirect": {}}), "reviews:80/old"),
        ] {
            assert_eq!(operation_of(&route, "reviews", 80), expect);
        }
    }

    #[test]
    fn short_names_hold_in_their_own_namespace() {
        let near = domains(&service(), "bookinfo");
        assert!(near.contains(&"reviews".into()) && near.contains(&"10.96.0.7".into()), "{near:?}");
        let far = domains(&service(), "default");
        assert!(!far.contains(&"reviews".into()) && far.contains(&"reviews.bookinfo".into()), "{far:?}");
    }
}
