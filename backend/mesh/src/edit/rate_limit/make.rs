//! Making limits, and taking them away, as EnvoyFilters in the form of Istio's own samples.

use super::super::mtls::selector;
use super::{By, Calls, GLOBAL, LOCAL, LimitOf, MANAGER, there};
use crate::plan::{Part, Plan};
use crate::{Ref, Workload};
use istio::cluster_name::Outbound;
use istio::kinds;
use istio::views::envoy_filter::EnvoyFilter;
use serde_json::{Map, Value, json};

const LOCAL_TYPE: &str =
    "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
/// Who is asked, in the configuration of the filter that asks.
const CLUSTER: &str = "/rate_limit_service/grpc_service/envoy_grpc/cluster_name";
const GLOBAL_TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit";

/// Makes a limit with this configuration of Envoy's; of one that a service counts, with what it is told of each
/// call in `rate_limits`.
pub fn create(plan: &mut Plan<'_>, at: &LimitOf, mut config: Value) -> Option<()> {
    let mesh = plan.mesh();
    let workload = at.workload(mesh)?;
    let filter = |value: Value| {
        let before = json!({ "name": MANAGER, "subFilter": { "name": "envoy.filters.http.router" } });
        json!({ "applyTo": "HTTP_FILTER",
            "match": { "context": context(workload), "listener": { "filterChain": { "filter": before } } },
            "patch": { "operation": "INSERT_BEFORE", "value": value } })
    };
    let local = |typed: Value| filter(json!({ "name": LOCAL, "typed_config": typed }));
    match (at.by, &at.patch) {
        // A filter that counted nothing by itself.
        (By::Proxy, Some((object, _))) => {
            let place = at.place(mesh)?;
            let mut object = plan.object(object);
            let mut part = object.within(&place);
            for (name, value) in enforced(config).as_object().into_iter().flatten() {
                // What type it is stands there already, or beside it.
                if name != "@type" {
                    put(&mut part, name, value);
                }
            }
            return Some(());
        }
        (By::Proxy, None) => {
            let counts = there(mesh, workload)
                .iter()
                .any(|one| one.by == By::Proxy && !one.out && !one.is_of_routes(mesh));
            let typed = enforced(config);
            let own = json!({ "typed_per_filter_config": { LOCAL: typed } });
            let own = match &at.calls {
                Calls::All => None,
                Calls::Port(port) => {
                    let mut patch = of_routes(workload, ("", None), &own);
                    patch["match"]["routeConfiguration"]["portNumber"] = (*port).into();
                    Some(patch)
                }
                Calls::Host(name, route) => Some(of_routes(workload, (name, route.as_deref()), &own)),
            };
            let patches = match own {
                None => vec![local(typed)],
                Some(own) => {
                    // Envoy counts by such a limit only where the filter stands.
                    let plain = json!({ "@type": LOCAL_TYPE, "stat_prefix": "http_local_rate_limiter" });
                    let plain = (!counts).then(|| local(plain));
                    plain.into_iter().chain([own]).collect()
                }
            };
            let of = match &at.calls {
                Calls::All => String::new(),
                part => format!("-{}", named(&part.to_string())),
            };
            object(plan, workload, &format!("{}-rate-limit{of}", workload.name), &patches)?;
        }
        (By::Service, _) => {
            let told = config.as_object_mut()?.shift_remove("rate_limits");
            let mut typed = json!({ "@type": GLOBAL_TYPE });
            merge(typed.as_object_mut()?, config.as_object()?);
            typed["rate_limit_service"]["transport_api_version"] = "V3".into();
            // Servers refuse the cluster's own name as that of a host.
            if let Some(host) = typed.pointer(CLUSTER).and_then(Value::as_str).and_then(host) {
                typed["rate_limit_service"]["grpc_service"]["envoy_grpc"]["authority"] = host.into();
            }
            let told = told.map(|told| of_routes(workload, ("", None), &json!({ "rate_limits": told })));
            let counted = filter(json!({ "name": GLOBAL, "typed_config": typed }));
            let patches: Vec<Value> = [counted].into_iter().chain(told).collect();
            object(plan, workload, &format!("{}-global-rate-limit", workload.name), &patches)?;
        }
        (By::Told, _) => {
            let patch = of_routes(workload, ("", None), &config);
            let of_service = there(mesh, workload).into_iter().find(|one| one.by == By::Service && !one.out);
            let (object, _) = of_service?.patch?;
            plan.object(&object).push("spec/configPatches", patch);
        }
    }
    Some(())
}

fn host(cluster: &str) -> Option<String> {
    Outbound::read(cluster).map(|outbound| outbound.host.to_owned())
}

/// Another service is asked for by its own name, where the one before was; `part` is the filter's configuration,
/// which names it already.
pub fn asks_by_name(part: &mut Part<'_>, was: &str) {
    let authority =
        format!("{}/authority", CLUSTER.trim_start_matches('/').trim_end_matches("/cluster_name"));
    let now = part.get(CLUSTER.trim_start_matches('/')).and_then(Value::as_str).and_then(host);
    let said = part.get(&authority).and_then(Value::as_str);
    if said.is_none_or(|said| Some(said) == host(was).as_deref())
        && let Some(now) = now
    {
        part.set(&authority, now.as_str());
    }
}

