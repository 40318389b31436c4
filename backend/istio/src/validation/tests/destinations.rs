//! DestinationRules.

use super::{table, with};
use serde_json::{Value, json};

#[test]
fn destination_rules() {
    let rule = |fields: Value| with(json!({"host": "a"}), &fields);
    table(
        "DestinationRule",
        rule,
        &[
            (json!({"subsets": [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2"}]}), ""),
            (json!({"host": ""}), "empty domain name not allowed"),
            (json!({"host": "*.example.com"}), ""),
            (json!({"subsets": [{"labels": {"version": "v1"}}]}), "subset name cannot be empty"),
            (json!({"subsets": [{"name": "v_1"}]}), "subset name is invalid: v_1"),
            (json!({"subsets": [{"name": "v1"}, {"name": "v1"}]}), "duplicate subset names: v1"),
            (
                json!({"subsets": [{"name": "v1", "labels": {"version": "a b"}}]}),
                "invalid tag value: \"a b\"",
            ),
            (
                json!({"subsets": [{"name": "v1", "trafficPolicy": {}}]}),
                "traffic policy must have at least one field",
            ),
            (json!({"workloadSelector": {"matchLabels": {"app": "x"}}, "exportTo": ["."]}), ""),
            (
                json!({"workloadSelector": {"matchLabels": {"app": "x"}}, "exportTo": ["*"]}),
                "destination rule with workload selector cannot have exportTo beyond current namespace",
            ),
            (json!({"workloadSelector": {}}), "warns: workload selector specified without labels"),
        ],
    );
    let policy = |fields: Value| json!({"host": "a", "trafficPolicy": fields});
    table(
        "DestinationRule",
        policy,
        &[
            (json!({}), "traffic policy must have at least one field"),
            (json!({"portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}]}), ""),
            (
                json!({"portLevelSettings": [{"tls": {"mode": "DISABLE"}}]}),
                "portTrafficPolicy must have valid port",
            ),
            (
                json!({"portLevelSettings": [{"port": {"number": 80}}]}),
                "port traffic policy must have at least one field",
            ),
            (
                json!({"outlierDetection": {"maxEjectionPercent": 150}}),
                "percentage 150 is not in range 0..100",
            ),
            (json!({"outlierDetection": {"minHealthPercent": -1}}), "percentage -1 is not in range 0..100"),
            (
                json!({"outlierDetection": {"consecutiveErrors": 1}}),
                "warns: outlier detection consecutive errors is deprecated",
            ),
            (
                json!({"outlierDetection": {"consecutiveLocalOriginFailures": 1}}),
                "split external local origin errors is set to false",
            ),
            (json!({"outlierDetection": {"interval": "0s"}}), "duration must be greater than 1ms"),
            (json!({"connectionPool": {}}), "connection pool must have at least one field"),
            (
                json!({"connectionPool": {"tcp": {"maxConnections": -1}}}),
                "max connections must be non-negative",
            ),
            (
                json!({"connectionPool": {"http": {"http1MaxPendingRequests": -1}}}),
                "http1 max pending requests must be non-negative",
            ),
            (
                json!({"connectionPool": {"http": {"http2MaxRequests": -1}}}),
                "http2 max requests must be non-negative",
            ),
            (json!({"connectionPool": {"http": {"maxRetries": -1}}}), "max retries must be non-negative"),
            (
                json!({"connectionPool": {"http": {"maxConcurrentStreams": -1}}}),
                "max concurrent streams must be non-negative",
            ),
            (
                json!({"connectionPool": {"http": {"h2UpgradePolicy": "UPGRADE", "useClientProtocol": true}}}),
                "use client protocol must not be true when H2UpgradePolicy is UPGRADE",
            ),
            (
                json!({"connectionPool": {"tcp": {"connectTimeout": "1.5ms"}}}),
                "only durations to ms precision",
            ),
            (json!({"loadBalancer": {"simple": "LEAST_CONN"}}), "warns: LEAST_CONN is deprecated"),
            (
                json!({"loadBalancer": {"consistentHash": {"httpCookie": {"ttl": "0s"}}}}),
                "name required for HttpCookie",
            ),
            (
                json!({"loadBalancer": {"consistentHash": {"httpCookie": {"name": "a", "ttl": "x"}}}}),
                "invalid duration format x",
            ),
            (
                json!({"loadBalancer": {"consistentHash": {"useSourceIp": true, "minimumRingSize": 5}}}),
                "warns: MinimumRingSize is deprecated",
            ),
            (
                json!({"loadBalancer": {"consistentHash": {"minimumRingSize": 5, "ringHash": {}}}}),
                "only one of MinimumRingSize or Maglev/Ringhash",
            ),
            (
                json!({"loadBalancer": {"consistentHash": {"useSourceIp": true, "maglev": {"tableSize": 65_537}}}}),
                "",
            ),
            (
                json!({"loadBalancer": {"consistentHash": {"maglev": {"tableSize": 8}}}}),
                "tableSize must be a prime number for maglev",
            ),
            (json!({"loadBalancer": {"consistentHash": {"maglev": {}}}}), "tableSize must be set for maglev"),
            (
                json!({"loadBalancer": {"consistentHash": {"maglev": {"tableSize": 5_000_011}}}}),
                "tableSize must be less than 5000011",
            ),
            (json!({"tls": {"mode": "MUTUAL"}}), "client certificate required for mutual tls"),
            (
                json!({"tls": {"mode": "MUTUAL", "clientCertificate": "a"}}),
                "private key required for mutual tls",
            ),
            (
                json!({"tls": {"mode": "MUTUAL", "credentialName": "s", "caCertificates": "a"}}),
                "If credentialName is set",
            ),
            (
                json!({"tls": {"mode": "SIMPLE", "insecureSkipVerify": true, "caCertificates": "a"}}),
                "when InsecureSkipVerify is set true",
            ),
            (json!({"tls": {"mode": "ISTIO_MUTUAL"}}), ""),
            (json!({"tunnel": {"protocol": "POST", "targetHost": "a.example", "targetPort": 80}}), ""),
            (
                json!({"tunnel": {"protocol": "GET", "targetHost": "a.example", "targetPort": 80}}),
                "tunnel protocol must be \"CONNECT\" or \"POST\"",
            ),
            (
                json!({"tunnel": {"targetHost": "*.example", "targetPort": 80}}),
                "tunnel target host must be valid FQDN or IP address",
            ),
            (json!({"tunnel": {"targetHost": "10.0.0.1", "targetPort": 0}}), "tunnel target port is invalid"),
            (
                json!({"tunnel": {"targetHost": "a", "targetPort": 1}, "proxyProtocol": {}}),
                "tunnel and proxyProtocol must not be set together",
            ),
            (json!({"retryBudget": {"percent": 20}}), ""),
        ],
    );
    let locality = |fields: Value| json!({"host": "a", "trafficPolicy": {"outlierDetection": {}, "loadBalancer": {"localityLbSetting": fields}}});
    table(
        "DestinationRule",
        locality,
        &[
            (json!({"distribute": [{"from": "a/*", "to": {"a/*": 80, "b/*": 20}}]}), ""),
            (json!({"distribute": [{"from": "a/*", "to": {"a/*": 80}}]}), "total locality weight 80 != 100"),
            (
                json!({"distribute": [{"from": "a/*", "to": {"a/*": 101}}]}),
                "locality weight must be in range [1, 100]",
            ),
            (
                json!({"distribute": [{"from": "*/a", "to": {"a": 100}}]}),
                "number can not exceed 1 and must be in the end",
            ),
            (
                json!({"distribute": [{"from": "a", "to": {"a/*": 50, "a/b": 50}}]}),
                "overlaps with other localities",
            ),
            (
                json!({"distribute": [{"from": "a//b", "to": {"a": 100}}]}),
                "must not contain empty region/zone/subzone info",
            ),
            (json!({"failover": [{"from": "a", "to": "b"}]}), ""),
            (json!({"failover": [{"from": "a", "to": "a"}]}), "must specify different regions"),
            (json!({"failover": [{"from": "a/b", "to": "c"}]}), "locality lb failover only specify region"),
            (json!({"failover": [{"from": "*", "to": "c"}]}), "should not contain '*' wildcard"),
            (
                json!({"distribute": [{"from": "a", "to": {"a": 100}}], "failover": [{"from": "a", "to": "b"}]}),
                "can not simultaneously specify 'distribute' and 'failover'",
            ),
            (
                json!({"failover": [{"from": "a", "to": "b"}], "failoverPriority": ["topology.kubernetes.io/region"]}),
                "can not simultaneously set 'failover' and topology label",
            ),
        ],
    );
    let alone = |fields: Value| json!({"host": "a", "trafficPolicy": {"loadBalancer": {"localityLbSetting": fields}}});
    table(
        "DestinationRule",
        alone,
        &[(
            json!({"failover": [{"from": "a", "to": "b"}]}),
            "warns: outlier detection policy must be provided for failover",
        )],
    );
}
