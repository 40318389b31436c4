//! EnvoyFilter: changes that users make to the configuration of proxies, above all rate limits and Lua.
//!
//! Patches are made on finished resources, in istiod's order: those of the root namespace first, then those
//! of the workload's own, each by priority, age and name. Each is checked by itself. One that cannot be
//! encoded is left out alone, and one that the proxy refuses is taken out again ([`state`]); both are said,
//! and so is one that nothing matches.
//!
//! Differences from istiod. `virtualInbound` means all listeners `virtualInbound-<port>`, and `portNumber` of
//! an inbound listener is the workload's port. ADD of a network or HTTP filter puts it before the last one,
//! which has to stay last; istiod puts it behind, and Envoy refuses that.

mod listeners;
mod lists;
mod routes;
pub(crate) mod state;

use super::target::Target;
use crate::identity::{ISTIO_VERSION, ROOT_NAMESPACE};
use crate::registry::{Config, title};
use crate::xds::{ResourceType, Resources};
use istio::Selects;
use istio::views::envoy_filter::{ClusterMatch, ConfigPatch, EnvoyFilter};
use lists::{Change, Edit, name};
use serde_json::Value;
use state::{Failure, Outcome, PatchId, State};
use std::collections::BTreeSet;
use wire::patch::patchable;

/// Which side of a proxy a resource belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    Inbound,
    Outbound,
    Gateway,
}

impl Context {
    /// Whether a patch's `context` covers it.
    fn within(self, wanted: &str) -> bool {
        match wanted {
            "SIDECAR_INBOUND" => self == Self::Inbound,
            "SIDECAR_OUTBOUND" => self == Self::Outbound,
            "GATEWAY" => self == Self::Gateway,
            _ => true,
        }
    }

    fn of(target: &Target<'_>, inbound: bool) -> Self {
        match (target.is_gateway(), inbound) {
            (true, _) => Self::Gateway,
            (_, true) => Self::Inbound,
            _ => Self::Outbound,
        }
    }
}

/// Changes the resources of one proxy by all patches that are meant for it, and keeps in mind what came of
/// each.
pub(crate) fn apply(target: &Target<'_>, resources: &mut Resources, state: &mut State) {
    let mut outcomes = std::collections::BTreeMap::new();
    for config in meant(target) {
        for (index, patch) in config.spec.config_patches.iter().enumerate() {
            if !for_proxy(target, patch) {
                continue;
            }
            let id = PatchId::new(title(&config.object), index, patch);
            let outcome = match state.refusal(&id) {
                Some(words) => Outcome::Failed(Failure::Refused(words.clone())),
                None => carry_out(target, resources, patch).unwrap_or_else(Outcome::Failed),
            };
            outcomes.insert(id, outcome);
        }
    }
    state.renew(outcomes);
}

/// The EnvoyFilters for this workload, in order.
fn meant<'a>(target: &Target<'a>) -> Vec<&'a Config<EnvoyFilter>> {
    let own = &target.workload.namespace;
    let chosen = |config: &&Config<EnvoyFilter>| {
        let labels = config.spec.workload_selector.as_ref().map(|selector| &selector.labels);
        (config.namespace == ROOT_NAMESPACE || config.namespace == *own)
            && labels.is_none_or(|labels| Selects::narrowing(Some(labels)).takes(&target.workload.labels))
    };
    let mut filters: Vec<_> = target.registry.envoy_filters.iter().filter(chosen).collect();
    // A stable sort: the registry has them oldest first.
    filters.sort_by_key(|config| (config.namespace != ROOT_NAMESPACE, config.spec.priority));
    filters
}

/// Whether the kind and the version of the proxy fit.
fn for_proxy(target: &Target<'_>, patch: &ConfigPatch) -> bool {
    let context = patch.r#match.context.as_deref().unwrap_or("ANY");
    let sides =
        if target.is_gateway() { &[Context::Gateway][..] } else { &[Context::Inbound, Context::Outbound] };
    let version = patch.r#match.proxy.as_ref().and_then(|proxy| proxy.proxy_version.as_deref());
    let fits =
        |pattern: &str| regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(ISTIO_VERSION));
    sides.iter().any(|side| side.within(context)) && version.is_none_or(fits)
}

