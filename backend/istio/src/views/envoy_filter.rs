//! A typed view of Istio's EnvoyFilter, for reading only, as [`crate::views`].

use super::{SidecarSelector, view};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

view!(/// `networking.istio.io/EnvoyFilter`.
EnvoyFilter {
    workload_selector: Option<SidecarSelector>, target_refs: Vec<serde_json::Value>,
    config_patches: Vec<ConfigPatch>, priority: i32,
});
view!(/// One change of the configuration that proxies are given.
ConfigPatch { apply_to: String, r#match: PatchMatch, patch: Patch });
view!(/// Where; what is not said is everywhere.
PatchMatch {
    context: Option<String>, proxy: Option<ProxyMatch>, listener: Option<ListenerMatch>,
    route_configuration: Option<RouteConfigurationMatch>, cluster: Option<ClusterMatch>,
});
view!(ProxyMatch { proxy_version: Option<String>, metadata: BTreeMap<String, String> });
view!(ListenerMatch {
    name: Option<String>, port_number: Option<u32>, port_name: Option<String>,
    filter_chain: Option<FilterChainMatch>, listener_filter: Option<String>,
});
view!(FilterChainMatch {
    name: Option<String>, sni: Option<String>, transport_protocol: Option<String>,
    application_protocols: Option<String>, destination_port: Option<u32>, filter: Option<FilterMatch>,
});
view!(FilterMatch { name: Option<String>, sub_filter: Option<SubFilterMatch> });
view!(SubFilterMatch { name: Option<String> });
view!(RouteConfigurationMatch {
    name: Option<String>, port_number: Option<u32>, port_name: Option<String>, gateway: Option<String>,
    vhost: Option<VirtualHostMatch>,
});
view!(VirtualHostMatch { name: Option<String>, domain_name: Option<String>, route: Option<RouteMatch> });
view!(RouteMatch { name: Option<String>, action: Option<String> });
view!(ClusterMatch {
    name: Option<String>, port_number: Option<u32>, service: Option<String>, subset: Option<String>,
});
view!(/// How; `value` is Envoy's own configuration.
Patch { operation: String, filter_class: Option<String>, value: Option<serde_json::Value> });
