//! DestinationRules that istiod refuses.

use serde_json::Value;

use super::{
    Problems, Subject, tls,
    values::{
        address, duration, entries, export_to, flag, fqdn, has, items, label_set, percent, port_number,
        selector, subset_name, text, texts, whole, wildcard_domain,
    },
};

pub(super) fn destination_rule(subject: &Subject<'_>, problems: &mut Problems) {
    let spec = subject.spec;
    problems.note(wildcard_domain(text(spec, "/host")));
    if let Some(policy) = spec.get("trafficPolicy") {
        traffic_policy(policy, problems);
    }
    let mut seen = Vec::new();
    for subset in items(spec, "/subsets") {
        let name = text(subset, "/name");
        problems.unless(!seen.contains(&name), || format!("duplicate subset names: {name}"));
        seen.push(name);
        problems.note(subset_name(name));
        label_set(subset, "/labels", problems);
        if let Some(policy) = subset.get("trafficPolicy") {
            traffic_policy(policy, problems);
        }
    }
    export_to(spec, subject.namespace, false, problems);
    if has(spec, "/workloadSelector") {
        let beyond: Vec<&str> =
            texts(spec, "/exportTo").filter(|to| *to != "." && *to != subject.namespace).collect();
        problems.unless(beyond.is_empty(), || {
            "destination rule with workload selector cannot have exportTo beyond current namespace".into()
        });
    }
    selector(spec, "/workloadSelector", "/matchLabels", "", problems);
}

fn traffic_policy(policy: &Value, problems: &mut Problems) {
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
    let there = |name: &str| has(policy, &format!("/{name}"));
    if !FIELDS.iter().any(|field| there(field)) {
        problems.add("traffic policy must have at least one field");
        return;
    }
    problems.unless(!(there("tunnel") && there("proxyProtocol")), || {
        "tunnel and proxyProtocol must not be set together".into()
    });
    settings(policy, problems);
    for one in items(policy, "/portLevelSettings") {
        problems.unless(has(one, "/port"), || "portTrafficPolicy must have valid port".into());
        let any = FIELDS.iter().take(4).any(|field| has(one, &format!("/{field}")));
        problems.unless(any, || "port traffic policy must have at least one field".into());
        settings(one, problems);
    }
    if let Some(tunnel) = policy.get("tunnel") {
        problems.unless(matches!(text(tunnel, "/protocol"), "" | "CONNECT" | "POST"), || {
            "tunnel protocol must be \"CONNECT\" or \"POST\"".into()
        });
        let host = text(tunnel, "/targetHost");
        if let (Err(name), Err(address)) = (fqdn(host), address(host)) {
            problems.add(format!("tunnel target host must be valid FQDN or IP address: {name}; {address}"));
        }
        problems.note(
            port_number(whole(tunnel, "/targetPort"))
                .map_err(|words| format!("tunnel target port is invalid: {words}")),
        );
    }
    percent(policy, "/retryBudget/percent", problems);
}

fn settings(policy: &Value, problems: &mut Problems) {
    outlier_detection(policy, problems);
    if let Some(pool) = policy.get("connectionPool") {
        connection_pool(pool, problems);
    }
    load_balancer(policy, problems);
    if let Some(tls) = policy.get("tls") {
        tls::client(tls, problems);
    }
}

pub(super) fn connection_pool(pool: &Value, problems: &mut Problems) {
    problems.unless(has(pool, "/tcp") || has(pool, "/http"), || {
        "connection pool must have at least one field".into()
    });
    for (path, words) in [
        ("/http/http1MaxPendingRequests", "http1 max pending requests"),
        ("/http/http2MaxRequests", "http2 max requests"),
        ("/http/maxRequestsPerConnection", "max requests per connection"),
        ("/http/maxRetries", "max retries"),
        ("/http/maxConcurrentStreams", "max concurrent streams"),
        ("/tcp/maxConnections", "max connections"),
    ] {
        problems.unless(whole(pool, path) >= 0, || format!("{words} must be non-negative"));
    }
    for path in [
        "/http/idleTimeout",
        "/http/http2KeepAlive/interval",
        "/http/http2KeepAlive/timeout",
        "/tcp/connectTimeout",
        "/tcp/maxConnectionDuration",
        "/tcp/idleTimeout",
        "/tcp/tcpKeepalive/time",
        "/tcp/tcpKeepalive/interval",
    ] {
        duration(pool, path, problems);
    }
    problems.unless(
        !(text(pool, "/http/h2UpgradePolicy") == "UPGRADE" && flag(pool, "/http/useClientProtocol")),
        || "use client protocol must not be true when H2UpgradePolicy is UPGRADE".into(),
    );
}

fn outlier_detection(policy: &Value, problems: &mut Problems) {
    let Some(outlier) = policy.get("outlierDetection") else { return };
    duration(outlier, "/baseEjectionTime", problems);
    problems.warn_if(whole(outlier, "/consecutiveErrors") != 0, || {
        "outlier detection consecutive errors is deprecated, use consecutiveGatewayErrors or consecutive5xxErrors instead".into()
    });
    problems.unless(
        flag(outlier, "/splitExternalLocalOriginErrors") || whole(outlier, "/consecutiveLocalOriginFailures") <= 0,
        || "outlier detection consecutive local origin failures is specified, but split external local origin errors is set to false".into(),
    );
    duration(outlier, "/interval", problems);
    percent(outlier, "/maxEjectionPercent", problems);
    percent(outlier, "/minHealthPercent", problems);
}

