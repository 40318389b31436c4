//! VirtualServices: hosts, gateways, matches, other protocols than HTTP.

use super::{of_http, table, with};
use serde_json::{Value, json};

fn of_hosts(more: Value) -> Value {
    with(json!({"hosts": ["a"], "http": [{"route": [{"destination": {"host": "a"}}]}]}), &more)
}

fn of_match(one: Value) -> Value {
    of_http(json!({"match": [one]}))
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
