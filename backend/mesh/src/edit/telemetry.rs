//! Telemetry: what proxies report of calls, for the mesh, a namespace or one workload. Of each of these one
//! Telemetry counts, the oldest; what the closest says counts before what the wider ones do.

use super::mtls::{Scope, selector};
use super::policy::{self, Read};
use crate::evidence::{Claim, Want, filters};
use crate::plan::Plan;
use crate::{Mesh, Ref, Workload};
use istio::attach::GATEWAY_NAME;
use istio::precedence::by_age;
use istio::telemetry::{self, Logs, MetricChange, MetricChanges, Side, Traced, custom_tag};
use istio::views::Telemetry;
use istio::{Labels, kinds};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const MANAGER: &str = "envoy.filters.network.http_connection_manager";
/// The filter of Istio's proxies that counts.
const STATS: &str = "istio.stats";
/// The providers that hold where no Telemetry names any: the mesh's own, which only its configuration tells.
const DEFAULT: &str = "";

/// The Telemetries for exactly this scope, the oldest first: it counts, the others do not.
pub fn of_scope(mesh: &Mesh, scope: &Scope) -> Vec<Ref> {
    let meant = |one: &Read<Telemetry>| match scope {
        Scope::Mesh => *one.at.namespace == *mesh.root_namespace() && telemetry::is_wide(one),
        Scope::Namespace(namespace) => *one.at.namespace == **namespace && telemetry::is_wide(one),
        Scope::Workload(namespace, name) => {
            let near = *one.at.namespace == **namespace && !telemetry::is_wide(one);
            near && mesh.workload(namespace, name).is_some_and(|workload| one.holds(mesh, workload))
        }
    };
    all(mesh).into_iter().filter(meant).map(|one| one.at).collect()
}

fn all(mesh: &Mesh) -> Vec<Read<Telemetry>> {
    policy::all(mesh, &kinds::TELEMETRY)
}

/// The other workloads that the Telemetry of a workload is for, too.
pub fn shared(mesh: &Mesh, at: &Ref, scope: &Scope) -> Vec<String> {
    let Scope::Workload(_, own) = scope else { return Vec::new() };
    let read = mesh.objects().get(at).and_then(|object| Read::<Telemetry>::of(at, object));
    let all = read.map(|read| read.workloads(mesh)).unwrap_or_default();
    all.into_iter().filter(|one| *one.name != **own).map(|one| one.name.to_string()).collect()
}

/// Makes the Telemetry of a scope; a Gateway of the Gateway API is named by `targetRefs`.
pub fn create(plan: &mut Plan<'_>, scope: &Scope, mut spec: Value) -> Option<Ref> {
    let mesh = plan.mesh();
    let (namespace, name) = match scope {
        Scope::Mesh => (mesh.root_namespace(), "mesh-default".to_owned()),
        Scope::Namespace(namespace) => (namespace.as_str(), format!("{namespace}-default")),
        Scope::Workload(namespace, name) => {
            let workload = mesh.workload(namespace, name)?;
            match workload.labels.get(GATEWAY_NAME) {
                Some(gateway) => {
                    let target =
                        json!({ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway });
                    spec["targetRefs"] = json!([target]);
                }
                None => spec["selector"] = json!({ "matchLabels": selector(mesh, workload) }),
            }
            (namespace.as_str(), name.clone())
        }
    };
    plan.create(&kinds::TELEMETRY, namespace, [&name, &format!("{name}-telemetry")], spec)
}

/// What one side of a proxy reports.
#[derive(Clone, Debug, PartialEq)]
struct Said<'a> {
    traces: Traced<'a>,
    logs: Logs<'a>,
    metrics: MetricChanges<'a>,
}

