//! The rules that decide where calls of a service go, as editors show them.

use super::{FaultSpec, Status};
use crate::plan::{HttpRule, RuleKey, id};
use crate::roles::{self, Callers};
use crate::{Mesh, Ref, Service};
use istio::views::{Abort, Destination, HttpMatch, HttpRoute, Redirect, RouteDestination, StringMatch};
use istio::{Duration, fqdn};

/// A rule as editors show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What it is known by.
    pub at: HttpRule,
    /// Which calls it takes: "all other calls", "calls with end-user = jason".
    pub words: String,
    /// Destinations and their weights, versions of the service first (0 where it does not go there yet). A
    /// destination without subset is "all versions"; one of another service is its host.
    pub shares: Vec<(String, u32)>,
    /// Fault of the rule.
    pub fault: FaultSpec,
    /// Whether it takes every call that no rule before it takes.
    pub takes_all: bool,
    /// Whether people mean this one when they do not say which: the one that takes the traffic, as far as
    /// rules tell.
    pub usual: bool,
    /// Why its shares and faults cannot be edited here, if so: it has no shares.
    pub locked: Option<Locked>,
}

/// What a rule does with calls instead of sharing them out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locked {
    /// Where calls go instead: "redirect to /new", "answers 418".
    pub goes: String,
    /// "This rule has no shares: it redirects".
    pub why: String,
}

impl Locked {
    fn of(http: &HttpRoute) -> Option<Self> {
        let locked = |goes: String, why| Some(Self { goes, why: format!("This rule has no shares: {why}") });
        if let Some(redirect) = &http.redirect {
            return locked(format!("redirect to {}", target(redirect)), "it redirects");
        }
        if let Some(answer) = &http.direct_response {
            return locked(format!("answers {}", answer.status), "it answers by itself");
        }
        if let Some(other) = &http.delegate {
            let name = other.namespace.iter().map(|namespace| format!("{namespace}/")).collect::<String>()
                + &other.name;
            return locked(format!("VirtualService {name}"), "it hands over to another VirtualService");
        }
        if http.route.is_empty() { locked("nowhere".into(), "it has no destination") } else { None }
    }

    /// Nobody gets anything.
    pub(super) fn nowhere() -> Self {
        let why = "This rule has no shares: it has no destination".to_owned();
        Self { goes: "nowhere".to_owned(), why }
    }

    /// Calls are sent elsewhere.
    pub(super) fn redirects() -> Self {
        let why = "This rule has no shares: it redirects".to_owned();
        Self { goes: "redirect".to_owned(), why }
    }

    /// A share goes to something that is no Service.
    pub(super) fn to_kind(kind: &str) -> Self {
        let why = format!("A backend of it is a {kind}: its share cannot be told here");
        Self { goes: kind.to_owned(), why }
    }

    /// What a route of the Gateway API takes, no VirtualService gets.
    fn before(route: &Ref) -> Self {
        let why = format!("{route} takes these calls: a rule of a VirtualService would get none of them");
        Self { goes: format!("{} {}", route.kind, route.name), why }
    }

    /// Calls to a gateway come from outside: nothing that routes them takes a rule for its own host.
    fn of_gateway(service: &Service) -> Self {
        Self { goes: "no rule".to_owned(), why: no_rule_for(service) }
    }
}

/// Where a redirect leads, as far as it says: "https://other:8443/new".
fn target(redirect: &Redirect) -> String {
    let mut place = String::new();
    match (&redirect.scheme, &redirect.authority) {
        (Some(scheme), Some(authority)) => place = format!("{scheme}://{authority}"),
        (Some(scheme), None) => place.clone_from(scheme),
        (None, Some(authority)) => place.clone_from(authority),
        (None, None) => {}
    }
    place.extend(redirect.port.map(|port| format!(":{port}")));
    place.extend(redirect.uri.clone());
    if place.is_empty() { "the same place".to_owned() } else { place }
}

/// The name of a destination that any pod of the service may serve.
pub const ALL_VERSIONS: &str = "all versions";

