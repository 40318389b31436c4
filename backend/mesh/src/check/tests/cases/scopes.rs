//! Cases of ServiceEntries, Sidecars and whom an object is for.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "EntryTwice",
        "
ServiceEntry bookinfo/a
  spec: { hosts: [out.example], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
ServiceEntry bookinfo/b
  spec: { hosts: [out.example], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
",
        &["
ServiceEntry bookinfo/a
  spec: { hosts: [out.example], exportTo: ['.'], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
ServiceEntry istio-system/b
  spec: { hosts: [out.example], exportTo: ['.'], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
"],
    ),
    (
        "EntriesDisagree",
        "
ServiceEntry bookinfo/a
  spec: { hosts: [out.example], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
ServiceEntry bookinfo/b
  spec: { hosts: [out.example], ports: [{ number: 80, name: tcp, protocol: TCP }], resolution: DNS }
",
        &["
ServiceEntry bookinfo/a
  spec: { hosts: [out.example], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
ServiceEntry bookinfo/b
  spec: { hosts: [out.example], ports: [{ number: 443, name: tls, protocol: TLS }], resolution: DNS }
"],
    ),
    (
        "EntryShadowsService",
        "
ServiceEntry bookinfo/a
  spec: { hosts: [ratings.bookinfo.svc.cluster.local], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 10.0.0.1 }] }
",
        &["
ServiceEntry bookinfo/a
  spec: { hosts: [ratings.example], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: DNS }
"],
    ),
    (
        "EntryForNoWorkload",
        "
ServiceEntry bookinfo/a
  spec: { hosts: [out.example], ports: [{ number: 80, name: http, protocol: HTTP }], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: { labels: { app: nobody } } }
",
        &["
ServiceEntry bookinfo/a
  spec: { hosts: [out.example], ports: [{ number: 80, name: http, protocol: HTTP }], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: { labels: { app: ratings } } }
"],
    ),
    (
        "SidecarHostNotFound",
        "
Sidecar bookinfo/default
  spec: { egress: [{ hosts: ['./*', 'bookinfo/gone.bookinfo.svc.cluster.local'] }] }
",
        &["
Sidecar bookinfo/default
  spec: { egress: [{ hosts: ['./*', 'istio-system/*', '~/*', './ratings.bookinfo.svc.cluster.local', '*/*.bookinfo.svc.cluster.local'] }] }
"],
    ),
    (
        "SidecarOfRootSelects",
        "
Sidecar istio-system/default
  spec: { workloadSelector: { labels: { istio: pilot } }, egress: [{ hosts: ['*/*'] }] }
",
        &["
Sidecar istio-system/default
  spec: { egress: [{ hosts: ['*/*'] }] }
"],
    ),
    (
        "OutboundPolicyWithoutMode",
        "
Sidecar bookinfo/default
  spec: { egress: [{ hosts: ['*/*'] }], outboundTrafficPolicy: {} }
",
        &["
Sidecar bookinfo/default
  spec: { egress: [{ hosts: ['*/*'] }], outboundTrafficPolicy: { mode: ALLOW_ANY } }
"],
    ),
    (
        "DestinationHidden",
        "
Sidecar bookinfo/default
  spec: { egress: [{ hosts: ['./reviews.bookinfo.svc.cluster.local', './productpage.bookinfo.svc.cluster.local'] }] }
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [{ route: [{ destination: { host: ratings } }] }] }
",
        &["
Sidecar bookinfo/default
  spec: { egress: [{ hosts: ['./*'] }] }
VirtualService bookinfo/reviews
  spec: { hosts: [reviews], http: [{ route: [{ destination: { host: ratings } }] }] }
"],
    ),
    (
        "SelectsNothing",
        "
AuthorizationPolicy bookinfo/a
  spec: { selector: { matchLabels: { app: nobody } }, rules: [{}] }
",
        &[
            "
AuthorizationPolicy istio-system/a
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{}] }
",
            "
AuthorizationPolicy bookinfo/a
  spec: { targetRefs: [{ group: gateway.networking.k8s.io, kind: Gateway, name: web }], rules: [{}] }
",
        ],
    ),
    (
        "SelectsGatewayPods",
        "
Pod bookinfo/web-istio
  metadata: { labels: { app: web, gateway.networking.k8s.io/gateway-name: web } }
  spec: { containers: [{ name: istio-proxy }] }
AuthorizationPolicy bookinfo/a
  spec: { selector: { matchLabels: { app: web } }, rules: [{}] }
",
        &["
AuthorizationPolicy bookinfo/a
  spec: { selector: { matchLabels: { app: ratings } }, rules: [{}] }
"],
    ),
    (
        "SeveralForNamespace",
        "
PeerAuthentication bookinfo/a
  spec: { mtls: { mode: PERMISSIVE } }
PeerAuthentication bookinfo/b
  spec: { mtls: { mode: STRICT } }
",
        &["
PeerAuthentication bookinfo/a
  spec: { mtls: { mode: PERMISSIVE } }
PeerAuthentication istio-system/b
  spec: { mtls: { mode: STRICT } }
"],
    ),
    (
        "SeveralForWorkload",
        "
Sidecar bookinfo/a
  spec: { workloadSelector: { labels: { app: reviews } }, egress: [{ hosts: ['*/*'] }] }
Sidecar bookinfo/b
  spec: { workloadSelector: { labels: { version: v1 } }, egress: [{ hosts: ['*/*'] }] }
",
        &["
Sidecar bookinfo/a
  spec: { workloadSelector: { labels: { app: reviews } }, egress: [{ hosts: ['*/*'] }] }
Sidecar bookinfo/b
  spec: { workloadSelector: { labels: { app: ratings } }, egress: [{ hosts: ['*/*'] }] }
"],
    ),
    (
        "ExportToNowhere",
        "
DestinationRule bookinfo/ratings
  spec: { host: ratings, exportTo: [nowhere] }
",
        &["
DestinationRule bookinfo/ratings
  spec: { host: ratings, exportTo: ['.', istio-system] }
"],
    ),
];
