//! AuthorizationPolicy CUSTOM: a service of the user's own is asked whether a request may pass (Envoy's
//! `ext_authz`).
//!
//! Which service that is, the policy says by the name of a provider in `meshConfig.extensionProviders`. As in
//! istiod there are two filters: RBAC in the shadow notes which rule a request falls under, and only what
//! falls under one is asked about. A provider that is not there, and more than one at a workload, deny what
//! their rules take. On TCP ports gRPC providers are asked about connections; HTTP providers are not, as in
//! istiod.

use super::action::{Action, Layer};
use super::rbac::{Scope, rbac_filter, rules};
use super::text;
use crate::registry::workload::Workload;
use crate::registry::{Config, Registry};
use crate::translate::envoy::seconds;
use crate::translate::names;
use crate::translate::target::Target;
use istio::views::AuthorizationPolicy;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const PREFIX: &str = "istio_ext_authz_";
/// As long as istiod waits where the provider does not say.
const LONGEST: &str = "600s";

fn provider_name(policy: &AuthorizationPolicy) -> &str {
    policy.provider.as_ref().and_then(|provider| provider["name"].as_str()).unwrap_or_default()
}

/// Why nobody can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum NobodyToAsk {
    #[error("provider {0} is not among meshConfig.extensionProviders")]
    Unknown(String),
    #[error("provider {0} is neither envoyExtAuthzGrpc nor envoyExtAuthzHttp")]
    Kind(String),
    #[error("provider {0} has no port")]
    NoPort(String),
    #[error("provider {name}: there is no service {host} with port {port}")]
    NoService { name: String, host: String, port: u16 },
    #[error("{workload} has a second provider, that of {policy}")]
    Second { workload: String, policy: String },
}

/// A provider that answers: how it is spoken to, and where.
struct Provider<'a> {
    config: &'a Value,
    grpc: bool,
    host: String,
    cluster: String,
}

impl<'a> Provider<'a> {
    fn of(registry: &'a Registry, name: &str) -> Result<Self, NobodyToAsk> {
        let providers = &registry.mesh_config.extension_providers;
        let found = providers.iter().find(|provider| provider["name"] == name);
        let found = found.ok_or_else(|| NobodyToAsk::Unknown(name.to_owned()))?;
        let (config, grpc) = match (found.get("envoyExtAuthzGrpc"), found.get("envoyExtAuthzHttp")) {
            (Some(config), _) => (config, true),
            (_, Some(config)) => (config, false),
            _ => return Err(NobodyToAsk::Kind(name.to_owned())),
        };
        // [namespace/]host
        let service = config["service"].as_str().unwrap_or_default();
        let host = service.split_once('/').map_or(service, |(_, host)| host).to_owned();
        let port = config["port"].as_u64().or_else(|| config["port"].as_str()?.parse().ok());
        let port = port
            .and_then(|port| u16::try_from(port).ok())
            .ok_or_else(|| NobodyToAsk::NoPort(name.to_owned()))?;
        let known = registry.service(&host).is_some_and(|service| service.port(port).is_some());
        if !known {
            return Err(NobodyToAsk::NoService { name: name.to_owned(), host, port });
        }
        Ok(Self { config, grpc, cluster: names::outbound_cluster(port, "", &host), host })
    }

    fn flag(&self, name: &str) -> bool {
        self.config[name] == true
    }

    fn timeout(&self) -> String {
        self.config["timeout"].as_str().and_then(seconds).unwrap_or_else(|| LONGEST.into())
    }

    fn grpc_service(&self) -> Value {
        json!({"envoy_grpc": {"cluster_name": self.cluster, "authority": self.host},
            "timeout": self.timeout()})
    }

    /// Names of headers: exact, `prefix*` or `*suffix`.
    fn headers(&self, list: &str) -> Option<Value> {
        let names = self.config[list].as_array().filter(|names| !names.is_empty())?;
        let patterns = names.iter().filter_map(Value::as_str).map(|name| text::text(name, name != "*"));
        Some(json!({"patterns": patterns.collect::<Vec<_>>()}))
    }

    fn http_service(&self) -> Value {
        let additional = self.config["includeAdditionalHeadersInCheck"].as_object().into_iter().flatten();
        let additional: Vec<Value> =
            additional.map(|(key, value)| json!({"key": key, "value": value})).collect();
        json!({
            "server_uri": {"uri": format!("http://{}", self.host), "cluster": self.cluster,
                "timeout": self.timeout()},
            "path_prefix": self.config["pathPrefix"],
            "authorization_request": {"headers_to_add": additional},
            "authorization_response": {
                "allowed_upstream_headers": self.headers("headersToUpstreamOnAllow"),
                "allowed_client_headers": self.headers("headersToDownstreamOnDeny"),
                "allowed_client_headers_on_success": self.headers("headersToDownstreamOnAllow"),
            },
        })
    }

