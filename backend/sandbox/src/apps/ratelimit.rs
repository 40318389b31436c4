//! `ratelimit`: counts requests for the whole mesh, for Envoy's filter `envoy.filters.http.ratelimit`.
//!
//! It reads what envoyproxy/ratelimit reads: YAML files of `domain` and `descriptors`, mounted from a
//! ConfigMap. Counts are kept in this process instead of in Redis, by the second, minute, hour … of the
//! clock, and lost when the pod goes.

use super::Host;
use axum::Router;
use axum::routing::get;
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use wire::ratelimit::{self, Asked, Verdict};

/// Health over HTTP, and gRPC; each is answered at both.
pub(crate) const PORTS: &[u16] = &[8080, 8081];

/// One file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    domain: String,
    descriptors: Vec<Descriptor>,
}

/// A key, perhaps with one value only, and the limit of those that end here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Descriptor {
    key: String,
    value: Option<String>,
    rate_limit: Option<Limit>,
    /// Counted, and let through.
    shadow_mode: bool,
    descriptors: Vec<Descriptor>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Limit {
    unit: String,
    requests_per_unit: u32,
    unlimited: bool,
}

const UNITS: [(&str, u64); 6] = [
    ("second", 1),
    ("minute", 60),
    ("hour", 3600),
    ("day", 86_400),
    ("month", 2_592_000),
    ("year", 31_536_000),
];

/// How many there were of each descriptor in a window of time.
type Counts = HashMap<String, (u64, u32)>;

/// The program.
pub(crate) fn router(host: Host) -> Router {
    host.log.push(&format!("ratelimit serves on ports {PORTS:?}"));
    let counts = Arc::new(Mutex::new(Counts::new()));
    let grpc = ratelimit::service(Arc::new(move |asked| {
        let mut configs = Vec::new();
        for (path, text) in host.files.files() {
            match serde_saphyr::from_str::<Config>(&text) {
                Ok(config) => configs.push(config),
                Err(error) => host.log.push(&format!("error loading {path}: {error}")),
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let verdicts = decide(&configs, &mut counts.lock(), asked, now);
        let over = verdicts.iter().any(|verdict| verdict.over);
        host.log.push(&format!(
            "{} {:?}: {}",
            asked.domain,
            asked.descriptors,
            if over { "over limit" } else { "ok" }
        ));
        verdicts
    }));
    let health = get(|| async { "OK" });
    Router::new().route("/healthcheck", health).route_service(ratelimit::PATH, grpc)
}

fn decide(configs: &[Config], counts: &mut Counts, asked: &Asked, now: u64) -> Vec<Verdict> {
    let one = |entries: &Vec<(String, String)>| {
        let found = configs
            .iter()
            .filter(|config| config.domain == asked.domain)
            .find_map(|config| find(&config.descriptors, entries));
        let Some((limit, shadow)) = found else { return Verdict::default() };
        let Some((unit, seconds)) = UNITS.into_iter().find(|(unit, _)| limit.unit.eq_ignore_ascii_case(unit))
        else {
            return Verdict::default();
        };
        if limit.unlimited {
            return Verdict::default();
        }
        let window = now / seconds;
        let counted = counts.entry(format!("{}|{entries:?}|{unit}", asked.domain)).or_insert((window, 0));
        if counted.0 != window {
            *counted = (window, 0);
        }
        counted.1 = counted.1.saturating_add(asked.hits);
        Verdict {
            over: counted.1 > limit.requests_per_unit && !shadow,
            limit: Some((limit.requests_per_unit, unit)),
            remaining: limit.requests_per_unit.saturating_sub(counted.1),
            reset: seconds - now % seconds,
        }
    };
    asked.descriptors.iter().map(one).collect()
}

/// The limit of a descriptor: at each step the one with this value comes before the one with any.
fn find(level: &[Descriptor], entries: &[(String, String)]) -> Option<(Limit, bool)> {
    let ((key, value), rest) = entries.split_first()?;
    let exact = level.iter().find(|known| known.key == *key && known.value.as_ref() == Some(value));
    let step = exact.or_else(|| level.iter().find(|known| known.key == *key && known.value.is_none()))?;
    if rest.is_empty() {
        return step.rate_limit.clone().map(|limit| (limit, step.shadow_mode));
    }
    find(&step.descriptors, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_by_value_and_by_window() {
        let text = "domain: shop\ndescriptors:\n\
             - {key: PATH, value: /dear, rate_limit: {unit: minute, requests_per_unit: 1}}\n\
             - {key: PATH, rate_limit: {unit: MINUTE, requests_per_unit: 2}, descriptors: [{key: user, rate_limit: {unit: hour, requests_per_unit: 1}}]}\n";
        let configs = [serde_saphyr::from_str::<Config>(text).unwrap()];
        let mut counts = Counts::new();
        let mut over = |entries: &[(&str, &str)], now| {
            let entries =
                entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            let asked = Asked { domain: "shop".into(), descriptors: vec![entries], hits: 1 };
            decide(&configs, &mut counts, &asked, now)[0].over
        };
        assert_eq!(
            [over(&[("PATH", "/dear")], 5), over(&[("PATH", "/dear")], 6), over(&[("PATH", "/dear")], 60)],
            [false, true, false]
        );
        assert_eq!(
            [over(&[("PATH", "/a")], 5), over(&[("PATH", "/b")], 5), over(&[("PATH", "/a")], 5)],
            [false; 3]
        );
        assert!(over(&[("PATH", "/a")], 5));
        let nested = [("PATH", "/a"), ("user", "anna")];
        assert_eq!([over(&nested, 5), over(&nested, 600), over(&nested, 3600)], [false, true, false]);
        assert!(!over(&[("other", "x")], 5));
    }
}
