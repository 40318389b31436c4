//! Rate limits that each proxy counts by itself: EnvoyFilters with Envoy's local rate limit in them, whoever
//! wrote them.

use super::mtls::selector;
use crate::evidence::{Claim, filters};
use crate::plan::Plan;
use crate::{Mesh, Ref, Workload};
use istio::views;
use istio::views::envoy_filter::EnvoyFilter;
use istio::{Selects, WorkloadId, kinds};
use serde_json::{Map, Value, json};

const FILTER: &str = "envoy.filters.http.local_ratelimit";
const TYPE: &str = "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";
const MANAGER: &str = "envoy.filters.network.http_connection_manager";
/// How Envoy's configuration is written where its type is told apart from it.
const APART: &str = "TypedStruct";

/// A limit of a workload: one that is there, or one that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitOf {
    /// Whose calls.
    pub workload: WorkloadId,
    /// The EnvoyFilter, and which of its patches.
    pub patch: Option<(Ref, usize)>,
}

/// All limits of a workload; one to be made where there is none.
pub fn limits(mesh: &Mesh, workload: &Workload) -> Vec<LimitOf> {
    let of = |patch| LimitOf {
        workload: WorkloadId::new(mesh.cluster(), workload.namespace.clone(), workload.name.clone()),
        patch,
    };
    let mut found = Vec::new();
    for (at, object) in mesh.objects().of_kind(&kinds::ENVOY_FILTER) {
        let Ok(view) = views::read::<EnvoyFilter>(object) else { continue };
        let near = *at.namespace == *workload.namespace || *at.namespace == *mesh.root_namespace();
        let labels = view.workload_selector.as_ref().map(|selector| &selector.labels);
        if !near || !labels.is_none_or(|labels| Selects::gathering(labels).takes(&workload.labels)) {
            continue;
        }
        let limits = view
            .config_patches
            .iter()
            .enumerate()
            .filter(|(_, patch)| patch.patch.value.as_ref().is_some_and(|value| value["name"] == FILTER));
        found.extend(limits.map(|(index, _)| of(Some((at.clone(), index)))));
    }
    if found.is_empty() {
        found.push(of(None));
    }
    found
}

impl LimitOf {
    /// Envoy's own configuration of the limit, as it stands in its object.
    pub fn config<'a>(&self, mesh: &'a Mesh) -> Option<&'a Value> {
        let (at, _) = self.patch.as_ref()?;
        mesh.objects().get(at)?.0.pointer(&format!("/{}", self.place(mesh)?))
    }

    /// Where it stands: "spec/configPatches/0/patch/value/typed_config".
    pub fn place(&self, mesh: &Mesh) -> Option<String> {
        let (at, index) = self.patch.as_ref()?;
        let value =
            mesh.objects().get(at)?.spec().get("configPatches")?.get(index)?.pointer("/patch/value")?;
        let key = if value.get("typedConfig").is_some() { "typedConfig" } else { "typed_config" };
        let apart = value[key]["@type"].as_str().is_some_and(|kind| kind.ends_with(APART));
        let below = if apart { "/value" } else { "" };
        Some(format!("spec/configPatches/{index}/patch/value/{key}{below}"))
    }

    /// How many workloads its EnvoyFilter is for, if it is not this one's alone.
    pub fn wider(&self, mesh: &Mesh) -> Option<usize> {
        let (at, _) = self.patch.as_ref()?;
        let view: EnvoyFilter = views::read(mesh.objects().get(at)?).ok()?;
        let labels = view.workload_selector.as_ref().map(|selector| &selector.labels);
        let everywhere = *at.namespace == *mesh.root_namespace();
        let takes = |workload: &&Workload| {
            (everywhere || workload.namespace == at.namespace)
                && labels.is_none_or(|labels| Selects::gathering(labels).takes(&workload.labels))
        };
        let count = mesh.workloads().filter(takes).count();
        (count > 1).then_some(count)
    }

    /// Its workload.
    pub fn workload<'a>(&self, mesh: &'a Mesh) -> Option<&'a Workload> {
        mesh.workload(&self.workload.namespace, &self.workload.name)
    }
}

/// Makes a limit with this configuration of Envoy's for all calls to a workload.
pub fn create(plan: &mut Plan<'_>, at: &LimitOf, config: Value) -> Option<Ref> {
    let mesh = plan.mesh();
    let workload = at.workload(mesh)?;
    let context = if workload.gateway { "GATEWAY" } else { "SIDECAR_INBOUND" };
    let mut typed = json!({
        "@type": TYPE,
        "stat_prefix": "http_local_rate_limiter",
        "filter_enabled": { "default_value": { "numerator": 100, "denominator": "HUNDRED" } },
        "filter_enforced": { "default_value": { "denominator": "HUNDRED" } },
    });
    for (key, value) in config.as_object().into_iter().flatten() {
        match (typed[key].as_object_mut(), value.as_object()) {
            (Some(there), Some(more)) => merge(there, more),
            _ => typed[key] = value.clone(),
        }
    }
    let patch = json!({
        "applyTo": "HTTP_FILTER",
        "match": { "context": context, "listener": { "filterChain": { "filter": { "name": MANAGER } } } },
        "patch": { "operation": "INSERT_BEFORE", "value": { "name": FILTER, "typed_config": typed } },
    });
    let labels = selector(mesh, workload);
    let spec = json!({ "workloadSelector": { "labels": labels }, "configPatches": [patch] });
    let name = format!("{}-rate-limit", workload.name);
    plan.create(&kinds::ENVOY_FILTER, &workload.namespace, [&name, &format!("{name}-2")], spec)
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
    let Some((object, index)) = &at.patch else { return };
    let view: EnvoyFilter = plan.before(object).unwrap_or_default();
    if view.config_patches.len() <= 1 {
        plan.delete(object);
    } else {
        plan.object(object).saw("spec/configPatches").remove(&format!("spec/configPatches/{index}"));
    }
}

/// What every proxy of the workload shows of a limit at a place of its configuration.
pub fn shown(mesh: &Mesh, at: &LimitOf) -> Option<Claim> {
    let workload = at.workload(mesh)?;
    Some(filters(workload.proxies(), &[FILTER]))
}

/// Where in a filter its configuration stands, as it is written in the object.
pub fn below(place: &str) -> &'static str {
    if place.ends_with("/value") { "/value" } else { "" }
}
