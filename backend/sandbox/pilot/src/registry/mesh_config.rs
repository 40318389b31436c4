//! Mesh-wide settings, as istiod reads them: the text `mesh` in the ConfigMap `istio` of the root namespace.

use super::untranslated;
use crate::identity::{ROOT_NAMESPACE, TRUST_DOMAIN};
use istio::Object;
use istio::views::Retries;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What of `meshConfig` is read; the names are Istio's. Everything has Istio's default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshConfig {
    /// What happens to calls that no service is known for.
    pub outbound_traffic_policy: OutboundTrafficPolicy,
    /// Who sees Services and ServiceEntries that do not say so; everybody when empty.
    pub default_service_export_to: Vec<String>,
    /// Who sees VirtualServices that do not say so.
    pub default_virtual_service_export_to: Vec<String>,
    /// Who sees DestinationRules that do not say so.
    pub default_destination_rule_export_to: Vec<String>,
    /// Where text access logs go; `None` is `/dev/stdout`, as in the demo profile, "" is nowhere.
    pub access_log_file: Option<String>,
    /// Whether calls between sidecars are mutual TLS where no DestinationRule says otherwise: on when unset.
    pub enable_auto_mtls: Option<bool>,
    /// Other names of the trust domain, in policies.
    pub trust_domain_aliases: Vec<String>,
    /// How paths are read before policies and routes look at them.
    pub path_normalization: PathNormalization,
    /// Operators of the text log, or labels of the JSON log; Istio's own when unset.
    pub access_log_format: Option<String>,
    /// TEXT (when unset) or JSON.
    pub access_log_encoding: Option<String>,
    /// Settings of every proxy.
    pub default_config: ProxyDefaults,
    /// Providers that policies and Telemetry name: `{name, <kind>: {…}}`.
    pub extension_providers: Vec<Value>,
    /// Providers in force where no Telemetry says otherwise.
    pub default_providers: DefaultProviders,
    /// Which endpoints are preferred by where they stand.
    pub locality_lb_setting: LocalityLbSetting,
    /// Retries of routes that say nothing about them.
    pub default_http_retry_policy: Option<Retries>,
    /// How long connecting may take: 10 s when unset.
    pub connect_timeout: Option<String>,
    /// Whether connections between sidecars are upgraded to HTTP/2: DO_NOT_UPGRADE (when unset) or UPGRADE.
    pub h2_upgrade_policy: Option<String>,
    /// What else is said.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// `localityLbSetting`: which endpoints are preferred by where they stand.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalityLbSetting {
    /// Shares by locality.
    pub distribute: Vec<Distribute>,
    /// Which region takes over for another.
    pub failover: Vec<Failover>,
    /// Labels by which endpoints are like the caller, the most important first.
    pub failover_priority: Vec<String>,
    /// On when unset.
    pub enabled: Option<bool>,
}

/// How calls from one place are spread.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Distribute {
    /// `region/zone/subzone`, with `*`.
    pub from: String,
    /// Shares by `region/zone/subzone`.
    pub to: BTreeMap<String, u32>,
}

/// Where calls from a region go when it fails.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Failover {
    /// A region.
    pub from: String,
    /// A region.
    pub to: String,
}

/// `pathNormalization`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PathNormalization {
    /// NONE, BASE (when unset), MERGE_SLASHES or DECODE_AND_MERGE_SLASHES.
    pub normalization: Option<String>,
}

/// `outboundTrafficPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OutboundTrafficPolicy {
    /// ALLOW_ANY (when unset) or REGISTRY_ONLY.
    pub mode: Option<String>,
}

/// `defaultConfig`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ProxyDefaults {
    /// How requests are traced.
    pub tracing: Tracing,
    /// What stands before the gateways.
    #[serde(rename = "gatewayTopology")]
    pub gateway_topology: GatewayTopology,
}

/// `defaultConfig.gatewayTopology`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GatewayTopology {
    /// Proxies before a gateway whose word about the client's address (`x-forwarded-for`) is believed.
    pub num_trusted_proxies: u32,
}

/// `defaultConfig.tracing`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tracing {
    /// Share of requests that are traced, in percent; 100 when unset, as in the demo profile.
    pub sampling: Option<f64>,
}

