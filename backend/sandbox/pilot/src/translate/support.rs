//! What is not translated: found, named and logged, never silently ignored.

use super::destinations::fits;
use super::{authorization, jwt, policies, without_effect};
use crate::registry::{Config, Port, Protocol, ROOT_NAMESPACE, Registry, Service, Untranslated, title};
use istio::Object;
use istio::views::{ClientTls, DestinationRule, HttpRoute, PeerAuthentication, VirtualService};
use serde_json::Value;

/// Istio's and the Gateway API's kinds that this control plane has no rules for.
const UNKNOWN_KINDS: &[&str] =
    &["WasmPlugin", "TrafficExtension", "WorkloadGroup", "ProxyConfig", "TCPRoute", "TLSRoute"];

/// An object of a kind that has no effect here.
pub(crate) fn unknown_kind(object: &Object) -> Option<Untranslated> {
    let version = object.0["apiVersion"].as_str().unwrap_or_default();
    let of_mesh = version.contains("istio.io/") || version.starts_with("gateway.networking.k8s.io/");
    (of_mesh && UNKNOWN_KINDS.contains(&object.kind())).then(|| Untranslated {
        object: title(object),
        reason: match object.kind() {
            "WasmPlugin" | "TrafficExtension" => {
                format!("{} is stored, but its extension is not run by the sandbox's proxies", object.kind())
            }
            kind => format!("{kind} is stored, but has no effect in the sandbox"),
        },
    })
}

/// Ports of a Service whose protocol is not said.
pub(crate) fn unsaid_protocols(object: &Object) -> Vec<Untranslated> {
    let ports = object.spec()["ports"].as_array().into_iter().flatten();
    let unsaid = ports.filter(|port| {
        let name = port["name"].as_str().unwrap_or_default();
        port["protocol"] != "UDP" && Protocol::said(port["appProtocol"].as_str(), name).is_none()
    });
    let reason = |port: &Value| {
        format!(
            "port {} does not say its protocol and is taken as TCP: name it http-… or set appProtocol",
            port["port"]
        )
    };
    unsaid.map(|port| Untranslated { object: title(object), reason: reason(port) }).collect()
}

/// Names the parts of known kinds that have no effect.
pub(crate) fn find_untranslated(registry: &mut Registry) {
    let mut found: Vec<Untranslated> = Vec::new();
    let mut add = |object: &Object, parts: Vec<String>| {
        found.extend(parts.into_iter().map(|reason| Untranslated { object: title(object), reason }));
    };
    for config in &registry.virtual_services {
        add(&config.object, virtual_service(&config.spec));
        add(&config.object, taken_as_bytes(registry, config));
    }
    for config in &registry.destination_rules {
        add(&config.object, destination_rule(&config.object, &config.spec));
        add(&config.object, passthrough(registry, config));
    }
    for config in &registry.peer_authentications {
        add(&config.object, peer_authentication(&config.spec));
    }
    for config in &registry.authorization_policies {
        add(&config.object, authorization::without_effect(registry, config));
    }
    for config in &registry.request_authentications {
        add(&config.object, jwt::without_effect(registry, config));
    }
    for config in &registry.sidecars {
        add(&config.object, without_effect::sidecar(registry, config));
    }
    for config in &registry.gateways {
        add(&config.object, without_effect::gateway(registry, config));
    }
    for config in &registry.telemetries {
        add(&config.object, super::telemetry::support::without_effect(registry, &config.spec));
    }
    let mesh = format!("ConfigMap {ROOT_NAMESPACE}/istio");
    found.extend(
        super::telemetry::support::of_mesh(registry)
            .into_iter()
            .map(|reason| Untranslated { object: mesh.clone(), reason }),
    );
    registry.untranslated.extend(found);
}

pub(crate) fn not_yet(part: &str) -> String {
    format!("{part} has no effect in the sandbox")
}

pub(crate) fn parts(list: &[(bool, &str)]) -> Vec<String> {
    list.iter().filter(|(there, _)| *there).map(|(_, part)| not_yet(part)).collect()
}

