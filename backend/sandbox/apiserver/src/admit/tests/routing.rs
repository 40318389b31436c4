//! VirtualServices and DestinationRules.

use serde_json::{Value, json};

use super::{table, with};

fn of_hosts(more: Value) -> Value {
    with(json!({"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]}), &more)
}

fn of_http(more: Value) -> Value {
    json!({"hosts": ["a"], "http": [with(json!({"route": [{"destination": {"host": "a"}}]}), &more)]})
}

fn of_match(one: Value) -> Value {
    of_http(json!({"match": [one]}))
}

fn ways(weights: &[i64]) -> Value {
    json!({"route": weights.iter().map(|weight| json!({"destination": {"host": "a", "subset": "v1"}, "weight": weight})).collect::<Value>()})
}

#[test]
fn hosts_and_gateways() {
    let way = json!([{"route": [{"destination": {"host": "a"}}]}]);
    table(
        "VirtualService",
        of_hosts,
        &[
            (json!({}), ""),
            (json!({"hosts": ["a.b.svc.cluster.local.", "*.example.com", "10.0.0.1"]}), ""),
            (
                json!({"hosts": ["*"]}),
                "wildcard host * is not allowed for virtual services bound to the mesh gateway",
            ),
            (json!({"hosts": ["*"], "gateways": ["n/g"]}), ""),
            (json!({"hosts": ["*"], "gateways": ["n/g", "mesh"]}), "wildcard host *"),
            (json!({"hosts": ["a b"]}), "domain name \"a b\" invalid (label \"a b\" invalid)"),
            (json!({"hosts": [""]}), "empty domain name not allowed"),
            (json!({"hosts": ["a*.example"]}), "label \"a*\" invalid"),
            (json!({"hosts": ["a", "a"]}), "duplicate hosts in virtual service: a & a"),
            (
                json!({"hosts": ["*.example.com", "x.example.com"]}),
                "duplicate hosts in virtual service: *.example.com & x.example.com",
            ),
            (json!({"gateways": ["n/"]}), "config namespace and gateway name cannot be empty"),
            (json!({"gateways": ["n_/g"]}), "invalid value for namespace: \"n_\""),
            (json!({"gateways": ["n/g.h"]}), "invalid value for gateway name: \"g.h\""),
            (
                json!({"gateways": ["g.n.svc.cluster.local"]}),
                "warns: prefer the <namespace>/<name> format: \"n/g\"",
            ),
            (json!({"http": null}), "http, tcp or tls must be provided in virtual service"),
            (
                json!({"hosts": [], "gateways": ["n/g"]}),
                "delegate virtual service must have no gateways specified",
            ),
            (json!({"hosts": [], "tcp": way}), "delegate virtual service must have no tcp route specified"),
            (json!({"hosts": [], "tls": way}), "delegate virtual service must have no tls route specified"),
            (json!({"hosts": []}), ""),
            (
                json!({"hosts": [], "http": [{"match": [{"method": {"regex": "GET"}}], "route": [{"destination": {"host": "a"}}]}]}),
                "method match does not support regex match for delegating",
            ),
            (json!({"exportTo": [".", "b"]}), ""),
            (json!({"exportTo": ["*", "b"]}), "cannot have both public (*) and non-public exportTo values"),
            (json!({"exportTo": ["b", "b"]}), "duplicate entries in exportTo for entry b"),
            (json!({"exportTo": ["n", "."]}), "duplicate entries in exportTo: . and current namespace n"),
            (json!({"exportTo": ["~"]}), "exportTo ~ (none) is not allowed"),
            (json!({"exportTo": ["a.b"]}), "a valid DNS 1123 label is allowed as exportTo entry"),
        ],
    );
}

#[test]
fn matches() {
    table(
        "VirtualService",
        of_match,
        &[
            (
                json!({"uri": {"prefix": "/x"}, "headers": {"end-user": {"exact": "jason"}, "x": {}}, "port": 80}),
                "",
            ),
            (json!({"uri": {"prefix": ""}}), "\"uri\": prefix string match should not be empty"),
            (json!({"uri": {"regex": ""}}), "\"uri\": regex string match should not be empty"),
            (json!({"uri": {"regex": "("}}), "Istio uses RE2 style regex-based match"),
            (json!({"method": {"regex": "*"}}), "\"method\""),
            (json!({"uri": {"regex": "x".repeat(1025)}}), "regex is too large, max length allowed is 1024"),
            (json!({"headers": {"": {"exact": "a"}}}), "header name cannot be empty"),
            (json!({"headers": {"a b": {"exact": "a"}}}), "header name a b is not a valid header name"),
            (json!({"withoutHeaders": {"a:b": {}}}), "header name a:b is not a valid header name"),
            (
                json!({"headers": {"@request.auth.claims.sub": {"exact": "a"}}}),
                "is only supported for gateway, found no gateways",
            ),
            (json!({"queryParams": {"a": {"regex": "["}}}), "\"queryParams\""),
            (json!({"port": 70_000}), "port number 70000 must be in the range 1..65535"),
            (json!({"sourceLabels": {"a b": "c"}}), "invalid tag key: \"a b\""),
            (json!({"sourceLabels": {"app": "c d"}}), "invalid tag value: \"c d\""),
            (json!({"gateways": ["x/"]}), "config namespace and gateway name cannot be empty"),
        ],
    );
}

#[test]
fn what_is_done_with_requests() {
    table(
        "VirtualService",
        of_http,
        &[
            (ways(&[90, 10]), ""),
            (ways(&[1, 1]), ""),
            (ways(&[0]), ""),
            (ways(&[-5, 105]), "weight -5 < 0"),
            (ways(&[0, 0]), "total destination weight = 0"),
            (json!({"route": [{"weight": 1}]}), "destination is required"),
            (json!({"route": [{"destination": {"host": "*"}}]}), "invalid destination host *"),
            (
                json!({"route": [{"destination": {"host": "a", "subset": "v_1"}}]}),
                "subset name is invalid: v_1",
            ),
            (
                json!({"route": [{"destination": {"host": "a", "port": {"number": 0}}}]}),
                "port number 0 must be in the range",
            ),
            (json!({"route": []}), "HTTP route, redirect or direct_response is required"),
            (json!({"redirect": {"uri": "/x"}}), "HTTP route cannot contain both route and redirect"),
            (
                json!({"directResponse": {"status": 200}}),
                "HTTP route cannot contain both route and direct_response",
            ),
            (
                json!({"route": null, "redirect": {"uri": "/x"}, "fault": {"abort": {"httpStatus": 500}}}),
                "both fault and redirect",
            ),
            (
                json!({"route": null, "redirect": {"uri": "/x"}, "rewrite": {"uri": "/y"}}),
                "both rewrite and redirect",
            ),
            (
                json!({"route": null, "redirect": {"uri": "/x"}, "directResponse": {"status": 200}}),
                "both redirect and direct_response",
            ),
            (json!({"route": null, "redirect": {}}), "redirect must specify URI, authority, scheme, or port"),
            (
                json!({"route": null, "redirect": {"uri": "/x", "redirectCode": 200}}),
                "200 is not a valid redirect code, must be 3xx",
            ),
            (json!({"route": null, "redirect": {"scheme": "ftp"}}), "invalid redirect scheme"),
            (json!({"route": null, "redirect": {"uri": "/x", "redirectCode": 308}}), ""),
            (
                json!({"route": null, "directResponse": {"status": 99}}),
                "HTTP status 99 is not in range 200-599",
            ),
            (json!({"route": null, "directResponse": {"status": 503, "body": {"string": "x"}}}), ""),
            (
                json!({"route": null, "directResponse": {"status": 200, "body": {"string": "x".repeat(200 * 1024)}}}),
                "warns: large direct_responses may impact control plane performance",
            ),
            (
                json!({"route": null, "directResponse": {"status": 200, "body": {"string": "x".repeat(1024 * 1024 + 1)}}}),
                "must be less than 1MB",
            ),
            (json!({"route": null, "delegate": {"name": "b"}}), ""),
            (
                json!({"route": null, "delegate": {"name": "b"}, "match": [{"uri": {"regex": "/a"}}]}),
                "url match does not support regex match for delegating",
            ),
            (
                json!({"route": null, "delegate": {"name": "b"}, "match": [{"headers": {"user": {"regex": "a"}}}]}),
                "header match user does not support regex match for delegating",
            ),
            (
                json!({"route": null, "delegate": {"name": "b"}, "match": [{"queryParams": {"q": {"regex": "a"}}}]}),
                "query param match q does not support regex match for delegating",
            ),
            (
                json!({"route": null, "delegate": {"name": "b"}, "match": [{"headers": {"user": {"exact": "a"}}}]}),
                "",
            ),
            (json!({"match": [{"headers": {"user": {"regex": "a"}}}]}), ""),
            (json!({"delegate": {"name": "b"}}), "root HTTP route must not contain route beside delegate"),
            (json!({"mirror": {"host": "b"}, "mirrorPercentage": {"value": 10}}), ""),
            (
                json!({"mirror": {"host": "b"}, "mirrors": [{"destination": {"host": "b"}}]}),
                "both mirror and mirrors",
            ),
            (
                json!({"mirror": {"host": "b"}, "mirrorPercentage": {"value": 200}}),
                "mirror_percentage must have a max value of 100",
            ),
            (
                json!({"mirror": {"host": "b"}, "mirrorPercent": 200}),
                "mirror_percent must have a max value of 100 (it has 200)",
            ),
            (json!({"mirror": {"host": "b"}, "mirrorPercent": 20}), "warns: mirrorPercent is deprecated"),
            (json!({"mirrors": [{"percentage": {"value": 1}}]}), "destination is required for mirrors"),
            (
                json!({"mirrors": [{"destination": {"host": "b"}, "percentage": {"value": -1}}]}),
                "must have a min value of 0",
            ),
            (json!({"timeout": "1.5us"}), "duration must be greater than 1ms"),
            (json!({"timeout": "1.5ms"}), "only durations to ms precision are supported"),
            (json!({"timeout": "1h"}), ""),
            (
                json!({"retries": {"attempts": 3, "retryOn": "5xx,503,connect-failure", "perTryTimeout": "2s"}}),
                "",
            ),
            (json!({"retries": {"attempts": 0}}), ""),
            (
                json!({"retries": {"attempts": 0, "retryOn": "5xx"}}),
                "http retry policy configured when attempts are set to 0 (disabled)",
            ),
            (json!({"retries": {"attempts": -1}}), "attempts cannot be negative"),
            (
                json!({"retries": {"attempts": 1, "retryOn": "whenever"}}),
                "\"whenever\" is not a valid retryOn policy",
            ),
            (json!({"retries": {"attempts": 1, "retryOn": "599"}}), "\"599\" is not a valid retryOn policy"),
            (json!({"retries": {"attempts": 1, "perTryTimeout": "soon"}}), "invalid duration format soon"),
            (json!({"rewrite": {"uri": "/x"}}), ""),
            (
                json!({"rewrite": {}}),
                "rewrite must specify at least one of URI, UriRegexRewrite, or authority",
            ),
            (
                json!({"rewrite": {"uri": "/x", "uriRegexRewrite": {"match": "a", "rewrite": "b"}}}),
                "rewrite may only contain one of URI or UriRegexRewrite",
            ),
            (
                json!({"rewrite": {"uriRegexRewrite": {"match": "a"}}}),
                "UriRegexRewrite requires both Rewrite and Match",
            ),
            (
                json!({"rewrite": {"uriRegexRewrite": {"match": "(", "rewrite": "b"}}}),
                "HTTPRewrite.UriRegexRewrite.Match",
            ),
            (
                json!({"rewrite": {"authority": "x"}, "headers": {"request": {"set": {"Host": "y"}}}}),
                "by rewrite or by headers, not by both",
            ),
        ],
    );
}

#[test]
fn faults_headers_and_origins() {
    table(
        "VirtualService",
        of_http,
        &[
            (
                json!({"fault": {"delay": {"percentage": {"value": 100}, "fixedDelay": "7s"}, "abort": {"httpStatus": 503}}}),
                "",
            ),
            (json!({"fault": {}}), "HTTP fault injection must have an abort and/or a delay"),
            (
                json!({"fault": {"abort": {"percentage": {"value": 101}, "httpStatus": 503}}}),
                "percentage 101 is neither 0.0, nor in range [0.0001, 100.0]",
            ),
            (
                json!({"fault": {"abort": {"percentage": {"value": -5}, "httpStatus": 503}}}),
                "percentage -5 is neither 0.0",
            ),
            (
                json!({"fault": {"abort": {"percentage": {"value": 0.00001}, "httpStatus": 503}}}),
                "percentage 0.00001 is neither",
            ),
            (json!({"fault": {"abort": {"httpStatus": 99}}}), "HTTP status 99 is not in range 200-599"),
            (json!({"fault": {"abort": {"grpcStatus": "UNAVAILABLE"}}}), ""),
            (json!({"fault": {"abort": {"grpcStatus": "SAD"}}}), "gRPC status \"SAD\" is not supported"),
            (
                json!({"fault": {"abort": {"http2Error": "X"}}}),
                "HTTP/2 abort fault injection not supported yet",
            ),
            (json!({"fault": {"abort": {}}}), "warns: abort configured, but error type not set"),
            (json!({"fault": {"delay": {"fixedDelay": "soon"}}}), "invalid duration format soon"),
            (json!({"fault": {"delay": {"exponentialDelay": "1s"}}}), "exponentialDelay not supported yet"),
            (
                json!({"fault": {"delay": {"percent": 101, "fixedDelay": "1s"}}}),
                "percentage 101 is not in range 0..100",
            ),
            (
                json!({"fault": {"delay": {"percent": 10, "fixedDelay": "1s"}}}),
                "warns: fault.delay.percent is deprecated",
            ),
            (
                json!({"headers": {"request": {"set": {"x": "%DOWNSTREAM_REMOTE_ADDRESS%", "Host": "a"}, "remove": ["y"]}}}),
                "",
            ),
            (json!({"headers": {"request": {"set": {"": "x"}}}}), "header name cannot be empty"),
            (
                json!({"headers": {"request": {"add": {":path": "x"}}}}),
                "invalid header \":path\": header cannot have \":\" prefix",
            ),
            (
                json!({"headers": {"request": {"remove": ["host"]}}}),
                "invalid header \"host\": cannot set Host header",
            ),
            (json!({"headers": {"response": {"set": {"host": "x"}}}}), "cannot set Host header"),
            (json!({"headers": {"response": {"set": {"x": "100%"}}}}), "single % not allowed"),
            (
                json!({"headers": {"response": {"set": {"x": "a\nb"}}}}),
                "header value configuration a\nb is invalid",
            ),
            (
                json!({"route": [{"destination": {"host": "a"}, "headers": {"request": {"set": {":x": "a"}}}}]}),
                "header cannot have \":\" prefix",
            ),
            (
                json!({"corsPolicy": {"allowOrigins": [{"exact": "*"}], "allowMethods": ["GET"], "allowHeaders": ["*", "x-a"], "maxAge": "24h"}}),
                "",
            ),
            (json!({"corsPolicy": {"allowMethods": ["FETCH"]}}), "\"FETCH\" is not a supported HTTP method"),
            (
                json!({"corsPolicy": {"allowOrigins": [{}]}}),
                "is not a valid match type for CORS allow origins",
            ),
            (json!({"corsPolicy": {"allowOrigins": [{"regex": "("}]}}), "corsPolicy.allowOrigins"),
            (json!({"corsPolicy": {"exposeHeaders": ["a b"]}}), "header name a b is not a valid header name"),
            (
                json!({"corsPolicy": {"maxAge": "1.5s"}}),
                "max_age duration is accurate only to seconds precision",
            ),
            (json!({"corsPolicy": {"allowOrigin": ["*"]}}), "warns: corsPolicy.allowOrigin is deprecated"),
        ],
    );
}

#[test]
fn other_protocols() {
    let way = json!([{"destination": {"host": "a"}}]);
    let tcp = |route: Value| json!({"hosts": ["a"], "tcp": [route]});
    table(
        "VirtualService",
        tcp,
        &[
            (
                json!({"match": [{"port": 80, "destinationSubnets": ["10.0.0.0/8", "::1"], "sourceLabels": {"app": "x"}}], "route": way}),
                "",
            ),
            (json!({}), "TCP route is required"),
            (
                json!({"match": [{"destinationSubnets": ["10.0.0.0/33"]}], "route": way}),
                "10.0.0.0/33 is not a valid CIDR block",
            ),
            (json!({"match": [{"destinationSubnets": ["here"]}], "route": way}), "here is not a valid IP"),
            (json!({"match": [{"port": -1}], "route": way}), "port number -1 must be in the range"),
        ],
    );
    let tls = |route: Value| json!({"hosts": ["*.a.example"], "gateways": ["n/g"], "tls": [route]});
    table(
        "VirtualService",
        tls,
        &[
            (json!({"match": [{"sniHosts": ["x.a.example"], "port": 443}], "route": way}), ""),
            (json!({"route": way}), "TLS route must have at least one match condition"),
            (json!({"match": [{"port": 443}], "route": way}), "TLS match must have at least one SNI host"),
            (json!({"match": [{"sniHosts": ["x.a.example"]}]}), "TLS route is required"),
            (
                json!({"match": [{"sniHosts": ["x.b.example"]}], "route": way}),
                "SNI host \"x.b.example\" is not a compatible subset of any of the virtual service hosts: [*.a.example]",
            ),
            (
                json!({"match": [{"sniHosts": ["10.0.0.1"]}], "route": way}),
                "warns: using an IP address (\"10.0.0.1\") goes against SNI spec",
            ),
        ],
    );
}

#[test]
fn rules_that_nothing_reaches() {
    let rules = |routes: Value| {
        let routes: Value = routes
            .as_array()
            .unwrap()
            .iter()
            .map(|route| with(json!({"route": [{"destination": {"host": "a"}}]}), route))
            .collect();
        json!({"hosts": ["a"], "http": routes})
    };
    let prefix = |text: &str| json!({"match": [{"uri": {"prefix": text}}]});
    table(
        "VirtualService",
        rules,
        &[
            (json!([prefix("/a/b"), prefix("/a"), {}]), ""),
            (
                json!([{}, {"name": "last"}]),
                "warns: virtualService rule \"last\" not used (only the last rule can have no matches)",
            ),
            (
                json!([prefix("/a"), prefix("/a")]),
                "warns: virtualService rule #1 not used (all matches used by prior rules)",
            ),
            (
                json!([prefix("/a"), {"match": [{"name": "m", "uri": {"prefix": "/a"}}, {"uri": {"prefix": "/c"}}]}]),
                "warns: virtualService rule #1 match \"m\" is not used (duplicate/overlapping match in rule #0)",
            ),
            (
                json!([prefix("/a"), prefix("/a/b")]),
                "warns: virtualService rule #1 match #0 of prefix /a/b is not used (duplicate/overlapping match in rule #0 of prefix /a on #0)",
            ),
            (
                json!([prefix("/a"), {"match": [{"uri": {"prefix": "/a/b"}, "headers": {"x": {"exact": "1"}}}]}]),
                "",
            ),
        ],
    );
}

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
