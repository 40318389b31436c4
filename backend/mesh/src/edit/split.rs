//! Traffic split: moves traffic between the versions of one service.

use super::rules::{self, ALL_VERSIONS, weights};
use crate::change::Change;
use crate::evidence::{CountedCalls, Counting, Mark, Measure, Portion, Upstream, Wanted, route};
use crate::plan::{HttpRule, Part, Plan, host};
use crate::split::Split;
use crate::{Mesh, Service};
use istio::views::{HttpMatch, HttpRoute, RouteDestination, VirtualService};
use istio::{WorkloadId, fqdn, kinds};
use serde_json::{Value, json};

/// The shares that a rule has now; of a service without a rule, even ones (that is how its calls are spread).
pub fn current(mesh: &Mesh, rule: &HttpRule) -> Option<Split> {
    let rules = rules::rules(mesh, rule.service(mesh)?);
    Split::new(rules.into_iter().find(|found| found.at == *rule)?.shares)
}

/// What part of its calls each destination of a rule gets, in percent, exactly as its weights say: those of
/// 1:1:1 are a third each. All are 0 where every weight is: Istio takes no such rule. `None` without a rule.
pub fn in_force(mesh: &Mesh, rule: &HttpRule) -> Option<Vec<(String, f64)>> {
    let at = rule.virtual_service.as_ref()?;
    let weights = weights(&rule.view(mesh)?.route, &at.namespace, rule.service(mesh)?);
    Some(percents(weights))
}

pub(super) fn percents(weights: Vec<(String, u32)>) -> Vec<(String, f64)> {
    let all: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
    weights.into_iter().map(|(name, weight)| (name, f64::from(weight) * 100.0 / all.max(1.0))).collect()
}

/// The change that gives a rule these shares; `None` when it has them, or when it is gone.
pub fn split(mesh: &Mesh, rule: &HttpRule, wanted: &Split) -> Option<Change> {
    let mut made = Plan::new(mesh);
    plan(&mut made, rule, wanted);
    made.change().ok()?
}

/// Gives a rule of a service these shares. Where no VirtualService routes the service's calls yet, one is
/// made; subsets that a share needs and no DestinationRule declares come first.
pub fn plan(plan: &mut Plan<'_>, rule: &HttpRule, wanted: &Split) {
    let Some(service) = rule.service(plan.mesh()) else { return plan.gone() };
    match rule.view(plan.mesh()) {
        Some(http) => existing(plan, service, rule, http, wanted),
        None if rule.virtual_service.is_none() => fresh(plan, service, rule, wanted),
        None => plan.gone(),
    }
}

fn existing(plan: &mut Plan<'_>, service: &Service, rule: &HttpRule, http: &HttpRoute, wanted: &Split) {
    let Some(at) = &rule.virtual_service else { return };
    let now = weights(&http.route, &at.namespace, service);
    let Some(before) = current(plan.mesh(), rule) else { return plan.gone() };
    let changed = wanted.weights().iter().any(|(name, percent)| share(&before, name) != *percent);
    if !changed || now.is_empty() {
        return;
    }
    let new = |name: &String| !now.iter().any(|(known, _)| known == name);
    let new: Vec<(String, u32)> =
        wanted.weights().into_iter().filter(|(name, percent)| *percent > 0 && new(name)).collect();
    let used = wanted.weights();
    let used = used.iter().filter(|(_, percent)| *percent > 0).map(|(name, _)| name.as_str());
    plan.subsets(service, &used.collect::<Vec<_>>());
    let mut part = plan.rule(rule);
    part.saw("route");
    give(&mut part, "route", &now, wanted);
    let own = |row: &RouteDestination| fqdn(&row.destination.host, &at.namespace) == service.host;
    let model = http.route.iter().position(own).unwrap_or(0);
    let model = part.get(&format!("route/{model}/destination")).cloned().unwrap_or_else(|| json!({}));
    for (name, percent) in new {
        let row =
            json!({ "destination": destination(&model, &name, service, &at.namespace), "weight": percent });
        part.push("route", row);
    }
    nobody_there(plan, service, &versions(service), wanted);
    if let Some(sentence) = sentence(service, &before, wanted) {
        plan.title(format!("{sentence} of {}", rule.words(plan.mesh())));
    }
    evidence(plan, service, rule);
}

