//! The rules that decide where calls of a service go, as editors show them.

use super::FaultSpec;
use super::build::millis;
use crate::istio::{Destination, HttpMatch, HttpRoute, StringMatch, VirtualService};
use crate::model::full;
use crate::{Mesh, Ref, Service};

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RuleAt {
    /// Its VirtualService; `None` when no VirtualService routes these calls yet.
    pub at: Option<Ref>,
    /// Position among `http`.
    pub index: usize,
}

/// A rule as editors show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it stands.
    pub at: RuleAt,
    /// Which calls it takes: "all other calls", "calls with end-user = jason".
    pub words: String,
    /// Destinations and their weights, versions of the service first (0 where it does not go there yet). A destination
    /// without subset is "all versions"; one of another service is its host.
    pub shares: Vec<(String, u32)>,
    /// Fault of the rule.
    pub fault: FaultSpec,
    /// Why its shares and faults cannot be edited here, if so ("it redirects").
    pub locked: Option<String>,
}

/// The name of a destination that any pod of the service may serve.
pub const ALL_VERSIONS: &str = "all versions";

/// All rules that take calls of a service: first those in force inside the mesh, then those of gateways. A service that
/// speaks HTTP and has no rule inside the mesh gets one that is not there yet, for "all calls".
pub fn rules(mesh: &Mesh, service: &Service) -> Vec<Rule> {
    let mut found = Vec::new();
    if let Some(at) = service.virtual_services.first() {
        if let Some(view) = mesh.virtual_services.get(at) {
            found.extend(view.http.iter().enumerate().map(|(index, _)| rule(service, at, view, index, "")));
        }
    } else if speaks_http(service) {
        let shares = service.subsets.iter().map(|subset| (subset.name.clone(), 0));
        found.push(Rule {
            at: RuleAt { at: None, index: 0 },
            words: "all calls".into(),
            shares: shares.collect(),
            fault: FaultSpec::default(),
            locked: None,
        });
    }
    for (at, view) in &mesh.virtual_services {
        let goes_here =
            |http: &HttpRoute| http.route.iter().any(|row| full(&row.destination.host, &at.namespace) == service.host);
        if service.virtual_services.first() == Some(at) || !view.gateways.iter().any(|gateway| gateway != "mesh") {
            continue;
        }
        let entering = format!(" entering by {}", view.gateways.join(", "));
        let here = view.http.iter().enumerate().filter(|(_, http)| goes_here(http));
        found.extend(here.map(|(index, _)| rule(service, at, view, index, &entering)));
    }
    found
}

/// Whether routes by request can be made for a service: HTTP, gRPC, or found out on the wire.
pub(super) fn speaks_http(service: &Service) -> bool {
    service.ports.iter().any(|port| matches!(&*port.protocol, "http" | "http2" | "grpc" | "grpc-web" | "auto"))
}

fn rule(service: &Service, at: &Ref, view: &VirtualService, index: usize, entering: &str) -> Rule {
    let http = &view.http[index];
    let mut shares: Vec<(String, u32)> = service.subsets.iter().map(|subset| (subset.name.clone(), 0)).collect();
    for (name, weight) in weights(http, &at.namespace, service) {
        match shares.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.saturating_add(weight),
            None => shares.push((name, weight)),
        }
    }
    let locked = if http.redirect.is_some() {
        Some("it redirects")
    } else if http.direct_response.is_some() {
        Some("it answers by itself")
    } else if http.delegate.is_some() {
        Some("it hands over to another VirtualService")
    } else if http.route.is_empty() {
        Some("it has no destination")
    } else {
        None
    };
    Rule {
        at: RuleAt { at: Some(at.clone()), index },
        words: words(view, index) + entering,
        shares,
        fault: fault_of(http),
        locked: locked.map(str::to_owned),
    }
}

