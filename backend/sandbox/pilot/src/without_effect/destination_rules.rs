//! Parts of a DestinationRule that this control plane has no rules for.

use crate::registry::untranslated::{given, not_yet, parts};
use crate::registry::{Config, Registry};
use crate::translate::clusters::policies;
use istio::Object;
use istio::hosts::covers;
use istio::views::{ClientTls, DestinationRule};
use serde_json::Value;

/// What was once `consecutive5xxErrors`.
const OLD_ERRORS: &str = "consecutiveErrors";

pub(super) fn destination_rule(object: &Object, spec: &DestinationRule) -> Vec<String> {
    let mut found: Vec<String> = credential(spec).into_iter().collect();
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

/// Pods and Services have no addresses of their own on this machine, so that nobody can go to the one that
/// was meant.
pub(super) fn passthrough(registry: &Registry, config: &Config<DestinationRule>) -> Vec<String> {
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
    let inside = registry.services.iter().any(|service| !service.entry && covers(&host, &service.host));
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
    let outliers = outlier_detection.as_ref().unwrap_or(&none);
    if outliers.get(OLD_ERRORS).is_some() {
        let words = "is no longer read by Istio: write consecutive5xxErrors";
        found.push(format!("outlierDetection.{OLD_ERRORS} {words}"));
    }
    let known = [&policies::KNOWN_OUTLIER[..], &[OLD_ERRORS]].concat();
    found.extend(unknown("outlierDetection", outliers, &known));
    found.extend(tls.into_iter().flat_map(client_tls));
    found
}

fn unknown(at: &str, value: &Value, known: &[&str]) -> Vec<String> {
    let keys = value.as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    keys.filter(|key| !known.contains(key)).map(|key| not_yet(&format!("{at}.{key}"))).collect()
}

/// Of a DestinationRule's `tls`.
fn client_tls(tls: &ClientTls) -> Vec<String> {
    if !matches!(tls.mode.as_str(), "SIMPLE" | "MUTUAL") || given(&tls.credential_name) {
        return Vec::new();
    }
    let file = "is a file, which pods of the sandbox do not have: use credentialName";
    let files = [
        (
            tls.ca_certificates.as_deref().is_some_and(|file| !file.is_empty() && file != "system"),
            "caCertificates",
        ),
        (given(&tls.client_certificate), "clientCertificate"),
    ];
    files.into_iter().filter(|(there, _)| *there).map(|(_, name)| format!("tls.{name} {file}")).collect()
}

/// A DestinationRule's credential that no sidecar takes.
fn credential(spec: &DestinationRule) -> Option<String> {
    let subsets = spec.subsets.iter().filter_map(|subset| subset.traffic_policy.as_ref());
    let policies = spec.traffic_policy.iter().chain(subsets);
    let mut settings = policies.flat_map(|policy| {
        policy.tls.iter().chain(policy.port_level_settings.iter().filter_map(|port| port.tls.as_ref()))
    });
    let named = settings.any(|tls| given(&tls.credential_name));
    (named && spec.workload_selector.is_none()).then(|| {
        "tls.credentialName counts at gateways only; for sidecars the rule needs a workloadSelector"
            .to_owned()
    })
}