pub(super) fn share(split: &Split, name: &str) -> u32 {
    split.weights().iter().find(|(known, _)| known == name).map_or(0, |(_, share)| *share)
}

/// Gives the rows of a list, which go to these names, their shares. Several rows may go to one name: the
/// first carries its share.
pub(super) fn give(part: &mut Part<'_>, list: &str, now: &[(String, u32)], wanted: &Split) {
    let mut given: Vec<&str> = Vec::new();
    for (row, (name, _)) in now.iter().enumerate() {
        let percent = if given.contains(&name.as_str()) { 0 } else { share(wanted, name) };
        given.push(name);
        let alone =
            now.len() == 1 && wanted.weights().iter().all(|(other, percent)| other == name || *percent == 0);
        let path = format!("{list}/{row}/weight");
        if !alone || part.get(&path).is_some() {
            part.set(&path, Some(percent)); // 0, too: without a weight the only row gets all
        }
    }
}

/// The workloads behind each version.
pub fn versions(service: &Service) -> Vec<(String, Vec<WorkloadId>)> {
    service.subsets.iter().map(|subset| (subset.name.clone(), subset.workloads.clone())).collect()
}

/// Says which parts get calls and have no ready pod, where pods are seen.
pub(super) fn nobody_there(
    plan: &mut Plan<'_>,
    service: &Service,
    behind: &[(String, Vec<WorkloadId>)],
    wanted: &Split,
) {
    let mesh = plan.mesh();
    let ready = |at: &WorkloadId| mesh.workload(&at.namespace, &at.name).is_some_and(|one| one.ready() > 0);
    if mesh.unseen(&kinds::POD, &service.namespace).is_some() {
        return;
    }
    for (name, percent) in wanted.weights().into_iter().filter(|(_, percent)| *percent > 0) {
        let part = behind.iter().find(|(part, _)| *part == name);
        if part.is_some_and(|(_, workloads)| !workloads.iter().any(ready)) {
            plan.warn(format!("No pod of {name} is ready: {percent} % of these calls would fail"));
        }
    }
}

