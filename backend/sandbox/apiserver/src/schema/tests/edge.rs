//! What stands at the edge, and what single proxies are told.

use serde_json::{Value, json};

use super::{DURATION, said, table, with};

#[test]
fn the_edge() {
    let server = |tls: Value| {
        json!({"servers": [{"port": {"number": 443, "name": "a", "protocol": "HTTPS"},
        "hosts": ["*"], "tls": tls}]})
    };
    let certificates = json!([{"serverCertificate": "a", "privateKey": "b"}]);
    table(
        "Gateway",
        vec![
            (
                server(json!({"credentialNames": ["a", "b"]})),
                server(json!({"credentialNames": ["a"], "tlsCertificates": certificates})),
                "spec.servers[0].tls: Invalid value: \"object\": only one of credentialNames or \
                    tlsCertificates can be set",
            ),
            (
                server(json!({"credentialName": "a"})),
                server(json!({"credentialName": "a", "credentialNames": ["b"]})),
                "spec.servers[0].tls: Invalid value: \"object\": only one of credentialName or \
                    credentialNames can be set",
            ),
            (
                server(json!({"tlsCertificates": certificates})),
                server(json!({"credentialName": "a", "tlsCertificates": certificates})),
                "spec.servers[0].tls: Invalid value: \"object\": only one of credentialName or \
                    tlsCertificates can be set",
            ),
            (
                server(json!({"credentialNames": ["a", "b"]})),
                server(json!({"credentialNames": ["a", "b", "c"]})),
                "spec.servers[0].tls.credentialNames: Too many: 3: must have at most 2 items",
            ),
        ],
    );
    let entry = |more: Value| with(json!({"hosts": ["a.example"], "resolution": "STATIC"}), more);
    let at =
        |address: &str, more: Value| entry(json!({"endpoints": [with(json!({"address": address}), more)]}));
    let port = |fields: Value| entry(json!({"ports": [with(json!({"name": "a", "number": 80}), fields)]}));
    table(
        "ServiceEntry",
        vec![
            (
                entry(json!({"workloadSelector": {"labels": {"app": "a"}}})),
                entry(json!({"workloadSelector": {}, "endpoints": [{"address": "1.1.1.1"}]})),
                "spec: Invalid value: \"object\": only one of WorkloadSelector or Endpoints can be set",
            ),
            (
                entry(json!({"addresses": ["10.0.0.0/8"]})),
                entry(json!({"addresses": ["10.0.0.0/8"], "resolution": "DNS"})),
                "spec: Invalid value: \"object\": CIDR addresses are allowed only for NONE/STATIC resolution \
                    types",
            ),
            (
                entry(json!({"resolution": "NONE"})),
                json!({"hosts": ["a.example"], "endpoints": [{"address": "1.1.1.1"}]}),
                "spec: Invalid value: \"object\": NONE mode cannot set endpoints",
            ),
            (
                entry(json!({"resolution": "DNS_ROUND_ROBIN", "endpoints": [{"address": "a.example"}]})),
                entry(json!({"resolution": "DNS_ROUND_ROBIN", "endpoints": [{"address": "a.example"},
                        {"address": "b.example"}]})),
                "spec: Invalid value: \"object\": DNS_ROUND_ROBIN mode cannot have multiple endpoints",
            ),
            (
                entry(json!({})),
                json!({"hosts": ["*"]}),
                "spec.hosts[0]: Invalid value: \"*\": hostname cannot be wildcard",
            ),
            (
                entry(json!({})),
                json!({"hosts": []}),
                "spec.hosts: Invalid value: 0: spec.hosts in body should have at least 1 items",
            ),
            (
                port(json!({})),
                port(json!({"number": 70_000})),
                "spec.ports[0].number: Invalid value: 70000: port must be between 1-65535",
            ),
            (
                port(json!({"targetPort": 1})),
                port(json!({"targetPort": 0})),
                "spec.ports[0].targetPort: Invalid value: 0: port must be between 1-65535",
            ),
            (
                entry(json!({"ports": [{"name": "a", "number": 80}, {"name": "b", "number": 81}]})),
                entry(json!({"ports": [{"name": "a", "number": 80}, {"name": "b", "number": 80}]})),
                "spec.ports: Invalid value: \"array\": port number cannot be duplicated",
            ),
            (
                port(json!({})),
                entry(json!({"ports": [{"name": "a", "number": 80}, {"name": "a", "number": 81}]})),
                "spec.ports[1]: Duplicate value: {\"name\":\"a\"}",
            ),
            (
                entry(json!({"workloadSelector": {"labels": {"app": "a"}}})),
                entry(json!({"workloadSelector": {"labels": {"app": "*"}}})),
                "spec.workloadSelector.labels.app: Invalid value: \"*\": wildcard is not supported in \
                    selector",
            ),
            (
                at("1.1.1.1", json!({})),
                at("unix://a", json!({})),
                "spec.endpoints[0].address: Invalid value: \"unix://a\": UDS must be an absolute path or \
                    abstract socket",
            ),
        ],
    );
}

