//! Typed views of the Gateway API's resources (gateway.networking.k8s.io), for reading only, as
//! [`crate::views`].

use super::view;
use crate::select::LabelSelector;
use serde::{Deserialize, Serialize};

/// Its API group.
pub const GROUP: &str = "gateway.networking.k8s.io";

view!(GatewayClass { controller_name: String });
view!(/// A way into the mesh. Not Istio's kind of the same name.
Gateway { gateway_class_name: String, listeners: Vec<Listener>, addresses: Vec<Address> });
view!(Address { r#type: Option<String>, value: Option<String> });
view!(Listener {
    name: String, hostname: Option<String>, port: u32, protocol: String, tls: Option<ListenerTls>,
    allowed_routes: Option<AllowedRoutes>,
});
view!(ListenerTls { mode: Option<String>, certificate_refs: Vec<ObjectRef> });
view!(/// An object, by default of the namespace that it is named in.
ObjectRef { group: Option<String>, kind: Option<String>, namespace: Option<String>, name: String });
view!(/// Routes of the same namespace, unless it says otherwise.
AllowedRoutes { namespaces: Option<RouteNamespaces>, kinds: Vec<RouteKind> });
view!(RouteNamespaces { from: Option<String>, selector: Option<LabelSelector> });
view!(RouteKind { group: Option<String>, kind: String });
view!(/// Rules for a Gateway's listeners, or for calls to a Service.
HttpRoute { parent_refs: Vec<ParentRef>, hostnames: Vec<String>, rules: Vec<HttpRouteRule> });
view!(/// What a route is attached to: a Gateway when no kind is said.
ParentRef {
    group: Option<String>, kind: Option<String>, namespace: Option<String>, name: String,
    section_name: Option<String>, port: Option<u32>,
});
view!(/// Any of its matches takes a request; none takes all.
HttpRouteRule {
    name: Option<String>, matches: Vec<HttpRouteMatch>, filters: Vec<HttpRouteFilter>,
    backend_refs: Vec<BackendRef>, timeouts: Option<Timeouts>, retry: Option<Retry>,
    session_persistence: Option<serde_json::Value>,
});
view!(/// AND of its parts.
HttpRouteMatch {
    path: Option<PathMatch>, headers: Vec<NamedMatch>, query_params: Vec<NamedMatch>, method: Option<String>,
});
view!(/// PathPrefix of `/` when nothing is said.
PathMatch { r#type: Option<String>, value: Option<String> });
view!(/// Exact unless its type says RegularExpression.
NamedMatch { r#type: Option<String>, name: String, value: String });
view!(/// One of its parts, which `type` names.
HttpRouteFilter {
    r#type: String, request_header_modifier: Option<HeaderModifier>,
    response_header_modifier: Option<HeaderModifier>, request_redirect: Option<RequestRedirect>,
    url_rewrite: Option<UrlRewrite>, request_mirror: Option<RequestMirror>, cors: Option<Cors>,
});
view!(HeaderModifier { set: Vec<Header>, add: Vec<Header>, remove: Vec<String> });
view!(Header { name: String, value: String });
view!(RequestRedirect {
    scheme: Option<String>, hostname: Option<String>, path: Option<PathModifier>, port: Option<u32>,
    status_code: Option<u32>,
});
view!(PathModifier {
    r#type: String, replace_full_path: Option<String>, replace_prefix_match: Option<String>,
});
view!(UrlRewrite { hostname: Option<String>, path: Option<PathModifier> });
view!(RequestMirror { backend_ref: BackendRef, percent: Option<f64>, fraction: Option<Fraction> });
view!(/// Of 100 when no denominator is said.
Fraction { numerator: f64, denominator: Option<f64> });
view!(Cors {
    allow_origins: Vec<String>, allow_credentials: Option<bool>, allow_methods: Vec<String>,
    allow_headers: Vec<String>, expose_headers: Vec<String>, max_age: Option<u64>,
});
view!(/// Weight 1 when none is said.
BackendRef {
    group: Option<String>, kind: Option<String>, namespace: Option<String>, name: String, port: Option<u32>,
    weight: Option<i64>, filters: Vec<HttpRouteFilter>,
});
view!(Timeouts { request: Option<String>, backend_request: Option<String> });
view!(Retry { codes: Vec<u32>, attempts: Option<i64>, backoff: Option<String> });
view!(/// As HTTPRoute, with gRPC's services and methods.
GrpcRoute { parent_refs: Vec<ParentRef>, hostnames: Vec<String>, rules: Vec<GrpcRouteRule> });
view!(GrpcRouteRule {
    name: Option<String>, matches: Vec<GrpcRouteMatch>, filters: Vec<HttpRouteFilter>,
    backend_refs: Vec<BackendRef>,
});
view!(GrpcRouteMatch { method: Option<GrpcMethodMatch>, headers: Vec<NamedMatch> });
view!(GrpcMethodMatch { r#type: Option<String>, service: Option<String>, method: Option<String> });
view!(/// What HTTPRoutes and GRPCRoutes have in common: where calls come in, and who gets which share of them.
Route { parent_refs: Vec<ParentRef>, hostnames: Vec<String>, rules: Vec<RouteRule> });
view!(RouteRule {
    name: Option<String>, matches: Vec<serde_json::Value>, filters: Vec<HttpRouteFilter>,
    backend_refs: Vec<BackendRef>,
});
view!(/// Lets objects of other namespaces refer to those of its own.
ReferenceGrant { from: Vec<GrantFrom>, to: Vec<GrantTo> });
view!(GrantFrom { group: String, kind: String, namespace: String });
view!(GrantTo { group: String, kind: String, name: Option<String> });

impl ParentRef {
    /// Whether it is a Service, for calls inside the mesh.
    pub fn is_service(&self) -> bool {
        self.group.as_deref() == Some("") && self.kind.as_deref() == Some("Service")
    }

    /// Whether it is a Gateway of the Gateway API.
    pub fn is_gateway(&self) -> bool {
        self.group.as_deref().is_none_or(|group| group == GROUP)
            && self.kind.as_deref().is_none_or(|kind| kind == "Gateway")
    }
}

impl BackendRef {
    /// The host of the Service that it is, fully qualified; `None` for anything else.
    pub fn host(&self, namespace: &str) -> Option<String> {
        match (self.group.as_deref().unwrap_or_default(), self.kind.as_deref().unwrap_or("Service")) {
            ("", "Service") => {
                let namespace = self.namespace.as_deref().unwrap_or(namespace);
                Some(crate::hosts::of_service(&self.name, namespace))
            }
            ("networking.istio.io", "Hostname") => Some(self.name.clone()),
            _ => None,
        }
    }

    /// Its weight: 1 when none is said.
    pub fn share(&self) -> u32 {
        self.weight.map_or(1, |weight| u32::try_from(weight).unwrap_or_default())
    }
}
