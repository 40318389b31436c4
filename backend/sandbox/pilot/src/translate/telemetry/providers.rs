//! Providers that Telemetry resources name: the mesh's `extensionProviders`, and those that every mesh has.

use crate::registry::Registry;
use crate::registry::mesh_config::MeshConfig;
use crate::translate::names;
use serde_json::Value;

/// Text access logs on standard output; built in.
pub(crate) use istio::telemetry::ENVOY;
/// Istio's standard metrics; built in.
pub(crate) use istio::telemetry::PROMETHEUS;
/// The sandbox's own trace store; built in, and the default where the mesh names no other.
pub(crate) const JAEGER: &str = "jaeger";

/// What a provider is to a proxy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Provider {
    /// The sandbox's own trace store.
    Ours,
    /// Istio's standard metrics.
    Prometheus,
    /// A text log; the format as Envoy takes it, Istio's own when unset.
    File {
        /// `/dev/stdout` or `/dev/stderr`.
        path: String,
        /// `logFormat`.
        format: Option<Value>,
    },
    /// Spans to a service over OTLP.
    OpenTelemetry(Service),
    /// Spans to a service in Zipkin's form.
    Zipkin(Service),
    /// Records of requests to a service, in Envoy's own protocol.
    HttpAls {
        /// Where it listens.
        to: Service,
        /// `logName`.
        name: String,
        /// Headers that the records show.
        headers: Value,
    },
}

/// A service inside the mesh.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Service {
    /// Its cluster.
    pub(crate) cluster: String,
    /// Its host.
    pub(crate) host: String,
    /// Its port.
    pub(crate) port: u16,
}

impl Service {
    /// How a proxy calls it by gRPC; a cluster's name is no host, which servers would refuse.
    pub(crate) fn grpc(&self) -> Value {
        serde_json::json!({"cluster_name": self.cluster, "authority": format!("{}:{}", self.host, self.port)})
    }
}

/// Why a provider cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoProvider {
    #[error("provider {0} is not among the mesh's extensionProviders")]
    Unknown(String),
    #[error("provider {0} does not say its kind")]
    NoKind(String),
    #[error("provider {0}: {1}")]
    Unusable(String, Unusable),
}

/// What is wrong with a provider's settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("its kind {0} has no effect in the sandbox")]
    Kind(String),
    #[error("{0} has no effect in the sandbox, so it is not used")]
    Setting(String),
    #[error("a proxy of the sandbox has no file {0}, only /dev/stdout and /dev/stderr")]
    File(String),
    #[error("there is no service {0}")]
    NoService(String),
    #[error("service {0} has no port {1}")]
    NoPort(String, u16),
}

/// The provider of this name.
pub(crate) fn find(registry: &Registry, name: &str) -> Result<Provider, NoProvider> {
    let Some(defined) =
        registry.mesh_config.extension_providers.iter().find(|provider| provider["name"] == name)
    else {
        return match name {
            ENVOY => Ok(Provider::File { path: "/dev/stdout".into(), format: format(&registry.mesh_config) }),
            PROMETHEUS => Ok(Provider::Prometheus),
            JAEGER => Ok(Provider::Ours),
            _ => Err(NoProvider::Unknown(name.to_owned())),
        };
    };
    let kinds = defined.as_object().into_iter().flatten().filter(|(key, _)| *key != "name");
    let Some((kind, settings)) = kinds.into_iter().next() else {
        return Err(NoProvider::NoKind(name.to_owned()));
    };
    of_kind(registry, kind, settings).map_err(|why| NoProvider::Unusable(name.to_owned(), why))
}