/// All rules that take calls of a service: first those in force inside the mesh, then those of gateways. A
/// service that speaks HTTP and has no rule inside the mesh gets one that is not there yet, for "all calls".
pub fn rules(mesh: &Mesh, service: &Service) -> Vec<Rule> {
    let mut found = Vec::new();
    let in_force = roles::in_force(mesh, service);
    for (at, callers) in &in_force {
        let from = if *callers == Callers::All { String::new() } else { format!(": {}", callers.words()) };
        found.extend(of_virtual_service(mesh, service, at, &from));
    }
    if in_force.is_empty() && speaks_http(service) {
        let shares = service.subsets.iter().map(|subset| (subset.name.clone(), 0));
        let taken = roles::gateway_api::holding(mesh, service, &service.namespace).into_iter().next();
        found.push(Rule {
            at: HttpRule { service: id(service), virtual_service: None, key: RuleKey::default() },
            words: "all calls".into(),
            shares: shares.collect(),
            fault: FaultSpec::default(),
            takes_all: true,
            usual: true,
            locked: match taken {
                _ if is_gateway(mesh, service) => Some(Locked::of_gateway(service)),
                Some((route, _)) => Some(Locked::before(route)),
                None => None,
            },
        });
    }
    let inside = found.len();
    for (at, view) in mesh.virtual_services() {
        if in_force.iter().any(|(inside, _)| *inside == at)
            || !view.gateways.iter().any(|gateway| gateway != "mesh")
        {
            continue;
        }
        let entering = format!(" entering by {}", view.gateways.join(", "));
        let goes_here = |http: &HttpRoute| {
            http.route.iter().any(|row| fqdn(&row.destination.host, &at.namespace) == service.host)
        };
        if view.http.iter().any(goes_here) {
            let all = of_virtual_service(mesh, service, at, &entering);
            found.extend(all.zip(&view.http).filter(|(_, http)| goes_here(http)).map(|(rule, _)| rule));
        }
    }
    let nothing_inside = found.first().is_some_and(|rule| rule.at.virtual_service.is_none());
    if nothing_inside && let Some(last) = found[inside..].iter_mut().rfind(|rule| rule.locked.is_none()) {
        // Its traffic enters by a gateway: a rule for the mesh alone would not take it.
        last.usual = true;
        found[0].usual = false;
        "all calls from inside the mesh".clone_into(&mut found[0].words);
    } else {
        found[inside..].iter_mut().for_each(|rule| rule.usual = false);
    }
    found
}

/// Whether gateways stand behind a service, and nothing else.
pub(crate) fn is_gateway(mesh: &Mesh, service: &Service) -> bool {
    !service.workloads.is_empty() && mesh.workloads_of(service).all(|workload| workload.gateway)
}

/// Why calls to a gateway have no rule of their own.
pub(crate) fn no_rule_for(service: &Service) -> String {
    format!(
        "Calls come to {} from outside the mesh, and no proxy routes them by a rule for it: choose the service behind it",
        service.name
    )
}

/// Whether routes by request can be made for a service: HTTP, gRPC, or found out on the wire.
pub fn speaks_http(service: &Service) -> bool {
    service.ports.iter().any(|port| port.protocol.may_be_http())
}

/// The rules of one VirtualService, in their order.
fn of_virtual_service<'a>(
    mesh: &'a Mesh,
    service: &'a Service,
    at: &'a Ref,
    entering: &'a str,
) -> impl Iterator<Item = Rule> + 'a {
    let keys = mesh.objects().get(at).map(|object| RuleKey::all(object.spec())).unwrap_or_default();
    let rules = mesh.virtual_service(at).into_iter().flat_map(|view| &view.http);
    rules
        .zip(keys)
        .enumerate()
        .map(move |(index, (http, key))| rule(service, at, (index, http), key, entering))
}

fn rule(
    service: &Service,
    at: &Ref,
    (index, http): (usize, &HttpRoute),
    key: RuleKey,
    entering: &str,
) -> Rule {
    let mut shares: Vec<(String, u32)> =
        service.subsets.iter().map(|subset| (subset.name.clone(), 0)).collect();
    for (name, weight) in weights(&http.route, &at.namespace, service) {
        match shares.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.saturating_add(weight),
            None => shares.push((name, weight)),
        }
    }
    Rule {
        at: HttpRule { service: id(service), virtual_service: Some(at.clone()), key },
        words: words(http, index) + entering,
        shares,
        fault: fault_of(http),
        takes_all: http.r#match.is_empty(),
        usual: http.r#match.is_empty(),
        locked: Locked::of(http),
    }
}

