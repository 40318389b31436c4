//! GRPCRoutes.

use crate::views::gateway_api as from;

/// A GRPCRoute as the HTTPRoute that it is: a method of a service is a path.
pub fn http_of_grpc(route: &from::GrpcRoute) -> from::HttpRoute {
    let path = |method: &from::GrpcMethodMatch| {
        let regex = method.r#type.as_deref() == Some("RegularExpression");
        let (ty, value) = match (method.service.as_deref(), method.method.as_deref()) {
            (service, called) if regex => (
                "RegularExpression",
                format!("/{}/{}", service.unwrap_or("[^/]+"), called.unwrap_or("[^/]+")),
            ),
            (Some(service), Some(called)) => ("Exact", format!("/{service}/{called}")),
            (Some(service), None) => ("PathPrefix", format!("/{service}")),
            (None, Some(called)) => ("RegularExpression", format!("/[^/]+/{}", regex::escape(called))),
            (None, None) => ("PathPrefix", "/".to_owned()),
        };
        from::PathMatch { r#type: Some(ty.into()), value: Some(value) }
    };
    let matched = |one: &from::GrpcRouteMatch| from::HttpRouteMatch {
        path: one.method.as_ref().map(path),
        headers: one.headers.clone(),
        ..from::HttpRouteMatch::default()
    };
    let rule = |rule: &from::GrpcRouteRule| from::HttpRouteRule {
        name: rule.name.clone(),
        matches: rule.matches.iter().map(matched).collect(),
        filters: rule.filters.clone(),
        backend_refs: rule.backend_refs.clone(),
        ..from::HttpRouteRule::default()
    };
    from::HttpRoute {
        parent_refs: route.parent_refs.clone(),
        hostnames: route.hostnames.clone(),
        rules: route.rules.iter().map(rule).collect(),
    }
}
