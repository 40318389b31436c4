//! What is refused although it fits its schema: by istiod's webhook, whose rules are [`istio::validation`]'s;
//! because this mesh cannot [carry it out](envoy_filter); and by Kubernetes itself in its [own
//! kinds](built_in).

pub(crate) mod built_in;
mod envoy_filter;

use std::fmt;

use istio::validation::{Severity, validate};
use serde_json::Value;

use crate::kinds::Kind;

/// Why an object is refused; istiod writes several reasons under each other.
#[derive(Debug)]
pub(crate) struct Refused(Vec<String>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => f.write_str(only),
            many => {
                let lines: Vec<String> = many.iter().map(|words| format!("\t* {words}")).collect();
                write!(f, "{} errors occurred:\n{}\n\n", many.len(), lines.join("\n"))
            }
        }
    }
}

/// What is warned of.
pub(crate) fn check(kind: &Kind, object: &Value) -> Result<Vec<String>, Refused> {
    let (mut refused, mut warned) = (Vec::new(), Vec::new());
    for finding in validate(&kind.group, &kind.kind, object) {
        let into = if finding.severity == Severity::Error { &mut refused } else { &mut warned };
        let words = finding.to_string();
        if !into.contains(&words) {
            into.push(words);
        }
    }
    if kind.kind == "EnvoyFilter" {
        refused.extend(envoy_filter::limits(object));
    }
    if refused.is_empty() { Ok(warned) } else { Err(Refused(refused)) }
}

#[cfg(test)]
mod tests;
