//! How a control plane is set up.

use crate::bootstrap;
use crate::ca::Authority;
use crate::error::Error;
use crate::log::Log;
use crate::registry::{Untranslated, Workload};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use wire::Address;

/// Hears, once, of each part of an object that has no effect.
pub type Notice = Arc<dyn Fn(&Untranslated) + Send + Sync>;

/// How a control plane is set up.
#[derive(Clone)]
pub struct Options {
    /// Where proxies send their access logs (gRPC).
    pub als: Address,
    /// Where proxies send their spans (OTLP over gRPC).
    pub otlp: Address,
    /// Who signs certificates.
    pub ca: Arc<Authority>,
    /// How long to wait for a burst of changes to end.
    pub debounce: Duration,
    /// Where to serve proxies; port 0 lets the system choose.
    pub xds: Address,
    /// Where to serve the debug pages; port 0 lets the system choose.
    pub debug: Address,
    /// Who else than the log hears of what has no effect.
    pub notice: Option<Notice>,
    /// Who keeps what istiod would write to its log.
    pub log: Option<Log>,
}

impl Options {
    /// Everything as usual: ports chosen by the system, a new authority whose certificates live for an hour.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new(als: impl Into<Address>, otlp: impl Into<Address>) -> Result<Self, Error> {
        Ok(Self {
            als: als.into(),
            otlp: otlp.into(),
            ca: Arc::new(Authority::new(Duration::from_secs(3600))?),
            debounce: Duration::from_millis(10),
            xds: Address::local(0),
            debug: Address::local(0),
            notice: None,
            log: None,
        })
    }
}

impl Options {
    /// Says of a part of an object that it has no effect, to everybody who hears of it.
    pub(crate) fn tell(&self, untranslated: &Untranslated) {
        tracing::warn!(object = %untranslated.object, "{}", untranslated.reason);
        self.warn("model", &format!("{}: {}", untranslated.object, untranslated.reason));
        self.notice.iter().for_each(|notice| notice(untranslated));
    }

    /// The configuration to start a Pod's Envoy with, when [`Options::xds`] is the true address; `None` for a
    /// pod that has no address or no proxy. A proxy may start while the control plane is away.
    pub fn bootstrap(&self, pod: &Value) -> Option<Value> {
        let workload = Workload::of(&istio::Object::from(pod.clone()))?;
        workload.proxy?;
        Some(bootstrap::bootstrap(
            &workload,
            &bootstrap::Servers { xds: &self.xds, als: &self.als, otlp: &self.otlp },
        ))
    }
}

impl Options {
    pub(crate) fn info(&self, words: &str) {
        self.write("info", "ads", words);
    }

    pub(crate) fn warn(&self, scope: &str, words: &str) {
        self.write("warn", scope, words);
    }

    fn write(&self, level: &str, scope: &str, words: &str) {
        if let Some(log) = &self.log {
            log(&format!("{:.6}\t{level}\t{scope}\t{words}", jiff::Timestamp::now()));
        }
    }
}
