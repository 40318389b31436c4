//! A pod's faults, made on purpose: annotations on the Pod, or on its Deployment's template, by which its
//! application fails, is slow, crashes or is not ready. They hold from the moment they are written, without a
//! restart.
//!
//! ```text
//! kubectl annotate pod ratings-v1-… sandbox.binnacle.dev/error-rate=50 sandbox.binnacle.dev/latency=300ms
//! ```

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use istio::Object;
use rand::Rng;
use std::time::Duration;
use tokio::sync::watch;

const PREFIX: &str = "sandbox.binnacle.dev/";
/// Annotations with that prefix which are no faults.
const OTHERS: [&str; 1] = ["ports"];
/// Nobody waits longer.
const SLOWEST: Duration = Duration::from_secs(600);

/// What is wrong with one pod's applications.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Faults {
    /// Which share of its answers are errors, 0 to 1.
    error_rate: f64,
    error_status: StatusCode,
    /// How much later it answers.
    latency: Duration,
    /// Up to how much later still, by chance.
    jitter: Duration,
    /// It ends as soon as it is started.
    pub(crate) crash: bool,
    /// It answers, but says that it is not ready.
    pub(crate) not_ready: bool,
    /// Annotations that cannot be read, in words for the user.
    pub(crate) mistakes: Vec<String>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            error_rate: 0.0,
            error_status: StatusCode::SERVICE_UNAVAILABLE,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            crash: false,
            not_ready: false,
            mistakes: Vec::new(),
        }
    }
}

/// What a pod's annotations ask for.
pub(crate) fn of(pod: &Object) -> Faults {
    let mut faults = Faults::default();
    for (key, text) in pod.annotations() {
        let Some(name) = key.strip_prefix(PREFIX).filter(|name| !OTHERS.contains(name)) else { continue };
        if let Err(expected) = faults.take(name, text.trim()) {
            faults.mistakes.push(format!("Annotation {key}: \"{text}\" is ignored: {expected}"));
        }
    }
    faults
}

impl Faults {
    fn take(&mut self, name: &str, text: &str) -> Result<(), &'static str> {
        match name {
            "error-rate" => {
                let percent = text
                    .trim_end_matches('%')
                    .parse::<f64>()
                    .ok()
                    .filter(|percent| (0.0..=100.0).contains(percent));
                self.error_rate = percent.ok_or("expected a percentage from 0 to 100")? / 100.0;
            }
            "error-status" => {
                let status = text.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
                self.error_status = status
                    .filter(|status| (200..600).contains(&status.as_u16()))
                    .ok_or("expected an HTTP status from 200 to 599")?;
            }
            "latency" => self.latency = duration(text)?,
            "latency-jitter" => self.jitter = duration(text)?,
            "crash" => self.crash = truth(text)?,
            "not-ready" => self.not_ready = truth(text)?,
            _ => {
                return Err(
                    "known are error-rate, error-status, latency, latency-jitter, crash and not-ready",
                );
            }
        }
        Ok(())
    }
}

fn truth(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "expected true or false")
}

/// `300ms`, `1.5s`, `2m`, or several of them in a row.
fn duration(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "expected a duration such as 300ms or 1.5s, up to 10m";
    let read = istio::Duration::read(text).and_then(|span| Duration::try_from(span).ok());
    read.filter(|read| *read <= SLOWEST).ok_or(EXPECTED)
}

/// Between the application and whoever asked it: waits and fails as the pod's faults have it.
pub(crate) async fn inject(
    State(faults): State<watch::Receiver<Faults>>,
    request: Request,
    next: Next,
) -> Response {
    let faults = faults.borrow().clone();
    let (late, fails) = {
        let mut chance = rand::rng();
        (
            faults.latency + faults.jitter.mul_f64(chance.random::<f64>()),
            chance.random_bool(faults.error_rate),
        )
    };
    if !late.is_zero() {
        tokio::time::sleep(late).await;
    }
    if fails {
        return (faults.error_status, format!("an error on purpose, by annotation {PREFIX}error-rate\n"))
            .into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(annotations: serde_json::Value) -> Faults {
        of(&Object::from(json!({"metadata": {"annotations": annotations}})))
    }

    #[test]
    fn annotations_are_read_and_mistakes_are_named() {
        let read = faults(
            json!({"sandbox.binnacle.dev/error-rate": "50%", "sandbox.binnacle.dev/error-status": "418",
            "sandbox.binnacle.dev/latency": "1m0.5s", "sandbox.binnacle.dev/latency-jitter": "300ms",
            "sandbox.binnacle.dev/crash": "true", "sandbox.binnacle.dev/not-ready": "false", "sandbox.binnacle.dev/ports": "{}",
            "example.test/other": "x"}),
        );
        let expect = Faults {
            error_rate: 0.5,
            error_status: StatusCode::IM_A_TEAPOT,
            latency: Duration::from_millis(60_500),
            jitter: Duration::from_millis(300),
            crash: true,
            ..Faults::default()
        };
        assert_eq!(read, expect);
        for (name, value, part) in [
            ("error-rate", "101", "0 to 100"),
            ("error-rate", "half", "0 to 100"),
            ("error-rate", "NaN", "0 to 100"),
            ("error-status", "99", "200 to 599"),
            ("error-status", "600", "200 to 599"),
            ("latency", "", "300ms"),
            ("latency", "5", "300ms"),
            ("latency", "-1s", "300ms"),
            ("latency", "1h", "300ms"),
            ("latency", "11m", "300ms"),
            ("crash", "yes", "true or false"),
            ("eror-rate", "50", "known are"),
        ] {
            let read = faults(json!({format!("{PREFIX}{name}"): value}));
            assert!(read.mistakes.len() == 1 && read.mistakes[0].contains(part), "{name}={value}: {read:?}");
            assert_eq!(
                Faults { mistakes: Vec::new(), ..read },
                Faults::default(),
                "{name}={value} changes nothing"
            );
        }
    }
}
