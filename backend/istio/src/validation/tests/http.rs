//! HTTP rules of VirtualServices.

use super::{of_http, table};
use serde_json::{Value, json};

fn ways(weights: &[i64]) -> Value {
    json!({"route": weights.iter().map(|weight| json!({"destination": {"host": "a", "subset": "v1"}, "weight": weight})).collect::<Value>()})
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
