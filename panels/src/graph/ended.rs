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
    let refused =
        edge.responses.iter().filter(|((code, flags), _)| end(edge.protocol, code, flags) == End::Refused);
    refused.map(|(_, rate)| rate).sum::<f64>() / edge.rps.max(f64::EPSILON) * 100.0
}

/// The response with which most ended so: "503", or its flags when there was no code.
fn worst_code(edge: &Edge, how: End) -> String {
    // Of each code: all of it, the most frequent flags with it, and how frequent they are.
    let mut codes: BTreeMap<&str, (f64, &str, f64)> = BTreeMap::new();
    for ((code, flags), rate) in &edge.responses {
        if end(edge.protocol, code, flags) == how {
            let (all, most, of_most) = codes.entry(code).or_default();
            *all += rate;
            if *rate >= *of_most {
                (*most, *of_most) = (flags, *rate);
            }
        }
    }
    let worst =
        codes.into_iter().rev().filter(|(_, (all, ..))| *all > 0.0).max_by(|a, b| a.1.0.total_cmp(&b.1.0));
    worst.map_or_else(String::new, |(code, (_, flags, _))| {
        let answered = !matches!(code, "-" | "0" | "");
        if answered { code.to_owned() } else { flags.trim_matches('-').to_owned() }
    })
}
