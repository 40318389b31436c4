//! What Telemetry resources ask for that has no effect here.

use crate::registry::Registry;
use crate::registry::untranslated::not_yet;
use crate::translate::telemetry::cel;
use crate::translate::telemetry::holding::targets;
use crate::translate::telemetry::providers::{self, Provider};
use istio::telemetry::{custom_tag, meant};
use istio::views::{ProviderRef, Telemetry};
use serde_json::Value;

/// Names the parts without effect.
pub(super) fn without_effect(registry: &Registry, spec: &Telemetry) -> Vec<String> {
    let mut found: Vec<String> = targets(spec)
        .filter(|wanted| wanted["kind"] != "Gateway")
        .map(|wanted| not_yet(&format!("targetRefs of kind {}", wanted["kind"].as_str().unwrap_or_default())))
        .collect();
    for (index, rule) in spec.tracing.iter().enumerate() {
        let at = format!("tracing[{index}]");
        let is_tracer = |provider: &Provider| {
            matches!(provider, Provider::Ours | Provider::OpenTelemetry(_) | Provider::Zipkin(_))
        };
        found.extend(named(registry, &at, &rule.providers, is_tracer));
        if rule.providers.len() > 1 {
            found.push(format!("{at}: of several providers only the first is used, as in Istio"));
        }
        for (name, tag) in rule.custom_tags.iter().flatten() {
            if custom_tag(name, tag).is_none() {
                found.push(format!(
                    "{at}.customTags.{name} {}",
                    "says none of literal, environment, header and formatter"
                ));
            }
        }
    }
    for (index, rule) in spec.access_logging.iter().enumerate() {
        let at = format!("accessLogging[{index}]");
        let is_log =
            |provider: &Provider| matches!(provider, Provider::File { .. } | Provider::HttpAls { .. });
        found.extend(named(registry, &at, &rule.providers, is_log));
        let read = rule.filter.as_ref().map(|filter| cel::for_envoy(&filter.expression));
        found.extend(
            read.and_then(Result::err)
                .map(|why| format!("{at}.filter.expression has no effect in the sandbox: {why}")),
        );
    }
    for (index, rule) in spec.metrics.iter().enumerate() {
        let at = format!("metrics[{index}]");
        found.extend(named(registry, &at, &rule.providers, |provider| *provider == Provider::Prometheus));
        for (index, change) in rule.overrides.iter().enumerate() {
            let at = format!("{at}.overrides[{index}]");
            if meant(change.r#match.as_ref()).is_empty() {
                found.push(format!("{at}.match names no metric of Istio's"));
            }
            for (tag, how) in &change.tag_overrides {
                let value = how.value.as_deref().filter(|_| how.operation.as_deref() != Some("REMOVE"));
                found.extend(
                    value
                        .and_then(|value| cel::for_envoy(value).err())
                        .map(|why| format!("{at}.tagOverrides.{tag} has no effect in the sandbox: {why}")),
                );
            }
        }
    }
    found
}

fn named(
    registry: &Registry,
    at: &str,
    wanted: &[ProviderRef],
    fits: impl Fn(&Provider) -> bool,
) -> Vec<String> {
    let problem = |provider: &ProviderRef| match providers::find(registry, &provider.name) {
        Ok(found) if fits(&found) => None,
        Ok(_) => Some(format!("{at}: provider {} is of a kind that is not for this", provider.name)),
        Err(why) => Some(format!("{at}: {why}")),
    };
    wanted.iter().filter_map(problem).collect()
}

/// Default providers of the mesh that are not there.
pub(super) fn of_mesh(registry: &Registry) -> Vec<String> {
    let defaults = &registry.mesh_config.default_providers;
    let all = [&defaults.tracing, &defaults.metrics, &defaults.access_logging].into_iter().flatten();
    let mut found: Vec<String> = all
        .filter_map(|name| {
            providers::find(registry, name).err().map(|why| format!("defaultProviders: {why}"))
        })
        .collect();
    let file = registry.mesh_config.access_log_file.as_deref().unwrap_or_default();
    if !file.is_empty() && file != "/dev/stdout" {
        found.push(format!(
            "accessLogFile {file} is taken as /dev/stdout: a proxy of the sandbox has no files"
        ));
    }
    let broken = registry.mesh_config.access_log_encoding.as_deref() == Some("JSON")
        && registry
            .mesh_config
            .access_log_format
            .as_deref()
            .is_some_and(|text| !text.is_empty() && serde_json::from_str::<Value>(text).is_err());
    found.extend(broken.then(|| "accessLogFormat is not JSON, so Istio's own format is used".to_owned()));
    found
}
