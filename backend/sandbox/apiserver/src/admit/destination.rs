//! DestinationRules that istiod refuses.

use serde_json::Value;

use super::{
    Problems,
    values::{duration, export_to, has, is_host, is_label, items, percent, port, text, texts},
};

pub(super) fn destination_rule(spec: &Value, problems: &mut Problems) {
    let host = text(spec, "/host");
    problems.unless(is_host(host), || format!("domain name \"{host}\" invalid (host is required)"));
    if let Some(policy) = spec.get("trafficPolicy") {
        traffic_policy(policy, problems);
    }
    let mut seen = Vec::new();
    for subset in items(spec, "/subsets") {
        let name = text(subset, "/name");
        problems.unless(is_label(name), || format!("subset name is invalid: {name}"));
        problems.unless(!seen.contains(&name), || format!("duplicate subset names: {name}"));
        seen.push(name);
        for (label, value) in subset.get("labels").and_then(Value::as_object).into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            problems.unless(label_name(label), || format!("invalid tag key: \"{label}\""));
            problems.unless(value.is_empty() || label_value(value), || format!("invalid tag value: \"{value}\""));
        }
        if let Some(policy) = subset.get("trafficPolicy") {
            traffic_policy(policy, problems);
        }
    }
    export_to(spec, problems);
}

fn label_value(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(edge)
        && text.ends_with(edge)
        && text.chars().all(|c| edge(c) || matches!(c, '-' | '_' | '.'))
}

fn label_name(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    label_value(name) && !name.is_empty() && prefix.is_none_or(is_host)
}

fn traffic_policy(policy: &Value, problems: &mut Problems) {
    if policy.as_object().is_none_or(serde_json::Map::is_empty) {
        problems.add("traffic policy must have at least one field");
        return;
    }
    settings(policy, problems);
    let mut seen = Vec::new();
    for one in items(policy, "/portLevelSettings") {
        match one.pointer("/port/number").and_then(Value::as_i64) {
            None => problems.add("portLevelSettings must specify a port"),
            Some(number) => {
                problems.unless(!seen.contains(&number), || format!("duplicate portLevelSettings for port {number}"));
                seen.push(number);
            }
        }
        port(one, "/port/number", problems);
        settings(one, problems);
    }
    if let Some(tunnel) = policy.get("tunnel") {
        let protocol = text(tunnel, "/protocol");
        problems.unless(matches!(protocol.to_ascii_uppercase().as_str(), "" | "CONNECT" | "POST"), || {
            "tunnel protocol must be \"CONNECT\" or \"POST\"".into()
        });
        let host = text(tunnel, "/targetHost");
        problems.unless(is_host(host) && !host.starts_with('*'), || {
            format!("tunnel target host must be valid FQDN or IP address: {host}")
        });
        port(tunnel, "/targetPort", problems);
    }
    percent(policy, "/retryBudget/percent", problems);
}

fn settings(policy: &Value, problems: &mut Problems) {
    connection_pool(policy, problems);
    outlier_detection(policy, problems);
    load_balancer(policy, problems);
    tls(policy, problems);
}

fn connection_pool(policy: &Value, problems: &mut Problems) {
    let Some(pool) = policy.get("connectionPool") else { return };
    problems.unless(has(pool, "/tcp") || has(pool, "/http"), || "connection pool must have at least one field".into());
    for (path, words) in [
        ("/tcp/maxConnections", "max connections"),
        ("/http/http1MaxPendingRequests", "max pending requests"),
        ("/http/http2MaxRequests", "max requests"),
        ("/http/maxRequestsPerConnection", "max requests per connection"),
        ("/http/maxRetries", "max retries"),
        ("/http/maxConcurrentStreams", "max concurrent streams"),
    ] {
        if let Some(number) = pool.pointer(path).and_then(Value::as_i64) {
            problems.unless(number >= 0, || format!("{words} must be non-negative"));
        }
    }
    for path in [
        "/tcp/connectTimeout",
        "/tcp/idleTimeout",
        "/tcp/maxConnectionDuration",
        "/tcp/tcpKeepalive/time",
        "/tcp/tcpKeepalive/interval",
        "/http/idleTimeout",
    ] {
        duration(pool, path, problems);
    }
    let upgrade = text(pool, "/http/h2UpgradePolicy") == "UPGRADE";
    let same = pool.pointer("/http/useClientProtocol").and_then(Value::as_bool) == Some(true);
    problems.unless(!(upgrade && same), || "use client protocol must not be true when H2UpgradePolicy is UPGRADE".into());
}

