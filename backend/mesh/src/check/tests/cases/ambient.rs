//! Cases of ambient mode: the namespace `mesh` is in it.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "RulesWithoutWaypoint",
        "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Service mesh/cart
  spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
VirtualService mesh/cart
  spec: { hosts: [cart], http: [{ timeout: 1s, route: [{ destination: { host: cart } }] }] }
DestinationRule mesh/cart
  spec: { host: cart, trafficPolicy: { loadBalancer: { simple: RANDOM } } }
",
        &[
            // With a waypoint.
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
VirtualService mesh/cart
  spec: { hosts: [cart], http: [{ timeout: 1s, route: [{ destination: { host: cart } }] }] }
",
            // Not in ambient mode.
            "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ timeout: 1s, route: [{ destination: { host: ratings } }] }] }
",
            // At a gateway only, and of connections only.
            "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Service mesh/cart
  spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
VirtualService mesh/front
  spec: { hosts: [cart], gateways: [bookinfo/bookinfo-gateway], http: [{ route: [{ destination: { host: cart } }] }] }
VirtualService mesh/cart
  spec: { hosts: [cart], tcp: [{ route: [{ destination: { host: cart } }] }] }
",
        ],
    ),
    (
        "RulesOfAnotherNamespace",
        "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint } }
Service mesh/cart
  spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
VirtualService bookinfo/cart
  spec: { hosts: [cart.mesh.svc.cluster.local], http: [{ timeout: 1s, route: [{ destination: { host: cart.mesh.svc.cluster.local } }] }] }
",
        &["
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint } }
Service mesh/cart
  spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
VirtualService mesh/cart
  spec: { hosts: [cart], http: [{ timeout: 1s, route: [{ destination: { host: cart } }] }] }
VirtualService istio-system/ratings
  spec: { hosts: [ratings.bookinfo.svc.cluster.local], http: [{ route: [{ destination: { host: ratings.bookinfo.svc.cluster.local } }] }] }
"],
    ),
    (
        "PolicyWithoutWaypoint",
        "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
AuthorizationPolicy mesh/get
  spec: { rules: [{ to: [{ operation: { methods: [GET] } }] }] }
RequestAuthentication mesh/token
  spec: { selector: { matchLabels: { app: cart } }, jwtRules: [{ issuer: a, jwks: '{\"keys\":[]}' }] }
",
        &[
            // Who calls, and at which port, ztunnel knows.
            "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
AuthorizationPolicy mesh/who
  spec: { rules: [{ from: [{ source: { namespaces: [mesh] } }], to: [{ operation: { ports: ['8080'] } }] }] }
Telemetry mesh/logs
  spec: { accessLogging: [{ providers: [{ name: envoy }] }] }
",
            // With sidecars, and by name of what it is for.
            "
AuthorizationPolicy bookinfo/get
  spec: { rules: [{ to: [{ operation: { methods: [GET] } }] }] }
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Service mesh/cart
  spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
AuthorizationPolicy mesh/get
  spec: { targetRefs: [{ kind: Service, group: '', name: cart }], rules: [{ to: [{ operation: { methods: [GET] } }] }] }
",
        ],
    ),
    (
        "PolicyNotAttached",
        "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint } }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
AuthorizationPolicy mesh/get
  spec: { selector: { matchLabels: { app: cart } }, rules: [{ to: [{ operation: { methods: [GET] } }] }] }
",
        &["
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint } }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
AuthorizationPolicy mesh/get
  spec: { targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: waypoint }], rules: [{ to: [{ operation: { methods: [GET] } }] }] }
AuthorizationPolicy mesh/who
  spec: { selector: { matchLabels: { app: cart } }, rules: [{ from: [{ source: { namespaces: [mesh] } }] }] }
"],
    ),
    (
        "SidecarInAmbient",
        "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
Sidecar mesh/default
  spec: { egress: [{ hosts: ['./*'] }] }
",
        &["
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Pod mesh/cart
  metadata: { labels: { app: cart, istio.io/dataplane-mode: none } }
  spec: { containers: [{ name: cart }, { name: istio-proxy }] }
Sidecar mesh/default
  spec: { egress: [{ hosts: ['./*'] }] }
Sidecar bookinfo/default
  spec: { egress: [{ hosts: ['./*'] }] }
"],
    ),
    (
        "WaypointNotFound",
        "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint } }
",
        &["
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint, istio.io/use-waypoint-namespace: gates } }
Namespace none
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: none } }
Gateway.gateway.networking.k8s.io gates/waypoint
  spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE }] }
"],
    ),
    (
        "WaypointOutsideAmbient",
        "
Gateway.gateway.networking.k8s.io bookinfo/waypoint
  spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE }] }
Namespace bookinfo
  metadata: { labels: { istio-injection: enabled, istio.io/use-waypoint: waypoint } }
",
        &["
Gateway.gateway.networking.k8s.io mesh/waypoint
  spec: { gatewayClassName: istio-waypoint, listeners: [{ name: mesh, port: 15008, protocol: HBONE }] }
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient, istio.io/use-waypoint: waypoint } }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
"],
    ),
    (
        "ProxyInAmbient",
        "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }, { name: istio-proxy }] }
",
        &["
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Pod mesh/cart
  metadata: { labels: { app: cart, istio.io/dataplane-mode: none } }
  spec: { containers: [{ name: cart }, { name: istio-proxy }] }
Pod mesh/waypoint
  metadata: { labels: { gateway.networking.k8s.io/gateway-name: waypoint } }
  spec: { containers: [{ name: istio-proxy }] }
"],
    ),
];
