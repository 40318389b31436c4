//! Cases of the Gateway API.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "ParentNotFound",
        "
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ name: web }], rules: [{ backendRefs: [{ name: ratings, port: 9080 }] }] }
",
        &[
            "
Gateway.gateway.networking.k8s.io bookinfo/web
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP, hostname: '*.example' }] }
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ name: web, sectionName: http }], hostnames: [a.example], rules: [{ backendRefs: [{ name: ratings, port: 9080 }] }] }
",
            "
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ kind: Service, group: '', name: ratings }], rules: [{ backendRefs: [{ name: ratings, port: 9080 }] }] }
",
        ],
    ),
    (
        "RouteNotAllowed",
        "
Gateway.gateway.networking.k8s.io istio-system/web
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP }] }
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ name: web, namespace: istio-system }], rules: [{ backendRefs: [{ name: ratings, port: 9080 }] }] }
",
        &["
Namespace bookinfo
  metadata: { labels: { istio-injection: enabled, web: 'yes' } }
Gateway.gateway.networking.k8s.io istio-system/web
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { web: 'yes' } } } } }] }
Gateway.gateway.networking.k8s.io istio-system/all
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }] }
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ name: web, namespace: istio-system }, { name: all, namespace: istio-system }], rules: [{ backendRefs: [{ name: ratings, port: 9080 }] }] }
"],
    ),
    (
        "BackendNotGranted",
        "
Gateway.gateway.networking.k8s.io bookinfo/web
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP }] }
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ name: web }], rules: [{ backendRefs: [{ name: istiod, namespace: istio-system, port: 15014 }] }] }
",
        &["
Gateway.gateway.networking.k8s.io bookinfo/web
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP }] }
ReferenceGrant istio-system/g
  spec: { from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: bookinfo }], to: [{ group: '', kind: Service, name: istiod }] }
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ name: web }], rules: [{ backendRefs: [{ name: istiod, namespace: istio-system, port: 15014 }, { name: ratings, port: 9080 }] }] }
"],
    ),
    (
        "AllWeightsZero",
        "
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ kind: Service, group: '', name: ratings }], rules: [{ backendRefs: [{ name: ratings, port: 9080, weight: 0 }] }] }
",
        &["
HTTPRoute bookinfo/r
  spec: { parentRefs: [{ kind: Service, group: '', name: ratings }], rules: [{ backendRefs: [{ name: ratings, port: 9080 }, { name: reviews, port: 9080, weight: 0 }] },
    { filters: [{ type: RequestRedirect, requestRedirect: { hostname: a.example } }] }] }
"],
    ),
    (
        "ListenersAlike",
        "
Gateway.gateway.networking.k8s.io bookinfo/web
  spec: { gatewayClassName: istio, listeners: [{ name: a, port: 443, protocol: HTTPS, hostname: a.example }, { name: b, port: 443, protocol: TLS, hostname: a.example }] }
",
        &["
Gateway.gateway.networking.k8s.io bookinfo/web
  spec: { gatewayClassName: istio, listeners: [{ name: a, port: 443, protocol: HTTPS, hostname: a.example }, { name: b, port: 443, protocol: HTTPS, hostname: b.example }, { name: c, port: 80, protocol: HTTP, hostname: a.example }] }
"],
    ),
    (
        "GatewaysAlike",
        "
Gateway.gateway.networking.k8s.io bookinfo/one
  spec: { gatewayClassName: istio, addresses: [{ value: 192.0.2.1 }], listeners: [{ name: http, port: 80, protocol: HTTP }] }
Gateway.gateway.networking.k8s.io bookinfo/two
  spec: { gatewayClassName: istio, addresses: [{ type: IPAddress, value: 192.0.2.1 }], listeners: [{ name: web, port: 80, protocol: HTTP }] }
",
        &["
Gateway.gateway.networking.k8s.io bookinfo/one
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP }] }
Gateway.gateway.networking.k8s.io bookinfo/two
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP }] }
Gateway.gateway.networking.k8s.io bookinfo/three
  spec: { gatewayClassName: istio, addresses: [{ value: 192.0.2.1 }], listeners: [{ name: http, port: 80, protocol: HTTP }] }
Gateway.gateway.networking.k8s.io bookinfo/four
  spec: { gatewayClassName: istio, addresses: [{ value: 192.0.2.1 }], listeners: [{ name: http, port: 81, protocol: HTTP }] }
"],
    ),
    (
        "GatewayRefused",
        "
Gateway.gateway.networking.k8s.io bookinfo/web
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP }] }
  status: { conditions: [{ type: Accepted, status: 'False', reason: Invalid, message: no }], listeners: [{ name: http, conditions: [{ type: Conflicted, status: 'True', message: twice }] }] }
",
        &["
Gateway.gateway.networking.k8s.io bookinfo/web
  spec: { gatewayClassName: istio, listeners: [{ name: http, port: 80, protocol: HTTP }] }
  status: { conditions: [{ type: Accepted, status: 'True' }, { type: Programmed, status: 'False', reason: AddressNotAssigned, message: pending }], listeners: [{ name: http, conditions: [{ type: Conflicted, status: 'False' }, { type: ResolvedRefs, status: 'True' }] }] }
"],
    ),
    (
        "GrantFromNowhere",
        "
ReferenceGrant bookinfo/g
  spec: { from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: nowhere }], to: [{ group: '', kind: Service }] }
",
        &["
ReferenceGrant bookinfo/g
  spec: { from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: istio-system }], to: [{ group: '', kind: Service }] }
"],
    ),
    (
        "GrantNotUsed",
        "
ReferenceGrant bookinfo/g
  spec: { from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: istio-system }], to: [{ group: '', kind: Service, name: ratings }] }
",
        &["
ReferenceGrant bookinfo/g
  spec: { from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: istio-system }], to: [{ group: '', kind: Service, name: ratings }] }
HTTPRoute istio-system/r
  spec: { parentRefs: [{ kind: Service, group: '', name: istiod }], rules: [{ backendRefs: [{ name: ratings, namespace: bookinfo, port: 9080 }] }] }
"],
    ),
];
