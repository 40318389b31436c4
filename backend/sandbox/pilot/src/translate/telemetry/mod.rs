//! Telemetry resources: which hold for a proxy, merged as istiod merges them, from the whole mesh over the namespace to the
//! workload.

pub(crate) mod cel;
pub(crate) mod metrics;
pub(crate) mod providers;
pub(crate) mod support;

use super::Target;
use super::observe::Side;
use crate::registry::{Config, ROOT_NAMESPACE, selects};
use istio::views::{AccessLogging, ModeMatch, ProviderRef, Telemetry};
use providers::Provider;
use serde_json::Value;
use std::collections::BTreeMap;

/// Those that hold for this proxy: of the mesh, of the namespace, and the first that selects the workload.
fn holding<'a>(target: &Target<'a>) -> Vec<&'a Telemetry> {
    let all = &target.registry.telemetries;
    let namespace = &target.workload.namespace;
    let wide = |namespace: &str| {
        let mut of_all = all.iter().filter(|config| config.namespace == namespace && is_wide(&config.spec));
        of_all.next().map(|config| &config.spec)
    };
    let own = if namespace == ROOT_NAMESPACE { None } else { wide(namespace) };
    let mut narrow = all.iter().filter(|config| config.namespace == *namespace && !is_wide(&config.spec));
    let narrow = narrow.find(|config| attaches(config, target)).map(|config| &config.spec);
    wide(ROOT_NAMESPACE).into_iter().chain(own).chain(narrow).collect()
}

fn targets(spec: &Telemetry) -> impl Iterator<Item = &Value> {
    spec.target_refs.iter().chain(&spec.target_ref)
}

fn is_wide(spec: &Telemetry) -> bool {
    spec.selector.as_ref().is_none_or(|selector| selector.match_labels.is_empty())
        && targets(spec).next().is_none()
}

fn attaches(config: &Config<Telemetry>, target: &Target<'_>) -> bool {
    let spec = &config.spec;
    if targets(spec).next().is_some() {
        let gateway = target.workload.labels.get("gateway.networking.k8s.io/gateway-name");
        return targets(spec).any(|wanted| {
            wanted["kind"] == "Gateway" && gateway.is_some_and(|name| wanted["name"] == **name)
        });
    }
    spec.selector.as_ref().is_some_and(|selector| selects(&selector.match_labels, &target.workload.labels))
}

/// Whether a mode, which is both sides when unset, means this side. A gateway is a client.
fn fits(mode: Option<&str>, side: Side) -> bool {
    match mode {
        Some("CLIENT") => side == Side::Outbound,
        Some("SERVER") => side == Side::Inbound,
        _ => true,
    }
}

fn matches(wanted: Option<&ModeMatch>, side: Side) -> bool {
    fits(wanted.and_then(|wanted| wanted.mode.as_deref()), side)
}

fn names(providers: &[ProviderRef]) -> Vec<&str> {
    providers.iter().map(|provider| provider.name.as_str()).collect()
}

fn or<'a>(own: &'a [String], default: &'a str) -> Vec<&'a str> {
    if own.is_empty() { vec![default] } else { own.iter().map(String::as_str).collect() }
}

/// How one side of a proxy traces.
pub(crate) struct Tracing<'a> {
    pub(crate) provider: Provider,
    /// In percent.
    pub(crate) sampling: f64,
    pub(crate) custom_tags: BTreeMap<&'a str, &'a Value>,
    pub(crate) request_id_sampling: bool,
    pub(crate) istio_tags: bool,
    pub(crate) propagates: bool,
}

/// `None`: no spans are reported.
pub(crate) fn tracing<'a>(target: &Target<'a>, side: Side) -> Option<Tracing<'a>> {
    let config = &target.registry.mesh_config;
    let mut provider = or(&config.default_providers.tracing, providers::JAEGER)[0];
    let mut disabled = false;
    let mut tracing = Tracing {
        provider: Provider::Ours,
        sampling: config.sampling_percent(),
        custom_tags: BTreeMap::new(),
        request_id_sampling: true,
        istio_tags: true,
        propagates: true,
    };
    let all = holding(target).into_iter().flat_map(|telemetry| &telemetry.tracing);
    for rule in all.filter(|rule| matches(rule.r#match.as_ref(), side)) {
        if let Some(first) = rule.providers.first() {
            provider = &first.name;
        }
        if let Some(tags) = &rule.custom_tags {
            tracing.custom_tags = tags.iter().map(|(name, tag)| (name.as_str(), tag)).collect();
        }
        disabled = rule.disable_span_reporting.unwrap_or(disabled);
        tracing.sampling = rule.random_sampling_percentage.unwrap_or(tracing.sampling);
        tracing.request_id_sampling =
            rule.use_request_id_for_trace_sampling.unwrap_or(tracing.request_id_sampling);
        tracing.istio_tags = rule.enable_istio_tags.unwrap_or(tracing.istio_tags);
        tracing.propagates = !rule.disable_context_propagation.unwrap_or(!tracing.propagates);
    }
    tracing.provider = providers::find(target.registry, provider).ok()?;
    let traces =
        matches!(tracing.provider, Provider::Ours | Provider::OpenTelemetry(_) | Provider::Zipkin(_));
    (traces && !disabled).then_some(tracing)
}

/// One log of one side of a proxy.
pub(crate) struct Log {
    pub(crate) provider: Provider,
    /// CEL, as Envoy takes it.
    pub(crate) filter: Option<String>,
}

fn log_rules(telemetry: &Telemetry, side: Side) -> impl Iterator<Item = &AccessLogging> {
    telemetry.access_logging.iter().filter(move |rule| matches(rule.r#match.as_ref(), side))
}

/// The logs that are written, by their providers' names.
pub(crate) fn logs(target: &Target<'_>, side: Side) -> Vec<Log> {
    let config = &target.registry.mesh_config;
    // With `accessLogFile: ""` nothing is written until a Telemetry says so.
    let silent =
        config.access_log_file.as_deref() == Some("") && config.default_providers.access_logging.is_empty();
    let default =
        if silent { Vec::new() } else { or(&config.default_providers.access_logging, providers::ENVOY) };
    let telemetries = holding(target);
    // The last level that names providers decides which there are.
    let mut in_scope = default.clone();
    for telemetry in &telemetries {
        let named: Vec<&str> = log_rules(telemetry, side).flat_map(|rule| names(&rule.providers)).collect();
        in_scope = if named.is_empty() { in_scope } else { named };
    }
    let mut written: BTreeMap<&str, Option<String>> =
        default.iter().filter(|name| in_scope.contains(name)).map(|name| (*name, None)).collect();
    // Rules without providers are about those of the rule before.
    let mut about = if default.is_empty() { vec![providers::ENVOY] } else { default };
    for rule in telemetries.iter().flat_map(|telemetry| log_rules(telemetry, side)) {
        if !rule.providers.is_empty() {
            about = names(&rule.providers);
        }
        for name in about.iter().filter(|name| in_scope.contains(name)) {
            if rule.disabled == Some(true) {
                written.remove(name);
            } else {
                let filter = rule.filter.as_ref().and_then(|filter| cel::for_envoy(&filter.expression).ok());
                written.insert(name, filter);
            }
        }
    }
    let found = written
        .into_iter()
        .map(|(name, filter)| Some((providers::find(target.registry, name).ok()?, filter)));
    found.flatten().map(|(provider, filter)| Log { provider, filter }).collect()
}