fn of_kind(registry: &Registry, kind: &str, settings: &Value) -> Result<Provider, Unusable> {
    let known = |keys: &[&str]| {
        let mut unknown = settings
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, _)| key)
            .filter(|key| !keys.contains(&key.as_str()));
        unknown.next().map_or(Ok(()), |key| Err(Unusable::Setting(format!("{kind}.{key}"))))
    };
    match kind {
        "prometheus" => Ok(Provider::Prometheus),
        "envoyFileAccessLog" => {
            known(&["path", "logFormat"])?;
            let path = settings["path"].as_str().filter(|path| !path.is_empty()).unwrap_or("/dev/stdout");
            if path != "/dev/stdout" && path != "/dev/stderr" {
                return Err(Unusable::File(path.to_owned()));
            }
            Ok(Provider::File { path: path.to_owned(), format: written(&settings["logFormat"]) })
        }
        "opentelemetry" => {
            known(&["service", "port", "maxTagLength"])?;
            service(registry, settings).map(Provider::OpenTelemetry)
        }
        "zipkin" => {
            known(&["service", "port", "maxTagLength", "enable64bitTraceId"])?;
            service(registry, settings).map(Provider::Zipkin)
        }
        "envoyHttpAls" => {
            known(&[
                "service",
                "port",
                "logName",
                "additionalRequestHeadersToLog",
                "additionalResponseHeadersToLog",
                "additionalResponseTrailersToLog",
            ])?;
            let headers = serde_json::json!({
                "additional_request_headers_to_log": settings["additionalRequestHeadersToLog"],
                "additional_response_headers_to_log": settings["additionalResponseHeadersToLog"],
                "additional_response_trailers_to_log": settings["additionalResponseTrailersToLog"],
            });
            let name = settings["logName"].as_str().unwrap_or("http_envoy_accesslog").to_owned();
            service(registry, settings).map(|to| Provider::HttpAls { to, name, headers })
        }
        _ => Err(Unusable::Kind(kind.to_owned())),
    }
}

/// `[<namespace>/]<host>` and port of a service that there is.
fn service(registry: &Registry, settings: &Value) -> Result<Service, Unusable> {
    let text = settings["service"].as_str().unwrap_or_default();
    let host = text.split_once('/').map_or(text, |(_, host)| host);
    let port = settings["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default();
    let found = registry.service(host).ok_or_else(|| Unusable::NoService(host.to_owned()))?;
    found.port(port).ok_or_else(|| Unusable::NoPort(host.to_owned(), port))?;
    Ok(Service { cluster: names::outbound_cluster(port, "", host), host: host.to_owned(), port })
}

/// `accessLogFormat` and `accessLogEncoding` of the whole mesh.
fn format(config: &MeshConfig) -> Option<Value> {
    let text = config.access_log_format.as_deref().filter(|text| !text.is_empty());
    match (config.access_log_encoding.as_deref(), text) {
        (Some("JSON"), Some(labels)) => {
            serde_json::from_str(labels).ok().map(|labels: Value| serde_json::json!({"json_format": labels}))
        }
        (Some("JSON"), None) => Some(serde_json::json!({"json_format": json_labels()})),
        (_, Some(text)) => Some(inline(text)),
        (_, None) => None,
    }
}

/// Istio's keys of a JSON log: each operator of its text log under a name.
fn json_labels() -> Value {
    serde_json::json!({
        "start_time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "protocol": "%PROTOCOL%",
        "response_code": "%RESPONSE_CODE%",
        "response_flags": "%RESPONSE_FLAGS%",
        "response_code_details": "%RESPONSE_CODE_DETAILS%",
        "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
        "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        "duration": "%DURATION%",
        "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
        "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
        "user_agent": "%REQ(USER-AGENT)%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "authority": "%REQ(:AUTHORITY)%",
        "upstream_host": "%UPSTREAM_HOST%",
        "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
        "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
        "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
        "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
        "requested_server_name": "%REQUESTED_SERVER_NAME%",
        "route_name": "%ROUTE_NAME%",
    })
}

/// A provider's `logFormat`.
fn written(format: &Value) -> Option<Value> {
    match (format["text"].as_str(), &format["labels"]) {
        (Some(text), _) => Some(inline(text)),
        (None, labels) if labels.is_object() => Some(serde_json::json!({"json_format": labels})),
        _ => None,
    }
}

fn inline(text: &str) -> Value {
    // As istiod: a line of a log ends.
    let end = if text.ends_with('\n') { "" } else { "\n" };
    serde_json::json!({"text_format_source": {"inline_string": format!("{text}{end}")}})
}
