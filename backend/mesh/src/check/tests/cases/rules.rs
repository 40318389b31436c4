//! Cases of VirtualServices by themselves and among each other.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "Invalid",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ timeout: soon, route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ timeout: 2s, route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "Doubtful",
        "
EnvoyFilter bookinfo/f
  spec: { configPatches: [{ applyTo: HTTP_FILTER, match: { context: SIDECAR_INBOUND }, patch: { operation: INSERT_BEFORE } }] }
AuthorizationPolicy bookinfo/a
  spec: { action: ALLOW, rules: [{ to: [{ operation: { paths: ['/a'] } }], from: [{ source: { namespaces: [bookinfo] } }] }] }
DestinationRule bookinfo/d
  spec: { host: ratings, trafficPolicy: { outlierDetection: { consecutiveErrors: 5 } } }
",
        &["
EnvoyFilter bookinfo/f
  spec: { configPatches: [{ applyTo: HTTP_FILTER, match: { context: SIDECAR_INBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } } }, patch: { operation: INSERT_FIRST, value: { name: a } } }] }
DestinationRule bookinfo/d
  spec: { host: ratings, trafficPolicy: { outlierDetection: { consecutive5xxErrors: 5 } } }
"],
    ),
    (
        "Unreadable",
        "
VirtualService bookinfo/ratings
  spec: { hosts: ratings }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "HostNotFound",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings.bookinfo } }] }] }
",
        &[
            "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings.bookinfo.svc.cluster.local } }],
    mirror: { host: reviews } }] }
",
            "
ServiceEntry bookinfo/wide
  spec: { hosts: ['*.books.example'], ports: [{ number: 80, name: http, protocol: HTTP }], location: MESH_EXTERNAL, resolution: NONE }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: a.books.example } }] }] }
",
            "
VirtualService bookinfo/off
  spec: { hosts: [ratings], http: [{ redirect: { uri: /elsewhere } }] }
",
        ],
    ),
    (
        "PortNotFound",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings, port: { number: 9081 } } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings, port: { number: 9080 } } }] }] }
"],
    ),
    (
        "PortRequired",
        "
Service bookinfo/two
  spec: { selector: { app: ratings }, ports: [{ name: http-a, port: 81, targetPort: 9080 }, { name: http-b, port: 82, targetPort: 9080 }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: two } }] }] }
",
        &[
            "
Service bookinfo/two
  spec: { selector: { app: ratings }, ports: [{ name: http-a, port: 81, targetPort: 9080 }, { name: http-b, port: 82, targetPort: 9080 }] }
VirtualService bookinfo/two
  spec: { hosts: [two], http: [{ route: [{ destination: { host: two } }] }] }
",
            "
Service bookinfo/two
  spec: { selector: { app: ratings }, ports: [{ name: http-a, port: 81, targetPort: 9080 }, { name: http-b, port: 82, targetPort: 9080 }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: two, port: { number: 81 } } }] }] }
",
        ],
    ),
    (
        "SubsetNotFound",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: reviews, subset: v4 } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }] }
"],
    ),
    (
        "HttpRulesOnBytes",
        "
Service bookinfo/db
  spec: { selector: { app: ratings }, ports: [{ name: mysql, port: 3306, targetPort: 3306 }] }
VirtualService bookinfo/db
  spec: { hosts: [db], http: [{ route: [{ destination: { host: db } }] }] }
",
        &["
Service bookinfo/db
  spec: { selector: { app: ratings }, ports: [{ name: mysql, port: 3306, targetPort: 3306 }] }
VirtualService bookinfo/db
  spec: { hosts: [db], tcp: [{ route: [{ destination: { host: db } }] }] }
"],
    ),
    (
        "Overruled",
        "
VirtualService bookinfo/later
  spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }] }