fn context(workload: &Workload) -> &'static str {
    if workload.gateway { "GATEWAY" } else { "SIDECAR_INBOUND" }
}

/// A patch of a virtual host ("" is any), or of one of its routes.
fn of_routes(workload: &Workload, (host, route): (&str, Option<&str>), value: &Value) -> Value {
    let (apply_to, route) = match route {
        Some(name) => ("HTTP_ROUTE", json!({ "name": name })),
        None => ("VIRTUAL_HOST", json!({ "action": "ANY" })),
    };
    json!({ "applyTo": apply_to,
        "match": { "context": context(workload),
            "routeConfiguration": { "vhost": { "name": host, "route": route } } },
        "patch": { "operation": "MERGE", "value": value } })
}

/// A local limit that is in force.
fn enforced(config: Value) -> Value {
    let mut typed = json!({
        "@type": LOCAL_TYPE,
        "stat_prefix": "http_local_rate_limiter",
        "filter_enabled": { "default_value": { "numerator": 100, "denominator": "HUNDRED" } },
        "filter_enforced": { "default_value": { "denominator": "HUNDRED" } },
    });
    if let (Some(typed), Value::Object(config)) = (typed.as_object_mut(), config) {
        merge(typed, &config);
    }
    typed
}

fn object(plan: &mut Plan<'_>, workload: &Workload, name: &str, patches: &[Value]) -> Option<Ref> {
    let labels = selector(plan.mesh(), workload);
    let spec = json!({ "workloadSelector": { "labels": labels }, "configPatches": patches });
    plan.create(&kinds::ENVOY_FILTER, &workload.namespace, [name, &format!("{name}-2")], spec)
}

/// As names of objects may be: "route-x-of-shop-example-80".
fn named(words: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { ' ' };
    let words: String = words.chars().map(plain).collect();
    words.split_whitespace().collect::<Vec<_>>().join("-")
}

/// Puts a value into what is there; fields of it that are not named stay.
fn put(part: &mut Part<'_>, path: &str, value: &Value) {
    match value.as_object().filter(|_| part.get(path).is_some_and(Value::is_object)) {
        Some(fields) => fields.iter().for_each(|(name, value)| put(part, &format!("{path}/{name}"), value)),
        None => drop(part.set(path, value.clone())),
    }
}

fn merge(into: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, value) in more {
        match (into.get_mut(key).and_then(Value::as_object_mut), value.as_object()) {
            (Some(there), Some(more)) => merge(there, more),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

/// Takes a limit away, and its EnvoyFilter with it where that has nothing else.
pub fn remove(plan: &mut Plan<'_>, at: &LimitOf) {
    let mesh = plan.mesh();
    let Some((object, index)) = &at.patch else { return };
    let view: EnvoyFilter = plan.before(object).unwrap_or_default();
    let workload = at.workload(mesh);
    let limits = workload.map(|workload| there(mesh, workload)).unwrap_or_default();
    let of_routes = |one: &&LimitOf| one.by == By::Proxy && one.is_of_routes(mesh);
    if at.by == By::Proxy && !at.is_of_routes(mesh) && limits.iter().any(|one| of_routes(&one)) {
        // Limits of hosts and routes stand on this filter: it stays, and counts nothing by itself.
        let Some(place) = at.place(mesh) else { return };
        let mut object = plan.object(object);
        let mut part = object.within(&place);
        for name in ["token_bucket", "filter_enabled", "filter_enforced", "descriptors", "rate_limits"] {
            if part.get(name).is_some() {
                part.remove(name);
            }
        }
        return;
    }
    // What would be left of the object: filters that no limit stands on any more, what nobody is told.
    let idle = |place: usize| {
        let own = limits.iter().find(|one| one.patch.as_ref() == Some(&(object.clone(), place)));
        place == *index
            || own.is_some_and(|own| match (at.by, own.by) {
                (By::Service, By::Told) => true,
                (By::Proxy, By::Proxy) => {
                    let counts = own.config(mesh).is_some_and(|config| config.get("token_bucket").is_some());
                    !own.is_of_routes(mesh) && !counts && limits.iter().filter(of_routes).count() == 1
                }
                _ => false,
            })
    };
    let value = view.config_patches.get(*index).and_then(|patch| patch.patch.value.as_ref());
    let shared = value.and_then(Value::as_object).filter(|_| at.is_of_routes(mesh) && !is_alone(value, at));
    if shared.is_some() {
        let Some(place) = at.place(mesh) else { return };
        let place = match at.by {
            By::Told => format!("{place}/rate_limits"),
            By::Proxy | By::Service => place.trim_end_matches("/value").to_owned(),
        };
        plan.object(object).remove(&place);
    } else if (0..view.config_patches.len()).all(idle) {
        plan.delete(object);
    } else {
        plan.object(object).saw("spec/configPatches").remove(&format!("spec/configPatches/{index}"));
    }
}

/// Whether a patch of routes says nothing else.
fn is_alone(value: Option<&Value>, at: &LimitOf) -> bool {
    let lone = |value: &Value| value.as_object().is_some_and(|fields| fields.len() == 1);
    value.is_some_and(|value| {
        let inner = ["typed_per_filter_config", "typedPerFilterConfig", "route"];
        let inner = inner.into_iter().find_map(|key| value.get(key));
        lone(value) && (inner.is_none_or(lone) || at.by == By::Service)
    })
}
