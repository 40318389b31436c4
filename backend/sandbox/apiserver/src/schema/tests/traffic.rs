//! VirtualService and DestinationRule.

use serde_json::{Value, json};

use super::{DURATION, said, table, with};

#[test]
fn virtual_service() {
    let http = |route: Value| json!({"hosts": ["a"], "http": [route]});
    let duration = |field: &str| {
        let route = |text: &str| {
            let mut route = json!({});
            let (path, last) = field.rsplit_once('/').unwrap();
            let mut at = &mut route;
            for name in path.split('/').filter(|name| !name.is_empty()) {
                at[name] = json!({});
                at = &mut at[name];
            }
            at[last] = json!(text);
            http(route)
        };
        let words = format!("spec.http[0]{}: Invalid value: \"0.5ms\": {DURATION}", field.replace('/', "."));
        table("VirtualService", vec![(route("1h30m"), route("0.5ms"), words.as_str())]);
        assert!(!said("VirtualService", &route("soon")).is_empty());
    };
    for field in [
        "/timeout",
        "/retries/perTryTimeout",
        "/retries/backoff",
        "/fault/delay/fixedDelay",
        "/fault/delay/exponentialDelay",
        "/corsPolicy/maxAge",
    ] {
        duration(field);
    }
    let one_of = |path: &str, count: usize| {
        format!(
            "<nil>: Invalid value: \"\": \"spec.http[0].{path}\" must validate one and only one schema \
                (oneOf). Found {count} valid alternatives"
        )
    };
    table(
        "VirtualService",
        vec![
            (
                http(json!({"match": [{"uri": {"prefix": "/"}}, {"headers": {"a": {}}}]})),
                http(json!({"match": [{"uri": {"prefix": "/", "exact": "/"}}]})),
                &one_of("match[0].uri", 2),
            ),
            (
                http(json!({"match": [{"headers": {"a": {"regex": "x"}}}]})),
                http(json!({"match": [{"headers": {"a": {"regex": "x", "exact": "x", "prefix": "x"}}}]})),
                &one_of("match[0].headers.a", 3),
            ),
            (
                http(json!({"redirect": {"port": 1}})),
                http(json!({"redirect": {"port": 1, "derivePort": "FROM_REQUEST_PORT"}})),
                &one_of("redirect", 2),
            ),
            (
                http(json!({"fault": {"abort": {"httpStatus": 500}}})),
                http(json!({"fault": {"abort": {"httpStatus": 500, "grpcStatus": "OK"}}})),
                &one_of("fault.abort", 2),
            ),
            (
                http(json!({"directResponse": {"status": 200, "body": {"string": "a"}}})),
                http(json!({"directResponse": {"status": 200, "body": {"string": "a", "bytes": "YQ=="}}})),
                &one_of("directResponse.body", 2),
            ),
            (
                http(json!({"route": [{"destination": {"host": "a"}, "weight": 1}]})),
                http(json!({"route": [{"destination": {"subset": "a"}}]})),
                "spec.http[0].route[0].destination.host: Required value",
            ),
            (
                http(json!({"corsPolicy": {"unmatchedPreflights": "IGNORE"}})),
                http(json!({"corsPolicy": {"unmatchedPreflights": "SEND"}})),
                "spec.http[0].corsPolicy.unmatchedPreflights: Unsupported value: \"SEND\": supported values: \
                    \"UNSPECIFIED\", \"FORWARD\", \"IGNORE\"",
            ),
            (
                http(json!({"match": [{"port": 80}]})),
                http(json!({"match": [{"port": -1}]})),
                "spec.http[0].match[0].port: Invalid value: -1: spec.http[0].match[0].port in body should be \
                    greater than or equal to 0",
            ),
            (
                http(json!({"corsPolicy": {"allowCredentials": null}})),
                http(json!({"match": null})),
                "spec.http[0].match: Invalid value: \"null\": spec.http[0].match in body must be of type \
                    array: \"null\"",
            ),
        ],
    );
}

