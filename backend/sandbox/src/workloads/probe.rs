//! Probes: asking a container, as its spec wants it, whether it is ready and whether it lives.

use crate::apps::outgoing::{CallError, exchange, refused, request};
use http::{HeaderMap, Method};
use serde_json::Value;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::TcpStream;

/// Why a probe failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("connect to port {0}: connection refused")]
    Closed(u16),
    #[error("connection refused")]
    Refused,
    #[error("{0}")]
    Connect(#[from] std::io::Error),
    #[error("{0}")]
    Call(#[from] CallError),
    #[error("HTTP probe failed with statuscode: {0}")]
    Status(u16),
    #[error("no answer in time")]
    Late,
}

/// One probe of a container that runs a demo service. Those that would run a program in the container always
/// succeed: there is none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probe {
    /// The path to ask for; without one a connection is enough.
    path: Option<String>,
    /// The port to ask at, as inside the pod.
    pub(crate) port: u16,
    delay: Duration,
    period: Duration,
    timeout: Duration,
    failures: u64,
    successes: u64,
}

impl Probe {
    /// The container's `readinessProbe` or `livenessProbe`, with Kubernetes' defaults.
    pub(crate) fn of(container: &Value, name: &str) -> Option<Self> {
        let probe = container.get(name)?;
        let (how, path) = match probe.get("httpGet") {
            Some(get) => (get, Some(get["path"].as_str().unwrap_or("/").to_owned())),
            None => (probe.get("tcpSocket")?, None),
        };
        let port = match &how["port"] {
            Value::String(name) => {
                container["ports"].as_array()?.iter().find(|port| port["name"] == *name)?["containerPort"]
                    .as_u64()
            }
            number => number.as_u64(),
        };
        let number = |field: &str, unset: u64| probe[field].as_u64().unwrap_or(unset);
        Some(Self {
            path,
            port: u16::try_from(port?).ok()?,
            delay: Duration::from_secs(number("initialDelaySeconds", 0)),
            period: Duration::from_secs(number("periodSeconds", 10).max(1)),
            timeout: Duration::from_secs(number("timeoutSeconds", 1).max(1)),
            failures: number("failureThreshold", 3).max(1),
            successes: number("successThreshold", 1).max(1),
        })
    }

    /// Waits as long as the spec leaves a new container alone.
    pub(crate) async fn hold_back(&self) {
        tokio::time::sleep(self.delay).await;
    }

    /// Asks again and again until the verdict is another one than `known`; says each failure. `real` is its
    /// port on this machine, if anybody listens there.
    pub(crate) async fn turns(&self, known: bool, real: Option<u16>, failed: impl Fn(&Failure)) {
        let mut in_a_row = 0;
        loop {
            let answer = match real {
                Some(real) => self.ask(real).await,
                None => Err(Failure::Closed(self.port)),
            };
            if let Err(why) = &answer {
                failed(why);
            }
            in_a_row = if answer.is_ok() == known { 0 } else { in_a_row + 1 };
            if in_a_row >= if known { self.failures } else { self.successes } {
                return;
            }
            tokio::time::sleep(self.period).await;
        }
    }

    async fn ask(&self, real: u16) -> Result<(), Failure> {
        let ask = async {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, real)).await;
            let stream =
                stream.map_err(|error| if refused(&error) { Failure::Refused } else { error.into() })?;
            let Some(path) = &self.path else { return Ok(()) };
            let request = request(Method::GET, "localhost", path, HeaderMap::new())?;
            let status = exchange(stream, request).await?.status;
            if (200..400).contains(&status.as_u16()) {
                return Ok(());
            }
            Err(Failure::Status(status.as_u16()))
        };
        tokio::time::timeout(self.timeout, ask).await.map_err(|_| Failure::Late)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_probe_is_read_with_its_defaults() {
        let container = json!({"ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 2},
            "livenessProbe": {"exec": {"command": ["curl", "localhost:8080"]}}});
        let probe = Probe::of(&container, "readinessProbe").unwrap();
        assert_eq!(
            (probe.port, probe.path.as_deref(), probe.period.as_secs(), probe.failures),
            (8080, Some("/health"), 2, 3)
        );
        assert_eq!(
            (Probe::of(&container, "livenessProbe"), Probe::of(&container, "startupProbe")),
            (None, None)
        );
    }
}
