//! What the mesh as a whole is told (istiod's ConfigMap), as far as editors ask.

use istio::route::Settings;
use istio::yaml::Unreadable;
use serde_json::Value;

/// The mesh's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeshConfig {
    /// Programs that the mesh's proxies may be told to ask or to report to.
    pub providers: Vec<Provider>,
    /// `defaultHttpRetryPolicy`: retries of rules that say nothing of them, as it is written.
    pub retries: Option<Value>,
    /// `connectTimeout`, as it is written.
    pub connect_timeout: Option<String>,
    /// What it says of who sees what, and how calls are read.
    pub calls: Settings,
    /// `trustDomain`.
    pub trust_domain: Option<String>,
    /// `enableAutoMtls` is off: proxies use mutual TLS only where a DestinationRule says so.
    pub no_auto_mtls: bool,
    /// `trustDomainAliases`: other beginnings of identities that mean the same.
    pub trust_aliases: Vec<String>,
    /// Whether access logs are written where a Telemetry names no provider.
    pub logs: bool,
}

/// One of `extensionProviders`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provider {
    /// Its name, by which policies refer to it.
    pub name: String,
    /// "envoyExtAuthzGrpc".
    pub kind: String,
    /// Where it answers: "ext-authz.istio-system.svc.cluster.local:9000".
    pub service: String,
}

/// What a provider is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reports {
    /// Spans.
    Traces,
    /// Access logs.
    Logs,
    /// Metrics.
    Metrics,
}

impl Reports {
    /// "traces".
    pub fn word(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "access logs",
            Self::Metrics => "metrics",
        }
    }

    /// The provider that every mesh has for it.
    pub fn built_in(self) -> Option<&'static str> {
        match self {
            Self::Traces => None,
            Self::Logs => Some(istio::telemetry::ENVOY),
            Self::Metrics => Some(istio::telemetry::PROMETHEUS),
        }
    }

    /// The kinds of providers that are for it.
    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Traces => &[
                "opentelemetry",
                "zipkin",
                "datadog",
                "skywalking",
                "stackdriver",
                "lightstep",
                "opencensus",
            ],
            Self::Logs => {
                &["envoyFileAccessLog", "envoyHttpAls", "envoyTcpAls", "envoyOtelAls", "stackdriver"]
            }
            Self::Metrics => &["prometheus", "stackdriver"],
        }
    }
}

impl Provider {
    /// Whether it can be asked whether a call is let in.
    pub fn authorizes(&self) -> bool {
        matches!(self.kind.as_str(), "envoyExtAuthzGrpc" | "envoyExtAuthzHttp")
    }
}

impl MeshConfig {
    /// What the ConfigMap's `mesh` says, once it is read as a value.
    pub fn read(mesh: &Value) -> Self {
        let one = |provider: &Value| {
            let fields = provider.as_object()?;
            let (kind, what) = fields.iter().find(|(_, value)| value.is_object())?;
            let service = what["service"].as_str().unwrap_or_default();
            let port = match &what["port"] {
                Value::Null => String::new(),
                Value::String(port) => format!(":{port}"),
                port => format!(":{port}"),
            };
            let name = provider["name"].as_str()?.to_owned();
            Some(Provider { name, kind: kind.clone(), service: format!("{service}{port}") })
        };
        let texts = |value: &Value| {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let all = mesh["extensionProviders"].as_array().map_or(&[][..], Vec::as_slice);
        Self {
            providers: all.iter().filter_map(one).collect(),
            retries: mesh.get("defaultHttpRetryPolicy").filter(|retries| retries.is_object()).cloned(),
            connect_timeout: mesh["connectTimeout"].as_str().map(str::to_owned),
            calls: calls(mesh),
            trust_domain: mesh["trustDomain"].as_str().map(str::to_owned),
            no_auto_mtls: mesh["enableAutoMtls"] == false,
            trust_aliases: texts(&mesh["trustDomainAliases"]),
            logs: mesh["accessLogFile"].as_str().is_some_and(|file| !file.is_empty())
                || !texts(&mesh["defaultProviders"]["accessLogging"]).is_empty(),
        }
    }

    /// What a text says: the configuration itself, or istiod's ConfigMap that holds it.
    ///
    /// # Errors
    /// When it is no YAML, with the place.
    pub fn of_text(text: &str) -> Result<Self, Unreadable> {
        let value = istio::yaml::read(text)?.value;
        match value.pointer("/data/mesh").and_then(Value::as_str) {
            Some(mesh) => Ok(Self::read(&istio::yaml::read(mesh)?.value)),
            None => Ok(Self::read(&value)),
        }
    }

    /// Those that can be told of something.
    pub fn told(&self, of: Reports) -> impl Iterator<Item = &Provider> {
        self.providers.iter().filter(move |provider| of.kinds().contains(&provider.kind.as_str()))
    }

    /// Those that can be asked.
    pub fn authorizing(&self) -> impl Iterator<Item = &Provider> {
        self.providers.iter().filter(|provider| provider.authorizes())
    }
}

fn calls(mesh: &Value) -> Settings {
    let list = |name: &str| {
        let all = mesh[name].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let paths = mesh["pathNormalization"]["normalization"].as_str().unwrap_or_default();
    Settings {
        services: list("defaultServiceExportTo"),
        virtual_services: list("defaultVirtualServiceExportTo"),
        destination_rules: list("defaultDestinationRuleExportTo"),
        registry_only: mesh["outboundTrafficPolicy"]["mode"] == "REGISTRY_ONLY",
        merge_slashes: matches!(paths, "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES"),
        paths_as_they_are: paths == "NONE",
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn providers_that_can_be_asked() {
        let config = MeshConfig::read(&json!({ "extensionProviders": [
            { "name": "judge", "envoyExtAuthzGrpc": { "service": "judge.web", "port": "9000" } },
            { "name": "spans", "zipkin": { "service": "zipkin.web", "port": 9411 } },
            { "envoyExtAuthzHttp": {} }, 7,
        ] }));
        let said: Vec<&str> = config.authorizing().map(|one| one.service.as_str()).collect();
        assert_eq!((said, config.providers.len()), (vec!["judge.web:9000"], 2));
        let told = |of| config.told(of).map(|one| one.name.as_str()).collect::<Vec<_>>();
        assert_eq!((told(Reports::Traces), told(Reports::Logs)), (vec!["spans"], vec![]));
        assert_eq!(MeshConfig::read(&json!(null)), MeshConfig::default());
        let text = "extensionProviders:\n- name: judge\n  envoyExtAuthzGrpc: { service: judge.web }\n";
        let map = format!("kind: ConfigMap\ndata:\n  mesh: |\n    {}", text.replace('\n', "\n    "));
        for text in [text, &map] {
            let config = MeshConfig::of_text(text).unwrap();
            assert_eq!(
                config.authorizing().map(|one| one.name.as_str()).collect::<Vec<_>>(),
                ["judge"],
                "{text}"
            );
        }
        assert_eq!(MeshConfig::of_text("a: \"b\n").unwrap_err().place().line, 0);
        let retries = json!({ "attempts": 5 });
        let config = MeshConfig::read(&json!({ "defaultHttpRetryPolicy": retries, "connectTimeout": "3s" }));
        assert_eq!((config.retries, config.connect_timeout.as_deref()), (Some(retries), Some("3s")));
    }
}
