//! Traffic split: moves traffic between the versions of one service.

use super::build::{Ops, create, free_name, managed};
use super::rules::{self, ALL_VERSIONS, RuleAt, speaks_http, weights};
use crate::change::{Change, Step};
use crate::evidence::{Calls, Claim, Counting, Destination, Evidence, Mark, Measure, Part, Wanted, route};
use crate::model::natural;
use crate::split::Split;
use crate::{Mesh, Ref, Service};
use istio::views::{HttpRoute, RouteDestination, VirtualService};
use istio::{WorkloadId, fqdn, kinds};
use serde_json::{Value, json};

/// The shares that a rule has now; of a service without a rule, even ones (that is how its calls are spread).
pub fn current(mesh: &Mesh, service: &Service, rule: &RuleAt) -> Option<Split> {
    Split::new(rules::rules(mesh, service).into_iter().find(|found| found.at == *rule)?.shares)
}

/// The change that gives a rule of a service these shares. Where no VirtualService routes the service's calls yet, it
/// makes one; subsets that a share needs and no DestinationRule declares come first.
pub fn split(mesh: &Mesh, service: &Service, rule: &RuleAt, wanted: &Split) -> Option<Change> {
    match &rule.at {
        Some(at) => existing(mesh, service, at, rule.index, wanted),
        None => fresh(mesh, service, wanted),
    }
}

fn existing(mesh: &Mesh, service: &Service, at: &Ref, index: usize, wanted: &Split) -> Option<Change> {
    let view = mesh.virtual_service(at)?;
    let http = view.http.get(index)?;
    let now = weights(http, &at.namespace, service);
    let before = current(mesh, service, &RuleAt { at: Some(at.clone()), index })?;
    let share = |split: &Split, name: &str| {
        split.weights().iter().find(|(known, _)| known == name).map_or(0, |(_, share)| *share)
    };
    let changed = wanted.weights().iter().any(|(name, percent)| share(&before, name) != *percent);
    if !changed || now.is_empty() {
        return None;
    }
    let raw = mesh.objects().get(at)?;
    let route = raw.spec().pointer(&format!("/http/{index}/route"))?;
    let mut ops = guarded(raw.spec(), index, route);
    // Several rows may go to one version: the first carries its share.
    let mut given: Vec<&str> = Vec::new();
    for (row, (name, _)) in now.iter().enumerate() {
        let percent = if given.contains(&name.as_str()) { 0 } else { share(wanted, name) };
        given.push(name);
        let path = format!("/spec/http/{index}/route/{row}/weight");
        match route.pointer(&format!("/{row}/weight")) {
            Some(old) if old.as_u64() == Some(u64::from(percent)) => {}
            Some(_) => ops.replace(&path, percent.into()),
            None if now.len() == 1
                && wanted.weights().iter().all(|(other, percent)| other == name || *percent == 0) => {}
            None => ops.add(&path, percent.into()),
        }
    }
    let new: Vec<(String, u32)> = wanted
        .weights()
        .into_iter()
        .filter(|(name, percent)| *percent > 0 && !given.contains(&name.as_str()))
        .collect();
    let model = http
        .route
        .iter()
        .position(|row| fqdn(&row.destination.host, &at.namespace) == service.host)
        .unwrap_or(0);
    let model = route.pointer(&format!("/{model}/destination")).cloned().unwrap_or_else(|| json!({}));
    for (name, percent) in &new {
        let row =
            json!({ "destination": destination(&model, name, service, &at.namespace), "weight": percent });
        ops.add(&format!("/spec/http/{index}/route/-"), row);
    }
    let needed: Vec<&str> = new.iter().map(|(name, _)| name.as_str()).collect();
    let (mut steps, mut warnings) = subsets(mesh, service, &needed);
    steps.push(ops.step(mesh, at)?);
    warnings.extend(managed(&steps));
    Some(Change {
        title: format!("{} of {}", sentence(service, &before, wanted)?, rules::words(view, index)),
        evidence: evidence(mesh, service, &steps, at, index),
        steps,
        warnings,
    })
}

/// Operations on a rule begin with what the user saw of it.
pub(super) fn guarded(spec: &Value, index: usize, route: &Value) -> Ops {
    let mut ops = Ops::default();
    if let Some(matches) = spec.pointer(&format!("/http/{index}/match")) {
        ops.saw(&format!("/spec/http/{index}/match"), matches);
    }
    ops.saw(&format!("/spec/http/{index}/route"), route);
    ops
}

