//! Traffic split of what is no HTTP rule of a VirtualService: connections by `tcp` and `tls`, and calls by
//! routes of the Gateway API, whose shares are those of whole Services.

mod words;

use super::rules::{self, Locked, speaks_http};
use super::split::{self, destination, destinations, first_few, give, share};
use crate::evidence::{Claim, CountedCalls, Counting, Measure, Upstream, backends, streams};
use crate::plan::{List, Plan, RuleKey, SharedRule, id};
use crate::roles::{self, gateway_api};
use crate::split::Split;
use crate::{Mesh, Ref, Service};
use istio::views::gateway_api::{BackendRef, Route};
use istio::views::{self, RouteDestination, VirtualService};
use istio::{WorkloadId, fqdn};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A rule that shares calls or connections out, as editors show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shared {
    /// What it is known by.
    pub at: SharedRule,
    /// What it takes: "all connections", "calls with path = /api…".
    pub words: String,
    /// Parts and their weights, those first that can get one and have none yet.
    pub shares: Vec<(String, u32)>,
    /// Who stands behind each part.
    pub behind: Vec<(String, Vec<WorkloadId>)>,
    /// The hosts that are called, as telemetry names them.
    pub hosts: Vec<String>,
    /// Whether people mean this one when they do not say which.
    pub usual: bool,
    /// Why its shares cannot be edited here, if so.
    pub locked: Option<Locked>,
}

/// All such rules that take calls or connections of a service: routes that are bound to it, rules of `tcp` and
/// `tls`, and then those that lead to it from gateways. Where nobody shares its connections out yet, one that
/// is not there.
pub fn rules(mesh: &Mesh, service: &Service) -> Vec<Shared> {
    let mut found = Vec::new();
    let bound: Vec<&Ref> = gateway_api::bound(mesh, service).into_iter().map(|bound| bound.at).collect();
    for (at, view) in mesh.backend_routes().filter(|(at, _)| bound.contains(at)) {
        let from = (*at.namespace != *service.namespace).then(|| format!(" from {}", at.namespace));
        found.extend(of_route(mesh, service, (at, view), &from.unwrap_or_default(), true));
    }
    let in_force: Vec<&Ref> = roles::in_force(mesh, service).into_iter().map(|(at, _)| at).collect();
    let others = mesh
        .virtual_services()
        .filter(|(at, view)| !in_force.contains(at) && view.gateways.iter().any(|gateway| gateway != "mesh"));
    let inside = in_force.iter().filter_map(|at| Some((*at, mesh.virtual_service(at)?, true)));
    for (at, view, inside) in inside.chain(others.map(|(at, view)| (at, view, false))) {
        found.extend([List::Tcp, List::Tls].into_iter().flat_map(|list| {
            let all = rows(view, list).into_iter().enumerate();
            let here = |row: &RouteDestination| fqdn(&row.destination.host, &at.namespace) == service.host;
            let meant = all.filter(move |(_, rows)| inside || rows.iter().any(here));
            meant.filter_map(move |(index, _)| of_stream(mesh, service, (at, view), list, index))
        }));
    }
    let bytes = service.ports.iter().any(|port| port.protocol.is_bytes());
    if bytes && in_force.is_empty() && !service.external {
        found.push(Shared {
            at: SharedRule { service: id(service), at: None, list: List::Tcp, key: RuleKey::default() },
            words: "all connections".to_owned(),
            shares: service.subsets.iter().map(|subset| (subset.name.clone(), 0)).collect(),
            behind: split::versions(service),
            hosts: vec![service.host.clone()],
            usual: !speaks_http(service),
            locked: None,
        });
    }
    for (at, view) in mesh.backend_routes().filter(|(at, _)| !bound.contains(at)) {
        let gateways: Vec<&str> =
            view.parent_refs.iter().filter(|one| one.is_gateway()).map(|one| one.name.as_str()).collect();
        if !gateways.is_empty() {
            let entering = format!(" entering by {}", gateways.join(", "));
            found.extend(of_route(mesh, service, (at, view), &entering, false));
        }
    }
    found
}

/// The shares that a rule has now.
pub fn current(mesh: &Mesh, rule: &SharedRule) -> Option<Split> {
    Split::new(find(mesh, rule)?.shares)
}