fn virtual_service(spec: &VirtualService) -> Vec<String> {
    let mut found = Vec::new();
    for (index, rule) in spec.http.iter().enumerate() {
        found.extend(http_rule(rule).into_iter().map(|part| format!("http[{index}]: {part}")));
    }
    if spec.gateways.is_empty() || spec.gateways.iter().any(|name| name == "mesh") {
        let wanted = spec.http.iter().flat_map(|rule| &rule.r#match);
        let names = wanted.flat_map(|wanted| wanted.headers.keys().chain(wanted.without_headers.keys()));
        let claims = names.filter(|name| jwt::routing_claim(name).is_some());
        found.extend(claims.map(|name| format!("{name} matches at gateways only, as in Istio")));
    }
    found
}

/// HTTP rules for a service none of whose ports is known to speak it. Istio would find out from the first bytes.
fn taken_as_bytes(registry: &Registry, config: &Config<VirtualService>) -> Vec<String> {
    let spec = &config.spec;
    let in_mesh = spec.gateways.is_empty() || spec.gateways.iter().any(|name| name == "mesh");
    if spec.http.is_empty() || !in_mesh {
        return Vec::new();
    }
    let hosts: Vec<String> = spec.hosts.iter().map(|host| istio::fqdn(host, &config.namespace)).collect();
    let meant = registry.services.iter().filter(|service| hosts.contains(&service.host));
    let silent = meant.filter(|service| !service.ports.iter().any(|port| port.protocol.is_http()));
    let ports = silent.flat_map(|service| {
        service.ports.iter().filter(|port| port.said.is_none()).map(move |port| (service, port))
    });
    let reason = |(service, port): (&Service, &Port)| {
        format!(
            "port {} of {} does not say its protocol and is taken as TCP, so that http rules have no effect there: name it http-… or set appProtocol",
            port.number, service.name
        )
    };
    ports.map(reason).collect()
}

fn http_rule(rule: &HttpRoute) -> Vec<String> {
    let delay = rule.fault.as_ref().and_then(|fault| fault.delay.as_ref());
    let abort = rule.fault.as_ref().and_then(|fault| fault.abort.as_ref());
    parts(&[
        (delay.is_some_and(|delay| delay.fixed_delay.is_none()), "a delay without fixedDelay"),
        (abort.is_some_and(|abort| abort.http2_error.is_some()), "http2Error"),
    ])
}

fn destination_rule(object: &Object, spec: &DestinationRule) -> Vec<String> {
    let mut found: Vec<String> = without_effect::credential(spec).into_iter().collect();
    let raw = object.spec();
    let of_subsets = raw["subsets"].as_array().into_iter().flatten().map(|subset| &subset["trafficPolicy"]);
    found.extend(
        of_subsets
            .chain([&raw["trafficPolicy"]])
            .flat_map(|raw| unknown("trafficPolicy", raw, &policies::KNOWN)),
    );
    let subsets = spec.subsets.iter().filter_map(|subset| subset.traffic_policy.as_ref());
    for policy in spec.traffic_policy.iter().chain(subsets) {
        found.extend(traffic_policy(
            &policy.load_balancer,
            &policy.connection_pool,
            &policy.outlier_detection,
            policy.tls.as_ref(),
        ));
        for port in &policy.port_level_settings {
            found.extend(traffic_policy(
                &port.load_balancer,
                &port.connection_pool,
                &port.outlier_detection,
                port.tls.as_ref(),
            ));
        }
    }
    found
}

/// Pods and Services have no addresses of their own on this machine, so that nobody can go to the one that was meant.
fn passthrough(registry: &Registry, config: &Config<DestinationRule>) -> Vec<String> {
    let asked = config
        .spec
        .traffic_policy
        .iter()
        .chain(config.spec.subsets.iter().filter_map(|subset| subset.traffic_policy.as_ref()));
    let asked = asked.flat_map(|policy| {
        policy
            .port_level_settings
            .iter()
            .map(|port| &port.load_balancer)
            .chain([&policy.load_balancer])
            .flatten()
    });
    let host = istio::fqdn(&config.spec.host, &config.namespace);
    let inside = registry.services.iter().any(|service| !service.entry && fits(&host, &service.host));
    parts(&[(
        inside && asked.into_iter().any(|balancer| balancer["simple"] == "PASSTHROUGH"),
        "loadBalancer.simple PASSTHROUGH to a Service",
    )])
}

fn traffic_policy(
    load_balancer: &Option<Value>,
    connection_pool: &Option<Value>,
    outlier_detection: &Option<Value>,
    tls: Option<&ClientTls>,
) -> Vec<String> {
    let none = Value::Null;
    let pool = connection_pool.as_ref().unwrap_or(&none);
    let balancer = load_balancer.as_ref().unwrap_or(&none);
    let mut found = unknown("connectionPool.tcp", &pool["tcp"], &policies::KNOWN_TCP);
    found.extend(unknown("connectionPool.http", &pool["http"], &policies::KNOWN_HTTP));
    found.extend(unknown("loadBalancer", balancer, &policies::KNOWN_BALANCER));
    let outliers =
        unknown("outlierDetection", outlier_detection.as_ref().unwrap_or(&none), &policies::KNOWN_OUTLIER);
    found.extend(outliers.into_iter().map(|reason| {
        match reason.starts_with("outlierDetection.consecutiveErrors ") {
            true => {
                "outlierDetection.consecutiveErrors is no longer read by Istio: write consecutive5xxErrors"
                    .to_owned()
            }
            false => reason,
        }
    }));
    found.extend(tls.into_iter().flat_map(without_effect::client_tls));
    found
}

fn unknown(at: &str, value: &Value, known: &[&str]) -> Vec<String> {
    let keys = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    keys.filter(|key| !known.contains(key)).map(|key| not_yet(&format!("{at}.{key}"))).collect()
}

fn peer_authentication(spec: &PeerAuthentication) -> Vec<String> {
    let selects = spec.selector.as_ref().is_some_and(|selector| !selector.match_labels.is_empty());
    parts(&[(!spec.port_level_mtls.is_empty() && !selects, "portLevelMtls without a selector")])
}

/// A duration as users write it (`7s`, `500ms`, `1h30m`, `7.000s`) as Envoy reads it (`0.5s`).
pub(crate) fn seconds(text: &str) -> Option<String> {
    let mut total = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..]
            .find(|letter: char| letter.is_ascii_digit())
            .map_or(rest.len(), |end| digits + end);
        total += number
            * match &rest[digits..unit_end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    let text = format!("{total:.9}");
    Some(format!("{}s", text.trim_end_matches('0').trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_as_users_write_them() {
        let read = |text| seconds(text).unwrap_or_default();
        assert_eq!(read("7.000s"), "7s");
        assert_eq!(read("500ms"), "0.5s");
        assert_eq!(read("1h30m"), "5400s");
        assert_eq!(read("2.5s"), "2.5s");
        assert_eq!(read("0s"), "0s");
        assert_eq!(read("soon"), "");
    }
}
