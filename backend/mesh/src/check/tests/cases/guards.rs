//! Cases of policies, Services, pods, Telemetry and EnvoyFilters.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "CallerNamespaceNotFound",
        "
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ from: [{ source: { namespaces: [nowhere] } }] }] }
",
        &["
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ from: [{ source: { namespaces: [istio-system, 'team-*'] } }] }] }
"],
    ),
    (
        "CallerNotFound",
        "
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ from: [{ source: { principals: [cluster.local/ns/bookinfo/sa/nobody] } }] }] }
",
        &["
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ from: [{ source: { principals: [cluster.local/ns/bookinfo/sa/bookinfo-reviews, other.example/ns/x/sa/y, '*/sa/z'] } }] }] }
"],
    ),
    (
        "CallersNeedMutualTls",
        "
PeerAuthentication bookinfo/default
  spec: { mtls: { mode: DISABLE } }
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ from: [{ source: { namespaces: [bookinfo] } }] }] }
",
        &["
PeerAuthentication bookinfo/default
  spec: { mtls: { mode: DISABLE } }
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ to: [{ operation: { methods: [GET] } }] }] }
",
        // istiod has no proxy, and takes plain text only.
        "
AuthorizationPolicy istio-system/a
  spec: { rules: [{ from: [{ source: { namespaces: [bookinfo] } }] }] }
