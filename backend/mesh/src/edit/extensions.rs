//! Extensions of proxies: WasmPlugins and EnvoyFilters, whoever wrote them: which are for a workload, in which
//! order, and what its proxies show of them.

use super::mtls::{Scope, selector};
use super::policy::Read;
use crate::evidence::{Claim, Want, filters};
use crate::plan::Plan;
use crate::{Kind, Mesh, Object, Ref, Workload};
use istio::attach::Attach;
use istio::views::envoy_filter::{ConfigPatch, EnvoyFilter};
use istio::views::{Selector, WasmPlugin};
use istio::{Selects, kinds};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// An extension, or the place of one that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExtensionAt {
    /// One that is there.
    Of(Ref),
    /// One of this kind for all workloads of a scope.
    New(&'static Kind, Scope),
}

impl ExtensionAt {
    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        match self {
            Self::Of(at) => at.kind,
            Self::New(kind, _) => kind,
        }
    }
}

/// Filters that proxies have anyway, which a patch may put there once more.
const USUAL: [&str; 6] = [
    "envoy.filters.http.router",
    "envoy.filters.http.fault",
    "envoy.filters.http.cors",
    "envoy.filters.http.grpc_stats",
    "envoy.filters.http.rbac",
    "envoy.filters.http.jwt_authn",
];

/// The phases of WasmPlugins, in the order in which requests see them; what says none comes last.
pub const PHASES: [&str; 3] = ["AUTHN", "AUTHZ", "STATS"];

/// The extensions for any of these workloads: WasmPlugins by phase, priority (the highest first) and age, then
/// EnvoyFilters as they are applied: those of the root namespace first, by priority (the lowest first) and age.
pub fn of(mesh: &Mesh, workloads: &[&Workload]) -> Vec<Ref> {
    let mut plugins: Vec<Read<WasmPlugin>> = super::policy::all(mesh, &kinds::WASM_PLUGIN);
    plugins.retain(|one| workloads.iter().any(|workload| one.holds(mesh, workload)));
    plugins.sort_by_key(|one| {
        let phase = PHASES.iter().position(|phase| one.spec.phase.as_deref() == Some(phase));
        (phase.unwrap_or(PHASES.len()), Reverse(one.spec.priority.unwrap_or(i64::MIN)))
    });
    let patches = patching(mesh);
    let patches = patches.iter().filter(|one| workloads.iter().any(|workload| is_for(mesh, one, workload)));
    plugins.iter().map(|one| one.at.clone()).chain(patches.map(|one| one.at.clone())).collect()
}

/// All EnvoyFilters in the order in which they are applied.
fn patching(mesh: &Mesh) -> Vec<Read<EnvoyFilter>> {
    let mut all: Vec<Read<EnvoyFilter>> = super::policy::all(mesh, &kinds::ENVOY_FILTER);
    all.sort_by_key(|one| (*one.at.namespace != *mesh.root_namespace(), one.spec.priority));
    all
}

fn is_for(mesh: &Mesh, filter: &Read<EnvoyFilter>, workload: &Workload) -> bool {
    patches(mesh, (&filter.at, &filter.spec), workload)
}

/// Whether an EnvoyFilter is for a workload.
pub fn patches(mesh: &Mesh, (at, filter): (&Ref, &EnvoyFilter), workload: &Workload) -> bool {
    let labels = filter.workload_selector.as_ref().map(|selector| &selector.labels);
    (*at.namespace == *mesh.root_namespace() || at.namespace == workload.namespace)
        && labels.is_none_or(|labels| Selects::narrowing(Some(labels)).takes(&workload.labels))
}

/// The workloads that an extension is for.
pub fn workloads<'a>(mesh: &'a Mesh, at: &Ref) -> Vec<&'a Workload> {
    let Some(object) = mesh.objects().get(at) else { return Vec::new() };
    reached(mesh, at, object)
}