/// The places in a DestinationRule that have a traffic policy, and the path to each.
fn policies(policy: &Value) -> Vec<(Value, &'static str)> {
    let port = with(policy.clone(), json!({"port": {"number": 80}}));
    vec![
        (json!({"host": "a", "trafficPolicy": policy}), "spec.trafficPolicy"),
        (
            json!({"host": "a", "trafficPolicy": {"portLevelSettings": [port]}}),
            "spec.trafficPolicy.portLevelSettings[0]",
        ),
        (
            json!({"host": "a", "subsets": [{"name": "v1", "trafficPolicy": policy}]}),
            "spec.subsets[0].trafficPolicy",
        ),
        (
            json!({"host": "a", "subsets": [{"name": "v1", "trafficPolicy": {"portLevelSettings": [port]}}]}),
            "spec.subsets[0].trafficPolicy.portLevelSettings[0]",
        ),
    ]
}

#[test]
fn destination_rule() {
    let both = |taken: Value, refused: Value, words: &str| {
        for ((taken, _), (refused, path)) in policies(&taken).into_iter().zip(policies(&refused)) {
            table("DestinationRule", vec![(taken, refused, words.replace("PATH", path).as_str())]);
        }
    };
    for field in [
        "connectionPool.tcp.connectTimeout",
        "connectionPool.tcp.idleTimeout",
        "connectionPool.tcp.maxConnectionDuration",
        "connectionPool.tcp.tcpKeepalive.time",
        "connectionPool.tcp.tcpKeepalive.interval",
        "connectionPool.http.idleTimeout",
        "outlierDetection.interval",
        "outlierDetection.baseEjectionTime",
        "loadBalancer.warmupDurationSecs",
        "loadBalancer.warmup.duration",
    ] {
        let value = |text: &str| field.rsplit('.').fold(json!(text), |inner, name| json!({ name: inner }));
        both(value("1s"), value("0s"), &format!("PATH.{field}: Invalid value: \"0s\": {DURATION}"));
    }
    let balancer = |fields: Value| json!({ "loadBalancer": fields });
    both(
        balancer(json!({"warmup": {"duration": "1s"}})),
        balancer(json!({"warmup": {"duration": "1s"}, "warmupDurationSecs": "1s"})),
        "PATH.loadBalancer: Invalid value: \"object\": only one of warmupDurationSecs or warmup can be set",
    );
    both(
        balancer(json!({"simple": "RANDOM"})),
        balancer(json!({"simple": "RANDOM", "consistentHash": {}})),
        "<nil>: Invalid value: \"\": \"PATH.loadBalancer\" must validate one and only one schema (oneOf). \
            Found 2 valid alternatives",
    );
    both(
        balancer(json!({"consistentHash": {"useSourceIp": true, "maglev": {"tableSize": 7}}})),
        balancer(json!({"consistentHash": {"useSourceIp": true, "httpHeaderName": "a",
                "httpCookie": {"name": "a"}}})),
        "<nil>: Invalid value: \"\": \"PATH.loadBalancer.consistentHash\" must validate one and only one \
            schema (oneOf). Found 3 valid alternatives",
    );
    both(
        balancer(json!({"warmup": {"duration": "1s", "minimumPercent": 100}})),
        balancer(json!({"warmup": {"duration": "1s", "minimumPercent": 101}})),
        "PATH.loadBalancer.warmup.minimumPercent: Invalid value: 101: \
            PATH.loadBalancer.warmup.minimumPercent in body should be less than or equal to 100",
    );
    both(
        json!({"connectionPool": {"tcp": {"maxConnections": 1}}}),
        json!({"connectionPool": {"tcp": {"maxConnections": 3_000_000_000_i64}}}),
        "PATH.connectionPool.tcp.maxConnections: Invalid value: 3000000000: \
            PATH.connectionPool.tcp.maxConnections in body must be of type int32: \"3000000000\"",
    );
    let selector =
        |key: &str, value: &str| json!({"host": "a", "workloadSelector": {"matchLabels": {key: value}}});
    table(
        "DestinationRule",
        vec![
            (
                selector("app", "a"),
                selector("a*", "a"),
                "spec.workloadSelector.matchLabels: Invalid value: \"object\": wildcard not allowed in label \
                    key match",
            ),
            (
                selector("app", "a"),
                selector("", "a"),
                "spec.workloadSelector.matchLabels: Invalid value: \"object\": key must not be empty",
            ),
            (
                selector("app", "a"),
                selector("app", "*"),
                "spec.workloadSelector.matchLabels.app: Invalid value: \"*\": wildcard not allowed in label \
                    value match",
            ),
        ],
    );
}
