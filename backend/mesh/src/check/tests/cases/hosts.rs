//! Cases of DestinationRules, Gateways and what enters by them.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "RuleForNoHost",
        "
DestinationRule bookinfo/gone
  spec: { host: gone }
",
        &["
DestinationRule bookinfo/wide
  spec: { host: '*.bookinfo.svc.cluster.local' }
"],
    ),
    (
        "SubsetWithoutPods",
        "
DestinationRule bookinfo/ratings
  spec: { host: ratings, subsets: [{ name: v2, labels: { version: v2 } }] }
",
        &[
            "
DestinationRule bookinfo/ratings
  spec: { host: ratings, subsets: [{ name: v1, labels: { version: v1 } }] }
",
            "
ServiceEntry bookinfo/out
  spec: { hosts: [out.example], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 10.0.0.1, labels: { version: v2 } }] }
DestinationRule bookinfo/out
  spec: { host: out.example, subsets: [{ name: v2, labels: { version: v2 } }] }
",
        ],
    ),
    (
        "SubsetNotReady",
        "
Pod bookinfo/ratings-v2
  metadata: { labels: { app: ratings, version: v2 } }
  spec: { containers: [{ name: ratings }, { name: istio-proxy }] }
  status: { phase: Running, conditions: [{ type: Ready, status: 'False' }] }
DestinationRule bookinfo/ratings
  spec: { host: ratings, subsets: [{ name: v2, labels: { version: v2 } }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings, subset: v2 } }] }] }
",
        &["
DestinationRule bookinfo/ratings
  spec: { host: ratings, subsets: [{ name: v1, labels: { version: v1 } }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings, subset: v1 } }] }] }
"],
    ),
    (
        "SubsetWithoutLabels",
        "
DestinationRule bookinfo/ratings
  spec: { host: ratings, subsets: [{ name: all }, { name: v1, labels: { version: v1 } }] }
",
        &["
DestinationRule bookinfo/ratings
  spec: { host: ratings, subsets: [{ name: v1, labels: { version: v1 } }] }
"],
    ),
    (
        "RulesForOneHost",
        "
DestinationRule bookinfo/reviews-too
  spec: { host: reviews.bookinfo.svc.cluster.local, trafficPolicy: { loadBalancer: { simple: ROUND_ROBIN } } }
",
        &["
DestinationRule bookinfo/reviews-more
  spec: { host: reviews, subsets: [{ name: all, labels: { app: reviews } }] }
"],
    ),
    (
        "PlainTextToStrict",
        "
PeerAuthentication bookinfo/default
  spec: { mtls: { mode: STRICT } }
DestinationRule bookinfo/ratings
  spec: { host: ratings, trafficPolicy: { tls: { mode: DISABLE } } }
",
        &[
            "
DestinationRule bookinfo/ratings
  spec: { host: ratings, trafficPolicy: { tls: { mode: DISABLE } } }
",
            "
PeerAuthentication bookinfo/default
  spec: { mtls: { mode: STRICT } }
PeerAuthentication bookinfo/ratings
  spec: { selector: { matchLabels: { app: ratings } }, portLevelMtls: { 9080: { mode: PERMISSIVE } } }
DestinationRule bookinfo/ratings
  spec: { host: ratings, trafficPolicy: { tls: { mode: DISABLE } } }
",
        ],
    ),
    (
        "MutualToPlainText",
        "
PeerAuthentication bookinfo/default
  spec: { mtls: { mode: DISABLE } }
DestinationRule bookinfo/ratings
  spec: { host: ratings, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
",
        &["
DestinationRule bookinfo/ratings
  spec: { host: ratings, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
"],
    ),
    (
        "ServerNotVerified",
        "
ServiceEntry bookinfo/out
  spec: { hosts: [out.example], ports: [{ number: 443, name: https, protocol: HTTPS }], resolution: DNS }
DestinationRule bookinfo/out
  spec: { host: out.example, trafficPolicy: { portLevelSettings: [{ port: { number: 443 }, tls: { mode: SIMPLE, insecureSkipVerify: true } }] } }
",
        &["
ServiceEntry bookinfo/out
  spec: { hosts: [out.example], ports: [{ number: 443, name: https, protocol: HTTPS }], resolution: DNS }
DestinationRule bookinfo/out
  spec: { host: out.example, trafficPolicy: { tls: { mode: SIMPLE } } }
"],
    ),
    (
        "GatewayForNoPod",
        "
Gateway bookinfo/odd
  spec: { selector: { istio: nowhere }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example] }] }
",
        // Without a selector it is for all gateways.
        &["
Gateway bookinfo/odd
  spec: { servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example] }] }
"],
    ),
    (
        "ConflictingGateways",
        "
Gateway bookinfo/second
  spec: { selector: { app: istio-ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }] }
",
        &["
Gateway bookinfo/second
  spec: { selector: { app: istio-ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example] }] }