fn reached<'a>(mesh: &'a Mesh, at: &Ref, object: &Object) -> Vec<&'a Workload> {
    if at.kind == &kinds::WASM_PLUGIN {
        let read = Read::<WasmPlugin>::of(at, object);
        return read.map(|read| read.workloads(mesh)).unwrap_or_default();
    }
    let Some(read) = Read::<EnvoyFilter>::of(at, object) else { return Vec::new() };
    mesh.workloads().filter(|workload| is_for(mesh, &read, workload)).collect()
}

/// For whom an extension is, in words.
pub fn for_whom(mesh: &Mesh, at: &Ref) -> String {
    let Some(object) = mesh.objects().get(at) else { return String::new() };
    let root = mesh.root_namespace();
    if let Some(read) = Read::<WasmPlugin>::of(at, object).filter(|_| at.kind == &kinds::WASM_PLUGIN) {
        return super::policy::for_whom(&read.attached(), root);
    }
    let read = Read::<EnvoyFilter>::of(at, object);
    let labels = read.and_then(|read| read.spec.workload_selector).map(|selector| selector.labels);
    let selector = Selector { match_labels: labels.unwrap_or_default() };
    let plugin = WasmPlugin { selector: Some(selector), ..WasmPlugin::default() };
    super::policy::for_whom(&plugin.attached(&at.namespace), root)
}

/// Makes an extension for all workloads of a scope.
pub fn create(plan: &mut Plan<'_>, kind: &'static Kind, scope: &Scope, mut spec: Value) -> Option<Ref> {
    let mesh = plan.mesh();
    let word = if kind == &kinds::WASM_PLUGIN { "plugin" } else { "filter" };
    let (namespace, name) = match scope {
        Scope::Mesh => (mesh.root_namespace(), format!("mesh-{word}")),
        Scope::Namespace(namespace) => (namespace.as_str(), format!("{namespace}-{word}")),
        Scope::Workload(namespace, name) => {
            let labels = selector(mesh, mesh.workload(namespace, name)?);
            if kind == &kinds::WASM_PLUGIN {
                spec["selector"] = json!({ "matchLabels": labels });
            } else {
                spec["workloadSelector"] = json!({ "labels": labels });
            }
            (namespace.as_str(), format!("{name}-{word}"))
        }
    };
    plan.create(kind, namespace, [&name, &format!("{name}-2")], spec)
}

/// What proxies show of an extension, as it will be and as it was.
pub fn claims(plan: &mut Plan<'_>, at: &Ref) {
    if at.kind == &kinds::WASM_PLUGIN { of_plugin(plan, at) } else { of_patches(plan, at) }
}

/// On which sides of calls a plugin stands at a workload: incoming, outgoing.
fn sides(plugin: &WasmPlugin, workload: &Workload) -> BTreeSet<bool> {
    if workload.gateway {
        return BTreeSet::from([true]);
    }
    let modes = plugin.r#match.iter().map(|one| one.mode.as_deref().unwrap_or("CLIENT_AND_SERVER"));
    let modes: Vec<&str> = if plugin.r#match.is_empty() { vec!["SERVER"] } else { modes.collect() };
    let sides = modes.into_iter().flat_map(|mode| match mode {
        "CLIENT" => vec![true],
        "SERVER" => vec![false],
        _ => vec![true, false],
    });
    sides.collect()
}

/// What istiod calls the filter of a plugin: up to 1.25 (spelt so), up to 1.29, and since 1.30.
fn shown_as(name: &str) -> [String; 4] {
    [
        name.to_owned(),
        format!("extenstions.istio.io/wasmplugin/{name}"),
        format!("extensions.istio.io/wasmplugin/{name}"),
        format!("extensions.istio.io/trafficextension/{name}~istio-translated-wasmplugin"),
    ]
}