"],
    ),
    (
        "MethodUnknown",
        "
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ to: [{ operation: { methods: [get] } }] }] }
",
        &["
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ to: [{ operation: { methods: [GET, 'P*'] } }] }] }
"],
    ),
    (
        "PolicyHostNotFound",
        "
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ to: [{ operation: { hosts: [gone.bookinfo.svc.cluster.local] } }] }] }
",
        &["
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ to: [{ operation: { hosts: ['ratings.bookinfo.svc.cluster.local:9080', shop.example] } }] }] }
"],
    ),
    (
        "RequestFieldsOnBytes",
        "
Service bookinfo/db
  spec: { selector: { app: db }, ports: [{ name: mysql, port: 3306, targetPort: 3306 }] }
Pod bookinfo/db
  metadata: { labels: { app: db } }
  spec: { containers: [{ name: db }, { name: istio-proxy }] }
AuthorizationPolicy bookinfo/a
  spec: { selector: { matchLabels: { app: db } }, rules: [{ to: [{ operation: { methods: [GET] } }] }] }
",
        &["
Service bookinfo/db
  spec: { selector: { app: db }, ports: [{ name: mysql, port: 3306, targetPort: 3306 }] }
Pod bookinfo/db
  metadata: { labels: { app: db } }
  spec: { containers: [{ name: db }, { name: istio-proxy }] }
AuthorizationPolicy bookinfo/a
  spec: { selector: { matchLabels: { app: db } }, rules: [{ to: [{ operation: { ports: ['3306'] } }] }] }
AuthorizationPolicy bookinfo/b
  spec: { rules: [{ to: [{ operation: { methods: [GET] } }] }] }
"],
    ),
    (
        "DenyTakesBytes",
        "
Service bookinfo/db
  spec: { selector: { app: db }, ports: [{ name: mysql, port: 3306, targetPort: 3306 }, { name: http, port: 80, targetPort: 8080 }] }
Pod bookinfo/db
  metadata: { labels: { app: db } }
  spec: { containers: [{ name: db }, { name: istio-proxy }] }
AuthorizationPolicy bookinfo/a
  spec: { selector: { matchLabels: { app: db } }, action: DENY, rules: [{ to: [{ operation: { paths: [/admin] } }] }] }
",
        // At workloads that speak HTTP only, and at a gateway whose servers do.
        &["
AuthorizationPolicy bookinfo/a
  spec: { selector: { matchLabels: { app: ratings } }, action: DENY, rules: [{ to: [{ operation: { paths: [/admin] } }] }] }
AuthorizationPolicy istio-system/a
  spec: { selector: { matchLabels: { istio: ingressgateway } }, action: DENY, rules: [{ to: [{ operation: { paths: [/admin] } }] }] }
"],
    ),
    (
        "ProviderUnknown",
        "
AuthorizationPolicy bookinfo/a
  spec: { action: CUSTOM, provider: { name: spans }, rules: [{}] }
",
        &["
AuthorizationPolicy bookinfo/a
  spec: { action: CUSTOM, provider: { name: judge }, rules: [{}] }
"],
    ),
    (
        "PortModeAtServicePort",
        "
Service bookinfo/front
  spec: { selector: { app: productpage }, ports: [{ name: http-x, port: 81, targetPort: 9081 }] }
PeerAuthentication bookinfo/p
  spec: { selector: { matchLabels: { app: productpage } }, portLevelMtls: { 81: { mode: DISABLE } } }
",
        &["
PeerAuthentication bookinfo/p
  spec: { selector: { matchLabels: { app: productpage } }, portLevelMtls: { 9080: { mode: PERMISSIVE } } }
"],
    ),
    (
        "ProtocolUnsaid",
        "
Service bookinfo/odd
  spec: { selector: { app: ratings }, ports: [{ name: web, port: 80, targetPort: 9080 }] }
",
        &["
Service bookinfo/odd
  spec: { selector: { app: ratings }, ports: [{ name: web, appProtocol: http, port: 80, targetPort: 9080 }, { name: grpc-x, port: 81 }, { name: dns, protocol: UDP, port: 53 }] }
Service kube-system/odd
  spec: { ports: [{ name: web, port: 80 }] }
"],
    ),
    (
        "AppProtocolUnknown",
        "
Service bookinfo/odd
  spec: { selector: { app: ratings }, ports: [{ name: http, appProtocol: example.com/mine, port: 80, targetPort: 9080 }] }
",
        &["
Service bookinfo/odd
  spec: { selector: { app: ratings }, ports: [{ name: http, appProtocol: kubernetes.io/h2c, port: 80 }, { name: b, appProtocol: GRPC, port: 81 }] }
"],
    ),
    (
        "ServiceWithoutPods",
        "
Service bookinfo/odd
  spec: { selector: { app: rating }, ports: [{ name: http, port: 80, targetPort: 9080 }] }
",
        &[
            "
Service bookinfo/odd
  spec: { selector: { app: ratings }, ports: [{ name: http, port: 80, targetPort: 1234 }] }
Service bookinfo/by-hand
  spec: { ports: [{ name: http, port: 80 }] }
",
            "
Deployment bookinfo/asleep
  spec: { replicas: 0, template: { metadata: { labels: { app: asleep } }, spec: { containers: [{ name: a }] } } }
Service bookinfo/asleep
  spec: { selector: { app: asleep }, ports: [{ name: http, port: 80 }] }
",
            "
WorkloadEntry bookinfo/machine
  spec: { address: 10.0.0.7, labels: { app: machine } }
Service bookinfo/machine
  spec: { selector: { app: machine }, ports: [{ name: http, port: 80 }] }
",
            "
Service kube-system/metrics
  spec: { selector: { app: nobody }, ports: [{ name: http, port: 80 }] }
",
        ],
    ),
    (
        "PortLeadsNowhere",
        "
Deployment bookinfo/asleep
  spec: { replicas: 0, template: { metadata: { labels: { app: asleep } }, spec: { containers: [{ name: a, ports: [{ name: http, containerPort: 80 }] }] } } }
Service bookinfo/asleep
  spec: { selector: { app: asleep }, ports: [{ name: http, port: 80, targetPort: web }] }
",
        &["
Deployment bookinfo/asleep
  spec: { replicas: 0, template: { metadata: { labels: { app: asleep } }, spec: { containers: [{ name: a, ports: [{ name: web, containerPort: 80 }] }] } } }
Service bookinfo/asleep
  spec: { selector: { app: asleep }, ports: [{ name: http, port: 80, targetPort: web }] }
"],
    ),
    (
        "TokensNotRead",
        "
AuthorizationPolicy bookinfo/users
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{ from: [{ source: { requestPrincipals: ['*'] } }] }] }
",
        &[
            "
RequestAuthentication bookinfo/users
  spec: { selector: { matchLabels: { app: ratings } }, jwtRules: [{ issuer: a.example, jwks: '{}' }] }
AuthorizationPolicy bookinfo/users
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{ from: [{ source: { requestPrincipals: ['*'] } }] }] }
",
            "
AuthorizationPolicy bookinfo/either
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{ from: [{ source: { requestPrincipals: ['*'] } }, { source: { namespaces: [bookinfo] } }] }] }
",
            "
RequestAuthentication istio-system/users
  spec: { jwtRules: [{ issuer: a.example, jwks: '{}' }] }
AuthorizationPolicy bookinfo/users
  spec: { action: DENY, rules: [{ from: [{ source: { notRequestPrincipals: ['*'] } }] }] }
",
            "
Gateway.gateway.networking.k8s.io bookinfo/waypoint
  spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE }] }