/// Names and weights of a rule's destinations; the only one of a rule without weight gets 100.
pub(super) fn weights(http: &HttpRoute, namespace: &str, service: &Service) -> Vec<(String, u32)> {
    let alone = http.route.len() == 1;
    let weight = |weight: Option<i64>| match weight {
        Some(weight) => u32::try_from(weight).unwrap_or_default(),
        None => u32::from(alone) * 100,
    };
    http.route.iter().map(|row| (name(&row.destination, namespace, service), weight(row.weight))).collect()
}

/// What a destination is called: its subset, "all versions", or the host of another service.
pub(super) fn name(destination: &Destination, namespace: &str, service: &Service) -> String {
    let host = full(&destination.host, namespace);
    match destination.subset.as_deref().filter(|subset| !subset.is_empty()) {
        _ if host != service.host => host,
        Some(subset) => subset.to_owned(),
        None => ALL_VERSIONS.to_owned(),
    }
}

/// The fault of a rule, as far as editors know it.
pub(super) fn fault_of(http: &HttpRoute) -> FaultSpec {
    let Some(fault) = &http.fault else { return FaultSpec::default() };
    let share = |percentage: &Option<crate::istio::Percent>, old: Option<i64>| {
        percentage.as_ref().map_or_else(|| old.map_or(100.0, |percent| percent as f64), |percent| percent.value)
    };
    FaultSpec {
        delay: fault
            .delay
            .as_ref()
            .and_then(|delay| Some((millis(delay.fixed_delay.as_deref()?)?, share(&delay.percentage, delay.percent)))),
        abort: fault
            .abort
            .as_ref()
            .and_then(|abort| Some((u16::try_from(abort.http_status?).ok()?, share(&abort.percentage, None)))),
    }
}

/// Which calls a rule takes, in words.
pub(super) fn words(view: &VirtualService, index: usize) -> String {
    let matches = view.http.get(index).map_or(&[][..], |http| http.r#match.as_slice());
    if matches.is_empty() {
        return if index == 0 { "all calls" } else { "all other calls" }.to_owned();
    }
    let alternatives: Vec<String> = matches.iter().map(alternative).collect();
    format!("calls with {}", alternatives.join(", or "))
}

fn alternative(one: &HttpMatch) -> String {
    let mut parts = Vec::new();
    let fixed = [("path", &one.uri), ("method", &one.method), ("authority", &one.authority), ("scheme", &one.scheme)];
    parts.extend(fixed.into_iter().filter_map(|(name, value)| Some(condition(name, value.as_ref()?))));
    parts.extend(one.headers.iter().map(|(name, value)| condition(name, value)));
    parts.extend(one.without_headers.iter().map(|(name, value)| format!("not {}", condition(name, value))));
    parts.extend(one.query_params.iter().map(|(name, value)| condition(&format!("?{name}"), value)));
    parts.extend(one.port.map(|port| format!("port {port}")));
    parts.extend(one.source_labels.iter().map(|(name, value)| format!("callers labelled {name}={value}")));
    parts.extend(one.source_namespace.iter().map(|namespace| format!("callers in {namespace}")));
    parts.extend((!one.gateways.is_empty()).then(|| format!("gateway {}", one.gateways.join(", "))));
    if parts.is_empty() { "any path".to_owned() } else { parts.join(" and ") }
}

fn condition(name: &str, value: &StringMatch) -> String {
    match value {
        StringMatch { exact: Some(text), .. } => format!("{name} = {text}"),
        StringMatch { prefix: Some(text), .. } => format!("{name} = {text}…"),
        StringMatch { regex: Some(text), .. } => format!("{name} like {text}"),
        _ => format!("{name} present"),
    }
}

/// How many routes of Envoy each rule of `http` makes: one per alternative, and none after a rule that takes everything.
pub(super) fn routes_per_rule(view: &VirtualService) -> Vec<usize> {
    let mut open = true;
    let count = |http: &HttpRoute| {
        let routes = if open { http.r#match.len().max(1) } else { 0 };
        open &= !http.r#match.is_empty();
        routes
    };
    view.http.iter().map(count).collect()
}