/// What part of its calls or connections each part of a rule gets, in percent, exactly as its weights say.
/// `None` without a rule.
pub fn in_force(mesh: &Mesh, rule: &SharedRule) -> Option<Vec<(String, f64)>> {
    let object = mesh.objects().get(rule.at.as_ref()?)?;
    Some(split::percents(Rows::of(object, rule, rule.position(mesh)?, rule.service(mesh)?)?.weights))
}

fn find(mesh: &Mesh, rule: &SharedRule) -> Option<Shared> {
    rules(mesh, rule.service(mesh)?).into_iter().find(|found| found.at == *rule)
}

/// The rows of the rules of a list.
fn rows(view: &VirtualService, list: List) -> Vec<&Vec<RouteDestination>> {
    match list {
        List::Tls => view.tls.iter().map(|rule| &rule.route).collect(),
        _ => view.tcp.iter().map(|rule| &rule.route).collect(),
    }
}

fn of_stream(
    mesh: &Mesh,
    service: &Service,
    (at, view): (&Ref, &VirtualService),
    list: List,
    index: usize,
) -> Option<Shared> {
    let raw = mesh.objects().get(at)?.spec();
    let key = RuleKey::of(raw, list).into_iter().nth(index)?;
    let weights = rules::weights(rows(view, list).get(index)?, &at.namespace, service);
    let entering = match istio::routing::in_mesh(&view.gateways) {
        true => String::new(),
        false => format!(" entering by {}", view.gateways.join(", ")),
    };
    let known = service.subsets.iter().map(|subset| subset.name.clone());
    Some(Shared {
        words: words::stream(raw.get(list.name())?.get(index)?, list) + &entering,
        shares: summed(known, weights.clone()),
        behind: split::versions(service),
        hosts: vec![service.host.clone()],
        usual: key.takes_all() && !speaks_http(service),
        locked: weights.is_empty().then(Locked::nowhere),
        at: SharedRule { service: id(service), at: Some(at.clone()), list, key },
    })
}

/// The rules of a route that share out calls of a service; of one that is not bound to it, those that lead to
/// it or to a part of it.
fn of_route(
    mesh: &Mesh,
    service: &Service,
    (at, view): (&Ref, &Route),
    suffix: &str,
    bound: bool,
) -> Vec<Shared> {
    let Some(object) = mesh.objects().get(at) else { return Vec::new() };
    let parts: Vec<&Service> = mesh.services().filter(|other| is_part(other, service)).collect();
    let of = |(index, key): (usize, RuleKey)| {
        let rule = view.rules.get(index)?;
        let names = backend_names(&rule.backend_refs, &at.namespace);
        let behind = rule.backend_refs.iter().filter_map(|to| to.host(&at.namespace));
        let hosts: BTreeSet<String> = behind.collect();
        let meant =
            bound || hosts.contains(&service.host) || parts.iter().any(|part| hosts.contains(&part.host));
        if !meant {
            return None;
        }
        let behind = |to: &BackendRef| -> Vec<WorkloadId> {
            let host = to.host(&at.namespace);
            let found = mesh.services().find(|one| Some(&one.host) == host.as_ref());
            found.map(|found| found.workloads.clone()).unwrap_or_default()
        };
        let mut behind: Vec<(String, Vec<WorkloadId>)> =
            names.iter().cloned().zip(rule.backend_refs.iter().map(behind)).collect();
        // Other parts of the service, which get nothing yet.
        let near = parts.iter().filter(|part| *part.namespace == *at.namespace && bound);
        let near = near.filter(|part| !hosts.contains(&part.host) && serves(part, &rule.backend_refs));
        let near: Vec<&&Service> = near.collect();
        behind.extend(near.iter().map(|part| (part.name.to_string(), part.workloads.clone())));
        let weights: Vec<(String, u32)> =
            names.into_iter().zip(rule.backend_refs.iter().map(BackendRef::share)).collect();
        let shares = summed([].into_iter(), weights);
        let shares = shares.into_iter().chain(near.iter().map(|part| (part.name.to_string(), 0)));
        let redirect = rule.filters.iter().any(|filter| filter.request_redirect.is_some());
        let odd = rule.backend_refs.iter().find(|to| to.host(&at.namespace).is_none());
        Some(Shared {
            words: words::calls(object.spec().get("rules")?.get(index)?) + suffix,
            shares: shares.collect(),
            behind,
            hosts: hosts.into_iter().collect(),
            usual: bound && key.takes_all(),
            locked: match odd {
                _ if redirect => Some(Locked::redirects()),
                _ if rule.backend_refs.is_empty() => Some(Locked::nowhere()),
                Some(odd) => Some(Locked::to_kind(odd.kind.as_deref().unwrap_or_default())),
                None => None,
            },
            at: SharedRule { service: id(service), at: Some(at.clone()), list: List::Rules, key },
        })
    };
    RuleKey::of(object.spec(), List::Rules).into_iter().enumerate().filter_map(of).collect()
}