"],
    ),
    (
        "CertificateTwice",
        "
Gateway bookinfo/one
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [a.example], tls: { mode: SIMPLE, credentialName: cert } }] }
Gateway bookinfo/two
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [b.example], tls: { mode: SIMPLE, credentialName: cert } }] }
",
        &["
Gateway bookinfo/one
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [a.example], tls: { mode: SIMPLE, credentialName: cert } }] }
Gateway bookinfo/two
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 443, name: https, protocol: HTTPS }, hosts: [b.example], tls: { mode: SIMPLE, credentialName: other } }] }
"],
    ),
    (
        "GatewayPortClosed",
        "
Gateway bookinfo/odd
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 8443, name: http, protocol: HTTP }, hosts: [a.example] }] }
",
        &["
Gateway bookinfo/odd
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example] }] }
"],
    ),
    (
        "RedirectWithoutTls",
        "
Gateway bookinfo/odd
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example], tls: { httpsRedirect: true } }] }
",
        &["
Gateway bookinfo/odd
  spec: { selector: { istio: ingressgateway }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [a.example], tls: { httpsRedirect: true } },
    { port: { number: 443, name: https, protocol: HTTPS }, hosts: ['bookinfo/a.example'], tls: { mode: SIMPLE, credentialName: cert } }] }
"],
    ),
    (
        "SplitNotForGateway",
        "
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo-gateway], http: [{ route: [{ destination: { host: reviews } }] }] }
",
        &["
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo-gateway], http: [{ route: [{ destination: { host: reviews, subset: v1 } }] }] }
"],
    ),
    (
        "GatewayNamedByDot",
        "
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo-gateway.bookinfo], http: [{ route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo/bookinfo-gateway], http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "InternalGateway",
        "
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: ['bookinfo/web-istio-autogenerated-k8s-gateway', 'bookinfo/web~istio-autogenerated-k8s-gateway~http'], http: [{ route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo/bookinfo-gateway, mesh], http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "ClaimsNotRead",
        "
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo-gateway], http: [{ match: [{ headers: { '@request.auth.claims.group': { exact: a } } }], route: [{ destination: { host: ratings } }] }] }
",
        &["
RequestAuthentication istio-system/tokens
  spec: { selector: { matchLabels: { istio: ingressgateway } }, jwtRules: [{ issuer: a, jwks: '{\"keys\":[]}' }] }
VirtualService bookinfo/front
  spec: { hosts: [front.example], gateways: [bookinfo-gateway], http: [{ match: [{ headers: { '@request.auth.claims.group': { exact: a } } }], route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "RouteRefused",
        "
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ name: web }] }
  status: { parents: [{ parentRef: { name: web }, conditions: [{ type: Accepted, status: 'False', message: no listener }] }] }
",
        &["
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ name: web }] }
  status: { parents: [{ parentRef: { name: web }, conditions: [{ type: Accepted, status: 'True' }, { type: ResolvedRefs, status: 'False', observedGeneration: -1 }] }] }
"],
    ),
];