impl HttpRule {
    /// Which calls it takes, in words, as things stand.
    pub fn words(&self, mesh: &Mesh) -> String {
        match (self.view(mesh), self.position(mesh)) {
            (Some(http), Some(index)) => words(http, index),
            _ => "all calls".to_owned(),
        }
    }
}

/// Names and weights of a rule's destinations; the only one of a rule gets all, whatever its weight says.
pub(super) fn weights(rows: &[RouteDestination], namespace: &str, service: &Service) -> Vec<(String, u32)> {
    let alone = rows.len() == 1;
    let weight = |weight: Option<i64>| match weight {
        _ if alone => 100,
        Some(weight) => u32::try_from(weight).unwrap_or_default(),
        None => 0,
    };
    rows.iter().map(|row| (name(&row.destination, namespace, service), weight(row.weight))).collect()
}

/// What a destination is called: its subset, "all versions", or the host of another service.
pub(super) fn name(destination: &Destination, namespace: &str, service: &Service) -> String {
    let host = fqdn(&destination.host, namespace);
    match destination.subset.as_deref().filter(|subset| !subset.is_empty()) {
        _ if host != service.host => host,
        Some(subset) => subset.to_owned(),
        None => ALL_VERSIONS.to_owned(),
    }
}

/// The fault of a rule, as far as editors know it. A fault without a percentage never acts.
pub fn fault_of(http: &HttpRoute) -> FaultSpec {
    let Some(fault) = &http.fault else { return FaultSpec::default() };
    FaultSpec {
        delay: fault.delay.as_ref().and_then(|delay| {
            let wait = Duration::read(delay.fixed_delay.as_deref()?)?.millis();
            Some((u64::try_from(wait).ok()?, delay.share()))
        }),
        abort: fault.abort.as_ref().and_then(|abort| Some((status_of(abort)?, abort.share()))),
    }
}

/// Of both, the status of gRPC counts nowhere.
fn status_of(abort: &Abort) -> Option<Status> {
    if let Some(status) = abort.http_status {
        return Some(Status::Http(u16::try_from(status).ok()?));
    }
    istio::grpc::status(abort.grpc_status.as_deref()?).map(Status::Grpc)
}

/// Which calls a rule takes, in words.
pub(crate) fn words(http: &HttpRoute, index: usize) -> String {
    let matches = &http.r#match;
    if matches.is_empty() {
        return if index == 0 { "all calls" } else { "all other calls" }.to_owned();
    }
    let alternatives: Vec<String> = matches.iter().map(alternative).collect();
    format!("calls with {}", alternatives.join(", or "))
}

fn alternative(one: &HttpMatch) -> String {
    let mut parts = Vec::new();
    let fixed =
        [("path", &one.uri), ("method", &one.method), ("authority", &one.authority), ("scheme", &one.scheme)];
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn rules_without_shares_say_what_they_do() {
        #[track_caller]
        fn check(http: Value, goes: Option<&str>) {
            let http: HttpRoute = serde_json::from_value(http).unwrap();
            assert_eq!(Locked::of(&http).map(|locked| locked.goes).as_deref(), goes);
        }
        check(json!({ "redirect": { "uri": "/new" } }), Some("redirect to /new"));
        check(
            json!({ "redirect": { "scheme": "https", "authority": "b", "port": 8443 } }),
            Some("redirect to https://b:8443"),
        );
        check(json!({ "redirect": { "scheme": "https" } }), Some("redirect to https"));
        check(json!({ "redirect": {} }), Some("redirect to the same place"));
        check(json!({ "directResponse": { "status": 418 } }), Some("answers 418"));
        check(json!({ "delegate": { "name": "more", "namespace": "n" } }), Some("VirtualService n/more"));
        check(json!({}), Some("nowhere"));
        check(json!({ "route": [{ "destination": { "host": "reviews" } }] }), None);
    }
}