/// A plugin is a filter of its own name.
fn of_plugin(plan: &mut Plan<'_>, at: &Ref) {
    let mesh = plan.mesh();
    let side = |object: Option<&Object>| -> BTreeSet<(bool, String)> {
        let Some(read) = object.and_then(|object| Read::<WasmPlugin>::of(at, object)) else {
            return BTreeSet::new();
        };
        let all = read.workloads(mesh).into_iter();
        let each = all.flat_map(|workload| {
            let sides = sides(&read.spec, workload).into_iter();
            sides.flat_map(|out| workload.proxies().map(move |proxy| (out, proxy))).collect::<Vec<_>>()
        });
        each.collect()
    };
    let after = plan.object_after(at);
    let (now, was) = (side(after.as_ref()), side(mesh.objects().get(at)));
    let names = shown_as(&format!("{}.{}", at.namespace, at.name));
    for out in [false, true] {
        let only = |one: &BTreeSet<(bool, String)>, other: &BTreeSet<(bool, String)>| -> Vec<String> {
            one.difference(other).filter(|(of, _)| *of == out).map(|(_, proxy)| proxy.clone()).collect()
        };
        for (proxies, comes) in [(only(&now, &was), true), (only(&was, &now), false)] {
            if proxies.is_empty() {
                continue;
            }
            let place = filters(proxies, &names.each_ref().map(String::as_str));
            let place = if out { place.outgoing() } else { place };
            let claim =
                |there: bool| vec![place.clone().wants(if there { Want::Present } else { Want::Absent })];
            plan.claims(claim(comes), claim(!comes));
        }
    }
}

/// What becomes of a filter of requests.
#[derive(Clone, Debug, PartialEq)]
enum Does<'a> {
    Puts(&'a Value),
    Merges(&'a Value),
    Removes,
}

/// What becomes of filters of requests, by their names.
type Done<'a> = BTreeMap<&'a str, Does<'a>>;

/// Proxies to whom the same happens: on which side, what was done and what will be, and what others do there.
type Group<'a> = (bool, Done<'a>, Done<'a>, BTreeSet<&'a str>, Vec<String>);

/// What patches do to filters of requests on one side of a workload's proxies, by the filters' names. Those
/// that are only for some ports or listeners are left out: not all of a proxy shows them.
fn done<'a>(filter: Option<&'a EnvoyFilter>, workload: &Workload, out: bool) -> Done<'a> {
    let side = match (workload.gateway, out) {
        (true, _) => "GATEWAY",
        (false, true) => "SIDECAR_OUTBOUND",
        (false, false) => "SIDECAR_INBOUND",
    };
    let meant = |patch: &&ConfigPatch| {
        let context = patch.r#match.context.as_deref().unwrap_or("ANY");
        let narrow = patch.r#match.listener.as_ref().is_some_and(|listener| {
            let chain = listener.filter_chain.as_ref();
            listener.name.is_some()
                || listener.port_number.is_some()
                || chain.is_some_and(|chain| {
                    chain.name.is_some() || chain.sni.is_some() || chain.destination_port.is_some()
                })
        });
        patch.apply_to == "HTTP_FILTER" && (context == "ANY" || context == side) && !narrow
    };
    let does = |patch: &'a ConfigPatch| {
        let chain = patch.r#match.listener.as_ref()?.filter_chain.as_ref();
        let below = chain.and_then(|chain| chain.filter.as_ref()?.sub_filter.as_ref()?.name.as_deref());
        let config = || {
            let value = patch.patch.value.as_ref()?;
            value.get("typed_config").or_else(|| value.get("typedConfig"))
        };
        match patch.patch.operation.as_str() {
            "REMOVE" => Some((below?, Does::Removes)),
            "MERGE" => Some((below?, Does::Merges(config()?))),
            _ => Some((patch.patch.value.as_ref()?["name"].as_str()?, Does::Puts(config()?))),
        }
    };
    let patches = filter.map(|filter| filter.config_patches.iter()).into_iter().flatten();
    patches
        .filter(meant)
        .filter_map(does)
        .filter(|(name, does)| !matches!(does, Does::Puts(_)) || !USUAL.contains(name))
        .collect()
}

