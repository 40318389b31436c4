//! Cases of annotations, of pods and of fields that do nothing, and of what depends on the mesh's configuration.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "AnnotationMisplaced",
        "
Deployment bookinfo/odd
  metadata: { annotations: { sidecar.istio.io/proxyCPU: 100m } }
  spec: { template: { spec: { containers: [{ name: a }] } } }
",
        &["
Deployment bookinfo/odd
  metadata: { annotations: { galley.istio.io/analyze-suppress: IST0107 } }
  spec: { template: { metadata: { annotations: { sidecar.istio.io/proxyCPU: 100m } }, spec: { containers: [{ name: a }] } } }
"],
    ),
    (
        "AnnotationUnknown",
        "
Deployment bookinfo/odd
  spec: { template: { metadata: { annotations: { sidecar.istio.io/proxyCpu: 100m } }, spec: { containers: [{ name: a }] } } }
",
        &["
Deployment bookinfo/odd
  metadata: { annotations: { install.operator.istio.io/owner: me, example.com/x: y } }
  spec: { template: { metadata: { annotations: { sidecar.istio.io/proxyCPU: 100m } }, spec: { containers: [{ name: a }] } } }
"],
    ),
    (
        "AnnotationInvalid",
        "
Deployment bookinfo/odd
  spec: { template: { metadata: { annotations: { traffic.sidecar.istio.io/excludeOutboundPorts: 'http', sidecar.istio.io/inject: maybe } }, spec: { containers: [{ name: a }] } } }
",
        &["
Deployment bookinfo/odd
  spec: { template: { metadata: { annotations: { traffic.sidecar.istio.io/excludeOutboundPorts: '3306, 5432', traffic.sidecar.istio.io/includeOutboundIPRanges: '*', traffic.sidecar.istio.io/excludeOutboundIPRanges: '10.0.0.0/8,192.0.2.1/32',
    sidecar.istio.io/inject: 'true', sidecar.istio.io/proxyMemory: 128Mi, proxy.istio.io/config: 'holdApplicationUntilProxyStarts: true' } }, spec: { containers: [{ name: a }] } } }
"],
    ),
    (
        "AnnotationOld",
        "
Deployment bookinfo/odd
  spec: { template: { metadata: { annotations: { sidecar.istio.io/discoveryAddress: 'istiod:15012' } }, spec: { containers: [{ name: a }] } } }
",
        &["
Deployment bookinfo/odd
  spec: { template: { metadata: { annotations: { sidecar.istio.io/logLevel: debug } }, spec: { containers: [{ name: a }] } } }
"],
    ),
    (
        "TargetPortShared",
        "
Service bookinfo/also
  spec: { selector: { app: ratings }, ports: [{ name: http, port: 81, targetPort: 9080 }] }
",
        &["
Service bookinfo/also
  spec: { selector: { app: ratings }, ports: [{ name: http, port: 9080, targetPort: 9080 }, { name: http-admin, port: 81, targetPort: 8081 }] }
"],
    ),
    (
        "RunsAsProxy",
        "
Deployment bookinfo/odd
  spec: { template: { spec: { securityContext: { runAsUser: 1337 }, containers: [{ name: a }] } } }
",
        &["
Deployment bookinfo/odd
  spec: { template: { spec: { securityContext: { runAsUser: 1337 }, containers: [{ name: a, securityContext: { runAsUser: 1000 } }, { name: istio-proxy }] } } }
"],
    ),
    (
        "ProxyImagesDiffer",
        "
Pod bookinfo/a
  spec: { containers: [{ name: a }, { name: istio-proxy, image: 'proxyv2:1.30' }] }
Pod bookinfo/b
  spec: { containers: [{ name: a }, { name: istio-proxy, image: 'proxyv2:1.30' }] }
Pod bookinfo/c
  spec: { containers: [{ name: a }, { name: istio-proxy, image: 'proxyv2:1.29' }] }
",
        &["
Pod bookinfo/a
  spec: { containers: [{ name: a }, { name: istio-proxy, image: 'proxyv2:1.30' }] }
Pod bookinfo/b
  metadata: { labels: { istio.io/rev: canary } }
  spec: { containers: [{ name: a }, { name: istio-proxy, image: 'proxyv2:1.31' }] }
Pod bookinfo/gateway
  spec: { containers: [{ name: istio-proxy, image: 'proxyv2:1.29' }] }
"],
    ),
    (
        "GroupsAlike",
        "
WorkloadGroup bookinfo/a
  spec: { metadata: { labels: { app: vm } }, template: { serviceAccount: vm } }
WorkloadGroup bookinfo/b
  spec: { metadata: { labels: { app: vm } }, template: { serviceAccount: vm } }
",
        &["
WorkloadGroup bookinfo/a
  spec: { metadata: { labels: { app: vm, version: v1 } }, template: { serviceAccount: vm } }
WorkloadGroup bookinfo/b
  spec: { metadata: { labels: { app: vm, version: v2 } }, template: { serviceAccount: vm } }
WorkloadGroup istio-system/b
  spec: { metadata: { labels: { app: vm, version: v2 } }, template: { serviceAccount: vm } }
"],
    ),
    (
        "EntriesShareAddress",
        "
ServiceEntry bookinfo/a
  spec: { hosts: [a.example], ports: [{ number: 3306, name: tcp, protocol: TCP }], resolution: DNS }
ServiceEntry bookinfo/b
  spec: { hosts: [b.example], ports: [{ number: 3306, name: tcp, protocol: TCP }], resolution: DNS }
",
        &["
ServiceEntry bookinfo/a
  spec: { hosts: [a.example], ports: [{ number: 3306, name: tcp, protocol: TCP }], resolution: DNS }
  status: { addresses: [{ host: a.example, value: 240.240.0.1 }] }
ServiceEntry bookinfo/b
  spec: { hosts: [b.example], addresses: [192.0.2.7], ports: [{ number: 3306, name: tcp, protocol: TCP }], resolution: DNS }
ServiceEntry bookinfo/c
  spec: { hosts: [c.example], ports: [{ number: 443, name: tls, protocol: TLS }], resolution: DNS }
ServiceEntry bookinfo/d
  spec: { hosts: [d.example], ports: [{ number: 443, name: tls, protocol: TLS }], resolution: DNS }
ServiceEntry istio-system/e
  spec: { hosts: [e.example], exportTo: ['.'], ports: [{ number: 5432, name: tcp, protocol: TCP }], resolution: DNS }
ServiceEntry bookinfo/f
  spec: { hosts: [f.example], exportTo: ['.'], ports: [{ number: 5432, name: tcp, protocol: TCP }], resolution: DNS }
"],
    ),
    (
        "LogsToNobody",
        "
Telemetry bookinfo/t
  spec: { accessLogging: [{ filter: { expression: 'response.code >= 500' } }] }
",
        &["
Telemetry bookinfo/t
  spec: { accessLogging: [{ disabled: true }], tracing: [{ randomSamplingPercentage: 10 }] }
", "
Telemetry istio-system/t
  spec: { accessLogging: [{ providers: [{ name: envoy }] }] }
Telemetry bookinfo/t
  spec: { accessLogging: [{ filter: { expression: 'response.code >= 500' } }] }
"],
    ),
    (
        "CallerOfAnotherDomain",
        "
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ from: [{ source: { principals: [other.example/ns/x/sa/y] } }] }] }
",
        &["
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ from: [{ source: { principals: [cluster.local/ns/bookinfo/sa/bookinfo-reviews, 'old.example/ns/bookinfo/sa/bookinfo-reviews', '*/ns/x/sa/y', '*'] } }] }] }
"],
    ),
    (
        "MutualToNoProxy",
        "
Pod bookinfo/bare
  metadata: { labels: { app: bare, sidecar.istio.io/inject: 'false' } }
  spec: { containers: [{ name: bare }] }
Service bookinfo/bare
  spec: { selector: { app: bare }, ports: [{ name: http, port: 80, targetPort: 80 }] }
DestinationRule bookinfo/all
  spec: { host: '*.bookinfo.svc.cluster.local', trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
",
        &[
            "
DestinationRule bookinfo/all
  spec: { host: '*.bookinfo.svc.cluster.local', trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
",
            // A closer rule counts.
            "
Pod bookinfo/bare
  metadata: { labels: { app: bare, sidecar.istio.io/inject: 'false' } }
  spec: { containers: [{ name: bare }] }
Service bookinfo/bare
  spec: { selector: { app: bare }, ports: [{ name: http, port: 80, targetPort: 80 }] }
DestinationRule bookinfo/all
  spec: { host: '*.bookinfo.svc.cluster.local', trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
DestinationRule bookinfo/bare
  spec: { host: bare, trafficPolicy: { tls: { mode: DISABLE } } }
",
            // ztunnel understands it.
            "
Namespace mesh
  metadata: { labels: { istio.io/dataplane-mode: ambient } }
Pod mesh/cart
  metadata: { labels: { app: cart } }
  spec: { containers: [{ name: cart }] }
Service mesh/cart
  spec: { selector: { app: cart }, ports: [{ name: http, port: 80, targetPort: 80 }] }
DestinationRule mesh/cart
  spec: { host: cart, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
",
        ],
    ),
    (
        "TlsOfWiderRuleLost",
        "
DestinationRule bookinfo/wide
  spec: { host: '*.example', trafficPolicy: { tls: { mode: SIMPLE } } }
DestinationRule bookinfo/close
  spec: { host: a.example, trafficPolicy: { loadBalancer: { simple: RANDOM } } }
",
        &["
DestinationRule bookinfo/wide
  spec: { host: '*.bookinfo.svc.cluster.local', trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
DestinationRule bookinfo/out
  spec: { host: '*.example', trafficPolicy: { tls: { mode: SIMPLE } } }
DestinationRule bookinfo/close
  spec: { host: a.example, trafficPolicy: { tls: { mode: SIMPLE, sni: b.example } } }
"],
    ),
    (
        "StarMeansItself",
        "
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ to: [{ operation: { paths: ['/api/*/items'] } }] }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ uri: { prefix: '/api/*' } }], route: [{ destination: { host: ratings } }] }] }
",
        &["
AuthorizationPolicy bookinfo/a
  spec: { rules: [{ to: [{ operation: { paths: ['/api/*', '*/items', '*', '/a/{*}/b', '/c/{**}'] } }] }] }
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ match: [{ uri: { regex: '/api/.*' } }], route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "PortModeForAll",
        "
PeerAuthentication bookinfo/p
  spec: { mtls: { mode: STRICT }, portLevelMtls: { 9080: { mode: PERMISSIVE } } }
",
        &["
PeerAuthentication bookinfo/p
  spec: { selector: { matchLabels: { app: ratings } }, mtls: { mode: STRICT }, portLevelMtls: { 9080: { mode: PERMISSIVE } } }
"],
    ),
    (
        "HttpSettingsOnBytes",
        "
Service bookinfo/db
  spec: { selector: { app: ratings }, ports: [{ name: mysql, port: 3306, targetPort: 3306 }] }
DestinationRule bookinfo/db
  spec: { host: db, trafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: 1 } } } }
",
        &["
Service bookinfo/db
  spec: { selector: { app: ratings }, ports: [{ name: mysql, port: 3306, targetPort: 3306 }] }
DestinationRule bookinfo/db
  spec: { host: db, trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } } }
DestinationRule bookinfo/ratings
  spec: { host: ratings, trafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: 1 } } } }
"],
    ),
    (
        "OldField",
        "
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ mirror: { host: reviews }, mirrorPercent: 10, route: [{ destination: { host: ratings } }] }] }
",
        &["
VirtualService bookinfo/ratings
  spec: { hosts: [ratings], http: [{ mirror: { host: reviews }, mirrorPercentage: { value: 10 }, route: [{ destination: { host: ratings } }] }] }
"],
    ),
];
