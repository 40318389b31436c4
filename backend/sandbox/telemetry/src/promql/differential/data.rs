//! Samples like those of a mesh, and odd ones: restarts, gaps, series that begin late, gauges with NaN and
//! infinities.

use std::fmt::Write as _;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    counters::BOUNDS,
    labels::{Labels, NAME},
    samples::Samples,
};

/// Forty minutes of samples, every five seconds with some jitter.
pub(super) const START_MS: i64 = 1_790_000_000_000;
pub(super) const END_MS: i64 = START_MS + 2_400_000;
const STEP_MS: i64 = 5_000;

struct Writer<'a> {
    samples: &'a Samples,
    text: String,
}

impl Writer<'_> {
    /// Puts one series into the store and into the text; the name's family must be declared before.
    fn series(&mut self, name: &str, pairs: &[(&str, String)], points: &[(i64, f64)]) {
        let labels = Labels::new(pairs.iter().map(|(name, value)| ((*name).into(), value.as_str().into())));
        let id = self.samples.series(&labels.with(NAME, name));
        let shown: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        for &(t, v) in points {
            self.samples.append(t, &[(id, v)]);
            writeln!(
                self.text,
                "{name}{{{}}} {} {}.{:03}",
                shown.join(","),
                super::number(v),
                t / 1000,
                t % 1000
            )
            .unwrap();
        }
    }

    fn family(&mut self, name: &str, kind: &str) {
        writeln!(self.text, "# TYPE {name} {kind}").unwrap();
    }
}

/// When a series was sampled: its own jitter, and a gap for some.
fn times(random: &mut ChaCha8Rng, gap: bool, late: bool) -> Vec<i64> {
    let jitter = random.random_range(0..3000);
    (0..=(END_MS - START_MS - 3000) / STEP_MS)
        .map(|at| START_MS + at * STEP_MS + jitter + random.random_range(0..15))
        .filter(|t| !gap || !(700_000..1_300_000).contains(&(t - START_MS)))
        .filter(|t| !late || t - START_MS > 1_900_000)
        .collect()
}

/// A counter along the times: bursts, pauses, and perhaps restarts.
fn counter(random: &mut ChaCha8Rng, times: &[i64], restarts: bool) -> Vec<(i64, f64)> {
    let mut value = f64::from(random.random_range(0_u32..500));
    times
        .iter()
        .map(|&t| {
            if restarts && random.random_range(0..60) == 0 {
                value = 0.0;
            }
            value += f64::from(random.random_range(0_u32..40).saturating_sub(10));
            (t, value)
        })
        .collect()
}

/// The labels of one edge of a small mesh, as one side reports it.
fn edge(reporter: &str, from: &str, to: &str, version: &str, code: &str) -> Vec<(&'static str, String)> {
    let unknown = to == "unknown";
    let workload = if unknown { "unknown".to_owned() } else { format!("{to}-{version}") };
    let namespace = if unknown { "unknown" } else { "bookinfo" };
    let security = if reporter == "source" { "unknown" } else { "mutual_tls" };
    vec![
        ("reporter", reporter.to_owned()),
        ("source_workload", format!("{from}-v1")),
        ("source_canonical_service", from.to_owned()),
        ("source_canonical_revision", "v1".to_owned()),
        ("source_workload_namespace", if from == "gateway" { "istio-system" } else { "bookinfo" }.to_owned()),
        ("source_principal", format!("spiffe://cluster.local/ns/bookinfo/sa/{from}")),
        ("source_cluster", "Kubernetes".to_owned()),
        ("destination_workload", workload),
        ("destination_workload_namespace", namespace.to_owned()),
        ("destination_principal", format!("spiffe://cluster.local/ns/bookinfo/sa/{to}")),
        (
            "destination_service",
            format!("{}.bookinfo.svc.cluster.local", if unknown { "reviews" } else { to }),
        ),
        ("destination_service_name", if unknown { "reviews" } else { to }.to_owned()),
        ("destination_service_namespace", "bookinfo".to_owned()),
        ("destination_canonical_service", to.to_owned()),
        ("destination_canonical_revision", version.to_owned()),
        ("destination_cluster", "Kubernetes".to_owned()),
        ("request_protocol", "http".to_owned()),
        ("response_code", code.to_owned()),
        ("response_flags", if code == "503" { "UH" } else { "-" }.to_owned()),
        ("connection_security_policy", security.to_owned()),
    ]
}

