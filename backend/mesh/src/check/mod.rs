//! What is wrong with a mesh's configuration: what Istio accepts and what does nothing, breaks calls, or lets
//! in more than it says.
//!
//! A check is a row of a table: its name, the codes by which Kiali and istioctl know it, how bad it is, what it
//! finds, why that matters and what to do. A family of checks is a file. Nothing is judged on what is not seen:
//! a check whose kinds are partly hidden is named among those that were not made.

mod balance;
mod entries;
pub mod files;
mod filters;
mod gateway_routes;
mod gateways;
mod injection;
mod order;
mod policies;
pub mod report;
mod routes;
mod scope;
mod services;
mod sidecars;
mod subsets;
mod telemetry;
mod world;
mod written;

pub use world::World;

use crate::{Kind, Problem, Ref};
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Calls fail, or it can never do what it says.
    Error,
    /// It does something else than it looks like, or nothing.
    Warning,
    /// Worth to know.
    Info,
}

impl Severity {
    /// "error".
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One thing that is looked for.
#[derive(Debug)]
pub struct Check {
    /// Its name, which stays: "HostNotFound".
    pub name: &'static str,
    /// Codes of istioctl (IST…) and Kiali (KIA…) that say the same.
    pub codes: &'static [&'static str],
    /// How bad it is, unless a finding says otherwise.
    pub severity: Severity,
    /// What it finds, in a sentence.
    pub what: &'static str,
    /// Why that matters.
    pub why: &'static str,
    /// What to do.
    pub next: &'static str,
    /// The kinds that have to be seen whole, or nothing can be said.
    pub reads: &'static [&'static Kind],
    look: fn(&World<'_>, &mut Found),
}

impl PartialEq for Check {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What was looked for.
    pub check: &'static Check,
    /// How bad it is here.
    pub severity: Severity,
    /// The object that is to be mended.
    pub at: Ref,
    /// Where in it: `spec.http[0].route[1].destination.host`; "" for the whole object.
    pub path: String,
    /// What it is, in a sentence with the names.
    pub what: String,
}

/// A check that was not made, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct NotMade {
    /// Which.
    pub check: &'static Check,
    /// What of the mesh is not seen.
    pub why: Problem,
}

/// All that was found, the worst first, and what was not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// What is wrong: by severity, object and place.
    pub findings: Vec<Finding>,
    /// Checks that could not be made.
    pub not_made: Vec<NotMade>,
}

/// What a check finds.
pub(crate) struct Found {
    check: &'static Check,
    all: Vec<Finding>,
    unknown: Option<Problem>,
}

impl Found {
    /// Here is one.
    fn add(&mut self, at: &Ref, path: impl Into<String>, what: impl Into<String>) {
        self.add_as(self.check.severity, at, path, what);
    }

    /// It cannot be looked for.
    fn unknown(&mut self, why: Option<&Problem>) {
        self.unknown = why.cloned();
    }

    /// Here is one that is as bad as this.
    fn add_as(&mut self, severity: Severity, at: &Ref, path: impl Into<String>, what: impl Into<String>) {
        let (check, at) = (self.check, at.clone());
        self.all.push(Finding { check, severity, at, path: path.into(), what: what.into() });
    }
}

/// Every check, in the order of the manual.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    [
        files::CHECKS,
        written::CHECKS,
        routes::CHECKS,
        order::CHECKS,
        balance::CHECKS,
        subsets::CHECKS,
        gateways::CHECKS,
        gateway_routes::CHECKS,
        entries::CHECKS,
        sidecars::CHECKS,
        policies::CHECKS,
        scope::CHECKS,
        services::CHECKS,
        injection::CHECKS,
        telemetry::CHECKS,
        filters::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// The check of this name, in any case, or with this code.
pub fn named(name: &str) -> Option<&'static Check> {
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    checks()
        .find(|check| is(check.name))
        .or_else(|| checks().find(|check| check.codes.iter().any(|code| is(code))))
}

/// Looks for everything.
pub fn judge(world: &World<'_>) -> Judged {
    let mut judged = Judged::default();
    for check in checks() {
        if let Some(why) = check.reads.iter().find_map(|kind| world.unseen(kind)) {
            judged.not_made.push(NotMade { check, why });
            continue;
        }
        let mut found = Found { check, all: Vec::new(), unknown: None };
        (check.look)(world, &mut found);
        judged.not_made.extend(found.unknown.map(|why| NotMade { check, why }));
        judged.findings.append(&mut found.all);
    }
    judged.findings.sort_by(|one, other| {
        let key = |finding: &Finding| {
            (finding.severity, finding.at.clone(), finding.path.clone(), finding.check.name)
        };
        key(one).cmp(&key(other))
    });
    judged.findings.dedup();
    judged
}

#[cfg(test)]
mod tests;