/// The destination of a new row: as the rule's first one (host as written, port), with the version's subset.
fn destination(model: &Value, name: &str, service: &Service, namespace: &str) -> Value {
    let mut destination = model.clone();
    let host = model.get("host").and_then(Value::as_str).unwrap_or_default();
    if fqdn(host, namespace) != service.host {
        destination = json!({ "host": service.host });
    }
    if let Some(fields) = destination.as_object_mut() {
        if name == ALL_VERSIONS {
            fields.shift_remove("subset");
        } else {
            fields.insert("subset".into(), name.into());
        }
    }
    destination
}

/// A VirtualService that is not there yet, with one row for each version.
fn fresh(mesh: &Mesh, service: &Service, wanted: &Split) -> Option<Change> {
    if !speaks_http(service) || service.subsets.len() < 2 {
        return None;
    }
    let needed: Vec<&str> = service.subsets.iter().map(|subset| subset.name.as_str()).collect();
    let (mut steps, mut warnings) = subsets(mesh, service, &needed);
    let row = |(name, percent): (String, u32)| json!({ "destination": { "host": host(service), "subset": name }, "weight": percent });
    let rows: Vec<Value> =
        wanted.weights().into_iter().filter(|(name, _)| needed.contains(&name.as_str())).map(row).collect();
    steps.push(fresh_route(mesh, service, json!([{ "route": rows }]))?);
    let at = steps.last()?.at.clone();
    warnings.extend(managed(&steps));
    warnings.extend(unread(mesh, service));
    let shares: Vec<String> =
        wanted.weights().iter().map(|(name, percent)| format!("{name} {percent} %")).collect();
    Some(Change {
        title: format!("{} gets a split of all calls: {}", service.name, shares.join(", ")),
        evidence: evidence(mesh, service, &steps, &at, 0),
        steps,
        warnings,
    })
}

/// VirtualServices that could not be read may route the service's calls too.
pub(super) fn unread(mesh: &Mesh, service: &Service) -> Vec<String> {
    let near = mesh
        .problems()
        .filter(|(at, _)| at.kind == &kinds::VIRTUAL_SERVICE && at.namespace == service.namespace);
    near.map(|(at, _)| format!("{at} cannot be read here: it may route calls of {} too", service.name))
        .collect()
}

/// The step that makes a VirtualService for a service that has none.
pub(super) fn fresh_route(mesh: &Mesh, service: &Service, http: Value) -> Option<Step> {
    let at = free_name(
        mesh,
        &kinds::VIRTUAL_SERVICE,
        &service.namespace,
        [&service.name, &format!("{}-mesh", service.name)],
    )?;
    Some(create(mesh, &at, json!({ "hosts": [host(service)], "http": http })))
}

/// How objects in the service's own namespace name it.
fn host(service: &Service) -> &str {
    if service.external { &service.host } else { &service.name }
}

/// The step that declares these subsets where they are not, and what else that changes.
fn subsets(mesh: &Mesh, service: &Service, needed: &[&str]) -> (Vec<Step>, Vec<String>) {
    let mut missing: Vec<_> = service
        .subsets
        .iter()
        .filter(|subset| !subset.declared && needed.contains(&subset.name.as_str()))
        .collect();
    missing.sort_by(|a, b| natural(&a.name, &b.name));
    if missing.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let subset = |subset: &&crate::Subset| json!({ "name": subset.name, "labels": subset.labels });
    let own = |at: &&Ref| {
        let rule = mesh.destination_rule(at);
        at.namespace == service.namespace
            && rule.is_some_and(|rule| fqdn(&rule.host, &at.namespace) == service.host)
    };
    if let Some(at) = service.destination_rules.iter().find(own)
        && let Some(object) = mesh.objects().get(at)
    {
        let mut ops = Ops::default();
        ops.saw("/spec/host", object.spec().get("host").unwrap_or(&Value::Null));
        match object.spec().get("subsets").filter(|list| list.is_array()) {
            Some(list) => {
                ops.saw("/spec/subsets", list);
                missing.iter().for_each(|one| ops.add("/spec/subsets/-", subset(one)));
            }
            None => ops.add("/spec/subsets", missing.iter().map(subset).collect()),
        }
        return (ops.step(mesh, at).into_iter().collect(), Vec::new());
    }
    let Some(at) = free_name(
        mesh,
        &kinds::DESTINATION_RULE,
        &service.namespace,
        [&service.name, &format!("{}-subsets", service.name)],
    ) else {
        return (Vec::new(), Vec::new());
    };
    let wider = service
        .destination_rules
        .iter()
        .filter(|at| *at.namespace == *service.namespace || *at.namespace == *mesh.root_namespace());
    let warnings = wider.map(|wider| {
        format!(
            "{wider} is for more services; {} gets a DestinationRule of its own, and what that one says no longer counts for it",
            service.name
        )
    });
    let spec = json!({ "host": host(service), "subsets": missing.iter().map(subset).collect::<Vec<_>>() });
    (vec![create(mesh, &at, spec)], warnings.collect())
}

