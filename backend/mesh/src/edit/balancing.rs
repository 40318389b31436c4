//! Where proxies show how endpoints are chosen: the method in the clusters of a service, what is hashed in the
//! routes that lead to it.

use crate::evidence::{Claim, Want, cluster, direct, route};
use crate::plan::{Plan, PolicyOf, own_rule};
use crate::{Mesh, Port, Ref, Service, roles};
use istio::destination::Settings;
use istio::hashing::hash_policy;
use istio::views::{Destination, DestinationRule, HttpRoute};
use istio::{Duration, fqdn};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Says what becomes of the clusters and routes of a service once its policy is written.
pub fn claims(plan: &mut Plan<'_>, at: &PolicyOf) {
    let Some(service) = at.service(plan.mesh()) else { return };
    let headless =
        plan.mesh().objects().get(&service.at).is_some_and(|object| object.spec()["clusterIP"] == "None");
    if headless {
        let name = &service.name;
        return plan
            .warn(format!("{name} is headless: callers choose the pod, and Istio does not share out calls"));
    }
    let Some(rule) = plan.rule_of(service) else { return };
    let (now, was): (DestinationRule, DestinationRule) =
        (plan.after(&rule).unwrap_or_default(), plan.before(&rule).unwrap_or_default());
    of_clusters(plan, (service, &rule), (&now, &was));
    of_routes(plan, (service, &rule), (&now, &was));
}

fn of_clusters(
    plan: &mut Plan<'_>,
    (service, at): (&Service, &Ref),
    (now, was): (&DestinationRule, &DestinationRule),
) {
    let subsets: Vec<Option<&str>> =
        std::iter::once(None).chain(now.subsets.iter().map(|subset| Some(&*subset.name))).collect();
    for port in &service.ports {
        for subset in &subsets {
            let place = cluster(at, &service.host).subset(subset.unwrap_or_default()).port(port.number);
            if subset.is_some_and(|name| was.subsets.iter().all(|one| one.name != name)) {
                let whole = place.at("");
                plan.claims(vec![whole.clone().wants(Want::Present)], vec![whole.absent()]);
                continue;
            }
            let of = |rule| shown(balancer(rule, *subset, port.number));
            let (now, was) = (of(now), of(was));
            let differing = now.keys().chain(was.keys()).filter(|path| now.get(*path) != was.get(*path));
            for path in differing.collect::<std::collections::BTreeSet<_>>() {
                let claim = |side: &Shown| match side.get(path) {
                    Some(Value::String(first)) if first == "ROUND_ROBIN" => {
                        place.clone().at(path).wants(Want::IsFirst(first.as_str().into()))
                    }
                    value => place.clone().at(path).is(value.cloned().unwrap_or_default()),
                };
                plan.claims(vec![claim(&now)], vec![claim(&was)]);
            }
        }
    }
}

type Shown = BTreeMap<&'static str, Value>;

/// What a cluster shows of a load balancer, by its place there.
fn shown(balancer: Option<&Value>) -> Shown {
    let balancer = balancer.unwrap_or(&Value::Null);
    let mut shown = Shown::new();
    if let Some(hash) = balancer.get("consistentHash") {
        if let Some(table) = hash.pointer("/maglev/tableSize") {
            shown.insert("/lb_policy", "MAGLEV".into());
            shown.insert("/maglev_lb_config/table_size", table.clone());
        } else {
            let size = hash.pointer("/ringHash/minimumRingSize").or_else(|| hash.get("minimumRingSize"));
            shown.insert("/lb_policy", "RING_HASH".into());
            let size = size.cloned().unwrap_or_else(|| json!(1024));
            shown.insert("/ring_hash_lb_config/minimum_ring_size", size);
        }
        return shown;
    }
    let policy = match balancer["simple"].as_str() {
        Some("ROUND_ROBIN") => "ROUND_ROBIN",
        Some("RANDOM") => "RANDOM",
        Some("PASSTHROUGH") => "CLUSTER_PROVIDED",
        _ => "LEAST_REQUEST",
    };
    shown.insert("/lb_policy", policy.into());
    let warmup = &balancer["warmup"];
    let [window, least, aggression] = match policy {
        "LEAST_REQUEST" => [
            "/least_request_lb_config/slow_start_config/slow_start_window",
            "/least_request_lb_config/slow_start_config/min_weight_percent/value",
            "/least_request_lb_config/slow_start_config/aggression/default_value",
        ],
        "ROUND_ROBIN" => [
            "/round_robin_lb_config/slow_start_config/slow_start_window",
            "/round_robin_lb_config/slow_start_config/min_weight_percent/value",
            "/round_robin_lb_config/slow_start_config/aggression/default_value",
        ],
        _ => return shown,
    };
    if let Some(time) = warmup["duration"].as_str().and_then(Duration::read) {
        shown.insert(window, time.to_string().into());
        shown.insert(least, json!(warmup["minimumPercent"].as_f64().unwrap_or(10.0)));
        shown.insert(aggression, json!(warmup["aggression"].as_f64().unwrap_or(1.0)));
    }
    shown
}