fn of_patches(plan: &mut Plan<'_>, at: &Ref) {
    fn own<'r>(
        mesh: &Mesh,
        one: &'r Option<Read<EnvoyFilter>>,
        workload: &Workload,
    ) -> Option<&'r EnvoyFilter> {
        one.as_ref().filter(|one| is_for(mesh, one, workload)).map(|one| &one.spec)
    }
    let mesh = plan.mesh();
    let read = |object: Option<&Object>| object.and_then(|object| Read::<EnvoyFilter>::of(at, object));
    let (was, now) = (read(mesh.objects().get(at)), read(plan.object_after(at).as_ref()));
    let others: Vec<Read<EnvoyFilter>> = patching(mesh).into_iter().filter(|one| one.at != *at).collect();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for workload in mesh.workloads().filter(|one| one.proxies().next().is_some()) {
        for out in if workload.gateway { &[true][..] } else { &[false, true] } {
            let (before, then) = (
                done(own(mesh, &was, workload), workload, *out),
                done(own(mesh, &now, workload), workload, *out),
            );
            if before == then {
                continue;
            }
            // What others put there, too, does not tell.
            let others = others.iter().filter(|one| is_for(mesh, one, workload));
            let others: BTreeSet<&str> =
                others.flat_map(|one| done(Some(&one.spec), workload, *out).into_keys()).collect();
            let same = groups.iter_mut().find(|(side, one, other, more, _)| {
                side == out && *one == before && *other == then && *more == others
            });
            match same {
                Some((.., proxies)) => proxies.extend(workload.proxies()),
                None => groups.push((*out, before, then, others, workload.proxies().collect())),
            }
        }
    }
    for (out, before, then, others, proxies) in &groups {
        let names: BTreeSet<&str> = before.keys().chain(then.keys()).copied().collect();
        for name in names.into_iter().filter(|name| !others.contains(name)) {
            let place = filters(proxies.iter().cloned(), &[name]);
            let place = if *out { place.outgoing() } else { place };
            one(plan, &place, then.get(name), before.get(name));
        }
    }
}

fn one(plan: &mut Plan<'_>, place: &Claim, now: Option<&Does<'_>>, was: Option<&Does<'_>>) {
    let at = |path: &str| place.clone().at(path);
    let there = |yes: bool| place.clone().wants(if yes { Want::Present } else { Want::Absent });
    match (now, was) {
        (Some(Does::Puts(now)), Some(Does::Puts(was)))
        | (Some(Does::Merges(now)), Some(Does::Merges(was))) => {
            let (now, was) = (leaves(now), leaves(was));
            let paths: BTreeSet<&String> = now.keys().chain(was.keys()).collect();
            for path in paths {
                plan.shows(&at(path), now.get(path).cloned(), was.get(path).cloned());
            }
        }
        (Some(Does::Merges(value)), None) => {
            for (path, value) in leaves(value) {
                plan.shows(&at(&path), value, Value::Null);
            }
        }
        (None, Some(Does::Merges(value))) => {
            for (path, value) in leaves(value) {
                plan.shows(&at(&path), Value::Null, value);
            }
        }
        (now, was) => {
            // What is merged into is there, whoever put it there.
            let shown = |does: Option<&Does<'_>>, other: Option<&Does<'_>>| match (does, other) {
                (Some(Does::Puts(_)), _) | (None, Some(Does::Removes)) => Some(true),
                (Some(Does::Removes), _) | (None, Some(Does::Puts(_))) => Some(false),
                _ => None,
            };
            let claim = |shown: Option<bool>| shown.map(there).into_iter().collect::<Vec<_>>();
            let (then, before) = (shown(now, was), shown(was, now));
            if then != before {
                plan.claims(claim(then), claim(before));
            }
        }
    }
}

