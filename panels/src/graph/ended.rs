//! How calls of an edge ended, in a few letters.

use crate::kit::fmt;
use mesh::graph::Edge;
use mesh::health::{End, end};
use std::collections::BTreeMap;

/// "12 % 503".
pub(super) fn said(edge: &Edge, how: End, percent: f64) -> Option<String> {
    (percent > 0.0).then(|| {
        let (code, percent) = (worst_code(edge, how), fmt::percent(percent));
        if code.is_empty() { percent } else { format!("{percent} {code}") }
    })
}

/// Percentage of calls that were refused.
pub(super) fn refused(edge: &Edge) -> f64 {
    let of = |(code, flags): (&String, &BTreeMap<String, f64>)| -> f64 {
        let refused = flags.iter().filter(|(flags, _)| end(edge.protocol, code, flags) == End::Refused);
        refused.map(|(_, rate)| rate).sum()
    };
    edge.responses.iter().map(of).sum::<f64>() / edge.rps.max(f64::EPSILON) * 100.0
}

/// The response with which most ended so: "503", or its flags when there was no code.
fn worst_code(edge: &Edge, how: End) -> String {
    let mut worst: (f64, String) = (0.0, String::new());
    for (code, flags) in &edge.responses {
        let failed = flags.iter().filter(|(flags, _)| end(edge.protocol, code, flags) == how);
        let rate: f64 = failed.clone().map(|(_, rate)| rate).sum();
        if rate > worst.0 {
            let flag = failed.max_by(|a, b| a.1.total_cmp(b.1)).map_or("", |(flag, _)| flag.as_str());
            let answered = !matches!(code.as_str(), "-" | "0" | "");
            worst = (rate, if answered { code.clone() } else { flag.trim_matches('-').to_owned() });
        }
    }
    worst.1
}
