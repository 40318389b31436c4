//! Gateways, entries, Sidecars.

use super::{expect, table, with};
use serde_json::{Value, json};

#[test]
fn gateways() {
    let plain = json!({"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]});
    let server = |fields: Value| json!({"servers": [with(plain.clone(), &fields)]});
    let port = |number: i64, protocol: &str| json!({"number": number, "name": "p", "protocol": protocol});
    table(
        "Gateway",
        server,
        &[
            (json!({}), ""),
            (json!({"hosts": ["n/*.example.com", "./a.example", "*/b.example"]}), ""),
            (json!({"hosts": []}), "server config must contain at least one host"),
            (json!({"hosts": ["n_/a.example"]}), "invalid namespace value \"n_\" in gateway"),
            (json!({"hosts": ["~/a.example"]}), "invalid namespace value \"~\" in gateway"),
            (json!({"hosts": ["n/"]}), "config namespace and dnsName in host entry cannot be empty"),
            (json!({"hosts": ["a_b"]}), "domain name \"a_b\" invalid"),
            (json!({"port": null}), "port name must be set"),
            (json!({"port": port(80, "SMOKE")}), "invalid protocol \"SMOKE\", supported protocols are HTTP"),
            (json!({"port": port(70_000, "HTTP")}), "port number 70000 must be in the range 1..65535"),
            (json!({"port": {"number": 80, "protocol": "HTTP"}}), "port name must be set"),
            (
                json!({"port": with(port(80, "HTTP"), &json!({"targetPort": 8080}))}),
                "targetPort has no impact on Gateways",
            ),
            (json!({"bind": "127.0.0.1"}), ""),
            (json!({"bind": "here"}), "here is not a valid IP"),
            (json!({"bind": "unix:///a", "port": port(0, "HTTP")}), ""),
            (json!({"bind": "unix://a", "port": port(0, "HTTP")}), "a is not an absolute path to a file"),
            (json!({"bind": "unix:///a"}), "port number must be 0 for unix domain socket"),
            (json!({"port": port(443, "HTTPS")}), "server must have TLS settings for HTTPS/TLS protocols"),
            (json!({"tls": {"httpsRedirect": true}}), ""),
            (
                json!({"tls": {"mode": "SIMPLE", "credentialName": "c"}}),
                "server cannot have TLS settings for plain text HTTP ports",
            ),
            (
                json!({"port": port(1, "TCP"), "tls": {"mode": "PASSTHROUGH"}}),
                "server cannot have TLS settings for non HTTPS/TLS ports",
            ),
        ],
    );
    let tls = |tls: Value| json!({"servers": [{"port": port(443, "HTTPS"), "hosts": ["*"], "tls": tls}]});
    table(
        "Gateway",
        tls,
        &[
            (json!({"mode": "SIMPLE", "credentialName": "c"}), ""),
            (json!({"mode": "SIMPLE", "credentialNames": ["c", "d"]}), ""),
            (json!({"mode": "SIMPLE"}), "SIMPLE TLS requires a server certificate"),
            (json!({"mode": "SIMPLE", "serverCertificate": "a"}), "SIMPLE TLS requires a private key"),
            (
                json!({"mode": "MUTUAL", "serverCertificate": "a", "privateKey": "b"}),
                "MUTUAL TLS requires a client CA bundle",
            ),
            (json!({"mode": "OPTIONAL_MUTUAL"}), "MUTUAL TLS requires a server certificate"),
            (json!({"mode": "ISTIO_MUTUAL"}), ""),
            (
                json!({"mode": "ISTIO_MUTUAL", "credentialName": "c"}),
                "ISTIO_MUTUAL TLS cannot have associated credentialName",
            ),
            (
                json!({"mode": "ISTIO_MUTUAL", "privateKey": "c"}),
                "ISTIO_MUTUAL TLS cannot have associated private key",
            ),
            (
                json!({"mode": "PASSTHROUGH", "privateKey": "c"}),
                "warns: PASSTHROUGH mode does not use certificates, they will be ignored",
            ),
            (
                json!({"mode": "SIMPLE", "credentialName": "c", "caCrl": "x"}),
                "CRL is not supported with credentialName",
            ),
            (
                json!({"mode": "SIMPLE", "credentialName": "c", "minProtocolVersion": "TLSV1_0"}),
                "warns: TLS version below TLSV1_2 require setting",
            ),
            (
                json!({"mode": "SIMPLE", "credentialName": "c", "cipherSuites": ["ROT13"]}),
                "warns: ignoring invalid cipher suites: [ROT13]",
            ),
            (
                json!({"mode": "SIMPLE", "credentialName": "c", "cipherSuites": ["AES128-SHA", "AES128-SHA"]}),
                "warns: ignoring duplicate cipher suites: [AES128-SHA]",
            ),
            (
                json!({"mode": "PASSTHROUGH", "httpsRedirect": true}),
                "warns: tls.httpsRedirect should only be used with http servers",
            ),
        ],
    );
    expect("Gateway", json!({"servers": []}), "gateway must have at least one server");
    expect(
        "Gateway",
        json!({"servers": [plain.clone(), plain]}),
        "port names in servers must be unique: duplicate name http",
    );
}

#[test]
fn service_entries() {
    let port = json!({"number": 80, "name": "http", "protocol": "HTTP"});
    let entry = |fields: Value| {
        with(json!({"hosts": ["a.example"], "ports": [port.clone()], "resolution": "STATIC"}), &fields)
    };
    let tcp = json!([{"number": 80, "name": "t", "protocol": "TCP"}]);
    table(
        "ServiceEntry",
        entry,
        &[
            (json!({"endpoints": [{"address": "10.0.0.1", "ports": {"http": 8080}}]}), ""),
            (json!({"hosts": []}), "service entry must have at least one host"),
            (json!({"hosts": ["*"]}), "invalid host *"),
            (json!({"hosts": ["*-x.example"]}), "warns: partial wildcard"),
            (json!({"hosts": ["a b"]}), "domain name \"a b\" invalid"),
            (json!({"addresses": ["10.0.0.0/8"]}), ""),
            (json!({"addresses": ["10.0.0.0/99"]}), "10.0.0.0/99 is not a valid CIDR block"),
            (
                json!({"resolution": "DNS", "addresses": ["10.0.0.0/8"]}),
                "CIDR addresses are allowed only for NONE/STATIC resolution types",
            ),
            (
                json!({"ports": [{"number": 80, "name": "a"}, {"number": 81, "name": "a"}]}),
                "service entry port name \"a\" already defined",
            ),
            (
                json!({"ports": [{"number": 80, "name": "a"}, {"number": 80, "name": "b"}]}),
                "service entry port 80 already defined",
            ),
            (json!({"ports": [{"number": 80, "name": "a_b"}]}), "invalid port name: a_b"),
            (
                json!({"ports": [{"number": 80, "name": "a", "protocol": "SMOKE"}]}),
                "unsupported protocol: SMOKE",
            ),
            (
                json!({"ports": [{"number": 80, "name": "a", "targetPort": 70_000}]}),
                "port number 70000 must be in the range",
            ),
            (
                json!({"resolution": "NONE", "ports": [{"number": 80, "name": "a", "targetPort": 81}]}),
                "warns: targetPort has no effect when resolution mode is NONE",
            ),
            (
                json!({"workloadSelector": {"labels": {"app": "*"}}}),
                "wildcard is not supported in selector: \"app=*\"",
            ),
            (
                json!({"workloadSelector": {}}),
                "warns: service entry: workload selector specified without labels",
            ),
            (
                json!({"workloadSelector": {"labels": {"a": "b"}}, "endpoints": [{"address": "1.1.1.1"}]}),
                "only one of WorkloadSelector or Endpoints",
            ),
            (
                json!({"workloadSelector": {"labels": {"a": "b"}}, "resolution": "DNS"}),
                "warns: workloadSelector should not be set when resolution mode is DNS",
            ),
            (json!({"endpoints": [{"address": "db"}]}), "endpoint address \"db\" is not a valid IP address"),
            (
                json!({"endpoints": [{"address": "1.1.1.1", "ports": {"grpc": 1}}]}),
                "endpoint port 1 is not defined by the service entry",
            ),
            (
                json!({"endpoints": [{"address": "1.1.1.1", "ports": {"http": 0}}]}),
                "port number 0 must be in the range",
            ),
            (json!({"endpoints": [{"address": "unix:///a"}]}), ""),
            (json!({"endpoints": [{"address": "unix://a"}]}), "a is not an absolute path to a file"),
            (
                json!({"endpoints": [{"address": "unix:///a", "ports": {"http": 1}}]}),
                "unix endpoint unix:///a must not include ports",
            ),
            (
                json!({"endpoints": [{"address": "1.1.1.1", "labels": {"a b": "c"}}]}),
                "invalid tag key: \"a b\"",
            ),
            (
                json!({"resolution": "NONE", "endpoints": [{"address": "1.1.1.1"}]}),
                "no endpoints should be provided for resolution type none",
            ),
            (json!({"resolution": "DNS", "endpoints": [{"address": "b.example"}]}), ""),
            (
                json!({"resolution": "DNS", "endpoints": [{"address": "b_c"}]}),
                "is not a valid FQDN or an IP address",
            ),
            (
                json!({"resolution": "DNS", "hosts": ["*.example"]}),
                "hosts must be FQDN if no endpoints are provided for resolution mode DNS",
            ),
            (
                json!({"resolution": "DNS_ROUND_ROBIN", "endpoints": [{"address": "b.example"}, {"address": "c.example"}]}),
                "there must only be 0 or 1 endpoint for resolution mode DNS_ROUND_ROBIN",
            ),
            (json!({"resolution": "DYNAMIC_DNS", "hosts": ["*.example"]}), ""),
            (
                json!({"hosts": ["a.example", "b.example"], "ports": tcp}),
                "multiple hosts provided with non-HTTP, non-TLS ports",
            ),
            (json!({"exportTo": ["~"]}), ""),
            (json!({"exportTo": ["~", "b"]}), "cannot export service entry to no one (~) and someone"),
        ],
    );
}

#[test]
fn workloads() {
    let same = |spec: Value| spec;
    table(
        "WorkloadEntry",
        same,
        &[
            (json!({"address": "10.0.0.1", "ports": {"http": 80}, "labels": {"app": "x"}}), ""),
            (json!({"address": "vm.example"}), ""),
            (json!({}), "address is required"),
            (json!({"network": "n"}), "warns: address is unset with network \"n\""),
            (json!({"address": "a_b"}), "endpoint address \"a_b\" is not a valid FQDN or an IP address"),
            (json!({"address": "10.0.0.1", "ports": {"a_b": 80}}), "invalid port name: a_b"),
            (
                json!({"address": "10.0.0.1", "ports": {"http": 70_000}}),
                "port number 70000 must be in the range",
            ),
            (json!({"address": "unix:///a/"}), "/a/ is not an absolute path to a file"),
        ],
    );
    let group = |probe: Value| json!({"template": {"serviceAccount": "a"}, "probe": probe});
    table(
        "WorkloadGroup",
        group,
        &[
            (
                json!({"httpGet": {"port": 80, "httpHeaders": [{"name": "x-a", "value": "b"}]}, "periodSeconds": 5}),
                "",
            ),
            (json!({"grpc": {"port": 80}}), ""),
            (json!({}), "unknown health check method"),
            (json!({"tcpSocket": {"port": 0}}), "port number 0 must be in the range"),
            (json!({"exec": {}}), "exec.command is required"),
            (json!({"httpGet": {"port": 80, "scheme": "ftp"}}), "httpGet.scheme must be one of"),
            (json!({"httpGet": {"port": 80, "httpHeaders": [{"name": ""}]}}), "header name cannot be empty"),
            (json!({"tcpSocket": {"port": 1}, "timeoutSeconds": -1}), "timeoutSeconds must be non-negative"),
        ],
    );
    expect("WorkloadGroup", json!({}), "template is required");
    expect(
        "WorkloadGroup",
        json!({"template": {}, "metadata": {"labels": {"a b": "c"}}}),
        "invalid tag key: \"a b\"",
    );
}

#[test]
fn sidecars() {
    expect("Sidecar", json!({}), "sidecar: empty configuration provided");
    expect(
        "Sidecar",
        json!({"workloadSelector": {}, "egress": [{"hosts": ["*/*"]}]}),
        "warns: sidecar: workload selector specified without labels, will be applied to all services in namespace",
    );
    let ingress = |fields: Value| json!({"ingress": [with(json!({"port": {"number": 80, "protocol": "HTTP", "name": "http"}}), &fields)]});
    table(
        "Sidecar",
        ingress,
        &[
            (json!({"defaultEndpoint": "127.0.0.1:8080"}), ""),
            (json!({"defaultEndpoint": "unix:///a"}), ""),
            (json!({"defaultEndpoint": "[::1]:80"}), ""),
            (
                json!({"defaultEndpoint": "10.0.0.1:8080"}),
                "sidecar: defaultEndpoint must be of form 127.0.0.1:<port>",
            ),
            (json!({"defaultEndpoint": "127.0.0.1:x"}), "sidecar: defaultEndpoint port (x) is not a number"),
            (json!({"defaultEndpoint": "127.0.0.1"}), "missing port in address"),
            (json!({"port": null}), "port number 0 must be in the range"),
            (json!({"port": {"number": 80, "protocol": "SMOKE"}}), "unsupported protocol: SMOKE"),
            (json!({"port": {"number": 80, "targetPort": 81}}), "targetPort has no impact on Sidecars"),
            (json!({"bind": "here"}), "here is not a valid IP"),
            (json!({"tls": {"mode": "SIMPLE", "serverCertificate": "a", "privateKey": "b"}}), ""),
            (
                json!({"tls": {"mode": "ISTIO_MUTUAL"}}),
                "cannot set mode to ISTIO_MUTUAL in sidecar ingress tls",
            ),
            (
                json!({"tls": {"mode": "SIMPLE", "credentialName": "c"}}),
                "sidecar: credentialName is not currently supported",
            ),
            (json!({"tls": {"httpsRedirect": true}}), "sidecar: httpsRedirect is not supported"),
            (
                json!({"connectionPool": {"tcp": {"maxConnections": -1}}}),
                "max connections must be non-negative",
            ),
            (
                json!({"port": {"number": 80, "protocol": "TCP", "name": "t"}, "connectionPool": {"http": {}}}),
                "warns: HTTP connection pool settings are configured for port 80 (\"t\") but its protocol is not HTTP (TCP)",
            ),
        ],
    );
    let twice = json!({"port": {"number": 80}});
    expect(
        "Sidecar",
        json!({"ingress": [twice.clone(), twice]}),
        "sidecar: ports on IP bound listeners must be unique",
    );
    let egress = |list: Value| json!({ "egress": list });
    let at = |port: Value| json!([{"port": port, "hosts": ["./*"]}]);
    table(
        "Sidecar",
        egress,
        &[
            (json!([{"port": {"number": 80}, "hosts": ["./a"]}, {"hosts": ["istio-system/*", "~/*"]}]), ""),
            (json!([{"hosts": []}]), "sidecar: egress listener must contain at least one host"),
            (json!([{"hosts": ["reviews"]}]), "host must be of form namespace/dnsName"),
            (json!([{"hosts": ["n_/a"]}]), "invalid namespace value \"n_\" in sidecar"),
            (json!([{"hosts": ["n/a", "n/a"]}]), "warns: duplicated egress host: n/a"),
            (
                json!([{"hosts": ["*/*", "n/a"]}]),
                "warns: `*/*` host select all resources, no other hosts can be added",
            ),
            (
                json!([{"hosts": ["./a"]}, {"port": {"number": 80}, "hosts": ["./b"]}]),
                "the egress listener with empty port should be the last",
            ),
            (
                json!([{"port": {"number": 80}, "hosts": ["./a"]}, {"port": {"number": 80}, "hosts": ["./b"]}]),
                "ports on IP bound listeners must be unique",
            ),
            (
                at(json!({"number": 0})),
                "sidecar: ports with 0 value must have a unix domain socket bind address",
            ),
            (json!([{"port": {"number": 0}, "bind": "unix:///a", "hosts": ["./a"]}]), ""),
            (
                json!([{"port": {"number": 0}, "bind": "unix:///a", "captureMode": "IPTABLES", "hosts": ["./a"]}]),
                "captureMode must be DEFAULT/NONE for unix domain socket listeners",
            ),
        ],
    );
    let outbound = |policy: Value| json!({ "outboundTrafficPolicy": policy });
    table(
        "Sidecar",
        outbound,
        &[
            (json!({"mode": "ALLOW_ANY", "egressProxy": {"host": "a.b", "port": {"number": 80}}}), ""),
            (
                json!({"egressProxy": {"host": "a.b", "port": {"number": 80}}}),
                "egress_proxy must be set only with ALLOW_ANY",
            ),
            (
                json!({"mode": "ALLOW_ANY", "egressProxy": {"host": "a.b"}}),
                "sidecar: egress_proxy port must be non-nil",
            ),
        ],
    );
}