/// `defaultProviders`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DefaultProviders {
    /// Names of tracing providers.
    pub tracing: Vec<String>,
    /// Names of metrics providers.
    pub metrics: Vec<String>,
    /// Names of access log providers.
    pub access_logging: Vec<String>,
}

/// Why the ConfigMap is not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("{0}")]
    Yaml(#[from] serde_saphyr::Error),
    #[error("outboundTrafficPolicy.mode is {0:?}, not ALLOW_ANY or REGISTRY_ONLY")]
    Mode(String),
}

impl MeshConfig {
    /// Reads the ConfigMap; `None` when the object is another one.
    ///
    /// # Errors
    /// When its text is not YAML of this shape, or has a mode that there is not.
    pub(crate) fn of(object: &Object) -> Option<Result<Self, Unreadable>> {
        if object.kind() != "ConfigMap" || object.namespace() != ROOT_NAMESPACE || object.name() != "istio" {
            return None;
        }
        let text = object.0["data"]["mesh"].as_str().unwrap_or("{}");
        Some(serde_saphyr::from_str(text).map_err(Unreadable::Yaml).and_then(Self::checked))
    }

    /// A mode that there is not makes the whole text unreadable for istiod.
    fn checked(self) -> Result<Self, Unreadable> {
        match self.outbound_traffic_policy.mode.as_deref() {
            None | Some("ALLOW_ANY" | "REGISTRY_ONLY") => Ok(self),
            Some(mode) => Err(Unreadable::Mode(mode.to_owned())),
        }
    }

    /// Settings that have no effect: all that is not read, but for what is so in the sandbox anyway.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let anyway = |name: &str, value: &Value| match name {
            "rootNamespace" => *value == ROOT_NAMESPACE,
            "trustDomain" => *value == TRUST_DOMAIN,
            "enableTracing" | "enablePrometheusMerge" => *value == true,
            _ => false,
        };
        let others = self.rest.iter().filter(|(name, value)| !anyway(name, value));
        others.map(|(name, _)| untranslated::not_yet(&format!("the mesh's setting {name}"))).collect()
    }

    /// Whether calls to what is not in the registry pass.
    pub fn allow_any(&self) -> bool {
        self.outbound_traffic_policy.mode.as_deref() != Some("REGISTRY_ONLY")
    }

    /// Share of requests that are traced, in percent.
    pub fn sampling_percent(&self) -> f64 {
        self.default_config.tracing.sampling.unwrap_or(100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(name: &str, text: &str) -> Object {
        Object::from(json!({"kind": "ConfigMap", "metadata": {"name": name, "namespace": "istio-system"},
                "data": {"mesh": text}}))
    }

    #[test]
    fn the_settings_of_the_config_map_count() {
        let text = "outboundTrafficPolicy: {mode: REGISTRY_ONLY}\ndefaultConfig: {tracing: {sampling: 5}, \
            discoveryAddress: x}\n";
        let read = MeshConfig::of(&map("istio", text)).expect("the map").expect("YAML");
        assert_eq!((read.allow_any(), read.sampling_percent()), (false, 5.0));
        assert_eq!(read.without_effect(), [""; 0]);
        let more =
            "trustDomain: cluster.local\nrootNamespace: elsewhere\nmeshMTLS: {minProtocolVersion: TLSV1_3}\n";
        let more = MeshConfig::of(&map("istio", more)).expect("the map").expect("YAML").without_effect();
        assert_eq!(
            more,
            ["meshMTLS", "rootNamespace"]
                .map(|name| format!("the mesh's setting {name} has no effect in the sandbox"))
        );
        let unset = MeshConfig::default();
        assert_eq!((unset.allow_any(), unset.sampling_percent()), (true, 100.0));
        assert!(MeshConfig::of(&map("other", text)).is_none());
        for unreadable in
            ["- [", "connectTimeout: 1s\nconnectTimeout: 2s\n", "outboundTrafficPolicy: {mode: SOME}"]
        {
            assert!(MeshConfig::of(&map("istio", unreadable)).expect("the map").is_err(), "{unreadable}");
        }
    }
}