#[test]
fn workload_entries_and_groups() {
    for (kind, path, wrap) in [
        ("WorkloadEntry", "spec", (|spec| spec) as fn(Value) -> Value),
        ("WorkloadGroup", "spec.template", |template| json!({ "template": template })),
        (
            "ServiceEntry",
            "spec.endpoints[0]",
            |endpoint| json!({"hosts": ["a.example"], "resolution": "STATIC", "endpoints": [endpoint]}),
        ),
    ] {
        let row = |taken: Value, refused: Value, words: &str| {
            table(kind, vec![(wrap(taken), wrap(refused), words.replace("PATH", path).as_str())]);
        };
        let address = |text: &str| json!({"address": text});
        let ports = |name: &str, number: i64| json!({"address": "1.1.1.1", "ports": {name: number}});
        row(
            address("unix:///a"),
            address("unix://a"),
            "PATH.address: Invalid value: \"unix://a\": UDS must be an absolute path or abstract socket",
        );
        row(
            address("unix://@a"),
            address("unix:///a/"),
            "PATH.address: Invalid value: \"unix:///a/\": UDS may not be a dir",
        );
        row(
            address("unix:///a"),
            json!({"address": "unix:///a", "ports": {"http": 80}}),
            "PATH: Invalid value: \"object\": UDS may not include ports",
        );
        row(
            ports("http", 80),
            ports("http", 0),
            "PATH.ports.http: Invalid value: 0: port must be between 1-65535",
        );
        row(
            ports("http-1", 80),
            ports("http_1", 80),
            "PATH.ports: Invalid value: \"object\": port name must be valid",
        );
        if kind == "WorkloadGroup" {
            assert_eq!(
                said(kind, &wrap(json!({}))),
                Vec::<String>::new(),
                "the address of a template is filled in later"
            );
        } else {
            row(
                json!({"network": "n"}),
                json!({"labels": {}}),
                "PATH: Invalid value: \"object\": Address is required",
            );
        }
    }
    let probe = |probe: Value| json!({"template": {}, "probe": probe});
    let get = |port: i64, scheme: &str| probe(json!({"httpGet": {"port": port, "scheme": scheme}}));
    table(
        "WorkloadGroup",
        vec![
            (
                get(80, "HTTP"),
                get(0, "HTTP"),
                "spec.probe.httpGet.port: Invalid value: 0: port must be between 1-65535",
            ),
            (
                get(80, "HTTPS"),
                get(80, "ftp"),
                "spec.probe.httpGet.scheme: Invalid value: \"ftp\": scheme must be one of [HTTP, HTTPS]",
            ),
            (
                probe(json!({"tcpSocket": {"port": 80}})),
                probe(json!({"tcpSocket": {"port": 65_536}})),
                "spec.probe.tcpSocket.port: Invalid value: 65536: port must be between 1-65535",
            ),
            (
                probe(json!({"grpc": {"port": 80}})),
                probe(json!({"grpc": {"port": 0}})),
                "spec.probe.grpc.port: Invalid value: 0: port must be between 1-65535",
            ),
            (
                probe(json!({"exec": {"command": ["a"]}})),
                probe(json!({"exec": {"command": ["a"]}, "grpc": {}})),
                "<nil>: Invalid value: \"\": \"spec.probe\" must validate one and only one schema (oneOf). \
                    Found 2 valid alternatives",
            ),
            (
                probe(json!({"httpGet": {"port": 80, "httpHeaders": [{"name": "x-a"}]}})),
                probe(json!({"httpGet": {"port": 80, "httpHeaders": [{"name": "x a"}]}})),
                "spec.probe.httpGet.httpHeaders[0].name: Invalid value: \"x a\": \
                    spec.probe.httpGet.httpHeaders[0].name in body should match '^[-_A-Za-z0-9]+$'",
            ),
        ],
    );
}