fn of_routes(
    plan: &mut Plan<'_>,
    (service, at): (&Service, &Ref),
    (now, was): (&DestinationRule, &DestinationRule),
) {
    if service.virtual_services.is_empty() {
        // Where a route of the Gateway API takes the calls, they have none of their own.
        let taken = roles::gateway_api::holding(plan.mesh(), service, &service.namespace);
        let own = |port: &&Port| !taken.iter().any(|(_, number)| *number == port.number);
        for port in service.ports.iter().filter(|port| port.protocol.is_http()).filter(own) {
            let of = |rule| balancer(rule, None, port.number).and_then(hash_policy).into_iter().collect();
            tell(plan, direct(at, &service.host).port(port.number), (of(now), of(was)));
        }
    }
    for (from, view) in plan.mesh().virtual_services() {
        let leading = view.http.iter().enumerate().filter(|(_, http)| leads_to(http, from, service));
        let mesh = plan.mesh();
        for (index, http) in leading.filter(|_| acts(mesh, from)) {
            let hashes = |rule: &DestinationRule| -> Vec<Value> {
                let of = |to: &Destination| of_destination(plan, (from, to), (service, rule));
                http.route.iter().filter_map(|row| of(&row.destination)).collect()
            };
            let both = (hashes(now), hashes(was));
            tell(plan, route(from, index), both);
        }
    }
}

fn tell(plan: &mut Plan<'_>, place: Claim, (now, was): (Vec<Value>, Vec<Value>)) {
    let place = place.at("/route/hash_policy");
    let claim = |hashes: &[Value]| {
        if hashes.is_empty() { place.clone().absent() } else { place.clone().is(hashes.to_vec()) }
    };
    if now != was {
        plan.claims(vec![claim(&now)], vec![claim(&was)]);
    }
}

/// Whether proxies hold its routes: others may rule in its place.
fn acts(mesh: &Mesh, at: &Ref) -> bool {
    let deeds = roles::of_object(mesh, at);
    deeds.is_empty() || deeds.iter().flat_map(|(_, deeds)| deeds).any(roles::Deed::acts)
}

fn leads_to(http: &HttpRoute, from: &Ref, service: &Service) -> bool {
    http.route.iter().any(|row| fqdn(&row.destination.host, &from.namespace) == service.host)
}

/// What a destination of a rule is hashed by; the service in question has this DestinationRule.
fn of_destination(
    plan: &Plan<'_>,
    (from, to): (&Ref, &Destination),
    (service, rule): (&Service, &DestinationRule),
) -> Option<Value> {
    let (mesh, host) = (plan.mesh(), fqdn(&to.host, &from.namespace));
    let called = mesh.services().find(|service| service.host == host)?;
    let only = called.ports.first().map(|port| port.number);
    let port = to.port.as_ref().map(|port| port.number).or(only)?;
    let own =
        if called.host == service.host { rule } else { mesh.destination_rule(own_rule(mesh, called)?)? };
    hash_policy(balancer(own, to.subset.as_deref(), port)?)
}

/// The load balancer that holds for a cluster.
fn balancer<'a>(rule: &'a DestinationRule, subset: Option<&str>, port: u32) -> Option<&'a Value> {
    let subset = rule.subsets.iter().find(|one| subset == Some(&*one.name));
    Settings::of(rule.traffic_policy.as_ref(), subset, u16::try_from(port).ok()?).load_balancer
}
