//! What was usual in the last hour, path by path: the median of its rates and of its 95th percentiles, and what
//! of it came in plain text. Asked rarely; the newest part of the hour is left out, so that trouble which just
//! began is not usual yet.

use super::answer::{OfHour, UsualOf};
use super::ask::Prometheus;
use super::query;
use mesh::Problem;
use mesh::traffic::{Path, Usual};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// It is asked again after so long; sooner as long as nothing is known.
const AGAIN: Duration = Duration::from_secs(300);
const SOON: Duration = Duration::from_secs(60);
/// The shortest step through the hour.
const STEP: u64 = 60;

/// What was learnt last.
#[derive(Default)]
pub(super) struct Hour {
    pub(super) paths: Arc<BTreeMap<Path, Usual>>,
    asked: Option<Instant>,
}

impl Hour {
    /// Asks again, when it is time. What cannot be told leaves what was known.
    pub(super) async fn look(&mut self, prometheus: &Prometheus, every: Option<f64>) {
        let pause = if self.paths.is_empty() { SOON } else { AGAIN };
        if self.asked.is_some_and(|asked| asked.elapsed() < pause) {
            return;
        }
        self.asked = Some(Instant::now());
        match told(prometheus, every).await {
            Ok(paths) => self.paths = Arc::new(paths),
            Err(problem) => tracing::debug!(%problem, "asking what was usual in the last hour"),
        }
    }
}

/// What was usual in the hour until the moment that Prometheus is asked for.
pub(super) async fn told(
    prometheus: &Prometheus,
    every: Option<f64>,
) -> Result<BTreeMap<Path, Usual>, Problem> {
    // Four readings to a step.
    let step = STEP.max((every.unwrap_or_default() * 4.0) as u64);
    let mut usual = UsualOf::default();
    prometheus.each(&query::usual_rates(step), |sample| usual.take(OfHour::Rate, &sample)).await?;
    prometheus.each(&query::usual_times(step), |sample| usual.take(OfHour::Time, &sample)).await?;
    prometheus.each(&query::plaintext(), |sample| usual.take(OfHour::Plaintext, &sample)).await?;
    Ok(usual.paths())
}