/// Whether a service has some of the pods of another one, and no others.
fn is_part(part: &Service, whole: &Service) -> bool {
    part.namespace == whole.namespace
        && !part.workloads.is_empty()
        && part.workloads.len() < whole.workloads.len()
        && part.workloads.iter().all(|workload| whole.workloads.contains(workload))
}

/// Whether a service has the port that the first of these asks for.
fn serves(part: &Service, all: &[BackendRef]) -> bool {
    let port = all.first().and_then(|to| to.port);
    port.is_some_and(|wanted| part.ports.iter().any(|port| port.number == wanted))
}

/// What the backends of a rule are called: the Service; its host where it is of another namespace; with the
/// port where it stands there with several.
fn backend_names(all: &[BackendRef], namespace: &str) -> Vec<String> {
    let base = |to: &BackendRef| match to.namespace.as_deref() {
        Some(other) if other != namespace => to.host(namespace).unwrap_or_else(|| to.name.clone()),
        _ => to.name.clone(),
    };
    let several = |to: &BackendRef| all.iter().any(|other| base(other) == base(to) && other.port != to.port);
    let name = |to: &BackendRef| match to.port {
        Some(port) if several(to) => format!("{}:{port}", base(to)),
        _ => base(to),
    };
    all.iter().map(name).collect()
}

/// Each name once, with all of its weight.
fn summed(known: impl Iterator<Item = String>, weights: Vec<(String, u32)>) -> Vec<(String, u32)> {
    let mut all: Vec<(String, u32)> = known.map(|name| (name, 0)).collect();
    for (name, weight) in weights {
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.saturating_add(weight),
            None => all.push((name, weight)),
        }
    }
    all
}

/// The rows of one rule of an object.
struct Rows {
    /// What each is called, and its weight.
    weights: Vec<(String, u32)>,
    /// Where each leads in proxies.
    to: Vec<(Upstream, u32)>,
    /// Whether it takes everything that none before it takes.
    takes_all: bool,
}

impl Rows {
    fn of(object: &istio::Object, rule: &SharedRule, index: usize, service: &Service) -> Option<Self> {
        let namespace: &str = rule.at.as_ref().map_or(&rule.service.namespace, |at| &at.namespace);
        if rule.list != List::Rules {
            let view: VirtualService = views::read(object).ok()?;
            let all = rows(&view, rule.list);
            let rows = all.get(index)?;
            let takes_all = rule.list == List::Tcp && view.tcp.get(index)?.r#match.is_empty();
            let weights = rules::weights(rows, namespace, service);
            return Some(Self { weights, to: destinations(rows, namespace), takes_all });
        }
        let view: Route = views::read(object).ok()?;
        let of = view.rules.get(index)?;
        let to = |to: &BackendRef| {
            let host = to.host(namespace)?;
            Some((Upstream { host, subset: String::new(), port: to.port }, to.share()))
        };
        Some(Self {
            weights: backend_names(&of.backend_refs, namespace)
                .into_iter()
                .zip(of.backend_refs.iter().map(BackendRef::share))
                .collect(),
            to: of.backend_refs.iter().filter_map(to).collect(),
            takes_all: of.matches.is_empty(),
        })
    }
}