/// Every share that moves: "v3 of reviews gets 25 % instead of 10 %, v1 75 % instead of 90 %" for two of them (a gain before
/// a loss), else in short "reviews: v1 50 → 63 %, v2 30 → 37 %, v3 20 → 0 %". A title has little room.
fn sentence(service: &Service, before: &Split, wanted: &Split) -> Option<String> {
    let old =
        |name: &str| before.weights().iter().find(|(known, _)| known == name).map_or(0, |(_, share)| *share);
    let moved = wanted
        .weights()
        .into_iter()
        .map(|(name, to)| (old(&name), to, name))
        .filter(|(from, to, _)| from != to);
    let mut moved: Vec<(u32, u32, String)> = moved.collect();
    if moved.len() > 2 {
        let moved: Vec<String> =
            moved.iter().map(|(from, to, name)| format!("{name} {from} → {to} %")).collect();
        return Some(format!("{}: {}", service.name, moved.join(", ")));
    }
    moved.sort_by_key(|(from, to, _)| to < from);
    let mut moved = moved.into_iter();
    let (from, to, name) = moved.next()?;
    let other = moved
        .next()
        .map(|(from, to, name)| format!(", {name} {to} % instead of {from} %"))
        .unwrap_or_default();
    Some(format!("{name} of {} gets {to} % instead of {from} %{other}", service.name))
}

/// What shows that a rule has its shares, and had others before.
fn evidence(mesh: &Mesh, service: &Service, steps: &[Step], at: &Ref, index: usize) -> Evidence {
    let side = |object: fn(&Step) -> Option<&crate::Object>| {
        let view: Option<VirtualService> =
            steps.iter().find(|step| step.at == *at).and_then(|step| istio::views::read(object(step)?).ok());
        let claim = route(at, index);
        match view.as_ref().and_then(|view| view.http.get(index)) {
            Some(http) => (
                vec![claim.weights(destinations(http, &at.namespace))],
                measure(service, http, &at.namespace),
            ),
            None => (vec![claim], None),
        }
    };
    let (claims, measure) = side(|step| step.after.as_ref());
    let (was, was_measure): (Vec<Claim>, _) = side(|step| step.before.as_ref());
    Evidence { measure, was_measure, ..Evidence::of(mesh, steps, &claims, &was) }
}

/// The destinations of a rule, as clusters of Envoy name them; the only one of a rule without weight gets all.
fn destinations(http: &HttpRoute, namespace: &str) -> Vec<(Destination, u32)> {
    let alone = u32::from(http.route.len() == 1) * 100;
    let one = |row: &RouteDestination| {
        let to = Destination {
            host: fqdn(&row.destination.host, namespace),
            subset: row.destination.subset.clone().unwrap_or_default(),
            port: row.destination.port.as_ref().map(|port| port.number),
        };
        (to, row.weight.map_or(alone, |weight| u32::try_from(weight).unwrap_or_default()))
    };
    http.route.iter().map(one).collect()
}

/// The shares that calls must show, if each goes to a version that telemetry can tell. Which rule took a call it does not
/// tell: the rule for all other calls usually takes most of them, so it is measured by all.
pub(super) fn measure(service: &Service, http: &HttpRoute, namespace: &str) -> Option<Measure> {
    if !http.r#match.is_empty() {
        return Some(untold());
    }
    let weights = weights(http, namespace, service);
    let all: u32 = weights.iter().map(|(_, weight)| weight).sum();
    let mut parts: Vec<Part> = Vec::new();
    for (name, weight) in weights {
        let share = f64::from(weight) / f64::from(all.max(1));
        match parts.iter_mut().find(|part| part.name == name) {
            Some(Part { wanted: Wanted::Share(known), .. }) => *known += share,
            _ => {
                let subset = service.subsets.iter().find(|subset| subset.name == name)?;
                let workload = |at: &WorkloadId| (at.namespace.to_string(), at.name.to_string());
                let mark = Mark::Workloads(subset.workloads.iter().map(workload).collect());
                parts.push(Part::new(name, mark, Wanted::Share(share)));
            }
        }
    }
    Some(Measure::Counted(Counting::new(Calls::Answered(service.host.clone()), parts)))
}

/// Why a rule for special calls cannot be measured.
pub(super) fn untold() -> Measure {
    Measure::Untold("Telemetry does not tell which of several rules took a request".to_owned())
}