impl<'a> Said<'a> {
    fn of(all: &'a [Read<Telemetry>], root: &str, (namespace, labels): (&str, &Labels), side: Side) -> Self {
        let held: Vec<&Telemetry> =
            telemetry::holding(all, root, namespace, labels).into_iter().map(|one| &one.spec).collect();
        let ours = |name: &str| name == DEFAULT || name == telemetry::PROMETHEUS;
        Self {
            traces: telemetry::tracing(&held, side),
            logs: telemetry::logs(&held, side, &[DEFAULT]),
            metrics: telemetry::metrics(&held, side, &[DEFAULT], ours),
        }
    }
}

/// The sides of calls that a workload's proxies stand on.
fn sides(workload: &Workload) -> &'static [Side] {
    if workload.gateway { &[Side::Client] } else { &[Side::Client, Side::Server] }
}

/// Says what proxies show once this Telemetry is as planned, and what they showed before.
pub fn claims(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    let root = mesh.root_namespace();
    let was = all(mesh);
    let mut now: Vec<Read<Telemetry>> = was.iter().filter(|one| one.at != *at).cloned().collect();
    if let Some(mut made) = plan.object_after(at).and_then(|object| Read::<Telemetry>::of(at, &object)) {
        if !mesh.objects().contains(at) {
            // It will be the youngest.
            "~".clone_into(&mut made.created);
        }
        now.push(made);
    }
    now.sort_by(by_age);
    let near = |one: &&Workload| *at.namespace == *root || one.namespace == at.namespace;
    let mut groups: Vec<(Side, Said<'_>, Said<'_>, Vec<String>)> = Vec::new();
    for workload in mesh.workloads().filter(near).filter(|one| one.proxies().next().is_some()) {
        for side in sides(workload) {
            let whose = (&*workload.namespace, &workload.labels);
            let (before, then) = (Said::of(&was, root, whose, *side), Said::of(&now, root, whose, *side));
            if before == then {
                continue;
            }
            let same =
                groups.iter_mut().find(|(of, one, other, _)| of == side && *one == before && *other == then);
            match same {
                Some((.., proxies)) => proxies.extend(workload.proxies()),
                None => groups.push((*side, before, then, workload.proxies().collect())),
            }
        }
    }
    if groups.is_empty() {
        plan.warn("No proxy reports otherwise: a closer or an older Telemetry says what counts, or it says the same");
    }
    for (side, before, then, proxies) in &groups {
        let of = |names: &[&str]| {
            let claim = filters(proxies.iter().cloned(), names);
            if *side == Side::Client { claim.outgoing() } else { claim }
        };
        traces(plan, &of(&[MANAGER]), &then.traces, &before.traces);
        logs(plan, &of(&[MANAGER]), &then.logs, &before.logs);
        metrics(plan, &of(&[STATS]), &then.metrics, &before.metrics);
    }
}

fn traces(plan: &mut Plan<'_>, place: &Claim, now: &Traced<'_>, was: &Traced<'_>) {
    let at = |path: &str| place.clone().at(path);
    if now.off != was.off {
        let there = |off: bool| at("/tracing").wants(if off { Want::Absent } else { Want::Present });
        plan.claims(vec![there(now.off)], vec![there(was.off)]);
    }
    if now.sampling != was.sampling {
        let share = |traced: &Traced<'_>| {
            let place = at("/tracing/random_sampling");
            let claim = traced
                .sampling
                .map_or_else(|| place.clone().is(Value::Null), |share| place.clone().percent(share));
            if traced.off { Vec::new() } else { vec![claim] }
        };
        plan.claims(share(now), share(was));
    }
    let tags: BTreeSet<&&str> = now.tags.keys().chain(was.tags.keys()).collect();
    for name in tags {
        let place = at(&format!("/tracing/custom_tags/[tag={}]", escaped(name)));
        let tag = |traced: &Traced<'_>| {
            let shown = traced.tags.get(*name).and_then(|tag| custom_tag(name, tag));
            let claim = shown.map_or_else(|| place.clone().absent(), |tag| place.clone().is(tag));
            if traced.off { Vec::new() } else { vec![claim] }
        };
        if now.tags.get(*name) != was.tags.get(*name) {
            plan.claims(tag(now), tag(was));
        }
    }
    let by_id = |traced: &Traced<'_>| traced.by_request_id.unwrap_or(true);
    if by_id(now) != by_id(was) {
        let place = at("/request_id_extension/typed_config/use_request_id_for_trace_sampling");
        // Left out it is true.
        let claim = |yes: bool| {
            place.clone().wants(if yes { Want::IsFirst(true.into()) } else { Want::Is(false.into()) })
        };
        plan.claims(vec![claim(by_id(now))], vec![claim(by_id(was))]);
    }
    if !now.off && !was.off {
        let own = |traced: &Traced<'_>| traced.istio_tags.unwrap_or(true);
        if own(now) != own(was) {
            let place = at("/tracing/custom_tags/[tag=istio.canonical_service]");
            let claim = |there: bool| place.clone().wants(if there { Want::Present } else { Want::Absent });
            plan.claims(vec![claim(own(now))], vec![claim(own(was))]);
        }
        let alone = |traced: &Traced<'_>| traced.alone.unwrap_or(false);
        if alone(now) != alone(was) {
            let claim = |alone: bool| at("/tracing/no_context_propagation").is(alone);
            plan.claims(vec![claim(alone(now))], vec![claim(alone(was))]);
        }
    }
}