/// The single values of Envoy's configuration by their places, as far as a proxy shows them as they are
/// written: names of an enum's first value and zeros are left out there.
fn leaves(config: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let apart = config["@type"].as_str().is_some_and(|kind| kind.ends_with("TypedStruct"));
    collect(if apart { &config["value"] } else { config }, "", &mut found);
    found
}

fn collect(value: &Value, at: &str, into: &mut BTreeMap<String, Value>) {
    let is_word = |text: &str| {
        text.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_' || letter.is_ascii_digit())
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields.iter().filter(|(key, _)| !key.starts_with('@')) {
                collect(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), into);
            }
        }
        Value::Array(rows) => {
            for (index, row) in rows.iter().enumerate() {
                collect(row, &format!("{at}/{index}"), into);
            }
        }
        Value::String(text) if text.is_empty() || is_word(text) => {}
        Value::Number(number) if number.as_f64() == Some(0.0) => {}
        Value::Bool(false) | Value::Null => {}
        value => drop(into.insert(at.to_owned(), value.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    fn mesh(all: &[(&'static Kind, &str, &str, &str, Value)]) -> Mesh {
        let mut objects = demo::bookinfo_objects();
        for (kind, namespace, name, created, spec) in all {
            let meta = json!({ "namespace": namespace, "name": name, "creationTimestamp": created });
            let object = json!({ "apiVersion": "x/v1", "kind": kind.kind, "metadata": meta, "spec": spec });
            objects.insert(Ref::new(kind, namespace, name), object.into());
        }
        Mesh::read(objects, None)
    }

    #[test]
    fn plugins_come_by_phase_priority_and_age_and_patches_after_them() {
        let (wasm, filter): (&'static Kind, &'static Kind) = (&kinds::WASM_PLUGIN, &kinds::ENVOY_FILTER);
        let phase = |phase: &str, priority: Option<i64>| json!({ "phase": phase, "priority": priority });
        let other = json!({ "workloadSelector": { "labels": { "app": "ratings" } } });
        let mesh = mesh(&[
            (wasm, "bookinfo", "last", "1", json!({})),
            (wasm, "bookinfo", "stats", "1", phase("STATS", Some(9))),
            (wasm, "bookinfo", "young", "3", phase("AUTHN", Some(5))),
            (wasm, "bookinfo", "old", "2", phase("AUTHN", Some(5))),
            (wasm, "istio-system", "first", "4", phase("AUTHN", Some(50))),
            (wasm, "bookinfo", "unsaid", "1", phase("AUTHN", None)),
            (filter, "bookinfo", "low", "2", json!({ "priority": -5 })),
            (filter, "bookinfo", "plain", "1", json!({})),
            (filter, "istio-system", "root", "9", json!({ "priority": 7 })),
            (filter, "bookinfo", "others", "1", other),
        ]);
        let reviews = mesh.workload("bookinfo", "reviews-v1").unwrap();
        let order: Vec<String> = of(&mesh, &[reviews]).iter().map(|at| at.name.to_string()).collect();
        let plugins = ["first", "old", "young", "unsaid", "stats", "last"];
        assert_eq!(order, [&plugins[..], &["root", "low", "plain"]].concat());
        let at = Ref::new(filter, "bookinfo", "others");
        assert_eq!(for_whom(&mesh, &at), "app = ratings in bookinfo");
        assert_eq!(for_whom(&mesh, &Ref::new(wasm, "istio-system", "first")), "the whole mesh");
    }

    #[test]
    fn what_a_proxy_shows_of_a_configuration() {
        let config = json!({ "@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": "x",
            "value": { "token_bucket": { "max_tokens": 3, "fill_interval": "1s" }, "off": false, "none": 0,
                "denominator": "HUNDRED", "rows": [{ "a/b": "c" }] } });
        let found = leaves(&config);
        let paths: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(paths, ["/rows/0/a~1b", "/token_bucket/fill_interval", "/token_bucket/max_tokens"]);
    }
}