    /// The filter that asks about what falls under a rule of this provider.
    fn filter(&self, name: &str, layer: Layer) -> Value {
        let asked = json!({
            "filter": format!("envoy.filters.{}.rbac", layer.short()),
            "path": [{"key": format!("{PREFIX}shadow_effective_policy_id")}],
            "value": {"string_match": {"prefix": format!("istio-ext-authz-{name}-")}},
        });
        let mut config = json!({
            "@type": format!("type.googleapis.com/envoy.extensions.filters.{}.ext_authz.v3.ExtAuthz",
                layer.short()),
            "transport_api_version": "V3",
            "failure_mode_allow": self.flag("failOpen"),
            "filter_enabled_metadata": asked,
        });
        if layer == Layer::Bytes {
            config["stat_prefix"] = json!("tcp.");
        } else {
            let status = &self.config["statusOnError"];
            if let Some(status) = status.as_u64().or_else(|| status.as_str()?.parse().ok()) {
                config["status_on_error"] = json!({"code": status});
            }
            if let Some(body) = self.config.get("includeRequestBodyInCheck") {
                config["with_request_body"] = json!({
                    "max_request_bytes": body["maxRequestBytes"],
                    "allow_partial_message": body["allowPartialMessage"],
                    "pack_as_bytes": body["packAsBytes"],
                });
            }
        }
        if self.grpc {
            config["grpc_service"] = self.grpc_service();
        } else {
            config["http_service"] = self.http_service();
            // Nothing but its first line, unless the provider asks for more.
            let told = self
                .headers("includeRequestHeadersInCheck")
                .or_else(|| self.headers("includeHeadersInCheck"));
            config["allowed_headers"] = told.unwrap_or(Value::Null);
        }
        json!({"name": format!("envoy.filters.{}.ext_authz", layer.short()), "typed_config": config})
    }
}

/// The pair of filters for all CUSTOM policies of a workload.
pub(crate) fn filters(
    target: &Target<'_>,
    policies: &[&Config<AuthorizationPolicy>],
    scope: Scope<'_>,
) -> Vec<Value> {
    let custom = policies
        .iter()
        .filter(|policy| Action::of(&policy.spec) == Some(Action::Custom) && !policy.is_dry_run());
    let custom: Vec<_> = custom.copied().collect();
    let providers: BTreeSet<&str> = custom.iter().map(|policy| provider_name(&policy.spec)).collect();
    let named = |prefix: &str, suffix: &str| -> Map<String, Value> {
        let rules = custom.iter().flat_map(|policy| rules(policy, scope));
        rules.map(|(name, rule)| (format!("{prefix}{name}{suffix}"), rule)).collect()
    };
    let only = match providers.iter().collect::<Vec<_>>()[..] {
        [] => return Vec::new(),
        [name] => Provider::of(target.registry, name).ok().map(|provider| (*name, provider)),
        _ => None,
    };
    match only {
        None => vec![rbac_filter(
            scope.layer,
            json!({
                "rules": {"action": "DENY", "policies": named("", "-deny-due-to-bad-CUSTOM-action")},
            }),
        )],
        Some((_, provider)) if !provider.grpc && scope.layer == Layer::Bytes => Vec::new(),
        Some((name, provider)) => {
            let shadow = json!({
                "shadow_rules": {"action": "DENY", "policies": named(&format!("istio-ext-authz-{name}-"),
                    "")},
                "shadow_rules_stat_prefix": PREFIX,
            });
            vec![rbac_filter(scope.layer, shadow), provider.filter(name, scope.layer)]
        }
    }
}

/// Why a CUSTOM policy denies instead of asking.
pub(crate) fn without_effect(registry: &Registry, config: &Config<AuthorizationPolicy>) -> Option<String> {
    let name = provider_name(&config.spec);
    let other = |policy: &&Config<AuthorizationPolicy>| {
        Action::of(&policy.spec) == Some(Action::Custom)
            && provider_name(&policy.spec) != name
            && !policy.is_dry_run()
    };
    let several = |workload: &Workload| {
        let here = workload.proxy.is_some() && config.holds(registry, workload);
        let beside = || {
            registry
                .authorization_policies
                .iter()
                .filter(other)
                .find(|policy| policy.holds(registry, workload))
        };
        let beside = here.then(beside)??;
        Some(NobodyToAsk::Second { workload: workload.id(), policy: beside.name.clone() })
    };
    let why = Provider::of(registry, name).err();
    let why = why.or_else(|| registry.workloads.iter().find_map(|workload| several(workload)))?;
    Some(format!("{why}: what its rules take is denied"))
}
