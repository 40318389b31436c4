//! Checks of an object by itself: what istiod refuses or warns of.

use super::{Check, Found, Severity, World};
use istio::validation::{self, validate};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "Invalid",
        codes: &["IST0106"],
        severity: Severity::Error,
        what: "An object breaks a rule of Istio's",
        why: "istiod refuses it when it is written; where its webhook was away then, it is left out or does harm.",
        next: "Correct the field that is named.",
        reads: &[],
        look: |world, found| of_severity(world, validation::Severity::Error, found),
    },
    Check {
        name: "Doubtful",
        codes: &["IST0133"],
        severity: Severity::Warning,
        what: "An object holds something that istiod takes, but warns of",
        why: "It does something else than it looks like, or nothing.",
        next: "Correct the field that is named, or take it out.",
        reads: &[],
        look: |world, found| of_severity(world, validation::Severity::Warning, found),
    },
    Check {
        name: "Unreadable",
        codes: &[],
        severity: Severity::Error,
        what: "A field of an object has another type than Istio's schema gives it",
        why: "istiod leaves the whole object out.",
        next: "Give the field the type that the schema asks for.",
        reads: &[],
        look: |world, found| {
            for (at, problem) in world.mesh.problems() {
                found.add(at, "", problem.why.clone());
            }
        },
    },
];

/// Checks of their own say these with more in view.
const TOLD_BETTER: [&str; 2] = ["RuleUnreachable", "MatchIneffective"];

fn of_severity(world: &World<'_>, severity: validation::Severity, found: &mut Found) {
    for (at, object) in world.mesh.objects().iter() {
        for one in validate(at.kind.group, at.kind.kind, &object.0) {
            if one.severity == severity && !TOLD_BETTER.contains(&one.code) {
                found.add(at, one.path.clone(), one.to_string());
            }
        }
    }
}