AuthorizationPolicy bookinfo/users
  spec: { targetRefs: [{ group: '', kind: Service, name: ratings }], rules: [{ when: [{ key: 'request.auth.claims[group]', values: [a] }] }] }
",
        ],
    ),
    (
        "TokensNotRead",
        "
AuthorizationPolicy bookinfo/users
  spec: { selector: { matchLabels: { app: ratings } }, action: DENY, rules: [{ from: [{ source: { notRequestPrincipals: ['*'] } }], to: [{ operation: { paths: [/ratings*] } }] }] }
AuthorizationPolicy bookinfo/groups
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{ when: [{ key: 'request.auth.claims[group]', values: [a] }] }] }
",
        &["
AuthorizationPolicy bookinfo/users
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{ when: [{ key: 'request.auth.claims[group]', notValues: [a] }] }] }
"],
    ),
    (
        "PathWithoutSlash",
        "
AuthorizationPolicy bookinfo/ratings
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{ to: [{ operation: { paths: [ratings/*] } }] }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ uri: { prefix: ratings } }], route: [{ destination: { host: ratings } }] }, { route: [{ destination: { host: ratings } }] }] }
",
        &["
AuthorizationPolicy bookinfo/ratings
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{ to: [{ operation: { paths: [/ratings/*, '*.json', '*'], notPaths: ['/{*}/x'] } }] }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ uri: { prefix: /ratings } }, { uri: { regex: '[^a]+' } }], route: [{ destination: { host: ratings } }] }, { route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "PortLeadsNowhere",
        "
Service bookinfo/odd
  spec: { selector: { app: ratings }, ports: [{ name: http, port: 80, targetPort: nothing }] }
",
        &["
Pod bookinfo/named
  metadata: { labels: { app: named } }
  spec: { containers: [{ name: a, ports: [{ name: web, containerPort: 80 }] }, { name: istio-proxy }] }
Service bookinfo/odd
  spec: { selector: { app: named }, ports: [{ name: http, port: 80, targetPort: web }] }
"],
    ),
    (
        "ExternalNamePort",
        "
Service bookinfo/out
  spec: { type: ExternalName, externalName: out.example, ports: [{ name: tcp, port: 80 }] }
",
        &["
Service bookinfo/out
  spec: { type: ExternalName, externalName: out.example, ports: [{ name: http, port: 80 }] }
"],
    ),
    (
        "ProtocolsDisagree",
        "
Service bookinfo/also
  spec: { selector: { app: ratings }, ports: [{ name: tcp, port: 9090, targetPort: 9080 }] }
",
        &["
Service bookinfo/also
  spec: { selector: { app: ratings }, ports: [{ name: http-too, port: 9090, targetPort: 9080 }] }
"],
    ),
    (
        "NamespaceNotInjected",
        "
Namespace plain
Pod plain/a
  spec: { containers: [{ name: a }] }
",
        &["
Namespace plain
  metadata: { labels: { istio-injection: disabled } }
Pod plain/a
  spec: { containers: [{ name: a }] }
Namespace empty
Namespace kube-system
Pod kube-system/dns
  spec: { containers: [{ name: dns }] }
"],
    ),
    (
        "PodWithoutProxy",
        "
Pod bookinfo/bare
  metadata: { labels: { app: bare } }
  spec: { containers: [{ name: bare }] }
",
        &["
Pod bookinfo/bare
  metadata: { labels: { app: bare, sidecar.istio.io/inject: 'false' } }
  spec: { containers: [{ name: bare }] }
Pod bookinfo/host
  spec: { hostNetwork: true, containers: [{ name: host }] }
Pod bookinfo/over
  spec: { containers: [{ name: over }] }
  status: { phase: Succeeded }
"],
    ),
    (
        "NamespaceLabelsContradict",
        "
Namespace both
  metadata: { labels: { istio-injection: enabled, istio.io/rev: canary } }
",
        &["
Namespace both
  metadata: { labels: { istio-injection: disabled, istio.io/dataplane-mode: ambient } }
Namespace none
  metadata: { labels: { istio-injection: enabled, istio.io/dataplane-mode: none } }
"],
    ),
    (
        "PodLabelsContradict",
        "
Pod bookinfo/both
  metadata: { labels: { sidecar.istio.io/inject: 'true', istio.io/dataplane-mode: ambient } }
  spec: { containers: [{ name: a }, { name: istio-proxy }] }
",
        &["
Pod bookinfo/one
  metadata: { labels: { sidecar.istio.io/inject: 'true' } }
  spec: { containers: [{ name: a }, { name: istio-proxy }] }
"],
    ),
    (
        "ImageAutoWithoutInjection",
        "
Namespace plain
Deployment plain/gateway
  spec: { template: { metadata: { labels: { istio: ingressgateway } }, spec: { containers: [{ name: istio-proxy, image: auto }] } } }
",
        &["
Namespace plain
Deployment plain/gateway
  spec: { template: { metadata: { labels: { istio: ingressgateway, sidecar.istio.io/inject: 'true' } }, spec: { containers: [{ name: istio-proxy, image: auto }] } } }
"],
    ),
    (
        "TelemetryProviderUnknown",
        "
Telemetry bookinfo/t
  spec: { tracing: [{ providers: [{ name: nowhere }] }] }
",
        &["
Telemetry bookinfo/t
  spec: { tracing: [{ providers: [{ name: spans }] }], metrics: [{ providers: [{ name: prometheus }] }], accessLogging: [{ providers: [{ name: envoy }] }] }
"],
    ),
    (
        "RelativePatch",
        "
EnvoyFilter bookinfo/f
  spec: { configPatches: [{ applyTo: HTTP_FILTER, patch: { operation: INSERT_BEFORE, value: { name: a } } }] }
",
        &["
EnvoyFilter bookinfo/f
  spec: { priority: 5, configPatches: [{ applyTo: HTTP_FILTER, patch: { operation: INSERT_BEFORE, value: { name: a } } }] }
EnvoyFilter bookinfo/g
  spec: { configPatches: [{ applyTo: CLUSTER, patch: { operation: MERGE, value: { name: a } } }] }
"],
    ),
    (
        "ReplaceNotPossible",
        "
EnvoyFilter bookinfo/f
  spec: { configPatches: [{ applyTo: CLUSTER, patch: { operation: REPLACE, value: { name: a } } }] }
",
        &["
EnvoyFilter bookinfo/f
  spec: { priority: 1, configPatches: [{ applyTo: HTTP_FILTER, patch: { operation: REPLACE, value: { name: a } } }] }
"],
    ),
    (
        "AddNotPossible",
        "
EnvoyFilter bookinfo/f
  spec: { configPatches: [{ applyTo: HTTP_ROUTE, patch: { operation: ADD, value: { name: a } } }] }
",
        &["
EnvoyFilter bookinfo/f
  spec: { configPatches: [{ applyTo: CLUSTER, patch: { operation: ADD, value: { name: a } } }] }
"],
    ),
    (
        "RemoveNotPossible",
        "
EnvoyFilter bookinfo/f
  spec: { configPatches: [{ applyTo: HTTP_ROUTE, patch: { operation: REMOVE } }] }
",
        &["
EnvoyFilter bookinfo/f
  spec: { configPatches: [{ applyTo: HTTP_FILTER, patch: { operation: REMOVE } }] }
"],
    ),
];