#[test]
fn sidecar_and_filters() {
    for field in [
        "tcp.connectTimeout",
        "tcp.idleTimeout",
        "tcp.maxConnectionDuration",
        "tcp.tcpKeepalive.time",
        "tcp.tcpKeepalive.interval",
        "http.idleTimeout",
    ] {
        let pool = |text: &str| field.rsplit('.').fold(json!(text), |inner, name| json!({ name: inner }));
        let ingress =
            |text: &str| json!({"ingress": [{"port": {"number": 80}, "connectionPool": pool(text)}]});
        let top = |text: &str| json!({"inboundConnectionPool": pool(text)});
        table(
            "Sidecar",
            vec![
                (
                    ingress("1s"),
                    ingress("0s"),
                    &format!("spec.ingress[0].connectionPool.{field}: Invalid value: \"0s\": {DURATION}"),
                ),
                (
                    top("1s"),
                    top("0s"),
                    &format!("spec.inboundConnectionPool.{field}: Invalid value: \"0s\": {DURATION}"),
                ),
            ],
        );
    }
    let tls = |tls: Value| json!({"ingress": [{"port": {"number": 80}, "tls": tls}]});
    table(
        "Sidecar",
        vec![
            (
                json!({"workloadSelector": {"labels": {"a": "b"}}}),
                json!({"workloadSelector": {"labels": {"a": "*"}}}),
                "spec.workloadSelector.labels.a: Invalid value: \"*\": wildcard is not supported in selector",
            ),
            (
                tls(json!({"credentialName": "a"})),
                tls(json!({"credentialName": "a", "credentialNames": ["a"]})),
                "spec.ingress[0].tls: Invalid value: \"object\": only one of credentialName or \
                    credentialNames can be set",
            ),
        ],
    );
    let matching = |fields: Value| json!({"configPatches": [{"match": fields}]});
    let reference = json!([{"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "a"}]);
    table(
        "EnvoyFilter",
        vec![
            (
                json!({ "targetRefs": reference }),
                json!({"targetRefs": reference, "workloadSelector": {}}),
                "spec: Invalid value: \"object\": only one of targetRefs or workloadSelector can be set",
            ),
            (
                json!({"workloadSelector": {"labels": {"a": "b"}}}),
                json!({"workloadSelector": {"labels": {"a": "*"}}}),
                "spec.workloadSelector.labels.a: Invalid value: \"*\": wildcard is not supported in selector",
            ),
            (
                matching(json!({"context": "WAYPOINT", "waypoint": {"portNumber": 80}})),
                matching(json!({"context": "GATEWAY", "waypoint": {"portNumber": 80}})),
                "spec.configPatches[0].match: Invalid value: \"object\": only support waypointMatch when \
                    context is WAYPOINT",
            ),
            (
                matching(json!({"context": "WAYPOINT", "waypoint": {"portNumber": 80}})),
                matching(json!({"context": "WAYPOINT", "waypoint": {"portNumber": 0}})),
                "spec.configPatches[0].match.waypoint.portNumber: Invalid value: 0: port must be between \
                    1-65535",
            ),
            (
                matching(json!({"cluster": {"service": "a"}})),
                matching(json!({"cluster": {}, "listener": {}})),
                "<nil>: Invalid value: \"\": \"spec.configPatches[0].match\" must validate one and only one \
                    schema (oneOf). Found 2 valid alternatives",
            ),
        ],
    );
    let labels = |key: &str, value: &str| json!({"selector": {"matchLabels": {key: value}}});
    table(
        "ProxyConfig",
        vec![
            (
                labels("a", "b"),
                labels("*", "b"),
                "spec.selector.matchLabels: Invalid value: \"object\": wildcard not allowed in label key \
                    match",
            ),
            (
                labels("a", "b"),
                labels("", "b"),
                "spec.selector.matchLabels: Invalid value: \"object\": key must not be empty",
            ),
            (
                labels("a", "b"),
                labels("a", "*"),
                "spec.selector.matchLabels.a: Invalid value: \"*\": wildcard not allowed in label value \
                    match",
            ),
            (
                json!({"concurrency": 0}),
                json!({"concurrency": -1}),
                "spec.concurrency: Invalid value: -1: spec.concurrency in body should be greater than or \
                    equal to 0",
            ),
        ],
    );
}