/// The destination of a new row: as the rule's first one (host as written, port), with the version's subset.
pub(super) fn destination(model: &Value, name: &str, service: &Service, namespace: &str) -> Value {
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
fn fresh(plan: &mut Plan<'_>, service: &Service, rule: &HttpRule, wanted: &Split) {
    if service.subsets.len() < 2 {
        return;
    }
    let needed: Vec<&str> = service.subsets.iter().map(|subset| subset.name.as_str()).collect();
    let shares = wanted.weights();
    let row = |(name, percent): &(String, u32)| json!({ "destination": { "host": host(service), "subset": name }, "weight": percent });
    let rows: Value = shares.iter().filter(|(name, _)| needed.contains(&name.as_str())).map(row).collect();
    plan.subsets(service, &needed);
    plan.rule(rule).set("route", rows);
    nobody_there(plan, service, &versions(service), wanted);
    let shares = first_few(shares.iter().map(|(name, percent)| format!("{name} {percent} %")));
    plan.title(format!("{} gets a split of all calls: {shares}", service.name));
    evidence(plan, service, rule);
}

/// More shares than this are not told one by one.
const TOLD: usize = 4;

/// "v1 50 %, v2 30 %, v3 20 % + 47 others".
pub(super) fn first_few(shares: impl ExactSizeIterator<Item = String>) -> String {
    let others = shares.len().checked_sub(TOLD - 1).filter(|_| shares.len() > TOLD);
    let told: Vec<String> = shares.take(if others.is_some() { TOLD - 1 } else { TOLD }).collect();
    let others = others.map(|others| format!(" + {others} others")).unwrap_or_default();
    format!("{}{others}", told.join(", "))
}

/// Every share that moves: "v3 of reviews gets 25 % instead of 10 %, v1 75 % instead of 90 %" for two of them
/// (a gain before a loss), else in short "reviews: v1 50 → 63 %, v2 30 → 37 %, v3 20 → 0 %", those that
/// move most first where there are many. A title has little room.
pub(super) fn sentence(service: &Service, before: &Split, wanted: &Split) -> Option<String> {
    let old =
        |name: &str| before.weights().iter().find(|(known, _)| known == name).map_or(0, |(_, share)| *share);
    let moved = wanted
        .weights()
        .into_iter()
        .map(|(name, to)| (old(&name), to, name))
        .filter(|(from, to, _)| from != to);
    let mut moved: Vec<(u32, u32, String)> = moved.collect();
    if moved.len() > 2 {
        if moved.len() > TOLD {
            moved.sort_by_key(|(from, to, _)| std::cmp::Reverse(from.abs_diff(*to)));
        }
        let moved = moved.iter().map(|(from, to, name)| format!("{name} {from} → {to} %"));
        return Some(format!("{}: {}", service.name, first_few(moved)));
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
fn evidence(plan: &mut Plan<'_>, service: &Service, rule: &HttpRule) {
    let Some((at, index)) = plan.place(rule) else { return };
    let side = |view: Option<VirtualService>| {
        let claim = route(&at, index);
        match view.as_ref().and_then(|view| view.http.get(index)) {
            Some(http) => {
                let before = view.iter().flat_map(|view| view.http.iter().take(index));
                let taken = before.flat_map(|http| &http.r#match).any(takes_much);
                let measure = if taken { Some(untold()) } else { measure(service, http, &at.namespace) };
                (vec![claim.weights(destinations(&http.route, &at.namespace))], measure)
            }
            None => (vec![claim], None),
        }
    };
    let (now, measure) = side(plan.after(&at));
    let (was, was_measure) = side(plan.before(&at));
    plan.claims(now, was);
    plan.measures(measure, was_measure);
}

/// The destinations of a rule, as clusters of Envoy name them; the only one of a rule gets all.
pub(super) fn destinations(rows: &[RouteDestination], namespace: &str) -> Vec<(Upstream, u32)> {
    let one = |row: &RouteDestination| {
        let to = Upstream {
            host: fqdn(&row.destination.host, namespace),
            subset: row.destination.subset.clone().unwrap_or_default(),
            port: row.destination.port.as_ref().map(|port| port.number),
        };
        let weight = row.weight.map_or(0, |weight| u32::try_from(weight).unwrap_or_default());
        (to, if rows.len() == 1 { 100 } else { weight })
    };
    rows.iter().map(one).collect()
}

/// The shares that calls must show, if each goes to a version that telemetry can tell. Which rule took a call
/// it does not tell: the rule for all other calls usually takes most of them, so it is measured by all.
pub(super) fn measure(service: &Service, http: &HttpRoute, namespace: &str) -> Option<Measure> {
    if !http.r#match.is_empty() {
        return Some(untold());
    }
    let parts = portions(weights(&http.route, namespace, service), &versions(service))?;
    Some(Measure::Counted(Counting::new(CountedCalls::Routed(service.host.clone()), parts)))
}

/// The share of each part, told by who stands behind it; `None` where that is not known of one.
pub(super) fn portions(
    weights: Vec<(String, u32)>,
    behind: &[(String, Vec<WorkloadId>)],
) -> Option<Vec<Portion>> {
    let all: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
    let mut parts: Vec<Portion> = Vec::new();
    for (name, weight) in weights {
        let share = f64::from(weight) / all.max(1.0);
        match parts.iter_mut().find(|part| part.name == name) {
            Some(Portion { wanted: Wanted::Share(known), .. }) => *known += share,
            _ => {
                let (_, workloads) = behind.iter().find(|(part, _)| *part == name)?;
                let workload = |at: &WorkloadId| (at.namespace.to_string(), at.name.to_string());
                let mark = Mark::Workloads(workloads.iter().map(workload).collect());
                parts.push(Portion::new(name, mark, Wanted::Share(share)));
            }
        }
    }
    Some(parts)
}

/// Whether a match may take most calls: it asks nothing of the request itself.
fn takes_much(one: &HttpMatch) -> bool {
    one.uri.is_none()
        && one.method.is_none()
        && one.authority.is_none()
        && one.headers.is_empty()
        && one.query_params.is_empty()
}

/// Why a rule for special calls cannot be measured.
pub(crate) fn untold() -> Measure {
    Measure::Untold("Telemetry does not tell which of several rules took a request".to_owned())
}
