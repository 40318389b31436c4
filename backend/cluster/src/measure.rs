//! The last word on a change: do the requests follow it? Counted from after it was live, and compared with what was
//! wanted within the error bar of so many requests.

use crate::prometheus::answer::Sample;
use crate::prometheus::{self, query};
use crate::push::News;
use crate::session::Session;
use mesh::change::{Evidence, InboundTls, RouteExpectation};
use mesh::{Change, Fact, Problem};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Requests that were under way when the change became live are reported up to so much later.
const STRAGGLERS: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(1);
/// Fewer requests than this say nothing.
const ENOUGH: f64 = 30.0;
/// A share that does not agree by then is told as it is.
const PATIENCE: Duration = Duration::from_secs(180);
/// Standard deviations within which a share agrees.
const SIGMAS: f64 = 3.0;

/// What is expected of the requests: parts that each should get a fraction of them.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    /// Name and fraction (0 to 1).
    parts: Vec<(String, f64)>,
}

/// Counts per part, and all requests.
type Counts = (BTreeMap<String, f64>, f64);

/// Measures until the requests agree, or says why that cannot be known. Changes that telemetry cannot show end as live.
pub(crate) async fn follow(session: &Session, change: &Change, news: &News) {
    let told = match &change.effect.evidence {
        Evidence::Route(route) if !route.gone => of_route(session, route).await,
        Evidence::InboundTls(InboundTls::Strict) => of_tls(session, &change.effect.proxies).await,
        _ => return,
    };
    match told {
        Some(Ok(())) => news.send(Fact::Measured).await,
        Some(Err(problem)) => news.send(Fact::Unknowable(problem)).await,
        None => {}
    }
}

async fn of_route(session: &Session, route: &RouteExpectation) -> Option<Result<(), Problem>> {
    let scene = session.hub.scene.borrow().clone();
    let rules = scene
        .mesh
        .virtual_services()
        .find(|(at, _)| {
            route.config.ends_with(&format!("/namespaces/{}/virtual-service/{}", at.namespace, at.name))
        })
        .map(|(_, service)| service.http.clone())?;
    // Telemetry does not tell which rule took a request. The rule for all other calls usually takes most of them, so it
    // is measured by all; a rule for special calls cannot be.
    if !rules.get(route.rule)?.r#match.is_empty() {
        return Some(Err(Problem::new(
            "What this rule does cannot be measured",
            "Telemetry does not tell which of several rules took a request",
            "Watch the edges of the graph",
        )));
    }
    let expected = match &route.fault {
        Some(fault) => of_fault(fault),
        None => of_weights(&scene.mesh, route)?,
    };
    if expected.parts.is_empty() {
        return None;
    }
    let promql = |secs| query::requests_to(&route.host, secs);
    let count = |samples: Vec<Sample>| match &route.fault {
        Some(_) => faults(&samples),
        None => shares(&scene.mesh, &route.host, &samples),
    };
    Some(compare(session, &expected, promql, count).await)
}

/// The wanted shares, if each goes to a version that telemetry can tell.
fn of_weights(mesh: &mesh::Mesh, route: &RouteExpectation) -> Option<Expected> {
    let service = mesh.services().find(|service| service.host == route.host)?;
    let all: u32 = route.weights.iter().map(|(_, weight)| weight).sum();
    let mut parts: BTreeMap<String, f64> = BTreeMap::new();
    for (name, weight) in &route.weights {
        service.subsets.iter().find(|subset| subset.name == *name)?;
        *parts.entry(name.clone()).or_default() += f64::from(*weight) / f64::from(all.max(1));
    }
    Some(Expected { parts: parts.into_iter().collect() })
}

fn of_fault(fault: &mesh::edit::FaultSpec) -> Expected {
    let mut parts = Vec::new();
    if let Some((_, percent)) = fault.delay {
        parts.push(("DI".to_owned(), percent / 100.0));
    }
    if let Some((_, percent)) = fault.abort {
        parts.push(("FI".to_owned(), percent / 100.0));
    }
    Expected { parts }
}