/// Which kinds of logs the mesh's own providers are is not known here, so that not everything can be told.
fn logs(plan: &mut Plan<'_>, place: &Claim, now: &Logs<'_>, was: &Logs<'_>) {
    let place = place.clone().at("/access_log");
    let mut tell = |row: Value, says: &dyn Fn(&Logs<'_>) -> Option<bool>| {
        let (then, before) = (says(now), says(was));
        if then == before {
            return;
        }
        let claim = |there: Option<bool>| {
            let row = Want::Row(row.clone());
            let want = there.map(|there| if there { row } else { Want::Not(Box::new(row)) });
            want.map(|want| place.clone().wants(want)).into_iter().collect()
        };
        plan.claims(claim(then), claim(before));
    };
    let expressions: BTreeSet<&str> = now.values().chain(was.values()).flatten().copied().collect();
    for expression in expressions {
        let filter = json!({ "extension_filter": { "typed_config": { "expression": expression } } });
        tell(json!({ "filter": filter }), &|logs| {
            Some(logs.values().any(|filter| *filter == Some(expression)))
        });
    }
    tell(json!({ "name": "envoy.access_loggers.file" }), &|logs| match logs {
        logs if logs.contains_key(telemetry::ENVOY) => Some(true),
        logs if logs.is_empty() => Some(false),
        _ => None,
    });
}