/// Makes one change wherever it is meant, or nowhere when something stands against it.
fn carry_out(
    target: &Target<'_>,
    resources: &mut Resources,
    patch: &ConfigPatch,
) -> Result<Outcome, Failure> {
    let row = patchable(&patch.apply_to, &patch.patch.operation)?;
    if patch.r#match.proxy.as_ref().is_some_and(|proxy| !proxy.metadata.is_empty()) {
        return Err(Failure::ProxyMetadata);
    }
    let value = match &patch.patch.value {
        Some(value) => {
            let read = wire::patch::canonical(row.message, value);
            Some(read.map_err(|error| Failure::Unreadable { message: row.message, error })?)
        }
        None if patch.patch.operation == "REMOVE" => None,
        None => return Err(Failure::NoValue(patch.patch.operation.clone())),
    };
    let change = Change { patch, value: value.as_ref(), message: row.message };
    let wanted = patch.r#match.context.as_deref().unwrap_or("ANY");
    let of_listener = |json: &Value| {
        let context = Context::of(target, json["traffic_direction"] == "INBOUND");
        if context.within(wanted) { listeners::edit(&change, json) } else { Edit::Keep }
    };
    let of_route = |json: &Value| {
        // Inbound routes stand in their listeners.
        let context = Context::of(target, false);
        if context.within(wanted) { routes::edit(&change, json) } else { Edit::Keep }
    };
    let of_cluster = |json: &Value| {
        let context = Context::of(target, name(json).starts_with("inbound|"));
        if context.within(wanted) { cluster(&change, json) } else { Edit::Keep }
    };
    let mut touched = BTreeSet::new();
    let added = change.added(patch.apply_to.as_str())?;
    match patch.apply_to.as_str() {
        "CLUSTER" => all(&mut resources.clusters, ResourceType::Cluster, of_cluster, added, &mut touched)?,
        "ROUTE_CONFIGURATION" | "VIRTUAL_HOST" | "HTTP_ROUTE" => {
            let mut routes = resources.routes.clone();
            all(&mut routes, ResourceType::Route, of_route, None, &mut touched)?;
            all(&mut resources.listeners, ResourceType::Listener, of_listener, None, &mut touched)?;
            resources.routes = routes;
        }
        _ => all(&mut resources.listeners, ResourceType::Listener, of_listener, added, &mut touched)?,
    }
    Ok(if touched.is_empty() { Outcome::Nothing } else { Outcome::Applied(touched) })
}

type Touched = BTreeSet<(ResourceType, String)>;

/// Edits all resources of one kind, and adds one; when one of them could not be encoded afterwards, all stay
/// as they were.
fn all(
    resources: &mut Vec<Value>,
    kind: ResourceType,
    edit: impl Fn(&Value) -> Edit,
    added: Option<Value>,
    touched: &mut Touched,
) -> Result<(), Failure> {
    let mut changed = Vec::with_capacity(resources.len());
    let mut hit = BTreeSet::new();
    for json in resources.iter() {
        match edit(json) {
            Edit::Keep => changed.push(json.clone()),
            Edit::Remove => drop(hit.insert((kind, name(json).to_owned()))),
            Edit::Change(new) => {
                wire::any(&new).map_err(|error| Failure::Spoils { name: name(json).to_owned(), error })?;
                hit.insert((kind, name(json).to_owned()));
                changed.push(new);
            }
        }
    }
    if let Some(mut new) = added {
        new["@type"] = kind.type_url().into();
        if changed.iter().any(|known| name(known) == name(&new)) {
            return Err(Failure::Exists { kind, name: name(&new).to_owned() });
        }
        wire::any(&new).map_err(|error| Failure::NotEncodable { name: name(&new).to_owned(), error })?;
        hit.insert((kind, name(&new).to_owned()));
        changed.push(new);
    }
    if !hit.is_empty() {
        *resources = changed;
        touched.extend(hit);
    }
    Ok(())
}

fn cluster(change: &Change<'_>, json: &Value) -> Edit {
    if change.patch.patch.operation == "ADD"
        || !change.patch.r#match.cluster.as_ref().is_none_or(|wanted| is(wanted, json))
    {
        return Edit::Keep;
    }
    change.whole(json)
}

/// Whether a cluster is meant; its name says which port, subset and host it is for, and an inbound one's
/// metadata the host.
fn is(wanted: &ClusterMatch, json: &Value) -> bool {
    let mut parts = name(json).split('|').skip(1);
    let (port, subset, host) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let services = json.pointer("/metadata/filter_metadata/istio/services").and_then(Value::as_array);
    let serves = |service: &str| {
        host == service
            || services.into_iter().flatten().any(|known| host.is_empty() && known["host"] == service)
    };
    let said = |wanted: &Option<String>| wanted.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    said(&wanted.name).is_none_or(|wanted| wanted == name(json))
        && said(&wanted.subset).is_none_or(|wanted| wanted == subset)
        && said(&wanted.service).is_none_or(|wanted| serves(&wanted))
        && wanted.port_number.is_none_or(|wanted| wanted == 0 || wanted.to_string() == port)
}