/// Fills the store and returns the same samples as OpenMetrics text.
pub(super) fn fill(samples: &Samples) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let mut out = Writer { samples, text: String::new() };
    let mut edges = Vec::new();
    for reporter in ["source", "destination"] {
        for (from, to, version) in [
            ("gateway", "productpage", "v1"),
            ("productpage", "details", "v1"),
            ("productpage", "reviews", "v1"),
            ("productpage", "reviews", "v2"),
            ("reviews", "ratings", "v1"),
        ] {
            edges.push(edge(reporter, from, to, version, "200"));
        }
        edges.push(edge(reporter, "productpage", "reviews", "v2", "503"));
    }
    edges.push(edge("source", "gateway", "unknown", "latest", "503"));
    out.family("istio_requests", "counter");
    for (at, labels) in edges.iter().enumerate() {
        let times = times(&mut random, at % 5 == 2, at % 6 == 5);
        out.series("istio_requests_total", labels, &counter(&mut random, &times, at % 4 == 1));
    }
    for family in ["istio_tcp_sent_bytes", "istio_tcp_received_bytes"] {
        out.family(family, "counter");
        for labels in &edges[..4] {
            let labels: Vec<_> =
                labels.iter().filter(|(name, _)| *name != "response_code").cloned().collect();
            let times = times(&mut random, false, false);
            out.series(&format!("{family}_total"), &labels, &counter(&mut random, &times, false));
        }
    }
    histograms(&mut out, &mut random, &edges);
    gauges(&mut out, &mut random);
    out.text.push_str("# EOF\n");
    out.text
}

fn histograms(out: &mut Writer<'_>, random: &mut ChaCha8Rng, edges: &[Vec<(&'static str, String)>]) {
    const NAME: &str = "istio_request_duration_milliseconds";
    // As untyped: the text's histograms would have to stand sample by sample.
    for suffix in ["_bucket", "_sum", "_count"] {
        out.family(&format!("{NAME}{suffix}"), "unknown");
        let mut random = random.clone();
        for labels in edges.iter().take(8) {
            let times = times(&mut random, false, false);
            let mut counts = [0.0; BOUNDS.len() + 1];
            let mut sum = 0.0;
            let mut points = vec![Vec::new(); counts.len() + 2];
            for t in times {
                for _ in 0..random.random_range(0..6) {
                    let value =
                        f64::from(random.random_range(0_u32..4000)).powf(random.random_range(0.4..1.1));
                    counts
                        .iter_mut()
                        .zip(BOUNDS.iter().chain([&f64::INFINITY]))
                        .filter(|(_, bound)| value <= **bound)
                        .for_each(|(count, _)| *count += 1.0);
                    sum += value;
                }
                counts.iter().enumerate().for_each(|(at, count)| points[at].push((t, *count)));
                points[counts.len()].push((t, sum));
                points[counts.len() + 1].push((t, counts[BOUNDS.len()]));
            }
            match suffix {
                "_bucket" => {
                    for (at, bound) in BOUNDS.iter().chain([&f64::INFINITY]).enumerate() {
                        let mut labels = labels.clone();
                        labels.push(("le", super::number(*bound)));
                        out.series(&format!("{NAME}_bucket"), &labels, &points[at]);
                    }
                }
                "_sum" => out.series(&format!("{NAME}_sum"), labels, &points[counts.len()]),
                _ => out.series(&format!("{NAME}_count"), labels, &points[counts.len() + 1]),
            }
        }
    }
}

fn gauges(out: &mut Writer<'_>, random: &mut ChaCha8Rng) {
    out.family("load", "gauge");
    for (at, (zone, pod)) in
        [("a", "p0"), ("a", "p1"), ("b", "p2"), ("b", "p3"), ("c", "p4"), ("c", "p5")].into_iter().enumerate()
    {
        let points: Vec<(i64, f64)> = times(random, at == 2, at == 3)
            .into_iter()
            .map(|t| {
                let value = match (at, random.random_range(0..30)) {
                    (4, 0) => f64::NAN,
                    (4, 1) => f64::INFINITY,
                    (5, 0) => f64::NEG_INFINITY,
                    _ => random.random_range(-50.0..150.0),
                };
                (t, value)
            })
            .collect();
        out.series(
            "load",
            &[("zone", zone.to_owned()), ("pod", pod.to_owned()), ("index", at.to_string())],
            &points,
        );
    }
    out.family("limit", "gauge");
    for (at, zone) in ["a", "b", "d"].into_iter().enumerate() {
        let points: Vec<(i64, f64)> =
            times(random, false, false).into_iter().map(|t| (t, 100.0 * (at + 1) as f64)).collect();
        out.series("limit", &[("zone", zone.to_owned()), ("tier", format!("t{at}"))], &points);
    }
}
