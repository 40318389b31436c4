//! Services, ConfigMaps, Secrets, Endpoints.

use serde_json::{Value, json};

use super::{refused, said, with};

#[test]
fn services() {
    let service = json!({"kind": "Service", "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1",
        "selector": {},
        "ports": [{"port": 80, "protocol": "TCP", "name": "http", "targetPort": 8080}]}});
    refused(
        "Service",
        service.clone(),
        &[
            (
                "/spec/type",
                json!("Foo"),
                "spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \
                    \"LoadBalancer\", \"NodePort\"",
            ),
            ("/spec/ports", json!([]), "spec.ports: Required value"),
            (
                "/spec/ports/0/port",
                json!(99999),
                "spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, inclusive",
            ),
            (
                "/spec/ports/0/name",
                json!("UPPER"),
                "spec.ports[0].name: Invalid value: \"UPPER\": a lowercase RFC 1123 label must consist of",
            ),
            (
                "/spec/ports/0/targetPort",
                json!("-x"),
                "spec.ports[0].targetPort: Invalid value: \"-x\": must not begin or end with a hyphen",
            ),
            (
                "/spec/ports/0/nodePort",
                json!(30080),
                "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
            ),
            ("/spec/ports/-", json!({"port": 81, "protocol": "TCP"}), "spec.ports[1].name: Required value"),
            (
                "/spec/ports/-",
                json!({"port": 81, "protocol": "TCP", "name": "http"}),
                "spec.ports[1].name: Duplicate value: \"http\"",
            ),
            (
                "/spec/ports/-",
                json!({"port": 80, "protocol": "TCP", "name": "other"}),
                "spec.ports[1]: Duplicate value: \
                    {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,\"TargetPort\":0,\"NodePort\":0}",
            ),
            (
                "/spec/selector/a b",
                json!("c"),
                "spec.selector: Invalid value: \"a b\": name part must consist of",
            ),
            (
                "/spec/selector/a",
                json!("c d"),
                "spec.selector: Invalid value: \"c d\": a valid label must be an empty string or consist of",
            ),
            (
                "/spec/sessionAffinity",
                json!("Sticky"),
                "spec.sessionAffinity: Unsupported value: \"Sticky\": supported values: \"ClientIP\", \
                    \"None\"",
            ),
            (
                "/spec/clusterIP",
                json!("x"),
                "spec.clusterIPs[0]: Invalid value: \"x\": must be a valid IP address",
            ),
        ],
    );
    let of_node = with(service.clone(), "/spec/type", json!("NodePort"));
    refused(
        "Service",
        of_node,
        &[
            (
                "/spec/ports/0/nodePort",
                json!(80),
                "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range",
            ),
            (
                "/spec/clusterIP",
                json!("None"),
                "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
            ),
        ],
    );
    let headless = with(with(service, "/spec/clusterIP", json!("None")), "/spec/ports", Value::Null);
    assert!(said("Service", &headless, None).is_empty());
    let outside = json!({"kind": "Service", "spec": {"type": "ExternalName", "externalName": "example.com"}});
    refused(
        "Service",
        outside,
        &[
            ("/spec/externalName", Value::Null, "spec.externalName: Required value"),
            (
                "/spec/externalName",
                json!("a_b"),
                "spec.externalName: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain",
            ),
        ],
    );
}

#[test]
fn config_maps_and_secrets() {
    refused(
        "ConfigMap",
        json!({"data": {"a.b": "c"}, "binaryData": {"d": "AAAA"}}),
        &[
            (
                "/data/b c",
                json!(""),
                "data[b c]: Invalid value: \"b c\": a valid config key must consist of alphanumeric \
                    characters, '-', '_' or '.'",
            ),
            ("/data/..x", json!(""), "data[..x]: Invalid value: \"..x\": must not start with '..'"),
            ("/data/d", json!(""), "data[d]: Invalid value: \"d\": duplicate of key present in binaryData"),
            ("/binaryData/d", json!("AAA"), "binaryData[d]: illegal base64 data at input byte 0"),
        ],
    );
    refused(
        "Secret",
        json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "YQ==", "tls.key": ""}}),
        &[
            ("/data/tls.crt", Value::Null, "data[tls.crt]: Required value"),
            ("/data/tls.key", Value::Null, "data[tls.key]: Required value"),
            ("/data/tls.key", json!("YWJj!WJj"), "data[tls.key]: illegal base64 data at input byte 4"),
            ("/data/tls.key", json!("YWJjYQ"), "data[tls.key]: illegal base64 data at input byte 4"),
            ("/data/tls.key", json!("YQ==YQ=="), "data[tls.key]: illegal base64 data at input byte 2"),
        ],
    );
}

#[test]
fn endpoints() {
    let slice = json!({"addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"]}],
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]});
    refused(
        "EndpointSlice",
        slice,
        &[
            (
                "/addressType",
                json!("IPX"),
                "addressType: Unsupported value: \"IPX\": supported values: \"FQDN\", \"IPv4\", \"IPv6\"",
            ),
            (
                "/endpoints/0/addresses",
                json!([]),
                "endpoints[0].addresses: Required value: must contain at least 1 address",
            ),
            (
                "/endpoints/0/addresses/0",
                json!("x"),
                "endpoints[0].addresses[0]: Invalid value: \"x\": must be a valid IP address",
            ),
            (
                "/endpoints/0/addresses/0",
                json!("127.0.0.1"),
                "endpoints[0].addresses[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range",
            ),
            ("/ports/-", json!({"name": "http"}), "ports[1].name: Duplicate value: \"http\""),
            ("/ports/0/name", json!("UP"), "ports[0].name: Invalid value: \"UP\""),
        ],
    );
    let older = json!({"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]});
    refused(
        "Endpoints",
        older,
        &[
            (
                "/subsets/0/addresses",
                json!([]),
                "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
            ),
            (
                "/subsets/0/addresses/0/ip",
                json!("x"),
                "subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address",
            ),
            (
                "/subsets/0/ports/0/port",
                json!(0),
                "subsets[0].ports[0].port: Invalid value: 0: must be between",
            ),
        ],
    );
}
