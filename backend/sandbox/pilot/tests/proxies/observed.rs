//! A mesh whose proxies report to real telemetry: queries show what they said.

use crate::bench::{Bench, PATIENCE, exchange, get};
use serde_json::Value;
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use telemetry::{Directory, Telemetry, Workload};

/// Knows pods by name and by the ports that a test tells.
#[derive(Default)]
struct Known(Mutex<HashMap<SocketAddr, Arc<Workload>>>);

fn workload(pod: &str) -> Arc<Workload> {
    let app = pod.split('-').next().unwrap_or(pod);
    Arc::new(Workload {
        pod: pod.to_owned(),
        namespace: "demo".to_owned(),
        workload: pod.to_owned(),
        app: app.to_owned(),
        version: "v1".to_owned(),
        canonical_service: app.to_owned(),
        canonical_revision: "v1".to_owned(),
        principal: format!("spiffe://cluster.local/ns/demo/sa/{app}"),
        cluster: "Kubernetes".to_owned(),
        ip: None,
        service: Some(format!("{app}.demo.svc.cluster.local")),
    })
}

impl Directory for Known {
    fn by_pod(&self, pod: &str) -> Option<Arc<Workload>> {
        pod.strip_suffix(".demo").map(workload)
    }
    fn by_address(&self, address: SocketAddr) -> Option<Arc<Workload>> {
        self.0.lock().expect("no panic").get(&address).cloned()
    }
    fn service(&self, host: &str) -> Option<(String, String)> {
        host.strip_suffix(".demo.svc.cluster.local").map(|name| (name.to_owned(), "demo".to_owned()))
    }
}

/// Telemetry of its own.
pub(crate) struct Observed {
    pub(crate) telemetry: Telemetry,
    known: Arc<Known>,
}

impl Observed {
    pub(crate) async fn start() -> Self {
        let known = Arc::<Known>::default();
        let options = telemetry::Options {
            scrape_interval: Duration::from_millis(50),
            ..telemetry::Options::new(known.clone(), pilot::ISTIO_VERSION)
        };
        Self { telemetry: Telemetry::start(options).await.expect("telemetry"), known }
    }

    /// A control plane whose proxies report here.
    pub(crate) async fn bench(&self) -> Bench {
        let options = pilot::Options::new(
            self.telemetry.als_addr().tcp().expect("a port"),
            self.telemetry.otlp_addr().tcp().expect("a port"),
        )
        .expect("options");
        Bench::start_with(options).await
    }

    /// From now on the pods are known by their addresses.
    pub(crate) fn know(&self, bench: &Bench) {
        let mut known = self.known.0.lock().expect("no panic");
        for (name, pod) in &bench.pods {
            known.extend(
                pod.ports
                    .values()
                    .map(|port| (SocketAddr::from((Ipv4Addr::LOCALHOST, *port)), workload(name))),
            );
        }
    }

    async fn json(&self, at: SocketAddr, path: &str) -> Value {
        let answer = exchange(at.port(), "", &get(path, "telemetry", &[])).await.expect("an answer");
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    /// The result of a query: each series as `label=value,… number`.
    pub(crate) async fn ask(&self, query: &str) -> Vec<String> {
        let answer = self
            .json(
                self.telemetry.prometheus_addr().tcp().expect("a port"),
                &format!("/api/v1/query?query={}", encoded(query)),
            )
            .await;
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let rows = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let text = |row: &Value| {
            let labels = row["metric"].as_object().into_iter().flatten();
            let labels: Vec<String> = labels
                .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
                .collect();
            format!("{} {}", labels.join(","), row["value"][1].as_str().unwrap_or_default()).trim().to_owned()
        };
        rows.iter().map(text).collect()
    }

    /// Asks until the answer is as wanted, prints it, and fails with the last one when it does not come.
    pub(crate) async fn until(&self, query: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let mut last = Vec::new();
        let ask = async {
            loop {
                last = self.ask(query).await;
                if wanted(&last) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE * 2, ask).await.is_ok();
        assert!(came, "{query}: {last:#?}");
        println!("{query}\n    {}", last.join("\n    "));
        last
    }

    /// The spans of a service, newest traces first.
    pub(crate) async fn spans(&self, service: &str) -> Vec<Value> {
        let found = self
            .json(
                self.telemetry.jaeger_addr().tcp().expect("a port"),
                &format!("/api/traces?service={service}.demo&limit=5000"),
            )
            .await;
        let traces = found["data"].as_array().cloned().unwrap_or_default();
        let own = |trace: &Value| {
            let processes = trace["processes"].clone();
            let spans = trace["spans"].as_array().cloned().unwrap_or_default();
            let is_own = move |span: &Value| {
                processes[span["processID"].as_str().unwrap_or_default()]["serviceName"]
                    == format!("{service}.demo")
            };
            spans.into_iter().filter(is_own).collect::<Vec<_>>()
        };
        traces.iter().flat_map(own).collect()
    }

    /// Waits until a service has reported a span of a request whose URL contains this.
    pub(crate) async fn span(&self, service: &str, url: &str) -> Value {
        let seek = async {
            loop {
                if let Some(span) = self.spans(service).await.into_iter().find(|span| about(span, url)) {
                    return span;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE * 2, seek)
            .await
            .unwrap_or_else(|_| panic!("no span of {service} for {url}"))
    }
}

/// Whether a span is of a request whose URL contains this.
pub(crate) fn about(span: &Value, url: &str) -> bool {
    tag(span, "http.url").is_some_and(|found| found.contains(url))
}

/// A tag of a span.
pub(crate) fn tag<'a>(span: &'a Value, key: &str) -> Option<&'a str> {
    span["tags"].as_array()?.iter().find(|tag| tag["key"] == key)?["value"].as_str()
}

/// Percent-encodes a parameter.
fn encoded(text: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(one).collect()
}
