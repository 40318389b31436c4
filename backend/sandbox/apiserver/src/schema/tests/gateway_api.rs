//! The Gateway API's rules.

use serde_json::{Value, json};

use super::table;

#[test]
fn http_routes() {
    let rule = |rule: Value| json!({"parentRefs": [{"name": "door"}], "rules": [rule]});
    let backend = json!([{"name": "web", "port": 80}]);
    let filter = |filter: Value| rule(json!({"filters": [filter]}));
    let prefix = json!([{"path": {"type": "PathPrefix", "value": "/a"}}]);
    let rewrite = json!([{"type": "URLRewrite",
        "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/b"}}}]);
    let redirect = json!([{"type": "RequestRedirect", "requestRedirect": {"hostname": "a.example"}}]);
    table(
        "HTTPRoute",
        vec![
            (
                rule(json!({"backendRefs": backend})),
                rule(json!({"backendRefs": [{"name": "web"}]})),
                "spec.rules[0].backendRefs[0]: Invalid value: \"object\": Must have port for Service \
                    reference",
            ),
            (
                rule(json!({"matches": [{"path": {"type": "RegularExpression", "value": "a.*"}}]})),
                rule(json!({"matches": [{"path": {"value": "a"}}]})),
                "spec.rules[0].matches[0].path: Invalid value: \"object\": value must be an absolute path \
                    and start with '/' when type one of ['Exact', 'PathPrefix']",
            ),
            (
                filter(json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}})),
                filter(json!({"type": "RequestHeaderModifier", "cors": {}})),
                "spec.rules[0].filters[0]: Invalid value: \"object\": the part that filter.type names must \
                    be specified, and no other",
            ),
            (
                rule(json!({"filters": redirect})),
                rule(json!({"filters": redirect, "backendRefs": backend})),
                "spec.rules[0]: Invalid value: \"object\": RequestRedirect filter must not be used together \
                    with backendRefs",
            ),
            (
                rule(json!({"filters": rewrite, "matches": prefix, "backendRefs": backend})),
                rule(json!({"filters": rewrite, "backendRefs": backend})),
                "spec.rules[0]: Invalid value: \"object\": with path.replacePrefixMatch, exactly one \
                    PathPrefix match must be specified",
            ),
            (
                rule(json!({"timeouts": {"request": "2s", "backendRequest": "1s"}})),
                rule(json!({"timeouts": {"request": "1s", "backendRequest": "2s"}})),
                "spec.rules[0].timeouts: Invalid value: \"object\": backendRequest timeout cannot be longer \
                    than request timeout",
            ),
        ],
    );
}