fn load_balancer(policy: &Value, problems: &mut Problems) {
    let Some(balancer) = policy.get("loadBalancer") else { return };
    problems.warn_if(text(balancer, "/simple") == "LEAST_CONN", || {
        "LEAST_CONN is deprecated; use LEAST_REQUEST".into()
    });
    if let Some(hash) = balancer.get("consistentHash") {
        problems.unless(!has(hash, "/httpCookie") || !text(hash, "/httpCookie/name").is_empty(), || {
            "name required for HttpCookie".into()
        });
        let ttl = text(hash, "/httpCookie/ttl");
        problems.unless(ttl.is_empty() || crate::duration::parse(ttl).is_some_and(|ttl| ttl >= 0), || {
            format!("invalid duration format {ttl}")
        });
        let old = whole(hash, "/minimumRingSize") != 0;
        problems.warn_if(old, || {
            "consistent hash MinimumRingSize is deprecated, use ConsistentHashLB's RingHash configuration instead".into()
        });
        problems.unless(!(old && (has(hash, "/ringHash") || has(hash, "/maglev"))), || {
            "only one of MinimumRingSize or Maglev/Ringhash can be specified".into()
        });
        if has(hash, "/maglev") {
            let size = whole(hash, "/maglev/tableSize");
            problems.unless(size != 0, || "tableSize must be set for maglev".into());
            problems.unless(size < 5_000_011, || "tableSize must be less than 5000011 for maglev".into());
            problems.unless(is_prime(size), || "tableSize must be a prime number for maglev".into());
        }
    }
    locality(balancer, has(policy, "/outlierDetection"), problems);
    duration(balancer, "/warmupDurationSecs", problems);
    duration(balancer, "/warmup/duration", problems);
    problems.warn_if(has(balancer, "/warmupDurationSecs"), || {
        "warmupDurationSecs is deprecated; use warmup".into()
    });
}

fn is_prime(number: i64) -> bool {
    // A table that is too large is refused anyway.
    (2..5_000_011).contains(&number)
        && (2..).take_while(|factor| factor * factor <= number).all(|factor| number % factor != 0)
}

fn locality(balancer: &Value, outlier: bool, problems: &mut Problems) {
    let Some(setting) = balancer.get("localityLbSetting") else { return };
    let some = |name: &str| items(setting, &format!("/{name}")).next().is_some();
    if some("distribute") && some("failover") {
        problems.add("can not simultaneously specify 'distribute' and 'failover'");
        return;
    }
    if some("failover") {
        for label in texts(setting, "/failoverPriority") {
            let topology = matches!(
                label,
                "topology.kubernetes.io/region" | "topology.kubernetes.io/zone" | "topology.istio.io/subzone"
            );
            problems.unless(!topology, || {
                format!("can not simultaneously set 'failover' and topology label '{label}' in 'failover_priority'")
            });
        }
    }
    for one in items(setting, "/distribute") {
        let shares: Vec<i64> = entries(one, "/to").map(|(_, share)| share.as_i64().unwrap_or(0)).collect();
        problems.unless(shares.iter().all(|share| (1..=100).contains(share)), || {
            "locality weight must be in range [1, 100]".into()
        });
        let total: i64 = shares.iter().sum();
        problems.unless(total == 100, || format!("total locality weight {total} != 100"));
        places(&entries(one, "/to").map(|(to, _)| to.as_str()).collect::<Vec<_>>(), problems);
    }
    places(&items(setting, "/distribute").map(|one| text(one, "/from")).collect::<Vec<_>>(), problems);
    problems.warn_if((some("failover") || some("failoverPriority")) && !outlier, || {
        "outlier detection policy must be provided for failover".into()
    });
    for one in items(setting, "/failover") {
        let (from, to) = (text(one, "/from"), text(one, "/to"));
        problems.unless(from != to, || "locality lb failover settings must specify different regions".into());
        problems.unless(!from.contains('/') && !to.contains('/'), || {
            "locality lb failover only specify region".into()
        });
        problems.unless(!from.contains('*') && !to.contains('*'), || {
            "locality lb failover region should not contain '*' wildcard".into()
        });
    }
}

/// Localities: wildcards only at their end, no empty parts, none inside another.
fn places(localities: &[&str], problems: &mut Problems) {
    for (index, place) in localities.iter().enumerate() {
        let stars = place.matches('*').count();
        problems.unless(stars == 0 || (stars == 1 && place.ends_with('*')), || {
            format!("locality {place} wildcard '*' number can not exceed 1 and must be in the end")
        });
        problems.unless(!place.split('/').any(str::is_empty), || {
            format!("locality {place} must not contain empty region/zone/subzone info")
        });
        let root = place.trim_end_matches('*').trim_end_matches('/');
        let inside = localities.iter().enumerate().any(|(other, one)| {
            other != index
                && (*one == *place || (place.ends_with('*') && one.starts_with(root)) || *place == "*")
        });
        problems.unless(!inside, || format!("locality {place} overlaps with other localities"));
    }
}
