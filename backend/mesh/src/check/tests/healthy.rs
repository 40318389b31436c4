//! What is right and looks odd to other tools, by its condition, and what tutorials apply: no finding, but remarks.

use super::*;

/// What is special about it, and what is added to Bookinfo.
const HEALTHY: &[(&str, &str)] = &[
    (
        "a delegate in another namespace, that may be seen there only",
        "
VirtualService bookinfo/front
  spec: { hosts: [shop.example], gateways: [bookinfo-gateway], http: [{ match: [{ uri: { prefix: /cart } }], delegate: { name: cart, namespace: shop } }] }
VirtualService shop/cart
  spec: { exportTo: [bookinfo], http: [{ route: [{ destination: { host: cart.shop.svc.cluster.local } }] }] }
Namespace shop
Service shop/cart
  spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
Pod shop/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }, { name: istio-proxy }] }
",
    ),
    (
        "a caller's own settings for a service of another namespace",
        "
Namespace shop
DestinationRule shop/reviews
  spec: { host: reviews.bookinfo.svc.cluster.local, exportTo: ['.'], subsets: [{ name: v1, labels: { version: v1 } }], trafficPolicy: { loadBalancer: { simple: RANDOM } } }
VirtualService shop/reviews
  spec: { hosts: [reviews.bookinfo.svc.cluster.local], exportTo: ['.'], http: [{ route: [{ destination: { host: reviews.bookinfo.svc.cluster.local, subset: v1 } }] }] }
",
    ),
    (
        "two revisions of the control plane at once",
        "
Namespace old
  metadata: { labels: { istio.io/rev: stable } }
Namespace new
  metadata: { labels: { istio.io/rev: canary } }
Pod old/a
  metadata: { labels: { app: a, istio.io/rev: stable }, annotations: { istio.io/rev: stable } }
  spec: { containers: [{ name: a }, { name: istio-proxy, image: 'istio/proxyv2:1.29.0' }] }
Pod new/a
  metadata: { labels: { app: a, istio.io/rev: canary }, annotations: { istio.io/rev: canary } }
  spec: { containers: [{ name: a }, { name: istio-proxy, image: 'istio/proxyv2:1.30.0' }] }
",
    ),
    (
        "injection by a revision's tag, and a pod that wants none",
        "
Namespace shop
  metadata: { labels: { istio.io/rev: default } }
Pod shop/job
  metadata: { labels: { app: job, sidecar.istio.io/inject: 'false' } }
  spec: { containers: [{ name: job }] }
",
    ),
    (
        "a namespace in ambient mode, with its waypoint and a policy bound to it",
        "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint } }
Gateway.gateway.networking.k8s.io mesh/waypoint
  spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE }] }
Service mesh/cart
  spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
AuthorizationPolicy mesh/readers
  spec: { targetRefs: [{ group: '', kind: Service, name: cart }], rules: [{ to: [{ operation: { methods: [GET] } }] }] }
AuthorizationPolicy mesh/callers
  spec: { selector: { matchLabels: { app: cart } }, rules: [{ from: [{ source: { namespaces: [bookinfo] } }] }] }
",
    ),
    (
        "copies that a GitOps controller tracks",
        "
VirtualService bookinfo/ratings
  metadata: { labels: { argocd.argoproj.io/instance: shop, app.kubernetes.io/managed-by: Helm }, annotations: { argocd.argoproj.io/tracking-id: 'shop:networking.istio.io/VirtualService:bookinfo/ratings', kubectl.kubernetes.io/last-applied-configuration: '{}', meta.helm.sh/release-name: shop } }
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings } }] }] }
",
    ),
    (
        "an outside service, reached by TLS that the proxy begins",
        "
ServiceEntry bookinfo/api
  spec: { hosts: [api.example.com], location: MESH_EXTERNAL, resolution: DNS, ports: [{ number: 80, name: http, protocol: HTTP, targetPort: 443 }, { number: 443, name: tls, protocol: TLS }] }
DestinationRule bookinfo/api
  spec: { host: api.example.com, trafficPolicy: { portLevelSettings: [{ port: { number: 80 }, tls: { mode: SIMPLE, sni: api.example.com } }] } }
",
    ),
    (
        "tutorial: calls by a header to one version, all others to another",
        "
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [{ match: [{ headers: { end-user: { exact: jason } } }], route: [{ destination: { host: reviews, subset: v2 } }] }, { route: [{ destination: { host: reviews, subset: v1 } }] }] }
",
    ),
    (
        "tutorial: a fault for one user",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ headers: { end-user: { exact: jason } } }], fault: { delay: { percentage: { value: 100 }, fixedDelay: 7s } }, route: [{ destination: { host: ratings } }] }, { route: [{ destination: { host: ratings } }] }] }
",
    ),
    (
        "tutorial: a copy of all calls to a new version",
        "
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [{ route: [{ destination: { host: reviews, subset: v1 }, weight: 100 }], mirror: { host: reviews, subset: v2 }, mirrorPercentage: { value: 100 } }] }
",
    ),
    (
        "tutorial: a circuit breaker",
        "
DestinationRule bookinfo/ratings
  spec: { host: ratings, trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1 } }, outlierDetection: { consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 100 } } }
",
    ),
    (
        "tutorial: retries and a timeout",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ timeout: 10s, retries: { attempts: 3, perTryTimeout: 2s, retryOn: 'gateway-error,connect-failure,refused-stream' }, route: [{ destination: { host: ratings } }] }] }
