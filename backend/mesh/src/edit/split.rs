//! Traffic split: moves traffic between the versions of one service.

use super::build::{Ops, create, free_name, managed};
use super::proxies::of_route;
use super::rules::{self, ALL_VERSIONS, RuleAt, speaks_http, weights};
use crate::change::{Change, Effect, Evidence, RouteExpectation, Step, Xds};
use crate::model::{full, natural};
use crate::split::Split;
use crate::{Mesh, Ref, Service};
use istio::kinds;
use istio::views::VirtualService;
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
        .position(|row| full(&row.destination.host, &at.namespace) == service.host)
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
        effect: effect(mesh, service, at, &steps, index)?,
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
    if full(host, namespace) != service.host {
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
        effect: effect(mesh, service, &at, &steps, 0)?,
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
            && rule.is_some_and(|rule| full(&rule.host, &at.namespace) == service.host)
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

/// Where a change of a rule must show up, and as what.
pub(super) fn effect(
    mesh: &Mesh,
    service: &Service,
    at: &Ref,
    steps: &[Step],
    index: usize,
) -> Option<Effect> {
    let step = steps.iter().find(|step| step.at == *at)?;
    let view = |object: &Option<crate::Object>| -> Option<VirtualService> {
        istio::views::read(object.as_ref()?).ok()
    };
    let (before, after) = (view(&step.before), view(&step.after));
    let evidence = |view: Option<&VirtualService>| Evidence::Route(expectation(at, view, index, service));
    Some(Effect {
        xds: Xds::Rds,
        proxies: of_route(mesh, &at.namespace, after.as_ref().or(before.as_ref())?, service),
        evidence: evidence(after.as_ref()),
        was: evidence(before.as_ref()),
    })
}

/// What a proxy's routes look like with this VirtualService; `None` when there is none.
fn expectation(at: &Ref, view: Option<&VirtualService>, index: usize, service: &Service) -> RouteExpectation {
    let http = view.and_then(|view| view.http.get(index));
    let label = |(name, weight): (String, u32)| {
        (if name == ALL_VERSIONS { service.host.clone() } else { name }, weight)
    };
    let weights = http.map(|http| weights(http, &at.namespace, service)).unwrap_or_default();
    RouteExpectation {
        config: format!(
            "/apis/networking.istio.io/v1/namespaces/{}/virtual-service/{}",
            at.namespace, at.name
        ),
        host: service.host.clone(),
        weights: weights.into_iter().map(label).collect(),
        rule: index,
        routes_per_rule: view.map(rules::routes_per_rule).unwrap_or_default(),
        fault: http.map(rules::fault_of).filter(|fault| !fault.is_none()),
        gone: view.is_none(),
    }
}