fn outlier_detection(policy: &Value, problems: &mut Problems) {
    let Some(outlier) = policy.get("outlierDetection") else { return };
    duration(outlier, "/interval", problems);
    duration(outlier, "/baseEjectionTime", problems);
    percent(outlier, "/maxEjectionPercent", problems);
    percent(outlier, "/minHealthPercent", problems);
    let split = outlier.get("splitExternalLocalOriginErrors").and_then(Value::as_bool) == Some(true);
    let local = outlier.get("consecutiveLocalOriginFailures").and_then(Value::as_i64).unwrap_or(0);
    problems.unless(split || local == 0, || {
        "outlier detection consecutive local origin failures is specified, but split external local origin errors is set to false".into()
    });
}

fn load_balancer(policy: &Value, problems: &mut Problems) {
    let Some(balancer) = policy.get("loadBalancer") else { return };
    if let Some(hash) = balancer.get("consistentHash") {
        let ways = ["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"];
        let given = ways.iter().filter(|way| has(hash, &format!("/{way}"))).count();
        problems.unless(given <= 1, || "only one hash key may be given for consistent hashing".into());
        if let Some(cookie) = hash.get("httpCookie") {
            problems.unless(!text(cookie, "/name").is_empty(), || "name required for HttpCookie".into());
            let ttl = text(cookie, "/ttl");
            problems.unless(ttl.is_empty() || crate::duration::parse(ttl).is_some_and(|ttl| ttl >= 0), || {
                format!("invalid duration format {ttl}")
            });
        }
    }
    duration(balancer, "/warmup/duration", problems);
    duration(balancer, "/warmupDurationSecs", problems);
    if let Some(locality) = balancer.get("localityLbSetting") {
        let given = ["distribute", "failover", "failoverPriority"].iter().filter(|way| has(locality, &format!("/{way}"))).count();
        problems.unless(!(has(locality, "/distribute") && given > 1), || {
            "can not simultaneously specify 'distribute' and 'failover'".into()
        });
        for one in items(locality, "/distribute") {
            let shares: i64 =
                one.get("to").and_then(Value::as_object).into_iter().flatten().filter_map(|(_, share)| share.as_i64()).sum();
            problems.unless(shares == 100, || format!("total locality weight {shares} != 100"));
        }
        for one in items(locality, "/failover") {
            let (from, to) = (text(one, "/from"), text(one, "/to"));
            problems.unless(from != to, || format!("locality lb failover settings must specify different regions: {from}"));
        }
    }
}

fn tls(policy: &Value, problems: &mut Problems) {
    let Some(tls) = policy.get("tls") else { return };
    let named = has(tls, "/credentialName");
    if text(tls, "/mode") == "MUTUAL" {
        if named {
            problems.unless(!has(tls, "/clientCertificate") && !has(tls, "/privateKey") && !has(tls, "/caCertificates"), || {
                "cannot specify client certificates or CA certificate If credentialName is set".into()
            });
        } else {
            problems.unless(!text(tls, "/clientCertificate").is_empty(), || "client certificate required for mutual tls".into());
            problems.unless(!text(tls, "/privateKey").is_empty(), || "private key required for mutual tls".into());
        }
    }
    problems.unless(texts(tls, "/subjectAltNames").all(|name| !name.is_empty()), || {
        "subject alternative names cannot be empty".into()
    });
}