",
    ),
    (
        "tutorial: mutual TLS only, in the mesh and in a namespace, with a port that is left out",
        "
PeerAuthentication istio-system/default
  spec: { mtls: { mode: STRICT } }
PeerAuthentication bookinfo/ratings
  spec: { selector: { matchLabels: { app: ratings } }, mtls: { mode: STRICT }, portLevelMtls: { 9080: { mode: PERMISSIVE } } }
DestinationRule bookinfo/all
  spec: { host: '*.bookinfo.svc.cluster.local', trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
DestinationRule bookinfo/reviews
  spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }, { name: v3, labels: { version: v3 } }], trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
",
    ),
    (
        "tutorial: nobody, and then who may read",
        "
AuthorizationPolicy bookinfo/nobody
  spec: {}
AuthorizationPolicy bookinfo/page
  spec: { selector: { matchLabels: { app: productpage } }, rules: [{ to: [{ operation: { methods: [GET] } }] }] }
AuthorizationPolicy bookinfo/details
  spec: { selector: { matchLabels: { app: details } }, rules: [{ from: [{ source: { principals: [cluster.local/ns/bookinfo/sa/bookinfo-productpage] } }], to: [{ operation: { methods: [GET] } }] }] }
",
    ),
    (
        "tutorial: tokens of users at the gateway",
        "
RequestAuthentication istio-system/users
  spec: { selector: { matchLabels: { istio: ingressgateway } }, jwtRules: [{ issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/jwks.json' }] }
AuthorizationPolicy istio-system/users
  spec: { selector: { matchLabels: { istio: ingressgateway } }, action: DENY, rules: [{ from: [{ source: { notRequestPrincipals: ['*'] } }], to: [{ operation: { paths: [/headers] } }] }] }
",
    ),
    (
        "tutorial: an authorizer that is asked",
        "
AuthorizationPolicy bookinfo/asks
  spec: { selector: { matchLabels: { app: ratings } }, action: CUSTOM, provider: { name: judge }, rules: [{ to: [{ operation: { paths: [/ratings/1] } }] }] }
",
    ),
    (
        "tutorial: a limit of calls at a workload",
        "
EnvoyFilter bookinfo/limit
  spec: { workloadSelector: { labels: { app: productpage } }, configPatches: [{ applyTo: HTTP_FILTER, match: { context: SIDECAR_INBOUND, listener: { filterChain: { filter: { name: envoy.filters.network.http_connection_manager } } } }, patch: { operation: INSERT_BEFORE, value: { name: envoy.filters.http.local_ratelimit, typed_config: { '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, stat_prefix: limit, token_bucket: { max_tokens: 4, tokens_per_fill: 4, fill_interval: 60s } } } } }] }
",
    ),
    (
        "tutorial: half of all calls are traced, to a provider that there is",
        "
Telemetry istio-system/default
  spec: { tracing: [{ providers: [{ name: spans }], randomSamplingPercentage: 50 }], accessLogging: [{ providers: [{ name: envoy }] }] }
",
    ),
    (
        "tutorial: what a namespace sees",
        "
Sidecar bookinfo/default
  spec: { egress: [{ hosts: ['./*', 'istio-system/*'] }] }
",
    ),
    (
        "tutorial: the way in and its routes by the Gateway API",
        "
Gateway.gateway.networking.k8s.io bookinfo/front
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: Same } } }] }
HTTPRoute bookinfo/front
  spec: { parentRefs: [{ name: front }], rules: [{ matches: [{ path: { type: PathPrefix, value: /productpage } }], backendRefs: [{ name: productpage, port: 9080 }] }] }
",
    ),
];

/// In a cluster of another domain nothing is said of hosts, and that is said.
#[test]
fn another_domain_is_not_judged_by_ours() {
    let text = "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ route: [{ destination: { host: ratings.bookinfo.svc.corp.example } }] }] }
DestinationRule bookinfo/d
  spec: { host: ratings, trafficPolicy: { outlierDetection: { consecutiveErrors: 5 } } }
";
    let istiod = |args: &str| {
        let spec =
            format!("{{ template: {{ spec: {{ containers: [{{ name: discovery, args: [{args}] }}] }} }} }}");
        bookinfo_with(&format!("{text}Deployment istio-system/istiod\n  spec: {spec}\n"))
    };
    let config = config();
    let judged = |mesh: &Mesh| judge(&World::new(mesh, Ok(&config)));
    let names = |judged: &Judged| judged.findings.iter().map(|one| one.check.name).collect::<Vec<_>>();
    for args in ["discovery, --domain, corp.example", "discovery, --domain=corp.example"] {
        let told = judged(&istiod(args));
        assert_eq!(names(&told), ["Doubtful"], "what is about no host is judged");
        let unmade = told.not_made.iter().find(|one| one.check.name == "HostNotFound").unwrap();
        assert!(unmade.why.why.contains("corp.example"), "{:?}", unmade.why);
    }
    assert!(names(&judged(&istiod("--domain, cluster.local"))).contains(&"HostNotFound"));
}

#[test]
fn what_is_right_gives_no_finding() {
    let mut failed = Vec::new();
    for (what, text) in HEALTHY {
        for one in found_in(text).iter().filter(|one| one.severity != Severity::Info) {
            failed.push(format!("{what}: {} {} {}: {}", one.check.name, one.at, one.path, one.what));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
