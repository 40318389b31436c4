//! One edge as it is drawn: its way, width and words.

use super::ended::{refused, said};
use super::pill::{Labels, bytes};
use super::route::Curve;
use crate::kit::{Status, fmt};
use mesh::graph::{Edge, Health};
use mesh::health::End;
use mesh::traffic::Protocol;

/// An edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Index of the caller's card.
    pub from: usize,
    /// Index of the called card.
    pub to: usize,
    /// For screen readers: "edge productpage to reviews v3".
    pub name: String,
    /// Health of the calls.
    pub status: Status,
    /// How its ends talk.
    pub protocol: Protocol,
    /// Whether it is TCP.
    pub tcp: bool,
    /// Its way.
    pub curve: Curve,
    /// Width in points at 100 %, by the logarithm of the rate.
    pub width: f32,
    /// Requests per second.
    pub rate: f64,
    /// What its pill says: in one line, in more, then less of it. Empty: no pill.
    pub labels: Vec<String>,
    /// Whether all its calls are over mutual TLS.
    pub locked: bool,
    /// How much its pill matters against others.
    pub weight: f32,
    /// Whether it matches what is searched for.
    pub found: bool,
    /// Rows of its tooltip.
    pub facts: Vec<(String, String)>,
}

/// A node's health as the kit draws it.
pub fn status(health: Health) -> Status {
    match health {
        Health::Idle => Status::Idle,
        Health::Healthy => Status::Healthy,
        Health::Degraded => Status::Degraded,
        Health::Failing => Status::Failing,
    }
}

/// The line of an edge between two cards; `made` are all requests of its caller.
pub(super) fn line(
    edge: &Edge,
    (from, to): (usize, usize),
    [caller, called]: [&str; 2],
    curve: Curve,
    (labels, made): (Labels, f64),
    found: bool,
) -> Line {
    let tcp = edge.protocol == Protocol::Tcp;
    let locked = edge.mtls_percent.is_some_and(|percent| percent >= 99.95);
    let flow = if tcp { edge.bytes } else { edge.rps };
    let rate = if tcp { fmt::bytes_per_s(edge.bytes) } else { fmt::rps(edge.rps) };
    let errors = said(edge, End::Failed, edge.error_percent);
    // What makes an edge red stands at it, also where the caller is to blame.
    let refused = said(edge, End::Refused, refused(edge)).filter(|_| edge.health > Health::Healthy);
    let wrong = errors.clone().or_else(|| refused.clone());
    let parts = labels.parts(edge, made, &rate, wrong.as_ref());
    // In one line, in two, one below the other, and the one fact that matters most.
    let mut texts = Vec::new();
    if flow > 0.0 && !parts.is_empty() {
        texts.push(parts.join(" · "));
        if let [first, rest @ ..] = &parts[..]
            && !rest.is_empty()
        {
            texts.push(format!("{first}\n{}", rest.join(" · ")));
            texts.extend((rest.len() > 1).then(|| parts.join("\n")));
            texts.extend(wrong.filter(|_| labels.errors).or_else(|| parts.first().cloned()));
        }
    }
    let health = status(edge.health).word().to_owned();
    let mut facts = vec![
        ("Health".to_owned(), health),
        ("Protocol".to_owned(), edge.protocol.name().to_uppercase()),
        ("Rate".to_owned(), rate),
    ];
    if !tcp {
        facts.push(("Errors".to_owned(), errors.unwrap_or_else(|| fmt::percent(0.0))));
        facts.extend(refused.map(|refused| ("Refused".to_owned(), refused)));
        for (name, value) in [("p50", edge.p50_ms), ("p95", edge.p95_ms), ("p99", edge.p99_ms)] {
            facts.extend(value.map(|value| (name.to_owned(), fmt::latency(value))));
        }
    }
    if flow > 0.0 {
        facts.push(("Sent".to_owned(), bytes(edge.sent_bytes_per_s)));
        facts.push(("Received".to_owned(), bytes(edge.received_bytes_per_s)));
    }
    facts.push(("Mutual TLS".to_owned(), edge.mtls_percent.map_or("unknown".to_owned(), fmt::percent)));
    let scaled = if tcp { flow / 1000.0 } else { flow };
    Line {
        from,
        to,
        name: format!("edge {caller} to {called}"),
        status: status(edge.health),
        protocol: edge.protocol,
        tcp,
        curve,
        width: 1.3 + 0.8 * (1.0 + scaled).log10() as f32,
        rate: scaled,
        labels: texts,
        locked: locked && labels.mtls,
        weight: edge.error_percent as f32 * 10.0 + (1.0 + scaled).log10() as f32,
        found,
        facts,
    }
}