/// Gives a rule of a service these shares; subsets that a share needs and no DestinationRule declares come
/// first.
pub fn plan(plan: &mut Plan<'_>, rule: &SharedRule, wanted: &Split) {
    let mesh = plan.mesh();
    let (Some(service), Some(found)) = (rule.service(mesh), find(mesh, rule)) else { return plan.gone() };
    let Some(before) = Split::new(found.shares.clone()) else { return plan.gone() };
    let shares = wanted.weights();
    let fresh = rule.at.is_none();
    if !fresh && shares.iter().all(|(name, percent)| share(&before, name) == *percent) {
        return;
    }
    if fresh && service.subsets.len() < 2 {
        return;
    }
    if rule.list != List::Rules {
        let used = shares.iter().filter(|(_, percent)| fresh || *percent > 0).map(|(name, _)| name.as_str());
        plan.subsets(service, &used.collect::<Vec<_>>());
    }
    let mut part = plan.shared_rule(rule);
    let list = rule.list.shares();
    if fresh {
        let row = |(name, percent): &(String, u32)| json!({ "destination": { "host": crate::plan::host(service), "subset": name }, "weight": percent });
        part.set(list, shares.iter().map(row).collect::<Value>());
        let shares = first_few(shares.iter().map(|(name, percent)| format!("{name} {percent} %")));
        plan.title(format!("{} gets a split of all connections: {shares}", service.name));
    } else {
        let Some(at) = &rule.at else { return };
        let of = mesh.objects().get(at).zip(rule.position(mesh));
        let Some(now) = of.and_then(|(object, index)| Rows::of(object, rule, index, service)) else {
            return plan.gone();
        };
        give(&mut part, list, &now.weights, wanted);
        let new = |(name, percent): &&(String, u32)| {
            *percent > 0 && !now.weights.iter().any(|(known, _)| known == name)
        };
        let rows = part.get(list).and_then(Value::as_array).cloned().unwrap_or_default();
        for (name, percent) in shares.iter().filter(new) {
            part.push(list, another(rule.list, &rows, name, *percent, service, &at.namespace));
        }
        if let Some(sentence) = split::sentence(service, &before, wanted) {
            plan.title(format!("{sentence} of {}", found.words));
        }
    }
    split::nobody_there(plan, service, &found.behind, wanted);
    evidence(plan, service, rule, &found);
}

/// A row for a part that gets a share for the first time, as the first one that leads to the service.
fn another(
    list: List,
    rows: &[Value],
    name: &str,
    percent: u32,
    service: &Service,
    namespace: &str,
) -> Value {
    if list == List::Rules {
        let first = rows.first().and_then(Value::as_object);
        let mut row = first.cloned().unwrap_or_default();
        row.retain(|field, _| matches!(field.as_str(), "group" | "kind" | "port" | "name"));
        row.insert("name".to_owned(), name.into());
        row.insert("weight".to_owned(), percent.into());
        return row.into();
    }
    let own = |row: &&Value| {
        row.pointer("/destination/host")
            .and_then(Value::as_str)
            .is_some_and(|host| fqdn(host, namespace) == service.host)
    };
    let model = rows.iter().find(own).or(rows.first()).and_then(|row| row.get("destination"));
    let model = model.cloned().unwrap_or_else(|| json!({}));
    json!({ "destination": destination(&model, name, service, namespace), "weight": percent })
}

/// What shows that a rule has its shares, and had others before.
fn evidence(plan: &mut Plan<'_>, service: &Service, rule: &SharedRule, found: &Shared) {
    let Some((at, index)) = plan.shared_place(rule) else { return };
    let claim = match rule.list {
        List::Rules => backends(&at, index),
        list => streams(&at, list, index),
    };
    let rule = SharedRule { at: Some(at.clone()), ..rule.clone() };
    let side = |object: Option<istio::Object>| -> Option<(Claim, Option<Measure>)> {
        let rows = Rows::of(&object?, &rule, index, service)?;
        let measure = match rows.takes_all {
            true => split::portions(rows.weights, &found.behind).map(|parts| {
                let calls = match rule.list {
                    List::Rules => CountedCalls::RoutedTo(found.hosts.clone()),
                    _ => CountedCalls::Opened(service.host.clone()),
                };
                Measure::Counted(Counting::new(calls, parts))
            }),
            false => Some(split::untold()),
        };
        Some((claim.clone().weights(rows.to), measure))
    };
    let (now, was) = (side(plan.object_after(&at)), side(plan.mesh().objects().get(&at).cloned()));
    let (now, measure) = now.map_or((None, None), |(claim, measure)| (Some(claim), measure));
    // Before there was a rule, connections went wherever there was a pod.
    let any = || {
        let to = Upstream { host: service.host.clone(), subset: String::new(), port: None };
        claim.clone().weights(vec![(to, 100)])
    };
    let (was, was_measure) = was.map_or_else(|| (any(), None), |(claim, measure)| (claim, measure));
    plan.claims(now.into_iter().collect(), vec![was]);
    plan.measures(measure, was_measure);
}

#[cfg(test)]
mod tests;