",
        &[
            "
VirtualService bookinfo/wide
  spec: { hosts: ['*.bookinfo.svc.cluster.local'], http: [{ route: [{ destination: { host: ratings } }] }] }
",
            "
VirtualService bookinfo/at-the-gateway
  spec: { hosts: [reviews], gateways: [bookinfo-gateway], http: [{ match: [{ uri: { prefix: /r } }], route: [{ destination: { host: reviews, subset: v1 } }] }] }
",
        ],
    ),
    (
        "Hidden",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], exportTo: ['~'], http: [{ route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], exportTo: ['.'], http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "UnreachableRule",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [
    { match: [{ uri: { prefix: /a } }], route: [{ destination: { host: ratings } }] },
    { match: [{ uri: { prefix: /a/b } }], route: [{ destination: { host: reviews } }] },
    { route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [
    { match: [{ uri: { prefix: /a/b } }], route: [{ destination: { host: ratings } }] },
    { match: [{ uri: { prefix: /a } }], route: [{ destination: { host: reviews } }] },
    { route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "IneffectiveMatch",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [
    { match: [{ uri: { prefix: /a } }], route: [{ destination: { host: ratings } }] },
    { match: [{ uri: { prefix: /a } }, { uri: { prefix: /c } }], route: [{ destination: { host: reviews } }] },
    { route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [
    { match: [{ uri: { prefix: /a } }], route: [{ destination: { host: ratings } }] },
    { match: [{ uri: { prefix: /b } }, { uri: { prefix: /c } }], route: [{ destination: { host: reviews } }] },
    { route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "DelegateNotFound",
        "
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo-gateway], http: [{ match: [{ uri: { prefix: /x } }], delegate: { name: gone } }] }
",
        &["
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo-gateway], http: [{ match: [{ uri: { prefix: /x } }], delegate: { name: part } }] }
VirtualService bookinfo/part
  spec: { http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "NobodysDelegate",
        "
VirtualService bookinfo/part
  spec: { http: [{ route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo-gateway], http: [{ match: [{ uri: { prefix: /x } }], delegate: { name: part, namespace: bookinfo } }] }
VirtualService bookinfo/part
  spec: { http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "GatewayNotFound",
        "
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [other/bookinfo-gateway], http: [{ route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo/bookinfo-gateway, mesh], http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "HostNotInGateway",
        "
Gateway bookinfo/narrow
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 8081, name: http, protocol: HTTP }, hosts: ['*.example'] }] }
VirtualService bookinfo/front
  spec: { hosts: [front.test], gateways: [narrow], http: [{ route: [{ destination: { host: ratings } }] }] }
",
        &["
Gateway bookinfo/narrow
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 8081, name: http, protocol: HTTP }, hosts: ['*.example'] }] }
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [narrow], http: [{ route: [{ destination: { host: ratings } }] }] }
",
        // One host for the gateway, the other for the mesh.
        "
Gateway bookinfo/narrow
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 8081, name: http, protocol: HTTP }, hosts: ['*.example'] }] }
VirtualService bookinfo/front
  spec: { hosts: [front.example, ratings.bookinfo.svc.cluster.local], gateways: [narrow, mesh], http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "HiddenFromGateway",
        "
VirtualService bookinfo/front
  spec: { hosts: [front.example], exportTo: ['.'], gateways: [bookinfo-gateway], http: [{ route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/front
  spec: { hosts: [front.example], exportTo: [istio-system], gateways: [bookinfo-gateway], http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "WeightOfOne",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings }, weight: 50 }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings }, weight: 100 }] }] }
"],
    ),
    (
        "WeightMissing",
        "
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v1 } }, { destination: { host: reviews, subset: v2 }, weight: 10 }] }] }
",
        &[
            "
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v1 }, weight: 0 }, { destination: { host: reviews, subset: v2 }, weight: 10 }] }] }
",
            "
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }] }
",
        ],
    ),
    (
        "NoRuleForTheRest",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ uri: { prefix: /ratings } }], route: [{ destination: { host: ratings } }] }] }
",
        &[
            "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ uri: { exact: /x } }], redirect: { uri: /y } }, { match: [{ method: { exact: PUT } }, { uri: { prefix: / } }], route: [{ destination: { host: ratings } }] }] }
",
            "
VirtualService bookinfo/way-in
  spec: { hosts: [ratings], gateways: [bookinfo-gateway], http: [{ match: [{ uri: { prefix: /ratings } }], route: [{ destination: { host: ratings } }] }] }
",
            "
VirtualService bookinfo/outside
  spec: { hosts: [shop.example], http: [{ match: [{ uri: { prefix: /ratings } }], route: [{ destination: { host: ratings } }] }] }
",
        ],
    ),
    (
        "PortNeverCalled",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ port: 9081 }], route: [{ destination: { host: ratings } }] }, { route: [{ destination: { host: ratings } }] }] }
",
        &[
            "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ port: 9080 }], route: [{ destination: { host: ratings } }] }, { route: [{ destination: { host: ratings } }] }] }
",
            "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings, shop.example], gateways: [mesh, bookinfo-gateway], http: [{ match: [{ port: 80, gateways: [bookinfo-gateway] }], route: [{ destination: { host: ratings } }] }, { route: [{ destination: { host: ratings } }] }] }
",
            "
VirtualService bookinfo/outside
  spec: { hosts: [elsewhere.example], http: [{ match: [{ port: 1234 }], route: [{ destination: { host: ratings } }] }, { route: [{ destination: { host: ratings } }] }] }
",
        ],
    ),
    (
        "PortNeverCalled",
        "
VirtualService bookinfo/way-in
  spec: { hosts: [shop.example], gateways: [bookinfo-gateway], http: [{ match: [{ port: 9080 }], route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/way-in
  spec: { hosts: [shop.example], gateways: [bookinfo-gateway], http: [{ match: [{ port: 80 }], route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "DestinationTwice",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings }, weight: 50 }, { destination: { host: ratings.bookinfo.svc.cluster.local }, weight: 50 }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings }, weight: 50 }, { destination: { host: ratings }, weight: 50, headers: { request: { set: { a: b } } } }] }] }
"],
    ),
    (
        "RetriesOutOfTime",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ timeout: 2s, retries: { attempts: 3, perTryTimeout: 2s }, route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ timeout: 8s, retries: { attempts: 3, perTryTimeout: 2s }, route: [{ destination: { host: ratings } }] },
    { match: [{ uri: { prefix: /x } }], retries: { attempts: 3, perTryTimeout: 2s }, route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "RetriesOutOfTime",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ timeout: 4s, retries: { attempts: 5, perTryTimeout: 2s }, route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ timeout: 7s, retries: { attempts: 3, perTryTimeout: 2s }, route: [{ destination: { host: ratings } }] }] }
"],
    ),
];
