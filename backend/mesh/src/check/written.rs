//! Checks of an object by itself: what istiod refuses or warns of.

use super::fix::Fix;
use super::{Check, Found, Look, Severity, World};
use crate::{KINDS, Ref};
use istio::validation::{self, validate};
use serde_json::{Value, json};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "Invalid",
        codes: &["IST0106"],
        severity: Severity::Error,
        what: "An object breaks a rule of Istio's",
        why: "istiod refuses it when it is written; where its webhook was away then, it is left out or does harm.",
        next: "Correct the field that is named.",
        of: KINDS,
        reads: &[],
        look: Look::Each(|world, at, found| of_severity(world, at, validation::Severity::Error, found)),
    },
    Check {
        name: "Doubtful",
        codes: &["IST0133"],
        severity: Severity::Warning,
        what: "An object holds something that istiod takes, but warns of",
        why: "It does something else than it looks like, or nothing.",
        next: "Correct the field that is named, or take it out.",
        of: KINDS,
        reads: &[],
        look: Look::Each(|world, at, found| of_severity(world, at, validation::Severity::Warning, found)),
    },
    Check {
        name: "Unreadable",
        codes: &[],
        severity: Severity::Error,
        what: "A field of an object has another type than Istio's schema gives it",
        why: "istiod leaves the whole object out.",
        next: "Give the field the type that the schema asks for.",
        of: KINDS,
        reads: &[],
        look: Look::All(|world, found| {
            for (at, problem) in world.mesh.problems() {
                found.add(at, "", problem.why.clone());
            }
        }),
    },
];

/// Checks of their own say these with more in view.
const TOLD_BETTER: [&str; 3] = ["RuleUnreachable", "MatchIneffective", "DeniesAllBytes"];

fn of_severity(world: &World<'_>, at: &Ref, severity: validation::Severity, found: &mut Found) {
    let Some(object) = world.mesh.objects().get(at) else { return };
    for one in validate(at.kind.group, at.kind.kind, &object.0) {
        if one.severity == severity && !TOLD_BETTER.contains(&one.code) {
            found.mended(at, one.path.clone(), one.to_string(), fix(&one, &object.0));
        }
    }
}

/// How an old field is written now.
fn fix(finding: &validation::Finding, object: &Value) -> Option<Fix> {
    let (parent, _) = finding.path.rsplit_once('.')?;
    let value = object.pointer(&super::files::pointer(&finding.path))?;
    let renamed = |name: &str, value: Value| {
        let path = format!("{parent}.{name}");
        let free = object.pointer(&super::files::pointer(&path)).is_none();
        free.then(|| Fix::remove(format!("Write {name}"), &finding.path).and(&path, value))
    };
    match finding.code {
        "OldConsecutiveErrors" => renamed("consecutive5xxErrors", value.clone()),
        "OldMirrorPercent" => renamed("mirrorPercentage", json!({ "value": value })),
        "OldDelayPercent" => renamed("percentage", json!({ "value": value })),
        "LeastConn" => Some(Fix::set("Write LEAST_REQUEST", &finding.path, "LEAST_REQUEST")),
        _ => None,
    }
}