fn metrics(plan: &mut Plan<'_>, place: &Claim, now: &MetricChanges<'_>, was: &MetricChanges<'_>) {
    if !now.counted || !was.counted {
        return;
    }
    let at = |path: &str| place.clone().at(path);
    plan.shows(
        &at("/tcp_reporting_duration"),
        now.interval.map(str::to_owned),
        was.interval.map(str::to_owned),
    );
    let names: BTreeSet<&&str> = now.each.keys().chain(was.each.keys()).collect();
    for name in names {
        let none = MetricChange::default();
        let of = |all: &BTreeMap<&'static str, MetricChange<'_>>| all.contains_key(*name);
        let (then, before) = (now.each.get(*name).unwrap_or(&none), was.each.get(*name).unwrap_or(&none));
        let below = format!("/metrics/[name={name}]");
        if of(&now.each) != of(&was.each) {
            let claim = |there: bool| at(&below).wants(if there { Want::Present } else { Want::Absent });
            plan.claims(vec![claim(of(&now.each))], vec![claim(of(&was.each))]);
        }
        plan.shows(&at(&format!("{below}/drop")), then.off.then_some(true), before.off.then_some(true));
        let removed = |change: &MetricChange<'_>| -> Option<Value> {
            let gone = change.tags.iter().filter(|(_, value)| value.is_none()).map(|(tag, _)| *tag);
            Some(gone.collect::<Vec<_>>()).filter(|gone| !gone.is_empty()).map(|gone| json!(gone))
        };
        plan.shows(&at(&format!("{below}/tags_to_remove")), removed(then), removed(before));
        let tags: BTreeSet<&&str> = then.tags.keys().chain(before.tags.keys()).collect();
        for tag in tags {
            let value =
                |change: &MetricChange<'_>| change.tags.get(*tag).copied().flatten().map(str::to_owned);
            plan.shows(&at(&format!("{below}/dimensions/{}", escaped(tag))), value(then), value(before));
        }
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// What is in force for a scope, and who says it, in words; callers and callees apart where they differ.
pub fn in_force(mesh: &Mesh, scope: &Scope) -> Vec<String> {
    let all = all(mesh);
    let none = Labels::new();
    let (namespace, labels, gateway) = match scope {
        Scope::Mesh => (mesh.root_namespace(), &none, false),
        Scope::Namespace(namespace) => (namespace.as_str(), &none, false),
        Scope::Workload(namespace, name) => match mesh.workload(namespace, name) {
            Some(workload) => (namespace.as_str(), &workload.labels, workload.gateway),
            None => return Vec::new(),
        },
    };
    let held = telemetry::holding(&all, mesh.root_namespace(), namespace, labels);
    let of = |side| lines(&held, &Said::of(&all, mesh.root_namespace(), (namespace, labels), side), side);
    let client = of(Side::Client);
    if gateway {
        return client;
    }
    let mut told = Vec::new();
    for (as_caller, as_callee) in client.into_iter().zip(of(Side::Server)) {
        if as_caller == as_callee {
            told.push(as_caller);
        } else {
            told.extend([format!("{as_caller}, as caller"), format!("{as_callee}, as callee")]);
        }
    }
    told
}

/// Traces, access logs and metrics, a line each.
fn lines(held: &[&Read<Telemetry>], said: &Said<'_>, side: Side) -> Vec<String> {
    let by = |says: &dyn Fn(&Telemetry) -> bool| {
        let last = held.iter().rev().find(|one| says(&one.spec));
        last.map_or_else(
            || " (the mesh's default)".to_owned(),
            |one| format!(" ({}/{})", one.at.namespace, one.at.name),
        )
    };
    let meant =
        |mode: Option<&istio::views::ModeMatch>| side.is_meant(mode.and_then(|of| of.mode.as_deref()));
    let traces = match (said.traces.off, said.traces.sampling) {
        (true, _) => {
            let by = by(&|one| {
                one.tracing
                    .iter()
                    .any(|rule| meant(rule.r#match.as_ref()) && rule.disable_span_reporting.is_some())
            });
            format!("Traces: no span is reported{by}")
        }
        (false, sampling) => {
            let by = by(&|one| {
                let says = |rule: &istio::views::Tracing| rule.random_sampling_percentage.is_some();
                one.tracing.iter().any(|rule| meant(rule.r#match.as_ref()) && says(rule))
            });
            let tags: Vec<&str> = said.traces.tags.keys().copied().collect();
            let tags = if tags.is_empty() { String::new() } else { format!(", with {}", tags.join(", ")) };
            let to = said.traces.provider.map(|name| format!(" to {name}")).unwrap_or_default();
            match sampling {
                Some(share) => format!("Traces: {share} % of requests{to}{by}{tags}"),
                None => format!("Traces: as many as the mesh says{to}{tags}"),
            }
        }
    };
    let logged = by(&|one| one.access_logging.iter().any(|rule| meant(rule.r#match.as_ref())));
    let one = |(name, filter): (&&str, &Option<&str>)| {
        let name = if *name == DEFAULT { "as the mesh says" } else { name };
        filter.map_or_else(|| name.to_owned(), |filter| format!("{name} where {filter}"))
    };
    let logs: Vec<String> = said.logs.iter().map(one).collect();
    let logs = if logs.is_empty() { "none".to_owned() } else { logs.join(", ") };
    let counted = by(&|one| !one.metrics.is_empty());
    let off = said.metrics.each.values().filter(|change| change.off).count();
    let changed = said.metrics.each.values().filter(|change| !change.off && !change.tags.is_empty()).count();
    let metrics = match (said.metrics.counted, off, changed) {
        (false, ..) => "none of Istio's are counted".to_owned(),
        (true, 0, 0) => "all of Istio's".to_owned(),
        (true, off, changed) => {
            format!("{off} of {} are off, {changed} have other tags", telemetry::METRICS.len())
        }
    };
    vec![traces, format!("Access logs: {logs}{logged}"), format!("Metrics: {metrics}{counted}")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    fn mesh(all: &[(&str, &str, &str, Value)]) -> Mesh {
        let mut objects = demo::bookinfo_objects();
        for (namespace, name, created, spec) in all {
            let meta = json!({ "namespace": namespace, "name": name, "creationTimestamp": created });
            let object = json!({ "apiVersion": "telemetry.istio.io/v1", "kind": "Telemetry", "metadata": meta, "spec": spec });
            objects.insert(Ref::new(&kinds::TELEMETRY, namespace, name), object.into());
        }
        Mesh::read(objects, None)
    }

    fn reviews() -> Scope {
        Scope::Workload("bookinfo".into(), "reviews-v1".into())
    }

    #[test]
    fn the_closest_is_in_force_and_says_so() {
        let own = json!({ "selector": { "matchLabels": { "app": "reviews" } }, "accessLogging": [{ "match": { "mode": "CLIENT" }, "disabled": true }] });
        let mesh = mesh(&[
            ("istio-system", "mesh", "1", json!({ "tracing": [{ "randomSamplingPercentage": 10 }] })),
            ("bookinfo", "older", "1", json!({ "tracing": [{ "customTags": { "team": {} } }] })),
            ("bookinfo", "younger", "2", json!({ "tracing": [{ "randomSamplingPercentage": 99 }] })),
            ("bookinfo", "own", "3", own),
        ]);
        let told = [
            "Traces: 10 % of requests (istio-system/mesh), with team",
            "Access logs: none (bookinfo/own), as caller",
            "Access logs: as the mesh says (the mesh's default), as callee",
            "Metrics: all of Istio's (the mesh's default)",
        ];
        assert_eq!(in_force(&mesh, &reviews()), told);
        let names =
            |scope: &Scope| of_scope(&mesh, scope).iter().map(|at| at.name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&Scope::Namespace("bookinfo".into())), ["older", "younger"]);
        assert_eq!(
            (names(&Scope::Mesh), names(&reviews())),
            (vec!["mesh".to_owned()], vec!["own".to_owned()])
        );
        let at = Ref::new(&kinds::TELEMETRY, "bookinfo", "own");
        assert_eq!(shared(&mesh, &at, &reviews()), ["reviews-v2", "reviews-v3"]);
    }

    #[test]
    fn what_a_closer_one_says_is_not_claimed() {
        let own = json!({ "selector": { "matchLabels": { "app": "reviews" } }, "tracing": [{ "randomSamplingPercentage": 5 }] });
        let mesh =
            mesh(&[("bookinfo", "own", "3", own), ("bookinfo", "all", "3", json!({ "tracing": [{}] }))]);
        let at = Ref::new(&kinds::TELEMETRY, "bookinfo", "all");
        let mut plan = Plan::new(&mesh);
        plan.object(&at).set("spec/tracing/0/randomSamplingPercentage", 50.0);
        claims(&mut plan, &at);
        let change = plan.change().unwrap().unwrap();
        let proxies = change.evidence.proxies();
        assert!(proxies.iter().any(|proxy| proxy.starts_with("ratings")), "{proxies:?}");
        assert!(!proxies.iter().any(|proxy| proxy.starts_with("reviews")), "{proxies:?}");
    }
}