async fn of_tls(session: &Session, proxies: &[String]) -> Option<Result<(), Problem>> {
    let expected = Expected { parts: vec![("none".into(), 0.0)] };
    let scene = session.hub.scene.borrow().clone();
    let pods: Vec<(&str, &str)> = proxies.iter().filter_map(|proxy| proxy.rsplit_once('.')).collect();
    let affected: Vec<(String, String)> = scene
        .mesh
        .workloads()
        .filter(|workload| workload.pods.iter().any(|pod| pods.contains(&(&*pod.name, &*workload.namespace))))
        .map(|workload| (workload.namespace.to_string(), workload.name.to_string()))
        .collect();
    let count = |samples: Vec<Sample>| {
        let mut counts = Counts::default();
        for sample in samples {
            let of = (
                sample.label("destination_workload_namespace").to_owned(),
                sample.label("destination_workload").to_owned(),
            );
            if affected.contains(&of) {
                *counts.0.entry(sample.label("connection_security_policy").to_owned()).or_default() +=
                    sample.value;
                counts.1 += sample.value;
            }
        }
        counts
    };
    Some(compare(session, &expected, query::security_of, count).await)
}

/// Requests by response flag of a fault.
fn faults(samples: &[Sample]) -> Counts {
    let mut counts = Counts::default();
    for sample in samples {
        for flag in sample.label("response_flags").split(',') {
            *counts.0.entry(flag.to_owned()).or_default() += sample.value;
        }
        counts.1 += sample.value;
    }
    counts
}

/// Requests by subset, told by the workloads behind each. Requests that reached no workload count for none.
fn shares(mesh: &mesh::Mesh, host: &str, samples: &[Sample]) -> Counts {
    let mut counts = Counts::default();
    let service = mesh.services().find(|service| service.host == host);
    for sample in samples {
        let (namespace, workload) =
            (sample.label("destination_workload_namespace"), sample.label("destination_workload"));
        let subset = service.into_iter().flat_map(|service| &service.subsets).find(|subset| {
            subset.workloads.iter().any(|name| name == workload || *name == format!("{namespace}/{workload}"))
        });
        if workload != "unknown" {
            let name = subset.map_or_else(|| host.to_owned(), |subset| subset.name.clone());
            *counts.0.entry(name).or_default() += sample.value;
            counts.1 += sample.value;
        }
    }
    counts
}

async fn compare(
    session: &Session,
    expected: &Expected,
    promql: impl Fn(u64) -> String,
    count: impl Fn(Vec<Sample>) -> Counts,
) -> Result<(), Problem> {
    tokio::time::sleep(STRAGGLERS).await;
    let begun = Instant::now();
    let mut last = Counts::default();
    loop {
        tokio::time::sleep(PAUSE).await;
        let secs = begun.elapsed().as_secs().max(1);
        match prometheus::ask(session, &promql(secs)).await {
            Ok(samples) => last = count(samples),
            Err(problem) if begun.elapsed() > PATIENCE / 6 => return Err(problem),
            Err(problem) => tracing::debug!(%problem, "measuring a change"),
        }
        if agrees(expected, &last) {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(disagreement(expected, &last));
        }
    }
}

/// Whether enough requests were seen and every part's share is what was wanted, within its error bar.
fn agrees(expected: &Expected, (counts, all): &Counts) -> bool {
    *all >= ENOUGH
        && expected.parts.iter().all(|(name, fraction)| {
            let got = counts.get(name).copied().unwrap_or_default();
            let sigma = (all * fraction * (1.0 - fraction)).sqrt();
            // One and a half requests of slack: rates are interpolated, and a share of 0 or 100 % has no deviation.
            (got - all * fraction).abs() <= SIGMAS * sigma + 1.5
        })
}

fn disagreement(expected: &Expected, (counts, all): &Counts) -> Problem {
    let what = "The requests do not show it yet";
    if *all < ENOUGH {
        let why = format!("Only {all:.0} requests came in {} minutes", PATIENCE.as_secs() / 60);
        return Problem::new(what, why, "Send some, or watch the graph");
    }
    let parts = expected.parts.iter().map(|(name, fraction)| {
        let got = counts.get(name).copied().unwrap_or_default() / all * 100.0;
        format!("{name}: wanted {:.0} %, measured {got:.1} %", fraction * 100.0)
    });
    let why = format!("Of {all:.0} requests: {}", parts.collect::<Vec<_>>().join("; "));
    Problem::new(
        what,
        why,
        "Another rule, a retry or a sticky session may move requests: look at the edges of the graph",
    )
}

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;
