//! DestinationRules: subsets, and the parts of traffic policies.

use super::at::At;
use super::balancing::load_balancer;
use super::found::{Found, rules};
use super::malformed::{address, duration, fqdn, percent, port_number, subset_name, wildcard_domain};
use super::shared::{export_to, label_set, selector};
use super::{Subject, tls};

rules! {
    /// What is wrong with a DestinationRule.
    Policy {
        Error SubsetTwice(name: String) "duplicate subset names: {name}";
        Error ExportedBeyondItsSelector
            "destination rule with workload selector cannot have exportTo beyond current namespace";
        Error EmptyPolicy "traffic policy must have at least one field";
        Error TunnelBesideProxyProtocol "tunnel and proxyProtocol must not be set together";
        Error PolicyWithoutPort "portTrafficPolicy must have valid port";
        Error EmptyPortPolicy "port traffic policy must have at least one field";
        Error BadTunnelProtocol "tunnel protocol must be \"CONNECT\" or \"POST\"";
        Error BadTunnelHost(name: String, address: String)
            "tunnel target host must be valid FQDN or IP address: {name}; {address}";
        Error BadTunnelPort(why: String) "tunnel target port is invalid: {why}";
        Error EmptyPool "connection pool must have at least one field";
        Error NegativeLimit(what: &'static str) "{what} must be non-negative";
        Error UpgradeBesideClientProtocol
            "use client protocol must not be true when H2UpgradePolicy is UPGRADE";
        Warning OldConsecutiveErrors
            "outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or \
             consecutive5xxErrors instead";
        Error LocalFailuresNotSplit
            "outlier detection consecutive local origin failures is specified, but split external local origin \
             errors is set to false";
    }
}

pub(super) fn destination_rule(subject: &Subject<'_>, found: &mut Found) {
    let spec = subject.spec;
    found.note(spec.at("host"), wildcard_domain(spec.text("host")));
    if let Some(policy) = spec.get("trafficPolicy") {
        traffic_policy(policy, found);
    }
    let mut seen = Vec::new();
    for subset in spec.items("subsets") {
        let name = subset.text("name");
        if seen.contains(&name) {
            found.add(subset.at("name"), Policy::SubsetTwice { name: name.to_owned() });
        }
        seen.push(name);
        found.note(subset.at("name"), subset_name(name));
        label_set(subset, "labels", found);
        if let Some(policy) = subset.get("trafficPolicy") {
            traffic_policy(policy, found);
        }
    }
    export_to(spec, subject.namespace, false, found);
    if spec.has("workloadSelector") {
        let beyond = spec.texts("exportTo").any(|to| to != "." && to != subject.namespace);
        found.when(beyond, spec.at("exportTo"), Policy::ExportedBeyondItsSelector);
    }
    selector(spec, "workloadSelector", "matchLabels", None, found);
}

fn traffic_policy(policy: At<'_>, found: &mut Found) {
    const FIELDS: [&str; 8] = [
        "outlierDetection",
        "connectionPool",
        "loadBalancer",
        "tls",
        "portLevelSettings",
        "tunnel",
        "proxyProtocol",
        "retryBudget",
    ];
    if !FIELDS.iter().any(|field| policy.has(field)) {
        return found.add(policy, Policy::EmptyPolicy);
    }
    let both = policy.has("tunnel") && policy.has("proxyProtocol");
    found.when(both, policy, Policy::TunnelBesideProxyProtocol);
    settings(policy, found);
    for one in policy.items("portLevelSettings") {
        found.when(!one.has("port"), one, Policy::PolicyWithoutPort);
        let any = FIELDS.iter().take(4).any(|field| one.has(field));
        found.when(!any, one, Policy::EmptyPortPolicy);
        settings(one, found);
    }
    if let Some(tunnel) = policy.get("tunnel") {
        let good = matches!(tunnel.text("protocol"), "" | "CONNECT" | "POST");
        found.when(!good, tunnel.at("protocol"), Policy::BadTunnelProtocol);
        let host = tunnel.text("targetHost");
        if let (Err(name), Err(address)) = (fqdn(host), address(host)) {
            let (name, address) = (name.to_string(), address.to_string());
            found.add(tunnel.at("targetHost"), Policy::BadTunnelHost { name, address });
        }
        let port = port_number(tunnel.whole("targetPort"));
        let bad = |why: super::malformed::Malformed| Policy::BadTunnelPort { why: why.to_string() };
        found.note(tunnel.at("targetPort"), port.map_err(bad));
    }
    percent(&policy, "retryBudget/percent", found);
}

fn settings(policy: At<'_>, found: &mut Found) {
    outlier_detection(policy, found);
    if let Some(pool) = policy.get("connectionPool") {
        connection_pool(pool, found);
    }
    load_balancer(policy, found);
    if let Some(tls) = policy.get("tls") {
        tls::client(tls, found);
    }
}

pub(super) fn connection_pool(pool: At<'_>, found: &mut Found) {
    found.when(!pool.has("tcp") && !pool.has("http"), pool, Policy::EmptyPool);
    for (path, what) in [
        ("http/http1MaxPendingRequests", "http1 max pending requests"),
        ("http/http2MaxRequests", "http2 max requests"),
        ("http/maxRequestsPerConnection", "max requests per connection"),
        ("http/maxRetries", "max retries"),
        ("http/maxConcurrentStreams", "max concurrent streams"),
        ("tcp/maxConnections", "max connections"),
    ] {
        found.when(pool.whole(path) < 0, pool.at(path), Policy::NegativeLimit { what });
    }
    for path in [
        "http/idleTimeout",
        "http/http2KeepAlive/interval",
        "http/http2KeepAlive/timeout",
        "tcp/connectTimeout",
        "tcp/maxConnectionDuration",
        "tcp/idleTimeout",
        "tcp/tcpKeepalive/time",
        "tcp/tcpKeepalive/interval",
    ] {
        duration(&pool, path, found);
    }
    let both = pool.text("http/h2UpgradePolicy") == "UPGRADE" && pool.flag("http/useClientProtocol");
    found.when(both, pool.at("http/useClientProtocol"), Policy::UpgradeBesideClientProtocol);
}

fn outlier_detection(policy: At<'_>, found: &mut Found) {
    let Some(outlier) = policy.get("outlierDetection") else { return };
    duration(&outlier, "baseEjectionTime", found);
    let old = outlier.whole("consecutiveErrors") != 0;
    found.when(old, outlier.at("consecutiveErrors"), Policy::OldConsecutiveErrors);
    let whole = !outlier.flag("splitExternalLocalOriginErrors");
    let local = outlier.whole("consecutiveLocalOriginFailures") > 0;
    found.when(whole && local, outlier.at("consecutiveLocalOriginFailures"), Policy::LocalFailuresNotSplit);
    duration(&outlier, "interval", found);
    percent(&outlier, "maxEjectionPercent", found);
    percent(&outlier, "minHealthPercent", found);
}
