//! Typed views of Istio's resources, for reading only: what a view does not name stays in the raw object.
//!
//! Fields as in Istio's API reference (networking.istio.io/v1, security.istio.io/v1). Every field is
//! optional, and a value of the wrong type fails only its own object.

pub mod envoy_filter;
pub mod gateway_api;

use crate::object::Object;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Reads the `spec` of an object as a typed view.
///
/// # Errors
/// When a field has another type than Istio's schema gives it; the text names the field.
pub fn read<T: serde::de::DeserializeOwned + Default>(object: &Object) -> Result<T, serde_json::Error> {
    if object.spec().is_null() {
        return Ok(T::default());
    }
    // Few objects have fields that are null, which is as if they were not set.
    T::deserialize(object.spec()).or_else(|error| match set(object.spec()) {
        spec if spec != *object.spec() => T::deserialize(spec),
        _ => Err(error),
    })
}

/// A value without fields that are null.
fn set(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let some = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(some.map(|(name, value)| (name.clone(), set(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(set).collect()),
        other => other.clone(),
    }
}

macro_rules! view {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        #[allow(missing_docs, reason = "the fields are Istio's own; its API reference describes them")]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),* }
    };
}
use view;

view!(/// `networking.istio.io/VirtualService`.
VirtualService {
    hosts: Vec<String>, gateways: Vec<String>, http: Vec<HttpRoute>, tls: Vec<TlsRoute>, tcp: Vec<TcpRoute>,
    export_to: Vec<String>,
});
view!(/// One rule of `http`; the first whose match fits takes the request.
HttpRoute {
    name: Option<String>, r#match: Vec<HttpMatch>, route: Vec<RouteDestination>, redirect: Option<Redirect>,
    direct_response: Option<DirectResponse>, delegate: Option<Delegate>, rewrite: Option<Rewrite>,
    timeout: Option<String>, retries: Option<Retries>, fault: Option<Fault>, mirror: Option<Destination>,
    mirrors: Vec<Mirror>, mirror_percentage: Option<Percent>,
    /// The old form of `mirror_percentage`.
    #[serde(alias = "mirror_percent")]
    mirror_percent: Option<u32>, cors_policy: Option<serde_json::Value>, headers: Option<Headers>,
});
view!(/// AND of its fields; the list of them is OR.
HttpMatch {
    name: Option<String>, uri: Option<StringMatch>, scheme: Option<StringMatch>, method: Option<StringMatch>,
    authority: Option<StringMatch>, headers: BTreeMap<String, StringMatch>,
    without_headers: BTreeMap<String, StringMatch>, query_params: BTreeMap<String, StringMatch>,
    port: Option<u32>, source_labels: BTreeMap<String, String>, source_namespace: Option<String>,
    gateways: Vec<String>, ignore_uri_case: bool, stat_prefix: Option<String>,
});
view!(/// One of exact, prefix, regex; none of them means "is present".
StringMatch { exact: Option<String>, prefix: Option<String>, regex: Option<String> });
view!(/// A weighted destination.
RouteDestination { destination: Destination, weight: Option<i64>, headers: Option<Headers> });
view!(/// Host, subset and port.
Destination { host: String, subset: Option<String>, port: Option<PortSelector> });
view!(PortSelector { number: u32 });
view!(Redirect {
    uri: Option<String>, authority: Option<String>, port: Option<u32>, derive_port: Option<String>,
    scheme: Option<String>, redirect_code: Option<u32>,
});
view!(DirectResponse { status: u32, body: Option<serde_json::Value> });
view!(Delegate { name: String, namespace: Option<String> });
view!(Rewrite { uri: Option<String>, authority: Option<String>, uri_regex_rewrite: Option<RegexRewrite> });
view!(RegexRewrite { r#match: String, rewrite: String });
view!(Retries {
    attempts: i64, per_try_timeout: Option<String>, retry_on: Option<String>,
    retry_remote_localities: Option<bool>, retry_ignore_previous_hosts: Option<bool>, backoff: Option<String>,
});
view!(/// Delay, abort or both.
Fault { delay: Option<Delay>, abort: Option<Abort> });
view!(Delay { percentage: Option<Percent>, percent: Option<i64>, fixed_delay: Option<String> });
view!(Abort {
    percentage: Option<Percent>, http_status: Option<u32>, grpc_status: Option<String>,
    http2_error: Option<String>,
});
view!(/// 0 to 100; Istio keeps four decimals.
Percent { value: f64 });
view!(Mirror { destination: Destination, percentage: Option<Percent> });
view!(Headers { request: Option<HeaderOperations>, response: Option<HeaderOperations> });
view!(HeaderOperations { set: BTreeMap<String, String>, add: BTreeMap<String, String>, remove: Vec<String> });
view!(TlsRoute { r#match: Vec<TlsMatch>, route: Vec<RouteDestination> });
view!(TlsMatch {
    sni_hosts: Vec<String>, destination_subnets: Vec<String>, port: Option<u32>,
    source_labels: BTreeMap<String, String>, gateways: Vec<String>, source_namespace: Option<String>,
});
view!(TcpRoute { r#match: Vec<L4Match>, route: Vec<RouteDestination> });
view!(L4Match {
    destination_subnets: Vec<String>, port: Option<u32>, source_labels: BTreeMap<String, String>,
    gateways: Vec<String>, source_namespace: Option<String>,
});

view!(/// `networking.istio.io/DestinationRule`.
DestinationRule {
    host: String, traffic_policy: Option<TrafficPolicy>, subsets: Vec<Subset>, export_to: Vec<String>,
    workload_selector: Option<Selector>,
});
view!(/// A named part of a service's endpoints.
Subset { name: String, labels: BTreeMap<String, String>, traffic_policy: Option<TrafficPolicy> });
view!(TrafficPolicy {
    load_balancer: Option<serde_json::Value>, connection_pool: Option<serde_json::Value>,
    outlier_detection: Option<serde_json::Value>, tls: Option<ClientTls>,
    port_level_settings: Vec<PortPolicy>, retry_budget: Option<serde_json::Value>,
});
view!(PortPolicy {
    port: Option<PortSelector>, load_balancer: Option<serde_json::Value>,
    connection_pool: Option<serde_json::Value>, outlier_detection: Option<serde_json::Value>,
    tls: Option<ClientTls>,
});
view!(ClientTls {
    mode: String, client_certificate: Option<String>, private_key: Option<String>,
    ca_certificates: Option<String>, credential_name: Option<String>, subject_alt_names: Vec<String>,
    sni: Option<String>, insecure_skip_verify: Option<bool>,
});

view!(/// `networking.istio.io/Gateway`.
Gateway { selector: BTreeMap<String, String>, servers: Vec<Server> });
view!(Server {
    name: Option<String>, port: ServerPort, bind: Option<String>, hosts: Vec<String>, tls: Option<ServerTls>,
    default_endpoint: Option<String>,
});
view!(ServerPort { number: u32, name: String, protocol: String, target_port: Option<u32> });
view!(ServerTls {
    mode: Option<String>, credential_name: Option<String>, credential_names: Vec<String>,
    https_redirect: bool, server_certificate: Option<String>, private_key: Option<String>,
    ca_certificates: Option<String>, ca_crl: Option<String>, subject_alt_names: Vec<String>,
    verify_certificate_spki: Vec<String>, verify_certificate_hash: Vec<String>,
    min_protocol_version: Option<String>, max_protocol_version: Option<String>, cipher_suites: Vec<String>,
});

view!(/// `networking.istio.io/ServiceEntry`.
ServiceEntry {
    hosts: Vec<String>, addresses: Vec<String>, ports: Vec<ServicePort>, location: Option<String>,
    resolution: Option<String>, endpoints: Vec<WorkloadEntry>, workload_selector: Option<SidecarSelector>,
    export_to: Vec<String>, subject_alt_names: Vec<String>,
});
view!(ServicePort { number: u32, name: String, protocol: Option<String>, target_port: Option<u32> });
view!(WorkloadEntry {
    address: Option<String>, ports: BTreeMap<String, u32>, labels: BTreeMap<String, String>,
    weight: Option<u32>, service_account: Option<String>, locality: Option<String>,
});
view!(/// `networking.istio.io/Sidecar`.
Sidecar {
    workload_selector: Option<SidecarSelector>, ingress: Vec<SidecarIngress>, egress: Vec<SidecarEgress>,
    outbound_traffic_policy: Option<OutboundTrafficPolicy>,
    inbound_connection_pool: Option<serde_json::Value>,
});
view!(SidecarSelector { labels: BTreeMap<String, String> });
view!(SidecarEgress {
    hosts: Vec<String>, port: Option<ServicePort>, bind: Option<String>, capture_mode: Option<String>,
});
view!(SidecarIngress {
    port: ServicePort, bind: Option<String>, capture_mode: Option<String>, default_endpoint: Option<String>,
    tls: Option<ServerTls>, connection_pool: Option<serde_json::Value>,
});
view!(OutboundTrafficPolicy { mode: Option<String>, egress_proxy: Option<Destination> });

view!(/// `matchLabels` of a policy.
Selector { match_labels: BTreeMap<String, String> });
view!(/// `security.istio.io/PeerAuthentication`.
PeerAuthentication {
    selector: Option<Selector>, mtls: Option<Mtls>, port_level_mtls: BTreeMap<String, Mtls>,
});
view!(/// UNSET, DISABLE, PERMISSIVE or STRICT.
Mtls { mode: Option<String> });

view!(/// `security.istio.io/AuthorizationPolicy`. `rules: [{}]` takes everything, no rules take nothing.
AuthorizationPolicy {
    selector: Option<Selector>, action: Option<String>, rules: Vec<AuthorizationRule>,
    provider: Option<serde_json::Value>, target_ref: Option<serde_json::Value>,
    target_refs: Vec<serde_json::Value>,
});
view!(/// OR inside each list, AND between them.
AuthorizationRule { from: Vec<RuleFrom>, to: Vec<RuleTo>, when: Vec<Condition> });
view!(RuleFrom { source: Source });
view!(/// Who calls: all fields must hold.
Source {
    principals: Vec<String>, not_principals: Vec<String>, request_principals: Vec<String>,
    not_request_principals: Vec<String>, namespaces: Vec<String>, not_namespaces: Vec<String>,
    ip_blocks: Vec<String>, not_ip_blocks: Vec<String>, remote_ip_blocks: Vec<String>,
    not_remote_ip_blocks: Vec<String>, service_accounts: Vec<String>, not_service_accounts: Vec<String>,
    trust_domains: Vec<String>, not_trust_domains: Vec<String>,
});
view!(RuleTo { operation: Operation });
view!(/// What is called: all fields must hold.
Operation {
    hosts: Vec<String>, not_hosts: Vec<String>, ports: Vec<String>, not_ports: Vec<String>,
    methods: Vec<String>, not_methods: Vec<String>, paths: Vec<String>, not_paths: Vec<String>,
});
view!(Condition { key: String, values: Vec<String>, not_values: Vec<String> });
view!(/// `security.istio.io/RequestAuthentication`.
RequestAuthentication {
    selector: Option<Selector>, jwt_rules: Vec<JwtRule>, target_ref: Option<serde_json::Value>,
    target_refs: Vec<serde_json::Value>,
});
view!(/// Whose tokens are believed, where they are looked for, and what becomes of them.
JwtRule {
    issuer: String, audiences: Vec<String>, jwks_uri: Option<String>, jwks: Option<String>,
    from_headers: Vec<JwtHeader>, from_params: Vec<String>, from_cookies: Vec<String>,
    output_payload_to_header: Option<String>, output_claim_to_headers: Vec<ClaimToHeader>,
    forward_original_token: bool, timeout: Option<String>, space_delimited_claims: Vec<String>,
    presence: String,
});
view!(JwtHeader { name: String, prefix: Option<String> });
view!(ClaimToHeader { header: String, claim: String });

view!(/// `extensions.istio.io/WasmPlugin`.
WasmPlugin {
    selector: Option<Selector>, target_ref: Option<serde_json::Value>, target_refs: Vec<serde_json::Value>,
    url: String, phase: Option<String>, priority: Option<i64>, r#match: Vec<ModeMatch>,
});

view!(/// `telemetry.istio.io/Telemetry`.
Telemetry {
    selector: Option<Selector>, target_ref: Option<serde_json::Value>, target_refs: Vec<serde_json::Value>,
    tracing: Vec<Tracing>, metrics: Vec<Metrics>, access_logging: Vec<AccessLogging>,
});
view!(/// CLIENT, SERVER or CLIENT_AND_SERVER.
ModeMatch { mode: Option<String> });
view!(/// A name in the mesh's `extensionProviders`.
ProviderRef { name: String });
view!(Tracing {
    r#match: Option<ModeMatch>, providers: Vec<ProviderRef>, random_sampling_percentage: Option<f64>,
    custom_tags: Option<BTreeMap<String, serde_json::Value>>, disable_span_reporting: Option<bool>,
    use_request_id_for_trace_sampling: Option<bool>, enable_istio_tags: Option<bool>,
    disable_context_propagation: Option<bool>,
});
view!(AccessLogging {
    r#match: Option<ModeMatch>, providers: Vec<ProviderRef>, disabled: Option<bool>,
    filter: Option<LogFilter>,
});
view!(/// CEL.
LogFilter { expression: String });
view!(Metrics {
    providers: Vec<ProviderRef>, overrides: Vec<MetricsOverride>, reporting_interval: Option<String>,
});
view!(MetricsOverride {
    r#match: Option<MetricMatch>, disabled: Option<bool>, tag_overrides: BTreeMap<String, TagOverride>,
});
view!(/// One of Istio's metrics, ALL_METRICS when unset.
MetricMatch { metric: Option<String>, custom_metric: Option<String>, mode: Option<String> });
view!(/// UPSERT or REMOVE.
TagOverride { operation: Option<String>, value: Option<String> });
